/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ring: the bytes between one CPU and one consumer.
 *
 * All producers of a ring run on its CPU with preemption off, so they nest and never overlap
 * otherwise: who interrupts a producer is done before that goes on. That is what the whole
 * algorithm rests on; it needs no lock and works in NMI. Names like
 * nest.pml are those of models, in selftests/models.
 *
 *	cached            pub_pos  settled               head
 *	  | the consumer's  | held  | outermost record ... |
 *
 * tandem_ring_try() and tandem_ring_reserve() move head over the record to be written. At
 * tandem_ring_commit(), if the record is the one at settled, all up to head is complete: settled
 * moves there, and pub_pos too, unless a batch holds it back. If it is not, somebody who was
 * interrupted has that record, and will settle this one with it.
 */
#ifndef _TANDEM_RING_H
#define _TANDEM_RING_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/irq_work.h>
#include <asm/barrier.h>
#include <asm/local.h>

#include "clock.h"
#include "position.h"
#include "tandem.h"

/*
 * Who interrupts: softirq, hard interrupt and NMI; and a kernel half that posts while it fills
 * a record.
 */
#define TANDEM_RING_NESTING_MAX	8

/* A record that no ring finds too big. */
#define TANDEM_RECORD_SURE	(TANDEM_RING_SIZE_MIN / 8)

/* What a ring tells its subscription about, from any context. */
enum tandem_notice_bit {
	TANDEM_NOTICE_OVERFLOW,
	TANDEM_NOTICE_CORRUPT,
	TANDEM_NOTICE_CORRUPT_TOLD,
};

struct tandem_notice {
	unsigned long bits;
	struct irq_work work;
};

/**
 * struct tandem_ring - a ring, seen from the kernel
 * @until: head may go up to here, by class, as far as is known: @cached + @limits; 0 if the
 *	ring has been stopped
 * @head: reserved up to here
 * @settled: complete up to here; it is @head while nobody is at it
 * @batch: who holds publishing back, see tandem_ring_hold(); or NULL
 * @cached: cons_pos as it was last found valid
 * @pending: records lost that no lost_before has told of yet
 * @limits: how full it may get, by class; 0 while nothing is added
 * @nesting: how many producers that interrupted others are at it
 * @record_max: largest record, with its header
 * @timeless: records carry no time
 * @overwrite: the oldest records make room; cons_pos is the kernel's then, see tandem_ring_evict()
 * @shared: it is that of a &struct tandem_shared
 * @mask: size - 1
 * @data: the data pages, mapped twice in a row; NULL until the CPU was prepared
 * @producer: page 1; user space has it read-only, so what is read back is what was written
 * @consumer: page 0, the consumer's to write
 * @watermark: so many bytes are worth a wake-up to a consumer that does not say it by wake_at
 * @accepted: records reserved
 * @discarded: of these: given up
 * @overwritten: of these: overwritten before they were read
 * @evicted: what nobody will read of, to be told in lost_before: overwritten records, and what
 *	their own lost_before told
 * @evicted_told: up to here it was told; the reader's, under the subscription's read_lock
 * @notice: the subscription's
 * @wake: wakes the consumer, not in the producer's context
 * @wake_late: the same at the next tick, for a consumer that wants to be woken too often
 * @wakes: how many wake-ups since @wake_tick
 * @wake_tick: jiffies
 * @node: where its memory is
 * @pages: the data pages, twice
 *
 * What changes while events are posted is the CPU's own; whoever runs there may change it, and puts
 * @nesting, @settled and @batch back as its interrupted producer needs them. @until and @limits
 * alone are set to 0 from elsewhere. For a shared ring, see &struct tandem_shared.
 */
struct tandem_ring {
	u64 until[TANDEM_CLASSES];
	local_t head;
	u64 settled;
	const void *batch;
	u64 cached;
	atomic_long_t pending;
	u64 limits[TANDEM_CLASSES];
	unsigned int nesting;
	u32 record_max;
	bool timeless;
	bool overwrite;
	bool shared;
	u64 mask;
	u8 *data;
	struct tandem_ring_producer *producer;
	struct tandem_ring_consumer *consumer;
	u64 watermark;
	local_t accepted;
	atomic_long_t discarded;
	local_t overwritten;
	local_t evicted;
	u64 evicted_told;
	struct tandem_notice *notice;
	struct irq_work wake;
	struct irq_work wake_late;
	unsigned long wake_tick;
	unsigned int wakes;
	int node;
	struct page **pages;
};

/**
 * struct tandem_slot - a reserved record
 * @record: where it is; NULL: it is lost, and counted
 * @start: its position; TANDEM_SLOT_FULL: there is no @record now, but there may be later, and
 *	nothing was counted. It is no field of its own, for two fit into registers
 */
