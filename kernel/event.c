// SPDX-License-Identifier: GPL-2.0
/*
 * Event: posting. Who listens gets a copy, or a count of what was lost.
 *
 * Everything here runs with preemption off, in any context up to NMI. The listeners are read under
 * RCU; a subscription that leaves meanwhile is freed only after that.
 */
#include <linux/export.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "device.h"
#include "event.h"
#include "ring.h"
#include "shared.h"
#include "subscription.h"

static __always_inline struct tandem_listeners *tandem_listeners(struct tandem_device *dev)
{
	return rcu_dereference_sched(dev->listeners);
}

static __always_inline u32 tandem_payload(u64 header)
{
	return tandem_header_len(header) - sizeof(struct tandem_record);
}

/* Makes room in the ring of a subscription that is meant for this CPU. */
static __always_inline struct tandem_slot
tandem_take(struct tandem_subscription *sub, struct tandem_ring **ring, u64 header, bool patient)
{
	struct tandem_ring *here = this_cpu_ptr(sub->rings);

	if (likely(!sub->shared)) {
		*ring = here;
		return tandem_ring_reserve(here, header, patient);
	}
	*ring = &sub->shared->ring;
	return tandem_shared_reserve(sub->shared, &here->nesting, header, patient);
}

static __always_inline void tandem_give(struct tandem_ring *ring, u64 start)
{
	if (unlikely(ring->shared))
		tandem_shared_commit(ring, start);
	else if (tandem_ring_commit(ring, start))
		tandem_ring_wake(ring);
}

/* Copies an event into the ring of one. Return: what tandem_take() did. */
static __always_inline struct tandem_slot
tandem_copy_one(struct tandem_subscription *sub, struct tandem_ring **ring, u64 header,
		const void *data, bool patient)
{
	struct tandem_slot slot = tandem_take(sub, ring, header, patient);

	if (likely(slot.record)) {
		memcpy(slot.record->data, data, tandem_payload(header));
		tandem_give(*ring, slot.start);
	}
	return slot;
}

/* Copies an event into the rings of all who want it, from @listener on. */
static void tandem_copy(struct tandem_subscription *const *listener, u64 header, const void *data)
{
	struct tandem_subscription *sub;
	struct tandem_ring *ring;

	while ((sub = READ_ONCE(*listener++)))
		if (tandem_subscription_wants(sub, header))
			tandem_copy_one(sub, &ring, header, data, false);
}

/* Payloads of this size are copied in line. */
#define TANDEM_PAYLOAD_INLINE	(2 * sizeof(u64))

static noinline void tandem_post_all(const struct tandem_listeners *listeners, u64 header,
				     const void *data)
{
	tandem_copy(listeners->subscription, header, data);
	preempt_enable_notrace();
}

/* For who has a ring at hand and nothing else: who has come or left meanwhile has so in time. */
static noinline void tandem_post_anew(struct tandem_ring *ring, u64 header, const void *data)
{
	struct tandem_listeners *listeners = tandem_listeners(tandem_ring_subscription(ring)->dev);

	if (listeners)
		tandem_copy(listeners->subscription, header, data);
	preempt_enable_notrace();
}

static noinline void tandem_post_wake(struct tandem_ring *ring)
{
	tandem_ring_wake(ring);
	preempt_enable_notrace();
}

/* For other sizes: memcpy() is a call, and wants registers saved. */
static noinline void tandem_post_sized(struct tandem_ring *ring, u64 header, const void *data)
{
	struct tandem_slot slot;

	if (unlikely(tandem_header_len(header) > TANDEM_RECORD_SURE ||
		     !tandem_ring_try(ring, header, &slot)))
		return tandem_post_anew(ring, header, data);
	memcpy(slot.record->data, data, tandem_payload(header));
	if (tandem_ring_commit_outermost(ring))
		return tandem_post_wake(ring);
	preempt_enable_notrace();
}

/*
 * An event of two words to a single listener is posted at once. Nothing is called on that way, and
 * nothing kept that only the others need, so that no register is saved: it is half the price.
 */
