/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ring: the bytes between one CPU and one consumer.
 *
 * All producers of a ring run on its CPU with preemption off, so they nest and never overlap
 * otherwise: who interrupts a producer is done before that goes on. That is what the whole algorithm
 * rests on; it needs no lock and works in NMI.
 *
 *	cached      published                head
 *	  |  the consumer's  |  being written  |
 *
 * tandem_ring_enter()	one level deeper
 * tandem_ring_reserve()	moves head over the record to be written
 * tandem_ring_leave()	the outermost level moves published (and pub_pos) up to head
 */
#ifndef _TANDEM_RING_H
#define _TANDEM_RING_H

#include <linux/compiler.h>
#include <linux/irq_work.h>
#include <linux/timekeeping.h>
#include <asm/barrier.h>
#include <asm/local.h>

#include "position.h"

/* Task, softirq, hard interrupt and NMI, each in a batch, and a kernel half that posts while it posts. */
#define TANDEM_RING_NESTING_MAX	12

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
 * @head: reserved up to here
 * @cached: cons_pos as it was last found valid
 * @published: pub_pos; kept here, for nothing is read back from shared pages
 * @nesting: how many producers are in the ring now, one within the other
 * @limits: how full it may get, for critical records [1] and others [0]; 0 while nothing is added
 * @record_max: largest record
 * @mask: size - 1
 * @data: the data pages, mapped twice in a row; NULL until the CPU was prepared
 * @consumer: page 0
 * @producer: page 1
 * @accepted: records reserved, without discarded ones
 * @pending: records lost that no lost_before has told of yet
 * @notice: the subscription's
 * @wake: wakes the consumer, not in the producer's context
 * @wake_late: the same at the next tick, for a consumer that wants to be woken too often
 * @wakes: how many wake-ups since @wake_tick
 * @wake_tick: jiffies
 * @cpu: whose ring it is
 * @pages: the data pages, once each
 *
 * The fields up to @pending are the CPU's own; whoever runs there may change them at any nesting.
 * @limits alone is set to 0 from elsewhere.
 */
struct tandem_ring {
	local_t head;
	u64 cached;
	u64 published;
	unsigned int nesting;
	u32 record_max;
	u64 limits[2];
	u64 mask;
	u8 *data;
	struct tandem_ring_consumer *consumer;
	struct tandem_ring_producer *producer;
	local_t accepted;
	local_t pending;
	struct tandem_notice *notice;
	struct irq_work wake;
	struct irq_work wake_late;
	unsigned long wake_tick;
	unsigned int wakes;
	unsigned int cpu;
	struct page **pages;
};

int tandem_ring_init(struct tandem_ring *ring, unsigned int cpu, u32 generation,
		     struct tandem_notice *notice, void (*wake)(struct irq_work *work),
		     void (*wake_late)(struct irq_work *work));
int tandem_ring_prepare(struct tandem_ring *ring, u64 size);
void tandem_ring_stop(struct tandem_ring *ring, enum tandem_ring_state state);
void tandem_ring_refuse(struct tandem_ring *ring);
void tandem_ring_free(struct tandem_ring *ring);
struct page *tandem_ring_page(struct tandem_ring *ring, pgoff_t index);
bool tandem_ring_pending(struct tandem_ring *ring, u64 *cons, u64 *pub);
bool tandem_ring_readable(struct tandem_ring *ring);
void tandem_ring_arm(struct tandem_ring *ring);

/* The rare parts of the functions below. */
bool tandem_ring_refresh(struct tandem_ring *ring);
void tandem_ring_lost(struct tandem_ring *ring, u16 type_flags, size_t len, unsigned int carried);
u16 tandem_ring_take_pending(struct tandem_ring *ring);
void tandem_ring_wake(struct tandem_ring *ring);

/* The record at a position; valid between cons_pos and pub_pos. */
static inline struct tandem_record *tandem_ring_record(struct tandem_ring *ring, u64 pos)
{
	return (struct tandem_record *)(ring->data + (pos & ring->mask));
}

