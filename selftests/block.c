// SPDX-License-Identifier: GPL-2.0
/*
 * Posters that wait for room: where the device allows it, nothing is lost as long as they may wait,
 * and whatever becomes of the consumer, they go on.
 *
 * TIMEOUT=60
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "reader.h"
#include "util.h"

#define DEVICE	"t-block"
#define ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define RING	(64 * 1024)
/* Records of 24 bytes, and how many find room unless they are critical. */
#define STRIDE	24
#define FULL	(RING / 8 * 7 / STRIDE)
#define MS	1000000ULL

/* TANDEM_IOC_POST of @number with a wait of at most @timeout. Return: 0 or -errno. */
static int post_wait(int server, uint64_t number, uint64_t timeout)
{
	struct tandem_post post = {
		.type = 1, .event_class = TANDEM_CLASS_NORMAL, .len = sizeof(number),
		.flags = TANDEM_POST_WAIT, .data = (uintptr_t)&number, .timeout = timeout,
	};

	return ioctl(server, TANDEM_IOC_POST, &post) ? -errno : 0;
}

/* Posts without waiting until nothing more finds room. */
static int fill(int server)
{
	uint64_t number;
	int err = 0;

	for (number = 0; number < FULL && !err; number++)
		err = post_event(server, 1, TANDEM_CLASS_NORMAL, &number, sizeof(number));
	return err;
}

FIXTURE(block)
{
	int server;
	int node;
	struct consumer consumer;
	struct ring *ring;
};

FIXTURE_VARIANT(block)
{
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(block, per_cpu)
{
	.flags = 0,
};

FIXTURE_VARIANT_ADD(block, shared)
{
	.flags = TANDEM_SUBSCRIBE_SHARED,
};

FIXTURE_SETUP(block)
{
	const struct tandem_subscribe args = {
		.ring_size = RING, .overflow = TANDEM_OVERFLOW_BLOCK, .flags = variant->flags,
	};

	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device_with(DEVICE, TANDEM_BIND_MAY_BLOCK);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &args));
	ASSERT_EQ(0, fcntl(self->consumer.fd, F_SETFL, O_NONBLOCK));
	self->ring = &self->consumer.ring[0];
	ASSERT_EQ(0, fill(self->server));
	ASSERT_EQ(0, consumer_lost_records(&self->consumer));
}

FIXTURE_TEARDOWN(block)
{
	consumer_close(&self->consumer);
	close(self->node);
	close(self->server);
	remove_device(DEVICE);
}

/* Who may not wait, or does not want to, drops. */
TEST_F(block, without_wait)
{
	uint64_t number = 0;

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, &number, sizeof(number)));
	EXPECT_EQ(1, consumer_lost_records(&self->consumer));
}

