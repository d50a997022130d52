// SPDX-License-Identifier: GPL-2.0
/*
 * Signals that come while a server works on a request, and readiness that it tells of: EINTR and
 * restart, poll, epoll and SIGIO.
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

#define DEVICE	"t-signal"

FIXTURE(request_signal)
{
	struct serving s;
	struct queue *q;
	struct tandem_bind bind;
	struct tandem_submission m;
	int fd;
};

static unsigned int signals;

static void count_signal(int signal)
{
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELAXED);
}

FIXTURE_SETUP(request_signal)
{
	self->q = &self->s.queue;
	serving_init(&self->bind, DEVICE);
	self->bind.operations |= OP(CANCEL);
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	self->fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(request_signal)
{
	close(self->fd);
	serving_end(&self->s);
	EXPECT_EQ(0, remove_device(DEVICE));
}

static void catch_signal(int number, int flags)
{
	const struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	signals = 0;
	sigaction(number, &action, NULL);
}

TEST_F(request_signal, interrupted)
{
	struct tandem_submission cancel;
	char byte = 0;
	struct call call = { .run = call_read, .fd = self->fd, .data = &byte, .len = 1 };

	catch_signal(SIGUSR1, 0);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	ASSERT_TRUE(thread_asleep(&call.tid));
	ASSERT_EQ(0, pthread_kill(call.thread, SIGUSR1));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CANCEL, &cancel));
	EXPECT_EQ(self->m.id, cancel.id);
	EXPECT_EQ(self->m.file, cancel.file);
	/* It is told once. */
	ASSERT_EQ(0, pthread_kill(call.thread, SIGUSR1));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -EINTR, NULL, 0));
	EXPECT_EQ(-EINTR, call_end(&call));
	EXPECT_NE(0, signals);
	EXPECT_TRUE(queue_quiet(self->q));
}

TEST_F(request_signal, restarted)
{
	struct tandem_submission cancel;
	char byte = 0;
	struct call call = { .run = call_read, .fd = self->fd, .data = &byte, .len = 1 };

	catch_signal(SIGUSR1, SA_RESTART);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	ASSERT_TRUE(thread_asleep(&call.tid));
	ASSERT_EQ(0, pthread_kill(call.thread, SIGUSR1));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CANCEL, &cancel));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -EINTR, NULL, 0));
	/* The same call comes again, as another request. */
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_NE(cancel.id, self->m.id);
	EXPECT_EQ(1, signals);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "a", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ('a', byte);
}

/* A server that has done it already says so, and that is what counts. */
TEST_F(request_signal, too_late)
{
	struct tandem_submission cancel;
	struct call call = { .run = call_write, .fd = self->fd, .data = "w", .len = 1 };

	catch_signal(SIGUSR1, 0);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_WRITE, &self->m));
	ASSERT_TRUE(thread_asleep(&call.tid));
	ASSERT_EQ(0, pthread_kill(call.thread, SIGUSR1));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CANCEL, &cancel));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, NULL, 0));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ(1, signals);
}

static int ready_now(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	return poll(&ready, 1, 0) < 0 ? -errno : ready.revents;
}

static int set_ready(const struct serving *s, uint64_t file, uint32_t events)
{
	const struct tandem_ready args = { .file = file, .events = events };

	return ioctl(s->fd, TANDEM_IOC_READY, &args) ? -errno : 0;
}

/* Has the server see a file, and answer a read with @c beside its id. */
static long read_answered(FIXTURE_DATA(request_signal) * self, int fd, struct tandem_completion c)
{
	char byte = 0;
	struct call call = { .run = call_read, .fd = fd, .data = &byte, .len = 1 };

	if (call_begin(&call) || queue_expect(self->q, TANDEM_OP_READ, &self->m))
		return -EPROTO;
	c.id = self->m.id;
	if (queue_complete(self->q, &c, "", c.result > 0))
		return -EPROTO;
	return call_end(&call);
}

