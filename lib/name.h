/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names in the arguments of ioctls.
 */
#ifndef LIB_NAME_H
#define LIB_NAME_H

#include <errno.h>
#include <string.h>

#include <linux/tandem.h>

/* Copies a name into an ioctl's argument that is all zeros. */
static inline int copy_name(char name[TANDEM_NAME_SIZE], const char *from)
{
	size_t len = strlen(from);

	if (len >= TANDEM_NAME_SIZE)
		return -ENAMETOOLONG;
	memcpy(name, from, len);
	return 0;
}

#endif /* LIB_NAME_H */
