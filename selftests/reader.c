// SPDX-License-Identifier: GPL-2.0
/*
 * A consumer by read(), of the generator's events. It checks whatever it reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"

#define BUFFER	(256 * 1024)

int reader_open(struct reader *reader, int node, const struct tandem_subscribe *args)
{
	struct tandem_subscribe copy = *args;

	memset(reader, 0, sizeof(*reader));
	reader->fd = subscribe(node, &copy);
	if (reader->fd < 0)
		return reader->fd;
	reader->ordered = args->flags & TANDEM_SUBSCRIBE_SHARED;
	reader->timeless = args->flags & TANDEM_SUBSCRIBE_NO_TIME;
	return fcntl(reader->fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

void reader_close(struct reader *reader)
{
	close(reader->fd);
}

static const char *check_record(struct reader *reader, const struct tandem_record *record,
				size_t left)
{
	const struct tandem_gen_event *event = (const void *)record->data;

	if (left < sizeof(*record) || record->len < sizeof(*record) ||
	    TANDEM_RECORD_STRIDE(record->len) > left)
		return "what was read is not whole records";
	if (record->type_flags & TANDEM_RECORD_BUSY)
		return "a record was read that is busy";
	if (reader->timeless ? record->time : !record->time)
		return "a record has a time though it should not, or the other way round";
	if (reader->ordered && record->time < reader->time)
		return "the time of a record is before that of the one before it";
	reader->time = record->time;
	reader->lost += record->lost_before;
	if (record->type_flags & TANDEM_RECORD_DISCARDED)
		return NULL;
	if (record_payload(record) < sizeof(*event))
		return "a record is too short for the generator";
	reader->records++;
	return gen_check_event(&reader->check, event, record_payload(record), event->cpu);
}

void reader_check(struct reader *reader, const uint8_t *bytes, size_t len)
{
	size_t pos = 0;

	while (pos < len && !reader->error) {
		const struct tandem_record *record = (const void *)(bytes + pos);

		reader->error = check_record(reader, record, len - pos);
		pos += TANDEM_RECORD_STRIDE(record->len);
	}
}

size_t reader_read(struct reader *reader, size_t size)
{
	static __thread uint8_t buffer[BUFFER] __attribute__((aligned(8)));
	ssize_t len = read(reader->fd, buffer, size < BUFFER ? size : BUFFER);

	if (len < 0) {
		if (errno != EAGAIN)
			reader->error = strerror(errno);
		return 0;
	}
	reader_check(reader, buffer, len);
	return reader->error ? 0 : len;
}

void reader_drain(struct reader *reader)
{
	while (!reader->error && reader_read(reader, BUFFER))
		;
}

uint64_t fdinfo_number(int fd, const char *name)
{
	uintmax_t number = UINTMAX_MAX;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		if (colon && !strncmp(line, "tandem-", 7) &&
		    (size_t)(colon - line) == strlen(name) + 7 &&
		    !strncmp(line + 7, name, strlen(name)) && sscanf(colon, ": %ju", &number) == 1)
			break;
	}
	if (file)
		fclose(file);
	return number;
}
