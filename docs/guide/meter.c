// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel half of docs/windows-to-linux.md: a meter whose samples come by interrupt, or are
 * written to it.
 */
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat/hrtimer.h"
#include "meter.h"
#include "tandem.h"

#define METER_LATEST	16

/**
 * struct meter - the device
 * @dev: its node
 * @history: all samples, for users to map
 * @history_pos: where the next one goes
 * @lock: protects @history_pos, @range, @latest and @count
 * @range: samples out of it raise an alarm
 * @latest: the latest samples
 * @count: how many there were
 * @wait: woken when @count has grown
 * @timer: stands for the hardware
 * @deferred: goes on where the interrupt ends
 * @work: goes on where that ends
 */
struct meter {
	struct tandem_device *dev;
	struct tandem_section *history;
	loff_t history_pos;
	struct mutex lock; /* sleeps, so not in interrupts */
	struct meter_range range;
	u32 latest[METER_LATEST];
	u64 count;
	wait_queue_head_t wait;
	struct hrtimer timer;
	struct irq_work deferred;
	struct work_struct work;
};

/* [section-kernel] */
static void meter_remember(struct meter *meter, u32 sample)
{
	struct kvec kvec = { .iov_base = &sample, .iov_len = sizeof(sample) };
	struct iov_iter from;

	if (meter->history_pos == METER_HISTORY_SIZE)
		meter->history_pos = 0;
	iov_iter_kvec(&from, ITER_SOURCE, &kvec, 1, sizeof(sample));
	tandem_section_write_iter(meter->history, &meter->history_pos, &from);
}

static int meter_mmap(struct tandem_file *file, struct vm_area_struct *vma)
{
	struct meter *meter = tandem_device_data(file->dev);

	return tandem_section_mmap(meter->history, vma);
}

/* [end] */

/* [post] */
static void meter_measured(struct meter *meter, u32 sample)
{
	bool alarm;

	mutex_lock(&meter->lock);
	meter->latest[meter->count % METER_LATEST] = sample;
	WRITE_ONCE(meter->count, meter->count + 1);
	alarm = sample < meter->range.low || sample > meter->range.high;
	meter_remember(meter, sample);
	mutex_unlock(&meter->lock);

	wake_up_interruptible(&meter->wait);
	tandem_post(meter->dev, METER_SAMPLE, TANDEM_CLASS_BULK, &sample, sizeof(sample));
	if (alarm)
		tandem_post(meter->dev, METER_ALARM, TANDEM_CLASS_CRITICAL, &sample,
			    sizeof(sample));
}

/* [end] */

/* [defer] */
static enum hrtimer_restart meter_interrupt(struct hrtimer *timer)
{
	struct meter *meter = container_of(timer, struct meter, timer);

	tandem_post(meter->dev, METER_INTERRUPT, TANDEM_CLASS_BULK, NULL, 0);
	irq_work_queue(&meter->deferred);
	return HRTIMER_NORESTART;
}

static void meter_deferred(struct irq_work *deferred)
{
	struct meter *meter = container_of(deferred, struct meter, deferred);

	tandem_post(meter->dev, METER_DEFERRED, TANDEM_CLASS_BULK, NULL, 0);
	schedule_work(&meter->work);
}

static void meter_work(struct work_struct *work)
{
	struct meter *meter = container_of(work, struct meter, work);

	/* May sleep: takes the mutex. */
	meter_measured(meter, 50);
}

/* [end] */

/* [open] */
struct meter_client {
	u64 next;	/* number of the sample to read; protected by the meter's lock */
};

static int meter_open(struct tandem_file *file)
{
	struct meter *meter = tandem_device_data(file->dev);
	struct meter_client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);

	if (!client)
		return -ENOMEM;
	client->next = READ_ONCE(meter->count);
	file->private_data = client;
	return 0;
}

static void meter_release(struct tandem_file *file)
{
	kfree(file->private_data);
}

/* [end] */

static bool meter_take(struct meter *meter, struct meter_client *client, u32 *sample)
{
	bool there;

	mutex_lock(&meter->lock);
	there = client->next < meter->count;
	if (there) {
		client->next = max(client->next + METER_LATEST, meter->count) - METER_LATEST;
		*sample = meter->latest[client->next++ % METER_LATEST];
	}
	mutex_unlock(&meter->lock);
	return there;
}

/* [read-kernel] */
static ssize_t meter_read(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *to)
{
	struct meter *meter = tandem_device_data(file->dev);
	struct meter_client *client = file->private_data;
	u32 sample;

	if (iov_iter_count(to) < sizeof(sample))
		return -EINVAL;
	if (!meter_take(meter, client, &sample)) {
		if (file->filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(meter->wait, meter_take(meter, client, &sample)))
			return -ERESTARTSYS;
	}
	return copy_to_iter(&sample, sizeof(sample), to) == sizeof(sample) ? sizeof(sample)
									    : -EFAULT;
}

