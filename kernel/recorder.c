// SPDX-License-Identifier: GPL-2.0
/*
 * Recorder: reading a ring in which the oldest records make room for new ones.
 *
 * Producers do not wait for a reader. It copies first, and then finds out whether what it has
 * copied was overwritten meanwhile: see tandem_ring_evict_one(). All copies race with producers on
 * purpose, so KCSAN is told.
 */
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "recorder.h"

/* What was read from @pos on before this call: was it whole? */
static bool tandem_recorder_intact(struct tandem_ring *ring, u64 pos)
{
	/*
	 * The record before cons_pos. Pairs with the cmpxchg() in tandem_ring_evict_one(). Model:
	 * overwrite_look.litmus.
	 */
	smp_rmb();
	return READ_ONCE(ring->consumer->cons_pos) == pos;
}

/**
 * tandem_recorder_oldest() - look for the oldest record of all rings
 * @ring: one of them
 * @oldest: the oldest of those that were looked at before, replaced if this ring's is older
 */
void tandem_recorder_oldest(struct tandem_ring *ring, struct tandem_oldest *oldest)
{
	const struct tandem_record *record;
	u64 pos, bytes, time;

	do {
		/* Before pub_pos, which cannot be behind it. */
		pos = smp_load_acquire(&ring->consumer->cons_pos);
		/* Pairs with the store-release in tandem_ring_settle(). */
		if (pos == smp_load_acquire(&ring->producer->pub_pos))
			return;
		record = tandem_ring_record(ring, pos);
		/* If it is being overwritten, it is not intact. */
		bytes = TANDEM_RECORD_STRIDE(data_race(record->len));
		/* Likewise. */
		time = data_race(record->time);
	} while (!tandem_recorder_intact(ring, pos));
	tandem_oldest_offer(oldest, &(struct tandem_oldest){ ring, record, pos, bytes, time });
}

/**
 * tandem_recorder_take() - copy a record out, and take it out of its ring
 * @oldest: the record
 * @to: where to; it has room
 *
 * The subscription's read_lock is held.
 *
 * Return: its bytes; -EAGAIN: it was overwritten; -EFAULT.
 */
ssize_t tandem_recorder_take(const struct tandem_oldest *oldest, struct iov_iter *to)
{
	struct tandem_ring *ring = oldest->ring;
	struct tandem_record record;
	size_t copied;
	u64 untold;

	/* If it is being overwritten, cons_pos has moved. */
	data_race(memcpy(&record, oldest->record, sizeof(record)));
	untold = local_read(&ring->evicted) - ring->evicted_told;
	untold = min_t(u64, untold, U16_MAX - record.lost_before);
	record.lost_before += untold;

	copied = copy_to_iter(&record, sizeof(record), to);
	if (copied == sizeof(record))
		/* Likewise. */
		copied += data_race(copy_to_iter(oldest->record + sizeof(record),
						 oldest->bytes - sizeof(record), to));
	/* The copy before cons_pos. Pairs with tandem_ring_evict_one(): one of both wins. */
	if (copied == oldest->bytes && cmpxchg(&ring->consumer->cons_pos, oldest->cons,
					       oldest->cons + copied) == oldest->cons) {
		ring->evicted_told += untold;
		return copied;
	}
	iov_iter_revert(to, copied);
	return copied == oldest->bytes ? -EAGAIN : -EFAULT;
}

/**
 * tandem_recorder_snapshot() - copy what a ring holds to user space
 * @ring: the ring
 * @args: the argument of TANDEM_IOC_SNAPSHOT; its out fields are set
 *
 * The subscription's snapshot_lock is held, so that no user's page is waited for.
 *
 * Return: 0; -ENOMEM; -EFAULT: the first @args->returned bytes there are not all in memory.
 */
int tandem_recorder_snapshot(struct tandem_ring *ring, struct tandem_snapshot *args)
{
	u64 from, pub, start;
	size_t left;
	u8 *copy;

	args->returned = 0;
	args->overwritten = local_read(&ring->overwritten);
	/* Pairs with tandem_ring_prepare(): before it there is nothing. */
	if (!smp_load_acquire(&ring->pages) || !args->length)
		return 0;
	copy = kvmalloc(ring->mask + 1, GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	if (!copy)
		return -ENOMEM;
	/* Before pub_pos, which cannot be behind it. */
	from = smp_load_acquire(&ring->consumer->cons_pos);
	/* Pairs with the store-release in tandem_ring_settle(). */
	pub = smp_load_acquire(&ring->producer->pub_pos);
	/* There may have been more than a ring's worth in between, but not at one moment. */
	if (pub - from > ring->mask + 1)
		from = pub - (ring->mask + 1);
	/* What is being overwritten is left out below. */
	data_race(memcpy(copy, tandem_ring_record(ring, from), pub - from));
	/* As in tandem_recorder_intact(): what lies before cons_pos may have been overwritten. */
	smp_rmb();
	start = min(READ_ONCE(ring->consumer->cons_pos), pub);
	while (pub - start > args->length) {
		const struct tandem_record *record = (const void *)(copy + (start - from));

		start += TANDEM_RECORD_STRIDE(record->len);
	}
	args->returned = pub - start;
	pagefault_disable();
	left = copy_to_user(u64_to_user_ptr(args->buffer), copy + (start - from), args->returned);
	pagefault_enable();
	kvfree(copy);
	return left ? -EFAULT : 0;
}
