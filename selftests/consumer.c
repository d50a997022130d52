// SPDX-License-Identifier: GPL-2.0
/*
 * A consumer: a subscription whose rings are mapped. It checks whatever it reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "consumer.h"
#include "util.h"

int subscribe(int node, struct tandem_subscribe *args)
{
	int fd = ioctl(node, TANDEM_IOC_SUBSCRIBE, args);

	return fd < 0 ? -errno : fd;
}

int subscribe_by(const char *name, struct tandem_subscribe *args)
{
	int node = open_node(name, O_RDONLY);
	int fd;

	if (node < 0)
		return node;
	fd = subscribe(node, args);
	close(node);
	return fd;
}

int wait_for(int fd, uint64_t timeout)
{
	struct tandem_wait args = { .timeout = timeout };

	return ioctl(fd, TANDEM_IOC_WAIT, &args) ? -errno : 0;
}

ssize_t snapshot(int fd, uint32_t ring, void *buffer, uint64_t length, uint64_t *overwritten)
{
	struct tandem_snapshot args = {
		.ring = ring, .buffer = (uintptr_t)buffer, .length = length,
		.returned = 77, .overwritten = 77,
	};

	if (ioctl(fd, TANDEM_IOC_SNAPSHOT, &args))
		return -errno;
	if (overwritten)
		*overwritten = args.overwritten;
	return args.returned;
}

int unsubscribe(int node, const char *name)
{
	struct tandem_unsubscribe args = { .flags = 0 };

	strncpy(args.name, name, sizeof(args.name) - 1);
	return ioctl(node, TANDEM_IOC_UNSUBSCRIBE, &args) ? -errno : 0;
}

int consumer_map(struct consumer *consumer)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t map_size = consumer->args.map_size;
	unsigned int i;

	if (consumer->args.rings > CONSUMER_RINGS_MAX)
		return -E2BIG;
	for (i = 0; i < consumer->args.rings; i++) {
		struct ring *ring = &consumer->ring[i];
		off_t offset = (off_t)i * map_size;
		uint8_t *rest;
		void *first;

		first = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, consumer->fd, offset);
		if (first == MAP_FAILED)
			goto fail;
		ring->consumer = first;
		rest = mmap(NULL, map_size - page, PROT_READ, MAP_SHARED, consumer->fd,
			    offset + page);
		if (rest == MAP_FAILED)
			goto fail;
		ring->producer = (const void *)rest;
		ring->data = rest + page;
		ring->size = consumer->args.ring_size;
		ring->shared = ring->producer->layout == TANDEM_RING_SHARED;
		ring->cons = __atomic_load_n(&ring->consumer->cons_pos, __ATOMIC_RELAXED);
	}
	return 0;
fail:
	i = errno;
	consumer_unmap(consumer);
	return -i;
}

void consumer_unmap(struct consumer *consumer)
{
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned int i;

	for (i = 0; i < consumer->args.rings && i < CONSUMER_RINGS_MAX; i++) {
		struct ring *ring = &consumer->ring[i];

		if (ring->consumer)
			munmap(ring->consumer, page);
		if (ring->producer)
			munmap((void *)ring->producer, consumer->args.map_size - page);
		ring->consumer = NULL;
		ring->producer = NULL;
	}
}

int consumer_open_args(struct consumer *consumer, int node, const struct tandem_subscribe *args)
{
	int err;

	memset(consumer, 0, sizeof(*consumer));
	consumer->args = *args;
	consumer->fd = subscribe(node, &consumer->args);
	if (consumer->fd < 0)
		return consumer->fd;
	err = consumer_map(consumer);
	if (err)
		close(consumer->fd);
	return err;
}

int consumer_open_by(struct consumer *consumer, const char *name,
		     const struct tandem_subscribe *args)
{
	int node = open_node(name, O_RDONLY);
	int err;

	if (node < 0)
		return node;
	err = consumer_open_args(consumer, node, args);
	close(node);
	return err;
}

int consumer_open(struct consumer *consumer, const char *name, uint64_t ring_size)
{
	const struct tandem_subscribe args = { .ring_size = ring_size };

	return consumer_open_by(consumer, name, &args);
}

void consumer_close(struct consumer *consumer)
{
	consumer_unmap(consumer);
	close(consumer->fd);
}

uint64_t ring_published(const struct ring *ring)
{
	/* Pairs with the kernel's release of pub_pos. */
	return __atomic_load_n(&ring->producer->pub_pos, __ATOMIC_ACQUIRE);
}

