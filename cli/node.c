// SPDX-License-Identifier: GPL-2.0
/* read and write: the bytes of a node. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem.h>

#include "cli.h"

#define CHUNK		(64 * 1024)
/* What one JSON object may hold. */
#define JSON_MAX	(64 * 1024 * 1024)

struct node {
	const char *name;
	int fd;
	uint64_t count;
	uint64_t offset;
	bool has_offset;
};

static int open_node(const struct cli *cli, struct node *node, int flags)
{
	node->fd = tandem_open(node->name, flags);
	if (node->fd < 0)
		return open_failed(cli, node->name, flags, node->fd);
	if (!node->has_offset || lseek(node->fd, (off_t)node->offset, SEEK_SET) >= 0)
		return STATUS_OK;
	if (errno == ESPIPE)
		complain(cli, STATUS_FAILED,
			 "--offset: '%s' is a stream and has no positions.", node->name);
	else
		complain(cli, STATUS_FAILED, "--offset: '%s' has no position %ju: %s.",
			 node->name, (uintmax_t)node->offset, strerror(errno));
	close(node->fd);
	return STATUS_FAILED;
}

static void print_result(struct cli *cli, const struct node *node, const struct bytes *data,
			 uint64_t done)
{
	struct json_object *result = new_object();

	put_string(result, "node", node->name);
	put_int(result, "offset", node->offset);
	put_int(result, "len", done);
	if (data)
		put_hex(result, "data", data->data, data->len);
	out_json(cli, result);
	json_object_put(result);
}

static void keep(struct bytes *all, const void *data, size_t len)
{
	all->data = realloc(all->data, all->len + len);
	if (!all->data)
		no_memory();
	memcpy(all->data + all->len, data, len);
	all->len += len;
}

static int copy_out(struct cli *cli, const struct node *node, struct bytes *all)
{
	static const size_t chunk_size = CHUNK;
	unsigned char *chunk = malloc(chunk_size);
	uint64_t left = node->count;
	int status = STATUS_OK;

	if (!chunk)
		no_memory();
	while (left && status == STATUS_OK) {
		ssize_t got = read(node->fd, chunk, left < chunk_size ? left : chunk_size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			status = complain(cli, STATUS_FAILED, "'%s' cannot be read: %s.",
					  node->name, strerror(errno));
		if (got <= 0)
			break;
		left -= (uint64_t)got;
		if (!cli->json) {
			out_bytes(cli, chunk, (size_t)got);
			if (!out_flush(cli))
				break;
		} else if (all->len + (size_t)got > JSON_MAX) {
			status = complain(cli, STATUS_FAILED,
					  "'%s' has more than %d bytes: say how many with --count.",
					  node->name, JSON_MAX);
		} else {
			keep(all, chunk, (size_t)got);
		}
	}
	free(chunk);
	return status;
}

/* Options of both; the rest are arguments. -1, or what to exit with. */
static int parse_node(struct cli *cli, int argc, char **argv, struct node *node, const char **in)
{
	static const struct option read_longs[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "offset", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 }
	};
	static const struct option write_longs[] = {
		{ "offset", required_argument, NULL, 'o' },
		{ "in", required_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 }
	};
	const struct option *longs = in ? write_longs : read_longs;
	const char *shorts = in ? "o:i:" : "n:o:";
	int c;

	while ((c = next_option(cli, argc, argv, shorts, longs)) != -1) {
		if (c == 'n') {
			if (!parse_size(cli, "--count", optarg, INT64_MAX, &node->count))
				return STATUS_USAGE;
		} else if (c == 'o') {
			node->has_offset = true;
			if (!parse_size(cli, "--offset", optarg, INT64_MAX, &node->offset))
				return STATUS_USAGE;
		} else if (c == 'i' && in) {
			*in = optarg;
		} else {
			return option_status(c);
		}
	}
	if (!check_arguments(cli, argc, argv, 1, in ? 2 : 1, "DEVICE"))
		return STATUS_USAGE;
	node->name = argv[optind];
	return -1;
}

static int run_read(struct cli *cli, int argc, char **argv)
{
	struct node node = { .count = UINT64_MAX };
	struct bytes all = { .len = 0 };
	int status = parse_node(cli, argc, argv, &node, NULL);

	if (status < 0)
		status = open_node(cli, &node, O_RDONLY);
	else
		return status;
	if (status != STATUS_OK)
		return status;
	status = copy_out(cli, &node, &all);
	if (cli->json && status == STATUS_OK)
		print_result(cli, &node, &all, all.len);
	free(all.data);
	close(node.fd);
	return status;
}

const struct command command_read = {
	.name = "read",
	.usage = "DEVICE|PATH [--count N] [--offset N]",
	.summary = "read bytes from a node",
	.help =
	"Reads from a device's node, or from any path with a slash in it, and writes the bytes to\n"
	"standard output as they are.\n"
	"\n"
	"Options:\n"
	"  -n, --count N   at most so many bytes; otherwise up to the end of the file\n"
	"  -o, --offset N  from there\n"
	"  -j, --json      an object with the bytes in hex\n"
	"  -p, --pretty    the same, indented\n"
	"\n"
	"Example:\n"
	"  tandemctl read gen --count 16 --offset 4096 | xxd",
	.run = run_read,
};

static int copy_in(const struct cli *cli, const struct node *node, const struct bytes *data,
		   size_t *done)
{
	do {
		ssize_t put = write(node->fd, data->data + *done, data->len - *done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0 && data->len)
			return complain(cli, STATUS_FAILED,
					"'%s' took %zu of %zu bytes and no more: %s.", node->name,
					*done, data->len, put ? strerror(errno) : "it is full");
		if (put < 0)
			return complain(cli, STATUS_FAILED, "'%s' cannot be written: %s.",
					node->name, strerror(errno));
		*done += (size_t)put;
	} while (*done < data->len);
	return STATUS_OK;
}

static int run_write(struct cli *cli, int argc, char **argv)
{
	struct node node = { .has_offset = false };
	struct bytes data = { .len = 0 };
	const char *in = NULL;
	size_t done = 0;
	int status = parse_node(cli, argc, argv, &node, &in);

	if (status >= 0)
		return status;
	if (!in && optind + 1 == argc)
		return complain_usage(cli, "There is nothing to write: give TEXT or --in.");
	status = STATUS_USAGE;
	if (parse_payload(cli, in, optind + 1 < argc ? argv[optind + 1] : NULL, &data))
		status = open_node(cli, &node, O_WRONLY);
	if (status == STATUS_OK) {
		status = copy_in(cli, &node, &data, &done);
		if (cli->json)
			print_result(cli, &node, NULL, done);
		close(node.fd);
	}
	free(data.data);
	return status;
}

const struct command command_write = {
	.name = "write",
	.usage = "DEVICE|PATH [--offset N] [--in HEX|@FILE|-] [TEXT]",
	.summary = "write bytes to a node",
	.help =
	"Writes TEXT or the input to a device's node, or to any path with a slash in it.\n"
	"\n"
	"Options:\n"
	"  -o, --offset N  from there\n"
	"  -i, --in INPUT  hex digits, @FILE, or - for standard input\n"
	"  -j, --json      an object that says how many bytes were written\n"
	"  -p, --pretty    the same, indented\n"
	"\n"
	"Example:\n"
	"  tandemctl write gen --offset 4096 --in 'de ad be ef'",
	.run = run_write,
};
