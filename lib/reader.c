// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The reader: merges the records of all rings by time, in place.
 *
 * One ring is current: tandem_next() runs through it, inline, as long as its records are not later
 * than the horizon, the time of the earliest record of any other ring. Rings with known records
 * wait in a heap for their turn. The others are idle.
 *
 * What is right about the order: when a record is given, each idle ring was seen empty after all
 * known records had been published, its own included. Hence whenever a ring has been read up to
 * where it is known, it and the idle ones are looked at again, until all of those that stay idle
 * were empty after the last look that found something.
 *
 * A time that steps back within a ring (the clock may do so in an NMI) needs no care: in a ring the
 * order is that of positions, and only heads are compared. Such a record is due at once.
 *
 * Without time stamps rings are due in the order in which they were found to have records, and each
 * keeps its turn until it has been read up to where it was known then.
 *
 * In a ring of all CPUs a published record may be busy: tandem_next() gives no such record, and the
 * ring is idle as long as the next one is.
 */
#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>

#include "subscription.h"

static const struct tandem_record *record_at(const struct ring *ring)
{
	return (const struct tandem_record *)(const void *)(ring->data + (ring->pos & ring->mask));
}

/* Restores the order of the heap from @index on downwards, where @due belongs or below. */
static void sift_down(struct tandem_subscription *sub, unsigned int index, struct due due)
{
	struct due *heap = sub->due;

	for (;;) {
		unsigned int child = 2 * index + 1;

		if (child >= sub->due_count)
			break;
		if (child + 1 < sub->due_count && heap[child + 1].time < heap[child].time)
			child++;
		if (due.time <= heap[child].time)
			break;
		heap[index] = heap[child];
		index = child;
	}
	heap[index] = due;
}

static void push_due(struct tandem_subscription *sub, struct ring *ring)
{
	uint64_t time = sub->flags & TANDEM_SUBSCRIBE_NO_TIME ? sub->turn++ : record_at(ring)->time;
	unsigned int index = sub->due_count++;
	struct due *heap = sub->due;

	while (index) {
		unsigned int parent = (index - 1) / 2;

		if (heap[parent].time <= time)
			break;
		heap[index] = heap[parent];
		index = parent;
	}
	heap[index] = (struct due){ .time = time, .ring = ring };
}

static struct ring *pop_due(struct tandem_subscription *sub)
{
	struct ring *ring = sub->due[0].ring;

	if (--sub->due_count)
		sift_down(sub, 0, sub->due[sub->due_count]);
	return ring;
}

