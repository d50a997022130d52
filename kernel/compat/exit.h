/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TANDEM_COMPAT_EXIT_H
#define _TANDEM_COMPAT_EXIT_H

/*
 * The parameters of a probe of sched_process_exit: newer kernels say if the whole process is dead.
 * check_trace_callback_type_sched_process_exit() finds out at build time if this guess is wrong.
 */
#ifdef TANDEM_HAVE_EXIT_GROUP_DEAD
#define COMPAT_EXIT_PROBE	void *data, struct task_struct *task, bool group_dead
#else
#define COMPAT_EXIT_PROBE	void *data, struct task_struct *task
#endif

#endif /* _TANDEM_COMPAT_EXIT_H */
