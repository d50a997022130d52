/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Durable: a subscription with a name, which outlives its consumers.
 *
 * It is detached while nobody has it open. Who finds it so under the device's lock, and marks it
 * attached, owns it: to give it an fd, or to close it.
 */
#ifndef _TANDEM_DURABLE_H
#define _TANDEM_DURABLE_H

#include <linux/types.h>

struct tandem_device;
struct tandem_subscribe;
struct tandem_subscription;

struct tandem_subscription *tandem_durable_find(struct tandem_device *dev, const char *name);
struct tandem_subscription *tandem_durable_attach(struct tandem_device *dev,
						  const struct tandem_subscribe *args);
bool tandem_durable_detach(struct tandem_subscription *sub);
int tandem_durable_remove(struct tandem_device *dev, const char *name);
void tandem_durables_close(struct tandem_device *dev);

#endif /* _TANDEM_DURABLE_H */
