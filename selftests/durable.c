// SPDX-License-Identifier: GPL-2.0
/*
 * Durable subscriptions: they outlive their consumer, gather on, and give the next one what the one
 * before has not released; and nothing of them stays once they are removed.
 *
 * TIMEOUT=60
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-durable"
#define NAME	"t-log"
#define ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define RING	(64 * 1024)

static const struct tandem_subscribe log_args = {
	.ring_size = RING, .flags = TANDEM_SUBSCRIBE_DURABLE, .name = NAME,
};

FIXTURE(durable)
{
	int server;
	int node;
	struct consumer consumer;
};

FIXTURE_SETUP(durable)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	ASSERT_EQ(0, self->consumer.args.attached);
}

FIXTURE_TEARDOWN(durable)
{
	unsubscribe(self->node, NAME);
	close(self->node);
	close(self->server);
	EXPECT_EQ(0, remove_device(DEVICE));
}

/* Events that count, from @first on. */
static int post_numbers(int server, uint64_t first, uint64_t count)
{
	int err = 0;

	for (; count-- && !err; first++)
		err = post_event(server, 1, TANDEM_CLASS_NORMAL, &first, sizeof(first));
	return err;
}

/* Takes the events of CPU 0's ring up to @count, without giving them back. Return: the last one. */
static uint64_t take(struct consumer *consumer, unsigned int count)
{
	const struct tandem_record *record = NULL;
	uint64_t number = ~0ULL;

	while (count-- && (record = ring_next(consumer, &consumer->ring[0])))
		memcpy(&number, record->data, sizeof(number));
	return number;
}

TEST_F(durable, survives_close)
{
	ASSERT_EQ(0, post_numbers(self->server, 0, 10));
	EXPECT_EQ(3, take(&self->consumer, 4));
	ring_release(&self->consumer.ring[0]);
	/* Taken, and not given back: the next one gets it again. */
	EXPECT_EQ(5, take(&self->consumer, 2));
	consumer_close(&self->consumer);
	ASSERT_EQ(0, post_numbers(self->server, 10, 10));
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	EXPECT_EQ(1, self->consumer.args.attached);
	EXPECT_EQ(sysconf(_SC_NPROCESSORS_CONF), self->consumer.args.rings);
	EXPECT_EQ(2UL * sysconf(_SC_PAGESIZE) + 2 * RING, self->consumer.args.map_size);
	EXPECT_EQ(4 * 24, self->consumer.ring[0].cons);
	EXPECT_EQ(20 * 24, ring_published(&self->consumer.ring[0]));
	EXPECT_EQ(4, take(&self->consumer, 1));
	EXPECT_EQ(19, take(&self->consumer, 100));
	ring_release(&self->consumer.ring[0]);
	consumer_close(&self->consumer);
}

/* What its ring could not take while nobody came is counted, and told to who comes. */
TEST_F(durable, loses_while_detached)
{
	const struct tandem_record *record;
	uint64_t lost;

	consumer_close(&self->consumer);
	ASSERT_EQ(0, post_numbers(self->server, 0, 3000));
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	lost = consumer_lost_records(&self->consumer);
	EXPECT_EQ(3000, consumer_drain(&self->consumer, NULL, NULL) + lost);
	ASSERT_EQ(0, post_numbers(self->server, 3000, 1));
	record = ring_next(&self->consumer, &self->consumer.ring[0]);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(lost, record->lost_before);
	consumer_close(&self->consumer);
}

struct progress {
	uint64_t released;
	uint64_t position;
	bool attached;
};

