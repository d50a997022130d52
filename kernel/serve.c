// SPDX-License-Identifier: GPL-2.0
/*
 * Serve: a queue's fd, by which a server takes requests and answers them.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "device.h"
#include "ioctl.h"
#include "map.h"
#include "queue.h"
#include "serve.h"
#include "server.h"

/**
 * struct tandem_serving - an fd of a queue beyond that of the session
 * @control: the session's file, so that it lasts as long as one of its fds
 * @queue: the queue
 */
struct tandem_serving {
	struct file *control;
	struct tandem_queue *queue;
};

static int tandem_serve_ended(const struct tandem_queue *q)
{
	if (likely(!READ_ONCE(q->ended)))
		return 0;
	return READ_ONCE(q->server->dev->gone) ? -ENODEV : -ESTALE;
}

/* Asks to be woken when there are @min submissions more than are consumed. Are there already? */
static bool tandem_serve_ready(struct tandem_queue *q, u32 min)
{
	u64 at = READ_ONCE(q->shared->consumed) + min;
	u64 published = READ_ONCE(q->published);

	/* Others may wait for less, or for what is there by now. */
	if ((s64)(READ_ONCE(q->wake_at) - published) <= 0 ||
	    (s64)(at - READ_ONCE(q->wake_at)) < 0)
		WRITE_ONCE(q->wake_at, at);
	/* wake_at before published. Pairs with the barrier in tandem_queue_wake(). */
	smp_mb();
	return tandem_queue_pending(q) >= min || READ_ONCE(q->ended);
}

