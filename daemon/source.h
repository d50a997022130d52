/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A source: one device whose events are consumed. It waits for the device if it is not there, and
 * stands still while a sink is full, so that loss happens in the rings, where it is counted.
 */
#ifndef DAEMON_SOURCE_H
#define DAEMON_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "config.h"
#include "target.h"

struct reader;
struct tally;

/**
 * struct source - one device
 * @next: of all
 * @config: its part of the configuration, its own
 * @tally: its counts
 * @targets: where its events go
 * @event: the loop
 * @readers: its subscriptions, oldest first. There is more than one after the configuration has
 *	changed and until the rings of the former are drained; none while the device is not there
 * @io: the last reader's fd
 * @work: goes on consuming in the next turn of the loop
 * @timer: tries again while there is no device, and looks for what is below the watermark
 * @patient: somebody tells us when the device appears, there is no need to try for ever
 * @delay: microseconds until the device is tried again
 * @error: errno of the last try that was told to a person
 * @paused: a sink is full, or has not taken what a durable subscription has given
 * @stop_time: what was posted later is not consumed; all ones: we do not stop
 * @stopped: all was consumed up to @stop_time
 * @on_stopped: called when that is so
 * @arg: for it
 * @used: mark of a reload
 */
struct source {
	struct source *next;
	struct device_config config;
	struct tally *tally;
	struct targets targets;
	sd_event *event;
	struct reader *readers;
	sd_event_source *io;
	sd_event_source *work;
	sd_event_source *timer;
	bool patient;
	uint64_t delay;
	int error;
	bool paused;
	uint64_t stop_time;
	bool stopped;
	void (*on_stopped)(void *arg);
	void *arg;
	bool used;
};

/**
 * source_new() - begin to consume a device
 * @source: where it goes
 * @event: the loop
 * @config: its part of the configuration; taken over
 * @patient: see &struct source
 * @on_stopped: called after source_stop(), when all is consumed
 * @arg: for it
 *
 * source_retarget() and source_appeared() are to follow.
 *
 * Return: 0 or -errno.
 */
int source_new(struct source **source, sd_event *event, struct device_config *config, bool patient,
	       void (*on_stopped)(void *arg), void *arg);

/* source_free() - consume what is in the rings as far as the sinks have room, and end */
void source_free(struct source *source);

/*
 * source_reconfigure() - what is to be consumed may have changed. If it has, the device is
 * subscribed anew, with no gap; if not, the subscription stays. @config is taken over.
 */
void source_reconfigure(struct source *source, struct device_config *config);

/* source_retarget() - send the events to these sinks from now on; @targets is taken over */
void source_retarget(struct source *source, struct target *targets, size_t count);

/* source_appeared() - the device may be there now */
void source_appeared(struct source *source);

/* source_resume() - a sink may have room again, or may have taken what it had to */
void source_resume(struct source *source);

/* source_stop() - consume what is in the rings now, and no more */
void source_stop(struct source *source, uint64_t now);

/* source_account() - bring the count of losses up to date */
void source_account(struct source *source);

/*
 * source_abandon() - give up what is in the rings, but not in a durable subscription, where it
 * stays. Returns how many events that were
 */
uint64_t source_abandon(struct source *source);

#endif /* DAEMON_SOURCE_H */
