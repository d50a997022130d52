// SPDX-License-Identifier: GPL-2.0
/* KUnit: the arithmetic of ring positions, at its edges. */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include <linux/tandem.h>

#include "position.h"
#include "tandem.h"

static void header_carries_its_parts(struct kunit *test)
{
	u64 header = tandem_header(0xabc, TANDEM_CLASS_IMPORTANT, 100);
	u16 type_flags = tandem_header_type_flags(header);

	KUNIT_EXPECT_EQ(test, tandem_header_len(header), sizeof(struct tandem_record) + 100);
	KUNIT_EXPECT_EQ(test, TANDEM_RECORD_TYPE(type_flags), 0xabc);
	KUNIT_EXPECT_EQ(test, TANDEM_RECORD_CLASS(type_flags), TANDEM_CLASS_IMPORTANT);
	KUNIT_EXPECT_EQ(test, tandem_header_class(header), TANDEM_CLASS_IMPORTANT);
	KUNIT_EXPECT_EQ(test, type_flags & TANDEM_RECORD_DISCARDED, 0);
	KUNIT_EXPECT_EQ(test, header >> 48, 0);
}

static void header_ignores_further_bits(struct kunit *test)
{
	u64 header = tandem_header(0xfffff, TANDEM_CLASS_CRITICAL + 4, 0);

	KUNIT_EXPECT_EQ(test, header, tandem_header(0xfff, TANDEM_CLASS_CRITICAL, 0));
}

static void header_of_a_huge_length_stays_too_big(struct kunit *test)
{
	u64 header = tandem_header(1, TANDEM_CLASS_NORMAL, (size_t)SZ_4G + 8);

	KUNIT_EXPECT_GT(test, tandem_header_len(header),
			tandem_record_max(TANDEM_RING_SIZE_MAX));
	KUNIT_EXPECT_EQ(test, header, tandem_header(1, TANDEM_CLASS_NORMAL, SIZE_MAX));
}

static void lost_before_saturates(struct kunit *test)
{
	u64 header = tandem_header(5, TANDEM_CLASS_BULK, 8);

	KUNIT_EXPECT_EQ(test, tandem_lost_before(0), 0);
	KUNIT_EXPECT_EQ(test, tandem_lost_before(U16_MAX), U16_MAX);
	KUNIT_EXPECT_EQ(test, tandem_lost_before(U16_MAX + 1UL), U16_MAX);
	KUNIT_EXPECT_EQ(test, tandem_lost_before(ULONG_MAX), U16_MAX);

	header |= tandem_header_lost_before(U16_MAX);
	KUNIT_EXPECT_EQ(test, header >> 48, U16_MAX);
	KUNIT_EXPECT_EQ(test, tandem_header_len(header), sizeof(struct tandem_record) + 8);
	KUNIT_EXPECT_EQ(test, tandem_header_type_flags(header), 5);
}

static void largest_record(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, tandem_record_max(TANDEM_RING_SIZE_MIN), TANDEM_RING_SIZE_MIN / 8);
	KUNIT_EXPECT_EQ(test, tandem_record_max(SZ_512K), TANDEM_RECORD_MAX);
	KUNIT_EXPECT_EQ(test, tandem_record_max(TANDEM_RING_SIZE_MAX), TANDEM_RECORD_MAX);
}

static void last_eighth_is_for_the_critical(struct kunit *test)
{
	u64 size = TANDEM_RING_SIZE_MIN;

	KUNIT_EXPECT_EQ(test, tandem_ring_limit(size, TANDEM_CLASS_CRITICAL), size);
	KUNIT_EXPECT_EQ(test, tandem_ring_limit(size, TANDEM_CLASS_BULK), size / 8 * 7);
	KUNIT_EXPECT_EQ(test, tandem_ring_limit(size, TANDEM_CLASS_NORMAL), size / 8 * 7);
	KUNIT_EXPECT_EQ(test, tandem_ring_limit(size, TANDEM_CLASS_IMPORTANT), size / 8 * 7);
}

