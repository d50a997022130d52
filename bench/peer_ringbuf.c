// SPDX-License-Identifier: GPL-2.0
/* The peer that BPF's ring is, read by libbpf or by a loop that does no more than it must. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "peer.h"

struct ring {
	uint64_t *consumer;
	const uint64_t *producer;
	const unsigned char *data;
	uint64_t mask;
	int fd;
};

struct ringbuf_channel {
	struct channel channel;
	struct bpf_object *object;
	struct bpf_link *link;
	struct ring_buffer *libbpf;
	size_t taken;
	size_t ring_size;
	bool of_cpu;
	unsigned int rings;
	struct ring ring[];
};

static struct bpf_object *open_object(void)
{
	const char *build = getenv("TANDEM_BUILD");
	struct bpf_object *object;
	char path[4096];

	if (!build)
		errx(1, "TANDEM_BUILD does not say where the BPF programs were built");
	snprintf(path, sizeof(path), "%s/bench/ringbuf.bpf.o", build);
	object = bpf_object__open_file(path, NULL);
	if (!object)
		err(1, "cannot open %s", path);
	return object;
}

/* Loads the one program that is wanted; the others share its maps. */
static struct bpf_program *load(struct ringbuf_channel *c, const struct peer *peer,
				const struct channel_size *size)
{
	struct bpf_program *program, *wanted;
	struct bpf_map *constants, *shared, *of_cpu;
	char name[64];
	size_t bytes;

	if (!strcmp(peer->program, "nothing"))
		snprintf(name, sizeof(name), "nothing");
	else
		snprintf(name, sizeof(name), "%s_%u", peer->program, size->payload);
	c->object = open_object();
	wanted = bpf_object__find_program_by_name(c->object, name);
	constants = bpf_object__find_map_by_name(c->object, ".rodata");
	shared = bpf_object__find_map_by_name(c->object, "shared");
	of_cpu = bpf_object__find_map_by_name(c->object, "of_cpu");
	if (!wanted || !constants || !shared || !of_cpu)
		errx(1, "the BPF programs lack %s or their maps", name);
	bpf_object__for_each_program(program, c->object)
		bpf_program__set_autoload(program, program == wanted);
	*(uint64_t *)bpf_map__initial_value(constants, &bytes) = peer->flags;
	if (bpf_map__set_max_entries(shared, c->ring_size) ||
	    bpf_map__set_max_entries(of_cpu, c->rings))
		errx(1, "a BPF ring cannot have %zu bytes", c->ring_size);
	if (bpf_object__load(c->object))
		errx(1, "the kernel refuses the BPF program %s", name);
	return wanted;
}

static void map_ring(struct ring *ring, int fd, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	ring->consumer = map_or_die(page, true, fd, 0);
	ring->producer = map_or_die(page + 2 * size, false, fd, page);
	ring->data = (const unsigned char *)ring->producer + page;
	ring->mask = size - 1;
	ring->fd = fd;
}

static int ring_taken(void *context, void *data, size_t size)
{
	(void)data;
	(void)size;
	++*(size_t *)context;
	return 0;
}

static void add_ring(struct ringbuf_channel *c, unsigned int i, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	map_ring(&c->ring[i], fd, c->ring_size);
	if (epoll_ctl(c->channel.epoll, EPOLL_CTL_ADD, fd, &event))
		err(1, "cannot wait for a ring");
}

static void add_rings_of_cpus(struct ringbuf_channel *c)
{
	int of_cpu = bpf_object__find_map_fd_by_name(c->object, "of_cpu");
	unsigned int i;

	for (i = 0; i < c->rings; i++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, c->ring_size, NULL);

		if (fd < 0 || bpf_map_update_elem(of_cpu, &i, &fd, BPF_ANY))
			err(1, "cannot make a ring for CPU %u", i);
		add_ring(c, i, fd);
	}
}

