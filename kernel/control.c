// SPDX-License-Identifier: GPL-2.0
/*
 * Control: /dev/tandem/control, where a process becomes the server of a device.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "control.h"
#include "device.h"
#include "ioctl.h"
#include "server.h"

static int tandem_control_open(struct inode *inode, struct file *filp)
{
	filp->private_data = tandem_server_create();
	return filp->private_data ? stream_open(inode, filp) : -ENOMEM;
}

static int tandem_control_release(struct inode *inode, struct file *filp)
{
	tandem_server_destroy(filp->private_data);
	return 0;
}

static int tandem_control_flush(struct file *filp, fl_owner_t id)
{
	if (current->flags & PF_EXITING)
		tandem_server_process_exit(filp->private_data);
	return 0;
}

static long tandem_ioctl_bind(struct tandem_server *server, unsigned int cmd, void __user *arg)
{
	struct tandem_bind args;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (!ret)
		ret = tandem_ioctl_name(args.name);
	/* An answer that cannot be written is refused before there is one. */
	if (!ret)
		ret = tandem_ioctl_put(&args, sizeof(args), cmd, arg);
	if (!ret)
		ret = tandem_server_bind(server, &args);
	/* Who takes its memory away meanwhile is bound, and does without the generation. */
	if (!ret)
		tandem_ioctl_put(&args, sizeof(args), cmd, arg);
	return ret;
}

static long tandem_ioctl_remove(struct tandem_server *server, unsigned int cmd, void __user *arg)
{
	struct tandem_remove args;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (!ret && (args.flags || args.reserved))
		ret = -EINVAL;
	if (!ret)
		ret = tandem_ioctl_name(args.name);
	return ret ?: tandem_device_remove(args.name, server);
}

static long tandem_ioctl_post(struct tandem_server *server, unsigned int cmd, void __user *arg)
{
	struct tandem_post args;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	return ret ?: tandem_server_post(server, &args);
}

static const struct {
	unsigned int cmd;
	long (*handle)(struct tandem_server *server, unsigned int cmd, void __user *arg);
} tandem_control_commands[] = {
	{ TANDEM_IOC_BIND, tandem_ioctl_bind },
	{ TANDEM_IOC_REMOVE, tandem_ioctl_remove },
	{ TANDEM_IOC_POST, tandem_ioctl_post },
};

static long tandem_control_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tandem_control_commands); i++)
		if (tandem_ioctl_is(cmd, tandem_control_commands[i].cmd))
			return tandem_control_commands[i].handle(filp->private_data, cmd,
								 (void __user *)arg);
	return -ENOTTY;
}

static const struct file_operations tandem_control_fops = {
	.owner = THIS_MODULE,
	.open = tandem_control_open,
	.release = tandem_control_release,
	.flush = tandem_control_flush,
	.unlocked_ioctl = tandem_control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice tandem_control_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tandem-control",
	.nodename = "tandem/control",
	.mode = 0600,
	.fops = &tandem_control_fops,
};

int tandem_control_init(void)
{
	return misc_register(&tandem_control_device);
}

void tandem_control_exit(void)
{
	misc_deregister(&tandem_control_device);
}
