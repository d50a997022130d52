// SPDX-License-Identifier: GPL-2.0
/* list and show: devices, with their servers and subscriptions. */

#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct column list_columns[] = {
	{ "DEVICE", "device", false },
	{ "KIND", "kind", false },
	{ "MODULE", "module", false },
	{ "NODE", "node", true },
	{ "MODE", "mode", false },
	{ "OWNER", "owner", false },
	{ "EVENTS", "events_mode", false },
	{ "FILES", "open_files", true },
	{ "SUBSCRIPTIONS", "subscriptions", true },
	{ "POSTED", "posted", true },
};

static const struct column subscription_columns[] = {
	{ "DEVICE", "device", false },
	{ "ID", "subscription_id", true },
	{ "NAME", "name", false },
	{ "PID", "pid", true },
	{ "COMM", "comm", false },
	{ "UID", "uid", true },
	{ "ATTACHED", "attached", false },
	{ "STATE", "state", false },
	{ "OVERFLOW", "overflow", false },
	{ "FLAGS", "flags", false },
	{ "RINGS", "rings", true },
	{ "SIZE", "ring_size", true },
	{ "ACCEPTED", "accepted", true },
	{ "LOST", "lost", true },
	{ "OVERWRITTEN", "overwritten", true },
	{ "PENDING", "pending_bytes", true },
	{ "WAKEUPS", "wakeups", true },
	{ "MEMORY", "memory", true },
	{ "CLASSES", "classes", false },
	{ "TYPES", "types", false },
};

/* Adds what people like to see: MAJOR:MINOR and names for numbers. */
static void add_names(struct json_object *device)
{
	const struct passwd *user = getpwuid((uid_t)get_int(device, "node_uid"));
	const struct group *group = getgrgid((gid_t)get_int(device, "node_gid"));
	char text[128];

	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)get_int(device, "major"),
		 (uintmax_t)get_int(device, "minor"));
	put_string(device, "node", text);
	snprintf(text, sizeof(text), "%s:%s", user ? user->pw_name : get_string(device, "node_uid"),
		 group ? group->gr_name : get_string(device, "node_gid"));
	put_string(device, "owner", text);
}

static int by_device(const void *a, const void *b)
{
	struct json_object *const *x = a;
	struct json_object *const *y = b;

	return strcmp(get_string(*x, "device") ?: "", get_string(*y, "device") ?: "");
}

void sort_devices(struct json_object *devices)
{
	json_object_array_sort(devices, by_device);
}

static int run_list(struct cli *cli, int argc, char **argv)
{
	struct json_object *devices;
	struct netlink *nl;
	int status;
	int ret;
	int c = next_option(cli, argc, argv, "", NULL);

	if (c != -1)
		return option_status(c);
	if (!check_arguments(cli, argc, argv, 0, 0, ""))
		return STATUS_USAGE;
	nl = netlink_open(cli, &status);
	if (!nl)
		return status;

	devices = new_array();
	ret = netlink_dump(nl, TANDEM_CMD_DEVICE_GET, NULL, devices);
	if (ret) {
		status = netlink_failed(cli, NULL, ret);
		goto out;
	}
	sort_devices(devices);
	if (cli->json) {
		out_json(cli, devices);
	} else {
		for (size_t i = 0; i < json_object_array_length(devices); i++)
			add_names(json_object_array_get_idx(devices, i));
		print_table(cli, list_columns, ARRAY_SIZE(list_columns), devices);
	}
	status = STATUS_OK;
out:
	json_object_put(devices);
	netlink_close(nl);
	return status;
}

const struct command command_list = {
	.name = "list",
	.usage = "[--json]",
	.summary = "list the devices",
	.help =
	"Lists the devices: who made them (a kernel half or a server), the module, the\n"
	"node's numbers, mode and owner, who may read the events, how many files are open,\n"
	"how many subscriptions there are, and how many events were posted.\n"
	"\n"
	"Options:\n"
	"  -j, --json     an array of objects\n"
	"  -p, --pretty   the same, indented\n"
	"\n"
	"Example: the devices that somebody listens to\n"
	"  tandemctl list -j | jq -r '.[] | select(.subscriptions > 0).device'",
	.run = run_list,
};

static const struct line {
	const char *title;
	const char *key;
} device_lines[] = {
	{ "Device", "device" },
	{ "Kind", "kind" },
	{ "Module", "module" },
	{ "Node", "node" },
	{ "Mode", "mode" },
	{ "Owner", "owner" },
	{ "Events mode", "events_mode" },
	{ "Open files", "open_files" },
	{ "Posted", "posted" },
};

