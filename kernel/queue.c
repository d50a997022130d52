// SPDX-License-Identifier: GPL-2.0
/*
 * Queue: requests on their way to a server and back, in memory that both see.
 *
 * A tag is taken for a request, and stays taken until the server has answered, whether its client
 * still waits or not. Everything that decides who has a request happens under the queue's lock:
 * the answer, the client's leaving, the deadline and the session's end all look at the slot there,
 * and the first of them wins.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "client.h"
#include "queue.h"
#include "request.h"
#include "server.h"

/*
 * Messages that the server may not have read yet, for each tag: a request, its CANCEL, and the
 * CANCEL of the request that had the tag before, which was answered before that was read. The next
 * request of the tag comes when this one is answered, so when it has been read. A power of two.
 */
#define TANDEM_SUBMISSIONS_PER_TAG	4

/* So many answers are taken while others wait for the lock. */
#define TANDEM_TAKE_BATCH		64

/* The largest errno that user space knows; those beyond are between parts of the kernel. */
#define TANDEM_ERRNO_MAX		511

static void tandem_queue_free(struct tandem_queue *q)
{
	struct tandem_server *server = q->server;

	if (q->serving)
		put_task_struct(q->serving);
	vfree(q->memory);
	bitmap_free(q->free);
	kvfree(q->slots);
	kfree(q);
	tandem_server_put(server);
}

/**
 * tandem_queue_create() - make a queue
 * @server: its session, of which it takes a reference
 * @shape: the BIND that wants it, checked
 *
 * Return: the queue, or ERR_PTR: -ENOMEM.
 */
struct tandem_queue *tandem_queue_create(struct tandem_server *server,
					 const struct tandem_bind *shape)
{
	size_t completions = PAGE_ALIGN(sizeof(struct tandem_queue_server));
	size_t slots = completions +
		       PAGE_ALIGN(shape->depth * sizeof(struct tandem_completion));
	size_t submissions = PAGE_ALIGN(sizeof(struct tandem_queue_kernel));
	unsigned int entries = shape->depth * TANDEM_SUBMISSIONS_PER_TAG;
	struct tandem_queue *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);

	if (!q)
		return ERR_PTR(-ENOMEM);
	q->depth = shape->depth;
	q->slot_size = shape->slot_size;
	q->server_size = slots + PAGE_ALIGN((size_t)shape->depth * shape->slot_size);
	q->kernel_size = submissions +
			 PAGE_ALIGN(entries * sizeof(struct tandem_submission));
	spin_lock_init(&q->lock);
	INIT_LIST_HEAD(&q->waiting);
	init_waitqueue_head(&q->wait);
	mutex_init(&q->read_lock);
	mutex_init(&q->write_lock);

	q->memory = __vmalloc(q->server_size + q->kernel_size,
			      GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	q->free = bitmap_alloc(q->depth, GFP_KERNEL_ACCOUNT);
	q->slots = kvcalloc(q->depth, sizeof(*q->slots), GFP_KERNEL_ACCOUNT);
	if (!q->memory || !q->free || !q->slots) {
		vfree(q->memory);
		bitmap_free(q->free);
		kvfree(q->slots);
		kfree(q);
		return ERR_PTR(-ENOMEM);
	}
	bitmap_fill(q->free, q->depth);
	q->free_count = q->depth;
	q->shared = q->memory;
	q->completions = q->memory + completions;
	q->data = q->memory + slots;
	q->told = q->memory + q->server_size;
	q->submissions = q->memory + q->server_size + submissions;
	q->told->magic = TANDEM_QUEUE_MAGIC;
	q->told->abi = TANDEM_ABI_VERSION;
	q->told->depth = q->depth;
	q->told->slot_size = q->slot_size;
	q->told->submissions = entries;
	q->told->completions_offset = completions;
	q->told->slots_offset = slots;
	q->told->submissions_offset = submissions;

	tandem_server_get(server);
	q->server = server;
	return q;
}

/**
 * tandem_queue_page() - a page of a queue's mappings
 * @q: the queue
 * @index: from the beginning of the first
 */