static void fits_to_the_last_byte(struct kunit *test)
{
	/* The ring began so that its positions pass the end of 64 bits in between. */
	static const u64 origins[] = { 0, 8, U64_MAX - 4095, (u64)S64_MAX - 7 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(origins); i++) {
		u64 cons = origins[i];

		KUNIT_EXPECT_TRUE(test, tandem_ring_fits(cons, 8192, cons, 8192));
		KUNIT_EXPECT_FALSE(test, tandem_ring_fits(cons, 8200, cons, 8192));
		KUNIT_EXPECT_TRUE(test, tandem_ring_fits(cons + 8168, 24, cons, 8192));
		KUNIT_EXPECT_FALSE(test, tandem_ring_fits(cons + 8176, 24, cons, 8192));
		KUNIT_EXPECT_FALSE(test, tandem_ring_fits(cons + 8192, 8, cons, 8192));
		KUNIT_EXPECT_TRUE(test, tandem_ring_fits(cons + 8192, 8, cons + 8, 8192));
	}
}

static void a_ring_without_room_takes_nothing(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, tandem_ring_fits(0, 16, 0, 0));
	KUNIT_EXPECT_FALSE(test, tandem_ring_fits(4096, 16, 4096, 0));
}

static void valid_consumer_positions(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, tandem_cons_pos_valid(0, 0, 0));
	KUNIT_EXPECT_TRUE(test, tandem_cons_pos_valid(64, 64, 128));
	KUNIT_EXPECT_TRUE(test, tandem_cons_pos_valid(96, 64, 128));
	KUNIT_EXPECT_TRUE(test, tandem_cons_pos_valid(128, 64, 128));
	/* Over the end of 64 bits. */
	KUNIT_EXPECT_TRUE(test, tandem_cons_pos_valid(0, U64_MAX - 7, 16));
	KUNIT_EXPECT_TRUE(test, tandem_cons_pos_valid(16, U64_MAX - 7, 16));
}

static void hostile_consumer_positions(struct kunit *test)
{
	/* Back, ahead of what is published, between two words, and anywhere. */
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(56, 64, 128));
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(136, 64, 128));
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(65, 64, 128));
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(127, 64, 128));
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(8, 0, 0));
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(U64_MAX, 0, 128));
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(U64_MAX - 7, 0, 128));
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(BIT_ULL(63), 0, 128));
	KUNIT_EXPECT_FALSE(test, tandem_cons_pos_valid(24, U64_MAX - 7, 16));
}

static void readable_from(struct kunit *test)
{
	/* Without a wish, or with one that has come true, any byte will do. */
	KUNIT_EXPECT_EQ(test, tandem_ring_threshold(64, TANDEM_AWAKE, 1), 65);
	KUNIT_EXPECT_EQ(test, tandem_ring_threshold(64, 0, 1), 65);
	KUNIT_EXPECT_EQ(test, tandem_ring_threshold(64, 64, 1), 65);
	KUNIT_EXPECT_EQ(test, tandem_ring_threshold(64, 65, 1), 65);
	KUNIT_EXPECT_EQ(test, tandem_ring_threshold(64, 4096, 1), 4096);
	KUNIT_EXPECT_EQ(test, tandem_ring_threshold(64, TANDEM_AWAKE, 512), 576);
	KUNIT_EXPECT_EQ(test, tandem_ring_threshold(64, 65, 512), 65);
}

static struct kunit_case position_cases[] = {
	KUNIT_CASE(header_carries_its_parts),
	KUNIT_CASE(header_ignores_further_bits),
	KUNIT_CASE(header_of_a_huge_length_stays_too_big),
	KUNIT_CASE(lost_before_saturates),
	KUNIT_CASE(largest_record),
	KUNIT_CASE(last_eighth_is_for_the_critical),
	KUNIT_CASE(fits_to_the_last_byte),
	KUNIT_CASE(a_ring_without_room_takes_nothing),
	KUNIT_CASE(valid_consumer_positions),
	KUNIT_CASE(hostile_consumer_positions),
	KUNIT_CASE(readable_from),
	{}
};

static struct kunit_suite position_suite = {
	.name = "tandem_position",
	.test_cases = position_cases,
};

kunit_test_suite(position_suite);

MODULE_DESCRIPTION("Tandem: KUnit tests");
MODULE_LICENSE("GPL");
