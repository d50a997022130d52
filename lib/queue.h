/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A queue as the server sees it: submissions to be taken, completions to be published, slots.
 */
#ifndef LIB_QUEUE_H
#define LIB_QUEUE_H

#include <pthread.h>

#include "tandem.h"

struct request;

/**
 * struct queue - a mapped queue
 * @fd: its fd
 * @depth: requests in flight at most
 * @submissions_mask: entries of the ring of submissions, less one
 * @slot_size: bytes of a slot
 * @server_size: bytes of the first mapping
 * @kernel_size: bytes of the second
 * @shared: the first: what the kernel is told; NULL: not mapped
 * @completions: in it
 * @slots: in it
 * @told: the second: what the kernel tells; NULL: not mapped
 * @submissions: in it
 * @requests: by tag
 * @consumed: submissions taken; of the thread that takes them, as what follows up to @lock
 * @owed: there are answers whose clients may sleep, and were not woken
 * @owed_since: when that was first seen, or 0
 * @lock: protects @completed and the ring of completions; nothing nests inside
 * @completed: completions published
 */
struct queue {
	int fd;
	uint32_t depth;
	uint32_t submissions_mask;
	size_t slot_size;
	size_t server_size;
	size_t kernel_size;
	struct tandem_queue_server *shared;
	struct tandem_completion *completions;
	unsigned char *slots;
	const struct tandem_queue_kernel *told;
	const struct tandem_submission *submissions;
	struct request *requests;
	uint64_t consumed;
	bool owed;
	uint64_t owed_since;
	pthread_mutex_t lock;
	uint64_t completed;
};

/* Maps the queue of @q->fd, whose sizes are known. Return: 0, -errno, -EPROTO. */
int tandem_queue_map(struct queue *q);
void tandem_queue_unmap(struct queue *q);

/* Takes the next submission. Return: false: there is none. */
bool tandem_queue_take(struct queue *q, struct tandem_submission *submission);

/* Publishes an answer; its client may sleep. From any thread. */
void tandem_queue_complete(struct queue *q, const struct tandem_completion *completion);

/* Wakes the clients that sleep, if there are any. From any thread. Return: 0 or -errno. */
int tandem_queue_wake(struct queue *q);

/*
 * Wakes likewise, and sleeps until there is a submission or @timeout_ns is over. Return: 0 or
 * -errno, -ETIMEDOUT among them.
 */
int tandem_queue_sleep(struct queue *q, uint64_t timeout_ns);

/* How many submissions there are to be taken. */
static inline uint64_t queue_pending(const struct queue *q)
{
	/* Pairs with the store-release of published in the kernel: the submissions are there. */
	return __atomic_load_n(&q->told->published, __ATOMIC_ACQUIRE) - q->consumed;
}

static inline bool queue_ended(const struct queue *q)
{
	return __atomic_load_n(&q->told->ended, __ATOMIC_RELAXED);
}

/* Does a client seem to sleep? Only tandem_queue_wake() knows. */
static inline bool queue_sleepers(const struct queue *q)
{
	return __atomic_load_n(&q->told->need_reply, __ATOMIC_RELAXED);
}

static inline unsigned char *queue_slot(const struct queue *q, uint64_t id)
{
	return q->slots + TANDEM_TAG(id) * q->slot_size;
}

#endif /* LIB_QUEUE_H */
