// SPDX-License-Identifier: GPL-2.0
/*
 * Rings as their consumer sees them: constants, records, the turn at their end, several CPUs.
 *
 * TIMEOUT=180
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "util.h"

#define DEVICE	"t-ring"
#define RING	(64 * 1024)

FIXTURE(ring)
{
	int server;
	struct consumer consumer;
};

FIXTURE_SETUP(ring)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, consumer_open(&self->consumer, DEVICE, RING));
}

FIXTURE_TEARDOWN(ring)
{
	EXPECT_EQ(NULL, self->consumer.error) {
		TH_LOG("%s", self->consumer.error);
	}
	consumer_close(&self->consumer);
	close(self->server);
	remove_device(DEVICE);
}

static bool cpu_online(unsigned int cpu)
{
	char path[64];
	uint64_t online;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	/* The first CPU has no such file where it cannot be taken offline. */
	return !read_number(path, &online) || online;
}

TEST_F(ring, constants)
{
	struct consumer *consumer = &self->consumer;
	unsigned int i;

	EXPECT_EQ(sysconf(_SC_NPROCESSORS_CONF), consumer->args.rings);
	EXPECT_EQ(2UL * sysconf(_SC_PAGESIZE) + 2 * RING, consumer->args.map_size);
	EXPECT_EQ(FD_CLOEXEC, fcntl(consumer->fd, F_GETFD));
	for (i = 0; i < consumer->args.rings; i++) {
		const struct tandem_ring_producer *producer = consumer->ring[i].producer;

		EXPECT_EQ(TANDEM_RING_MAGIC, producer->magic);
		EXPECT_EQ(RING, producer->size);
		EXPECT_EQ(TANDEM_ABI_VERSION, producer->abi);
		EXPECT_EQ(i, producer->cpu);
		EXPECT_EQ(CLOCK_MONOTONIC, producer->clock);
		EXPECT_EQ(TANDEM_RING_PER_CPU, producer->layout);
		EXPECT_EQ(cpu_online(i) ? TANDEM_RING_ACTIVE : TANDEM_RING_EMPTY, producer->state);
		EXPECT_EQ(1, producer->generation);
		EXPECT_EQ(0, producer->pub_pos);
		EXPECT_EQ(0, producer->lost_records);
		EXPECT_EQ(0, consumer->ring[i].consumer->cons_pos);
	}
}

TEST_F(ring, sizes)
{
	struct consumer consumer;
	uint64_t size;

	for (size = TANDEM_RING_SIZE_MIN; size <= 4 * 1024 * 1024; size *= 2) {
		ASSERT_EQ(0, consumer_open(&consumer, DEVICE, size));
		EXPECT_EQ(size, consumer.ring[0].producer->size);
		EXPECT_EQ(2 * sysconf(_SC_PAGESIZE) + 2 * size, consumer.args.map_size);
		consumer_close(&consumer);
	}
}

TEST_F(ring, record)
{
	struct ring *ring = &self->consumer.ring[0];
	const struct tandem_record *record;
	uint64_t before = now_ns(), after;

	ASSERT_EQ(0, post_event(self->server, 4095, TANDEM_CLASS_IMPORTANT, "hello", 5));
	after = now_ns();
	record = ring_next(&self->consumer, ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(21, record->len);
	EXPECT_EQ(4095, TANDEM_RECORD_TYPE(record->type_flags));
	EXPECT_EQ(TANDEM_CLASS_IMPORTANT, TANDEM_RECORD_CLASS(record->type_flags));
	EXPECT_EQ(0, record->type_flags & TANDEM_RECORD_DISCARDED);
	EXPECT_EQ(0, record->lost_before);
	EXPECT_EQ(0, memcmp(record->data, "hello", 5));
	/* The kernel's fast clock may be a tick behind. */
	EXPECT_LE(before, record->time + 20000000);
	EXPECT_GE(after, record->time);
	EXPECT_EQ(24, ring->cons);
	EXPECT_EQ(24, ring_published(ring));

	ASSERT_EQ(0, post_event(self->server, 0, TANDEM_CLASS_BULK, NULL, 0));
	record = ring_next(&self->consumer, ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(16, record->len);
	EXPECT_EQ(0, record->type_flags);
	EXPECT_EQ(40, ring_published(ring));
	EXPECT_EQ(NULL, ring_next(&self->consumer, ring));
}

TEST_F(ring, each_type_and_class)
{
	unsigned int type, event_class;

	for (type = 0; type < TANDEM_TYPES; type += 37)
		for (event_class = 0; event_class < TANDEM_CLASSES; event_class++) {
			const struct tandem_record *record;

			ASSERT_EQ(0, post_event(self->server, type, event_class, &type,
						sizeof(type)));
			record = ring_next(&self->consumer, &self->consumer.ring[0]);
			ASSERT_NE(NULL, record);
			ASSERT_EQ(type, TANDEM_RECORD_TYPE(record->type_flags));
			ASSERT_EQ(event_class, TANDEM_RECORD_CLASS(record->type_flags));
			ASSERT_EQ(0, memcmp(record->data, &type, sizeof(type)));
			ring_release(&self->consumer.ring[0]);
		}
}

/* Records of all sizes, so that the end of the ring falls into each part of one. */
TEST_F(ring, turns)
{
	struct ring *ring = &self->consumer.ring[0];
	uint64_t random = 42, posted = 0, number = 0;
	static uint8_t data[RING / 8 - 16];
	uint64_t turns = test_load(40);

	while (posted < turns * RING) {
		unsigned int burst = 1 + next_random(&random) % 6;
		uint64_t first = number;
		size_t sizes[6], i;
		unsigned int n;

		for (n = 0; n < burst; n++, number++) {
			sizes[n] = next_random(&random) % (sizeof(data) + 1);
			for (i = 0; i < sizes[n]; i++)
				data[i] = number * 31 + i;
			ASSERT_EQ(0, post_event(self->server, number % TANDEM_TYPES,
						TANDEM_CLASS_NORMAL, data, sizes[n]));
			posted += 16 + ((sizes[n] + 7) & ~7ULL);
		}
		for (n = 0; n < burst; n++) {
			const struct tandem_record *record = ring_next(&self->consumer, ring);

			ASSERT_NE(NULL, record);
			ASSERT_EQ(sizes[n], record_payload(record));
			ASSERT_EQ((first + n) % TANDEM_TYPES,
				  TANDEM_RECORD_TYPE(record->type_flags));
			ASSERT_EQ(0, record->lost_before);
			for (i = 0; i < sizes[n]; i++) {
				ASSERT_EQ((uint8_t)((first + n) * 31 + i), record->data[i]);
			}
		}
		ring_release(ring);
		ASSERT_EQ(posted, ring->cons);
	}
	EXPECT_EQ(0, memcmp(ring->data, ring->data + RING, RING));
	EXPECT_EQ(0, ring->producer->lost_records);
}

TEST_F(ring, each_cpu_has_its_ring)
{
	unsigned int cpu;

	for (cpu = 0; cpu < self->consumer.args.rings; cpu++) {
		const struct tandem_record *record;
		unsigned int i;

		if (pin_to_cpu(cpu))
			continue;
		ASSERT_EQ(0, post_event(self->server, 7, TANDEM_CLASS_NORMAL, &cpu, sizeof(cpu)));
		for (i = 0; i < self->consumer.args.rings; i++) {
			record = ring_next(&self->consumer, &self->consumer.ring[i]);
			EXPECT_EQ(i == cpu, !!record);
		}
	}
}

TEST_F(ring, begins_with_the_subscription)
{
	struct consumer second;

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "a", 1));
	ASSERT_EQ(0, consumer_open(&second, DEVICE, RING));
	ASSERT_EQ(0, post_event(self->server, 2, TANDEM_CLASS_NORMAL, "b", 1));
	EXPECT_EQ(2, consumer_drain(&self->consumer, NULL, NULL));
	EXPECT_EQ(1, consumer_drain(&second, NULL, NULL));
	consumer_close(&second);
}

