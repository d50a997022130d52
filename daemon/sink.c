// SPDX-License-Identifier: GPL-2.0
/* What all sinks have in common: the queue, the attempts to empty it, and how failure is told. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "log.h"
#include "sink.h"
#include "stats.h"

/* So much is worth a system call, even if there is more to come. */
#define FLUSH_BYTES	(32 * 1024)
/* After a failure the next attempt is made so many microseconds later. */
#define RETRY_USEC	(500 * 1000)

static void stop_waiting(struct sink *sink)
{
	sink->waiting = false;
	sink->writable = sd_event_source_disable_unref(sink->writable);
	sd_event_source_set_enabled(sink->retry, SD_EVENT_OFF);
}

static void try_again(struct sink *sink)
{
	stop_waiting(sink);
	sink_flush(sink);
	sink->ready(sink->ready_arg);
}

static int on_writable(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct sink *sink = arg;

	(void)source;
	(void)fd;
	(void)revents;
	try_again(sink);
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *arg)
{
	struct sink *sink = arg;

	(void)source;
	(void)usec;
	try_again(sink);
	return 0;
}

static void wait_for_time(struct sink *sink)
{
	sd_event_source_set_time_relative(sink->retry, RETRY_USEC);
	sd_event_source_set_enabled(sink->retry, SD_EVENT_ONESHOT);
	sink->waiting = true;
}

static void wait_for_room(struct sink *sink)
{
	int ret = sd_event_add_io(sink->event, &sink->writable, sink->fd, EPOLLOUT, on_writable,
				  sink);

	/* Not every fd can be waited for. */
	if (ret < 0)
		wait_for_time(sink);
	else
		sink->waiting = true;
}

static void failed(struct sink *sink, int error)
{
	sink->failures++;
	if (sink->error != error)
		log_error("sink %s: cannot write%s%s: %s; what comes waits, then the devices do",
			  sink->config.name, sink->config.path ? " " : "",
			  sink->config.path ? sink->config.path : "", strerror(error));
	sink->error = error;
	wait_for_time(sink);
}

static void recovered(struct sink *sink)
{
	if (sink->error)
		log_info("sink %s: writes again, after %ju failed attempts",
			 sink->config.name, sink->failures);
	sink->error = 0;
	sink->failures = 0;
}

static void update_full(struct sink *sink)
{
	size_t bytes = lines_bytes(&sink->lines);

	if (bytes >= sink->config.buffer_size) {
		sink->full = true;
	} else if (sink->full && bytes <= sink->config.buffer_size / 2) {
		sink->full = false;
		sink->ready(sink->ready_arg);
	}
}

void sink_flush(struct sink *sink)
{
	int ret;

	if (sink->waiting || lines_empty(&sink->lines))
		return;
	ret = sink->ops->open(sink);
	while (!ret && !lines_empty(&sink->lines)) {
		ssize_t n = sink->ops->write(sink);

		if (n >= 0) {
			lines_written(&sink->lines, (size_t)n);
		} else if (n == -EMSGSIZE) {
			log_error("sink %s: gives up an event of %zu bytes, which is too long",
				  sink->config.name, lines_chunk(&sink->lines, 1));
			lines_drop(&sink->lines);
		} else if (n != -EINTR) {
			ret = (int)n;
		}
	}
	if (ret == -EAGAIN)
		wait_for_room(sink);
	else if (ret)
		failed(sink, -ret);
	else
		recovered(sink);
	update_full(sink);
}

void sink_put(struct sink *sink, struct json_object *event, const char *text, size_t len,
	      struct route *route)
{
	int ret = sink->ops->put(sink, event, text, len, route);

	if (ret) {
		log_error("sink %s: gives up an event: %s", sink->config.name, strerror(-ret));
		if (route)
			route->unwritten++;
		return;
	}
	if (lines_bytes(&sink->lines) >= FLUSH_BYTES)
		sink_flush(sink);
	update_full(sink);
	/* Who is told that it is full waits for a flush. */
	if (sink->full)
		sink_flush(sink);
}

void sink_reopen(struct sink *sink)
{
	if (sink->config.kind != SINK_FILE)
		return;
	sink->ops->close(sink);
	try_again(sink);
}

int sink_new(struct sink **result, sd_event *event, const struct sink_config *config,
	     void (*ready)(void *arg), void *ready_arg)
{
	struct sink *sink = calloc(1, sizeof(*sink));
	int ret = -ENOMEM;

	if (!sink)
		return ret;
	sink->ops = config->kind == SINK_JOURNAL ? &sink_journal_ops : &sink_file_ops;
	sink->event = event;
	sink->fd = -1;
	sink->ready = ready;
	sink->ready_arg = ready_arg;
	sink->config = *config;
	sink->config.name = strdup(config->name);
	sink->config.path = config->path ? strdup(config->path) : NULL;
	if (!sink->config.name || (config->path && !sink->config.path))
		goto free_sink;
	ret = sd_event_add_time_relative(event, &sink->retry, CLOCK_MONOTONIC, 0, 0, on_retry,
					 sink);
	if (ret < 0)
		goto free_sink;
	sd_event_source_set_enabled(sink->retry, SD_EVENT_OFF);
	*result = sink;
	return 0;

free_sink:
	free(sink->config.path);
	free(sink->config.name);
	free(sink);
	return ret;
}

void sink_free(struct sink *sink)
{
	if (!sink)
		return;
	stop_waiting(sink);
	sink_flush(sink);
	stop_waiting(sink);
	sink->ops->close(sink);
	if (!lines_empty(&sink->lines))
		log_error("sink %s: %zu lines could not be written and are given up",
			  sink->config.name, sink->lines.end - sink->lines.first);
	lines_free(&sink->lines);
	sd_event_source_disable_unref(sink->retry);
	free(sink->config.path);
	free(sink->config.name);
	free(sink);
}
