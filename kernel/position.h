/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The arithmetic of ring positions.
 *
 * A position counts the bytes since its ring began, in 64 bits, and does not wrap in this
 * universe's time; differences are taken unsigned all the same, so that nothing depends on it.
 */
#ifndef _TANDEM_POSITION_H
#define _TANDEM_POSITION_H

#include <linux/align.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include <linux/tandem.h>

/*
 * What tandem_header() put into its word; and lost_before above it, which the ring adds when it has
 * looked at the rest.
 */
static __always_inline u32 tandem_header_len(u64 header)
{
	return header;
}

static __always_inline u16 tandem_header_type_flags(u64 header)
{
	return header >> 32;
}

static __always_inline u64 tandem_header_class(u64 header)
{
	return header >> 44;
}

static __always_inline u64 tandem_header_lost_before(u16 lost)
{
	return (u64)lost << 48;
}

/* The largest record of a ring: an eighth of it, so that several always fit. */
static inline u32 tandem_record_max(u64 size)
{
	return min_t(u64, size / 8, TANDEM_RECORD_MAX);
}

/* How full a ring may get: all of it for the critical class, seven eighths for the others. */
static inline u64 tandem_ring_limit(u64 size, unsigned int event_class)
{
	return event_class == TANDEM_CLASS_CRITICAL ? size : size - size / 8;
}

static inline bool tandem_ring_fits(u64 head, u64 bytes, u64 consumed, u64 limit)
{
	return head - consumed + bytes <= limit;
}

/*
 * May a consumer that was seen at @cached say that it is at @cons now, with records up to
 * @published? Model: room.pml.
 */
static inline bool tandem_cons_pos_valid(u64 cons, u64 cached, u64 published)
{
	return cons - cached <= published - cached && !(cons & 7);
}

/*
 * From where on is a ring readable for a consumer at @cons that asked for @wake_at, or for nothing?
 */
static inline u64 tandem_ring_threshold(u64 cons, u64 wake_at, u64 watermark)
{
	return wake_at == TANDEM_AWAKE || wake_at <= cons ? cons + watermark : wake_at;
}

/* How much of @pending fits the 16 bits of lost_before; the rest is carried on. */
static inline u16 tandem_lost_before(unsigned long pending)
{
	return min_t(unsigned long, pending, U16_MAX);
}

#endif /* _TANDEM_POSITION_H */
