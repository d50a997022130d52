// SPDX-License-Identifier: GPL-2.0
/*
 * What the library makes of rings that are full: flight recorders, which overwrite the oldest, and
 * posters that wait for room.
 *
 * TIMEOUT=120
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <tandem.h>

#include "kselftest_harness.h"

#include "util.h"

#define DEVICE		"overflow"
#define RING		TANDEM_RING_SIZE_MIN
#define POSTS		5000

FIXTURE(overflow) {
	int server;
	int node;
	struct tandem_subscription *sub;
};

FIXTURE_SETUP(overflow)
{
	struct tandem_bind_options bind = {
		.flags = TANDEM_BIND_CREATE | TANDEM_BIND_MAY_BLOCK, .mode = 0600,
		.events_mode = 0400,
	};

	self->server = tandem_bind(DEVICE, &bind, NULL);
	ASSERT_GE(self->server, 0);
	self->node = tandem_open(DEVICE, O_RDONLY);
	ASSERT_GE(self->node, 0);
}

FIXTURE_TEARDOWN(overflow)
{
	tandem_unsubscribe(self->sub);
	close(self->node);
	close(self->server);
	tandem_remove(DEVICE);
}

static int subscribe(FIXTURE_DATA(overflow) * self, uint32_t overflow)
{
	const struct tandem_subscribe_options options = {
		.ring_size = RING, .overflow = overflow,
	};

	return tandem_subscribe(&self->sub, self->node, &options);
}

/* By so much a time may be behind the clock: TANDEM_CLOCK_LAG_NS. */
#define LAG_NS	(2000 + 100000 / 512)

/* The events are numbers, from 0 on. */
static int post(int server, uint64_t number)
{
	return tandem_post(server, 1, TANDEM_CLASS_NORMAL, &number, sizeof(number));
}

/* What came: numbers that follow each other, from @first on; @next is wanted now. */
struct tally {
	uint64_t first;
	uint64_t next;
	uint64_t count;
	unsigned int cpus;
	bool strange;
};

static int add(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	struct tally *tally = arg;
	uint64_t number;

	memcpy(&number, record->data, sizeof(number));
	if (!tally->count++)
		tally->first = number;
	else if (number != tally->next)
		tally->strange = true;
	tally->next = number + 1;
	tally->cpus |= 1U << tandem_record_cpu(sub) % 32;
	return 0;
}

static int stop(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	(void)sub;
	(void)record;
	(void)arg;
	return -ECANCELED;
}

/* ---- Flight recorders ---- */

/* A snapshot shows the newest, as often as one likes; what is taken out is counted as such. */
TEST_F(overflow, recorder)
{
	struct tally shown = { 0 }, again = { 0 }, taken = { 0 };
	struct tandem_counters counters;
	const struct tandem_record *record;
	uint64_t n;

	ASSERT_EQ(pin_to_cpu(0), 0);
	ASSERT_EQ(subscribe(self, TANDEM_OVERFLOW_OVERWRITE), 0);
	EXPECT_EQ(tandem_snapshot(self->sub, add, &shown), 0);
	for (n = 0; n < POSTS; n++)
		ASSERT_EQ(post(self->server, n), 0);
	ASSERT_GT(tandem_snapshot(self->sub, add, &shown), 0);
	EXPECT_FALSE(shown.strange);
	EXPECT_EQ(shown.next, POSTS);
	EXPECT_GT(shown.count * (sizeof(*record) + sizeof(n)), RING / 2);
	EXPECT_LT(shown.count, POSTS);
	EXPECT_EQ(shown.cpus, 1);
	EXPECT_EQ((uint64_t)tandem_snapshot(self->sub, add, &again), shown.count);
	EXPECT_EQ(memcmp(&shown, &again, sizeof(shown)), 0);
	EXPECT_EQ(tandem_snapshot(self->sub, stop, NULL), -ECANCELED);

	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(counters.overwritten, POSTS - shown.count);
	while ((record = tandem_next(self->sub)))
		add(self->sub, record, &taken);
	EXPECT_FALSE(taken.strange);
	EXPECT_EQ(taken.first, shown.first);
	EXPECT_EQ(taken.next, POSTS);
	EXPECT_EQ(tandem_record_cpu(self->sub), UINT_MAX);
	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(counters.delivered + counters.overwritten, POSTS);
	EXPECT_EQ(counters.lost_seen, counters.overwritten);
	EXPECT_EQ(tandem_snapshot(self->sub, add, &again), 0);
}

/* Events of all CPUs, in the order in which they were posted. */
TEST_F(overflow, merged)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct tally shown = { 0 };
	uint64_t n, moved;

	ASSERT_EQ(subscribe(self, TANDEM_OVERFLOW_OVERWRITE), 0);
	for (n = 0; n < 1000; n++) {
		if (n % 100 == 0) {
			ASSERT_EQ(pin_to_cpu(n / 100 % (uint64_t)cpus), 0);
			/* Times of two CPUs say which was first if they are further apart. */
			for (moved = now_ns(); now_ns() < moved + LAG_NS;)
				;
		}
		ASSERT_EQ(post(self->server, n), 0);
	}
	EXPECT_EQ(tandem_snapshot(self->sub, add, &shown), 1000);
	EXPECT_FALSE(shown.strange);
	EXPECT_EQ(shown.first, 0);
	EXPECT_EQ(shown.cpus, (1U << cpus) - 1);
}

