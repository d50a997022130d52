// SPDX-License-Identifier: GPL-2.0
/*
 * File: the operations of a device's node. The kernel half answers; Tandem's own commands are
 * answered here.
 */
#include <linux/compat.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "client.h"
#include "device.h"
#include "durable.h"
#include "file.h"
#include "ioctl.h"
#include "subscription.h"
#include "trace.h"

static unsigned int max_control = 1 << 20;
module_param(max_control, uint, 0644);
MODULE_PARM_DESC(max_control, "Largest buffer of a device control in bytes (1 MiB)");

/* Buffers of a device control up to this are on the stack. */
#define TANDEM_CONTROL_STACK	128

/**
 * struct tandem_operation - an operation that runs on a device
 * @file: the open file
 * @ops: the kernel half's operations, valid while this runs; empty ones for a server's device
 * @idx: of the SRCU section
 */
struct tandem_operation {
	struct tandem_file *file;
	const struct tandem_device_ops *ops;
	int idx;
};

static const struct tandem_device_ops tandem_no_ops;

/* Return: false if the device is gone. In both cases tandem_device_exit() is due. */
static bool tandem_device_enter(struct tandem_device *dev, struct tandem_operation *op)
	__acquires(&dev->srcu)
{
	op->idx = srcu_read_lock(&dev->srcu);
	op->ops = dev->ops ?: &tandem_no_ops;
	/* Pairs with tandem_device_fence(): it waits for us, or we see that it has begun. */
	return !READ_ONCE(dev->gone);
}

static void tandem_device_exit(struct tandem_device *dev, const struct tandem_operation *op)
	__releases(&dev->srcu)
{
	srcu_read_unlock(&dev->srcu, op->idx);
}

static bool tandem_file_enter(struct file *filp, struct tandem_operation *op)
	__acquires(&op->file->dev->srcu)
{
	op->file = filp->private_data;
	return tandem_device_enter(op->file->dev, op);
}

static void tandem_file_exit(const struct tandem_operation *op)
	__releases(&op->file->dev->srcu)
{
	tandem_device_exit(op->file->dev, op);
}

/* Whether files have a position is for the kernel half to say, else for the user half. */
static bool tandem_file_seekable(const struct tandem_operation *op)
{
	const struct tandem_device *dev = op->file->dev;

	return dev->ops ? !!op->ops->llseek : READ_ONCE(dev->seekable);
}

static int tandem_file_open(struct inode *inode, struct file *filp)
{
	struct tandem_device *dev = container_of(inode->i_cdev, struct tandem_device, cdev);
	struct tandem_client *client = tandem_client_create(dev, filp);
	struct tandem_operation op;
	int ret;

	if (!client)
		return -ENOMEM;
	op.file = &client->file;
	filp->private_data = op.file;

	ret = -ENODEV;
	if (!tandem_device_enter(dev, &op) || !try_module_get(dev->owner))
		goto err_enter;
	ret = tandem_file_seekable(&op) ? 0 : stream_open(inode, filp);
	if (!ret && op.ops->open)
		ret = op.ops->open(op.file);
	if (ret)
		goto err_open;
	tandem_device_get(dev);
	atomic_inc(&dev->open_files);
	tandem_device_exit(dev, &op);

	/* Not in the SRCU section: the user half may take its time. */
	ret = dev->user_half ? tandem_client_open(client) : 0;
	if (!ret)
		return 0;
	if (op.ops->release)
		op.ops->release(op.file);
	module_put(dev->owner);
	atomic_dec(&dev->open_files);
	tandem_client_destroy(client);
	tandem_device_put(dev);
	return ret;

err_open:
	module_put(dev->owner);
err_enter:
	tandem_device_exit(dev, &op);
	tandem_client_destroy(client);
	return ret;
}

static int tandem_file_release(struct inode *inode, struct file *filp)
{
	struct tandem_client *client = tandem_client_of(filp);
	struct tandem_device *dev = client->file.dev;

	/* Also when the device is gone: the file holds the kernel half's module. */
	if (dev->ops && dev->ops->release)
		dev->ops->release(&client->file);
	module_put(dev->owner);
	atomic_dec(&dev->open_files);
	tandem_client_destroy(client);
	tandem_device_put(dev);
	return 0;
}

/* What an operation comes to that the kernel half does not have. */
static int tandem_file_absent(const struct tandem_device *dev, int absent)
{
	if (READ_ONCE(dev->gone))
		return -ENODEV;
	return dev->user_half ? TANDEM_TO_USER : absent;
}