static const struct tandem_record *record_at(const struct ring *ring)
{
	return (const void *)(ring->data + (ring->cons & (ring->size - 1)));
}

/* Has its poster done with the record at @ring->cons? */
static bool complete(const struct ring *ring)
{
	/* Pairs with the poster's release, which comes last. */
	return !ring->shared ||
	       !(__atomic_load_n(&record_at(ring)->type_flags, __ATOMIC_ACQUIRE) &
		 TANDEM_RECORD_BUSY);
}

bool consumer_ready(const struct consumer *consumer)
{
	unsigned int i;

	for (i = 0; i < consumer->args.rings; i++) {
		const struct ring *ring = &consumer->ring[i];

		if (ring_published(ring) != ring->cons && complete(ring))
			return true;
	}
	return false;
}

static const char *malformed(const struct ring *ring, const struct tandem_record *record,
			     uint64_t available)
{
	if (ring->cons % 8 || available % 8)
		return "a position is not a multiple of 8";
	if (available > ring->size)
		return "more is published than the ring holds";
	if (record->len < sizeof(*record))
		return "a record is shorter than its header";
	if (TANDEM_RECORD_STRIDE(record->len) > available)
		return "a record ends after the published position";
	if (record->len > TANDEM_RECORD_MAX || record->len > ring->size / 8)
		return "a record is longer than allowed";
	if (!ring->shared && record->type_flags & TANDEM_RECORD_BUSY)
		return "a record of one CPU's ring is busy";
	return NULL;
}

const struct tandem_record *ring_next(struct consumer *consumer, struct ring *ring)
{
	uint64_t published = ring_published(ring);

	while (published != ring->cons && !consumer->error && complete(ring)) {
		const struct tandem_record *record = record_at(ring);

		consumer->error = malformed(ring, record, published - ring->cons);
		if (consumer->error)
			break;
		ring->cons += TANDEM_RECORD_STRIDE(record->len);
		ring->lost += record->lost_before;
		if (record->type_flags & TANDEM_RECORD_DISCARDED)
			continue;
		ring->records++;
		return record;
	}
	return NULL;
}

void ring_release(struct ring *ring)
{
	/* Pairs with the kernel's acquire of cons_pos: it overwrites what we have read. */
	__atomic_store_n(&ring->consumer->cons_pos, ring->cons, __ATOMIC_RELEASE);
}

uint64_t consumer_drain(struct consumer *consumer,
			const char *(*check)(void *data, const struct ring *ring,
					     const struct tandem_record *record),
			void *data)
{
	const struct tandem_record *record;
	uint64_t records = 0;
	unsigned int i;

	for (i = 0; i < consumer->args.rings; i++) {
		struct ring *ring = &consumer->ring[i];

		while ((record = ring_next(consumer, ring))) {
			records++;
			if (check && !consumer->error)
				consumer->error = check(data, ring, record);
			ring->time = record->time;
			ring_release(ring);
		}
		ring_release(ring);
	}
	return records;
}

uint64_t consumer_records(const struct consumer *consumer)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < consumer->args.rings; i++)
		sum += consumer->ring[i].records;
	return sum;
}

uint64_t consumer_lost_before(const struct consumer *consumer)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < consumer->args.rings; i++)
		sum += consumer->ring[i].lost;
	return sum;
}

uint64_t consumer_lost_records(const struct consumer *consumer)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < consumer->args.rings; i++)
		sum += __atomic_load_n(&consumer->ring[i].producer->lost_records, __ATOMIC_RELAXED);
	return sum;
}

size_t record_payload(const struct tandem_record *record)
{
	return record->len - sizeof(*record);
}
