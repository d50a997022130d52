/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers: ways to tell user space of events, with one face. Who posts is the kernel half bench/half,
 * in the same loop for all of them.
 */
#ifndef _BENCH_PEER_H
#define _BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench.h"
#include "half/run.h"

struct peer;

/**
 * struct channel - a peer at work
 * @peer: whose
 * @epoll: an epoll that is readable when there is something to drain; not if the peer has a wait
 */
struct channel {
	const struct peer *peer;
	int epoll;
};

/**
 * struct channel_size - what a channel must hold
 * @payload: bytes of each event: 16, 64, 256 or 4096
 * @ring: bytes for each producer, a power of two
 * @producers: how many, on the CPUs from 0 on
 */
struct channel_size {
	uint32_t payload;
	size_t ring;
	unsigned int producers;
};

/**
 * struct peer - a way to tell user space of events
 * @name: in the results
 * @way: what the kernel half does
 * @open: begins to listen
 * @drain: takes all events that are there; how many
 * @wait: sleeps until there is something to drain; NULL: epoll_wait() does
 * @close: ends it
 * @program: BPF: which program, without its size
 * @flags: Tandem: of the subscription; BPF: of the submission
 * @slow: dearer by orders than the others: a few events are enough
 */
struct peer {
	const char *name;
	enum bench_way way;
	struct channel *(*open)(const struct peer *peer, const struct channel_size *size);
	size_t (*drain)(struct channel *channel);
	void (*wait)(struct channel *channel);
	void (*close)(struct channel *channel);
	const char *program;
	uint64_t flags;
	bool slow;
};

extern const struct peer peer_nothing;
extern const struct peer peer_tandem;
extern const struct peer peer_tandem_no_time;
extern const struct peer peer_tandem_shared;
extern const struct peer peer_tandem_wait;
extern const struct peer peer_tandem_shared_wait;
extern const struct peer peer_tandem_reserve;
extern const struct peer peer_tandem_dispatch;
extern const struct peer peer_bpf_nothing;
extern const struct peer peer_bpf;
extern const struct peer peer_bpf_no_wakeup;
extern const struct peer peer_bpf_output;
extern const struct peer peer_bpf_cpu;
extern const struct peer peer_bpf_libbpf;
extern const struct peer peer_netlink;

/* What the peers share; they fail by ending the program. */
int new_epoll(int fd);
void *map_or_die(size_t length, bool writable, int fd, off_t offset);

/* The kernel half. */
int half_open(void);
void half_run(int half, struct bench_run *run);

/* Measures. */
void bench_cost(int half);
void bench_sleep(int half, const struct bench *bench);
void bench_rate(int half, const struct bench *bench);

void peer_result(const char *group, const char *peer, uint32_t size, unsigned int producers,
		 const char *consumer, double value);

#endif /* _BENCH_PEER_H */
