// SPDX-License-Identifier: GPL-2.0
/*
 * Server session: bind, post, death.
 */
#include <linux/cred.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "device.h"
#include "netlink.h"
#include "queue.h"
#include "schema.h"
#include "server.h"
#include "trace.h"

static unsigned int request_deadline = 30000;
module_param(request_deadline, uint, 0644);
MODULE_PARM_DESC(request_deadline,
		 "Milliseconds that a request may take if its server does not say (30000)");

static unsigned long max_queue_bytes = 256UL << 20;
module_param(max_queue_bytes, ulong, 0644);
MODULE_PARM_DESC(max_queue_bytes, "Bytes in the queues of one server (256 MiB)");

#define TANDEM_BIND_FLAGS_CREATE							\
	(TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE | TANDEM_BIND_MAY_BLOCK | TANDEM_BIND_WAIT)
#define TANDEM_BIND_FLAGS								\
	(TANDEM_BIND_FLAGS_CREATE | TANDEM_BIND_SEEKABLE | TANDEM_BIND_ALL_COMMANDS)

/* Payloads up to this are posted from the stack. */
#define TANDEM_POST_STACK	256

/**
 * tandem_deadline() - a deadline as the kernel counts
 * @ns: nanoseconds, 0 for the default, or TANDEM_FOREVER
 *
 * Return: jiffies, at least 1, or MAX_SCHEDULE_TIMEOUT for no limit.
 */
unsigned long tandem_deadline(u64 ns)
{
	u64 n;

	if (!ns)
		return max(1UL, msecs_to_jiffies(READ_ONCE(request_deadline)));
	if (ns == TANDEM_FOREVER)
		return MAX_SCHEDULE_TIMEOUT;
	n = nsecs_to_jiffies64(ns) + 1;
	/* Moments are compared by their difference. */
	return min_t(u64, n, MAX_JIFFY_OFFSET / 2);
}

static void tandem_server_end(struct tandem_server *server, int error);

static void tandem_server_watched(struct work_struct *work)
{
	struct tandem_server *server = container_of(to_delayed_work(work), struct tandem_server,
						    watch);
	bool left = false;
	unsigned int i;

	WRITE_ONCE(server->watching, false);
	/* Pairs with the queue's lock: who is not seen in a slot here sees that nobody watches. */
	smp_mb();
	if (READ_ONCE(server->broken))
		tandem_server_end(server, -EIO);
	for (i = 0; i < server->queue_count; i++)
		left |= tandem_queue_expire(server->queues[i]);
	if (left) {
		WRITE_ONCE(server->watching, true);
		schedule_delayed_work(&server->watch, server->period);
	}
}

/**
 * tandem_server_watch() - something in a queue has a deadline
 * @server: the session, which has not ended: a queue's lock is held
 */
void tandem_server_watch(struct tandem_server *server)
{
	if (READ_ONCE(server->watching))
		return;
	WRITE_ONCE(server->watching, true);
	schedule_delayed_work(&server->watch, server->period);
}

/**
 * tandem_server_break() - the server is where it cannot be: its session will end
 * @server: the session, which has not ended: a queue's lock is held
 */
void tandem_server_break(struct tandem_server *server)
{
	WRITE_ONCE(server->broken, true);
	cancel_delayed_work(&server->watch);
	schedule_delayed_work(&server->watch, 0);
}

struct tandem_server *tandem_server_create(void)
{
	struct tandem_server *server = kzalloc(sizeof(*server), GFP_KERNEL_ACCOUNT);

	if (server) {
		refcount_set(&server->refs, 1);
		mutex_init(&server->bind_lock);
		INIT_DELAYED_WORK(&server->watch, tandem_server_watched);
	}
	return server;
}

/**
 * tandem_server_put() - drop a reference
 * @server: a session
 */
void tandem_server_put(struct tandem_server *server)
{
	if (!refcount_dec_and_test(&server->refs))
		return;
	tandem_schema_destroy(server->schema);
	kfree(server->queues);
	kfree(server);
}

static void tandem_server_release_queues(struct tandem_server *server)
{
	unsigned int i;

	for (i = 0; i < server->queue_count; i++)
		tandem_queue_release(server->queues[i]);
}

