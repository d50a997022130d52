/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share: a subscription, seen from inside.
 */
#ifndef LIB_SUBSCRIPTION_H
#define LIB_SUBSCRIPTION_H

#include "tandem.h"

/**
 * struct ring - one CPU's ring, or that of all CPUs
 * @data: its records, twice in a row
 * @mask: size of the data, less one
 * @pos: the next record to give; of the current ring it is in the cursor
 * @known: pub_pos when it was last loaded: records up to here can be read
 * @released: cons_pos as it was last stored
 * @consumer: page 0
 * @producer: page 1
 * @cpu: whose ring it is; all ones: of all CPUs
 */
struct ring {
	const unsigned char *data;
	uint64_t mask;
	uint64_t pos;
	uint64_t known;
	uint64_t released;
	struct tandem_ring_consumer *consumer;
	const struct tandem_ring_producer *producer;
	unsigned int cpu;
};

/**
 * struct due - a ring that is waiting for its turn
 * @time: of its next record
 * @ring: the ring
 */
struct due {
	uint64_t time;
	struct ring *ring;
};

struct handler {
	tandem_callback callback;
	void *arg;
};

/**
 * struct tandem_subscription - a consumer's rings, merged
 * @cursor: first, because tandem_next() looks for it there
 * @current: the ring that the cursor is in, or NULL; every other ring is either in @due or in @idle
 * @last: the ring that the last record came from; NULL: nobody knows
 * @due: heap of the rings with known records, the earliest at its top; without time stamps those
 *	that have waited longest
 * @due_count: how many
 * @idle: rings that were empty when they were last looked at
 * @idle_count: how many
 * @armed: tandem_arm() has set wake_at, and it has not been taken back
 * @error: the rings make no sense: -EBADMSG for ever
 * @lost_seen: sum of lost_before over the records given
 * @turn: counts turns, which stand for the time of records without a time stamp
 * @flags: &enum tandem_subscribe_flags
 * @overflow: &enum tandem_overflow
 * @manual_release: room is given back by tandem_release() alone
 * @attached: it is durable, and was there before
 * @watermark: bytes, at least 1
 * @spin_ns: how long tandem_wait() spins
 * @handlers: by type, the last one for all other types; NULL before the first tandem_on()
 * @buffer: what was read from a flight recorder, in which the cursor is; NULL: the rings are mapped
 * @base: the rings' mappings, one behind the other
 * @map_size: bytes of one of them
 * @fd: the subscription
 * @rings: how many
 * @ring: the rings
 */
struct tandem_subscription {
	struct tandem_cursor cursor;
	struct ring *current;
	const struct ring *last;
	struct due *due;
	unsigned int due_count;
	struct ring **idle;
	unsigned int idle_count;
	bool armed;
	int error;
	uint64_t lost_seen;
	uint64_t turn;
	uint32_t flags;
	uint32_t overflow;
	bool manual_release;
	bool attached;
	uint64_t watermark;
	uint64_t spin_ns;
	struct handler *handlers;
	unsigned char *buffer;
	void *base;
	size_t map_size;
	int fd;
	unsigned int rings;
	struct ring ring[];
};

/* A subscription whose rings are not known yet; NULL without memory. */
struct tandem_subscription *
tandem_subscription_alloc(unsigned int rings, const struct tandem_subscribe_options *options);
void tandem_subscription_free(struct tandem_subscription *sub);

/*
 * Makes a subscription of rings that are mapped at @base, one every @map_size bytes, each with
 * @ring_size bytes of data. On success the mappings and @fd are the subscription's.
 */
int tandem_subscription_attach(struct tandem_subscription **sub, void *base, size_t map_size,
			       unsigned int rings, uint64_t ring_size, int fd,
			       const struct tandem_subscribe_options *options);

/* Takes the cursor's position back into its ring. Return: are there records that are known? */
bool tandem_reader_park(struct tandem_subscription *sub);

/* Wants no wake-up any more. */
void tandem_disarm(struct tandem_subscription *sub);

/* Has the poster of the record at @pos, which is published, not done with it? */
static inline bool ring_busy(const struct ring *ring, uint64_t pos)
{
	const struct tandem_record *record =
		(const struct tandem_record *)(const void *)(ring->data + (pos & ring->mask));

	/* Pairs with tandem_shared_commit(): if it is not, the record is complete. */
	return __atomic_load_n(&record->type_flags, __ATOMIC_ACQUIRE) & TANDEM_RECORD_BUSY;
}

/* ---- Flight recorders ---- */

/* As tandem_subscription_attach(), but nothing is mapped. */
int tandem_recorder_attach(struct tandem_subscription **sub, unsigned int rings,
			   uint64_t ring_size, int fd,
			   const struct tandem_subscribe_options *options);

/* As tandem_next(). */
const struct tandem_record *tandem_recorder_next(struct tandem_subscription *sub);

/* Return: 1: there are @need bytes; 0: not so many; -errno: how it ended. */
int tandem_recorder_look(struct tandem_subscription *sub, uint64_t need);

uint64_t tandem_recorder_overwritten(const struct tandem_subscription *sub);

#endif /* LIB_SUBSCRIPTION_H */
