/* SPDX-License-Identifier: GPL-2.0 */
/* Removing what the daemon has left in the kernel. */
#ifndef DAEMON_FORGET_H
#define DAEMON_FORGET_H

/*
 * forget_subscriptions() - remove all durable subscriptions of this user
 *
 * What cannot be removed is logged. Return: 0 or -errno.
 */
int forget_subscriptions(void);

#endif /* DAEMON_FORGET_H */
