// SPDX-License-Identifier: GPL-2.0
/* One device, from its rings to its sinks. */

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "decode.h"
#include "log.h"
#include "reader.h"
#include "sink.h"
#include "source.h"
#include "stats.h"

/* After so many events signals, sinks and other devices get a turn. */
#define BATCH			256
/* A record that is so much younger than the end shows that no older one will follow. */
#define LATE_NSEC		(50 * 1000 * 1000)
#define DELAY_MIN_USEC		(50 * 1000)
#define DELAY_MAX_USEC		(30 * 1000 * 1000)
/* An appearing node gets its permissions within this time. */
#define DELAY_PATIENT_USEC	(1000 * 1000)
/* Corrupt rings are no reason to hurry. */
#define CORRUPT_USEC		(1000 * 1000)
/* Events below the watermark wait at most so long. */
#define WATERMARK_USEC		(1000 * 1000)

enum progress {
	DRAINED,
	MORE,
	FULL,
};

static uint64_t now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct reader *last_reader(const struct source *source)
{
	struct reader *reader = source->readers;

	while (reader && reader->next)
		reader = reader->next;
	return reader;
}

/* ---- From an event to the sinks ---- */

/* @record is what the reader gave last. What a durable subscription gives may come twice. */
static struct json_object *with_place(struct json_object *event, const struct reader *reader,
				      const struct tandem_record *record)
{
	if (!event || !reader->durable ||
	    decode_add_place(event, tandem_record_ring(reader->sub),
			     tandem_record_position(reader->sub, record)))
		return event;
	json_object_put(event);
	return NULL;
}

/* @cpu is UINT_MAX for a ring of all CPUs, and for a loss that no record has told. */
static struct json_object *loss_event(const struct source *source, uint64_t lost, unsigned int cpu,
				      uint64_t time)
{
	struct json_object *event = json_object_new_object();

	if (event) {
		json_object_object_add(event, "device",
				       json_object_new_string(source->config.name));
		if (cpu != UINT_MAX)
			json_object_object_add(event, "cpu", json_object_new_int((int)cpu));
		json_object_object_add(event, "time", json_object_new_uint64(time));
		json_object_object_add(event, "lost", json_object_new_uint64(lost));
	}
	return event;
}

static void take(struct source *source, struct reader *reader, const struct tandem_record *record)
{
	unsigned int cpu = tandem_record_cpu(reader->sub);
	uint64_t lost = reader_lost_before(reader, record);

	if (lost)
		targets_put(&source->targets, source->config.name,
			    with_place(loss_event(source, lost, cpu, record->time), reader, record),
			    false);
	if (reader->durable)
		source->tally->lost += lost;
	if (record->type_flags & TANDEM_RECORD_DISCARDED)
		return;
	if (record->time <= reader->from || record->time > reader->until)
		return;
	source->tally->consumed++;
	targets_put(&source->targets, source->config.name,
		    with_place(decode_event(source->config.name, record, cpu), reader, record),
		    true);
}

static void account_losses(struct source *source, struct reader *reader)
{
	uint64_t untold;

	source->tally->lost += reader_account(reader, &untold);
	if (untold)
		targets_put(&source->targets, source->config.name,
			    loss_event(source, untold, UINT_MAX, now_nsec()), false);
}

/*
 * What a durable subscription has given is released once the sinks have taken it, and not before:
 * if we are killed, it is given again to whoever comes next. Return: may the reader go on?
 */
static bool settle(struct source *source, struct reader *reader)
{
	if (!reader->durable)
		return true;
	targets_flush(&source->targets);
	if (!targets_past(&source->targets))
		return false;
	tandem_release(reader->sub);
	return true;
}

/* Has the reader given all that we want of it? The answer may be late, but is never too early. */
static bool is_past(const struct source *source, const struct reader *reader,
		    const struct tandem_record *record)
{
	uint64_t end = reader->until < source->stop_time ? reader->until : source->stop_time;

	return record->time > end && record->time - end > LATE_NSEC;
}