struct page *tandem_queue_page(struct tandem_queue *q, pgoff_t index)
{
	return vmalloc_to_page(q->memory + (index << PAGE_SHIFT));
}

/* Drops a user; who is told true frees the queue, without the lock. */
static bool tandem_queue_drop(struct tandem_queue *q)
{
	lockdep_assert_held(&q->lock);
	return !--q->users && q->released;
}

/**
 * tandem_queue_release() - the session's fd is gone, and nobody finds the queue any more
 * @q: the queue, which has ended; freed here, or by its last user
 */
void tandem_queue_release(struct tandem_queue *q)
{
	bool last;

	spin_lock(&q->lock);
	q->released = true;
	last = !q->users;
	spin_unlock(&q->lock);
	if (last)
		tandem_queue_free(q);
}

/* Wakes the server if it sleeps, and what it wants is there. Pairs with the loop in serve.c. */
static void tandem_queue_wake(struct tandem_queue *q)
{
	/* wq_has_sleeper(): published before who sleeps. */
	if (wq_has_sleeper(&q->wait) &&
	    (s64)(READ_ONCE(q->published) - READ_ONCE(q->wake_at)) >= 0)
		wake_up_interruptible_sync_poll(&q->wait, EPOLLIN | EPOLLRDNORM);
}

static void tandem_queue_publish(struct tandem_queue *q, const struct tandem_submission *message)
{
	lockdep_assert_held(&q->lock);
	q->submissions[q->published & (q->depth * TANDEM_SUBMISSIONS_PER_TAG - 1)] = *message;
	WRITE_ONCE(q->published, q->published + 1);
	/* The message before its position. Pairs with the server's acquire. */
	smp_store_release(&q->told->published, q->published);
}

/*
 * May the file have one more tag? One that forks and dies must leave enough for the others, so the
 * last quarter is for those that have less than half, and tags whose clients have left count as
 * a debt.
 */
static bool tandem_queue_credit(const struct tandem_queue *q, u64 file)
{
	unsigned int tag, taken = 0, left = 0;

	lockdep_assert_held(&q->lock);
	if (likely(!q->abandoned && q->free_count > q->depth / 4))
		return true;
	for (tag = 0; tag < q->depth; tag++) {
		if (test_bit(tag, q->free) || q->slots[tag].file != file)
			continue;
		taken++;
		left += !q->slots[tag].request;
	}
	return left <= q->depth / 4 && (q->free_count > q->depth / 4 || taken < q->depth / 2);
}

/* Counts a client that is about to sleep, so that the server says when it has answered. */
static void tandem_queue_count(struct tandem_queue *q, struct tandem_request *r)
{
	lockdep_assert_held(&q->lock);
	r->sleeping = true;
	WRITE_ONCE(q->told->need_reply, ++q->sleepers);
}

static void tandem_queue_uncount(struct tandem_queue *q, struct tandem_request *r)
{
	lockdep_assert_held(&q->lock);
	if (!r->sleeping)
		return;
	r->sleeping = false;
	WRITE_ONCE(q->told->need_reply, --q->sleepers);
}

/* Gives a free tag to a request. What another file's client or answers left in the slot goes. */
static void tandem_queue_grant(struct tandem_queue *q, struct tandem_request *r, unsigned int tag)
{
	struct tandem_tag *slot = &q->slots[tag];

	lockdep_assert_held(&q->lock);
	__clear_bit(tag, q->free);
	q->free_count--;
	if (slot->file != r->message.file) {
		memset(tandem_queue_slot(q, tag), 0, slot->dirty);
		slot->dirty = 0;
		slot->file = r->message.file;
	}
	slot->request = r;
	tandem_queue_uncount(q, r);
	r->tag = tag;
	/* The tag before the state. Pairs with the acquire in tandem_request_await_tag(). */
	smp_store_release(&r->state, TANDEM_REQUEST_FILLING);
}

