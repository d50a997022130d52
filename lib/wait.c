// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting: asking for a wake-up without losing one, spinning, sleeping.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "clock.h"
#include "subscription.h"

/* With a watermark no sleep is longer, so that what waits below it is not forgotten. */
#define SLEEP_MAX	NSEC_PER_SEC

/* Return: 1: a ring has @need bytes, or any if the rings have ended; 0: none; how they ended. */
static int look(struct tandem_subscription *sub, uint64_t need)
{
	unsigned int i;
	int ended = 0;

	if (sub->error)
		return sub->error;
	if (sub->buffer)
		return tandem_recorder_look(sub, need);
	/*
	 * The states come first: what a ring that has ended holds then is all it ever will. Model:
	 * gone.litmus.
	 */
	for (i = 0; i < sub->rings; i++) {
		uint32_t state = __atomic_load_n(&sub->ring[i].producer->state, __ATOMIC_ACQUIRE);

		if (state == TANDEM_RING_CORRUPT)
			ended = -EBADMSG;
		else if (state == TANDEM_RING_GONE && !ended)
			ended = -ENODEV;
	}
	if (ended)
		need = 1;
	for (i = 0; i < sub->rings; i++) {
		const struct ring *ring = &sub->ring[i];
		uint64_t published = __atomic_load_n(&ring->producer->pub_pos, __ATOMIC_ACQUIRE);

		if (published - ring->pos >= need &&
		    !(sub->flags & TANDEM_SUBSCRIBE_SHARED && ring_busy(ring, ring->pos)))
			return 1;
	}
	return ended;
}

static void set_wake_at(const struct ring *ring, uint64_t wake_at)
{
	__atomic_store_n(&ring->consumer->wake_at, wake_at, __ATOMIC_RELAXED);
}

void tandem_disarm(struct tandem_subscription *sub)
{
	unsigned int i;

	for (i = 0; i < sub->rings; i++)
		set_wake_at(&sub->ring[i], TANDEM_AWAKE);
	sub->armed = false;
}

int tandem_arm(struct tandem_subscription *sub)
{
	unsigned int i;

	if (tandem_reader_park(sub))
		return 1;
	if (sub->buffer)
		return look(sub, sub->watermark);
	/* No record is known, so each ring was drained up to its position. */
	for (i = 0; i < sub->rings; i++)
		set_wake_at(&sub->ring[i], sub->ring[i].pos + sub->watermark);
	sub->armed = true;
	/*
	 * wake_at before pub_pos. Pairs with the smp_mb() in tandem_ring_wake_due(), which stores
	 * pub_pos and then looks at wake_at: it sees ours and wakes us, or we see its pub_pos.
	 * Likewise with tandem_shared_commit(), which stores type_flags. Models: wake.litmus,
	 * take.litmus, shared_wake.litmus in selftests/models.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return look(sub, sub->watermark);
}

static int spin(struct tandem_subscription *sub, uint64_t until)
{
	int ret;

	do {
		ret = look(sub, 1);
		if (ret)
			return ret;
		relax();
	} while (now_ns() < until);
	return 0;
}

/* Sleeps until @deadline at most. Return: 0; -errno. */
static int sleep_until(const struct tandem_subscription *sub, uint64_t now, uint64_t deadline)
{
	struct tandem_wait args = { .timeout = TANDEM_FOREVER };

	if (deadline != UINT64_MAX)
		args.timeout = deadline - now;
	if (sub->watermark > 1 && args.timeout > SLEEP_MAX)
		args.timeout = SLEEP_MAX;
	return ioctl(sub->fd, TANDEM_IOC_WAIT, &args) && errno != ETIMEDOUT ? -errno : 0;
}

int tandem_wait(struct tandem_subscription *sub, int timeout_ms)
{
	uint64_t now, deadline = UINT64_MAX;
	int ret;

	if (tandem_reader_park(sub))
		return 1;
	if (timeout_ms == 0)
		return look(sub, 1);
	now = now_ns();
	if (timeout_ms > 0)
		deadline = now + timeout_ms * NSEC_PER_MSEC;
	if (sub->spin_ns) {
		uint64_t until = sub->spin_ns < deadline - now ? now + sub->spin_ns : deadline;

		ret = spin(sub, until);
		if (ret)
			return ret;
		now = now_ns();
	} else {
		ret = look(sub, sub->watermark);
		if (ret)
			return ret;
	}

	while (now < deadline) {
		ret = tandem_arm(sub);
		if (ret)
			return ret;
		ret = sleep_until(sub, now, deadline);
		if (ret)
			return ret;
		ret = look(sub, 1);
		if (ret)
			return ret;
		now = now_ns();
	}
	return 0;
}
