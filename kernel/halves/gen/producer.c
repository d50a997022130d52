// SPDX-License-Identifier: GPL-2.0
/* A producer: posts from one CPU in one context, at its pace. */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "compat/hrtimer.h"
#include "gen.h"

static DEFINE_PER_CPU(struct gen_producer[TANDEM_GEN_CONTEXTS], producers);

/* Byte i is i & 0xff: the fill of an event is a piece of it. */
static u8 *pattern;
#define PATTERN_SIZE	(256 + TANDEM_PAYLOAD_MAX)

struct gen_producer *gen_producer(unsigned int cpu, unsigned int context)
{
	return per_cpu_ptr(&producers[context], cpu);
}

static void make_event(const struct gen_producer *producer, struct tandem_gen_event *event, u64 seq)
{
	const struct gen_run *run = producer->run;

	event->seq = seq;
	event->cpu = producer->cpu;
	event->context = producer->context;
	event->run = run->start.run;
	memcpy(event->fill, pattern + (seq & 0xff), run->start.size - sizeof(*event));
}

/* Every second event goes the other way, so that both ways are tried. */
static void post_event(struct gen_producer *producer)
{
	const struct tandem_gen_start *start = &producer->run->start;
	struct tandem_device *dev = producer->run->dev;
	struct tandem_reservation reservation;
	u64 seq = producer->seq;

	if (seq & 1) {
		make_event(producer, producer->buffer, seq);
		tandem_post(dev, start->type, start->event_class, producer->buffer, start->size);
	} else {
		reservation = tandem_reserve(dev, start->type, start->event_class, start->size);
		if (reservation.data) {
			make_event(producer, reservation.data, seq);
			tandem_commit(&reservation);
		}
	}
	WRITE_ONCE(producer->seq, seq + 1);
}

static unsigned int events_left(const struct gen_producer *producer, unsigned int wanted)
{
	u64 count = producer->run->start.count;

	return count ? min_t(u64, wanted, count - producer->seq) : wanted;
}

/* False if the producer has ended. */
static bool still_runs(struct gen_producer *producer)
{
	if (events_left(producer, 1))
		return true;
	if (cmpxchg(&producer->state, GEN_RUNNING, GEN_ENDED) == GEN_RUNNING)
		gen_run_less();
	return false;
}

/* In a thread: it may wait, and so may not be kept from leaving its CPU. */
static bool post_patiently(struct gen_producer *producer)
{
	const struct tandem_gen_start *start = &producer->run->start;
	u64 seq = producer->seq;

	make_event(producer, producer->buffer, seq);
	tandem_post_wait(producer->run->dev, start->type, start->event_class, producer->buffer,
			 start->size, TANDEM_FOREVER);
	WRITE_ONCE(producer->seq, seq + 1);
	return !kthread_should_stop() && !kthread_should_park();
}

static void post_batch(struct gen_producer *producer)
{
	unsigned int count = events_left(producer, producer->run->start.batch);
	struct tandem_batch batch;

	if (count == 1) {
		post_event(producer);
		return;
	}
	tandem_batch_begin(producer->run->dev, &batch);
	while (count--)
		post_event(producer);
	tandem_batch_end(&batch);
}

/* False where the producer is not to post from. */
static bool post_here(struct gen_producer *producer)
{
	bool here;

	if (producer->run->start.flags & TANDEM_GEN_WAIT && producer->context == TANDEM_GEN_PROCESS)
		return post_patiently(producer);
	/* A thread is pushed off a CPU that goes away before it is told to park. */
	preempt_disable();
	here = smp_processor_id() == producer->cpu;
	if (here)
		post_batch(producer);
	preempt_enable();
	return here;
}

static bool post_burst(struct gen_producer *producer)
{
	ktime_t begin = ktime_get();
	unsigned int i;

	for (i = 0; i < producer->run->bursts && still_runs(producer); i++)
		if (!post_here(producer))
			break;
	producer->cost = ktime_to_ns(ktime_sub(ktime_get(), begin));
	return still_runs(producer);
}

bool gen_producer_nmi(struct gen_producer *producer)
{
	/* Pairs with the release in gen_producer_start() and gen_producer_resume(). */
	if (smp_load_acquire(&producer->state) != GEN_RUNNING)
		return false;
	post_event(producer);
	still_runs(producer);
	return true;
}