/* The largest result that a request may have. */
static u64 tandem_queue_limit(const struct tandem_submission *message)
{
	switch (message->op) {
	case TANDEM_OP_READ:
		return message->out_len;
	case TANDEM_OP_WRITE:
		return message->in_len;
	case TANDEM_OP_IOCTL:
	case TANDEM_OP_CONTROL:
	case TANDEM_OP_CALL:
		return INT_MAX;
	case TANDEM_OP_LSEEK:
		return S64_MAX;
	default:
		return 0;
	}
}

/* Publishes a request that has its tag. */
static void tandem_queue_send_locked(struct tandem_queue *q, struct tandem_request *r)
{
	struct tandem_tag *slot = &q->slots[r->tag];

	lockdep_assert_held(&q->lock);
	slot->id = ++q->seq << 16 | r->tag;
	slot->cancelled = false;
	slot->op = r->message.op;
	slot->out_len = r->message.out_len;
	slot->limit = tandem_queue_limit(&r->message);
	slot->dirty = max(slot->dirty, r->message.in_len);
	slot->deadline = r->deadline;
	if (r->deadline != MAX_SCHEDULE_TIMEOUT) {
		slot->expires = jiffies + r->deadline;
		tandem_server_watch(q->server);
	}
	r->message.id = slot->id;
	WRITE_ONCE(r->state, TANDEM_REQUEST_SENT);
	tandem_queue_publish(q, &r->message);
}

/* Sends a message whose answer nobody waits for, and frees it. */
static void tandem_queue_notify_locked(struct tandem_queue *q, struct tandem_request *r,
				       unsigned int tag)
{
	lockdep_assert_held(&q->lock);
	tandem_queue_grant(q, r, tag);
	tandem_queue_send_locked(q, r);
	q->slots[tag].request = NULL;
	q->abandoned++;
	kfree(r);
	tandem_queue_wake(q);
}

/* Frees a tag, and gives free ones to those that wait. */
static void tandem_queue_free_tag(struct tandem_queue *q, unsigned int tag)
{
	struct tandem_request *r, *next;

	lockdep_assert_held(&q->lock);
	q->slots[tag].request = NULL;
	q->slots[tag].id = 0;
	__set_bit(tag, q->free);
	q->free_count++;
	rcu_read_lock();
	list_for_each_entry_safe(r, next, &q->waiting, node) {
		struct task_struct *task = r->task;

		tag = find_first_bit(q->free, q->depth);
		if (tag >= q->depth)
			break;
		if (!r->notice && !tandem_queue_credit(q, r->message.file))
			continue;
		list_del(&r->node);
		if (r->notice) {
			tandem_queue_notify_locked(q, r, tag);
			continue;
		}
		tandem_queue_grant(q, r, tag);
		/* It may see that, and go, but is still a task under RCU. */
		wake_up_process(task);
	}
	rcu_read_unlock();
}

/* Hands a request back to its client, who may be gone with it as soon as it sees DONE. */
static void tandem_queue_done(struct tandem_queue *q, struct tandem_request *r, s64 result)
{
	struct task_struct *task = r->task;

	lockdep_assert_held(&q->lock);
	tandem_queue_uncount(q, r);
	r->result = result;
	rcu_read_lock();
	/* The answer before the state. Pairs with the acquire in request.c. */
	smp_store_release(&r->state, TANDEM_REQUEST_DONE);
	/* Under RCU it is still a task, though it may be doing other things. */
	wake_up_process(task);
	rcu_read_unlock();
}

/* Tells the server that the client of a slot wants no answer any more, once. */
static void tandem_queue_cancel_locked(struct tandem_queue *q, struct tandem_tag *slot)
{
	struct tandem_submission message = {
		.id = slot->id,
		.file = slot->file,
		.op = TANDEM_OP_CANCEL,
	};

	lockdep_assert_held(&q->lock);
	if (slot->cancelled || !(q->server->operations & BIT(TANDEM_OP_CANCEL)))
		return;
	slot->cancelled = true;
	tandem_queue_publish(q, &message);
}

