// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input to the ioctls: the documented errno, and nothing has happened.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE		"t-bad"
#define RING		(64 * 1024)
#define UNMAPPED	0x10
#define KERNEL_ADDRESS	0xffff888000000000ULL

FIXTURE(bad)
{
	char *before;
	int subscriptions;
	struct query query;
	int control;		/* not bound */
	int server;
	int node;
	int gen;
	void *read_only;
};

FIXTURE_SETUP(bad)
{
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->control = open_node("control", O_RDWR);
	ASSERT_LE(0, self->control);
	self->node = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, self->node);
	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
	self->read_only = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);
	ASSERT_NE(MAP_FAILED, self->read_only);
	ASSERT_EQ(0, query_open(&self->query));
	self->before = query_device_list();
	ASSERT_NE(NULL, self->before);
	self->subscriptions = query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL);
	ASSERT_LE(0, self->subscriptions);
}

FIXTURE_TEARDOWN(bad)
{
	char *after = query_device_list();

	EXPECT_NE(NULL, after);
	EXPECT_STREQ(self->before, after);
	EXPECT_EQ(self->subscriptions,
		  query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, NULL));
	free(after);
	free(self->before);
	query_close(&self->query);
	close(self->gen);
	close(self->node);
	close(self->control);
	close(self->server);
	remove_device(DEVICE);
}

/* Return: errno, 0 if it succeeded. */
static int error_of(int fd, unsigned int cmd, const void *args)
{
	return ioctl(fd, cmd, args) < 0 ? errno : 0;
}

#define SIXTY_TWO	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij"

TEST_F(bad, names)
{
	static const struct {
		/* No more than TANDEM_NAME_SIZE bytes are given: the longest have no NUL. */
		char name[TANDEM_NAME_SIZE + 1];
		int error;
	} cases[] = {
		{ "", EINVAL },
		{ ".", EINVAL },
		{ "..", EINVAL },
		{ "control", EINVAL },
		{ "sync", EINVAL },
		{ "/", EINVAL },
		{ "a/b", EINVAL },
		{ "../etc", EINVAL },
		{ "a/", EINVAL },
		{ " a", EINVAL },
		{ "a b", EINVAL },
		{ "-a", EINVAL },
		{ ".a", EINVAL },
		{ "_a", EINVAL },
		{ "a!b", EINVAL },
		{ "a\nb", EINVAL },
		{ "a%s", EINVAL },
		{ "a\x7f", EINVAL },
		{ "\xc3\xa4", EINVAL },
		{ "a\xff", EINVAL },
		{ "a\0b", EINVAL },
		{ "\0b", EINVAL },
		{ SIXTY_TWO "kl", ENAMETOOLONG },
		{ SIXTY_TWO "k\n", ENAMETOOLONG },
	};
	struct tandem_unsubscribe unsubscription;
	struct tandem_subscribe subscription;
	struct tandem_remove remove;
	struct tandem_bind bind;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&remove, 0, sizeof(remove));
		memset(&unsubscription, 0, sizeof(unsubscription));
		subscription = (struct tandem_subscribe){
			.ring_size = RING, .flags = TANDEM_SUBSCRIBE_DURABLE };
		memcpy(subscription.name, cases[i].name, TANDEM_NAME_SIZE);
		memcpy(unsubscription.name, cases[i].name, TANDEM_NAME_SIZE);
		bind_init(&bind, "");
		memcpy(bind.name, cases[i].name, TANDEM_NAME_SIZE);
		memcpy(remove.name, cases[i].name, TANDEM_NAME_SIZE);
		EXPECT_EQ(cases[i].error, error_of(self->control, TANDEM_IOC_BIND, &bind)) {
			TH_LOG("BIND, name %u: %.64s", i, cases[i].name);
		}
		EXPECT_EQ(cases[i].error, error_of(self->control, TANDEM_IOC_REMOVE, &remove)) {
			TH_LOG("REMOVE, name %u: %.64s", i, cases[i].name);
		}
		EXPECT_EQ(cases[i].error,
			  error_of(self->node, TANDEM_IOC_SUBSCRIBE, &subscription)) {
			TH_LOG("SUBSCRIBE, name %u: %.64s", i, cases[i].name);
		}
		EXPECT_EQ(cases[i].error,
			  error_of(self->node, TANDEM_IOC_UNSUBSCRIBE, &unsubscription)) {
			TH_LOG("UNSUBSCRIBE, name %u: %.64s", i, cases[i].name);
		}
	}
}

