// SPDX-License-Identifier: GPL-2.0
/*
 * Server sessions: bind, generations, death; and devices that outlive their servers.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-server"
#define RING	(64 * 1024)

FIXTURE(server)
{
	struct query query;
	struct query changes;
	uint64_t deadline;
	int control;
};

FIXTURE_SETUP(server)
{
	ASSERT_EQ(0, query_open(&self->query));
	ASSERT_EQ(0, query_open(&self->changes));
	ASSERT_EQ(0, query_listen(&self->changes));
	self->deadline = deadline_in(20);
	self->control = open_node("control", O_RDWR);
	ASSERT_LE(0, self->control);
}

FIXTURE_TEARDOWN(server)
{
	query_close(&self->query);
	query_close(&self->changes);
	close(self->control);
	remove_device(DEVICE);
}

/* Return: the generation, or -errno. */
static int bind_at(int control, uint32_t flags)
{
	struct tandem_bind bind;

	bind_init(&bind, DEVICE);
	bind.flags = flags;
	return ioctl(control, TANDEM_IOC_BIND, &bind) ? -errno : (int)bind.generation;
}

static bool node_exists(void)
{
	return !access("/dev/tandem/" DEVICE, F_OK);
}

TEST_F(server, bind)
{
	int second = open_node("control", O_RDWR);

	ASSERT_LE(0, second);
	EXPECT_EQ(-ENOENT, bind_at(self->control, 0));
	EXPECT_FALSE(node_exists());
	EXPECT_EQ(1, bind_at(self->control, TANDEM_BIND_CREATE));
	EXPECT_TRUE(node_exists());
	EXPECT_EQ(-EALREADY, bind_at(self->control, TANDEM_BIND_CREATE));
	EXPECT_EQ(-EALREADY, bind_at(self->control, 0));
	EXPECT_EQ(-EBUSY, bind_at(second, 0));
	EXPECT_EQ(-EBUSY, bind_at(second, TANDEM_BIND_CREATE));
	EXPECT_EQ(-EEXIST, bind_at(second, TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE));
	EXPECT_EQ(-ENOTCONN, post_event(second, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	EXPECT_EQ(0, post_event(self->control, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	close(second);
}

TEST_F(server, generations)
{
	int i;

	close(self->control);
	for (i = 1; i <= 20; i++) {
		struct info info;
		int control = open_node("control", O_RDWR);

		ASSERT_LE(0, control);
		EXPECT_EQ(i, bind_at(control, i == 1 ? TANDEM_BIND_CREATE : 0));
		ASSERT_EQ(0, query_server(&self->query, DEVICE, &info));
		EXPECT_EQ((uint64_t)i, info.number[TANDEM_ATTR_GENERATION]);
		close(control);
		EXPECT_TRUE(node_exists());
	}
	self->control = open_node("control", O_RDWR);
}

/* What a session was made with counts once: a later one does not change the node. */
TEST_F(server, keeps_its_modes)
{
	struct tandem_bind bind;
	struct info info;
	int server = bind_device(DEVICE);

	ASSERT_LE(0, server);
	close(server);
	bind_init(&bind, DEVICE);
	bind.flags = TANDEM_BIND_CREATE;
	bind.mode = 0600;
	bind.events_mode = 0;
	bind.uid = NOBODY;
	ASSERT_EQ(0, ioctl(self->control, TANDEM_IOC_BIND, &bind));
	EXPECT_EQ(2, bind.generation);
	ASSERT_EQ(0, query_device(&self->query, DEVICE, 0, &info));
	EXPECT_EQ(0666, info.number[TANDEM_ATTR_MODE]);
	EXPECT_EQ(0444, info.number[TANDEM_ATTR_EVENTS_MODE]);
	EXPECT_EQ(0, info.number[TANDEM_ATTR_NODE_UID]);
}

TEST_F(server, fd_of_an_ended_session)
{
	struct consumer consumer;
	struct info info;
	int fds[2], gate[2];
	char byte = 0;
	pid_t pid;

	/* A child binds and passes the fd here, and dies. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
	ASSERT_EQ(0, pipe(gate));
	pid = fork();
	if (!pid) {
		union {
			struct cmsghdr header;
			char space[CMSG_SPACE(sizeof(int))];
		} control = { .header = {
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		} };
		struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
					  .msg_controllen = sizeof(control) };
		int server = bind_device(DEVICE);

		memcpy(CMSG_DATA(&control.header), &server, sizeof(server));
		close(gate[1]);
		if (server < 0 || sendmsg(fds[1], &message, 0) != 1)
			_exit(1);
		_exit(read(gate[0], &byte, 1) < 0);
	}
	close(self->control);
	{
		char space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
		struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space,
					  .msg_controllen = sizeof(space) };
		struct pollfd ready = { .fd = fds[0], .events = POLLIN };

		ASSERT_EQ(1, poll(&ready, 1, deadline_left(self->deadline)));
		ASSERT_EQ(1, recvmsg(fds[0], &message, MSG_CMSG_CLOEXEC));
		memcpy(&self->control, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	}
	/* As long as the server lives, its fd is good in other hands, too. */
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	EXPECT_EQ(0, post_event(self->control, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	EXPECT_EQ(1, consumer_drain(&consumer, NULL, NULL));
	ASSERT_EQ(0, query_server(&self->query, DEVICE, &info));
	EXPECT_EQ((uint64_t)pid, info.number[TANDEM_ATTR_PID]);

	close(gate[1]);
	ASSERT_EQ(0, query_wait_change(&self->changes, TANDEM_CMD_SERVER_GONE, DEVICE,
				       self->deadline, &info));
	EXPECT_EQ(0, wait_child(pid, self->deadline));
	EXPECT_EQ(-ESTALE, post_event(self->control, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	EXPECT_EQ(-EALREADY, bind_at(self->control, 0));
	EXPECT_FALSE(consumer_ready(&consumer));
	EXPECT_EQ(0, consumer_lost_records(&consumer));
	consumer_close(&consumer);
	close(fds[0]);
	close(fds[1]);
	close(gate[0]);
}

static void *wait_for_ever(void *data)
{
	for (;;)
		pause();
	return data;
}

/* Is a server, whose child holds the fd until the pipe's other end is closed. */
static void serve_with_child(int gate, bool threads)
{
	pthread_t thread;
	char byte;

	if (bind_device(DEVICE) < 0)
		_exit(1);
	if (!fork())
		_exit(read(gate, &byte, 1) < 0);
	if (threads && pthread_create(&thread, NULL, wait_for_ever, NULL))
		_exit(2);
	wait_for_ever(NULL);
}

static bool wait_change_of(struct query *changes, uint8_t cmd, pid_t pid, uint64_t deadline)
{
	struct info info;
	int err;

	do
		err = query_wait_change(changes, cmd, DEVICE, deadline, &info);
	while (!err && info.number[TANDEM_ATTR_PID] != (uint64_t)pid);
	return !err;
}

TEST_F(server, killed_while_a_child_holds_the_fd)
{
	unsigned int threads;

	for (threads = 0; threads < 2; threads++) {
		struct info info;
		int gate[2];
		pid_t pid;
		int server;

		ASSERT_EQ(0, pipe(gate));
		pid = fork();
		if (!pid) {
			close(gate[1]);
			serve_with_child(gate[0], threads);
		}
		ASSERT_TRUE(wait_change_of(&self->changes, TANDEM_CMD_SERVER_BOUND, pid,
					   self->deadline));
		EXPECT_EQ(-EBUSY, bind_at(self->control, 0));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_TRUE(wait_change_of(&self->changes, TANDEM_CMD_SERVER_GONE, pid,
					   self->deadline));
		EXPECT_EQ(SIGKILL, wait_child(pid, self->deadline));
		server = open_node("control", O_RDWR);
		EXPECT_EQ(2, bind_at(server, 0));
		EXPECT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
		/* Now the child's fd goes: it must not end the session that is not its own. */
		close(gate[1]);
		close(gate[0]);
		EXPECT_EQ(0, query_server(&self->query, DEVICE, &info));
		EXPECT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
		close(server);
		EXPECT_EQ(0, remove_device(DEVICE));
	}
}

static void *end_at_once(void *data)
{
	return data;
}

/* A child that exits, or a thread, takes nothing with it. */
TEST_F(server, outlived_by_nothing_but_itself)
{
	pthread_t thread;
	struct info info;
	pid_t pid;

	EXPECT_EQ(1, bind_at(self->control, TANDEM_BIND_CREATE));
	pid = fork();
	if (!pid)
		_exit(0);
	EXPECT_EQ(0, wait_child(pid, self->deadline));
	EXPECT_EQ(0, post_event(self->control, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, end_at_once, NULL));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, post_event(self->control, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	EXPECT_EQ(0, query_server(&self->query, DEVICE, &info));
	close(dup(self->control));
	EXPECT_EQ(0, query_server(&self->query, DEVICE, &info));
}

TEST_F(server, device_outlives_it)
{
	struct consumer consumer;
	struct info info;
	int node;

	EXPECT_EQ(1, bind_at(self->control, TANDEM_BIND_CREATE));
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	EXPECT_EQ(0, post_event(self->control, 1, TANDEM_CLASS_NORMAL, "a", 1));
	close(self->control);
	EXPECT_EQ(-ENOENT, query_server(&self->query, DEVICE, &info));
	ASSERT_EQ(0, query_device(&self->query, DEVICE, 0, &info));
	EXPECT_EQ(1, info.number[TANDEM_ATTR_SUBSCRIPTIONS]);
	node = open_node(DEVICE, O_RDWR);
	EXPECT_LE(0, node);
	close(node);
	self->control = open_node("control", O_RDWR);
	EXPECT_EQ(2, bind_at(self->control, 0));
	EXPECT_EQ(0, post_event(self->control, 1, TANDEM_CLASS_NORMAL, "b", 1));
	EXPECT_EQ(2, consumer_drain(&consumer, NULL, NULL));
	consumer_close(&consumer);
}

TEST_F(server, removed_by_itself)
{
	struct tandem_remove args = { .name = DEVICE };
	struct tandem_subscribe subscription = { .ring_size = RING };
	struct pollfd ready;
	char buffer[64];
	int node, fd;

	EXPECT_EQ(1, bind_at(self->control, TANDEM_BIND_CREATE));
	node = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, node);
	fd = subscribe(node, &subscription);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, remove_device(DEVICE));
	EXPECT_EQ(0, post_event(self->control, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	EXPECT_EQ(0, ioctl(self->control, TANDEM_IOC_REMOVE, &args));
	EXPECT_FALSE(node_exists());
	EXPECT_EQ(-ENOENT, open_node(DEVICE, O_RDWR));

	/* Subscribers drain, then see the end. */
	ready = (struct pollfd){ .fd = fd, .events = POLLIN };
	EXPECT_EQ(1, poll(&ready, 1, deadline_left(self->deadline)));
	EXPECT_EQ(POLLIN | POLLHUP, ready.revents);
	EXPECT_EQ(16, read(fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, read(fd, buffer, sizeof(buffer)));
	close(fd);

	/* The node's file is good for nothing any more. */
	EXPECT_EQ(-1, read(node, buffer, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, write(node, buffer, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, subscribe(node, &subscription));
	EXPECT_EQ(-1, ioctl(node, _IO('t', 1)));
	EXPECT_EQ(ENODEV, errno);
	ready = (struct pollfd){ .fd = node };
	EXPECT_EQ(1, poll(&ready, 1, 0));
	EXPECT_NE(0, ready.revents & POLLHUP);
	close(node);

	EXPECT_EQ(-ENODEV, post_event(self->control, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	EXPECT_EQ(-1, ioctl(self->control, TANDEM_IOC_REMOVE, &args));
	EXPECT_EQ(ENOENT, errno);
}

/* A name is free again at once, though files of the old device are still open. */
TEST_F(server, removed_and_made_again)
{
	struct tandem_subscribe args = { .ring_size = RING };
	char buffer[64];
	int i;

	for (i = 0; i < 20; i++) {
		int server = bind_device(DEVICE), node, old, fd, fresh;

		ASSERT_LE(0, server);
		old = open_node(DEVICE, O_RDONLY);
		ASSERT_LE(0, old);
		fd = subscribe(old, &args);
		ASSERT_LE(0, fd);
		close(server);
		ASSERT_EQ(0, remove_device(DEVICE));
		server = bind_device(DEVICE);
		ASSERT_LE(0, server);
		node = open_node(DEVICE, O_RDONLY);
		args = (struct tandem_subscribe){ .ring_size = RING };
		fresh = subscribe(node, &args);
		EXPECT_LE(0, fresh);
		EXPECT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
		EXPECT_EQ(0, read(fd, buffer, sizeof(buffer)));
		EXPECT_EQ(16, read(fresh, buffer, sizeof(buffer)));
		close(fresh);
		close(node);
		close(fd);
		close(old);
		close(server);
		ASSERT_EQ(0, remove_device(DEVICE));
		args = (struct tandem_subscribe){ .ring_size = RING };
	}
}

/* A consumer may get its subscription from somebody else. */
TEST_F(server, subscription_in_other_hands)
{
	struct tandem_subscribe args = { .ring_size = RING };
	int node, fd, i;
	pid_t pid;

	EXPECT_EQ(1, bind_at(self->control, TANDEM_BIND_CREATE));
	node = open_node(DEVICE, O_RDONLY);
	fd = subscribe(node, &args);
	ASSERT_LE(0, fd);
	close(node);
	pid = fork();
	if (!pid) {
		struct consumer consumer = { .fd = fd, .args = args };

		close(self->control);
		if (setresuid(NOBODY, NOBODY, NOBODY) || consumer_map(&consumer))
			_exit(1);
		while (consumer_records(&consumer) < 100) {
			struct pollfd ready = { .fd = fd, .events = POLLIN };

			if (poll(&ready, 1, deadline_left(self->deadline)) != 1)
				_exit(2);
			consumer_drain(&consumer, NULL, NULL);
		}
		_exit(consumer.error ? 3 : 0);
	}
	for (i = 0; i < 100; i++) {
		EXPECT_EQ(0, post_event(self->control, 1, TANDEM_CLASS_NORMAL, "x", 1));
	}
	EXPECT_EQ(0, wait_child(pid, self->deadline));
	close(fd);
}

TEST_HARNESS_MAIN
