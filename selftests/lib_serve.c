// SPDX-License-Identifier: GPL-2.0
/*
 * Servers by the library, seen by their clients: each function, answers at once and later,
 * cancelling, files, readiness, queues, and each way to serve.
 *
 * TIMEOUT=180
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tandem.h>

#include "kselftest_harness.h"

#include "service.h"
#include "util.h"

FIXTURE(serve) {
	struct service service;
	int fd;
};

FIXTURE_SETUP(serve)
{
	ASSERT_EQ(service_start(&self->service, SERVICE_RUN, 0), 0);
	self->fd = tandem_open(SERVICE_DEVICE, O_RDWR);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(serve)
{
	close(self->fd);
	service_end(&self->service);
}

/* ioctl(). Return: what it returns, or -errno. */
static int command(int fd, unsigned long number, unsigned long arg)
{
	int ret = ioctl(fd, number, arg);

	return ret < 0 ? -errno : ret;
}

TEST_F(serve, contents)
{
	char buffer[64] = "";
	static char large[150 * 1000], again[sizeof(large)];
	size_t i;

	EXPECT_EQ(write(self->fd, "hello, world", 12), 12);
	EXPECT_EQ(read(self->fd, buffer, sizeof(buffer)), 0);
	EXPECT_EQ(lseek(self->fd, 7, SEEK_SET), 7);
	EXPECT_EQ(read(self->fd, buffer, 3), 3);
	EXPECT_EQ(read(self->fd, buffer + 3, 32), 2);
	EXPECT_STREQ(buffer, "world");
	EXPECT_EQ(pwrite(self->fd, "HELLO", 5, 0), 5);
	EXPECT_EQ(pread(self->fd, buffer, 12, 0), 12);
	EXPECT_EQ(memcmp(buffer, "HELLO, world", 12), 0);
	EXPECT_EQ(lseek(self->fd, -5, SEEK_END), 7);
	EXPECT_EQ(fsync(self->fd), 0);
	EXPECT_EQ(fdatasync(self->fd), -1);
	EXPECT_EQ(errno, EDOM);

	/* More than a slot has room for. */
	for (i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * 7 + i / 251);
	EXPECT_EQ(pwrite(self->fd, large, sizeof(large), 100), (ssize_t)sizeof(large));
	EXPECT_EQ(pread(self->fd, again, sizeof(again), 100), (ssize_t)sizeof(again));
	EXPECT_EQ(memcmp(large, again, sizeof(large)), 0);
	EXPECT_EQ(pwrite(self->fd, "x", 1, SERVICE_STORE), -1);
	EXPECT_EQ(errno, ENOSPC);
}

TEST_F(serve, append)
{
	int fd = tandem_open(SERVICE_DEVICE, O_RDWR | O_APPEND);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(pwrite(self->fd, "12345", 5, 0), 5);
	EXPECT_EQ(write(fd, "678", 3), 3);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 8);
	close(fd);
}

/* Each open file is one, with its own state, until its last user is gone. */
TEST_F(serve, files)
{
	int other = tandem_open(SERVICE_DEVICE, O_RDONLY), copy;

	ASSERT_GE(other, 0);
	EXPECT_EQ(tandem_open(SERVICE_DEVICE, O_RDONLY | O_SYNC), -EPERM);
	copy = dup(other);
	EXPECT_EQ(command(self->fd, SERVICE_COUNT, 0), 1);
	EXPECT_EQ(command(self->fd, SERVICE_COUNT, 0), 2);
	EXPECT_EQ(command(other, SERVICE_COUNT, 0), 1);
	EXPECT_EQ(command(copy, SERVICE_COUNT, 0), 2);
	EXPECT_EQ(self->service.seen->opened, 2);
	close(other);
	EXPECT_EQ(command(copy, SERVICE_COUNT, 0), 3);
	EXPECT_EQ(self->service.seen->released, 0);
	close(copy);
	EXPECT_TRUE(service_sees(&self->service.seen->released, 1));
	EXPECT_EQ(command(self->fd, SERVICE_COUNT, 0), 3);
	EXPECT_EQ(self->service.seen->released, 1);
	EXPECT_EQ(self->service.seen->too_early, 0);
}