/* Makes what a server that answers requests needs. Return: 0, or as TANDEM_IOC_BIND says. */
static int tandem_server_equip(struct tandem_server *server, struct tandem_bind *args)
{
	unsigned long deadline;
	struct tandem_queue *q;
	int ret = 0;

	if (args->queues > TANDEM_QUEUES_MAX || !is_power_of_2(args->depth) ||
	    args->depth > TANDEM_DEPTH_MAX || !is_power_of_2(args->slot_size) ||
	    args->slot_size < TANDEM_SLOT_SIZE_MIN || args->slot_size > TANDEM_SLOT_SIZE_MAX ||
	    args->operations >= BIT(TANDEM_OPS))
		return -EINVAL;
	if ((u64)args->queues * args->depth * args->slot_size > READ_ONCE(max_queue_bytes))
		return -E2BIG;

	server->schema = tandem_schema_create(args);
	if (IS_ERR(server->schema)) {
		ret = PTR_ERR(server->schema);
		server->schema = NULL;
		return ret;
	}
	server->queues = kcalloc(args->queues, sizeof(*server->queues), GFP_KERNEL_ACCOUNT);
	if (!server->queues)
		ret = -ENOMEM;
	while (!ret && server->queue_count < args->queues) {
		q = tandem_queue_create(server, args);
		if (IS_ERR(q))
			ret = PTR_ERR(q);
		else
			server->queues[server->queue_count++] = q;
	}
	if (ret)
		return ret;
	server->flags = args->flags;
	server->operations = args->operations;
	server->deadline = tandem_deadline(args->deadline);
	deadline = min(server->deadline, tandem_schema_deadline(server->schema));
	server->period = clamp_t(unsigned long, deadline / 8, 1, HZ);
	args->server_size = server->queues[0]->server_size;
	args->kernel_size = server->queues[0]->kernel_size;
	return 0;
}

/* Undoes it, for a BIND that failed. */
static void tandem_server_unequip(struct tandem_server *server)
{
	tandem_server_release_queues(server);
	server->queue_count = 0;
	kfree(server->queues);
	server->queues = NULL;
	tandem_schema_destroy(server->schema);
	server->schema = NULL;
}

static void tandem_server_end_queues(struct tandem_server *server, int error)
{
	unsigned int i;

	for (i = 0; i < server->queue_count; i++)
		tandem_queue_end(server->queues[i], error);
}

/* Ends the session, if it has not ended yet. What is in flight fails with @error. */
static void tandem_server_end(struct tandem_server *server, int error)
{
	struct tandem_device *dev = server->dev;

	mutex_lock(&dev->lock);
	if (rcu_access_pointer(dev->server) == server) {
		/* First, so that whoever finds a queue ended finds no server there. */
		RCU_INIT_POINTER(dev->server, NULL);
		tandem_server_end_queues(server, error);
		trace_tandem_server_gone(dev, server);
		tandem_netlink_server(TANDEM_CMD_SERVER_GONE, dev, server);
	}
	mutex_unlock(&dev->lock);
	wake_up_all(&dev->changes);
}

/**
 * tandem_server_withdraw() - the device goes: what is in flight fails
 * @dev: the device; its lock is held
 */
void tandem_server_withdraw(struct tandem_device *dev)
{
	struct tandem_server *server;

	server = rcu_dereference_protected(dev->server, lockdep_is_held(&dev->lock));
	if (server)
		tandem_server_end_queues(server, -ENODEV);
}

/**
 * tandem_server_destroy() - the last user of the fd is gone
 * @server: from tandem_server_create()
 */
void tandem_server_destroy(struct tandem_server *server)
{
	if (server->dev) {
		tandem_server_end(server, -EIO);
		if (server->queue_count)
			/* Who finds a queue by the device does so under RCU. */
			synchronize_rcu();
		/* Nothing begins to watch a session that has ended. */
		cancel_delayed_work_sync(&server->watch);
		tandem_server_release_queues(server);
		tandem_device_put(server->dev);
		put_pid(server->pid);
		put_pid_ns(server->pid_ns);
		put_user_ns(server->user_ns);
	}
	tandem_server_put(server);
}

/**
 * tandem_server_process_exit() - a process closes the fd because it exits
 * @server: from tandem_server_create()
 *
 * If it is the server, the session ends with its last thread, though a child may hold the fd.
 */
void tandem_server_process_exit(struct tandem_server *server)
{
	/* Pairs with the release in tandem_server_attach(). */
	if (smp_load_acquire(&server->dev) && server->pid == task_tgid(current) &&
	    !atomic_read(&current->signal->live))
		tandem_server_end(server, -EIO);
}

