// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A queue: its mappings, taking submissions, publishing completions, waking and sleeping.
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "queue.h"

/* @count entries of @size bytes at @offset are within @limit bytes, and aligned. */
static bool within(uint64_t offset, uint64_t count, uint64_t size, uint64_t limit)
{
	return offset % 8 == 0 && offset <= limit && count <= (limit - offset) / size;
}

/* Is it a queue that this library knows, and does it fit into its mappings? */
static bool known_queue(const struct queue *q)
{
	const struct tandem_queue_kernel *told = q->told;

	return told->magic == TANDEM_QUEUE_MAGIC && told->abi == TANDEM_ABI_VERSION &&
	       told->depth && !(told->depth & (told->depth - 1)) && told->slot_size &&
	       told->submissions && !(told->submissions & (told->submissions - 1)) &&
	       within(told->completions_offset, told->depth, sizeof(q->completions[0]),
		      q->server_size) &&
	       within(told->slots_offset, told->depth, told->slot_size, q->server_size) &&
	       within(told->submissions_offset, told->submissions, sizeof(q->submissions[0]),
		      q->kernel_size);
}

int tandem_queue_map(struct queue *q)
{
	unsigned char *base;

	if (q->server_size < sizeof(*q->shared) || q->kernel_size < sizeof(*q->told))
		return -EPROTO;
	base = mmap(NULL, q->server_size, PROT_READ | PROT_WRITE, MAP_SHARED, q->fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	q->shared = (struct tandem_queue_server *)(void *)base;
	base = mmap(NULL, q->kernel_size, PROT_READ, MAP_SHARED, q->fd, (off_t)q->server_size);
	if (base == MAP_FAILED) {
		int error = errno;

		tandem_queue_unmap(q);
		return -error;
	}
	q->told = (const struct tandem_queue_kernel *)(void *)base;
	if (!known_queue(q)) {
		tandem_queue_unmap(q);
		return -EPROTO;
	}
	q->submissions = (const struct tandem_submission *)(void *)
			 (base + q->told->submissions_offset);
	base = (unsigned char *)q->shared;
	q->completions = (struct tandem_completion *)(void *)(base + q->told->completions_offset);
	q->slots = base + q->told->slots_offset;
	q->depth = q->told->depth;
	q->slot_size = q->told->slot_size;
	q->submissions_mask = q->told->submissions - 1;
	/* Whoever served it before was here. */
	q->consumed = q->shared->consumed;
	q->completed = q->shared->completed;
	return 0;
}

void tandem_queue_unmap(struct queue *q)
{
	if (q->shared)
		munmap(q->shared, q->server_size);
	if (q->told)
		munmap((void *)(uintptr_t)q->told, q->kernel_size);
	q->shared = NULL;
	q->told = NULL;
}

bool tandem_queue_take(struct queue *q, struct tandem_submission *submission)
{
	if (!queue_pending(q))
		return false;
	*submission = q->submissions[q->consumed & q->submissions_mask];
	/*
	 * The entry has been read before it may be written again, and this is seen before an
	 * answer to it, which is published with release.
	 */
	__atomic_store_n(&q->shared->consumed, ++q->consumed, __ATOMIC_RELEASE);
	return true;
}

void tandem_queue_complete(struct queue *q, const struct tandem_completion *completion)
{
	pthread_mutex_lock(&q->lock);
	q->completions[q->completed & (q->depth - 1)] = *completion;
	/* Pairs with the load-acquire of completed in the kernel: entry and slot are there. */
	__atomic_store_n(&q->shared->completed, ++q->completed, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&q->lock);
}

int tandem_queue_wake(struct queue *q)
{
	struct tandem_reply_wait args = { .min = 0 };

	/*
	 * completed before need_reply. Pairs with the smp_mb() in tandem_queue_sleep() of the
	 * kernel, by which a client counts itself in need_reply and then looks at completed.
	 * Model: reply.litmus.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&q->told->need_reply, __ATOMIC_RELAXED))
		return 0;
	/* Answers that cannot be have been failed by the kernel; all others were taken. */
	return ioctl(q->fd, TANDEM_IOC_REPLY_WAIT, &args) && errno != EBADMSG ? -errno : 0;
}

int tandem_queue_sleep(struct queue *q, uint64_t timeout_ns)
{
	struct tandem_reply_wait args = { .min = 1, .timeout = timeout_ns };

	return ioctl(q->fd, TANDEM_IOC_REPLY_WAIT, &args) && errno != EBADMSG ? -errno : 0;
}
