// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What errors mean, in words.
 */
#include <errno.h>
#include <string.h>

#include "tandem.h"

static const struct {
	int error;
	const char *meaning;
} meanings[] = {
	{ E2BIG, "the queues are larger than the module parameter max_queue_bytes allows" },
	{ EACCES, "permission denied: the node's mode or the device's events mode forbids it" },
	{ EALREADY, "this file is bound to a device already, or the request was answered" },
	{ EBADMSG, "the rings are corrupt: somebody wrote nonsense to a consumer position" },
	{ EBUSY, "busy: another process serves the device or consumes it, or it runs already" },
	{ EDEADLK, "a server would wait for itself, using its own device" },
	{ EDQUOT, "the user's limit of subscriptions or of their memory is reached" },
	{ EEXIST, "there is one already: such a device, or a subscription with other options" },
	{ EIO, "the device's server has failed, or there is none" },
	{ EMSGSIZE, "the message is larger than what is allowed" },
	{ ENAMETOOLONG, "the name is too long: it may have 63 characters" },
	{ ENODEV, "the device is gone" },
	{ ENOENT, "no such device or subscription; is its module loaded, or its server running?" },
	{ ENOSPC, "there are too many devices" },
	{ ENOTCONN, "this file is not bound to a device" },
	{ ENOTTY, "the device does not have this operation" },
	{ EOPNOTSUPP, "the device, or this kind of subscription, does not allow it" },
	{ EPERM, "not permitted: it belongs to a kernel half, or to another user" },
	{ EPROTO, "the kernel's rings or queues are not those that this library knows; update it" },
	{ ESTALE, "this server session has ended" },
	{ ETIMEDOUT, "the time is over; who was waited for did not answer or had no room" },
	{ 0, NULL },
};

const char *tandem_strerror(int error)
{
	const char *description;
	unsigned int i;

	if (error < 0)
		error = -error;
	for (i = 0; meanings[i].meaning; i++) {
		if (meanings[i].error == error)
			return meanings[i].meaning;
	}
	description = strerrordesc_np(error);
	return description ? description : "unknown error";
}
