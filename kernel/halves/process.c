// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel half "process": tells when processes and threads begin, become another program, and end.
 *
 * Ids are what a consumer counts: every id that FORK announced ends with exactly one EXIT. The
 * scheduler tells of tasks, and the two differ in one place: the first thread of a process may end
 * before the others, or give its id to another thread that calls exec. Its EXIT is the process's,
 * so it waits for the last thread, in the table of parked processes.
 */
#include <linux/atomic.h>
#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/tracepoint.h>
#include <linux/uidgid.h>
#include <trace/events/sched.h>

#include <linux/tandem.h>

#include "compat/exit.h"
#include "tandem.h"

/* With its NUL. */
#define FILENAME_SIZE	4096

/* Room for processes without their first thread, and how far from its hash one may be. */
#define PARKED_BITS	10
#define PARKED_PROBES	16

static struct tandem_device *device;

/*
 * Processes whose first thread has ended while others live. Whoever moves a slot by cmpxchg has
 * done it, so that each process is taken out once. There is no lock: the probes run in every
 * process of the machine.
 */
static struct parked {
	/* The first thread, by reference; NULL in a slot that is free. */
	struct task_struct *leader;
	/* Its process, never looked into: the name under which others find the slot. */
	struct signal_struct *signal;
	struct rcu_head rcu;
} parked[1 << PARKED_BITS];

static struct parked *parked_slot(struct signal_struct *signal, unsigned int probe)
{
	return &parked[(hash_ptr(signal, PARKED_BITS) + probe) % ARRAY_SIZE(parked)];
}

/* False if there is no room. Orders what follows after it, as exit_probe() wants. */
static bool park(struct task_struct *leader)
{
	unsigned int i;

	for (i = 0; i < PARKED_PROBES; i++) {
		struct parked *slot = parked_slot(leader->signal, i);

		if (cmpxchg(&slot->leader, NULL, leader))
			continue;
		get_task_struct(leader);
		/* Also orders leader before signal, for unpark(). */
		smp_store_mb(slot->signal, leader->signal);
		return true;
	}
	return false;
}

/* A task must not be let go in a probe, where preemption may be off: that sleeps on PREEMPT_RT. */
static void free_slot(struct rcu_head *rcu)
{
	struct parked *slot = container_of(rcu, struct parked, rcu);

	put_task_struct(slot->leader);
	/* Pairs with the cmpxchg() of park(), whose slot it is then. */
	smp_store_release(&slot->leader, NULL);
}

/* The first thread, for one caller of each park(), as long as RCU is locked; else NULL. */
static struct task_struct *unpark(struct signal_struct *signal)
{
	struct task_struct *leader;
	unsigned int i;

	for (i = 0; i < PARKED_PROBES; i++) {
		struct parked *slot = parked_slot(signal, i);

		if (READ_ONCE(slot->signal) != signal)
			continue;
		if (cmpxchg(&slot->signal, signal, NULL) != signal)
			return NULL;
		leader = slot->leader;
		call_rcu(&slot->rcu, free_slot);
		return leader;
	}
	return NULL;
}

/* No probe runs any more. */
static void unpark_all(void)
{
	unsigned int i;

	rcu_barrier();
	for (i = 0; i < ARRAY_SIZE(parked); i++)
		if (parked[i].leader)
			put_task_struct(parked[i].leader);
}

static enum tandem_class class_of(const struct tandem_process_event *event)
{
	return event->flags & TANDEM_PROCESS_THREAD ? TANDEM_CLASS_BULK : TANDEM_CLASS_NORMAL;
}

static void describe(struct tandem_process_event *event, struct task_struct *task)
{
	*event = (struct tandem_process_event){
		.pid = task_pid_nr(task),
		.tgid = task_tgid_nr(task),
		.ppid = task_ppid_nr(task),
		.uid = from_kuid(&init_user_ns, task_uid(task)),
		.flags = thread_group_leader(task) ? 0 : TANDEM_PROCESS_THREAD,
		.start_time = task->start_boottime,
	};
	static_assert(sizeof(event->comm) == sizeof(task->comm));
	/*
	 * Without task_lock(), which sleeps on PREEMPT_RT: a task that is renamed at this moment
	 * shows a mixture of both names, with a NUL at the end.
	 */
	data_race(memcpy(event->comm, task->comm, sizeof(event->comm)));
	event->comm[sizeof(event->comm) - 1] = 0;
}

static void describe_exit(struct tandem_process_event *event, int code)
{
	event->exit_code = (code >> 8) & 0xff;
	event->exit_signal = code & 0x7f;
	if (code & 0x80)
		event->flags |= TANDEM_PROCESS_COREDUMP;
}

static void post(unsigned int type, const struct tandem_process_event *event)
{
	tandem_post(device, type, class_of(event), event, sizeof(*event));
}

static void post_thread_exit(struct task_struct *task)
{
	struct tandem_process_event event;

	if (!tandem_listening(device))
		return;
	describe(&event, task);
	describe_exit(&event, task->exit_code);
	post(TANDEM_PROCESS_EXIT, &event);
}

static void post_process_exit(struct task_struct *leader)
{
	struct signal_struct *signal = leader->signal;
	struct tandem_process_event event;
	int code = leader->exit_code;

	if (!tandem_listening(device))
		return;
	/* The last thread that began to exit has set both, for good. */
	if (READ_ONCE(signal->flags) & SIGNAL_GROUP_EXIT)
		code = READ_ONCE(signal->group_exit_code);
	describe(&event, leader);
	describe_exit(&event, code);
	post(TANDEM_PROCESS_EXIT, &event);
}

