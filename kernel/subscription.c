// SPDX-License-Identifier: GPL-2.0
/*
 * Subscription: making and unmaking, and what its rings have to say.
 */
#include <linux/anon_inodes.h>
#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/cpuhotplug.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "consumer.h"
#include "device.h"
#include "durable.h"
#include "ioctl.h"
#include "netlink.h"
#include "subscription.h"
#include "trace.h"
#include "user.h"

/* An overflow is told to netlink at most once in this time for each subscription. */
#define TANDEM_OVERFLOW_INTERVAL	HZ

/*
 * All subscriptions, by id. tandem_subscriptions_mutex protects the array, and keeps its
 * members from being freed; it nests in a device's lock.
 */
static DEFINE_XARRAY_ALLOC1(tandem_subscriptions);
static DEFINE_MUTEX(tandem_subscriptions_mutex);

struct tandem_subscription tandem_nobody;

static struct workqueue_struct *tandem_subscription_wq;
static enum cpuhp_state tandem_subscription_cpuhp;

/* ---- Rings ---- */

static void tandem_subscription_stop(struct tandem_subscription *sub, enum tandem_ring_state state)
{
	unsigned int cpu;

	for_each_cpu(cpu, sub->cpus)
		tandem_ring_stop(tandem_subscription_ring(sub, cpu), state);
	wake_up_all(&sub->room);
}

static void tandem_subscription_wake(struct tandem_subscription *sub)
{
	atomic64_inc(&sub->wakeups);
	wake_up_interruptible_poll(&sub->wait, EPOLLIN | EPOLLRDNORM);
	kill_fasync(&sub->fasync, SIGIO, POLL_IN);
}

static void tandem_ring_woken(struct irq_work *work)
{
	tandem_subscription_wake(tandem_ring_subscription(container_of(work, struct tandem_ring,
								       wake)));
}

static void tandem_ring_woken_late(struct irq_work *work)
{
	tandem_subscription_wake(tandem_ring_subscription(container_of(work, struct tandem_ring,
								       wake_late)));
}

/* ---- Notices ---- */

static void tandem_subscription_notice(struct irq_work *work)
{
	struct tandem_subscription *sub =
		container_of(work, struct tandem_subscription, notice.work);
	unsigned long due = READ_ONCE(sub->overflow_told) + TANDEM_OVERFLOW_INTERVAL;
	bool corrupted = tandem_subscription_corrupt(sub) &&
			 !test_bit(TANDEM_NOTICE_CORRUPT_TOLD, &sub->notice.bits);

	if (corrupted || time_after_eq(jiffies, due))
		mod_delayed_work(tandem_subscription_wq, &sub->noticed, 0);
	else
		queue_delayed_work(tandem_subscription_wq, &sub->noticed, due - jiffies);
}

/* One that has left is not spoken of any more: its removal was told already. */
static void tandem_subscription_tell(struct tandem_subscription *sub, enum tandem_cmd cmd)
{
	lockdep_assert_held(&sub->dev->lock);
	if (!list_empty(&sub->node))
		tandem_netlink_subscription(cmd, sub);
}

static void tandem_subscription_noticed(struct work_struct *work)
{
	struct tandem_subscription *sub =
		container_of(to_delayed_work(work), struct tandem_subscription, noticed);

	mutex_lock(&sub->dev->lock);
	if (tandem_subscription_corrupt(sub) &&
	    !test_and_set_bit(TANDEM_NOTICE_CORRUPT_TOLD, &sub->notice.bits)) {
		tandem_subscription_stop(sub, TANDEM_RING_CORRUPT);
		trace_tandem_corrupt(sub);
		tandem_subscription_tell(sub, TANDEM_CMD_CORRUPT);
		wake_up_interruptible_poll(&sub->wait, EPOLLIN | EPOLLRDNORM | EPOLLERR);
		kill_fasync(&sub->fasync, SIGIO, POLL_ERR);
	}
	if (test_bit(TANDEM_NOTICE_OVERFLOW, &sub->notice.bits)) {
		WRITE_ONCE(sub->overflow_told, jiffies);
		clear_bit(TANDEM_NOTICE_OVERFLOW, &sub->notice.bits);
		/*
		 * The bit before the counters. Pairs with the barrier in tandem_ring_lost(): what
		 * is not told here raises the bit anew.
		 */
		smp_mb__after_atomic();
		trace_tandem_overflow(sub);
		tandem_subscription_tell(sub, TANDEM_CMD_OVERFLOW);
	}
	mutex_unlock(&sub->dev->lock);
}

