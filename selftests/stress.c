// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, at random: processes that bind, subscribe, map, spoil, read, post, remove,
 * fork and are killed, while the generator posts. Those who stay out of it lose nothing untold.
 *
 * TIMEOUT=200
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "util.h"

#define SECONDS		30
#define KILLS		30
#define WORKERS		4
#define DEVICES		4
#define SLOTS		12
#define RING		(64 * 1024)
#define DURABLE		"t-stress"

enum kind { EMPTY, CONTROL, NODE, CONSUMER };

struct slot {
	enum kind kind;
	int fd;
	struct consumer consumer;
};

static void device_name(uint64_t random, char name[TANDEM_NAME_SIZE])
{
	unsigned int n = random % (DEVICES + 1);

	if (n == DEVICES)
		strcpy(name, "gen");
	else
		snprintf(name, TANDEM_NAME_SIZE, "t-stress-%u", n);
}

static void close_slot(struct slot *slot)
{
	if (slot->kind == CONSUMER)
		consumer_close(&slot->consumer);
	else if (slot->kind != EMPTY)
		close(slot->fd);
	slot->kind = EMPTY;
}

/* A consumer of some kind; a durable one that some other process may be attached to, or remove. */
static int open_consumer(struct consumer *consumer, const char *name, uint64_t random)
{
	struct tandem_subscribe args = {
		.ring_size = RING << random % 3,
		.flags = random >> 8 & (TANDEM_SUBSCRIBE_SHARED | TANDEM_SUBSCRIBE_NO_TIME),
	};

	if (random >> 16 & 1) {
		args = (struct tandem_subscribe){
			.ring_size = RING, .flags = TANDEM_SUBSCRIBE_DURABLE, .name = DURABLE };
	}
	return consumer_open_by(consumer, name, &args);
}

static void fill_slot(struct slot *slot, uint64_t *random)
{
	char name[TANDEM_NAME_SIZE];

	device_name(next_random(random), name);
	switch (next_random(random) % 4) {
	case 0:
		slot->fd = open_node("control", O_RDWR);
		slot->kind = slot->fd < 0 ? EMPTY : CONTROL;
		break;
	case 1:
		slot->fd = open_node(name, O_RDWR);
		slot->kind = slot->fd < 0 ? EMPTY : NODE;
		break;
	default:
		if (open_consumer(&slot->consumer, name, next_random(random)))
			break;
		slot->kind = CONSUMER;
		fcntl(slot->consumer.fd, F_SETFL, O_NONBLOCK);
	}
}

static void use_control(int fd, uint64_t *random)
{
	static const uint8_t data[9000];
	struct tandem_remove remove = { .flags = 0 };
	struct tandem_bind bind;
	unsigned int n;

	switch (next_random(random) % 4) {
	case 0:
		device_name(next_random(random), remove.name);
		ioctl(fd, TANDEM_IOC_REMOVE, &remove);
		break;
	case 1:
		bind_init(&bind, "");
		device_name(next_random(random), bind.name);
		bind.flags = TANDEM_BIND_CREATE;
		ioctl(fd, TANDEM_IOC_BIND, &bind);
		break;
	default:
		for (n = next_random(random) % 500; n; n--)
			post_event(fd, n, n % TANDEM_CLASSES, data,
				   next_random(random) % sizeof(data));
	}
}

static void use_node(int fd, uint64_t *random)
{
	struct tandem_device_control args = { .code = TANDEM_GEN_CODE_ECHO };
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint8_t buffer[256];

	if (!(next_random(random) % 4))
		unsubscribe(fd, DURABLE);
	args.in = (uintptr_t)buffer;
	args.in_len = next_random(random) % sizeof(buffer);
	ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, &args);
	poll(&ready, 1, 0);
}

static void use_consumer(struct consumer *consumer, uint64_t *random)
{
	struct ring *ring = &consumer->ring[next_random(random) % consumer->args.rings];
	struct pollfd ready = { .fd = consumer->fd, .events = POLLIN };
	static uint8_t buffer[TANDEM_RECORD_MAX];

	switch (next_random(random) % 8) {
	case 0:
		consumer_unmap(consumer);
		if (consumer_map(consumer))
			_exit(1);
		break;
	case 1:
		if (read(consumer->fd, buffer, next_random(random) % sizeof(buffer)) < 0)
			poll(&ready, 1, 0);
		ring->cons = ring->consumer->cons_pos;
		break;
	case 2:
		poll(&ready, 1, next_random(random) % 3);
		break;
	case 3:
		ring->consumer->wake_at = next_random(random);
		break;
	case 4:
		if (!(next_random(random) % 16))
			ring->consumer->cons_pos = next_random(random);
		break;
	default:
		/* It may read nonsense after what it wrote, but never outside of the ring. */
		consumer->error = NULL;
		consumer_drain(consumer, NULL, NULL);
	}
}

