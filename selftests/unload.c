// SPDX-License-Identifier: GPL-2.0
/*
 * The module stays as long as anything of it is in use, goes when nothing is, and leaves nothing
 * behind.
 *
 * TIMEOUT=300
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-unload"
#define RING	(1024 * 1024)

/* What is dying, and is not the test's, may hold the module a little. */
static int unload_soon(const char *module)
{
	const uint64_t deadline = deadline_in(10);
	int err;

	do
		err = unload_module(module);
	while (err == -EWOULDBLOCK && !deadline_passed(deadline));
	return err;
}

FIXTURE(unload)
{
	bool loaded;
};

FIXTURE_SETUP(unload)
{
	ASSERT_EQ(0, unload_soon("tandem_gen"));
	ASSERT_EQ(0, unload_soon("tandem_process"));
	self->loaded = true;
}

FIXTURE_TEARDOWN(unload)
{
	/* Nothing asserted: that would come back here. */
	if (!self->loaded) {
		EXPECT_EQ(0, load_module("tandem"));
	}
	EXPECT_EQ(0, load_module("tandem_process"));
	EXPECT_EQ(0, load_module("tandem_gen"));
}

TEST_F(unload, refused_with_the_control_node_open)
{
	int fd = open_node("control", O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	close(fd);
	EXPECT_EQ(0, unload_module("tandem"));
	self->loaded = false;
}

TEST_F(unload, refused_with_a_server)
{
	int server = bind_device(DEVICE), copy;

	ASSERT_LE(0, server);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	copy = dup(server);
	close(server);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	EXPECT_EQ(0, post_event(copy, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	close(copy);
	EXPECT_EQ(0, unload_module("tandem"));
	self->loaded = false;
	/* A device that nobody uses goes with the module. */
	EXPECT_EQ(-ENOENT, open_node(DEVICE, O_RDONLY));
}

TEST_F(unload, refused_with_a_device_open)
{
	int server = bind_device(DEVICE), node;

	ASSERT_LE(0, server);
	node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, node);
	close(server);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	EXPECT_EQ(0, remove_device(DEVICE));
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	close(node);
	EXPECT_EQ(0, unload_module("tandem"));
	self->loaded = false;
}

TEST_F(unload, refused_with_a_subscription)
{
	struct consumer consumer;
	int server = bind_device(DEVICE);

	ASSERT_LE(0, server);
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	consumer_unmap(&consumer);
	close(server);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	close(consumer.fd);
	EXPECT_EQ(0, unload_module("tandem"));
	self->loaded = false;
}

TEST_F(unload, refused_with_a_mapping)
{
	struct consumer consumer;
	int server = bind_device(DEVICE);

	ASSERT_LE(0, server);
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	close(consumer.fd);
	close(server);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	EXPECT_EQ(TANDEM_RING_MAGIC, consumer.ring[0].producer->magic);
	EXPECT_EQ(0, remove_device(DEVICE));
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	EXPECT_EQ(TANDEM_RING_GONE, consumer.ring[0].producer->state);
	consumer_unmap(&consumer);
	EXPECT_EQ(0, unload_module("tandem"));
	self->loaded = false;
}

TEST_F(unload, refused_with_everything)
{
	struct consumer consumer;
	int server = bind_device(DEVICE), node;

	ASSERT_EQ(0, load_module("tandem_gen"));
	node = open_node("gen", O_RDWR);
	ASSERT_LE(0, node);
	ASSERT_EQ(0, consumer_open(&consumer, "gen", RING));
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem_gen"));
	close(node);
	consumer_close(&consumer);
	EXPECT_EQ(0, unload_module("tandem_gen"));
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem"));
	close(server);
	EXPECT_EQ(0, unload_module("tandem"));
	self->loaded = false;
}

/* A kernel half stays while its events are subscribed to, though its node is closed. */
TEST_F(unload, half_while_subscribed)
{
	const uint64_t deadline = deadline_in(20);
	struct tandem_gen_start start;
	static struct gen_check check;
	struct consumer consumer;
	int gen;

	ASSERT_EQ(0, load_module("tandem_gen"));
	gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, gen);
	ASSERT_EQ(0, consumer_open(&consumer, "gen", RING));
	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_HARDIRQ);
	start.rate = 1000;
	start.count = 100;
	ASSERT_EQ(0, gen_start(gen, &start));
	gen_check_init(&check, &start);
	ASSERT_EQ(0, gen_wait(gen, deadline));
	close(gen);
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem_gen"));
	EXPECT_EQ(200UL * sysconf(_SC_NPROCESSORS_ONLN),
		  consumer_drain(&consumer, gen_check_record, &check));
	EXPECT_EQ(NULL, consumer.error);
	EXPECT_EQ(TANDEM_RING_ACTIVE, consumer.ring[0].producer->state);
	consumer_close(&consumer);
	EXPECT_EQ(0, unload_module("tandem_gen"));
	EXPECT_EQ(-ENOENT, open_node("gen", O_RDWR));
	EXPECT_EQ(0, unload_module("tandem"));
	self->loaded = false;
}