/* Makes the current process the one that serves. */
static void tandem_server_take(struct tandem_server *server, struct tandem_device *dev)
{
	lockdep_assert_held(&dev->lock);
	WRITE_ONCE(server->pid, get_pid(task_tgid(current)));
	server->pid_ns = get_pid_ns(task_active_pid_ns(current));
	server->user_ns = get_user_ns(current_user_ns());
	server->uid = current_uid();
	get_task_comm(server->comm, current);
}

/**
 * tandem_server_attach() - make the current process the server of a device
 * @server: not bound yet; its bind_lock is held
 * @dev: the device, in the registry, whose lock is held
 *
 * Return: 0 or -EBUSY.
 */
int tandem_server_attach(struct tandem_server *server, struct tandem_device *dev)
{
	int ret = 0;

	lockdep_assert_held(&server->bind_lock);
	mutex_lock(&dev->lock);
	if (rcu_access_pointer(dev->server)) {
		ret = -EBUSY;
	} else {
		server->generation = dev->generation + 1;
		WRITE_ONCE(dev->generation, server->generation);
		tandem_server_take(server, dev);
		tandem_device_get(dev);
		if (server->queue_count) {
			WRITE_ONCE(dev->served, true);
			WRITE_ONCE(dev->deadline, server->deadline);
			WRITE_ONCE(dev->seekable, server->flags & TANDEM_BIND_SEEKABLE);
		}
		rcu_assign_pointer(dev->server, server);
		/* Who sees dev sees the rest. Pairs with the acquires in this file. */
		smp_store_release(&server->dev, dev);
		trace_tandem_server_bound(dev, server);
		tandem_netlink_server(TANDEM_CMD_SERVER_BOUND, dev, server);
	}
	mutex_unlock(&dev->lock);
	wake_up_all(&dev->changes);
	return ret;
}

/**
 * tandem_server_session() - has the fd a session?
 * @server: of the caller's fd
 *
 * Return: 0, -ENOTCONN, or -ESTALE if it has ended.
 */
int tandem_server_session(struct tandem_server *server)
{
	/* Pairs with the release in tandem_server_attach(). */
	struct tandem_device *dev = smp_load_acquire(&server->dev);

	if (!dev)
		return -ENOTCONN;
	if (READ_ONCE(dev->gone))
		return -ENODEV;
	return rcu_access_pointer(dev->server) == server ? 0 : -ESTALE;
}

/**
 * tandem_server_queue() - a queue by its number
 * @server: of the caller's fd
 * @index: from user space
 *
 * Return: the queue, or ERR_PTR: -ENOTCONN, -EINVAL.
 */
struct tandem_queue *tandem_server_queue(struct tandem_server *server, unsigned long index)
{
	/* Pairs with the release in tandem_server_attach(). */
	if (!smp_load_acquire(&server->dev))
		return ERR_PTR(-ENOTCONN);
	if (index >= server->queue_count)
		return ERR_PTR(-EINVAL);
	return server->queues[array_index_nospec(index, server->queue_count)];
}

/**
 * tandem_server_adopt() - TANDEM_IOC_ADOPT
 * @server: of the caller's fd
 * @args: the argument; its out fields are set
 */
int tandem_server_adopt(struct tandem_server *server, struct tandem_adopt *args)
{
	int ret = tandem_server_session(server);
	struct tandem_device *dev;

	if (ret)
		return ret;
	if (args->flags)
		return -EINVAL;
	dev = server->dev;
	mutex_lock(&dev->lock);
	if (rcu_access_pointer(dev->server) != server) {
		ret = -ESTALE;
	} else if (server->pid != task_tgid(current)) {
		struct pid *pid = server->pid;

		put_pid_ns(server->pid_ns);
		put_user_ns(server->user_ns);
		tandem_server_take(server, dev);
		put_pid(pid);
	}
	mutex_unlock(&dev->lock);
	args->generation = server->generation;
	args->queues = server->queue_count;
	args->operations = server->operations;
	if (server->queue_count) {
		args->depth = server->queues[0]->depth;
		args->slot_size = server->queues[0]->slot_size;
		args->server_size = server->queues[0]->server_size;
		args->kernel_size = server->queues[0]->kernel_size;
	}
	return ret;
}

