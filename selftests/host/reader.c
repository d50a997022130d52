// SPDX-License-Identifier: GPL-2.0
/*
 * The library's reader against simulated rings: order, completeness, accounting, what the kernel
 * may overwrite, and rings that make no sense.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "sim.h"

#define SIZE	(64 * 1024)

/* Repeatable pseudo-random numbers: xorshift. */
static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

FIXTURE(reader) {
	struct sim sim;
	struct tandem_subscription *sub;
};

FIXTURE_VARIANT(reader) {
	unsigned int rings;
};

FIXTURE_VARIANT_ADD(reader, one_ring) { .rings = 1 };
FIXTURE_VARIANT_ADD(reader, two_rings) { .rings = 2 };
FIXTURE_VARIANT_ADD(reader, three_rings) { .rings = 3 };
FIXTURE_VARIANT_ADD(reader, many_rings) { .rings = SIM_RINGS_MAX };

FIXTURE_SETUP(reader)
{
	ASSERT_TRUE(sim_init(&self->sim, variant->rings, SIZE));
	ASSERT_EQ(sim_attach(&self->sim, &self->sub, NULL), 0);
}

FIXTURE_TEARDOWN(reader)
{
	tandem_unsubscribe(self->sub);
	sim_exit(&self->sim);
}

TEST_F(reader, nothing)
{
	struct tandem_counters counters;
	unsigned int i;

	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_dispatch(self->sub, 0), 0);
	tandem_release(self->sub);
	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(counters.delivered, 0);
	EXPECT_EQ(counters.lost, 0);
	for (i = 0; i < variant->rings; i++)
		EXPECT_EQ(self->sim.ring[i].consumer->cons_pos, 0);
}

/* All there is at once, with many equal times: sorted, complete, each ring's own order kept. */
TEST_F(reader, merge)
{
	uint64_t seed = 88172645463325252ULL, last = 0, next[SIM_RINGS_MAX] = { 0 };
	unsigned int i, n, posted = 0, given = 0;
	const struct tandem_record *record;

	for (i = 0; i < variant->rings; i++) {
		uint64_t time = 0;

		for (n = 0; n < 1000; n++) {
			struct tandem_record *made;

			time += draw(&seed) % 4;
			made = sim_reserve(&self->sim.ring[i], n % TANDEM_TYPES, sizeof(uint64_t),
					   time);
			ASSERT_NE(made, NULL);
			posted++;
		}
		sim_publish(&self->sim.ring[i]);
	}
	while ((record = tandem_next(self->sub))) {
		unsigned int cpu = tandem_record_cpu(self->sub);

		ASSERT_LT(cpu, variant->rings);
		ASSERT_GE(record->time, last);
		ASSERT_EQ(TANDEM_RECORD_TYPE(record->type_flags), next[cpu]++);
		last = record->time;
		given++;
	}
	EXPECT_EQ(given, posted);
}

/*
 * Posts and reads in a random order, through many turns of each ring. Every post is visible at once
 * and later than those before, so the reader must give them all in exactly that order, whatever it
 * knew when. What it gave must still be its own, and no more than it needs.
 */
TEST_F(reader, interleaved)
{
	uint64_t seed = 2463534242ULL, time = 0, seen = 0, given = 0, lost = 0, posts = 200000;
	const struct tandem_record *record;
	struct tandem_counters counters;

	while (posts || seen < time) {
		unsigned int i = (unsigned int)(draw(&seed) % variant->rings);
		uint64_t burst = draw(&seed) % 2000;

		/* Bursts favour one ring, so that it is full while others are idle. */
		for (; posts && burst; burst--, posts--) {
			if (draw(&seed) % 8 == 0)
				i = (unsigned int)(draw(&seed) % variant->rings);
			if (!sim_post(&self->sim, i, 0, draw(&seed) % 100, ++time)) {
				time--;
				lost++;
			}
		}
		for (burst = draw(&seed) % 2000; burst; burst--) {
			const struct sim_ring *ring;
			uint64_t cons, position;

			record = tandem_next(self->sub);
			if (!record) {
				ASSERT_EQ(seen, time);
				break;
			}
			ASSERT_EQ(record->time, seen + 1);
			ASSERT_TRUE(sim_payload_ok(record));
			seen = record->time;
			given++;

			i = tandem_record_cpu(self->sub);
			ring = &self->sim.ring[i];
			cons = ring->consumer->cons_pos;
			position = sim_position(&self->sim, i, record);
			ASSERT_EQ(cons % 8, 0);
			ASSERT_LE(cons, position);
			ASSERT_LE(position - cons, SIZE / 8 + SIZE / 8);
		}
	}
	ASSERT_EQ(tandem_next(self->sub), NULL);
	for (posts = 0; posts < variant->rings; posts++)
		EXPECT_EQ(self->sim.ring[posts].consumer->cons_pos,
			  self->sim.ring[posts].producer->pub_pos);
	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(counters.delivered, given);
	EXPECT_EQ(counters.lost, lost);
	EXPECT_GT(self->sim.ring[0].head, variant->rings > 3 ? SIZE : 10 * SIZE);
}

