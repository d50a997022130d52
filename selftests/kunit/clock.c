// SPDX-License-Identifier: GPL-2.0
/* KUnit: what a CPU knows of the clock does not outlive the machine's sleep. Works on a copy. */
#include <kunit/test.h>

#include "../../kernel/clock.c"

/* One that took long is not used, so it may take several. */
static bool look(void)
{
	bool good = false;
	unsigned int i;
	u64 ns;

	for (i = 0; i < 1000 && !good; i++) {
		preempt_disable();
		tandem_clock_look();
		good = tandem_clock_read(&ns);
		preempt_enable();
	}
	return good;
}

static void look_is_used(struct kunit *test)
{
	if (check_tsc_unstable())
		kunit_skip(test, "the time stamp counter is not good enough");
	KUNIT_EXPECT_TRUE(test, look());
}

static void look_ends_with_suspension(struct kunit *test)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu(tandem_clock, cpu).span, U64_MAX);

	suspend_event(&suspend_notifier, PM_SUSPEND_PREPARE, NULL);
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_EQ(test, per_cpu(tandem_clock, cpu).span, 0);
	KUNIT_EXPECT_FALSE(test, look());

	suspend_event(&suspend_notifier, PM_POST_SUSPEND, NULL);
	KUNIT_EXPECT_EQ(test, look(), !check_tsc_unstable());
}

static struct kunit_case clock_cases[] = {
	KUNIT_CASE(look_is_used),
	KUNIT_CASE(look_ends_with_suspension),
	{}
};

static struct kunit_suite clock_suite = {
	.name = "tandem_clock",
	.test_cases = clock_cases,
};

kunit_test_suite(clock_suite);
