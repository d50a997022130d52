// SPDX-License-Identifier: GPL-2.0
/* The smallest kernel half: a device whose every control becomes an event of its code's type. */
#include <linux/module.h>
#include <tandem.h>

static struct tandem_device *hello;

static long hello_control(struct tandem_file *file, struct tandem_control *c)
{
	tandem_post(file->dev, c->code, TANDEM_CLASS_NORMAL, c->in, c->in_len);
	return 0;
}

static const struct tandem_device_ops hello_ops = {
	.owner = THIS_MODULE,
	.control = hello_control,
};

static int __init hello_init(void)
{
	hello = tandem_device_register(&(struct tandem_device_info){
		.name = "hello", .mode = 0666, .events_mode = 0444, .ops = &hello_ops });
	return PTR_ERR_OR_ZERO(hello);
}

static void __exit hello_exit(void)
{
	tandem_device_unregister(hello);
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_DESCRIPTION("Tandem's smallest kernel half");
MODULE_LICENSE("GPL");
