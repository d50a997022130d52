/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A server in a process of its own, by the library, that answers everything in each way there is.
 */
#ifndef SELFTESTS_SERVICE_H
#define SELFTESTS_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <tandem.h>

#define SERVICE_DEVICE	"service"
#define SERVICE_STORE	(256 * 1024)
#define SERVICE_QUEUES	2

struct service_sum {
	__u32 a;
	__u32 b;
	__u64 sum;
};

struct service_who {
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u32 queue;
};

#define SERVICE_SUM	_IOWR('q', 1, struct service_sum)
#define SERVICE_WHO	_IOR('q', 2, struct service_who)
#define SERVICE_FAIL	_IOWR('q', 3, __u32)	/* -ERANGE */
#define SERVICE_COUNT	_IO('q', 4)		/* how often it was called on this file */
#define SERVICE_LATER	_IOWR('q', 5, __u64)	/* the number, plus 1, by another thread */
#define SERVICE_WAIT	_IO('q', 6)		/* as long as it is not cancelled */
#define SERVICE_BUSY	_IO('q', 7)		/* so many ms, telling of progress all the time */
#define SERVICE_READY	_IO('q', 8)		/* what poll() finds on this file */
#define SERVICE_ANSWER_READY	_IO('q', 9)	/* the same, said with the answer */
#define SERVICE_POST	_IO('q', 10)		/* an event of this type */
#define SERVICE_FORK	_IO('q', 11)		/* a child destroys the server that it inherits */
#define SERVICE_STOP	_IO('q', 12)		/* the end */
#define SERVICE_OTHER	_IO('q', 13)		/* that does not exist */
#define SERVICE_REVERSE	TANDEM_CTL_CODE(0x8000, 0x801, TANDEM_METHOD_BUFFERED, TANDEM_ACCESS_READ)

/**
 * enum service_way - how it serves
 * @SERVICE_RUN: tandem_server_run()
 * @SERVICE_SPIN: the same, without sleeping
 * @SERVICE_EPOLL: epoll, and tandem_server_dispatch() without waiting
 * @SERVICE_DISPATCH: tandem_server_dispatch() with a time-out
 * @SERVICE_MANY: as many threads as queues
 * @SERVICE_PASSED: tandem_server_run() of a session that the parent has made
 */
enum service_way {
	SERVICE_RUN,
	SERVICE_SPIN,
	SERVICE_EPOLL,
	SERVICE_DISPATCH,
	SERVICE_MANY,
	SERVICE_PASSED,
};

/**
 * struct service_seen - what the service has seen, in memory that its parent sees; atomic
 * @opened: files
 * @released: files
 * @cancelled: requests
 * @waiting: requests SERVICE_WAIT that are there
 * @too_early: files released that had requests
 * @requests: by queue
 * @switches: voluntary context switches of the thread that answered last
 */
struct service_seen {
	uint32_t opened;
	uint32_t released;
	uint32_t cancelled;
	uint32_t waiting;
	uint32_t too_early;
	uint32_t requests[SERVICE_QUEUES];
	uint64_t switches;
};

/**
 * struct service - the service
 * @pid: its process
 * @socket: to it
 * @seen: see there
 */
struct service {
	pid_t pid;
	int socket;
	struct service_seen *seen;
};

/* Starts it, with this deadline for requests. Return: 0 or -errno. */
int service_start(struct service *service, enum service_way way, uint64_t deadline);

/* Ends it, and removes the device. Return: its wait status. */
int service_end(struct service *service);

/* Waits for 10 seconds until a number is at least @value. */
bool service_sees(const uint32_t *number, uint32_t value);

#endif
