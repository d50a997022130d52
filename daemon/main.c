// SPDX-License-Identifier: GPL-2.0
/* tandemd: consumes the events of Tandem devices and writes them down. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "forget.h"
#include "log.h"
#include "monitor.h"
#include "notify.h"
#include "sink.h"
#include "source.h"
#include "stats.h"

#define USEC_PER_SEC	UINT64_C(1000000)
#define STATUS_USEC	(10 * USEC_PER_SEC)

/**
 * struct daemon - all that there is
 * @event: the loop
 * @path: the configuration's file, NULL: the default one
 * @sources: devices
 * @sinks: sinks
 * @monitor: news of devices, NULL if there are none to be had
 * @deadline: when a stop must be over
 * @status: tells the service manager the counts
 * @watchdog: tells it that the loop runs
 * @watchdog_usec: so often, 0: never
 * @stop_timeout: seconds that a stop may take
 * @stopping: no more events are taken
 */
struct daemon {
	sd_event *event;
	const char *path;
	struct source *sources;
	struct sink *sinks;
	struct monitor *monitor;
	sd_event_source *deadline;
	sd_event_source *status;
	sd_event_source *watchdog;
	uint64_t watchdog_usec;
	unsigned int stop_timeout;
	bool stopping;
};

/* ---- The end ---- */

static void exit_if_done(struct daemon *daemon)
{
	if (!daemon->stopping)
		return;
	for (const struct source *source = daemon->sources; source; source = source->next)
		if (!source->stopped)
			return;
	for (struct sink *sink = daemon->sinks; sink; sink = sink->next) {
		sink_flush(sink);
		if (!lines_empty(&sink->lines))
			return;
	}
	sd_event_exit(daemon->event, EXIT_SUCCESS);
}

static void on_stopped(void *arg)
{
	exit_if_done(arg);
}

static void on_sink_ready(void *arg)
{
	struct daemon *daemon = arg;

	for (struct source *source = daemon->sources; source; source = source->next)
		source_resume(source);
	exit_if_done(daemon);
}

static void give_up(struct daemon *daemon)
{
	log_error("the time to stop is over, a sink does not take what waits for it");
	sd_event_exit(daemon->event, EXIT_SUCCESS);
}

static int on_deadline(sd_event_source *timer, uint64_t usec, void *arg)
{
	(void)timer;
	(void)usec;
	give_up(arg);
	return 0;
}

static int on_stop(sd_event_source *signal, const struct signalfd_siginfo *info, void *arg)
{
	struct daemon *daemon = arg;
	struct timespec now;

	(void)signal;
	(void)info;
	if (daemon->stopping) {
		give_up(daemon);
		return 0;
	}
	notify_manager("STOPPING=1");
	sd_event_source_set_time_relative(daemon->deadline, daemon->stop_timeout * USEC_PER_SEC);
	sd_event_source_set_enabled(daemon->deadline, SD_EVENT_ONESHOT);
	daemon->stopping = true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	for (struct source *source = daemon->sources; source; source = source->next)
		source_stop(source, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	exit_if_done(daemon);
	return 0;
}

/* ---- The configuration ---- */

static struct sink *find_sink(const struct daemon *daemon, const char *name)
{
	struct sink *sink = daemon->sinks;

	while (sink && (!sink->used || strcmp(sink->config.name, name)))
		sink = sink->next;
	return sink;
}

static bool same_sink(const struct sink *sink, const struct sink_config *config)
{
	if (strcmp(sink->config.name, config->name) || sink->config.kind != config->kind)
		return false;
	return !config->path || !strcmp(sink->config.path, config->path);
}

static void apply_sinks(struct daemon *daemon, const struct config *config)
{
	for (struct sink *sink = daemon->sinks; sink; sink = sink->next)
		sink->used = false;
	for (size_t i = 0; i < config->sinks_count; i++) {
		const struct sink_config *wanted = &config->sinks[i];
		struct sink *sink = daemon->sinks;
		int ret;

		while (sink && !same_sink(sink, wanted))
			sink = sink->next;
		if (!sink) {
			ret = sink_new(&sink, daemon->event, wanted, on_sink_ready, daemon);
			if (ret) {
				log_error("sink %s cannot be made: %s", wanted->name,
					  strerror(-ret));
				continue;
			}
			sink->next = daemon->sinks;
			daemon->sinks = sink;
		}
		sink->config.buffer_size = wanted->buffer_size;
		sink->used = true;
	}
}

static int retarget(struct daemon *daemon, struct source *source)
{
	size_t count = source->config.sinks_count;
	struct target *targets = calloc(count, sizeof(*targets));

	if (!targets)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const char *name = source->config.sinks[i].name;

		targets[i].sink = find_sink(daemon, name);
		targets[i].route = route_get(source->tally, name);
		if (!targets[i].sink || !targets[i].route) {
			free(targets);
			return -ENOMEM;
		}
	}
	source_retarget(source, targets, count);
	return 0;
}