/* ---- Making and unmaking ---- */

static int tandem_subscription_charge(struct tandem_subscription *sub, u64 bytes)
{
	int ret = tandem_user_charge(sub->user, bytes, sub->unlimited);

	if (!ret)
		WRITE_ONCE(sub->charged, sub->charged + bytes);
	return ret;
}

/* Makes the ring of a CPU. */
static int tandem_subscription_fit(struct tandem_subscription *sub, struct tandem_ring *ring)
{
	struct mem_cgroup *old;
	int ret;

	ret = tandem_subscription_charge(sub, sub->ring_size);
	if (ret)
		return ret;
	/* Whoever brings a CPU online is not who uses the memory. */
	old = set_active_memcg(sub->memcg);
	ret = tandem_ring_prepare(ring, sub->ring_size);
	set_active_memcg(old);
	if (ret) {
		WRITE_ONCE(sub->charged, sub->charged - sub->ring_size);
		tandem_user_uncharge(sub->user, sub->ring_size);
	}
	return ret;
}

/* Makes the control pages of all rings. */
static int tandem_subscription_init_rings(struct tandem_subscription *sub)
{
	const struct tandem_ring_setup setup = {
		.generation = sub->generation,
		.layout = sub->shared ? TANDEM_RING_SHARED : TANDEM_RING_PER_CPU,
		.watermark = sub->watermark,
		.timeless = sub->flags & TANDEM_SUBSCRIBE_NO_TIME,
		.overwrite = sub->overflow == TANDEM_OVERFLOW_OVERWRITE,
		.notice = &sub->notice,
		.wake = tandem_ring_woken,
		.wake_late = tandem_ring_woken_late,
	};
	unsigned int cpu;
	int ret;

	if (sub->shared)
		/* All that those of a shared one are asked for. */
		for_each_possible_cpu(cpu)
			per_cpu_ptr(sub->rings, cpu)->notice = &sub->notice;
	for_each_cpu(cpu, sub->cpus) {
		ret = tandem_ring_init(tandem_subscription_ring(sub, cpu), sub->shared ? -1 : cpu,
				       &setup);
		if (ret)
			return ret;
	}
	return 0;
}

/* Makes the data pages: of all CPUs that are online, and from now on of those that come. */
static int tandem_subscription_fit_rings(struct tandem_subscription *sub)
{
	if (sub->shared)
		return tandem_subscription_fit(sub, &sub->shared->ring);
	return cpuhp_state_add_instance(tandem_subscription_cpuhp, &sub->hotplug);
}

static void tandem_subscription_unfit_rings(struct tandem_subscription *sub)
{
	if (!sub->shared)
		cpuhp_state_remove_instance_nocalls(tandem_subscription_cpuhp, &sub->hotplug);
}

/*
 * A CPU is about to come online; or it is, and the subscription is being made. In the first case a
 * failure must not keep the CPU away: the ring stays empty, and says what it lost.
 */
static int tandem_subscription_prepare(unsigned int cpu, struct hlist_node *node)
{
	struct tandem_subscription *sub =
		hlist_entry(node, struct tandem_subscription, hotplug);
	struct tandem_ring *ring = per_cpu_ptr(sub->rings, cpu);
	int ret;

	if (ring->pages || READ_ONCE(sub->gone) || tandem_subscription_corrupt(sub))
		return 0;
	ret = tandem_subscription_fit(sub, ring);
	/*
	 * What ended the subscription meanwhile may have stopped the ring before it was opened.
	 * Models: prepare_gone.litmus, prepare_corrupt.litmus.
	 */
	smp_mb();
	if (READ_ONCE(sub->gone))
		tandem_ring_stop(ring, TANDEM_RING_GONE);
	else if (tandem_subscription_corrupt(sub))
		tandem_ring_stop(ring, TANDEM_RING_CORRUPT);
	return cpu_online(cpu) ? ret : 0;
}

static void tandem_subscription_destroy(struct tandem_subscription *sub)
{
	unsigned int cpu;

	if (sub->rings)
		for_each_cpu(cpu, sub->cpus)
			tandem_ring_free(tandem_subscription_ring(sub, cpu));
	free_percpu(sub->rings);
	kfree(sub->shared);
	bitmap_free(sub->types);
	if (!IS_ERR_OR_NULL(sub->user)) {
		tandem_user_uncharge(sub->user, sub->charged);
		tandem_user_put(sub->user);
	}
	mem_cgroup_put(sub->memcg);
	put_pid(sub->pid);
	tandem_device_put(sub->dev);
	kfree(sub);
}

