/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Server session: a process that is a device's user half, from BIND to its death.
 */
#ifndef _TANDEM_SERVER_H
#define _TANDEM_SERVER_H

#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

struct pid_namespace;
struct tandem_adopt;
struct tandem_bind;
struct tandem_device;
struct tandem_post;
struct tandem_queue;
struct tandem_schema;
struct user_namespace;

/**
 * struct tandem_server - an open control node, and the session it may have
 * @bind_lock: one BIND at a time; outside all other locks
 * @dev: the device, referenced; NULL until bound, then set until the fd is closed. Published
 *	with release
 * @refs: the fd's, and one for each queue
 * @generation: number of the session; it has ended when this is not the device's server any more
 * @flags: &enum tandem_bind_flags
 * @operations: mask of &enum tandem_op
 * @deadline: jiffies that a request may take, MAX_SCHEDULE_TIMEOUT for no limit
 * @queue_count: 0: it answers no requests
 * @queues: to be found under RCU by &tandem_device.server
 * @schema: its commands
 * @watch: ends what has taken too long, and the session if a queue is broken
 * @watching: @watch will run; see tandem_server_watch()
 * @period: jiffies between its runs
 * @broken: the server is where it cannot be
 * @pid: server process; it and what follows are written under &tandem_device.lock
 * @pid_ns: its pid namespace
 * @user_ns: its user namespace
 * @uid: its uid
 * @comm: its name
 *
 * All between @bind_lock and @watch is written once, before @dev.
 */
struct tandem_server {
	struct mutex bind_lock;	/* one BIND at a time */
	struct tandem_device *dev;
	refcount_t refs;
	u32 generation;
	u32 flags;
	u32 operations;
	unsigned long deadline;
	unsigned int queue_count;
	struct tandem_queue **queues;
	struct tandem_schema *schema;

	struct delayed_work watch;
	bool watching;
	unsigned long period;
	bool broken;

	struct pid *pid;
	struct pid_namespace *pid_ns;
	struct user_namespace *user_ns;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
};

static inline void tandem_server_get(struct tandem_server *server)
{
	refcount_inc(&server->refs);
}

/* Where requests of who runs here go; only if there are queues. */
static inline struct tandem_queue *tandem_server_local_queue(const struct tandem_server *server)
{
	return server->queues[raw_smp_processor_id() % server->queue_count];
}

unsigned long tandem_deadline(u64 ns);

struct tandem_server *tandem_server_create(void);
void tandem_server_destroy(struct tandem_server *server);
void tandem_server_put(struct tandem_server *server);
int tandem_server_bind(struct tandem_server *server, struct tandem_bind *args);
int tandem_server_attach(struct tandem_server *server, struct tandem_device *dev);
int tandem_server_adopt(struct tandem_server *server, struct tandem_adopt *args);
int tandem_server_unbind(struct tandem_server *server);
int tandem_server_may_remove(const struct tandem_server *server, struct tandem_device *dev);
int tandem_server_post(struct tandem_server *server, const struct tandem_post *args);
void tandem_server_process_exit(struct tandem_server *server);
void tandem_server_withdraw(struct tandem_device *dev);

void tandem_server_watch(struct tandem_server *server);
void tandem_server_break(struct tandem_server *server);

struct tandem_queue *tandem_server_queue(struct tandem_server *server, unsigned long index);
int tandem_server_session(struct tandem_server *server);

#endif /* _TANDEM_SERVER_H */