/**
 * tandem_ring_enter() - begin to produce
 * @ring: the ring of this CPU; preemption is off
 */
static __always_inline void tandem_ring_enter(struct tandem_ring *ring)
{
	/* No atomic operation: who interrupts this puts back what it found. */
	WRITE_ONCE(ring->nesting, ring->nesting + 1);
	barrier();
}

/**
 * tandem_ring_reserve() - make room for a record and write its header
 * @ring: entered
 * @type_flags: see tandem_type_flags()
 * @len: bytes of payload
 *
 * Return: the record, or NULL if it is lost and counted.
 */
static __always_inline struct tandem_record *
tandem_ring_reserve(struct tandem_ring *ring, u16 type_flags, size_t len)
{
	u64 limit = READ_ONCE(ring->limits[TANDEM_RECORD_CLASS(type_flags) == TANDEM_CLASS_CRITICAL]);
	u64 bytes = tandem_record_bytes(len);
	long head = local_read(&ring->head);
	struct tandem_record *record;
	u16 lost = 0;
	u64 time;

	if (unlikely(len > TANDEM_PAYLOAD_MAX || bytes > ring->record_max ||
		     ring->nesting > TANDEM_RING_NESTING_MAX))
		goto lost;
	if (unlikely(local_read(&ring->pending)))
		lost = tandem_ring_take_pending(ring);
	do {
		if (unlikely(!tandem_ring_fits(head, bytes, READ_ONCE(ring->cached), limit)) &&
		    (!tandem_ring_refresh(ring) ||
		     !tandem_ring_fits(head, bytes, READ_ONCE(ring->cached), limit)))
			goto lost;
		/* Between load and cmpxchg: later in the ring is later in time. */
		time = ktime_get_mono_fast_ns();
	} while (unlikely(!local_try_cmpxchg(&ring->head, &head, head + bytes)));

	local_inc(&ring->accepted);
	record = tandem_ring_record(ring, head);
	record->len = sizeof(*record) + len;
	record->type_flags = type_flags;
	record->lost_before = lost;
	record->time = time;
	return record;
lost:
	tandem_ring_lost(ring, type_flags, len, lost);
	return NULL;
}

/**
 * tandem_ring_leave() - end to produce; publish if this is the outermost level
 * @ring: entered; every record reserved at this level is complete
 */
static __always_inline void tandem_ring_leave(struct tandem_ring *ring)
{
	u64 old = ring->published;
	u64 head;

	barrier();
	if (unlikely(ring->nesting != 1)) {
		WRITE_ONCE(ring->nesting, ring->nesting - 1);
		return;
	}
	/*
	 * Whoever interrupts this before nesting is 0 leaves its record to us, so look at head again
	 * after that. Whoever comes later publishes for itself, and that a second time does no harm.
	 */
	do {
		WRITE_ONCE(ring->nesting, 1);
		barrier();
		head = local_read(&ring->head);
		/* Before pub_pos: a consumer may be there at once, see tandem_ring_refresh(). */
		WRITE_ONCE(ring->published, head);
		/* Pairs with the consumer's load-acquire of pub_pos: the records are complete. */
		smp_store_release(&ring->producer->pub_pos, head);
		barrier();
		WRITE_ONCE(ring->nesting, 0);
		barrier();
	} while (unlikely(head != local_read(&ring->head)));

	if (unlikely(head == old))
		return;
	/*
	 * pub_pos before wake_at. Pairs with the full fence of a consumer that goes to sleep (and with
	 * the one in tandem_ring_arm()): it stores wake_at, then looks at pub_pos. One of both sees
	 * the other's store.
	 */
	smp_mb();
	if (unlikely(tandem_wake_crossed(old, READ_ONCE(ring->consumer->wake_at), head)))
		tandem_ring_wake(ring);
}

#endif /* _TANDEM_RING_H */
