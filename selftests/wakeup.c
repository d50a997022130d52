// SPDX-License-Identifier: GPL-2.0
/*
 * No wake-up is lost, in a million races between a consumer that goes to sleep and a poster, over
 * all the ways to sleep together; and none is sent to a consumer that is awake.
 *
 * A poster posts one event and waits, awake, until it was consumed. The consumer goes to sleep as
 * soon as it has consumed. So each event races with one going to sleep, and if its wake-up is
 * lost, there is no further one that would hide it. On two idle CPUs it takes half a minute.
 *
 * ALONE=1 TIMEOUT=900
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "util.h"

#define DEVICE		"t-wakeup"
#define RING		(64 * 1024)
#define RACES		1000000
#define VARIANTS	12
/* Far longer than any event can take. */
#define PATIENCE	10

enum sleep {
	SLEEP_POLL,		/* poll(), which sets wake_at itself */
	SLEEP_POLL_WAKE_AT,	/* wake_at, fence, look again, poll() */
	SLEEP_EPOLL_LEVEL,
	SLEEP_EPOLL_LEVEL_WAKE_AT,
	SLEEP_EPOLL_EDGE,	/* an edge is told once: wake_at must be set by hand */
	SLEEP_EPOLL_EDGE_READ,	/* unless one reads, which sets it */
	SLEEP_READ,
	SLEEP_WAIT,		/* TANDEM_IOC_WAIT, which sets wake_at itself */
};

FIXTURE(wakeup)
{
	struct consumer consumer;
	int server;
	int epoll;
	uint64_t slept;
};

FIXTURE_VARIANT(wakeup)
{
	enum sleep sleep;
	uint32_t flags;
};

FIXTURE_VARIANT_ADD(wakeup, poll)
{
	.sleep = SLEEP_POLL,
};

FIXTURE_VARIANT_ADD(wakeup, poll_wake_at)
{
	.sleep = SLEEP_POLL_WAKE_AT,
};

FIXTURE_VARIANT_ADD(wakeup, epoll_level)
{
	.sleep = SLEEP_EPOLL_LEVEL,
};

FIXTURE_VARIANT_ADD(wakeup, epoll_level_wake_at)
{
	.sleep = SLEEP_EPOLL_LEVEL_WAKE_AT,
};

FIXTURE_VARIANT_ADD(wakeup, epoll_edge)
{
	.sleep = SLEEP_EPOLL_EDGE,
};

FIXTURE_VARIANT_ADD(wakeup, epoll_edge_read)
{
	.sleep = SLEEP_EPOLL_EDGE_READ,
};

FIXTURE_VARIANT_ADD(wakeup, read)
{
	.sleep = SLEEP_READ,
};

FIXTURE_VARIANT_ADD(wakeup, wait)
{
	.sleep = SLEEP_WAIT,
};

FIXTURE_VARIANT_ADD(wakeup, shared_wait)
{
	.sleep = SLEEP_WAIT,
	.flags = TANDEM_SUBSCRIBE_SHARED,
};

FIXTURE_VARIANT_ADD(wakeup, shared_poll)
{
	.sleep = SLEEP_POLL,
	.flags = TANDEM_SUBSCRIBE_SHARED,
};

FIXTURE_VARIANT_ADD(wakeup, shared_epoll_edge)
{
	.sleep = SLEEP_EPOLL_EDGE,
	.flags = TANDEM_SUBSCRIBE_SHARED,
};

FIXTURE_VARIANT_ADD(wakeup, shared_read)
{
	.sleep = SLEEP_READ,
	.flags = TANDEM_SUBSCRIBE_SHARED,
};

FIXTURE_SETUP(wakeup)
{
	const struct tandem_subscribe args = { .ring_size = RING, .flags = variant->flags };
	struct epoll_event event = { .events = EPOLLIN };

	if (variant->sleep == SLEEP_EPOLL_EDGE || variant->sleep == SLEEP_EPOLL_EDGE_READ)
		event.events |= EPOLLET;
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, consumer_open_by(&self->consumer, DEVICE, &args));
	if (variant->sleep == SLEEP_EPOLL_EDGE_READ)
		ASSERT_EQ(0, fcntl(self->consumer.fd, F_SETFL, O_NONBLOCK));
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->consumer.fd, &event));
}

