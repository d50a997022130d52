// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of a device whose kernel half answers them all: read, write, lseek, mmap, poll and
 * DeviceIoControl, at the generator.
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

#include "util.h"

#define STORE		TANDEM_GEN_STORE_SIZE

/* Nothing can be read or written there. */
static void *nowhere;

FIXTURE(gen)
{
	int fd;
};

static int control(int fd, struct tandem_device_control *args)
{
	int ret = ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, args);

	return ret < 0 ? -errno : ret;
}

/* Sets what poll answers beside POLLOUT. */
static int signal_poll(int fd, uint32_t bits)
{
	struct tandem_device_control args = {
		.code = TANDEM_GEN_CODE_SIGNAL,
		.in = (uintptr_t)&bits,
		.in_len = sizeof(bits),
	};

	return control(fd, &args);
}

static int poll_for(int fd, short events, int timeout)
{
	struct pollfd ready = { .fd = fd, .events = events };

	return poll(&ready, 1, timeout) < 0 ? -errno : ready.revents;
}

FIXTURE_SETUP(gen)
{
	self->fd = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, signal_poll(self->fd, 0));
	nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, nowhere);
}

FIXTURE_TEARDOWN(gen)
{
	signal_poll(self->fd, 0);
	close(self->fd);
}

TEST_F(gen, read_gives_what_was_written)
{
	char buffer[16] = "";

	ASSERT_EQ(5, write(self->fd, "hello", 5));
	ASSERT_EQ(5, lseek(self->fd, 0, SEEK_CUR));
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	ASSERT_EQ(2, read(self->fd, buffer, 2));
	EXPECT_STREQ("he", buffer);
	ASSERT_EQ(3, read(self->fd, buffer, 3));
	EXPECT_STREQ("llo", buffer);
	EXPECT_EQ(5, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(gen, positions_of_their_own)
{
	char buffer[8] = "";
	int other = open_node("gen", O_RDONLY);

	ASSERT_LE(0, other);
	ASSERT_EQ(7, pwrite(self->fd, "abcdefg", 7, 5000));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	ASSERT_EQ(3, pread(other, buffer, 3, 5002));
	EXPECT_STREQ("cde", buffer);
	EXPECT_EQ(0, lseek(other, 0, SEEK_CUR));
	EXPECT_EQ(5004, lseek(other, 5004, SEEK_SET));
	EXPECT_EQ(3, read(other, buffer, 3));
	EXPECT_STREQ("efg", buffer);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
	close(other);
}

TEST_F(gen, the_end)
{
	char buffer[32];

	EXPECT_EQ(STORE, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(0, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(-1, write(self->fd, buffer, 1));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(STORE - 8, lseek(self->fd, -8, SEEK_END));
	EXPECT_EQ(8, write(self->fd, "12345678abcd", 12));
	EXPECT_EQ(8, pread(self->fd, buffer, sizeof(buffer), STORE - 8));
	EXPECT_EQ(0, memcmp("12345678", buffer, 8));
	EXPECT_EQ(0, pread(self->fd, buffer, sizeof(buffer), STORE));
	EXPECT_EQ(0, pread(self->fd, buffer, sizeof(buffer), 1LL << 40));
	EXPECT_EQ(-1, pwrite(self->fd, buffer, 1, 1LL << 40));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(0, read(self->fd, buffer, 0));
	EXPECT_EQ(0, write(self->fd, buffer, 0));
}

TEST_F(gen, bad_positions)
{
	char byte = 0;

	EXPECT_EQ(-1, lseek(self->fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, STORE + 1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, 77));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pread(self->fd, &byte, 1, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_CUR));
}

TEST_F(gen, bad_buffers)
{
	EXPECT_EQ(-1, read(self->fd, nowhere, 64));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, write(self->fd, nowhere, 64));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(gen, modes_of_opening)
{
	int read_only = open_node("gen", O_RDONLY), write_only = open_node("gen", O_WRONLY);
	char byte = 1;

	ASSERT_LE(0, read_only);
	ASSERT_LE(0, write_only);
	EXPECT_EQ(-1, write(read_only, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, read(write_only, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, read_only, 0));
	EXPECT_EQ(EACCES, errno);
	close(read_only);
	close(write_only);
}

TEST_F(gen, mapping_shows_the_same_bytes)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	char *map, *second, buffer[16] = "";

	map = mmap(NULL, STORE, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	second = mmap(NULL, page, PROT_READ, MAP_SHARED, self->fd, page);
	ASSERT_NE(MAP_FAILED, second);
	ASSERT_EQ(6, pwrite(self->fd, "writes", 6, page + 10));
	EXPECT_EQ(0, memcmp("writes", map + page + 10, 6));
	EXPECT_EQ(0, memcmp("writes", second + 10, 6));
	memcpy(map + STORE - 4, "last", 4);
	ASSERT_EQ(4, pread(self->fd, buffer, sizeof(buffer), STORE - 4));
	EXPECT_STREQ("last", buffer);
	/* It lives on without the fd that it came from. */
	close(self->fd);
	memcpy(map + page + 10, "stores", 6);
	EXPECT_EQ(0, memcmp("stores", second + 10, 6));
	munmap(map, STORE);
	munmap(second, page);
	self->fd = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(6, pread(self->fd, buffer, 6, page + 10));
	EXPECT_EQ(0, memcmp("stores", buffer, 6));
}

TEST_F(gen, bad_mappings)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	void *map;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, STORE + page, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_SHARED, self->fd, STORE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, STORE, PROT_READ, MAP_SHARED, self->fd, page));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_SHARED, self->fd, 1LL << 50));
	EXPECT_EQ(EINVAL, errno);
	/* Nor does it grow later. */
	map = mmap(NULL, page, PROT_READ, MAP_SHARED, self->fd, STORE - page);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(MAP_FAILED, mremap(map, page, 2 * page, MREMAP_MAYMOVE));
	munmap(map, page);
}

