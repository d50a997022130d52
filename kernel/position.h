/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The arithmetic of ring positions.
 *
 * A position counts the bytes since its ring began, in 64 bits, and does not wrap in this universe's
 * time; differences are taken unsigned all the same, so that nothing depends on it.
 */
#ifndef _TANDEM_POSITION_H
#define _TANDEM_POSITION_H

#include <linux/align.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include <linux/tandem.h>

/* What a record with @len bytes of payload takes up. */
static inline u64 tandem_record_bytes(size_t len)
{
	return ALIGN(sizeof(struct tandem_record) + len, 8);
}

/* The largest record of a ring: an eighth of it, so that a burst of large ones still fits. */
static inline u64 tandem_record_max(u64 size)
{
	return min_t(u64, size / 8, TANDEM_RECORD_MAX);
}

/* How full a ring may get: all of it for the critical class, seven eighths for the others. */
static inline u64 tandem_ring_limit(u64 size, bool critical)
{
	return critical ? size : size - size / 8;
}

static inline bool tandem_ring_fits(u64 head, u64 bytes, u64 consumed, u64 limit)
{
	return head - consumed + bytes <= limit;
}

/* May a consumer that was seen at @cached say that it is at @cons now, with records up to @published? */
static inline bool tandem_cons_pos_valid(u64 cons, u64 cached, u64 published)
{
	return cons - cached <= published - cached && !(cons & 7);
}

/* Has publishing from @old to @pub brought a consumer to the position it wants to be woken at? */
static inline bool tandem_wake_crossed(u64 old, u64 wake_at, u64 pub)
{
	return wake_at > old && wake_at <= pub;
}

/* From where on is a ring readable for a consumer at @cons that asked for @wake_at? */
static inline u64 tandem_ring_threshold(u64 cons, u64 wake_at)
{
	return wake_at == TANDEM_AWAKE || wake_at <= cons ? cons + 1 : wake_at;
}

/* How much of @pending fits the 16 bits of lost_before; the rest is carried on. */
static inline u16 tandem_lost_before(unsigned long pending)
{
	return min_t(unsigned long, pending, U16_MAX);
}

static inline u16 tandem_type_flags(unsigned int type, unsigned int event_class)
{
	return (type & (TANDEM_TYPES - 1)) | (event_class & (TANDEM_CLASSES - 1)) << 12;
}

#endif /* _TANDEM_POSITION_H */