static struct channel *ringbuf_open(const struct peer *peer, const struct channel_size *size)
{
	bool of_cpu = !strcmp(peer->program, "cpu");
	unsigned int rings = of_cpu ? size->producers : 1;
	struct ringbuf_channel *c = calloc(1, sizeof(*c) + rings * sizeof(c->ring[0]));
	struct bpf_program *program;
	int fd;

	if (!c)
		err(1, "no memory");
	c->of_cpu = of_cpu;
	c->rings = rings;
	c->ring_size = of_cpu ? size->ring : size->ring * size->producers;
	c->channel.peer = peer;
	c->channel.epoll = new_epoll(-1);
	program = load(c, peer, size);
	fd = bpf_object__find_map_fd_by_name(c->object, "shared");
	if (of_cpu)
		add_rings_of_cpus(c);
	else
		add_ring(c, 0, fd);
	c->libbpf = ring_buffer__new(fd, ring_taken, &c->taken, NULL);
	c->link = bpf_program__attach_raw_tracepoint(program, "tandem_bench");
	if (!c->libbpf || !c->link)
		err(1, "cannot attach a BPF program to the tracepoint of the kernel half");
	return &c->channel;
}

static size_t drain_ring(struct ring *ring)
{
	uint64_t position = *ring->consumer;
	size_t count = 0;

	for (;;) {
		uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
		bool busy = false;

		if (position >= end)
			return count;
		while (position < end) {
			uint32_t len = __atomic_load_n((const uint32_t *)(ring->data +
							(position & ring->mask)), __ATOMIC_ACQUIRE);

			busy = len & BPF_RINGBUF_BUSY_BIT;
			if (busy)
				break;
			position += ((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) &
				    ~7ULL;
			count++;
		}
		__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
		if (busy)
			return count;
	}
}

static size_t ringbuf_drain(struct channel *channel)
{
	struct ringbuf_channel *c = (struct ringbuf_channel *)channel;
	size_t count = 0;
	unsigned int i;

	for (i = 0; i < c->rings; i++)
		count += drain_ring(&c->ring[i]);
	return count;
}

static size_t ringbuf_drain_libbpf(struct channel *channel)
{
	struct ringbuf_channel *c = (struct ringbuf_channel *)channel;

	c->taken = 0;
	ring_buffer__consume(c->libbpf);
	return c->taken;
}

static void ringbuf_close(struct channel *channel)
{
	struct ringbuf_channel *c = (struct ringbuf_channel *)channel;
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned int i;

	bpf_link__destroy(c->link);
	ring_buffer__free(c->libbpf);
	close(channel->epoll);
	for (i = 0; i < c->rings; i++) {
		munmap(c->ring[i].consumer, page);
		munmap((void *)c->ring[i].producer, page + 2 * c->ring_size);
		if (c->of_cpu)
			close(c->ring[i].fd);
	}
	bpf_object__close(c->object);
	free(c);
}

#define RINGBUF_PEER(peer_name, program_name, submit_flags, draining)	\
	{								\
		.name = peer_name,					\
		.way = BENCH_TRACE,					\
		.open = ringbuf_open,					\
		.drain = draining,					\
		.close = ringbuf_close,					\
		.program = program_name,				\
		.flags = submit_flags,					\
	}

const struct peer peer_bpf_nothing = RINGBUF_PEER("bpf-nothing", "nothing", 0, ringbuf_drain);
const struct peer peer_bpf = RINGBUF_PEER("bpf", "reserve", 0, ringbuf_drain);
const struct peer peer_bpf_no_wakeup =
	RINGBUF_PEER("bpf-no-wakeup", "reserve", BPF_RB_NO_WAKEUP, ringbuf_drain);
const struct peer peer_bpf_output =
	RINGBUF_PEER("bpf-output", "output", BPF_RB_NO_WAKEUP, ringbuf_drain);
const struct peer peer_bpf_cpu = RINGBUF_PEER("bpf-per-cpu", "cpu", 0, ringbuf_drain);
const struct peer peer_bpf_libbpf = RINGBUF_PEER("bpf-libbpf", "reserve", 0, ringbuf_drain_libbpf);
