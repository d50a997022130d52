// SPDX-License-Identifier: GPL-2.0
/*
 * The library's kinds of subscriptions, against the real kernel: one ring for all CPUs, records
 * without a time, a watermark for a poll that knows nothing of the library.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <tandem.h>

#include "kselftest_harness.h"

#include "generator.h"
#include "util.h"

#define RING_LARGE	(4 * 1024 * 1024)

FIXTURE(kinds) {
	int gen;
	struct tandem_subscription *sub;
	struct gen_check check;
};

FIXTURE_SETUP(kinds)
{
	self->gen = tandem_open("gen", O_RDWR);
	ASSERT_GE(self->gen, 0);
}

FIXTURE_TEARDOWN(kinds)
{
	tandem_unsubscribe(self->sub);
	gen_stop(self->gen);
	close(self->gen);
}

/* All that is there; @shared: in one order, that of time. */
static const char *drain(struct tandem_subscription *sub, struct gen_check *check, bool shared)
{
	const struct tandem_record *record;
	uint64_t last = 0;

	while ((record = tandem_next(sub))) {
		const struct tandem_gen_event *event =
			(const struct tandem_gen_event *)(const void *)record->data;
		unsigned int cpu = tandem_record_cpu(sub);
		const char *wrong;

		if (record->type_flags & TANDEM_RECORD_DISCARDED)
			continue;
		if (shared && (cpu != UINT_MAX || tandem_record_ring(sub)))
			return "not of a ring of all CPUs";
		if (shared && record->time < last)
			return "older than the one before it";
		if (!shared && record->time)
			return "it has a time";
		last = record->time;
		wrong = gen_check_event(check, event, record->len - sizeof(*record),
					shared ? event->cpu : cpu);
		if (wrong)
			return wrong;
	}
	return NULL;
}

/* All contexts at once, read while they post. */
static void consume_run(struct __test_metadata *_metadata, FIXTURE_DATA(kinds) * self,
			uint32_t flags)
{
	struct tandem_subscribe_options options = { .ring_size = RING_LARGE, .flags = flags };
	struct tandem_counters counters;
	struct tandem_gen_start start;
	struct tandem_gen_status status;
	uint64_t deadline = deadline_in(60);
	bool shared = flags & TANDEM_SUBSCRIBE_SHARED;

	ASSERT_EQ(tandem_subscribe(&self->sub, self->gen, &options), 0);
	EXPECT_FALSE(tandem_subscription_attached(self->sub));
	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_SOFTIRQ |
			 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK);
	start.count = test_load(2000);
	start.rate = 2000;
	start.size = 100;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	gen_check_init(&self->check, &start);
	do {
		ASSERT_FALSE(deadline_passed(deadline));
		ASSERT_GE(tandem_wait(self->sub, 100), 0);
		ASSERT_EQ(drain(self->sub, &self->check, shared), NULL);
		ASSERT_EQ(gen_status(self->gen, &status), 0);
	} while (status.running);
	ASSERT_EQ(drain(self->sub, &self->check, shared), NULL);

	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(self->check.received, counters.delivered);
	EXPECT_EQ(gen_posted(self->gen), counters.delivered + counters.lost);
	EXPECT_EQ(counters.lost, counters.lost_recursion);
}

TEST_F(kinds, shared)
{
	consume_run(_metadata, self, TANDEM_SUBSCRIBE_SHARED);
}

TEST_F(kinds, no_time)
{
	consume_run(_metadata, self, TANDEM_SUBSCRIBE_NO_TIME);
}

/* A sleeper is woken by each record of a shared ring, whoever posts it. */
TEST_F(kinds, shared_wait)
{
	struct tandem_subscribe_options options = { .flags = TANDEM_SUBSCRIBE_SHARED };
	struct tandem_gen_status status;
	struct tandem_gen_start start;

	ASSERT_EQ(tandem_subscribe(&self->sub, self->gen, &options), 0);
	gen_init(&start, 1 << TANDEM_GEN_HARDIRQ);
	start.rate = test_load(200);
	start.count = start.rate;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	gen_check_init(&self->check, &start);
	do {
		int ret = tandem_wait(self->sub, 5000);

		ASSERT_EQ(gen_status(self->gen, &status), 0);
		ASSERT_TRUE(ret == 1 || (ret == 0 && !status.running));
		ASSERT_EQ(drain(self->sub, &self->check, true), NULL);
	} while (status.running || self->check.received < gen_posted(self->gen));
	EXPECT_EQ(self->check.missing, 0);
}

/* The kernel knows the watermark too. */
TEST_F(kinds, watermark)
{
	struct tandem_subscribe_options options = { .watermark = 4096 };
	struct pollfd pollfd = { .events = POLLIN };
	struct tandem_gen_start start;
	uint64_t posted;

	ASSERT_EQ(tandem_subscribe(&self->sub, self->gen, &options), 0);
	pollfd.fd = tandem_subscription_fd(self->sub);
	gen_init(&start, 1 << TANDEM_GEN_PROCESS);
	start.count = 10;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
	posted = gen_posted(self->gen);
	EXPECT_EQ(poll(&pollfd, 1, 0), 0);
	start.count = 200;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	EXPECT_EQ(poll(&pollfd, 1, 10000), 1);
	ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
	posted += gen_posted(self->gen);
	EXPECT_EQ((uint64_t)tandem_dispatch(self->sub, 0), posted);
}

TEST_HARNESS_MAIN