TEST_F(request_signal, poll)
{
	struct tandem_completion c = { .flags = TANDEM_COMPLETION_READY };
	int other = open_node(DEVICE, O_RDWR);
	uint64_t file;

	ASSERT_LE(0, other);
	EXPECT_EQ(POLLIN | POLLOUT, ready_now(self->fd));
	EXPECT_EQ(0, read_answered(self, self->fd, c));
	file = self->m.file;
	EXPECT_EQ(0, ready_now(self->fd));
	EXPECT_EQ(POLLIN | POLLOUT, ready_now(other));
	EXPECT_EQ(0, set_ready(&self->s, file, EPOLLOUT));
	EXPECT_EQ(POLLOUT, ready_now(self->fd));
	EXPECT_EQ(0, set_ready(&self->s, 0, EPOLLPRI));
	EXPECT_EQ(POLLPRI, ready_now(self->fd));
	EXPECT_EQ(POLLPRI, ready_now(other));
	c.result = 1;
	c.ready = EPOLLIN;
	EXPECT_EQ(1, read_answered(self, other, c));
	EXPECT_EQ(POLLIN, ready_now(other));
	EXPECT_EQ(POLLPRI, ready_now(self->fd));
	/* Without the flag nothing changes. */
	c.flags = 0;
	EXPECT_EQ(1, read_answered(self, self->fd, c));
	EXPECT_EQ(POLLPRI, ready_now(self->fd));

	EXPECT_EQ(-ENOENT, set_ready(&self->s, file + 1000, EPOLLIN));
	EXPECT_EQ(-ENOENT, set_ready(&self->s, 1ULL << 32 | file, EPOLLIN));
	EXPECT_EQ(-EINVAL, set_ready(&self->s, file, 1U << 31));
	EXPECT_EQ(POLLPRI, ready_now(self->fd));
	close(other);
}

static long call_poll(struct call *call)
{
	struct pollfd ready = { .fd = call->fd, .events = POLLIN };

	return poll(&ready, 1, -1) < 0 ? -1 : ready.revents;
}

TEST_F(request_signal, poll_wakes)
{
	struct call call = { .run = call_poll, .fd = self->fd };

	ASSERT_EQ(0, set_ready(&self->s, 0, 0));
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_TRUE(thread_asleep(&call.tid));
	EXPECT_EQ(0, set_ready(&self->s, 0, EPOLLIN));
	EXPECT_EQ(POLLIN, call_end(&call));

	/* The server's end is something to hear of. */
	ASSERT_EQ(0, read_answered(self, self->fd,
				   (struct tandem_completion){ .flags = TANDEM_COMPLETION_READY }));
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_TRUE(thread_asleep(&call.tid));
	EXPECT_EQ(0, serving_kill(&self->s, SIGKILL));
	EXPECT_EQ(POLLERR | POLLHUP, call_end(&call));
}

TEST_F(request_signal, epoll)
{
	struct epoll_event level = { .events = EPOLLIN }, edge = { .events = EPOLLIN | EPOLLET };
	struct epoll_event got;
	int a = epoll_create1(0), b = epoll_create1(0);

	ASSERT_EQ(0, set_ready(&self->s, 0, 0));
	ASSERT_EQ(0, epoll_ctl(a, EPOLL_CTL_ADD, self->fd, &level));
	ASSERT_EQ(0, epoll_ctl(b, EPOLL_CTL_ADD, self->fd, &edge));
	EXPECT_EQ(0, epoll_wait(a, &got, 1, 0));
	EXPECT_EQ(0, epoll_wait(b, &got, 1, 0));
	EXPECT_EQ(0, set_ready(&self->s, 0, EPOLLIN));
	EXPECT_EQ(1, epoll_wait(a, &got, 1, 0));
	EXPECT_EQ(1, epoll_wait(a, &got, 1, 0));
	EXPECT_EQ(1, epoll_wait(b, &got, 1, 0));
	EXPECT_EQ(EPOLLIN, got.events);
	EXPECT_EQ(0, epoll_wait(b, &got, 1, 0));
	/* Each time that the server says it is an edge. */
	EXPECT_EQ(0, set_ready(&self->s, 0, EPOLLIN));
	EXPECT_EQ(1, epoll_wait(b, &got, 1, 0));
	EXPECT_EQ(0, epoll_wait(b, &got, 1, 0));
	EXPECT_EQ(0, set_ready(&self->s, 0, 0));
	EXPECT_EQ(0, epoll_wait(a, &got, 1, 0));
	close(a);
	close(b);
}

TEST_F(request_signal, sigio)
{
	const struct timespec limit = { .tv_sec = 20 };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETSIG, SIGIO));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_ASYNC));
	EXPECT_EQ(0, set_ready(&self->s, 0, 0));
	EXPECT_EQ(-1, sigtimedwait(&set, &info, &(struct timespec){ 0 }));
	EXPECT_EQ(0, set_ready(&self->s, 0, EPOLLIN));
	ASSERT_EQ(SIGIO, sigtimedwait(&set, &info, &limit));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(POLL_IN, info.si_code);
	EXPECT_EQ(0, set_ready(&self->s, 0, EPOLLOUT));
	ASSERT_EQ(SIGIO, sigtimedwait(&set, &info, &limit));
	EXPECT_EQ(POLL_OUT, info.si_code);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	EXPECT_EQ(0, set_ready(&self->s, 0, EPOLLIN));
	EXPECT_EQ(-1, sigtimedwait(&set, &info, &(struct timespec){ 0 }));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_HARNESS_MAIN