void __tandem_post(struct tandem_device *dev, u64 header, const void *data)
{
	struct tandem_listeners *listeners;
	struct tandem_subscription *sub;
	struct tandem_ring *ring;
	struct tandem_slot slot;

	static_assert(sizeof(struct tandem_record) + TANDEM_PAYLOAD_INLINE <= TANDEM_RECORD_SURE);
	preempt_disable_notrace();
	listeners = tandem_listeners(dev);
	if (unlikely(!listeners))
		goto out;
	this_cpu_inc(*dev->posted);
	sub = READ_ONCE(listeners->subscription[0]);
	if (unlikely(READ_ONCE(listeners->subscription[1])))
		return tandem_post_all(listeners, header, data);
	if (unlikely(!tandem_subscription_wants(sub, header)))
		goto out;
	if (tandem_payload(header) != TANDEM_PAYLOAD_INLINE)
		return tandem_post_sized(this_cpu_ptr(sub->rings), header, data);
	ring = this_cpu_ptr(sub->rings);
	if (unlikely(!tandem_ring_try(ring, header, &slot)))
		return tandem_post_anew(ring, header, data);
	memcpy(slot.record->data, data, TANDEM_PAYLOAD_INLINE);
	if (tandem_ring_commit_outermost(ring))
		return tandem_post_wake(ring);
out:
	preempt_enable_notrace();
}
EXPORT_SYMBOL_GPL(__tandem_post);

/* Room in the first ring, of those from @r->listener on, that has some and is to have it. */
static noinline void tandem_reserve_any(struct tandem_reservation *r)
{
	struct tandem_subscription *sub;
	struct tandem_slot slot;

	while ((sub = READ_ONCE(*r->listener++))) {
		if (!tandem_subscription_wants(sub, r->header))
			continue;
		slot = tandem_take(sub, &r->ring, r->header, false);
		if (likely(slot.record)) {
			r->start = slot.start;
			r->data = slot.record->data;
			return;
		}
	}
	/* Posted to all who listen, and lost by all who want it. */
	this_cpu_inc(*r->dev->posted);
	r->data = NULL;
	preempt_enable_notrace();
}

/* As __tandem_post(): the common case, and tail calls for the others. */
void __tandem_reserve(struct tandem_reservation *r, struct tandem_device *dev, u64 header)
{
	struct tandem_listeners *listeners;
	struct tandem_subscription *sub;
	struct tandem_slot slot;

	preempt_disable_notrace();
	listeners = tandem_listeners(dev);
	if (unlikely(!listeners)) {
		r->data = NULL;
		preempt_enable_notrace();
		return;
	}
	r->dev = dev;
	r->header = header;
	r->listener = listeners->subscription;
	sub = READ_ONCE(listeners->subscription[0]);
	r->ring = this_cpu_ptr(sub->rings);
	if (unlikely(!tandem_subscription_wants(sub, header) ||
		     tandem_header_len(header) > TANDEM_RECORD_SURE ||
		     !tandem_ring_try(r->ring, header, &slot)))
		return tandem_reserve_any(r);
	r->listener++;
	r->start = slot.start;
	r->data = slot.record->data;
}
EXPORT_SYMBOL_GPL(__tandem_reserve);

static noinline void tandem_commit_all(const struct tandem_reservation *r)
{
	/* From the first ring to the others, before its consumer may have it overwritten. */
	tandem_copy(r->listener, r->header, r->data);
	this_cpu_inc(*r->dev->posted);
	tandem_give(r->ring, r->start);
	preempt_enable_notrace();
}

void tandem_commit(struct tandem_reservation *r)
{
	struct tandem_ring *ring = r->ring;

	if (unlikely(READ_ONCE(*r->listener) || ring->shared))
		return tandem_commit_all(r);
	this_cpu_inc(*r->dev->posted);
	if (tandem_ring_commit(ring, r->start))
		return tandem_post_wake(ring);
	preempt_enable_notrace();
}
EXPORT_SYMBOL_GPL(tandem_commit);

void tandem_discard(struct tandem_reservation *r)
{
	tandem_ring_discard(r->ring, container_of(r->data, struct tandem_record, data));
	tandem_give(r->ring, r->start);
	preempt_enable_notrace();
}
EXPORT_SYMBOL_GPL(tandem_discard);

