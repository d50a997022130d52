/* SPDX-License-Identifier: GPL-2.0 */
/*
 * File: a client's open of a device's node.
 */
#ifndef _TANDEM_FILE_H
#define _TANDEM_FILE_H

#include <linux/fs.h>

extern const struct file_operations tandem_file_fops;

#endif /* _TANDEM_FILE_H */
