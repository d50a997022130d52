// SPDX-License-Identifier: GPL-2.0
/*
 * The ring that all CPUs share: one strict order, nothing lost untold, and the same care of its
 * consumer as any other ring takes.
 *
 * TIMEOUT=60
 */
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <time.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "reader.h"
#include "util.h"

#define DEVICE		"t-shared"
#define RING		(64 * 1024)
#define FOUR_CONTEXTS	(1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_SOFTIRQ | \
			 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK)

static const struct tandem_subscribe small = {
	.ring_size = RING, .flags = TANDEM_SUBSCRIBE_SHARED,
};

static const struct tandem_subscribe large = {
	.ring_size = 16 * RING, .flags = TANDEM_SUBSCRIBE_SHARED,
};

/* For consumer_drain(): what came from one run, in the order in which it was posted. */
static const char *check_order(void *data, const struct ring *ring,
			       const struct tandem_record *record)
{
	if (record->time < ring->time)
		return "the time of a record is before that of the one before it";
	return gen_check_record(data, ring, record);
}

FIXTURE(one_ring)
{
	int server;
	int node;
	struct consumer consumer;
	struct ring *ring;
};

FIXTURE_SETUP(one_ring)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &small));
	ASSERT_EQ(0, fcntl(self->consumer.fd, F_SETFL, O_NONBLOCK));
	self->ring = &self->consumer.ring[0];
}

FIXTURE_TEARDOWN(one_ring)
{
	consumer_close(&self->consumer);
	close(self->node);
	close(self->server);
	remove_device(DEVICE);
}

TEST_F(one_ring, constants)
{
	const struct tandem_ring_producer *producer = self->ring->producer;
	const size_t page = sysconf(_SC_PAGESIZE);
	struct query query;
	struct info info;

	EXPECT_EQ(1, self->consumer.args.rings);
	EXPECT_EQ(2 * page + 2 * RING, self->consumer.args.map_size);
	EXPECT_EQ(TANDEM_RING_MAGIC, producer->magic);
	EXPECT_EQ(RING, producer->size);
	EXPECT_EQ(TANDEM_ABI_VERSION, producer->abi);
	EXPECT_EQ(~0U, producer->cpu);
	EXPECT_EQ(CLOCK_MONOTONIC, producer->clock);
	EXPECT_EQ(TANDEM_RING_SHARED, producer->layout);
	EXPECT_EQ(TANDEM_RING_ACTIVE, producer->state);
	EXPECT_EQ(1, producer->generation);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_SHARED, self->consumer.fd,
				   self->consumer.args.map_size));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, query_open(&query));
	ASSERT_EQ(0, query_own_subscription(&query, DEVICE, &info));
	query_close(&query);
	EXPECT_EQ(1, info.number[TANDEM_ATTR_RINGS]);
	EXPECT_EQ(TANDEM_SUBSCRIBE_SHARED, info.number[TANDEM_ATTR_FLAGS]);
	EXPECT_EQ(RING + 2 * page, info.number[TANDEM_ATTR_MEMORY]);
}

/* One CPU after the other, as a single program does: the order is that of the posts. */
TEST_F(one_ring, order_of_posts)
{
	const unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const struct tandem_record *record;
	unsigned int i, n = 0;
	uint64_t time = 0;

	for (i = 0; i < 500; i++) {
		ASSERT_EQ(0, pin_to_cpu(i % cpus));
		ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, &i, sizeof(i)));
	}
	while ((record = ring_next(&self->consumer, self->ring))) {
		unsigned int number;

		memcpy(&number, record->data, sizeof(number));
		ASSERT_EQ(n++, number);
		ASSERT_LE(time, record->time);
		time = record->time;
	}
	EXPECT_EQ(500, n);
	EXPECT_EQ(NULL, self->consumer.error);
}

/* As in a ring of one CPU: the last eighth, what is lost and what is too large. */
TEST_F(one_ring, loss)
{
	static const uint8_t data[TANDEM_PAYLOAD_MAX];
	const struct tandem_ring_producer *producer = self->ring->producer;
	const unsigned int common = RING / 8 * 7 / 64;
	const struct tandem_record *record;
	unsigned int i;

	for (i = 0; i < common + 3; i++) {
		ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, data, 48));
	}
	EXPECT_EQ(3, producer->lost_records);
	EXPECT_EQ(3 * 48, producer->lost_bytes);
	EXPECT_EQ(3, producer->lost_class[TANDEM_CLASS_NORMAL]);
	for (i = 0; i < RING / 64 - common; i++) {
		ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_CRITICAL, data, 48));
	}
	EXPECT_EQ(3, producer->lost_records);
	EXPECT_EQ(RING, producer->pub_pos);
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_CRITICAL, data, RING / 8 - 15));
	EXPECT_EQ(1, producer->lost_too_big);
	for (i = 0; i < RING / 64; i++) {
		record = ring_next(&self->consumer, self->ring);
		ASSERT_NE(NULL, record);
		ASSERT_EQ(i == common ? 3 : 0, record->lost_before);
	}
	EXPECT_EQ(NULL, ring_next(&self->consumer, self->ring));
	ring_release(self->ring);
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, data, RING / 8 - 16));
	record = ring_next(&self->consumer, self->ring);
	ASSERT_NE(NULL, record);
	EXPECT_EQ(1, record->lost_before);
	EXPECT_EQ(RING / 8, record->len);
}

