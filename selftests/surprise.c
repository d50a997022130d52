// SPDX-License-Identifier: GPL-2.0
/*
 * Surprise removal: sysfs unbinds the driver of a kernel half that floods its subscribers while
 * clients sleep in it, ask it, map it, and come and go. Each of them is told, nobody hangs, and
 * other devices do not notice. The halves that ship have no driver to unbind: processes and a
 * generator are no hardware. So this takes one that is made for it.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "modules/unplug.h"
#include "query.h"
#include "util.h"

#define DEVICE	"unplug"
#define SYSFS	"/sys/bus/" UNPLUG_BUS "/drivers/" UNPLUG_DRIVER "/"
#define RING	(64 * 1024)
#define ROUNDS	12
/* Seconds until whoever was not told is given up. */
#define SLEEP	20

struct client {
	pthread_t thread;
	pid_t tid;
	int fd;
	struct consumer consumer;
	int result;
	int error;
	uint64_t received;
	uint64_t lost;
};

/* ---- Clients: each returns once the device is gone ---- */

static void ended(struct client *client, int result)
{
	client->error = errno;
	client->result = result;
}

static long control(int fd, uint32_t code)
{
	uint32_t in = code, out = 0;
	struct tandem_device_control args = {
		.code = code,
		.in_len = sizeof(in),
		.in = (uintptr_t)&in,
		.out_len = sizeof(out),
		.out = (uintptr_t)&out,
	};

	return ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, &args);
}

static void *asks(void *data)
{
	struct client *client = data;
	int result;

	while (!(result = control(client->fd, UNPLUG_ECHO)))
		;
	ended(client, result);
	return NULL;
}

static void *sleeps_in_control(void *data)
{
	struct client *client = data;

	__atomic_store_n(&client->tid, gettid(), __ATOMIC_RELEASE);
	ended(client, control(client->fd, UNPLUG_SLEEP));
	return NULL;
}

static void *sleeps_in_read(void *data)
{
	struct client *client = data;
	char byte;

	__atomic_store_n(&client->tid, gettid(), __ATOMIC_RELEASE);
	ended(client, read(client->fd, &byte, 1));
	return NULL;
}

static void *sleeps_in_poll(void *data)
{
	struct client *client = data;
	struct pollfd ready = { .fd = client->fd, .events = POLLIN };

	__atomic_store_n(&client->tid, gettid(), __ATOMIC_RELEASE);
	ended(client, poll(&ready, 1, deadline_left(deadline_in(SLEEP))) == 1 ? ready.revents : 0);
	return NULL;
}

static void *comes_and_goes(void *data)
{
	struct client *client = data;
	int fd;

	while ((fd = open_node(DEVICE, O_RDWR)) >= 0)
		close(fd);
	errno = -fd;
	ended(client, -1);
	return NULL;
}

static void *subscribes(void *data)
{
	struct tandem_subscribe args = { .ring_size = RING };
	struct client *client = data;
	int fd;

	while ((fd = subscribe(client->fd, &args)) >= 0)
		close(fd);
	errno = -fd;
	ended(client, -1);
	return NULL;
}

/* Counts what a subscription's read() gives, until the end. */
static void *reads_events(void *data)
{
	static __thread uint8_t buffer[16 * 1024] __attribute__((aligned(8)));
	struct client *client = data;
	ssize_t len, pos;

	while ((len = read(client->fd, buffer, sizeof(buffer))) > 0)
		for (pos = 0; pos < len;) {
			const struct tandem_record *record = (void *)(buffer + pos);

			client->received++;
			client->lost += record->lost_before;
			pos += TANDEM_RECORD_STRIDE(record->len);
		}
	ended(client, len);
	return NULL;
}

static void *maps_events(void *data)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct client *client = data;
	int epoll = epoll_create1(EPOLL_CLOEXEC), result = 0;

	epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
	while (!(result & EPOLLHUP)) {
		if (epoll_wait(epoll, &event, 1, deadline_left(deadline_in(SLEEP))) != 1)
			break;
		result = event.events;
		client->received += consumer_drain(&client->consumer, NULL, NULL);
	}
	client->received += consumer_drain(&client->consumer, NULL, NULL);
	client->lost = consumer_lost_records(&client->consumer);
	ended(client, result);
	close(epoll);
	return NULL;
}

enum kind {
	ASKS, SLEEPS_IN_CONTROL, SLEEPS_IN_READ, SLEEPS_IN_POLL, COMES_AND_GOES, SUBSCRIBES,
	READS_EVENTS, MAPS_EVENTS, KINDS
};

