// SPDX-License-Identifier: GPL-2.0
/*
 * Durable subscriptions by the library: they outlive their consumers, who get again what was not
 * released, at the same place; whose they are, and how they end.
 *
 * TIMEOUT=120
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <tandem.h>

#include "kselftest_harness.h"

#include "util.h"

#define DEVICE	"durable"
#define NAME	"keep"

FIXTURE(durable) {
	int server;
	int node;
	struct tandem_subscribe_options options;
	struct tandem_subscription *sub;
};

FIXTURE_SETUP(durable)
{
	struct tandem_bind_options bind = {
		.flags = TANDEM_BIND_CREATE, .mode = 0666, .events_mode = 0444,
	};

	self->server = tandem_bind(DEVICE, &bind, NULL);
	ASSERT_GE(self->server, 0);
	self->node = tandem_open(DEVICE, O_RDONLY);
	ASSERT_GE(self->node, 0);
	self->options = (struct tandem_subscribe_options){
		.flags = TANDEM_SUBSCRIBE_DURABLE, .name = NAME, .manual_release = true,
	};
}

FIXTURE_TEARDOWN(durable)
{
	tandem_unsubscribe(self->sub);
	tandem_subscription_remove(self->node, NAME);
	close(self->node);
	close(self->server);
	tandem_remove(DEVICE);
}

static int attach(FIXTURE_DATA(durable) * self)
{
	tandem_unsubscribe(self->sub);
	self->sub = NULL;
	return tandem_subscribe(&self->sub, self->node, &self->options);
}

/* Posts events of the types from @first to @last. */
static int post(FIXTURE_DATA(durable) * self, unsigned int first, unsigned int last)
{
	int ret = 0;

	for (; !ret && first <= last; first++)
		ret = tandem_post(self->server, first, TANDEM_CLASS_NORMAL, "text", 4);
	return ret;
}

/* Where an event was. */
struct place {
	unsigned int ring;
	uint64_t position;
};

/* Return: the type of the next event, or 0 if there is none. */
static unsigned int next(struct tandem_subscription *sub, struct place *place)
{
	const struct tandem_record *record = tandem_next(sub);

	if (!record)
		return 0;
	place->ring = tandem_record_ring(sub);
	place->position = tandem_record_position(sub, record);
	return TANDEM_RECORD_TYPE(record->type_flags);
}

TEST_F(durable, gathers)
{
	struct place place;
	unsigned int i;

	ASSERT_EQ(attach(self), 0);
	EXPECT_FALSE(tandem_subscription_attached(self->sub));
	ASSERT_EQ(post(self, 1, 3), 0);
	EXPECT_EQ(next(self->sub, &place), 1);
	tandem_release(self->sub);
	tandem_unsubscribe(self->sub);
	self->sub = NULL;
	ASSERT_EQ(post(self, 4, 6), 0);

	ASSERT_EQ(attach(self), 0);
	EXPECT_TRUE(tandem_subscription_attached(self->sub));
	for (i = 2; i <= 6; i++)
		EXPECT_EQ(next(self->sub, &place), i);
	EXPECT_EQ(next(self->sub, &place), 0);
	EXPECT_EQ(tandem_wait(self->sub, 0), 0);
}

/* What was not released is given again, at the same place, and nothing else is. */
TEST_F(durable, gives_again)
{
	struct place first[20], again;
	unsigned int i;

	ASSERT_EQ(attach(self), 0);
	ASSERT_EQ(post(self, 1, 20), 0);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(next(self->sub, &first[i]), i + 1);
	/* Room is not given back by itself, and asleep one is woken by new events alone. */
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_wait(self->sub, 20), 0);

	ASSERT_EQ(attach(self), 0);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(next(self->sub, &again), i + 1);
		EXPECT_EQ(again.ring, first[i].ring);
		EXPECT_EQ(again.position, first[i].position);
		if (i == 9)
			tandem_release(self->sub);
	}

	ASSERT_EQ(attach(self), 0);
	for (i = 10; i < 20; i++) {
		ASSERT_EQ(next(self->sub, &again), i + 1);
		EXPECT_EQ(again.position, first[i].position);
	}
	tandem_release(self->sub);
	ASSERT_EQ(attach(self), 0);
	EXPECT_EQ(next(self->sub, &again), 0);
}

