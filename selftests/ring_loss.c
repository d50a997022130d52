// SPDX-License-Identifier: GPL-2.0
/*
 * What a ring has no room for is counted, exactly and where it was lost; what nobody asked for is
 * not.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-loss"
#define RING	(64 * 1024)
/* Records of 64 bytes with their headers. */
#define PAYLOAD	48
#define STRIDE	64

static const char payload[TANDEM_PAYLOAD_MAX + 1];

FIXTURE(loss)
{
	int server;
	struct consumer consumer;
};

FIXTURE_SETUP(loss)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, consumer_open(&self->consumer, DEVICE, RING));
}

FIXTURE_TEARDOWN(loss)
{
	EXPECT_EQ(NULL, self->consumer.error) {
		TH_LOG("%s", self->consumer.error);
	}
	consumer_close(&self->consumer);
	close(self->server);
	remove_device(DEVICE);
}

static int post_many(int server, uint64_t count, enum tandem_class event_class)
{
	int err = 0;

	while (count-- && !err)
		err = post_event(server, 1, event_class, payload, PAYLOAD);
	return err;
}

TEST_F(loss, last_eighth_is_for_critical)
{
	const struct tandem_ring_producer *producer = self->consumer.ring[0].producer;
	const uint64_t common = RING / 8 * 7 / STRIDE, all = RING / STRIDE;
	unsigned int event_class;

	for (event_class = TANDEM_CLASS_BULK; event_class < TANDEM_CLASS_CRITICAL; event_class++) {
		ASSERT_EQ(0, post_many(self->server, common, event_class));
	}
	EXPECT_EQ(common * STRIDE, producer->pub_pos);
	EXPECT_EQ(2 * common, producer->lost_records);
	EXPECT_EQ(2 * common * PAYLOAD, producer->lost_bytes);
	EXPECT_EQ(0, producer->lost_class[TANDEM_CLASS_BULK]);
	EXPECT_EQ(common, producer->lost_class[TANDEM_CLASS_NORMAL]);
	EXPECT_EQ(common, producer->lost_class[TANDEM_CLASS_IMPORTANT]);

	ASSERT_EQ(0, post_many(self->server, all - common, TANDEM_CLASS_CRITICAL));
	EXPECT_EQ(RING, producer->pub_pos);
	EXPECT_EQ(0, producer->lost_class[TANDEM_CLASS_CRITICAL]);
	ASSERT_EQ(0, post_many(self->server, 3, TANDEM_CLASS_CRITICAL));
	EXPECT_EQ(RING, producer->pub_pos);
	EXPECT_EQ(3, producer->lost_class[TANDEM_CLASS_CRITICAL]);
	EXPECT_EQ(2 * common + 3, producer->lost_records);
	EXPECT_EQ(0, producer->lost_recursion);
	EXPECT_EQ(0, producer->lost_too_big);
	EXPECT_EQ(all, consumer_drain(&self->consumer, NULL, NULL));
}

