/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Subscription: a consumer of a device's events; filter, rings, and the fd that stands for it.
 */
#ifndef _TANDEM_SUBSCRIPTION_H
#define _TANDEM_SUBSCRIPTION_H

#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "ring.h"
#include "shared.h"

struct mem_cgroup;
struct tandem_device;
struct tandem_user;

/**
 * struct tandem_subscription - a consumer of events
 * @rings: one for each possible CPU; with @shared they have no memory, and refuse who tries them
 * @shared: the ring of all CPUs, or NULL
 * @types: bitmap of the types wanted; NULL: all
 * @classes: mask of the classes wanted
 * @ring_size: bytes of one ring's data
 * @flags: &enum tandem_subscribe_flags
 * @overflow: &enum tandem_overflow
 * @watermark: bytes, at least 1
 * @cpus: by whom its rings are known: all possible CPUs; with @shared, one of them
 * @dev: the device, referenced
 * @user: whom it counts for
 * @id: in the list of all subscriptions
 * @generation: the device's server generation when it was made
 * @memcg: of who made it, charged for the rings
 * @pid: the consumer's process; like @comm it changes under the device's lock and that of
 *	tandem_subscriptions_lock()
 * @uid: of who made it
 * @comm: the consumer's name
 * @name: of a durable one, else empty
 * @durable: it stays when its consumer leaves; under the device's lock
 * @pins: it holds this module, having been durable
 * @attached: somebody owns it: an fd, or who closes it; under the device's lock
 * @seq: it is the device's nth subscription; listeners are in this order
 * @refs: it is freed after the last is put: that of who owns it, and those of posters that wait
 * @left: no poster finds it any more
 * @node: in &tandem_device.subscriptions, under the device's lock
 * @hotplug: in the CPU hotplug state: rings are prepared with their CPUs
 * @unlimited: its user's caps do not hold for it
 * @charged: bytes charged to @user. Written when a ring is prepared, which is serialised by the
 *	CPU hotplug lock
 * @wait: who sleeps in poll or read
 * @fasync: who wants SIGIO
 * @room: posters that wait for room
 * @read_lock: one reader at a time; protects @turn. No user's page is waited for under it
 * @snapshot_lock: one snapshot at a time, so that their memory is bounded; likewise. It nests in
 *	nothing, and nothing in it
 * @turn: the CPU whose ring is read first, of several with records of the same time
 * @gone: it has ended, with its device or, if it was durable, alone; set under the device's lock
 * @wakeups: how often the consumer was woken
 * @notice: raised by the rings
 * @noticed: does, in process context, what @notice asks for
 * @overflow_told: jiffies when the last overflow was told to netlink
 * @free: frees it after an RCU grace period
 */
struct tandem_subscription {
	struct tandem_ring __percpu *rings;
	struct tandem_shared *shared;
	unsigned long *types;
	u32 classes;
	u32 flags;
	u32 overflow;
	u64 ring_size;
	u64 watermark;
	const struct cpumask *cpus;

	struct tandem_device *dev;
	struct tandem_user *user;
	u32 id;
	u32 generation;
	struct mem_cgroup *memcg;
	struct pid *pid;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
	char name[TANDEM_NAME_SIZE];
	bool durable;
	bool pins;
	bool attached;
	u64 seq;
	refcount_t refs;
	bool left;
	struct list_head node;
	struct hlist_node hotplug;
	bool unlimited;
	u64 charged;

	wait_queue_head_t wait;
	struct fasync_struct *fasync;
	wait_queue_head_t room;
	struct mutex read_lock;	/* see above */
	struct mutex snapshot_lock;	/* likewise */
	unsigned int turn;
	bool gone;
	atomic64_t wakeups;

	struct tandem_notice notice;
	struct delayed_work noticed;
	unsigned long overflow_told;
	struct rcu_work free;
};

/**
 * struct tandem_listeners - the subscriptions of a device, as producers see them
 * @rcu: frees it
 * @subscription: ended by NULL; who has left is replaced by tandem_nobody
 */
struct tandem_listeners {
	struct rcu_head rcu;
	struct tandem_subscription *subscription[];
};

/* It wants no class. So to leave takes no memory. */
extern struct tandem_subscription tandem_nobody;

/**
 * struct tandem_subscription_counters - sums over the rings
 * @accepted: records put in
 * @lost: records lost
 * @lost_bytes: their payload
 * @lost_recursion: of @lost
 * @lost_too_big: of @lost
 * @lost_class: of @lost
 * @pending_bytes: not yet consumed
 * @overwritten: of @accepted
 * @rings: how many have memory
 * @state: the worst
 */
struct tandem_subscription_counters {
	u64 accepted;
	u64 lost;
	u64 lost_bytes;
	u64 lost_recursion;
	u64 lost_too_big;
	u64 lost_class[TANDEM_CLASSES];
	u64 overwritten;
	u64 pending_bytes;
	u32 rings;
	u32 state;
};

static __always_inline bool tandem_subscription_wants(const struct tandem_subscription *sub,
						      u64 header)
{
	return sub->classes & BIT(tandem_header_class(header)) &&
	       likely(!sub->types ||
		      test_bit(TANDEM_RECORD_TYPE(tandem_header_type_flags(header)), sub->types));
}

static inline struct tandem_subscription *tandem_ring_subscription(const struct tandem_ring *ring)
{
	return container_of(ring->notice, struct tandem_subscription, notice);
}

/* The ring that a CPU of @cpus stands for. */
static inline struct tandem_ring *tandem_subscription_ring(const struct tandem_subscription *sub,
							   unsigned int cpu)
{
	return sub->shared ? &sub->shared->ring : per_cpu_ptr(sub->rings, cpu);
}

/* Do its rings hold publishing back for a batch? */
static inline bool tandem_subscription_holds(const struct tandem_subscription *sub)
{
	return sub != &tandem_nobody && !sub->shared;
}

/* Bytes from one ring's mapping to the next. */
static inline u64 tandem_subscription_stride(const struct tandem_subscription *sub)
{
	return 2 * PAGE_SIZE + 2 * sub->ring_size;
}

static inline bool tandem_subscription_corrupt(const struct tandem_subscription *sub)
{
	return test_bit(TANDEM_NOTICE_CORRUPT, &sub->notice.bits);
}

int tandem_subscribe(struct tandem_device *dev, struct tandem_subscribe *args, struct file **filp);
unsigned long *tandem_subscribe_types(const struct tandem_subscribe *args);
void tandem_subscription_release(struct tandem_subscription *sub);
void tandem_subscription_leave(struct tandem_subscription *sub);
void tandem_subscription_close(struct tandem_subscription *sub);
void tandem_subscription_put(struct tandem_subscription *sub);
void tandem_subscription_gone(struct tandem_subscription *sub);
void tandem_subscription_count(struct tandem_subscription *sub,
			       struct tandem_subscription_counters *counters);
struct tandem_subscription *tandem_subscription_next(u32 *id);

void tandem_subscriptions_lock(void);
void tandem_subscriptions_unlock(void);
int tandem_subscriptions_init(void);
void tandem_subscriptions_exit(void);

#endif /* _TANDEM_SUBSCRIPTION_H */
