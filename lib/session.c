// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A server's life: binding, adopting, ending.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "session.h"

#define DEPTH_DEFAULT		32
#define SLOT_SIZE_DEFAULT	(64 * 1024)

/* Which operations have a function. */
static uint32_t operations(const struct tandem_server *server)
{
	const struct tandem_server_ops *ops = &server->ops;
	const bool wanted[TANDEM_OPS] = {
		[TANDEM_OP_OPEN] = ops->open,
		[TANDEM_OP_RELEASE] = server->keeps_files,
		[TANDEM_OP_READ] = ops->read,
		[TANDEM_OP_WRITE] = ops->write,
		[TANDEM_OP_IOCTL] = ops->ioctl,
		[TANDEM_OP_CONTROL] = ops->control,
		[TANDEM_OP_LSEEK] = ops->lseek,
		[TANDEM_OP_FSYNC] = ops->fsync,
		[TANDEM_OP_CALL] = ops->call,
		[TANDEM_OP_CANCEL] = ops->cancel,
	};
	uint32_t mask = 0, i;

	for (i = 0; i < TANDEM_OPS; i++)
		mask |= wanted[i] ? 1U << i : 0;
	for (i = 0; i < server->commands_count; i++)
		mask |= 1U << server->commands[i].op;
	return mask;
}

/* Bytes of input and output of an ioctl without sizes of its own: as its number says. */
static void fill_sizes(struct tandem_server_command *c)
{
	if (c->op != TANDEM_OP_IOCTL || c->in_len || c->out_len)
		return;
	c->in_len = _IOC_DIR(c->code) & _IOC_WRITE ? _IOC_SIZE(c->code) : 0;
	c->out_len = _IOC_DIR(c->code) & _IOC_READ ? _IOC_SIZE(c->code) : 0;
}

static bool valid_command(const struct tandem_server_command *c)
{
	return c->handler && (c->op == TANDEM_OP_IOCTL || c->op == TANDEM_OP_CONTROL ||
			      c->op == TANDEM_OP_CALL);
}

/* The commands that the kernel checks. Return: how many. */
static uint32_t fill_commands(struct tandem_command *to, const struct tandem_server *server)
{
	uint32_t i, count = 0;

	for (i = 0; i < server->commands_count; i++) {
		const struct tandem_server_command *c = &server->commands[i];

		if (c->op == TANDEM_OP_CALL)
			continue;
		to[count++] = (struct tandem_command){
			.code = c->code,
			.kind = c->op == TANDEM_OP_IOCTL ? TANDEM_COMMAND_IOCTL :
							   TANDEM_COMMAND_CONTROL,
			.method = c->method,
			.access = c->access,
			.in_min = c->in_min,
			.in_len = c->in_len,
			.out_len = c->out_len,
			.deadline = c->deadline,
		};
	}
	return count;
}

static void free_server(struct tandem_server *server)
{
	unsigned int i;

	for (i = 0; i < server->queues; i++) {
		struct queue *q = &server->queue[i];

		/* A child that has inherited the struct may have other things there. */
		if (server->pid == getpid())
			tandem_queue_unmap(q);
		if (i && q->fd >= 0)
			close(q->fd);
		free(q->requests);
		pthread_mutex_destroy(&q->lock);
	}
	tandem_files_exit(&server->files);
	free(server->commands);
	free(server);
}

static int copy_commands(struct tandem_server *server, const struct tandem_server_options *options)
{
	uint32_t i, count = options->commands_count;

	for (i = 0; i < count; i++) {
		if (!valid_command(&options->commands[i]))
			return -EINVAL;
	}
	server->commands = calloc(count + 1, sizeof(server->commands[0]));
	if (!server->commands)
		return -ENOMEM;
	if (count)
		memcpy(server->commands, options->commands, count * sizeof(server->commands[0]));
	server->commands_count = count;
	for (i = 0; i < count; i++)
		fill_sizes(&server->commands[i]);
	qsort(server->commands, count, sizeof(server->commands[0]), tandem_command_compare);
	for (i = 1; i < count; i++) {
		if (!tandem_command_compare(&server->commands[i - 1], &server->commands[i]))
			return -EINVAL;
	}
	return 0;
}

