// SPDX-License-Identifier: GPL-2.0
/* watch: events as they arrive. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem.h>

#include "cli.h"

/* Events between two looks at signals and the clock. */
#define BATCH	256

/**
 * struct watch - what is watched
 * @node: the device as given
 * @device: its name
 * @options: for the subscription
 * @types: memory of the types
 * @sub: the subscription
 * @count: events to show; 0: no end
 * @timeout: nanoseconds; 0: none
 * @shown: events shown
 */
struct watch {
	const char *node;
	const char *device;
	struct tandem_subscribe_options options;
	uint16_t *types;
	struct tandem_subscription *sub;
	uint64_t count;
	uint64_t timeout;
	uint64_t shown;
};

/* The next piece of a list with commas, the caller's to free; NULL at the end. */
static char *next_piece(const char **list)
{
	const char *end;
	char *piece;

	if (!*list)
		return NULL;
	end = strchrnul(*list, ',');
	piece = strndup(*list, (size_t)(end - *list));
	if (!piece)
		no_memory();
	*list = *end ? end + 1 : NULL;
	return piece;
}

static bool unknown_type(const struct cli *cli, const char *device, const char *piece)
{
	char names[256] = "";
	size_t fill = 0;

	for (unsigned int type = 0; type < TANDEM_TYPES && fill < sizeof(names); type++) {
		const char *name = decode_type_name(device, type);

		if (name)
			fill += (size_t)snprintf(names + fill, sizeof(names) - fill, ", %s", name);
	}
	if (fill)
		complain_usage(cli,
			       "--type: '%s' is no type of '%s': give a number from 0 to %d, or one of%s.",
			       piece, device, TANDEM_TYPES - 1, names + 1);
	else
		complain_usage(cli, "--type: '%s' is not a number from 0 to %d.", piece,
			       TANDEM_TYPES - 1);
	return false;
}

static bool parse_types(const struct cli *cli, struct watch *watch, const char *list)
{
	char *piece;

	while ((piece = next_piece(&list))) {
		int type = decode_type_number(watch->device, piece);
		uint64_t number;
		bool known = type >= 0;

		if (!known && read_number(piece, &number) && number < TANDEM_TYPES) {
			type = (int)number;
			known = true;
		}
		if (known && watch->options.types_count < TANDEM_SUBSCRIBE_TYPES_MAX)
			watch->types[watch->options.types_count++] = (uint16_t)type;
		else
			known = unknown_type(cli, watch->device, piece);
		free(piece);
		if (!known)
			return false;
	}
	return true;
}

static bool parse_classes(const struct cli *cli, struct watch *watch, const char *list)
{
	char *piece;

	while ((piece = next_piece(&list))) {
		int number = decode_class_number(piece);
		uint64_t value;

		if (number < 0 && read_number(piece, &value) && value < TANDEM_CLASSES)
			number = (int)value;
		if (number < 0)
			complain_usage(cli,
				       "--class: '%s' is none of bulk, normal, important and critical.",
				       piece);
		else
			watch->options.classes |= 1U << number;
		free(piece);
		if (number < 0)
			return false;
	}
	return true;
}

static bool parse_ring_size(const struct cli *cli, struct watch *watch, const char *text)
{
	uint64_t size;

	if (!parse_size(cli, "--ring-size", text, TANDEM_RING_SIZE_MAX, &size))
		return false;
	if (size < TANDEM_RING_SIZE_MIN || size & (size - 1)) {
		complain_usage(cli, "--ring-size: '%s' is not a power of two from 64K to 64M.",
			       text);
		return false;
	}
	watch->options.ring_size = size;
	return true;
}

