/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Event: posting in steps, for who may wait between them.
 */
#ifndef _TANDEM_EVENT_H
#define _TANDEM_EVENT_H

#include <linux/types.h>

struct tandem_device;
struct tandem_ring;
struct tandem_subscription;

/**
 * struct tandem_posting - an event on its way to subscriptions that are waited for
 * @header: of the event
 * @data: payload
 * @patient: who has no room is waited for, instead of losing it
 * @lost: somebody lost it who would have been waited for
 * @served: the &tandem_subscription.seq of who was dealt with last
 * @last: of the last who is
 * @full: who has no room, referenced
 * @ring: its ring that was tried
 */
struct tandem_posting {
	u64 header;
	const void *data;
	bool patient;
	bool lost;
	u64 served;
	u64 last;
	struct tandem_subscription *full;
	struct tandem_ring *ring;
};

void tandem_posting_begin(struct tandem_device *dev, struct tandem_posting *posting);
bool tandem_posting_go_on(struct tandem_device *dev, struct tandem_posting *posting);

#endif /* _TANDEM_EVENT_H */
