// SPDX-License-Identifier: GPL-2.0
/*
 * Ring: its memory, and what its producers need rarely.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/time.h>
#include <linux/vmalloc.h>

#include "ring.h"

/*
 * So many wake-ups a tick are served at once; the ones above wait for the tick. No consumer that
 * sleeps in earnest comes near it; one that moves wake_at along to be woken by each record does.
 */
#define TANDEM_WAKES_PER_TICK	512

/* The loss counters are updated in place, by all contexts of the CPU, as if they were local_t. */
static_assert(sizeof(local_t) == sizeof(u64));

static local_t *tandem_ring_counter(u64 *counter)
{
	return (local_t *)counter;
}

/**
 * tandem_ring_init() - make the two control pages
 * @ring: zeroed
 * @cpu: whose it is
 * @generation: for the producer's page
 * @notice: what to raise
 * @wake: wakes the consumer; the irq_work is &tandem_ring.wake
 * @wake_late: the same for &tandem_ring.wake_late
 *
 * Until tandem_ring_prepare() every record is lost.
 */
int tandem_ring_init(struct tandem_ring *ring, unsigned int cpu, u32 generation,
		     struct tandem_notice *notice, void (*wake)(struct irq_work *work),
		     void (*wake_late)(struct irq_work *work))
{
	int node = cpu_to_node(cpu);
	struct page *consumer = alloc_pages_node(node, GFP_KERNEL_ACCOUNT | __GFP_ZERO, 0);
	struct page *producer = alloc_pages_node(node, GFP_KERNEL_ACCOUNT | __GFP_ZERO, 0);

	ring->consumer = consumer ? page_address(consumer) : NULL;
	ring->producer = producer ? page_address(producer) : NULL;
	ring->cpu = cpu;
	ring->notice = notice;
	ring->record_max = TANDEM_RECORD_MAX;
	init_irq_work(&ring->wake, wake);
	ring->wake_late = IRQ_WORK_INIT_LAZY(wake_late);
	if (!consumer || !producer)
		return -ENOMEM;

	ring->consumer->wake_at = TANDEM_AWAKE;
	ring->producer->magic = TANDEM_RING_MAGIC;
	ring->producer->abi = TANDEM_ABI_VERSION;
	ring->producer->cpu = cpu;
	ring->producer->clock = CLOCK_MONOTONIC;
	ring->producer->layout = TANDEM_RING_PER_CPU;
	ring->producer->generation = generation;
	return 0;
}

/**
 * tandem_ring_prepare() - make the data pages, and open the ring
 * @ring: initialised; nobody produces on its CPU yet, or nobody knows the ring
 * @size: bytes of data, a power of two
 */
int tandem_ring_prepare(struct tandem_ring *ring, u64 size)
{
	unsigned long i, n = size >> PAGE_SHIFT;
	struct page **pages;
	u8 *data;

	pages = kvcalloc(2 * n, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		pages[i] = alloc_pages_node(cpu_to_node(ring->cpu),
					    GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN, 0);
		if (!pages[i])
			goto err_pages;
		pages[n + i] = pages[i];
	}
	data = vmap(pages, 2 * n, VM_MAP, PAGE_KERNEL);
	if (!data)
		goto err_pages;

	ring->mask = size - 1;
	ring->record_max = tandem_record_max(size);
	ring->data = data;
	ring->producer->size = size;
	/* Pairs with tandem_ring_page(): who sees the array sees its pages and the mask. */
	smp_store_release(&ring->pages, pages);
	WRITE_ONCE(ring->limits[0], tandem_ring_limit(size, false));
	WRITE_ONCE(ring->limits[1], tandem_ring_limit(size, true));
	WRITE_ONCE(ring->producer->state, TANDEM_RING_ACTIVE);
	return 0;

err_pages:
	while (i--)
		__free_page(pages[i]);
	kvfree(pages);
	return -ENOMEM;
}

/**
 * tandem_ring_stop() - add nothing any more; what comes is lost and counted
 * @ring: the ring, of whatever CPU
 * @state: why
 */
void tandem_ring_stop(struct tandem_ring *ring, enum tandem_ring_state state)
{
	WRITE_ONCE(ring->limits[0], 0);
	WRITE_ONCE(ring->limits[1], 0);
	WRITE_ONCE(ring->producer->state, state);
}

/**
 * tandem_ring_refuse() - the consumer is where it cannot be: its ring is corrupt from now on
 * @ring: the ring, of whatever CPU; in any context
 */
void tandem_ring_refuse(struct tandem_ring *ring)
{
	if (READ_ONCE(ring->producer->state) == TANDEM_RING_CORRUPT)
		return;
	tandem_ring_stop(ring, TANDEM_RING_CORRUPT);
	set_bit(TANDEM_NOTICE_CORRUPT, &ring->notice->bits);
	irq_work_queue(&ring->notice->work);
}

/**
 * tandem_ring_free() - free what tandem_ring_init() and tandem_ring_prepare() made
 * @ring: nobody produces, nobody maps
 */
void tandem_ring_free(struct tandem_ring *ring)
{
	unsigned long i;

	if (ring->pages) {
		vunmap(ring->data);
		for (i = 0; i < (ring->mask + 1) >> PAGE_SHIFT; i++)
			__free_page(ring->pages[i]);
		kvfree(ring->pages);
	}
	free_page((unsigned long)ring->producer);
	free_page((unsigned long)ring->consumer);
}

