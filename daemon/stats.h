/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts. They outlive the devices and sinks of one configuration, so that the summary at the end
 * tells of all that was consumed since the start.
 */
#ifndef DAEMON_STATS_H
#define DAEMON_STATS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct route - events of one device on their way to one sink
 * @next: of the same device
 * @sink: name of the sink
 * @written: lines that the sink has taken
 * @unwritten: lines given up
 */
struct route {
	struct route *next;
	char *sink;
	uint64_t written;
	uint64_t unwritten;
};

/**
 * struct tally - what happened to one device's events
 * @next: of all
 * @device: name of the device
 * @consumed: events taken from its rings
 * @lost: events its rings had no room for
 * @unread: events left in its rings when the time to stop was over
 * @wakeups: how often the kernel woke us for it
 * @routes: where they went
 */
struct tally {
	struct tally *next;
	char *device;
	uint64_t consumed;
	uint64_t lost;
	uint64_t unread;
	uint64_t wakeups;
	struct route *routes;
};

/* The counts of that name, made if they are not there; NULL without memory. */
struct tally *tally_get(const char *device);
struct route *route_get(struct tally *tally, const char *sink);

/* stats_summary() - tell the counts to a person: a line for each device */
void stats_summary(void);

/* stats_dump() - tell the counts to a program: one line of JSON on standard error */
void stats_dump(void);

/* stats_status() - tell the counts to the service manager */
void stats_status(void);

/* stats_changed() - have the counts changed since the service manager was told? */
bool stats_changed(void);

void stats_free(void);

#endif /* DAEMON_STATS_H */
