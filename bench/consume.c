// SPDX-License-Identifier: GPL-2.0
/* What a record costs its consumer. */
#include "bench.h"

typedef void (*consume_function)(struct tandem_subscription *sub, unsigned int count);

static unsigned int dispatched;

static int count_one(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	(void)sub;
	(void)record;
	++*(unsigned int *)arg;
	return 0;
}

static void empty_loop(struct tandem_subscription *sub, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		__asm__ __volatile__("" : : "r"(sub) : "memory");
}

static void by_next(struct tandem_subscription *sub, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (!tandem_next(sub))
			die(0, "a record is missing");
	}
}

static void by_dispatch(struct tandem_subscription *sub, unsigned int count)
{
	dispatched = 0;
	if (tandem_dispatch(sub, count) != (int)count || dispatched != count)
		die(0, "a record is missing");
}

static uint64_t timed(const struct bench *bench, struct tandem_subscription *sub,
		      consume_function consume, unsigned int count)
{
	uint64_t begin, ns;

	gen_post(bench, count, 16, 0);
	begin = now_ns();
	consume(sub, count);
	ns = now_ns() - begin;
	while (tandem_next(sub))
		;
	return ns;
}

static double measure(const struct bench *bench, struct tandem_subscription *sub,
		      consume_function consume)
{
	struct rounds rounds;
	unsigned int i;

	for (i = 0; i < BENCH_ROUNDS; i++) {
		rounds.once[i] = timed(bench, sub, consume, BENCH_TURNS);
		rounds.twice[i] = timed(bench, sub, consume, 2 * BENCH_TURNS);
	}
	return per_turn(&rounds);
}

/* Once through the whole ring: the pages are in the page tables from then on. */
static void touch(const struct bench *bench, struct tandem_subscription *sub)
{
	unsigned int posted;

	for (posted = 0; posted < BENCH_RING_SIZE / 32; posted += BENCH_TURNS)
		timed(bench, sub, by_next, BENCH_TURNS);
}

void bench_consume(const struct bench *bench)
{
	struct tandem_subscription *sub = gen_subscribe(bench, NULL);
	double loop;
	int ret;

	pin(bench->cpus - 1);
	touch(bench, sub);
	loop = measure(bench, sub, empty_loop);
	result("consume", "empty loop", unit(bench), loop);
	result("consume", "16 bytes, by tandem_next()", unit(bench),
	       measure(bench, sub, by_next) - loop);
	ret = tandem_on(sub, 0, count_one, &dispatched);
	if (ret)
		die(ret, "cannot register a callback");
	/* The loop is the library's here. */
	result("consume", "16 bytes, by tandem_dispatch(), with a callback", unit(bench),
	       measure(bench, sub, by_dispatch));
	tandem_unsubscribe(sub);
}
