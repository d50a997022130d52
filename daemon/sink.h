/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A sink: where events are written. It never blocks: what cannot be written waits in a bounded
 * queue, and when that is full the sink says so, and devices that feed it are not consumed.
 */
#ifndef DAEMON_SINK_H
#define DAEMON_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "lines.h"

struct json_object;
struct route;
struct sink;

/**
 * struct sink_ops - a kind of sink
 * @open: make sink->fd ready for writing, if it is not; also looks whether the place that was
 *	opened is still there. Return 0 or -errno
 * @put: queue an event, given as an object and as text. Return 0 or -errno
 * @write: write up to all of the queue's first chunk. Return the bytes, or -errno:
 *	-EAGAIN: wait until the fd is writable; -EMSGSIZE: the first line is too long for ever;
 *	else: try later
 * @close: close sink->fd; a line that was begun will be written whole at the next place
 */
struct sink_ops {
	int (*open)(struct sink *sink);
	int (*put)(struct sink *sink, struct json_object *event, const char *text, size_t len,
		   struct route *route);
	ssize_t (*write)(struct sink *sink);
	void (*close)(struct sink *sink);
};

/**
 * struct sink - one sink
 * @next: of all
 * @ops: its kind
 * @config: its part of the configuration, whose name and path are its own
 * @event: the loop
 * @lines: what waits
 * @fd: where it goes, or -1
 * @device: where @fd was opened, for @ops
 * @inode: likewise
 * @pipe: @fd takes whole lines if they are short, for @ops
 * @socket: @fd is a socket, for @ops
 * @full: the queue has reached its limit, and not yet fallen to half of it
 * @waiting: for @writable or @retry; nothing is tried before
 * @error: errno of the last attempt if it failed
 * @failures: attempts since it began to fail
 * @writable: @fd can be written again
 * @retry: time to try again
 * @ready: called when the sink is not full any more, or has tried again to write what waited
 * @ready_arg: for it
 * @used: mark of a reload
 */
struct sink {
	struct sink *next;
	const struct sink_ops *ops;
	struct sink_config config;
	sd_event *event;
	struct lines lines;
	int fd;
	dev_t device;
	ino_t inode;
	bool pipe;
	bool socket;
	bool full;
	bool waiting;
	int error;
	uint64_t failures;
	sd_event_source *writable;
	sd_event_source *retry;
	void (*ready)(void *arg);
	void *ready_arg;
	bool used;
};

extern const struct sink_ops sink_file_ops;
extern const struct sink_ops sink_journal_ops;

/**
 * sink_new() - make a sink; it is opened when there is something to write
 * @sink: where it goes
 * @event: the loop
 * @config: its part of the configuration; copied
 * @ready: called when the sink is not full any more
 * @ready_arg: for it
 *
 * Return: 0 or -errno.
 */
int sink_new(struct sink **sink, sd_event *event, const struct sink_config *config,
	     void (*ready)(void *arg), void *ready_arg);

/* sink_free() - close; what could not be written is given up, counted and told */
void sink_free(struct sink *sink);

/* sink_put() - queue an event; without memory for it, it is told and counted as not written */
void sink_put(struct sink *sink, struct json_object *event, const char *text, size_t len,
	      struct route *route);

/* sink_flush() - write what there is, as far as it goes now */
void sink_flush(struct sink *sink);

/* sink_reopen() - open a file anew: it may have been rotated */
void sink_reopen(struct sink *sink);

/* sink_full() - has the queue reached its limit? */
static inline bool sink_full(const struct sink *sink)
{
	return sink->full;
}

/* sink_mark() - how far the queue goes; sink_past() - is all up to there written, or given up? */
static inline uint64_t sink_mark(const struct sink *sink)
{
	return sink->lines.added;
}

static inline bool sink_past(const struct sink *sink, uint64_t mark)
{
	return sink->lines.gone >= mark;
}

#endif /* DAEMON_SINK_H */
