// SPDX-License-Identifier: GPL-2.0
/* The same events, told to user space in several ways, each in the same plain loop. */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <tandem.h>

#include "run.h"
#include "netlink.h"

#define CREATE_TRACE_POINTS
#include "bench_trace.h"

/* Events between two looks at whether somebody else wants the CPU, or the caller is killed. */
#define BENCH_CHUNK	1024

static const u8 payload[BENCH_SIZE_MAX];
static struct tandem_device *device;

static void run_nothing(struct tandem_device *dev, u32 size, unsigned int count)
{
	while (count--)
		barrier();
}

static void run_post(struct tandem_device *dev, u32 size, unsigned int count)
{
	while (count--)
		tandem_post(dev, 0, TANDEM_CLASS_NORMAL, payload, size);
}

static void run_reserve(struct tandem_device *dev, u32 size, unsigned int count)
{
	while (count--) {
		struct tandem_reservation r = tandem_reserve(dev, 0, TANDEM_CLASS_NORMAL, size);

		if (!r.data)
			continue;
		memcpy(r.data, payload, size);
		tandem_commit(&r);
	}
}

static void run_trace(struct tandem_device *dev, u32 size, unsigned int count)
{
	while (count--)
		trace_tandem_bench(size);
}

static void run_netlink(struct tandem_device *dev, u32 size, unsigned int count)
{
	while (count--)
		bench_netlink_post(payload, size);
}

static void (*const ways[BENCH_WAYS])(struct tandem_device *dev, u32 size, unsigned int count) = {
	[BENCH_NOTHING] = run_nothing,
	[BENCH_POST] = run_post,
	[BENCH_RESERVE] = run_reserve,
	[BENCH_TRACE] = run_trace,
	[BENCH_NETLINK] = run_netlink,
};

static long bench_ioctl(struct tandem_file *file, unsigned int cmd, unsigned long arg)
{
	struct bench_run __user *user = (struct bench_run __user *)arg;
	struct bench_run run;
	unsigned int count;
	u64 left;

	if (cmd != BENCH_IOC_RUN)
		return -ENOTTY;
	if (copy_from_user(&run, user, sizeof(run)))
		return -EFAULT;
	if (run.way >= BENCH_WAYS || run.size > BENCH_SIZE_MAX || run.count > BENCH_COUNT_MAX)
		return -EINVAL;

	run.begin = ktime_get_ns();
	for (left = run.count; left; left -= count) {
		count = min_t(u64, left, BENCH_CHUNK);
		ways[run.way](file->dev, run.size, count);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	run.end = ktime_get_ns();
	return copy_to_user(user, &run, sizeof(run)) ? -EFAULT : 0;
}

static const struct tandem_device_ops bench_ops = {
	.owner = THIS_MODULE,
	.ioctl = bench_ioctl,
};

static int __init bench_init(void)
{
	int error = bench_netlink_init();

	if (error)
		return error;
	device = tandem_device_register(&(struct tandem_device_info){
		.name = BENCH_DEVICE, .mode = 0600, .events_mode = 0400, .ops = &bench_ops });
	if (IS_ERR(device)) {
		bench_netlink_exit();
		return PTR_ERR(device);
	}
	return 0;
}

static void __exit bench_exit(void)
{
	tandem_device_unregister(device);
	bench_netlink_exit();
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Tandem kernel half: events told in several ways, for benchmarks");
MODULE_AUTHOR("The Tandem developers");
MODULE_LICENSE("GPL");
