// SPDX-License-Identifier: GPL-2.0
/*
 * Questions over netlink: what the answers say, many of them, and what is refused.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-netlink"
#define MANY	200
#define RING	(64 * 1024)

FIXTURE(netlink)
{
	struct query query;
	int server;
};

FIXTURE_SETUP(netlink)
{
	ASSERT_EQ(0, query_open(&self->query));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
}

FIXTURE_TEARDOWN(netlink)
{
	query_close(&self->query);
	close(self->server);
	remove_device(DEVICE);
}

TEST_F(netlink, device)
{
	int node = open_node(DEVICE, O_RDONLY);
	struct info by_name, by_id;
	struct stat st;

	ASSERT_LE(0, node);
	ASSERT_EQ(0, fstat(node, &st));
	ASSERT_EQ(0, query_device(&self->query, DEVICE, 0, &by_name));
	EXPECT_EQ(TANDEM_CMD_DEVICE_GET, by_name.cmd);
	EXPECT_STREQ(DEVICE, by_name.name);
	EXPECT_EQ(TANDEM_DEVICE_SERVER, by_name.number[TANDEM_ATTR_KIND]);
	EXPECT_TRUE(by_name.has[TANDEM_ATTR_KIND]);
	EXPECT_FALSE(by_name.has[TANDEM_ATTR_MODULE]);
	EXPECT_EQ(major(st.st_rdev), by_name.number[TANDEM_ATTR_MAJOR]);
	EXPECT_EQ(minor(st.st_rdev), by_name.number[TANDEM_ATTR_MINOR]);
	EXPECT_EQ(0666, by_name.number[TANDEM_ATTR_MODE]);
	EXPECT_EQ(0444, by_name.number[TANDEM_ATTR_EVENTS_MODE]);
	EXPECT_TRUE(by_name.has[TANDEM_ATTR_NODE_UID]);
	EXPECT_TRUE(by_name.has[TANDEM_ATTR_NODE_GID]);
	EXPECT_EQ(1, by_name.number[TANDEM_ATTR_OPEN_FILES]);
	EXPECT_EQ(0, by_name.number[TANDEM_ATTR_SUBSCRIPTIONS]);
	EXPECT_TRUE(by_name.has[TANDEM_ATTR_POSTED]);
	ASSERT_EQ(0, query_device(&self->query, NULL, by_name.number[TANDEM_ATTR_DEVICE_ID],
				  &by_id));
	EXPECT_EQ(0, memcmp(&by_name, &by_id, sizeof(by_id)));
	close(node);
	ASSERT_EQ(0, query_device(&self->query, DEVICE, 0, &by_name));
	EXPECT_EQ(0, by_name.number[TANDEM_ATTR_OPEN_FILES]);
}

TEST_F(netlink, device_of_a_kernel_half)
{
	struct info info;

	ASSERT_EQ(0, query_device(&self->query, "gen", 0, &info));
	EXPECT_EQ(TANDEM_DEVICE_KERNEL, info.number[TANDEM_ATTR_KIND]);
	EXPECT_STREQ("tandem_gen", info.module);
	EXPECT_EQ(-ENOENT, query_server(&self->query, "gen", &info));
}

TEST_F(netlink, server)
{
	struct info info;

	ASSERT_EQ(0, query_server(&self->query, DEVICE, &info));
	EXPECT_EQ(TANDEM_CMD_SERVER_GET, info.cmd);
	EXPECT_STREQ(DEVICE, info.name);
	EXPECT_EQ(1, info.number[TANDEM_ATTR_GENERATION]);
	EXPECT_EQ((uint64_t)getpid(), info.number[TANDEM_ATTR_PID]);
	EXPECT_EQ(0, info.number[TANDEM_ATTR_UID]);
	EXPECT_STREQ("netlink", info.comm);
}

TEST_F(netlink, subscription)
{
	struct tandem_subscribe args = {
		.ring_size = 2 * RING,
		.classes = 1 << TANDEM_CLASS_CRITICAL | 1 << TANDEM_CLASS_BULK,
		.flags = TANDEM_SUBSCRIBE_NO_TIME,
		.watermark = 800,
	};
	static const uint16_t types[] = { 0, 9, 4095 };
	int node = open_node(DEVICE, O_RDONLY);
	struct consumer consumer;
	struct info info, again;

	args.types = (uintptr_t)types;
	args.types_count = 3;
	ASSERT_LE(0, node);
	ASSERT_EQ(0, consumer_open_args(&consumer, node, &args));
	ASSERT_EQ(0, query_own_subscription(&self->query, DEVICE, &info));
	EXPECT_EQ(TANDEM_CMD_SUBSCRIPTION_GET, info.cmd);
	EXPECT_STREQ(DEVICE, info.name);
	EXPECT_EQ(1, info.number[TANDEM_ATTR_GENERATION]);
	EXPECT_EQ(0, info.number[TANDEM_ATTR_UID]);
	EXPECT_STREQ("netlink", info.comm);
	EXPECT_EQ(2 * RING, info.number[TANDEM_ATTR_RING_SIZE]);
	EXPECT_EQ(1UL * sysconf(_SC_NPROCESSORS_ONLN), info.number[TANDEM_ATTR_RINGS]);
	EXPECT_TRUE(info.has[TANDEM_ATTR_OVERFLOW]);
	EXPECT_EQ(TANDEM_OVERFLOW_DROP, info.number[TANDEM_ATTR_OVERFLOW]);
	EXPECT_EQ(0x9, info.number[TANDEM_ATTR_CLASSES]);
	EXPECT_EQ(TANDEM_SUBSCRIBE_NO_TIME, info.number[TANDEM_ATTR_FLAGS]);
	EXPECT_EQ(800, info.number[TANDEM_ATTR_WATERMARK]);
	EXPECT_FALSE(info.has[TANDEM_ATTR_SUBSCRIPTION_NAME]);
	EXPECT_FALSE(info.has[TANDEM_ATTR_ATTACHED]);
	EXPECT_EQ(1, info.types[0]);
	EXPECT_EQ(2, info.types[1]);
	EXPECT_EQ(0x80, info.types[511]);
	EXPECT_EQ(TANDEM_RING_ACTIVE, info.number[TANDEM_ATTR_STATE]);
	EXPECT_LE(sysconf(_SC_NPROCESSORS_ONLN) * 2UL * RING, info.number[TANDEM_ATTR_MEMORY]);
	ASSERT_EQ(0, query_subscription(&self->query, info.number[TANDEM_ATTR_SUBSCRIPTION_ID],
					&again));
	EXPECT_EQ(0, memcmp(&info, &again, sizeof(info)));
	EXPECT_EQ(1, query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, DEVICE));
	EXPECT_LE(0, query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, "gen"));
	consumer_close(&consumer);
	EXPECT_EQ(-ENOENT, query_subscription(&self->query,
					      info.number[TANDEM_ATTR_SUBSCRIPTION_ID], &again));
	EXPECT_EQ(0, query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, DEVICE));
	close(node);
}

TEST_F(netlink, nothing_there)
{
	struct info info;

	EXPECT_EQ(-ENOENT, query_device(&self->query, "t-nothing", 0, &info));
	EXPECT_EQ(-ENOENT, query_device(&self->query, NULL, 0x7fffffff, &info));
	EXPECT_EQ(-ENOENT, query_device(&self->query, NULL, ~0U, &info));
	EXPECT_EQ(-ENOENT, query_server(&self->query, "t-nothing", &info));
	EXPECT_EQ(-ENOENT, query_subscription(&self->query, 0, &info));
	EXPECT_EQ(-ENOENT, query_subscription(&self->query, 0x7fffffff, &info));
	EXPECT_EQ(-ENOENT, query_subscription(&self->query, ~0U, &info));
	EXPECT_EQ(-ENOENT, query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, "t-nothing"));
}

struct seen {
	bool device[MANY];
	unsigned int twice;
	uint32_t last;
	bool disordered;
};

static int see(const struct info *info, void *data)
{
	struct seen *seen = data;
	unsigned int n;

	if (sscanf(info->name, "t-many-%u", &n) == 1 && n < MANY) {
		seen->twice += seen->device[n];
		seen->device[n] = true;
	}
	if (info->number[TANDEM_ATTR_DEVICE_ID] < seen->last)
		seen->disordered = true;
	seen->last = info->number[TANDEM_ATTR_DEVICE_ID];
	return 0;
}

TEST_F(netlink, many)
{
	static struct seen devices, servers, subscriptions;
	static int fds[MANY], nodes[MANY], subscribers[MANY];
	unsigned int i, missing = 0;
	char name[32];

	for (i = 0; i < MANY; i++) {
		struct tandem_subscribe args = { .ring_size = RING };

		snprintf(name, sizeof(name), "t-many-%u", i);
		fds[i] = bind_device(name);
		ASSERT_LE(0, fds[i]);
		nodes[i] = open_node(name, O_RDONLY);
		ASSERT_LE(0, nodes[i]);
		subscribers[i] = subscribe(nodes[i], &args);
		ASSERT_LE(0, subscribers[i]);
	}
	ASSERT_EQ(0, query_dump(&self->query, TANDEM_CMD_DEVICE_GET, NULL, see, &devices));
	EXPECT_LT(2, self->query.parts);
	ASSERT_EQ(0, query_dump(&self->query, TANDEM_CMD_SERVER_GET, NULL, see, &servers));
	EXPECT_LT(2, self->query.parts);
	ASSERT_EQ(0, query_dump(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL, see,
				&subscriptions));
	EXPECT_LT(2, self->query.parts);
	for (i = 0; i < MANY; i++)
		missing += !devices.device[i] + !servers.device[i] + !subscriptions.device[i];
	EXPECT_EQ(0, missing);
	EXPECT_EQ(0, devices.twice + servers.twice + subscriptions.twice);
	EXPECT_FALSE(devices.disordered);
	for (i = 0; i < MANY; i++) {
		struct info info;

		snprintf(name, sizeof(name), "t-many-%u", i);
		EXPECT_EQ(0, query_device(&self->query, name, 0, &info));
		EXPECT_STREQ(name, info.name);
		close(subscribers[i]);
		close(nodes[i]);
		close(fds[i]);
		EXPECT_EQ(0, remove_device(name));
	}
}

/* One attribute of @len bytes of zero, or none if @attr is 0. */
static int ask(struct query *query, uint8_t cmd, uint16_t flags, uint16_t attr, size_t len)
{
	static const char zeros[256];
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *request = query_request(query, buffer, cmd, flags);

	if (attr)
		mnl_attr_put(request, attr, len, zeros);
	return query_send(query, request, NULL, NULL);
}

