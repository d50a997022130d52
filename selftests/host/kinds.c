// SPDX-License-Identifier: GPL-2.0
/*
 * The library's reader against simulated rings of other kinds: one ring of all CPUs, with records
 * that are busy; rings without time stamps; room that is given back by tandem_release() alone.
 */
#include <limits.h>
#include <pthread.h>

#include "kselftest_harness.h"
#include "sim.h"

#define SIZE	(64 * 1024)
#define RINGS	3

/* Repeatable pseudo-random numbers: xorshift. */
static uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- One ring of all CPUs ---- */

FIXTURE(shared) {
	struct sim sim;
	struct sim_ring *ring;
	struct tandem_subscription *sub;
};

FIXTURE_SETUP(shared)
{
	struct tandem_subscribe_options options = { .flags = TANDEM_SUBSCRIBE_SHARED };

	ASSERT_TRUE(sim_init(&self->sim, 1, SIZE));
	self->ring = &self->sim.ring[0];
	self->ring->producer->layout = TANDEM_RING_SHARED;
	self->ring->producer->cpu = UINT_MAX;
	ASSERT_EQ(sim_attach(&self->sim, &self->sub, &options), 0);
}

FIXTURE_TEARDOWN(shared)
{
	tandem_unsubscribe(self->sub);
	sim_exit(&self->sim);
}

/* A record behind one that is busy must wait, and nobody stays awake for either. */
TEST_F(shared, busy)
{
	struct tandem_record *record[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		record[i] = sim_begin(self->ring, i, 24, 100 + i);
		ASSERT_NE(record[i], NULL);
	}
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_arm(self->sub), 0);
	EXPECT_TRUE(sim_done(self->ring, record[1]));
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_arm(self->sub), 0);
	EXPECT_TRUE(sim_done(self->ring, record[0]));
	EXPECT_EQ(tandem_arm(self->sub), 1);
	for (i = 0; i < 2; i++) {
		const struct tandem_record *next = tandem_next(self->sub);

		ASSERT_NE(next, NULL);
		EXPECT_EQ(TANDEM_RECORD_TYPE(next->type_flags), i);
		EXPECT_EQ(tandem_record_ring(self->sub), 0);
		EXPECT_EQ(tandem_record_cpu(self->sub), UINT_MAX);
		EXPECT_EQ(tandem_record_position(self->sub, next), 40 * i);
	}
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(self->ring->consumer->cons_pos, 80);
	EXPECT_EQ(tandem_wait(self->sub, 0), 0);
	EXPECT_FALSE(sim_done(self->ring, record[2]));
	EXPECT_EQ(tandem_wait(self->sub, 0), 1);
	EXPECT_NE(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_next(self->sub), NULL);
}

/* Many turns of the ring; up to eight posters are done in any order, and all is given in one. */
TEST_F(shared, interleaved)
{
	struct tandem_record *open[8] = { NULL };
	uint64_t seed = 88172645463325252ULL, begun = 0, given = 0;
	unsigned int rounds;

	for (rounds = 0; rounds < 400000; rounds++) {
		unsigned int i = (unsigned int)(draw(&seed) % 8);
		const struct tandem_record *record;

		if (open[i]) {
			sim_done(self->ring, open[i]);
			open[i] = NULL;
		} else {
			open[i] = sim_begin(self->ring, 0, draw(&seed) % 200, begun);
			begun += !!open[i];
		}
		if (draw(&seed) % 4)
			continue;
		while ((record = tandem_next(self->sub))) {
			ASSERT_FALSE(record->type_flags & TANDEM_RECORD_BUSY);
			ASSERT_EQ(record->time, given++);
		}
		for (i = 0; i < 8; i++)
			ASSERT_FALSE(open[i] && open[i]->time < given);
	}
	EXPECT_GT(self->ring->head, 10 * SIZE);
	EXPECT_GT(given, 50000);
}

#define RACES	40000

struct duel {
	struct sim_ring *ring;
	struct tandem_record *record;
	uint64_t round;
	uint64_t done;
	bool woken;
};

