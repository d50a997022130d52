// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel half that counts in a section, and uses a list there, while user space does. It does so
 * in the caller's context and in interrupts, which come while any of them is at it.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/smp.h>

#include <slist.h>
#include <tandem.h>

#include "interlocked.h"

static struct tandem_device *interlocked_dev;
static struct tandem_section *interlocked_section;

/**
 * struct run - what INTERLOCKED_RUN does
 * @page: the section
 * @list: in it
 * @interrupts: see &struct interlocked_done
 * @nodes: likewise
 * @wrong: likewise
 */
struct run {
	struct interlocked_page *page;
	struct tandem_slist list;
	atomic64_t interrupts;
	atomic64_t nodes;
	atomic64_t wrong;
};

/* The threads change the list all the time, and an instrumented kernel is slow to. */
static int put_back(struct run *run, struct tandem_slist_entry *entry)
{
	int ret;

	do
		ret = tandem_slist_push(&run->list, entry);
	while (ret == -EBUSY);
	return ret;
}

static void use_list(struct run *run)
{
	struct tandem_slist_chain chain = tandem_slist_flush(&run->list);
	struct tandem_slist_entry *entry;
	struct interlocked_node *node;
	int ret;

	while ((ret = tandem_slist_next(&chain, &entry)) > 0) {
		node = container_of(entry, struct interlocked_node, entry);
		if (xchg(&node->owner, U32_MAX) || xchg(&node->owner, 0) != U32_MAX ||
		    put_back(run, entry) < 0)
			atomic64_inc(&run->wrong);
		atomic64_inc(&run->nodes);
	}
	if (ret)
		atomic64_inc(&run->wrong);
}

static void one_round(struct run *run, unsigned int bit)
{
	struct interlocked_page *page = run->page;
	unsigned long *bits = (unsigned long *)&page->bits;
	s16 s16 = READ_ONCE(page->s16);
	s8 s8 = READ_ONCE(page->s8);

	atomic64_inc_return((atomic64_t *)&page->s64);
	atomic_add(3, (atomic_t *)&page->s32);
	while (!try_cmpxchg(&page->s16, &s16, s16 + 1))
		;
	while (!try_cmpxchg(&page->s8, &s8, s8 + 1))
		;
	if (test_and_set_bit(bit, bits) || !test_and_clear_bit(bit, bits))
		atomic64_inc(&run->wrong);
	use_list(run);
}

static void in_interrupt_round(void *data)
{
	struct run *run = data;

	one_round(run, INTERLOCKED_BIT + smp_processor_id() % INTERLOCKED_BITS);
	atomic64_inc(&run->interrupts);
}

static long interlocked_run(struct run *run, u64 rounds, struct interlocked_done *done)
{
	u64 i;

	for (i = 0; i < rounds && !fatal_signal_pending(current); i++) {
		one_round(run, INTERLOCKED_BIT_TASK);
		if (i % 16 == 0)
			on_each_cpu(in_interrupt_round, run, true);
		cond_resched();
	}
	done->interrupts = atomic64_read(&run->interrupts);
	done->rounds = i + done->interrupts;
	done->nodes = atomic64_read(&run->nodes);
	done->wrong = atomic64_read(&run->wrong);
	return 0;
}

static long interlocked_control(struct tandem_file *file, struct tandem_control *control)
{
	static DEFINE_MUTEX(lock);	/* one INTERLOCKED_RUN at a time: it has one bit */
	struct interlocked_run args;
	struct run run = { };
	struct page *page;
	long ret;

	if (control->code != INTERLOCKED_RUN)
		return -ENOTTY;
	if (control->in_len != sizeof(args) || control->out_len != sizeof(struct interlocked_done))
		return -EINVAL;
	memcpy(&args, control->in, sizeof(args));
	if (!PAGE_ALIGNED(args.address))
		return -EINVAL;
	/* The section's page, by way of the caller's mapping. */
	ret = pin_user_pages_fast(args.address, 1, FOLL_WRITE | FOLL_LONGTERM, &page);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	run.page = page_address(page);
	ret = tandem_slist_init(&run.list, run.page, PAGE_SIZE,
				offsetof(struct interlocked_page, list),
				sizeof(struct interlocked_node));
	if (!ret) {
		mutex_lock(&lock);
		ret = interlocked_run(&run, args.rounds, control->out);
		mutex_unlock(&lock);
		control->returned = sizeof(struct interlocked_done);
	}
	unpin_user_pages_dirty_lock(&page, 1, true);
	return ret;
}

static int interlocked_mmap(struct tandem_file *file, struct vm_area_struct *vma)
{
	return tandem_section_mmap(interlocked_section, vma);
}

static const struct tandem_device_ops interlocked_ops = {
	.owner = THIS_MODULE,
	.control = interlocked_control,
	.mmap = interlocked_mmap,
};

static int __init interlocked_init(void)
{
	const struct tandem_device_info info = {
		.name = "interlocked",
		.mode = 0600,
		.ops = &interlocked_ops,
	};

	interlocked_section = tandem_section_create("tandem-interlocked", PAGE_SIZE);
	if (IS_ERR(interlocked_section))
		return PTR_ERR(interlocked_section);
	interlocked_dev = tandem_device_register(&info);
	if (IS_ERR(interlocked_dev)) {
		tandem_section_destroy(interlocked_section);
		return PTR_ERR(interlocked_dev);
	}
	return 0;
}

static void __exit interlocked_exit(void)
{
	tandem_device_unregister(interlocked_dev);
	tandem_section_destroy(interlocked_section);
}

module_init(interlocked_init);
module_exit(interlocked_exit);

MODULE_DESCRIPTION("Tandem kernel half for tests: counts in memory that user space counts in");
MODULE_AUTHOR("The Tandem developers");
MODULE_LICENSE("GPL");