/* What the line begins with, or what is of use to programs alone. */
static bool is_shown_before(const char *key)
{
	static const char *const keys[] = {
		"device", "cpu", "type", "event", "class", "time", "start_time",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

static void print_field(struct cli *cli, const char *key, struct json_object *value)
{
	char *text;

	if (is_shown_before(key))
		return;
	if (json_object_is_type(value, json_type_boolean)) {
		if (json_object_get_boolean(value))
			out_text(cli, " %s", key);
		return;
	}
	if (!strcmp(key, "lost_before") && !json_object_get_uint64(value))
		return;
	text = value_text(value, strcmp(key, "data"));
	out_text(cli, " %s=%s", key, text);
	free(text);
}

static void print_event(struct cli *cli, struct json_object *event)
{
	struct json_object_iterator it = json_object_iter_begin(event);
	struct json_object_iterator end = json_object_iter_end(event);
	bool has_data = json_object_object_get(event, "data");
	uint64_t time = get_int(event, "time");

	if (cli->json) {
		out_json(cli, event);
		return;
	}
	out_text(cli, "%ju.%06ju cpu%ju %s %s", (uintmax_t)(time / 1000000000),
		 (uintmax_t)(time / 1000 % 1000000), (uintmax_t)get_int(event, "cpu"),
		 get_string(event, "event") ?: get_string(event, "type"),
		 get_string(event, "class"));
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
		/* The length says something only beside bytes. */
		if (has_data || strcmp(json_object_iter_peek_name(&it), "len"))
			print_field(cli, json_object_iter_peek_name(&it),
				    json_object_iter_peek_value(&it));
	out_text(cli, "\n");
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
		event = decode_event(watch->device, record, tandem_record_cpu(watch->sub));
		if (!event)
			no_memory();
		print_event(cli, event);
		json_object_put(event);
		watch->shown++;
	}
	return true;
}

static int follow(struct cli *cli, struct watch *watch)
{
	uint64_t deadline = watch->timeout ? now_ns() + watch->timeout : FOR_EVER;
	int time_over = watch->count ? STATUS_TIME_OVER : STATUS_OK;

	for (;;) {
		bool more = show_events(cli, watch);
		int armed;

		/* A reader that makes this wait must not keep the ring full. */
		tandem_release(watch->sub);
		if (!out_flush(cli) || (watch->count && watch->shown == watch->count))
			return STATUS_OK;
		if (now_ns() >= deadline)
			return time_over;
		if (more)
			continue;

		armed = tandem_arm(watch->sub);
		if (armed == -ENODEV)
			return complain(cli, STATUS_NO_DEVICE, "The device '%s' is gone.",
					watch->device);
		if (armed < 0)
			return complain(cli, STATUS_FAILED,
					"The events of '%s' cannot be read any more: %s.",
					watch->device, tandem_strerror(armed));
		if (armed)
			continue;
		switch (out_wait(cli, tandem_subscription_fd(watch->sub), deadline)) {
		case WAIT_READY:
			break;
		case WAIT_TIME_OVER:
			return time_over;
		case WAIT_ENDED:
			return STATUS_OK;
		}
	}
}

static void print_summary(struct cli *cli, const struct watch *watch)
{
	struct tandem_counters counters;
	struct json_object *summary;
	struct json_object *last;

	tandem_subscription_counters(watch->sub, &counters);
	if (!cli->json) {
		fprintf(stderr, "%ju event%s, %ju lost.\n", (uintmax_t)watch->shown,
			watch->shown == 1 ? "" : "s", (uintmax_t)counters.lost);
		return;
	}
	last = new_object();
	summary = new_object();
	put_string(summary, "device", watch->device);
	put_int(summary, "events", watch->shown);
	put_int(summary, "lost", counters.lost);
	put_int(summary, "lost_bytes", counters.lost_bytes);
	put_int(summary, "lost_recursion", counters.lost_recursion);
	put_int(summary, "lost_too_big", counters.lost_too_big);
	put_object(last, "summary", summary);
	out_json(cli, last);
	json_object_put(last);
}

static int watch_device(struct cli *cli, struct watch *watch)
{
	int fd = tandem_open(watch->node, O_RDONLY);
	int status;
	int ret;

	if (fd < 0)
		return open_failed(cli, watch->node, O_RDONLY, fd);
	out_catch_signals(cli);
	ret = tandem_subscribe(&watch->sub, fd, &watch->options);
	close(fd);
	if (ret)
		return subscribe_failed(cli, watch->node, ret);
	status = follow(cli, watch);
	print_summary(cli, watch);
	tandem_unsubscribe(watch->sub);
	return status;
}

static int parse_watch(struct cli *cli, int argc, char **argv, struct watch *watch)
{
	static const struct option longs[] = {
		{ "type", required_argument, NULL, 't' },
		{ "class", required_argument, NULL, 'c' },
		{ "count", required_argument, NULL, 'n' },
		{ "ring-size", required_argument, NULL, 'r' },
		{ "timeout", required_argument, NULL, 'T' },
		{ NULL, 0, NULL, 0 }
	};
	const char *types = NULL;
	int c;

	while ((c = next_option(cli, argc, argv, "t:c:n:r:T:", longs)) != -1) {
		bool ok = true;

		switch (c) {
		case 't':
			types = optarg;
			break;
		case 'c':
			ok = parse_classes(cli, watch, optarg);
			break;
		case 'n':
			ok = parse_number(cli, "--count", optarg, 1, UINT64_MAX, &watch->count);
			break;
		case 'r':
			ok = parse_ring_size(cli, watch, optarg);
			break;
		case 'T':
			ok = parse_seconds(cli, "--timeout", optarg, &watch->timeout);
			break;
		default:
			return option_status(c);
		}
		if (!ok)
			return STATUS_USAGE;
	}
	if (!check_arguments(cli, argc, argv, 1, 1, "DEVICE"))
		return STATUS_USAGE;
	watch->node = argv[optind];
	watch->device = device_name(watch->node);
	/* The names of types depend on the device, which is known only now. */
	if (types) {
		watch->options.types = watch->types;
		if (!parse_types(cli, watch, types))
			return STATUS_USAGE;
	}
	return watch_device(cli, watch);
}

static int run_watch(struct cli *cli, int argc, char **argv)
{
	struct watch watch = { .shown = 0 };
	int status;

	watch.types = calloc(TANDEM_SUBSCRIBE_TYPES_MAX, sizeof(*watch.types));
	if (!watch.types)
		no_memory();
	status = parse_watch(cli, argc, argv, &watch);
	free(watch.types);
	return status;
}

const struct command command_watch = {
	.name = "watch",
	.usage = "DEVICE [--type TYPE[,TYPE]...] [--class CLASS[,CLASS]...] [--count N]\n"
		 "DEVICE ... [--ring-size BYTES] [--timeout SECONDS]",
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
	"  -r, --ring-size BYTES  of each CPU's ring, a power of two from 64K to 64M; 256K\n"
	"  -T, --timeout SECONDS  end after so long; status 5 if --count was not reached\n"
	"  -j, --json             JSON lines; the last is {\"summary\": ...}\n"
	"  -p, --pretty           the same, indented\n"
	"\n"
	"Examples:\n"
	"  tandemctl watch process --type exec\n"
	"  tandemctl watch process -t exit -j | jq 'select(.signal == 11) | .comm'",
	.run = run_watch,
};
