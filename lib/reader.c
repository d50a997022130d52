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
 */
#include <errno.h>

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
	uint64_t time = record_at(ring)->time;
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

static void release(struct ring *ring)
{
	/* Pairs with the load-acquire in tandem_ring_refresh(): the records may be overwritten. */
	__atomic_store_n(&ring->consumer->cons_pos, ring->pos, __ATOMIC_RELEASE);
	ring->released = ring->pos;
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

bool tandem_reader_park(struct tandem_subscription *sub)
{
	struct ring *ring = sub->current;

	if (ring) {
		ring->pos = sub->cursor.pos;
		if (ring->pos > ring->known) {
			fail(sub);
			return false;
		}
		if (ring->pos == ring->known) {
			release(ring);
			sub->idle[sub->idle_count++] = ring;
			sub->current = NULL;
			sub->cursor.end = 0;
		} else if (ring->pos - ring->released >= release_step(ring)) {
			release(ring);
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
		/* Pairs with the kernel's store-release: the records are complete. */
		published = __atomic_load_n(&ring->producer->pub_pos, __ATOMIC_ACQUIRE);
		if (published == ring->pos) {
			empty++;
			continue;
		}
		if (published - ring->pos > ring->mask + 1) {
			fail(sub);
			return;
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
	} else if (sub->due_count) {
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
	cursor->end = end < ring->known ? end : ring->known;
	return record;
}

unsigned int tandem_record_cpu(const struct tandem_subscription *sub)
{
	return sub->last->cpu;
}

void tandem_release(struct tandem_subscription *sub)
{
	unsigned int i;

	tandem_reader_park(sub);
	if (sub->error)
		return;
	for (i = 0; i < sub->rings; i++) {
		if (sub->ring[i].pos != sub->ring[i].released)
			release(&sub->ring[i]);
	}
}
