// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Serving: taking what is there, and waiting for more.
 */
#include <errno.h>
#include <limits.h>

#include "clock.h"
#include "session.h"

/*
 * Clients are woken together, when all that is there has been answered. But none of them sleeps for
 * longer than this because of requests behind its own.
 */
#define OWED_MAX_NS	50000

static int wake(struct queue *q)
{
	if (!q->owed)
		return 0;
	q->owed = false;
	q->owed_since = 0;
	return tandem_queue_wake(q);
}

static int wake_in_time(struct queue *q)
{
	uint64_t now;

	if (!q->owed || !queue_sleepers(q))
		return 0;
	now = now_ns();
	if (!q->owed_since)
		q->owed_since = now;
	return now - q->owed_since > OWED_MAX_NS ? wake(q) : 0;
}

/*
 * Handles what is there now, and not what comes meanwhile. Clients may be left to be woken. Return:
 * how many messages there were, or -errno.
 */
static int handle(struct tandem_server *server, unsigned int index)
{
	struct queue *q = &server->queue[index];
	struct tandem_submission submission;
	uint64_t left = queue_pending(q);
	int messages = 0;

	if (queue_ended(q))
		return -ESTALE;
	while (left-- && tandem_queue_take(q, &submission)) {
		int ret;

		tandem_request_handle(server, index, &submission);
		messages++;
		q->owed = true;
		ret = left ? wake_in_time(q) : 0;
		if (ret)
			return ret;
	}
	return messages;
}

static int spin(struct queue *q, uint64_t until)
{
	do {
		if (queue_pending(q))
			return 1;
		if (queue_ended(q))
			return -ESTALE;
		relax();
	} while (now_ns() < until);
	return 0;
}

/* Wakes clients, and waits until @deadline. Return: 0: perhaps there is something; -errno. */
static int wait_until(const struct tandem_server *server, struct queue *q, uint64_t deadline)
{
	uint64_t now = 0;
	int ret;

	if (server->spin_ns || deadline != UINT64_MAX)
		now = now_ns();
	if (server->spin_ns && now < deadline) {
		ret = wake(q);
		if (ret)
			return ret;
		ret = spin(q, server->spin_ns < deadline - now ? now + server->spin_ns : deadline);
		if (ret)
			return ret < 0 ? ret : 0;
		now = now_ns();
	}
	if (now >= deadline)
		return -ETIMEDOUT;
	q->owed = false;
	q->owed_since = 0;
	return tandem_queue_sleep(q, deadline == UINT64_MAX ? TANDEM_FOREVER : deadline - now);
}

int tandem_server_dispatch(struct tandem_server *server, unsigned int queue, int timeout_ms)
{
	uint64_t deadline = UINT64_MAX;
	int messages, ret = 0;
	struct queue *q;

	if (queue >= server->queues)
		return -EINVAL;
	q = &server->queue[queue];
	if (timeout_ms > 0)
		deadline = now_ns() + timeout_ms * NSEC_PER_MSEC;
	for (;;) {
		messages = handle(server, queue);
		if (messages || !timeout_ms)
			break;
		ret = wait_until(server, q, deadline);
		if (ret == -ETIMEDOUT)
			return 0;
		if (ret)
			return ret;
	}
	ret = wake(q);
	return ret && messages >= 0 ? ret : messages;
}

int tandem_server_run(struct tandem_server *server, unsigned int queue)
{
	int ret;

	if (queue >= server->queues)
		return -EINVAL;
	do {
		ret = handle(server, queue);
		if (!ret)
			ret = wait_until(server, &server->queue[queue], UINT64_MAX);
	} while (ret >= 0 || ret == -EINTR);
	return ret == -ESTALE && __atomic_load_n(&server->stopped, __ATOMIC_ACQUIRE) ? 0 : ret;
}
