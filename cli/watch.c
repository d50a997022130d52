// SPDX-License-Identifier: GPL-2.0
/* watch: events as they arrive. */

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>

#include <tandem.h>

#include "cli.h"

/* Events between two looks at signals and the clock. */
#define BATCH	256

/**
 * struct watch - what is watched
 * @subscribe: what is subscribed to
 * @sub: the subscription
 * @count: events to show; 0: no end
 * @timeout: nanoseconds; 0: none
 * @shown: events shown
 */
struct watch {
	struct subscribe subscribe;
	struct tandem_subscription *sub;
	uint64_t count;
	uint64_t timeout;
	uint64_t shown;
};

/* What one needs to tell events that come twice, since their consumer died before. */
static bool add_place(const struct watch *watch, struct json_object *event,
		      const struct tandem_record *record)
{
	unsigned int ring = tandem_record_ring(watch->sub);

	return !watch->subscribe.options.name || ring == UINT_MAX ||
	       decode_add_place(event, ring, tandem_record_position(watch->sub, record));
}

/* Shows what is there, a batch at most. Is there more? */
static bool show_events(struct cli *cli, struct watch *watch)
{
	for (int i = 0; i < BATCH; i++) {
		const struct tandem_record *record;
		struct json_object *event;

		if (watch->count && watch->shown == watch->count)
			return false;
		record = tandem_next(watch->sub);
		if (!record)
			return false;
		if (record->type_flags & TANDEM_RECORD_DISCARDED)
			continue;
		event = decode_event(watch->subscribe.device, record,
				     tandem_record_cpu(watch->sub));
		if (!event || !add_place(watch, event, record))
			no_memory();
		print_event(cli, event);
		json_object_put(event);
		watch->shown++;
	}
	return true;
}

static int ended(const struct cli *cli, const struct watch *watch)
{
	const char *device = watch->subscribe.device;

	if (watch->subscribe.options.name)
		return complain(cli, STATUS_NO_DEVICE,
				"The subscription '%s' of '%s' was removed, or the device is gone.",
				watch->subscribe.options.name, device);
	return complain(cli, STATUS_NO_DEVICE, "The device '%s' is gone.", device);
}

/* What waits below the watermark wakes nobody: look so many nanoseconds later. */
#define LOOK_AGAIN	1000000000ULL

static uint64_t look_again(const struct watch *watch, uint64_t deadline)
{
	uint64_t soon = now_ns() + LOOK_AGAIN;

	return watch->subscribe.options.watermark && soon < deadline ? soon : deadline;
}

static int follow(struct cli *cli, struct watch *watch)
{
	uint64_t deadline = watch->timeout ? now_ns() + watch->timeout : FOR_EVER;
	int time_over = watch->count ? STATUS_TIME_OVER : STATUS_OK;

	for (;;) {
		bool durable = watch->subscribe.options.name;
		bool more = show_events(cli, watch);
		int armed;

		/*
		 * A reader that makes this wait must not keep the ring full; but what a durable
		 * subscription lets go of must have been written.
		 */
		if (!durable)
			tandem_release(watch->sub);
		if (!out_flush(cli))
			return STATUS_OK;
		if (durable)
			tandem_release(watch->sub);
		if (watch->count && watch->shown == watch->count)
			return STATUS_OK;
		if (now_ns() >= deadline)
			return time_over;
		if (more)
			continue;

		armed = tandem_arm(watch->sub);
		if (armed == -ENODEV)
			return ended(cli, watch);
		if (armed < 0)
			return complain(cli, STATUS_FAILED,
					"The events of '%s' cannot be read any more: %s.",
					watch->subscribe.device, tandem_strerror(armed));
		if (armed)
			continue;
		switch (out_wait(cli, tandem_subscription_fd(watch->sub),
				 look_again(watch, deadline))) {
		case WAIT_READY:
		case WAIT_TIME_OVER:
			break;
		case WAIT_ENDED:
			return STATUS_OK;
		}
	}
}

static void print_summary(struct cli *cli, const struct watch *watch)
{
	bool overwrites = watch->subscribe.options.overflow == TANDEM_OVERFLOW_OVERWRITE;
	struct tandem_counters counters;
	struct json_object *summary;
	struct json_object *last;

	tandem_subscription_counters(watch->sub, &counters);
	if (!cli->json) {
		fprintf(stderr, "%ju event%s, %ju %s.\n", (uintmax_t)watch->shown,
			watch->shown == 1 ? "" : "s",
			(uintmax_t)(overwrites ? counters.overwritten : counters.lost),
			overwrites ? "overwritten" : "lost");
		return;
	}
	last = new_object();
	summary = new_object();
	put_string(summary, "device", watch->subscribe.device);
	put_int(summary, "events", watch->shown);
	put_int(summary, "lost", counters.lost);
	put_int(summary, "lost_bytes", counters.lost_bytes);
	put_int(summary, "lost_recursion", counters.lost_recursion);
	put_int(summary, "lost_too_big", counters.lost_too_big);
	if (overwrites)
		put_int(summary, "overwritten", counters.overwritten);
	put_object(last, "summary", summary);
	out_json(cli, last);
	json_object_put(last);
}

