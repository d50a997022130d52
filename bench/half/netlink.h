/* SPDX-License-Identifier: GPL-2.0 */
/* Events as messages of generic netlink. */
#ifndef _BENCH_HALF_NETLINK_H
#define _BENCH_HALF_NETLINK_H

#include <linux/types.h>

int bench_netlink_init(void);
void bench_netlink_exit(void);
void bench_netlink_post(const void *data, u32 size);

#endif /* _BENCH_HALF_NETLINK_H */
