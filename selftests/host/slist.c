// SPDX-License-Identifier: GPL-2.0
/*
 * Lists in a section, without a kernel: what each call returns, two mappings at different
 * addresses, threads at once, and a peer that writes what it likes. The section lies between pages
 * that nobody may touch.
 */
#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <tandem/slist.h>

#include "kselftest_harness.h"

#define SIZE		8192
#define HEAD		64
#define THREADS		8
/* At least so many, and for so long, so that threads run beside each other on a busy machine. */
#define ROUNDS		10000
#define MILLISECONDS	500

/**
 * struct node - an entry of 40 bytes, one every STRIDE
 * @entry: links it
 * @owner: the thread that has it, or 0
 * @number: which it is
 */
struct node {
	struct tandem_slist_entry entry;
	uint32_t owner;
	uint64_t number;
	unsigned char rest[24];
};

#define STRIDE	48
#define FIRST	96
#define NODES	((SIZE - FIRST) / STRIDE)

static_assert(sizeof(struct tandem_slist_entry) == 4, "the entry's layout is frozen");
static_assert(sizeof(struct tandem_slist_head) == 8, "the head's layout is frozen");
static_assert(__alignof__(struct tandem_slist_head) == 8, "the head's layout is frozen");
static_assert(offsetof(struct tandem_slist_head, top) == 0, "the head's layout is frozen");
static_assert(offsetof(struct tandem_slist_head, first) == 0, "the head's layout is frozen");
static_assert(offsetof(struct tandem_slist_head, pushes) == 4, "the head's layout is frozen");

static struct node *at(unsigned char *base, unsigned int i)
{
	return (struct node *)(void *)(base + FIRST + i * STRIDE);
}

static struct node *node_of(struct tandem_slist_entry *entry)
{
	return (struct node *)(void *)entry;
}

/* Memory between two pages that fault. */
static unsigned char *guarded(int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *room = mmap(NULL, SIZE + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);

	if (room == MAP_FAILED)
		return MAP_FAILED;
	return mmap(room + page, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
}

/**
 * struct view - a mapping of the section
 * @base: its address
 * @list: the list, as it is seen there
 * @head: likewise
 */
struct view {
	unsigned char *base;
	struct tandem_slist list;
	struct tandem_slist_head *head;
};

FIXTURE(slist)
{
	struct view view[2];
};

FIXTURE_SETUP(slist)
{
	int fd = memfd_create("slist", MFD_CLOEXEC);
	unsigned int i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, SIZE));
	for (i = 0; i < 2; i++) {
		struct view *view = &self->view[i];

		view->base = guarded(fd);
		ASSERT_NE(MAP_FAILED, view->base);
		view->head = (struct tandem_slist_head *)(void *)(view->base + HEAD);
		ASSERT_EQ(0, tandem_slist_init(&view->list, view->base, SIZE, HEAD,
					       sizeof(struct node)));
	}
	close(fd);
}

FIXTURE_TEARDOWN(slist)
{
}

/* What a flush gives: how many there are, or an errno. */
static int drain(const struct tandem_slist *list)
{
	struct tandem_slist_chain chain = tandem_slist_flush(list);
	struct tandem_slist_entry *entry;
	int ret, count = 0;

	while ((ret = tandem_slist_next(&chain, &entry)) > 0)
		count++;
	return ret ?: count;
}

TEST_F(slist, zeros_are_an_empty_list)
{
	struct tandem_slist_entry *entry = NULL;

	EXPECT_EQ(0, tandem_slist_pop(&self->view[0].list, &entry));
	EXPECT_EQ(NULL, entry);
	EXPECT_EQ(0, drain(&self->view[0].list));
}

TEST_F(slist, last_in_is_first_out)
{
	struct view *one = &self->view[0], *other = &self->view[1];
	struct tandem_slist_entry *entry;
	struct tandem_slist_chain chain;
	int i;

	ASSERT_NE(one->base, other->base);
	EXPECT_EQ(1, tandem_slist_push(&one->list, &at(one->base, 0)->entry));
	EXPECT_EQ(0, tandem_slist_push(&other->list, &at(other->base, 1)->entry));
	EXPECT_EQ(0, tandem_slist_push(&one->list, &at(one->base, 2)->entry));
	EXPECT_EQ(1, tandem_slist_pop(&other->list, &entry));
	EXPECT_EQ(at(other->base, 2), node_of(entry));
	EXPECT_EQ(0, tandem_slist_push(&other->list, &at(other->base, 3)->entry));

	chain = tandem_slist_flush(&one->list);
	EXPECT_EQ(0, tandem_slist_pop(&other->list, &entry));
	for (i = 3; i >= 0; i -= i == 3 ? 2 : 1) {
		EXPECT_EQ(1, tandem_slist_next(&chain, &entry));
		EXPECT_EQ(at(one->base, i), node_of(entry));
		/* It is the caller's already. */
		EXPECT_EQ(i == 3, tandem_slist_push(&one->list, entry));
	}
	EXPECT_EQ(0, tandem_slist_next(&chain, &entry));
	EXPECT_EQ(0, tandem_slist_next(&chain, &entry));
	EXPECT_EQ(3, drain(&other->list));
	EXPECT_EQ(1, tandem_slist_push(&one->list, &at(one->base, 0)->entry));
}

