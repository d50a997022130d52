// SPDX-License-Identifier: GPL-2.0
/*
 * Control: /dev/tandem/control, where a process becomes the server of a device.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "client.h"
#include "control.h"
#include "device.h"
#include "ioctl.h"
#include "serve.h"
#include "server.h"

/* Of the first version of its argument. */
#define TANDEM_BIND_SIZE_FIRST	offsetofend(struct tandem_bind, generation)

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

	ret = tandem_ioctl_get(&args, sizeof(args), TANDEM_BIND_SIZE_FIRST, cmd, arg);
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

static long tandem_ioctl_adopt(struct tandem_server *server, unsigned int cmd, void __user *arg)
{
	struct tandem_adopt args;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (!ret)
		ret = tandem_ioctl_put(&args, sizeof(args), cmd, arg);
	if (!ret)
		ret = tandem_server_adopt(server, &args);
	return ret ?: tandem_ioctl_put(&args, sizeof(args), cmd, arg);
}

static long tandem_ioctl_unbind(struct tandem_server *server, unsigned int cmd, void __user *arg)
{
	return tandem_server_unbind(server);
}

static long tandem_ioctl_ready(struct tandem_server *server, unsigned int cmd, void __user *arg)
{
	struct tandem_ready args;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (!ret && (args.flags || args.events > U16_MAX))
		ret = -EINVAL;
	if (!ret)
		ret = tandem_server_session(server);
	return ret ?: tandem_client_set_ready(server->dev, &args);
}

static long tandem_ioctl_section(struct tandem_server *server, unsigned int cmd, void __user *arg)
{
	struct tandem_section_open args;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (!ret)
		ret = tandem_server_session(server);
	/* An answer that cannot be written is refused before there is one. */
	if (!ret)
		ret = tandem_ioctl_put(&args, sizeof(args), cmd, arg);
	if (!ret)
		ret = tandem_shelf_open(&server->dev->shelf, tandem_device_name(server->dev),
					&args);
	return ret ?: tandem_ioctl_put(&args, sizeof(args), cmd, arg);
}

static long tandem_ioctl_grant(struct tandem_server *server, unsigned int cmd, void __user *arg)
{
	struct tandem_grant args;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (!ret)
		ret = tandem_server_session(server);
	return ret ?: tandem_shelf_grant(&server->dev->shelf, &args);
}

static long tandem_control_revoke(struct tandem_server *server, unsigned long id)
{
	int ret = tandem_server_session(server);

	return ret ?: tandem_shelf_revoke(&server->dev->shelf, id);
}

static const struct {
	unsigned int cmd;
	long (*handle)(struct tandem_server *server, unsigned int cmd, void __user *arg);
} tandem_control_commands[] = {
	{ TANDEM_IOC_BIND, tandem_ioctl_bind },
	{ TANDEM_IOC_REMOVE, tandem_ioctl_remove },
	{ TANDEM_IOC_POST, tandem_ioctl_post },
	{ TANDEM_IOC_ADOPT, tandem_ioctl_adopt },
	{ TANDEM_IOC_UNBIND, tandem_ioctl_unbind },
	{ TANDEM_IOC_READY, tandem_ioctl_ready },
	{ TANDEM_IOC_SECTION, tandem_ioctl_section },
	{ TANDEM_IOC_GRANT, tandem_ioctl_grant },
};

static long tandem_control_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tandem_control_commands); i++)
		if (tandem_ioctl_is(cmd, tandem_control_commands[i].cmd))
			return tandem_control_commands[i].handle(filp->private_data, cmd,
								 (void __user *)arg);
	if (cmd == TANDEM_IOC_QUEUE)
		return tandem_serve_fd(filp, tandem_server_queue(filp->private_data, arg));
	if (cmd == TANDEM_IOC_SECTION_REVOKE)
		return tandem_control_revoke(filp->private_data, arg);
	return tandem_serve_ioctl(tandem_server_queue(filp->private_data, 0), cmd,
				  (void __user *)arg);
}

static long tandem_control_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	/* Their arguments are no pointers. */
	if (cmd == TANDEM_IOC_QUEUE || cmd == TANDEM_IOC_SECTION_REVOKE)
		return tandem_control_ioctl(filp, cmd, arg);
	return compat_ptr_ioctl(filp, cmd, arg);
}

static ssize_t tandem_control_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct tandem_queue *q = tandem_server_queue(iocb->ki_filp->private_data, 0);

	return IS_ERR(q) ? PTR_ERR(q) : tandem_serve_read(q, iocb, to);
}

static ssize_t tandem_control_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct tandem_queue *q = tandem_server_queue(iocb->ki_filp->private_data, 0);

	return IS_ERR(q) ? PTR_ERR(q) : tandem_serve_write(q, from);
}

static __poll_t tandem_control_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct tandem_queue *q = tandem_server_queue(filp->private_data, 0);

	return IS_ERR(q) ? EPOLLERR : tandem_serve_poll(q, filp, wait);
}

static int tandem_control_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct tandem_server *server = filp->private_data;
	struct tandem_queue *q;

	if (vma->vm_pgoff >= TANDEM_SECTION_OFFSET >> PAGE_SHIFT)
		return tandem_server_session(server) ?:
		       tandem_shelf_map_server(&server->dev->shelf, vma);
	q = tandem_server_queue(server, 0);
	/* A server without queues has nothing to map. */
	if (IS_ERR(q))
		return PTR_ERR(q) == -EINVAL ? -ENODEV : PTR_ERR(q);
	return tandem_serve_mmap(q, vma);
}

static const struct file_operations tandem_control_fops = {
	.owner = THIS_MODULE,
	.open = tandem_control_open,
	.release = tandem_control_release,
	.flush = tandem_control_flush,
	.read_iter = tandem_control_read_iter,
	.write_iter = tandem_control_write_iter,
	.poll = tandem_control_poll,
	.mmap = tandem_control_mmap,
	.unlocked_ioctl = tandem_control_ioctl,
	.compat_ioctl = tandem_control_compat_ioctl,
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