TEST_F(gen, poll_answers_what_was_signalled)
{
	int other = open_node("gen", O_RDONLY);

	ASSERT_LE(0, other);
	EXPECT_EQ(POLLOUT, poll_for(self->fd, POLLIN | POLLOUT | POLLPRI, 0));
	ASSERT_EQ(0, signal_poll(self->fd, POLLIN | POLLPRI));
	EXPECT_EQ(POLLIN | POLLPRI | POLLOUT, poll_for(self->fd, POLLIN | POLLOUT | POLLPRI, 0));
	EXPECT_EQ(POLLIN, poll_for(other, POLLIN, 0));
	ASSERT_EQ(0, signal_poll(other, POLLHUP));
	EXPECT_EQ(POLLHUP, poll_for(self->fd, 0, 0));
	ASSERT_EQ(0, signal_poll(self->fd, 0));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 0));
	close(other);
}

static bool sleeps(pid_t tid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'S';
}

struct sleeper {
	int fd;
	pid_t tid;
};

static void *sleep_in_poll(void *arg)
{
	struct sleeper *sleeper = arg;

	__atomic_store_n(&sleeper->tid, gettid(), __ATOMIC_RELEASE);
	return (void *)(intptr_t)poll_for(sleeper->fd, POLLIN, deadline_left(deadline_in(20)));
}

TEST_F(gen, poll_wakes_a_sleeper)
{
	const uint64_t deadline = deadline_in(10);
	struct sleeper state = { .fd = self->fd };
	pthread_t thread;
	void *result;
	pid_t tid;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_in_poll, &state));
	do {
		tid = __atomic_load_n(&state.tid, __ATOMIC_ACQUIRE);
		ASSERT_FALSE(deadline_passed(deadline));
	} while (!tid || !sleeps(tid));
	ASSERT_EQ(0, signal_poll(self->fd, POLLIN));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(POLLIN, (intptr_t)result);
}

TEST_F(gen, edge_triggered_epoll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, epoll);
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	ASSERT_EQ(0, signal_poll(self->fd, POLLIN));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, deadline_left(deadline_in(10))));
	EXPECT_EQ(EPOLLIN, event.events);
	EXPECT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	ASSERT_EQ(0, signal_poll(self->fd, POLLIN));
	EXPECT_EQ(1, epoll_wait(epoll, &event, 1, deadline_left(deadline_in(10))));
	close(epoll);
}

TEST_F(gen, bad_signals)
{
	uint64_t bits = POLLIN;
	struct tandem_device_control args = {
		.code = TANDEM_GEN_CODE_SIGNAL,
		.in = (uintptr_t)&bits,
		.in_len = 3,
	};

	EXPECT_EQ(-EINVAL, control(self->fd, &args));
	args.in_len = sizeof(bits);
	EXPECT_EQ(-EINVAL, control(self->fd, &args));
	EXPECT_EQ(-EINVAL, signal_poll(self->fd, 1U << 31));
	EXPECT_EQ(0, poll_for(self->fd, POLLIN, 0));
}

TEST_F(gen, echo)
{
	char in[] = "there and back", out[32] = "untouched untouched untouched";
	struct tandem_device_control args = {
		.code = TANDEM_GEN_CODE_ECHO,
		.in = (uintptr_t)in,
		.in_len = sizeof(in),
		.out = (uintptr_t)out,
		.out_len = sizeof(out),
	};

	EXPECT_EQ(0, control(self->fd, &args));
	EXPECT_EQ(sizeof(in), args.returned);
	EXPECT_STREQ(in, out);
	/* Only what was returned is written. */
	EXPECT_STREQ("ched untouched", out + sizeof(in));
}

