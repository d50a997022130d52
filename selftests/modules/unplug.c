// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel half whose hardware can be pulled out: a driver on a bus of its own, so that sysfs binds
 * and unbinds it on every machine. It is as busy as it can be when that happens.
 */
#include <linux/device.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <tandem.h>

#include "unplug.h"

/* How many events the last flood posted. */
static unsigned long posted;
module_param(posted, ulong, 0444);

/* Whoever sleeps in an operation or in poll sleeps here. It outlives the device, as files do. */
static DECLARE_WAIT_QUEUE_HEAD(unplug_wait);

static struct device *unplug_parent;
static struct tandem_device *unplug_dev;
static struct tandem_section *unplug_section;
static struct task_struct *unplug_thread;
static bool unplug_flooding, unplug_going;

static int unplug_flood(void *data)
{
	unsigned long count = 0;

	wait_event_idle(unplug_wait, READ_ONCE(unplug_flooding) || kthread_should_stop());
	while (!kthread_should_stop()) {
		tandem_post(unplug_dev, 1, TANDEM_CLASS_NORMAL, &count, sizeof(count));
		WRITE_ONCE(posted, ++count);
		cond_resched();
	}
	return 0;
}

static int unplug_sleep(void)
{
	return wait_event_interruptible(unplug_wait, READ_ONCE(unplug_going)) ?: -ENODEV;
}

static ssize_t unplug_read_iter(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *to)
{
	return unplug_sleep();
}

static long unplug_control(struct tandem_file *file, struct tandem_control *control)
{
	switch (control->code) {
	case UNPLUG_FLOOD:
		WRITE_ONCE(unplug_flooding, true);
		wake_up_all(&unplug_wait);
		return 0;
	case UNPLUG_SLEEP:
		return unplug_sleep();
	case UNPLUG_ECHO:
		control->returned = min(control->in_len, control->out_len);
		memcpy(control->out, control->in, control->returned);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int unplug_mmap(struct tandem_file *file, struct vm_area_struct *vma)
{
	return tandem_section_mmap(unplug_section, vma);
}

static __poll_t unplug_poll(struct tandem_file *file, struct poll_table_struct *wait)
{
	poll_wait(file->filp, &unplug_wait, wait);
	return 0;
}

static const struct tandem_device_ops unplug_ops = {
	.owner = THIS_MODULE,
	.read_iter = unplug_read_iter,
	.control = unplug_control,
	.mmap = unplug_mmap,
	.poll = unplug_poll,
};

static int unplug_probe(struct device *parent)
{
	const struct tandem_device_info info = {
		.name = "unplug",
		.mode = 0666,
		.events_mode = 0444,
		.ops = &unplug_ops,
		.parent = parent,
	};
	int ret;

	WRITE_ONCE(unplug_flooding, false);
	WRITE_ONCE(unplug_going, false);
	unplug_section = tandem_section_create("tandem-unplug", UNPLUG_SECTION);
	if (IS_ERR(unplug_section))
		return PTR_ERR(unplug_section);
	unplug_dev = tandem_device_register(&info);
	if (IS_ERR(unplug_dev)) {
		ret = PTR_ERR(unplug_dev);
		goto err_section;
	}
	unplug_thread = kthread_run(unplug_flood, NULL, "unplug");
	if (IS_ERR(unplug_thread)) {
		ret = PTR_ERR(unplug_thread);
		goto err_device;
	}
	return 0;

err_device:
	tandem_device_unregister(unplug_dev);
err_section:
	tandem_section_destroy(unplug_section);
	return ret;
}

static void unplug_remove(struct device *parent)
{
	kthread_stop(unplug_thread);
	WRITE_ONCE(unplug_going, true);
	wake_up_all(&unplug_wait);
	tandem_device_unregister(unplug_dev);
	tandem_section_destroy(unplug_section);
}

static struct bus_type unplug_bus = {
	.name = UNPLUG_BUS,
	.probe = unplug_probe,
	.remove = unplug_remove,
};

static struct device_driver unplug_driver = {
	.name = UNPLUG_DRIVER,
	.owner = THIS_MODULE,
	.bus = &unplug_bus,
};

static void unplug_parent_release(struct device *parent)
{
	kfree(parent);
}

static int __init unplug_init(void)
{
	int ret;

	ret = bus_register(&unplug_bus);
	if (ret)
		return ret;
	ret = driver_register(&unplug_driver);
	if (ret)
		goto err_bus;
	ret = -ENOMEM;
	unplug_parent = kzalloc(sizeof(*unplug_parent), GFP_KERNEL);
	if (!unplug_parent)
		goto err_driver;
	device_initialize(unplug_parent);
	unplug_parent->bus = &unplug_bus;
	unplug_parent->release = unplug_parent_release;
	ret = dev_set_name(unplug_parent, UNPLUG_DEVICE);
	if (!ret)
		ret = device_add(unplug_parent);
	if (ret)
		goto err_parent;
	return 0;

err_parent:
	put_device(unplug_parent);
err_driver:
	driver_unregister(&unplug_driver);
err_bus:
	bus_unregister(&unplug_bus);
	return ret;
}

static void __exit unplug_exit(void)
{
	device_unregister(unplug_parent);
	driver_unregister(&unplug_driver);
	bus_unregister(&unplug_bus);
}

module_init(unplug_init);
module_exit(unplug_exit);

MODULE_DESCRIPTION("Tandem kernel half for tests: hardware that is pulled out");
MODULE_AUTHOR("The Tandem developers");
MODULE_LICENSE("GPL");