/**
 * tandem_subscribe_types() - what is asked for
 * @args: the argument
 *
 * Return: a bitmap of types, for bitmap_free(); NULL: all; or ERR_PTR.
 */
unsigned long *tandem_subscribe_types(const struct tandem_subscribe *args)
{
	unsigned long *bitmap;
	u16 *types;
	u32 i;

	if (!args->types_count)
		return NULL;
	types = vmemdup_user(u64_to_user_ptr(args->types), args->types_count * sizeof(*types));
	if (IS_ERR(types))
		return ERR_CAST(types);
	bitmap = bitmap_zalloc(TANDEM_TYPES, GFP_KERNEL_ACCOUNT);
	if (!bitmap)
		bitmap = ERR_PTR(-ENOMEM);
	for (i = 0; !IS_ERR(bitmap) && i < args->types_count; i++) {
		if (types[i] < TANDEM_TYPES) {
			__set_bit(types[i], bitmap);
		} else {
			bitmap_free(bitmap);
			bitmap = ERR_PTR(-EINVAL);
		}
	}
	kvfree(types);
	return bitmap;
}

static struct tandem_subscription *tandem_subscription_create(struct tandem_device *dev,
							      const struct tandem_subscribe *args)
{
	struct tandem_subscription *sub;
	int ret;

	sub = kzalloc(sizeof(*sub), GFP_KERNEL_ACCOUNT);
	if (!sub)
		return ERR_PTR(-ENOMEM);
	tandem_device_get(dev);
	sub->dev = dev;
	sub->classes = args->classes;
	sub->flags = args->flags;
	sub->overflow = args->overflow;
	sub->ring_size = args->ring_size;
	sub->watermark = args->watermark;
	sub->cpus = args->flags & TANDEM_SUBSCRIBE_SHARED ? cpumask_of(0) : cpu_possible_mask;
	sub->generation = dev->generation;
	sub->memcg = get_mem_cgroup_from_mm(current->mm);
	sub->pid = get_pid(task_tgid(current));
	sub->uid = current_uid();
	sub->unlimited = ns_capable_noaudit(&init_user_ns, CAP_SYS_RESOURCE);
	get_task_comm(sub->comm, current);
	strscpy(sub->name, args->name, sizeof(sub->name));
	sub->attached = true;
	INIT_LIST_HEAD(&sub->node);
	refcount_set(&sub->refs, 1);
	init_waitqueue_head(&sub->wait);
	init_waitqueue_head(&sub->room);
	mutex_init(&sub->read_lock);
	mutex_init(&sub->snapshot_lock);
	init_irq_work(&sub->notice.work, tandem_subscription_notice);
	INIT_DELAYED_WORK(&sub->noticed, tandem_subscription_noticed);
	sub->overflow_told = jiffies - TANDEM_OVERFLOW_INTERVAL;

	sub->types = tandem_subscribe_types(args);
	if (IS_ERR(sub->types)) {
		ret = PTR_ERR(sub->types);
		sub->types = NULL;
		goto err;
	}
	sub->user = tandem_user_get(sub->unlimited);
	if (IS_ERR(sub->user)) {
		ret = PTR_ERR(sub->user);
		goto err;
	}
	ret = tandem_subscription_charge(sub, cpumask_weight(sub->cpus) * 2 * PAGE_SIZE);
	if (ret)
		goto err;
	ret = -ENOMEM;
	if (args->flags & TANDEM_SUBSCRIBE_SHARED) {
		sub->shared = tandem_shared_create();
		if (!sub->shared)
			goto err;
	}
	sub->rings = __alloc_percpu_gfp(sizeof(*sub->rings), SMP_CACHE_BYTES,
					GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!sub->rings)
		goto err;
	ret = tandem_subscription_init_rings(sub);
	if (ret)
		goto err;
	ret = tandem_subscription_fit_rings(sub);
	if (ret)
		goto err;
	return sub;
err:
	tandem_subscription_destroy(sub);
	return ERR_PTR(ret);
}

