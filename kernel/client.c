// SPDX-License-Identifier: GPL-2.0
/*
 * Client: an open file of a device, and its operations as requests to the user half.
 *
 * No slot is held while a page of the client's is waited for, which may never come: data are copied
 * with page faults disabled, and where that fails the slot is given back first.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "client.h"
#include "device.h"
#include "fault.h"
#include "queue.h"
#include "request.h"
#include "schema.h"
#include "server.h"

/* Of a file that no server has spoken of. */
#define TANDEM_READY_DEFAULT	(EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM)

/**
 * tandem_client_create() - the client of a file that is being opened
 * @dev: the device
 * @filp: the file
 *
 * Return: the client, or NULL.
 */
struct tandem_client *tandem_client_create(struct tandem_device *dev, struct file *filp)
{
	struct tandem_client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);

	if (!client)
		return NULL;
	client->file.dev = dev;
	client->file.filp = filp;
	client->opener = get_pid(task_tgid(current));
	client->tag = UINT_MAX;
	client->ready = TANDEM_READY_DEFAULT;
	init_waitqueue_head(&client->wait);
	mutex_init(&client->announcing);
	return client;
}

/* Is there a server that answers OPEN? Others learn of a file with its first request. */
static bool tandem_client_wants_open(struct tandem_device *dev)
{
	const struct tandem_server *server;
	bool wants;

	rcu_read_lock();
	server = rcu_dereference(dev->server);
	wants = server && server->operations & BIT(TANDEM_OP_OPEN);
	rcu_read_unlock();
	return wants;
}

/**
 * tandem_client_open() - have the user half know of the file, if there is one
 * @client: from tandem_client_create()
 *
 * Return: 0 or -errno.
 */
int tandem_client_open(struct tandem_client *client)
{
	struct tandem_device *dev = client->file.dev;
	int ret;

	/* Now, as the file's last user cannot be told that there is no memory. */
	client->release = kzalloc(sizeof(*client->release), GFP_KERNEL_ACCOUNT);
	if (!client->release)
		return -ENOMEM;
	/* 0 is not an id, so that the kernel half can have it. */
	ret = xa_alloc_cyclic(&dev->clients, &client->id, client, XA_LIMIT(1, U32_MAX),
			      &dev->next_client, GFP_KERNEL_ACCOUNT);
	if (ret < 0)
		return ret;
	ret = tandem_client_wants_open(dev) ? tandem_client_announce(client) : 0;
	if (ret) {
		xa_erase(&dev->clients, client->id);
		client->id = 0;
	}
	return ret;
}

/* Tells the user half that a file is gone, if it knew of it. */
static void tandem_client_release(struct tandem_client *client)
{
	struct tandem_device *dev = client->file.dev;
	struct tandem_request *r = client->release;
	struct tandem_server *server;

	rcu_read_lock();
	server = rcu_dereference(dev->server);
	if (server && server->generation == client->generation &&
	    server->operations & BIT(TANDEM_OP_RELEASE)) {
		r->message.op = TANDEM_OP_RELEASE;
		tandem_client_sign(client, &r->message);
		r->deadline = MAX_SCHEDULE_TIMEOUT;
		r->notice = true;
		tandem_queue_notify(tandem_server_local_queue(server), r);
		client->release = NULL;
	}
	rcu_read_unlock();
}

/**
 * tandem_client_destroy() - the file is gone, or was not opened after all
 * @client: from tandem_client_create()
 */
void tandem_client_destroy(struct tandem_client *client)
{
	if (client->id) {
		xa_erase(&client->file.dev->clients, client->id);
		tandem_client_release(client);
	}
	put_pid(client->opener);
	kfree(client->release);
	kfree(client);
}

