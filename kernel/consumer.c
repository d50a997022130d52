// SPDX-License-Identifier: GPL-2.0
/*
 * Consumer: the fd of a subscription; read, poll, mmap.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/wait.h>

#include "consumer.h"
#include "device.h"
#include "fault.h"
#include "ioctl.h"
#include "map.h"
#include "recorder.h"
#include "room.h"
#include "subscription.h"

/* Ring number @n as user space counts. */
static struct tandem_ring *tandem_consumer_ring(struct tandem_subscription *sub, u64 n)
{
	unsigned int cpu;

	for_each_cpu(cpu, sub->cpus)
		if (!n--)
			return tandem_subscription_ring(sub, cpu);
	return NULL;
}

static bool tandem_consumer_readable(struct tandem_subscription *sub)
{
	unsigned int cpu;

	for_each_cpu(cpu, sub->cpus)
		if (tandem_ring_readable(tandem_subscription_ring(sub, cpu)))
			return true;
	return false;
}

/*
 * Is there something to read? If not, wake-ups are armed, so that whoever waits for sub->wait is
 * woken. This is for those who know nothing of wake_at, and harmless for the others.
 */
static bool tandem_consumer_readable_or_arm(struct tandem_subscription *sub)
{
	unsigned int cpu;

	if (tandem_consumer_readable(sub))
		return true;
	for_each_cpu(cpu, sub->cpus)
		tandem_ring_arm(tandem_subscription_ring(sub, cpu));
	/*
	 * wake_at before pub_pos. Pairs with the barriers in tandem_ring_wake_due() and
	 * tandem_shared_commit(). Models: poll.litmus, shared_wake.litmus.
	 */
	smp_mb();
	return tandem_consumer_readable(sub);
}

/* Is there something to say to who waits, if only that nothing will come? */
static bool tandem_consumer_ready_or_arm(struct tandem_subscription *sub)
{
	return tandem_consumer_readable_or_arm(sub) || READ_ONCE(sub->gone) ||
	       tandem_subscription_corrupt(sub);
}

/*
 * Whoever has a ring mapped may have moved its cons_pos to where no record begins, or may move
 * it on while this reads. What is read then is nonsense, and may be what a poster writes just now,
 * so KCSAN is told; but it is read once, and lies within the ring.
 */
static int tandem_ring_oldest(struct tandem_ring *ring, struct tandem_oldest *oldest)
{
	const struct tandem_record *record;
	u64 cons, pub, bytes, time;

	if (!tandem_ring_pending(ring, &cons, &pub))
		return -EBADMSG;
	if (cons == pub || tandem_ring_busy(ring, cons))
		return 0;
	record = tandem_ring_record(ring, cons);
	/* Perhaps while it is written, see above. */
	bytes = TANDEM_RECORD_STRIDE(data_race(READ_ONCE(record->len)));
	/* Likewise. */
	time = data_race(READ_ONCE(record->time));
	if (bytes < sizeof(*record) || bytes > pub - cons || bytes > TANDEM_RECORD_MAX)
		return -EBADMSG;
	tandem_oldest_offer(oldest, &(struct tandem_oldest){ ring, record, cons, bytes, time });
	return 0;
}

/* Looks for the oldest record of all rings; without times, for one of each ring in turn. */
static int tandem_consumer_oldest(struct tandem_subscription *sub, struct tandem_oldest *oldest)
{
	unsigned int cpu;
	int ret;

	*oldest = (struct tandem_oldest){};
	for_each_cpu_wrap(cpu, sub->cpus, sub->turn) {
		struct tandem_ring *ring = tandem_subscription_ring(sub, cpu);

		if (ring->overwrite) {
			tandem_recorder_oldest(ring, oldest);
			continue;
		}
		ret = tandem_ring_oldest(ring, oldest);
		if (ret) {
			tandem_ring_refuse(ring);
			return ret;
		}
	}
	return 0;
}

/* Copies a record out, and takes it out of its ring. Return: its bytes, or -EFAULT. */
static ssize_t tandem_ring_take(const struct tandem_oldest *oldest, struct iov_iter *to)
{
	/* As in tandem_ring_oldest(): it may be nonsense. */
	size_t copied = data_race(copy_to_iter(oldest->record, oldest->bytes, to));

	if (copied != oldest->bytes) {
		iov_iter_revert(to, copied);
		return -EFAULT;
	}
	/* Pairs with tandem_ring_refresh(): the record may be overwritten now. */
	smp_store_release(&oldest->ring->consumer->cons_pos, oldest->cons + oldest->bytes);
	return oldest->bytes;
}

/*
 * Copies the oldest record out. Return: its bytes, 0 if there is none, or -errno. -EFAULT: @bytes
 * of @to are not there, or not yet.
 */