FIXTURE_TEARDOWN(wakeup)
{
	close(self->epoll);
	consumer_close(&self->consumer);
	close(self->server);
	remove_device(DEVICE);
}

struct poster {
	int server;
	unsigned int cpu;
	uint64_t races;
	uint64_t consumed;
	int error;
	bool stop;
};

static void *post_in_races(void *data)
{
	struct poster *poster = data;
	uint64_t random = 0x9e3779b97f4a7c15ULL, i;

	poster->error = pin_to_cpu(poster->cpu);
	for (i = 0; i < poster->races && !poster->error; i++) {
		/* As often a short while as a long one: the race's window may be anywhere. */
		uint64_t turns = next_random(&random) & ((1ULL << (next_random(&random) % 13)) - 1);

		while (turns--)
			__asm__ volatile("" ::: "memory");
		poster->error = post_event(poster->server, 1, TANDEM_CLASS_NORMAL, &i, sizeof(i));
		while (__atomic_load_n(&poster->consumed, __ATOMIC_ACQUIRE) <= i)
			if (__atomic_load_n(&poster->stop, __ATOMIC_RELAXED))
				return NULL;
	}
	return NULL;
}

/* Asks to be woken by the next record of any ring. Return: false if there is one already. */
static bool want_wakeup(struct consumer *consumer)
{
	unsigned int i;

	for (i = 0; i < consumer->args.rings; i++)
		__atomic_store_n(&consumer->ring[i].consumer->wake_at, consumer->ring[i].cons + 1,
				 __ATOMIC_RELAXED);
	/* Pairs with the kernel's barrier between pub_pos and wake_at. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !consumer_ready(consumer);
}

static void stay_awake(struct consumer *consumer)
{
	unsigned int i;

	for (i = 0; i < consumer->args.rings; i++)
		__atomic_store_n(&consumer->ring[i].consumer->wake_at, TANDEM_AWAKE,
				 __ATOMIC_RELAXED);
}

/* As poll() of the consumer's fd. */
static int wait_once(const struct consumer *consumer, int patience_ms)
{
	int ret = wait_for(consumer->fd, patience_ms * 1000000ULL);

	return ret == -ETIMEDOUT ? 0 : ret ? -1 : 1;
}

/* Return: NULL, or what went wrong. */
static const char *sleep_once(struct consumer *consumer, int epoll, enum sleep how,
			      uint64_t *slept)
{
	const bool by_hand = how == SLEEP_POLL_WAKE_AT || how == SLEEP_EPOLL_LEVEL_WAKE_AT ||
			     how == SLEEP_EPOLL_EDGE;
	const int patience = PATIENCE * 1000 * test_scale();
	struct pollfd ready = { .fd = consumer->fd, .events = POLLIN };
	struct epoll_event event;
	int n;

	if (by_hand && !want_wakeup(consumer)) {
		stay_awake(consumer);
		return NULL;
	}
	if (how == SLEEP_POLL || how == SLEEP_POLL_WAKE_AT)
		n = poll(&ready, 1, patience);
	else if (how == SLEEP_WAIT)
		n = wait_once(consumer, patience);
	else
		n = epoll_wait(epoll, &event, 1, patience);
	if (by_hand)
		stay_awake(consumer);
	(*slept)++;
	if (n < 0)
		return "poll failed";
	if (n == 0)
		return consumer_ready(consumer) ? "a wake-up was lost" : "the poster does not post";
	return NULL;
}

static void interrupt(int signal)
{
	(void)signal;
}

/*
 * read() has no time-out: a timer that is wound up again and again ends the one that sleeps too
 * long.
 */
static void wind_up(void)
{
	struct itimerval timer = { .it_value.tv_sec = PATIENCE * test_scale() };

	timer.it_interval.tv_sec = 1;
	setitimer(ITIMER_REAL, &timer, NULL);
}

static const char *read_one(struct consumer *consumer)
{
	uint8_t record[sizeof(struct tandem_record) + sizeof(uint64_t)];
	ssize_t len = read(consumer->fd, record, sizeof(record));

	if (len == sizeof(record))
		return NULL;
	if (len < 0 && errno == EINTR)
		return "read slept too long: a wake-up was lost, or the poster does not post";
	return "read failed";
}

/* One read for each edge, of all that there is. */
static const char *read_all(struct consumer *consumer, uint64_t *done)
{
	uint8_t buffer[256];
	ssize_t len = read(consumer->fd, buffer, sizeof(buffer));

	if (len > 0)
		*done += len / 24;
	return len > 0 || errno == EAGAIN ? NULL : "read failed";
}

static const char *consume_in_races(struct consumer *consumer, struct poster *poster, int epoll,
				    enum sleep how, uint64_t *slept)
{
	struct sigaction action = { .sa_handler = interrupt };
	const char *error = NULL;
	uint64_t done = 0;

	sigaction(SIGALRM, &action, NULL);
	while (done < poster->races && !error) {
		if (how == SLEEP_READ) {
			if (!(done % 1000))
				wind_up();
			error = read_one(consumer);
			done += !error;
			(*slept)++;
		} else if (how == SLEEP_EPOLL_EDGE_READ) {
			error = sleep_once(consumer, epoll, how, slept);
			if (!error)
				error = read_all(consumer, &done);
		} else {
			error = sleep_once(consumer, epoll, how, slept);
			done += consumer_drain(consumer, NULL, NULL);
			if (!error)
				error = consumer->error;
		}
		__atomic_store_n(&poster->consumed, done, __ATOMIC_RELEASE);
	}
	setitimer(ITIMER_REAL, &(struct itimerval){ .it_interval.tv_sec = 0 }, NULL);
	return error;
}

/*
 * Keeps the consumer's CPU from idling while the consumer sleeps: a virtual one that idles takes a
 * hundred times longer to come back than the race does.
 */
static void *keep_busy(void *data)
{
	const struct sched_param none = { .sched_priority = 0 };
	const bool *stop = data;

	pin_to_cpu(0);
	sched_setscheduler(0, SCHED_IDLE, &none);
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED))
		;
	return NULL;
}