TEST_F(ring, generation_of_the_server)
{
	struct tandem_bind bind;
	struct consumer second;
	int server;

	close(self->server);
	server = open_node("control", O_RDWR);
	ASSERT_LE(0, server);
	bind_init(&bind, DEVICE);
	bind.flags = 0;
	ASSERT_EQ(0, ioctl(server, TANDEM_IOC_BIND, &bind));
	EXPECT_EQ(2, bind.generation);
	ASSERT_EQ(0, consumer_open(&second, DEVICE, RING));
	EXPECT_EQ(2, second.ring[0].producer->generation);
	EXPECT_EQ(1, self->consumer.ring[0].producer->generation);
	ASSERT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, "a", 1));
	EXPECT_EQ(1, consumer_drain(&second, NULL, NULL));
	EXPECT_EQ(1, consumer_drain(&self->consumer, NULL, NULL));
	consumer_close(&second);
	self->server = server;
}

TEST_F(ring, gone_with_the_device)
{
	unsigned int i;

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "last", 4));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	for (i = 0; i < self->consumer.args.rings; i++) {
		EXPECT_EQ(TANDEM_RING_GONE, self->consumer.ring[i].producer->state);
	}
	EXPECT_EQ(1, consumer_drain(&self->consumer, NULL, NULL));
	self->server = open_node("control", O_RDWR);
}

/* What a consumer reads while four producers on each CPU post is all there, and all right. */
TEST_F(ring, generated)
{
	const uint64_t deadline = deadline_in(60);
	static const uint32_t sizes[] = { 16, 17, 100, 1000, 8000 };
	int gen = open_node("gen", O_RDWR);
	unsigned int i;

	ASSERT_LE(0, gen);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct tandem_gen_status status = { .running = 1 };
		struct tandem_gen_start start;
		static struct gen_check check;
		struct consumer consumer;
		uint64_t lost;

		ASSERT_EQ(0, consumer_open(&consumer, "gen", 1024 * 1024));
		gen_init(&start, 1 << TANDEM_GEN_PROCESS);
		start.size = sizes[i];
		start.count = test_load(20000);
		ASSERT_EQ(0, gen_start(gen, &start));
		gen_check_init(&check, &start);
		check.exact = true;
		while (status.running && !deadline_passed(deadline)) {
			ASSERT_EQ(0, gen_status(gen, &status));
			consumer_drain(&consumer, gen_check_record, &check);
		}
		consumer_drain(&consumer, gen_check_record, &check);
		EXPECT_EQ(0, status.running);
		EXPECT_EQ(NULL, consumer.error) {
			TH_LOG("size %u: %s", sizes[i], consumer.error);
		}
		lost = consumer_lost_records(&consumer);
		EXPECT_EQ(gen_posted(gen), check.received + lost);
		EXPECT_LE(check.missing, lost);
		consumer_close(&consumer);
	}
	close(gen);
}

TEST_HARNESS_MAIN