static ssize_t tandem_consumer_read_one(struct tandem_subscription *sub, struct iov_iter *to,
					size_t *bytes)
{
	struct tandem_oldest oldest;
	ssize_t ret;

	lockdep_assert_held(&sub->read_lock);
	do {
		ret = tandem_consumer_oldest(sub, &oldest);
		if (ret || !oldest.bytes)
			return ret;
		if (oldest.bytes > iov_iter_count(to))
			return -EMSGSIZE;
		*bytes = oldest.bytes;
		/* Others that read must not wait for a page of this one, which may never come. */
		pagefault_disable();
		if (!oldest.ring->overwrite)
			ret = tandem_ring_take(&oldest, to);
		else
			ret = tandem_recorder_take(&oldest, to);
		pagefault_enable();
		/* It was overwritten meanwhile; there are others. */
	} while (ret == -EAGAIN && !signal_pending(current));
	if (ret > 0)
		sub->turn = (sub->turn + 1) % nr_cpu_ids;
	return ret == -EAGAIN ? -ERESTARTSYS : ret;
}

static ssize_t tandem_consumer_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct tandem_subscription *sub = iocb->ki_filp->private_data;
	bool nonblock = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
	unsigned int tries = TANDEM_FAULT_TRIES;
	ssize_t ret, total = 0;
	size_t bytes;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		/* Pairs with tandem_subscription_gone(): nothing comes then. Model: gone.litmus. */
		bool gone = smp_load_acquire(&sub->gone);

		if (nonblock && !mutex_trylock(&sub->read_lock))
			return total ?: -EAGAIN;
		if (!nonblock && mutex_lock_interruptible(&sub->read_lock))
			return total ?: -ERESTARTSYS;
		while ((ret = tandem_consumer_read_one(sub, to, &bytes)) > 0) {
			total += ret;
			tries = TANDEM_FAULT_TRIES;
			/* Whoever moves cons_pos back gives it the same records over and over. */
			if (fatal_signal_pending(current))
				break;
			cond_resched();
		}
		mutex_unlock(&sub->read_lock);
		tandem_room_made(sub);
		if (ret == -EFAULT && tries-- && !fault_in_iov_iter_writeable(to, bytes))
			continue;
		/* Corrupt is for ever, whatever the consumer wrote to cons_pos since. */
		if (!ret && tandem_subscription_corrupt(sub))
			ret = -EBADMSG;
		if (ret || gone)
			return total ?: ret;

		/* Drained. Edge-triggered epoll and SIGIO wait for what comes after this answer. */
		if (nonblock || (total && READ_ONCE(sub->fasync))) {
			if (!tandem_consumer_readable_or_arm(sub))
				return total ?: -EAGAIN;
			continue;
		}
		if (total)
			return total;
		ret = wait_event_interruptible(sub->wait, tandem_consumer_ready_or_arm(sub));
		if (ret)
			return ret;
	}
}

static __poll_t tandem_consumer_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct tandem_subscription *sub = filp->private_data;
	__poll_t mask = 0;

	tandem_room_made(sub);
	poll_wait(filp, &sub->wait, wait);
	if (READ_ONCE(sub->gone))
		mask |= EPOLLHUP | EPOLLIN | EPOLLRDNORM;
	if (tandem_subscription_corrupt(sub))
		mask |= EPOLLERR | EPOLLIN | EPOLLRDNORM;
	if (!mask && tandem_consumer_readable_or_arm(sub))
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

static long tandem_ioctl_snapshot(struct tandem_subscription *sub, unsigned int cmd,
				  void __user *arg)
{
	unsigned int tries = TANDEM_FAULT_TRIES;
	struct tandem_snapshot args;
	struct tandem_ring *ring;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (ret)
		return ret;
	ring = tandem_consumer_ring(sub, args.ring);
	if (args.flags || !ring || (!args.buffer && args.length))
		return -EINVAL;
	if (!ring->overwrite)
		return -EOPNOTSUPP;
	do {
		/* One copy of a ring at a time, and none while a user's page is waited for. */
		if (mutex_lock_interruptible(&sub->snapshot_lock))
			return -ERESTARTSYS;
		ret = tandem_recorder_snapshot(ring, &args);
		mutex_unlock(&sub->snapshot_lock);
	} while (ret == -EFAULT && tries-- &&
		 !fault_in_safe_writeable(u64_to_user_ptr(args.buffer), args.returned));
	return ret ?: tandem_ioctl_put(&args, sizeof(args), cmd, arg);
}

