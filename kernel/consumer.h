/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Consumer: the fd of a subscription.
 */
#ifndef _TANDEM_CONSUMER_H
#define _TANDEM_CONSUMER_H

#include <linux/fs.h>

extern const struct file_operations tandem_consumer_fops;

#endif /* _TANDEM_CONSUMER_H */
