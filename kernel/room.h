/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Room: waiting for it, on behalf of subscriptions that would rather hold a poster up than lose.
 */
#ifndef _TANDEM_ROOM_H
#define _TANDEM_ROOM_H

struct tandem_subscription;

void tandem_room_made(struct tandem_subscription *sub);

#endif /* _TANDEM_ROOM_H */
