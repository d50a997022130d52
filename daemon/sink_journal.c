// SPDX-License-Identifier: GPL-2.0
/*
 * The systemd journal, by its native protocol: a datagram of fields for each event.
 *
 * sd_journal_sendv() speaks the same protocol, but takes a journal that is not there for success,
 * and sleeps while the journal is busy: events would be lost unseen, or the daemon would stand
 * still.
 */

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syslog.h>
#include <sys/un.h>
#include <unistd.h>

#include "decode.h"
#include "sink.h"

#define JOURNAL_SOCKET	"/run/systemd/journal/socket"
/* The longest event fits into a datagram if the system allows as much. */
#define SEND_BUFFER	(1024 * 1024)

/* Bytes that are put together; with no room they are counted alone. */
struct buffer {
	char *at;
	size_t len;
};

static void append(struct buffer *buffer, const void *bytes, size_t len)
{
	if (buffer->at) {
		memcpy(buffer->at, bytes, len);
		buffer->at += len;
	}
	buffer->len += len;
}

static void append_name(struct buffer *buffer, const char *key)
{
	append(buffer, "TANDEM_", 7);
	for (; *key; key++) {
		char c = isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_';

		append(buffer, &c, 1);
	}
}

/* A value with a line break in it has its length in front. */
static void append_value(struct buffer *buffer, const char *value, size_t len)
{
	if (memchr(value, '\n', len)) {
		uint64_t length = htole64(len);

		append(buffer, "\n", 1);
		append(buffer, &length, sizeof(length));
	} else {
		append(buffer, "=", 1);
	}
	append(buffer, value, len);
	append(buffer, "\n", 1);
}

static const char *text_of(struct json_object *value, size_t *len)
{
	const char *text;

	if (json_object_is_type(value, json_type_string)) {
		*len = (size_t)json_object_get_string_len(value);
		return json_object_get_string(value);
	}
	text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
	*len = strlen(text);
	return text;
}

static void append_fields(struct buffer *buffer, struct json_object *event)
{
	json_object_object_foreach(event, key, value) {
		size_t len;
		const char *text = text_of(value, &len);

		append_name(buffer, key);
		append_value(buffer, text, len);
	}
}

/* What every event has is told by the message's beginning, or is of no interest to a reader. */
static bool told(const char *key)
{
	static const char *const keys[] = {
		"device", "cpu", "type", "event", "class", "time", "lost_before", "len", "data",
		"ring", "position",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

/* "process exec pid=7 comm=sh", "meter type 3, 40 bytes" */
static size_t message(char *text, size_t size, struct json_object *event)
{
	struct json_object *name = json_object_object_get(event, "event");
	struct json_object *type = json_object_object_get(event, "type");
	const char *device = json_object_get_string(json_object_object_get(event, "device"));
	size_t fill;

	if (name || !type)
		fill = (size_t)snprintf(text, size, "%s%s%s", device, name ? " " : "",
					name ? json_object_get_string(name) : "");
	else
		fill = (size_t)snprintf(text, size, "%s type %d, %d bytes", device,
					json_object_get_int(type),
					json_object_get_int(json_object_object_get(event, "len")));

	json_object_object_foreach(event, key, value) {
		size_t len;
		const char *word = text_of(value, &len);

		if (told(key))
			continue;
		if (fill + strlen(key) + len + 2 >= size)
			break;
		fill += (size_t)snprintf(text + fill, size - fill, " %s=%s", key, word);
	}
	return fill;
}

static int priority(struct json_object *event)
{
	static const int priorities[TANDEM_CLASSES] = {
		[TANDEM_CLASS_BULK] = LOG_DEBUG,
		[TANDEM_CLASS_NORMAL] = LOG_INFO,
		[TANDEM_CLASS_IMPORTANT] = LOG_NOTICE,
		[TANDEM_CLASS_CRITICAL] = LOG_WARNING,
	};
	struct json_object *class = json_object_object_get(event, "class");

	/* What has no class tells of loss. */
	return class ? priorities[decode_class_number(json_object_get_string(class))] : LOG_WARNING;
}

static int put_fields(struct sink *sink, struct json_object *event, const char *text, size_t len,
		      struct route *route)
{
	struct buffer buffer = { .at = NULL };
	char head[96];
	char line[512];
	size_t head_len = (size_t)snprintf(head, sizeof(head),
					   "PRIORITY=%d\nSYSLOG_IDENTIFIER=tandemd\n",
					   priority(event));
	size_t line_len = message(line, sizeof(line), event);

	(void)text;
	(void)len;
	for (int pass = 0; pass < 2; pass++) {
		buffer.len = 0;
		append(&buffer, head, head_len);
		append(&buffer, "MESSAGE", 7);
		append_value(&buffer, line, line_len);
		append_fields(&buffer, event);
		if (!pass)
			buffer.at = lines_room(&sink->lines, buffer.len);
		if (!buffer.at)
			return -ENOMEM;
	}
	lines_add(&sink->lines, buffer.len, route);
	return 0;
}

static void close_journal(struct sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
}

static int open_journal(struct sink *sink)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	const int size = SEND_BUFFER;

	if (sink->fd >= 0)
		return 0;
	sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sink->fd < 0)
		return -errno;
	setsockopt(sink->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (connect(sink->fd, (const struct sockaddr *)&address, sizeof(address))) {
		int ret = -errno;

		close_journal(sink);
		return ret;
	}
	return 0;
}

static ssize_t write_journal(struct sink *sink)
{
	size_t len = lines_chunk(&sink->lines, 1);
	ssize_t n = send(sink->fd, lines_next(&sink->lines), len, MSG_NOSIGNAL);
	int ret = -errno;

	if (n >= 0)
		return n;
	/* The journal may have been started anew, and listen at another socket of that name. */
	if (ret != -EAGAIN && ret != -EMSGSIZE && ret != -EINTR && ret != -ENOBUFS)
		close_journal(sink);
	return ret;
}

const struct sink_ops sink_journal_ops = {
	.open = open_journal,
	.put = put_fields,
	.write = write_journal,
	.close = close_journal,
};