/* By the count, one that was interrupted while it popped knows that the list has changed. */
TEST_F(slist, never_the_same_again)
{
	struct view *view = &self->view[0];
	struct tandem_slist_head before, after;
	struct tandem_slist_entry *entry;

	tandem_slist_push(&view->list, &at(view->base, 0)->entry);
	before = *view->head;
	EXPECT_EQ(1, tandem_slist_pop(&view->list, &entry));
	EXPECT_EQ(1, tandem_slist_push(&view->list, entry));
	after = *view->head;
	EXPECT_EQ(before.first, after.first);
	EXPECT_EQ(before.pushes + 1, after.pushes);
	EXPECT_EQ(1, drain(&view->list));
	EXPECT_EQ(1, tandem_slist_push(&view->list, entry));
	EXPECT_EQ(before.first, view->head->first);
	EXPECT_EQ(before.pushes + 2, view->head->pushes);

	view->head->pushes = UINT32_MAX;
	EXPECT_EQ(0, tandem_slist_push(&view->list, &at(view->base, 1)->entry));
	EXPECT_EQ(0, view->head->pushes);
	EXPECT_EQ(2, drain(&view->list));
}

TEST_F(slist, all_that_there_is_room_for)
{
	unsigned char *base = self->view[0].base;
	struct tandem_slist list;
	int i;

	/* Between the first and the second, where no entry can be. */
	ASSERT_EQ(0, tandem_slist_init(&list, base, SIZE, TANDEM_SLIST_ALIGN + sizeof(struct node),
				       sizeof(struct node)));
	for (i = 0; TANDEM_SLIST_ALIGN + i * STRIDE + (int)sizeof(struct node) <= SIZE; i++)
		ASSERT_EQ(!i, tandem_slist_push(&list, (void *)(base + TANDEM_SLIST_ALIGN +
								i * STRIDE)));
	EXPECT_EQ(i, drain(&list));
}

TEST_F(slist, lists_that_cannot_be)
{
	unsigned char *base = self->view[0].base;
	struct tandem_slist list = { 0 };
	struct tandem_slist_entry *entry;

	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base + 8, SIZE - 8, HEAD, 16));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, SIZE, HEAD + 4, 16));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, SIZE, SIZE, 16));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, SIZE - 4, SIZE - 8, 16));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, SIZE, SIZE_MAX - 7, 16));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, SIZE, HEAD, 3));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, SIZE, HEAD, SIZE - 15));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, SIZE, HEAD, SIZE + 1));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, SIZE, HEAD, SIZE_MAX));
	EXPECT_EQ(-EINVAL, tandem_slist_init(&list, base, 0, 0, 16));

	EXPECT_EQ(0, tandem_slist_init(&list, base, SIZE, SIZE - 8, SIZE - 16));
	EXPECT_EQ(1, tandem_slist_push(&list, (void *)(base + 16)));
	EXPECT_EQ(1, tandem_slist_pop(&list, &entry));
	EXPECT_EQ((void *)(base + 16), (void *)entry);
	EXPECT_EQ(-EINVAL, tandem_slist_push(&list, (void *)(base + 32)));
}

TEST_F(slist, entries_that_cannot_be)
{
	struct view *view = &self->view[0];
	unsigned char *last = view->base + SIZE - sizeof(struct node);

	last -= (uintptr_t)last % TANDEM_SLIST_ALIGN;
	EXPECT_EQ(-EINVAL, tandem_slist_push(&view->list, NULL));
	EXPECT_EQ(-EINVAL, tandem_slist_push(&view->list, (void *)view->base));
	EXPECT_EQ(-EINVAL, tandem_slist_push(&view->list, (void *)(view->base - 16)));
	EXPECT_EQ(-EINVAL, tandem_slist_push(&view->list, (void *)(view->base + 24)));
	EXPECT_EQ(-EINVAL, tandem_slist_push(&view->list, (void *)(last + 16)));
	EXPECT_EQ(-EINVAL, tandem_slist_push(&view->list, (void *)(view->base + SIZE)));
	EXPECT_EQ(-EINVAL, tandem_slist_push(&view->list,
					     (void *)(view->base + ((size_t)1 << 36) + 16)));
	EXPECT_EQ(0, view->head->top);
	EXPECT_EQ(1, tandem_slist_push(&view->list, (void *)last));
}

