/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share: a server, seen from inside.
 */
#ifndef LIB_SESSION_H
#define LIB_SESSION_H

#include <sys/types.h>

#include "file.h"
#include "queue.h"
#include "tandem.h"

/**
 * struct request - a request, known by its tag; its memory stays as long as the server
 * @public: first: what the server's functions see
 * @file: that it counts with, or NULL
 * @pending: it has not been answered; atomic: who clears it answers
 */
struct request {
	struct tandem_request public;
	struct file *file;
	bool pending;
};

/**
 * struct tandem_server - a server session
 * @ops: the functions
 * @commands: those of commands, sorted by op and code
 * @commands_count: how many
 * @keeps_files: it wants to know of files, so that RELEASE tells when one is gone
 * @files: if @keeps_files
 * @spin_ns: how long to look before sleeping
 * @arg: of the functions
 * @pid: the process that has the mappings, which a child has not
 * @stopped: tandem_server_stop() was called; atomic
 * @queues: how many
 * @queue: the queues
 */
struct tandem_server {
	struct tandem_server_ops ops;
	struct tandem_server_command *commands;
	uint32_t commands_count;
	bool keeps_files;
	struct files files;
	uint64_t spin_ns;
	void *arg;
	pid_t pid;
	bool stopped;
	unsigned int queues;
	struct queue queue[];
};

/* Opens the control node and binds it. @args lacks the name. Return: the fd or -errno. */
int tandem_bind_args(const char *name, struct tandem_bind *args);

/* Calls the functions for a message that came in the queue of this number. */
void tandem_request_handle(struct tandem_server *server, unsigned int index,
			   const struct tandem_submission *submission);

/* An order of commands; for qsort() and bsearch(). */
int tandem_command_compare(const void *a, const void *b);

#endif /* LIB_SESSION_H */
