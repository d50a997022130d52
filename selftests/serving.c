// SPDX-License-Identifier: GPL-2.0
/*
 * Serving: a device whose requests the test answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "serving.h"
#include "util.h"

/* Seconds that a message which has to come may take. */
#define EXPECT_LIMIT	20

int queue_map(struct queue *q, int fd, const struct tandem_bind *bind)
{
	const bool messages = q->messages;
	void *server, *kernel;

	memset(q, 0, sizeof(*q));
	q->fd = fd;
	q->messages = messages;
	q->depth = bind->depth;
	q->slot_size = bind->slot_size;
	q->server_size = bind->server_size;
	q->kernel_size = bind->kernel_size;
	q->message = malloc(sizeof(*q->message) + q->slot_size);
	if (!q->message)
		return -ENOMEM;
	server = mmap(NULL, q->server_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (server == MAP_FAILED)
		return -errno;
	q->server = server;
	kernel = mmap(NULL, q->kernel_size, PROT_READ, MAP_SHARED, fd, q->server_size);
	if (kernel == MAP_FAILED)
		return -errno;
	q->kernel = kernel;
	q->completions = server + q->kernel->completions_offset;
	q->slots = server + q->kernel->slots_offset;
	q->submissions = kernel + q->kernel->submissions_offset;
	return q->kernel->magic == TANDEM_QUEUE_MAGIC && q->kernel->depth == q->depth &&
	       q->kernel->slot_size == q->slot_size ? 0 : -EPROTO;
}

void queue_unmap(struct queue *q)
{
	if (q->server)
		munmap(q->server, q->server_size);
	if (q->kernel)
		munmap((void *)q->kernel, q->kernel_size);
	free(q->message);
	q->server = NULL;
	q->kernel = NULL;
	q->message = NULL;
}

/* Waits until poll() finds the fd readable. Return: 0, -ETIMEDOUT or -ESTALE. */
static int queue_poll(const struct queue *q, uint64_t deadline)
{
	struct pollfd ready = { .fd = q->fd, .events = POLLIN };

	while (poll(&ready, 1, deadline_left(deadline)) < 0 && errno == EINTR)
		;
	if (!ready.revents)
		return -ETIMEDOUT;
	return ready.revents & POLLHUP ? -ESTALE : 0;
}

static int queue_next_message(struct queue *q, struct tandem_submission *message,
			      uint64_t deadline)
{
	int err = queue_poll(q, deadline);
	ssize_t got;

	if (err)
		return err;
	got = read(q->fd, q->message, sizeof(*q->message) + q->slot_size);
	if (got < 0)
		return -errno;
	*message = q->message->submission;
	return got == (ssize_t)(sizeof(*message) + message->in_len) ? 0 : -EPROTO;
}

bool queue_quiet(const struct queue *q)
{
	return __atomic_load_n(&q->kernel->published, __ATOMIC_ACQUIRE) ==
	       __atomic_load_n(&q->server->consumed, __ATOMIC_RELAXED);
}

int queue_next(struct queue *q, struct tandem_submission *message, uint64_t deadline)
{
	uint64_t consumed, now;

	if (q->messages)
		return queue_next_message(q, message, deadline);
	while (queue_quiet(q)) {
		struct tandem_reply_wait args = { .min = 1 };

		now = now_ns();
		args.timeout = deadline > now ? deadline - now : 0;
		if (ioctl(q->fd, TANDEM_IOC_REPLY_WAIT, &args) && errno != EINTR)
			return -errno;
	}
	consumed = q->server->consumed;
	*message = q->submissions[consumed & (q->kernel->submissions - 1)];
	__atomic_store_n(&q->server->consumed, consumed + 1, __ATOMIC_RELEASE);
	return 0;
}

int queue_expect(struct queue *q, uint32_t op, struct tandem_submission *message)
{
	int err = queue_next(q, message, deadline_in(EXPECT_LIMIT));

	return err ?: message->op == op ? 0 : -EPROTO;
}

static uint8_t *queue_slot(const struct queue *q, uint64_t id)
{
	return q->slots + TANDEM_TAG(id) * q->slot_size;
}

const void *queue_input(const struct queue *q, const struct tandem_submission *message)
{
	return q->messages ? q->message->data : queue_slot(q, message->id);
}

void *queue_output(struct queue *q, const struct tandem_submission *message)
{
	return (void *)queue_input(q, message);
}

void queue_publish(struct queue *q, const struct tandem_completion *completion)
{
	const uint64_t completed = q->server->completed;

	q->completions[completed & (q->depth - 1)] = *completion;
	__atomic_store_n(&q->server->completed, completed + 1, __ATOMIC_RELEASE);
}

int queue_reply(const struct queue *q)
{
	struct tandem_reply_wait args = { .min = 0 };

	return ioctl(q->fd, TANDEM_IOC_REPLY_WAIT, &args) ? -errno : 0;
}

int queue_complete(struct queue *q, const struct tandem_completion *completion, const void *data,
		   size_t len)
{
	if (q->messages) {
		struct iovec parts[] = {
			{ .iov_base = (void *)completion, .iov_len = sizeof(*completion) },
			{ .iov_base = (void *)data, .iov_len = len },
		};
		ssize_t all = sizeof(*completion) + len, done = writev(q->fd, parts, 2);

		return done == all ? 0 : done < 0 ? -errno : -EPROTO;
	}
	if (len && data != queue_slot(q, completion->id))
		memcpy(queue_slot(q, completion->id), data, len);
	queue_publish(q, completion);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->kernel->need_reply, __ATOMIC_RELAXED) ? queue_reply(q) : 0;
}

