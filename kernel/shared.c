// SPDX-License-Identifier: GPL-2.0
/*
 * Shared ring: reserving and committing.
 */
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "shared.h"

/**
 * tandem_shared_create() - make one, for tandem_ring_init() and tandem_ring_prepare() to go on with
 *
 * Return: the ring, for kfree(), or NULL.
 */
struct tandem_shared *tandem_shared_create(void)
{
	struct tandem_shared *shared = kzalloc(sizeof(*shared), GFP_KERNEL_ACCOUNT);

	if (shared)
		raw_spin_lock_init(&shared->lock);
	return shared;
}

/*
 * Reserves a record. Model: shared_reuse.litmus.
 *
 * Return: as tandem_shared_reserve().
 */
static struct tandem_slot tandem_shared_take(struct tandem_shared *shared, u64 header,
					     bool patient)
{
	struct tandem_ring *ring = &shared->ring;
	u64 limit = READ_ONCE(ring->limits[tandem_header_class(header)]);
	u64 bytes = TANDEM_RECORD_STRIDE(tandem_header_len(header));
	u64 start = local_read(&ring->head);
	struct tandem_slot slot;
	u16 lost = 0;
	u64 time;

	lockdep_assert_held(&shared->lock);
	if (!tandem_ring_has_room(ring, start, bytes, limit))
		return tandem_ring_full(ring, header, patient);
	if (!tandem_ring_time(ring, &time))
		time = tandem_clock_look();
	/* The clocks of two CPUs may differ a little; later in the ring is later in time. */
	shared->time = max(shared->time, time);
	if (atomic_long_read(&ring->pending))
		lost = tandem_ring_take_pending(ring);
	local_set(&ring->head, start + bytes);
	slot = tandem_ring_begin(ring, start, header | tandem_header_lost_before(lost),
				 shared->time);
	slot.record->type_flags |= TANDEM_RECORD_BUSY;
	/*
	 * Pairs with the consumer's load-acquire: there is a header, and it says busy. Model:
	 * shared.litmus.
	 */
	smp_store_release(&ring->producer->pub_pos, start + bytes);
	return slot;
}

/*
 * Takes a record under the lock. Return: false if that cannot be: this CPU has the lock already, or
 * is about to take it, having been interrupted there by an NMI or by what traces locks; or another
 * one has it, and this is an NMI, which may not wait. Model: shared.pml.
 */
static bool tandem_shared_try(struct tandem_shared *shared, unsigned int *inside, u64 header,
			      bool patient, struct tandem_slot *slot)
{
	if (READ_ONCE(*inside))
		return false;
	WRITE_ONCE(*inside, 1);
	barrier();
	if (!in_nmi()) {
		raw_spin_lock(&shared->lock);
	} else if (!raw_spin_trylock(&shared->lock)) {
		WRITE_ONCE(*inside, 0);
		return false;
	}
	*slot = tandem_shared_take(shared, header, patient);
	raw_spin_unlock(&shared->lock);
	barrier();
	WRITE_ONCE(*inside, 0);
	return true;
}

/**
 * tandem_shared_reserve() - make room for a record and write its header
 * @shared: the ring
 * @inside: this CPU's mark that it is at the lock of this ring; 0 at first
 * @header: of the record
 * @patient: count nothing if there is no room
 *
 * Preemption is off until tandem_shared_commit(), in any context.
 *
 * Return: where it is; if its record is NULL, it is lost, and counted, unless TANDEM_SLOT_FULL.
 */
struct tandem_slot tandem_shared_reserve(struct tandem_shared *shared, unsigned int *inside,
					 u64 header, bool patient)
{
	struct tandem_ring *ring = &shared->ring;
	struct tandem_slot slot = {};
	unsigned long flags;

	if (tandem_header_len(header) > ring->record_max) {
		tandem_ring_lost(ring, header, &ring->producer->lost_too_big);
		return slot;
	}
	local_irq_save(flags);
	if (!tandem_shared_try(shared, inside, header, patient, &slot))
		tandem_ring_lost(ring, header, &ring->producer->lost_recursion);
	local_irq_restore(flags);
	return slot;
}

/**
 * tandem_shared_commit() - the record is complete
 * @ring: a shared ring
 * @start: &tandem_slot.start
 */
void tandem_shared_commit(struct tandem_ring *ring, u64 start)
{
	struct tandem_record *record = tandem_ring_record(ring, start);

	/* Pairs with tandem_ring_busy(), and the consumer's load-acquire of type_flags. */
	smp_store_release(&record->type_flags, record->type_flags & ~TANDEM_RECORD_BUSY);
	/*
	 * type_flags before wake_at. Pairs with the full fence of a consumer that goes to sleep: it
	 * stores wake_at, then looks at pub_pos and at the record it waits for. That may be
	 * this one though others follow, so all that is published counts. Model:
	 * shared_wake.litmus.
	 */
	smp_mb();
	if (unlikely(READ_ONCE(ring->consumer->wake_at) <= READ_ONCE(ring->producer->pub_pos)))
		tandem_ring_wake(ring);
}