TEST_F(netlink, strict)
{
	static const uint8_t cmds[] = {
		TANDEM_CMD_DEVICE_GET, TANDEM_CMD_SERVER_GET, TANDEM_CMD_SUBSCRIPTION_GET,
	};
	unsigned int i, attr;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		/* Which one? */
		EXPECT_EQ(-EINVAL, ask(&self->query, cmds[i], 0, 0, 0));
		/* Attributes that are no question, in a get and in a dump. */
		for (attr = TANDEM_ATTR_KIND; attr <= TANDEM_ATTR_MAX + 3; attr++) {
			if (attr == TANDEM_ATTR_SUBSCRIPTION_ID &&
			    cmds[i] == TANDEM_CMD_SUBSCRIPTION_GET)
				continue;
			EXPECT_EQ(-EINVAL, ask(&self->query, cmds[i], 0, attr, 4)) {
				TH_LOG("command %u, attribute %u", cmds[i], attr);
			}
			EXPECT_EQ(-EINVAL, ask(&self->query, cmds[i], NLM_F_DUMP, attr, 4)) {
				TH_LOG("dump of command %u, attribute %u", cmds[i], attr);
			}
		}
		/* Numbers of another length. */
		for (attr = 0; attr < 9; attr++) {
			if (attr == 4)
				continue;
			EXPECT_GT(0, ask(&self->query, cmds[i], 0, TANDEM_ATTR_DEVICE_ID, attr));
			EXPECT_GT(0, ask(&self->query, cmds[i], NLM_F_DUMP, TANDEM_ATTR_DEVICE_ID,
					 attr));
		}
		/* A name of nothing, and one that is too long. */
		EXPECT_GT(0, ask(&self->query, cmds[i], 0, TANDEM_ATTR_NAME, 0));
		EXPECT_GT(0, ask(&self->query, cmds[i], 0, TANDEM_ATTR_NAME, 100));
	}
	EXPECT_GT(0, ask(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, 0,
			 TANDEM_ATTR_SUBSCRIPTION_ID, 3));
	EXPECT_GT(0, ask(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, 0,
			 TANDEM_ATTR_SUBSCRIPTION_ID, 8));
}

