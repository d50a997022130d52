/* SPDX-License-Identifier: GPL-2.0 */
/* A queue of lines that wait to be written, each whole and with the route it is counted for. */
#ifndef DAEMON_LINES_H
#define DAEMON_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route;

/**
 * struct line - one line
 * @len: its bytes
 * @route: where it is counted, or NULL
 */
struct line {
	uint32_t len;
	struct route *route;
};

/**
 * struct lines - the queue
 * @data: bytes of all lines, one after the other
 * @head: offset of the first line
 * @tail: offset behind the last one
 * @size: room at @data
 * @partial: how many bytes of the first line are written already
 * @line: lengths
 * @first: index of the first line
 * @end: index behind the last one
 * @slots: room at @line
 * @added: how many lines have ever joined
 * @gone: how many of these have left, written or given up
 */
struct lines {
	char *data;
	size_t head;
	size_t tail;
	size_t size;
	size_t partial;
	struct line *line;
	size_t first;
	size_t end;
	size_t slots;
	uint64_t added;
	uint64_t gone;
};

static inline bool lines_empty(const struct lines *lines)
{
	return lines->first == lines->end;
}

static inline size_t lines_bytes(const struct lines *lines)
{
	return lines->tail - lines->head - lines->partial;
}

static inline const char *lines_next(const struct lines *lines)
{
	return lines->data + lines->head + lines->partial;
}

/*
 * lines_room() - room for a line of @len bytes at the end; NULL without memory. It joins the queue
 * with lines_add(), which may be told of fewer bytes.
 */
char *lines_room(struct lines *lines, size_t len);
void lines_add(struct lines *lines, size_t len, struct route *route);

/*
 * lines_chunk() - how many bytes to write next: as many whole lines as @limit takes, but one at
 * least; all that there are if @limit is 0
 */
size_t lines_chunk(const struct lines *lines, size_t limit);

/* lines_written() - @len bytes are written; counts the lines that are thereby done */
void lines_written(struct lines *lines, size_t len);

/* lines_drop() - give the first line up, and count it */
void lines_drop(struct lines *lines);

/* lines_free() - give all lines up, and count them */
void lines_free(struct lines *lines);

#endif /* DAEMON_LINES_H */