/* A run without end goes with the file that began it. */
TEST_F(unload, half_after_posting)
{
	const uint64_t deadline = deadline_in(20);
	struct tandem_gen_start start;
	struct consumer consumer;
	int gen;

	ASSERT_EQ(0, load_module("tandem_gen"));
	gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, gen);
	ASSERT_EQ(0, consumer_open(&consumer, "gen", RING));
	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_HARDIRQ |
		 1 << TANDEM_GEN_SOFTIRQ | 1 << TANDEM_GEN_IRQ_WORK);
	start.rate = 1000;
	ASSERT_EQ(0, gen_start(gen, &start));
	while (consumer_records(&consumer) < 100) {
		consumer_drain(&consumer, NULL, NULL);
		ASSERT_FALSE(deadline_passed(deadline));
	}
	close(gen);
	consumer_drain(&consumer, NULL, NULL);
	EXPECT_EQ(NULL, consumer.error);
	EXPECT_FALSE(consumer_ready(&consumer));
	EXPECT_EQ(-EWOULDBLOCK, unload_module("tandem_gen"));
	consumer_close(&consumer);
	EXPECT_EQ(0, unload_module("tandem_gen"));
	EXPECT_EQ(0, unload_module("tandem"));
	self->loaded = false;
}

/* Kilobytes of a line of /proc/meminfo, or of several. */
static int64_t memory(const char *const *names, unsigned int count)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char name[64];
	int64_t sum = 0;
	uintmax_t value;
	unsigned int i;

	if (!file)
		return -1;
	while (fscanf(file, "%63[^:]: %ju%*[^\n]\n", name, &value) == 2)
		for (i = 0; i < count; i++)
			if (!strcmp(name, names[i]))
				sum += value;
	fclose(file);
	return sum;
}

static const char *cycle(void)
{
	struct consumer consumer;
	const char *error = NULL;
	int server, node, i;

	server = bind_device(DEVICE);
	node = open_node(DEVICE, O_RDWR);
	if (server < 0 || node < 0)
		return "the device could not be made";
	if (consumer_open(&consumer, DEVICE, RING))
		return "it could not be subscribed to";
	for (i = 0; i < 100; i++)
		if (post_event(server, 1, TANDEM_CLASS_NORMAL, &i, sizeof(i)))
			error = "it could not be posted to";
	if (consumer_drain(&consumer, NULL, NULL) != 100)
		error = "not all events came";
	consumer_close(&consumer);
	close(node);
	close(server);
	if (unload_module("tandem"))
		error = "the module could not be unloaded";
	else if (load_module("tandem"))
		error = "the module could not be loaded again";
	return error;
}

static const char *cycles(unsigned int count)
{
	const char *error = NULL;

	while (count-- && !error)
		error = cycle();
	return error;
}

TEST_F(unload, a_hundred_times)
{
	static const char *const kernel[] = { "Slab", "VmallocUsed", "Percpu", "KernelStack" };
	static const char *const all[] = { "MemAvailable" };
	const unsigned int count = test_load(100);
	/* One page for each cycle would be 4 KiB, one ring 1 MiB. */
	const int64_t kernel_limit = 300 + 3 * (int64_t)count;
	const int64_t all_limit = 8 * 1024 + 256 * (int64_t)count;
	int64_t kernel_more = INT64_MAX, all_less = INT64_MAX;
	const char *error;
	unsigned int round;

	ASSERT_NE(NULL, getenv("TANDEM_MODULES"));
	error = cycles(10);
	ASSERT_EQ(NULL, error);
	/* Others use memory too, now and then; but what leaks does so each time. */
	for (round = 0; round < 3; round++) {
		if (kernel_more < kernel_limit && all_less < all_limit)
			break;
		ASSERT_EQ(0, write_word("/proc/sys/vm/drop_caches", "3"));
		kernel_more = -memory(kernel, ARRAY_SIZE(kernel));
		all_less = memory(all, 1);
		error = cycles(count);
		ASSERT_EQ(NULL, error) {
			TH_LOG("%s", error);
		}
		ASSERT_EQ(0, write_word("/proc/sys/vm/drop_caches", "3"));
		kernel_more += memory(kernel, ARRAY_SIZE(kernel));
		all_less -= memory(all, 1);
		TH_LOG("%u cycles: kernel memory %+jd KiB, available %+jd KiB", count,
		       (intmax_t)kernel_more, (intmax_t)-all_less);
	}
	EXPECT_LT(kernel_more, kernel_limit);
	EXPECT_LT(all_less, all_limit);
}

TEST_HARNESS_MAIN
