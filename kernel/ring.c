// SPDX-License-Identifier: GPL-2.0
/*
 * Ring: its memory, and what its producers need rarely.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/time.h>
#include <linux/vmalloc.h>

#include "ring.h"

/*
 * So many wake-ups a tick, that is 131072 a second, are served at once; the ones above wait for the
 * tick. No consumer that sleeps in earnest comes near it; one that moves wake_at along to be woken
 * by each record does.
 */
#define TANDEM_WAKES_PER_TICK	(131072 / HZ)

/*
 * A ring may be as large as its subscriber asks for. If there is not that much, he is told so, and
 * nobody is killed to make room for it.
 */
#define TANDEM_RING_GFP	(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/* The loss counters are updated in place, in all contexts, as if they were atomic_long_t. */
static_assert(sizeof(atomic_long_t) == sizeof(u64));

static atomic_long_t *tandem_ring_counter(u64 *counter)
{
	return (atomic_long_t *)counter;
}

/**
 * tandem_ring_init() - make the two control pages
 * @ring: zeroed
 * @cpu: whose it is, or -1: it is for all
 * @setup: what it is like
 *
 * Until tandem_ring_prepare() every record is lost.
 */
int tandem_ring_init(struct tandem_ring *ring, int cpu, const struct tandem_ring_setup *setup)
{
	int node = cpu < 0 ? NUMA_NO_NODE : cpu_to_node(cpu);
	struct page *consumer = alloc_pages_node(node, TANDEM_RING_GFP, 0);
	struct page *producer = alloc_pages_node(node, TANDEM_RING_GFP, 0);

	ring->consumer = consumer ? page_address(consumer) : NULL;
	ring->producer = producer ? page_address(producer) : NULL;
	ring->node = node;
	ring->notice = setup->notice;
	ring->record_max = TANDEM_RECORD_MAX;
	ring->timeless = setup->timeless;
	ring->overwrite = setup->overwrite;
	ring->shared = setup->layout == TANDEM_RING_SHARED;
	ring->watermark = setup->watermark;
	ring->wake_tick = jiffies;
	init_irq_work(&ring->wake, setup->wake);
	ring->wake_late = IRQ_WORK_INIT_LAZY(setup->wake_late);
	if (!consumer || !producer)
		return -ENOMEM;

	ring->consumer->wake_at = TANDEM_AWAKE;
	ring->producer->magic = TANDEM_RING_MAGIC;
	ring->producer->abi = TANDEM_ABI_VERSION;
	ring->producer->cpu = (u32)cpu;
	ring->producer->clock = CLOCK_MONOTONIC;
	ring->producer->layout = setup->layout;
	ring->producer->generation = setup->generation;
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
		pages[i] = alloc_pages_node(ring->node, TANDEM_RING_GFP, 0);
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
	WRITE_ONCE(ring->producer->size, size);
	/*
	 * Pairs with tandem_ring_page(): who sees the array sees its pages and the mask. Model:
	 * pages.litmus.
	 */
	smp_store_release(&ring->pages, pages);
	for (i = 0; i < TANDEM_CLASSES; i++) {
		/* Where there is always room, none is kept for the dearest. */
		u64 limit = ring->overwrite ? size : tandem_ring_limit(size, i);

		WRITE_ONCE(ring->limits[i], limit);
		WRITE_ONCE(ring->until[i], limit);
	}
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
	unsigned int i;

	for (i = 0; i < TANDEM_CLASSES; i++) {
		WRITE_ONCE(ring->limits[i], 0);
		WRITE_ONCE(ring->until[i], 0);
	}
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
	void *shared = index ? (void *)ring->producer : (void *)ring->consumer;
	struct page **pages;

	if (index < 2)
		return virt_to_page(shared);
	/* Pairs with tandem_ring_prepare(). */
	pages = smp_load_acquire(&ring->pages);
	index -= 2;
	return pages && index < 2 * ((ring->mask + 1) >> PAGE_SHIFT) ? pages[index] : NULL;
}

/*
 * Learns where the consumer is now. Return: false if it cannot be there; the ring is corrupt
 * then.
 */
static bool tandem_ring_refresh(struct tandem_ring *ring)
{
	/*
	 * In this order: whoever interrupts this may move cached on, up to a later cons_pos.
	 * Model: room.pml.
	 */
	u64 cached = READ_ONCE(ring->cached);
	/*
	 * Pairs with the consumer's store-release: it has done with what is overwritten now.
	 * Model: reuse.litmus.
	 */
	u64 cons = smp_load_acquire(&ring->consumer->cons_pos);
	unsigned int i;

	if (likely(tandem_cons_pos_valid(cons, cached, READ_ONCE(ring->producer->pub_pos)))) {
		WRITE_ONCE(ring->cached, cons);
		/* A ring that is being stopped elsewhere may go on until it looks here again. */
		for (i = 0; i < TANDEM_CLASSES; i++)
			WRITE_ONCE(ring->until[i], cons + READ_ONCE(ring->limits[i]));
		return true;
	}
	tandem_ring_refuse(ring);
	return false;
}