static int alloc_server(struct tandem_server **result, unsigned int queues,
			const struct tandem_server_options *options)
{
	struct tandem_server *server;
	unsigned int i;
	int ret;

	if (queues > TANDEM_QUEUES_MAX)
		return -EINVAL;
	server = calloc(1, sizeof(*server) + queues * sizeof(server->queue[0]));
	if (!server)
		return -ENOMEM;
	for (i = 0; i < queues; i++) {
		pthread_mutex_init(&server->queue[i].lock, NULL);
		server->queue[i].fd = -1;
	}
	tandem_files_init(&server->files);
	if (options->ops)
		server->ops = *options->ops;
	server->keeps_files = server->ops.open || server->ops.release;
	server->spin_ns = options->spin_ns;
	server->arg = options->arg;
	server->pid = getpid();
	server->queues = queues;
	ret = copy_commands(server, options);
	if (ret) {
		free_server(server);
		return ret;
	}
	*result = server;
	return 0;
}

/* Maps the queues of the server fd @fd. Return: 0 or -errno, and then @fd is the caller's still. */
static int attach(struct tandem_server *server, int fd, uint64_t server_size, uint64_t kernel_size)
{
	unsigned int i;
	int ret;

	for (i = 0; i < server->queues; i++) {
		struct queue *q = &server->queue[i];

		q->fd = i ? ioctl(fd, TANDEM_IOC_QUEUE, i) : fd;
		if (q->fd < 0)
			return -errno;
		q->server_size = server_size;
		q->kernel_size = kernel_size;
		ret = tandem_queue_map(q);
		if (ret)
			return ret;
		q->requests = calloc(q->depth, sizeof(q->requests[0]));
		if (!q->requests)
			return -ENOMEM;
	}
	return 0;
}

int tandem_server_create(struct tandem_server **result, const char *name,
			 const struct tandem_server_options *options)
{
	struct tandem_bind args = {
		.flags = options->flags,
		.mode = options->mode,
		.uid = options->uid,
		.gid = options->gid,
		.events_mode = options->events_mode,
		.queues = options->queues ? options->queues : 1,
		.depth = options->depth ? options->depth : DEPTH_DEFAULT,
		.slot_size = options->slot_size ? options->slot_size : SLOT_SIZE_DEFAULT,
		.deadline = options->deadline,
	};
	struct tandem_command *commands;
	struct tandem_server *server;
	int fd, ret;

	ret = alloc_server(&server, args.queues, options);
	if (ret)
		return ret;
	commands = calloc(options->commands_count + 1, sizeof(commands[0]));
	if (!commands) {
		free_server(server);
		return -ENOMEM;
	}
	args.commands_count = fill_commands(commands, server);
	args.commands = args.commands_count ? (uintptr_t)commands : 0;
	args.operations = operations(server);
	if (server->ops.ioctl || server->ops.control)
		args.flags |= TANDEM_BIND_ALL_COMMANDS;
	fd = tandem_bind_args(name, &args);
	free(commands);
	ret = fd < 0 ? fd : attach(server, fd, args.server_size, args.kernel_size);
	if (ret) {
		if (fd >= 0)
			close(fd);
		free_server(server);
		return ret;
	}
	*result = server;
	return 0;
}

int tandem_server_adopt(struct tandem_server **result, int fd,
			const struct tandem_server_options *options)
{
	struct tandem_adopt args = { .flags = 0 };
	struct tandem_server *server;
	int ret;

	if (ioctl(fd, TANDEM_IOC_ADOPT, &args))
		return -errno;
	ret = alloc_server(&server, args.queues, options);
	if (ret)
		return ret;
	ret = attach(server, fd, args.server_size, args.kernel_size);
	if (ret)
		free_server(server);
	else
		*result = server;
	return ret;
}

void tandem_server_destroy(struct tandem_server *server)
{
	int fd;

	if (!server)
		return;
	fd = server->queue[0].fd;
	free_server(server);
	close(fd);
}

int tandem_server_stop(struct tandem_server *server)
{
	__atomic_store_n(&server->stopped, true, __ATOMIC_RELEASE);
	return ioctl(server->queue[0].fd, TANDEM_IOC_UNBIND) ? -errno : 0;
}

unsigned int tandem_server_queues(const struct tandem_server *server)
{
	return server->queues;
}

int tandem_server_fd(const struct tandem_server *server, unsigned int queue)
{
	return queue < server->queues ? server->queue[queue].fd : -EINVAL;
}

int tandem_server_ready(struct tandem_server *server, uint64_t file, uint32_t events)
{
	struct tandem_ready args = { .file = file, .events = events };

	return ioctl(server->queue[0].fd, TANDEM_IOC_READY, &args) ? -errno : 0;
}
