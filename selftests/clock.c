// SPDX-License-Identifier: GPL-2.0
/*
 * The time of a record: in a ring it never goes back, and it is the clock's, though an interrupt
 * that posts to another ring of the CPU may come at any moment.
 */
#include <fcntl.h>
#include <pthread.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "util.h"

#define DEVICE	"t-clock"
#define RING	(64 * 1024)
#define SECONDS	4
/* A time is never ahead of the clock, and behind it by at most this: TANDEM_CLOCK_LAG_NS. */
#define LAG_NS	(2000 + 100000 / 512)

/*
 * Two rings of CPU 1: one takes what a thread posts there, the other what the generator posts in
 * interrupts. Each look at the clock that an interrupt takes may come amid a post of the thread.
 */
FIXTURE(clock)
{
	struct consumer consumer;
	struct consumer interrupts;
	int server;
	int gen;
};

FIXTURE_SETUP(clock)
{
	uint64_t mask = 1 << 1;
	struct tandem_gen_start start;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "the thread on the second CPU needs one");
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, consumer_open(&self->consumer, DEVICE, 16 * RING));
	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	ASSERT_EQ(0, consumer_open(&self->interrupts, "gen", RING));
	gen_init(&start, 1 << TANDEM_GEN_HARDIRQ);
	start.rate = test_load(40000);
	start.cpus = (uintptr_t)&mask;
	start.cpus_len = sizeof(mask);
	ASSERT_EQ(0, gen_start(self->gen, &start));
}

FIXTURE_TEARDOWN(clock)
{
	gen_stop(self->gen);
	consumer_close(&self->interrupts);
	close(self->gen);
	consumer_close(&self->consumer);
	close(self->server);
	remove_device(DEVICE);
}

struct poster {
	int server;
	int error;
	bool stop;
};

static void *post_without_end(void *data)
{
	struct poster *poster = data;

	poster->error = pin_to_cpu(1);
	while (!poster->error && !__atomic_load_n(&poster->stop, __ATOMIC_RELAXED))
		poster->error = post_event(poster->server, 1, TANDEM_CLASS_NORMAL, NULL, 0);
	return NULL;
}

static const char *check_order(void *data, const struct ring *ring,
			       const struct tandem_record *record)
{
	uint64_t *back = data;

	if (record->time >= ring->time)
		return NULL;
	*back = ring->time - record->time;
	return "time goes back";
}

TEST_F(clock, never_goes_back)
{
	const uint64_t deadline = now_ns() + SECONDS * 1000000000ULL;
	struct poster poster = { .server = self->server };
	uint64_t records = 0, back = 0;
	pthread_t thread;

	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, post_without_end, &poster));
	while (!deadline_passed(deadline) && !self->consumer.error) {
		records += consumer_drain(&self->consumer, check_order, &back);
		/* Interrupts post only where there is room. */
		consumer_drain(&self->interrupts, NULL, NULL);
	}
	__atomic_store_n(&poster.stop, true, __ATOMIC_RELAXED);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, poster.error);
	EXPECT_EQ(NULL, self->consumer.error) {
		TH_LOG("%s by %ju ns, after %ju records", self->consumer.error, (uintmax_t)back,
		       (uintmax_t)records);
	}
	EXPECT_LT(1000, records);
	EXPECT_LT(100, consumer_records(&self->interrupts));
}

TEST_F(clock, is_the_clock)
{
	const uint64_t deadline = now_ns() + SECONDS * 1000000000ULL;
	struct ring *ring;
	uint64_t records = 0;

	ASSERT_EQ(0, pin_to_cpu(1));
	ring = &self->consumer.ring[1];
	while (!deadline_passed(deadline)) {
		const struct tandem_record *record;
		uint64_t before, after;

		before = now_ns();
		ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
		after = now_ns();
		record = ring_next(&self->consumer, ring);
		ASSERT_NE(NULL, record);
		ASSERT_LE(record->time, after) {
			TH_LOG("%ju ns ahead, after %ju records",
			       (uintmax_t)(record->time - after), (uintmax_t)records);
		}
		ASSERT_GE(record->time + LAG_NS, before) {
			TH_LOG("%ju ns behind, after %ju records",
			       (uintmax_t)(before - record->time), (uintmax_t)records);
		}
		ring_release(ring);
		consumer_drain(&self->interrupts, NULL, NULL);
		records++;
	}
	EXPECT_LT(1000, records);
	EXPECT_LT(100, consumer_records(&self->interrupts));
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return len == (ssize_t)strlen(text) ? 0 : -1;
}

/* The kernel goes to sleep as far as freezing user space, waits, and wakes up. */
TEST_F(clock, survives_suspension)
{
	const struct tandem_record *record;
	struct ring *ring = &self->consumer.ring[1];
	uint64_t before, after;

	if (write_file("/sys/power/pm_test", "freezer"))
		SKIP(return, "this kernel has no tests of suspension");
	ASSERT_EQ(0, write_file("/sys/module/suspend/parameters/pm_test_delay", "1"));
	ASSERT_EQ(0, pin_to_cpu(1));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	before = now_ns();
	ASSERT_EQ(0, write_file("/sys/power/state", "freeze"));
	/* The delay is a loop, which need not be as long as the clock says. */
	ASSERT_LE(before + 500000000, now_ns());

	before = now_ns();
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	after = now_ns();
	ASSERT_NE(NULL, ring_next(&self->consumer, ring));
	ring_release(ring);
	record = ring_next(&self->consumer, ring);
	ASSERT_NE(NULL, record);
	EXPECT_LE(record->time, after);
	EXPECT_GE(record->time + LAG_NS, before);
}

TEST_HARNESS_MAIN
