// SPDX-License-Identifier: GPL-2.0
/*
 * Clock: to look at it.
 */
#include <linux/math64.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/suspend.h>
#include <linux/time64.h>

#include "clock.h"

#ifdef CONFIG_X86_TSC
DEFINE_PER_CPU(struct tandem_clock, tandem_clock);

/* The machine goes to sleep or wakes up: its counter may be put back, so that no look holds. */
static bool suspending;

static u64 tandem_clock_cycles(u64 ns)
{
	return mul_u64_u32_div(ns, tsc_khz, USEC_PER_SEC);
}

/**
 * tandem_clock_look() - read the clock, and note it for the stamps to come
 *
 * Who interrupts this finds a span of 0 and reads the clock for itself. That may be later than the
 * stamps that this look would lead to, so it is not used then; nor if it took long, nor while the
 * machine is being suspended.
 *
 * Context: any; preemption is off.
 * Return: CLOCK_MONOTONIC in nanoseconds.
 */
u64 tandem_clock_look(void)
{
	struct tandem_clock *clock = this_cpu_ptr(&tandem_clock);
	u64 ns, mult, before, after;

	/* In NMI the clock may be in the middle of an update, and what it says a little off. */
	if (READ_ONCE(clock->looking)) {
		WRITE_ONCE(clock->looking, READ_ONCE(clock->looking) + 1);
		return ktime_get_mono_fast_ns();
	}
	if (in_nmi() || check_tsc_unstable())
		return ktime_get_mono_fast_ns();

	WRITE_ONCE(clock->looking, 1);
	barrier();
	WRITE_ONCE(clock->span, 0);
	barrier();
	before = rdtsc_ordered();
	ns = ktime_get_mono_fast_ns();
	/* After the clock: stamps come out too early rather than too late. */
	after = rdtsc_ordered();
	mult = div_u64(USEC_PER_SEC << 32, tsc_khz);
	WRITE_ONCE(clock->cycles, after);
	WRITE_ONCE(clock->ns, ns);
	WRITE_ONCE(clock->mult, mult - mult / TANDEM_CLOCK_SLOWER);
	barrier();
	if (after - before <= tandem_clock_cycles(TANDEM_CLOCK_LOOK_NS))
		WRITE_ONCE(clock->span, tandem_clock_cycles(TANDEM_CLOCK_SPAN_NS));
	barrier();
	/* Last, since forget() may have interrupted this at any moment before. */
	if (READ_ONCE(clock->looking) != 1 || READ_ONCE(suspending))
		WRITE_ONCE(clock->span, 0);
	WRITE_ONCE(clock->looking, 0);
	return ns;
}

/* If it interrupts a look, that one sees afterwards that the machine is being suspended. */
static void forget(void *unused)
{
	this_cpu_write(tandem_clock.span, 0);
}

/* Hibernation keeps an image in which the machine is still being suspended. */
static int suspend_event(struct notifier_block *block, unsigned long event, void *unused)
{
	unsigned int cpu;

	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
		WRITE_ONCE(suspending, true);
		on_each_cpu(forget, NULL, true);
		/* Also those that are offline. */
		for_each_possible_cpu(cpu)
			WRITE_ONCE(per_cpu(tandem_clock, cpu).span, 0);
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
		WRITE_ONCE(suspending, false);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block suspend_notifier = {
	.notifier_call = suspend_event,
};

int tandem_clock_init(void)
{
	return register_pm_notifier(&suspend_notifier);
}

void tandem_clock_exit(void)
{
	unregister_pm_notifier(&suspend_notifier);
}
#endif
