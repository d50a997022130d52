/* SPDX-License-Identifier: GPL-2.0 */
/* Targets: the sinks of one source. */
#ifndef DAEMON_TARGET_H
#define DAEMON_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;
struct route;
struct sink;

/**
 * struct target - a sink of a source
 * @sink: the sink
 * @route: where the source's events in it are counted
 * @mark: of the sink, behind the source's last event in it
 */
struct target {
	struct sink *sink;
	struct route *route;
	uint64_t mark;
};

/**
 * struct targets - all of them
 * @target: the targets
 * @count: how many
 */
struct targets {
	struct target *target;
	size_t count;
};

/*
 * targets_put() - give an event of @device to all sinks, and put it; NULL: there was no memory for
 * it. What is not @counted is no event but tells of loss.
 */
void targets_put(struct targets *targets, const char *device, struct json_object *event,
		 bool counted);

/* targets_full() - is one of the sinks full? */
bool targets_full(const struct targets *targets);

void targets_flush(struct targets *targets);

/* targets_past() - has each sink written, or given up, all that it was given? */
bool targets_past(const struct targets *targets);

/* targets_replace() - @target, of @count, is taken over; for sinks that stay the mark stays */
void targets_replace(struct targets *targets, struct target *target, size_t count);

#endif /* DAEMON_TARGET_H */
