// SPDX-License-Identifier: GPL-2.0
/* Bytes from the command line, a file or standard input. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define INPUT_MAX (64 * 1024 * 1024)

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ptrdiff_t read_hex(const char *text, struct bytes *bytes)
{
	const char *p = text;

	bytes->len = 0;
	bytes->data = malloc(strlen(text) / 2 + 1);
	if (!bytes->data)
		no_memory();
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	while (*p) {
		if (isspace((unsigned char)*p) || *p == ':') {
			p++;
			continue;
		}
		if (nibble(p[0]) < 0)
			return p - text;
		if (nibble(p[1]) < 0)
			return p + 1 - text;
		bytes->data[bytes->len++] = (unsigned char)(nibble(p[0]) << 4 | nibble(p[1]));
		p += 2;
	}
	return -1;
}

static int read_all(int fd, struct bytes *bytes)
{
	size_t size = 0;

	for (;;) {
		ssize_t got;

		if (bytes->len == size) {
			if (size > INPUT_MAX)
				return -EFBIG;
			size = size ? 2 * size : 4096;
			bytes->data = realloc(bytes->data, size);
			if (!bytes->data)
				no_memory();
		}
		got = read(fd, bytes->data + bytes->len, size - bytes->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return 0;
		bytes->len += (size_t)got;
	}
}

static bool parse_file(const struct cli *cli, const char *what, const char *path,
		       struct bytes *bytes)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	int ret = fd < 0 ? -errno : read_all(fd, bytes);

	if (path && fd >= 0)
		close(fd);
	if (!ret)
		return true;
	if (ret == -EFBIG)
		complain(cli, STATUS_USAGE, "%s: '%s' has more than %d bytes.", what,
			 path ?: "standard input", INPUT_MAX);
	else
		complain(cli, STATUS_USAGE, "%s: '%s' cannot be read: %s.", what,
			 path ?: "standard input", strerror(-ret));
	return false;
}

bool parse_bytes(const struct cli *cli, const char *what, const char *text, struct bytes *bytes)
{
	ptrdiff_t at;

	free(bytes->data);
	*bytes = (struct bytes){ .len = 0 };
	if (!strcmp(text, "-"))
		return parse_file(cli, what, NULL, bytes);
	if (*text == '@')
		return parse_file(cli, what, text + 1, bytes);

	at = read_hex(text, bytes);
	if (at < 0)
		return true;
	if (text[at])
		complain_usage(cli,
			       "%s: '%s' is not hex: '%c' is no digit (a file is named @FILE).",
			       what, text, text[at]);
	else
		complain_usage(cli, "%s: '%s' ends in the middle of a byte: two digits make one.",
			       what, text);
	return false;
}

bool parse_payload(const struct cli *cli, const char *in, const char *text, struct bytes *bytes)
{
	if (in && text) {
		complain_usage(cli, "'%s' and --in are two inputs; give one of them.", text);
		return false;
	}
	if (in)
		return parse_bytes(cli, "--in", in, bytes);
	if (!text)
		return true;
	bytes->data = (unsigned char *)strdup(text);
	if (!bytes->data)
		no_memory();
	bytes->len = strlen(text);
	return true;
}
