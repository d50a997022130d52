// SPDX-License-Identifier: GPL-2.0
/*
 * Request: one operation that the user half answers.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "client.h"
#include "device.h"
#include "queue.h"
#include "request.h"
#include "server.h"

static unsigned int request_spin = 20;
module_param(request_spin, uint, 0644);
MODULE_PARM_DESC(request_spin,
		 "Microseconds that a client looks for an answer while its server runs (20)");

/* Waits for a server, where the device's clients do. Return: 0 or -errno. */
static int tandem_request_await_server(struct tandem_request *r, struct tandem_device *dev,
				       int absent)
{
	unsigned long deadline;
	long ret;

	if (!READ_ONCE(dev->served))
		return absent;
	if (!dev->clients_wait)
		return -EIO;
	if (r->message.flags & TANDEM_SUBMISSION_NONBLOCK)
		return -EAGAIN;
	deadline = READ_ONCE(dev->deadline);
	ret = wait_event_freezable_timeout(dev->changes,
					   rcu_access_pointer(dev->server) || READ_ONCE(dev->gone),
					   deadline ?: MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;
	return ret ? 0 : -ETIMEDOUT;
}

/* Waits for a tag. Return: 0, or -errno, and the request is nowhere any more. */
static int tandem_request_await_tag(struct tandem_request *r)
{
	int ret = 0;

	tandem_queue_sleep(r->queue, r);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
		/* Pairs with the releases in tandem_queue_grant() and tandem_queue_done(). */
		if (smp_load_acquire(&r->state) != TANDEM_REQUEST_WAITING)
			break;
		if (signal_pending(current) && tandem_queue_leave(r->queue, r)) {
			r->queue = NULL;
			ret = -ERESTARTSYS;
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	if (!ret && r->state == TANDEM_REQUEST_DONE) {
		ret = r->result;
		tandem_request_end(r);
	}
	return ret;
}

/* Joins a queue of the server. Return: 0 or -errno; -ESTALE: it must be told of the file first. */
static int tandem_request_join(struct tandem_request *r, struct tandem_server *server, int absent)
{
	struct tandem_client *client = r->client;

	if (!server->queue_count || !(server->operations & BIT(r->message.op)))
		return absent;
	if (READ_ONCE(server->pid) == task_tgid(current))
		return -EDEADLK;
	if (client) {
		if (r->message.op != TANDEM_OP_OPEN &&
		    READ_ONCE(client->generation) != server->generation)
			return -ESTALE;
		tandem_client_sign(client, &r->message);
	}
	r->generation = server->generation;
	if (!r->deadline)
		r->deadline = server->deadline;
	r->task = current;
	return tandem_queue_enter(tandem_server_local_queue(server), r);
}

/**
 * tandem_request_begin() - get a request under way: it has a tag, and a slot to be filled
 * @r: zeros but for its client and the message's op, flags, offset and code
 * @dev: the device
 * @absent: errno if nobody answers such an operation
 *
 * Return: 0, and tandem_request_end() is due; or -errno.
 */
int tandem_request_begin(struct tandem_request *r, struct tandem_device *dev, int absent)
{
	struct tandem_server *server;
	int ret;

	for (;;) {
		if (READ_ONCE(dev->gone))
			return -ENODEV;
		ret = 0;
		rcu_read_lock();
		server = rcu_dereference(dev->server);
		if (server)
			ret = tandem_request_join(r, server, absent);
		rcu_read_unlock();
		if (!server) {
			ret = tandem_request_await_server(r, dev, absent);
		} else if (ret == -ESTALE) {
			ret = tandem_client_announce(r->client);
		} else if (!ret) {
			if (r->state != TANDEM_REQUEST_WAITING)
				return 0;
			ret = tandem_request_await_tag(r);
			if (!ret)
				return 0;
		}
		/* What no server has seen yet may wait for the next one. */
		if (ret && (ret != -EIO || !dev->clients_wait))
			return ret;
		if (ret && rcu_access_pointer(dev->server) == server)
			return ret;
	}
}

void *tandem_request_data(const struct tandem_request *r)
{
	return tandem_queue_slot(r->queue, r->tag);
}

unsigned int tandem_request_room(const struct tandem_request *r)
{
	return r->queue->slot_size;
}

#ifdef CONFIG_SMP
/* Looks for the answer for a while, if whoever is to give it runs now. */
static void tandem_request_spin(struct tandem_request *r)
{
	struct task_struct *task = tandem_queue_serving(r->queue);
	u64 end;

	if (!task)
		return;
	end = local_clock() + READ_ONCE(request_spin) * NSEC_PER_USEC;
	/* Pairs with the release in tandem_queue_done(). */
	while (smp_load_acquire(&r->state) != TANDEM_REQUEST_DONE) {
		tandem_queue_poll(r->queue);
		if (need_resched() || signal_pending(current) || !owner_on_cpu(task) ||
		    local_clock() > end)
			break;
		cpu_relax();
	}
	put_task_struct(task);
}
#else
static void tandem_request_spin(struct tandem_request *r)
{
}
#endif

/* Sleeps until there is an answer, or the client is killed; it leaves then. */
static void tandem_request_sleep(struct tandem_request *r)
{
	unsigned int state = TASK_INTERRUPTIBLE | TASK_FREEZABLE;

	for (;;) {
		set_current_state(state);
		/* Pairs with the release in tandem_queue_done(). */
		if (smp_load_acquire(&r->state) == TANDEM_REQUEST_DONE)
			break;
		if (!signal_pending_state(state, current)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		if (!fatal_signal_pending(current)) {
			/* The server decides: it may have done it already. */
			tandem_queue_cancel(r->queue, r);
			state = TASK_KILLABLE | TASK_FREEZABLE;
		} else if (tandem_queue_leave(r->queue, r)) {
			r->queue = NULL;
			r->result = -EINTR;
			break;
		}
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * tandem_request_run() - have the server answer
 * @r: begun; the slot is filled, and the message complete
 *
 * Return: the result. If it is 0 or more, or r->len is not 0, the slot has the answer's data.
 */
s64 tandem_request_run(struct tandem_request *r)
{
	/* A hint: a server that sleeps, or waits for this CPU, will not answer while we spin. */
	bool sleeps = num_online_cpus() == 1 || waitqueue_active(&r->queue->wait);

	tandem_queue_send(r->queue, r, sleeps);
	if (!sleeps) {
		tandem_request_spin(r);
		/* Pairs with the release in tandem_queue_done(). */
		if (smp_load_acquire(&r->state) == TANDEM_REQUEST_DONE)
			return r->result;
		tandem_queue_sleep(r->queue, r);
	}
	tandem_request_sleep(r);
	return r->result;
}

/**
 * tandem_request_end() - the slot is not needed any more
 * @r: begun, perhaps run
 */
void tandem_request_end(struct tandem_request *r)
{
	if (!r->queue)
		return;
	if (r->client)
		WRITE_ONCE(r->client->tag, r->tag);
	tandem_queue_put(r->queue, r);
	r->queue = NULL;
}

/**
 * tandem_request_detach() - take data out of the slot, and end the request
 * @r: run
 * @from: the first byte
 * @len: how many
 *
 * For who has to wait before the data can go where they belong: others may need the slot.
 *
 * Return: a copy, to be freed with kvfree(), or NULL.
 */
void *tandem_request_detach(struct tandem_request *r, size_t from, size_t len)
{
	void *copy = kvmalloc(len, GFP_KERNEL_ACCOUNT);

	if (copy)
		memcpy(copy, tandem_request_data(r) + from, len);
	tandem_request_end(r);
	return copy;
}

ssize_t tandem_call(struct tandem_device *dev, u32 code, const void *in, size_t in_len, void *out,
		    size_t out_len, u64 timeout)
{
	struct tandem_request r = {
		.message = { .op = TANDEM_OP_CALL, .code = code },
		.deadline = tandem_deadline(timeout),
	};
	s64 ret;

	might_sleep();
	ret = tandem_request_begin(&r, dev, -ENOTCONN);
	if (ret)
		return ret;
	if (in_len > tandem_request_room(&r) || out_len > tandem_request_room(&r)) {
		ret = -EMSGSIZE;
	} else {
		memcpy(tandem_request_data(&r), in, in_len);
		r.message.in_len = in_len;
		r.message.out_len = out_len;
		ret = tandem_request_run(&r);
		if (ret >= 0) {
			memcpy(out, tandem_request_data(&r), r.len);
			ret = r.len;
		}
	}
	tandem_request_end(&r);
	return ret;
}
EXPORT_SYMBOL_GPL(tandem_call);