static const struct {
	const char *name;
	void *(*run)(void *client);
	bool sleeps;
	int result;
	int error;
} kinds[KINDS] = {
	[ASKS] = { "asks", asks, false, -1, ENODEV },
	[SLEEPS_IN_CONTROL] = { "sleeps in a control", sleeps_in_control, true, -1, ENODEV },
	[SLEEPS_IN_READ] = { "sleeps in read", sleeps_in_read, true, -1, ENODEV },
	[SLEEPS_IN_POLL] = { "sleeps in poll", sleeps_in_poll, true, POLLHUP | POLLERR, 0 },
	/* Until the node is gone, or its driver while it is still there. */
	[COMES_AND_GOES] = { "comes and goes", comes_and_goes, false, -1, 0 },
	[SUBSCRIBES] = { "subscribes", subscribes, false, -1, ENODEV },
	[READS_EVENTS] = { "reads events", reads_events, false, 0, 0 },
	[MAPS_EVENTS] = { "maps events", maps_events, false, EPOLLIN | EPOLLHUP, 0 },
};

/* ---- The device ---- */

FIXTURE(surprise)
{
	struct client client[KINDS];
	struct consumer bystander;
	struct query query;
	int gen;
};

FIXTURE_SETUP(surprise)
{
	ASSERT_EQ(0, load_module("tandem_unplug"));
	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	ASSERT_EQ(0, consumer_open(&self->bystander, "gen", 1024 * 1024));
	ASSERT_EQ(0, query_open(&self->query));
}

FIXTURE_TEARDOWN(surprise)
{
	query_close(&self->query);
	consumer_close(&self->bystander);
	close(self->gen);
	EXPECT_EQ(0, unload_module("tandem_unplug"));
}

static void *unbind(void *data)
{
	struct client *driver = data;

	driver->result = write_word(SYSFS "unbind", UNPLUG_DEVICE);
	return NULL;
}

/* Whoever has the hardware's memory mapped. */
static pid_t start_mapper(int node)
{
	pid_t pid = fork();
	char *bytes;

	if (pid)
		return pid;
	bytes = mmap(NULL, UNPLUG_SECTION, PROT_READ | PROT_WRITE, MAP_SHARED, node, 0);
	if (bytes == MAP_FAILED)
		_exit(1);
	for (;;)
		__atomic_fetch_add(&bytes[UNPLUG_SECTION / 2], 1, __ATOMIC_RELAXED);
}

static uint64_t flood_posted(void)
{
	uint64_t posted = 0;

	read_number("/sys/module/tandem_unplug/parameters/posted", &posted);
	return posted;
}

/* Everybody is at it, and the rings have overflowed at least once or nearly so. */
static bool wait_flood(struct client *client)
{
	const uint64_t deadline = deadline_in(SLEEP);
	unsigned int i;

	for (i = 0; i < KINDS; i++)
		if (kinds[i].sleeps && !thread_asleep(&client[i].tid))
			return false;
	while (flood_posted() < test_load(20000))
		if (deadline_passed(deadline))
			return false;
	return true;
}

static bool open_clients(struct client *client)
{
	struct tandem_subscribe args = { .ring_size = RING };
	unsigned int i;

	memset(client, 0, KINDS * sizeof(*client));
	for (i = 0; i < KINDS; i++) {
		client[i].fd = open_node(DEVICE, O_RDWR);
		if (client[i].fd < 0)
			return false;
	}
	if (consumer_open_args(&client[MAPS_EVENTS].consumer, client[MAPS_EVENTS].fd, &args))
		return false;
	close(client[MAPS_EVENTS].fd);
	client[MAPS_EVENTS].fd = client[MAPS_EVENTS].consumer.fd;
	i = client[READS_EVENTS].fd;
	client[READS_EVENTS].fd = subscribe(i, &args);
	close(i);
	return client[READS_EVENTS].fd >= 0;
}

static void close_clients(struct client *client)
{
	unsigned int i;

	consumer_unmap(&client[MAPS_EVENTS].consumer);
	for (i = 0; i < KINDS; i++)
		close(client[i].fd);
}