static void fork_probe(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct tandem_process_event event;

	if (!tandem_listening(device))
		return;
	describe(&event, child);
	event.parent_tid = task_pid_nr(parent);
	post(TANDEM_PROCESS_FORK, &event);
}

/* A thread that calls exec takes the process's id once the others are gone, and loses its own. */
static void post_lost_id(struct task_struct *task, pid_t old_pid)
{
	struct tandem_process_event event;

	if (!tandem_listening(device))
		return;
	describe(&event, task);
	event.pid = old_pid;
	event.flags = TANDEM_PROCESS_THREAD;
	event.start_time = 0;
	post(TANDEM_PROCESS_EXIT, &event);
}

static void exec_probe(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	struct tandem_reservation reservation;
	struct tandem_process_event *event;
	size_t len;
	char *name;

	if (old_pid != task_pid_nr(task)) {
		unpark(task->signal);
		post_lost_id(task, old_pid);
	}
	if (!tandem_listening(device))
		return;
	len = strnlen(bprm->filename, FILENAME_SIZE - 1);
	reservation = tandem_reserve(device, TANDEM_PROCESS_EXEC, TANDEM_CLASS_NORMAL,
				     sizeof(*event) + len + 1);
	event = reservation.data;
	if (!event)
		return;
	describe(event, task);
	if (bprm->filename[len])
		event->flags |= TANDEM_PROCESS_TRUNCATED;
	name = (char *)(event + 1);
	memcpy(name, bprm->filename, len);
	name[len] = 0;
	tandem_commit(&reservation);
}

static void thread_exits(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct task_struct *leader;

	post_thread_exit(task);
	if (atomic_read(&signal->live))
		return;
	leader = unpark(signal);
	if (leader)
		post_process_exit(leader);
}

static void first_thread_exits(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct task_struct *former;

	if (!atomic_read(&signal->live)) {
		/*
		 * If an exec failed after this thread took the place of the one that was first,
		 * that one got its id in return.
		 */
		former = unpark(signal);
		if (former)
			post_lost_id(task, task_pid_nr(former));
		post_process_exit(task);
		return;
	}
	/* Without room it is better to tell too early than not at all. */
	if (!park(task) || (!atomic_read(&signal->live) && unpark(signal)))
		post_process_exit(task);
}

/*
 * Every task comes through here once, after do_exit() has taken it off signal->live. Of the threads
 * that see live at 0 and the first thread that parks its process, one posts the process's EXIT:
 * either they see the slot or the first thread sees live at 0, as the smp_store_mb() of park() and
 * the atomic_dec_and_test() of do_exit() are full barriers.
 */
static void exit_probe(COMPAT_EXIT_PROBE)
{
	rcu_read_lock();
	if (thread_group_leader(task))
		first_thread_exits(task);
	else
		thread_exits(task);
	rcu_read_unlock();
}

/* The scheduler's tracepoints are exported only to those who look for them by name. */
static struct probe {
	const char *name;
	void *function;
	struct tracepoint *tracepoint;
	bool registered;
} probes[] = {
	/* exit first: no process that fork tells of must end untold. */
	{ .name = "sched_process_exit", .function = exit_probe },
	{ .name = "sched_process_exec", .function = exec_probe },
	{ .name = "sched_process_fork", .function = fork_probe },
};

static void find_tracepoint(struct tracepoint *tracepoint, void *priv)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tracepoint->name, probes[i].name))
			probes[i].tracepoint = tracepoint;
}

static void unregister_probes(void)
{
	int i;

	for (i = ARRAY_SIZE(probes) - 1; i >= 0; i--)
		if (probes[i].registered)
			tracepoint_probe_unregister(probes[i].tracepoint, probes[i].function, NULL);
	tracepoint_synchronize_unregister();
}

static int register_probes(void)
{
	unsigned int i;
	int error;

	check_trace_callback_type_sched_process_exit(exit_probe);
	check_trace_callback_type_sched_process_exec(exec_probe);
	check_trace_callback_type_sched_process_fork(fork_probe);

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!probes[i].tracepoint) {
			pr_err("this kernel has no tracepoint %s\n", probes[i].name);
			error = -ENOENT;
			goto err_unregister;
		}
		error = tracepoint_probe_register(probes[i].tracepoint, probes[i].function, NULL);
		if (error)
			goto err_unregister;
		probes[i].registered = true;
	}
	return 0;

err_unregister:
	unregister_probes();
	unpark_all();
	return error;
}

static const struct tandem_device_ops process_ops = {
	.owner = THIS_MODULE,
};

static int __init process_init(void)
{
	const struct tandem_device_info info = {
		.name = "process",
		.mode = 0640,
		.uid = GLOBAL_ROOT_UID,
		.gid = GLOBAL_ROOT_GID,
		.events_mode = 0440,
		.ops = &process_ops,
	};
	int error;

	device = tandem_device_register(&info);
	if (IS_ERR(device))
		return PTR_ERR(device);
	error = register_probes();
	if (error)
		tandem_device_unregister(device);
	return error;
}

static void __exit process_exit(void)
{
	unregister_probes();
	unpark_all();
	tandem_device_unregister(device);
}

module_init(process_init);
module_exit(process_exit);

MODULE_DESCRIPTION("Tandem kernel half: processes that begin, become another program, and end");
MODULE_AUTHOR("The Tandem developers");
MODULE_LICENSE("GPL");
