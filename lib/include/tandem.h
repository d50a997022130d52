/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libtandem: talk to Tandem devices and consume their events.
 *
 * Every function that can fail returns a negative errno, and nothing else says so: errno itself is
 * not set. Nothing is printed, no thread is started, no signal handler installed. A struct
 * tandem_subscription belongs to one thread at a time; different ones are independent.
 */
#ifndef TANDEM_H
#define TANDEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/tandem.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library hides what is not declared here. */
#pragma GCC visibility push(default)

/* Some functions share their names with structs of the ABI, as stat() does; g++ wonders at that. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

/* ---- Devices ---- */

/**
 * tandem_open() - open a device's node
 * @name: the device ("process"), or a path if there is a slash in it
 * @flags: as for open(2); O_CLOEXEC is added
 *
 * Return: the fd, or -errno of open(2); -EINVAL (no device can have this name), -ENAMETOOLONG.
 */
int tandem_open(const char *name, int flags);

/**
 * tandem_control() - DeviceIoControl: an operation that the device defines
 * @fd: the device
 * @code: the operation
 * @in: input, NULL if @in_len is 0
 * @in_len: its bytes
 * @out: where the output goes, NULL if @out_len is 0
 * @out_len: room there
 * @returned: if not NULL: how many bytes of @out were written, also if the operation failed
 *
 * Return: 0 or more from the device, or -errno.
 */
int tandem_control(int fd, uint32_t code, const void *in, size_t in_len, void *out, size_t out_len,
		   size_t *returned);

/* ---- Subscriptions ---- */

struct tandem_subscription;

/**
 * struct tandem_subscribe_options - what to subscribe to; all zeros is a good default
 * @ring_size: bytes of each CPU's ring, a power of two; 0: 256 KiB
 * @classes: mask of classes, bit n for class n; 0: all
 * @types: types wanted; NULL with a count of 0: all
 * @types_count: how many
 * @watermark: bytes that must wait in a ring before a sleeping consumer is woken, at most half of
 *	@ring_size; 0: any record
 * @spin_ns: how long tandem_wait() looks at the rings before it sleeps; 0: not at all
 */
struct tandem_subscribe_options {
	size_t ring_size;
	uint32_t classes;
	uint32_t types_count;
	const uint16_t *types;
	size_t watermark;
	uint64_t spin_ns;
};

/**
 * tandem_subscribe() - become a consumer of a device's events
 * @sub: where the subscription goes
 * @device_fd: the device, open for reading; it may be closed afterwards
 * @options: NULL: the defaults
 *
 * Return: 0, or -errno as TANDEM_IOC_SUBSCRIBE and mmap(2) give it; -EINVAL also for the watermark;
 * -EPROTO if the kernel's rings are not those this library knows.
 */
int tandem_subscribe(struct tandem_subscription **sub, int device_fd,
		     const struct tandem_subscribe_options *options);

/**
 * tandem_unsubscribe() - give a subscription up, with all that is still in its rings
 * @sub: NULL is allowed
 */
void tandem_unsubscribe(struct tandem_subscription *sub);

/**
 * tandem_subscription_fd() - the fd of a subscription
 * @sub: the subscription
 *
 * For epoll and poll; see tandem_arm(). It stays the subscription's.
 */
int tandem_subscription_fd(const struct tandem_subscription *sub);

/*
 * Where the reader stands in the ring it reads now. It is here for tandem_next() to be inline; its
 * fields are the library's: the next record is at pos, up to end there are records that may be
 * given without a look at anything else, unless their time is past the horizon, where another
 * ring's record is due.
 */
struct tandem_cursor {
	const unsigned char *data;
	uint64_t mask;
	uint64_t pos;
	uint64_t end;
	uint64_t horizon;
	uint64_t delivered;
};

/* Bits of a record's type_flags and lost_before, read as one, that need the library's attention. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TANDEM_CURSOR_MARKS	(0xffff0000U | TANDEM_RECORD_DISCARDED)
#else
#define TANDEM_CURSOR_MARKS	(0x0000ffffU | ((uint32_t)TANDEM_RECORD_DISCARDED << 16))
#endif

const struct tandem_record *tandem_next_slow(struct tandem_subscription *sub);

/**
 * tandem_next() - the next event, in place
 * @sub: the subscription
 *
 * The rings of all CPUs are merged by time, as well as that can be: a CPU that publishes late may
 * bring an event that is older than one already given. Records that were discarded by their
 * producer are given too, for the sake of their lost_before (TANDEM_RECORD_DISCARDED).
 *
 * Return: the record, valid until the next call with this subscription, other than those that take
 * it as const; NULL if there is none now.
 */
static inline const struct tandem_record *tandem_next(struct tandem_subscription *sub)
{
	struct tandem_cursor *c = (struct tandem_cursor *)(void *)sub;

	if (__builtin_expect(c->pos < c->end, 1)) {
		const struct tandem_record *record =
			(const struct tandem_record *)(const void *)(c->data + (c->pos & c->mask));
		uint32_t marks;

		__builtin_memcpy(&marks, &record->type_flags, sizeof(marks));
		if (__builtin_expect(record->time <= c->horizon && record->len &&
				     !(marks & TANDEM_CURSOR_MARKS), 1)) {
			c->pos += TANDEM_RECORD_STRIDE(record->len);
			c->delivered++;
			return record;
		}
	}
	return tandem_next_slow(sub);
}

/**
 * tandem_record_cpu() - whose ring the last record of tandem_next() came from
 * @sub: the subscription
 */