static enum progress consume(struct source *source, struct reader *reader)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		const struct tandem_record *record;

		if (targets_full(&source->targets))
			return FULL;
		record = tandem_next(reader->sub);
		if (!record)
			return DRAINED;
		take(source, reader, record);
		if (is_past(source, reader, record))
			return DRAINED;
	}
	return MORE;
}

/* ---- Waiting for the device ---- */

static void drop_reader(struct source *source)
{
	struct reader *reader = source->readers;

	account_losses(source, reader);
	source->readers = reader->next;
	if (!source->readers)
		source->io = sd_event_source_disable_unref(source->io);
	reader_close(reader);
}

static void set_timer(struct source *source, uint64_t usec)
{
	sd_event_source_set_time_relative(source->timer, usec);
	sd_event_source_set_enabled(source->timer, SD_EVENT_ONESHOT);
}

/* A durable subscription @is so; to remove it @helps. */
static void advise(const char *device, const char *durable, const char *is, const char *helps)
{
	log_error("device %s: durable subscription %s %s; 'tandemctl subscription rm %s %s' %s",
		  device, durable, is, device, durable, helps);
}

/* What only durable subscriptions meet with. */
static bool report_durable(const char *device, const char *durable, int error)
{
	switch (error) {
	case EEXIST:
		advise(device, durable, "was made with other options", "has it made anew");
		return true;
	case EBUSY:
		log_error("device %s: another process has durable subscription %s; "
			  "it is tried again", device, durable);
		return true;
	case EPERM:
		log_error("device %s: durable subscription %s is another user's; choose another",
			  device, durable);
		return true;
	default:
		return false;
	}
}

static void report(struct source *source, int error)
{
	if (source->error == error)
		return;
	source->error = error;
	if (source->config.durable &&
	    report_durable(source->config.name, source->config.durable, error))
		return;
	switch (error) {
	case ENOENT:
		log_warning("device %s is not there%s; it is consumed as soon as it appears",
			    source->config.name,
			    access("/sys/module/tandem", F_OK) ?
			    ", as Tandem is not in this kernel (see 'modprobe tandem')" : "");
		break;
	case EACCES:
	case EPERM:
		log_error("device %s must not be read by this user: put it into the group tandem",
			  source->config.name);
		break;
	default:
		log_error("device %s cannot be subscribed to and is tried again: %s",
			  source->config.name, tandem_strerror(error));
	}
}

static void try_later(struct source *source, int error)
{
	/* Its node may be there for a moment longer than the device. */
	if (error == ENXIO || error == ENODEV)
		error = ENOENT;
	report(source, error);
	if (error == ENOENT && source->patient && source->delay > DELAY_PATIENT_USEC)
		return;
	set_timer(source, source->delay);
	source->delay = source->delay * 2 < DELAY_MAX_USEC ? source->delay * 2 : DELAY_MAX_USEC;
}

