// SPDX-License-Identifier: GPL-2.0
/* subscription: list, show, make and remove subscriptions; read flight recorders. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem.h>

#include "cli.h"

static int by_number(const void *a, const void *b)
{
	uint64_t x = get_int(*(struct json_object *const *)a, "subscription_id");
	uint64_t y = get_int(*(struct json_object *const *)b, "subscription_id");

	return x < y ? -1 : x > y;
}

static int run_list(struct cli *cli, int argc, char **argv)
{
	struct json_object *all;
	int status;
	int c = next_option(cli, argc, argv, "", NULL);

	if (c != -1)
		return option_status(c);
	if (!check_arguments(cli, argc, argv, 0, 1, "DEVICE"))
		return STATUS_USAGE;
	status = fetch_subscriptions(cli, optind < argc ? device_name(argv[optind]) : NULL, &all);
	if (status == STATUS_OK) {
		json_object_array_sort(all, by_number);
		if (cli->json)
			out_json(cli, all);
		else
			print_subscriptions(cli, all, true);
	}
	json_object_put(all);
	return status;
}

static int run_show(struct cli *cli, int argc, char **argv)
{
	struct json_object *all;
	struct json_object *one;
	const char *device;
	const char *name;
	int status;
	int c = next_option(cli, argc, argv, "", NULL);

	if (c != -1)
		return option_status(c);
	if (!check_arguments(cli, argc, argv, 2, 2, "DEVICE NAME"))
		return STATUS_USAGE;
	device = device_name(argv[optind]);
	name = argv[optind + 1];
	status = fetch_subscriptions(cli, device, &all);
	one = find_subscription(all, name);
	if (status == STATUS_OK && !one)
		status = subscription_failed(cli, device, name, -ENOENT);
	if (status == STATUS_OK && cli->json) {
		out_json(cli, one);
	} else if (status == STATUS_OK) {
		struct json_object_iterator it = json_object_iter_begin(one);
		struct json_object_iterator end = json_object_iter_end(one);

		for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
			char *text = value_text(json_object_iter_peek_value(&it), false);

			out_text(cli, "%-16s %s\n", json_object_iter_peek_name(&it), text);
			free(text);
		}
	}
	json_object_put(all);
	return status;
}

static void print_done(struct cli *cli, const char *device, const char *name, const char *key,
		       bool value)
{
	struct json_object *result = new_object();

	put_string(result, "device", device);
	put_string(result, "name", name);
	put_bool(result, key, value);
	out_json(cli, result);
	json_object_put(result);
}

static int run_create(struct cli *cli, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "type", required_argument, NULL, 't' },
		{ "class", required_argument, NULL, 'c' },
		{ "ring-size", required_argument, NULL, 'r' },
		{ "overflow", required_argument, NULL, 'o' },
		{ "watermark", required_argument, NULL, 'w' },
		{ "shared", no_argument, NULL, 'S' },
		{ "no-time", no_argument, NULL, 'N' },
		{ NULL, 0, NULL, 0 }
	};
	struct subscribe subscribe = { .device = NULL };
	struct tandem_subscription *sub;
	int status;
	int c;

	while ((c = next_option(cli, argc, argv, SUBSCRIBE_SHORTS, longs)) != -1)
		if (!subscribe_option(&subscribe, c, optarg))
			return option_status(c);
	if (!check_arguments(cli, argc, argv, 2, 2, "DEVICE NAME"))
		return STATUS_USAGE;
	status = subscribe_prepare(cli, &subscribe, argv[optind], argv[optind + 1]);
	if (status == STATUS_OK)
		status = subscribe_open(cli, &subscribe, &sub);
	if (status == STATUS_OK) {
		if (cli->json)
			print_done(cli, subscribe.device, subscribe.options.name, "created",
				   !tandem_subscription_attached(sub));
		tandem_unsubscribe(sub);
	}
	subscribe_free(&subscribe);
	return status;
}

static int run_rm(struct cli *cli, int argc, char **argv)
{
	const char *device;
	const char *name;
	int fd;
	int ret;
	int c = next_option(cli, argc, argv, "", NULL);

	if (c != -1)
		return option_status(c);
	if (!check_arguments(cli, argc, argv, 2, 2, "DEVICE NAME"))
		return STATUS_USAGE;
	device = device_name(argv[optind]);
	name = argv[optind + 1];
	fd = tandem_open(argv[optind], O_RDONLY);
	if (fd < 0)
		return open_failed(cli, argv[optind], O_RDONLY, fd);
	ret = tandem_subscription_remove(fd, name);
	close(fd);
	if (ret)
		return subscription_failed(cli, device, name, ret);
	if (cli->json)
		print_done(cli, device, name, "removed", true);
	return STATUS_OK;
}

/**
 * struct snapshot - for print_record()
 * @cli: of this run
 * @device: the device's name
 */