/* The client of a slot leaves; the tag stays taken. */
static void tandem_queue_abandon(struct tandem_queue *q, struct tandem_tag *slot)
{
	lockdep_assert_held(&q->lock);
	tandem_queue_cancel_locked(q, slot);
	slot->request = NULL;
	q->abandoned++;
}

/**
 * tandem_queue_enter() - ask for a tag
 * @q: the queue, found under RCU
 * @r: the request
 *
 * Return: 0; the request is FILLING or WAITING, and holds the queue. Or the errno for all who come.
 */
int tandem_queue_enter(struct tandem_queue *q, struct tandem_request *r)
{
	unsigned int tag;
	int ret;

	r->tag = UINT_MAX;
	spin_lock(&q->lock);
	ret = q->ended;
	if (ret)
		goto out;
	q->users++;
	r->queue = q;
	tag = tandem_client_tag(r->client);
	if (tag >= q->depth || !test_bit(tag, q->free))
		tag = find_first_bit(q->free, q->depth);
	/* Those that wait while a tag is free have no credit: nobody need wait behind them. */
	if (tag < q->depth && tandem_queue_credit(q, r->message.file)) {
		tandem_queue_grant(q, r, tag);
	} else {
		r->state = TANDEM_REQUEST_WAITING;
		if (r->deadline != MAX_SCHEDULE_TIMEOUT) {
			r->expires = jiffies + r->deadline;
			tandem_server_watch(q->server);
		}
		list_add_tail(&r->node, &q->waiting);
		/* Answers that nobody waits for give tags back too, when the server says so. */
		tandem_queue_count(q, r);
	}
out:
	spin_unlock(&q->lock);
	return ret;
}

/**
 * tandem_queue_notify() - send a message whose answer nobody waits for
 * @q: the queue, found under RCU
 * @r: from kmalloc(), freed when it was sent
 */
void tandem_queue_notify(struct tandem_queue *q, struct tandem_request *r)
{
	unsigned int tag;

	spin_lock(&q->lock);
	tag = find_first_bit(q->free, q->depth);
	if (q->ended)
		kfree(r);
	else if (tag < q->depth)
		tandem_queue_notify_locked(q, r, tag);
	else
		list_add(&r->node, &q->waiting);
	spin_unlock(&q->lock);
}

/**
 * tandem_queue_send() - the slot is filled
 * @q: the request's queue
 * @r: FILLING. Afterwards it is SENT; or DONE, if the session has ended
 * @sleeps: its client is about to sleep, see tandem_queue_sleep()
 */
void tandem_queue_send(struct tandem_queue *q, struct tandem_request *r, bool sleeps)
{
	spin_lock(&q->lock);
	if (unlikely(q->ended)) {
		r->result = q->ended;
		WRITE_ONCE(r->state, TANDEM_REQUEST_DONE);
		spin_unlock(&q->lock);
		return;
	}
	if (sleeps)
		tandem_queue_count(q, r);
	tandem_queue_send_locked(q, r);
	spin_unlock(&q->lock);
	/* Has a full barrier, as in tandem_queue_sleep(). */
	tandem_queue_wake(q);
	if (sleeps)
		tandem_queue_poll(q);
}

/**
 * tandem_queue_sleep() - the client is about to sleep: the server has to say when it has answered
 * @q: the request's queue
 * @r: WAITING or SENT; or FILLING or DONE meanwhile
 */
void tandem_queue_sleep(struct tandem_queue *q, struct tandem_request *r)
{
	spin_lock(&q->lock);
	if (r->state == TANDEM_REQUEST_SENT && !r->sleeping)
		tandem_queue_count(q, r);
	spin_unlock(&q->lock);
	/*
	 * need_reply before completed. Pairs with the server's full fence between the two: it sees
	 * that it has to call, or we see its answer.
	 */
	smp_mb();
	tandem_queue_poll(q);
}

/**
 * tandem_queue_leave() - the client wants to go without an answer
 * @q: the request's queue
 * @r: not FILLING
 *
 * Return: true: the request has nothing to do with the queue any more. false: it is DONE, or
 * FILLING meanwhile.
 */