/* Return: 0, -ERESTARTSYS or -ETIMEDOUT. */
static int tandem_serve_wait(struct tandem_queue *q, u32 min, ktime_t *timeout)
{
	DEFINE_WAIT(wait);
	int ret = 0;

	for (;;) {
		/* One message is enough for one; who wants more is woken beside it. */
		if (min > 1)
			prepare_to_wait(&q->wait, &wait, TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		else
			prepare_to_wait_exclusive(&q->wait, &wait,
						  TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		if (tandem_serve_ready(q, min))
			break;
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		/* Without a time-out it is as schedule(). */
		if (!schedule_hrtimeout(timeout, HRTIMER_MODE_ABS) && !tandem_serve_ready(q, min)) {
			ret = -ETIMEDOUT;
			break;
		}
	}
	finish_wait(&q->wait, &wait);
	/* A wake-up that came for the one who gives up is for the next one. */
	if (ret && tandem_queue_pending(q))
		wake_up_interruptible_poll(&q->wait, EPOLLIN | EPOLLRDNORM);
	return ret;
}

/* TANDEM_IOC_REPLY_WAIT */
static int tandem_serve_reply_wait(struct tandem_queue *q, const struct tandem_reply_wait *args)
{
	ktime_t end;
	int ret;

	if (args->flags || args->min > q->depth)
		return -EINVAL;
	tandem_queue_serve(q);
	ret = tandem_queue_take(q);
	if (!ret)
		ret = tandem_serve_ended(q);
	if (ret)
		return ret == -EPROTO ? -ESTALE : ret;
	if (tandem_queue_pending(q) >= args->min)
		return 0;
	if (args->timeout == TANDEM_FOREVER) {
		ret = tandem_serve_wait(q, args->min, NULL);
	} else if (!args->timeout) {
		ret = -ETIMEDOUT;
	} else {
		end = ktime_add_safe(ktime_get(),
				     ns_to_ktime(min_t(u64, args->timeout, KTIME_MAX)));
		ret = tandem_serve_wait(q, args->min, &end);
		/* It would wait for as long again. */
		if (ret == -ERESTARTSYS)
			ret = -EINTR;
	}
	return tandem_serve_ended(q) ?: ret;
}

/* Copies the next message out, if there is one. Return: its bytes, 0 or -errno. */
static ssize_t tandem_serve_read_one(struct tandem_queue *q, struct iov_iter *to)
{
	struct tandem_submission message;
	u64 consumed = READ_ONCE(q->shared->consumed);
	u64 pending = READ_ONCE(q->published) - consumed;
	const u8 *data;

	lockdep_assert_held(&q->read_lock);
	if (!pending)
		return 0;
	if (pending > q->told->submissions)
		return -EBADMSG;
	/* Pairs with tandem_queue_publish(): who sees the position sees the message. */
	smp_rmb();
	message = q->submissions[consumed & (q->told->submissions - 1)];
	if (iov_iter_count(to) < sizeof(message) + message.in_len)
		return -EMSGSIZE;
	data = tandem_queue_slot(q, TANDEM_TAG(message.id));
	if (copy_to_iter(&message, sizeof(message), to) != sizeof(message) ||
	    copy_to_iter(data, message.in_len, to) != message.in_len)
		return -EFAULT;
	WRITE_ONCE(q->shared->consumed, consumed + 1);
	return sizeof(message) + message.in_len;
}

ssize_t tandem_serve_read(struct tandem_queue *q, struct kiocb *iocb, struct iov_iter *to)
{
	bool nonblock = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
	ssize_t ret;

	if (!iov_iter_count(to))
		return 0;
	tandem_queue_serve(q);
	for (;;) {
		ret = tandem_serve_ended(q);
		if (ret)
			return ret;
		if (mutex_lock_interruptible(&q->read_lock))
			return -ERESTARTSYS;
		ret = tandem_serve_read_one(q, to);
		mutex_unlock(&q->read_lock);
		if (ret)
			return ret;
		if (nonblock)
			return -EAGAIN;
		ret = tandem_serve_wait(q, 1, NULL);
		if (ret)
			return ret;
	}
}

ssize_t tandem_serve_write(struct tandem_queue *q, struct iov_iter *from)
{
	size_t len = iov_iter_count(from);
	struct tandem_completion c;
	int ret;

	if (len < sizeof(c))
		return -EINVAL;
	if (!copy_from_iter_full(&c, sizeof(c), from))
		return -EFAULT;
	if (TANDEM_TAG(c.id) >= q->depth)
		return -ENOENT;
	if (iov_iter_count(from) > q->slot_size)
		return -EMSGSIZE;
	if (mutex_lock_interruptible(&q->write_lock))
		return -ERESTARTSYS;
	ret = tandem_serve_ended(q);
	if (!ret)
		ret = tandem_queue_answer_from(q, &c, from);
	mutex_unlock(&q->write_lock);
	return ret ?: len;
}

__poll_t tandem_serve_poll(struct tandem_queue *q, struct file *filp,
			   struct poll_table_struct *wait)
{
	poll_wait(filp, &q->wait, wait);
	if (READ_ONCE(q->ended))
		return EPOLLHUP | EPOLLERR;
	return EPOLLOUT | EPOLLWRNORM | (tandem_serve_ready(q, 1) ? EPOLLIN | EPOLLRDNORM : 0);
}

static vm_fault_t tandem_queue_fault(struct vm_fault *vmf)
{
	struct page *page = tandem_queue_page(vmf->vma->vm_private_data, vmf->pgoff);

	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct tandem_queue_vm_ops = {
	.fault = tandem_queue_fault,
	.may_split = tandem_map_may_split,
	.mremap = tandem_map_mremap,
};

int tandem_serve_mmap(struct tandem_queue *q, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 length = vma->vm_end - vma->vm_start;
	int ret = tandem_map_check(vma);

	if (ret)
		return ret;
	if (offset == q->server_size && length == q->kernel_size)
		ret = tandem_map_read_only(vma);
	else if (offset || length != q->server_size)
		ret = -EINVAL;
	if (!ret)
		tandem_map_fix(vma, &tandem_queue_vm_ops, q);
	return ret;
}

/**
 * tandem_serve_ioctl() - the commands of all queues' fds
 * @q: the queue, or why there is none
 * @cmd: the command
 * @arg: its argument
 */
long tandem_serve_ioctl(struct tandem_queue *q, unsigned int cmd, void __user *arg)
{
	struct tandem_reply_wait args;
	u64 id;
	int ret;

	if (tandem_ioctl_is(cmd, TANDEM_IOC_REPLY_WAIT)) {
		if (IS_ERR(q))
			return PTR_ERR(q);
		ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
		return ret ?: tandem_serve_reply_wait(q, &args);
	}
	if (cmd == TANDEM_IOC_PROGRESS) {
		if (IS_ERR(q))
			return PTR_ERR(q);
		ret = tandem_server_session(q->server);
		if (!ret && copy_from_user(&id, arg, sizeof(id)))
			ret = -EFAULT;
		return ret ?: tandem_queue_progress(q, id);
	}
	return -ENOTTY;
}

static struct tandem_queue *tandem_serving_queue(struct file *filp)
{
	return ((struct tandem_serving *)filp->private_data)->queue;
}

static ssize_t tandem_serving_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return tandem_serve_read(tandem_serving_queue(iocb->ki_filp), iocb, to);
}

static ssize_t tandem_serving_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return tandem_serve_write(tandem_serving_queue(iocb->ki_filp), from);
}

static __poll_t tandem_serving_poll(struct file *filp, struct poll_table_struct *wait)
{
	return tandem_serve_poll(tandem_serving_queue(filp), filp, wait);
}

static int tandem_serving_mmap(struct file *filp, struct vm_area_struct *vma)
{
	return tandem_serve_mmap(tandem_serving_queue(filp), vma);
}

static long tandem_serving_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	return tandem_serve_ioctl(tandem_serving_queue(filp), cmd, (void __user *)arg);
}

static int tandem_serving_release(struct inode *inode, struct file *filp)
{
	struct tandem_serving *serving = filp->private_data;

	fput(serving->control);
	kfree(serving);
	return 0;
}

static const struct file_operations tandem_serving_fops = {
	.owner = THIS_MODULE,
	.read_iter = tandem_serving_read_iter,
	.write_iter = tandem_serving_write_iter,
	.poll = tandem_serving_poll,
	.mmap = tandem_serving_mmap,
	.unlocked_ioctl = tandem_serving_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = tandem_serving_release,
};

/**
 * tandem_serve_fd() - TANDEM_IOC_QUEUE
 * @control: the session's file, which lasts as long as the fd
 * @q: the queue, or why there is none
 */
long tandem_serve_fd(struct file *control, struct tandem_queue *q)
{
	struct tandem_serving *serving;
	int ret;

	ret = IS_ERR(q) ? PTR_ERR(q) : tandem_server_session(q->server);
	if (ret)
		return ret;
	serving = kmalloc(sizeof(*serving), GFP_KERNEL_ACCOUNT);
	if (!serving)
		return -ENOMEM;
	serving->queue = q;
	serving->control = get_file(control);
	ret = anon_inode_getfd("[tandem-queue]", &tandem_serving_fops, serving,
			       O_RDWR | O_CLOEXEC);
	if (ret < 0) {
		fput(control);
		kfree(serving);
	}
	return ret;
}
