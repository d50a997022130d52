// SPDX-License-Identifier: GPL-2.0
/*
 * Removal of a device: no client keeps it waiting, everybody who sleeps is told, and what was
 * posted before can be read.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "faults.h"
#include "util.h"

#define DEVICE	"t-removal"
#define RING	(64 * 1024)
/* Seconds. */
#define SLEEP	10

/**
 * struct work - what a thread does meanwhile
 * @fd: on this
 * @tid: the thread's id
 * @page: with this argument
 * @cmd: and this command
 * @result: what came of it
 * @error: errno
 */
struct work {
	int fd;
	pid_t tid;
	void *page;
	unsigned int cmd;
	int result;
	int error;
};

static void *remove_now(void *data)
{
	struct work *work = data;

	work->result = remove_device(DEVICE);
	return NULL;
}

/* ---- A page that does not come ---- */

FIXTURE(page)
{
	int server;
	int node;
};

FIXTURE_VARIANT(page)
{
	unsigned int cmd;
	bool types;
};

FIXTURE_VARIANT_ADD(page, of_a_control)
{
	.cmd = TANDEM_IOC_DEVICE_CONTROL,
};

FIXTURE_VARIANT_ADD(page, of_a_subscribe)
{
	.cmd = TANDEM_IOC_SUBSCRIBE,
};

FIXTURE_VARIANT_ADD(page, of_a_subscribes_types)
{
	.cmd = TANDEM_IOC_SUBSCRIBE,
	.types = true,
};

FIXTURE_SETUP(page)
{
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, self->node);
}

FIXTURE_TEARDOWN(page)
{
	close(self->node);
	close(self->server);
	remove_device(DEVICE);
}

static void *ask(void *data)
{
	struct work *work = data;

	work->result = ioctl(work->fd, work->cmd, work->page);
	work->error = errno;
	return NULL;
}

/* A client reads its own memory, which somebody else serves, and who may never do so. */
TEST_F(page, does_not_hold_up_removal)
{
	struct tandem_subscribe subscribe = { .ring_size = RING, .types_count = 1 };
	struct work client = { .fd = self->node, .cmd = variant->cmd };
	struct work remover = { .result = -EINPROGRESS };
	pthread_t clients, removers;
	int faults = faults_open();
	void *page;
	int late;

	if (faults < 0)
		SKIP(return, "userfaultfd cannot be used here: %s", strerror(-faults));
	page = faults_page(faults);
	ASSERT_NE(NULL, page);
	subscribe.types = (uintptr_t)page;
	client.page = variant->types ? (void *)&subscribe : page;
	close(self->server);
	self->server = -1;
	ASSERT_EQ(0, pthread_create(&clients, NULL, ask, &client));
	EXPECT_TRUE(faults_wait(faults));
	ASSERT_EQ(0, pthread_create(&removers, NULL, remove_now, &remover));
	late = thread_join(removers, 5);
	EXPECT_EQ(0, late) {
		TH_LOG("REMOVE waits for a client's page");
	}
	EXPECT_EQ(0, faults_end(faults, page));
	if (late)
		EXPECT_EQ(0, pthread_join(removers, NULL));
	EXPECT_EQ(0, remover.result);
	EXPECT_EQ(0, pthread_join(clients, NULL));
	if (!late) {
		EXPECT_EQ(-1, client.result);
		/* The page is one of zeros: a subscription with a ring of that size is nonsense. */
		EXPECT_EQ(variant->cmd == TANDEM_IOC_SUBSCRIBE && !variant->types ? EINVAL : ENODEV,
			  client.error);
	}
	munmap(page, page_size());
	close(faults);
}

/* ---- Who sleeps ---- */

FIXTURE(sleeper)
{
	int server;
	struct work work;
	pthread_t thread;
};

FIXTURE_SETUP(sleeper)
{
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->work.fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, self->work.fd);
}