/* A recorder can be waited for, and it ends with its device. */
TEST_F(overflow, wait)
{
	struct tally taken = { 0 };
	struct pollfd pollfd = { .events = POLLIN };

	ASSERT_EQ(subscribe(self, TANDEM_OVERFLOW_OVERWRITE), 0);
	pollfd.fd = tandem_subscription_fd(self->sub);
	EXPECT_EQ(tandem_wait(self->sub, 0), 0);
	EXPECT_EQ(tandem_wait(self->sub, 20), 0);
	EXPECT_EQ(tandem_arm(self->sub), 0);
	EXPECT_EQ(poll(&pollfd, 1, 0), 0);
	ASSERT_EQ(post(self->server, 0), 0);
	EXPECT_EQ(poll(&pollfd, 1, 10000), 1);
	EXPECT_EQ(tandem_wait(self->sub, -1), 1);
	EXPECT_EQ(tandem_arm(self->sub), 1);
	ASSERT_EQ(tandem_on(self->sub, 1, add, &taken), 0);
	EXPECT_EQ(tandem_dispatch(self->sub, 0), 1);
	ASSERT_EQ(post(self->server, 1), 0);
	close(self->server);
	self->server = -1;
	ASSERT_EQ(tandem_remove(DEVICE), 0);
	EXPECT_EQ(tandem_wait(self->sub, -1), 1);
	EXPECT_EQ(tandem_dispatch(self->sub, 0), 1);
	EXPECT_EQ(tandem_wait(self->sub, -1), -ENODEV);
	EXPECT_EQ(tandem_arm(self->sub), -ENODEV);
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(taken.count, 2);
	EXPECT_FALSE(taken.strange);
}

TEST_F(overflow, no_recorder)
{
	struct tandem_subscribe_options options = {
		.overflow = TANDEM_OVERFLOW_OVERWRITE, .manual_release = true,
	};
	struct tally shown = { 0 };

	EXPECT_EQ(tandem_subscribe(&self->sub, self->node, &options), -EINVAL);
	ASSERT_EQ(subscribe(self, TANDEM_OVERFLOW_DROP), 0);
	EXPECT_EQ(tandem_snapshot(self->sub, add, &shown), -EOPNOTSUPP);
}

/* ---- Posters that wait ---- */

/* A child posts many times what the ring holds; nothing is lost. */
TEST_F(overflow, block)
{
	struct tandem_counters counters;
	struct tally taken = { 0 };
	uint64_t posts = test_load(20000);
	pid_t child;

	ASSERT_EQ(subscribe(self, TANDEM_OVERFLOW_BLOCK), 0);
	ASSERT_EQ(tandem_on(self->sub, 1, add, &taken), 0);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		uint64_t n;

		if (pin_to_cpu(0))
			_exit(1);
		for (n = 0; n < posts; n++)
			if (tandem_post_wait(self->server, 1, TANDEM_CLASS_NORMAL, &n, sizeof(n),
					     TANDEM_FOREVER))
				_exit(2);
		_exit(0);
	}
	while (taken.count < posts) {
		ASSERT_EQ(tandem_wait(self->sub, 10000), 1);
		tandem_dispatch(self->sub, 0);
	}
	EXPECT_EQ(wait_child(child, deadline_in(30)), 0);
	EXPECT_FALSE(taken.strange);
	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(counters.lost, 0);
}

/* Nobody reads: the time is over, and the event is lost; who does not wait loses it at once. */
TEST_F(overflow, time_out)
{
	struct tandem_counters counters;
	uint64_t n, start, lost;

	ASSERT_EQ(pin_to_cpu(0), 0);
	ASSERT_EQ(subscribe(self, TANDEM_OVERFLOW_BLOCK), 0);
	for (n = 0; n < POSTS; n++)
		ASSERT_EQ(post(self->server, n), 0);
	tandem_subscription_counters(self->sub, &counters);
	lost = counters.lost;
	EXPECT_GT(lost, 0);
	start = now_ns();
	EXPECT_EQ(tandem_post_wait(self->server, 1, TANDEM_CLASS_NORMAL, &n, sizeof(n), 50000000),
		  -ETIMEDOUT);
	EXPECT_GE(now_ns() - start, 50000000);
	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(counters.lost, lost + 1);
	EXPECT_EQ(tandem_post_wait(self->server, 1, TANDEM_CLASS_NORMAL, NULL,
				   TANDEM_PAYLOAD_MAX + 1, 0), -EMSGSIZE);
	EXPECT_GT(tandem_dispatch(self->sub, 0), 0);
	EXPECT_EQ(tandem_post_wait(self->server, 1, TANDEM_CLASS_NORMAL, &n, sizeof(n), 50000000),
		  0);
}

/* Only where the device allows it. */
TEST_F(overflow, not_allowed)
{
	close(self->server);
	ASSERT_EQ(tandem_remove(DEVICE), 0);
	close(self->node);
	self->server = tandem_bind(DEVICE, NULL, NULL);
	ASSERT_GE(self->server, 0);
	self->node = tandem_open(DEVICE, O_RDONLY);
	ASSERT_GE(self->node, 0);
	EXPECT_EQ(subscribe(self, TANDEM_OVERFLOW_BLOCK), -EOPNOTSUPP);
}

TEST_HARNESS_MAIN
