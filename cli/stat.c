// SPDX-License-Identifier: GPL-2.0
/* stat: counters of the devices, and how fast they grow. */

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "cli.h"

/* Counters of a subscription that are summed for its device. */
static const char *const summed[] = {
	"accepted", "lost", "lost_bytes", "pending_bytes", "wakeups", "memory",
};

/* Those that grow, and whose rates are shown. */
static const char *const growing[] = {
	"accepted", "lost", "wakeups",
};

static const char *const rate_keys[] = {
	"accepted_rate", "lost_rate", "wakeups_rate",
};

static const struct column total_columns[] = {
	{ "DEVICE", "device", false },
	{ "SUBSCRIPTIONS", "subscriptions", true },
	{ "POSTED", "posted", true },
	{ "ACCEPTED", "accepted", true },
	{ "LOST", "lost", true },
	{ "LOST BYTES", "lost_bytes", true },
	{ "PENDING", "pending_bytes", true },
	{ "WAKEUPS", "wakeups", true },
	{ "MEMORY", "memory", true },
};

static const struct column rate_columns[] = {
	{ "DEVICE", "device", false },
	{ "SUBSCRIPTIONS", "subscriptions", true },
	{ "POSTED/s", "posted_rate", true },
	{ "ACCEPTED/s", "accepted_rate", true },
	{ "LOST/s", "lost_rate", true },
	{ "WAKEUPS/s", "wakeups_rate", true },
	{ "PENDING", "pending_bytes", true },
};

/**
 * struct sample - the counters at one time
 * @time: when
 * @devices: array
 * @subscriptions: array, of all these devices
 */
struct sample {
	uint64_t time;
	struct json_object *devices;
	struct json_object *subscriptions;
};

static void free_sample(struct sample *sample)
{
	json_object_put(sample->devices);
	json_object_put(sample->subscriptions);
}

static int take_sample(struct netlink *nl, const char *device, struct sample *sample)
{
	int ret;

	sample->devices = new_array();
	sample->subscriptions = new_array();
	ret = device ? netlink_get(nl, TANDEM_CMD_DEVICE_GET, device, sample->devices) :
		       netlink_dump(nl, TANDEM_CMD_DEVICE_GET, NULL, sample->devices);
	if (!ret)
		ret = netlink_dump(nl, TANDEM_CMD_SUBSCRIPTION_GET, device, sample->subscriptions);
	sample->time = now_ns();
	sort_devices(sample->devices);
	if (ret)
		free_sample(sample);
	return ret;
}

static struct json_object *find(struct json_object *array, const char *key, uint64_t id)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *object = json_object_array_get_idx(array, i);

		if (get_int(object, key) == id)
			return object;
	}
	return NULL;
}

static bool is_of(struct json_object *subscription, struct json_object *device)
{
	return !strcmp(get_string(subscription, "device") ?: "",
		       get_string(device, "device") ?: "");
}

static void add_totals(struct json_object *row, struct json_object *device,
		       const struct sample *sample)
{
	uint64_t sums[ARRAY_SIZE(summed)] = { 0 };

	for (size_t i = 0; i < json_object_array_length(sample->subscriptions); i++) {
		struct json_object *one = json_object_array_get_idx(sample->subscriptions, i);

		for (size_t j = 0; is_of(one, device) && j < ARRAY_SIZE(summed); j++)
			sums[j] += get_int(one, summed[j]);
	}
	for (size_t j = 0; j < ARRAY_SIZE(summed); j++)
		put_int(row, summed[j], sums[j]);
}

static uint64_t growth(struct json_object *now, struct json_object *before, const char *key)
{
	return get_int(now, key) - (before ? get_int(before, key) : 0);
}

/*
 * By subscription, not by sums: when one ends, the sum of those that stay falls. What one lost
 * between the last sample and its end is not known.
 */
static void add_rates(struct json_object *row, struct json_object *device,
		      const struct sample *sample, const struct sample *before)
{
	double seconds = (double)(sample->time - before->time) / 1e9;
	uint64_t sums[ARRAY_SIZE(growing)] = { 0 };
	struct json_object *old = find(before->devices, "device_id", get_int(device, "device_id"));

	for (size_t i = 0; i < json_object_array_length(sample->subscriptions); i++) {
		struct json_object *one = json_object_array_get_idx(sample->subscriptions, i);
		struct json_object *was = find(before->subscriptions, "subscription_id",
					       get_int(one, "subscription_id"));

		for (size_t j = 0; is_of(one, device) && j < ARRAY_SIZE(growing); j++)
			sums[j] += growth(one, was, growing[j]);
	}
	put_double(row, "interval", seconds);
	put_double(row, "posted_rate", (double)growth(device, old, "posted") / seconds);
	for (size_t j = 0; j < ARRAY_SIZE(growing); j++)
		put_double(row, rate_keys[j], (double)sums[j] / seconds);
}