unsigned int tandem_record_cpu(const struct tandem_subscription *sub);

/**
 * tandem_release() - tell the kernel that all records given so far are done with
 * @sub: the subscription
 *
 * tandem_next() does so by itself now and then, and when the rings are drained. Call it before
 * other long work, and to make sure that nothing is given twice to whoever comes next.
 */
void tandem_release(struct tandem_subscription *sub);

/**
 * tandem_arm() - get ready to sleep in a poll of one's own
 * @sub: the subscription
 *
 * Asks the kernel for a wake-up at the watermark and then looks at the rings once more. With an
 * edge-triggered epoll this is the one way not to lose a wake-up; with a level-triggered one
 * it saves nothing but gives the watermark its meaning. What waits below the watermark wakes
 * nobody: sleep with a time-out, and call tandem_next() when it is over.
 *
 * Return: 1: there are events, do not sleep; 0: sleep until the fd is readable; -ENODEV: the device
 * is gone and all has been read; -EBADMSG: the rings are corrupt, and what could be read has been.
 */
int tandem_arm(struct tandem_subscription *sub);

/**
 * tandem_wait() - wait for events: spin a little, then sleep
 * @sub: the subscription
 * @timeout_ms: at most so long; 0: not at all, below 0: for ever
 *
 * What waits below the watermark is handed out after a second, or when the time is over.
 *
 * Return: 1: there are events; 0: the time is over; -EINTR: a signal; else as tandem_arm().
 */
int tandem_wait(struct tandem_subscription *sub, int timeout_ms);

/**
 * typedef tandem_callback - what is called for an event
 * @sub: the subscription
 * @record: the event, valid during the call
 * @arg: as registered
 *
 * Return: 0 to go on; anything else ends tandem_dispatch(), which returns it and touches @sub no
 * more, so that such a callback may even unsubscribe.
 */
typedef int (*tandem_callback)(struct tandem_subscription *sub, const struct tandem_record *record,
			       void *arg);

/**
 * tandem_on() - register the function for a type of event
 * @sub: the subscription
 * @type: the type, or TANDEM_TYPES for all types without one of their own
 * @callback: NULL: none any more
 * @arg: passed on
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int tandem_on(struct tandem_subscription *sub, unsigned int type, tandem_callback callback,
	      void *arg);

/**
 * tandem_dispatch() - call the registered functions for the events that are there
 * @sub: the subscription
 * @max: at most so many events; 0: all that are there
 *
 * Discarded records are skipped.
 *
 * Return: how many events there were, or what a callback returned if not 0.
 */
int tandem_dispatch(struct tandem_subscription *sub, unsigned int max);

/**
 * struct tandem_counters - sums over the rings of a subscription
 * @delivered: records that tandem_next() gave, without discarded ones
 * @lost: records lost
 * @lost_seen: lost, as the lost_before of the records given so far tell
 * @lost_bytes: payload of the records lost
 * @lost_recursion: of @lost: nested too deep
 * @lost_too_big: of @lost: too large for the ring
 * @lost_class: of @lost: by class
 */
struct tandem_counters {
	uint64_t delivered;
	uint64_t lost;
	uint64_t lost_seen;
	uint64_t lost_bytes;
	uint64_t lost_recursion;
	uint64_t lost_too_big;
	uint64_t lost_class[TANDEM_CLASSES];
};

/**
 * tandem_subscription_counters() - read the counters
 * @sub: the subscription
 * @counters: where they go
 *
 * What counts records given is exact after each one; what the kernel counts may run ahead of it.
 */
void tandem_subscription_counters(const struct tandem_subscription *sub,
				  struct tandem_counters *counters);

/* ---- Servers ---- */

/**
 * struct tandem_bind_options - how to become a device's server; see &struct tandem_bind
 * @flags: &enum tandem_bind_flags
 * @mode: of the node
 * @uid: of the node
 * @gid: of the node
 * @events_mode: who may subscribe
 */
struct tandem_bind_options {
	uint32_t flags;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t events_mode;
};

/**
 * tandem_bind() - become the server of a device
 * @name: the device
 * @options: NULL: create the device if it is not there, mode 0600, events mode 0400, caller's ids
 * @generation: if not NULL: the number of this server session
 *
 * Return: the server fd, or -errno as open(2) of the control node and TANDEM_IOC_BIND give it.
 */
int tandem_bind(const char *name, const struct tandem_bind_options *options, uint32_t *generation);

/**
 * tandem_post() - post an event on the device that one serves
 * @fd: the server fd
 * @type: its type
 * @event_class: &enum tandem_class
 * @data: payload
 * @len: its bytes
 *
 * Return: 0, or -errno as TANDEM_IOC_POST gives it.
 */
int tandem_post(int fd, unsigned int type, unsigned int event_class, const void *data, size_t len);

/**
 * tandem_remove() - remove a device that a server made
 * @name: the device
 *
 * Return: 0, or -errno as open(2) of the control node and TANDEM_IOC_REMOVE give it.
 */
int tandem_remove(const char *name);

/**
 * tandem_strerror() - what an error of a Tandem call means, as a sentence without its full stop
 * @error: negative or positive errno
 *
 * Return: a constant string, for errnos without a meaning of their own that of strerror(3).
 */
const char *tandem_strerror(int error);

/* ---- Library ---- */

/**
 * tandem_version() - the library's version, "MAJOR.MINOR.PATCH"
 */
const char *tandem_version(void);

#pragma GCC diagnostic pop
#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* TANDEM_H */