/* Shows the subscription to producers, and to netlink. Model: leave.litmus. */
static int tandem_subscription_join(struct tandem_subscription *sub)
{
	struct tandem_device *dev = sub->dev;
	struct tandem_subscription **from, **to;
	struct tandem_listeners *old, *new;
	int ret;

	mutex_lock(&dev->lock);
	ret = -ENODEV;
	if (dev->gone)
		goto out;
	/* Somebody may have been faster, and is attached. */
	ret = -EBUSY;
	if (*sub->name && tandem_durable_find(dev, sub->name))
		goto out;
	old = rcu_dereference_protected(dev->listeners, lockdep_is_held(&dev->lock));
	ret = -ENOMEM;
	new = kvzalloc(struct_size(new, subscription, dev->subscription_count + 2),
		       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!new)
		goto out;
	mutex_lock(&tandem_subscriptions_mutex);
	ret = xa_alloc(&tandem_subscriptions, &sub->id, sub, xa_limit_31b, GFP_KERNEL);
	mutex_unlock(&tandem_subscriptions_mutex);
	if (ret) {
		kvfree(new);
		goto out;
	}
	to = new->subscription;
	for (from = old ? old->subscription : to; *from; from++)
		if (*from != &tandem_nobody)
			*to++ = *from;
	*to = sub;
	/* Who posts compares it. */
	sub->seq = dev->subscription_seq + 1;
	rcu_assign_pointer(dev->listeners, new);
	if (old)
		kvfree_rcu(old, rcu);
	WRITE_ONCE(dev->subscription_seq, sub->seq);
	list_add_tail(&sub->node, &dev->subscriptions);
	WRITE_ONCE(dev->subscription_count, dev->subscription_count + 1);
	if (*sub->name) {
		sub->durable = true;
		sub->pins = true;
		__module_get(THIS_MODULE);
	}
	trace_tandem_subscribe(sub);
	tandem_netlink_subscription(TANDEM_CMD_SUBSCRIPTION_ADDED, sub);
out:
	mutex_unlock(&dev->lock);
	return ret;
}

/**
 * tandem_subscription_leave() - hide it again from producers, and from netlink
 * @sub: the subscription, joined; its device's lock is held
 */
void tandem_subscription_leave(struct tandem_subscription *sub)
{
	struct tandem_device *dev = sub->dev;
	struct tandem_subscription **listener;
	struct tandem_listeners *listeners;

	lockdep_assert_held(&dev->lock);
	listeners = rcu_dereference_protected(dev->listeners, lockdep_is_held(&dev->lock));
	for (listener = listeners->subscription; *listener != sub; listener++)
		;
	WRITE_ONCE(*listener, &tandem_nobody);
	WRITE_ONCE(sub->left, true);
	wake_up_all(&sub->room);
	list_del_init(&sub->node);
	WRITE_ONCE(dev->subscription_count, dev->subscription_count - 1);
	if (!dev->subscription_count) {
		RCU_INIT_POINTER(dev->listeners, NULL);
		kvfree_rcu(listeners, rcu);
	}
	mutex_lock(&tandem_subscriptions_mutex);
	xa_erase(&tandem_subscriptions, sub->id);
	mutex_unlock(&tandem_subscriptions_mutex);
	trace_tandem_unsubscribe(sub);
	tandem_netlink_subscription(TANDEM_CMD_SUBSCRIPTION_REMOVED, sub);
}

static void tandem_subscription_free(struct work_struct *work)
{
	struct tandem_subscription *sub =
		container_of(to_rcu_work(work), struct tandem_subscription, free);
	unsigned int cpu;

	/* No producer is left; see their last wake-ups out. */
	for_each_cpu(cpu, sub->cpus) {
		irq_work_sync(&tandem_subscription_ring(sub, cpu)->wake);
		irq_work_sync(&tandem_subscription_ring(sub, cpu)->wake_late);
	}
	irq_work_sync(&sub->notice.work);
	cancel_delayed_work_sync(&sub->noticed);
	tandem_subscription_destroy(sub);
}

/**
 * tandem_subscription_close() - nobody wants it any more
 * @sub: the subscription, joined or not; the caller owns it
 */
void tandem_subscription_close(struct tandem_subscription *sub)
{
	/* First, for it takes the CPU hotplug lock, which nests outside all of ours. */
	tandem_subscription_unfit_rings(sub);
	mutex_lock(&sub->dev->lock);
	if (!list_empty(&sub->node))
		tandem_subscription_leave(sub);
	mutex_unlock(&sub->dev->lock);
	/* The caller's file, or its module, still holds ours. */
	if (sub->pins)
		module_put(THIS_MODULE);
	module_put(sub->dev->owner);
	tandem_subscription_put(sub);
}