static void set_working(struct source *source, bool working)
{
	/* While there is work nobody need wake us. */
	if (source->io)
		sd_event_source_set_enabled(source->io, working ? SD_EVENT_OFF : SD_EVENT_ON);
	sd_event_source_set_enabled(source->work, working ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void end(struct source *source, int error)
{
	const char *durable = source->readers->durable;
	const char *which = durable ? ", or its durable subscription," : "";

	if (error == EBADMSG && durable)
		reader_remove(source->config.name, durable);
	drop_reader(source);
	source->delay = DELAY_MIN_USEC;
	if (error == EBADMSG) {
		log_error("device %s: its rings are corrupt; they are given up and made anew",
			  source->config.name);
		set_timer(source, CORRUPT_USEC);
		return;
	}
	log_warning("device %s%s is gone; it is consumed again when it comes back",
		    source->config.name, which);
	source->error = ENOENT;
	try_later(source, ENOENT);
}

/* ---- Turns ---- */

static void pause_source(struct source *source)
{
	source->paused = true;
	if (source->io)
		sd_event_source_set_enabled(source->io, SD_EVENT_OFF);
	sd_event_source_set_enabled(source->work, SD_EVENT_OFF);
	sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
}

static void finish(struct source *source)
{
	while (source->readers)
		drop_reader(source);
	set_working(source, false);
	sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	source->stopped = true;
	source->on_stopped(source->arg);
}

static void run(struct source *source)
{
	struct reader *reader = source->readers;
	enum progress progress;
	int ret;

	if (source->paused || !reader)
		return;
	progress = consume(source, reader);
	if (progress == FULL || !settle(source, reader)) {
		pause_source(source);
		/* The sinks that are not full shall not wait for the one that is. */
		targets_flush(&source->targets);
		return;
	}
	if (progress == MORE) {
		set_working(source, true);
		return;
	}

	account_losses(source, reader);
	targets_flush(&source->targets);
	if (reader->next) {
		drop_reader(source);
		set_working(source, true);
		return;
	}
	if (source->stop_time != UINT64_MAX) {
		finish(source);
		return;
	}
	ret = tandem_arm(reader->sub);
	if (ret < 0) {
		end(source, -ret);
		return;
	}
	set_working(source, ret);
	if (!ret && source->config.watermark)
		set_timer(source, WATERMARK_USEC);
}

static int on_readable(sd_event_source *io, int fd, uint32_t revents, void *arg)
{
	struct source *source = arg;

	(void)io;
	(void)fd;
	(void)revents;
	source->tally->wakeups++;
	run(source);
	return 0;
}

static int on_work(sd_event_source *work, void *arg)
{
	(void)work;
	run(arg);
	return 0;
}

static int add_reader(struct source *source)
{
	struct reader *former = last_reader(source);
	sd_event_source *io;
	struct reader *reader;
	int ret = reader_open(&reader, &source->config);

	if (ret)
		return ret;
	ret = sd_event_add_io(source->event, &io, tandem_subscription_fd(reader->sub), EPOLLIN,
			      on_readable, source);
	if (ret < 0) {
		reader_close(reader);
		return ret;
	}
	sd_event_source_disable_unref(source->io);
	source->io = io;
	if (former) {
		former->until = now_nsec();
		former->next = reader;
		/* What gathered in a durable one before is wanted too. */
		if (!tandem_subscription_attached(reader->sub))
			reader->from = former->until;
	} else {
		source->readers = reader;
	}
	return 0;
}

static void begin(struct source *source)
{
	int ret = add_reader(source);

	if (ret) {
		try_later(source, -ret);
		return;
	}
	sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	log_info("device %s is consumed%s", source->config.name,
		 tandem_subscription_attached(source->readers->sub) ?
		 ", from where its durable subscription was left" : "");
	source->error = 0;
	set_working(source, true);
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *arg)
{
	struct source *source = arg;

	(void)timer;
	(void)usec;
	if (source->readers)
		run(source);
	else
		begin(source);
	return 0;
}

/* ---- For the daemon ---- */

void source_appeared(struct source *source)
{
	if (source->readers || source->stop_time != UINT64_MAX)
		return;
	source->delay = DELAY_MIN_USEC;
	begin(source);
}

void source_resume(struct source *source)
{
	if (!source->paused || targets_full(&source->targets))
		return;
	if (source->readers && source->readers->durable) {
		if (!targets_past(&source->targets))
			return;
		tandem_release(source->readers->sub);
	}
	source->paused = false;
	set_working(source, true);
}

void source_stop(struct source *source, uint64_t now)
{
	source->stop_time = now;
	if (!source->readers)
		finish(source);
	else if (!source->paused)
		set_working(source, true);
}

void source_account(struct source *source)
{
	for (struct reader *reader = source->readers; reader; reader = reader->next)
		account_losses(source, reader);
}

uint64_t source_abandon(struct source *source)
{
	uint64_t unread = 0;

	while (source->readers) {
		struct reader *reader = source->readers;
		const struct tandem_record *record;

		while (!reader->durable && (record = tandem_next(reader->sub))) {
			if (!(record->type_flags & TANDEM_RECORD_DISCARDED) &&
			    record->time > reader->from && record->time <= reader->until)
				unread++;
			if (is_past(source, reader, record))
				break;
		}
		drop_reader(source);
	}
	source->tally->unread += unread;
	return unread;
}

static bool same_types(const struct device_config *a, const struct device_config *b)
{
	if (a->types_count != b->types_count)
		return false;
	return !a->types_count || !memcmp(a->types, b->types, a->types_count * sizeof(*a->types));
}

static bool same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_subscription(const struct device_config *a, const struct device_config *b)
{
	return a->shared == b->shared && same_name(a->durable, b->durable) &&
	       a->classes == b->classes && a->ring_size == b->ring_size &&
	       a->watermark == b->watermark && same_types(a, b);
}

void source_reconfigure(struct source *source, struct device_config *config)
{
	bool same = same_subscription(&source->config, config);
	struct device_config former = source->config;
	const struct reader *reader = last_reader(source);
	int ret;

	source->config = *config;
	*config = (struct device_config){ 0 };
	config_device_free(&former);
	if (same || !reader)
		return;
	if (reader->durable && same_name(reader->durable, source->config.durable)) {
		advise(source->config.name, reader->durable, "keeps its former options",
		       "has it made anew");
		return;
	}
	if (reader->durable)
		advise(source->config.name, reader->durable, "stays, and gathers events",
		       "ends that");
	ret = add_reader(source);
	if (ret)
		log_error("device %s keeps its former subscription, as there is no new one: %s",
			  source->config.name, tandem_strerror(ret));
	else if (!source->paused)
		set_working(source, true);
}

void source_retarget(struct source *source, struct target *targets, size_t count)
{
	targets_replace(&source->targets, targets, count);
	source_resume(source);
}

int source_new(struct source **result, sd_event *event, struct device_config *config, bool patient,
	       void (*on_stopped)(void *arg), void *arg)
{
	struct source *source = calloc(1, sizeof(*source));
	int ret = -ENOMEM;

	if (!source)
		return ret;
	source->event = event;
	source->patient = patient;
	source->delay = DELAY_MIN_USEC;
	source->stop_time = UINT64_MAX;
	source->on_stopped = on_stopped;
	source->arg = arg;
	source->tally = tally_get(config->name);
	if (!source->tally)
		goto free_source;
	ret = sd_event_add_defer(event, &source->work, on_work, source);
	if (ret < 0)
		goto free_source;
	sd_event_source_set_enabled(source->work, SD_EVENT_OFF);
	ret = sd_event_add_time_relative(event, &source->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
					 source);
	if (ret < 0)
		goto free_work;
	sd_event_source_set_enabled(source->timer, SD_EVENT_OFF);
	source->config = *config;
	*config = (struct device_config){ 0 };
	*result = source;
	return 0;

free_work:
	sd_event_source_disable_unref(source->work);
free_source:
	free(source);
	return ret;
}

/* All that there is up to the end, as far as the sinks have room for it. */
static void drain(struct source *source)
{
	while (source->readers) {
		enum progress progress = consume(source, source->readers);

		if (!settle(source, source->readers) || progress == FULL)
			return;
		if (progress == DRAINED)
			drop_reader(source);
	}
}

void source_free(struct source *source)
{
	uint64_t unread;

	if (source->stop_time == UINT64_MAX) {
		const struct reader *reader = last_reader(source);

		source->stop_time = now_nsec();
		if (reader && reader->durable)
			advise(source->config.name, reader->durable, "stays, and gathers events",
			       "ends that");
	}
	drain(source);
	unread = source_abandon(source);
	if (unread)
		log_error("device %s: %ju events are left unread in its rings",
			  source->config.name, unread);
	sd_event_source_disable_unref(source->timer);
	sd_event_source_disable_unref(source->work);
	config_device_free(&source->config);
	free(source->targets.target);
	free(source);
}
