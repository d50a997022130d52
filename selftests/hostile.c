// SPDX-License-Identifier: GPL-2.0
/*
 * A consumer that writes garbage over every byte that it can write hurts itself alone: posters go
 * on, and other consumers lose nothing.
 *
 * TIMEOUT=240
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-hostile"
#define RING	(64 * 1024)

FIXTURE(hostile)
{
	int server;
	struct consumer bad;
	struct consumer good;
};

FIXTURE_SETUP(hostile)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, consumer_open(&self->good, DEVICE, RING));
	ASSERT_EQ(0, consumer_open(&self->bad, DEVICE, RING));
	ASSERT_EQ(0, fcntl(self->bad.fd, F_SETFL, O_NONBLOCK));
}

FIXTURE_TEARDOWN(hostile)
{
	EXPECT_EQ(NULL, self->good.error) {
		TH_LOG("%s", self->good.error);
	}
	EXPECT_EQ(0, consumer_lost_records(&self->good));
	consumer_close(&self->bad);
	consumer_close(&self->good);
	close(self->server);
	remove_device(DEVICE);
}

/*
 * Posts @count events, which the good consumer gets, each of them. Return: NULL, or what went
 * wrong.
 */
static const char *post_and_get(int server, struct consumer *good, unsigned int count)
{
	static const uint8_t data[100];

	while (count--) {
		if (post_event(server, 1, TANDEM_CLASS_NORMAL, data, sizeof(data)))
			return "the poster failed";
		if (consumer_drain(good, NULL, NULL) != 1)
			return "the good consumer did not get its event";
	}
	return NULL;
}

static short poll_now(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	return poll(&ready, 1, 0) < 0 ? 0 : ready.revents;
}

static bool wait_error(int fd, uint64_t deadline)
{
	struct pollfd ready = { .fd = fd };

	return poll(&ready, 1, deadline_left(deadline)) == 1 && ready.revents & POLLERR;
}

static ssize_t read_error(int fd)
{
	char buffer[4096];
	ssize_t len = read(fd, buffer, sizeof(buffer));

	return len < 0 ? -errno : len;
}

/* What a ring may not be told, not even some records later. */
static uint64_t impossible(unsigned int n, uint64_t published)
{
	const uint64_t values[] = {
		published + RING, published + 1, published - 4, 1, 7,
		1ULL << 63, ~0ULL, ~7ULL, published + (1ULL << 32), published ^ (1ULL << 62),
	};

	return values[n % ARRAY_SIZE(values)];
}

#define IMPOSSIBLE	10

/* The kernel learns of it when the ring seems full, from its own posting. */
TEST_F(hostile, found_by_the_producer)
{
	unsigned int n;

	for (n = 0; n < IMPOSSIBLE; n++) {
		struct ring *ring = &self->bad.ring[0];
		const uint64_t deadline = deadline_in(10);
		uint64_t lost, position;
		const char *error;

		error = post_and_get(self->server, &self->good, 50);
		ASSERT_EQ(NULL, error);
		position = impossible(n, ring_published(ring));
		ring->consumer->cons_pos = position;
		error = post_and_get(self->server, &self->good, 2 * RING / 116);
		ASSERT_EQ(NULL, error);
		EXPECT_EQ(TANDEM_RING_CORRUPT, ring->producer->state) {
			TH_LOG("position %#jx", (uintmax_t)position);
		}
		EXPECT_TRUE(wait_error(self->bad.fd, deadline));
		EXPECT_EQ(-EBADMSG, read_error(self->bad.fd));
		EXPECT_EQ(TANDEM_RING_CORRUPT, query_own_number(DEVICE, TANDEM_ATTR_STATE));

		/* To mend the position mends nothing; all that comes is lost, and counted. */
		ring->consumer->cons_pos = ring_published(ring);
		lost = consumer_lost_records(&self->bad);
		EXPECT_LT(0, lost);
		error = post_and_get(self->server, &self->good, 10);
		ASSERT_EQ(NULL, error);
		EXPECT_EQ(lost + 10, consumer_lost_records(&self->bad));
		EXPECT_EQ(-EBADMSG, read_error(self->bad.fd));
		EXPECT_NE(0, poll_now(self->bad.fd) & POLLERR);

		consumer_close(&self->bad);
		ASSERT_EQ(0, consumer_open(&self->bad, DEVICE, RING));
		ASSERT_EQ(0, fcntl(self->bad.fd, F_SETFL, O_NONBLOCK));
	}
}