static int apply_device(struct daemon *daemon, struct device_config *config)
{
	struct source *source = daemon->sources;
	bool fresh;
	int ret;

	while (source && strcmp(source->config.name, config->name))
		source = source->next;
	fresh = !source;
	if (fresh) {
		ret = source_new(&source, daemon->event, config, daemon->monitor, on_stopped,
				 daemon);
		if (ret)
			return ret;
		source->next = daemon->sources;
		daemon->sources = source;
	} else {
		source_reconfigure(source, config);
	}
	ret = retarget(daemon, source);
	if (ret)
		return ret;
	source->used = true;
	if (fresh)
		source_appeared(source);
	return 0;
}

static void remove_unused(struct daemon *daemon)
{
	for (struct source **link = &daemon->sources; *link;) {
		struct source *source = *link;

		if (source->used) {
			link = &source->next;
		} else {
			*link = source->next;
			source_free(source);
		}
	}
	for (struct sink **link = &daemon->sinks; *link;) {
		struct sink *sink = *link;

		if (sink->used) {
			link = &sink->next;
		} else {
			*link = sink->next;
			sink_free(sink);
		}
	}
}

/* Takes the devices out of @config. */
static void apply(struct daemon *daemon, struct config *config)
{
	daemon->stop_timeout = config->stop_timeout;
	apply_sinks(daemon, config);
	for (struct source *source = daemon->sources; source; source = source->next)
		source->used = false;
	for (size_t i = 0; i < config->devices_count; i++) {
		struct device_config *device = &config->devices[i];
		int ret;

		if (!device->sinks_count)
			continue;
		ret = apply_device(daemon, device);
		if (ret)
			log_error("a device cannot be consumed: %s", strerror(-ret));
	}
	remove_unused(daemon);
	if (!daemon->sources)
		log_warning("no device is configured to be consumed");
}

static const char *default_sink(void)
{
	return log_to_journal() ? SINK_NAME_JOURNAL : SINK_NAME_STDOUT;
}

static int on_reload(sd_event_source *signal, const struct signalfd_siginfo *info, void *arg)
{
	struct daemon *daemon = arg;
	struct config config;
	struct timespec now;

	(void)signal;
	(void)info;
	if (daemon->stopping)
		return 0;
	/* The loop's own time may be before the signal, and the manager would wait for another. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	notify_manager("RELOADING=1\nMONOTONIC_USEC=%ju",
		       (uintmax_t)now.tv_sec * USEC_PER_SEC + (uintmax_t)now.tv_nsec / 1000);
	if (config_load(&config, daemon->path, default_sink())) {
		log_error("%s; the configuration stays as it was", config.error);
	} else {
		apply(daemon, &config);
		log_info("the configuration is read anew");
	}
	config_free(&config);
	for (struct sink *sink = daemon->sinks; sink; sink = sink->next)
		sink_reopen(sink);
	notify_manager("READY=1");
	return 0;
}

/* ---- News and counts ---- */

static void on_appeared(const char *device, void *arg)
{
	struct daemon *daemon = arg;

	for (struct source *source = daemon->sources; source; source = source->next)
		if (!device || !strcmp(source->config.name, device))
			source_appeared(source);
}

static int on_stats(sd_event_source *signal, const struct signalfd_siginfo *info, void *arg)
{
	const struct daemon *daemon = arg;

	(void)signal;
	(void)info;
	for (struct source *source = daemon->sources; source; source = source->next)
		source_account(source);
	stats_dump();
	return 0;
}

static int on_status(sd_event_source *timer, uint64_t usec, void *arg)
{
	(void)timer;
	(void)usec;
	(void)arg;
	stats_status();
	return 0;
}

/* Something has happened: the manager is told in a while. An idle daemon never wakes for that. */
static int on_watchdog(sd_event_source *timer, uint64_t usec, void *arg)
{
	const struct daemon *daemon = arg;

	(void)usec;
	notify_manager("WATCHDOG=1");
	sd_event_source_set_time_relative(timer, daemon->watchdog_usec);
	return sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static int on_post(sd_event_source *post, void *arg)
{
	struct daemon *daemon = arg;
	int enabled;

	(void)post;
	if (!sd_event_source_get_enabled(daemon->status, &enabled) && stats_changed()) {
		sd_event_source_set_time_relative(daemon->status, STATUS_USEC);
		sd_event_source_set_enabled(daemon->status, SD_EVENT_ONESHOT);
	}
	return 0;
}

/* ---- The beginning ---- */

static int add_signal(struct daemon *daemon, int number, sd_event_signal_handler_t handler)
{
	sd_event_source *source;
	int ret = sd_event_add_signal(daemon->event, &source, number, handler, daemon);

	if (ret < 0)
		return ret;
	sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IMPORTANT);
	sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
	return 0;
}

static int add_timer(struct daemon *daemon, sd_event_source **timer,
		     sd_event_time_handler_t handler)
{
	int ret = sd_event_add_time_relative(daemon->event, timer, CLOCK_MONOTONIC, 0, 0, handler,
					     daemon);

	if (ret >= 0)
		ret = sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
	return ret;
}

/* Half the time that the manager allows, if it wants to hear from us. */
static int start_watchdog(struct daemon *daemon)
{
	uint64_t allowed;
	int ret = sd_watchdog_enabled(0, &allowed);

	if (ret <= 0)
		return ret;
	ret = add_timer(daemon, &daemon->watchdog, on_watchdog);
	if (ret < 0)
		return ret;
	daemon->watchdog_usec = allowed / 2;
	sd_event_source_set_priority(daemon->watchdog, SD_EVENT_PRIORITY_IMPORTANT);
	return sd_event_source_set_enabled(daemon->watchdog, SD_EVENT_ONESHOT);
}

static int set_up(struct daemon *daemon)
{
	sigset_t signals;
	int ret;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);

	ret = sd_event_new(&daemon->event);
	if (ret >= 0)
		ret = add_signal(daemon, SIGTERM, on_stop);
	if (ret >= 0)
		ret = add_signal(daemon, SIGINT, on_stop);
	if (ret >= 0)
		ret = add_signal(daemon, SIGHUP, on_reload);
	if (ret >= 0)
		ret = add_signal(daemon, SIGUSR1, on_stats);
	if (ret >= 0)
		ret = add_timer(daemon, &daemon->deadline, on_deadline);
	if (ret >= 0)
		ret = add_timer(daemon, &daemon->status, on_status);
	if (ret >= 0 && getenv("NOTIFY_SOCKET"))
		ret = sd_event_add_post(daemon->event, NULL, on_post, daemon);
	if (ret >= 0)
		ret = start_watchdog(daemon);
	if (ret < 0)
		return ret;
	sd_event_source_set_priority(daemon->deadline, SD_EVENT_PRIORITY_IMPORTANT);

	ret = monitor_new(&daemon->monitor, daemon->event, on_appeared, daemon);
	if (ret)
		log_warning("no news of devices by netlink, so they are tried now and then: %s",
			    strerror(-ret));
	return 0;
}