TEST_F(durable, survives_kill)
{
	const uint64_t deadline = deadline_in(20);
	struct progress *progress;
	uint64_t expected = 0;
	unsigned int i;

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, progress);
	consumer_close(&self->consumer);
	for (i = 0; i < 5; i++) {
		pid_t pid;

		ASSERT_EQ(0, post_numbers(self->server, 100 * i, 100));
		progress->attached = false;
		pid = fork();
		if (!pid) {
			struct consumer own;

			if (consumer_open_args(&own, self->node, &log_args))
				_exit(1);
			progress->position = own.ring[0].cons;
			take(&own, 60);
			ring_release(&own.ring[0]);
			progress->released = own.ring[0].cons;
			take(&own, 30);
			__atomic_store_n(&progress->attached, true, __ATOMIC_RELEASE);
			for (;;)
				pause();
		}
		while (!__atomic_load_n(&progress->attached, __ATOMIC_ACQUIRE)) {
			ASSERT_FALSE(deadline_passed(deadline));
			sched_yield();
		}
		EXPECT_EQ(expected, progress->position);
		expected = progress->released;
		EXPECT_EQ(-EBUSY, subscribe(self->node, &(struct tandem_subscribe){
			.ring_size = RING, .flags = TANDEM_SUBSCRIBE_DURABLE, .name = NAME }));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(SIGKILL, wait_child(pid, deadline));
	}
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	EXPECT_EQ(300, take(&self->consumer, 1));
	EXPECT_EQ(499, take(&self->consumer, 1000));
	EXPECT_EQ(0, consumer_lost_records(&self->consumer));
	consumer_close(&self->consumer);
	munmap(progress, sizeof(*progress));
}

/* Attached is who has the fd, or a copy of it, or a mapping. */
TEST_F(durable, one_at_a_time)
{
	struct tandem_subscribe args = log_args;
	const uint64_t deadline = deadline_in(10);
	int gate[2], fd, copy;
	pid_t pid;

	EXPECT_EQ(-EBUSY, subscribe(self->node, &args));
	copy = dup(self->consumer.fd);
	consumer_close(&self->consumer);
	EXPECT_EQ(-EBUSY, subscribe(self->node, &args));
	ASSERT_EQ(0, pipe(gate));
	pid = fork();
	if (!pid) {
		char byte;

		close(gate[1]);
		_exit(read(gate[0], &byte, 1) ? 1 : 0);
	}
	close(copy);
	EXPECT_EQ(-EBUSY, subscribe(self->node, &args));
	close(gate[1]);
	EXPECT_EQ(0, wait_child(pid, deadline));
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	EXPECT_EQ(1, self->consumer.args.attached);
	close(self->consumer.fd);
	EXPECT_EQ(-EBUSY, subscribe(self->node, &args));
	consumer_unmap(&self->consumer);
	fd = subscribe(self->node, &args);
	EXPECT_LE(0, fd);
	close(fd);
	close(gate[0]);
}

TEST_F(durable, other_fields)
{
	static const uint16_t types[] = { 3, 1, 2 }, same[] = { 2, 3, 1, 1 }, others[] = { 1, 2 };
	const uint64_t list = (uintptr_t)types;
	const struct tandem_subscribe cases[] = {
		{ .ring_size = 2 * RING },
		{ .ring_size = RING, .flags = TANDEM_SUBSCRIBE_SHARED },
		{ .ring_size = RING, .flags = TANDEM_SUBSCRIBE_NO_TIME },
		{ .ring_size = RING, .overflow = TANDEM_OVERFLOW_OVERWRITE },
		{ .ring_size = RING, .classes = 1 },
		{ .ring_size = RING, .watermark = 8 },
		{ .ring_size = RING, .types = list, .types_count = 3 },
	};
	struct tandem_subscribe args;
	unsigned int i;

	consumer_close(&self->consumer);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		args = cases[i];
		args.flags |= TANDEM_SUBSCRIBE_DURABLE;
		strcpy(args.name, NAME);
		EXPECT_EQ(-EEXIST, subscribe(self->node, &args)) {
			TH_LOG("case %u", i);
		}
	}
	/* All classes by their names are all classes; types are a set. */
	args = log_args;
	args.classes = (1 << TANDEM_CLASSES) - 1;
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &args));
	consumer_close(&self->consumer);
	ASSERT_EQ(0, unsubscribe(self->node, NAME));
	args = log_args;
	args.types = list;
	args.types_count = 3;
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &args));
	EXPECT_EQ(0, self->consumer.args.attached);
	consumer_close(&self->consumer);
	args.types = (uintptr_t)same;
	args.types_count = 4;
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &args));
	EXPECT_EQ(1, self->consumer.args.attached);
	consumer_close(&self->consumer);
	args.types = (uintptr_t)others;
	args.types_count = 2;
	EXPECT_EQ(-EEXIST, subscribe(self->node, &args));
}

