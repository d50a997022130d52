/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clock: CLOCK_MONOTONIC for time stamps, in any context.
 *
 * ktime_get_mono_fast_ns() costs as much as all the rest of a post. So where the time stamp
 * counter is good enough for the kernel, each CPU looks at the clock now and then, and counts
 * cycles in between, at a rate a little too slow. A stamp is then never ahead of the clock, at
 * most TANDEM_CLOCK_LAG_NS behind it, and never before the last one of its CPU. (Unless adjtimex()
 * slows the clock by more than NTP does, up to a tenth: then stamps may step back by a tenth of
 * TANDEM_CLOCK_SPAN_NS.)
 */
#ifndef _TANDEM_CLOCK_H
#define _TANDEM_CLOCK_H

#include <linux/percpu.h>
#include <linux/timekeeping.h>

/* For how long a look is good, and how long it may take. */
#define TANDEM_CLOCK_SPAN_NS	100000
#define TANDEM_CLOCK_LOOK_NS	2000
/* Cycles count for one part in so many less: NTP adjusts the clock's rate by less than that. */
#define TANDEM_CLOCK_SLOWER	512
#define TANDEM_CLOCK_LAG_NS	(TANDEM_CLOCK_LOOK_NS + TANDEM_CLOCK_SPAN_NS / TANDEM_CLOCK_SLOWER)

#ifdef CONFIG_X86_TSC
#include <asm/tsc.h>

/**
 * struct tandem_clock - what a CPU knows of the clock
 * @cycles: at the last look
 * @span: for how many cycles that holds; 0: for none
 * @mult: nanoseconds a cycle, times 2^32
 * @ns: at the last look
 * @looking: how many looks were begun since the outermost of those that are being taken
 *
 * Each is its CPU's own, with preemption off; but the span ends everywhere when the machine is
 * suspended, and none begins until it has woken up.
 */
struct tandem_clock {
	u64 cycles;
	u64 span;
	u64 mult;
	u64 ns;
	unsigned int looking;
};

DECLARE_PER_CPU(struct tandem_clock, tandem_clock);

int tandem_clock_init(void);
void tandem_clock_exit(void);
u64 tandem_clock_look(void);

/*
 * Is the look that was taken last good for now? If so, sets *@ns. Who interrupts this may take
 * a new one, whose parts must not be mixed with those of the old.
 */
static __always_inline bool tandem_clock_read(u64 *ns)
{
	const struct tandem_clock *clock = this_cpu_ptr(&tandem_clock);
	u64 cycles = rdtsc_ordered();
	u64 look;

	barrier();
	look = READ_ONCE(clock->cycles);
	/* If that is a later look than the counter's, this wraps. */
	cycles -= look;
	/*
	 * KCSAN is told: who interrupts this changes cycles, and what was read before is thrown
	 * away; and each is a word of this CPU, whose load costs nothing of its own if it is plain.
	 */
	if (unlikely(cycles >= data_race(clock->span)))
		return false;
	/* Likewise. */
	*ns = data_race(clock->ns + ((cycles * clock->mult) >> 32));
	barrier();
	/* Likewise. */
	return likely(data_race(clock->cycles) == look);
}
#else
static inline int tandem_clock_init(void)
{
	return 0;
}

static inline void tandem_clock_exit(void)
{
}

static inline u64 tandem_clock_look(void)
{
	return ktime_get_mono_fast_ns();
}

static __always_inline bool tandem_clock_read(u64 *ns)
{
	*ns = tandem_clock_look();
	return true;
}
#endif

#endif /* _TANDEM_CLOCK_H */