static ssize_t tandem_file_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct tandem_operation op = { .file = iocb->ki_filp->private_data };
	ssize_t ret = TANDEM_TO_USER;

	if (op.file->dev->ops) {
		ret = !tandem_file_enter(iocb->ki_filp, &op) ? -ENODEV :
		      op.ops->read_iter ? op.ops->read_iter(op.file, iocb, to) :
		      tandem_file_absent(op.file->dev, -EINVAL);
		tandem_file_exit(&op);
	}
	if (ret == TANDEM_TO_USER)
		ret = tandem_client_read(tandem_client_of(iocb->ki_filp), iocb, to);
	return ret;
}

static ssize_t tandem_file_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct tandem_operation op = { .file = iocb->ki_filp->private_data };
	ssize_t ret = TANDEM_TO_USER;

	if (op.file->dev->ops) {
		ret = !tandem_file_enter(iocb->ki_filp, &op) ? -ENODEV :
		      op.ops->write_iter ? op.ops->write_iter(op.file, iocb, from) :
		      tandem_file_absent(op.file->dev, -EINVAL);
		tandem_file_exit(&op);
	}
	if (ret == TANDEM_TO_USER)
		ret = tandem_client_write(tandem_client_of(iocb->ki_filp), iocb, from);
	return ret;
}

static loff_t tandem_file_llseek(struct file *filp, loff_t offset, int whence)
{
	struct tandem_operation op = { .file = filp->private_data };
	loff_t ret = TANDEM_TO_USER;

	if (op.file->dev->ops) {
		ret = !tandem_file_enter(filp, &op) ? -ENODEV :
		      op.ops->llseek ? op.ops->llseek(op.file, offset, whence) :
		      tandem_file_absent(op.file->dev, -ESPIPE);
		tandem_file_exit(&op);
	}
	if (ret == TANDEM_TO_USER)
		ret = tandem_client_llseek(tandem_client_of(filp), offset, whence);
	return ret;
}

static int tandem_file_fsync(struct file *filp, loff_t start, loff_t end, int datasync)
{
	struct tandem_file *file = filp->private_data;

	return file->dev->user_half ? tandem_client_fsync(tandem_client_of(filp), datasync)
				    : -EINVAL;
}

static int tandem_file_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct tandem_operation op;
	int ret = -ENODEV;

	if (tandem_file_enter(filp, &op))
		ret = op.ops->mmap ? op.ops->mmap(op.file, vma) :
				     tandem_file_absent(op.file->dev, -ENODEV);
	if (ret == TANDEM_TO_USER)
		ret = tandem_shelf_map_client(&op.file->dev->shelf, vma);
	tandem_file_exit(&op);
	return ret;
}

static __poll_t tandem_file_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct tandem_operation op;
	__poll_t mask = EPOLLERR | EPOLLHUP;

	if (tandem_file_enter(filp, &op)) {
		poll_wait(filp, &op.file->dev->changes, wait);
		mask = op.ops->poll ? op.ops->poll(op.file, wait) :
				      tandem_client_poll(tandem_client_of(filp), wait);
	}
	tandem_file_exit(&op);
	return mask;
}

static int tandem_file_fasync(int fd, struct file *filp, int on)
{
	return fasync_helper(fd, filp, on, &tandem_client_of(filp)->fasync);
}

/* Has the kernel half answer, in kernel memory: it may wait, but for no user's page. */
static long tandem_file_control(struct file *filp, struct tandem_control *control)
{
	struct tandem_operation op;
	long ret = -ENODEV;

	if (tandem_file_enter(filp, &op)) {
		trace_tandem_control(op.file->dev, control->code, control->in_len,
				     control->out_len);
		ret = op.ops->control(op.file, control);
	}
	tandem_file_exit(&op);
	if (WARN_ON_ONCE(control->returned > control->out_len)) {
		control->returned = 0;
		ret = -EIO;
	}
	return ret;
}

static void *tandem_control_buffer(void *stack, u32 len)
{
	return len <= TANDEM_CONTROL_STACK ? memset(stack, 0, len)
					   : kvzalloc(len, GFP_KERNEL_ACCOUNT);
}

static long tandem_control_buffered(struct file *filp, struct tandem_device_control *args)
{
	u8 in_stack[TANDEM_CONTROL_STACK], out_stack[TANDEM_CONTROL_STACK];
	void *in = tandem_control_buffer(in_stack, args->in_len);
	void *out = tandem_control_buffer(out_stack, args->out_len);
	struct tandem_control control = {
		.code = args->code,
		.in_len = args->in_len,
		.in = in,
		.out = out,
		.out_len = args->out_len,
	};
	long ret = -ENOMEM;

	if (!in || !out)
		goto out;
	ret = -EFAULT;
	if (copy_from_user(in, u64_to_user_ptr(args->in), args->in_len))
		goto out;
	ret = tandem_file_control(filp, &control);
	/* What was written is told also when it failed: in Windows' words, a warning. */
	if (copy_to_user(u64_to_user_ptr(args->out), out, control.returned))
		ret = -EFAULT;
	else
		args->returned = control.returned;
out:
	if (out != out_stack)
		kvfree(out);
	if (in != in_stack)
		kvfree(in);
	return ret;
}