static void tear_down(struct daemon *daemon)
{
	for (struct source *source = daemon->sources; source; source = source->next)
		source->used = false;
	for (struct sink *sink = daemon->sinks; sink; sink = sink->next)
		sink->used = false;
	remove_unused(daemon);
	monitor_free(daemon->monitor);
	sd_event_source_unref(daemon->watchdog);
	sd_event_source_unref(daemon->status);
	sd_event_source_unref(daemon->deadline);
	sd_event_unref(daemon->event);
}

static int serve(struct daemon *daemon, struct config *config)
{
	int ret = set_up(daemon);

	if (!ret) {
		if (!geteuid())
			log_warning("runs as root without need: a user in the group tandem will do");
		apply(daemon, config);
		notify_manager("READY=1");
		ret = sd_event_loop(daemon->event);
	}
	if (ret < 0)
		log_error("the event loop fails: %s", strerror(-ret));
	tear_down(daemon);
	stats_summary();
	stats_status();
	stats_free();
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void show_usage(void)
{
	puts("Usage: tandemd [OPTION]…\n"
	     "Consumes the events of Tandem devices and writes them to the journal, to files\n"
	     "or to standard output, as the configuration says. It stays in the foreground.\n"
	     "\n"
	     "  -c, --config FILE  read FILE and FILE.d/*.conf, not " CONFIG_DEFAULT_PATH "\n"
	     "  -t, --check        say whether the configuration is good, and end\n"
	     "  -F, --forget       remove the durable subscriptions of this user, and end\n"
	     "  -h, --help         show this\n"
	     "  -V, --version      show the version\n"
	     "\n"
	     "Signals: SIGHUP reads the configuration and opens files anew, SIGTERM and SIGINT\n"
	     "stop, SIGUSR1 prints counts as a line of JSON to standard error.\n"
	     "\n"
	     "Exit status: 0 stopped or good, 1 failed or bad, 2 wrong usage.");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 't' },
		{ "forget", no_argument, NULL, 'F' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct daemon daemon = { .path = NULL };
	struct config config;
	bool forget = false;
	bool check = false;
	int status = EXIT_SUCCESS;
	int option;

	while ((option = getopt_long(argc, argv, "c:tFhV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			daemon.path = optarg;
			break;
		case 't':
			check = true;
			break;
		case 'F':
			forget = true;
			break;
		case 'h':
			show_usage();
			return EXIT_SUCCESS;
		case 'V':
			puts("tandemd " TANDEM_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs("Try tandemd --help.\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tandemd: takes no argument, found %s. Try tandemd --help.\n",
			argv[optind]);
		return 2;
	}

	log_start();
	if (forget)
		return forget_subscriptions() ? EXIT_FAILURE : EXIT_SUCCESS;
	if (config_load(&config, daemon.path, default_sink())) {
		log_error("%s", config.error);
		status = EXIT_FAILURE;
	} else if (check) {
		puts("The configuration is good.");
	} else {
		status = serve(&daemon, &config);
	}
	config_free(&config);
	return status;
}
