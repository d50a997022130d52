// SPDX-License-Identifier: GPL-2.0
/* Consuming events without the library. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw.h"

/* [raw-map] */
static int raw_map(struct raw *raw, unsigned int n, uint64_t map_size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	off_t offset = (off_t)(n * map_size);
	struct raw_ring *ring = &raw->ring[n];
	void *rw, *ro;

	rw = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, raw->fd, offset);
	ro = mmap(NULL, map_size - page, PROT_READ, MAP_SHARED, raw->fd, offset + (off_t)page);
	if (rw == MAP_FAILED || ro == MAP_FAILED)
		return -errno;
	ring->consumer = rw;
	ring->producer = ro;
	ring->data = (const uint8_t *)ro + page;
	ring->cons = ring->consumer->cons_pos;
	return 0;
}

int raw_subscribe(struct raw *raw, int device_fd)
{
	struct tandem_subscribe args = { .ring_size = 256 * 1024 };
	unsigned int n;
	int ret = 0;

	*raw = (struct raw){ .fd = ioctl(device_fd, TANDEM_IOC_SUBSCRIBE, &args) };
	if (raw->fd < 0)
		return -errno;
	raw->rings = args.rings;
	raw->size = args.ring_size;
	raw->ring = calloc(raw->rings, sizeof(*raw->ring));
	if (!raw->ring)
		ret = -ENOMEM;
	for (n = 0; !ret && n < raw->rings; n++)
		ret = raw_map(raw, n, args.map_size);
	return ret;
}

/* [end] */

/* Ends with the process otherwise; the mappings hold the subscription as the fd does. */
void raw_unsubscribe(struct raw *raw)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned int n;

	for (n = 0; n < raw->rings; n++) {
		munmap(raw->ring[n].consumer, page);
		munmap((void *)raw->ring[n].producer, page + 2 * raw->size);
	}
	free(raw->ring);
	close(raw->fd);
}

/* [raw-drain] */
static uint64_t raw_published(const struct raw_ring *ring)
{
	return __atomic_load_n(&ring->producer->pub_pos, __ATOMIC_ACQUIRE);
}

unsigned int raw_drain(struct raw *raw, raw_callback callback, void *arg)
{
	unsigned int n, count = 0;

	for (n = 0; n < raw->rings; n++) {
		struct raw_ring *ring = &raw->ring[n];
		uint64_t pub = raw_published(ring);

		while (ring->cons != pub) {
			const struct tandem_record *record = (const struct tandem_record *)
				(const void *)(ring->data + (ring->cons & (raw->size - 1)));

			raw->lost += record->lost_before;
			if (!(record->type_flags & TANDEM_RECORD_DISCARDED)) {
				callback(record, arg);
				count++;
			}
			ring->cons += TANDEM_RECORD_STRIDE(record->len);
		}
		__atomic_store_n(&ring->consumer->cons_pos, ring->cons, __ATOMIC_RELEASE);
	}
	return count;
}

/* [end] */

/* [raw-sleep] */
int raw_sleep(struct raw *raw, int timeout_ms)
{
	struct pollfd pollfd = { .fd = raw->fd, .events = POLLIN };
	unsigned int n;
	int ready = 0;

	for (n = 0; n < raw->rings; n++)
		__atomic_store_n(&raw->ring[n].consumer->wake_at, raw->ring[n].cons + 1,
				 __ATOMIC_RELAXED);
	/* wake_at before pub_pos: the kernel does it the other way round. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (n = 0; n < raw->rings; n++)
		ready |= raw_published(&raw->ring[n]) != raw->ring[n].cons;
	if (!ready && poll(&pollfd, 1, timeout_ms) < 0)
		ready = -errno;
	for (n = 0; n < raw->rings; n++)
		__atomic_store_n(&raw->ring[n].consumer->wake_at, TANDEM_AWAKE, __ATOMIC_RELAXED);
	if (pollfd.revents & POLLERR)
		return -EBADMSG;
	return pollfd.revents & POLLHUP ? -ENODEV : ready < 0 ? ready : 0;
}

/* [end] */

/* [raw-read] */
int raw_read(int fd, uint64_t *lost, raw_callback callback, void *arg)
{
	static uint64_t buffer[TANDEM_RECORD_MAX / sizeof(uint64_t)];
	ssize_t at, len = read(fd, buffer, sizeof(buffer));

	for (at = 0; at < len;) {
		const struct tandem_record *record = (const void *)&buffer[at / 8];

		*lost += record->lost_before;
		if (!(record->type_flags & TANDEM_RECORD_DISCARDED))
			callback(record, arg);
		at += (ssize_t)TANDEM_RECORD_STRIDE(record->len);
	}
	return len < 0 ? -errno : (int)len;
}

/* [end] */
