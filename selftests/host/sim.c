// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

#define NSEC_PER_SEC	1000000000ULL

/* TANDEM_IOC_WAIT for an fd that can be polled. */
static int wait_for(int fd, const struct tandem_wait *args)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	const struct timespec timeout = {
		.tv_sec = args->timeout / NSEC_PER_SEC, .tv_nsec = args->timeout % NSEC_PER_SEC,
	};
	int ret = ppoll(&pollfd, 1, args->timeout == TANDEM_FOREVER ? NULL : &timeout, NULL);

	if (ret > 0 && !(pollfd.revents & POLLNVAL))
		return 0;
	if (ret >= 0)
		errno = ret ? EBADF : ETIMEDOUT;
	return -1;
}

/* The library's, which finds this one before that of the C library. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	if (request == TANDEM_IOC_WAIT)
		return wait_for(fd, arg);
	return syscall(SYS_ioctl, fd, request, arg);
}

/* Maps the rings: control pages as they are, data twice. Return: NULL if it fails. */
static unsigned char *map(const struct sim *sim, int prot)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t stored = 2 * page + sim->size;
	unsigned char *base;
	unsigned int i;

	base = mmap(NULL, sim->rings * sim->map_size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	for (i = 0; i < sim->rings; i++) {
		unsigned char *start = base + i * sim->map_size;
		off_t offset = (off_t)(i * stored);

		if (mmap(start, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, sim->memory,
			 offset) == MAP_FAILED ||
		    mmap(start + page, page + sim->size, prot, MAP_SHARED | MAP_FIXED, sim->memory,
			 offset + (off_t)page) == MAP_FAILED ||
		    mmap(start + stored, sim->size, prot, MAP_SHARED | MAP_FIXED, sim->memory,
			 offset + 2 * (off_t)page) == MAP_FAILED) {
			munmap(base, sim->rings * sim->map_size);
			return NULL;
		}
	}
	return base;
}