TEST_F(durable, names_are_of_a_device)
{
	struct tandem_subscribe other = log_args;
	struct consumer second, third;
	int gen = open_node("gen", O_RDONLY);

	ASSERT_LE(0, gen);
	strcpy(other.name, "t-second");
	ASSERT_EQ(0, consumer_open_args(&second, self->node, &other));
	EXPECT_EQ(0, second.args.attached);
	ASSERT_EQ(0, consumer_open_args(&third, gen, &log_args));
	EXPECT_EQ(0, third.args.attached);
	consumer_close(&second);
	consumer_close(&third);
	EXPECT_EQ(-ENOENT, unsubscribe(gen, "t-second"));
	EXPECT_EQ(0, unsubscribe(gen, NAME));
	EXPECT_EQ(-ENOENT, unsubscribe(gen, NAME));
	EXPECT_EQ(0, unsubscribe(self->node, "t-second"));
	consumer_close(&self->consumer);
	close(gen);
}

TEST_F(durable, removed_while_attached)
{
	struct pollfd ready = { .fd = self->consumer.fd, .events = POLLIN };
	struct tandem_subscribe args = log_args;
	uint8_t buffer[4096];
	int fd;

	ASSERT_EQ(0, post_numbers(self->server, 0, 3));
	ASSERT_EQ(0, unsubscribe(self->node, NAME));
	EXPECT_EQ(-ENOENT, unsubscribe(self->node, NAME));
	EXPECT_EQ(1, poll(&ready, 1, deadline_left(deadline_in(10))));
	EXPECT_EQ(POLLIN | POLLHUP, ready.revents);
	/* The name is free at once, and what comes now is for who takes it. */
	fd = subscribe(self->node, &args);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, args.attached);
	ASSERT_EQ(0, post_numbers(self->server, 3, 2));
	EXPECT_EQ(3 * 24, read(self->consumer.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, read(self->consumer.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(2 * 24, read(fd, buffer, sizeof(buffer)));
	consumer_close(&self->consumer);
	close(fd);
}

TEST_F(durable, goes_with_its_device)
{
	struct query query;
	uint8_t buffer[64];

	ASSERT_EQ(0, query_open(&query));
	ASSERT_EQ(0, post_numbers(self->server, 0, 1));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	EXPECT_EQ(24, read(self->consumer.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, read(self->consumer.fd, buffer, sizeof(buffer)));
	consumer_close(&self->consumer);
	close(self->node);

	/* And one that nobody is attached to. */
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	EXPECT_EQ(0, self->consumer.args.attached);
	consumer_close(&self->consumer);
	EXPECT_EQ(1, query_count(&query, TANDEM_CMD_SUBSCRIPTION_GET, NULL));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	EXPECT_EQ(0, query_count(&query, TANDEM_CMD_SUBSCRIPTION_GET, NULL));
	EXPECT_EQ(-ENODEV, unsubscribe(self->node, NAME));
	close(self->node);
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	EXPECT_EQ(0, self->consumer.args.attached);
	consumer_close(&self->consumer);
	query_close(&query);
}

TEST_F(durable, corrupt)
{
	uint8_t buffer[64];
	struct tandem_subscribe args = log_args;
	int fd;

	ASSERT_EQ(0, post_numbers(self->server, 0, 1));
	self->consumer.ring[0].consumer->cons_pos = 3;
	EXPECT_EQ(-1, read(self->consumer.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(EBADMSG, errno);
	consumer_close(&self->consumer);
	fd = subscribe(self->node, &args);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, buffer, sizeof(buffer)));
	EXPECT_EQ(EBADMSG, errno);
	close(fd);
	EXPECT_EQ(0, unsubscribe(self->node, NAME));
}

/* Whatever the one before wrote to wake_at, the next one is woken. */
TEST_F(durable, woken_after_attaching)
{
	struct pollfd ready = { .events = POLLIN };

	self->consumer.ring[0].consumer->wake_at = 1ULL << 40;
	consumer_close(&self->consumer);
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	ready.fd = self->consumer.fd;
	EXPECT_EQ(0, poll(&ready, 1, 0));
	ASSERT_EQ(0, post_numbers(self->server, 0, 1));
	EXPECT_EQ(1, poll(&ready, 1, deadline_left(deadline_in(10))));
	consumer_close(&self->consumer);
}

/* Changes of this device, in order. */
#define EXPECT_CHANGE(change) do { \
	do { \
		ASSERT_EQ(0, query_change(&query, deadline, &info)); \
	} while (strcmp(info.name, DEVICE)); \
	EXPECT_EQ(change, info.cmd); \
} while (0)

TEST_F(durable, netlink)
{
	const uint64_t deadline = deadline_in(20);
	struct query query, listener;
	struct info info;
	uint64_t id;

	ASSERT_EQ(0, query_open(&listener));
	ASSERT_EQ(0, query_own_subscription(&listener, DEVICE, &info));
	id = info.number[TANDEM_ATTR_SUBSCRIPTION_ID];
	EXPECT_STREQ(NAME, info.subscription_name);
	EXPECT_EQ(TANDEM_SUBSCRIBE_DURABLE, info.number[TANDEM_ATTR_FLAGS]);
	EXPECT_EQ(1, info.number[TANDEM_ATTR_ATTACHED]);
	ASSERT_EQ(0, query_open(&query));
	ASSERT_EQ(0, query_listen(&query));

	consumer_close(&self->consumer);
	EXPECT_CHANGE(TANDEM_CMD_SUBSCRIPTION_DETACHED);
	EXPECT_EQ(id, info.number[TANDEM_ATTR_SUBSCRIPTION_ID]);
	EXPECT_TRUE(info.has[TANDEM_ATTR_ATTACHED]);
	EXPECT_EQ(0, info.number[TANDEM_ATTR_ATTACHED]);
	EXPECT_STREQ(NAME, info.subscription_name);
	ASSERT_EQ(0, query_subscription(&listener, id, &info));
	EXPECT_EQ(0, info.number[TANDEM_ATTR_ATTACHED]);
	EXPECT_EQ((uint64_t)getpid(), info.number[TANDEM_ATTR_PID]);

	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	EXPECT_CHANGE(TANDEM_CMD_SUBSCRIPTION_ATTACHED);
	EXPECT_EQ(id, info.number[TANDEM_ATTR_SUBSCRIPTION_ID]);
	EXPECT_EQ(1, info.number[TANDEM_ATTR_ATTACHED]);
	consumer_close(&self->consumer);
	EXPECT_CHANGE(TANDEM_CMD_SUBSCRIPTION_DETACHED);
	ASSERT_EQ(0, unsubscribe(self->node, NAME));
	EXPECT_CHANGE(TANDEM_CMD_SUBSCRIPTION_REMOVED);
	EXPECT_EQ(id, info.number[TANDEM_ATTR_SUBSCRIPTION_ID]);
	EXPECT_EQ(-ENOENT, query_subscription(&listener, id, &info));
	query_close(&query);
	query_close(&listener);
}

TEST_F(durable, cpu_that_comes_meanwhile)
{
	if (access(ONLINE, W_OK))
		SKIP(return, "CPU 1 cannot be taken offline");
	consumer_close(&self->consumer);
	ASSERT_EQ(0, unsubscribe(self->node, NAME));
	ASSERT_EQ(0, write_word(ONLINE, "0"));
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	consumer_close(&self->consumer);
	ASSERT_EQ(0, write_word(ONLINE, "1"));
	ASSERT_EQ(0, pin_to_cpu(1));
	ASSERT_EQ(0, post_numbers(self->server, 0, 5));
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &log_args));
	EXPECT_EQ(5, consumer_drain(&self->consumer, NULL, NULL));
	EXPECT_EQ(5, self->consumer.ring[1].records);
	EXPECT_EQ(0, consumer_lost_records(&self->consumer));
	consumer_close(&self->consumer);
}