/* A read that would wait returns as well, whether the position was mended or not. */
TEST_F(hostile, read_does_not_wait)
{
	struct ring *ring = &self->bad.ring[0];
	unsigned int mended;

	ASSERT_EQ(0, fcntl(self->bad.fd, F_SETFL, 0));
	for (mended = 0; mended < 2; mended++) {
		const char *error;
		pid_t pid;

		ring->consumer->cons_pos = 4;
		error = post_and_get(self->server, &self->good, 2 * RING / 116);
		ASSERT_EQ(NULL, error);
		ASSERT_EQ(TANDEM_RING_CORRUPT, ring->producer->state);
		if (mended)
			ring->consumer->cons_pos = ring_published(ring);
		pid = fork();
		if (!pid)
			_exit(read_error(self->bad.fd) == -EBADMSG ? 0 : 1);
		EXPECT_EQ(0, wait_child(pid, deadline_in(10)));
	}
}

/* Or from read(), which need not wait until the ring is full. */
TEST_F(hostile, found_by_read)
{
	unsigned int n;

	for (n = 0; n < IMPOSSIBLE; n++) {
		struct ring *ring = &self->bad.ring[0];
		const char *error = post_and_get(self->server, &self->good, 50);
		ssize_t len;

		ASSERT_EQ(NULL, error);
		ring->consumer->cons_pos = impossible(n, ring_published(ring));
		len = read_error(self->bad.fd);
		EXPECT_EQ(-EBADMSG, len) {
			TH_LOG("position %#jx", (uintmax_t)ring->consumer->cons_pos);
		}
		EXPECT_TRUE(wait_error(self->bad.fd, deadline_in(10)));
		EXPECT_EQ(-EBADMSG, read_error(self->bad.fd));
		consumer_close(&self->bad);
		ASSERT_EQ(0, consumer_open(&self->bad, DEVICE, RING));
		ASSERT_EQ(0, fcntl(self->bad.fd, F_SETFL, O_NONBLOCK));
	}
}

/*
 * A position within a record is possible for all the kernel knows; what read() gives then is
 * bounded.
 */
TEST_F(hostile, within_a_record)
{
	static uint8_t data[4000];
	uint64_t random = 3;
	unsigned int i;

	for (i = 0; i < test_load(400); i++) {
		struct ring *ring = &self->bad.ring[0];
		uint8_t buffer[TANDEM_RECORD_MAX];
		size_t j;
		ssize_t len;

		for (j = 0; j < sizeof(data); j++)
			data[j] = next_random(&random);
		ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_CRITICAL, data,
					sizeof(data)));
		ASSERT_EQ(1, consumer_drain(&self->good, NULL, NULL));
		if (ring->producer->state == TANDEM_RING_CORRUPT) {
			consumer_close(&self->bad);
			ASSERT_EQ(0, consumer_open(&self->bad, DEVICE, RING));
			ASSERT_EQ(0, fcntl(self->bad.fd, F_SETFL, O_NONBLOCK));
			continue;
		}
		ring->consumer->cons_pos = ring_published(ring) -
					   (8 + next_random(&random) % (sizeof(data) - 8)) / 8 * 8;
		len = read(self->bad.fd, buffer, sizeof(buffer));
		EXPECT_LE(len, 4016);
		EXPECT_TRUE(len >= 0 || errno == EBADMSG);
	}
}

/* All bytes but the two fields mean nothing; wake_at may say anything. */
TEST_F(hostile, other_bytes)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	uint64_t random = 5;
	unsigned int i;
	size_t j;

	for (i = 0; i < 50; i++) {
		struct ring *ring = &self->bad.ring[i % self->bad.args.rings];
		uint8_t *bytes = (uint8_t *)ring->consumer;
		const char *error;

		for (j = sizeof(ring->consumer->cons_pos); j < page; j++)
			bytes[j] = next_random(&random);
		error = post_and_get(self->server, &self->good, 20);
		ASSERT_EQ(NULL, error);
		EXPECT_EQ(20, consumer_drain(&self->bad, NULL, NULL));
		ASSERT_EQ(NULL, self->bad.error);
		poll_now(self->bad.fd);
		EXPECT_EQ(-EAGAIN, read_error(self->bad.fd));
	}
	EXPECT_EQ(TANDEM_RING_ACTIVE, query_own_number(DEVICE, TANDEM_ATTR_STATE));
	EXPECT_EQ(0, consumer_lost_records(&self->bad));
}

struct vandal {
	struct consumer *consumer;
	unsigned int cpu;
	bool stop;
	uint64_t written;
};