static int watch_device(struct cli *cli, struct watch *watch)
{
	int status;

	out_catch_signals(cli);
	status = subscribe_open(cli, &watch->subscribe, &watch->sub);
	if (status != STATUS_OK)
		return status;
	status = follow(cli, watch);
	print_summary(cli, watch);
	tandem_unsubscribe(watch->sub);
	return status;
}

static int run_watch(struct cli *cli, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "type", required_argument, NULL, 't' },
		{ "class", required_argument, NULL, 'c' },
		{ "ring-size", required_argument, NULL, 'r' },
		{ "overflow", required_argument, NULL, 'o' },
		{ "watermark", required_argument, NULL, 'w' },
		{ "shared", no_argument, NULL, 'S' },
		{ "no-time", no_argument, NULL, 'N' },
		{ "count", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "durable", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 }
	};
	struct watch watch = { .shown = 0 };
	const char *name = NULL;
	int status;
	int c;

	while ((c = next_option(cli, argc, argv, SUBSCRIBE_SHORTS "n:T:d:", longs)) != -1) {
		bool ok = true;

		if (c == 'n')
			ok = parse_number(cli, "--count", optarg, 1, UINT64_MAX, &watch.count);
		else if (c == 'T')
			ok = parse_seconds(cli, "--timeout", optarg, &watch.timeout);
		else if (c == 'd')
			name = optarg;
		else if (!subscribe_option(&watch.subscribe, c, optarg))
			return option_status(c);
		if (!ok)
			return STATUS_USAGE;
	}
	if (!check_arguments(cli, argc, argv, 1, 1, "DEVICE"))
		return STATUS_USAGE;
	status = subscribe_prepare(cli, &watch.subscribe, argv[optind], name);
	/* What was written alone is released, so that a crash costs nothing. */
	watch.subscribe.options.manual_release =
		name && watch.subscribe.options.overflow != TANDEM_OVERFLOW_OVERWRITE;
	if (status == STATUS_OK)
		status = watch_device(cli, &watch);
	subscribe_free(&watch.subscribe);
	return status;
}

const struct command command_watch = {
	.name = "watch",
	.usage = "DEVICE [--type TYPE[,TYPE]...] [--class CLASS[,CLASS]...] [--count N]\n"
		 "DEVICE ... [--timeout SECONDS] [--durable NAME] [--ring-size BYTES]\n"
		 "DEVICE ... [--shared] [--no-time] [--watermark BYTES] [--overflow POLICY]",
	.summary = "print events as they arrive",
	.help =
	"Subscribes to the events of DEVICE and prints each on a line: time, CPU, type, class, and\n"
	"what it says. Events of the device \"process\" are decoded, others shown in hex. At the\n"
	"end (Ctrl-C, --count, --timeout) it says how many were lost, on standard error.\n"
	"\n"
	"Options:\n"
	"  -t, --type TYPE        these types only: numbers, for process fork, exec and exit\n"
	"  -c, --class CLASS      these classes only: bulk, normal, important, critical\n"
	"  -n, --count N          end after so many events\n"
	"  -T, --timeout SECONDS  end after so long; status 5 if --count was not reached\n"
	"  -d, --durable NAME     by a subscription that stays, and goes on gathering; if it is\n"
	"                         there already, with what it has gathered. Options that are not\n"
	"                         given are as it has them\n"
	"  -r, --ring-size BYTES  of each CPU's ring, a power of two from 64K to 64M; 256K\n"
	"  -S, --shared           one ring for all CPUs: events in one strict order\n"
	"  -N, --no-time          events carry no time, which is cheaper\n"
	"  -w, --watermark BYTES  be woken when so much waits in a ring, or after a second\n"
	"  -o, --overflow POLICY  of a full ring: drop the new event; overwrite the oldest; block\n"
	"                         the poster, if it may wait and the device allows it\n"
	"  -j, --json             JSON lines; the last is {\"summary\": ...}\n"
	"  -p, --pretty           the same, indented\n"
	"\n"
	"Examples:\n"
	"  tandemctl watch process --type exec\n"
	"  tandemctl watch process -t exit --durable exits\n"
	"  tandemctl watch process -t exit -j | jq 'select(.signal == 11) | .comm'",
	.run = run_watch,
};
