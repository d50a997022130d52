// SPDX-License-Identifier: GPL-2.0
/*
 * Event: posting. Who listens gets a copy, or a count of what was lost.
 *
 * Everything here runs with preemption off, in any context up to NMI. The listeners are read once,
 * under RCU; a subscription that leaves meanwhile is freed only after that.
 */
#include <linux/export.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "device.h"
#include "ring.h"
#include "subscription.h"
#include "trace.h"

static __always_inline struct tandem_listeners *tandem_listeners(struct tandem_device *dev)
{
	return rcu_dereference_sched(dev->listeners);
}

/* The next subscription from @index on that wants the event, or NULL; @index is moved onto it. */
static __always_inline struct tandem_subscription *
tandem_listener(struct tandem_listeners *listeners, unsigned int *index, unsigned int type,
		unsigned int event_class)
{
	for (; *index < listeners->count; ++*index) {
		struct tandem_subscription *sub = READ_ONCE(listeners->subscription[*index]);

		if (likely(sub) && tandem_subscription_wants(sub, type, event_class))
			return sub;
	}
	return NULL;
}

/* Copies an event into the rings of all who want it, from @index on. */
static __always_inline bool tandem_copy(struct tandem_listeners *listeners, unsigned int index,
					unsigned int type, unsigned int event_class,
					const void *data, size_t len)
{
	struct tandem_subscription *sub;
	bool lost = false;

	while ((sub = tandem_listener(listeners, &index, type, event_class))) {
		struct tandem_ring *ring = this_cpu_ptr(sub->rings);
		struct tandem_record *record;

		tandem_ring_enter(ring);
		record = tandem_ring_reserve(ring, tandem_type_flags(type, event_class), len);
		if (likely(record))
			memcpy(record->data, data, len);
		else
			lost = true;
		tandem_ring_leave(ring);
		index++;
	}
	return lost;
}

int __tandem_post(struct tandem_device *dev, unsigned int type, enum tandem_class event_class,
		  const void *data, size_t len)
{
	struct tandem_listeners *listeners;
	bool lost = false;

	type &= TANDEM_TYPES - 1;
	event_class &= TANDEM_CLASSES - 1;
	preempt_disable_notrace();
	listeners = tandem_listeners(dev);
	if (likely(listeners)) {
		this_cpu_inc(*dev->posted);
		lost = tandem_copy(listeners, 0, type, event_class, data, len);
	}
	preempt_enable_notrace();
	if (likely(!lost))
		return 0;
	return len > TANDEM_PAYLOAD_MAX ? -EMSGSIZE : -ENOBUFS;
}
EXPORT_SYMBOL_GPL(__tandem_post);

struct tandem_reservation __tandem_reserve(struct tandem_device *dev, unsigned int type,
					   enum tandem_class event_class, size_t len)
{
	struct tandem_reservation r = { .dev = dev };
	struct tandem_subscription *sub;

	type &= TANDEM_TYPES - 1;
	event_class &= TANDEM_CLASSES - 1;
	preempt_disable_notrace();
	r.listeners = tandem_listeners(dev);
	if (unlikely(!r.listeners))
		goto none;

	while ((sub = tandem_listener(r.listeners, &r.index, type, event_class))) {
		struct tandem_ring *ring = this_cpu_ptr(sub->rings);
		struct tandem_record *record;

		r.index++;
		tandem_ring_enter(ring);
		record = tandem_ring_reserve(ring, tandem_type_flags(type, event_class), len);
		if (likely(record)) {
			r.ring = ring;
			r.data = record->data;
			return r;
		}
		tandem_ring_leave(ring);
	}
	/* Posted to all who listen, and lost by all who want it. */
	this_cpu_inc(*dev->posted);
none:
	preempt_enable_notrace();
	return r;
}
EXPORT_SYMBOL_GPL(__tandem_reserve);

void tandem_commit(struct tandem_reservation *r)
{
	const struct tandem_record *record = container_of(r->data, struct tandem_record, data);

	/* From the first ring to the others, before its consumer may have it overwritten. */
	tandem_copy(r->listeners, r->index, TANDEM_RECORD_TYPE(record->type_flags),
		    TANDEM_RECORD_CLASS(record->type_flags), record->data,
		    record->len - sizeof(*record));
	this_cpu_inc(*r->dev->posted);
	tandem_ring_leave(r->ring);
	preempt_enable_notrace();
}
EXPORT_SYMBOL_GPL(tandem_commit);

void tandem_discard(struct tandem_reservation *r)
{
	struct tandem_record *record = container_of(r->data, struct tandem_record, data);

	record->type_flags |= TANDEM_RECORD_DISCARDED;
	local_dec(&r->ring->accepted);
	tandem_ring_leave(r->ring);
	preempt_enable_notrace();
}
EXPORT_SYMBOL_GPL(tandem_discard);

void tandem_batch_begin(struct tandem_device *dev, struct tandem_batch *batch)
{
	unsigned int i;

	preempt_disable_notrace();
	batch->listeners = tandem_listeners(dev);
	for (i = 0; batch->listeners && i < batch->listeners->count; i++) {
		struct tandem_subscription *sub = READ_ONCE(batch->listeners->subscription[i]);

		if (sub)
			tandem_ring_enter(this_cpu_ptr(sub->rings));
	}
}
EXPORT_SYMBOL_GPL(tandem_batch_begin);

void tandem_batch_end(struct tandem_batch *batch)
{
	unsigned int i;

	for (i = 0; batch->listeners && i < batch->listeners->count; i++) {
		/* Whoever left meanwhile is never produced for again: its nesting may stay. */
		struct tandem_subscription *sub = READ_ONCE(batch->listeners->subscription[i]);

		if (sub)
			tandem_ring_leave(this_cpu_ptr(sub->rings));
	}
	preempt_enable_notrace();
}
EXPORT_SYMBOL_GPL(tandem_batch_end);
