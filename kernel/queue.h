/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queue: requests on their way to a server and back, in memory that both see.
 */
#ifndef _TANDEM_QUEUE_H
#define _TANDEM_QUEUE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <linux/tandem.h>

struct iov_iter;
struct tandem_request;
struct tandem_server;

/**
 * struct tandem_tag - what the kernel knows of a tag
 * @id: of the message that has it, 0 if it is free or being filled
 * @request: who waits for the answer, NULL if nobody does (any more)
 * @file: whose data may be in the slot
 * @dirty: how many bytes of them
 * @cancelled: CANCEL was sent
 * @op: &enum tandem_op
 * @out_len: bytes that the answer may have
 * @limit: the largest result
 * @deadline: jiffies that it may take, MAX_SCHEDULE_TIMEOUT for no limit
 * @expires: when that is over
 */
struct tandem_tag {
	u64 id;
	struct tandem_request *request;
	u64 file;
	u32 dirty;
	bool cancelled;
	u32 op;
	u32 out_len;
	u64 limit;
	unsigned long deadline;
	unsigned long expires;
};

/**
 * struct tandem_queue - a queue
 * @server: its session, which lives at least as long
 * @depth: tags
 * @slot_size: bytes of data for each
 * @memory: all that is shared, in the order of the two mappings
 * @server_size: bytes of the first
 * @kernel_size: bytes of the second
 * @shared: what the server tells; hostile
 * @completions: hostile
 * @data: slots; hostile
 * @told: what the kernel tells
 * @submissions: likewise
 * @lock: protects what follows down to @serving. A leaf but for the wait queues of files and
 *	servers, and the locks of SIGIO
 * @published: submissions so far
 * @taken: completions so far
 * @seq: ids so far
 * @users: who has a tag or waits for one, and lives
 * @ended: 0, or the errno for all who come
 * @released: the session's fd is gone: the last user frees the queue
 * @abandoned: tags whose client has left
 * @sleepers: requests whose clients sleep
 * @free: tags that are
 * @free_count: how many
 * @slots: by tag
 * @waiting: requests that wait for a tag
 * @serving: who served it last, referenced
 * @wait: servers sleep here
 * @wake_at: wake them when so much is published
 * @read_lock: one read() at a time; outside @lock
 * @write_lock: one write() at a time; outside @lock
 */
struct tandem_queue {
	struct tandem_server *server;
	unsigned int depth;
	unsigned int slot_size;
	void *memory;
	size_t server_size;
	size_t kernel_size;
	struct tandem_queue_server *shared;
	struct tandem_completion *completions;
	u8 *data;
	struct tandem_queue_kernel *told;
	struct tandem_submission *submissions;

	spinlock_t lock ____cacheline_aligned_in_smp;	/* see above */
	u64 published;
	u64 taken;
	u64 seq;
	unsigned int users;
	int ended;
	bool released;
	unsigned int abandoned;
	unsigned int sleepers;
	unsigned long *free;
	unsigned int free_count;
	struct tandem_tag *slots;
	struct list_head waiting;
	struct task_struct *serving;

	wait_queue_head_t wait;
	u64 wake_at;
	struct mutex read_lock;		/* one read() at a time */
	struct mutex write_lock;	/* one write() at a time */
};

static inline u8 *tandem_queue_slot(const struct tandem_queue *q, unsigned int tag)
{
	return q->data + (size_t)tag * q->slot_size;
}

struct tandem_queue *tandem_queue_create(struct tandem_server *server,
					 const struct tandem_bind *shape);
void tandem_queue_release(struct tandem_queue *q);
void tandem_queue_end(struct tandem_queue *q, int error);
struct page *tandem_queue_page(struct tandem_queue *q, pgoff_t index);

int tandem_queue_enter(struct tandem_queue *q, struct tandem_request *r);
void tandem_queue_send(struct tandem_queue *q, struct tandem_request *r, bool sleeps);
void tandem_queue_sleep(struct tandem_queue *q, struct tandem_request *r);
bool tandem_queue_leave(struct tandem_queue *q, struct tandem_request *r);
void tandem_queue_cancel(struct tandem_queue *q, struct tandem_request *r);
void tandem_queue_put(struct tandem_queue *q, struct tandem_request *r);
void tandem_queue_notify(struct tandem_queue *q, struct tandem_request *r);

int tandem_queue_take(struct tandem_queue *q);
void tandem_queue_poll(struct tandem_queue *q);
int tandem_queue_answer_from(struct tandem_queue *q, const struct tandem_completion *c,
			     struct iov_iter *from);
int tandem_queue_progress(struct tandem_queue *q, u64 id);
bool tandem_queue_expire(struct tandem_queue *q);
void tandem_queue_serve(struct tandem_queue *q);
struct task_struct *tandem_queue_serving(struct tandem_queue *q);

/* Submissions that the server has not consumed, as it says itself. */
static inline u64 tandem_queue_pending(const struct tandem_queue *q)
{
	return READ_ONCE(q->published) - READ_ONCE(q->shared->consumed);
}

#endif /* _TANDEM_QUEUE_H */