static void print_server(struct cli *cli, struct json_object *server)
{
	char *comm;

	if (!server) {
		out_text(cli, "%-14s none\n", "Server:");
		return;
	}
	comm = value_text(json_object_object_get(server, "comm"), false);
	out_text(cli, "%-14s %s, pid %ju, uid %ju, generation %ju\n", "Server:", comm,
		 (uintmax_t)get_int(server, "pid"), (uintmax_t)get_int(server, "uid"),
		 (uintmax_t)get_int(server, "generation"));
	free(comm);
}

void print_subscriptions(struct cli *cli, struct json_object *subscribers, bool device)
{
	for (size_t i = 0; i < json_object_array_length(subscribers); i++) {
		struct json_object *one = json_object_array_get_idx(subscribers, i);

		if (!json_object_object_get(one, "types"))
			put_string(one, "types", "all");
	}
	print_table(cli, subscription_columns + !device,
		    ARRAY_SIZE(subscription_columns) - !device, subscribers);
}

static void print_device(struct cli *cli, struct json_object *device)
{
	struct json_object *subscribers = json_object_object_get(device, "subscribers");

	add_names(device);
	for (size_t i = 0; i < ARRAY_SIZE(device_lines); i++) {
		struct json_object *value = json_object_object_get(device, device_lines[i].key);
		char *text;

		if (!value)
			continue;
		text = value_text(value, false);
		out_text(cli, "%s:%*s%s\n", device_lines[i].title,
			 14 - (int)strlen(device_lines[i].title), "", text);
		free(text);
	}
	print_server(cli, json_object_object_get(device, "server"));
	if (json_object_array_length(subscribers)) {
		out_text(cli, "Subscriptions:\n");
		print_subscriptions(cli, subscribers, false);
	} else {
		out_text(cli, "%-14s none\n", "Subscriptions:");
	}
}

/* Puts "server", an object or null, and "subscribers", an array, into the device. */
static int add_users(struct netlink *nl, struct json_object *device)
{
	const char *name = get_string(device, "device");
	struct json_object *servers = new_array();
	struct json_object *subscribers = new_array();
	int ret;

	put_object(device, "subscribers", subscribers);
	ret = netlink_get(nl, TANDEM_CMD_SERVER_GET, name, servers);
	/* A device that nobody serves. */
	if (ret == -ENOENT)
		ret = 0;
	if (!ret)
		ret = netlink_dump(nl, TANDEM_CMD_SUBSCRIPTION_GET, name, subscribers);
	put_object(device, "server", json_object_get(json_object_array_get_idx(servers, 0)));
	json_object_put(servers);
	return ret;
}

static int run_show(struct cli *cli, int argc, char **argv)
{
	struct json_object *devices;
	struct json_object *device;
	struct netlink *nl;
	const char *name;
	int status;
	int ret;
	int c = next_option(cli, argc, argv, "", NULL);

	if (c != -1)
		return option_status(c);
	if (!check_arguments(cli, argc, argv, 1, 1, "DEVICE"))
		return STATUS_USAGE;
	name = device_name(argv[optind]);
	nl = netlink_open(cli, &status);
	if (!nl)
		return status;

	devices = new_array();
	ret = netlink_get(nl, TANDEM_CMD_DEVICE_GET, name, devices);
	device = json_object_array_get_idx(devices, 0);
	if (!ret && device)
		ret = add_users(nl, device);
	if (ret || !device) {
		status = netlink_failed(cli, name, ret ?: -ENOENT);
	} else {
		if (cli->json)
			out_json(cli, device);
		else
			print_device(cli, device);
		status = STATUS_OK;
	}
	json_object_put(devices);
	netlink_close(nl);
	return status;
}

const struct command command_show = {
	.name = "show",
	.usage = "DEVICE [--json]",
	.summary = "show a device, its server and its subscriptions",
	.help =
	"Shows all that is known about a device, the process that serves it, and each\n"
	"subscription: who reads, its rings, what they took and lost, and what waits in them.\n"
	"\n"
	"Options:\n"
	"  -j, --json     an object, with \"server\" and \"subscribers\"\n"
	"  -p, --pretty   the same, indented\n"
	"\n"
	"Example: how much each reader of process events has lost\n"
	"  tandemctl show process -j | jq '.subscribers[] | {pid, comm, lost}'",
	.run = run_show,
};
