/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Recorder: reading a ring in which the oldest records make room for new ones.
 */
#ifndef _TANDEM_RECORDER_H
#define _TANDEM_RECORDER_H

#include <linux/uio.h>

#include "ring.h"

/**
 * struct tandem_oldest - the oldest record that is ready
 * @ring: where it is
 * @record: likewise
 * @cons: its position
 * @bytes: of it, padded; 0: there is none
 * @time: its time
 */
struct tandem_oldest {
	struct tandem_ring *ring;
	const void *record;
	u64 cons;
	u64 bytes;
	u64 time;
};

/* A record that is ready: is it older than what was found before? */
static inline void tandem_oldest_offer(struct tandem_oldest *oldest,
				       const struct tandem_oldest *offered)
{
	if (!oldest->bytes || offered->time < oldest->time)
		*oldest = *offered;
}

void tandem_recorder_oldest(struct tandem_ring *ring, struct tandem_oldest *oldest);
ssize_t tandem_recorder_take(const struct tandem_oldest *oldest, struct iov_iter *to);
int tandem_recorder_snapshot(struct tandem_ring *ring, struct tandem_snapshot *args);

#endif /* _TANDEM_RECORDER_H */
