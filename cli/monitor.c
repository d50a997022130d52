// SPDX-License-Identifier: GPL-2.0
/* monitor: changes as they happen. */

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include <tandem.h>

#include "cli.h"

static void print_time(struct cli *cli, uint64_t time)
{
	out_text(cli, "%ju.%06ju ", (uintmax_t)(time / 1000000000),
		 (uintmax_t)(time / 1000 % 1000000));
}

static void print_change(struct cli *cli, struct json_object *change)
{
	struct json_object_iterator it = json_object_iter_begin(change);
	struct json_object_iterator end = json_object_iter_end(change);
	uint64_t time = now_ns();

	if (cli->json) {
		put_int(change, "time", time);
		out_json(cli, change);
		return;
	}
	print_time(cli, time);
	out_text(cli, "%s", get_string(change, "change") ?: "unknown");
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *key = json_object_iter_peek_name(&it);
		struct json_object *value = json_object_iter_peek_value(&it);
		char *text;

		if (!strcmp(key, "change") || json_object_is_type(value, json_type_object))
			continue;
		text = value_text(value, !strcmp(key, "comm"));
		out_text(cli, " %s=%s", key, text);
		free(text);
	}
	out_text(cli, "\n");
}

static void print_missed(struct cli *cli)
{
	struct json_object *change = new_object();

	put_string(change, "change", "missed");
	print_change(cli, change);
	json_object_put(change);
}

/* How many changes there were, or -errno. */
static int print_changes(struct cli *cli, struct netlink *nl, uint64_t max)
{
	struct json_object *changes = new_array();
	int ret = netlink_receive(nl, changes);
	int count = 0;

	if (ret == -ENOBUFS) {
		print_missed(cli);
		ret = 0;
	}
	for (size_t i = 0; i < json_object_array_length(changes) && (uint64_t)count < max; i++) {
		print_change(cli, json_object_array_get_idx(changes, i));
		count++;
	}
	json_object_put(changes);
	return ret ?: count;
}

static int monitor(struct cli *cli, struct netlink *nl, uint64_t count, uint64_t deadline)
{
	uint64_t left = count;
	int ret = netlink_join(nl);

	if (ret)
		return complain(cli, STATUS_NO_KERNEL, "The kernel does not tell of changes: %s.",
				tandem_strerror(ret));
	out_catch_signals(cli);
	while (left) {
		switch (out_wait(cli, netlink_fd(nl), deadline)) {
		case WAIT_READY:
			break;
		case WAIT_TIME_OVER:
			return count == UINT64_MAX ? STATUS_OK : STATUS_TIME_OVER;
		case WAIT_ENDED:
			return STATUS_OK;
		}
		ret = print_changes(cli, nl, left);
		if (ret < 0 && ret != -EINTR)
			return complain(cli, STATUS_FAILED, "The changes cannot be read: %s.",
					tandem_strerror(ret));
		if (ret > 0 && count != UINT64_MAX)
			left -= (uint64_t)ret;
	}
	return STATUS_OK;
}

static int run_monitor(struct cli *cli, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 }
	};
	uint64_t count = UINT64_MAX;
	uint64_t timeout = 0;
	struct netlink *nl;
	int status;
	int c;

	while ((c = next_option(cli, argc, argv, "n:t:", longs)) != -1) {
		if (c == 'n') {
			if (!parse_number(cli, "--count", optarg, 1, UINT64_MAX - 1, &count))
				return STATUS_USAGE;
		} else if (c == 't') {
			if (!parse_seconds(cli, "--timeout", optarg, &timeout))
				return STATUS_USAGE;
		} else {
			return option_status(c);
		}
	}
	if (!check_arguments(cli, argc, argv, 0, 0, ""))
		return STATUS_USAGE;

	nl = netlink_open(cli, &status);
	if (!nl)
		return status;
	status = monitor(cli, nl, count, timeout ? now_ns() + timeout : FOR_EVER);
	netlink_close(nl);
	return status;
}

const struct command command_monitor = {
	.name = "monitor",
	.usage = "[-n COUNT] [-t SECONDS]",
	.summary = "show changes as they happen",
	.help =
	"Shows a line for each change: device_added, device_removed, server_bound, server_gone,\n"
	"subscription_added, subscription_removed, subscription_attached and _detached (a consumer\n"
	"of a durable one came or left), overflow (a subscription has lost records; at most once a\n"
	"second for each) and corrupt (a subscription was stopped). \"missed\" says that changes\n"
	"came faster than they could be read. Ends by Ctrl-C.\n"
	"\n"
	"Options:\n"
	"  -n, --count COUNT      end after so many changes\n"
	"  -t, --timeout SECONDS  end after so long; status 5 if COUNT was not reached\n"
	"  -j, --json             JSON lines, with the same fields as list and show\n"
	"  -p, --pretty           the same, indented\n"
	"\n"
	"Example: tell when a reader begins to lose events\n"
	"  tandemctl monitor -j | jq --unbuffered 'select(.change == \"overflow\")'",
	.run = run_monitor,
};