/**
 * tandem_server_unbind() - TANDEM_IOC_UNBIND
 * @server: of the caller's fd
 */
int tandem_server_unbind(struct tandem_server *server)
{
	int ret = tandem_server_session(server);
	unsigned int i;

	if (ret)
		return ret;
	for (i = 0; i < server->queue_count; i++)
		tandem_queue_take(server->queues[i]);
	tandem_server_end(server, -EIO);
	return 0;
}

/**
 * tandem_server_bind() - TANDEM_IOC_BIND
 * @server: of the caller's fd
 * @args: the argument; its out fields are set
 */
int tandem_server_bind(struct tandem_server *server, struct tandem_bind *args)
{
	struct tandem_device_info info = {
		.name = args->name,
		.mode = args->mode,
		.uid = make_kuid(current_user_ns(), args->uid),
		.gid = make_kgid(current_user_ns(), args->gid),
		.events_mode = args->events_mode,
		.may_block = args->flags & TANDEM_BIND_MAY_BLOCK,
		.clients_wait = args->flags & TANDEM_BIND_WAIT,
	};
	int ret;

	if (args->flags & ~TANDEM_BIND_FLAGS ||
	    (args->flags & TANDEM_BIND_FLAGS_CREATE && !(args->flags & TANDEM_BIND_CREATE)) ||
	    args->mode & ~0777 || args->events_mode & ~0444 || args->reserved)
		return -EINVAL;
	if (!args->queues && (args->flags & (TANDEM_BIND_SEEKABLE | TANDEM_BIND_ALL_COMMANDS) ||
			      args->depth || args->slot_size || args->operations ||
			      args->deadline || args->commands || args->commands_count))
		return -EINVAL;

	mutex_lock(&server->bind_lock);
	if (server->dev) {
		ret = -EALREADY;
	} else {
		ret = args->queues ? tandem_server_equip(server, args) : 0;
		if (!ret)
			ret = tandem_device_bind(&info, args->flags, server);
		if (ret)
			tandem_server_unequip(server);
	}
	args->generation = server->generation;
	mutex_unlock(&server->bind_lock);
	return ret;
}

/**
 * tandem_server_may_remove() - may this fd remove a device?
 * @server: of the caller's fd
 * @dev: a device that a server made
 *
 * Return: 0, or -EBUSY if another fd is its server.
 */
int tandem_server_may_remove(const struct tandem_server *server, struct tandem_device *dev)
{
	const struct tandem_server *bound = rcu_access_pointer(dev->server);

	return !bound || bound == server ? 0 : -EBUSY;
}

/**
 * tandem_server_post() - TANDEM_IOC_POST
 * @server: of the caller's fd
 * @args: the argument
 */
int tandem_server_post(struct tandem_server *server, const struct tandem_post *args)
{
	/* Pairs with the release in tandem_server_attach(). */
	struct tandem_device *dev = smp_load_acquire(&server->dev);
	u8 stack[TANDEM_POST_STACK];
	void *data = stack;
	int idx, ret = 0;

	if (args->flags & ~TANDEM_POST_WAIT || (args->timeout && !args->flags) ||
	    args->type >= TANDEM_TYPES || args->event_class >= TANDEM_CLASSES ||
	    (!args->data && args->len))
		return -EINVAL;
	if (args->len > TANDEM_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (!dev)
		return -ENOTCONN;

	/* Before the post, whose context must not fault. */
	if (args->len > sizeof(stack))
		data = vmemdup_user(u64_to_user_ptr(args->data), args->len);
	else if (copy_from_user(data, u64_to_user_ptr(args->data), args->len))
		data = ERR_PTR(-EFAULT);
	if (IS_ERR(data))
		return PTR_ERR(data);

	idx = srcu_read_lock(&dev->srcu);
	if (READ_ONCE(dev->gone))
		ret = -ENODEV;
	else if (rcu_access_pointer(dev->server) != server)
		ret = -ESTALE;
	else if (!args->flags)
		tandem_post(dev, args->type, args->event_class, data, args->len);
	srcu_read_unlock(&dev->srcu, idx);
	/* Not in the SRCU section: who removes the device waits for that. */
	if (!ret && args->flags) {
		ret = tandem_post_wait(dev, args->type, args->event_class, data, args->len,
				       args->timeout);
		if (READ_ONCE(dev->gone))
			ret = -ENODEV;
	}
	if (data != stack)
		kvfree(data);
	return ret;
}