TEST_F(bad, longest_name)
{
	int server = bind_device(SIXTY_TWO "k");
	int node;

	ASSERT_LE(0, server);
	node = open_node(SIXTY_TWO "k", O_RDWR);
	EXPECT_LE(0, node);
	close(node);
	close(server);
	EXPECT_EQ(0, remove_device(SIXTY_TWO "k"));
}

TEST_F(bad, bind_fields)
{
	static const struct {
		const char *name;
		uint32_t flags, mode, uid, gid, events_mode;
		int error;
	} cases[] = {
		{ "t-new", ~0U, 0666, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE | 1U << 6, 0666, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_MAY_BLOCK, 0666, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE | 1U << 31, 0666, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_EXCLUSIVE, 0666, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 01000, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 04755, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 020666, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, ~0U, 0, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 0666, ~0U, 0, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 0666, 0, ~0U, 0444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 0666, 0, 0, 0666, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 0666, 0, 0, 0100, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 0666, 0, 0, 01444, EINVAL },
		{ "t-new", TANDEM_BIND_CREATE, 0666, 0, 0, ~0U, EINVAL },
		{ "t-new", 0, 0, 0, 0, 0, ENOENT },
		{ "gen", 0, 0, 0, 0, 0, EPERM },
		{ "gen", TANDEM_BIND_CREATE, 0666, 0, 0, 0444, EPERM },
		{ "gen", TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE, 0666, 0, 0, 0444, EEXIST },
		{ DEVICE, TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE, 0666, 0, 0, 0444, EEXIST },
		{ DEVICE, TANDEM_BIND_CREATE, 0666, 0, 0, 0444, EBUSY },
		{ DEVICE, 0, 0, 0, 0, 0, EBUSY },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tandem_bind bind;

		bind_init(&bind, cases[i].name);
		bind.flags = cases[i].flags;
		bind.mode = cases[i].mode;
		bind.uid = cases[i].uid;
		bind.gid = cases[i].gid;
		bind.events_mode = cases[i].events_mode;
		EXPECT_EQ(cases[i].error, error_of(self->control, TANDEM_IOC_BIND, &bind)) {
			TH_LOG("case %u", i);
		}
	}
}

TEST_F(bad, remove_fields)
{
	static const struct {
		struct tandem_remove args;
		int error;
	} cases[] = {
		{ { .name = DEVICE, .flags = 1 }, EINVAL },
		{ { .name = DEVICE, .flags = 1U << 31 }, EINVAL },
		{ { .name = DEVICE, .reserved = 1 }, EINVAL },
		{ { .name = DEVICE }, EBUSY },
		{ { .name = "gen" }, EPERM },
		{ { .name = "t-nothing" }, ENOENT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].error, error_of(self->control, TANDEM_IOC_REMOVE,
						   &cases[i].args)) {
			TH_LOG("case %u", i);
		}
	}
}

