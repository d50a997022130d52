/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ioctl: how an argument grows. The number of a command carries the size that its caller knows.
 */
#ifndef _TANDEM_IOCTL_H
#define _TANDEM_IOCTL_H

#include <linux/ioctl.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/tandem.h>

/* Is @cmd the command @known, in this version of its argument or another? */
static inline bool tandem_ioctl_is(unsigned int cmd, unsigned int known)
{
	return _IOC_TYPE(cmd) == _IOC_TYPE(known) && _IOC_NR(cmd) == _IOC_NR(known) &&
	       _IOC_DIR(cmd) == _IOC_DIR(known);
}

/*
 * Reads an argument of whichever size. @min: of the first version. Return: 0, -EINVAL, -E2BIG,
 * -EFAULT.
 */
static inline int tandem_ioctl_get(void *arg, size_t size, size_t min, unsigned int cmd,
				   const void __user *from)
{
	if (_IOC_SIZE(cmd) < min)
		return -EINVAL;
	return copy_struct_from_user(arg, size, from, _IOC_SIZE(cmd));
}

/* Writes it back, as much as the caller knows. */
static inline int tandem_ioctl_put(const void *arg, size_t size, unsigned int cmd, void __user *to)
{
	return copy_to_user(to, arg, min_t(size_t, size, _IOC_SIZE(cmd))) ? -EFAULT : 0;
}

/* Is a name terminated, and zero from there on? Return: 0, -EINVAL, -ENAMETOOLONG. */
static inline int tandem_ioctl_name(const char name[TANDEM_NAME_SIZE])
{
	size_t len = strnlen(name, TANDEM_NAME_SIZE);

	if (len == TANDEM_NAME_SIZE)
		return -ENAMETOOLONG;
	return memchr_inv(name + len, 0, TANDEM_NAME_SIZE - len) ? -EINVAL : 0;
}

#endif /* _TANDEM_IOCTL_H */
