// SPDX-License-Identifier: GPL-2.0
/*
 * Room: waiting for it, on behalf of subscriptions that would rather hold a poster up than lose.
 *
 * A poster waits before it has reserved anything, for one subscription after the other, and holds
 * nothing meanwhile but a reference to it.
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/wait.h>

#include "device.h"
#include "event.h"
#include "room.h"
#include "subscription.h"

/* So long a poster sleeps at most before it looks again: some consumers tell nobody. */
#define TANDEM_ROOM_BACKSTOP	(HZ / 10)

/* A record that found no room, and the ring that it tried. */
struct tandem_room {
	struct tandem_subscription *sub;
	struct tandem_ring *ring;
	u64 header;
};

/* It need not be right: who finds room tries again. */
static bool tandem_room_free(const struct tandem_room *room)
{
	struct tandem_ring *ring = room->ring;
	u64 limit = READ_ONCE(ring->limits[tandem_header_class(room->header)]);
	u64 cons = READ_ONCE(ring->consumer->cons_pos);
	u64 used = local_read(&ring->head) - cons;

	/* A ring that is stopped, or a consumer where it cannot be, is found out by trying. */
	return !limit || used > ring->mask + 1 ||
	       used + TANDEM_RECORD_STRIDE(tandem_header_len(room->header)) <= limit;
}

static bool tandem_room_given_up(void)
{
	return current->flags & PF_KTHREAD && (kthread_should_stop() || kthread_should_park());
}

/* Is it worth trying again? If not, the consumer is asked to say when it is. */
static bool tandem_room_free_or_ask(const struct tandem_room *room)
{
	if (tandem_room_free(room) || tandem_room_given_up() || READ_ONCE(room->sub->dev->gone) ||
	    READ_ONCE(room->sub->left))
		return true;
	WRITE_ONCE(room->ring->producer->blocked, 1);
	/*
	 * blocked before cons_pos. Pairs with the full fence of a consumer that moves cons_pos and
	 * then looks at blocked, as in tandem_room_made(). One of both sees the other's store.
	 * Model: block.litmus.
	 */
	smp_mb();
	return tandem_room_free(room);
}

/* Return: 0: try again; -ETIMEDOUT; -EINTR. */
static int tandem_room_wait(const struct tandem_room *room, ktime_t deadline)
{
	s64 left = ktime_to_ns(ktime_sub(deadline, ktime_get()));
	long ret;

	if (left <= 0)
		return -ETIMEDOUT;
	ret = wait_event_freezable_timeout(room->sub->room, tandem_room_free_or_ask(room),
					   min_t(u64, nsecs_to_jiffies64(left) + 1,
						 TANDEM_ROOM_BACKSTOP));
	return ret < 0 || tandem_room_given_up() ? -EINTR : 0;
}

/**
 * tandem_room_made() - a consumer may have moved on: posters look again
 * @sub: the subscription
 */
void tandem_room_made(struct tandem_subscription *sub)
{
	unsigned int cpu;

	if (sub->overflow != TANDEM_OVERFLOW_BLOCK)
		return;
	/* cons_pos before blocked. Pairs with the barrier in tandem_room_free_or_ask(). */
	smp_mb();
	for_each_cpu(cpu, sub->cpus) {
		struct tandem_ring *ring = tandem_subscription_ring(sub, cpu);

		if (READ_ONCE(ring->producer->blocked))
			WRITE_ONCE(ring->producer->blocked, 0);
	}
	wake_up_all(&sub->room);
}

int __tandem_post_wait(struct tandem_device *dev, u64 header, const void *data, u64 timeout)
{
	ktime_t deadline = ktime_add_safe(ktime_get(), min_t(u64, timeout, KTIME_MAX));
	struct tandem_posting posting = { .header = header, .data = data, .patient = true };
	int ret = 0;

	might_sleep();
	tandem_posting_begin(dev, &posting);
	while (tandem_posting_go_on(dev, &posting)) {
		const struct tandem_room room = { posting.full, posting.ring, header };
		int err = tandem_room_wait(&room, deadline);

		tandem_subscription_put(posting.full);
		/* Who has no room now loses it, and so do those after it. */
		if (err) {
			posting.patient = false;
			ret = err;
		}
	}
	return posting.lost ? ret : 0;
}
EXPORT_SYMBOL_GPL(__tandem_post_wait);
