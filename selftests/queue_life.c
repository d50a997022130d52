// SPDX-License-Identifier: GPL-2.0
/*
 * Life and death of servers and clients, with requests between them.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "call.h"
#include "serving.h"
#include "util.h"

#define DEVICE	"t-queue-life"
#define MSEC	1000000ULL

FIXTURE(queue_life)
{
	struct serving s, next;
	struct queue *q;
	struct tandem_bind bind;
	struct tandem_submission m;
	char bytes[16];
};

FIXTURE_SETUP(queue_life)
{
	self->q = &self->s.queue;
	self->s.fd = -1;
	self->next.fd = -1;
	serving_init(&self->bind, DEVICE);
	self->bind.operations |= OP(CANCEL);
}

FIXTURE_TEARDOWN(queue_life)
{
	serving_end(&self->s);
	serving_end(&self->next);
	remove_device(DEVICE);
}

/* A read of 1 byte to the place @i, in a thread. */
static struct call reading(FIXTURE_DATA(queue_life) * self, int fd, unsigned int i)
{
	return (struct call){ .run = call_read, .fd = fd, .data = self->bytes + i, .len = 1 };
}

/* The next server of the same device. */
static int succeed(FIXTURE_DATA(queue_life) * self, uint32_t operations)
{
	struct tandem_bind bind = self->bind;

	bind.flags &= ~(TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE | TANDEM_BIND_WAIT);
	bind.operations |= operations;
	return serving_begin(&self->next, &bind);
}

TEST_F(queue_life, client_killed)
{
	struct tandem_submission cancel;
	struct call call;
	pid_t pid;
	int fd;

	self->bind.depth = 1;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	pid = fork();
	if (!pid) {
		fd = open_node(DEVICE, O_RDONLY);
		_exit(read(fd, self->bytes, 1) == 1);
	}
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	/* It goes at once, though nobody answers. */
	EXPECT_EQ(SIGKILL, wait_child(pid, deadline_in(10)));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CANCEL, &cancel));
	EXPECT_EQ(self->m.id, cancel.id);

	/* What it had is the server's until that has answered. */
	call = reading(self, open_node(DEVICE, O_RDONLY), 0);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_TRUE(thread_asleep(&call.tid));
	EXPECT_TRUE(queue_quiet(self->q));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "k", 1));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_NE(cancel.file, self->m.file);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "l", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ('l', self->bytes[0]);
	close(call.fd);
}

/* Who dies while the server thinks about OPEN is released, if the server has let it in. */
TEST_F(queue_life, killed_in_open)
{
	struct tandem_submission message;
	pid_t pid;

	self->bind.operations |= OP(OPEN) | OP(RELEASE);
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	pid = fork();
	if (!pid)
		_exit(open_node(DEVICE, O_RDONLY));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_OPEN, &self->m));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(SIGKILL, wait_child(pid, deadline_in(10)));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CANCEL, &message));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, NULL, 0));
	EXPECT_EQ(0, queue_reply(self->q));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_RELEASE, &message));
	EXPECT_EQ(self->m.file, message.file);
	EXPECT_EQ(0, queue_answer(self->q, &message, 0, NULL, 0));
	EXPECT_TRUE(queue_quiet(self->q));
}

TEST_F(queue_life, deadline)
{
	const uint64_t limit = 400 * MSEC;
	struct tandem_submission cancel;
	struct call call;
	uint64_t start, took;

	self->bind.deadline = limit;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	call = reading(self, open_node(DEVICE, O_RDONLY), 0);
	start = now_ns();
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_EQ(-ETIMEDOUT, call_end(&call));
	took = now_ns() - start;
	EXPECT_LE(limit, took);
	EXPECT_GT(limit * 9 / 8 + 1500 * MSEC * test_scale(), took);
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CANCEL, &cancel));
	EXPECT_EQ(self->m.id, cancel.id);
	/* The late answer is no error, and reaches nobody. */
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "x", 1));
	EXPECT_EQ(0, queue_reply(self->q));
	EXPECT_EQ(0, self->bytes[0]);
	close(call.fd);
}

static int progress(const struct queue *q, uint64_t id)
{
	return ioctl(q->fd, TANDEM_IOC_PROGRESS, &id) ? -errno : 0;
}

TEST_F(queue_life, progress)
{
	struct call call;
	uint64_t end;

	self->bind.deadline = 600 * MSEC * test_scale();
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	call = reading(self, open_node(DEVICE, O_RDONLY), 0);
	end = now_ns() + 2 * self->bind.deadline;
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	while (!deadline_passed(end)) {
		struct tandem_submission message;

		ASSERT_EQ(0, progress(self->q, self->m.id));
		/* A CANCEL would say that it was given up after all. */
		ASSERT_EQ(-ETIMEDOUT, queue_next(self->q, &message, now_ns() + 20 * MSEC));
	}
	EXPECT_EQ(-ENOENT, progress(self->q, self->m.id + (1 << 16)));
	EXPECT_EQ(-ENOENT, progress(self->q, 0));
	EXPECT_EQ(-ENOENT, progress(self->q, ~0ULL));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "p", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ(-ENOENT, progress(self->q, self->m.id));
	close(call.fd);
}

