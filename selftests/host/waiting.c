// SPDX-License-Identifier: GPL-2.0
/*
 * The library's waiting against simulated rings: when it asks for a wake-up, when it sleeps, what
 * it returns, and that no wake-up is lost.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "sim.h"

#define SIZE	(64 * 1024)
#define RINGS	3

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

FIXTURE(waiting) {
	struct sim sim;
	struct tandem_subscription *sub;
};

FIXTURE_VARIANT(waiting) {
	size_t watermark;
	uint64_t spin_ns;
};

FIXTURE_VARIANT_ADD(waiting, plain) { .watermark = 0 };
FIXTURE_VARIANT_ADD(waiting, watermark) { .watermark = 100 };
FIXTURE_VARIANT_ADD(waiting, spin) { .spin_ns = 50000 };

FIXTURE_SETUP(waiting)
{
	struct tandem_subscribe_options options = {
		.watermark = variant->watermark, .spin_ns = variant->spin_ns,
	};

	ASSERT_TRUE(sim_init(&self->sim, RINGS, SIZE));
	ASSERT_EQ(sim_attach(&self->sim, &self->sub, &options), 0);
}

FIXTURE_TEARDOWN(waiting)
{
	tandem_unsubscribe(self->sub);
	sim_exit(&self->sim);
}

/* Arming asks for the watermark in every ring, and is taken back when there is something to do. */
TEST_F(waiting, arm)
{
	size_t need = variant->watermark ? variant->watermark : 1;
	unsigned int i;

	EXPECT_EQ(tandem_arm(self->sub), 0);
	for (i = 0; i < RINGS; i++)
		EXPECT_EQ(self->sim.ring[i].consumer->wake_at, need);
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(self->sim.ring[0].consumer->wake_at, need);

	ASSERT_TRUE(sim_post(&self->sim, 1, 0, 104, 1));
	EXPECT_EQ(tandem_arm(self->sub), 1);
	EXPECT_EQ(self->sim.ring[1].consumer->wake_at, need);
	EXPECT_NE(tandem_next(self->sub), NULL);
	for (i = 0; i < RINGS; i++)
		EXPECT_EQ(self->sim.ring[i].consumer->wake_at, TANDEM_AWAKE);

	/* The record is the caller's no more, so its bytes are the kernel's again. */
	EXPECT_EQ(self->sim.ring[1].consumer->cons_pos, 0);
	EXPECT_EQ(tandem_arm(self->sub), 0);
	EXPECT_EQ(self->sim.ring[1].consumer->cons_pos, 120);
	EXPECT_EQ(self->sim.ring[1].consumer->wake_at, 120 + need);
}

/* What is known already is there, however little it is. */
TEST_F(waiting, arm_with_known_records)
{
	ASSERT_TRUE(sim_post(&self->sim, 0, 0, 0, 1));
	ASSERT_TRUE(sim_post(&self->sim, 0, 0, 0, 2));
	ASSERT_NE(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_arm(self->sub), 1);
	EXPECT_EQ(tandem_wait(self->sub, 0), 1);
	EXPECT_EQ(tandem_wait(self->sub, 1000), 1);
	ASSERT_NE(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_wait(self->sub, 0), 0);
}

TEST_F(waiting, timeout)
{
	uint64_t start = now_ms();

	EXPECT_EQ(tandem_wait(self->sub, 0), 0);
	EXPECT_LT(now_ms() - start, 1000);
	EXPECT_EQ(tandem_wait(self->sub, 50), 0);
	EXPECT_GE(now_ms() - start, 50);
	EXPECT_EQ(tandem_wait(self->sub, 1200), 0);
	EXPECT_GE(now_ms() - start, 1250);
}

/* What waits below the watermark wakes nobody, but is there when the time is over. */
TEST_F(waiting, below_watermark)
{
	uint64_t start = now_ms();

	ASSERT_TRUE(sim_post(&self->sim, 2, 0, 0, 1));
	EXPECT_EQ(tandem_wait(self->sub, 0), 1);
	EXPECT_EQ(tandem_wait(self->sub, 100), 1);
	if (variant->watermark) {
		EXPECT_GE(now_ms() - start, 100);
		EXPECT_EQ(tandem_arm(self->sub), 0);
		start = now_ms();
		EXPECT_EQ(tandem_wait(self->sub, -1), 1);
		EXPECT_GE(now_ms() - start, 1000);
	}
	EXPECT_NE(tandem_next(self->sub), NULL);
}

TEST_F(waiting, gone)
{
	unsigned int i;

	ASSERT_TRUE(sim_post(&self->sim, 2, 0, 0, 1));
	for (i = 0; i < RINGS; i++)
		self->sim.ring[i].producer->state = TANDEM_RING_GONE;
	EXPECT_EQ(tandem_arm(self->sub), 1);
	EXPECT_EQ(tandem_wait(self->sub, -1), 1);
	EXPECT_NE(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_arm(self->sub), -ENODEV);
	EXPECT_EQ(tandem_wait(self->sub, 0), -ENODEV);
	EXPECT_EQ(tandem_wait(self->sub, -1), -ENODEV);
}