/* As long as it is there, attached or not, neither half can be unloaded. */
TEST_F(durable, holds_the_modules)
{
	int gen = open_node("gen", O_RDONLY);
	struct consumer of_gen;

	ASSERT_LE(0, gen);
	ASSERT_EQ(0, consumer_open_args(&of_gen, gen, &log_args));
	consumer_close(&of_gen);
	close(gen);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem_gen"));
	gen = open_node("gen", O_RDONLY);
	ASSERT_LE(0, gen);
	ASSERT_EQ(0, unsubscribe(gen, NAME));
	close(gen);
	EXPECT_EQ(0, unload_module("tandem_gen"));
	ASSERT_EQ(0, unload_module("tandem_process"));

	consumer_close(&self->consumer);
	close(self->node);
	close(self->server);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, unsubscribe(self->node, NAME));
	close(self->node);
	EXPECT_EQ(0, unload_module("tandem"));
	ASSERT_EQ(0, load_module("tandem"));
	ASSERT_EQ(0, load_module("tandem_process"));
	ASSERT_EQ(0, load_module("tandem_gen"));
	self->server = bind_device(DEVICE);
	self->node = open_node(DEVICE, O_RDONLY);
}

struct racer {
	pthread_t thread;
	int node;
	uint64_t seed;
	uint64_t end;
	uint64_t attached;
	const char *error;
};