/* A warning: it failed, and what there is was written. */
TEST_F(gen, echo_overflow)
{
	char in[] = "there and back", out[8] = "-------";
	struct tandem_device_control args = {
		.code = TANDEM_GEN_CODE_ECHO,
		.in = (uintptr_t)in,
		.in_len = sizeof(in),
		.out = (uintptr_t)out,
		.out_len = 5,
	};

	EXPECT_EQ(-EOVERFLOW, control(self->fd, &args));
	EXPECT_EQ(5, args.returned);
	EXPECT_STREQ("there--", out);
	args.out = 0;
	args.out_len = 0;
	args.returned = 0;
	EXPECT_EQ(-EOVERFLOW, control(self->fd, &args));
	EXPECT_EQ(0, args.returned);
	args.in = 0;
	args.in_len = 0;
	EXPECT_EQ(0, control(self->fd, &args));
	EXPECT_EQ(0, args.returned);
}

TEST_F(gen, echo_large)
{
	struct tandem_device_control args = { .code = TANDEM_GEN_CODE_ECHO };
	uint8_t *in, *out;
	uint64_t limit;
	size_t i;

	ASSERT_TRUE(module_parameter("max_control", &limit));
	in = malloc(limit + 1);
	out = calloc(1, limit + 1);
	ASSERT_NE(NULL, in);
	ASSERT_NE(NULL, out);
	for (i = 0; i < limit; i++)
		in[i] = i * 7;
	args.in = (uintptr_t)in;
	args.in_len = limit;
	args.out = (uintptr_t)out;
	args.out_len = limit;
	EXPECT_EQ(0, control(self->fd, &args));
	EXPECT_EQ(limit, args.returned);
	EXPECT_EQ(0, memcmp(in, out, limit));

	args.returned = 0;
	args.in_len = limit + 1;
	EXPECT_EQ(-EMSGSIZE, control(self->fd, &args));
	args.in_len = limit;
	args.out_len = limit + 1;
	EXPECT_EQ(-EMSGSIZE, control(self->fd, &args));
	args.out_len = ~0U;
	EXPECT_EQ(-EMSGSIZE, control(self->fd, &args));
	EXPECT_EQ(0, args.returned);
	free(in);
	free(out);
}

TEST_F(gen, sum)
{
	uint8_t in[] = { 1, 2, 3, 255, 255 };
	uint64_t out = 0;
	struct tandem_device_control args = {
		.code = TANDEM_GEN_CODE_SUM,
		.in = (uintptr_t)in,
		.in_len = sizeof(in),
		.out = (uintptr_t)&out,
		.out_len = sizeof(out),
	};

	EXPECT_EQ(0, control(self->fd, &args));
	EXPECT_EQ(sizeof(out), args.returned);
	EXPECT_EQ(516, out);
	args.in = 0;
	args.in_len = 0;
	args.returned = 0;
	EXPECT_EQ(0, control(self->fd, &args));
	EXPECT_EQ(0, out);
	args.out_len = 7;
	args.returned = 0;
	EXPECT_EQ(-EINVAL, control(self->fd, &args));
	EXPECT_EQ(0, args.returned);
}

TEST_F(gen, bad_controls)
{
	char byte = 1;
	struct tandem_device_control args = {
		.code = TANDEM_GEN_CODE_ECHO,
		.in = (uintptr_t)&byte,
		.in_len = 1,
		.out = (uintptr_t)&byte,
		.out_len = 1,
	};

	args.code = 0;
	EXPECT_EQ(-ENOTTY, control(self->fd, &args));
	args.code = ~0U;
	EXPECT_EQ(-ENOTTY, control(self->fd, &args));
	EXPECT_EQ(0, args.returned);
	args.code = TANDEM_GEN_CODE_ECHO;
	args.in = 0;
	EXPECT_EQ(-EINVAL, control(self->fd, &args));
	args.in = (uintptr_t)nowhere;
	EXPECT_EQ(-EFAULT, control(self->fd, &args));
	args.in = (uintptr_t)&byte;
	args.out = 0;
	EXPECT_EQ(-EINVAL, control(self->fd, &args));
	args.out = (uintptr_t)nowhere;
	EXPECT_EQ(-EFAULT, control(self->fd, &args));
	EXPECT_EQ(-EFAULT, control(self->fd, nowhere));
	EXPECT_EQ(-EFAULT, control(self->fd, NULL));
}

TEST_F(gen, unknown_ioctls)
{
	uint64_t arg = 0;

	EXPECT_EQ(-1, ioctl(self->fd, _IO(TANDEM_GEN_IOC_MAGIC, 0x7f)));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->fd, _IOW(TANDEM_GEN_IOC_MAGIC, 0x02, uint64_t), &arg));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->fd, _IO(0x33, 0x01)));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->fd, _IO(TANDEM_IOC_MAGIC, 0x7f)));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_HARNESS_MAIN