TEST_F(wakeup, none_lost_in_races)
{
	struct poster poster = {
		.server = self->server,
		.cpu = 1,
		.races = test_load(RACES / VARIANTS),
	};
	pthread_t thread, busy;
	const char *error;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "a race takes two CPUs");
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, pthread_create(&busy, NULL, keep_busy, &poster.stop));
	ASSERT_EQ(0, pthread_create(&thread, NULL, post_in_races, &poster));
	error = consume_in_races(&self->consumer, &poster, self->epoll, variant->sleep,
				 &self->slept);
	__atomic_store_n(&poster.stop, true, __ATOMIC_RELAXED);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, pthread_join(busy, NULL));
	EXPECT_EQ(NULL, error) {
		TH_LOG("%s, after %ju of %ju", error, (uintmax_t)poster.consumed,
		       (uintmax_t)poster.races);
	}
	EXPECT_EQ(0, poster.error);
	EXPECT_EQ(0, consumer_lost_records(&self->consumer));
	/* Otherwise nothing raced. */
	EXPECT_LT(poster.races / 100, self->slept) {
		TH_LOG("slept %ju times", (uintmax_t)self->slept);
	}
}

/*
 * The same on one CPU: the poster runs where the consumer goes to sleep, and preempts it there.
 */
TEST_F(wakeup, none_lost_from_interrupts)
{
	struct tandem_gen_status status = { .running = 1 };
	const struct tandem_subscribe args = { .ring_size = RING, .flags = variant->flags };
	const uint64_t deadline = deadline_in(120);
	struct epoll_event event = { .events = EPOLLIN };
	struct tandem_gen_start start;
	static struct gen_check check;
	const char *error = NULL;
	struct consumer consumer;
	int gen, epoll;

	if (variant->sleep == SLEEP_READ || variant->sleep == SLEEP_EPOLL_EDGE_READ)
		SKIP(return, "what the generator posts is checked in mapped rings");
	if (variant->sleep == SLEEP_EPOLL_EDGE)
		event.events |= EPOLLET;
	gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, gen);
	ASSERT_EQ(0, consumer_open_by(&consumer, "gen", &args));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, consumer.fd, &event));
	gen_init(&start, 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK);
	start.rate = test_load(1000);
	start.count = test_load(2000);
	ASSERT_EQ(0, gen_start(gen, &start));
	gen_check_init(&check, &start);
	while (!error && !deadline_passed(deadline)) {
		consumer_drain(&consumer, gen_check_record, &check);
		error = consumer.error;
		if (check.received + consumer_lost_records(&consumer) >=
		    start.count * 2 * sysconf(_SC_NPROCESSORS_ONLN))
			break;
		if (!error)
			error = sleep_once(&consumer, epoll, variant->sleep, &self->slept);
	}
	EXPECT_EQ(NULL, error) {
		TH_LOG("%s, after %ju", error, (uintmax_t)check.received);
	}
	EXPECT_EQ(0, gen_wait(gen, deadline));
	EXPECT_EQ(0, gen_status(gen, &status));
	EXPECT_EQ(0, status.running);
	EXPECT_LT(start.count / 50, self->slept) {
		TH_LOG("slept %ju times", (uintmax_t)self->slept);
	}
	close(epoll);
	consumer_close(&consumer);
	close(gen);
}