bool tandem_queue_leave(struct tandem_queue *q, struct tandem_request *r)
{
	bool last = false, left = true;

	spin_lock(&q->lock);
	switch (r->state) {
	case TANDEM_REQUEST_WAITING:
		list_del(&r->node);
		break;
	case TANDEM_REQUEST_SENT:
		tandem_queue_abandon(q, &q->slots[r->tag]);
		tandem_queue_wake(q);
		break;
	default:
		left = false;
	}
	if (left) {
		tandem_queue_uncount(q, r);
		last = tandem_queue_drop(q);
	}
	spin_unlock(&q->lock);
	if (last)
		tandem_queue_free(q);
	return left;
}

/**
 * tandem_queue_cancel() - a signal came: the client wants an answer at once
 * @q: the request's queue
 * @r: SENT, or DONE meanwhile
 */
void tandem_queue_cancel(struct tandem_queue *q, struct tandem_request *r)
{
	spin_lock(&q->lock);
	if (r->state == TANDEM_REQUEST_SENT)
		tandem_queue_cancel_locked(q, &q->slots[r->tag]);
	spin_unlock(&q->lock);
	tandem_queue_wake(q);
}

/**
 * tandem_queue_put() - the client has done with the slot
 * @q: the request's queue
 * @r: FILLING or DONE
 */
void tandem_queue_put(struct tandem_queue *q, struct tandem_request *r)
{
	bool last;

	spin_lock(&q->lock);
	/* It never had one, or a deadline took it away. */
	if (r->tag < q->depth && q->slots[r->tag].request == r) {
		/* Given up while it was filled. */
		if (r->state == TANDEM_REQUEST_FILLING)
			q->slots[r->tag].dirty = q->slot_size;
		tandem_queue_free_tag(q, r->tag);
	}
	last = tandem_queue_drop(q);
	spin_unlock(&q->lock);
	if (last)
		tandem_queue_free(q);
}

/* Sends the RELEASE of a file with the tag of its OPEN, which nobody waits for. */
static void tandem_queue_forget(struct tandem_queue *q, struct tandem_tag *slot, unsigned int tag)
{
	struct tandem_submission message = {
		.id = ++q->seq << 16 | tag,
		.file = slot->file,
		.op = TANDEM_OP_RELEASE,
	};

	lockdep_assert_held(&q->lock);
	slot->id = message.id;
	slot->op = message.op;
	slot->out_len = 0;
	slot->limit = 0;
	tandem_queue_publish(q, &message);
	tandem_queue_wake(q);
}

/* Takes an answer. Return: 0, -ENOENT or -EBADMSG; see TANDEM_IOC_REPLY_WAIT. */
static int tandem_queue_answer_locked(struct tandem_queue *q, const struct tandem_completion *c)
{
	unsigned int tag = TANDEM_TAG(c->id);
	struct tandem_request *r;
	struct tandem_tag *slot;
	s64 result = c->result;
	u32 len = c->len;
	bool bad;

	lockdep_assert_held(&q->lock);
	if (tag >= q->depth || !c->id)
		return -ENOENT;
	tag = array_index_nospec(tag, q->depth);
	slot = &q->slots[tag];
	if (slot->id != c->id)
		return -ENOENT;
	if (slot->op == TANDEM_OP_READ)
		len = clamp_t(s64, result, 0, slot->out_len);
	bad = result < -TANDEM_ERRNO_MAX || (result > 0 && (u64)result > slot->limit) ||
	      len > slot->out_len ||
	      c->flags & ~(TANDEM_COMPLETION_READY | TANDEM_COMPLETION_POSITION) ||
	      (c->flags & TANDEM_COMPLETION_POSITION && c->position > S64_MAX);
	slot->id = 0;
	slot->dirty = max(slot->dirty, bad ? slot->out_len : len);
	r = slot->request;
	if (!r) {
		/* The server believes that it has a file whose open() has failed. */
		if (slot->op == TANDEM_OP_OPEN && !result &&
		    q->server->operations & BIT(TANDEM_OP_RELEASE)) {
			tandem_queue_forget(q, slot, tag);
			return 0;
		}
		q->abandoned--;
		tandem_queue_free_tag(q, tag);
		return bad ? -EBADMSG : 0;
	}
	if (bad) {
		result = -EIO;
	} else {
		if (result == -EINTR && slot->cancelled)
			result = -ERESTARTSYS;
		r->len = len;
		r->flags = c->flags;
		r->position = c->position;
		if (c->flags & TANDEM_COMPLETION_READY && r->client)
			tandem_client_ready(r->client, c->ready);
	}
	tandem_queue_done(q, r, result);
	return bad ? -EBADMSG : 0;
}