static long tandem_ioctl_device_control(struct file *filp, unsigned int cmd, void __user *arg)
{
	struct tandem_file *file = filp->private_data;
	struct tandem_device_control args;
	u32 max = READ_ONCE(max_control);
	long ret;
	int err;

	err = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (err)
		return err;
	args.returned = 0;
	/* An answer that cannot be written is refused before anything is done. */
	err = tandem_ioctl_put(&args, sizeof(args), cmd, arg);
	if (err)
		return err;
	if ((!args.in && args.in_len) || (!args.out && args.out_len))
		return -EINVAL;
	if (args.in_len > max || args.out_len > max)
		return -EMSGSIZE;
	ret = file->dev->ops && file->dev->ops->control ? tandem_control_buffered(filp, &args) :
							  tandem_file_absent(file->dev, -ENOTTY);
	if (ret == TANDEM_TO_USER)
		ret = tandem_client_control(tandem_client_of(filp), &args);
	err = tandem_ioctl_put(&args, sizeof(args), cmd, arg);
	return err ?: ret;
}

static long tandem_ioctl_subscribe(struct file *filp, unsigned int cmd, void __user *arg)
{
	struct tandem_file *file = filp->private_data;
	struct file *subscription;
	struct tandem_subscribe args;
	int ret, fd;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (ret)
		return ret;
	if (!(filp->f_mode & FMODE_READ))
		return -EBADF;
	if (!tandem_device_may_subscribe(file->dev, filp))
		return -EACCES;
	/* An answer that cannot be written is refused before there is one: it may be durable. */
	ret = tandem_ioctl_put(&args, sizeof(args), cmd, arg);
	if (ret)
		return ret;
	fd = tandem_subscribe(file->dev, &args, &subscription);
	if (fd < 0)
		return fd;
	ret = tandem_ioctl_put(&args, sizeof(args), cmd, arg);
	if (ret) {
		fput(subscription);
		put_unused_fd(fd);
		return ret;
	}
	fd_install(fd, subscription);
	return fd;
}

static long tandem_ioctl_unsubscribe(struct file *filp, unsigned int cmd, void __user *arg)
{
	struct tandem_file *file = filp->private_data;
	struct tandem_unsubscribe args;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (!ret && (args.flags || args.reserved))
		ret = -EINVAL;
	if (!ret)
		ret = tandem_ioctl_name(args.name) ?: tandem_name_check(args.name);
	return ret ?: tandem_durable_remove(file->dev, args.name);
}

static long tandem_file_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct tandem_operation op = { .file = filp->private_data };
	long ret = TANDEM_TO_USER;

	if (tandem_ioctl_is(cmd, TANDEM_IOC_DEVICE_CONTROL))
		return tandem_ioctl_device_control(filp, cmd, (void __user *)arg);
	if (tandem_ioctl_is(cmd, TANDEM_IOC_SUBSCRIBE))
		return tandem_ioctl_subscribe(filp, cmd, (void __user *)arg);
	if (tandem_ioctl_is(cmd, TANDEM_IOC_UNSUBSCRIBE))
		return tandem_ioctl_unsubscribe(filp, cmd, (void __user *)arg);

	if (_IOC_TYPE(cmd) == TANDEM_IOC_MAGIC)
		return READ_ONCE(op.file->dev->gone) ? -ENODEV : -ENOTTY;
	if (op.file->dev->ops) {
		ret = !tandem_file_enter(filp, &op) ? -ENODEV :
		      op.ops->ioctl ? op.ops->ioctl(op.file, cmd, arg) :
		      tandem_file_absent(op.file->dev, -ENOTTY);
		tandem_file_exit(&op);
	}
	if (ret == TANDEM_TO_USER)
		ret = tandem_client_ioctl(tandem_client_of(filp), cmd, arg);
	return ret;
}

const struct file_operations tandem_file_fops = {
	.owner = THIS_MODULE,
	.open = tandem_file_open,
	.release = tandem_file_release,
	.read_iter = tandem_file_read_iter,
	.write_iter = tandem_file_write_iter,
	.splice_read = copy_splice_read,
	.splice_write = iter_file_splice_write,
	.llseek = tandem_file_llseek,
	.fsync = tandem_file_fsync,
	.fasync = tandem_file_fasync,
	.mmap = tandem_file_mmap,
	.poll = tandem_file_poll,
	.unlocked_ioctl = tandem_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