bool sim_init(struct sim *sim, unsigned int rings, uint64_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	unsigned int i;

	*sim = (struct sim){
		.rings = rings, .size = size, .map_size = 2 * page + 2 * size,
		.memory = memfd_create("rings", MFD_CLOEXEC),
		.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	sim->fd = dup(sim->wake);
	if (sim->memory < 0 || sim->fd < 0 ||
	    ftruncate(sim->memory, (off_t)(rings * (2 * page + size))))
		return false;
	sim->own = map(sim, PROT_READ | PROT_WRITE);
	sim->view = map(sim, PROT_READ);
	if (!sim->own || !sim->view)
		return false;
	for (i = 0; i < rings; i++) {
		struct sim_ring *ring = &sim->ring[i];
		unsigned char *base = sim->own + i * sim->map_size;

		ring->consumer = (struct tandem_ring_consumer *)(void *)base;
		ring->producer = (struct tandem_ring_producer *)(void *)(base + page);
		ring->data = base + 2 * page;
		ring->size = size;
		ring->consumer->wake_at = TANDEM_AWAKE;
		ring->producer->magic = TANDEM_RING_MAGIC;
		ring->producer->abi = TANDEM_ABI_VERSION;
		ring->producer->size = size;
		ring->producer->cpu = i;
		ring->producer->state = TANDEM_RING_ACTIVE;
	}
	return true;
}

void sim_exit(struct sim *sim)
{
	munmap(sim->own, sim->rings * sim->map_size);
	if (!sim->attached) {
		munmap(sim->view, sim->rings * sim->map_size);
		close(sim->fd);
	}
	close(sim->wake);
	close(sim->memory);
}

int sim_attach(struct sim *sim, struct tandem_subscription **sub,
	       const struct tandem_subscribe_options *options)
{
	static const struct tandem_subscribe_options defaults;
	int ret = tandem_subscription_attach(sub, sim->view, sim->map_size, sim->rings, sim->size,
					     sim->fd, options ? options : &defaults);

	if (!ret)
		sim->attached = true;
	return ret;
}

struct tandem_record *sim_reserve(struct sim_ring *ring, unsigned int type_flags, size_t len,
				  uint64_t time)
{
	uint64_t bytes = TANDEM_RECORD_STRIDE(sizeof(struct tandem_record) + len);
	uint64_t cons = __atomic_load_n(&ring->consumer->cons_pos, __ATOMIC_ACQUIRE);
	struct tandem_record *record;

	if (bytes > ring->size / 8 || ring->head - cons + bytes > ring->size - ring->size / 8) {
		ring->producer->lost_records++;
		ring->producer->lost_bytes += len;
		ring->producer->lost_class[TANDEM_RECORD_CLASS(type_flags)]++;
		ring->pending++;
		return NULL;
	}
	record = (struct tandem_record *)(void *)(ring->data + (ring->head & (ring->size - 1)));
	record->len = (uint32_t)(sizeof(*record) + len);
	record->type_flags = (uint16_t)type_flags;
	record->lost_before = ring->pending < UINT16_MAX ? (uint16_t)ring->pending : UINT16_MAX;
	record->time = time;
	ring->pending -= record->lost_before;
	ring->head += bytes;
	return record;
}

bool sim_publish(struct sim_ring *ring)
{
	uint64_t old = ring->producer->pub_pos;
	__u64 wake_at, request;

	__atomic_store_n(&ring->producer->pub_pos, ring->head, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	wake_at = __atomic_load_n(&ring->consumer->wake_at, __ATOMIC_RELAXED);
	if (wake_at > ring->head)
		return false;
	/* The request is over, unless there is a new one already. */
	request = wake_at;
	__atomic_compare_exchange_n(&ring->consumer->wake_at, &request, TANDEM_AWAKE, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	return wake_at > old;
}

struct tandem_record *sim_begin(struct sim_ring *ring, unsigned int type_flags, size_t len,
				uint64_t time)
{
	struct tandem_record *record;

	record = sim_reserve(ring, type_flags | TANDEM_RECORD_BUSY, len, time);
	if (record)
		__atomic_store_n(&ring->producer->pub_pos, ring->head, __ATOMIC_RELEASE);
	return record;
}

bool sim_done(struct sim_ring *ring, struct tandem_record *record)
{
	__atomic_store_n(&record->type_flags, record->type_flags & ~TANDEM_RECORD_BUSY,
			 __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->consumer->wake_at, __ATOMIC_RELAXED) >
	    __atomic_load_n(&ring->producer->pub_pos, __ATOMIC_RELAXED))
		return false;
	return __atomic_exchange_n(&ring->consumer->wake_at, TANDEM_AWAKE, __ATOMIC_SEQ_CST) !=
	       TANDEM_AWAKE;
}

bool sim_post(struct sim *sim, unsigned int index, unsigned int type_flags, size_t len,
	      uint64_t time)
{
	struct sim_ring *ring = &sim->ring[index];
	struct tandem_record *record = sim_reserve(ring, type_flags, len, time);
	static const uint64_t one = 1;
	size_t i;

	if (!record)
		return false;
	for (i = 0; i < len; i++)
		record->data[i] = (uint8_t)(time + i);
	return !sim_publish(ring) || write(sim->wake, &one, sizeof(one)) == sizeof(one);
}

bool sim_payload_ok(const struct tandem_record *record)
{
	size_t i;

	for (i = 0; i < record->len - sizeof(*record); i++) {
		if (record->data[i] != (uint8_t)(record->time + i))
			return false;
	}
	return true;
}

uint64_t sim_position(const struct sim *sim, unsigned int index, const struct tandem_record *record)
{
	const struct sim_ring *ring = &sim->ring[index];
	const unsigned char *data = sim->view + index * sim->map_size + 2 * sysconf(_SC_PAGESIZE);
	uint64_t offset = (uint64_t)((const unsigned char *)record - data);

	return ring->head - 1 - ((ring->head - 1 - offset) & (ring->size - 1));
}

void sim_pause(uint64_t round)
{
	unsigned int n = (unsigned int)(round * 2654435761U >> 8) % 256;

	while (n--)
		__asm__ __volatile__("");
}

void sim_await(const uint64_t *value, uint64_t wanted)
{
	unsigned int n = 0;

	while (__atomic_load_n(value, __ATOMIC_ACQUIRE) != wanted) {
		if (++n % 4096 == 0)
			sched_yield();
	}
}
