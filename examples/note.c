// SPDX-License-Identifier: GPL-2.0
/* The smallest user half: /dev/tandem/note keeps what is written to it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tandem.h>

static char text[4096];
static size_t length;

static int64_t note_read(struct tandem_request *r)
{
	size_t n = r->offset < length ? length - r->offset : 0;

	if (n > r->out_len)
		n = r->out_len;
	memcpy(r->out, text + r->offset, n);
	return n;
}

static int64_t note_write(struct tandem_request *r)
{
	if (r->offset > sizeof(text) || r->in_len > sizeof(text) - r->offset)
		return -ENOSPC;
	memcpy(text + r->offset, r->in, r->in_len);
	length = r->offset + r->in_len;
	return r->in_len;
}

int main(void)
{
	static const struct tandem_server_ops ops = { .read = note_read, .write = note_write };
	struct tandem_server_options options = {
		.ops = &ops, .flags = TANDEM_BIND_CREATE | TANDEM_BIND_SEEKABLE, .mode = 0666 };
	struct tandem_server *server;
	int error = tandem_server_create(&server, "note", &options);

	if (!error)
		error = tandem_server_run(server, 0);
	fprintf(stderr, "note: %s\n", tandem_strerror(error));
	return 1;
}
