// SPDX-License-Identifier: GPL-2.0
/* The daemon's queue of lines, against a plain model: what goes in comes out, once, in order, counted. */

#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lines.h"
#include "stats.h"

#define ROUTES	3
#define TOTAL	20000

FIXTURE(lines)
{
	struct lines lines;
	struct route routes[ROUTES];
	uint64_t added[ROUTES];
	unsigned char in;
	unsigned char out;
	unsigned int seed;
};

FIXTURE_SETUP(lines)
{
	self->seed = 1;
}

FIXTURE_TEARDOWN(lines)
{
	lines_free(&self->lines);
}

static unsigned int below(FIXTURE_DATA(lines) *self, unsigned int limit)
{
	self->seed = self->seed * 1103515245 + 12345;
	return (self->seed >> 8) % limit;
}

static int add(FIXTURE_DATA(lines) *self, size_t len)
{
	unsigned int route = below(self, ROUTES);
	/* More room than is used in the end. */
	char *room = lines_room(&self->lines, len + below(self, 50));

	if (!room)
		return -1;
	for (size_t i = 0; i < len; i++)
		room[i] = (char)self->in++;
	lines_add(&self->lines, len, &self->routes[route]);
	self->added[route]++;
	return 0;
}

/* Take @len bytes out; -1 if they are not those that come next. */
static int take(FIXTURE_DATA(lines) *self, size_t len)
{
	const char *bytes = lines_next(&self->lines);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)bytes[i] != self->out++)
			return -1;
	lines_written(&self->lines, len);
	return 0;
}

TEST_F(lines, random)
{
	size_t waiting = 0;

	for (int i = 0; i < TOTAL; i++) {
		/* Long stretches of filling and of emptying. */
		if (below(self, 10) < (i / 1000 % 2 ? 7U : 3U)) {
			size_t len = 1 + below(self, i % 100 ? 300 : 30000);

			ASSERT_EQ(0, add(self, len));
			waiting += len;
		} else if (!lines_empty(&self->lines)) {
			size_t len = lines_chunk(&self->lines, below(self, 2) * 4096);

			len = 1 + below(self, (unsigned int)len);
			ASSERT_EQ(0, take(self, len));
			waiting -= len;
		}
		ASSERT_EQ(waiting, lines_bytes(&self->lines));
		ASSERT_EQ(waiting == 0, lines_empty(&self->lines));
	}
	while (!lines_empty(&self->lines))
		ASSERT_EQ(0, take(self, lines_chunk(&self->lines, 4096)));
	for (int i = 0; i < ROUTES; i++) {
		EXPECT_EQ(self->added[i], self->routes[i].written);
		EXPECT_EQ(0, self->routes[i].unwritten);
	}
}

TEST_F(lines, chunks_are_whole_lines)
{
	ASSERT_EQ(0, add(self, 100));
	ASSERT_EQ(0, add(self, 200));
	ASSERT_EQ(0, add(self, 5000));
	EXPECT_EQ(5300, lines_chunk(&self->lines, 0));
	EXPECT_EQ(300, lines_chunk(&self->lines, 4096));
	EXPECT_EQ(300, lines_chunk(&self->lines, 300));
	EXPECT_EQ(100, lines_chunk(&self->lines, 299));
	EXPECT_EQ(100, lines_chunk(&self->lines, 1));
	ASSERT_EQ(0, take(self, 60));
	EXPECT_EQ(40, lines_chunk(&self->lines, 1));
	EXPECT_EQ(240, lines_chunk(&self->lines, 299));
	ASSERT_EQ(0, take(self, 240));
	EXPECT_EQ(5000, lines_chunk(&self->lines, 4096));
}

TEST_F(lines, begun_line_can_begin_again)
{
	ASSERT_EQ(0, add(self, 100));
	ASSERT_EQ(0, add(self, 100));
	ASSERT_EQ(0, take(self, 130));
	EXPECT_EQ(70, lines_bytes(&self->lines));
	self->lines.partial = 0;
	self->out = 100;
	EXPECT_EQ(100, lines_bytes(&self->lines));
	EXPECT_EQ(0, take(self, 100));
	EXPECT_TRUE(lines_empty(&self->lines));
}

TEST_F(lines, what_is_given_up_is_counted)
{
	uint64_t unwritten = 0;

	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, add(self, 10));
	ASSERT_EQ(0, take(self, 25));
	lines_drop(&self->lines);
	EXPECT_EQ(70, lines_bytes(&self->lines));
	lines_free(&self->lines);
	for (int i = 0; i < ROUTES; i++) {
		unwritten += self->routes[i].unwritten;
		EXPECT_EQ(self->added[i], self->routes[i].written + self->routes[i].unwritten);
	}
	EXPECT_EQ(8, unwritten);
}

TEST_F(lines, lines_without_a_route)
{
	char *room = lines_room(&self->lines, 5);

	ASSERT_NE(NULL, room);
	memset(room, 'x', 5);
	lines_add(&self->lines, 5, NULL);
	lines_written(&self->lines, 5);
	EXPECT_TRUE(lines_empty(&self->lines));
}

TEST_HARNESS_MAIN