/* One that attaches, consumes, leaves, and removes, as others do. */
static void *race(void *data)
{
	struct racer *racer = data;
	struct consumer consumer;

	while (now_ns() < racer->end && !racer->error) {
		int err = consumer_open_args(&consumer, racer->node, &log_args);

		if (!err) {
			consumer_drain(&consumer, NULL, NULL);
			racer->error = consumer.error;
			racer->attached++;
			if (!(next_random(&racer->seed) % 4))
				unsubscribe(racer->node, NAME);
			consumer_close(&consumer);
		} else if (err != -EBUSY) {
			racer->error = strerror(-err);
		}
		if (!(next_random(&racer->seed) % 8))
			unsubscribe(racer->node, NAME);
	}
	return NULL;
}

TEST_F(durable, races)
{
	struct racer racers[4];
	struct query query;
	const uint64_t end = now_ns() + 2000000000ULL;
	uint64_t attached = 0, number = 0;
	unsigned int i;

	consumer_close(&self->consumer);
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		racers[i] = (struct racer){ .node = self->node, .seed = i + 1, .end = end };
		ASSERT_EQ(0, pthread_create(&racers[i].thread, NULL, race, &racers[i]));
	}
	while (now_ns() < end) {
		ASSERT_EQ(0, post_numbers(self->server, number++, 1));
	}
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		ASSERT_EQ(0, thread_join(racers[i].thread, 20));
		EXPECT_EQ(NULL, racers[i].error) {
			TH_LOG("%s", racers[i].error);
		}
		attached += racers[i].attached;
	}
	EXPECT_LT(10, attached);
	unsubscribe(self->node, NAME);
	ASSERT_EQ(0, query_open(&query));
	EXPECT_EQ(0, query_count(&query, TANDEM_CMD_SUBSCRIPTION_GET, DEVICE));
	query_close(&query);
}

TEST_HARNESS_MAIN