/* Who opened the file, as the server sees it. Return: the session's number, or 0. */
static u32 tandem_client_introduce(struct tandem_client *client)
{
	struct tandem_device *dev = client->file.dev;
	const struct cred *cred = client->file.filp->f_cred;
	struct tandem_server *server;
	u32 generation = 0;

	lockdep_assert_held(&client->announcing);
	mutex_lock(&dev->lock);
	server = rcu_dereference_protected(dev->server, lockdep_is_held(&dev->lock));
	if (server) {
		client->pid = pid_nr_ns(client->opener, server->pid_ns);
		client->uid = from_kuid_munged(server->user_ns, cred->euid);
		client->gid = from_kgid_munged(server->user_ns, cred->egid);
		generation = server->generation;
	}
	mutex_unlock(&dev->lock);
	return generation;
}

/**
 * tandem_client_announce() - send OPEN, so that the server that is there now knows of the file
 * @client: a file
 *
 * Return: 0, or -errno: the server's, or -EIO if the server that knew the file has died.
 */
int tandem_client_announce(struct tandem_client *client)
{
	struct tandem_device *dev = client->file.dev;
	unsigned int flags = READ_ONCE(client->file.filp->f_flags);
	struct tandem_request r = {
		.message = { .op = TANDEM_OP_OPEN, .code = flags },
		.client = client,
	};
	u32 generation;
	int ret = 0;

	if (mutex_lock_interruptible(&client->announcing))
		return -ERESTARTSYS;
	generation = tandem_client_introduce(client);
	if (!generation || generation == client->generation)
		goto out;
	if (client->generation) {
		if (!dev->clients_wait) {
			ret = -EIO;
			goto out;
		}
		r.message.flags = TANDEM_SUBMISSION_REOPEN;
	}
	ret = tandem_request_begin(&r, dev, 1);
	if (!ret) {
		ret = tandem_request_run(&r);
		generation = r.generation;
		tandem_request_end(&r);
	} else if (ret > 0) {
		/* The server need not know before the first request. */
		ret = 0;
	}
	if (!ret)
		WRITE_ONCE(client->generation, generation);
out:
	mutex_unlock(&client->announcing);
	return ret;
}

/**
 * tandem_client_ready() - what poll() finds from now on
 * @client: a file
 * @events: mask of EPOLLIN and others
 *
 * Context: any in which a spinlock may be taken.
 */
void tandem_client_ready(struct tandem_client *client, u32 events)
{
	__poll_t ready = (__force __poll_t)events;

	if (ready & EPOLLIN)
		ready |= EPOLLRDNORM;
	if (ready & EPOLLOUT)
		ready |= EPOLLWRNORM;
	WRITE_ONCE(client->ready, ready);
	if (!ready)
		return;
	wake_up_interruptible_poll(&client->wait, ready);
	if (ready & EPOLLIN)
		kill_fasync(&client->fasync, SIGIO, POLL_IN);
	if (ready & EPOLLOUT)
		kill_fasync(&client->fasync, SIGIO, POLL_OUT);
}

/**
 * tandem_client_set_ready() - TANDEM_IOC_READY
 * @dev: the device
 * @args: the argument, checked
 */
int tandem_client_set_ready(struct tandem_device *dev, const struct tandem_ready *args)
{
	struct tandem_client *client;
	unsigned long id;
	int ret = 0;

	xa_lock(&dev->clients);
	if (!args->file) {
		xa_for_each(&dev->clients, id, client)
			tandem_client_ready(client, args->events);
	} else {
		client = args->file <= U32_MAX ? xa_load(&dev->clients, args->file) : NULL;
		if (client)
			tandem_client_ready(client, args->events);
		else
			ret = -ENOENT;
	}
	xa_unlock(&dev->clients);
	return ret;
}

__poll_t tandem_client_poll(struct tandem_client *client, struct poll_table_struct *wait)
{
	struct tandem_device *dev = client->file.dev;
	u32 generation;

	poll_wait(client->file.filp, &client->wait, wait);
	generation = READ_ONCE(client->generation);
	if (generation && !dev->clients_wait && READ_ONCE(dev->served) &&
	    (!rcu_access_pointer(dev->server) || READ_ONCE(dev->generation) != generation))
		return EPOLLERR | EPOLLHUP;
	return READ_ONCE(client->ready);
}

