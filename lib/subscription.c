// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A subscription's life: subscribing, mapping, counting, giving up.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "name.h"
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

static bool known_ring(const struct ring *ring, uint32_t flags)
{
	uint32_t layout = flags & TANDEM_SUBSCRIBE_SHARED ? TANDEM_RING_SHARED :
							     TANDEM_RING_PER_CPU;
	const struct tandem_ring_producer *producer = ring->producer;
	/* 0 as long as the CPU has not been online. */
	uint64_t size = __atomic_load_n(&producer->size, __ATOMIC_RELAXED);

	return producer->magic == TANDEM_RING_MAGIC && producer->abi == TANDEM_ABI_VERSION &&
	       producer->layout == layout && (!size || size == ring->mask + 1);
}

void tandem_subscription_free(struct tandem_subscription *sub)
{
	free(sub->handlers);
	free(sub->buffer);
	free(sub->idle);
	free(sub->due);
	free(sub);
}

struct tandem_subscription *
tandem_subscription_alloc(unsigned int rings, const struct tandem_subscribe_options *options)
{
	struct tandem_subscription *sub;

	sub = calloc(1, sizeof(*sub) + rings * sizeof(sub->ring[0]));
	if (!sub)
		return NULL;
	sub->due = calloc(rings, sizeof(sub->due[0]));
	sub->idle = calloc(rings, sizeof(sub->idle[0]));
	if (!sub->due || !sub->idle) {
		tandem_subscription_free(sub);
		return NULL;
	}
	sub->flags = options->flags;
	sub->overflow = options->overflow;
	sub->manual_release = options->manual_release;
	sub->watermark = options->watermark ? options->watermark : 1;
	sub->spin_ns = options->spin_ns;
	sub->rings = rings;
	return sub;
}

int tandem_subscription_attach(struct tandem_subscription **result, void *base, size_t map_size,
			       unsigned int rings, uint64_t ring_size, int fd,
			       const struct tandem_subscribe_options *options)
{
	struct tandem_subscription *sub = tandem_subscription_alloc(rings, options);
	unsigned int i;

	if (!sub)
		return -ENOMEM;
	for (i = 0; i < rings; i++) {
		struct ring *ring = &sub->ring[i];

		init_ring(ring, (unsigned char *)base + i * map_size, ring_size);
		if (!known_ring(ring, options->flags)) {
			tandem_subscription_free(sub);
			return -EPROTO;
		}
		sub->idle[i] = ring;
	}
	sub->idle_count = rings;
	sub->last = &sub->ring[0];
	sub->base = base;
	sub->map_size = map_size;
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

static int map_and_attach(struct tandem_subscription **sub, const struct tandem_subscribe *args,
			  int fd, const struct tandem_subscribe_options *options)
{
	void *base;
	int ret;

	if (!plausible(args))
		return -EPROTO;
	base = map_rings(fd, args->rings, args->map_size);
	if (base == MAP_FAILED)
		return -errno;
	ret = tandem_subscription_attach(sub, base, args->map_size, args->rings, args->ring_size,
					 fd, options);
	if (ret)
		munmap(base, args->rings * args->map_size);
	return ret;
}

int tandem_subscribe(struct tandem_subscription **sub, int device_fd,
		     const struct tandem_subscribe_options *options)
{
	static const struct tandem_subscribe_options defaults;
	struct tandem_subscribe args = { .flags = 0 };
	int fd, ret;

	if (!options)
		options = &defaults;
	args.ring_size = options->ring_size ? options->ring_size : RING_SIZE_DEFAULT;
	args.classes = options->classes;
	args.types = (uintptr_t)options->types;
	args.types_count = options->types_count;
	args.flags = options->flags;
	args.overflow = options->overflow;
	args.watermark = options->watermark;
	if (options->watermark > args.ring_size / 2 ||
	    (options->manual_release && options->overflow == TANDEM_OVERFLOW_OVERWRITE))
		return -EINVAL;
	ret = options->name ? copy_name(args.name, options->name) : 0;
	if (ret)
		return ret;

	fd = ioctl(device_fd, TANDEM_IOC_SUBSCRIBE, &args);
	if (fd < 0)
		return -errno;
	if (options->overflow == TANDEM_OVERFLOW_OVERWRITE)
		ret = tandem_recorder_attach(sub, args.rings, args.ring_size, fd, options);
	else
		ret = map_and_attach(sub, &args, fd, options);
	if (ret)
		close(fd);
	else
		(*sub)->attached = args.attached;
	return ret;
}

void tandem_unsubscribe(struct tandem_subscription *sub)
{
	if (!sub)
		return;
	if (sub->base)
		munmap(sub->base, sub->rings * sub->map_size);
	close(sub->fd);
	tandem_subscription_free(sub);
}

bool tandem_subscription_attached(const struct tandem_subscription *sub)
{
	return sub->attached;
}

int tandem_subscription_remove(int device_fd, const char *name)
{
	struct tandem_unsubscribe args = { .flags = 0 };
	int ret = copy_name(args.name, name);

	if (!ret && ioctl(device_fd, TANDEM_IOC_UNSUBSCRIBE, &args) < 0)
		ret = -errno;
	return ret;
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
	if (sub->buffer) {
		counters->lost = sub->lost_seen;
		counters->overwritten = tandem_recorder_overwritten(sub);
		return;
	}
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