TEST_F(netlink, unterminated_name)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE], name[TANDEM_NAME_SIZE + 1];
	struct nlmsghdr *request;

	memset(name, 'a', sizeof(name));
	request = query_request(&self->query, buffer, TANDEM_CMD_DEVICE_GET, 0);
	mnl_attr_put(request, TANDEM_ATTR_NAME, 10, name);
	EXPECT_EQ(-EINVAL, query_send(&self->query, request, NULL, NULL));
	request = query_request(&self->query, buffer, TANDEM_CMD_DEVICE_GET, 0);
	mnl_attr_put(request, TANDEM_ATTR_NAME, sizeof(name), name);
	EXPECT_GT(0, query_send(&self->query, request, NULL, NULL));
}

/* Changes are told, not asked for. */
TEST_F(netlink, other_commands)
{
	unsigned int cmd;

	for (cmd = 0; cmd < 256; cmd++) {
		if (cmd >= TANDEM_CMD_DEVICE_GET && cmd <= TANDEM_CMD_SUBSCRIPTION_GET)
			continue;
		EXPECT_EQ(-EOPNOTSUPP, ask(&self->query, cmd, 0, 0, 0));
		EXPECT_EQ(-EOPNOTSUPP, ask(&self->query, cmd, NLM_F_DUMP, 0, 0));
	}
}

TEST_HARNESS_MAIN
