// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Devices: opening a node, DeviceIoControl.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "name.h"
#include "tandem.h"

#define DIRECTORY	"/dev/tandem/"

int tandem_open(const char *name, int flags)
{
	char path[sizeof(DIRECTORY) + TANDEM_NAME_SIZE];
	int fd;

	if (!strchr(name, '/')) {
		int error = check_name(name);

		if (error)
			return error;
		snprintf(path, sizeof(path), DIRECTORY "%s", name);
		name = path;
	}
	fd = open(name, flags | O_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int tandem_control(int fd, uint32_t code, const void *in, size_t in_len, void *out, size_t out_len,
		   size_t *returned)
{
	struct tandem_device_control control = {
		.code = code,
		.in_len = in_len,
		.in = (uintptr_t)in,
		.out = (uintptr_t)out,
		.out_len = out_len,
	};
	int ret;

	if (returned)
		*returned = 0;
	if (in_len > UINT32_MAX || out_len > UINT32_MAX)
		return -EMSGSIZE;
	ret = ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, &control);
	if (ret < 0)
		ret = -errno;
	if (returned)
		*returned = control.returned;
	return ret;
}