/* This process holds the fd on, as a child of the server might. */
TEST_F(queue_life, server_killed)
{
	struct call calls[5];
	struct call opening = { .run = call_open, .data = DEVICE, .number = O_RDONLY };
	unsigned int i;
	char byte;
	int fd;

	self->bind.depth = 4;
	self->bind.operations |= OP(OPEN) | OP(RELEASE);
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	ASSERT_EQ(0, call_begin(&opening));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_OPEN, &self->m));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, NULL, 0));
	fd = call_end(&opening);
	ASSERT_LE(0, fd);

	/* Requests that the server has read, that it has not, and that have no tag yet. */
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = reading(self, fd, i);
		ASSERT_EQ(0, call_begin(&calls[i]));
		if (!i) {
			ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
		}
	}
	ASSERT_EQ(0, call_begin(&opening));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ASSERT_TRUE(thread_asleep(&calls[i].tid));
	}
	ASSERT_TRUE(thread_asleep(&opening.tid));
	ASSERT_EQ(0, serving_kill(&self->s, SIGKILL));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(-EIO, call_end(&calls[i]));
	}
	EXPECT_EQ(-EIO, call_end(&opening));
	EXPECT_EQ(1, self->q->kernel->ended);
	EXPECT_EQ(-ESTALE, queue_answer(self->q, &self->m, 1, "x", 1) ?: queue_reply(self->q));

	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EIO, errno);
	/* The next server knows nothing of the files of this one. */
	ASSERT_EQ(0, succeed(self, OP(READ)));
	EXPECT_EQ(2, self->next.bind.generation);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EIO, errno);
	EXPECT_TRUE(queue_quiet(&self->next.queue));
	close(fd);
	EXPECT_TRUE(queue_quiet(&self->next.queue));
}

TEST_F(queue_life, clients_wait)
{
	struct tandem_submission m;
	struct call call, waiting;
	int fd;

	self->bind.flags |= TANDEM_BIND_WAIT;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDONLY);
	call = reading(self, fd, 0);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	ASSERT_EQ(0, serving_kill(&self->s, SIGKILL));
	/* What a server has seen is not done again by another. */
	EXPECT_EQ(-EIO, call_end(&call));

	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(fd, self->bytes, 1));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, 0));
	waiting = reading(self, fd, 1);
	ASSERT_EQ(0, call_begin(&waiting));
	ASSERT_TRUE(thread_asleep(&waiting.tid));
	ASSERT_EQ(0, succeed(self, OP(OPEN) | OP(RELEASE)));
	ASSERT_EQ(0, queue_expect(&self->next.queue, TANDEM_OP_OPEN, &m));
	EXPECT_EQ(TANDEM_SUBMISSION_REOPEN, m.flags & TANDEM_SUBMISSION_REOPEN);
	EXPECT_EQ(self->m.file, m.file);
	EXPECT_EQ(0, queue_answer(&self->next.queue, &m, 0, NULL, 0));
	ASSERT_EQ(0, queue_expect(&self->next.queue, TANDEM_OP_READ, &m));
	EXPECT_EQ(self->m.file, m.file);
	EXPECT_EQ(0, queue_answer(&self->next.queue, &m, 1, "n", 1));
	EXPECT_EQ(1, call_end(&waiting));
	EXPECT_EQ('n', self->bytes[1]);
	close(fd);
	EXPECT_EQ(0, queue_expect(&self->next.queue, TANDEM_OP_RELEASE, &m));
}

/* A server that asks itself is told so. */
TEST_F(queue_life, deadlock)
{
	struct tandem_bind bind = self->bind;
	char byte = 0;
	int fd;

	self->s.fd = open_node("control", O_RDWR);
	ASSERT_LE(0, self->s.fd);
	ASSERT_EQ(0, ioctl(self->s.fd, TANDEM_IOC_BIND, &bind));
	fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EDEADLK, errno);
	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(EDEADLK, errno);
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(EDEADLK, errno);
	close(fd);
	close(self->s.fd);

	self->s.fd = open_node("control", O_RDWR);
	bind = self->bind;
	bind.flags = 0;
	bind.operations |= OP(OPEN);
	ASSERT_EQ(0, ioctl(self->s.fd, TANDEM_IOC_BIND, &bind));
	EXPECT_EQ(-EDEADLK, open_node(DEVICE, O_RDWR));
}