static long tandem_ioctl_wait(struct tandem_subscription *sub, unsigned int cmd, void __user *arg)
{
	struct tandem_wait args;
	ktime_t timeout, end;
	int ret;

	ret = tandem_ioctl_get(&args, sizeof(args), sizeof(args), cmd, arg);
	if (ret)
		return ret;
	tandem_room_made(sub);
	if (!args.timeout)
		return tandem_consumer_ready_or_arm(sub) ? 0 : -ETIMEDOUT;
	if (args.timeout == TANDEM_FOREVER) {
		ret = wait_event_interruptible(sub->wait, tandem_consumer_ready_or_arm(sub));
		return ret ? -ERESTARTNOHAND : 0;
	}
	timeout = ns_to_ktime(min_t(u64, args.timeout, KTIME_MAX));
	end = ktime_add_safe(ktime_get(), timeout);
	ret = wait_event_interruptible_hrtimeout(sub->wait, tandem_consumer_ready_or_arm(sub),
						 timeout);
	if (!ret || ret == -ETIME)
		return ret ? -ETIMEDOUT : 0;
	/* Unless a handler runs, it goes on for as long as is left. */
	args.timeout = max_t(s64, ktime_to_ns(ktime_sub(end, ktime_get())), 0);
	return tandem_ioctl_put(&args, sizeof(args), cmd, arg) ?: -ERESTARTNOHAND;
}

static long tandem_consumer_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	if (tandem_ioctl_is(cmd, TANDEM_IOC_WAIT))
		return tandem_ioctl_wait(filp->private_data, cmd, (void __user *)arg);
	if (tandem_ioctl_is(cmd, TANDEM_IOC_SNAPSHOT))
		return tandem_ioctl_snapshot(filp->private_data, cmd, (void __user *)arg);
	if (cmd != TANDEM_IOC_ROOM)
		return -ENOTTY;
	tandem_room_made(filp->private_data);
	return 0;
}

static int tandem_consumer_fasync(int fd, struct file *filp, int on)
{
	struct tandem_subscription *sub = filp->private_data;
	int ret = fasync_helper(fd, filp, on, &sub->fasync);

	if (ret > 0 && on && tandem_consumer_readable_or_arm(sub))
		kill_fasync(&sub->fasync, SIGIO, POLL_IN);
	return ret;
}

static vm_fault_t tandem_ring_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct tandem_subscription *sub = vma->vm_file->private_data;
	pgoff_t stride = tandem_subscription_stride(sub) >> PAGE_SHIFT;
	struct page *page = tandem_ring_page(vma->vm_private_data, vmf->pgoff % stride);

	if (!page)
		return VM_FAULT_SIGBUS;
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct tandem_ring_vm_ops = {
	.fault = tandem_ring_fault,
	.may_split = tandem_map_may_split,
	.mremap = tandem_map_mremap,
};

static int tandem_consumer_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct tandem_subscription *sub = filp->private_data;
	u64 stride = tandem_subscription_stride(sub);
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	u64 length = vma->vm_end - vma->vm_start;
	struct tandem_ring *ring = tandem_consumer_ring(sub, offset / stride);
	int ret;

	if (sub->overflow == TANDEM_OVERFLOW_OVERWRITE)
		return -ENODEV;
	ret = tandem_map_check(vma);
	if (ret || !ring)
		return -EINVAL;
	if (offset % stride == PAGE_SIZE && length == stride - PAGE_SIZE)
		ret = tandem_map_read_only(vma);
	else if (offset % stride || length != PAGE_SIZE)
		ret = -EINVAL;
	if (!ret)
		tandem_map_fix(vma, &tandem_ring_vm_ops, ring);
	return ret;
}

static void tandem_consumer_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct tandem_subscription *sub = filp->private_data;
	struct tandem_subscription_counters c;

	tandem_subscription_count(sub, &c);
	seq_printf(m, "tandem-device:\t%s\n", tandem_device_name(sub->dev));
	seq_printf(m, "tandem-subscription:\t%u\n", sub->id);
	seq_printf(m, "tandem-ring-size:\t%llu\n", sub->ring_size);
	seq_printf(m, "tandem-rings:\t%u\n", c.rings);
	seq_printf(m, "tandem-classes:\t%#x\n", sub->classes);
	seq_printf(m, "tandem-accepted:\t%llu\n", c.accepted);
	seq_printf(m, "tandem-lost:\t%llu\n", c.lost);
	seq_printf(m, "tandem-pending-bytes:\t%llu\n", c.pending_bytes);
	seq_printf(m, "tandem-wakeups:\t%lld\n", atomic64_read(&sub->wakeups));
	seq_printf(m, "tandem-state:\t%u\n", c.state);
}

static int tandem_consumer_release(struct inode *inode, struct file *filp)
{
	tandem_subscription_release(filp->private_data);
	return 0;
}

const struct file_operations tandem_consumer_fops = {
	.owner = THIS_MODULE,
	.read_iter = tandem_consumer_read_iter,
	.poll = tandem_consumer_poll,
	.mmap = tandem_consumer_mmap,
	.unlocked_ioctl = tandem_consumer_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.fasync = tandem_consumer_fasync,
	.show_fdinfo = tandem_consumer_show_fdinfo,
	.release = tandem_consumer_release,
};