static u32 tandem_client_flags(const struct tandem_client *client)
{
	return client->file.filp->f_flags & O_NONBLOCK ? TANDEM_SUBMISSION_NONBLOCK : 0;
}

/* Copies data of an answer to @to, and ends the request. Return: how many bytes arrived. */
static size_t tandem_client_deliver(struct tandem_request *r, size_t len, struct iov_iter *to)
{
	size_t copied;
	void *rest;

	pagefault_disable();
	copied = copy_to_iter(tandem_request_data(r), len, to);
	pagefault_enable();
	if (likely(copied == len)) {
		tandem_request_end(r);
		return copied;
	}
	rest = tandem_request_detach(r, copied, len - copied);
	if (rest)
		copied += copy_to_iter(rest, len - copied, to);
	kvfree(rest);
	return copied;
}

ssize_t tandem_client_read(struct tandem_client *client, struct kiocb *iocb, struct iov_iter *to)
{
	size_t len, copied;
	ssize_t total = 0;
	s64 ret;

	do {
		struct tandem_request r = {
			.message = {
				.op = TANDEM_OP_READ,
				.flags = tandem_client_flags(client),
				.offset = iocb->ki_pos,
			},
			.client = client,
		};

		/* What is there is enough; more is taken only if it is there too. */
		if (total || iocb->ki_flags & IOCB_NOWAIT)
			r.message.flags |= TANDEM_SUBMISSION_NONBLOCK;
		ret = tandem_request_begin(&r, client->file.dev, -EINVAL);
		if (ret)
			break;
		len = min_t(size_t, iov_iter_count(to), tandem_request_room(&r));
		r.message.out_len = len;
		ret = tandem_request_run(&r);
		if (ret <= 0) {
			tandem_request_end(&r);
			break;
		}
		copied = tandem_client_deliver(&r, ret, to);
		total += copied;
		if (!(client->file.filp->f_mode & FMODE_STREAM))
			iocb->ki_pos += copied;
		if (copied != ret) {
			ret = -EFAULT;
			break;
		}
	} while (ret == len && iov_iter_count(to));
	return total ?: ret;
}

ssize_t tandem_client_write(struct tandem_client *client, struct kiocb *iocb, struct iov_iter *from)
{
	unsigned int tries = TANDEM_FAULT_TRIES;
	size_t len, copied, most = SIZE_MAX;
	ssize_t total = 0;
	s64 ret;

	do {
		struct tandem_request r = {
			.message = {
				.op = TANDEM_OP_WRITE,
				.flags = tandem_client_flags(client),
				.offset = iocb->ki_pos,
			},
			.client = client,
		};

		if (iocb->ki_flags & IOCB_NOWAIT)
			r.message.flags |= TANDEM_SUBMISSION_NONBLOCK;
		if (iocb->ki_flags & IOCB_APPEND)
			r.message.flags |= TANDEM_SUBMISSION_APPEND;
		ret = tandem_request_begin(&r, client->file.dev, -EINVAL);
		if (ret)
			break;
		len = min3(iov_iter_count(from), (size_t)tandem_request_room(&r), most);
		pagefault_disable();
		copied = copy_from_iter(tandem_request_data(&r), len, from);
		pagefault_enable();
		if (unlikely(copied != len)) {
			iov_iter_revert(from, copied);
			tandem_request_end(&r);
			most = len - fault_in_iov_iter_readable(from, len);
			if (most && tries--)
				continue;
			ret = -EFAULT;
			break;
		}
		tries = TANDEM_FAULT_TRIES;
		most = SIZE_MAX;
		r.message.in_len = len;
		ret = tandem_request_run(&r);
		tandem_request_end(&r);
		iov_iter_revert(from, len - max_t(s64, ret, 0));
		if (ret <= 0)
			break;
		total += ret;
		if (r.flags & TANDEM_COMPLETION_POSITION)
			iocb->ki_pos = r.position;
		else if (!(client->file.filp->f_mode & FMODE_STREAM))
			iocb->ki_pos += ret;
		if (ret != len)
			break;
	} while (iov_iter_count(from));
	return total ?: ret;
}