TEST_F(bad, post_fields)
{
	static char data[TANDEM_PAYLOAD_MAX];
	const uint64_t good = (uintptr_t)data;
	const struct {
		struct tandem_post args;
		int error;
	} cases[] = {
		{ { .type = TANDEM_TYPES, .len = 8, .data = good }, EINVAL },
		{ { .type = ~0U, .len = 8, .data = good }, EINVAL },
		{ { .event_class = TANDEM_CLASSES, .len = 8, .data = good }, EINVAL },
		{ { .event_class = ~0U, .len = 8, .data = good }, EINVAL },
		{ { .flags = 2, .len = 8, .data = good }, EINVAL },
		{ { .timeout = 1, .len = 8, .data = good }, EINVAL },
		{ { .flags = 1U << 31, .len = 8, .data = good }, EINVAL },
		{ { .len = TANDEM_PAYLOAD_MAX + 1, .data = good }, EMSGSIZE },
		{ { .len = 1U << 31, .data = good }, EMSGSIZE },
		{ { .len = ~0U, .data = good }, EMSGSIZE },
		{ { .len = 8, .data = UNMAPPED }, EFAULT },
		{ { .len = 8000, .data = UNMAPPED }, EFAULT },
		{ { .len = 8, .data = KERNEL_ADDRESS }, EFAULT },
		{ { .len = 8000, .data = KERNEL_ADDRESS }, EFAULT },
		{ { .len = 8, .data = ~0ULL - 3 }, EFAULT },
		{ { .len = 8000, .data = good | 1ULL << 62 }, EFAULT },
	};
	struct consumer consumer;
	unsigned int i;

	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].error, error_of(self->server, TANDEM_IOC_POST, &cases[i].args)) {
			TH_LOG("case %u", i);
		}
	}
	EXPECT_EQ(ENOTCONN, error_of(self->control, TANDEM_IOC_POST,
				     &(struct tandem_post){ .len = 8, .data = good }));
	EXPECT_FALSE(consumer_ready(&consumer));
	EXPECT_EQ(0, consumer_lost_records(&consumer));
	consumer_close(&consumer);
}

TEST_F(bad, subscribe_fields)
{
	static uint16_t types[TANDEM_TYPES + 1] = { 1, 2, TANDEM_TYPES };
	const uint64_t list = (uintptr_t)types;
	const struct {
		struct tandem_subscribe args;
		int error;
	} cases[] = {
		{ { .ring_size = RING, .flags = 1 << 3 }, EINVAL },
		{ { .ring_size = RING, .flags = 1U << 31 }, EINVAL },
		{ { .ring_size = RING, .overflow = 3 }, EINVAL },
		{ { .ring_size = RING, .watermark = RING / 2 + 1 }, EINVAL },
		{ { .ring_size = RING, .watermark = ~0ULL }, EINVAL },
		{ { .ring_size = RING, .name = "x" }, EINVAL },
		{ { .ring_size = RING, .overflow = ~0U }, EINVAL },
		{ { .ring_size = RING, .overflow = TANDEM_OVERFLOW_OVERWRITE,
		    .flags = TANDEM_SUBSCRIBE_SHARED }, EINVAL },
		{ { .ring_size = RING, .overflow = TANDEM_OVERFLOW_BLOCK }, EOPNOTSUPP },
		{ { .ring_size = RING, .flags = TANDEM_SUBSCRIBE_DURABLE }, EINVAL },
		{ { .ring_size = RING, .classes = 1 << TANDEM_CLASSES }, EINVAL },
		{ { .ring_size = RING, .classes = ~0U }, EINVAL },
		{ { .ring_size = 0 }, EINVAL },
		{ { .ring_size = 1 }, EINVAL },
		{ { .ring_size = 8 }, EINVAL },
		{ { .ring_size = 4096 }, EINVAL },
		{ { .ring_size = RING / 2 }, EINVAL },
		{ { .ring_size = RING + 1 }, EINVAL },
		{ { .ring_size = RING + 4096 }, EINVAL },
		{ { .ring_size = 3 * RING }, EINVAL },
		{ { .ring_size = 2 * TANDEM_RING_SIZE_MAX }, EINVAL },
		{ { .ring_size = 1ULL << 32 }, EINVAL },
		{ { .ring_size = 1ULL << 32 | RING }, EINVAL },
		{ { .ring_size = 1ULL << 63 }, EINVAL },
		{ { .ring_size = ~0ULL }, EINVAL },
		{ { .ring_size = RING, .types = list }, EINVAL },
		{ { .ring_size = RING, .types_count = 1 }, EINVAL },
		{ { .ring_size = RING, .types = list, .types_count = 3 }, EINVAL },
		{ { .ring_size = RING, .types = list, .types_count = TANDEM_TYPES + 1 }, EINVAL },
		{ { .ring_size = RING, .types = list, .types_count = ~0U }, EINVAL },
		{ { .ring_size = RING, .types = UNMAPPED, .types_count = 1 }, EFAULT },
		{ { .ring_size = RING, .types = KERNEL_ADDRESS, .types_count = 1 }, EFAULT },
		{ { .ring_size = RING, .types = ~0ULL, .types_count = 2 }, EFAULT },
	};
	int write_only = open_node(DEVICE, O_WRONLY);
	struct tandem_subscribe good = { .ring_size = RING };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tandem_subscribe args = cases[i].args;

		EXPECT_EQ(cases[i].error, error_of(self->node, TANDEM_IOC_SUBSCRIBE, &args)) {
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(0, memcmp(&args, &cases[i].args, sizeof(args)));
	}
	ASSERT_LE(0, write_only);
	EXPECT_EQ(EBADF, error_of(write_only, TANDEM_IOC_SUBSCRIBE, &good));
	close(write_only);
}