TEST_F(surprise, under_load)
{
	const unsigned int rounds = test_load(ROUNDS);
	struct tandem_gen_start start;
	static struct gen_check check;
	int subscriptions;
	unsigned int round;

	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_HARDIRQ);
	start.rate = 1000;
	ASSERT_EQ(0, gen_start(self->gen, &start));
	gen_check_init(&check, &start);
	subscriptions = query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL);
	for (round = 0; round < rounds; round++) {
		struct client *client = self->client, driver = { .result = -EINPROGRESS };
		char byte;
		unsigned int i;
		pid_t mapper;
		uint64_t posted;

		ASSERT_TRUE(open_clients(client));
		mapper = start_mapper(client[ASKS].fd);
		for (i = 0; i < KINDS; i++)
			ASSERT_EQ(0, pthread_create(&client[i].thread, NULL, kinds[i].run,
						    &client[i]));
		ASSERT_EQ(0, control(client[ASKS].fd, UNPLUG_FLOOD));
		EXPECT_TRUE(wait_flood(client));
		ASSERT_EQ(0, pthread_create(&driver.thread, NULL, unbind, &driver));
		ASSERT_EQ(0, thread_join(driver.thread, SLEEP));
		EXPECT_EQ(0, driver.result);
		for (i = 0; i < KINDS; i++) {
			ASSERT_EQ(0, thread_join(client[i].thread, SLEEP)) {
				TH_LOG("who %s was not told", kinds[i].name);
			}
			EXPECT_EQ(kinds[i].result, client[i].result) {
				TH_LOG("who %s", kinds[i].name);
			}
			if (kinds[i].error)
				EXPECT_EQ(kinds[i].error, client[i].error) {
					TH_LOG("who %s", kinds[i].name);
				}
		}
		EXPECT_EQ(SIGBUS, wait_child(mapper, deadline_in(SLEEP)) & 0x7f);

		/* Each event came, or is told to be lost. */
		posted = flood_posted();
		EXPECT_EQ(NULL, client[MAPS_EVENTS].consumer.error);
		EXPECT_EQ(posted, client[MAPS_EVENTS].received + client[MAPS_EVENTS].lost);
		EXPECT_EQ(TANDEM_RING_GONE, client[MAPS_EVENTS].consumer.ring[0].producer->state);
		EXPECT_GE(posted, client[READS_EVENTS].received + client[READS_EVENTS].lost);
		EXPECT_LT(0, client[READS_EVENTS].received);

		/* The next one has the same name, and nothing to do with the old files. */
		ASSERT_EQ(-ENOENT, open_node(DEVICE, O_RDWR));
		ASSERT_EQ(0, write_word(SYSFS "bind", UNPLUG_DEVICE));
		EXPECT_EQ(-1, control(client[ASKS].fd, UNPLUG_ECHO));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(-1, read(client[ASKS].fd, &byte, 1));
		EXPECT_EQ(ENODEV, errno);
		EXPECT_EQ(0, read(client[READS_EVENTS].fd, &byte, 1));
		EXPECT_EQ(MAP_FAILED, mmap(NULL, UNPLUG_SECTION, PROT_READ, MAP_SHARED,
					   client[ASKS].fd, 0));
		EXPECT_EQ(ENODEV, errno);
		/* What is closed may be closed before its device is there again, or after. */
		close_clients(client);
		EXPECT_EQ(subscriptions,
			  query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL));
		consumer_drain(&self->bystander, gen_check_record, &check);
	}
	ASSERT_EQ(0, gen_stop(self->gen));
	consumer_drain(&self->bystander, gen_check_record, &check);
	EXPECT_EQ(NULL, self->bystander.error);
	EXPECT_EQ(gen_posted(self->gen),
		  check.received + consumer_lost_records(&self->bystander));
}

/* Nothing needs to be closed for the hardware to go, and the module goes when it is. */
TEST_F(surprise, outlived)
{
	struct consumer consumer;
	int node = open_node(DEVICE, O_RDWR);
	void *bytes;

	ASSERT_LE(0, node);
	bytes = mmap(NULL, UNPLUG_SECTION, PROT_READ, MAP_SHARED, node, 0);
	ASSERT_NE(MAP_FAILED, bytes);
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	EXPECT_EQ(0, write_word(SYSFS "unbind", UNPLUG_DEVICE));
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem_unplug"));
	close(node);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem_unplug"));
	consumer_close(&consumer);
	EXPECT_EQ(0, unload_module("tandem_unplug"));
	/* A mapping is memory's, not the half's. */
	EXPECT_EQ(0, munmap(bytes, UNPLUG_SECTION));
	EXPECT_EQ(0, load_module("tandem_unplug"));
}

TEST_HARNESS_MAIN
