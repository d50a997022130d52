// SPDX-License-Identifier: GPL-2.0
/*
 * Subscriptions without time, and with a watermark: what they change, and what they do not.
 *
 * TIMEOUT=60
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "reader.h"
#include "util.h"

#define DEVICE		"t-flags"
#define RING		(64 * 1024)
/* Ten records of 24 bytes. */
#define WATERMARK	240
#define RACES		20000

/* What gen_check_record() checks, and the time. */
struct timed {
	struct gen_check check;
	bool timeless;
};

static const char *check_time(void *data, const struct ring *ring,
			      const struct tandem_record *record)
{
	struct timed *timed = data;

	if (timed->timeless && record->time)
		return "a record has a time though none was asked for";
	if (!timed->timeless && (!record->time || record->time < ring->time))
		return "a record has no time, or one before that of the one before it";
	return gen_check_record(&timed->check, ring, record);
}

/* Both see the same events, lose none, and differ in the time alone. */
TEST(no_time)
{
	const struct tandem_subscribe with = { .ring_size = 1024 * 1024 };
	const struct tandem_subscribe without = {
		.ring_size = 1024 * 1024, .flags = TANDEM_SUBSCRIBE_NO_TIME,
	};
	static struct timed timed, timeless = { .timeless = true };
	struct consumer consumers[2];
	int gen = open_node("gen", O_RDWR);
	struct tandem_gen_start start;
	static struct reader reader;

	ASSERT_LE(0, gen);
	ASSERT_EQ(0, consumer_open_args(&consumers[0], gen, &with));
	ASSERT_EQ(0, consumer_open_args(&consumers[1], gen, &without));
	ASSERT_EQ(0, reader_open(&reader, gen, &without));
	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_SOFTIRQ |
		 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK);
	start.rate = 1000;
	start.size = 40;
	start.count = test_load(1000);
	ASSERT_EQ(0, gen_start(gen, &start));
	gen_check_init(&timed.check, &start);
	gen_check_init(&timeless.check, &start);
	gen_check_init(&reader.check, &start);
	ASSERT_EQ(0, gen_wait(gen, deadline_in(20)));
	consumer_drain(&consumers[0], check_time, &timed);
	consumer_drain(&consumers[1], check_time, &timeless);
	reader_drain(&reader);
	EXPECT_EQ(NULL, consumers[0].error) {
		TH_LOG("%s", consumers[0].error);
	}
	EXPECT_EQ(NULL, consumers[1].error) {
		TH_LOG("%s", consumers[1].error);
	}
	EXPECT_EQ(NULL, reader.error) {
		TH_LOG("%s", reader.error);
	}
	EXPECT_EQ(gen_posted(gen), timed.check.received);
	EXPECT_EQ(gen_posted(gen), timeless.check.received);
	EXPECT_EQ(gen_posted(gen), reader.records);
	EXPECT_EQ(0, consumer_lost_records(&consumers[1]));
	reader_close(&reader);
	consumer_close(&consumers[1]);
	consumer_close(&consumers[0]);
	close(gen);
}

/* What is lost is told as ever: each gap where it is. */
TEST(no_time_loss)
{
	const struct tandem_subscribe args = {
		.ring_size = RING, .flags = TANDEM_SUBSCRIBE_NO_TIME,
	};
	static struct timed timed = { .timeless = true };
	const uint64_t deadline = deadline_in(20);
	struct tandem_gen_status status = { .running = 1 };
	int gen = open_node("gen", O_RDWR);
	struct tandem_gen_start start;
	struct consumer consumer;

	ASSERT_LE(0, gen);
	ASSERT_EQ(0, consumer_open_args(&consumer, gen, &args));
	gen_init(&start, 1 << TANDEM_GEN_PROCESS);
	start.batch = 16;
	start.count = test_load(100000);
	ASSERT_EQ(0, gen_start(gen, &start));
	gen_check_init(&timed.check, &start);
	timed.check.exact = true;
	while (status.running && !deadline_passed(deadline)) {
		consumer_drain(&consumer, check_time, &timed);
		ASSERT_EQ(0, gen_status(gen, &status));
	}
	consumer_drain(&consumer, check_time, &timed);
	EXPECT_EQ(NULL, consumer.error) {
		TH_LOG("%s", consumer.error);
	}
	EXPECT_EQ(gen_posted(gen), timed.check.received + consumer_lost_records(&consumer));
	consumer_close(&consumer);
	close(gen);
}

