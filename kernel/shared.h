/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared ring: the bytes between all CPUs and one consumer, in one strict order.
 *
 * Room is reserved under a lock, and published at once, with a header that says that the record is
 * busy; its poster fills it without the lock, and then takes that back. So whoever is late holds
 * the consumer up, but no poster.
 */
#ifndef _TANDEM_SHARED_H
#define _TANDEM_SHARED_H

#include <linux/spinlock.h>

#include "ring.h"

/**
 * struct tandem_shared - a ring that all CPUs post into
 * @ring: the ring; &tandem_ring.settled, &tandem_ring.batch and &tandem_ring.nesting are not used
 * @lock: makes room for one poster at a time: protects what changes in @ring, but for the counters
 *	of losses, and @time. Innermost of all locks, taken with interrupts off, and in NMI only
 *	if it is free
 * @time: of the last record
 */
struct tandem_shared {
	struct tandem_ring ring;
	raw_spinlock_t lock;	/* see above */
	u64 time;
};

struct tandem_shared *tandem_shared_create(void);
struct tandem_slot tandem_shared_reserve(struct tandem_shared *shared, unsigned int *inside,
					 u64 header, bool patient);
void tandem_shared_commit(struct tandem_ring *ring, u64 start);

#endif /* _TANDEM_SHARED_H */
