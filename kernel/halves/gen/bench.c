// SPDX-License-Identifier: GPL-2.0
/* The plain loop that benchmarks measure. */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "gen.h"

#define BENCH_COUNT_MAX	100000000

/* Posts between two looks at whether somebody else wants the CPU, or the caller is killed. */
#define BENCH_CHUNK	1024

static void post_plain(struct tandem_device *dev, const struct tandem_gen_bench *bench,
		       const void *zeros, unsigned int count)
{
	/* Copies, or they would be read anew for each post, as no kernel half does. */
	const unsigned int type = bench->type, event_class = bench->event_class;
	const size_t size = bench->size;

	while (count--)
		tandem_post(dev, type, event_class, zeros, size);
}

static void post_chunk(struct tandem_device *dev, const struct tandem_gen_bench *bench,
		       const void *zeros, unsigned int left)
{
	struct tandem_batch batch;
	unsigned int count;

	if (!bench->batch) {
		post_plain(dev, bench, zeros, left);
		return;
	}
	for (; left; left -= count) {
		count = min(left, bench->batch);
		tandem_batch_begin(dev, &batch);
		post_plain(dev, bench, zeros, count);
		tandem_batch_end(&batch);
	}
}

long gen_bench(struct tandem_file *file, struct tandem_gen_bench __user *arg)
{
	struct tandem_gen_bench bench;
	unsigned int count;
	u64 left, begin;
	void *zeros;
	long error = 0;

	if (copy_from_user(&bench, arg, sizeof(bench)))
		return -EFAULT;
	if (!bench.count || bench.count > BENCH_COUNT_MAX || bench.batch > GEN_BATCH_MAX ||
	    bench.type >= TANDEM_TYPES || bench.event_class >= TANDEM_CLASSES)
		return -EINVAL;
	if (bench.size > TANDEM_PAYLOAD_MAX)
		return -EMSGSIZE;
	zeros = kvzalloc(max(bench.size, 1U), GFP_KERNEL_ACCOUNT);
	if (!zeros)
		return -ENOMEM;

	begin = ktime_get_ns();
	for (left = bench.count; left; left -= count) {
		count = min_t(u64, left, BENCH_CHUNK);
		post_chunk(file->dev, &bench, zeros, count);
		if (fatal_signal_pending(current)) {
			error = -EINTR;
			break;
		}
		cond_resched();
	}
	bench.ns = ktime_get_ns() - begin;
	kvfree(zeros);
	if (!error && copy_to_user(arg, &bench, sizeof(bench)))
		error = -EFAULT;
	return error;
}
