// SPDX-License-Identifier: GPL-2.0
/* How fast events go through, with several producers at once, and consumers of several habits. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <time.h>

#include "peer.h"

#define ROUNDS		5
#define WARM_UP		1
#define PRODUCERS_MAX	4

/* What the consumer that samples sleeps between two looks. */
#define INTERVAL_NS	1000000

/*
 * @abreast: so many times that much where producers run side by side: a host with fewer processors
 * than the guest stops one of them for milliseconds, and that must not be the most of a round. Four
 * times the ring is as large as one may be.
 */
static const struct {
	uint32_t payload;
	size_t ring;
	unsigned int count;
	unsigned int abreast;
} loads[] = {
	{ 16, 2 << 20, 32768, 8 },
	{ 64, 4 << 20, 32768, 4 },
	{ 256, 8 << 20, 16384, 2 },
	{ 4096, 8 << 20, 1024, 2 },
};

enum habit { BUSY, SLEEPING, SAMPLING };

static const char *const habits[] = {
	[BUSY] = "busy", [SLEEPING] = "sleeping", [SAMPLING] = "sampling",
};

/* All that are to begin together: they spin, for whoever sleeps is woken one after the other. */
struct start {
	unsigned int ready;
	bool go;
};

struct producer {
	pthread_t thread;
	struct start *start;
	unsigned int cpu;
	int half;
	struct bench_run run;
};

static void *produce(void *arg)
{
	struct producer *p = arg;

	pin(p->cpu);
	__atomic_fetch_add(&p->start->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&p->start->go, __ATOMIC_ACQUIRE))
		sched_yield();
	half_run(p->half, &p->run);
	return NULL;
}

static void rest(struct channel *channel, enum habit habit)
{
	const struct timespec interval = { .tv_nsec = INTERVAL_NS };
	struct epoll_event event;

	if (habit == SLEEPING && epoll_wait(channel->epoll, &event, 1, 1000) < 0 && errno != EINTR)
		err(1, "cannot wait for events");
	if (habit == SAMPLING)
		nanosleep(&interval, NULL);
}

static void consume(struct channel *channel, enum habit habit, size_t wanted)
{
	const uint64_t deadline = now_ns() + 30000000000ULL;
	size_t taken = 0;

	for (;;) {
		size_t more = channel->peer->drain(channel);

		taken += more;
		if (taken >= wanted)
			break;
		if (!more && now_ns() > deadline)
			die(0, "events were lost, so the numbers would mean nothing");
		rest(channel, habit);
	}
	if (taken > wanted)
		die(0, "there were more events than were posted");
}

/* Nanoseconds from the first post until all were posted, and read but for the one who samples. */
static uint64_t one_round(int half, struct channel *channel, enum habit habit, unsigned int count,
			  uint32_t payload, unsigned int producers)
{
	struct producer producer[PRODUCERS_MAX] = { 0 };
	struct start start = { 0 };
	uint64_t begin = UINT64_MAX, end = 0, read;
	unsigned int i;

	for (i = 0; i < producers; i++) {
		producer[i] = (struct producer){
			.start = &start,
			.cpu = i,
			.half = half,
			.run = { .way = channel->peer->way, .size = payload, .count = count },
		};
		if (pthread_create(&producer[i].thread, NULL, produce, &producer[i]))
			die(0, "cannot make a thread");
	}
	while (__atomic_load_n(&start.ready, __ATOMIC_ACQUIRE) < producers)
		sched_yield();
	__atomic_store_n(&start.go, true, __ATOMIC_RELEASE);
	consume(channel, habit, (size_t)count * producers);
	read = now_ns();
	for (i = 0; i < producers; i++) {
		pthread_join(producer[i].thread, NULL);
		if (producer[i].run.begin < begin)
			begin = producer[i].run.begin;
		if (producer[i].run.end > end)
			end = producer[i].run.end;
	}
	return (habit == SAMPLING ? end : read) - begin;
}

static void measure(int half, const struct peer *peer, unsigned int load, unsigned int producers,
		    enum habit habit, bool abreast)
{
	const unsigned int times = abreast ? loads[load].abreast : 1;
	const struct channel_size size = { .payload = loads[load].payload,
					   .ring = loads[load].ring * times,
					   .producers = producers };
	const unsigned int count = loads[load].count * times / (peer->slow ? 16 : 1);
	struct channel *channel = peer->open(peer, &size);
	uint64_t ns[ROUNDS];
	unsigned int i;

	for (i = 0; i < WARM_UP + ROUNDS; i++)
		ns[i < WARM_UP ? 0 : i - WARM_UP] =
			one_round(half, channel, habit, count, size.payload, producers);
	peer_result("rate", peer->name, size.payload, producers, habits[habit],
		    median(ns, ROUNDS) / ((double)count * producers));
	peer->close(channel);
}

void bench_rate(int half, const struct bench *bench)
{
	static const struct peer *const peers[] = {
		&peer_tandem, &peer_tandem_shared, &peer_bpf, &peer_bpf_cpu, &peer_netlink,
	};
	/* One processor cannot post and read at the same time. */
	const enum habit first = bench->cpus > 1 ? BUSY : SAMPLING;
	unsigned int producers, load, habit, i;

	pin(bench->cpus - 1);
	for (producers = 1; producers <= PRODUCERS_MAX && producers <= bench->cpus; producers *= 2)
		for (habit = first; habit <= SAMPLING; habit++)
			for (load = 0; load < ARRAY_SIZE(loads); load++)
				for (i = 0; i < ARRAY_SIZE(peers); i++)
					measure(half, peers[i], load, producers, habit,
						bench->cpus > 1);
}