TEST_F(waiting, corrupt)
{
	ASSERT_TRUE(sim_post(&self->sim, 2, 0, 0, 1));
	self->sim.ring[0].producer->state = TANDEM_RING_GONE;
	self->sim.ring[1].producer->state = TANDEM_RING_CORRUPT;
	self->sim.ring[2].producer->state = TANDEM_RING_GONE;
	EXPECT_EQ(tandem_wait(self->sub, -1), 1);
	EXPECT_NE(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_wait(self->sub, -1), -EBADMSG);
	EXPECT_EQ(tandem_arm(self->sub), -EBADMSG);
}

static void on_alarm(int signal)
{
	(void)signal;
}

TEST_F(waiting, signal)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec soon = {
		.it_value.tv_nsec = 20000000, .it_interval.tv_nsec = 20000000,
	};
	timer_t timer;

	ASSERT_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	ASSERT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	ASSERT_EQ(timer_settime(timer, 0, &soon, NULL), 0);
	EXPECT_EQ(tandem_wait(self->sub, -1), -EINTR);
	timer_delete(timer);
}

#define RACES	40000

struct duel {
	struct sim *sim;
	uint64_t round;
	uint64_t done;
	bool woken;
};

static void *publish(void *arg)
{
	struct duel *duel = arg;
	uint64_t round;

	for (round = 1; round <= RACES; round++) {
		struct sim_ring *ring = &duel->sim->ring[round % RINGS];
		bool reserved;

		sim_await(&duel->round, round);
		reserved = sim_reserve(ring, 0, 200, round);
		sim_pause(round);
		duel->woken = sim_publish(ring);
		__atomic_store_n(&duel->done, round, __ATOMIC_RELEASE);
		if (!reserved)
			return arg;
	}
	return NULL;
}

/* Of a consumer that arms and a producer that publishes, at the same time, one sees the other. */
TEST_F(waiting, arm_and_publish)
{
	struct duel duel = { .sim = &self->sim };
	pthread_t thread;
	uint64_t round;
	void *failed;

	ASSERT_EQ(pthread_create(&thread, NULL, publish, &duel), 0);
	for (round = 1; round <= RACES; round++) {
		int ret;

		__atomic_store_n(&duel.round, round, __ATOMIC_RELEASE);
		sim_pause(round >> 8);
		ret = tandem_arm(self->sub);
		sim_await(&duel.done, round);
		ASSERT_GE(ret, 0);
		ASSERT_TRUE(ret || duel.woken);
		ASSERT_NE(tandem_next(self->sub), NULL);
		ASSERT_EQ(tandem_next(self->sub), NULL);
	}
	pthread_join(thread, &failed);
	EXPECT_EQ(failed, NULL);
}

struct relay {
	struct sim *sim;
	uint64_t posted;
	uint64_t posted_ms;
};

/* Posts a record whenever the one before it was consumed; each is a race with falling asleep. */
static void *produce(void *arg)
{
	struct relay *relay = arg;
	struct sim *sim = relay->sim;
	uint64_t time;

	for (time = 1; time <= RACES; time++) {
		unsigned int last = (time - 1) % RINGS;
		const __u64 *cons_pos = &sim->ring[last].consumer->cons_pos;

		while (__atomic_load_n(cons_pos, __ATOMIC_ACQUIRE) != sim->ring[last].head)
			sched_yield();
		sim_pause(time);
		if (!sim_post(sim, time % RINGS, 0, 200, time))
			return arg;
		relay->posted_ms = now_ms();
		__atomic_store_n(&relay->posted, time, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Each sleep ends by the wake-up of a record; who slept on for a second has lost one. */
TEST_F(waiting, no_wakeup_lost)
{
	struct relay relay = { .sim = &self->sim };
	uint64_t next, woken, drained;
	pthread_t thread;
	void *failed;

	ASSERT_EQ(pthread_create(&thread, NULL, produce, &relay), 0);
	for (next = 1; next <= RACES; next++) {
		const struct tandem_record *record;

		/* Old wake-ups are forgotten, as a poll of the kernel's would. */
		while (read(self->sim.wake, &drained, sizeof(drained)) > 0)
			;
		ASSERT_EQ(tandem_wait(self->sub, -1), 1);
		woken = now_ms();
		record = tandem_next(self->sub);
		ASSERT_NE(record, NULL);
		ASSERT_EQ(record->time, next);
		/* Only who slept is judged, not a producer that has had no CPU. */
		sim_await(&relay.posted, next);
		ASSERT_LT(woken, relay.posted_ms + 900);
		tandem_release(self->sub);
	}
	pthread_join(thread, &failed);
	EXPECT_EQ(failed, NULL);
}

TEST_HARNESS_MAIN