/* A request without data. Return: its result, or -EINVAL if nobody answers such an operation. */
static s64 tandem_client_ask(struct tandem_client *client, struct tandem_request *r)
{
	s64 ret = tandem_request_begin(r, client->file.dev, -EINVAL);

	if (ret)
		return ret;
	ret = tandem_request_run(r);
	tandem_request_end(r);
	return ret;
}

loff_t tandem_client_llseek(struct tandem_client *client, loff_t offset, int whence)
{
	struct file *filp = client->file.filp;
	struct tandem_request r = {
		.message = { .op = TANDEM_OP_LSEEK, .offset = offset, .code = whence },
		.client = client,
	};
	loff_t ret;

	switch (whence) {
	case SEEK_SET:
		return vfs_setpos(filp, offset, LLONG_MAX);
	case SEEK_CUR:
		spin_lock(&filp->f_lock);
		if (check_add_overflow(filp->f_pos, offset, &offset))
			ret = -EOVERFLOW;
		else
			ret = vfs_setpos(filp, offset, LLONG_MAX);
		spin_unlock(&filp->f_lock);
		return ret;
	}
	ret = tandem_client_ask(client, &r);
	return ret < 0 ? ret : vfs_setpos(filp, ret, LLONG_MAX);
}

int tandem_client_fsync(struct tandem_client *client, int datasync)
{
	struct tandem_request r = {
		.message = { .op = TANDEM_OP_FSYNC, .code = datasync },
		.client = client,
	};

	return tandem_client_ask(client, &r);
}

/**
 * struct tandem_exchange - a command's data on the client's side
 * @in: input
 * @in_len: its bytes
 * @out: where the output goes
 * @out_len: room there
 * @returned: how many bytes came
 */
struct tandem_exchange {
	const void __user *in;
	u32 in_len;
	void __user *out;
	u32 out_len;
	u32 returned;
};

/* Says what a command's data are, when its session is known. Return: 0 or -errno. */
typedef int tandem_exchange_plan(struct tandem_request *r, struct tandem_exchange *x);

/*
 * Looks a command up, and may it be given by this file? Return: 0 or -errno; *@command is NULL if
 * it was not declared, and need not be.
 */
static int tandem_plan_command(struct tandem_request *r, enum tandem_command_kind kind,
			       const struct tandem_command **command)
{
	const struct tandem_server *server = r->queue->server;
	fmode_t mode = r->client->file.filp->f_mode;
	const struct tandem_command *c;

	c = tandem_schema_find(server->schema, kind, r->message.code);
	*command = c;
	if (!c)
		return server->flags & TANDEM_BIND_ALL_COMMANDS ? 0 : -ENOTTY;
	if ((c->access & TANDEM_ACCESS_READ && !(mode & FMODE_READ)) ||
	    (c->access & TANDEM_ACCESS_WRITE && !(mode & FMODE_WRITE)))
		return -EACCES;
	if (c->deadline)
		r->deadline = c->deadline;
	return 0;
}

static int tandem_plan_ioctl(struct tandem_request *r, struct tandem_exchange *x)
{
	const struct tandem_command *command;
	u32 code = r->message.code;
	int ret;

	ret = tandem_plan_command(r, TANDEM_COMMAND_IOCTL, &command);
	if (ret)
		return ret;
	if (command) {
		x->in_len = command->in_len;
		x->out_len = command->out_len;
	} else {
		x->in_len = _IOC_DIR(code) & _IOC_WRITE ? _IOC_SIZE(code) : 0;
		x->out_len = _IOC_DIR(code) & _IOC_READ ? _IOC_SIZE(code) : 0;
	}
	/* A pointer to data is nothing to a server. */
	r->message.offset = x->in_len || x->out_len ? 0 : (unsigned long)x->in;
	return 0;
}