struct snapshot {
	struct cli *cli;
	const char *device;
};

static int print_record(struct tandem_subscription *sub, const struct tandem_record *record,
			void *arg)
{
	struct snapshot *snapshot = arg;
	struct json_object *event;

	if (record->type_flags & TANDEM_RECORD_DISCARDED)
		return 0;
	event = decode_event(snapshot->device, record, tandem_record_cpu(sub));
	if (!event)
		no_memory();
	print_event(snapshot->cli, event);
	json_object_put(event);
	return 0;
}

/* Return: enum status. */
static int may_snapshot(const struct cli *cli, const struct subscribe *subscribe)
{
	/* To look must not make one. */
	if (!subscribe->exists)
		return subscription_failed(cli, subscribe->device, subscribe->options.name,
					   -ENOENT);
	if (subscribe->options.overflow != TANDEM_OVERFLOW_OVERWRITE)
		return complain(cli, STATUS_FAILED,
				"The subscription '%s' of '%s' is no flight recorder: it was made without --overflow overwrite.",
				subscribe->options.name, subscribe->device);
	return STATUS_OK;
}

static int run_snapshot(struct cli *cli, int argc, char **argv)
{
	struct subscribe subscribe = { .device = NULL };
	struct tandem_subscription *sub;
	struct snapshot snapshot = { .cli = cli };
	int status;
	int ret;
	int c = next_option(cli, argc, argv, "", NULL);

	if (c != -1)
		return option_status(c);
	if (!check_arguments(cli, argc, argv, 2, 2, "DEVICE NAME"))
		return STATUS_USAGE;
	status = subscribe_prepare(cli, &subscribe, argv[optind], argv[optind + 1]);
	if (status == STATUS_OK)
		status = may_snapshot(cli, &subscribe);
	if (status == STATUS_OK)
		status = subscribe_open(cli, &subscribe, &sub);
	if (status == STATUS_OK) {
		snapshot.device = subscribe.device;
		ret = tandem_snapshot(sub, print_record, &snapshot);
		if (ret < 0)
			status = subscription_failed(cli, subscribe.device,
						     subscribe.options.name, ret);
		tandem_unsubscribe(sub);
	}
	subscribe_free(&subscribe);
	return status;
}

static const struct verb {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv);
} verbs[] = {
	{ "list", run_list },
	{ "show", run_show },
	{ "create", run_create },
	{ "rm", run_rm },
	{ "snapshot", run_snapshot },
};

static int run_subscription(struct cli *cli, int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name || *name == '-') {
		int c = next_option(cli, argc, argv, "", NULL);

		if (c != -1)
			return option_status(c);
		return complain_usage(cli, "Say what to do: list, show, create, rm or snapshot.");
	}
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return verbs[i].run(cli, argc - 1, argv + 1);
	return complain_usage(cli, "'%s' is none of list, show, create, rm and snapshot.", name);
}

const struct command command_subscription = {
	.name = "subscription",
	.usage = "list [DEVICE]\n"
		 "show DEVICE NAME\n"
		 "create DEVICE NAME [--type TYPE[,TYPE]...] [--class CLASS[,CLASS]...]\n"
		 "create ... [--ring-size BYTES] [--shared] [--no-time]\n"
		 "create ... [--watermark BYTES] [--overflow POLICY]\n"
		 "rm DEVICE NAME\n"
		 "snapshot DEVICE NAME",
	.summary = "list, make and remove subscriptions that stay",
	.help =
	"Lists all subscriptions, or those of DEVICE, with who is attached and what they took and\n"
	"lost. A durable one has a name, stays when its consumer ends, and goes on gathering: make\n"
	"it here or with 'tandemctl watch --durable', consume it with the latter, and remove it\n"
	"with rm. One that overwrites is a flight recorder: snapshot prints what it holds, and\n"
	"takes nothing out.\n"
	"\n"
	"Options of create, as those of 'tandemctl watch':\n"
	"  -t, --type TYPE        these types only\n"
	"  -c, --class CLASS      these classes only\n"
	"  -r, --ring-size BYTES  of each CPU's ring, a power of two from 64K to 64M; 256K\n"
	"  -S, --shared           one ring for all CPUs\n"
	"  -N, --no-time          events carry no time\n"
	"  -w, --watermark BYTES  a consumer is woken when so much waits in a ring\n"
	"  -o, --overflow POLICY  drop, overwrite or block\n"
	"\n"
	"Of all:\n"
	"  -j, --json             list: an array; show, create, rm: an object; snapshot: JSON lines\n"
	"  -p, --pretty           the same, indented\n"
	"\n"
	"Example: the last events before something went wrong\n"
	"  tandemctl subscription create process recorder --overflow overwrite --ring-size 1M\n"
	"  tandemctl subscription snapshot process recorder",
	.run = run_subscription,
};