/**
 * tandem_subscription_put() - give a reference up
 * @sub: closed by its owner, or found by a poster
 */
void tandem_subscription_put(struct tandem_subscription *sub)
{
	if (!refcount_dec_and_test(&sub->refs))
		return;
	INIT_RCU_WORK(&sub->free, tandem_subscription_free);
	queue_rcu_work(tandem_subscription_wq, &sub->free);
}

/**
 * tandem_subscription_release() - the last user of its fd is gone, and no mapping is left
 * @sub: the subscription, joined or not
 */
void tandem_subscription_release(struct tandem_subscription *sub)
{
	if (!tandem_durable_detach(sub))
		tandem_subscription_close(sub);
}

/**
 * tandem_subscription_gone() - the device goes, or the subscription is removed: no more events
 * @sub: the subscription; the device's lock is held. Nobody posts to it any more. If nobody is
 *	attached, it is the caller's to have closed afterwards
 */
void tandem_subscription_gone(struct tandem_subscription *sub)
{
	lockdep_assert_held(&sub->dev->lock);
	sub->durable = false;
	/*
	 * Before the rings are stopped: one that is being prepared is stopped here or there, see
	 * tandem_subscription_prepare().
	 */
	smp_store_mb(sub->gone, true);
	if (!tandem_subscription_corrupt(sub))
		tandem_subscription_stop(sub, TANDEM_RING_GONE);
	/* No matter what is asked for: the end is always worth a wake-up. */
	wake_up_interruptible_poll(&sub->wait, EPOLLIN | EPOLLRDNORM | EPOLLHUP);
	kill_fasync(&sub->fasync, SIGIO, POLL_HUP);
}

/* Waits until subscriptions that are closed are freed: a grace period each, then their work. */
static void tandem_subscriptions_flush(void)
{
	rcu_barrier();
	flush_workqueue(tandem_subscription_wq);
}

/* Checks a copy of an argument, and puts what zeros stand for in their place. */
static int tandem_subscribe_check(struct tandem_subscribe *args)
{
	int ret;

	if (args->flags & ~(TANDEM_SUBSCRIBE_SHARED | TANDEM_SUBSCRIBE_NO_TIME |
			    TANDEM_SUBSCRIBE_DURABLE) ||
	    args->overflow > TANDEM_OVERFLOW_BLOCK)
		return -EINVAL;
	if (args->flags & TANDEM_SUBSCRIBE_SHARED && args->overflow == TANDEM_OVERFLOW_OVERWRITE)
		return -EINVAL;
	if (args->flags & TANDEM_SUBSCRIBE_DURABLE) {
		ret = tandem_ioctl_name(args->name) ?: tandem_name_check(args->name);
		if (ret)
			return ret;
	} else if (memchr_inv(args->name, 0, sizeof(args->name))) {
		return -EINVAL;
	}
	if (args->ring_size < TANDEM_RING_SIZE_MIN || args->ring_size > TANDEM_RING_SIZE_MAX ||
	    !is_power_of_2(args->ring_size) || args->ring_size < PAGE_SIZE)
		return -EINVAL;
	if (args->types_count > TANDEM_SUBSCRIBE_TYPES_MAX || !args->types != !args->types_count)
		return -EINVAL;
	if (args->classes & ~(BIT(TANDEM_CLASSES) - 1) || args->watermark > args->ring_size / 2)
		return -EINVAL;
	args->classes = args->classes ?: BIT(TANDEM_CLASSES) - 1;
	args->watermark = args->watermark ?: 1;
	return 0;
}

/* A new one. A kernel half stays while somebody consumes its events. */
static struct tandem_subscription *tandem_subscription_new(struct tandem_device *dev,
							   const struct tandem_subscribe *args)
{
	struct tandem_subscription *sub;

	if (!try_module_get(dev->owner))
		return ERR_PTR(-ENODEV);
	sub = tandem_subscription_create(dev, args);
	if (sub == ERR_PTR(-EDQUOT)) {
		/* What was closed before this call does not count against it. */
		tandem_subscriptions_flush();
		sub = tandem_subscription_create(dev, args);
	}
	if (IS_ERR(sub))
		module_put(dev->owner);
	return sub;
}

/**
 * tandem_subscribe() - TANDEM_IOC_SUBSCRIBE, its permissions apart
 * @dev: the device
 * @args: the argument; its out fields are set
 * @filp: out: the subscription's file
 *
 * Return: a reserved fd, for the caller to install @filp at or to give both up; or -errno.
 */
