// SPDX-License-Identifier: GPL-2.0
/* KUnit: lists in shared memory as a kernel half sees them, whatever a user writes there. */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "slist.h"

#define SIZE	SZ_2K
#define HEAD	64
/* No multiple of TANDEM_SLIST_ALIGN: the next entry begins 48 bytes later. */
#define ENTRY	40
#define STRIDE	48

/**
 * struct place - memory that ends where KASAN looks
 * @base: it
 * @list: in it
 */
struct place {
	void *base;
	struct tandem_slist list;
};

static int slist_init(struct kunit *test)
{
	struct place *place = kunit_kzalloc(test, sizeof(*place), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, place);
	place->base = kunit_kzalloc(test, SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, place->base);
	test->priv = place;
	return tandem_slist_init(&place->list, place->base, SIZE, HEAD, ENTRY);
}

static struct tandem_slist_entry *at(struct place *place, unsigned int i)
{
	return place->base + 2 * STRIDE + i * STRIDE;
}

/* What a flush gives: how many there are, or an errno. */
static int drain(struct tandem_slist *list)
{
	struct tandem_slist_chain chain = tandem_slist_flush(list);
	struct tandem_slist_entry *entry;
	int ret, count = 0;

	while ((ret = tandem_slist_next(&chain, &entry)) > 0)
		count++;
	return ret ?: count;
}

static void last_in_is_first_out(struct kunit *test)
{
	struct place *place = test->priv;
	struct tandem_slist_chain chain;
	struct tandem_slist_entry *entry;
	int i;

	KUNIT_EXPECT_EQ(test, drain(&place->list), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, at(place, i)), !i);
	KUNIT_EXPECT_EQ(test, place->list.head->pushes, 3);
	chain = tandem_slist_flush(&place->list);
	KUNIT_EXPECT_EQ(test, place->list.head->first, 0);
	KUNIT_EXPECT_EQ(test, place->list.head->pushes, 3);
	for (i = 2; i >= 0; i--) {
		KUNIT_EXPECT_EQ(test, tandem_slist_next(&chain, &entry), 1);
		KUNIT_EXPECT_PTR_EQ(test, entry, at(place, i));
		KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, entry), i == 2);
	}
	KUNIT_EXPECT_EQ(test, tandem_slist_next(&chain, &entry), 0);
	KUNIT_EXPECT_EQ(test, drain(&place->list), 3);
}

static void all_that_there_is_room_for(struct kunit *test)
{
	struct place *place = test->priv;
	struct tandem_slist list;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, tandem_slist_init(&list, place->base, SIZE, 16 + ENTRY, ENTRY), 0);
	for (i = 0; 16 + i * STRIDE + ENTRY <= SIZE; i++)
		KUNIT_EXPECT_EQ(test, tandem_slist_push(&list, place->base + 16 + i * STRIDE), !i);
	KUNIT_EXPECT_EQ(test, drain(&list), i);
}

static void lists_that_cannot_be(struct kunit *test)
{
	static const struct {
		unsigned int base;
		size_t size, head, entry;
		int ret;
	} cases[] = {
		{ 8, SIZE - 8, HEAD, 16, -EINVAL },
		{ 0, SIZE, HEAD + 4, 16, -EINVAL },
		{ 0, SIZE, SIZE, 16, -EINVAL },
		{ 0, SIZE - 4, SIZE - 8, 16, -EINVAL },
		{ 0, SIZE, SIZE_MAX - 7, 16, -EINVAL },
		{ 0, SIZE, HEAD, 3, -EINVAL },
		{ 0, SIZE, HEAD, SIZE - 15, -EINVAL },
		{ 0, SIZE, HEAD, SIZE + 1, -EINVAL },
		{ 0, SIZE, HEAD, SIZE_MAX, -EINVAL },
		{ 0, 0, 0, 16, -EINVAL },
		{ 0, SIZE, SIZE - 8, SIZE - 16, 0 },
	};
	struct place *place = test->priv;
	struct tandem_slist list;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, tandem_slist_init(&list, place->base + cases[i].base,
							    cases[i].size, cases[i].head,
							    cases[i].entry),
				    cases[i].ret, "case %u", i);
}

static void entries_that_cannot_be(struct kunit *test)
{
	struct place *place = test->priv;
	void *base = place->base, *last = base + round_down(SIZE - ENTRY, TANDEM_SLIST_ALIGN);

	KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, NULL), -EINVAL);
	KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, base), -EINVAL);
	KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, base - 16), -EINVAL);
	KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, base + 24), -EINVAL);
	KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, last + 16), -EINVAL);
	KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, base + SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, place->list.head->top, 0);
	KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, last), 1);
}

static void places_that_are_none(struct kunit *test)
{
	static const u32 places[] = {
		(SIZE - ENTRY) / TANDEM_SLIST_ALIGN + 1, SIZE / TANDEM_SLIST_ALIGN, SIZE, 1 << 28,
		S32_MAX, 1U << 31, U32_MAX,
	};
	struct place *place = test->priv;
	struct tandem_slist_chain chain;
	struct tandem_slist_entry *entry;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		place->list.head->first = places[i];
		KUNIT_EXPECT_EQ(test, drain(&place->list), -EBADMSG);
		/* Then it is a list again. */
		KUNIT_EXPECT_EQ(test, tandem_slist_push(&place->list, at(place, 1)), 1);
		at(place, 1)->next = places[i];
		chain = tandem_slist_flush(&place->list);
		KUNIT_EXPECT_EQ(test, tandem_slist_next(&chain, &entry), 1);
		KUNIT_EXPECT_EQ(test, tandem_slist_next(&chain, &entry), -EBADMSG);
		KUNIT_EXPECT_EQ(test, tandem_slist_next(&chain, &entry), -EBADMSG);
	}
}

static void circles_end(struct kunit *test)
{
	struct place *place = test->priv;
	unsigned int length, i;

	for (length = 1; length < 4; length++) {
		for (i = 0; i < length; i++)
			tandem_slist_push(&place->list, at(place, i));
		at(place, 0)->next = place->list.head->first;
		KUNIT_EXPECT_EQ(test, drain(&place->list), -EBADMSG);
	}
}

static struct kunit_case slist_cases[] = {
	KUNIT_CASE(last_in_is_first_out),
	KUNIT_CASE(all_that_there_is_room_for),
	KUNIT_CASE(lists_that_cannot_be),
	KUNIT_CASE(entries_that_cannot_be),
	KUNIT_CASE(places_that_are_none),
	KUNIT_CASE(circles_end),
	{}
};

static struct kunit_suite slist_suite = {
	.name = "tandem_slist",
	.init = slist_init,
	.test_cases = slist_cases,
};

kunit_test_suite(slist_suite);
