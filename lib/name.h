/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of devices, and of what belongs to them. Command and daemon use it too, which speak of a
 * name before there is anything to ask.
 */
#ifndef LIB_NAME_H
#define LIB_NAME_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <linux/tandem.h>

/* Not isalnum(), which heeds the locale. */
static inline bool name_begins(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Return: 0, -EINVAL or -ENAMETOOLONG. */
static inline int check_name(const char *name)
{
	if (strlen(name) >= TANDEM_NAME_SIZE)
		return -ENAMETOOLONG;
	if (!name_begins(*name))
		return -EINVAL;
	while (*name && (name_begins(*name) || strchr("._-", *name)))
		name++;
	return *name ? -EINVAL : 0;
}

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
