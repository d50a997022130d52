// SPDX-License-Identifier: GPL-2.0
/*
 * Changes over netlink: each one is told, in order, with what it is about.
 *
 * TIMEOUT=60
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-changes"
#define RING	(64 * 1024)

FIXTURE(changes)
{
	struct query query;
	uint64_t deadline;
};

FIXTURE_SETUP(changes)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, query_open(&self->query));
	ASSERT_EQ(0, query_listen(&self->query));
	self->deadline = deadline_in(20);
}

FIXTURE_TEARDOWN(changes)
{
	query_close(&self->query);
	remove_device(DEVICE);
}

/* The next change of the device, whatever it is. */
static int next_change(struct query *query, uint64_t deadline, struct info *info)
{
	int err;

	do
		err = query_change(query, deadline, info);
	while (!err && strcmp(info->name, DEVICE));
	return err;
}

#define EXPECT_CHANGE(change) do { \
	ASSERT_EQ(0, next_change(&self->query, self->deadline, &info)); \
	EXPECT_EQ(change, info.cmd); \
} while (0)

TEST_F(changes, of_a_life)
{
	struct tandem_bind bind;
	struct consumer consumer;
	struct info info;
	uint64_t device, subscription;
	int server;

	server = bind_device(DEVICE);
	ASSERT_LE(0, server);
	EXPECT_CHANGE(TANDEM_CMD_DEVICE_ADDED);
	EXPECT_EQ(0666, info.number[TANDEM_ATTR_MODE]);
	EXPECT_TRUE(info.has[TANDEM_ATTR_MAJOR]);
	device = info.number[TANDEM_ATTR_DEVICE_ID];
	EXPECT_CHANGE(TANDEM_CMD_SERVER_BOUND);
	EXPECT_EQ(device, info.number[TANDEM_ATTR_DEVICE_ID]);
	EXPECT_EQ(1, info.number[TANDEM_ATTR_GENERATION]);
	EXPECT_EQ((uint64_t)getpid(), info.number[TANDEM_ATTR_PID]);

	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	EXPECT_CHANGE(TANDEM_CMD_SUBSCRIPTION_ADDED);
	EXPECT_EQ(RING, info.number[TANDEM_ATTR_RING_SIZE]);
	EXPECT_EQ((uint64_t)getpid(), info.number[TANDEM_ATTR_PID]);
	subscription = info.number[TANDEM_ATTR_SUBSCRIPTION_ID];

	close(server);
	EXPECT_CHANGE(TANDEM_CMD_SERVER_GONE);
	EXPECT_EQ(1, info.number[TANDEM_ATTR_GENERATION]);

	server = open_node("control", O_RDWR);
	bind_init(&bind, DEVICE);
	bind.flags = 0;
	ASSERT_EQ(0, ioctl(server, TANDEM_IOC_BIND, &bind));
	EXPECT_CHANGE(TANDEM_CMD_SERVER_BOUND);
	EXPECT_EQ(2, info.number[TANDEM_ATTR_GENERATION]);

	consumer_close(&consumer);
	EXPECT_CHANGE(TANDEM_CMD_SUBSCRIPTION_REMOVED);
	EXPECT_EQ(subscription, info.number[TANDEM_ATTR_SUBSCRIPTION_ID]);

	close(server);
	EXPECT_CHANGE(TANDEM_CMD_SERVER_GONE);
	ASSERT_EQ(0, remove_device(DEVICE));
	EXPECT_CHANGE(TANDEM_CMD_DEVICE_REMOVED);
	EXPECT_EQ(device, info.number[TANDEM_ATTR_DEVICE_ID]);
}

/* All losses are told in the end, and until then at most once a second. */
TEST_F(changes, of_losses)
{
	unsigned int i, told = 0;
	struct consumer consumer;
	uint64_t begin, lost;
	struct info info;
	int server = bind_device(DEVICE);

	ASSERT_LE(0, server);
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, next_change(&self->query, self->deadline, &info));
	}
	EXPECT_EQ(TANDEM_CMD_SUBSCRIPTION_ADDED, info.cmd);

	begin = now_ns();
	for (i = 0; i < 20000; i++) {
		ASSERT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	}
	lost = consumer_lost_records(&consumer);
	EXPECT_LT(10000, lost);
	do {
		EXPECT_CHANGE(TANDEM_CMD_OVERFLOW);
		told++;
	} while (info.number[TANDEM_ATTR_LOST] != lost);
	EXPECT_LE(told, (now_ns() - begin) / 1000000000ULL + 2);
	consumer_close(&consumer);
	EXPECT_CHANGE(TANDEM_CMD_SUBSCRIPTION_REMOVED);
	close(server);
}

TEST_F(changes, of_a_corrupt_ring)
{
	struct consumer consumer;
	struct info info;
	int server = bind_device(DEVICE);
	unsigned int i;

	ASSERT_LE(0, server);
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, next_change(&self->query, self->deadline, &info));
	}
	consumer.ring[0].consumer->cons_pos = 3;
	for (i = 0; i < 10000; i++) {
		ASSERT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	}
	do {
		ASSERT_EQ(0, next_change(&self->query, self->deadline, &info));
	} while (info.cmd == TANDEM_CMD_OVERFLOW);
	EXPECT_EQ(TANDEM_CMD_CORRUPT, info.cmd);
	EXPECT_EQ(TANDEM_RING_CORRUPT, info.number[TANDEM_ATTR_STATE]);
	consumer_close(&consumer);
	do {
		ASSERT_EQ(0, next_change(&self->query, self->deadline, &info));
	} while (info.cmd == TANDEM_CMD_OVERFLOW);
	EXPECT_EQ(TANDEM_CMD_SUBSCRIPTION_REMOVED, info.cmd);
	close(server);
}

TEST_HARNESS_MAIN
