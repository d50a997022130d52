/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A watcher of processes: it keeps every event of the process half. And children to watch.
 */
#ifndef SELFTESTS_WATCHER_H
#define SELFTESTS_WATCHER_H

#include <stdint.h>
#include <sys/types.h>

#include "consumer.h"

/**
 * struct seen - one event
 * @type: &enum tandem_process_type
 * @event_class: &enum tandem_class
 * @time: of the record
 * @event: the event
 * @filename: of an EXEC, else NULL
 */
struct seen {
	unsigned int type;
	unsigned int event_class;
	uint64_t time;
	struct tandem_process_event event;
	char *filename;
};

/**
 * struct watcher - all events since it was opened
 * @consumer: its error tells of events that were malformed, too
 * @seen: in the order of each CPU, not of all
 * @count: how many
 */
struct watcher {
	struct consumer consumer;
	struct seen *seen;
	unsigned int count;
};

/* Return: 0 or -errno. */
int watcher_open(struct watcher *watcher);
void watcher_close(struct watcher *watcher);

/* The @n-th event of @type and @pid that there is by now, or NULL. */
struct seen *watcher_find(struct watcher *watcher, unsigned int type, pid_t pid, unsigned int n);

/* The first one, but waits until it comes; NULL if it does not. */
struct seen *watcher_wait(struct watcher *watcher, unsigned int type, pid_t pid);

/* The first one that there is by now, or one of zeros. */
const struct tandem_process_event *watcher_event(struct watcher *watcher, unsigned int type,
						 pid_t pid);

/* How many there are by now. */
unsigned int watcher_count(struct watcher *watcher, unsigned int type, pid_t pid);

/* The end of @pid, which has been waited for, was told once. Return: what is wrong, or NULL. */
const char *watcher_check_exit(struct watcher *watcher, pid_t pid);

#define EXPECT_ONE_EXIT(watcher, pid) do { \
	const char *error_ = watcher_check_exit(watcher, pid); \
	\
	EXPECT_EQ(NULL, error_) { \
		TH_LOG("%s", error_); \
	} \
} while (0)

/**
 * struct child - a child that waits before it does its work
 * @pid: its id, -1 if there is none
 * @go: it goes on when this is closed
 */
struct child {
	pid_t pid;
	int go;
};

/* A child that will end with what @work returns. */
struct child child_fork(int (*work)(void *arg), void *arg);

/* Lets it go on, and waits for its end. Return: its wait status, or -errno. */
int child_end(struct child *child);

#endif
