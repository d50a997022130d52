// SPDX-License-Identifier: GPL-2.0
/* Results: from samples to numbers, and out. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void sort(uint64_t *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare);
}

/* An interrupt now and then is no part of a post. */
double median(uint64_t *samples, size_t count)
{
	sort(samples, count);
	return (samples[(count - 1) / 2] + samples[count / 2]) / 2.0;
}

double per_turn(struct rounds *rounds)
{
	return (median(rounds->twice, BENCH_ROUNDS) - median(rounds->once, BENCH_ROUNDS)) /
	       BENCH_TURNS;
}

const char *unit(const struct bench *bench)
{
	return bench->counts ? "instructions" : "ns";
}

void result(const char *group, const char *name, const char *unit_name, double value)
{
	printf("{\"group\": \"%s\", \"name\": \"%s\", \"unit\": \"%s\", \"value\": %.2f}\n", group,
	       name, unit_name, value);
	fflush(stdout);
}

void result_percentiles(const struct bench *bench, const char *group, const char *name,
			uint64_t *samples, size_t count)
{
	static const struct {
		const char *name;
		double share;
	} percentiles[] = {
		{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 },
	};
	char full[128];
	unsigned int i;

	sort(samples, count);
	for (i = 0; i < ARRAY_SIZE(percentiles); i++) {
		snprintf(full, sizeof(full), "%s, %s", name, percentiles[i].name);
		result(group, full, unit(bench),
		       samples[(size_t)(percentiles[i].share * (count - 1))]);
	}
}
