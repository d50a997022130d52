/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Call: a system call that another thread makes, which may take as long as a server lets it.
 */
#ifndef SELFTESTS_CALL_H
#define SELFTESTS_CALL_H

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * struct call - a call under way
 * @run: makes it; returns what the system call does
 * @fd: for @run, as the three that follow
 * @data: a buffer, or an argument
 * @len: its bytes
 * @number: an offset, or a command
 * @tid: the thread's id, once it runs
 * @result: what @run returned, or -errno
 */
struct call {
	long (*run)(struct call *call);
	int fd;
	void *data;
	size_t len;
	long number;
	pid_t tid;
	long result;
	pthread_t thread;
};

/* What @run may be. */
long call_read(struct call *call);
long call_pread(struct call *call);
long call_write(struct call *call);
long call_ioctl(struct call *call);
/* Opens @data, a device's name, with the flags @number. */
long call_open(struct call *call);
long call_close(struct call *call);

/* Begins a call, whose fields up to @number are set. Return: 0 or -errno. */
int call_begin(struct call *call);

/* Return: the call's result, or -ETIMEDOUT if it does not end. */
long call_end(struct call *call);

#endif
