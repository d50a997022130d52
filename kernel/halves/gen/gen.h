/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel half "gen": makes events from every context there is, and answers every operation of a
 * device. It is the instrument of tests and benchmarks.
 */
#ifndef _TANDEM_HALVES_GEN_H
#define _TANDEM_HALVES_GEN_H

#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/types.h>

#include <linux/tandem.h>

#include "tandem.h"

#define GEN_BATCH_MAX	1024

/* ---- Run: the producers that one START set going (run.c) ---- */

/**
 * struct gen_run - what all producers of a run have in common
 * @start: as asked for
 * @dev: where the events go
 * @interval: nanoseconds from one burst to the next, if there is a rate
 * @bursts: batches at a time, when an interval for each would be too short
 *
 * Written while no producer runs, by the holder of the run's lock; constant for the producers.
 */
struct gen_run {
	struct tandem_gen_start start;
	struct tandem_device *dev;
	u64 interval;
	unsigned int bursts;
};

int gen_run_init(void);
void gen_run_exit(void);
long gen_run_start(struct tandem_file *file, struct tandem_gen_start __user *arg);
void gen_run_stop(void);
long gen_run_wait(void);
long gen_run_status(struct tandem_gen_status __user *arg);
void gen_run_release(struct tandem_file *file);

/* A producer started or resumed, and: ended or paused. Any context. */
void gen_run_more(void);
void gen_run_less(void);

/* ---- Producer: posts from one CPU in one context (producer.c) ---- */

/**
 * enum gen_state - state of a producer
 * @GEN_IDLE: not part of the run
 * @GEN_RUNNING: posting
 * @GEN_PAUSED: its CPU went offline; nothing runs
 * @GEN_ENDED: it has posted as many as it was asked for
 */
enum gen_state {
	GEN_IDLE,
	GEN_RUNNING,
	GEN_PAUSED,
	GEN_ENDED,
};

/**
 * struct gen_producer - one for each pair of CPU and context
 * @seq: events posted; written by the producer alone, in its context, which does not nest
 * @run: constant while @state is not GEN_IDLE
 * @buffer: an event for tandem_post(), of the run's size; the producer's alone
 * @due: when the next burst should be; the producer's alone
 * @cost: nanoseconds that the last burst took
 * @state: &enum gen_state; whoever moves it to or from GEN_RUNNING tells the run, by gen_run_more()
 *	and gen_run_less()
 * @context: &enum tandem_gen_context, constant
 * @cpu: constant
 * @thread: process context: exists from start to stop. Protected by the run's lock
 * @timer: softirq, hard interrupt and irq_work: sets the pace
 * @work: irq_work: posts
 */
struct gen_producer {
	u64 seq;
	const struct gen_run *run;
	struct tandem_gen_event *buffer;
	ktime_t due;
	u64 cost;
	int state;
	u16 context;
	u16 cpu;
	struct task_struct *thread;
	struct hrtimer timer;
	struct irq_work work;
};

/* gen_producer_prepare() may fail; what follows it does not, so that all start or none. */
int gen_producers_init(void);
void gen_producers_exit(void);
struct gen_producer *gen_producer(unsigned int cpu, unsigned int context);
int gen_producer_prepare(struct gen_producer *producer, const struct gen_run *run);
void gen_producer_start(struct gen_producer *producer);
void gen_producer_stop(struct gen_producer *producer);
/* On the producer's CPU, while it goes offline and comes online. */
void gen_producer_pause(struct gen_producer *producer);
void gen_producer_resume(struct gen_producer *producer);

/* ---- NMIs that nobody else claims (nmi.c) ---- */

int gen_nmi_register(void);
void gen_nmi_unregister(void);

/* Posts one event; false if the producer does not run. */
bool gen_producer_nmi(struct gen_producer *producer);

/* ---- The plain loop of TANDEM_GEN_IOC_BENCH (bench.c) ---- */

long gen_bench(struct tandem_file *file, struct tandem_gen_bench __user *arg);

/* ---- Bytes that can be read, written and mapped (store.c) ---- */

int gen_store_init(void);
void gen_store_exit(void);
ssize_t gen_store_read_iter(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *to);
ssize_t gen_store_write_iter(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *from);
loff_t gen_store_llseek(struct tandem_file *file, loff_t offset, int whence);
int gen_store_mmap(struct tandem_file *file, struct vm_area_struct *vma);

/* ---- DeviceIoControl, and poll, which one of its codes sets (control.c) ---- */

long gen_control(struct tandem_file *file, struct tandem_control *control);
__poll_t gen_poll(struct tandem_file *file, struct poll_table_struct *wait);

#endif /* _TANDEM_HALVES_GEN_H */