struct tandem_slot {
	struct tandem_record *record;
	u64 start;
};

#define TANDEM_SLOT_FULL	U64_MAX

/**
 * struct tandem_ring_setup - what the rings of a subscription have in common
 * @generation: for the producer's page
 * @layout: &enum tandem_ring_layout
 * @watermark: as in &struct tandem_ring
 * @timeless: likewise
 * @overwrite: likewise
 * @notice: what to raise
 * @wake: wakes the consumer; the irq_work is &tandem_ring.wake
 * @wake_late: the same for &tandem_ring.wake_late
 */
struct tandem_ring_setup {
	u32 generation;
	enum tandem_ring_layout layout;
	u64 watermark;
	bool timeless;
	bool overwrite;
	struct tandem_notice *notice;
	void (*wake)(struct irq_work *work);
	void (*wake_late)(struct irq_work *work);
};

int tandem_ring_init(struct tandem_ring *ring, int cpu, const struct tandem_ring_setup *setup);
int tandem_ring_prepare(struct tandem_ring *ring, u64 size);
void tandem_ring_stop(struct tandem_ring *ring, enum tandem_ring_state state);
void tandem_ring_refuse(struct tandem_ring *ring);
void tandem_ring_free(struct tandem_ring *ring);
struct page *tandem_ring_page(struct tandem_ring *ring, pgoff_t index);
bool tandem_ring_pending(struct tandem_ring *ring, u64 *cons, u64 *pub);
bool tandem_ring_busy(struct tandem_ring *ring, u64 pos);
bool tandem_ring_readable(struct tandem_ring *ring);
void tandem_ring_arm(struct tandem_ring *ring);

/* For posters of a shared ring. */
bool tandem_ring_make_room(struct tandem_ring *ring, u64 head, u64 bytes, u64 limit);
u16 tandem_ring_take_pending(struct tandem_ring *ring);
struct tandem_slot tandem_ring_full(struct tandem_ring *ring, u64 header, bool patient);
void tandem_ring_lost(struct tandem_ring *ring, u64 header, u64 *counter);

/* The rare parts of the functions below. */
struct tandem_slot tandem_ring_reserve(struct tandem_ring *ring, u64 header, bool patient);
void tandem_ring_wake(struct tandem_ring *ring);

/* The record at a position. */
static __always_inline struct tandem_record *tandem_ring_record(struct tandem_ring *ring, u64 pos)
{
	return (struct tandem_record *)(ring->data + (pos & ring->mask));
}

/* Does a record fit, by what is known, or else by what is found out? */
static __always_inline bool tandem_ring_has_room(struct tandem_ring *ring, u64 head, u64 bytes,
						 u64 limit)
{
	return likely(tandem_ring_fits(head, bytes, READ_ONCE(ring->cached), limit)) ||
	       tandem_ring_make_room(ring, head, bytes, limit);
}

/* Begins the record at @start, which is reserved. */
static __always_inline struct tandem_slot
tandem_ring_begin(struct tandem_ring *ring, u64 start, u64 header, u64 time)
{
	struct tandem_record *record = tandem_ring_record(ring, start);

	local_inc(&ring->accepted);
	record->len = tandem_header_len(header);
	record->type_flags = tandem_header_type_flags(header);
	record->lost_before = header >> 48;
	record->time = time;
	return (struct tandem_slot){ .record = record, .start = start };
}

/* The time of a record that is made now. Return: false if tandem_clock_look() must tell. */
static __always_inline bool tandem_ring_time(const struct tandem_ring *ring, u64 *time)
{
	*time = 0;
	return ring->timeless || tandem_clock_read(time);
}

/* Gives a record up: it stays for the consumer to skip. */
static inline void tandem_ring_discard(struct tandem_ring *ring, struct tandem_record *record)
{
	record->type_flags |= TANDEM_RECORD_DISCARDED;
	atomic_long_inc(&ring->discarded);
}

/**
 * tandem_ring_try() - make room for a record and write its header, in the common case
 * @ring: the ring of this CPU; preemption is off until tandem_ring_commit()
 * @header: of a record of at most TANDEM_RECORD_SURE
 * @slot: set if it succeeds
 *
 * That is: room as far as is known, nothing lost before, nobody interrupted. Models:
 * nest.pml, room.pml.
 *
 * Return: false if nothing was done: tandem_ring_reserve() then.
 */
static __always_inline bool tandem_ring_try(struct tandem_ring *ring, u64 header,
					    struct tandem_slot *slot)
{
	u64 until = READ_ONCE(ring->until[tandem_header_class(header)]);
	u32 bytes = ALIGN(tandem_header_len(header), 8);
	long start = local_read(&ring->head);
	u64 time;