static void *finish(void *arg)
{
	struct duel *duel = arg;
	uint64_t round;

	for (round = 1; round <= RACES; round++) {
		sim_await(&duel->round, round);
		sim_pause(round);
		duel->woken = sim_done(duel->ring, duel->record);
		__atomic_store_n(&duel->done, round, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Of a consumer that arms and a poster that is done with a record, one sees the other. */
TEST_F(shared, arm_and_finish)
{
	struct duel duel = { .ring = self->ring };
	pthread_t thread;
	uint64_t round;

	ASSERT_EQ(pthread_create(&thread, NULL, finish, &duel), 0);
	for (round = 1; round <= RACES; round++) {
		int ret;

		duel.record = sim_begin(self->ring, 0, 200, round);
		ASSERT_NE(duel.record, NULL);
		__atomic_store_n(&duel.round, round, __ATOMIC_RELEASE);
		sim_pause(round >> 8);
		ret = tandem_arm(self->sub);
		sim_await(&duel.done, round);
		ASSERT_GE(ret, 0);
		ASSERT_TRUE(ret || duel.woken);
		ASSERT_NE(tandem_next(self->sub), NULL);
		ASSERT_EQ(tandem_next(self->sub), NULL);
	}
	pthread_join(thread, NULL);
}

TEST(layouts)
{
	struct tandem_subscribe_options options = { .flags = TANDEM_SUBSCRIBE_SHARED };
	struct tandem_subscription *sub;
	struct sim sim;

	ASSERT_TRUE(sim_init(&sim, 1, SIZE));
	EXPECT_EQ(sim_attach(&sim, &sub, &options), -EPROTO);
	sim.ring[0].producer->layout = TANDEM_RING_SHARED;
	EXPECT_EQ(sim_attach(&sim, &sub, NULL), -EPROTO);
	sim_exit(&sim);
}

/* ---- Without time stamps ---- */

/* Rings that are always refilled take turns: none waits for more than each other's one turn. */
TEST(no_time)
{
	struct tandem_subscribe_options options = { .flags = TANDEM_SUBSCRIBE_NO_TIME };
	unsigned int next[RINGS] = { 0 }, posted[RINGS] = { 0 }, since[RINGS] = { 0 };
	struct tandem_subscription *sub;
	unsigned int i, n, given = 0;
	struct sim sim;

	ASSERT_TRUE(sim_init(&sim, RINGS, SIZE));
	ASSERT_EQ(sim_attach(&sim, &sub, &options), 0);
	for (n = 0; n < 3000; n++) {
		const struct tandem_record *record;

		/* Ten wait in each ring at any time. */
		for (i = 0; i < RINGS; i++) {
			for (; posted[i] < next[i] + 10; posted[i]++)
				ASSERT_TRUE(sim_post(&sim, i, posted[i] % TANDEM_TYPES, 0, 0));
		}
		record = tandem_next(sub);
		ASSERT_NE(record, NULL);
		i = tandem_record_ring(sub);
		ASSERT_EQ(TANDEM_RECORD_TYPE(record->type_flags), next[i]++ % TANDEM_TYPES);
		given++;
		since[i] = given;
		for (i = 0; i < RINGS; i++)
			ASSERT_LE(given - since[i], 10 * RINGS);
	}
	tandem_unsubscribe(sub);
	sim_exit(&sim);
}

/* ---- Room that is given back on demand ---- */

TEST(manual_release)
{
	struct tandem_subscribe_options options = { .manual_release = true };
	uint64_t end[RINGS] = { 0 }, time = 0;
	struct tandem_subscription *sub;
	const struct tandem_record *record;
	unsigned int i, turn;
	struct sim sim;

	ASSERT_TRUE(sim_init(&sim, RINGS, SIZE));
	ASSERT_EQ(sim_attach(&sim, &sub, &options), 0);
	for (turn = 0; turn < 50; turn++) {
		bool room = true;

		/* As much as there is room for, in all rings. */
		while (room) {
			for (i = 0; i < RINGS; i++)
				room = sim_post(&sim, i, 0, 100, ++time) && room;
		}
		while ((record = tandem_next(sub))) {
			i = tandem_record_ring(sub);
			ASSERT_EQ(tandem_record_position(sub, record),
				  sim_position(&sim, i, record));
			ASSERT_TRUE(sim_payload_ok(record));
		}
		ASSERT_EQ(tandem_arm(sub), 0);
		for (i = 0; i < RINGS; i++) {
			ASSERT_EQ(sim.ring[i].consumer->cons_pos, end[i]);
			ASSERT_EQ(sim.ring[i].consumer->wake_at, sim.ring[i].head + 1);
		}
		tandem_release(sub);
		for (i = 0; i < RINGS; i++) {
			end[i] = sim.ring[i].head;
			ASSERT_EQ(sim.ring[i].consumer->cons_pos, end[i]);
		}
	}
	EXPECT_GT(end[0], 40 * SIZE);
	tandem_unsubscribe(sub);
	sim_exit(&sim);
}

TEST_HARNESS_MAIN
