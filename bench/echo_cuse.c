// SPDX-License-Identifier: GPL-2.0
/* The echo, served by CUSE with libfuse, with one thread: more of them are dearer. */
#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fuse3/cuse_lowlevel.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <string.h>

#include "bench.h"
#include "echo.h"

#define NAME	"bench-cuse"

/* Without this the kernel would read 4 KiB at a time. */
static void echo_init(void *data, struct fuse_conn_info *connection)
{
	(void)data;
	connection->max_read = ECHO_SIZE;
}

static void echo_init_done(void *data)
{
	(void)data;
	echo_ready();
}

static void echo_open(fuse_req_t request, struct fuse_file_info *info)
{
	fuse_reply_open(request, info);
}

static void echo_release(fuse_req_t request, struct fuse_file_info *info)
{
	(void)info;
	fuse_reply_err(request, 0);
}

static void echo_read(fuse_req_t request, size_t size, off_t offset, struct fuse_file_info *info)
{
	(void)offset;
	(void)info;
	fuse_reply_buf(request, (const char *)echo_stored, size);
}

static void echo_write(fuse_req_t request, const char *data, size_t size, off_t offset,
		       struct fuse_file_info *info)
{
	(void)offset;
	(void)info;
	memcpy(echo_stored, data, size);
	fuse_reply_write(request, size);
}

static void echo_ioctl(fuse_req_t request, int command, void *arg, struct fuse_file_info *info,
		       unsigned int flags, const void *in, size_t in_size, size_t out_size)
{
	const uint32_t value = ECHO_VALUE;

	(void)arg;
	(void)info;
	(void)flags;
	(void)in;
	(void)in_size;
	if ((unsigned int)command != ECHO_IOC_VALUE || out_size < sizeof(value))
		fuse_reply_err(request, ENOTTY);
	else
		fuse_reply_ioctl(request, 0, &value, sizeof(value));
}

static void echo_poll(fuse_req_t request, struct fuse_file_info *info,
		      struct fuse_pollhandle *handle)
{
	(void)info;
	if (handle)
		fuse_pollhandle_destroy(handle);
	fuse_reply_poll(request, POLLIN | POLLOUT);
}

static void echo_serve(const struct echo *echo)
{
	static const struct cuse_lowlevel_ops ops = {
		.init = echo_init,
		.init_done = echo_init_done,
		.open = echo_open,
		.release = echo_release,
		.read = echo_read,
		.write = echo_write,
		.ioctl = echo_ioctl,
		.poll = echo_poll,
	};
	const char *facts[1] = { "DEVNAME=" NAME };
	const struct cuse_info device = { .dev_info_argc = 1, .dev_info_argv = facts };
	char *args[4] = { NAME, "-f", "-s" };

	(void)echo;
	cuse_lowlevel_main(ARRAY_SIZE(args) - 1, args, &device, &ops, NULL);
	die(0, "the server of CUSE has ended: is the module cuse loaded?");
}

const struct echo echo_cuse = {
	.name = "cuse",
	.path = "/dev/" NAME,
	.serve = echo_serve,
};
