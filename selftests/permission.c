// SPDX-License-Identifier: GPL-2.0
/*
 * Who may serve, open and subscribe, and how much of it.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-permission"
#define RING	(64 * 1024)

FIXTURE(permission)
{
	int server;
	uint64_t max_subscriptions;
	uint64_t max_bytes;
};

FIXTURE_SETUP(permission)
{
	ASSERT_TRUE(module_parameter("user_max_subscriptions", &self->max_subscriptions));
	ASSERT_TRUE(module_parameter("user_max_bytes", &self->max_bytes));
}

static int set_parameter(const char *name, uint64_t value)
{
	char path[128], word[32];

	snprintf(path, sizeof(path), "/sys/module/tandem/parameters/%s", name);
	snprintf(word, sizeof(word), "%ju", (uintmax_t)value);
	return write_word(path, word);
}

FIXTURE_TEARDOWN(permission)
{
	EXPECT_EQ(0, set_parameter("user_max_subscriptions", self->max_subscriptions));
	EXPECT_EQ(0, set_parameter("user_max_bytes", self->max_bytes));
	close(self->server);
	remove_device(DEVICE);
}

static int make_device(uint32_t mode, uint32_t events_mode, uint32_t uid, uint32_t gid)
{
	struct tandem_bind bind;
	int server = open_node("control", O_RDWR);

	if (server < 0)
		return server;
	bind_init(&bind, DEVICE);
	bind.mode = mode;
	bind.events_mode = events_mode;
	bind.uid = uid;
	bind.gid = gid;
	if (!ioctl(server, TANDEM_IOC_BIND, &bind))
		return server;
	close(server);
	return -errno;
}

/* Becomes another user, for good. */
static bool become(uid_t uid, gid_t gid)
{
	return !setgroups(0, NULL) && !setresgid(gid, gid, gid) && !setresuid(uid, uid, uid);
}

/* Runs @test in a child that is user @uid and group @gid. Return: what it returned, 0 to 127. */
static int run_as(uid_t uid, gid_t gid, int (*test)(void *data), void *data)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(become(uid, gid) ? test(data) : 127);
	status = wait_child(pid, deadline_in(30));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_control(void *data)
{
	int fd = open_node("control", O_RDWR);

	(void)data;
	return fd < 0 ? -fd : 0;
}

TEST_F(permission, control_is_for_root)
{
	struct stat st;

	self->server = -1;
	ASSERT_EQ(0, stat(CONTROL_NODE, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(EACCES, run_as(NOBODY, NOBODY, open_control, NULL));
	EXPECT_EQ(0, run_as(0, 0, open_control, NULL));
}

struct request {
	int flags;
	int node;
};

static int open_device(void *data)
{
	struct request *request = data;
	int fd = open_node(DEVICE, request->flags);

	return fd < 0 ? -fd : 0;
}

static int subscribe_once(void *data)
{
	struct tandem_subscribe args = { .ring_size = RING };
	struct request *request = data;
	int node = request->node ? request->node : open_node(DEVICE, request->flags);
	int fd;

	if (node < 0)
		return 126;
	fd = subscribe(node, &args);
	return fd < 0 ? -fd : 0;
}

TEST_F(permission, node_mode)
{
	static const struct {
		uint32_t mode, uid, gid;
		int flags;
		int error;
	} cases[] = {
		{ 0600, 0, 0, O_RDWR, EACCES },
		{ 0600, NOBODY, 0, O_RDWR, 0 },
		{ 0400, NOBODY, 0, O_RDWR, EACCES },
		{ 0400, NOBODY, 0, O_RDONLY, 0 },
		{ 0060, 0, NOBODY, O_RDWR, 0 },
		{ 0066, NOBODY, 0, O_RDONLY, EACCES },
		{ 0004, 0, 0, O_RDONLY, 0 },
		{ 0004, 0, 0, O_WRONLY, EACCES },
		{ 0000, 0, 0, O_RDONLY, EACCES },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request request = { .flags = cases[i].flags };
		struct stat st;

		self->server = make_device(cases[i].mode, 0444, cases[i].uid, cases[i].gid);
		ASSERT_LE(0, self->server);
		ASSERT_EQ(0, stat("/dev/tandem/" DEVICE, &st));
		EXPECT_EQ(S_IFCHR | cases[i].mode, st.st_mode);
		EXPECT_EQ(cases[i].uid, st.st_uid);
		EXPECT_EQ(cases[i].gid, st.st_gid);
		EXPECT_EQ(cases[i].error, run_as(NOBODY, NOBODY, open_device, &request)) {
			TH_LOG("case %u", i);
		}
		close(self->server);
		ASSERT_EQ(0, remove_device(DEVICE));
	}
	self->server = -1;
}

TEST_F(permission, events_mode)
{
	static const struct {
		uint32_t events_mode, uid, gid;
		int error;
	} cases[] = {
		{ 0444, 0, 0, 0 },
		{ 0400, 0, 0, EACCES },
		{ 0440, 0, 0, EACCES },
		{ 0004, 0, 0, 0 },
		{ 0040, 0, NOBODY, 0 },
		{ 0004, 0, NOBODY, EACCES },
		{ 0400, NOBODY, 0, 0 },
		{ 0044, NOBODY, NOBODY, EACCES },
		{ 0000, NOBODY, NOBODY, EACCES },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request request = { .flags = O_RDONLY };

		self->server = make_device(0666, cases[i].events_mode, cases[i].uid, cases[i].gid);
		ASSERT_LE(0, self->server);
		EXPECT_EQ(cases[i].error, run_as(NOBODY, NOBODY, subscribe_once, &request)) {
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(0, run_as(0, 0, subscribe_once, &request));
		request.flags = O_WRONLY;
		EXPECT_EQ(EBADF, run_as(NOBODY, NOBODY, subscribe_once, &request));
		close(self->server);
		ASSERT_EQ(0, remove_device(DEVICE));
	}
	self->server = -1;
}

/* Who opened the node counts, not who holds it. */
TEST_F(permission, of_the_opener)
{
	struct request request;

	self->server = make_device(0666, 0400, 0, 0);
	ASSERT_LE(0, self->server);
	request.node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, request.node);
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, subscribe_once, &request));
	close(request.node);
}

