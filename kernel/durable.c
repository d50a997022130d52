// SPDX-License-Identifier: GPL-2.0
/*
 * Durable: attaching to a subscription that is there, detaching from it, removing it.
 */
#include <linux/bitmap.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/string.h>

#include "device.h"
#include "durable.h"
#include "netlink.h"
#include "subscription.h"
#include "trace.h"

/**
 * tandem_durable_find() - the durable subscription of a name
 * @dev: its device, whose lock is held
 * @name: its name
 */
struct tandem_subscription *tandem_durable_find(struct tandem_device *dev, const char *name)
{
	struct tandem_subscription *sub;

	lockdep_assert_held(&dev->lock);
	list_for_each_entry(sub, &dev->subscriptions, node)
		if (sub->durable && !strcmp(sub->name, name))
			return sub;
	return NULL;
}

static bool tandem_durable_allowed(const struct tandem_subscription *sub)
{
	return uid_eq(current_uid(), sub->uid) || capable(CAP_SYS_ADMIN);
}

static bool tandem_durable_fits(const struct tandem_subscription *sub,
				const struct tandem_subscribe *args, const unsigned long *types)
{
	return sub->flags == args->flags && sub->overflow == args->overflow &&
	       sub->ring_size == args->ring_size && sub->classes == args->classes &&
	       sub->watermark == args->watermark &&
	       (types && sub->types ? bitmap_equal(types, sub->types, TANDEM_TYPES)
				    : types == sub->types);
}

/* Makes the current process its consumer. */
static void tandem_durable_take(struct tandem_subscription *sub)
{
	unsigned int cpu;

	lockdep_assert_held(&sub->dev->lock);
	WRITE_ONCE(sub->attached, true);
	/* The last consumer may have died asleep. */
	for_each_cpu(cpu, sub->cpus)
		WRITE_ONCE(tandem_subscription_ring(sub, cpu)->consumer->wake_at, TANDEM_AWAKE);
	tandem_subscriptions_lock();
	put_pid(sub->pid);
	sub->pid = get_pid(task_tgid(current));
	get_task_comm(sub->comm, current);
	tandem_subscriptions_unlock();
	trace_tandem_attach(sub);
	tandem_netlink_subscription(TANDEM_CMD_SUBSCRIPTION_ATTACHED, sub);
}

/**
 * tandem_durable_attach() - become the consumer of a durable subscription that is there
 * @dev: the device
 * @args: the argument of TANDEM_IOC_SUBSCRIBE, checked
 *
 * Return: it; NULL if there is none of that name; or ERR_PTR, as TANDEM_IOC_SUBSCRIBE says.
 */
struct tandem_subscription *tandem_durable_attach(struct tandem_device *dev,
						  const struct tandem_subscribe *args)
{
	unsigned long *types = tandem_subscribe_types(args);
	struct tandem_subscription *sub;

	if (IS_ERR(types))
		return ERR_CAST(types);
	mutex_lock(&dev->lock);
	sub = tandem_durable_find(dev, args->name);
	if (dev->gone)
		sub = ERR_PTR(-ENODEV);
	else if (sub && !tandem_durable_allowed(sub))
		sub = ERR_PTR(-EPERM);
	else if (sub && sub->attached)
		sub = ERR_PTR(-EBUSY);
	else if (sub && !tandem_durable_fits(sub, args, types))
		sub = ERR_PTR(-EEXIST);
	else if (sub)
		tandem_durable_take(sub);
	mutex_unlock(&dev->lock);
	bitmap_free(types);
	return sub;
}

/**
 * tandem_durable_detach() - the last user of an fd is gone, and no mapping is left
 * @sub: the subscription, joined or not
 *
 * Return: false if it is not, or not any more, durable: it is to be closed.
 */
bool tandem_durable_detach(struct tandem_subscription *sub)
{
	struct tandem_device *dev = sub->dev;
	bool durable;

	mutex_lock(&dev->lock);
	durable = sub->durable;
	if (durable) {
		WRITE_ONCE(sub->attached, false);
		trace_tandem_detach(sub);
		tandem_netlink_subscription(TANDEM_CMD_SUBSCRIPTION_DETACHED, sub);
	}
	mutex_unlock(&dev->lock);
	return durable;
}

/**
 * tandem_durable_remove() - TANDEM_IOC_UNSUBSCRIBE
 * @dev: the device
 * @name: of the subscription
 */
int tandem_durable_remove(struct tandem_device *dev, const char *name)
{
	struct tandem_subscription *sub;
	bool orphan = false;
	int ret = 0;

	mutex_lock(&dev->lock);
	sub = tandem_durable_find(dev, name);
	if (dev->gone) {
		ret = -ENODEV;
	} else if (!sub) {
		ret = -ENOENT;
	} else if (!tandem_durable_allowed(sub)) {
		ret = -EPERM;
	} else {
		orphan = !sub->attached;
		WRITE_ONCE(sub->attached, true);
		sub->durable = false;
		tandem_subscription_leave(sub);
		/* Its fd may be closed meanwhile. */
		refcount_inc(&sub->refs);
	}
	mutex_unlock(&dev->lock);
	if (ret)
		return ret;

	/* Only when nobody posts to it any more is what it holds all that there will be. */
	synchronize_rcu();
	mutex_lock(&dev->lock);
	tandem_subscription_gone(sub);
	mutex_unlock(&dev->lock);
	if (orphan)
		tandem_subscription_close(sub);
	tandem_subscription_put(sub);
	return 0;
}

/* One that has ended while nobody was attached. It is the caller's to close. */
static struct tandem_subscription *tandem_durable_orphan(struct tandem_device *dev)
{
	struct tandem_subscription *sub, *orphan = NULL;

	mutex_lock(&dev->lock);
	list_for_each_entry(sub, &dev->subscriptions, node) {
		if (!sub->attached && !sub->durable) {
			WRITE_ONCE(sub->attached, true);
			orphan = sub;
			break;
		}
	}
	mutex_unlock(&dev->lock);
	return orphan;
}

/**
 * tandem_durables_close() - close those that have ended while nobody was attached
 * @dev: the device
 */
void tandem_durables_close(struct tandem_device *dev)
{
	struct tandem_subscription *sub;

	while ((sub = tandem_durable_orphan(dev)))
		tandem_subscription_close(sub);
}
