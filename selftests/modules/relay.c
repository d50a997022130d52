// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel half that has a user half: it answers some operations, passes others on, and calls.
 */
#include <linux/module.h>
#include <linux/uio.h>

#include <tandem.h>

#include "relay.h"

static struct tandem_device *relay_dev;

static ssize_t relay_read_iter(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *to)
{
	static const u8 fill[RELAY_BORDER] = { [0 ... RELAY_BORDER - 1] = RELAY_FILL };
	size_t len;

	if (iocb->ki_pos >= RELAY_BORDER)
		return TANDEM_TO_USER;
	len = copy_to_iter(fill, min_t(size_t, iov_iter_count(to), RELAY_BORDER - iocb->ki_pos),
			   to);
	iocb->ki_pos += len;
	return len ?: -EFAULT;
}

static loff_t relay_llseek(struct tandem_file *file, loff_t offset, int whence)
{
	return TANDEM_TO_USER;
}

static long relay_control(struct tandem_file *file, struct tandem_control *control)
{
	const struct relay_call *call = control->in;
	ssize_t ret;

	if (control->code != RELAY_CALL)
		return TANDEM_TO_USER;
	if (control->in_len < sizeof(*call) || call->out_len > control->out_len)
		return -EINVAL;
	ret = tandem_call(relay_dev, call->code, call + 1, control->in_len - sizeof(*call),
			  control->out, call->out_len, call->timeout);
	if (ret < 0)
		return ret;
	control->returned = ret;
	return 0;
}

static const struct tandem_device_ops relay_ops = {
	.owner = THIS_MODULE,
	.read_iter = relay_read_iter,
	.llseek = relay_llseek,
	.control = relay_control,
};

static int __init relay_init(void)
{
	const struct tandem_device_info info = {
		.name = "relay",
		.mode = 0666,
		.events_mode = 0444,
		.user_half = true,
		.ops = &relay_ops,
	};

	relay_dev = tandem_device_register(&info);
	return PTR_ERR_OR_ZERO(relay_dev);
}

static void __exit relay_exit(void)
{
	tandem_device_unregister(relay_dev);
}

module_init(relay_init);
module_exit(relay_exit);

MODULE_DESCRIPTION("Tandem kernel half for tests: one that has a user half");
MODULE_AUTHOR("The Tandem developers");
MODULE_LICENSE("GPL");
