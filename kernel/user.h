/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User: what one uid may hold.
 *
 * Ring memory is charged to the subscriber's memory cgroup; many systems give all users the same
 * one, so the module keeps a cap for each uid too.
 */
#ifndef _TANDEM_USER_H
#define _TANDEM_USER_H

#include <linux/types.h>

struct tandem_user;

struct tandem_user *tandem_user_get(bool unlimited);
void tandem_user_put(struct tandem_user *user);
int tandem_user_charge(struct tandem_user *user, u64 bytes, bool unlimited);
void tandem_user_uncharge(struct tandem_user *user, u64 bytes);

#endif /* _TANDEM_USER_H */
