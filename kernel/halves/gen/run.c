// SPDX-License-Identifier: GPL-2.0
/* A run: the producers that one START set going. */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "gen.h"

static unsigned int max_rate = 1000000;
module_param(max_rate, uint, 0644);
MODULE_PARM_DESC(max_rate, "Most events a second that one producer may be asked for (1000000)");

/* No timer comes more often: what a higher rate asks for is posted in larger bursts. */
#define INTERVAL_MIN	(10ULL * NSEC_PER_USEC)

/* The contexts that need a rate. */
#define TIMED_CONTEXTS \
	(BIT(TANDEM_GEN_SOFTIRQ) | BIT(TANDEM_GEN_HARDIRQ) | BIT(TANDEM_GEN_IRQ_WORK))

/* More than any kernel has CPUs. */
#define CPUS_LEN_MAX	4096

/*
 * Protects @run, @owner, @nmi_registered and the start and stop of producers. It nests inside
 * cpus_read_lock(), and inside the lock that holds CPUs still for the callbacks of CPU hotplug; the
 * producers never take it, so that its holder may wait for them.
 */
static DEFINE_MUTEX(lock);
static struct gen_run run;
static struct tandem_file *owner;
static bool nmi_registered;

/* Producers in GEN_RUNNING; in a START, all of them before the first one starts. */
static atomic_t running = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(quiet);
static int hotplug_state;

/* A wait queue must not be touched by a producer, which may be in NMI. */
static void wake_waiters(struct irq_work *work)
{
	wake_up_all(&quiet);
}

static DEFINE_IRQ_WORK(wake_work, wake_waiters);

void gen_run_more(void)
{
	atomic_inc(&running);
}

void gen_run_less(void)
{
	if (atomic_dec_and_test(&running))
		irq_work_queue(&wake_work);
}

static struct gen_producer *first_producer(const struct cpumask *mask)
{
	return gen_producer(cpumask_first(mask), 0);
}

static struct gen_producer *next_producer(const struct gen_producer *producer,
					  const struct cpumask *mask)
{
	unsigned int context = producer->context + 1;
	unsigned int cpu = producer->cpu;

	if (context == TANDEM_GEN_CONTEXTS) {
		context = 0;
		cpu = cpumask_next(cpu, mask);
	}
	return cpu < nr_cpu_ids ? gen_producer(cpu, context) : NULL;
}

static void stop_locked(void)
{
	struct gen_producer *producer;

	lockdep_assert_held(&lock);
	if (nmi_registered)
		gen_nmi_unregister();
	nmi_registered = false;
	for (producer = first_producer(cpu_possible_mask); producer;
	     producer = next_producer(producer, cpu_possible_mask))
		gen_producer_stop(producer);
	owner = NULL;
}

static bool is_busy(void)
{
	struct gen_producer *producer;

	lockdep_assert_held(&lock);
	for (producer = first_producer(cpu_possible_mask); producer;
	     producer = next_producer(producer, cpu_possible_mask)) {
		int state = READ_ONCE(producer->state);

		if (state == GEN_RUNNING || state == GEN_PAUSED)
			return true;
	}
	return false;
}

static long check_start(const struct tandem_gen_start *start)
{
	if (!start->contexts || start->contexts >= BIT(TANDEM_GEN_CONTEXTS) ||
	    start->type >= TANDEM_TYPES || start->event_class >= TANDEM_CLASSES ||
	    start->size < sizeof(struct tandem_gen_event) || start->rate > READ_ONCE(max_rate) ||
	    !start->batch || start->batch > GEN_BATCH_MAX || start->flags & ~TANDEM_GEN_WAIT ||
	    start->reserved2)
		return -EINVAL;
	if (start->flags & TANDEM_GEN_WAIT && start->batch != 1)
		return -EINVAL;
	if (!start->rate && (start->contexts & TIMED_CONTEXTS))
		return -EINVAL;
	if (!start->cpus != !start->cpus_len || start->cpus_len % sizeof(u64) ||
	    start->cpus_len > CPUS_LEN_MAX)
		return -EINVAL;
	if (start->size > TANDEM_PAYLOAD_MAX)
		return -EMSGSIZE;
	return 0;
}

/* The CPUs asked for; whether they are online is not looked at. */
static long read_cpus(struct cpumask *mask, const struct tandem_gen_start *start)
{
	unsigned int bit, bits = start->cpus_len * BITS_PER_BYTE;
	long error = 0;
	u64 *words;

	words = memdup_user(u64_to_user_ptr(start->cpus), start->cpus_len);
	if (IS_ERR(words))
		return PTR_ERR(words);
	for (bit = 0; bit < bits; bit++) {
		if (!(words[bit / 64] >> (bit % 64) & 1))
			continue;
		if (bit >= nr_cpu_ids) {
			error = -EINVAL;
			break;
		}
		cpumask_set_cpu(bit, mask);
	}
	kfree(words);
	return error;
}