FIXTURE(watermark)
{
	int server;
	int node;
	struct consumer consumer;
	int fd;
};

FIXTURE_SETUP(watermark)
{
	const struct tandem_subscribe args = { .ring_size = RING, .watermark = WATERMARK };

	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &args));
	self->fd = self->consumer.fd;
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
}

FIXTURE_TEARDOWN(watermark)
{
	consumer_close(&self->consumer);
	close(self->node);
	close(self->server);
	remove_device(DEVICE);
}

/* Records of 24 bytes. */
static int post_some(int server, unsigned int count)
{
	uint64_t data = 0;
	int err = 0;

	while (count-- && !err)
		err = post_event(server, 1, TANDEM_CLASS_NORMAL, &data, sizeof(data));
	return err;
}

static int poll_for(int fd, int timeout)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, timeout) < 0 ? -1 : ready.revents;
}

TEST_F(watermark, poll_at_it)
{
	uint8_t buffer[1024];

	EXPECT_EQ(0, poll_for(self->fd, 0));
	ASSERT_EQ(0, post_some(self->server, 9));
	EXPECT_EQ(0, poll_for(self->fd, 0));
	ASSERT_EQ(0, post_some(self->server, 1));
	EXPECT_EQ(POLLIN, poll_for(self->fd, deadline_left(deadline_in(10))));
	EXPECT_EQ(24, read(self->fd, buffer, 24));
	EXPECT_EQ(0, poll_for(self->fd, 0));
	/* Below it, who asks gets what is there. */
	EXPECT_EQ(9 * 24, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(-1, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, poll_for(self->fd, 0));
}

/* In one ring; what the rings have together does not count. */
TEST_F(watermark, of_one_ring)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU alone");
	ASSERT_EQ(0, post_some(self->server, 9));
	ASSERT_EQ(0, pin_to_cpu(1));
	ASSERT_EQ(0, post_some(self->server, 9));
	EXPECT_EQ(0, poll_for(self->fd, 0));
	ASSERT_EQ(0, post_some(self->server, 1));
	EXPECT_EQ(POLLIN, poll_for(self->fd, deadline_left(deadline_in(10))));
}

/* A consumer that knows wake_at says what it wants itself. */
TEST_F(watermark, wake_at_by_hand)
{
	struct ring *ring = &self->consumer.ring[0];

	__atomic_store_n(&ring->consumer->wake_at, 48, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, post_some(self->server, 1));
	EXPECT_EQ(0, poll_for(self->fd, 0));
	ASSERT_EQ(0, post_some(self->server, 1));
	EXPECT_EQ(1, query_own_number(DEVICE, TANDEM_ATTR_WAKEUPS));
	EXPECT_EQ(TANDEM_AWAKE, ring->consumer->wake_at);
	__atomic_store_n(&ring->consumer->wake_at, 72, __ATOMIC_SEQ_CST);
	ASSERT_EQ(0, post_some(self->server, 1));
	EXPECT_EQ(3, consumer_drain(&self->consumer, NULL, NULL));
}

TEST_F(watermark, edge)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint8_t buffer[1024];
	unsigned int i;

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	for (i = 0; i < 50; i++) {
		const unsigned int more = i % 7;

		ASSERT_EQ(0, post_some(self->server, 9));
		ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		ASSERT_EQ(0, post_some(self->server, 1 + more));
		ASSERT_EQ(1, epoll_wait(epoll, &event, 1, deadline_left(deadline_in(10)))) {
			TH_LOG("no edge for burst %u", i);
		}
		ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 0));
		ASSERT_EQ((10 + more) * 24, read(self->fd, buffer, sizeof(buffer)));
		ASSERT_EQ(-1, read(self->fd, buffer, sizeof(buffer)));
	}
	close(epoll);
}

