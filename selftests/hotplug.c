// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU goes offline and comes back while its events are posted and consumed: nothing is lost
 * untold, and a subscription that was made meanwhile gets its ring when the CPU comes.
 *
 * TIMEOUT=180
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "util.h"

#define CPU	1
#define ONLINE	"/sys/devices/system/cpu/cpu1/online"
#define DEVICE	"t-hotplug"
#define RING	(1024 * 1024)

FIXTURE(hotplug)
{
	int gen;
	bool possible;
};

#define FIXED	"CPU 1 cannot be taken offline"

FIXTURE_SETUP(hotplug)
{
	self->possible = !access(ONLINE, W_OK);
	if (!self->possible)
		return;
	ASSERT_EQ(0, write_word(ONLINE, "1"));
	ASSERT_EQ(0, pin_to_cpu(0));
	self->gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->gen);
}

FIXTURE_TEARDOWN(hotplug)
{
	if (!self->possible)
		return;
	EXPECT_EQ(0, write_word(ONLINE, "1"));
	gen_stop(self->gen);
	close(self->gen);
	remove_device(DEVICE);
}

struct switcher {
	unsigned int rounds;
	bool stop;
	int error;
};

static void *switch_cpu(void *data)
{
	struct switcher *switcher = data;

	while (!switcher->error && !__atomic_load_n(&switcher->stop, __ATOMIC_RELAXED)) {
		switcher->error = write_word(ONLINE, "0");
		if (!switcher->error)
			switcher->error = write_word(ONLINE, "1");
		__atomic_add_fetch(&switcher->rounds, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

TEST_F(hotplug, while_posting)
{
	const unsigned int rounds = test_load(20);
	const uint64_t deadline = deadline_in(100);
	struct switcher switcher = { .rounds = 0 };
	struct tandem_gen_start start;
	static struct gen_check check;
	struct consumer consumer;
	pthread_t thread;
	uint64_t lost;

	if (!self->possible)
		SKIP(return, FIXED);
	ASSERT_EQ(0, consumer_open(&consumer, "gen", RING));
	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_SOFTIRQ |
		 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK);
	start.rate = 1000;
	start.size = 32;
	ASSERT_EQ(0, gen_start(self->gen, &start));
	gen_check_init(&check, &start);
	ASSERT_EQ(0, pthread_create(&thread, NULL, switch_cpu, &switcher));
	while (__atomic_load_n(&switcher.rounds, __ATOMIC_ACQUIRE) < rounds && !consumer.error &&
	       !deadline_passed(deadline)) {
		struct pollfd ready = { .fd = consumer.fd, .events = POLLIN };

		poll(&ready, 1, 1000);
		consumer_drain(&consumer, gen_check_record, &check);
	}
	__atomic_store_n(&switcher.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, switcher.error);
	EXPECT_LE(rounds, switcher.rounds);
	ASSERT_EQ(0, gen_stop(self->gen));
	consumer_drain(&consumer, gen_check_record, &check);
	EXPECT_EQ(NULL, consumer.error) {
		TH_LOG("%s", consumer.error);
	}
	lost = consumer_lost_records(&consumer);
	EXPECT_EQ(gen_posted(self->gen), check.received + lost);
	EXPECT_LE(check.missing, lost);
	EXPECT_LT(0, consumer.ring[CPU].records);
	consumer_close(&consumer);
}

TEST_F(hotplug, subscribed_meanwhile)
{
	struct consumer consumer;
	int server = bind_device(DEVICE);
	uint64_t memory;
	unsigned int i;

	if (!self->possible)
		SKIP(return, FIXED);
	ASSERT_LE(0, server);
	ASSERT_EQ(0, write_word(ONLINE, "0"));
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	EXPECT_EQ(TANDEM_RING_ACTIVE, consumer.ring[0].producer->state);
	EXPECT_EQ(TANDEM_RING_EMPTY, consumer.ring[CPU].producer->state);
	EXPECT_EQ(1, query_own_number(DEVICE, TANDEM_ATTR_RINGS));
	memory = query_own_number(DEVICE, TANDEM_ATTR_MEMORY);
	ASSERT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	EXPECT_EQ(1, consumer_drain(&consumer, NULL, NULL));

	ASSERT_EQ(0, write_word(ONLINE, "1"));
	EXPECT_EQ(TANDEM_RING_ACTIVE, consumer.ring[CPU].producer->state);
	EXPECT_EQ(2, query_own_number(DEVICE, TANDEM_ATTR_RINGS));
	EXPECT_EQ(memory + RING, query_own_number(DEVICE, TANDEM_ATTR_MEMORY));
	ASSERT_EQ(0, pin_to_cpu(CPU));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, &i, sizeof(i)));
	}
	EXPECT_EQ(1000, consumer_drain(&consumer, NULL, NULL));
	EXPECT_EQ(1000, consumer.ring[CPU].records);
	EXPECT_EQ(0, consumer_lost_records(&consumer));
	EXPECT_EQ(NULL, consumer.error);
	consumer_close(&consumer);
	close(server);
}

/* What lies in the ring of a CPU that has gone is still there. */
TEST_F(hotplug, keeps_what_was_there)
{
	struct consumer consumer;
	int server = bind_device(DEVICE);

	if (!self->possible)
		SKIP(return, FIXED);
	ASSERT_LE(0, server);
	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	ASSERT_EQ(0, pin_to_cpu(CPU));
	ASSERT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, "kept", 4));
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, write_word(ONLINE, "0"));
	EXPECT_EQ(1, consumer_drain(&consumer, NULL, NULL));
	EXPECT_EQ(1, consumer.ring[CPU].records);
	ASSERT_EQ(0, write_word(ONLINE, "1"));
	ASSERT_EQ(0, pin_to_cpu(CPU));
	ASSERT_EQ(0, post_event(server, 1, TANDEM_CLASS_NORMAL, "more", 4));
	EXPECT_EQ(1, consumer_drain(&consumer, NULL, NULL));
	EXPECT_EQ(2, consumer.ring[CPU].records);
	consumer_close(&consumer);
	close(server);
}

TEST_HARNESS_MAIN
