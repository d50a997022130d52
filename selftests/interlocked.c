// SPDX-License-Identifier: GPL-2.0
/*
 * Interlocked operations and a list in a section, by a kernel half in two contexts and by threads
 * with mappings of their own at once: nothing is lost, nothing is doubled.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tandem/interlocked.h>

#include "kselftest_harness.h"

#include "modules/interlocked.h"
#include "util.h"

#define THREADS	3
#define ROUNDS	4000

/**
 * struct client - a thread that uses the section
 * @thread: it
 * @page: its own mapping
 * @number: from 0 on
 * @done: when it is to end
 * @rounds: how many it did
 * @nodes: how many nodes it had
 * @wrong: how often it found what cannot be
 */
struct client {
	pthread_t thread;
	struct interlocked_page *page;
	unsigned int number;
	const bool *done;
	uint64_t rounds;
	uint64_t nodes;
	uint64_t wrong;
};

static struct interlocked_page *map(int fd)
{
	return mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int list_of(struct interlocked_page *page, struct tandem_slist *list)
{
	return tandem_slist_init(list, page, sysconf(_SC_PAGESIZE),
				 offsetof(struct interlocked_page, list),
				 sizeof(struct interlocked_node));
}

static void use_list(struct client *client, const struct tandem_slist *list)
{
	struct tandem_slist_entry *entry[2];
	struct interlocked_node *node;
	int i, count = 0;

	/* Two, so that the list that comes back is in another order. */
	while (count < 2 && tandem_slist_pop(list, &entry[count]) > 0) {
		node = (struct interlocked_node *)entry[count++];
		client->wrong += !!tandem_interlocked_exchange((__s32 *)&node->owner,
							       client->number + 1);
	}
	for (i = 0; i < count; i++) {
		node = (struct interlocked_node *)entry[i];
		client->wrong += tandem_interlocked_exchange((__s32 *)&node->owner, 0) !=
				 (__s32)client->number + 1;
		client->wrong += tandem_slist_push(list, entry[i]) < 0;
	}
	client->nodes += count;
}

static void *use(void *arg)
{
	struct client *client = arg;
	struct interlocked_page *page = client->page;
	struct tandem_slist list;

	client->wrong += list_of(page, &list) != 0;
	while (!__atomic_load_n(client->done, __ATOMIC_ACQUIRE)) {
		tandem_interlocked_increment64((__s64 *)&page->s64);
		tandem_interlocked_add(&page->s32, 3);
		tandem_interlocked_increment16(&page->s16);
		tandem_interlocked_exchange_add8(&page->s8, 1);
		client->wrong += tandem_interlocked_bit_test_and_set64((__s64 *)&page->bits,
								       client->number);
		client->wrong += !tandem_interlocked_bit_test_and_reset64((__s64 *)&page->bits,
									  client->number);
		use_list(client, &list);
		client->rounds++;
	}
	return NULL;
}

FIXTURE(interlocked)
{
	int fd;
};

FIXTURE_SETUP(interlocked)
{
	ASSERT_EQ(0, load_module("tandem_interlocked"));
	self->fd = open_node("interlocked", O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(interlocked)
{
	close(self->fd);
	EXPECT_EQ(0, unload_module("tandem_interlocked"));
}

static int run(int fd, struct interlocked_page *page, uint64_t rounds,
	       struct interlocked_done *done)
{
	struct interlocked_run args = { .address = (uintptr_t)page, .rounds = rounds };
	struct tandem_device_control control = {
		.code = INTERLOCKED_RUN,
		.in_len = sizeof(args),
		.in = (uintptr_t)&args,
		.out_len = sizeof(*done),
		.out = (uintptr_t)done,
	};

	return ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, &control) ? -errno : 0;
}

TEST_F(interlocked, kernel_half_and_threads_at_once)
{
	struct interlocked_page *page = map(self->fd);
	struct tandem_slist_entry *entry = NULL;
	struct interlocked_done done = { 0 };
	struct client clients[THREADS];
	uint32_t seen = 0, all = (1U << INTERLOCKED_NODES) - 1;
	struct tandem_slist list;
	uint64_t rounds;
	bool end = false;
	unsigned int i;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, list_of(page, &list));
	for (i = 0; i < INTERLOCKED_NODES; i++) {
		page->nodes[i].number = i;
		ASSERT_LE(0, tandem_slist_push(&list, &page->nodes[i].entry));
	}
	for (i = 0; i < THREADS; i++) {
		clients[i] = (struct client){ .page = map(self->fd), .number = i, .done = &end };
		ASSERT_NE(MAP_FAILED, clients[i].page);
		ASSERT_EQ(0, pthread_create(&clients[i].thread, NULL, use, &clients[i]));
	}
	EXPECT_EQ(0, run(self->fd, page, test_load(ROUNDS), &done));
	__atomic_store_n(&end, true, __ATOMIC_RELEASE);

	rounds = done.rounds;
	EXPECT_LT(0, done.interrupts);
	EXPECT_LT(0, done.nodes);
	EXPECT_EQ(0, done.wrong);
	for (i = 0; i < THREADS; i++) {
		EXPECT_EQ(0, thread_join(clients[i].thread, 20));
		EXPECT_LT(0, clients[i].rounds);
		EXPECT_LT(0, clients[i].nodes);
		EXPECT_EQ(0, clients[i].wrong);
		rounds += clients[i].rounds;
	}
	EXPECT_EQ(rounds, page->s64);
	EXPECT_EQ((__s32)(3 * rounds), page->s32);
	EXPECT_EQ((__s16)rounds, page->s16);
	EXPECT_EQ((__s8)rounds, page->s8);
	EXPECT_EQ(0, page->bits);
	while (tandem_slist_pop(&list, &entry) > 0) {
		struct interlocked_node *node = (struct interlocked_node *)entry;

		ASSERT_GT(INTERLOCKED_NODES, node->number);
		EXPECT_EQ(0, seen & 1U << node->number);
		seen |= 1U << node->number;
	}
	EXPECT_EQ(all, seen);
}

TEST_F(interlocked, kernel_half_notices_a_list_that_is_none)
{
	static const uint32_t places[] = { 256, 4096, 1U << 28, UINT32_MAX };
	struct interlocked_page *page = map(self->fd);
	struct interlocked_done done = { 0 };
	unsigned int i;

	ASSERT_NE(MAP_FAILED, page);
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		page->list.first = places[i];
		EXPECT_EQ(0, run(self->fd, page, 1, &done));
		EXPECT_EQ(1, done.wrong);
		EXPECT_EQ(0, done.nodes);
		EXPECT_EQ(0, page->list.first);
	}
}

TEST_HARNESS_MAIN
