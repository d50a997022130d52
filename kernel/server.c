// SPDX-License-Identifier: GPL-2.0
/*
 * Server session: bind, post, death.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "device.h"
#include "netlink.h"
#include "server.h"
#include "trace.h"

/* Payloads up to this are posted from the stack. */
#define TANDEM_POST_STACK	256

struct tandem_server *tandem_server_create(void)
{
	struct tandem_server *server = kzalloc(sizeof(*server), GFP_KERNEL_ACCOUNT);

	if (server)
		mutex_init(&server->bind_lock);
	return server;
}

/* Ends the session, if it has not ended yet. */
static void tandem_server_end(struct tandem_server *server)
{
	struct tandem_device *dev = server->dev;

	mutex_lock(&dev->lock);
	if (dev->server == server) {
		WRITE_ONCE(dev->server, NULL);
		trace_tandem_server_gone(dev, server);
		tandem_netlink_server(TANDEM_CMD_SERVER_GONE, dev, server);
	}
	mutex_unlock(&dev->lock);
}

/**
 * tandem_server_destroy() - the last user of the fd is gone
 * @server: from tandem_server_create()
 */
void tandem_server_destroy(struct tandem_server *server)
{
	if (server->dev) {
		tandem_server_end(server);
		tandem_device_put(server->dev);
	}
	put_pid(server->pid);
	kfree(server);
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
		tandem_server_end(server);
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
	if (dev->server) {
		ret = -EBUSY;
	} else {
		server->generation = ++dev->generation;
		server->pid = get_pid(task_tgid(current));
		server->uid = current_uid();
		get_task_comm(server->comm, current);
		tandem_device_get(dev);
		WRITE_ONCE(dev->server, server);
		/* Who sees dev sees the rest. Pairs with the acquires in this file. */
		smp_store_release(&server->dev, dev);
		trace_tandem_server_bound(dev, server);
		tandem_netlink_server(TANDEM_CMD_SERVER_BOUND, dev, server);
	}
	mutex_unlock(&dev->lock);
	return ret;
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
	};
	int ret;

	if (args->flags & ~(TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE | TANDEM_BIND_MAY_BLOCK) ||
	    (args->flags && !(args->flags & TANDEM_BIND_CREATE)) ||
	    args->mode & ~0777 || args->events_mode & ~0444)
		return -EINVAL;

	mutex_lock(&server->bind_lock);
	ret = server->dev ? -EALREADY : tandem_device_bind(&info, args->flags, server);
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
	const struct tandem_server *bound = READ_ONCE(dev->server);

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
	else if (READ_ONCE(dev->server) != server)
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