TEST_F(serve, commands)
{
	struct service_sum sum = { .a = 4000000000U, .b = 500000000U };
	int reader = tandem_open(SERVICE_DEVICE, O_RDONLY);
	struct service_who who;
	__u32 value = 77;

	EXPECT_EQ(command(self->fd, SERVICE_SUM, (unsigned long)&sum), 5);
	EXPECT_EQ(sum.sum, 4500000000U);
	EXPECT_EQ(command(reader, SERVICE_SUM, (unsigned long)&sum), -EACCES);
	EXPECT_EQ(command(self->fd, SERVICE_WHO, (unsigned long)&who), 0);
	EXPECT_EQ(who.pid, (__u32)getpid());
	EXPECT_EQ(who.uid, geteuid());
	EXPECT_EQ(who.gid, getegid());
	/* A failure has no output. */
	EXPECT_EQ(command(self->fd, SERVICE_FAIL, (unsigned long)&value), -ERANGE);
	EXPECT_EQ(value, 77);
	EXPECT_EQ(command(self->fd, SERVICE_OTHER, 0), -ENOTTY);
	close(reader);
}

TEST_F(serve, control)
{
	char out[64] = "";
	size_t returned;

	EXPECT_EQ(tandem_control(self->fd, SERVICE_REVERSE, "abcd", 4, out, 64, &returned), 4);
	EXPECT_EQ(returned, 4);
	EXPECT_STREQ(out, "dcba");
	/* An error that has output. */
	EXPECT_EQ(tandem_control(self->fd, SERVICE_REVERSE, "xyz", 3, out, 64, &returned), -EXDEV);
	EXPECT_EQ(returned, 3);
	EXPECT_EQ(memcmp(out, "zyx", 3), 0);
	EXPECT_EQ(tandem_control(self->fd, SERVICE_REVERSE, out, 0, out, 64, NULL), -EINVAL);
	EXPECT_EQ(tandem_control(self->fd, SERVICE_REVERSE, out, 64, out, 3, NULL), -EINVAL);
	EXPECT_EQ(tandem_control(self->fd, SERVICE_REVERSE + 4, "ab", 2, out, 64, NULL), -ENOTTY);
}

static void nothing(int signal)
{
}

/* Waits in SERVICE_WAIT for a signal. Return: exit status: the errno. */
static pid_t fork_waiting(int fd)
{
	struct sigaction action = { .sa_handler = nothing };
	pid_t child = fork();

	if (!child) {
		sigaction(SIGUSR1, &action, NULL);
		_exit(-command(fd, SERVICE_WAIT, 0));
	}
	return child;
}

/* The release of a file comes after the last answer to a request of it. */
TEST_F(serve, release_is_last)
{
	struct service_seen *seen = self->service.seen;
	int fd = tandem_open(SERVICE_DEVICE, O_RDONLY);
	unsigned int i;
	pid_t child;

	ASSERT_GE(fd, 0);
	for (i = 1; i <= 20; i++) {
		child = fork_waiting(fd);
		ASSERT_GT(child, 0);
		ASSERT_TRUE(service_sees(&seen->waiting, i));
		close(fd);
		kill(child, SIGKILL);
		wait_child(child, deadline_in(10));
		EXPECT_TRUE(service_sees(&seen->released, i));
		EXPECT_EQ(seen->cancelled, i);
		fd = tandem_open(SERVICE_DEVICE, O_RDONLY);
		ASSERT_GE(fd, 0);
	}
	close(fd);
	EXPECT_EQ(seen->too_early, 0);
}

/* What poll() finds now. */
static short found(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	return poll(&pollfd, 1, 0) < 0 ? (short)-errno : pollfd.revents;
}

TEST_F(serve, readiness)
{
	struct pollfd pollfd = { .fd = self->fd, .events = POLLIN };
	int other = tandem_open(SERVICE_DEVICE, O_RDWR);
	pid_t child;

	EXPECT_EQ(found(self->fd), POLLIN | POLLOUT);
	EXPECT_EQ(command(self->fd, SERVICE_READY, EPOLLOUT), 0);
	EXPECT_EQ(found(self->fd), POLLOUT);
	EXPECT_EQ(found(other), POLLIN | POLLOUT);
	child = fork();
	if (!child)
		_exit(command(self->fd, SERVICE_READY, EPOLLIN) != 0);
	EXPECT_EQ(poll(&pollfd, 1, deadline_left(deadline_in(10))), 1);
	EXPECT_EQ(wait_child(child, deadline_in(10)), 0);
	EXPECT_EQ(command(self->fd, SERVICE_ANSWER_READY, EPOLLPRI), 0);
	EXPECT_EQ(found(self->fd), POLLPRI);
	close(other);
}

