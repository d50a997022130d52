// SPDX-License-Identifier: GPL-2.0
/*
 * A subscription as a file: read gives whole records, poll and SIGIO say when, the end comes with
 * the device.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-read"
#define RING	(64 * 1024)

FIXTURE(file)
{
	int server;
	int fd;
};

FIXTURE_SETUP(file)
{
	struct tandem_subscribe args = { .ring_size = RING };

	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->fd = subscribe_by(DEVICE, &args);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	close(self->server);
	remove_device(DEVICE);
}

static int poll_now(int fd, short events)
{
	struct pollfd ready = { .fd = fd, .events = events };

	return poll(&ready, 1, 0) < 0 ? -1 : ready.revents;
}

static int poll_until(int fd, short events, unsigned int seconds)
{
	struct pollfd ready = { .fd = fd, .events = events };

	return poll(&ready, 1, deadline_left(deadline_in(seconds))) < 0 ? -1 : ready.revents;
}

TEST_F(file, whole_records)
{
	uint8_t buffer[256] __attribute__((aligned(8)));
	const struct tandem_record *record = (void *)buffer;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, post_event(self->server, 10 + i, TANDEM_CLASS_NORMAL, "12345678",
					i + 1));
	}
	/* Each takes 24 bytes: two fit, and half of a third one. */
	ASSERT_EQ(48, read(self->fd, buffer, 60));
	EXPECT_EQ(17, record->len);
	EXPECT_EQ(10, TANDEM_RECORD_TYPE(record->type_flags));
	EXPECT_EQ('1', record->data[0]);
	record = (void *)(buffer + 24);
	EXPECT_EQ(18, record->len);
	EXPECT_EQ(0, memcmp(record->data, "12", 2));
	ASSERT_EQ(72, read(self->fd, buffer, sizeof(buffer)));
	record = (void *)(buffer + 48);
	EXPECT_EQ(21, record->len);
	EXPECT_EQ(14, TANDEM_RECORD_TYPE(record->type_flags));
	EXPECT_EQ(0, memcmp(record->data, "12345", 5));
	EXPECT_EQ(-1, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(file, short_buffer)
{
	uint8_t buffer[64];

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "12345678", 8));
	EXPECT_EQ(-1, read(self->fd, buffer, 23));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(-1, read(self->fd, buffer, 1));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(24, read(self->fd, buffer, 24));
	EXPECT_EQ(-1, read(self->fd, buffer, 24));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(file, bad_buffer_loses_nothing)
{
	void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t buffer[64];

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "12345678", 8));
	ASSERT_NE(MAP_FAILED, nowhere);
	EXPECT_EQ(-1, read(self->fd, nowhere, 24));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(24, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(-1, write(self->fd, buffer, sizeof(buffer)));
}

/* By time: events that two CPUs post at nearly the same time may come the other way round. */
TEST_F(file, oldest_first)
{
	const unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int i, next[2] = { 0, 1 };
	uint64_t time = 0;

	if (cpus < 2)
		SKIP(return, "one CPU alone");
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, pin_to_cpu(i % 2));
		ASSERT_EQ(0, post_event(self->server, i, TANDEM_CLASS_NORMAL, NULL, 0));
	}
	for (i = 0; i < 100; i++) {
		struct tandem_record record;
		unsigned int type;

		ASSERT_EQ(16, read(self->fd, &record, sizeof(record)));
		type = TANDEM_RECORD_TYPE(record.type_flags);
		EXPECT_EQ(next[type % 2], type);
		EXPECT_LE(time, record.time);
		next[type % 2] = type + 2;
		time = record.time;
	}
}

TEST_F(file, poll_levels)
{
	uint8_t buffer[64];

	EXPECT_EQ(0, poll_now(self->fd, POLLIN | POLLOUT));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	EXPECT_EQ(POLLIN, poll_until(self->fd, POLLIN, 10));
	EXPECT_EQ(POLLIN, poll_now(self->fd, POLLIN));
	EXPECT_EQ(POLLIN | POLLRDNORM, poll_now(self->fd, POLLIN | POLLRDNORM));
	EXPECT_EQ(16, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, poll_now(self->fd, POLLIN));
}

TEST_F(file, end)
{
	uint8_t buffer[64];

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, NULL, 0));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	EXPECT_EQ(POLLIN | POLLHUP, poll_now(self->fd, POLLIN));
	EXPECT_EQ(16, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(0, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(POLLHUP, poll_now(self->fd, POLLIN) & (POLLHUP | POLLERR));
	self->server = -1;
}

struct reader {
	int fd;
	pid_t tid;
	ssize_t result;
	int error;
	uint8_t buffer[64];
};

static void *read_blocking(void *data)
{
	struct reader *reader = data;

	__atomic_store_n(&reader->tid, gettid(), __ATOMIC_RELEASE);
	reader->result = read(reader->fd, reader->buffer, sizeof(reader->buffer));
	reader->error = errno;
	return NULL;
}

TEST_F(file, read_waits_for_a_record)
{
	struct reader reader = { .fd = self->fd };
	pthread_t thread;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_blocking, &reader));
	ASSERT_TRUE(thread_asleep(&reader.tid));
	ASSERT_EQ(0, post_event(self->server, 3, TANDEM_CLASS_NORMAL, NULL, 0));
	ASSERT_EQ(0, thread_join(thread, 10));
	EXPECT_EQ(16, reader.result);
}

TEST_F(file, read_ends_with_the_device)
{
	struct reader reader = { .fd = self->fd };
	pthread_t thread;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_blocking, &reader));
	ASSERT_TRUE(thread_asleep(&reader.tid));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	ASSERT_EQ(0, thread_join(thread, 10));
	EXPECT_EQ(0, reader.result);
	self->server = -1;
}