TEST_F(bad, unsubscribe_fields)
{
	static const struct {
		struct tandem_unsubscribe args;
		int error;
	} cases[] = {
		{ { .name = "t-nothing", .flags = 1 }, EINVAL },
		{ { .name = "t-nothing", .flags = 1U << 31 }, EINVAL },
		{ { .name = "t-nothing", .reserved = 1 }, EINVAL },
		{ { .name = "t-nothing" }, ENOENT },
		{ { .name = DEVICE }, ENOENT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].error, error_of(self->node, TANDEM_IOC_UNSUBSCRIBE,
						   &cases[i].args)) {
			TH_LOG("case %u", i);
		}
	}
}

TEST_F(bad, device_control_fields)
{
	static char buffer[64];
	const uint64_t good = (uintptr_t)buffer;
	uint64_t most;
	unsigned int i;

	ASSERT_TRUE(module_parameter("max_control", &most));
	ASSERT_EQ(0, mprotect(self->read_only, 4096, PROT_READ));
	const struct {
		struct tandem_device_control args;
		int error;
	} cases[] = {
		{ { .code = TANDEM_GEN_CODE_ECHO, .in_len = 1 }, EINVAL },
		{ { .code = TANDEM_GEN_CODE_ECHO, .out_len = 1 }, EINVAL },
		{ { .code = TANDEM_GEN_CODE_ECHO, .in = good, .in_len = most + 1 }, EMSGSIZE },
		{ { .code = TANDEM_GEN_CODE_ECHO, .in = good, .in_len = ~0U }, EMSGSIZE },
		{ { .code = TANDEM_GEN_CODE_ECHO, .out = good, .out_len = most + 1 }, EMSGSIZE },
		{ { .code = TANDEM_GEN_CODE_ECHO, .in = UNMAPPED, .in_len = 1 }, EFAULT },
		{ { .code = TANDEM_GEN_CODE_ECHO, .in = UNMAPPED, .in_len = 4096 }, EFAULT },
		{ { .code = TANDEM_GEN_CODE_ECHO, .in = KERNEL_ADDRESS, .in_len = 8 }, EFAULT },
		{ { .code = TANDEM_GEN_CODE_ECHO, .in = good, .in_len = 8, .out = UNMAPPED,
		    .out_len = 8 }, EFAULT },
		{ { .code = TANDEM_GEN_CODE_ECHO, .in = good, .in_len = 8, .out = KERNEL_ADDRESS,
		    .out_len = 8 }, EFAULT },
		{ { .code = TANDEM_GEN_CODE_ECHO, .in = good, .in_len = 8,
		    .out = (uintptr_t)self->read_only, .out_len = 8 }, EFAULT },
		{ { .code = 0 }, ENOTTY },
		{ { .code = ~0U }, ENOTTY },
	};
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tandem_device_control args = cases[i].args;

		args.returned = 0xdeadbeef;
		EXPECT_EQ(cases[i].error, error_of(self->gen, TANDEM_IOC_DEVICE_CONTROL, &args)) {
			TH_LOG("case %u", i);
		}
		EXPECT_EQ(0, args.returned) {
			TH_LOG("case %u", i);
		}
	}
	/* A device of a server answers none. */
	EXPECT_EQ(ENOTTY, error_of(self->node, TANDEM_IOC_DEVICE_CONTROL,
				   &(struct tandem_device_control){ .code = 1 }));
}

