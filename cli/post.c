// SPDX-License-Identifier: GPL-2.0
/* post and remove: a device served from a script. */

#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem.h>

#include "cli.h"

/**
 * struct post - what is posted
 * @device: where
 * @type: of the events
 * @event_class: of the events
 * @create: make the device if it is not there
 * @wait: wait for consumers that want it
 * @timeout: for how many nanoseconds at most
 * @fd: the server
 * @posted: how many events were
 */
struct post {
	const char *device;
	uint64_t type;
	uint64_t event_class;
	bool create;
	bool wait;
	uint64_t timeout;
	int fd;
	uint64_t posted;
};

/* The group that may read devices reads those of scripts too, if this machine has it. */
static int bind_device(const struct post *post, uint32_t *generation)
{
	const struct group *group = getgrnam("tandem");
	struct tandem_bind_options options = {
		.flags = (post->create ? TANDEM_BIND_CREATE : 0) |
			 (post->create && post->wait ? TANDEM_BIND_MAY_BLOCK : 0),
		.mode = 0640,
		.uid = getuid(),
		.gid = group ? group->gr_gid : getgid(),
		.events_mode = 0440,
	};

	return tandem_bind(post->device, &options, generation);
}

static int post_one(const struct cli *cli, struct post *post, const void *data, size_t len)
{
	unsigned int type = (unsigned int)post->type;
	unsigned int event_class = (unsigned int)post->event_class;
	int ret = post->wait ?
		  tandem_post_wait(post->fd, type, event_class, data, len, post->timeout) :
		  tandem_post(post->fd, type, event_class, data, len);

	if (!ret || ret == -ETIMEDOUT)
		post->posted++;
	if (!ret)
		return STATUS_OK;
	if (ret == -ETIMEDOUT)
		return complain(cli, STATUS_TIME_OVER,
				"Event %ju was posted on '%s', but a consumer that was waited for had no room, and lost it.",
				(uintmax_t)post->posted, post->device);
	if (ret == -EMSGSIZE)
		return complain(cli, STATUS_FAILED,
				"Event %ju has %zu bytes; at most %d can be posted.",
				(uintmax_t)post->posted + 1, len, TANDEM_PAYLOAD_MAX);
	return complain(cli, STATUS_FAILED, "Event %ju cannot be posted on '%s': %s.",
			(uintmax_t)post->posted + 1, post->device, tandem_strerror(ret));
}

static int post_lines(const struct cli *cli, struct post *post)
{
	char *line = NULL;
	size_t size = 0;
	int status = STATUS_OK;
	ssize_t len;

	while (status == STATUS_OK && (len = getline(&line, &size, stdin)) >= 0) {
		if (len && line[len - 1] == '\n')
			len--;
		status = post_one(cli, post, line, (size_t)len);
	}
	if (status == STATUS_OK && ferror(stdin))
		status = complain(cli, STATUS_FAILED, "Standard input cannot be read: %s.",
				  strerror(errno));
	free(line);
	return status;
}

static int post_events(struct cli *cli, struct post *post, const struct bytes *data)
{
	uint32_t generation;
	int status;

	post->fd = bind_device(post, &generation);
	if (post->fd < 0)
		return control_failed(cli, post->device, post->fd);
	status = data ? post_one(cli, post, data->data, data->len) : post_lines(cli, post);
	close(post->fd);

	if (cli->json) {
		struct json_object *result = new_object();

		put_string(result, "device", post->device);
		put_int(result, "generation", generation);
		put_int(result, "posted", post->posted);
		out_json(cli, result);
		json_object_put(result);
	}
	return status;
}

static bool parse_class(const struct cli *cli, const char *text, uint64_t *event_class)
{
	int number = decode_class_number(text);

	if (number < 0)
		number = read_number(text, event_class) && *event_class < TANDEM_CLASSES ?
			 (int)*event_class : -1;
	if (number < 0) {
		complain_usage(cli,
			       "--class: '%s' is none of bulk, normal, important and critical.",
			       text);
		return false;
	}
	*event_class = (uint64_t)number;
	return true;
}