/* Ends all that is in flight or waits. */
static void tandem_queue_end_locked(struct tandem_queue *q, int error)
{
	struct tandem_request *r, *next;
	unsigned int tag;

	lockdep_assert_held(&q->lock);
	if (q->ended)
		return;
	WRITE_ONCE(q->ended, error);
	WRITE_ONCE(q->told->ended, 1);
	for (tag = 0; tag < q->depth; tag++) {
		struct tandem_tag *slot = &q->slots[tag];

		if (slot->id && slot->request)
			tandem_queue_done(q, slot->request, error);
		slot->id = 0;
	}
	list_for_each_entry_safe(r, next, &q->waiting, node) {
		list_del(&r->node);
		if (r->notice)
			kfree(r);
		else
			tandem_queue_done(q, r, error);
	}
	wake_up_all(&q->wait);
}

/**
 * tandem_queue_end() - the session ends: so does all that is in flight or waits
 * @q: the queue
 * @error: what it fails with, and all that comes
 */
void tandem_queue_end(struct tandem_queue *q, int error)
{
	spin_lock(&q->lock);
	tandem_queue_end_locked(q, error);
	spin_unlock(&q->lock);
}

/**
 * tandem_queue_take() - take the completions that the server has published
 * @q: the queue
 *
 * Return: 0, -EBADMSG (some were wrong), or -EPROTO (the server cannot be there; the queue has
 * ended, and the session will).
 */
int tandem_queue_take(struct tandem_queue *q)
{
	unsigned int budget = q->depth;
	int ret = 0;

	spin_lock(&q->lock);
	/* Pairs with the server's release: who sees completed sees the completions. */
	while (!q->ended && smp_load_acquire(&q->shared->completed) != q->taken && budget--) {
		const struct tandem_completion *from = &q->completions[q->taken & (q->depth - 1)];
		struct tandem_completion c;

		if (READ_ONCE(q->shared->completed) - q->taken > q->depth) {
			tandem_queue_end_locked(q, -EIO);
			tandem_server_break(q->server);
			ret = -EPROTO;
			break;
		}
		/* Once: what is checked is what is used. */
		c.id = READ_ONCE(from->id);
		c.result = READ_ONCE(from->result);
		c.len = READ_ONCE(from->len);
		c.flags = READ_ONCE(from->flags);
		c.ready = READ_ONCE(from->ready);
		c.position = READ_ONCE(from->position);
		WRITE_ONCE(q->taken, q->taken + 1);
		if (tandem_queue_answer_locked(q, &c))
			ret = -EBADMSG;
		/* Not after each: whoever is woken would run before the others are. */
		if (!(budget % TANDEM_TAKE_BATCH)) {
			spin_unlock(&q->lock);
			cond_resched();
			spin_lock(&q->lock);
		}
	}
	spin_unlock(&q->lock);
	return ret;
}

/**
 * tandem_queue_poll() - a client takes completions, if there are any
 * @q: the queue
 */
void tandem_queue_poll(struct tandem_queue *q)
{
	if (READ_ONCE(q->shared->completed) != READ_ONCE(q->taken))
		tandem_queue_take(q);
}

/**
 * tandem_queue_answer_from() - take one answer, and its data
 * @q: the queue; its write_lock is held
 * @c: the completion, in kernel memory
 * @from: the data, at most slot_size bytes
 *
 * The slot is the server's until it has answered, so that it may wait for its own pages here; what
 * it writes to a slot that it answers by other means meanwhile is data of that client's answer.
 *
 * Return: 0, -ENOENT, -EBADMSG, -EFAULT or -ESTALE.
 */
