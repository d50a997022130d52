// SPDX-License-Identifier: GPL-2.0
/* A consumer that has work must not be woken, nor its producer be stopped for it. */
#include <stdio.h>

#include "bench.h"

#define EVENTS	2000000

/* Reads all of a producer that posts on another CPU as fast as it can; sleeps only if @sleeps. */
static void measure(const struct bench *bench, const char *name, bool sleeps)
{
	struct tandem_subscription *sub = gen_subscribe(bench, NULL);
	struct tandem_counters counters;
	uint64_t begin = now_ns();
	char full[128];

	gen_start(bench, bench->cpus - 1, &(struct tandem_gen_start){
		.contexts = 1 << TANDEM_GEN_PROCESS,
		.count = EVENTS,
	});
	do {
		while (tandem_next(sub))
			;
		tandem_subscription_counters(sub, &counters);
		if (sleeps && counters.delivered + counters.lost < EVENTS) {
			int ret = tandem_wait(sub, 1000);

			if (ret < 0)
				die(ret, "cannot wait for events");
		}
	} while (counters.delivered + counters.lost < EVENTS);
	begin = now_ns() - begin;
	gen_finish(bench);

	snprintf(full, sizeof(full), "%s, wake-ups", name);
	result("busy", full, "of 2000000 events", count_wakeups(sub));
	snprintf(full, sizeof(full), "%s, lost", name);
	result("busy", full, "of 2000000 events", counters.lost);
	snprintf(full, sizeof(full), "%s, from post to consumer", name);
	result("busy", full, "ns an event", (double)begin / EVENTS);
	tandem_unsubscribe(sub);
}

void bench_busy(const struct bench *bench)
{
	if (bench->cpus < 2)
		return;
	pin(0);
	measure(bench, "consumer that polls the rings", false);
	measure(bench, "consumer that sleeps when drained", true);
}