static int run_post(struct cli *cli, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "type", required_argument, NULL, 't' },
		{ "class", required_argument, NULL, 'c' },
		{ "in", required_argument, NULL, 'i' },
		{ "lines", no_argument, NULL, 'l' },
		{ "no-create", no_argument, NULL, 'n' },
		{ "wait", optional_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 }
	};
	struct post post = { .event_class = TANDEM_CLASS_NORMAL, .create = true };
	struct bytes data = { .len = 0 };
	const char *text = NULL;
	const char *in = NULL;
	bool lines = false;
	int status = STATUS_USAGE;
	int c;

	while ((c = next_option(cli, argc, argv, "t:c:i:lnw::", longs)) != -1) {
		switch (c) {
		case 't':
			if (!parse_number(cli, "--type", optarg, 0, TANDEM_TYPES - 1, &post.type))
				return STATUS_USAGE;
			break;
		case 'c':
			if (!parse_class(cli, optarg, &post.event_class))
				return STATUS_USAGE;
			break;
		case 'i':
			in = optarg;
			break;
		case 'l':
			lines = true;
			break;
		case 'n':
			post.create = false;
			break;
		case 'w':
			post.wait = true;
			post.timeout = TANDEM_FOREVER;
			if (optarg && !parse_seconds(cli, "--wait", optarg, &post.timeout))
				return STATUS_USAGE;
			break;
		default:
			return option_status(c);
		}
	}
	if (!check_arguments(cli, argc, argv, 1, 2, "DEVICE TEXT"))
		return STATUS_USAGE;
	post.device = argv[optind];
	if (optind + 1 < argc)
		text = argv[optind + 1];
	if (lines && (in || text))
		return complain_usage(cli, "'%s' and --lines are two inputs; give one of them.",
				      text ?: "--in");

	if (parse_payload(cli, in, text, &data))
		status = post_events(cli, &post, lines ? NULL : &data);
	free(data.data);
	return status;
}

const struct command command_post = {
	.name = "post",
	.usage = "DEVICE [--type N] [--class CLASS] [--in HEX|@FILE|-] [TEXT]\n"
		 "DEVICE [--type N] [--class CLASS] --lines\n"
		 "DEVICE ... [--no-create] [--wait[=SECONDS]]",
	.summary = "post events on a device of a server",
	.help =
	"Becomes the server of DEVICE, posts, and ends. A device that is not there is made, with\n"
	"mode 0640 and events mode 0440 for you and the group tandem; it stays until\n"
	"'tandemctl remove DEVICE'. Needs write permission on /dev/tandem/control.\n"
	"\n"
	"Options:\n"
	"  -t, --type N        type of the event, 0 to 4095; 0 if not given\n"
	"  -c, --class CLASS   bulk, normal (the default), important or critical\n"
	"  -i, --in INPUT      the payload: hex digits, @FILE, or - for standard input\n"
	"  -l, --lines         each line of standard input is an event\n"
	"  -n, --no-create     the device must be there\n"
	"  -w, --wait[=SECONDS]\n"
	"                      wait, at most so long, for consumers with --overflow block that have\n"
	"                      no room; a device that is made allows them\n"
	"  -j, --json          an object that says how many were posted\n"
	"\n"
	"Examples:\n"
	"  tandemctl post backup --type 3 --class important 'disk is full'\n"
	"  journalctl -f | tandemctl post journal --lines",
	.run = run_post,
};

static int run_remove(struct cli *cli, int argc, char **argv)
{
	int ret;
	int c = next_option(cli, argc, argv, "", NULL);

	if (c != -1)
		return option_status(c);
	if (!check_arguments(cli, argc, argv, 1, 1, "DEVICE"))
		return STATUS_USAGE;
	ret = tandem_remove(argv[optind]);
	if (ret)
		return control_failed(cli, argv[optind], ret);
	if (cli->json) {
		struct json_object *result = new_object();

		put_string(result, "device", argv[optind]);
		put_bool(result, "removed", true);
		out_json(cli, result);
		json_object_put(result);
	}
	return STATUS_OK;
}

const struct command command_remove = {
	.name = "remove",
	.usage = "DEVICE",
	.summary = "remove a device that a server made",
	.help =
	"Removes a device that a server made, such as 'tandemctl post' does. Its readers get what\n"
	"is still in their rings and then the end. A device of a kernel half goes with its module.\n"
	"\n"
	"Example:\n"
	"  tandemctl remove backup",
	.run = run_remove,
};
