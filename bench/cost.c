// SPDX-License-Identifier: GPL-2.0
/* What an event costs, by peer: its producer, and its consumer while it has work. */
#include "peer.h"

#define ROUNDS	20

static const uint32_t sizes[] = { 16, 64, 256, 4096 };

static const struct peer *const producers[] = {
	&peer_nothing, &peer_tandem, &peer_tandem_no_time, &peer_tandem_shared,
	&peer_tandem_reserve, &peer_bpf_nothing, &peer_bpf_no_wakeup, &peer_bpf, &peer_bpf_cpu,
	&peer_bpf_output, &peer_netlink,
};

static const struct peer *const consumers[] = {
	&peer_tandem, &peer_tandem_no_time, &peer_tandem_shared, &peer_tandem_dispatch, &peer_bpf,
	&peer_bpf_libbpf, &peer_netlink,
};

struct times {
	uint64_t posting[ROUNDS];
	uint64_t draining[ROUNDS];
};

static void measure(int half, struct channel *channel, uint32_t size, uint64_t count,
		    struct times *times)
{
	struct bench_run run = { .way = channel->peer->way, .size = size, .count = count };
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		uint64_t begin;
		size_t taken;

		half_run(half, &run);
		begin = now_ns();
		taken = channel->peer->drain(channel);
		times->draining[i] = now_ns() - begin;
		times->posting[i] = run.end - run.begin;
		if (channel->epoll >= 0 && taken && taken != count)
			die(0, "events were lost, so the numbers would mean nothing");
	}
}

static double slope(uint64_t *once, uint64_t *twice)
{
	return (median(twice, ROUNDS) - median(once, ROUNDS)) / BENCH_TURNS;
}

/* Once through the ring: its pages are in the page tables from then on. */
static void warm_up(int half, struct channel *channel, const struct channel_size *size)
{
	static struct times unused;
	size_t done;

	for (done = 0; done < size->ring; done += (size_t)ROUNDS * BENCH_TURNS * size->payload)
		measure(half, channel, size->payload, BENCH_TURNS, &unused);
}

static void measure_peer(int half, const struct peer *peer, uint32_t payload, bool posting)
{
	const struct channel_size size = { .payload = payload, .ring = BENCH_RING_SIZE,
					   .producers = 1 };
	struct channel *channel = peer->open(peer, &size);
	static struct times once, twice;

	if (!peer->slow)
		warm_up(half, channel, &size);
	measure(half, channel, payload, BENCH_TURNS, &once);
	measure(half, channel, payload, 2 * BENCH_TURNS, &twice);
	if (posting)
		peer_result("post", peer->name, payload, 1, "busy",
			    slope(once.posting, twice.posting));
	else
		peer_result("consume", peer->name, payload, 1, "busy",
			    slope(once.draining, twice.draining));
	peer->close(channel);
}

void bench_cost(int half)
{
	unsigned int i, j;

	pin(0);
	for (j = 0; j < ARRAY_SIZE(sizes); j++) {
		for (i = 0; i < ARRAY_SIZE(producers); i++)
			measure_peer(half, producers[i], sizes[j], true);
		for (i = 0; i < ARRAY_SIZE(consumers); i++)
			measure_peer(half, consumers[i], sizes[j], false);
	}
}