/* Positions at which no consumer can be. */
static uint64_t nonsense(uint64_t published, unsigned int n)
{
	const uint64_t positions[] = {
		published + 8, published + RING, published - 4, 1, 1ULL << 63, ~7ULL,
	};

	return positions[n];
}

/* A position that cannot be ends this subscription, and no other one. */
TEST_F(one_ring, hostile_position)
{
	static const uint8_t data[100];
	struct pollfd ready = { .fd = self->consumer.fd };
	struct consumer good;
	unsigned int n;

	ASSERT_EQ(0, consumer_open_args(&good, self->node, &small));
	for (n = 0; n < 6; n++) {
		uint64_t published;
		uint8_t buffer[256];
		unsigned int i;

		for (i = 0; i < 50; i++) {
			ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, data,
						sizeof(data)));
		}
		published = ring_published(self->ring);
		self->ring->consumer->cons_pos = nonsense(published, n);
		/* Until the ring seems full to its posters, or a reader looks. */
		for (i = 0; i < (n % 2 ? 2 * RING / 120 : 0); i++) {
			ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, data,
						sizeof(data)));
			consumer_drain(&good, NULL, NULL);
		}
		EXPECT_EQ(-1, read(self->consumer.fd, buffer, sizeof(buffer)));
		EXPECT_EQ(EBADMSG, errno);
		EXPECT_EQ(1, poll(&ready, 1, deadline_left(deadline_in(10))));
		EXPECT_EQ(POLLERR, ready.revents);
		EXPECT_EQ(TANDEM_RING_CORRUPT, self->ring->producer->state);
		consumer_drain(&good, NULL, NULL);
		EXPECT_EQ(0, consumer_lost_records(&good));
		EXPECT_EQ(NULL, good.error);
		consumer_close(&self->consumer);
		ASSERT_EQ(0, consumer_open_args(&self->consumer, self->node, &small));
		ASSERT_EQ(0, fcntl(self->consumer.fd, F_SETFL, O_NONBLOCK));
		ready.fd = self->consumer.fd;
	}
	consumer_close(&good);
}

TEST_F(one_ring, end)
{
	uint8_t buffer[64];

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	self->server = -1;
	EXPECT_EQ(TANDEM_RING_GONE, self->ring->producer->state);
	EXPECT_EQ(16, read(self->consumer.fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, read(self->consumer.fd, buffer, sizeof(buffer)));
}

/* Three kinds of consumer of the same events. */
FIXTURE(shared)
{
	int gen;
	struct consumer mapped;
	struct gen_check check;
	struct reader reader;
	struct consumer per_cpu;
	struct gen_check per_cpu_check;
	struct tandem_gen_start start;
};

FIXTURE_SETUP(shared)
{
	const struct tandem_subscribe other = { .ring_size = 16 * RING };

	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	ASSERT_EQ(0, consumer_open_args(&self->mapped, self->gen, &large));
	ASSERT_EQ(0, reader_open(&self->reader, self->gen, &large));
	ASSERT_EQ(0, consumer_open_args(&self->per_cpu, self->gen, &other));
	gen_init(&self->start, FOUR_CONTEXTS);
	self->start.size = 40;
	self->start.rate = 1000;
	self->start.count = test_load(4000);
}

FIXTURE_TEARDOWN(shared)
{
	gen_stop(self->gen);
	consumer_close(&self->per_cpu);
	reader_close(&self->reader);
	consumer_close(&self->mapped);
	close(self->gen);
}

static void begin(FIXTURE_DATA(shared) * self)
{
	gen_check_init(&self->check, &self->start);
	gen_check_init(&self->reader.check, &self->start);
	gen_check_init(&self->per_cpu_check, &self->start);
}

static void drain(FIXTURE_DATA(shared) * self)
{
	consumer_drain(&self->mapped, check_order, &self->check);
	reader_drain(&self->reader);
	consumer_drain(&self->per_cpu, gen_check_record, &self->per_cpu_check);
}

/*
 * Of a run that has ended: every event came or was counted; and the records of another one tell
 * what the last ones of this could not.
 */
static const char *balance(FIXTURE_DATA(shared) * self, uint64_t posted)
{
	const uint64_t lost = consumer_lost_records(&self->mapped);
	const uint64_t reader_lost = fdinfo_number(self->reader.fd, "lost");

	drain(self);
	if (self->mapped.error)
		return self->mapped.error;
	if (self->reader.error)
		return self->reader.error;
	if (self->per_cpu.error)
		return self->per_cpu.error;
	if (posted != self->check.received + lost)
		return "what was posted is not what was received and lost";
	if (posted != self->reader.records + reader_lost)
		return "what was posted is not what was read and lost";
	if (posted != self->per_cpu_check.received + consumer_lost_records(&self->per_cpu))
		return "the other layout does not conserve";
	if (self->check.missing > lost || self->reader.check.missing > reader_lost)
		return "more is missing than was lost";

	gen_init(&self->start, 1 << TANDEM_GEN_PROCESS);
	self->start.count = (lost > reader_lost ? lost : reader_lost) / UINT16_MAX + 2;
	if (gen_start(self->gen, &self->start) || gen_wait(self->gen, deadline_in(20)))
		return "the generator does not run";
	begin(self);
	drain(self);
	if (self->mapped.error)
		return self->mapped.error;
	if (consumer_lost_records(&self->mapped) != lost ||
	    consumer_lost_before(&self->mapped) != lost)
		return "the records do not tell of all losses";
	if (self->reader.error || self->reader.lost != reader_lost)
		return "what was read does not tell of all losses";
	return NULL;
}

#define EXPECT_BALANCE(posted) do { \
	const char *error_ = balance(self, posted); \
	\
	EXPECT_EQ(NULL, error_) { \
		TH_LOG("%s: received %ju, lost %ju", error_, (uintmax_t)self->check.received, \
		       (uintmax_t)consumer_lost_records(&self->mapped)); \
	} \
} while (0)