void tandem_batch_begin(struct tandem_device *dev, struct tandem_batch *batch)
{
	struct tandem_subscription **listener, *sub;

	preempt_disable_notrace();
	batch->listeners = tandem_listeners(dev);
	if (!batch->listeners)
		return;
	for (listener = batch->listeners->subscription; (sub = READ_ONCE(*listener)); listener++)
		if (tandem_subscription_holds(sub))
			tandem_ring_hold(this_cpu_ptr(sub->rings), batch);
}
EXPORT_SYMBOL_GPL(tandem_batch_begin);

void tandem_batch_end(struct tandem_batch *batch)
{
	struct tandem_subscription **listener, *sub;

	if (batch->listeners) {
		/* Whoever left meanwhile is never produced for again: its ring may stay held. */
		listener = batch->listeners->subscription;
		for (; (sub = READ_ONCE(*listener)); listener++)
			if (tandem_subscription_holds(sub))
				tandem_ring_let_go(this_cpu_ptr(sub->rings), batch);
	}
	preempt_enable_notrace();
}
EXPORT_SYMBOL_GPL(tandem_batch_end);

/* ---- In steps ---- */

static bool tandem_posting_concerns(const struct tandem_posting *posting,
				    const struct tandem_subscription *sub, bool blocking)
{
	return tandem_subscription_wants(sub, posting->header) &&
	       (sub->overflow == TANDEM_OVERFLOW_BLOCK) == blocking;
}

/**
 * tandem_posting_begin() - post to all who need not be waited for
 * @dev: the device
 * @posting: the event
 */
void tandem_posting_begin(struct tandem_device *dev, struct tandem_posting *posting)
{
	struct tandem_subscription **listener, *sub;
	/* As in tandem_posting_go_on(). */
	int idx = srcu_read_lock(&dev->srcu);
	struct tandem_listeners *listeners;
	struct tandem_ring *ring;

	posting->last = READ_ONCE(dev->subscription_seq);
	preempt_disable_notrace();
	listeners = tandem_listeners(dev);
	if (listeners && !READ_ONCE(dev->gone)) {
		this_cpu_inc(*dev->posted);
		for (listener = listeners->subscription; (sub = READ_ONCE(*listener)); listener++)
			if (tandem_posting_concerns(posting, sub, false))
				tandem_copy_one(sub, &ring, posting->header, posting->data, false);
	}
	preempt_enable_notrace();
	srcu_read_unlock(&dev->srcu, idx);
}

/* The next one, in the order of their coming, that has no room. */
static bool tandem_posting_next(struct tandem_device *dev, struct tandem_posting *posting)
{
	struct tandem_listeners *listeners = tandem_listeners(dev);
	struct tandem_subscription **listener, *sub;
	struct tandem_slot slot;

	if (!listeners)
		return false;
	for (listener = listeners->subscription; (sub = READ_ONCE(*listener)); listener++) {
		if (!tandem_posting_concerns(posting, sub, true) || sub->seq <= posting->served ||
		    sub->seq > posting->last)
			continue;
		slot = tandem_copy_one(sub, &posting->ring, posting->header, posting->data,
				       posting->patient);
		if (slot.start == TANDEM_SLOT_FULL && refcount_inc_not_zero(&sub->refs)) {
			posting->full = sub;
			return true;
		}
		posting->lost |= !slot.record;
		posting->served = sub->seq;
	}
	return false;
}

/**
 * tandem_posting_go_on() - post to those who are to be waited for, as far as it goes
 * @dev: the device
 * @posting: begun
 *
 * Return: true if one has no room: wait, put it, and call again.
 */
bool tandem_posting_go_on(struct tandem_device *dev, struct tandem_posting *posting)
{
	/* Nobody posts on a device that is gone: see tandem_device_fence(). */
	int idx = srcu_read_lock(&dev->srcu);
	bool full = false;

	if (!READ_ONCE(dev->gone)) {
		preempt_disable_notrace();
		full = tandem_posting_next(dev, posting);
		preempt_enable_notrace();
	}
	srcu_read_unlock(&dev->srcu, idx);
	return full;
}