int tandem_subscribe(struct tandem_device *dev, struct tandem_subscribe *args, struct file **filp)
{
	struct tandem_subscribe wanted = *args;
	struct tandem_subscription *sub = NULL;
	int ret, fd;

	ret = tandem_subscribe_check(&wanted);
	if (ret)
		return ret;
	if (wanted.overflow == TANDEM_OVERFLOW_BLOCK && !dev->may_block)
		return -EOPNOTSUPP;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	if (wanted.flags & TANDEM_SUBSCRIBE_DURABLE)
		sub = tandem_durable_attach(dev, &wanted);
	args->attached = !!sub;
	if (!sub)
		sub = tandem_subscription_new(dev, &wanted);
	if (IS_ERR(sub)) {
		ret = PTR_ERR(sub);
		goto err_fd;
	}
	*filp = anon_inode_getfile("[tandem-subscription]", &tandem_consumer_fops, sub,
				   O_RDWR);
	if (IS_ERR(*filp)) {
		tandem_subscription_release(sub);
		ret = PTR_ERR(*filp);
		goto err_fd;
	}
	(*filp)->f_mode |= FMODE_NOWAIT;
	args->rings = cpumask_weight(sub->cpus);
	args->map_size = tandem_subscription_stride(sub);
	if (args->attached)
		return fd;
	ret = tandem_subscription_join(sub);
	if (!ret)
		return fd;

	fput(*filp);
err_fd:
	put_unused_fd(fd);
	return ret;
}

/* ---- For netlink ---- */

/**
 * tandem_subscription_count() - add the rings' counters up
 * @sub: the subscription
 * @c: where to
 */
void tandem_subscription_count(struct tandem_subscription *sub,
			       struct tandem_subscription_counters *c)
{
	unsigned int cpu, i;
	u64 cons, pub;

	memset(c, 0, sizeof(*c));
	for_each_cpu(cpu, sub->cpus) {
		struct tandem_ring *ring = tandem_subscription_ring(sub, cpu);
		const struct tandem_ring_producer *p = ring->producer;

		c->accepted += local_read(&ring->accepted) - atomic_long_read(&ring->discarded);
		c->overwritten += local_read(&ring->overwritten);
		c->lost += READ_ONCE(p->lost_records);
		c->lost_bytes += READ_ONCE(p->lost_bytes);
		c->lost_recursion += READ_ONCE(p->lost_recursion);
		c->lost_too_big += READ_ONCE(p->lost_too_big);
		for (i = 0; i < TANDEM_CLASSES; i++)
			c->lost_class[i] += READ_ONCE(p->lost_class[i]);
		if (tandem_ring_pending(ring, &cons, &pub))
			c->pending_bytes += pub - cons;
		c->rings += !!READ_ONCE(ring->pages);
		c->state = max(c->state, READ_ONCE(p->state));
	}
}

void tandem_subscriptions_lock(void)
{
	mutex_lock(&tandem_subscriptions_mutex);
}

void tandem_subscriptions_unlock(void)
{
	mutex_unlock(&tandem_subscriptions_mutex);
}

/**
 * tandem_subscription_next() - walk all subscriptions
 * @id: begin at this one; moved onto the one found
 *
 * Return: the subscription, valid while tandem_subscriptions_lock() is held; NULL at the end.
 */
struct tandem_subscription *tandem_subscription_next(u32 *id)
{
	unsigned long index = *id;
	struct tandem_subscription *sub;

	lockdep_assert_held(&tandem_subscriptions_mutex);
	sub = xa_find(&tandem_subscriptions, &index, U32_MAX, XA_PRESENT);
	*id = index;
	return sub;
}

int tandem_subscriptions_init(void)
{
	int ret;

	tandem_subscription_wq = alloc_workqueue("tandem", WQ_UNBOUND, 0);
	if (!tandem_subscription_wq)
		return -ENOMEM;
	ret = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "tandem:prepare",
				      tandem_subscription_prepare, NULL);
	if (ret < 0) {
		destroy_workqueue(tandem_subscription_wq);
		return ret;
	}
	tandem_subscription_cpuhp = ret;
	return 0;
}

void tandem_subscriptions_exit(void)
{
	cpuhp_remove_multi_state(tandem_subscription_cpuhp);
	tandem_subscriptions_flush();
	destroy_workqueue(tandem_subscription_wq);
	xa_destroy(&tandem_subscriptions);
}
