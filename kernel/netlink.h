/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Netlink: the generic-netlink family "tandem".
 */
#ifndef _TANDEM_NETLINK_H
#define _TANDEM_NETLINK_H

#include <linux/tandem.h>

struct tandem_device;
struct tandem_server;
struct tandem_subscription;

void tandem_netlink_device(enum tandem_cmd cmd, struct tandem_device *dev);
void tandem_netlink_server(enum tandem_cmd cmd, struct tandem_device *dev,
			   const struct tandem_server *server);
void tandem_netlink_subscription(enum tandem_cmd cmd, struct tandem_subscription *sub);

int tandem_netlink_init(void);
void tandem_netlink_exit(void);

#endif /* _TANDEM_NETLINK_H */