static int tandem_plan_control(struct tandem_request *r, struct tandem_exchange *x)
{
	const struct tandem_command *command;
	int ret;

	ret = tandem_plan_command(r, TANDEM_COMMAND_CONTROL, &command);
	if (ret || !command)
		return ret;
	if (x->in_len < command->in_min || x->in_len > command->in_len ||
	    x->out_len < command->out_len)
		return -EINVAL;
	return 0;
}

/* Puts the input into the slot. Return: 0, -errno, or 1 if it has to be brought in first. */
static int tandem_exchange_fill(struct tandem_request *r, struct tandem_exchange *x,
				tandem_exchange_plan *plan)
{
	unsigned long left;
	int ret;

	ret = plan(r, x);
	if (ret)
		return ret;
	if (x->in_len > tandem_request_room(r) || x->out_len > tandem_request_room(r))
		return -EMSGSIZE;
	r->message.in_len = x->in_len;
	r->message.out_len = x->out_len;
	if (!x->in_len)
		return 0;
	pagefault_disable();
	left = copy_from_user(tandem_request_data(r), x->in, x->in_len);
	pagefault_enable();
	return left ? 1 : 0;
}

/* Copies the output out, and ends the request. Return: 0 or -EFAULT. */
static int tandem_exchange_deliver(struct tandem_request *r, struct tandem_exchange *x)
{
	unsigned long left = 0;
	void *copy;

	x->returned = r->len;
	if (x->returned) {
		pagefault_disable();
		left = copy_to_user(x->out, tandem_request_data(r), x->returned);
		pagefault_enable();
	}
	if (likely(!left)) {
		tandem_request_end(r);
		return 0;
	}
	copy = tandem_request_detach(r, 0, x->returned);
	left = copy ? copy_to_user(x->out, copy, x->returned) : 1;
	kvfree(copy);
	return left ? -EFAULT : 0;
}

/* One command, there and back. */
static long tandem_client_exchange(struct tandem_client *client,
				   const struct tandem_submission *message,
				   struct tandem_exchange *x, tandem_exchange_plan *plan)
{
	unsigned int tries = TANDEM_FAULT_TRIES;
	long ret;

	for (;;) {
		struct tandem_request r = { .message = *message, .client = client };

		ret = tandem_request_begin(&r, client->file.dev, -ENOTTY);
		if (ret)
			return ret;
		ret = tandem_exchange_fill(&r, x, plan);
		if (!ret) {
			ret = tandem_request_run(&r);
			return tandem_exchange_deliver(&r, x) ?: ret;
		}
		tandem_request_end(&r);
		if (ret < 0)
			return ret;
		if (!tries-- || fault_in_readable(x->in, x->in_len))
			return -EFAULT;
	}
}

long tandem_client_ioctl(struct tandem_client *client, unsigned int cmd, unsigned long arg)
{
	struct tandem_submission message = {
		.op = TANDEM_OP_IOCTL,
		.flags = tandem_client_flags(client),
		.code = cmd,
	};
	struct tandem_exchange x = { .in = (void __user *)arg, .out = (void __user *)arg };

	return tandem_client_exchange(client, &message, &x, tandem_plan_ioctl);
}

/**
 * tandem_client_control() - TANDEM_IOC_DEVICE_CONTROL for the user half
 * @client: the file
 * @args: the argument, checked; returned is set
 */
long tandem_client_control(struct tandem_client *client, struct tandem_device_control *args)
{
	struct tandem_submission message = {
		.op = TANDEM_OP_CONTROL,
		.flags = tandem_client_flags(client),
		.code = args->code,
	};
	struct tandem_exchange x = {
		.in = u64_to_user_ptr(args->in),
		.in_len = args->in_len,
		.out = u64_to_user_ptr(args->out),
		.out_len = args->out_len,
	};
	long ret;

	ret = tandem_client_exchange(client, &message, &x, tandem_plan_control);
	args->returned = ret == -EFAULT ? 0 : x.returned;
	return ret;
}
