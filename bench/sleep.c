// SPDX-License-Identifier: GPL-2.0
/*
 * What it takes to get an event to a consumer that sleeps: from before the system call in which
 * it is posted, until the consumer has it in hand. The floor is a futex: nothing is handed over.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "peer.h"

#define SAMPLES		1000
#define SIZE		64

/* @word is what the futex is about; it counts the samples. */
struct sleeper {
	struct channel *channel;
	int half;
	uint32_t word;
	pid_t tid;
	uint64_t begin;
	uint64_t samples[SAMPLES];
};

static void sleep_in_futex(struct sleeper *s, uint32_t turn)
{
	while (__atomic_load_n(&s->word, __ATOMIC_ACQUIRE) == turn)
		if (syscall(SYS_futex, &s->word, FUTEX_WAIT_PRIVATE, turn, NULL, NULL, 0) &&
		    errno != EAGAIN && errno != EINTR)
			err(1, "cannot wait for a futex");
}

static void wait_for_events(struct channel *channel)
{
	struct epoll_event event;

	if (channel->peer->wait)
		channel->peer->wait(channel);
	else if (epoll_wait(channel->epoll, &event, 1, -1) < 0 && errno != EINTR)
		err(1, "cannot wait for events");
}

static void sleep_in_channel(struct sleeper *s)
{
	while (!s->channel->peer->drain(s->channel))
		wait_for_events(s->channel);
}

static void *consume(void *arg)
{
	struct sleeper *s = arg;
	unsigned int i;

	pin(0);
	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	for (i = 0; i < SAMPLES; i++) {
		if (s->channel)
			sleep_in_channel(s);
		else
			sleep_in_futex(s, i);
		s->samples[i] = now_ns() - s->begin;
		if (s->channel)
			__atomic_store_n(&s->word, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Nothing tells that a thread is asleep but its state, so look now and then. */
static void await_sleep(int state, uint32_t *word, uint32_t turn)
{
	const struct timespec now_and_then = { .tv_nsec = 50000 };
	char text[256] = "";
	char name[64], letter = 0;

	do {
		ssize_t len;

		nanosleep(&now_and_then, NULL);
		len = pread(state, text, sizeof(text) - 1, 0);
		if (len < 0)
			err(1, "cannot see whether the consumer sleeps");
		text[len] = 0;
		if (sscanf(text, "%*d (%63[^)]) %c", name, &letter) != 2)
			die(0, "cannot see whether the consumer sleeps");
	} while (letter != 'S' || __atomic_load_n(word, __ATOMIC_ACQUIRE) != turn);
}

static void wake(struct sleeper *s)
{
	struct bench_run run = { .size = SIZE, .count = 1 };

	if (s->channel) {
		run.way = s->channel->peer->way;
		s->begin = now_ns();
		half_run(s->half, &run);
		return;
	}
	s->begin = now_ns();
	__atomic_fetch_add(&s->word, 1, __ATOMIC_RELEASE);
	syscall(SYS_futex, &s->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void measure(int half, const struct peer *peer, const char *name, unsigned int cpu)
{
	const struct channel_size size = { .payload = SIZE, .ring = BENCH_RING_SIZE,
					   .producers = cpu + 1 };
	static struct sleeper sleeper;
	char path[64], group[64];
	pthread_t thread;
	int state;
	uint32_t i;

	sleeper = (struct sleeper){
		.half = half,
		.channel = peer ? peer->open(peer, &size) : NULL,
	};
	if (pthread_create(&thread, NULL, consume, &sleeper))
		die(0, "cannot make a thread");
	pin(cpu);
	while (!__atomic_load_n(&sleeper.tid, __ATOMIC_ACQUIRE))
		sched_yield();
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", sleeper.tid);
	state = open(path, O_RDONLY | O_CLOEXEC);
	if (state < 0)
		err(1, "cannot open %s", path);
	for (i = 0; i < SAMPLES; i++) {
		await_sleep(state, &sleeper.word, i);
		wake(&sleeper);
	}
	pthread_join(thread, NULL);
	close(state);
	if (peer)
		peer->close(sleeper.channel);

	sort(sleeper.samples, SAMPLES);
	snprintf(group, sizeof(group), "sleep, %s CPU", cpu ? "another" : "same");
	peer_result(group, name, SIZE, 1, "p50", sleeper.samples[SAMPLES / 2]);
	peer_result(group, name, SIZE, 1, "p99", sleeper.samples[SAMPLES * 99 / 100]);
	peer_result(group, name, SIZE, 1, "max", sleeper.samples[SAMPLES - 1]);
}

/* What is no event's in the measures above. */
static void measure_call(int half)
{
	struct bench_run run = { .way = BENCH_NOTHING };
	uint64_t samples[SAMPLES];
	uint32_t i;

	for (i = 0; i < SAMPLES; i++) {
		samples[i] = now_ns();
		half_run(half, &run);
		samples[i] = now_ns() - samples[i];
	}
	peer_result("call", "nothing", 0, 1, "p50", median(samples, SAMPLES));
}

void bench_sleep(int half, const struct bench *bench)
{
	static const struct peer *const peers[] = {
		&peer_tandem_wait, &peer_tandem_shared_wait, &peer_tandem, &peer_tandem_shared,
		&peer_bpf, &peer_netlink,
	};
	unsigned int cpu, i;

	measure_call(half);
	for (cpu = 0; cpu < bench->cpus && cpu < 2; cpu++) {
		measure(half, NULL, "futex", cpu);
		for (i = 0; i < ARRAY_SIZE(peers); i++)
			measure(half, peers[i], peers[i]->name, cpu);
	}
}