static void *write_garbage(void *data)
{
	struct vandal *vandal = data;
	const size_t words = sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	uint64_t random = 11;
	size_t i;

	if (pin_to_cpu(vandal->cpu))
		return NULL;
	while (!__atomic_load_n(&vandal->stop, __ATOMIC_RELAXED)) {
		struct ring *ring = &vandal->consumer->ring[next_random(&random) %
							    vandal->consumer->args.rings];
		uint64_t *word = (uint64_t *)ring->consumer;

		for (i = 0; i < words; i++)
			__atomic_store_n(&word[i], next_random(&random), __ATOMIC_RELAXED);
		/* At times a position that may be, so that the ring lives a little. */
		__atomic_store_n(word, ring_published(ring), __ATOMIC_RELAXED);
		vandal->written++;
	}
	return NULL;
}

/* All contexts post on all CPUs while two consumers' pages are being overwritten. */
TEST_F(hostile, during_posting)
{
	const uint64_t deadline = deadline_in(60);
	struct tandem_gen_status status = { .running = 1 };
	struct vandal vandals[2] = { { .cpu = 0 }, { .cpu = 1 } };
	int gen = open_node("gen", O_RDWR);
	struct consumer good, bad[2];
	struct tandem_gen_start start;
	static struct gen_check check;
	pthread_t threads[2];
	unsigned int i;

	ASSERT_LE(0, gen);
	ASSERT_EQ(0, consumer_open(&bad[0], "gen", RING));
	ASSERT_EQ(0, consumer_open(&good, "gen", 1024 * 1024));
	ASSERT_EQ(0, consumer_open(&bad[1], "gen", RING));
	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_HARDIRQ |
		 1 << TANDEM_GEN_SOFTIRQ);
	start.rate = 1000;
	start.size = 64;
	start.count = test_load(4000);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, fcntl(bad[i].fd, F_SETFL, O_NONBLOCK));
		vandals[i].consumer = &bad[i];
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_garbage, &vandals[i]));
	}
	ASSERT_EQ(0, gen_start(gen, &start));
	gen_check_init(&check, &start);
	while (status.running && !deadline_passed(deadline)) {
		struct pollfd ready = { .fd = good.fd, .events = POLLIN };
		char buffer[4096];

		poll(&ready, 1, 100);
		consumer_drain(&good, gen_check_record, &check);
		for (i = 0; i < 2; i++) {
			poll_now(bad[i].fd);
			/* Whatever it says: it returns. */
			EXPECT_GE((ssize_t)sizeof(buffer),
				  read(bad[i].fd, buffer, sizeof(buffer)));
		}
		ASSERT_EQ(0, gen_status(gen, &status));
	}
	EXPECT_EQ(0, status.running);
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&vandals[i].stop, true, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_LT(0, vandals[i].written);
	}
	consumer_drain(&good, gen_check_record, &check);
	EXPECT_EQ(NULL, good.error) {
		TH_LOG("%s", good.error);
	}
	EXPECT_EQ(0, consumer_lost_records(&good));
	EXPECT_EQ(gen_posted(gen), check.received);
	EXPECT_EQ(start.count * 3 * sysconf(_SC_NPROCESSORS_ONLN), check.received);
	for (i = 0; i < 2; i++)
		consumer_close(&bad[i]);
	consumer_close(&good);
	close(gen);
}

/* The rings of a consumer that was killed over its garbage are swept up with it. */
TEST_F(hostile, killed)
{
	const uint64_t deadline = deadline_in(20);
	const char *error;
	struct query query;
	pid_t pid = fork();

	if (!pid) {
		struct consumer own;

		if (consumer_open(&own, DEVICE, RING))
			_exit(1);
		own.ring[0].consumer->cons_pos = 12345;
		own.ring[0].consumer->wake_at = 0;
		for (;;)
			poll_now(own.fd);
	}
	ASSERT_EQ(0, query_open(&query));
	while (query_count(&query, TANDEM_CMD_SUBSCRIPTION_GET, DEVICE) < 3) {
		ASSERT_FALSE(deadline_passed(deadline));
	}
	error = post_and_get(self->server, &self->good, 1000);
	EXPECT_EQ(NULL, error);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(SIGKILL, wait_child(pid, deadline));
	EXPECT_EQ(2, query_count(&query, TANDEM_CMD_SUBSCRIPTION_GET, DEVICE));
	query_close(&query);
	error = post_and_get(self->server, &self->good, 1000);
	EXPECT_EQ(NULL, error);
}

TEST_HARNESS_MAIN