TEST_F(queue_life, removed)
{
	struct tandem_remove remove = { .name = DEVICE };
	struct pollfd ready = { .events = POLLIN };
	struct tandem_submission m;
	struct call calls[12];
	unsigned int i;
	int fd;

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = reading(self, fd, i);
		ASSERT_EQ(0, call_begin(&calls[i]));
	}
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &m));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ASSERT_TRUE(thread_asleep(&calls[i].tid));
	}
	ASSERT_EQ(0, ioctl(self->s.fd, TANDEM_IOC_REMOVE, &remove));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(-ENODEV, call_end(&calls[i]));
	}
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(ENODEV, errno);
	ready.fd = fd;
	EXPECT_EQ(1, poll(&ready, 1, 0));
	EXPECT_NE(0, ready.revents & POLLHUP);
	EXPECT_EQ(-ENODEV, queue_reply(self->q));
	EXPECT_EQ(-1, read(self->s.fd, &m, sizeof(m)));
	EXPECT_EQ(ENODEV, errno);
	ready.fd = self->s.fd;
	EXPECT_EQ(1, poll(&ready, 1, 0));
	EXPECT_NE(0, ready.revents & POLLHUP);
	close(fd);
}

TEST_F(queue_life, unbound)
{
	struct tandem_ready readiness = { .events = EPOLLIN };
	struct tandem_reply_wait wait = { .min = 1, .timeout = TANDEM_FOREVER };
	struct tandem_completion c = { .result = 1 };
	struct pollfd ready = { .events = POLLIN };
	struct tandem_adopt adopt = { .flags = 0 };
	uint8_t buffer[8192];
	struct call calls[2];
	unsigned int i;
	int fd;

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDWR);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i] = reading(self, fd, i);
		ASSERT_EQ(0, call_begin(&calls[i]));
		ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
		ASSERT_TRUE(thread_asleep(&calls[i].tid));
	}
	/* An answer that is there is taken before the end. */
	c.id = self->m.id;
	queue_publish(self->q, &c);
	ASSERT_EQ(0, ioctl(self->s.fd, TANDEM_IOC_UNBIND));
	EXPECT_EQ(-EIO, call_end(&calls[0]));
	EXPECT_EQ(1, call_end(&calls[1]));

#define STALE(call) do {							\
		EXPECT_EQ(-1, call);						\
		EXPECT_EQ(ESTALE, errno);					\
	} while (0)
	STALE(ioctl(self->s.fd, TANDEM_IOC_REPLY_WAIT, &wait));
	STALE(ioctl(self->s.fd, TANDEM_IOC_PROGRESS, &self->m.id));
	STALE(ioctl(self->s.fd, TANDEM_IOC_READY, &readiness));
	STALE(ioctl(self->s.fd, TANDEM_IOC_ADOPT, &adopt));
	STALE(ioctl(self->s.fd, TANDEM_IOC_UNBIND));
	STALE(ioctl(self->s.fd, TANDEM_IOC_QUEUE, 0));
	STALE(read(self->s.fd, buffer, sizeof(buffer)));
	STALE(write(self->s.fd, &c, sizeof(c)));
#undef STALE
	ready.fd = self->s.fd;
	EXPECT_EQ(1, poll(&ready, 1, 0));
	EXPECT_NE(0, ready.revents & POLLHUP);
	EXPECT_EQ(1, self->q->kernel->ended);
	/* The device is free for another server at once. */
	ASSERT_EQ(0, succeed(self, 0));
	close(fd);
}

/* The server process is who adopted last. */
TEST_F(queue_life, adopted)
{
	struct tandem_adopt args = { .flags = 1 };
	char byte;
	int fd;

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	EXPECT_EQ(-1, ioctl(self->s.fd, TANDEM_IOC_ADOPT, &args));
	EXPECT_EQ(EINVAL, errno);
	args.flags = 0;
	ASSERT_EQ(0, ioctl(self->s.fd, TANDEM_IOC_ADOPT, &args));
	EXPECT_EQ(1, args.generation);
	EXPECT_EQ(1, args.queues);
	EXPECT_EQ(self->s.bind.depth, args.depth);
	EXPECT_EQ(self->s.bind.slot_size, args.slot_size);
	EXPECT_EQ(self->s.bind.operations, args.operations);
	EXPECT_EQ(self->s.bind.server_size, args.server_size);
	EXPECT_EQ(self->s.bind.kernel_size, args.kernel_size);
	/* The one before may die. */
	ASSERT_EQ(0, serving_kill(&self->s, SIGKILL));
	EXPECT_EQ(0, queue_reply(self->q));
	fd = open_node(DEVICE, O_RDONLY);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EDEADLK, errno);
	close(fd);

	fd = open_node("control", O_RDWR);
	EXPECT_EQ(-1, ioctl(fd, TANDEM_IOC_ADOPT, &args));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, ioctl(fd, TANDEM_IOC_UNBIND));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, ioctl(fd, TANDEM_IOC_QUEUE, 0));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(ENOTCONN, errno);
	close(fd);
}

TEST_HARNESS_MAIN