static void release(const struct tandem_subscription *sub, struct ring *ring)
{
	/*
	 * Pairs with the load-acquire in tandem_ring_refresh(): the records may be overwritten.
	 * Models: reuse.litmus, shared_reuse.litmus.
	 */
	__atomic_store_n(&ring->consumer->cons_pos, ring->pos, __ATOMIC_RELEASE);
	ring->released = ring->pos;
	if (sub->overflow != TANDEM_OVERFLOW_BLOCK)
		return;
	/*
	 * cons_pos before blocked. Pairs with the smp_mb() in tandem_room_free_or_ask(), where a
	 * poster sets blocked and then looks at cons_pos: it sees ours, or we see that it waits.
	 * Model: block.litmus.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->producer->blocked, __ATOMIC_RELAXED))
		ioctl(sub->fd, TANDEM_IOC_ROOM);
}

/* What tandem_next() releases by itself. */
static void release_early(const struct tandem_subscription *sub, struct ring *ring)
{
	if (!sub->manual_release)
		release(sub, ring);
}

static uint64_t release_step(const struct ring *ring)
{
	return (ring->mask + 1) / 8;
}

static void fail(struct tandem_subscription *sub)
{
	sub->error = -EBADMSG;
	sub->current = NULL;
	sub->due_count = 0;
	sub->cursor.pos = 0;
	sub->cursor.end = 0;
}

/* A record of it is known, and can be read. */
static bool ready(const struct tandem_subscription *sub, const struct ring *ring, uint64_t known)
{
	return known != ring->pos &&
	       !(sub->flags & TANDEM_SUBSCRIBE_SHARED && ring_busy(ring, ring->pos));
}

bool tandem_reader_park(struct tandem_subscription *sub)
{
	struct ring *ring = sub->current;

	if (sub->buffer)
		return sub->cursor.pos < sub->cursor.end;
	if (ring) {
		ring->pos = sub->cursor.pos;
		if (ring->pos > ring->known) {
			fail(sub);
			return false;
		}
		if (!ready(sub, ring, ring->known)) {
			release_early(sub, ring);
			sub->idle[sub->idle_count++] = ring;
			sub->current = NULL;
			sub->cursor.end = 0;
		} else if (ring->pos - ring->released >= release_step(ring)) {
			release_early(sub, ring);
		}
	}
	return sub->current || sub->due_count;
}

/* Looks at the idle rings, the one that was drained last first, as described above. */
static void look_at_idle(struct tandem_subscription *sub)
{
	unsigned int index = sub->idle_count;
	unsigned int empty = 0;

	while (empty < sub->idle_count) {
		struct ring *ring;
		uint64_t published;

		index = (index ? index : sub->idle_count) - 1;
		ring = sub->idle[index];
		/* Pairs with the kernel's store-release. Models: publish.litmus, shared.litmus. */
		published = __atomic_load_n(&ring->producer->pub_pos, __ATOMIC_ACQUIRE);
		if (published - ring->pos > ring->mask + 1) {
			fail(sub);
			return;
		}
		if (!ready(sub, ring, published)) {
			empty++;
			continue;
		}
		ring->known = published;
		sub->idle[index] = sub->idle[--sub->idle_count];
		push_due(sub, ring);
		empty = 0;
	}
}

/* Chooses the ring whose next record is the earliest, and sets the horizon. */
static struct ring *choose(struct tandem_subscription *sub)
{
	struct ring *ring = sub->current;

	if (!ring) {
		look_at_idle(sub);
		if (!sub->due_count)
			return NULL;
		ring = pop_due(sub);
	} else if (sub->due_count && !(sub->flags & TANDEM_SUBSCRIBE_NO_TIME)) {
		uint64_t time = record_at(ring)->time;

		if (time > sub->due[0].time) {
			struct due due = { .time = time, .ring = ring };

			ring = sub->due[0].ring;
			sift_down(sub, 0, due);
		}
	}
	sub->current = ring;
	sub->cursor.horizon = sub->due_count ? sub->due[0].time : UINT64_MAX;
	return ring;
}

const struct tandem_record *tandem_next_slow(struct tandem_subscription *sub)
{
	struct tandem_cursor *cursor = &sub->cursor;
	const struct tandem_record *record;
	struct ring *ring;
	uint64_t end;

	if (sub->buffer)
		return tandem_recorder_next(sub);
	tandem_reader_park(sub);
	if (sub->error)
		return NULL;
	ring = choose(sub);
	if (!ring)
		return NULL;
	if (sub->armed)
		tandem_disarm(sub);

	record = record_at(ring);
	if (record->len < sizeof(*record) ||
	    TANDEM_RECORD_STRIDE(record->len) > ring->known - ring->pos) {
		fail(sub);
		return NULL;
	}
	sub->last = ring;
	sub->lost_seen += record->lost_before;
	cursor->delivered += !(record->type_flags & TANDEM_RECORD_DISCARDED);
	cursor->data = ring->data;
	cursor->mask = ring->mask;
	cursor->pos = ring->pos + TANDEM_RECORD_STRIDE(record->len);
	end = ring->released + release_step(ring);
	cursor->end = end < ring->known && !sub->manual_release ? end : ring->known;
	return record;
}

unsigned int tandem_record_cpu(const struct tandem_subscription *sub)
{
	return sub->last ? sub->last->cpu : UINT_MAX;
}

unsigned int tandem_record_ring(const struct tandem_subscription *sub)
{
	return sub->last ? (unsigned int)(sub->last - sub->ring) : UINT_MAX;
}

uint64_t tandem_record_position(const struct tandem_subscription *sub,
				const struct tandem_record *record)
{
	uint64_t behind = sub->cursor.pos - 1, offset;

	if (sub->buffer)
		return UINT64_MAX;
	/* The record begins at the last such place before the cursor, which is behind it. */
	offset = (uint64_t)((const unsigned char *)record - sub->last->data);
	return behind - ((behind - offset) & sub->last->mask);
}

void tandem_release(struct tandem_subscription *sub)
{
	unsigned int i;

	tandem_reader_park(sub);
	if (sub->error)
		return;
	for (i = 0; i < sub->rings; i++) {
		if (sub->ring[i].pos != sub->ring[i].released)
			release(sub, &sub->ring[i]);
	}
}
