// SPDX-License-Identifier: GPL-2.0
/* tandemctl: sees, scripts and watches Tandem devices. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <tandem.h>

#include "cli.h"

static const struct command *const commands[] = {
	&command_list,
	&command_show,
	&command_stat,
	&command_monitor,
	&command_watch,
	&command_subscription,
	&command_post,
	&command_remove,
	&command_serve,
	&command_read,
	&command_write,
	&command_ioctl,
	&command_help,
};

const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* How many characters must be added, dropped or changed to make one word of the other. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32];
	size_t len = strlen(b);

	if (len >= ARRAY_SIZE(row))
		return len;
	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 1; j <= len; j++) {
			size_t best = diagonal + (a[i] != b[j - 1]);

			diagonal = row[j];
			if (best > row[j] + 1)
				best = row[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

int no_such_command(struct cli *cli, const char *name)
{
	const struct command *nearest = NULL;
	size_t best = 3;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		bool begins = *name && !strncmp(name, commands[i]->name, strlen(name));
		size_t d = begins ? 0 : distance(name, commands[i]->name);

		if (d < best && d < strlen(commands[i]->name)) {
			best = d;
			nearest = commands[i];
		}
	}
	if (nearest)
		return complain_usage(cli, "There is no command '%s'; do you mean '%s'?", name,
				      nearest->name);
	return complain_usage(cli, "There is no command '%s'.", name);
}

static void print_overview(struct cli *cli)
{
	out_text(cli,
		 "Usage: tandemctl [OPTION]... COMMAND [ARGUMENT]...\n"
		 "\n"
		 "Shows Tandem devices, watches their events, and talks to them from scripts.\n"
		 "\n"
		 "Commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		out_text(cli, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	out_text(cli,
		 "\n"
		 "Options, before or after the command:\n"
		 "  -j, --json     output is JSON; tandemctl(8) lists the fields\n"
		 "  -p, --pretty   the same, indented\n"
		 "  -h, --help     help, of the command if there is one\n"
		 "  -V, --version  the version\n"
		 "\n"
		 "DEVICE is a device's name as in 'tandemctl list'; its node is /dev/tandem/DEVICE.\n"
		 "\n"
		 "Examples:\n"
		 "  tandemctl list\n"
		 "  tandemctl watch process --type exec\n"
		 "  tandemctl help ioctl\n"
		 "\n"
		 "Exit status: 0 success, 1 the operation failed, 2 wrong usage, 3 no such device,\n"
		 "4 the kernel's interface is missing (module not loaded), 5 the time was over,\n"
		 "6 permission denied.\n");
}

void print_help(struct cli *cli, const struct command *command)
{
	const char *word = "Usage:";
	const char *line;
	const char *end;

	if (!command) {
		print_overview(cli);
		return;
	}
	for (line = command->usage; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		out_text(cli, "%-6s tandemctl %s %.*s\n", word, command->name, (int)(end - line),
			 line);
		word = "";
	}
	out_text(cli, "\n%s\n", command->help);
}

static int run_help(struct cli *cli, int argc, char **argv)
{
	const struct command *command = NULL;
	int c = next_option(cli, argc, argv, "", NULL);

	if (c != -1)
		return option_status(c);
	if (!check_arguments(cli, argc, argv, 0, 1, "COMMAND"))
		return STATUS_USAGE;
	if (optind < argc) {
		command = find_command(argv[optind]);
		if (!command)
			return no_such_command(cli, argv[optind]);
	}
	print_help(cli, command);
	return STATUS_OK;
}

const struct command command_help = {
	.name = "help",
	.usage = "[COMMAND]",
	.summary = "explain a command",
	.help =
	"Explains COMMAND, or lists the commands.\n"
	"\n"
	"Example:\n"
	"  tandemctl help watch",
	.run = run_help,
};

static int run(struct cli *cli, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = next_option(cli, argc, argv, "V", longs)) != -1) {
		if (c != 'V')
			return option_status(c);
		out_text(cli, "tandemctl %s\n", tandem_version());
		return STATUS_OK;
	}
	if (optind == argc)
		return complain_usage(cli, "The command is missing.");

	cli->command = find_command(argv[optind]);
	if (!cli->command)
		return no_such_command(cli, argv[optind]);
	argc -= optind;
	argv += optind;
	/* 0 makes glibc start anew, with another set of options. */
	optind = 0;
	return cli->command->run(cli, argc, argv);
}

int main(int argc, char **argv)
{
	struct cli cli = { .out.signal_fd = -1 };
	int status;

	/* A reader that has gone is seen as EPIPE, which ends the command in order. */
	signal(SIGPIPE, SIG_IGN);

	status = run(&cli, argc, argv);
	out_flush(&cli);
	if (cli.out.error && cli.out.error != EPIPE)
		status = complain(&cli, STATUS_FAILED, "The output cannot be written: %s.",
				  strerror(cli.out.error));
	free(cli.out.buffer);
	return status;
}
