/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page of another process that comes only when somebody here says so: of anonymous memory, by
 * userfaultfd, or of a file, by a FUSE server.
 */
#ifndef SELFTESTS_WITHHELD_H
#define SELFTESTS_WITHHELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum withheld_kind {
	WITHHELD_USERFAULT,
	WITHHELD_FUSE,
};

struct fuse_req;
struct fuse_session;

/**
 * struct withheld - one page
 * @kind: &enum withheld_kind
 * @told: a pipe by which the other process says where its page is
 * @faults: its userfaultfd
 * @page: its page
 * @session: the FUSE server's
 * @reading: the request for the page, which is not answered
 */
struct withheld {
	enum withheld_kind kind;
	int told[2];
	int faults;
	void *page;
	struct fuse_session *session;
	struct fuse_req *reading;
};

/* Return: NULL, or why there can be no such pages here. */
const char *withheld_missing(enum withheld_kind kind);

/* Before the other process is forked. Return: 0 or -errno. */
int withheld_open(struct withheld *withheld, enum withheld_kind kind);

/* In the other process: maps the page. Return: NULL if that cannot be. */
void *withheld_page(struct withheld *withheld);

/* Waits until the other process, @pid, touches the page, for 10 seconds at most. */
bool withheld_wait(struct withheld *withheld, pid_t pid);

/* Gives whoever waits for the page one of zeros. Return: 0 or -errno. */
int withheld_give(struct withheld *withheld);

/* Whoever serves the page is no more. A page of a file can then not be had; others are zeros. */
void withheld_close(struct withheld *withheld);

#endif