static const unsigned int commands[] = {
	TANDEM_IOC_BIND, TANDEM_IOC_REMOVE, TANDEM_IOC_POST, TANDEM_IOC_DEVICE_CONTROL,
	TANDEM_IOC_SUBSCRIBE, TANDEM_IOC_UNSUBSCRIBE,
};

static bool of_control(unsigned int cmd)
{
	return cmd == TANDEM_IOC_BIND || cmd == TANDEM_IOC_REMOVE || cmd == TANDEM_IOC_POST;
}

TEST_F(bad, other_nodes)
{
	struct tandem_subscribe args = { .ring_size = RING };
	static uint8_t zeros[256];
	int subscription = subscribe(self->node, &args), other;
	unsigned int i, cmd;

	ASSERT_LE(0, subscription);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		cmd = commands[i];
		EXPECT_EQ(ENOTTY, error_of(subscription, cmd, zeros));
		other = of_control(cmd) ? self->node : self->control;
		EXPECT_EQ(ENOTTY, error_of(other, cmd, zeros));
		other = of_control(cmd) ? self->gen : self->server;
		EXPECT_EQ(ENOTTY, error_of(other, cmd, zeros));
	}
	/* Numbers that nobody has, with Tandem's magic and without. */
	for (i = 0; i < 256; i++) {
		if ((i >= 1 && i <= 3) || i == _IOC_NR(TANDEM_IOC_ADOPT) ||
		    i == _IOC_NR(TANDEM_IOC_SECTION))
			continue;
		cmd = _IOC(_IOC_READ | _IOC_WRITE, TANDEM_IOC_MAGIC, i, 64);
		EXPECT_EQ(ENOTTY, error_of(self->control, cmd, zeros));
	}
	for (i = 0; i < 256; i++) {
		if (i >= 0x10 && i <= 0x12)
			continue;
		cmd = _IOC(_IOC_READ | _IOC_WRITE, TANDEM_IOC_MAGIC, i, 64);
		EXPECT_EQ(ENOTTY, error_of(self->node, cmd, zeros));
		EXPECT_EQ(ENOTTY, error_of(self->gen, cmd, zeros));
	}
	EXPECT_EQ(ENOTTY, error_of(self->control, _IO('t', 1), zeros));
	EXPECT_EQ(ENOTTY, error_of(self->node, _IO('t', 1), zeros));
	EXPECT_EQ(ENOTTY, error_of(self->gen, _IO('t', 1), zeros));
	close(subscription);
}

