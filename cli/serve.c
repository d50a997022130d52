// SPDX-License-Identifier: GPL-2.0
/* serve: requests of a device answered by a command. */

#include <errno.h>
#include <grp.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem.h>

#include "answer.h"
#include "cli.h"

static const char *const operation_names[TANDEM_OPS] = {
	[TANDEM_OP_OPEN] = "open",
	[TANDEM_OP_RELEASE] = "release",
	[TANDEM_OP_READ] = "read",
	[TANDEM_OP_WRITE] = "write",
	[TANDEM_OP_IOCTL] = "ioctl",
	[TANDEM_OP_CONTROL] = "control",
	[TANDEM_OP_LSEEK] = "lseek",
	[TANDEM_OP_FSYNC] = "fsync",
};

#define DEFAULT_OPERATIONS	"read,write,ioctl,control"

/* What a signal has to know. */
static struct tandem_server *server;
static bool stopped;

static void stop(int signal)
{
	int error = errno;

	(void)signal;
	__atomic_store_n(&stopped, true, __ATOMIC_RELAXED);
	tandem_server_stop(server);
	answerer_interrupt();
	errno = error;
}

bool serve_stopped(void)
{
	return __atomic_load_n(&stopped, __ATOMIC_RELAXED);
}

const char *operation_name(const struct tandem_request *request)
{
	return operation_names[request->op];
}

static int64_t handle(struct tandem_request *request)
{
	struct answerer *answerer = request->arg;

	answerer->requests++;
	return answerer->command ? answer_by_command(answerer, request) :
				   answer_by_line(answerer, request);
}

static bool parse_operations(const struct cli *cli, const char *text, struct tandem_server_ops *ops)
{
	tandem_handler *const handlers[TANDEM_OPS] = {
		[TANDEM_OP_OPEN] = &ops->open,
		[TANDEM_OP_RELEASE] = &ops->release,
		[TANDEM_OP_READ] = &ops->read,
		[TANDEM_OP_WRITE] = &ops->write,
		[TANDEM_OP_IOCTL] = &ops->ioctl,
		[TANDEM_OP_CONTROL] = &ops->control,
		[TANDEM_OP_LSEEK] = &ops->lseek,
		[TANDEM_OP_FSYNC] = &ops->fsync,
	};

	*ops = (struct tandem_server_ops){ .open = NULL };
	while (*text) {
		size_t len = strcspn(text, ",");
		unsigned int op = 0;

		while (op < TANDEM_OPS &&
		       (!operation_names[op] || strlen(operation_names[op]) != len ||
			strncmp(operation_names[op], text, len) != 0))
			op++;
		if (op == TANDEM_OPS) {
			complain_usage(cli,
				       "--operations: '%.*s' is none of open, release, read, write, ioctl, control, lseek and fsync.",
				       (int)len, text);
			return false;
		}
		*handlers[op] = handle;
		text += len;
		text += *text == ',';
	}
	return true;
}

static bool parse_mode(const struct cli *cli, const char *text, uint32_t *mode)
{
	char *end;
	unsigned long value = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end || value > 0777) {
		complain_usage(cli, "--mode: '%s' is no octal number from 0 to 777.", text);
		return false;
	}
	*mode = (uint32_t)value;
	return true;
}

static int serve_until_stopped(struct cli *cli, struct answerer *answerer)
{
	const struct sigaction action = { .sa_handler = stop };
	int ret;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	do {
		ret = tandem_server_dispatch(server, 0, -1);
	} while (!serve_stopped() && !answerer->failed && (ret >= 0 || ret == -EINTR));

	if (cli->json) {
		struct json_object *result = new_object();

		put_string(result, "device", answerer->device);
		put_int(result, "requests", answerer->requests);
		out_json(cli, result);
		json_object_put(result);
	}
	if (serve_stopped())
		return STATUS_OK;
	if (answerer->failed)
		return STATUS_FAILED;
	return complain(cli, STATUS_FAILED, "'%s' is served no more: %s.", answerer->device,
			tandem_strerror(ret));
}