int queue_answer(struct queue *q, const struct tandem_submission *message, int64_t result,
		 const void *data, size_t len)
{
	const struct tandem_completion c = { .id = message->id, .result = result, .len = len };

	return queue_complete(q, &c, data, len);
}

void serving_init(struct tandem_bind *bind, const char *name)
{
	bind_init(bind, name);
	bind->queues = 1;
	bind->depth = 8;
	bind->slot_size = 4096;
	bind->operations = (OP(CANCEL) - 1) & ~(OP(OPEN) | OP(RELEASE));
}

/* What the child tells. */
struct greeting {
	int err;
	int fd;
	struct tandem_bind bind;
};

/* Leaves the child nothing but standard output and the like, and @a and @b. */
static void serving_close_others(unsigned int a, unsigned int b)
{
	const unsigned int low = a < b ? a : b, high = a < b ? b : a;

	/* An empty range is refused, and nothing to do. */
	close_range(STDERR_FILENO + 1, low - 1, 0);
	close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
}

/* Is the server process until the gate's other end is closed. */
static void serving_own(struct greeting *greeting, int ready, int gate)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The test's files are to end when it closes them. */
	serving_close_others(ready, gate);
	greeting->fd = open_node("control", O_RDWR);
	greeting->err = greeting->fd < 0 ? greeting->fd :
			ioctl(greeting->fd, TANDEM_IOC_BIND, &greeting->bind) ? -errno : 0;
	if (write(ready, greeting, sizeof(*greeting)) != sizeof(*greeting))
		_exit(1);
	_exit(read(gate, &byte, 1) < 0);
}

/* Makes the child's fd one of this process too. Return: it, or -errno. */
static int serving_share(pid_t pid, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), own = -1, err;

	if (pidfd >= 0)
		own = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	err = -errno;
	if (pidfd >= 0)
		close(pidfd);
	return own < 0 ? err : own;
}

int serving_begin(struct serving *s, const struct tandem_bind *bind)
{
	struct greeting greeting = { .bind = *bind };
	int gate[2], ready[2];

	s->fd = -1;
	s->gate = -1;
	if (pipe2(gate, O_CLOEXEC) || pipe2(ready, O_CLOEXEC))
		return -errno;
	s->owner = fork();
	if (!s->owner)
		serving_own(&greeting, ready[1], gate[0]);
	close(gate[0]);
	s->gate = gate[1];
	close(ready[1]);
	if (s->owner < 0 || read(ready[0], &greeting, sizeof(greeting)) != sizeof(greeting))
		greeting.err = -EIO;
	close(ready[0]);
	if (greeting.err)
		return greeting.err;
	s->bind = greeting.bind;
	s->fd = serving_share(s->owner, greeting.fd);
	return s->fd < 0 ? s->fd : queue_map(&s->queue, s->fd, &s->bind);
}

int serving_kill(struct serving *s, int signal)
{
	const pid_t owner = s->owner;
	int status;

	s->owner = 0;
	if (signal && kill(owner, signal))
		return -errno;
	close(s->gate);
	s->gate = -1;
	status = wait_child(owner, deadline_in(EXPECT_LIMIT));
	return status < 0 ? status : status == signal ? 0 : -EPROTO;
}

void serving_end(struct serving *s)
{
	if (s->owner > 0)
		serving_kill(s, 0);
	queue_unmap(&s->queue);
	close(s->fd);
}

static void *server_thread(void *data)
{
	struct server *server = data;
	struct tandem_submission message;
	int err = 0;

	while (!err) {
		struct tandem_completion c = { .len = 0 };

		err = queue_next(server->q, &message, deadline_in(600));
		if (err || !server->handler(server->q, &message, &c, server->data))
			continue;
		c.id = message.id;
		err = queue_complete(server->q, &c, queue_output(server->q, &message),
				     message.op == TANDEM_OP_READ && c.result > 0 ? c.result
										  : c.len);
	}
	server->error = err;
	return NULL;
}

int server_begin(struct server *server)
{
	return -pthread_create(&server->thread, NULL, server_thread, server);
}

int server_end(struct server *server)
{
	int err = thread_join(server->thread, EXPECT_LIMIT);

	return err ? -err : server->error;
}
