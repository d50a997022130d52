// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Requests: which function a message is for, and its answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "session.h"

static struct queue *queue_of(const struct request *r)
{
	return &r->public.server->queue[r->public.queue];
}

int tandem_command_compare(const void *a, const void *b)
{
	const struct tandem_server_command *left = a, *right = b;

	if (left->op != right->op)
		return left->op < right->op ? -1 : 1;
	return left->code < right->code ? -1 : left->code > right->code;
}

static tandem_handler command_handler(const struct tandem_server *server, uint32_t op,
				      uint32_t code, tandem_handler other)
{
	const struct tandem_server_command key = { .op = op, .code = code };
	const struct tandem_server_command *found;

	found = bsearch(&key, server->commands, server->commands_count, sizeof(key),
			tandem_command_compare);
	return found ? found->handler : other;
}

static tandem_handler find_handler(const struct tandem_server *server,
				   const struct tandem_request *request)
{
	const struct tandem_server_ops *ops = &server->ops;

	switch (request->op) {
	case TANDEM_OP_OPEN:
		return ops->open;
	case TANDEM_OP_RELEASE:
		return ops->release;
	case TANDEM_OP_READ:
		return ops->read;
	case TANDEM_OP_WRITE:
		return ops->write;
	case TANDEM_OP_IOCTL:
		return command_handler(server, request->op, request->code, ops->ioctl);
	case TANDEM_OP_CONTROL:
		return command_handler(server, request->op, request->code, ops->control);
	case TANDEM_OP_LSEEK:
		return ops->lseek;
	case TANDEM_OP_FSYNC:
		return ops->fsync;
	case TANDEM_OP_CALL:
		return command_handler(server, request->op, request->code, ops->call);
	default:
		return NULL;
	}
}

/* What is answered for an operation that has no function. */
static int64_t no_handler(const struct tandem_request *request)
{
	switch (request->op) {
	case TANDEM_OP_OPEN:
	case TANDEM_OP_RELEASE:
		return 0;
	case TANDEM_OP_IOCTL:
	case TANDEM_OP_CONTROL:
	case TANDEM_OP_CALL:
		return -ENOTTY;
	default:
		return -EOPNOTSUPP;
	}
}

/* Takes the right to answer. Return: false: somebody else has it. */
static bool claim(struct request *r)
{
	return __atomic_exchange_n(&r->pending, false, __ATOMIC_ACQ_REL);
}

static void complete(struct request *r, int64_t result)
{
	const struct tandem_request *request = &r->public;
	size_t len = request->len;

	if (len == TANDEM_LEN_DEFAULT)
		len = request->op == TANDEM_OP_IOCTL && result >= 0 ? request->out_len : 0;
	tandem_queue_complete(queue_of(r), &(struct tandem_completion){
		.id = request->id,
		.result = result,
		.len = len < UINT32_MAX ? len : UINT32_MAX,
		.flags = request->answer_flags,
		.ready = request->ready,
		.position = request->position,
	});
}

/* Answers a request that was claimed. Return: a release that has waited for it, or NULL. */
static struct request *answer(struct request *r, int64_t result)
{
	struct tandem_request *request = &r->public;
	struct files *files = &request->server->files;
	struct file *file = r->file;
	struct request *release = NULL;

	if (file) {
		if (request->op == TANDEM_OP_OPEN)
			tandem_file_opened(files, file, result >= 0, request->data);
		release = tandem_file_end(files, file);
	}
	complete(r, result);
	return release;
}

static void run_release(struct request *r);

static void run(struct request *r)
{
	tandem_handler handler = find_handler(r->public.server, &r->public);
	int64_t result = handler ? handler(&r->public) : no_handler(&r->public);

	if (result != TANDEM_LATER && claim(r)) {
		struct request *release = answer(r, result);

		if (release)
			run_release(release);
	}
}

/* A release that had to wait. It may be of another queue, whose thread does not wake for it. */
static void run_release(struct request *r)
{
	struct queue *q = queue_of(r);

	run(r);
	tandem_queue_wake(q);
}

static void begin(struct request *r)
{
	struct tandem_request *request = &r->public;
	struct tandem_server *server = request->server;

	if (server->keeps_files && request->file) {
		if (request->op == TANDEM_OP_RELEASE) {
			if (!tandem_file_release(&server->files, request->file, r, &request->data))
				return;
		} else {
			r->file = tandem_file_begin(&server->files, request->file, &request->data);
			if (!r->file) {
				claim(r);
				complete(r, -ENOMEM);
				return;
			}
		}
	}
	run(r);
}

static void cancel(struct tandem_server *server, struct request *r, uint64_t id)
{
	if (server->ops.cancel && r->public.id == id &&
	    __atomic_load_n(&r->pending, __ATOMIC_ACQUIRE))
		server->ops.cancel(&r->public);
}

void tandem_request_handle(struct tandem_server *server, unsigned int index,
			   const struct tandem_submission *submission)
{
	struct queue *q = &server->queue[index];
	struct request *r = &q->requests[TANDEM_TAG(submission->id)];

	if (submission->op == TANDEM_OP_CANCEL) {
		cancel(server, r, submission->id);
		return;
	}
	*r = (struct request){
		.public = {
			.server = server,
			.arg = server->arg,
			.id = submission->id,
			.file = submission->file,
			.offset = submission->offset,
			.in = queue_slot(q, submission->id),
			.out = queue_slot(q, submission->id),
			.in_len = submission->in_len,
			.out_len = submission->out_len,
			.op = submission->op,
			.flags = submission->flags,
			.code = submission->code,
			.queue = index,
			.pid = submission->pid,
			.uid = submission->uid,
			.gid = submission->gid,
			.len = TANDEM_LEN_DEFAULT,
		},
		.pending = true,
	};
	begin(r);
}

int tandem_reply(struct tandem_request *request, int64_t result)
{
	struct request *r = (struct request *)request;
	struct queue *q = queue_of(r);
	struct request *release;

	if (!claim(r))
		return -EALREADY;
	release = answer(r, result);
	if (release)
		run_release(release);
	return queue_ended(q) ? -ESTALE : tandem_queue_wake(q);
}

int tandem_progress(struct tandem_request *request)
{
	const struct request *r = (const struct request *)request;
	__u64 id = request->id;

	return ioctl(queue_of(r)->fd, TANDEM_IOC_PROGRESS, &id) ? -errno : 0;
}