/* How many subscriptions can be had, up to @most; the last errno is left in errno. */
static unsigned int subscribe_many(int *fds, unsigned int most)
{
	int node = open_node(DEVICE, O_RDONLY);
	unsigned int n;

	for (n = 0; n < most; n++) {
		struct tandem_subscribe args = { .ring_size = RING };

		fds[n] = subscribe(node, &args);
		if (fds[n] < 0) {
			errno = -fds[n];
			break;
		}
	}
	close(node);
	return n;
}

static int close_all(const int *fds, unsigned int count)
{
	while (count)
		close(fds[--count]);
	return 0;
}

/*
 * Memory is given back a little after the close: tries until @number can be had at once, and no
 * more. Return: true if that comes.
 */
static bool wait_cap(unsigned int number)
{
	const uint64_t deadline = deadline_in(20);
	unsigned int got;
	int fds[64], err;

	do {
		got = subscribe_many(fds, 64);
		err = errno;
		close_all(fds, got);
	} while (got < number && !deadline_passed(deadline));
	return got == number && err == EDQUOT;
}

static int cap_of_subscriptions(void *data)
{
	const uint64_t deadline = deadline_in(20);
	const unsigned int cap = *(unsigned int *)data;
	int fds[64], gate[2], status;
	unsigned int held;
	pid_t pid;

	if (!wait_cap(cap))
		return 1;
	/* A child that holds them counts, whoever closes them here. */
	do
		held = subscribe_many(fds, cap - 1);
	while (held < cap - 1 && !close_all(fds, held) && !deadline_passed(deadline));
	if (held < cap - 1 || pipe(gate))
		return 2;
	pid = fork();
	if (!pid) {
		char byte;

		close(gate[1]);
		_exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
	}
	close_all(fds, held);
	if (!wait_cap(1))
		return 3;
	close(gate[1]);
	if (waitpid(pid, &status, 0) != pid || status)
		return 4;
	return wait_cap(cap) ? 0 : 5;
}

TEST_F(permission, subscriptions_of_a_user)
{
	unsigned int cap = 5;
	int fds[10];

	self->server = make_device(0666, 0444, 0, 0);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, set_parameter("user_max_subscriptions", cap));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, cap_of_subscriptions, &cap));
	/* Another user has his own cap; root has none. */
	EXPECT_EQ(0, run_as(NOBODY - 1, NOBODY, cap_of_subscriptions, &cap));
	EXPECT_EQ(10, subscribe_many(fds, 10));
	close_all(fds, 10);
	/* Dead users have given all back. */
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, cap_of_subscriptions, &cap));
}

