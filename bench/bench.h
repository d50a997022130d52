/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Benchmarks: what the parts of the measuring program share.
 *
 * Where a loop is timed, it is timed with n turns and with 2n, and the difference is divided by n:
 * what goes before and after the loop, the looks at the clock included, is not in the result. What
 * an empty loop costs in each turn is measured in the same way, told, and subtracted from others.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tandem.h>

#define BENCH_RING_SIZE	(8 * 1024 * 1024)

/* Turns of the shorter loop. The longer one is then one chunk of the generator's. */
#define BENCH_TURNS	512
#define BENCH_ROUNDS	200

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/**
 * struct bench - where and how to measure
 * @device: the generator
 * @counts: a nanosecond is an instruction
 * @cpus: how many there are; the last one produces
 */
struct bench {
	int device;
	bool counts;
	unsigned int cpus;
};

/**
 * struct rounds - what the rounds of one measure took
 * @once: nanoseconds for BENCH_TURNS
 * @twice: nanoseconds for twice as many
 */
struct rounds {
	uint64_t once[BENCH_ROUNDS];
	uint64_t twice[BENCH_ROUNDS];
};

/* Those that fail say why, and end the program. */
void die(int error, const char *what) __attribute__((noreturn));
void pin(unsigned int cpu);
uint64_t now_ns(void);
struct tandem_subscription *gen_subscribe(const struct bench *bench,
					  const struct tandem_subscribe_options *options);
uint64_t count_wakeups(const struct tandem_subscription *sub);
uint64_t gen_post(const struct bench *bench, uint64_t count, uint32_t size, uint32_t batch);
void gen_start(const struct bench *bench, unsigned int cpu, const struct tandem_gen_start *wanted);
void gen_stop(const struct bench *bench);
void gen_finish(const struct bench *bench);

void sort(uint64_t *samples, size_t count);
double median(uint64_t *samples, size_t count);
double per_turn(struct rounds *rounds);

/* Results go to standard output, one JSON object in a line. */
const char *unit(const struct bench *bench);
void result(const char *group, const char *name, const char *unit_name, double value);
void result_percentiles(const struct bench *bench, const char *group, const char *name,
			uint64_t *samples, size_t count);

void bench_post(const struct bench *bench);
void bench_consume(const struct bench *bench);
void bench_wakeup(const struct bench *bench);
void bench_busy(const struct bench *bench);

#endif /* _BENCH_H */