/* A consumer that is always behind must lose, and count exactly what was lost. */
TEST_F(reader, losses)
{
	uint64_t seed = 521288629ULL, pending = 0, discarded = 0;
	uint64_t posted = 0, delivered = 0, seen = 0, bytes = 0;
	const struct tandem_record *record = NULL;
	struct tandem_counters counters;
	unsigned int i, n;

	for (n = 0; n < 300000 || record; n++) {
		i = (unsigned int)(draw(&seed) % variant->rings);
		if (n < 300000) {
			unsigned int flags = draw(&seed) % 16 ? 1 : 1 | TANDEM_RECORD_DISCARDED;
			size_t len = draw(&seed) % 4000;
			bool kept = sim_post(&self->sim, i, flags, len, n);

			bytes += kept ? 0 : len;
			posted += !kept || !(flags & TANDEM_RECORD_DISCARDED);
			if (draw(&seed) % 2)
				continue;
		}
		record = tandem_next(self->sub);
		if (record) {
			if (record->type_flags & TANDEM_RECORD_DISCARDED)
				discarded++;
			else
				delivered++;
			seen += record->lost_before;
		}
		if (n % 1024 == 0) {
			tandem_subscription_counters(self->sub, &counters);
			ASSERT_EQ(counters.delivered, delivered);
			ASSERT_EQ(counters.lost_seen, seen);
		}
	}
	for (i = 0; i < variant->rings; i++)
		pending += self->sim.ring[i].pending;
	tandem_subscription_counters(self->sub, &counters);
	EXPECT_GT(counters.lost, 0);
	EXPECT_GT(discarded, 0);
	EXPECT_EQ(counters.delivered, delivered);
	EXPECT_EQ(counters.lost_seen + pending, counters.lost);
	EXPECT_EQ(counters.lost_bytes, bytes);
	EXPECT_EQ(counters.lost_class[TANDEM_CLASS_BULK], counters.lost);
	EXPECT_EQ(posted, counters.delivered + counters.lost);
}

/* In a ring the order is that of positions, also where the clock stepped back. */
TEST_F(reader, time_steps_back)
{
	static const uint64_t times[] = { 100, 90, 110, 105, 120 };
	unsigned int i, n, next[SIM_RINGS_MAX] = { 0 };

	for (n = 0; n < 5; n++) {
		for (i = 0; i < variant->rings; i++)
			ASSERT_TRUE(sim_post(&self->sim, i, n, 0, times[n]));
	}
	for (n = 0; n < 5 * variant->rings; n++) {
		const struct tandem_record *record = tandem_next(self->sub);

		ASSERT_NE(record, NULL);
		i = tandem_record_cpu(self->sub);
		ASSERT_EQ(TANDEM_RECORD_TYPE(record->type_flags), next[i]++);
	}
	EXPECT_EQ(tandem_next(self->sub), NULL);
}

TEST_F(reader, release)
{
	struct sim_ring *ring = &self->sim.ring[0];
	const struct tandem_record *record;

	ASSERT_TRUE(sim_post(&self->sim, 0, 0, 24, 1));
	ASSERT_TRUE(sim_post(&self->sim, 0, 0, 24, 2));
	record = tandem_next(self->sub);
	ASSERT_NE(record, NULL);
	EXPECT_EQ(record->time, 1);
	EXPECT_EQ(ring->consumer->cons_pos, 0);
	tandem_release(self->sub);
	EXPECT_EQ(ring->consumer->cons_pos, 40);
	record = tandem_next(self->sub);
	ASSERT_NE(record, NULL);
	EXPECT_EQ(record->time, 2);
	EXPECT_EQ(ring->consumer->cons_pos, 40);
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(ring->consumer->cons_pos, 80);
}