TEST_F(watermark, end)
{
	uint8_t buffer[1024];

	ASSERT_EQ(0, post_some(self->server, 3));
	EXPECT_EQ(0, poll_for(self->fd, 0));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	self->server = -1;
	EXPECT_EQ(POLLIN | POLLHUP, poll_for(self->fd, 0));
	EXPECT_EQ(3 * 24, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, read(self->fd, buffer, sizeof(buffer)));
}

struct sleeper {
	int fd;
	pid_t tid;
	ssize_t len;
};

static void *read_blocking(void *data)
{
	struct sleeper *sleeper = data;
	uint8_t buffer[1024];

	__atomic_store_n(&sleeper->tid, gettid(), __ATOMIC_RELEASE);
	sleeper->len = read(sleeper->fd, buffer, sizeof(buffer));
	return NULL;
}

TEST_F(watermark, wakes_a_reader)
{
	struct sleeper sleeper = { .fd = self->fd };
	pthread_t thread;
	uint8_t buffer[1024];

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_blocking, &sleeper));
	ASSERT_TRUE(thread_asleep(&sleeper.tid));
	ASSERT_EQ(0, post_some(self->server, 9));
	EXPECT_EQ(0, query_own_number(DEVICE, TANDEM_ATTR_WAKEUPS));
	ASSERT_EQ(0, post_some(self->server, 1));
	ASSERT_EQ(0, thread_join(thread, 10));
	EXPECT_EQ(WATERMARK, sleeper.len);
	/* One that finds something has no reason to wait. */
	ASSERT_EQ(0, post_some(self->server, 3));
	EXPECT_EQ(3 * 24, read(self->fd, buffer, sizeof(buffer)));
}

TEST_F(watermark, largest)
{
	const struct tandem_subscribe args = { .ring_size = RING, .watermark = RING / 2 };
	struct consumer consumer;

	ASSERT_EQ(0, consumer_open_args(&consumer, self->node, &args));
	EXPECT_EQ(RING / 2, query_own_number(DEVICE, TANDEM_ATTR_WATERMARK));
	ASSERT_EQ(0, post_some(self->server, RING / 2 / 24));
	EXPECT_EQ(0, poll_for(consumer.fd, 0));
	ASSERT_EQ(0, post_some(self->server, 1));
	EXPECT_EQ(POLLIN, poll_for(consumer.fd, deadline_left(deadline_in(10))));
	EXPECT_EQ(RING / 2 / 24 + 1, consumer_drain(&consumer, NULL, NULL));
	EXPECT_EQ(0, poll_for(consumer.fd, 0));
	consumer_close(&consumer);
}

struct poster {
	int server;
	uint64_t consumed;
	bool stop;
	int error;
};

/* Goes on while less than the watermark waits; then the consumer must come, or nobody would. */
static void *post_in_races(void *data)
{
	struct poster *poster = data;
	uint64_t random = 5, posted = 0;

	poster->error = pin_to_cpu(1);
	while (!poster->error && !__atomic_load_n(&poster->stop, __ATOMIC_RELAXED)) {
		uint64_t turns = next_random(&random) & ((1ULL << (next_random(&random) % 10)) - 1);

		if (posted - __atomic_load_n(&poster->consumed, __ATOMIC_ACQUIRE) >= 10)
			continue;
		while (turns--)
			__asm__ volatile("" ::: "memory");
		poster->error = post_some(poster->server, 1);
		posted++;
	}
	return NULL;
}

TEST_F(watermark, races)
{
	struct poster poster = { .server = self->server };
	uint64_t done = 0, slept = 0;
	const char *error = NULL;
	pthread_t thread;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "a race takes two CPUs");
	ASSERT_EQ(0, pthread_create(&thread, NULL, post_in_races, &poster));
	while (done < test_load(RACES) * 10 && !error) {
		if (poll_for(self->fd, deadline_left(deadline_in(10))) != POLLIN)
			error = "a wake-up was lost";
		slept++;
		done += consumer_drain(&self->consumer, NULL, NULL);
		__atomic_store_n(&poster.consumed, done, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&poster.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(NULL, error) {
		TH_LOG("%s, after %ju", error, (uintmax_t)done);
	}
	EXPECT_EQ(NULL, self->consumer.error);
	EXPECT_EQ(0, poster.error);
	EXPECT_LT(done / 1000, slept);
}

TEST_HARNESS_MAIN
