// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors that are passed on, duplicated and closed while they are in use, or never received:
 * the last user, whoever that is, ends what they stand for, and only then.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "faults.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-fd"
#define OTHER	"t-fd-other"
#define RING	(64 * 1024)
#define LENGTH	2
#define SLOTS	8
#define USERS	3

FIXTURE(fd)
{
	int server;
	int node;
	struct consumer bystander;
	struct query query;
	int subscriptions;
	int servers;
};

FIXTURE_SETUP(fd)
{
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, self->node);
	ASSERT_EQ(0, consumer_open(&self->bystander, DEVICE, 1024 * 1024));
	ASSERT_EQ(0, query_open(&self->query));
	self->subscriptions = query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL);
	self->servers = query_count(&self->query, TANDEM_CMD_SERVER_GET, NULL);
}

/* Nothing of what was opened since the start is held by anybody. */
static bool all_is_closed(FIXTURE_DATA(fd) * self)
{
	return query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL) ==
	       self->subscriptions &&
	       query_count(&self->query, TANDEM_CMD_SERVER_GET, NULL) == self->servers;
}

FIXTURE_TEARDOWN(fd)
{
	EXPECT_TRUE(all_is_closed(self));
	consumer_close(&self->bystander);
	query_close(&self->query);
	close(self->node);
	close(self->server);
	EXPECT_EQ(0, remove_device(DEVICE));
}

/* Return: 0 or -errno. */
static int send_fds(int socket, const int *fds, unsigned int count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = { .header = {
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(count * sizeof(int)) } };
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };

	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

/* Return: the one fd that was sent, or -errno. */
static int receive_fd(int socket)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return -errno;
	if (!CMSG_FIRSTHDR(&message))
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

static int open_subscription(int node)
{
	struct tandem_subscribe args = { .ring_size = RING };
	int fd = subscribe(node, &args);

	if (fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

TEST_F(fd, in_flight)
{
	int ends[2], subscription = open_subscription(self->node);
	int server = bind_device(OTHER), received;
	char buffer[64];

	ASSERT_LE(0, subscription);
	ASSERT_LE(0, server);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	ASSERT_EQ(0, send_fds(ends[0], &subscription, 1));
	ASSERT_EQ(0, send_fds(ends[0], &server, 1));
	close(subscription);
	close(server);
	EXPECT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "flying", 6));
	EXPECT_EQ(1, consumer_drain(&self->bystander, NULL, NULL));
	EXPECT_EQ(-EBUSY, remove_device(OTHER));
	received = receive_fd(ends[1]);
	ASSERT_LE(0, received);
	EXPECT_EQ(24, read(received, buffer, sizeof(buffer)));
	EXPECT_EQ(0, memcmp(buffer + 16, "flying", 6));
	EXPECT_EQ(-1, read(received, buffer, sizeof(buffer)));
	EXPECT_EQ(EAGAIN, errno);
	close(received);
	/* The other one is never received. */
	close(ends[0]);
	EXPECT_EQ(-EBUSY, remove_device(OTHER));
	close(ends[1]);
	EXPECT_EQ(0, remove_device(OTHER));
}

/* Sockets that hold each other, and something of Tandem, are found by the garbage collector. */
TEST_F(fd, sent_to_itself)
{
	const uint64_t deadline = deadline_in(20);
	int ends[2], fds[4], spare;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	fds[0] = open_subscription(self->node);
	fds[1] = bind_device(OTHER);
	fds[2] = ends[0];
	fds[3] = ends[1];
	ASSERT_LE(0, fds[0]);
	ASSERT_LE(0, fds[1]);
	ASSERT_EQ(0, send_fds(ends[0], fds, 4));
	ASSERT_EQ(0, send_fds(ends[1], fds, 4));
	close(fds[0]);
	close(fds[1]);
	EXPECT_FALSE(all_is_closed(self));
	close(ends[0]);
	close(ends[1]);
	while (!all_is_closed(self)) {
		ASSERT_FALSE(deadline_passed(deadline));
		EXPECT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "round", 5));
		EXPECT_EQ(1, consumer_drain(&self->bystander, NULL, NULL));
		/* Closing a socket makes the kernel collect. */
		spare = socket(AF_UNIX, SOCK_STREAM, 0);
		ASSERT_LE(0, spare);
		close(spare);
	}
	EXPECT_EQ(0, remove_device(OTHER));
}

/* ---- Closed while in use ---- */

struct user {
	pthread_t thread;
	uint64_t random;
	uint64_t end;
	const int *slots;
	uint64_t calls;
};