TEST_F(serve, posts)
{
	struct tandem_subscription *sub;
	const struct tandem_record *record;

	ASSERT_EQ(tandem_subscribe(&sub, self->fd, NULL), 0);
	EXPECT_EQ(command(self->fd, SERVICE_POST, 321), 0);
	EXPECT_EQ(tandem_wait(sub, deadline_left(deadline_in(10))), 1);
	record = tandem_next(sub);
	ASSERT_NE(record, NULL);
	EXPECT_EQ(TANDEM_RECORD_TYPE(record->type_flags), 321);
	EXPECT_EQ(memcmp(record->data, "posted", 6), 0);
	tandem_unsubscribe(sub);
}

/* A child of the server inherits its struct, which has nothing to do with the parent's. */
TEST_F(serve, forks)
{
	EXPECT_EQ(command(self->fd, SERVICE_FORK, 0), 0);
	EXPECT_EQ(command(self->fd, SERVICE_COUNT, 0), 1);
	EXPECT_EQ(write(self->fd, "still", 5), 5);
}

/* Whatever way it is served. */
FIXTURE(way) {
	struct service service;
	int fd;
};

FIXTURE_VARIANT(way) {
	enum service_way way;
};

FIXTURE_VARIANT_ADD(way, run) { .way = SERVICE_RUN };
FIXTURE_VARIANT_ADD(way, spin) { .way = SERVICE_SPIN };
FIXTURE_VARIANT_ADD(way, epoll) { .way = SERVICE_EPOLL };
FIXTURE_VARIANT_ADD(way, dispatch) { .way = SERVICE_DISPATCH };
FIXTURE_VARIANT_ADD(way, many) { .way = SERVICE_MANY };
FIXTURE_VARIANT_ADD(way, passed) { .way = SERVICE_PASSED };

FIXTURE_SETUP(way)
{
	ASSERT_EQ(service_start(&self->service, variant->way, 0), 0);
	self->fd = tandem_open(SERVICE_DEVICE, O_RDWR);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(way)
{
	close(self->fd);
	service_end(&self->service);
}

/* Asks for answers that come later. */
static void *ask_later(void *arg)
{
	uint64_t i, rounds = test_load(200);
	int fd = *(const int *)arg;

	for (i = 0; i < rounds; i++) {
		__u64 value = i * 1000;

		if (command(fd, SERVICE_LATER, (unsigned long)&value) || value != i * 1000 + 1)
			return "a wrong answer";
	}
	return NULL;
}

TEST_F(way, later)
{
	pthread_t threads[8];
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, ask_later, &self->fd), 0);
	for (i = 0; i < 8; i++) {
		void *wrong = "it has not ended";

		EXPECT_EQ(pthread_join(threads[i], &wrong), 0);
		EXPECT_EQ(wrong, NULL);
	}
}

/* A signal cancels, and a client that is killed does not wait for the answer. */
TEST_F(way, cancel)
{
	struct service_seen *seen = self->service.seen;
	pid_t child = fork_waiting(self->fd);
	int status;

	ASSERT_GT(child, 0);
	ASSERT_TRUE(service_sees(&seen->waiting, 1));
	kill(child, SIGUSR1);
	status = wait_child(child, deadline_in(10));
	ASSERT_TRUE(status >= 0 && WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), EINTR);
	EXPECT_EQ(seen->cancelled, 1);

	child = fork_waiting(self->fd);
	ASSERT_GT(child, 0);
	ASSERT_TRUE(service_sees(&seen->waiting, 2));
	kill(child, SIGKILL);
	status = wait_child(child, deadline_in(10));
	EXPECT_TRUE(status >= 0 && WIFSIGNALED(status));
	EXPECT_TRUE(service_sees(&seen->cancelled, 2));
	EXPECT_EQ(command(self->fd, SERVICE_COUNT, 0), 1);
}

TEST_F(way, stops)
{
	int status, ret;

	ret = command(self->fd, SERVICE_STOP, 0);
	EXPECT_TRUE(!ret || ret == -EIO);
	status = wait_child(self->service.pid, deadline_in(10));
	EXPECT_EQ(status, 0);
	EXPECT_EQ(command(self->fd, SERVICE_COUNT, 0), -EIO);
}