TEST_F(block, timeout)
{
	const struct tandem_subscribe drop = { .ring_size = 2 * RING };
	const struct tandem_record *record;
	struct consumer other;
	uint64_t begin;

	ASSERT_EQ(0, consumer_open_args(&other, self->node, &drop));
	begin = now_ns();
	EXPECT_EQ(-ETIMEDOUT, post_wait(self->server, 1, 50 * MS));
	EXPECT_LE(50 * MS, now_ns() - begin);
	EXPECT_EQ(-ETIMEDOUT, post_wait(self->server, 2, 0));
	EXPECT_EQ(-ETIMEDOUT, post_wait(self->server, 3, 1));
	EXPECT_EQ(3, consumer_lost_records(&self->consumer));
	/* Who has room got it nevertheless. */
	EXPECT_EQ(3, consumer_drain(&other, NULL, NULL));
	EXPECT_EQ(FULL, consumer_drain(&self->consumer, NULL, NULL));
	EXPECT_EQ(0, post_wait(self->server, 4, TANDEM_FOREVER));
	record = ring_next(&self->consumer, self->ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(3, record->lost_before);
	consumer_close(&other);
}

/* A record that never fits is not waited for. */
TEST_F(block, too_large)
{
	static const uint8_t data[TANDEM_PAYLOAD_MAX];
	struct tandem_post post = {
		.type = 1, .len = sizeof(data), .flags = TANDEM_POST_WAIT,
		.data = (uintptr_t)data, .timeout = TANDEM_FOREVER,
	};

	consumer_drain(&self->consumer, NULL, NULL);
	EXPECT_EQ(0, ioctl(self->server, TANDEM_IOC_POST, &post));
	EXPECT_EQ(1, self->ring->producer->lost_too_big);
}

/* Critical events have room of their own, and need not wait as long as there is some. */
TEST_F(block, critical)
{
	struct tandem_post post = {
		.event_class = TANDEM_CLASS_CRITICAL, .flags = TANDEM_POST_WAIT,
		.timeout = TANDEM_FOREVER,
	};

	EXPECT_EQ(0, ioctl(self->server, TANDEM_IOC_POST, &post));
	EXPECT_EQ(0, consumer_lost_records(&self->consumer));
}

struct poster {
	pthread_t thread;
	int server;
	pid_t tid;
	bool done;
	int result;
	uint64_t at;
};

static void *post_one(void *data)
{
	struct poster *poster = data;

	__atomic_store_n(&poster->tid, gettid(), __ATOMIC_RELEASE);
	poster->result = post_wait(poster->server, 1000000, TANDEM_FOREVER);
	poster->at = now_ns();
	__atomic_store_n(&poster->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Return: true once a thread waits for room. */
static bool poster_start(struct poster *poster, int server)
{
	memset(poster, 0, sizeof(*poster));
	poster->server = server;
	return !pthread_create(&poster->thread, NULL, post_one, poster) &&
	       thread_asleep(&poster->tid) &&
	       !__atomic_load_n(&poster->done, __ATOMIC_ACQUIRE);
}

static void nothing(int signal)
{
	(void)signal;
}

TEST_F(block, signal)
{
	struct sigaction action = { .sa_handler = nothing };
	struct poster poster;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_TRUE(poster_start(&poster, self->server));
	ASSERT_EQ(0, pthread_kill(poster.thread, SIGUSR1));
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	EXPECT_EQ(-EINTR, poster.result);
	EXPECT_EQ(1, consumer_lost_records(&self->consumer));
}

/* What a consumer with a mapping does: moves on, fence, looks whether somebody waits, tells. */
static int make_room(struct consumer *consumer, unsigned int count)
{
	struct ring *ring = &consumer->ring[0];

	while (count--)
		ring_next(consumer, ring);
	ring_release(ring);
	/* Pairs with the kernel's barrier between blocked and cons_pos. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&ring->producer->blocked, __ATOMIC_RELAXED))
		return -ENOENT;
	return ioctl(consumer->fd, TANDEM_IOC_ROOM) ? -errno : 0;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* By the consumer's word. Posters look again ten times a second, which takes 50 ms on average. */
TEST_F(block, room_by_mapping)
{
	uint64_t took[21];
	struct poster poster;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(took); i++) {
		uint64_t begin;

		ASSERT_TRUE(poster_start(&poster, self->server));
		begin = now_ns();
		ASSERT_EQ(0, make_room(&self->consumer, 1));
		ASSERT_EQ(0, thread_join(poster.thread, 10));
		ASSERT_EQ(0, poster.result);
		took[i] = poster.at - begin;
	}
	qsort(took, ARRAY_SIZE(took), sizeof(took[0]), by_value);
	EXPECT_GT(25 * MS, took[ARRAY_SIZE(took) / 2]) {
		TH_LOG("%ju us in the middle", (uintmax_t)took[ARRAY_SIZE(took) / 2] / 1000);
	}
	EXPECT_EQ(0, consumer_lost_records(&self->consumer));
	EXPECT_EQ(FULL, consumer_drain(&self->consumer, NULL, NULL));
}

TEST_F(block, room_by_read)
{
	struct poster poster;
	uint8_t buffer[STRIDE];

	ASSERT_TRUE(poster_start(&poster, self->server));
	ASSERT_EQ(STRIDE, read(self->consumer.fd, buffer, sizeof(buffer)));
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	EXPECT_EQ(0, poster.result);
	EXPECT_EQ(0, consumer_lost_records(&self->consumer));
}

TEST_F(block, room_by_poll)
{
	struct pollfd ready = { .fd = self->consumer.fd, .events = POLLIN };
	struct poster poster;

	ASSERT_TRUE(poster_start(&poster, self->server));
	ring_next(&self->consumer, self->ring);
	ring_release(self->ring);
	EXPECT_EQ(1, poll(&ready, 1, 0));
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	EXPECT_EQ(0, poster.result);
}

TEST_F(block, room_by_wait)
{
	struct poster poster;

	ASSERT_TRUE(poster_start(&poster, self->server));
	ring_next(&self->consumer, self->ring);
	ring_release(self->ring);
	EXPECT_EQ(0, wait_for(self->consumer.fd, 0));
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	EXPECT_EQ(0, poster.result);
}

/* The other consumers get it at once, and whatever others post, who do not wait. */
TEST_F(block, others_meanwhile)
{
	const struct tandem_subscribe drop = { .ring_size = RING };
	struct consumer other;
	struct poster poster;
	unsigned int i;

	ASSERT_EQ(0, consumer_open_args(&other, self->node, &drop));
	ASSERT_TRUE(poster_start(&poster, self->server));
	EXPECT_EQ(1, consumer_drain(&other, NULL, NULL));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
		ASSERT_EQ(1, consumer_drain(&other, NULL, NULL));
	}
	EXPECT_FALSE(__atomic_load_n(&poster.done, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, make_room(&self->consumer, FULL));
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	EXPECT_EQ(0, poster.result);
	consumer_close(&other);
}

TEST_F(block, consumer_closes)
{
	struct poster poster;

	ASSERT_TRUE(poster_start(&poster, self->server));
	consumer_close(&self->consumer);
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	EXPECT_EQ(0, poster.result);
}

TEST_F(block, consumer_is_killed)
{
	struct poster poster;
	pid_t pid;

	pid = fork();
	if (!pid)
		for (;;)
			pause();
	consumer_close(&self->consumer);
	ASSERT_TRUE(poster_start(&poster, self->server));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(SIGKILL, wait_child(pid, deadline_in(10)));
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	EXPECT_EQ(0, poster.result);
}

TEST_F(block, consumer_is_corrupt)
{
	struct poster poster;
	uint8_t buffer[STRIDE];

	ASSERT_TRUE(poster_start(&poster, self->server));
	self->ring->consumer->cons_pos = 3;
	EXPECT_EQ(-1, read(self->consumer.fd, buffer, sizeof(buffer)));
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	/* To nobody who could be waited for any more. */
	EXPECT_EQ(0, poster.result);
}

TEST_F(block, device_goes)
{
	struct tandem_remove args = { .name = DEVICE };
	struct poster poster;

	ASSERT_TRUE(poster_start(&poster, self->server));
	ASSERT_EQ(0, ioctl(self->server, TANDEM_IOC_REMOVE, &args));
	ASSERT_EQ(0, thread_join(poster.thread, 10));
	EXPECT_EQ(-ENODEV, poster.result);
}

TEST(not_allowed)
{
	struct tandem_subscribe args = { .ring_size = RING, .overflow = TANDEM_OVERFLOW_BLOCK };
	int server = bind_device(DEVICE), node = open_node(DEVICE, O_RDONLY);

	ASSERT_LE(0, server);
	ASSERT_LE(0, node);
	EXPECT_EQ(-EOPNOTSUPP, subscribe(node, &args));
	/* There is nobody to wait for. */
	EXPECT_EQ(0, post_wait(server, 1, TANDEM_FOREVER));
	close(node);
	close(server);
	EXPECT_EQ(0, remove_device(DEVICE));
	node = open_node("process", O_RDONLY);
	ASSERT_LE(0, node);
	EXPECT_EQ(-EOPNOTSUPP, subscribe(node, &args));
	close(node);
}

FIXTURE(generator)
{
	int gen;
	struct tandem_gen_start start;
	struct consumer consumer;
	struct reader reader;
	struct gen_check check;
};

FIXTURE_SETUP(generator)
{
	const struct tandem_subscribe mapped = {
		.ring_size = RING, .overflow = TANDEM_OVERFLOW_BLOCK,
	};
	const struct tandem_subscribe read = {
		.ring_size = RING, .overflow = TANDEM_OVERFLOW_BLOCK,
		.flags = TANDEM_SUBSCRIBE_SHARED,
	};

	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->gen, &mapped));
	ASSERT_EQ(0, reader_open(&self->reader, self->gen, &read));
	gen_init(&self->start, 1 << TANDEM_GEN_PROCESS);
	self->start.flags = TANDEM_GEN_WAIT;
	self->start.size = 40;
}

FIXTURE_TEARDOWN(generator)
{
	gen_stop(self->gen);
	reader_close(&self->reader);
	consumer_close(&self->consumer);
	close(self->gen);
}

static bool somebody_waits(const struct consumer *consumer)
{
	unsigned int i;

	for (i = 0; i < consumer->args.rings; i++)
		if (__atomic_load_n(&consumer->ring[i].producer->blocked, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* Consumers that leave their posters waiting: each of them gets every event. */
TEST_F(generator, loses_nothing)
{
	const uint64_t deadline = deadline_in(30);
	struct tandem_gen_status status = { .running = 1 };
	unsigned int waits = 0;
	uint64_t random = 3;

	self->start.count = test_load(20000);
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	gen_check_init(&self->check, &self->start);
	gen_check_init(&self->reader.check, &self->start);
	self->check.exact = true;
	/* However slow the posters are, one waits at least once. */
	while (!somebody_waits(&self->consumer) && !deadline_passed(deadline))
		reader_drain(&self->reader);
	while (status.running && !deadline_passed(deadline)) {
		const uint64_t pause = now_ns() + next_random(&random) % (2 * MS);

		while (now_ns() < pause)
			;
		waits += somebody_waits(&self->consumer);
		reader_drain(&self->reader);
		consumer_drain(&self->consumer, gen_check_record, &self->check);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (somebody_waits(&self->consumer))
			ASSERT_EQ(0, ioctl(self->consumer.fd, TANDEM_IOC_ROOM));
		ASSERT_EQ(0, gen_status(self->gen, &status));
	}
	ASSERT_EQ(0, status.running);
	reader_drain(&self->reader);
	consumer_drain(&self->consumer, gen_check_record, &self->check);
	EXPECT_EQ(NULL, self->consumer.error) {
		TH_LOG("%s", self->consumer.error);
	}
	EXPECT_EQ(NULL, self->reader.error) {
		TH_LOG("%s", self->reader.error);
	}
	EXPECT_EQ(gen_posted(self->gen), self->check.received);
	EXPECT_EQ(gen_posted(self->gen), self->reader.records);
	EXPECT_EQ(0, consumer_lost_records(&self->consumer));
	EXPECT_EQ(0, fdinfo_number(self->reader.fd, "lost"));
	EXPECT_LT(0, waits);
	TH_LOG("waited %u times", waits);
}

/* Those who cannot wait lose, and those who do lose nothing by that. */
TEST_F(generator, atomic_posters_drop)
{
	const uint64_t deadline = deadline_in(30);
	struct tandem_gen_status status = { .running = 1 };
	uint64_t lost = 0, waited = 0;
	unsigned int cpu;

	reader_close(&self->reader);
	self->start.contexts |= 1 << TANDEM_GEN_HARDIRQ;
	self->start.rate = 5000;
	self->start.count = test_load(5000);
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	gen_check_init(&self->check, &self->start);
	while (status.running && !deadline_passed(deadline)) {
		/* Only when nothing finds room any more. */
		if (somebody_waits(&self->consumer)) {
			waited++;
			consumer_drain(&self->consumer, gen_check_record, &self->check);
			ASSERT_EQ(0, ioctl(self->consumer.fd, TANDEM_IOC_ROOM));
		}
		ASSERT_EQ(0, gen_status(self->gen, &status));
	}
	ASSERT_EQ(0, status.running);
	consumer_drain(&self->consumer, gen_check_record, &self->check);
	EXPECT_EQ(NULL, self->consumer.error) {
		TH_LOG("%s", self->consumer.error);
	}
	EXPECT_LT(0, waited);
	lost = consumer_lost_records(&self->consumer);
	EXPECT_EQ(gen_posted(self->gen), self->check.received + lost);
	for (cpu = 0; cpu < self->consumer.args.rings; cpu++) {
		const struct producer *producer = &self->check.producer[cpu][TANDEM_GEN_PROCESS];

		EXPECT_EQ(0, producer->missing);
	}
	ASSERT_EQ(0, reader_open(&self->reader, self->gen, &(struct tandem_subscribe){
		.ring_size = RING }));
}

/* A run whose producers wait can be stopped. */
TEST_F(generator, stopped_while_waiting)
{
	const uint64_t deadline = deadline_in(10);
	uint64_t begin;

	/* Its ring, which all CPUs fill, would be full first. */
	reader_close(&self->reader);
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	while (!somebody_waits(&self->consumer)) {
		ASSERT_FALSE(deadline_passed(deadline));
	}
	begin = now_ns();
	ASSERT_EQ(0, gen_stop(self->gen));
	EXPECT_GT(2000 * MS * test_scale(), now_ns() - begin);
	ASSERT_EQ(0, reader_open(&self->reader, self->gen, &(struct tandem_subscribe){
		.ring_size = RING }));
}

/* And a CPU can go whose producer waits. */
TEST_F(generator, cpu_goes_while_waiting)
{
	const struct ring *ring = &self->consumer.ring[1];
	const uint64_t deadline = deadline_in(10);

	if (access(ONLINE, W_OK))
		SKIP(return, "CPU 1 cannot be taken offline");
	ASSERT_EQ(0, pin_to_cpu(0));
	reader_close(&self->reader);
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	while (!__atomic_load_n(&ring->producer->blocked, __ATOMIC_ACQUIRE)) {
		ASSERT_FALSE(deadline_passed(deadline));
	}
	EXPECT_EQ(0, write_word(ONLINE, "0"));
	EXPECT_EQ(0, write_word(ONLINE, "1"));
	EXPECT_EQ(0, gen_stop(self->gen));
	ASSERT_EQ(0, reader_open(&self->reader, self->gen, &(struct tandem_subscribe){
		.ring_size = RING }));
}

TEST_HARNESS_MAIN
