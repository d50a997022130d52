// SPDX-License-Identifier: GPL-2.0
/* A queue of lines: two arrays, filled at their end and moved down when that is reached. */

#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "stats.h"

/* An empty queue keeps so much memory. */
#define KEEP_BYTES	(64 * 1024)

static bool room_for_bytes(struct lines *lines, size_t len)
{
	size_t used = lines->tail - lines->head;
	size_t size = lines->size ? lines->size : 4096;
	char *data;

	if (lines->size - lines->tail >= len)
		return true;
	/* Moving pays only if it frees as much as it moves. */
	if (lines->head >= used && lines->size - used >= len) {
		memmove(lines->data, lines->data + lines->head, used);
		lines->head = 0;
		lines->tail = used;
		return true;
	}
	while (size - lines->tail < len)
		size *= 2;
	data = realloc(lines->data, size);
	if (!data)
		return false;
	lines->data = data;
	lines->size = size;
	return true;
}

static bool room_for_line(struct lines *lines)
{
	size_t used = lines->end - lines->first;
	size_t slots = lines->slots ? lines->slots * 2 : 64;
	struct line *line;

	if (lines->end < lines->slots)
		return true;
	if (used && lines->first >= used) {
		memmove(lines->line, lines->line + lines->first, used * sizeof(*line));
		lines->first = 0;
		lines->end = used;
		return true;
	}
	line = realloc(lines->line, slots * sizeof(*line));
	if (!line)
		return false;
	lines->line = line;
	lines->slots = slots;
	return true;
}

char *lines_room(struct lines *lines, size_t len)
{
	if (!room_for_bytes(lines, len) || !room_for_line(lines))
		return NULL;
	return lines->data + lines->tail;
}

void lines_add(struct lines *lines, size_t len, struct route *route)
{
	lines->line[lines->end++] = (struct line){ .len = (uint32_t)len, .route = route };
	lines->tail += len;
	lines->added++;
}

size_t lines_chunk(const struct lines *lines, size_t limit)
{
	size_t len;

	if (!limit)
		return lines_bytes(lines);
	len = lines->line[lines->first].len - lines->partial;
	for (size_t i = lines->first + 1; i < lines->end && len + lines->line[i].len <= limit; i++)
		len += lines->line[i].len;
	return len;
}

static void next(struct lines *lines)
{
	lines->head += lines->line[lines->first].len;
	lines->partial = 0;
	lines->first++;
	lines->gone++;
	if (!lines_empty(lines))
		return;
	lines->first = 0;
	lines->end = 0;
	lines->head = 0;
	lines->tail = 0;
	if (lines->size > KEEP_BYTES) {
		free(lines->data);
		lines->data = NULL;
		lines->size = 0;
	}
}

void lines_written(struct lines *lines, size_t len)
{
	lines->partial += len;
	while (!lines_empty(lines) && lines->partial >= lines->line[lines->first].len) {
		size_t rest = lines->partial - lines->line[lines->first].len;

		if (lines->line[lines->first].route)
			lines->line[lines->first].route->written++;
		next(lines);
		lines->partial = rest;
	}
}

void lines_drop(struct lines *lines)
{
	if (lines->line[lines->first].route)
		lines->line[lines->first].route->unwritten++;
	next(lines);
}

void lines_free(struct lines *lines)
{
	while (!lines_empty(lines))
		lines_drop(lines);
	free(lines->data);
	free(lines->line);
	*lines = (struct lines){ 0 };
}
