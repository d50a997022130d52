/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TANDEM_COMPAT_EXIT_H
#define _TANDEM_COMPAT_EXIT_H

#include <linux/version.h>

/*
 * The parameters of a probe of sched_process_exit: 6.16 added whether the whole process is dead.
 * check_trace_callback_type_sched_process_exit() finds out at build time if this guess is wrong.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define COMPAT_EXIT_PROBE	void *data, struct task_struct *task, bool group_dead
#else
#define COMPAT_EXIT_PROBE	void *data, struct task_struct *task
#endif

#endif /* _TANDEM_COMPAT_EXIT_H */
