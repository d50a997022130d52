// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Servers: binding to a device, posting on it, removing it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "name.h"
#include "session.h"

int tandem_bind_args(const char *name, struct tandem_bind *args)
{
	int fd, ret;

	ret = copy_name(args->name, name);
	if (ret)
		return ret;
	fd = tandem_open("control", O_RDWR);
	if (fd < 0)
		return fd;
	if (ioctl(fd, TANDEM_IOC_BIND, args) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int tandem_bind(const char *name, const struct tandem_bind_options *options, uint32_t *generation)
{
	struct tandem_bind args = { .flags = 0 };
	int fd;

	if (options) {
		args.flags = options->flags;
		args.mode = options->mode;
		args.uid = options->uid;
		args.gid = options->gid;
		args.events_mode = options->events_mode;
	} else {
		args.flags = TANDEM_BIND_CREATE;
		args.mode = 0600;
		args.uid = geteuid();
		args.gid = getegid();
		args.events_mode = 0400;
	}
	fd = tandem_bind_args(name, &args);
	if (fd >= 0 && generation)
		*generation = args.generation;
	return fd;
}

static int post(int fd, struct tandem_post *args, const void *data, size_t len)
{
	if (len > TANDEM_PAYLOAD_MAX)
		return -EMSGSIZE;
	args->len = len;
	args->data = (uintptr_t)data;
	return ioctl(fd, TANDEM_IOC_POST, args) < 0 ? -errno : 0;
}

int tandem_post(int fd, unsigned int type, unsigned int event_class, const void *data, size_t len)
{
	struct tandem_post args = { .type = type, .event_class = event_class };

	return post(fd, &args, data, len);
}

int tandem_post_wait(int fd, unsigned int type, unsigned int event_class, const void *data,
		     size_t len, uint64_t timeout_ns)
{
	struct tandem_post args = {
		.type = type,
		.event_class = event_class,
		.flags = TANDEM_POST_WAIT,
		.timeout = timeout_ns,
	};

	return post(fd, &args, data, len);
}

int tandem_remove(const char *name)
{
	struct tandem_remove args = { .flags = 0 };
	int fd, ret;

	ret = copy_name(args.name, name);
	if (ret)
		return ret;
	fd = tandem_open("control", O_RDWR);
	if (fd < 0)
		return fd;
	if (ioctl(fd, TANDEM_IOC_REMOVE, &args) < 0)
		ret = -errno;
	close(fd);
	return ret;
}