TEST_F(shared, all_contexts)
{
	const uint64_t deadline = deadline_in(30);
	struct tandem_gen_status status = { .running = 1 };

	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	begin(self);
	while (status.running && !deadline_passed(deadline)) {
		struct pollfd ready = { .fd = self->mapped.fd, .events = POLLIN };

		/* The run ends without an event: look again at times. */
		poll(&ready, 1, 100);
		drain(self);
		ASSERT_EQ(0, gen_status(self->gen, &status));
	}
	ASSERT_EQ(0, status.running);
	EXPECT_BALANCE(gen_posted(self->gen));
}

/* Far more than the rings hold, in batches, from all CPUs at once. */
TEST_F(shared, flood)
{
	const uint64_t deadline = deadline_in(30);
	struct tandem_gen_status status = { .running = 1 };
	uint64_t posted;

	self->start.contexts = 1 << TANDEM_GEN_PROCESS;
	self->start.rate = 0;
	self->start.batch = 16;
	self->start.count = test_load(100000);
	ASSERT_EQ(0, gen_start(self->gen, &self->start));
	begin(self);
	while (status.running && !deadline_passed(deadline)) {
		consumer_drain(&self->mapped, check_order, &self->check);
		ASSERT_EQ(0, gen_status(self->gen, &status));
	}
	ASSERT_EQ(0, status.running);
	posted = gen_posted(self->gen);
	drain(self);
	/* Nobody took anything out of this one before it was full. */
	EXPECT_LT(0, fdinfo_number(self->reader.fd, "lost"));
	EXPECT_BALANCE(posted);
}

/*
 * NMIs come while all the others post, and while they hold what they need to post: those that find
 * it held are lost, and told.
 */
TEST_F(shared, nmi)
{
	const uint64_t deadline = deadline_in(60);
	char count[16];
	char *const arguments[] = { "nmi", count, NULL };
	int err, status;
	pid_t pid;

	if (!getenv("TANDEM_NMI_PORT"))
		SKIP(return, "no way to inject NMIs");
	snprintf(count, sizeof(count), "%ju", (uintmax_t)test_load(500));
	self->start.contexts |= 1 << TANDEM_GEN_NMI;
	self->start.count = 0;
	err = gen_start(self->gen, &self->start);
	if (err == -EOPNOTSUPP)
		SKIP(return, "the generator cannot take NMIs here");
	ASSERT_EQ(0, err);
	begin(self);
	ASSERT_EQ(0, posix_spawnp(&pid, "nmi", NULL, NULL, arguments, environ));
	while (!waitpid(pid, &status, WNOHANG)) {
		drain(self);
		ASSERT_FALSE(deadline_passed(deadline));
	}
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, gen_stop(self->gen));
	drain(self);
	EXPECT_LT(0, self->check.producer[0][TANDEM_GEN_NMI].received);
	EXPECT_BALANCE(gen_posted(self->gen));
}

TEST_HARNESS_MAIN
