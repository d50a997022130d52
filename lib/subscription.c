// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A subscription's life: subscribing, mapping, counting, giving up.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "subscription.h"

#define RING_SIZE_DEFAULT	(256 * 1024)

static void init_ring(struct ring *ring, unsigned char *base, uint64_t ring_size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	ring->consumer = (struct tandem_ring_consumer *)(void *)base;
	ring->producer = (const struct tandem_ring_producer *)(void *)(base + page);
	ring->data = base + 2 * page;
	ring->mask = ring_size - 1;
	ring->pos = ring->consumer->cons_pos;
	ring->known = ring->pos;
	ring->released = ring->pos;
	ring->cpu = ring->producer->cpu;
}

static bool known_ring(const struct ring *ring)
{
	const struct tandem_ring_producer *producer = ring->producer;
	/* 0 as long as the CPU has not been online. */
	uint64_t size = __atomic_load_n(&producer->size, __ATOMIC_RELAXED);

	return producer->magic == TANDEM_RING_MAGIC && producer->abi == TANDEM_ABI_VERSION &&
	       producer->layout == TANDEM_RING_PER_CPU && (!size || size == ring->mask + 1);
}

static void free_subscription(struct tandem_subscription *sub)
{
	free(sub->handlers);
	free(sub->idle);
	free(sub->due);
	free(sub);
}

int tandem_subscription_attach(struct tandem_subscription **result, void *base, size_t map_size,
			       unsigned int rings, uint64_t ring_size, int fd,
			       const struct tandem_subscribe_options *options)
{
	struct tandem_subscription *sub;
	unsigned int i;

	sub = calloc(1, sizeof(*sub) + rings * sizeof(sub->ring[0]));
	if (!sub)
		return -ENOMEM;
	sub->due = calloc(rings, sizeof(sub->due[0]));
	sub->idle = calloc(rings, sizeof(sub->idle[0]));
	if (!sub->due || !sub->idle) {
		free_subscription(sub);
		return -ENOMEM;
	}
	for (i = 0; i < rings; i++) {
		struct ring *ring = &sub->ring[i];

		init_ring(ring, (unsigned char *)base + i * map_size, ring_size);
		if (!known_ring(ring)) {
			free_subscription(sub);
			return -EPROTO;
		}
		sub->idle[i] = ring;
	}
	sub->idle_count = rings;
	sub->last = &sub->ring[0];
	sub->watermark = options->watermark ? options->watermark : 1;
	sub->spin_ns = options->spin_ns;
	sub->base = base;
	sub->map_size = map_size;
	sub->rings = rings;
	sub->fd = fd;
	*result = sub;
	return 0;
}

/* Maps all rings into one range of addresses. Return: its start, or MAP_FAILED with errno. */
static void *map_rings(int fd, unsigned int rings, size_t map_size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned char *base;
	unsigned int i;

	base = mmap(NULL, rings * map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (base == MAP_FAILED)
		return MAP_FAILED;
	for (i = 0; i < rings; i++) {
		unsigned char *start = base + i * map_size;
		off_t offset = (off_t)i * map_size;

		if (mmap(start, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 offset) == MAP_FAILED ||
		    mmap(start + page, map_size - page, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
			 offset + page) == MAP_FAILED) {
			int error = errno;

			munmap(base, rings * map_size);
			errno = error;
			return MAP_FAILED;
		}
	}
	return base;
}

/* What the kernel says of the rings must agree with what they are, and must fit into memory. */
static bool plausible(const struct tandem_subscribe *args)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	size_t all;

	return args->rings && args->map_size == 2 * page + 2 * args->ring_size &&
	       !__builtin_mul_overflow(args->rings, args->map_size, &all);
}

int tandem_subscribe(struct tandem_subscription **sub, int device_fd,
		     const struct tandem_subscribe_options *options)
{
	static const struct tandem_subscribe_options defaults;
	struct tandem_subscribe args = { .overflow = TANDEM_OVERFLOW_DROP };
	void *base;
	int fd, ret;

	if (!options)
		options = &defaults;
	args.ring_size = options->ring_size ? options->ring_size : RING_SIZE_DEFAULT;
	args.classes = options->classes;
	args.types = (uintptr_t)options->types;
	args.types_count = options->types_count;
	if (options->watermark > args.ring_size / 2)
		return -EINVAL;

	fd = ioctl(device_fd, TANDEM_IOC_SUBSCRIBE, &args);
	if (fd < 0)
		return -errno;
	if (!plausible(&args)) {
		ret = -EPROTO;
		goto err_close;
	}
	base = map_rings(fd, args.rings, args.map_size);
	if (base == MAP_FAILED) {
		ret = -errno;
		goto err_close;
	}
	ret = tandem_subscription_attach(sub, base, args.map_size, args.rings, args.ring_size, fd,
					 options);
	if (ret)
		goto err_unmap;
	return 0;

err_unmap:
	munmap(base, args.rings * args.map_size);
err_close:
	close(fd);
	return ret;
}

void tandem_unsubscribe(struct tandem_subscription *sub)
{
	if (!sub)
		return;
	munmap(sub->base, sub->rings * sub->map_size);
	close(sub->fd);
	free_subscription(sub);
}

int tandem_subscription_fd(const struct tandem_subscription *sub)
{
	return sub->fd;
}

static uint64_t count(const __u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void tandem_subscription_counters(const struct tandem_subscription *sub,
				  struct tandem_counters *counters)
{
	unsigned int i, class;

	*counters = (struct tandem_counters){
		.delivered = sub->cursor.delivered,
		.lost_seen = sub->lost_seen,
	};
	for (i = 0; i < sub->rings; i++) {
		const struct tandem_ring_producer *producer = sub->ring[i].producer;

		counters->lost += count(&producer->lost_records);
		counters->lost_bytes += count(&producer->lost_bytes);
		counters->lost_recursion += count(&producer->lost_recursion);
		counters->lost_too_big += count(&producer->lost_too_big);
		for (class = 0; class < TANDEM_CLASSES; class++)
			counters->lost_class[class] += count(&producer->lost_class[class]);
	}
}