/* Lengths that cannot be: an end, not an endless loop, nor a step out of the ring. */
TEST_F(reader, corrupt_length)
{
	static const uint32_t lengths[] = { 0, 1, 15, SIZE, UINT32_MAX };
	unsigned int i, n;

	for (i = 0; i < 5; i++) {
		struct tandem_subscription *sub;
		struct tandem_record *record;
		struct sim sim;

		ASSERT_TRUE(sim_init(&sim, variant->rings, SIZE));
		ASSERT_EQ(sim_attach(&sim, &sub, NULL), 0);
		ASSERT_TRUE(sim_post(&sim, 0, 0, 8, 1));
		record = sim_reserve(&sim.ring[0], 0, 8, 2);
		ASSERT_NE(record, NULL);
		record->len = lengths[i];
		ASSERT_NE(sim_reserve(&sim.ring[0], 0, 8, 3), NULL);
		sim_publish(&sim.ring[0]);

		for (n = 0; tandem_next(sub); n++)
			ASSERT_LT(n, 3);
		EXPECT_EQ(tandem_next(sub), NULL);
		EXPECT_EQ(tandem_arm(sub), -EBADMSG);
		EXPECT_EQ(tandem_wait(sub, -1), -EBADMSG);
		tandem_release(sub);
		tandem_unsubscribe(sub);
		sim_exit(&sim);
	}
}

TEST_F(reader, corrupt_position)
{
	struct sim_ring *ring = &self->sim.ring[variant->rings - 1];

	__atomic_store_n(&ring->producer->pub_pos, SIZE + 8, __ATOMIC_RELEASE);
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_wait(self->sub, 1000), -EBADMSG);
}

TEST_F(reader, refused)
{
	struct tandem_ring_producer *producer;
	struct tandem_subscription *sub;
	struct sim sim;

	ASSERT_TRUE(sim_init(&sim, variant->rings, SIZE));
	producer = sim.ring[variant->rings - 1].producer;
	producer->magic ^= 1;
	EXPECT_EQ(sim_attach(&sim, &sub, NULL), -EPROTO);
	producer->magic ^= 1;
	producer->abi++;
	EXPECT_EQ(sim_attach(&sim, &sub, NULL), -EPROTO);
	producer->abi--;
	producer->layout = 1;
	EXPECT_EQ(sim_attach(&sim, &sub, NULL), -EPROTO);
	producer->layout = TANDEM_RING_PER_CPU;
	producer->size = SIZE / 2;
	EXPECT_EQ(sim_attach(&sim, &sub, NULL), -EPROTO);
	sim_exit(&sim);
}

/* The ring of a CPU that was never online has no data pages, which must not be touched. */
TEST_F(reader, empty_ring)
{
	struct tandem_subscription *sub;
	struct sim_ring *ring;
	struct sim sim;

	ASSERT_TRUE(sim_init(&sim, variant->rings + 1 > SIM_RINGS_MAX ? 2 : variant->rings + 1,
			     SIZE));
	ring = &sim.ring[1];
	ring->producer->state = TANDEM_RING_EMPTY;
	ring->producer->size = 0;
	ASSERT_EQ(mprotect(sim.view + sim.map_size + (sim.map_size - 2 * SIZE), 2 * SIZE,
			   PROT_NONE), 0);
	ASSERT_EQ(sim_attach(&sim, &sub, NULL), 0);
	ASSERT_TRUE(sim_post(&sim, 0, 0, 8, 1));
	EXPECT_NE(tandem_next(sub), NULL);
	EXPECT_EQ(tandem_next(sub), NULL);
	EXPECT_EQ(tandem_arm(sub), 0);

	/* Now the CPU comes online. */
	ASSERT_EQ(mprotect(sim.view + sim.map_size + (sim.map_size - 2 * SIZE), 2 * SIZE,
			   PROT_READ), 0);
	ring->producer->size = SIZE;
	ring->producer->state = TANDEM_RING_ACTIVE;
	ASSERT_TRUE(sim_post(&sim, 1, 0, 8, 2));
	EXPECT_EQ(tandem_wait(sub, 1000), 1);
	ASSERT_NE(tandem_next(sub), NULL);
	EXPECT_EQ(tandem_record_cpu(sub), 1);
	tandem_unsubscribe(sub);
	sim_exit(&sim);
}

static int count_calls(struct tandem_subscription *sub, const struct tandem_record *record,
		       void *arg)
{
	unsigned int *calls = arg;

	(void)sub;
	(void)record;
	++*calls;
	return 0;
}

static int stop(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	(void)sub;
	(void)record;
	(void)arg;
	return -ECANCELED;
}