static void set_pace(void)
{
	const u64 batch_ns = (u64)run.start.batch * NSEC_PER_SEC;

	run.bursts = 1;
	run.interval = 0;
	if (!run.start.rate)
		return;
	run.bursts = DIV64_U64_ROUND_UP(INTERVAL_MIN * run.start.rate, batch_ns);
	run.interval = div_u64(run.bursts * batch_ns, run.start.rate);
}

static bool is_wanted(const struct gen_producer *producer)
{
	return run.start.contexts & BIT(producer->context);
}

static long start_producers(const struct cpumask *mask)
{
	struct gen_producer *producer;
	long error;
	int count = 0;

	lockdep_assert_held(&lock);
	for (producer = first_producer(cpu_possible_mask); producer;
	     producer = next_producer(producer, cpu_possible_mask))
		WRITE_ONCE(producer->seq, 0);
	for (producer = first_producer(mask); producer;
	     producer = next_producer(producer, mask)) {
		if (!is_wanted(producer))
			continue;
		error = gen_producer_prepare(producer, &run);
		if (error)
			return error;
		count++;
	}
	if (run.start.contexts & BIT(TANDEM_GEN_NMI)) {
		error = gen_nmi_register();
		if (error)
			return error;
		nmi_registered = true;
	}
	atomic_set(&running, count);
	for (producer = first_producer(mask); producer;
	     producer = next_producer(producer, mask))
		if (is_wanted(producer))
			gen_producer_start(producer);
	return 0;
}

static long start_locked(struct tandem_file *file, struct tandem_gen_start *start,
			 struct cpumask *mask)
{
	long error;

	lockdep_assert_held(&lock);
	if (!start->cpus)
		cpumask_copy(mask, cpu_online_mask);
	if (cpumask_empty(mask) || !cpumask_subset(mask, cpu_online_mask))
		return -EINVAL;
	if (is_busy())
		return -EBUSY;
	/* What has ended by itself still has its threads. */
	stop_locked();
	start->run = run.start.run + 1;
	run.start = *start;
	run.dev = file->dev;
	set_pace();
	error = start_producers(mask);
	if (error) {
		stop_locked();
		run.start.run--;
		return error;
	}
	owner = file;
	return 0;
}

long gen_run_start(struct tandem_file *file, struct tandem_gen_start __user *arg)
{
	struct tandem_gen_start start;
	cpumask_var_t mask;
	long error;

	if (copy_from_user(&start, arg, sizeof(start)))
		return -EFAULT;
	error = check_start(&start);
	if (error)
		return error;
	/* Timers, and threads outside the caller's control groups. */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	/* A result that cannot be told must be found out before anything starts. */
	if (put_user(start.run, &arg->run))
		return -EFAULT;
	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	if (start.cpus)
		error = read_cpus(mask, &start);
	if (!error) {
		cpus_read_lock();
		mutex_lock(&lock);
		error = start_locked(file, &start, mask);
		mutex_unlock(&lock);
		cpus_read_unlock();
	}
	free_cpumask_var(mask);
	if (!error && put_user(start.run, &arg->run)) {
		gen_run_stop();
		error = -EFAULT;
	}
	return error;
}

void gen_run_stop(void)
{
	mutex_lock(&lock);
	stop_locked();
	mutex_unlock(&lock);
}

void gen_run_release(struct tandem_file *file)
{
	mutex_lock(&lock);
	if (owner == file)
		stop_locked();
	mutex_unlock(&lock);
}

long gen_run_wait(void)
{
	return wait_event_interruptible(quiet, !atomic_read(&running));
}

long gen_run_status(struct tandem_gen_status __user *arg)
{
	struct tandem_gen_status status = { 0 };
	struct gen_producer *producer;

	mutex_lock(&lock);
	status.running = atomic_read(&running);
	status.run = run.start.run;
	for (producer = first_producer(cpu_possible_mask); producer;
	     producer = next_producer(producer, cpu_possible_mask))
		status.posted[producer->context] += READ_ONCE(producer->seq);
	mutex_unlock(&lock);
	return copy_to_user(arg, &status, sizeof(status)) ? -EFAULT : 0;
}

/* Both are called on the CPU itself. */
static int cpu_online_callback(unsigned int cpu)
{
	struct gen_producer *producer;
	unsigned int context;

	mutex_lock(&lock);
	for (context = 0; context < TANDEM_GEN_CONTEXTS; context++) {
		producer = gen_producer(cpu, context);
		gen_producer_resume(producer);
	}
	mutex_unlock(&lock);
	return 0;
}

static int cpu_offline_callback(unsigned int cpu)
{
	struct gen_producer *producer;
	unsigned int context;

	mutex_lock(&lock);
	for (context = 0; context < TANDEM_GEN_CONTEXTS; context++) {
		producer = gen_producer(cpu, context);
		gen_producer_pause(producer);
	}
	mutex_unlock(&lock);
	return 0;
}

int gen_run_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "tandem/gen:online",
					      cpu_online_callback, cpu_offline_callback);

	if (state < 0)
		return state;
	hotplug_state = state;
	return 0;
}

void gen_run_exit(void)
{
	cpuhp_remove_state_nocalls(hotplug_state);
	irq_work_sync(&wake_work);
}