struct bench {
	int gen;
	int error;
	bool stop;
};

static void *post_without_end(void *data)
{
	struct tandem_gen_bench args = { .count = 1000, .size = 16, .type = 1 };
	struct bench *bench = data;

	bench->error = pin_to_cpu(1);
	while (!bench->error && !__atomic_load_n(&bench->stop, __ATOMIC_RELAXED))
		bench->error = ioctl(bench->gen, TANDEM_GEN_IOC_BENCH, &args) ? -errno : 0;
	return NULL;
}

/* Return: false if the kernel does not take the request back, though there is always an event. */
static bool wait_taken(const struct ring *ring)
{
	const uint64_t deadline = deadline_in(PATIENCE);

	while (__atomic_load_n(&ring->consumer->wake_at, __ATOMIC_ACQUIRE) != TANDEM_AWAKE)
		if (deadline_passed(deadline))
			return false;
	return true;
}

/*
 * An interrupt posts between another record and its wake-up. Which of both wakes is no matter to
 * the consumer, as long as one does: if none did, nothing that comes after would. So whenever a
 * request has been taken back, there must be an edge.
 */
TEST(interrupted_wakeup)
{
	const uint64_t deadline = now_ns() + 5000000000ULL;
	struct bench bench = { .gen = open_node("gen", O_RDWR) };
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint64_t mask = 1 << 1, requests = 0;
	struct tandem_gen_start start;
	struct consumer consumer;
	struct ring *ring = &consumer.ring[1];
	pthread_t thread;
	int edges = 1;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "a race takes two CPUs");
	ASSERT_LE(0, bench.gen);
	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, consumer_open(&consumer, "gen", RING));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, consumer.fd, &event));
	stay_awake(&consumer);
	gen_init(&start, 1 << TANDEM_GEN_HARDIRQ);
	start.rate = test_load(90000);
	start.cpus = (uintptr_t)&mask;
	start.cpus_len = sizeof(mask);
	ASSERT_EQ(0, gen_start(bench.gen, &start));
	ASSERT_EQ(0, pthread_create(&thread, NULL, post_without_end, &bench));
	while (edges == 1 && !consumer.error && !deadline_passed(deadline)) {
		consumer_drain(&consumer, NULL, NULL);
		__atomic_store_n(&ring->consumer->wake_at, ring->cons + 1, __ATOMIC_SEQ_CST);
		if (!wait_taken(ring))
			break;
		edges = epoll_wait(epoll, &event, 1, PATIENCE * 1000 * test_scale());
		requests++;
	}
	__atomic_store_n(&bench.stop, true, __ATOMIC_RELAXED);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, gen_stop(bench.gen));
	EXPECT_EQ(0, bench.error);
	EXPECT_EQ(NULL, consumer.error);
	EXPECT_EQ(1, edges) {
		TH_LOG("no wake-up for request %ju", (uintmax_t)requests);
	}
	EXPECT_TRUE(deadline_passed(deadline));
	EXPECT_LT(100, requests);
	close(epoll);
	consumer_close(&consumer);
	close(bench.gen);
}

FIXTURE(awake)
{
	struct consumer consumer;
	int server;
};

FIXTURE_SETUP(awake)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, consumer_open(&self->consumer, DEVICE, RING));
}