/* ---- A hostile peer ---- */

static const uint32_t bad_places[] = {
	/* The last place at which a node still fits is (SIZE - sizeof(struct node)) / 16. */
	(SIZE - sizeof(struct node)) / TANDEM_SLIST_ALIGN + 1,
	SIZE / TANDEM_SLIST_ALIGN - 1,
	SIZE / TANDEM_SLIST_ALIGN,
	SIZE,
	1 << 28,
	INT32_MAX,
	(uint32_t)1 << 31,
	UINT32_MAX,
};

TEST_F(slist, a_first_that_is_none)
{
	struct view *view = &self->view[0];
	struct tandem_slist_entry *entry;
	unsigned int i;

	for (i = 0; i < sizeof(bad_places) / sizeof(*bad_places); i++) {
		view->head->first = bad_places[i];
		EXPECT_EQ(-EBADMSG, tandem_slist_pop(&view->list, &entry));
		EXPECT_EQ(bad_places[i], view->head->first);
		EXPECT_EQ(-EBADMSG, drain(&view->list));
		/* Then it is a list again. */
		EXPECT_EQ(0, tandem_slist_pop(&view->list, &entry));
		EXPECT_EQ(1, tandem_slist_push(&view->list, &at(view->base, 3)->entry));
		EXPECT_EQ(1, drain(&view->list));
	}
}

TEST_F(slist, a_next_that_is_none)
{
	struct view *view = &self->view[0];
	struct tandem_slist_entry *entry = NULL;
	struct tandem_slist_chain chain;
	unsigned int i;

	for (i = 0; i < sizeof(bad_places) / sizeof(*bad_places); i++) {
		tandem_slist_push(&view->list, &at(view->base, 1)->entry);
		at(view->base, 1)->entry.next = bad_places[i];
		chain = tandem_slist_flush(&view->list);
		EXPECT_EQ(1, tandem_slist_next(&chain, &entry));
		EXPECT_EQ(at(view->base, 1), node_of(entry));
		EXPECT_EQ(-EBADMSG, tandem_slist_next(&chain, &entry));
		EXPECT_EQ(-EBADMSG, tandem_slist_next(&chain, &entry));

		tandem_slist_push(&view->list, &at(view->base, 1)->entry);
		at(view->base, 1)->entry.next = bad_places[i];
		EXPECT_EQ(1, tandem_slist_pop(&view->list, &entry));
		EXPECT_EQ(-EBADMSG, tandem_slist_pop(&view->list, &entry));
		EXPECT_EQ(-EBADMSG, drain(&view->list));
	}
}

/* Where a good entry would begin is the section's last bytes: no more than those are looked at. */
TEST_F(slist, the_last_entry)
{
	struct view *view = &self->view[0];
	struct tandem_slist_entry *entry;
	struct tandem_slist list;

	ASSERT_EQ(0, tandem_slist_init(&list, view->base, SIZE, HEAD, 16));
	view->head->first = SIZE / TANDEM_SLIST_ALIGN - 1;
	EXPECT_EQ(1, tandem_slist_pop(&list, &entry));
	EXPECT_EQ((void *)(view->base + SIZE - 16), (void *)entry);
}

TEST_F(slist, circles_end)
{
	struct view *view = &self->view[0];
	unsigned int length, i;

	for (length = 1; length < 4; length++) {
		for (i = 0; i < length; i++)
			tandem_slist_push(&view->list, &at(view->base, i)->entry);
		at(view->base, 0)->entry.next = view->head->first;
		EXPECT_EQ(-EBADMSG, drain(&view->list));
	}
}

/* ---- At once ---- */

/**
 * struct worker - a thread that uses a list
 * @thread: it
 * @view: by which mapping
 * @nodes: pushed at first, and never more than these
 * @number: from 1 on
 * @hostile: others write what they like
 * @wrong: how often it got what it could not
 * @lists: how often it took all
 */
struct worker {
	pthread_t thread;
	struct view *view;
	unsigned int nodes;
	uint32_t number;
	bool hostile;
	unsigned long wrong;
	unsigned long lists;
};

static void take(struct worker *worker, struct tandem_slist_entry *entry)
{
	struct node *node = node_of(entry);

	if (worker->hostile) {
		/* All of it is in the mapping, or this faults. */
		memset(node->rest, 1, sizeof(node->rest));
		return;
	}
	worker->wrong += __atomic_exchange_n(&node->owner, worker->number, __ATOMIC_RELAXED) != 0;
	worker->wrong += node->number >= worker->nodes;
}