TEST_F(reader, dispatch)
{
	unsigned int sevens = 0, others = 0, last = 0, i;

	EXPECT_EQ(tandem_on(self->sub, TANDEM_TYPES + 1, count_calls, &others), -EINVAL);
	ASSERT_EQ(tandem_on(self->sub, 7, count_calls, &sevens), 0);
	ASSERT_EQ(tandem_on(self->sub, TANDEM_TYPES - 1, count_calls, &last), 0);
	for (i = 0; i < 30; i++)
		ASSERT_TRUE(sim_post(&self->sim, i % variant->rings, i % 3 ? 7 : 8, 0, i));
	ASSERT_TRUE(sim_post(&self->sim, 0, 7 | TANDEM_RECORD_DISCARDED, 0, i++));
	ASSERT_TRUE(sim_post(&self->sim, 0, TANDEM_TYPES - 1, 0, i++));
	EXPECT_EQ(tandem_dispatch(self->sub, 9), 9);
	EXPECT_EQ(sevens, 6);
	ASSERT_EQ(tandem_on(self->sub, TANDEM_TYPES, count_calls, &others), 0);
	EXPECT_EQ(tandem_dispatch(self->sub, 0), 22);
	EXPECT_EQ(sevens, 20);
	EXPECT_EQ(others, 7);
	EXPECT_EQ(last, 1);

	ASSERT_EQ(tandem_on(self->sub, 7, NULL, NULL), 0);
	ASSERT_EQ(tandem_on(self->sub, 8, stop, NULL), 0);
	ASSERT_TRUE(sim_post(&self->sim, 0, 7, 0, i++));
	ASSERT_TRUE(sim_post(&self->sim, 0, 8, 0, i++));
	ASSERT_TRUE(sim_post(&self->sim, 0, 7, 0, i++));
	EXPECT_EQ(tandem_dispatch(self->sub, 0), -ECANCELED);
	EXPECT_EQ(others, 8);
	EXPECT_EQ(tandem_dispatch(self->sub, 0), 1);
	EXPECT_EQ(others, 9);
}

TEST(names)
{
	char name[TANDEM_NAME_SIZE + 1];

	EXPECT_EQ(tandem_open("", 0), -EINVAL);
	EXPECT_EQ(tandem_open(".", 0), -EINVAL);
	EXPECT_EQ(tandem_open("..", 0), -EINVAL);
	EXPECT_EQ(tandem_open("-a", 0), -EINVAL);
	EXPECT_EQ(tandem_open("a b", 0), -EINVAL);
	EXPECT_EQ(tandem_open("\303\244", 0), -EINVAL);
	EXPECT_EQ(tandem_open("a..b_-.", 0), -ENOENT);
	EXPECT_EQ(tandem_open("no-such-device", 0), -ENOENT);
	EXPECT_EQ(tandem_open("/no/such/node", 0), -ENOENT);
	memset(name, 'a', sizeof(name));
	name[TANDEM_NAME_SIZE - 1] = '\0';
	EXPECT_EQ(tandem_open(name, 0), -ENOENT);
	name[TANDEM_NAME_SIZE - 1] = 'a';
	name[TANDEM_NAME_SIZE] = '\0';
	EXPECT_EQ(tandem_open(name, 0), -ENAMETOOLONG);
	EXPECT_EQ(tandem_bind(name, NULL, NULL), -ENAMETOOLONG);
	EXPECT_EQ(tandem_remove(name), -ENAMETOOLONG);
}

TEST(not_a_device)
{
	struct tandem_subscribe_options options = { .ring_size = SIZE, .watermark = SIZE / 2 + 1 };
	struct tandem_subscription *sub = NULL;
	size_t returned = 1;
	int fd = tandem_open("/dev/null", 0);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(tandem_subscribe(&sub, fd, NULL), -ENOTTY);
	EXPECT_EQ(tandem_subscribe(&sub, fd, &options), -EINVAL);
	EXPECT_EQ(sub, NULL);
	EXPECT_EQ(tandem_control(fd, 1, NULL, 0, NULL, 0, &returned), -ENOTTY);
	EXPECT_EQ(returned, 0);
	EXPECT_EQ(tandem_post(fd, 1, 0, NULL, 0), -ENOTTY);
	EXPECT_EQ(tandem_post(fd, 1, 0, NULL, TANDEM_PAYLOAD_MAX + 1), -EMSGSIZE);
	EXPECT_EQ(tandem_control(-1, 1, NULL, 0, NULL, 0, NULL), -EBADF);
	tandem_unsubscribe(NULL);
}

TEST(words)
{
	EXPECT_STREQ(tandem_version(), TANDEM_VERSION);
	EXPECT_STREQ(tandem_strerror(-ENODEV), "the device is gone");
	EXPECT_STREQ(tandem_strerror(ENODEV), "the device is gone");
	EXPECT_STREQ(tandem_strerror(-EFAULT), strerror(EFAULT));
	EXPECT_STREQ(tandem_strerror(123456), "unknown error");
}

TEST_HARNESS_MAIN
