// SPDX-License-Identifier: GPL-2.0
/* How long a consumer that sleeps takes to wake up, and that one that is busy is left alone. */
#include <err.h>
#include <poll.h>
#include <stdio.h>

#include "bench.h"

#define RATE	1000
#define SAMPLES	10000

/* From the post, in a hard interrupt on @cpu, until poll() has returned to a consumer on CPU 0. */
static void measure(const struct bench *bench, const char *name, unsigned int cpu)
{
	static uint64_t samples[SAMPLES];
	struct tandem_subscription *sub = gen_subscribe(bench, NULL);
	struct pollfd pollfd = { .fd = tandem_subscription_fd(sub), .events = POLLIN };
	size_t count = 0;

	gen_start(bench, cpu, &(struct tandem_gen_start){
		.contexts = 1 << TANDEM_GEN_HARDIRQ,
		.rate = RATE,
	});
	while (count < SAMPLES) {
		int ret = tandem_arm(sub);

		if (ret < 0)
			die(ret, "cannot wait for events");
		if (!ret) {
			const struct tandem_record *record;
			uint64_t now;

			if (poll(&pollfd, 1, -1) < 0)
				err(1, "cannot wait for events");
			now = now_ns();
			record = tandem_next(sub);
			if (!record)
				die(0, "poll() said that there are events, but there are none");
			samples[count++] = now - record->time;
		}
		while (tandem_next(sub))
			;
	}
	gen_stop(bench);
	tandem_unsubscribe(sub);
	result_percentiles(bench, "wake-up", name, samples, SAMPLES);
}

void bench_wakeup(const struct bench *bench)
{
	pin(0);
	measure(bench, "posted on the consumer's CPU", 0);
	if (bench->cpus > 1)
		measure(bench, "posted on another CPU", bench->cpus - 1);
}
