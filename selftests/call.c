// SPDX-License-Identifier: GPL-2.0
/*
 * Call: a system call that another thread makes, which may take as long as a server lets it.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "call.h"
#include "util.h"

/* Seconds that a call may take once its answer is there, or cannot come any more. */
#define CALL_LIMIT	20

long call_read(struct call *call)
{
	return read(call->fd, call->data, call->len);
}

long call_pread(struct call *call)
{
	return pread(call->fd, call->data, call->len, call->number);
}

long call_write(struct call *call)
{
	return write(call->fd, call->data, call->len);
}

long call_ioctl(struct call *call)
{
	return ioctl(call->fd, call->number, call->data);
}

long call_open(struct call *call)
{
	int fd = open_node(call->data, call->number);

	if (fd >= 0)
		return fd;
	errno = -fd;
	return -1;
}

long call_close(struct call *call)
{
	return close(call->fd);
}

static void *call_thread(void *data)
{
	struct call *call = data;
	long ret;

	__atomic_store_n(&call->tid, gettid(), __ATOMIC_RELEASE);
	ret = call->run(call);
	call->result = ret < 0 ? -errno : ret;
	return NULL;
}

int call_begin(struct call *call)
{
	call->tid = 0;
	return -pthread_create(&call->thread, NULL, call_thread, call);
}

long call_end(struct call *call)
{
	int err = thread_join(call->thread, CALL_LIMIT);

	return err ? -err : call->result;
}