int tandem_queue_answer_from(struct tandem_queue *q, const struct tandem_completion *c,
			     struct iov_iter *from)
{
	unsigned int tag = array_index_nospec(TANDEM_TAG(c->id), q->depth);
	size_t len = iov_iter_count(from);
	int ret = 0;

	lockdep_assert_held(&q->write_lock);
	spin_lock(&q->lock);
	if (!c->id || q->slots[tag].id != c->id)
		ret = -ENOENT;
	else if (len > q->slots[tag].out_len)
		ret = -EMSGSIZE;
	else
		q->slots[tag].dirty = max_t(u32, q->slots[tag].dirty, len);
	spin_unlock(&q->lock);
	if (ret)
		return ret;
	if (copy_from_iter(tandem_queue_slot(q, tag), len, from) != len)
		return -EFAULT;
	spin_lock(&q->lock);
	ret = q->ended ? -ESTALE : tandem_queue_answer_locked(q, c);
	spin_unlock(&q->lock);
	return ret;
}

/**
 * tandem_queue_progress() - TANDEM_IOC_PROGRESS
 * @q: the queue
 * @id: of the request
 */
int tandem_queue_progress(struct tandem_queue *q, u64 id)
{
	unsigned int tag = TANDEM_TAG(id);
	int ret = -ENOENT;

	if (tag >= q->depth || !id)
		return ret;
	tag = array_index_nospec(tag, q->depth);
	spin_lock(&q->lock);
	if (q->slots[tag].id == id) {
		q->slots[tag].expires = jiffies + q->slots[tag].deadline;
		ret = 0;
	}
	spin_unlock(&q->lock);
	return ret;
}

/**
 * tandem_queue_expire() - end what has taken too long
 * @q: the queue
 *
 * Return: is there anything left with a deadline?
 */
bool tandem_queue_expire(struct tandem_queue *q)
{
	struct tandem_request *r, *next;
	unsigned long now = jiffies;
	unsigned int tag;
	bool left = false;

	spin_lock(&q->lock);
	for (tag = 0; tag < q->depth; tag++) {
		struct tandem_tag *slot = &q->slots[tag];

		r = slot->request;
		if (!slot->id || !r || slot->deadline == MAX_SCHEDULE_TIMEOUT)
			continue;
		if (time_before(now, slot->expires)) {
			left = true;
			continue;
		}
		tandem_queue_abandon(q, slot);
		tandem_queue_done(q, r, -ETIMEDOUT);
	}
	list_for_each_entry_safe(r, next, &q->waiting, node) {
		if (r->notice || r->deadline == MAX_SCHEDULE_TIMEOUT)
			continue;
		if (time_before(now, r->expires)) {
			left = true;
			continue;
		}
		list_del(&r->node);
		tandem_queue_done(q, r, -ETIMEDOUT);
	}
	tandem_queue_wake(q);
	spin_unlock(&q->lock);
	return left;
}

/**
 * tandem_queue_serve() - the current task serves the queue: clients may spin while it runs
 * @q: the queue
 */
void tandem_queue_serve(struct tandem_queue *q)
{
	struct task_struct *old;

	if (READ_ONCE(q->serving) == current)
		return;
	spin_lock(&q->lock);
	old = q->serving;
	WRITE_ONCE(q->serving, get_task_struct(current));
	spin_unlock(&q->lock);
	if (old)
		put_task_struct(old);
}

/**
 * tandem_queue_serving() - who serves the queue, if nobody sleeps for it
 * @q: the queue
 *
 * Return: the task, referenced, or NULL.
 */
struct task_struct *tandem_queue_serving(struct tandem_queue *q)
{
	struct task_struct *task = NULL;

	spin_lock(&q->lock);
	/* A guess: who falls asleep meanwhile costs some spinning. */
	if (q->serving && !waitqueue_active(&q->wait))
		task = get_task_struct(q->serving);
	spin_unlock(&q->lock);
	return task;
}