static int cap_of_bytes(void *data)
{
	return wait_cap(*(unsigned int *)data) ? 0 : 1;
}

TEST_F(permission, bytes_of_a_user)
{
	struct consumer consumer;
	uint64_t memory;
	unsigned int most = 7;

	self->server = make_device(0666, 0444, 0, 0);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	memory = query_own_number(DEVICE, TANDEM_ATTR_MEMORY);
	consumer_close(&consumer);
	/* The data of each CPU's ring, and two pages for each. */
	EXPECT_EQ(sysconf(_SC_NPROCESSORS_ONLN) * RING +
		  sysconf(_SC_NPROCESSORS_CONF) * 2UL * sysconf(_SC_PAGESIZE), memory);
	ASSERT_EQ(0, set_parameter("user_max_bytes", memory * most + memory / 2));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, cap_of_bytes, &most));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, cap_of_bytes, &most));
}

static const struct tandem_subscribe durable = {
	.ring_size = RING, .flags = TANDEM_SUBSCRIBE_DURABLE, .name = "t-log",
};

static int attach(void *data)
{
	struct tandem_subscribe args = durable;
	int fd = subscribe(*(int *)data, &args);

	return fd < 0 ? -fd : 0;
}

static int remove_durable(void *data)
{
	return -unsubscribe(*(int *)data, durable.name);
}

static int subscribe_plainly(void *data)
{
	struct tandem_subscribe args = { .ring_size = RING };
	int fd = subscribe(*(int *)data, &args);

	return fd < 0 ? -fd : 0;
}

/* Who made it may attach and remove, and so may root; it stays who made it. */
TEST_F(permission, durable)
{
	int node;

	self->server = make_device(0666, 0444, 0, 0);
	ASSERT_LE(0, self->server);
	node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, node);
	ASSERT_EQ(0, attach(&node));
	EXPECT_EQ(EPERM, run_as(NOBODY, NOBODY, attach, &node));
	EXPECT_EQ(EPERM, run_as(NOBODY, NOBODY, remove_durable, &node));
	ASSERT_EQ(0, run_as(0, 0, remove_durable, &node));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, attach, &node));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, attach, &node));
	EXPECT_EQ(EPERM, run_as(NOBODY - 1, NOBODY, attach, &node));
	EXPECT_EQ(0, run_as(0, 0, attach, &node));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, attach, &node));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, remove_durable, &node));
	close(node);
}

/* Who made it pays until it is removed, whoever is attached. */
TEST_F(permission, durable_of_a_user)
{
	struct tandem_subscribe args = durable;
	int node, fd;

	self->server = make_device(0666, 0444, 0, 0);
	ASSERT_LE(0, self->server);
	node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, node);
	ASSERT_EQ(0, set_parameter("user_max_subscriptions", 1));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, attach, &node));
	EXPECT_EQ(EDQUOT, run_as(NOBODY, NOBODY, subscribe_plainly, &node));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, attach, &node));
	fd = subscribe(node, &args);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, args.attached);
	EXPECT_EQ(NOBODY, query_own_number(DEVICE, TANDEM_ATTR_UID));
	EXPECT_EQ(EDQUOT, run_as(NOBODY, NOBODY, subscribe_plainly, &node));
	close(fd);
	EXPECT_EQ(EDQUOT, run_as(NOBODY, NOBODY, subscribe_plainly, &node));
	EXPECT_EQ(0, unsubscribe(node, durable.name));
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, subscribe_plainly, &node));
	close(node);
}

static int netlink_is_readable(void *data)
{
	struct query query;
	struct info info;
	int err;

	(void)data;
	if (query_open(&query))
		return 1;
	err = query_device(&query, DEVICE, 0, &info);
	query_close(&query);
	return err ? 2 : 0;
}

TEST_F(permission, anybody_may_ask)
{
	self->server = make_device(0600, 0400, 0, 0);
	ASSERT_LE(0, self->server);
	EXPECT_EQ(0, run_as(NOBODY, NOBODY, netlink_is_readable, NULL));
}

TEST_HARNESS_MAIN