static void give(struct worker *worker, struct tandem_slist_entry *entry)
{
	struct node *node = node_of(entry);
	int ret;

	if (!worker->hostile)
		worker->wrong += __atomic_exchange_n(&node->owner, 0, __ATOMIC_RELAXED) !=
				 worker->number;
	ret = tandem_slist_push(&worker->view->list, entry);
	if (!worker->hostile)
		worker->wrong += ret < 0;
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void *work(void *arg)
{
	const uint64_t until = milliseconds() + MILLISECONDS;
	struct worker *worker = arg;
	struct tandem_slist_entry *entry[2];
	struct tandem_slist_chain chain;
	unsigned int i;
	int ret;

	for (i = 0; i < ROUNDS || i % 1024 || milliseconds() < until; i++) {
		if (i % 16 == worker->number) {
			chain = tandem_slist_flush(&worker->view->list);
			while ((ret = tandem_slist_next(&chain, &entry[0])) > 0) {
				take(worker, entry[0]);
				give(worker, entry[0]);
			}
			worker->wrong += ret && !worker->hostile;
			worker->lists++;
			continue;
		}
		/* Two, so that the list that comes back is in another order. */
		ret = tandem_slist_pop(&worker->view->list, &entry[0]);
		worker->wrong += ret < 0 && !worker->hostile;
		if (ret <= 0)
			continue;
		take(worker, entry[0]);
		ret = tandem_slist_pop(&worker->view->list, &entry[1]);
		if (ret > 0)
			take(worker, entry[1]);
		give(worker, entry[0]);
		if (ret > 0)
			give(worker, entry[1]);
	}
	return NULL;
}

static void conserve(struct __test_metadata *_metadata, struct view *views, unsigned int nodes)
{
	struct tandem_slist_entry *entry = NULL;
	struct worker worker[THREADS];
	bool seen[NODES] = { false };
	unsigned int i;

	for (i = 0; i < nodes; i++) {
		at(views[0].base, i)->number = i;
		ASSERT_LE(0, tandem_slist_push(&views[0].list, &at(views[0].base, i)->entry));
	}
	for (i = 0; i < THREADS; i++) {
		worker[i] = (struct worker){
			.view = &views[i % 2], .nodes = nodes, .number = i + 1,
		};
		ASSERT_EQ(0, pthread_create(&worker[i].thread, NULL, work, &worker[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(worker[i].thread, NULL);
		EXPECT_EQ(0, worker[i].wrong);
		EXPECT_LT(0, worker[i].lists);
	}
	for (i = 0; i < nodes; i++) {
		struct node *node;

		ASSERT_EQ(1, tandem_slist_pop(&views[1].list, &entry));
		node = node_of(entry);
		ASSERT_GT(nodes, node->number);
		EXPECT_FALSE(seen[node->number]);
		seen[node->number] = true;
	}
	EXPECT_EQ(0, tandem_slist_pop(&views[1].list, &entry));
}

TEST_F(slist, few_nodes_for_many_threads)
{
	conserve(_metadata, self->view, 3);
}

TEST_F(slist, many_nodes_for_many_threads)
{
	conserve(_metadata, self->view, NODES);
}

/**
 * struct vandal - a thread that writes what it likes all over the section
 * @base: its mapping
 * @done: when it is to end
 */
struct vandal {
	unsigned char *base;
	bool done;
};

static void *scribble(void *arg)
{
	struct vandal *vandal = arg;
	uint64_t random = 88172645463325252ULL;

	while (!__atomic_load_n(&vandal->done, __ATOMIC_RELAXED)) {
		uint32_t *at = (uint32_t *)(void *)vandal->base;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		/* Now the list, now an entry; now a place that there is, now any. */
		at += random & 1 ? HEAD / 4 : random % (SIZE / 4);
		__atomic_store_n(at, (uint32_t)(random >> 32) >> (random & 2 ? 23 : 0),
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

TEST_F(slist, a_vandal_harms_nobody)
{
	struct vandal vandal = { .base = self->view[0].base };
	struct worker worker[3];
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, scribble, &vandal));
	for (i = 0; i < 3; i++) {
		worker[i] = (struct worker){
			.view = &self->view[i % 2], .number = i + 1, .hostile = true,
		};
		ASSERT_EQ(0, pthread_create(&worker[i].thread, NULL, work, &worker[i]));
	}
	for (i = 0; i < 3; i++)
		pthread_join(worker[i].thread, NULL);
	__atomic_store_n(&vandal.done, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	drain(&self->view[0].list);
	EXPECT_EQ(0, tandem_slist_push(&self->view[0].list, &at(self->view[0].base, 0)->entry) < 0);
	EXPECT_EQ(1, drain(&self->view[1].list));
}

TEST_HARNESS_MAIN
