/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Server session: a process that is a device's user half, from BIND to its death.
 */
#ifndef _TANDEM_SERVER_H
#define _TANDEM_SERVER_H

#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct tandem_bind;
struct tandem_device;
struct tandem_post;

/**
 * struct tandem_server - an open control node, and the session it may have
 * @bind_lock: one BIND at a time; outside all other locks
 * @dev: the device, referenced; NULL until bound, then set until the fd is closed. Published
 *	with release
 * @generation: number of the session; it has ended when this is not the device's server any more
 * @pid: server process
 * @uid: its uid
 * @comm: its name
 *
 * All but @bind_lock is written once, before @dev.
 */
struct tandem_server {
	struct mutex bind_lock;	/* one BIND at a time */
	struct tandem_device *dev;
	u32 generation;
	struct pid *pid;
	kuid_t uid;
	char comm[TASK_COMM_LEN];
};

struct tandem_server *tandem_server_create(void);
void tandem_server_destroy(struct tandem_server *server);
int tandem_server_bind(struct tandem_server *server, struct tandem_bind *args);
int tandem_server_attach(struct tandem_server *server, struct tandem_device *dev);
int tandem_server_may_remove(const struct tandem_server *server, struct tandem_device *dev);
int tandem_server_post(struct tandem_server *server, const struct tandem_post *args);
void tandem_server_process_exit(struct tandem_server *server);

#endif /* _TANDEM_SERVER_H */