/* Without manual_release, what was drained is released. */
TEST_F(durable, automatic)
{
	self->options.manual_release = false;
	ASSERT_EQ(attach(self), 0);
	ASSERT_EQ(post(self, 1, 20), 0);
	EXPECT_EQ(tandem_dispatch(self->sub, 0), 20);
	ASSERT_EQ(attach(self), 0);
	EXPECT_EQ(tandem_dispatch(self->sub, 0), 0);
}

/* A consumer is killed while it holds what it has read, on a ring of all CPUs too. */
TEST_F(durable, killed)
{
	uint64_t deadline = deadline_in(30);
	struct place place;
	unsigned int i;
	int told[2];
	pid_t child;
	char byte;

	self->options.flags |= TANDEM_SUBSCRIBE_SHARED;
	ASSERT_EQ(attach(self), 0);
	tandem_unsubscribe(self->sub);
	self->sub = NULL;
	ASSERT_EQ(post(self, 1, 5), 0);
	ASSERT_EQ(pipe(told), 0);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		if (attach(self) || tandem_dispatch(self->sub, 0) != 5)
			_exit(1);
		if (write(told[1], "", 1) == 1)
			pause();
		_exit(2);
	}
	close(told[1]);
	ASSERT_EQ(read(told[0], &byte, 1), 1);
	close(told[0]);
	EXPECT_EQ(attach(self), -EBUSY);
	ASSERT_EQ(kill(child, SIGKILL), 0);
	ASSERT_GE(wait_child(child, deadline), 0);
	ASSERT_EQ(attach(self), 0);
	for (i = 1; i <= 5; i++)
		EXPECT_EQ(next(self->sub, &place), i);
}

TEST_F(durable, refused)
{
	struct tandem_subscription *other;
	char name[TANDEM_NAME_SIZE + 1];
	pid_t child;

	ASSERT_EQ(attach(self), 0);
	EXPECT_EQ(tandem_subscribe(&other, self->node, &self->options), -EBUSY);
	self->options.ring_size = 1024 * 1024;
	EXPECT_EQ(attach(self), -EEXIST);
	self->options.ring_size = 0;
	self->options.flags = 0;
	EXPECT_EQ(attach(self), -EINVAL);
	self->options.flags = TANDEM_SUBSCRIBE_DURABLE;
	self->options.name = NULL;
	EXPECT_EQ(attach(self), -EINVAL);
	self->options.name = "a/b";
	EXPECT_EQ(attach(self), -EINVAL);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	self->options.name = name;
	EXPECT_EQ(attach(self), -ENAMETOOLONG);
	EXPECT_EQ(tandem_subscription_remove(self->node, name), -ENAMETOOLONG);
	EXPECT_EQ(tandem_subscription_remove(self->node, "other"), -ENOENT);

	self->options.name = NAME;
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		int node;

		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		node = tandem_open(DEVICE, O_RDONLY);
		if (node < 0)
			_exit(2);
		if (tandem_subscribe(&other, node, &self->options) != -EPERM)
			_exit(3);
		_exit(tandem_subscription_remove(node, NAME) == -EPERM ? 0 : 4);
	}
	EXPECT_EQ(wait_child(child, deadline_in(30)), 0);
}

/* Who is attached when it is removed reads what there is, and then its end. */
TEST_F(durable, removed)
{
	struct place place;

	ASSERT_EQ(attach(self), 0);
	ASSERT_EQ(post(self, 1, 2), 0);
	ASSERT_EQ(tandem_subscription_remove(self->node, NAME), 0);
	EXPECT_EQ(tandem_subscription_remove(self->node, NAME), -ENOENT);
	EXPECT_EQ(next(self->sub, &place), 1);
	EXPECT_EQ(next(self->sub, &place), 2);
	EXPECT_EQ(tandem_wait(self->sub, -1), -ENODEV);
	ASSERT_EQ(attach(self), 0);
	EXPECT_FALSE(tandem_subscription_attached(self->sub));
	EXPECT_EQ(next(self->sub, &place), 0);
}

TEST_HARNESS_MAIN