FIXTURE_TEARDOWN(sleeper)
{
	close(self->work.fd);
}

/* A node without a poll operation is always ready for all but this. */
static void *sleep_in_poll(void *data)
{
	struct work *work = data;
	struct pollfd ready = { .fd = work->fd, .events = POLLPRI };

	__atomic_store_n(&work->tid, gettid(), __ATOMIC_RELEASE);
	work->result = poll(&ready, 1, deadline_left(deadline_in(SLEEP))) == 1 ? ready.revents : 0;
	return NULL;
}

static void *sleep_in_epoll(void *data)
{
	struct epoll_event event = { .events = EPOLLPRI | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct work *work = data;

	epoll_ctl(epoll, EPOLL_CTL_ADD, work->fd, &event);
	__atomic_store_n(&work->tid, gettid(), __ATOMIC_RELEASE);
	if (epoll_wait(epoll, &event, 1, deadline_left(deadline_in(SLEEP))) == 1)
		work->result = event.events;
	close(epoll);
	return NULL;
}

/* Whoever was not woken finds out at the end of his time. */
static bool ended_in_time(pthread_t thread)
{
	bool ended = !thread_join(thread, SLEEP / 2);

	if (!ended)
		pthread_join(thread, NULL);
	return ended;
}

TEST_F(sleeper, in_poll_is_told)
{
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, sleep_in_poll, &self->work));
	EXPECT_TRUE(thread_asleep(&self->work.tid));
	close(self->server);
	EXPECT_EQ(0, remove_device(DEVICE));
	EXPECT_TRUE(ended_in_time(self->thread));
	EXPECT_EQ(POLLHUP | POLLERR, self->work.result);
}

TEST_F(sleeper, in_epoll_is_told)
{
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, sleep_in_epoll, &self->work));
	EXPECT_TRUE(thread_asleep(&self->work.tid));
	close(self->server);
	EXPECT_EQ(0, remove_device(DEVICE));
	EXPECT_TRUE(ended_in_time(self->thread));
	EXPECT_EQ(EPOLLHUP | EPOLLERR, self->work.result);
}

/* ---- Who reads ---- */

static void *post_and_remove(void *data)
{
	struct work *work = data;
	int err = pin_to_cpu(1);

	if (!err)
		err = post_event(work->fd, 1, TANDEM_CLASS_NORMAL, NULL, 0);
	close(work->fd);
	work->result = err ? err : remove_device(DEVICE);
	return NULL;
}

/* Return: how many records are read until the end. */
static unsigned int read_to_the_end(int fd)
{
	struct tandem_record record;
	unsigned int records = 0;
	ssize_t len;

	while ((len = read(fd, &record, sizeof(record))))
		records += len > 0;
	return records;
}

/*
 * The end comes right after the only record, at any point of a read. Whoever is told of the end has
 * read all before.
 */
TEST(end_comes_last)
{
	const uint64_t deadline = now_ns() + 3000000000ULL;
	struct tandem_subscribe args = { .ring_size = RING };
	unsigned int turns = 0, missed = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "a race takes two CPUs");
	ASSERT_EQ(0, pin_to_cpu(0));
	while (!deadline_passed(deadline)) {
		struct work poster = { .fd = bind_device(DEVICE) };
		pthread_t thread;
		int node, fd;

		ASSERT_LE(0, poster.fd);
		node = open_node(DEVICE, O_RDONLY);
		ASSERT_LE(0, node);
		fd = subscribe(node, &args);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
		ASSERT_EQ(0, pthread_create(&thread, NULL, post_and_remove, &poster));
		missed += read_to_the_end(fd) != 1;
		turns++;
		EXPECT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(0, poster.result);
		close(fd);
		close(node);
	}
	EXPECT_EQ(0, missed) {
		TH_LOG("%u of %u readers did not read the last record", missed, turns);
	}
}

TEST_HARNESS_MAIN