/* So much more than is needed is evicted, so that a reader has time before it must try again. */
#define TANDEM_EVICT_AHEAD	4096

/*
 * The oldest record goes. A reader copies it, and then takes it, by moving cons_pos over it; who
 * moves cons_pos has it. It moves before the record is overwritten, by a full barrier: so what
 * was copied was whole if cons_pos has not moved since. Who interrupts this may evict too, and even
 * overwrite the record while it is looked at here: then cons_pos has moved. Models:
 * overwrite.litmus, recorder.pml.
 */
static void tandem_ring_evict_one(struct tandem_ring *ring, u64 pos)
{
	const struct tandem_record *record = tandem_ring_record(ring, pos);
	u64 bytes = TANDEM_RECORD_STRIDE(READ_ONCE(record->len));
	bool discarded = READ_ONCE(record->type_flags) & TANDEM_RECORD_DISCARDED;
	u16 lost = READ_ONCE(record->lost_before);

	/* Pairs with tandem_recorder_take() and tandem_recorder_intact(). */
	if (cmpxchg(&ring->consumer->cons_pos, pos, pos + bytes) != pos)
		return;
	if (!discarded)
		local_inc(&ring->overwritten);
	local_add(lost + !discarded, &ring->evicted);
}

/* Makes room at @head, by records that are published; that is all but those being written. */
static void tandem_ring_evict(struct tandem_ring *ring, u64 head, u64 bytes)
{
	u64 until = head + bytes + TANDEM_EVICT_AHEAD - (ring->mask + 1);
	u64 pos;

	while ((pos = READ_ONCE(ring->consumer->cons_pos)) < until &&
	       pos != READ_ONCE(ring->producer->pub_pos))
		tandem_ring_evict_one(ring, pos);
}

/**
 * tandem_ring_make_room() - does a record fit, by what can be found out, or done?
 * @ring: the ring of this CPU, or a shared one whose lock is held
 * @head: where the record is to begin
 * @bytes: of the record, padded
 * @limit: of its class
 */
bool tandem_ring_make_room(struct tandem_ring *ring, u64 head, u64 bytes, u64 limit)
{
	if (ring->overwrite && limit)
		tandem_ring_evict(ring, head, bytes);
	return tandem_ring_refresh(ring) &&
	       tandem_ring_fits(head, bytes, READ_ONCE(ring->cached), limit);
}

/**
 * tandem_ring_take_pending() - what the next record is to say in lost_before
 * @ring: the ring
 *
 * It is taken at once, or who interrupts this would tell of the same losses again. Model:
 * nest.pml.
 */
u16 tandem_ring_take_pending(struct tandem_ring *ring)
{
	unsigned long pending = atomic_long_xchg(&ring->pending, 0);
	u16 lost = tandem_lost_before(pending);

	if (pending > lost)
		atomic_long_add(pending - lost, &ring->pending);
	return lost;
}

/**
 * tandem_ring_lost() - count a record that cannot be had
 * @ring: the ring
 * @header: of the record
 * @counter: of the reason, or NULL: there is no room
 */
void tandem_ring_lost(struct tandem_ring *ring, u64 header, u64 *counter)
{
	unsigned int event_class = tandem_header_class(header);
	struct tandem_ring_producer *producer = ring->producer;

	atomic_long_inc(tandem_ring_counter(&producer->lost_records));
	atomic_long_add(tandem_header_len(header) - sizeof(struct tandem_record),
			tandem_ring_counter(&producer->lost_bytes));
	atomic_long_inc(tandem_ring_counter(&producer->lost_class[event_class]));
	if (counter)
		atomic_long_inc(tandem_ring_counter(counter));
	atomic_long_inc(&ring->pending);

	/* The counters before the bit. Pairs with the barrier in tandem_subscription_noticed(). */
	smp_mb__after_atomic();
	if (!test_bit(TANDEM_NOTICE_OVERFLOW, &ring->notice->bits)) {
		set_bit(TANDEM_NOTICE_OVERFLOW, &ring->notice->bits);
		irq_work_queue(&ring->notice->work);
	}
}

/**
 * tandem_ring_full() - what becomes of a record that finds no room
 * @ring: the ring of this CPU, or a shared one whose lock is held
 * @header: of the record
 * @patient: the poster can wait
 */
struct tandem_slot tandem_ring_full(struct tandem_ring *ring, u64 header, bool patient)
{
	/* One that has been stopped will never have room. */
	bool later = READ_ONCE(ring->limits[tandem_header_class(header)]);
	struct tandem_slot slot = {};

	if (patient && later)
		slot.start = TANDEM_SLOT_FULL;
	else
		tandem_ring_lost(ring, header, NULL);
	/* What a sleeping consumer waits for may not come to fit. */
	if (later && READ_ONCE(ring->consumer->wake_at) != TANDEM_AWAKE)
		tandem_ring_wake(ring);
	return slot;
}

