// SPDX-License-Identifier: GPL-2.0
/* What a post costs its producer. */
#include <stdio.h>

#include "bench.h"

static void drain(struct tandem_subscription *sub)
{
	while (tandem_next(sub))
		;
}

/* Each of @subs is drained before each loop, so that no record is lost. */
static double measure(const struct bench *bench, uint32_t size, uint32_t batch,
		      struct tandem_subscription **subs, unsigned int count)
{
	struct rounds rounds;
	unsigned int i, j;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		for (j = 0; j < count; j++)
			drain(subs[j]);
		rounds.once[i] = gen_post(bench, BENCH_TURNS, size, batch);
		for (j = 0; j < count; j++)
			drain(subs[j]);
		rounds.twice[i] = gen_post(bench, 2 * BENCH_TURNS, size, batch);
	}
	return per_turn(&rounds);
}

static uint64_t lost(const struct tandem_subscription *sub)
{
	struct tandem_counters counters;

	tandem_subscription_counters(sub, &counters);
	return counters.lost;
}

static void measure_delivered(const struct bench *bench, double loop)
{
	static const uint32_t sizes[] = { 16, 64, 256, 4096 };
	struct tandem_subscription *subs[2];
	char name[64];
	unsigned int i;

	subs[0] = gen_subscribe(bench, NULL);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), "%u bytes", sizes[i]);
		result("post", name, unit(bench), measure(bench, sizes[i], 0, subs, 1) - loop);
	}
	result("post", "16 bytes, in batches of 64", unit(bench),
	       measure(bench, 16, 64, subs, 1) - loop);
	subs[1] = gen_subscribe(bench, NULL);
	result("post", "16 bytes, two subscriptions", unit(bench),
	       measure(bench, 16, 0, subs, 2) - loop);
	if (lost(subs[0]) || lost(subs[1]))
		die(0, "records were lost, so this did not measure what it should");
	tandem_unsubscribe(subs[0]);
	tandem_unsubscribe(subs[1]);
}

static void measure_full(const struct bench *bench, double loop)
{
	struct tandem_subscription *sub = gen_subscribe(bench, NULL);
	uint64_t before;

	gen_post(bench, BENCH_RING_SIZE / 32, 16, 0);
	before = lost(sub);
	result("post", "16 bytes, ring full", unit(bench), measure(bench, 16, 0, NULL, 0) - loop);
	if (lost(sub) - before != 3ULL * BENCH_TURNS * BENCH_ROUNDS)
		die(0, "the ring was not full, so this did not measure what it should");
	tandem_unsubscribe(sub);
}

static void measure_filtered(const struct bench *bench, double loop)
{
	static const uint16_t other = 1;
	const struct tandem_subscribe_options options = { .types = &other, .types_count = 1 };
	struct tandem_subscription *sub = gen_subscribe(bench, &options);

	result("post", "16 bytes, filter does not match", unit(bench),
	       measure(bench, 16, 0, NULL, 0) - loop);
	if (tandem_next(sub))
		die(0, "the filter let an event through, so this did not measure what it should");
	tandem_unsubscribe(sub);
}

void bench_post(const struct bench *bench)
{
	double loop;

	pin(bench->cpus - 1);
	loop = measure(bench, 16, 0, NULL, 0);
	result("post", "nobody listens, with the loop", unit(bench), loop);
	measure_filtered(bench, loop);
	measure_delivered(bench, loop);
	measure_full(bench, loop);
}