static int serve(struct cli *cli, struct answerer *answerer, struct tandem_server_options *options,
		 char **command, bool lines)
{
	int status, ret;

	/* Whoever goes before it has read all is no reason to die. */
	signal(SIGPIPE, SIG_IGN);
	answerer->cli = cli;
	options->arg = answerer;
	if (lines) {
		ret = answerer_start(answerer, command);
		if (ret)
			return complain(cli, STATUS_FAILED, "'%s' cannot be started: %s.",
					command[0], strerror(-ret));
	} else {
		answerer->command = command;
	}
	ret = tandem_server_create(&server, answerer->device, options);
	status = ret ? control_failed(cli, answerer->device, ret) :
		       serve_until_stopped(cli, answerer);
	answerer_stop(answerer);
	return status;
}

static int run_serve(struct cli *cli, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "operations", required_argument, NULL, 'o' },
		{ "mode", required_argument, NULL, 'm' },
		{ "seekable", no_argument, NULL, 's' },
		{ "no-create", no_argument, NULL, 'n' },
		{ "deadline", required_argument, NULL, 'd' },
		{ "line", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 }
	};
	const struct group *group = getgrnam("tandem");
	struct tandem_server_ops ops;
	struct tandem_server_options options = {
		.ops = &ops,
		.flags = TANDEM_BIND_CREATE,
		.mode = 0660,
		.uid = getuid(),
		.gid = group ? group->gr_gid : getgid(),
		.events_mode = 0440,
	};
	struct answerer answerer = { .in = -1 };
	bool lines = false;
	int c;

	parse_operations(cli, DEFAULT_OPERATIONS, &ops);
	while ((c = next_option(cli, argc, argv, "o:m:snd:l", longs)) != -1) {
		switch (c) {
		case 'o':
			if (!parse_operations(cli, optarg, &ops))
				return STATUS_USAGE;
			break;
		case 'm':
			if (!parse_mode(cli, optarg, &options.mode))
				return STATUS_USAGE;
			break;
		case 's':
			options.flags |= TANDEM_BIND_SEEKABLE;
			break;
		case 'n':
			options.flags &= ~(uint32_t)TANDEM_BIND_CREATE;
			break;
		case 'd':
			if (!parse_seconds(cli, "--deadline", optarg, &options.deadline))
				return STATUS_USAGE;
			break;
		case 'l':
			lines = true;
			break;
		default:
			return option_status(c);
		}
	}
	if (!check_arguments(cli, argc, argv, 2, argc, "DEVICE COMMAND"))
		return STATUS_USAGE;
	answerer.device = argv[optind];
	return serve(cli, &answerer, &options, argv + optind + 1, lines);
}

const struct command command_serve = {
	.name = "serve",
	.usage = "DEVICE [--operations LIST] [--mode MODE] [--seekable] [--no-create]\n"
		 "      [--deadline SECONDS] [--line] -- COMMAND [ARGUMENT...]",
	.summary = "answer requests of a device by a command",
	.help =
	"Becomes the server of DEVICE until a signal, and runs COMMAND for each request, one at a\n"
	"time. The environment says what is asked: TANDEM_OP, TANDEM_FILE, TANDEM_OFFSET,\n"
	"TANDEM_CODE, TANDEM_LEN (bytes of output that there is room for), TANDEM_PID, TANDEM_UID,\n"
	"TANDEM_GID, TANDEM_DEVICE. Standard input has what was written, standard output is what\n"
	"is read. If COMMAND fails, and has written the name of an errno, such as ENOSPC, that is\n"
	"the client's error, else EIO.\n"
	"\n"
	"A device that is not there is made, for you and the group tandem; it stays until\n"
	"'tandemctl remove DEVICE'. Needs write permission on /dev/tandem/control.\n"
	"\n"
	"Options:\n"
	"  -o, --operations LIST   which: open, release, read, write, ioctl, control, lseek, fsync;\n"
	"                          read,write,ioctl,control if not given\n"
	"  -m, --mode MODE         octal mode of a device that is made; 660 if not given\n"
	"  -s, --seekable          files have a position\n"
	"  -n, --no-create         the device must be there\n"
	"  -d, --deadline SECONDS  for how long a client waits for an answer\n"
	"  -l, --line              COMMAND runs once, reads a JSON object on a line for each request\n"
	"                          and writes one for each answer; see tandemctl(8)\n"
	"  -j, --json              an object at the end says how many requests there were\n"
	"\n"
	"Examples:\n"
	"  tandemctl serve fortune --operations read -- /usr/games/fortune\n"
	"  tandemctl serve upper --operations write -- sh -c 'tr a-z A-Z >> /tmp/upper'",
	.run = run_serve,
};