static ssize_t meter_write(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *from)
{
	struct meter *meter = tandem_device_data(file->dev);
	u32 sample;

	if (iov_iter_count(from) != sizeof(sample))
		return -EINVAL;
	if (copy_from_iter(&sample, sizeof(sample), from) != sizeof(sample))
		return -EFAULT;
	meter_measured(meter, sample);
	return sizeof(sample);
}

static __poll_t meter_poll(struct tandem_file *file, struct poll_table_struct *wait)
{
	struct meter *meter = tandem_device_data(file->dev);
	struct meter_client *client = file->private_data;
	__poll_t mask = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file->filp, &meter->wait, wait);
	mutex_lock(&meter->lock);
	if (client->next < meter->count)
		mask |= EPOLLIN | EPOLLRDNORM;
	mutex_unlock(&meter->lock);
	return mask;
}

/* [end] */

/* [control-kernel] */
static long meter_set_range(struct meter *meter, const struct tandem_control *control)
{
	struct meter_range range;

	if (control->in_len != sizeof(range))
		return -EINVAL;
	memcpy(&range, control->in, sizeof(range));
	if (range.low > range.high)
		return -ERANGE;
	mutex_lock(&meter->lock);
	meter->range = range;
	mutex_unlock(&meter->lock);
	return 0;
}

static long meter_latest(struct meter *meter, struct tandem_control *control)
{
	u32 *out = control->out;
	u64 i, count, room = control->out_len / sizeof(*out);

	mutex_lock(&meter->lock);
	count = min_t(u64, meter->count, METER_LATEST);
	for (i = 0; i < min(count, room); i++)
		out[i] = meter->latest[(meter->count - 1 - i) % METER_LATEST];
	mutex_unlock(&meter->lock);

	control->returned = i * sizeof(*out);
	return i < count ? -EOVERFLOW : 0;
}

static long meter_control(struct tandem_file *file, struct tandem_control *control)
{
	struct meter *meter = tandem_device_data(file->dev);

	switch (control->code) {
	case METER_CODE_SET_RANGE:
		return meter_set_range(meter, control);
	case METER_CODE_LATEST:
		return meter_latest(meter, control);
	default:
		return -ENOTTY;
	}
}

/* [end] */

/* [ioc-kernel] */
static long meter_ioctl(struct tandem_file *file, unsigned int cmd, unsigned long arg)
{
	struct meter *meter = tandem_device_data(file->dev);
	struct meter_range range;

	switch (cmd) {
	case METER_IOC_GET_RANGE:
		mutex_lock(&meter->lock);
		range = meter->range;
		mutex_unlock(&meter->lock);
		return copy_to_user((void __user *)arg, &range, sizeof(range)) ? -EFAULT : 0;
	case METER_IOC_SAMPLE:
		hrtimer_start(&meter->timer, ms_to_ktime(1), HRTIMER_MODE_REL_HARD);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* [end] */

/* [driver] */
static const struct tandem_device_ops meter_ops = {
	.owner = THIS_MODULE,
	.open = meter_open,
	.release = meter_release,
	.read_iter = meter_read,
	.write_iter = meter_write,
	.poll = meter_poll,
	.ioctl = meter_ioctl,
	.control = meter_control,
	.mmap = meter_mmap,
};

static struct meter meter = {
	.lock = __MUTEX_INITIALIZER(meter.lock),
	.range = { .low = 0, .high = 100 },
	.wait = __WAIT_QUEUE_HEAD_INITIALIZER(meter.wait),
};

static int __init meter_init(void)
{
	const struct tandem_device_info info = {
		.name = "meter",
		.mode = 0660,
		.uid = GLOBAL_ROOT_UID,
		.gid = GLOBAL_ROOT_GID,
		.events_mode = 0440,
		.ops = &meter_ops,
		.data = &meter,
	};

	init_irq_work(&meter.deferred, meter_deferred);
	INIT_WORK(&meter.work, meter_work);
	hrtimer_setup(&meter.timer, meter_interrupt, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	meter.history = tandem_section_create("meter-history", METER_HISTORY_SIZE);
	if (IS_ERR(meter.history))
		return PTR_ERR(meter.history);
	meter.dev = tandem_device_register(&info);
	if (IS_ERR(meter.dev)) {
		tandem_section_destroy(meter.history);
		return PTR_ERR(meter.dev);
	}
	return 0;
}

static void __exit meter_exit(void)
{
	/* In the order in which each sets off the next. */
	hrtimer_cancel(&meter.timer);
	irq_work_sync(&meter.deferred);
	cancel_work_sync(&meter.work);
	tandem_device_unregister(meter.dev);
	tandem_section_destroy(meter.history);
}

module_init(meter_init);
module_exit(meter_exit);
MODULE_LICENSE("GPL");

/* [end] */
MODULE_DESCRIPTION("Tandem kernel half: the example of the guide for authors of Windows drivers");
MODULE_AUTHOR("The Tandem authors");
