// SPDX-License-Identifier: GPL-2.0
/* The daemon's queue of lines: what goes in comes out, once, in order, and counted. */

#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lines.h"
#include "stats.h"

#define ROUTES	3
#define TOTAL	20000

/* Bytes that count up run through the queue. */
struct stream {
	struct lines lines;
	struct route routes[ROUTES];
	uint64_t added[ROUTES];
	unsigned char in;
	unsigned char out;
	unsigned int seed;
};

static unsigned int below(struct stream *stream, unsigned int limit)
{
	stream->seed = stream->seed * 1103515245 + 12345;
	return (stream->seed >> 8) % limit;
}

static int add(struct stream *stream, size_t len)
{
	unsigned int route = below(stream, ROUTES);
	/* More room than is used in the end. */
	char *room = lines_room(&stream->lines, len + below(stream, 50));

	if (!room)
		return -1;
	for (size_t i = 0; i < len; i++)
		room[i] = (char)stream->in++;
	lines_add(&stream->lines, len, &stream->routes[route]);
	stream->added[route]++;
	return 0;
}

/* Take @len bytes out; -1 if they are not those that come next. */
static int take(struct stream *stream, size_t len)
{
	const char *bytes = lines_next(&stream->lines);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)bytes[i] != stream->out++)
			return -1;
	lines_written(&stream->lines, len);
	return 0;
}

FIXTURE(lines)
{
	struct stream stream;
};

FIXTURE_SETUP(lines)
{
	self->stream.seed = 1;
}

FIXTURE_TEARDOWN(lines)
{
	lines_free(&self->stream.lines);
}

TEST_F(lines, random)
{
	size_t waiting = 0;

	for (int i = 0; i < TOTAL; i++) {
		/* Long stretches of filling and of emptying. */
		if (below(&self->stream, 10) < (i / 1000 % 2 ? 7U : 3U)) {
			size_t len = 1 + below(&self->stream, i % 100 ? 300 : 30000);

			ASSERT_EQ(0, add(&self->stream, len));
			waiting += len;
		} else if (!lines_empty(&self->stream.lines)) {
			size_t limit = below(&self->stream, 2) * 4096;
			size_t len = lines_chunk(&self->stream.lines, limit);

			len = 1 + below(&self->stream, (unsigned int)len);
			ASSERT_EQ(0, take(&self->stream, len));
			waiting -= len;
		}
		ASSERT_EQ(waiting, lines_bytes(&self->stream.lines));
		ASSERT_EQ(waiting == 0, lines_empty(&self->stream.lines));
	}
	while (!lines_empty(&self->stream.lines))
		ASSERT_EQ(0, take(&self->stream, lines_chunk(&self->stream.lines, 4096)));
	for (int i = 0; i < ROUTES; i++) {
		EXPECT_EQ(self->stream.added[i], self->stream.routes[i].written);
		EXPECT_EQ(0, self->stream.routes[i].unwritten);
	}
}

TEST_F(lines, chunks_are_whole_lines)
{
	ASSERT_EQ(0, add(&self->stream, 100));
	ASSERT_EQ(0, add(&self->stream, 200));
	ASSERT_EQ(0, add(&self->stream, 5000));
	EXPECT_EQ(5300, lines_chunk(&self->stream.lines, 0));
	EXPECT_EQ(300, lines_chunk(&self->stream.lines, 4096));
	EXPECT_EQ(300, lines_chunk(&self->stream.lines, 300));
	EXPECT_EQ(100, lines_chunk(&self->stream.lines, 299));
	EXPECT_EQ(100, lines_chunk(&self->stream.lines, 1));
	ASSERT_EQ(0, take(&self->stream, 60));
	EXPECT_EQ(40, lines_chunk(&self->stream.lines, 1));
	EXPECT_EQ(240, lines_chunk(&self->stream.lines, 299));
	ASSERT_EQ(0, take(&self->stream, 240));
	EXPECT_EQ(5000, lines_chunk(&self->stream.lines, 4096));
}

TEST_F(lines, begun_line_can_begin_again)
{
	ASSERT_EQ(0, add(&self->stream, 100));
	ASSERT_EQ(0, add(&self->stream, 100));
	ASSERT_EQ(0, take(&self->stream, 130));
	EXPECT_EQ(70, lines_bytes(&self->stream.lines));
	self->stream.lines.partial = 0;
	self->stream.out = 100;
	EXPECT_EQ(100, lines_bytes(&self->stream.lines));
	EXPECT_EQ(0, take(&self->stream, 100));
	EXPECT_TRUE(lines_empty(&self->stream.lines));
}

TEST_F(lines, what_is_given_up_is_counted)
{
	uint64_t unwritten = 0;

	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, add(&self->stream, 10));
	ASSERT_EQ(0, take(&self->stream, 25));
	lines_drop(&self->stream.lines);
	EXPECT_EQ(70, lines_bytes(&self->stream.lines));
	lines_free(&self->stream.lines);
	for (int i = 0; i < ROUTES; i++) {
		const struct route *route = &self->stream.routes[i];

		unwritten += route->unwritten;
		EXPECT_EQ(self->stream.added[i], route->written + route->unwritten);
	}
	EXPECT_EQ(8, unwritten);
}

TEST_F(lines, lines_without_a_route)
{
	char *room = lines_room(&self->stream.lines, 5);

	ASSERT_NE(NULL, room);
	memset(room, 'x', 5);
	lines_add(&self->stream.lines, 5, NULL);
	lines_written(&self->stream.lines, 5);
	EXPECT_TRUE(lines_empty(&self->stream.lines));
}

TEST_HARNESS_MAIN
