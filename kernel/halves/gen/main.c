// SPDX-License-Identifier: GPL-2.0
/* Load, unwind, and the table of operations. */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/uidgid.h>

#include "gen.h"

static struct tandem_device *device;

static long gen_ioctl(struct tandem_file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case TANDEM_GEN_IOC_START:
		return gen_run_start(file, (void __user *)arg);
	case TANDEM_GEN_IOC_STOP:
		if (!capable(CAP_SYS_ADMIN))
			return -EPERM;
		gen_run_stop();
		return 0;
	case TANDEM_GEN_IOC_WAIT:
		return gen_run_wait();
	case TANDEM_GEN_IOC_STATUS:
		return gen_run_status((void __user *)arg);
	case TANDEM_GEN_IOC_BENCH:
		return gen_bench(file, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct tandem_device_ops gen_ops = {
	.owner = THIS_MODULE,
	.release = gen_run_release,
	.read_iter = gen_store_read_iter,
	.write_iter = gen_store_write_iter,
	.llseek = gen_store_llseek,
	.ioctl = gen_ioctl,
	.control = gen_control,
	.mmap = gen_store_mmap,
	.poll = gen_poll,
};

static int __init gen_init(void)
{
	const struct tandem_device_info info = {
		.may_block = true,
		.name = "gen",
		.mode = 0666,
		.uid = GLOBAL_ROOT_UID,
		.gid = GLOBAL_ROOT_GID,
		.events_mode = 0444,
		.ops = &gen_ops,
	};
	int error;

	error = gen_store_init();
	if (error)
		return error;
	error = gen_producers_init();
	if (error)
		goto err_store;
	error = gen_run_init();
	if (error)
		goto err_producers;
	device = tandem_device_register(&info);
	if (IS_ERR(device)) {
		error = PTR_ERR(device);
		goto err_run;
	}
	return 0;

err_run:
	gen_run_exit();
err_producers:
	gen_producers_exit();
err_store:
	gen_store_exit();
	return error;
}

/* No file is open here, so that nobody can start a run any more. */
static void __exit gen_exit(void)
{
	gen_run_stop();
	tandem_device_unregister(device);
	gen_run_exit();
	gen_producers_exit();
	gen_store_exit();
}

module_init(gen_init);
module_exit(gen_exit);

MODULE_DESCRIPTION("Tandem kernel half: events from every context, for tests and benchmarks");
MODULE_AUTHOR("The Tandem developers");
MODULE_LICENSE("GPL");
