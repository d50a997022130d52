// SPDX-License-Identifier: GPL-2.0
/* Options and arguments. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* How many options a command has at most, with those of every command and the end. */
#define OPTIONS_MAX	20

static const struct option common[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
};

static bool is_long_option(const struct option *longs, int val)
{
	for (; longs->name; longs++)
		if (longs->val == val)
			return true;
	return false;
}

static void unknown_option(const struct cli *cli, const struct option *longs, const char *argument)
{
	if (!optopt)
		complain_usage(cli, "The option '%s' is unknown.", argument);
	else if (is_long_option(longs, optopt))
		complain_usage(cli, "The option '%s' takes no value.", argument);
	else
		complain_usage(cli, "The option '-%c' is unknown.", optopt);
}

int next_option(struct cli *cli, int argc, char **argv, const char *shorts,
		const struct option *longs)
{
	struct option all[OPTIONS_MAX] = { 0 };
	char all_shorts[2 * OPTIONS_MAX];
	size_t count = 0;

	for (; longs && longs[count].name && count < OPTIONS_MAX - ARRAY_SIZE(common) - 1; count++)
		all[count] = longs[count];
	memcpy(all + count, common, sizeof(common));
	/* The plus: what stands behind the command's name is the command's own. */
	snprintf(all_shorts, sizeof(all_shorts), "%s:hjp%s", cli->command ? "" : "+", shorts);

	opterr = 0;
	for (;;) {
		int c = getopt_long(argc, argv, all_shorts, all, NULL);

		switch (c) {
		case 'p':
			cli->pretty = true;
			cli->json = true;
			break;
		case 'j':
			cli->json = true;
			break;
		case 'h':
			print_help(cli, cli->command);
			return c;
		case ':':
			complain_usage(cli, "The option '%s' needs a value.", argv[optind - 1]);
			return c;
		case '?':
			unknown_option(cli, all, argv[optind - 1]);
			return c;
		default:
			return c;
		}
	}
}

int option_status(int c)
{
	return c == 'h' ? STATUS_OK : STATUS_USAGE;
}

bool check_arguments(const struct cli *cli, int argc, char **argv, int min, int max,
		     const char *names)
{
	int count = argc - optind;

	if (count > max) {
		complain_usage(cli, "The argument '%s' is one too many.", argv[optind + max]);
		return false;
	}
	if (count < min) {
		for (int i = 0; i < count; i++)
			names = strchr(names, ' ') + 1;
		complain_usage(cli, "The argument %.*s is missing.",
			       (int)(strchrnul(names, ' ') - names), names);
		return false;
	}
	return true;
}

bool parse_number(const struct cli *cli, const char *what, const char *text, uint64_t min,
		  uint64_t max, uint64_t *value)
{
	if (read_number(text, value) && *value >= min && *value <= max)
		return true;
	if (max == UINT64_MAX)
		complain_usage(cli, "%s: '%s' is not a number of at least %ju.", what, text,
			       (uintmax_t)min);
	else
		complain_usage(cli, "%s: '%s' is not a number from %ju to %ju.", what, text,
			       (uintmax_t)min, (uintmax_t)max);
	return false;
}

bool parse_size(const struct cli *cli, const char *what, const char *text, uint64_t max,
		uint64_t *value)
{
	size_t len = strlen(text);
	unsigned int shift = 0;
	char *digits;
	bool ok;

	if (len && strchr("kK", text[len - 1]))
		shift = 10;
	else if (len && strchr("mM", text[len - 1]))
		shift = 20;
	digits = strndup(text, len - !!shift);
	if (!digits)
		no_memory();
	ok = read_number(digits, value) && *value <= max >> shift;
	free(digits);
	if (!ok) {
		complain_usage(cli,
			       "%s: '%s' is not a number of bytes up to %ju (K and M are allowed).",
			       what, text, (uintmax_t)max);
		return false;
	}
	*value <<= shift;
	return true;
}

/* Decimal digits, at most nine behind the point. */
bool parse_seconds(const struct cli *cli, const char *what, const char *text, uint64_t *ns)
{
	const uint64_t max = 1000000000;
	uint64_t fraction = 0;
	uint64_t seconds = 0;
	uint64_t unit = 1000000000;
	const char *p = text;
	bool ok = *p >= '0' && *p <= '9';

	for (; *p >= '0' && *p <= '9' && seconds <= max; p++)
		seconds = seconds * 10 + (uint64_t)(*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++) {
			unit /= 10;
			fraction += unit * (uint64_t)(*p - '0');
		}
	*ns = seconds * 1000000000 + fraction;
	if (ok && !*p && seconds <= max && *ns)
		return true;
	complain_usage(cli, "%s: '%s' is not a number of seconds, such as 2 or 0.5.", what, text);
	return false;
}