FIXTURE_TEARDOWN(awake)
{
	consumer_close(&self->consumer);
	close(self->server);
	remove_device(DEVICE);
}

static uint64_t wakeups(void)
{
	return query_own_number(DEVICE, TANDEM_ATTR_WAKEUPS);
}

/*
 * Waits until the subscription's wake-ups are @number: they are sent from an interrupt, a little
 * later.
 */
static uint64_t wait_wakeups(uint64_t number)
{
	const uint64_t deadline = deadline_in(10);
	uint64_t seen;

	do
		seen = wakeups();
	while (seen < number && !deadline_passed(deadline));
	return seen;
}

static int post_some(int server, unsigned int count)
{
	int err = 0;

	while (count-- && !err)
		err = post_event(server, 1, TANDEM_CLASS_NORMAL, &count, sizeof(count));
	return err;
}

TEST_F(awake, no_wakeup)
{
	unsigned int i;

	stay_awake(&self->consumer);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, post_some(self->server, 50));
		ASSERT_EQ(50, consumer_drain(&self->consumer, NULL, NULL));
	}
	EXPECT_EQ(0, wakeups());
	/* Also not when the ring is full. */
	ASSERT_EQ(0, post_some(self->server, 10000));
	EXPECT_LT(0, consumer_lost_records(&self->consumer));
	EXPECT_EQ(0, wakeups());
}

TEST_F(awake, one_for_many)
{
	struct ring *ring = &self->consumer.ring[0];
	struct pollfd ready = { .fd = self->consumer.fd, .events = POLLIN };

	/* Records of 24 bytes; the hundredth reaches the mark. */
	ring->consumer->wake_at = 2400;
	ASSERT_EQ(0, post_some(self->server, 99));
	EXPECT_EQ(0, wakeups());
	ASSERT_EQ(0, post_some(self->server, 1));
	EXPECT_EQ(1, wait_wakeups(1));
	EXPECT_EQ(TANDEM_AWAKE, ring->consumer->wake_at);
	ASSERT_EQ(0, post_some(self->server, 500));
	EXPECT_EQ(1, wakeups());
	EXPECT_EQ(600, consumer_drain(&self->consumer, NULL, NULL));

	EXPECT_EQ(0, poll(&ready, 1, 0));
	ASSERT_EQ(0, post_some(self->server, 100));
	EXPECT_EQ(2, wait_wakeups(2));
	EXPECT_EQ(2, wakeups());
}

/*
 * A mark that will not be reached, since the record that would reach it does not fit: the consumer
 * has to make room.
 */
TEST_F(awake, full_ring)
{
	struct ring *ring = &self->consumer.ring[0];
	struct pollfd ready = { .fd = self->consumer.fd, .events = POLLIN };
	static const uint8_t data[8184 - 16];
	unsigned int i;

	/* In the ring's room of seven eighths; but seven records make 57288, and no eighth fits. */
	ring->consumer->wake_at = 57300;
	for (i = 0; i < 7; i++) {
		ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, data, sizeof(data)));
	}
	EXPECT_EQ(0, consumer_lost_records(&self->consumer));
	EXPECT_EQ(0, wakeups());
	EXPECT_EQ(0, poll(&ready, 1, 0));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, data, sizeof(data)));
	EXPECT_EQ(1, consumer_lost_records(&self->consumer));
	EXPECT_EQ(1, wait_wakeups(1));
	EXPECT_EQ(TANDEM_AWAKE, ring->consumer->wake_at);
	EXPECT_EQ(1, poll(&ready, 1, deadline_left(deadline_in(10))));
	EXPECT_EQ(7, consumer_drain(&self->consumer, NULL, NULL));
}

/* A mark that has been passed already is reached by the next record, and then taken back. */
TEST_F(awake, old_mark)
{
	struct ring *ring = &self->consumer.ring[0];

	ASSERT_EQ(0, post_some(self->server, 100));
	ring->consumer->wake_at = 24;
	ASSERT_EQ(0, post_some(self->server, 100));
	EXPECT_EQ(1, wait_wakeups(1));
	EXPECT_EQ(TANDEM_AWAKE, ring->consumer->wake_at);
	ASSERT_EQ(0, post_some(self->server, 100));
	EXPECT_EQ(1, wakeups());
}

TEST_HARNESS_MAIN