/**
 * tandem_ring_page() - a page of a ring's mapping
 * @ring: the ring
 * @index: 0 is the consumer's page, 1 the producer's, 2 and on the data, twice
 *
 * Return: the page, or NULL if there is none, or none yet.
 */
struct page *tandem_ring_page(struct tandem_ring *ring, pgoff_t index)
{
	struct page **pages;

	if (index < 2)
		return virt_to_page(index ? (void *)ring->producer : (void *)ring->consumer);
	/* Pairs with tandem_ring_prepare(). */
	pages = smp_load_acquire(&ring->pages);
	index -= 2;
	return pages && index < 2 * ((ring->mask + 1) >> PAGE_SHIFT) ? pages[index] : NULL;
}

/**
 * tandem_ring_refresh() - learn where the consumer is now
 * @ring: entered
 *
 * Return: true if it may be there; if not, the ring is corrupt from now on.
 */
bool tandem_ring_refresh(struct tandem_ring *ring)
{
	/* In this order: whoever interrupts this may move cached on, up to a later cons_pos. */
	u64 cached = READ_ONCE(ring->cached);
	/* Pairs with the consumer's store-release: it has done with what is overwritten now. */
	u64 cons = smp_load_acquire(&ring->consumer->cons_pos);

	if (likely(tandem_cons_pos_valid(cons, cached, READ_ONCE(ring->published)))) {
		WRITE_ONCE(ring->cached, cons);
		return true;
	}
	tandem_ring_refuse(ring);
	return false;
}

/**
 * tandem_ring_lost() - count a record that cannot be had
 * @ring: entered
 * @type_flags: its
 * @len: its payload
 * @carried: what tandem_ring_take_pending() took for it
 */
void tandem_ring_lost(struct tandem_ring *ring, u16 type_flags, size_t len, unsigned int carried)
{
	struct tandem_ring_producer *producer = ring->producer;

	local_inc(tandem_ring_counter(&producer->lost_records));
	local_add(len, tandem_ring_counter(&producer->lost_bytes));
	local_inc(tandem_ring_counter(&producer->lost_class[TANDEM_RECORD_CLASS(type_flags)]));
	if (len > TANDEM_PAYLOAD_MAX || tandem_record_bytes(len) > ring->record_max)
		local_inc(tandem_ring_counter(&producer->lost_too_big));
	else if (ring->nesting > TANDEM_RING_NESTING_MAX)
		local_inc(tandem_ring_counter(&producer->lost_recursion));
	local_add(carried + 1, &ring->pending);

	if (!test_bit(TANDEM_NOTICE_OVERFLOW, &ring->notice->bits)) {
		set_bit(TANDEM_NOTICE_OVERFLOW, &ring->notice->bits);
		irq_work_queue(&ring->notice->work);
	}
}

/**
 * tandem_ring_take_pending() - what the next record is to say in lost_before
 * @ring: entered
 */
u16 tandem_ring_take_pending(struct tandem_ring *ring)
{
	/* At once, or who interrupts this would tell of the same losses again. */
	unsigned long pending = local_xchg(&ring->pending, 0);
	u16 lost = tandem_lost_before(pending);

	if (pending > lost)
		local_add(pending - lost, &ring->pending);
	return lost;
}

/**
 * tandem_ring_wake() - have the consumer woken, soon
 * @ring: the ring of this CPU; preemption is off
 *
 * Not here: wait queues and fasync take locks that sleep on PREEMPT_RT, and no NMI may have.
 */
void tandem_ring_wake(struct tandem_ring *ring)
{
	if (ring->wake_tick != jiffies) {
		ring->wake_tick = jiffies;
		ring->wakes = 0;
	}
	irq_work_queue(ring->wakes++ < TANDEM_WAKES_PER_TICK ? &ring->wake : &ring->wake_late);
}

/**
 * tandem_ring_pending() - what lies ready for the consumer
 * @ring: the ring, of whatever CPU
 * @cons: where the consumer says it is
 * @pub: records are complete up to here
 *
 * Return: false if the consumer cannot be there.
 */
bool tandem_ring_pending(struct tandem_ring *ring, u64 *cons, u64 *pub)
{
	*cons = READ_ONCE(ring->consumer->cons_pos);
	/* Pairs with tandem_ring_leave(). After cons_pos, which cannot have overtaken it. */
	smp_rmb();
	*pub = smp_load_acquire(&ring->producer->pub_pos);
	return *pub - *cons <= ring->producer->size && !(*cons & 7);
}

/**
 * tandem_ring_readable() - is there as much as the consumer wants to be woken for?
 * @ring: the ring, of whatever CPU
 *
 * Each answer that the consumer spoilt is good enough: it alone is misled.
 */
bool tandem_ring_readable(struct tandem_ring *ring)
{
	u64 cons, pub;

	return !tandem_ring_pending(ring, &cons, &pub) ||
	       pub >= tandem_ring_threshold(cons, READ_ONCE(ring->consumer->wake_at));
}

/**
 * tandem_ring_arm() - ask for a wake-up in the name of a consumer that does not ask itself
 * @ring: the ring, of whatever CPU
 *
 * After arming all rings, and a full barrier, look at all of them again.
 */
void tandem_ring_arm(struct tandem_ring *ring)
{
	u64 cons = READ_ONCE(ring->consumer->cons_pos);
	u64 wake_at = READ_ONCE(ring->consumer->wake_at);

	if (wake_at == TANDEM_AWAKE || wake_at <= cons)
		WRITE_ONCE(ring->consumer->wake_at, cons + 1);
}
