// SPDX-License-Identifier: GPL-2.0
/*
 * A watcher of processes: it keeps every event of the process half. And children to watch.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"
#include "watcher.h"

#define RING		(4 * 1024 * 1024)
#define SEEN_MAX	16384

int watcher_open(struct watcher *watcher)
{
	int err;

	watcher->count = 0;
	watcher->seen = calloc(SEEN_MAX, sizeof(*watcher->seen));
	if (!watcher->seen)
		return -ENOMEM;
	err = consumer_open(&watcher->consumer, "process", RING);
	if (err)
		free(watcher->seen);
	return err;
}

void watcher_close(struct watcher *watcher)
{
	while (watcher->count)
		free(watcher->seen[--watcher->count].filename);
	free(watcher->seen);
	consumer_close(&watcher->consumer);
}

static const char *note(void *data, const struct ring *ring, const struct tandem_record *record)
{
	const struct tandem_process_event *event = (const void *)record->data;
	const char *name = (const char *)(event + 1);
	struct watcher *watcher = data;
	struct seen *seen = &watcher->seen[watcher->count];
	size_t size = record_payload(record);

	(void)ring;
	if (watcher->count == SEEN_MAX)
		return "there are more events than this test can keep";
	if (size < sizeof(*event))
		return "an event is too short";
	size -= sizeof(*event);
	seen->type = TANDEM_RECORD_TYPE(record->type_flags);
	seen->event_class = TANDEM_RECORD_CLASS(record->type_flags);
	seen->time = record->time;
	seen->event = *event;
	seen->filename = NULL;
	if (seen->type == TANDEM_PROCESS_EXEC) {
		if (!size || strnlen(name, size) != size - 1)
			return "the name of a program does not end with its record";
		seen->filename = strdup(name);
	} else if (size) {
		return "an event is too long";
	}
	watcher->count++;
	return NULL;
}

static void drain(struct watcher *watcher)
{
	consumer_drain(&watcher->consumer, note, watcher);
}

struct seen *watcher_find(struct watcher *watcher, unsigned int type, pid_t pid, unsigned int n)
{
	unsigned int i;

	drain(watcher);
	for (i = 0; i < watcher->count; i++) {
		struct seen *seen = &watcher->seen[i];

		if (seen->type == type && seen->event.pid == (uint32_t)pid && !n--)
			return seen;
	}
	return NULL;
}

struct seen *watcher_wait(struct watcher *watcher, unsigned int type, pid_t pid)
{
	struct pollfd ready = { .fd = watcher->consumer.fd, .events = POLLIN };
	const uint64_t deadline = deadline_in(20);

	for (;;) {
		struct seen *seen = watcher_find(watcher, type, pid, 0);

		if (seen || watcher->consumer.error || deadline_passed(deadline))
			return seen;
		poll(&ready, 1, deadline_left(deadline));
	}
}

const struct tandem_process_event *watcher_event(struct watcher *watcher, unsigned int type,
						 pid_t pid)
{
	static const struct tandem_process_event none;
	const struct seen *seen = watcher_find(watcher, type, pid, 0);

	return seen ? &seen->event : &none;
}

unsigned int watcher_count(struct watcher *watcher, unsigned int type, pid_t pid)
{
	unsigned int n = 0;

	while (watcher_find(watcher, type, pid, n))
		n++;
	return n;
}

const char *watcher_check_exit(struct watcher *watcher, pid_t pid)
{
	if (!watcher_wait(watcher, TANDEM_PROCESS_EXIT, pid))
		return "an exit was not told";
	if (watcher_count(watcher, TANDEM_PROCESS_EXIT, pid) != 1)
		return "an exit was told more than once";
	if (consumer_lost_records(&watcher->consumer))
		return "events were lost";
	return watcher->consumer.error;
}

struct child child_fork(int (*work)(void *arg), void *arg)
{
	struct child child = { .pid = -1, .go = -1 };
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC))
		return child;
	child.pid = fork();
	if (!child.pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) < 0 ? 255 : work(arg));
	}
	close(ends[0]);
	child.go = ends[1];
	return child;
}

int child_end(struct child *child)
{
	close(child->go);
	return wait_child(child->pid, deadline_in(20));
}