TEST_F(loss, told_where_it_happened)
{
	const uint64_t common = RING / 8 * 7 / STRIDE;
	struct ring *ring = &self->consumer.ring[0];
	const struct tandem_record *record;
	unsigned int i;

	ASSERT_EQ(0, post_many(self->server, common + 5, TANDEM_CLASS_NORMAL));
	for (i = 0; i < common; i++) {
		record = ring_next(&self->consumer, ring);
		ASSERT_NE(NULL, record);
		ASSERT_EQ(0, record->lost_before);
	}
	EXPECT_EQ(NULL, ring_next(&self->consumer, ring));
	EXPECT_EQ(5, ring->producer->lost_records);
	EXPECT_EQ(0, ring->lost);
	ring_release(ring);

	ASSERT_EQ(0, post_many(self->server, 2, TANDEM_CLASS_NORMAL));
	record = ring_next(&self->consumer, ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(5, record->lost_before);
	record = ring_next(&self->consumer, ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(0, record->lost_before);
	EXPECT_EQ(ring->producer->lost_records, ring->lost);
}

TEST_F(loss, more_than_a_record_can_tell)
{
	const uint64_t common = RING / 8 * 7 / STRIDE, lost = 65535 + 100;
	struct ring *ring = &self->consumer.ring[0];
	const struct tandem_record *record;

	ASSERT_EQ(0, post_many(self->server, common + lost, TANDEM_CLASS_NORMAL));
	EXPECT_EQ(lost, ring->producer->lost_records);
	EXPECT_EQ(common, consumer_drain(&self->consumer, NULL, NULL));

	ASSERT_EQ(0, post_many(self->server, 3, TANDEM_CLASS_NORMAL));
	record = ring_next(&self->consumer, ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(65535, record->lost_before);
	record = ring_next(&self->consumer, ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(100, record->lost_before);
	record = ring_next(&self->consumer, ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(0, record->lost_before);
	EXPECT_EQ(lost, ring->lost);
}

TEST_F(loss, too_big)
{
	const struct tandem_ring_producer *producer = self->consumer.ring[0].producer;
	const size_t most = RING / 8 - sizeof(struct tandem_record);
	const struct tandem_record *record;
	struct consumer large;

	ASSERT_EQ(0, consumer_open(&large, DEVICE, 1024 * 1024));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, payload, most));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, payload, most + 1));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, payload, TANDEM_PAYLOAD_MAX));
	EXPECT_EQ(-EMSGSIZE, post_event(self->server, 1, TANDEM_CLASS_NORMAL, payload,
					TANDEM_PAYLOAD_MAX + 1));
	EXPECT_EQ(2, producer->lost_records);
	EXPECT_EQ(2, producer->lost_too_big);
	EXPECT_EQ(most + 1 + TANDEM_PAYLOAD_MAX, producer->lost_bytes);
	EXPECT_EQ(2, producer->lost_class[TANDEM_CLASS_NORMAL]);
	EXPECT_EQ(1, consumer_drain(&self->consumer, NULL, NULL));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, payload, 1));
	record = ring_next(&self->consumer, &self->consumer.ring[0]);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(2, record->lost_before);
	EXPECT_EQ(4, consumer_drain(&large, NULL, NULL));
	EXPECT_EQ(0, consumer_lost_records(&large));
	consumer_close(&large);
}

TEST_F(loss, only_of_the_slow)
{
	struct consumer quick;
	unsigned int i;

	ASSERT_EQ(0, consumer_open(&quick, DEVICE, RING));
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, post_many(self->server, 100, TANDEM_CLASS_NORMAL));
		ASSERT_EQ(100, consumer_drain(&quick, NULL, NULL));
	}
	EXPECT_EQ(0, consumer_lost_records(&quick));
	EXPECT_EQ(4000 - RING / 8 * 7 / STRIDE, consumer_lost_records(&self->consumer));
	consumer_close(&quick);
}

TEST_F(loss, told_over_netlink)
{
	const uint64_t common = RING / 8 * 7 / STRIDE;
	struct info info, device;
	struct query query;
	unsigned int i;

	ASSERT_EQ(0, post_many(self->server, common + 10, TANDEM_CLASS_BULK));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_IMPORTANT, payload, RING / 8));
	ASSERT_EQ(0, query_open(&query));
	ASSERT_EQ(0, query_own_subscription(&query, DEVICE, &info));
	EXPECT_EQ(common, info.number[TANDEM_ATTR_ACCEPTED]);
	EXPECT_EQ(11, info.number[TANDEM_ATTR_LOST]);
	EXPECT_EQ(10 * PAYLOAD + RING / 8, info.number[TANDEM_ATTR_LOST_BYTES]);
	EXPECT_EQ(0, info.number[TANDEM_ATTR_LOST_RECURSION]);
	EXPECT_EQ(1, info.number[TANDEM_ATTR_LOST_TOO_BIG]);
	EXPECT_EQ(10, info.lost_class[TANDEM_CLASS_BULK]);
	EXPECT_EQ(1, info.lost_class[TANDEM_CLASS_IMPORTANT]);
	EXPECT_EQ(common * STRIDE, info.number[TANDEM_ATTR_PENDING_BYTES]);
	EXPECT_EQ(TANDEM_RING_ACTIVE, info.number[TANDEM_ATTR_STATE]);
	ASSERT_EQ(0, query_device(&query, DEVICE, 0, &device));
	EXPECT_EQ(info.number[TANDEM_ATTR_ACCEPTED] + info.number[TANDEM_ATTR_LOST],
		  device.number[TANDEM_ATTR_POSTED]);

	for (i = 0; i < common; i++) {
		ASSERT_NE(NULL, ring_next(&self->consumer, &self->consumer.ring[0]));
	}
	ring_release(&self->consumer.ring[0]);
	ASSERT_EQ(0, query_own_subscription(&query, DEVICE, &info));
	EXPECT_EQ(0, info.number[TANDEM_ATTR_PENDING_BYTES]);
	query_close(&query);
}