/* Each queue has the clients of its CPUs. */
TEST_F(way, queues)
{
	unsigned int cpus = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	struct service_who who;
	unsigned int cpu;

	for (cpu = 0; cpu < cpus; cpu++) {
		ASSERT_EQ(pin_to_cpu(cpu), 0);
		ASSERT_EQ(command(self->fd, SERVICE_WHO, (unsigned long)&who), 0);
		EXPECT_EQ(who.queue, variant->way == SERVICE_MANY ? cpu % SERVICE_QUEUES : 0);
	}
}

/* A server that looks for requests by itself does not sleep. */
TEST_F(way, spins)
{
	struct service_sum sum = { .a = 1 };
	uint64_t before, rounds = test_load(1000), i;

	ASSERT_EQ(command(self->fd, SERVICE_SUM, (unsigned long)&sum), 5);
	before = self->service.seen->switches;
	for (i = 0; i < rounds; i++)
		ASSERT_EQ(command(self->fd, SERVICE_SUM, (unsigned long)&sum), 5);
	if (variant->way == SERVICE_SPIN)
		EXPECT_LT(self->service.seen->switches - before, 1 + rounds / 20);
	EXPECT_EQ(self->service.seen->requests[0] + self->service.seen->requests[1], rounds + 1);
}

/* Of one queue, whose requests have a deadline. */
FIXTURE(deadline) {
	struct service service;
	int fd;
};

FIXTURE_SETUP(deadline)
{
	ASSERT_EQ(service_start(&self->service, SERVICE_RUN, 300 * 1000 * 1000), 0);
	self->fd = tandem_open(SERVICE_DEVICE, O_RDWR);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(deadline)
{
	close(self->fd);
	service_end(&self->service);
}

TEST_F(deadline, passes)
{
	EXPECT_EQ(command(self->fd, SERVICE_WAIT, 0), -ETIMEDOUT);
	EXPECT_TRUE(service_sees(&self->service.seen->cancelled, 1));
	EXPECT_EQ(command(self->fd, SERVICE_COUNT, 0), 1);
}

TEST_F(deadline, extended_by_progress)
{
	EXPECT_EQ(command(self->fd, SERVICE_BUSY, 1500), 0);
}

static int64_t no_handler(struct tandem_request *request)
{
	return -EOPNOTSUPP;
}

/* What cannot be is refused, and nothing is made. */
TEST(bad_options)
{
	static const struct tandem_server_ops ops = { .open = NULL };
	struct tandem_server_options good = {
		.ops = &ops, .flags = TANDEM_BIND_CREATE, .mode = 0600,
	};
	const struct tandem_server_command command =
		TANDEM_ON_IOCTL(FIONBIO, TANDEM_ACCESS_ANY, no_handler);
	struct tandem_server_options options;
	struct tandem_server *server, *second;

	options = good;
	options.depth = 3;
	EXPECT_EQ(tandem_server_create(&server, "bad", &options), -EINVAL);
	options.depth = 1U << 31;
	EXPECT_EQ(tandem_server_create(&server, "bad", &options), -EINVAL);
	options = good;
	options.slot_size = 2048;
	EXPECT_EQ(tandem_server_create(&server, "bad", &options), -EINVAL);
	options = good;
	options.mode = 01000;
	EXPECT_EQ(tandem_server_create(&server, "bad", &options), -EINVAL);
	options = good;
	options.commands = &command;
	options.commands_count = 1;
	EXPECT_EQ(tandem_server_create(&server, "bad", &options), -EINVAL);
	options = good;
	options.queues = TANDEM_QUEUES_MAX;
	options.depth = TANDEM_DEPTH_MAX;
	options.slot_size = TANDEM_SLOT_SIZE_MAX;
	EXPECT_EQ(tandem_server_create(&server, "bad", &options), -E2BIG);
	options = good;
	options.flags = 0;
	EXPECT_EQ(tandem_server_create(&server, "bad", &options), -ENOENT);
	EXPECT_EQ(tandem_remove("bad"), -ENOENT);
	EXPECT_EQ(tandem_server_create(&server, "control", &good), -EINVAL);

	ASSERT_EQ(tandem_server_create(&server, "good", &good), 0);
	EXPECT_EQ(tandem_server_create(&second, "good", &good), -EBUSY);
	EXPECT_EQ(tandem_server_dispatch(server, 0, 0), 0);
	tandem_server_destroy(server);
	EXPECT_EQ(tandem_server_adopt(&server, STDIN_FILENO, &good), -ENOTTY);
	EXPECT_EQ(tandem_remove("good"), 0);
}

TEST_HARNESS_MAIN