TEST_F(bad, unmapped_pointers)
{
	static const uint64_t addresses[] = {
		0, UNMAPPED, KERNEL_ADDRESS, ~0ULL, ~0ULL - 7, 1ULL << 63,
	};
	unsigned int i, j;
	char *hole;

	hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, hole);
	ASSERT_EQ(0, munmap(hole + 4096, 4096));
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		int fd = of_control(commands[i]) ? self->control : self->gen;

		for (j = 0; j < ARRAY_SIZE(addresses); j++) {
			EXPECT_EQ(EFAULT, error_of(fd, commands[i], (void *)addresses[j])) {
				TH_LOG("command %#x at %#jx", commands[i],
				       (uintmax_t)addresses[j]);
			}
		}
		EXPECT_EQ(EFAULT, error_of(fd, commands[i], hole + 4096 - 8));
	}
	munmap(hole, 4096);
}

/* What could not be told to the caller must not have happened. */
TEST_F(bad, read_only_pointers)
{
	struct tandem_bind *bind = self->read_only;
	struct tandem_subscribe *subscription = self->read_only;
	struct tandem_device_control *control = self->read_only;
	struct tandem_post post = { .len = 0 };

	bind_init(bind, "t-new");
	ASSERT_EQ(0, mprotect(self->read_only, 4096, PROT_READ));
	EXPECT_EQ(EFAULT, error_of(self->control, TANDEM_IOC_BIND, bind));
	EXPECT_EQ(ENOTCONN, error_of(self->control, TANDEM_IOC_POST, &post));

	ASSERT_EQ(0, mprotect(self->read_only, 4096, PROT_READ | PROT_WRITE));
	memset(self->read_only, 0, 4096);
	subscription->ring_size = RING;
	ASSERT_EQ(0, mprotect(self->read_only, 4096, PROT_READ));
	EXPECT_EQ(EFAULT, error_of(self->node, TANDEM_IOC_SUBSCRIBE, subscription));
	ASSERT_EQ(0, mprotect(self->read_only, 4096, PROT_READ | PROT_WRITE));
	subscription->flags = TANDEM_SUBSCRIBE_DURABLE;
	strcpy(subscription->name, "t-new");
	ASSERT_EQ(0, mprotect(self->read_only, 4096, PROT_READ));
	EXPECT_EQ(EFAULT, error_of(self->node, TANDEM_IOC_SUBSCRIBE, subscription));

	ASSERT_EQ(0, mprotect(self->read_only, 4096, PROT_READ | PROT_WRITE));
	memset(self->read_only, 0, 4096);
	control->code = TANDEM_GEN_CODE_ECHO;
	ASSERT_EQ(0, mprotect(self->read_only, 4096, PROT_READ));
	EXPECT_EQ(EFAULT, error_of(self->gen, TANDEM_IOC_DEVICE_CONTROL, control));
}

/* A pointer need not be aligned. */
TEST_F(bad, misaligned_pointers)
{
	static uint8_t memory[128 + 8];
	struct tandem_subscribe args = { .ring_size = RING };
	struct tandem_post post = { .type = 3 };
	unsigned int i;

	for (i = 1; i < 8; i++) {
		int fd;

		memcpy(memory + i, &args, sizeof(args));
		fd = ioctl(self->node, TANDEM_IOC_SUBSCRIBE, memory + i);
		EXPECT_LE(0, fd);
		close(fd);
		memcpy(memory + i, &post, sizeof(post));
		EXPECT_EQ(0, error_of(self->server, TANDEM_IOC_POST, memory + i));
	}
}

/*
 * Files that are not Tandem's take none of it, and a node that a server made has no data of its
 * own.
 */
TEST_F(bad, other_files)
{
	int null = open("/dev/null", O_RDWR);
	struct tandem_subscribe args = { .ring_size = RING };
	uint8_t byte = 0;

	ASSERT_LE(0, null);
	EXPECT_EQ(ENOTTY, error_of(null, TANDEM_IOC_SUBSCRIBE, &args));
	EXPECT_EQ(EBADF, error_of(-1, TANDEM_IOC_SUBSCRIBE, &args));
	close(null);
	EXPECT_EQ(-1, read(self->node, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->node, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->node, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->server, 0));
	EXPECT_EQ(ENODEV, errno);
}

TEST_HARNESS_MAIN