static struct json_object *make_rows(const struct sample *sample, const struct sample *before)
{
	struct json_object *rows = new_array();

	for (size_t i = 0; i < json_object_array_length(sample->devices); i++) {
		struct json_object *device = json_object_array_get_idx(sample->devices, i);
		struct json_object *row = new_object();

		put_string(row, "device", get_string(device, "device") ?: "");
		put_int(row, "time", sample->time);
		put_int(row, "subscriptions", get_int(device, "subscriptions"));
		put_int(row, "posted", get_int(device, "posted"));
		add_totals(row, device, sample);
		if (before)
			add_rates(row, device, sample, before);
		put_element(rows, row);
	}
	return rows;
}

static void print_sample(struct cli *cli, const struct sample *sample, const struct sample *before)
{
	struct json_object *rows = make_rows(sample, before);

	if (!cli->json && before)
		print_table(cli, rate_columns, ARRAY_SIZE(rate_columns), rows);
	else if (!cli->json)
		print_table(cli, total_columns, ARRAY_SIZE(total_columns), rows);
	else if (!before)
		out_json(cli, rows);
	for (size_t i = 0; cli->json && before && i < json_object_array_length(rows); i++)
		out_json(cli, json_object_array_get_idx(rows, i));
	json_object_put(rows);
}

static int live(struct cli *cli, struct netlink *nl, const char *device, uint64_t interval,
		uint64_t count)
{
	struct sample before;
	struct sample sample;
	uint64_t next;
	int ret;

	out_catch_signals(cli);
	ret = take_sample(nl, device, &before);
	if (ret)
		return netlink_failed(cli, device, ret);
	next = before.time;
	for (uint64_t i = 0; !count || i < count; i++) {
		next += interval;
		if (out_wait(cli, -1, next) == WAIT_ENDED)
			break;
		ret = take_sample(nl, device, &sample);
		if (ret) {
			free_sample(&before);
			return netlink_failed(cli, device, ret);
		}
		if (i && !cli->json)
			out_text(cli, "\n");
		print_sample(cli, &sample, &before);
		free_sample(&before);
		before = sample;
		/* After a pause, no burst of samples to catch up. */
		if (next + interval < sample.time)
			next = sample.time;
	}
	free_sample(&before);
	return STATUS_OK;
}

static int once(struct cli *cli, struct netlink *nl, const char *device)
{
	struct sample sample;
	int ret = take_sample(nl, device, &sample);

	if (ret)
		return netlink_failed(cli, device, ret);
	print_sample(cli, &sample, NULL);
	free_sample(&sample);
	return STATUS_OK;
}

static int run_stat(struct cli *cli, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 }
	};
	const char *device = NULL;
	uint64_t interval = 0;
	uint64_t count = 0;
	struct netlink *nl;
	int status;
	int c;

	while ((c = next_option(cli, argc, argv, "i:n:", longs)) != -1) {
		if (c == 'i') {
			if (!parse_seconds(cli, "--interval", optarg, &interval))
				return STATUS_USAGE;
		} else if (c == 'n') {
			if (!parse_number(cli, "--count", optarg, 1, UINT64_MAX, &count))
				return STATUS_USAGE;
		} else {
			return option_status(c);
		}
	}
	if (!check_arguments(cli, argc, argv, 0, 1, "DEVICE"))
		return STATUS_USAGE;
	if (optind < argc)
		device = device_name(argv[optind]);
	if (count && !interval)
		interval = 1000000000;

	nl = netlink_open(cli, &status);
	if (!nl)
		return status;
	status = interval ? live(cli, nl, device, interval, count) : once(cli, nl, device);
	netlink_close(nl);
	return status;
}

const struct command command_stat = {
	.name = "stat",
	.usage = "[-i SECONDS] [-n COUNT] [DEVICE]",
	.summary = "show counters, once or as rates",
	.help =
	"Shows the counters of all devices, or of DEVICE: events posted while somebody\n"
	"listened, records that the rings of all its subscriptions took and lost, bytes that\n"
	"wait to be read, and wake-ups of readers. With an interval it goes on showing how much\n"
	"each grew a second, until COUNT or Ctrl-C.\n"
	"\n"
	"Options:\n"
	"  -i, --interval SECONDS  show rates, every so often (0.5 is fine)\n"
	"  -n, --count COUNT       so many times; without -i, every second\n"
	"  -j, --json              an array; with an interval, a line for each device\n"
	"  -p, --pretty            the same, indented\n"
	"\n"
	"Example: does anybody lose events right now?\n"
	"  tandemctl stat -i 1",
	.run = run_stat,
};
