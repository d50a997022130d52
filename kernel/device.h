/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Device: registry, node, lifetime.
 */
#ifndef _TANDEM_DEVICE_H
#define _TANDEM_DEVICE_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "grant.h"
#include "tandem.h"

struct tandem_server;
struct tandem_subscription;

/**
 * struct tandem_device - a device
 * @listeners: its subscriptions, NULL if there are none; the first member, see tandem_listening().
 *	Written under @lock, read under RCU with preemption off
 * @posted: events posted while somebody listened, by CPU
 * @ops: the kernel half's; NULL: a server made the device. Valid in an SRCU section in which @gone
 *	is false, and while @owner is held
 * @owner: the kernel half's module, held by each open file and subscription
 * @module: its name, which is told when @owner may be gone; empty if there is none
 * @data: the kernel half's
 * @cdev: the node; holds @dev
 * @dev: carries the reference count
 * @id: minor, and index in the registry
 * @events_mode: who may subscribe
 * @may_block: consumers may hold posters up
 * @mode: of the node
 * @uid: of the node
 * @gid: of the node
 * @srcu: operations that run
 * @gone: no operation begins any more. Set under the registry's lock and @lock
 * @open_files: how many
 * @user_half: a server may bind, though there is a kernel half
 * @clients_wait: clients wait for a server while there is none
 * @changes: who polls a file waits here too, for the device or the server to go or come
 * @clients: open files by their number for the user half
 * @next_client: number of the next one; protected by the array's lock
 * @shelf: sections of its servers
 * @served: there has been a server that answers requests
 * @seekable: of the last one: files have a position
 * @deadline: of the last one, in jiffies
 * @lock: protects what follows, and @listeners. Nests in the registry's lock
 * @subscriptions: list of &tandem_subscription.node
 * @subscription_count: its length
 * @subscription_seq: how many there have been
 * @server: the server session that is bound, or NULL; read under RCU too
 * @generation: of the last server session
 */
struct tandem_device {
	struct tandem_listeners __rcu *listeners;
	u64 __percpu *posted;

	const struct tandem_device_ops *ops;
	struct module *owner;
	char module[MODULE_NAME_LEN];
	void *data;
	struct cdev cdev;
	struct device dev;
	u32 id;
	umode_t events_mode;
	bool may_block;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	struct srcu_struct srcu;
	bool gone;
	atomic_t open_files;
	bool user_half;
	bool clients_wait;
	wait_queue_head_t changes;
	struct xarray clients;
	u32 next_client;
	struct tandem_shelf shelf;
	bool served;
	bool seekable;
	unsigned long deadline;

	struct mutex lock;	/* see above */
	struct list_head subscriptions;
	unsigned int subscription_count;
	u64 subscription_seq;
	struct tandem_server __rcu *server;
	u32 generation;
};

static inline const char *tandem_device_name(const struct tandem_device *dev)
{
	return dev_name(&dev->dev);
}

static inline void tandem_device_get(struct tandem_device *dev)
{
	get_device(&dev->dev);
}

static inline void tandem_device_put(struct tandem_device *dev)
{
	put_device(&dev->dev);
}

int tandem_name_check(const char *name);
struct tandem_device *tandem_device_find(const char *name);
struct tandem_device *tandem_device_next(u32 *id);
int tandem_device_bind(const struct tandem_device_info *info, u32 flags,
		       struct tandem_server *server);
int tandem_device_remove(const char *name, struct tandem_server *server);
bool tandem_device_may_subscribe(struct tandem_device *dev, struct file *filp);

int tandem_devices_init(void);
void tandem_devices_exit(void);

#endif /* _TANDEM_DEVICE_H */