static int consumer_filtered(struct consumer *consumer, const uint16_t *types, uint32_t count,
			     uint32_t classes)
{
	struct tandem_subscribe args = {
		.ring_size = RING,
		.types = (uintptr_t)types,
		.types_count = count,
		.classes = classes,
	};
	int node = open_node(DEVICE, O_RDONLY);
	int err;

	if (node < 0)
		return node;
	err = consumer_open_args(consumer, node, &args);
	close(node);
	return err;
}

struct filter {
	const uint16_t *types;
	unsigned int count;
	uint32_t classes;
};

static const char *check_filter(void *data, const struct ring *ring,
				const struct tandem_record *record)
{
	const struct filter *filter = data;
	unsigned int i;

	(void)ring;
	if (filter->classes && !(filter->classes & 1 << TANDEM_RECORD_CLASS(record->type_flags)))
		return "an event of a class that nobody asked for";
	for (i = 0; i < filter->count; i++)
		if (filter->types[i] == TANDEM_RECORD_TYPE(record->type_flags))
			return NULL;
	return filter->count ? "an event of a type that nobody asked for" : NULL;
}

TEST_F(loss, filters)
{
	static const uint16_t one[] = { 5 }, ends[] = { 0, 63, 64, 4095, 64 };
	static const struct filter filters[] = {
		{ .types = one, .count = 1 },
		{ .types = ends, .count = 5 },
		{ .classes = 1 << TANDEM_CLASS_BULK | 1 << TANDEM_CLASS_CRITICAL },
		{ .types = ends, .count = 5, .classes = 1 << TANDEM_CLASS_IMPORTANT },
		{ .classes = 0xf },
	};
	static const unsigned int types[] = { 0, 1, 5, 62, 63, 64, 65, 4094, 4095 };
	static const unsigned int expected[] = { 1 * 4, 4 * 4, 9 * 2, 4 * 1, 9 * 4 };
	struct consumer consumers[ARRAY_SIZE(filters)];
	unsigned int i, event_class;

	for (i = 0; i < ARRAY_SIZE(filters); i++) {
		ASSERT_EQ(0, consumer_filtered(&consumers[i], filters[i].types, filters[i].count,
					       filters[i].classes));
	}
	for (i = 0; i < ARRAY_SIZE(types); i++)
		for (event_class = 0; event_class < TANDEM_CLASSES; event_class++) {
			ASSERT_EQ(0, post_event(self->server, types[i], event_class, payload, 8));
		}
	for (i = 0; i < ARRAY_SIZE(filters); i++) {
		EXPECT_EQ(expected[i], consumer_drain(&consumers[i], check_filter,
						      (void *)&filters[i])) {
			TH_LOG("filter %u", i);
		}
		EXPECT_EQ(NULL, consumers[i].error) {
			TH_LOG("filter %u: %s", i, consumers[i].error);
		}
		EXPECT_EQ(0, consumer_lost_records(&consumers[i]));
		EXPECT_EQ(0, consumer_lost_before(&consumers[i]));
		consumer_close(&consumers[i]);
	}
}

/* Events that a filter keeps out cost nothing, not even when the ring is full. */
TEST_F(loss, none_of_the_unwanted)
{
	static const uint16_t wanted[] = { 1 };
	struct consumer consumer;
	struct info info;
	struct query query;

	ASSERT_EQ(0, consumer_filtered(&consumer, wanted, 1, 0));
	ASSERT_EQ(0, post_many(self->server, RING / STRIDE, TANDEM_CLASS_CRITICAL));
	ASSERT_EQ(0, post_event(self->server, 2, TANDEM_CLASS_CRITICAL, payload, PAYLOAD));
	EXPECT_EQ(0, consumer_lost_records(&consumer));
	EXPECT_EQ(1, consumer_lost_records(&self->consumer));
	ASSERT_EQ(0, query_open(&query));
	ASSERT_EQ(0, query_own_subscription(&query, DEVICE, &info));
	EXPECT_TRUE(info.has[TANDEM_ATTR_TYPES]);
	EXPECT_EQ(1 << 1, info.types[0]);
	EXPECT_EQ(0, info.types[1]);
	EXPECT_EQ(RING / STRIDE, info.number[TANDEM_ATTR_ACCEPTED]);
	query_close(&query);
	consumer_close(&consumer);
}

TEST_HARNESS_MAIN