static void use(int fd, uint64_t random)
{
	struct tandem_device_control args = { .code = 1 };
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char buffer[512];
	void *page;

	switch (random % 7) {
	case 0:
		if (read(fd, buffer, sizeof(buffer)) < 0)
			poll(&ready, 1, 0);
		break;
	case 1:
		poll(&ready, 1, random % 3);
		break;
	case 2:
		ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, &args);
		break;
	case 3:
		post_event(fd, 2, TANDEM_CLASS_NORMAL, NULL, 0);
		break;
	case 4:
		close(open_subscription(fd));
		break;
	case 5:
		close(dup(fd));
		break;
	default:
		page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (page == MAP_FAILED)
			break;
		__atomic_store_n((char *)page, 0, __ATOMIC_RELAXED);
		munmap(page, page_size());
	}
}

static void *use_slots(void *data)
{
	struct user *user = data;

	while (!deadline_passed(user->end)) {
		uint64_t random = next_random(&user->random);

		use(user->slots[random % SLOTS], random / SLOTS);
		user->calls++;
	}
	return NULL;
}

/* A new file of any kind takes the place of the one in @slot, whoever is in it. */
static bool replace(int node, int slot, uint64_t random)
{
	int fd;

	switch (random % 3) {
	case 0:
		fd = open_node(DEVICE, O_RDWR);
		break;
	case 1:
		/* One at a time is its server: the others are refused, and bound to nothing. */
		fd = bind_device(OTHER);
		if (fd < 0)
			fd = open_node("control", O_RDWR);
		break;
	default:
		fd = open_subscription(node);
	}
	if (fd < 0)
		return false;
	if (dup3(fd, slot, O_CLOEXEC) != slot)
		return false;
	return !close(fd);
}

TEST_F(fd, closed_in_use)
{
	const uint64_t end = now_ns() + LENGTH * 1000000000ULL;
	struct user user[USERS];
	int slots[SLOTS];
	uint64_t random = now_ns() | 1, posted = 0, received = 0, replaced = 0;
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		slots[i] = open_node(DEVICE, O_RDWR);
		ASSERT_LE(0, slots[i]);
	}
	for (i = 0; i < USERS; i++) {
		user[i] = (struct user){ .random = next_random(&random), .end = end,
					 .slots = slots };
		ASSERT_EQ(0, pthread_create(&user[i].thread, NULL, use_slots, &user[i]));
	}
	while (!deadline_passed(end)) {
		EXPECT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
		posted++;
		ASSERT_TRUE(replace(self->node, slots[next_random(&random) % SLOTS],
				    next_random(&random)));
		replaced++;
		remove_device(OTHER);
		received += consumer_drain(&self->bystander, NULL, NULL);
	}
	for (i = 0; i < USERS; i++) {
		ASSERT_EQ(0, thread_join(user[i].thread, 20));
		EXPECT_LT(0, user[i].calls);
	}
	for (i = 0; i < SLOTS; i++)
		close(slots[i]);
	received += consumer_drain(&self->bystander, NULL, NULL);
	EXPECT_EQ(NULL, self->bystander.error);
	EXPECT_EQ(posted, received + consumer_lost_records(&self->bystander));
	EXPECT_EQ(0, consumer_lost_records(&self->bystander));
	remove_device(OTHER);
	TH_LOG("%ju calls of the first, %ju files", (uintmax_t)user[0].calls, (uintmax_t)replaced);
}

/* ---- Passed on while in use ---- */

struct receiver {
	pthread_t thread;
	int socket;
	uint64_t received;
};

static void *receive_and_use(void *data)
{
	struct receiver *receiver = data;
	uint64_t random = now_ns() | 1;
	int fd;

	while ((fd = receive_fd(receiver->socket)) >= 0) {
		use(fd, next_random(&random));
		close(fd);
		receiver->received++;
	}
	return NULL;
}

TEST_F(fd, passed_on)
{
	const uint64_t end = now_ns() + LENGTH * 1000000000ULL;
	struct receiver receiver = { .socket = -1 };
	uint64_t sent = 0, posted = 0, received = 0;
	int ends[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends));
	receiver.socket = ends[1];
	ASSERT_EQ(0, pthread_create(&receiver.thread, NULL, receive_and_use, &receiver));
	while (!deadline_passed(end)) {
		switch (sent % 3) {
		case 0:
			fd = open_subscription(self->node);
			break;
		case 1:
			fd = open_node(DEVICE, O_RDWR);
			break;
		default:
			fd = bind_device(OTHER);
			if (fd < 0)
				fd = open_node("control", O_RDWR);
		}
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, send_fds(ends[0], &fd, 1));
		sent++;
		use(fd, sent);
		close(fd);
		remove_device(OTHER);
		EXPECT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
		posted++;
		received += consumer_drain(&self->bystander, NULL, NULL);
	}
	close(ends[0]);
	ASSERT_EQ(0, thread_join(receiver.thread, 20));
	close(ends[1]);
	EXPECT_EQ(sent, receiver.received);
	EXPECT_EQ(posted, received);
	EXPECT_EQ(0, consumer_lost_records(&self->bystander));
	EXPECT_EQ(NULL, self->bystander.error);
	remove_device(OTHER);
	TH_LOG("%ju files", (uintmax_t)sent);
}

TEST_HARNESS_MAIN