	if (unlikely(atomic_long_read(&ring->pending) || READ_ONCE(ring->settled) != start ||
		     start + bytes > until))
		return false;
	/* Between load and cmpxchg: later in the ring is later in time. */
	if (unlikely(!tandem_ring_time(ring, &time)) ||
	    unlikely(!local_try_cmpxchg(&ring->head, &start, start + bytes)))
		return false;
	*slot = tandem_ring_begin(ring, start, header, time);
	return true;
}

/* Has a consumer asked to be woken when pub_pos comes to @head, where it is now? */
static __always_inline bool tandem_ring_wake_due(struct tandem_ring *ring, u64 head)
{
	/*
	 * pub_pos before wake_at. Pairs with the full fence of a consumer that goes to sleep (and
	 * with the one in tandem_consumer_readable_or_arm()): it stores wake_at, then looks at
	 * pub_pos. One of both sees the other's store. Models: wake.litmus, poll.litmus.
	 */
	smp_mb();
	return unlikely(READ_ONCE(ring->consumer->wake_at) <= head);
}

/* All up to head is complete. @publish: pub_pos moves there too. Return: head. */
static __always_inline u64 tandem_ring_settle(struct tandem_ring *ring, bool publish)
{
	u64 head;

	/*
	 * Who interrupts this before settled has moved leaves its record to us: so look at head
	 * again, and go on if settled is still where we put it. If it is not, or head has not
	 * moved, who came later has done the same for itself. Models: nest.pml, publish.litmus.
	 */
	do {
		head = local_read(&ring->head);
		if (publish)
			/* Pairs with the consumer's load-acquire: the records are complete. */
			smp_store_release(&ring->producer->pub_pos, head);
		WRITE_ONCE(ring->settled, head);
		barrier();
	} while (unlikely(local_read(&ring->head) != head && READ_ONCE(ring->settled) == head));
	return head;
}

/**
 * tandem_ring_commit_outermost() - the record is complete, and was made by tandem_ring_try()
 * @ring: the ring of this CPU
 *
 * Who comes after tandem_ring_try() leaves settled where it was. Model: nest.pml.
 *
 * Return: is it time for tandem_ring_wake()?
 */
static __always_inline bool tandem_ring_commit_outermost(struct tandem_ring *ring)
{
	barrier();
	if (likely(!ring->batch))
		return tandem_ring_wake_due(ring, tandem_ring_settle(ring, true));
	tandem_ring_settle(ring, false);
	return false;
}

/**
 * tandem_ring_commit() - the record is complete
 * @ring: the ring of this CPU
 * @start: &tandem_slot.start
 *
 * Return: is it time for tandem_ring_wake()?
 */
static __always_inline bool tandem_ring_commit(struct tandem_ring *ring, u64 start)
{
	barrier();
	/* Whoever interrupts a producer leaves settled and batch as they are. */
	if (likely(ring->settled == start))
		return tandem_ring_commit_outermost(ring);
	WRITE_ONCE(ring->nesting, READ_ONCE(ring->nesting) - 1);
	return false;
}

/**
 * tandem_ring_hold() - hold publishing back, for a batch
 * @ring: the ring of this CPU; preemption is off until tandem_ring_let_go()
 * @batch: whose
 *
 * Not if somebody was interrupted, or holds it back already: who that is publishes all. And not
 * where old records make room, for what is held back cannot.
 */
static inline void tandem_ring_hold(struct tandem_ring *ring, const void *batch)
{
	if (!READ_ONCE(ring->batch) && !ring->overwrite &&
	    READ_ONCE(ring->settled) == local_read(&ring->head))
		WRITE_ONCE(ring->batch, batch);
}

/**
 * tandem_ring_let_go() - publish what was held back
 * @ring: as for tandem_ring_hold()
 * @batch: likewise
 */
static inline void tandem_ring_let_go(struct tandem_ring *ring, const void *batch)
{
	u64 head;

	if (ring->batch != batch)
		return;
	/* As in tandem_ring_settle(): who comes before batch is NULL leaves its record to us. */
	do {
		WRITE_ONCE(ring->batch, batch);
		barrier();
		head = local_read(&ring->head);
		/* Pairs with the consumer's load-acquire: the records are complete. */
		smp_store_release(&ring->producer->pub_pos, head);
		WRITE_ONCE(ring->batch, NULL);
		barrier();
	} while (unlikely(local_read(&ring->head) != head &&
			  READ_ONCE(ring->producer->pub_pos) == head));

	if (tandem_ring_wake_due(ring, head))
		tandem_ring_wake(ring);
}

#endif /* _TANDEM_RING_H */