static void nothing(int signal)
{
	(void)signal;
}

TEST_F(file, read_ends_by_a_signal)
{
	struct sigaction action = { .sa_handler = nothing };
	struct reader reader = { .fd = self->fd };
	pthread_t thread;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_blocking, &reader));
	ASSERT_TRUE(thread_asleep(&reader.tid));
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, thread_join(thread, 10));
	EXPECT_EQ(-1, reader.result);
	EXPECT_EQ(EINTR, reader.error);
}

/* Records of 16 bytes. */
static int post_burst(int server, unsigned int count)
{
	int err = 0;

	while (count-- && !err)
		err = post_event(server, 1, TANDEM_CLASS_NORMAL, NULL, 0);
	return err;
}

/* Memory that is not there yet is brought in on the way: what was not filled has been drained. */
TEST_F(file, fresh_memory)
{
	const size_t length = 8 * sysconf(_SC_PAGESIZE);
	const unsigned int count = length / 2 / sizeof(struct tandem_record);
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);

	ASSERT_NE(MAP_FAILED, memory);
	ASSERT_EQ(0, post_burst(self->server, count));
	EXPECT_EQ(length / 2, read(self->fd, memory, length));
	EXPECT_EQ(0, poll_now(self->fd, POLLIN));
	munmap(memory, length);
}

/* A buffer that was not filled says that all has been read: the next event makes an edge. */
TEST_F(file, one_read_for_each_edge)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint8_t buffer[256];
	unsigned int i;

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	for (i = 0; i < 100; i++) {
		const ssize_t bytes = (i % 4 + 1) * 16;

		ASSERT_EQ(0, post_burst(self->server, i % 4 + 1));
		ASSERT_EQ(1, epoll_wait(epoll, &event, 1, deadline_left(deadline_in(10)))) {
			TH_LOG("no edge for burst %u", i);
		}
		ASSERT_EQ(bytes, read(self->fd, buffer, sizeof(buffer)));
	}
	close(epoll);
}

static const char *signal_by_burst(int server, int fd)
{
	struct timespec limit = { .tv_sec = 10 * test_scale() };
	uint8_t buffer[256];
	unsigned int i;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	for (i = 0; i < 100; i++) {
		if (post_burst(server, i % 4 + 1))
			return "no event can be posted";
		if (sigtimedwait(&set, NULL, &limit) != SIGIO)
			return i ? "no signal for a later burst" : "no signal for the first burst";
		if (read(fd, buffer, sizeof(buffer)) != (ssize_t)(i % 4 + 1) * 16)
			return "not all events of a burst are read";
	}
	return NULL;
}

TEST_F(file, sigio)
{
	static const int modes[] = { O_NONBLOCK | O_ASYNC, O_ASYNC };
	const char *error;
	unsigned int i;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, fcntl(self->fd, F_SETFL, modes[i]));
		error = signal_by_burst(self->server, self->fd);
		EXPECT_EQ(NULL, error) {
			TH_LOG("%s%s", error, modes[i] & O_NONBLOCK ? "" : ", blocking");
		}
		ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	}
}

/* What was there before the fd asked for signals is told, too. */
TEST_F(file, sigio_late)
{
	struct timespec limit = { .tv_sec = 10 * test_scale() };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, post_burst(self->server, 1));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK | O_ASYNC));
	EXPECT_EQ(SIGIO, sigtimedwait(&set, NULL, &limit));
}

TEST_F(file, positions_move)
{
	struct consumer consumer = { .fd = self->fd };
	uint8_t buffer[64];

	consumer.args.ring_size = RING;
	consumer.args.map_size = 2 * sysconf(_SC_PAGESIZE) + 2 * RING;
	consumer.args.rings = sysconf(_SC_NPROCESSORS_CONF);
	ASSERT_EQ(0, consumer_map(&consumer));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "a", 1));
	ASSERT_EQ(0, post_event(self->server, 2, TANDEM_CLASS_NORMAL, "b", 1));
	ASSERT_EQ(24, read(self->fd, buffer, 24));
	EXPECT_EQ(24, consumer.ring[0].consumer->cons_pos);
	consumer.ring[0].cons = 24;
	EXPECT_EQ(1, consumer_drain(&consumer, NULL, NULL));
	EXPECT_EQ(-1, read(self->fd, buffer, 24));
	EXPECT_EQ(EAGAIN, errno);
	consumer_unmap(&consumer);
}

TEST_F(file, fdinfo)
{
	char path[64], text[4096];
	struct query query;
	struct info info;
	char line[64];
	ssize_t len;
	int fd;

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "a", 1));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	ASSERT_LT(0, len);
	text[len] = 0;
	ASSERT_EQ(0, query_open(&query));
	ASSERT_EQ(0, query_own_subscription(&query, DEVICE, &info));
	query_close(&query);
	EXPECT_NE(NULL, strstr(text, "tandem-device:\t" DEVICE "\n"));
	EXPECT_NE(NULL, strstr(text, "tandem-accepted:\t1\n"));
	EXPECT_NE(NULL, strstr(text, "tandem-pending-bytes:\t24\n"));
	snprintf(line, sizeof(line), "tandem-subscription:\t%ju\n",
		 (uintmax_t)info.number[TANDEM_ATTR_SUBSCRIPTION_ID]);
	EXPECT_NE(NULL, strstr(text, line)) {
		TH_LOG("%s", text);
	}
}

TEST_HARNESS_MAIN