static void work(uint64_t seed)
{
	static struct slot slots[SLOTS];
	uint64_t random = seed;

	for (;;) {
		struct slot *slot = &slots[next_random(&random) % SLOTS];
		pid_t child;

		if (slot->kind == EMPTY)
			fill_slot(slot, &random);
		else if (!(next_random(&random) % 20))
			close_slot(slot);
		else if (slot->kind == CONTROL)
			use_control(slot->fd, &random);
		else if (slot->kind == NODE)
			use_node(slot->fd, &random);
		else
			use_consumer(&slot->consumer, &random);
		if (next_random(&random) % 200)
			continue;
		/* A child holds all of the fds for a while, and none of the mappings. */
		child = fork();
		if (!child) {
			for (child = next_random(&random) % 1000; child; child--)
				sched_yield();
			_exit(0);
		}
		if (child < 0 || (next_random(&random) % 2 && waitpid(child, NULL, 0) < 0))
			_exit(1);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

FIXTURE(stress)
{
	int gen;
	struct consumer mapped;
	int reader;
	struct query query;
	int subscriptions;
	pid_t worker[WORKERS];
	uint64_t seed;
};

FIXTURE_SETUP(stress)
{
	struct tandem_subscribe args = { .ring_size = 1024 * 1024 };

	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	ASSERT_EQ(0, consumer_open(&self->mapped, "gen", args.ring_size));
	self->reader = subscribe(self->gen, &args);
	ASSERT_LE(0, self->reader);
	ASSERT_EQ(0, fcntl(self->reader, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, query_open(&self->query));
	self->subscriptions = query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL);
	self->seed = now_ns() | 1;
	TH_LOG("seed %ju", (uintmax_t)self->seed);
}

FIXTURE_TEARDOWN(stress)
{
	query_close(&self->query);
	close(self->reader);
	consumer_close(&self->mapped);
	close(self->gen);
}

static pid_t start_worker(uint64_t *seed)
{
	uint64_t own = next_random(seed);
	pid_t pid = fork();

	if (!pid)
		work(own);
	return pid;
}

/* All that can be read. Return: NULL, or what is wrong. */
static const char *read_events(int fd, struct gen_check *check)
{
	static uint8_t buffer[256 * 1024] __attribute__((aligned(8)));
	const char *error = NULL;
	ssize_t len, pos;

	while (!error && (len = read(fd, buffer, sizeof(buffer))) > 0)
		for (pos = 0; pos < len && !error;) {
			const struct tandem_record *record = (void *)(buffer + pos);
			const struct tandem_gen_event *event = (void *)record->data;

			error = gen_check_event(check, event, record_payload(record), event->cpu);
			pos += TANDEM_RECORD_STRIDE(record->len);
		}
	return error;
}

/* What a reader lost, as its fdinfo says. */
static uint64_t reader_lost(int fd)
{
	char path[64], line[128];
	uintmax_t lost = UINTMAX_MAX;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "tandem-lost: %ju", &lost) == 1)
			break;
	if (file)
		fclose(file);
	return lost;
}

TEST_F(stress, survivors)
{
	const uint64_t length = test_load(SECONDS) * 1000000000ULL, end = now_ns() + length;
	uint64_t next_kill = now_ns() + length / KILLS;
	static struct gen_check check, read_check;
	struct tandem_gen_start start;
	const char *error = NULL;
	unsigned int i, killed = 0;
	char name[TANDEM_NAME_SIZE];
	uint64_t deadline;

	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_SOFTIRQ |
		 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK);
	start.rate = 500;
	start.size = 40;
	ASSERT_EQ(0, gen_start(self->gen, &start));
	gen_check_init(&check, &start);
	gen_check_init(&read_check, &start);
	for (i = 0; i < WORKERS; i++)
		self->worker[i] = start_worker(&self->seed);
	while (now_ns() < end && !error && !self->mapped.error) {
		struct pollfd ready = { .fd = self->mapped.fd, .events = POLLIN };

		ASSERT_EQ(1, poll(&ready, 1, deadline_left(deadline_in(20))));
		consumer_drain(&self->mapped, gen_check_record, &check);
		error = read_events(self->reader, &read_check);
		if (now_ns() < next_kill)
			continue;
		next_kill = now_ns() + length / KILLS;
		i = next_random(&self->seed) % WORKERS;
		ASSERT_EQ(0, kill(self->worker[i], SIGKILL));
		ASSERT_EQ(SIGKILL, wait_child(self->worker[i], deadline_in(20)));
		self->worker[i] = start_worker(&self->seed);
		killed++;
	}
	for (i = 0; i < WORKERS; i++) {
		ASSERT_EQ(0, kill(self->worker[i], SIGKILL));
		EXPECT_EQ(SIGKILL, wait_child(self->worker[i], deadline_in(20)));
	}
	ASSERT_EQ(0, gen_stop(self->gen));
	consumer_drain(&self->mapped, gen_check_record, &check);
	EXPECT_EQ(NULL, self->mapped.error) {
		TH_LOG("%s", self->mapped.error);
	}
	if (!error)
		error = read_events(self->reader, &read_check);
	EXPECT_EQ(NULL, error) {
		TH_LOG("%s", error);
	}
	EXPECT_EQ(gen_posted(self->gen),
		  check.received + consumer_lost_records(&self->mapped));
	EXPECT_LE(check.missing, consumer_lost_records(&self->mapped));
	EXPECT_EQ(gen_posted(self->gen), read_check.received + reader_lost(self->reader));
	EXPECT_LT(0, killed);
	TH_LOG("%ju events, %u killed", (uintmax_t)check.received, killed);

	unsubscribe(self->gen, DURABLE);
	for (i = 0; i < DEVICES; i++) {
		int node;

		snprintf(name, sizeof(name), "t-stress-%u", i);
		node = open_node(name, O_RDONLY);
		unsubscribe(node, DURABLE);
		close(node);
	}
	/* The workers' children may hold something a little longer. */
	deadline = deadline_in(20);
	while (query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL) > self->subscriptions) {
		ASSERT_FALSE(deadline_passed(deadline));
	}
	for (i = 0; i < DEVICES; i++) {
		int err;

		snprintf(name, sizeof(name), "t-stress-%u", i);
		do
			err = remove_device(name);
		while (err == -EBUSY && !deadline_passed(deadline));
		EXPECT_TRUE(!err || err == -ENOENT);
	}
}

TEST_HARNESS_MAIN