static void wait_in_thread(struct gen_producer *producer, bool runs)
{
	set_current_state(TASK_IDLE);
	if (!kthread_should_stop() && !kthread_should_park()) {
		if (runs)
			schedule_hrtimeout(&producer->due, HRTIMER_MODE_ABS);
		else
			schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/* It lives from start to stop: what has ended by itself could not be parked any more. */
static int thread_function(void *data)
{
	struct gen_producer *producer = data;
	bool runs = true;

	while (!kthread_should_stop()) {
		if (kthread_should_park()) {
			kthread_parkme();
			/* While its CPU was away the scheduler let it go anywhere. */
			set_cpus_allowed_ptr(current, cpumask_of(producer->cpu));
			producer->due = ktime_get();
			continue;
		}
		if (runs)
			runs = post_burst(producer);
		if (!runs || producer->run->interval) {
			producer->due = ktime_add_ns(producer->due, producer->run->interval);
			wait_in_thread(producer, runs);
		} else {
			cond_resched();
		}
	}
	return 0;
}

/*
 * A timer that is late comes again soon, until it has caught up, but leaves the CPU to others for
 * as long as it has had it: a rate that the machine cannot keep must not stall it.
 */
static enum hrtimer_restart timer_function(struct hrtimer *timer)
{
	struct gen_producer *producer = container_of(timer, struct gen_producer, timer);
	ktime_t begin = ktime_get();
	ktime_t soonest;

	if (producer->context == TANDEM_GEN_IRQ_WORK) {
		if (READ_ONCE(producer->state) != GEN_RUNNING)
			return HRTIMER_NORESTART;
		irq_work_queue(&producer->work);
	} else if (!post_burst(producer)) {
		return HRTIMER_NORESTART;
	}
	producer->due = ktime_add_ns(producer->due, producer->run->interval);
	soonest = ktime_add_ns(begin, 2 * producer->cost);
	hrtimer_set_expires(timer, ktime_after(soonest, producer->due) ? soonest : producer->due);
	return HRTIMER_RESTART;
}

static void work_function(struct irq_work *work)
{
	struct gen_producer *producer = container_of(work, struct gen_producer, work);

	if (READ_ONCE(producer->state) == GEN_RUNNING)
		post_burst(producer);
}

int gen_producer_prepare(struct gen_producer *producer, const struct gen_run *run)
{
	struct task_struct *thread;

	producer->run = run;
	producer->cost = 0;
	producer->buffer = kvmalloc(run->start.size, GFP_KERNEL_ACCOUNT);
	if (!producer->buffer)
		return -ENOMEM;
	if (producer->context != TANDEM_GEN_PROCESS)
		return 0;
	thread = kthread_create_on_cpu(thread_function, producer, producer->cpu, "tandem_gen/%u");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	producer->thread = thread;
	return 0;
}

/* On the producer's CPU, which is where a pinned timer stays. */
static void start_timer(void *data)
{
	struct gen_producer *producer = data;
	bool soft = producer->context == TANDEM_GEN_SOFTIRQ;

	hrtimer_start(&producer->timer, producer->due,
		      soft ? HRTIMER_MODE_ABS_PINNED_SOFT : HRTIMER_MODE_ABS_PINNED_HARD);
}

static bool has_timer(const struct gen_producer *producer)
{
	return producer->context != TANDEM_GEN_PROCESS && producer->context != TANDEM_GEN_NMI;
}

void gen_producer_start(struct gen_producer *producer)
{
	producer->due = ktime_get();
	/* After all that an NMI needs. */
	smp_store_release(&producer->state, GEN_RUNNING);
	if (producer->thread)
		wake_up_process(producer->thread);
	else if (has_timer(producer))
		smp_call_function_single(producer->cpu, start_timer, producer, true);
}

static void stop_timer(struct gen_producer *producer)
{
	if (has_timer(producer))
		hrtimer_cancel(&producer->timer);
	if (producer->context == TANDEM_GEN_IRQ_WORK)
		irq_work_sync(&producer->work);
}

void gen_producer_stop(struct gen_producer *producer)
{
	if (producer->thread) {
		kthread_stop(producer->thread);
		producer->thread = NULL;
	}
	stop_timer(producer);
	if (xchg(&producer->state, GEN_IDLE) == GEN_RUNNING)
		gen_run_less();
	kvfree(producer->buffer);
	producer->buffer = NULL;
}

void gen_producer_pause(struct gen_producer *producer)
{
	if (producer->thread)
		kthread_park(producer->thread);
	stop_timer(producer);
	if (cmpxchg(&producer->state, GEN_RUNNING, GEN_PAUSED) == GEN_RUNNING)
		gen_run_less();
}

void gen_producer_resume(struct gen_producer *producer)
{
	if (READ_ONCE(producer->state) == GEN_PAUSED) {
		gen_run_more();
		producer->due = ktime_get();
		/* As in gen_producer_start(). */
		smp_store_release(&producer->state, GEN_RUNNING);
		if (has_timer(producer))
			start_timer(producer);
	}
	/* Also one that has ended was parked. */
	if (producer->thread)
		kthread_unpark(producer->thread);
}

static void init_producer(struct gen_producer *producer, unsigned int cpu, unsigned int context)
{
	bool soft = context == TANDEM_GEN_SOFTIRQ;

	producer->cpu = cpu;
	producer->context = context;
	hrtimer_setup(&producer->timer, timer_function, CLOCK_MONOTONIC,
		      soft ? HRTIMER_MODE_ABS_SOFT : HRTIMER_MODE_ABS_HARD);
	producer->work = IRQ_WORK_INIT_HARD(work_function);
}

int gen_producers_init(void)
{
	unsigned int cpu, context, i;

	pattern = kvmalloc(PATTERN_SIZE, GFP_KERNEL);
	if (!pattern)
		return -ENOMEM;
	for (i = 0; i < PATTERN_SIZE; i++)
		pattern[i] = i;
	for_each_possible_cpu(cpu)
		for (context = 0; context < TANDEM_GEN_CONTEXTS; context++)
			init_producer(gen_producer(cpu, context), cpu, context);
	return 0;
}

void gen_producers_exit(void)
{
	kvfree(pattern);
}