/**
 * tandem_ring_reserve() - make room for a record and write its header, in all cases
 * @ring: the ring of this CPU; preemption is off until tandem_ring_commit()
 * @header: of the record
 * @patient: count nothing if there is no room
 *
 * Return: where it is; if its record is NULL, it is lost, and counted, unless TANDEM_SLOT_FULL.
 */
struct tandem_slot tandem_ring_reserve(struct tandem_ring *ring, u64 header, bool patient)
{
	u64 limit = READ_ONCE(ring->limits[tandem_header_class(header)]);
	u64 bytes = TANDEM_RECORD_STRIDE(tandem_header_len(header));
	long head = local_read(&ring->head);
	struct tandem_slot slot = {};
	unsigned int nesting;
	u16 lost = 0;
	u64 time;

	if (tandem_header_len(header) > ring->record_max) {
		tandem_ring_lost(ring, header, &ring->producer->lost_too_big);
		return slot;
	}
	if (atomic_long_read(&ring->pending))
		lost = tandem_ring_take_pending(ring);
	do {
		if (!tandem_ring_has_room(ring, head, bytes, limit)) {
			atomic_long_add(lost, &ring->pending);
			return tandem_ring_full(ring, header, patient);
		}
		/* Between load and cmpxchg, as in tandem_ring_try(). */
		if (!tandem_ring_time(ring, &time))
			time = tandem_clock_look();
	} while (!local_try_cmpxchg(&ring->head, &head, head + bytes));

	slot = tandem_ring_begin(ring, head, header | tandem_header_lost_before(lost), time);
	/*
	 * Who interrupted nobody finds settled at its record; nobody who comes now changes
	 * that.
	 */
	if (READ_ONCE(ring->settled) == slot.start)
		return slot;
	nesting = READ_ONCE(ring->nesting) + 1;
	WRITE_ONCE(ring->nesting, nesting);
	if (nesting <= TANDEM_RING_NESTING_MAX)
		return slot;

	/* Too deep: what was taken is given up. */
	tandem_ring_discard(ring, slot.record);
	tandem_ring_lost(ring, header, &ring->producer->lost_recursion);
	if (tandem_ring_commit(ring, slot.start))
		tandem_ring_wake(ring);
	slot.record = NULL;
	return slot;
}

/*
 * Could the poster be preempted, but for the ring? Then it holds no lock that spins. On PREEMPT_RT
 * it may hold one that only seems to.
 */
static bool tandem_ring_poster_is_free(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) && preempt_count() == PREEMPT_OFFSET &&
	       !irqs_disabled();
}

/**
 * tandem_ring_wake() - wake a consumer that asked to be, or have it done soon
 * @ring: the ring of this CPU, or a shared one; preemption is off
 *
 * Wait queues and fasync take locks, which no NMI may, nor who may have them already.
 */
void tandem_ring_wake(struct tandem_ring *ring)
{
	unsigned int wakes;

	/*
	 * Who takes a request back wakes, even if the consumer has asked anew meanwhile, or has
	 * seen that it need not sleep. If there is none left, who interrupted this took it. Model:
	 * take.litmus.
	 */
	if (xchg(&ring->consumer->wake_at, TANDEM_AWAKE) == TANDEM_AWAKE)
		return;
	/* Posters of a shared ring may be here at once: then they count too few. */
	wakes = time_after(jiffies, READ_ONCE(ring->wake_tick)) ? 0 : READ_ONCE(ring->wakes);
	WRITE_ONCE(ring->wake_tick, jiffies);
	WRITE_ONCE(ring->wakes, wakes + 1);
	if (wakes >= TANDEM_WAKES_PER_TICK)
		irq_work_queue(&ring->wake_late);
	else if (tandem_ring_poster_is_free())
		ring->wake.func(&ring->wake);
	else
		irq_work_queue(&ring->wake);
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
	/* After cons_pos, which cannot have overtaken it. Model: overtake.litmus. */
	smp_rmb();
	/* Pairs with the store-releases in tandem_ring_settle() and tandem_ring_let_go(). */
	*pub = smp_load_acquire(&ring->producer->pub_pos);
	return *pub - *cons <= READ_ONCE(ring->producer->size) && !(*cons & 7);
}

/**
 * tandem_ring_busy() - is the poster of a record still at it?
 * @ring: the ring
 * @pos: the position of the record, before pub_pos
 */
bool tandem_ring_busy(struct tandem_ring *ring, u64 pos)
{
	if (!ring->shared)
		return false;
	/*
	 * Pairs with tandem_shared_commit(): if it is not, the record is complete. It is no record
	 * at all, perhaps one that is written just now, if the consumer is not where it says.
	 */
	return data_race(smp_load_acquire(&tandem_ring_record(ring, pos)->type_flags)) &
	       TANDEM_RECORD_BUSY;
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

	if (!tandem_ring_pending(ring, &cons, &pub))
		return true;
	return pub >= tandem_ring_threshold(cons, READ_ONCE(ring->consumer->wake_at),
					    ring->watermark) &&
	       !tandem_ring_busy(ring, cons);
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
		WRITE_ONCE(ring->consumer->wake_at, cons + ring->watermark);
}
