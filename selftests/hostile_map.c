// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of a ring: only the two that there are, and nothing that is done to them does harm.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "util.h"

#define DEVICE	"t-map"
#define RING	(64 * 1024)

FIXTURE(map)
{
	int server;
	struct consumer consumer;
	size_t page;
	size_t rest;
	struct ring *ring;
};

FIXTURE_SETUP(map)
{
	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, consumer_open(&self->consumer, DEVICE, RING));
	self->page = sysconf(_SC_PAGESIZE);
	self->rest = self->consumer.args.map_size - self->page;
	self->ring = &self->consumer.ring[0];
}

FIXTURE_TEARDOWN(map)
{
	/* Whatever was tried: the ring works. */
	EXPECT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "after", 5));
	EXPECT_EQ(1, consumer_drain(&self->consumer, NULL, NULL));
	EXPECT_EQ(TANDEM_RING_ACTIVE, self->ring->producer->state);
	consumer_close(&self->consumer);
	close(self->server);
	remove_device(DEVICE);
}

/* Return: 0 if it could be mapped, else errno. */
static int try_map(int fd, size_t length, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, length, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return errno;
	munmap(p, length);
	return 0;
}

TEST_F(map, only_what_there_is)
{
	const int rw = PROT_READ | PROT_WRITE, fd = self->consumer.fd;
	const off_t page = self->page, stride = self->consumer.args.map_size;
	const off_t end = stride * self->consumer.args.rings, rest = self->rest;
	const struct {
		off_t offset;
		size_t length;
		int prot;
		int flags;
		int error;
	} cases[] = {
		{ 0, page, rw, MAP_SHARED, 0 },
		{ 0, page, PROT_READ, MAP_SHARED, 0 },
		{ page, rest, PROT_READ, MAP_SHARED, 0 },
		{ page, rest, PROT_NONE, MAP_SHARED, 0 },
		{ end - stride, page, rw, MAP_SHARED, 0 },
		{ end - stride + page, rest, PROT_READ, MAP_SHARED, 0 },

		{ 0, 2 * page, rw, MAP_SHARED, EINVAL },
		{ 0, stride, PROT_READ, MAP_SHARED, EINVAL },
		{ 0, end, PROT_READ, MAP_SHARED, EINVAL },
		{ page, page, PROT_READ, MAP_SHARED, EINVAL },
		{ page, rest - page, PROT_READ, MAP_SHARED, EINVAL },
		{ page, rest + page, PROT_READ, MAP_SHARED, EINVAL },
		{ 2 * page, rest - page, PROT_READ, MAP_SHARED, EINVAL },
		{ 2 * page, 2 * RING, PROT_READ, MAP_SHARED, EINVAL },
		{ stride - page, page, PROT_READ, MAP_SHARED, EINVAL },
		{ end, page, rw, MAP_SHARED, EINVAL },
		{ end + page, rest, PROT_READ, MAP_SHARED, EINVAL },
		{ 1LL << 46, page, PROT_READ, MAP_SHARED, EINVAL },

		{ 0, page, rw, MAP_PRIVATE, EINVAL },
		{ 0, page, PROT_READ, MAP_PRIVATE, EINVAL },
		{ page, rest, PROT_READ, MAP_PRIVATE, EINVAL },
		{ page, rest, PROT_NONE, MAP_PRIVATE, EINVAL },

		{ page, rest, rw, MAP_SHARED, EACCES },
		{ page, rest, PROT_WRITE, MAP_SHARED, EACCES },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].error, try_map(fd, cases[i].length, cases[i].prot,
						  cases[i].flags, cases[i].offset)) {
			TH_LOG("case %u", i);
		}
	}
	/* Where the mount forbids programs, that is told first. */
	EXPECT_NE(0, try_map(fd, page, rw | PROT_EXEC, MAP_SHARED, 0));
	EXPECT_NE(0, try_map(fd, rest, PROT_READ | PROT_EXEC, MAP_SHARED, page));
}

TEST_F(map, protection_stays)
{
	void *rest = (void *)self->ring->producer;

	EXPECT_EQ(-1, mprotect(rest, self->rest, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(rest, self->rest, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(self->ring->consumer, self->page, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	/* Part of one is not to be had. */
	EXPECT_EQ(-1, mprotect(rest, self->page, PROT_NONE));
	EXPECT_EQ(-1, mprotect((char *)rest + self->page, self->page, PROT_NONE));
	/* Less is no harm. */
	EXPECT_EQ(0, mprotect(rest, self->rest, PROT_NONE));
	EXPECT_EQ(0, mprotect(rest, self->rest, PROT_READ));
	EXPECT_EQ(0, mprotect(self->ring->consumer, self->page, PROT_READ));
	EXPECT_EQ(0, mprotect(self->ring->consumer, self->page, PROT_READ | PROT_WRITE));
}

TEST_F(map, writes_are_refused)
{
	const uint8_t *rest = (void *)self->ring->producer;
	size_t offset;

	for (offset = 0; offset < self->rest; offset += self->page) {
		pid_t pid = fork();

		if (!pid) {
			struct consumer own = {
				.fd = self->consumer.fd, .args = self->consumer.args };

			if (consumer_map(&own))
				_exit(2);
			__atomic_store_n((uint8_t *)own.ring[0].producer + offset, 1,
					 __ATOMIC_RELAXED);
			_exit(3);
		}
		EXPECT_EQ(SIGSEGV, wait_child(pid, deadline_in(10)) & 0x7f);
		EXPECT_NE(1, __atomic_load_n(&rest[offset], __ATOMIC_RELAXED));
	}
}

TEST_F(map, stays_whole)
{
	char *rest = (void *)self->ring->producer;
	void *elsewhere;

	EXPECT_EQ(-1, munmap(rest, self->page));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, munmap(rest + self->page, self->page));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, munmap(rest + self->rest - self->page, self->page));
	EXPECT_EQ(EINVAL, errno);
	elsewhere = mmap(NULL, self->rest, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, elsewhere);
	EXPECT_EQ(MAP_FAILED, mremap(rest, self->rest, self->rest + self->page, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(rest, self->rest, self->rest - self->page, 0));
	EXPECT_EQ(MAP_FAILED, mremap(rest, self->rest, self->rest, MREMAP_MAYMOVE | MREMAP_FIXED,
				     elsewhere));
	EXPECT_EQ(MAP_FAILED, mremap(rest, 0, self->rest, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(rest, self->rest, self->rest,
				     MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	EXPECT_EQ(MAP_FAILED, mremap(self->ring->consumer, self->page, 2 * self->page,
				     MREMAP_MAYMOVE));
}

/* Advice may be refused or have no effect, but it makes no holes. */
TEST_F(map, advice)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DOFORK, MADV_DODUMP, MADV_MERGEABLE,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_WIPEONFORK, MADV_RANDOM, MADV_NORMAL,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		const struct tandem_record *record;

		ASSERT_EQ(0, post_event(self->server, i, TANDEM_CLASS_NORMAL, "advice", 6));
		madvise(self->ring->consumer, self->page, advice[i]);
		madvise((void *)self->ring->producer, self->rest, advice[i]);
		record = ring_next(&self->consumer, self->ring);
		ASSERT_NE(NULL, record);
		EXPECT_EQ(i, TANDEM_RECORD_TYPE(record->type_flags));
		EXPECT_EQ(0, memcmp(record->data, "advice", 6));
		ring_release(self->ring);
		EXPECT_EQ(self->ring->cons, self->ring->consumer->cons_pos);
	}
	EXPECT_EQ(-1, madvise(self->ring->consumer, self->page, MADV_DOFORK));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, mlock(self->ring->consumer, self->page));
	EXPECT_EQ(0, munlock(self->ring->consumer, self->page));
}

TEST_F(map, not_inherited)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (!pid) {
			if (i)
				self->ring->consumer->cons_pos = 0xdead;
			else
				_exit(self->ring->producer->state);
			_exit(1);
		}
		EXPECT_EQ(SIGSEGV, wait_child(pid, deadline_in(10)) & 0x7f);
	}
}

/* The ring as a buffer of system calls. What reaches it comes from its own consumer. */
TEST_F(map, as_buffer)
{
	char *data = (char *)self->ring->data;
	struct iovec remote = { .iov_base = data, .iov_len = 4096 };
	struct iovec local;
	char buffer[4096];
	int ends[2], file;

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "written", 7));
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(23, write(ends[1], data, 23));
	EXPECT_EQ(23, read(ends[0], buffer, 23));
	EXPECT_EQ(0, memcmp(buffer + 16, "written", 7));
	EXPECT_EQ(23, write(ends[1], data + RING, 23));
	EXPECT_EQ(-1, read(ends[0], data, 23));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(23, read(ends[0], buffer, 23));

	local = (struct iovec){ .iov_base = buffer, .iov_len = sizeof(buffer) };
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	remote.iov_base = self->ring->consumer;
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));

	file = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, file);
	EXPECT_EQ(-1, pwrite(file, buffer, 8, (off_t)(uintptr_t)data));
	close(file);
	EXPECT_EQ(0, memcmp(self->ring->data + 16, "written", 7));
	close(ends[0]);
	close(ends[1]);
	EXPECT_EQ(1, consumer_drain(&self->consumer, NULL, NULL));
}

/* A page of the ring may get into a pipe: it stays good there until the last user goes. */
TEST_F(map, spliced)
{
	struct consumer consumer;
	struct iovec page;
	char buffer[32];
	int ends[2];

	ASSERT_EQ(0, consumer_open(&consumer, DEVICE, RING));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "spliced", 7));
	ASSERT_EQ(0, pipe(ends));
	page = (struct iovec){ .iov_base = (void *)consumer.ring[0].data, .iov_len = self->page };
	if (vmsplice(ends[1], &page, 1, SPLICE_F_GIFT) > 0) {
		consumer_close(&consumer);
		EXPECT_EQ(23, read(ends[0], buffer, 23));
		EXPECT_EQ(0, memcmp(buffer + 16, "spliced", 7));
	} else {
		consumer_close(&consumer);
	}
	close(ends[0]);
	close(ends[1]);
	EXPECT_EQ(1, consumer_drain(&self->consumer, NULL, NULL));
}

TEST_F(map, outlives_the_fd)
{
	int node = open_node(DEVICE, O_RDONLY);
	struct tandem_subscribe args = { .ring_size = RING };
	struct consumer consumer = { .error = NULL };
	unsigned int i;

	ASSERT_LE(0, node);
	ASSERT_EQ(0, consumer_open_args(&consumer, node, &args));
	close(node);
	close(consumer.fd);
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, &i, sizeof(i)));
		ASSERT_EQ(1, consumer_drain(&consumer, NULL, NULL));
		ASSERT_EQ(1, consumer_drain(&self->consumer, NULL, NULL));
	}
	EXPECT_EQ(0, consumer_lost_records(&consumer));
	consumer_unmap(&consumer);
}

TEST_F(map, twice)
{
	struct consumer second = { .fd = self->consumer.fd, .args = self->consumer.args };

	ASSERT_EQ(0, consumer_map(&second));
	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, "twice", 5));
	EXPECT_EQ(24, ring_published(&second.ring[0]));
	EXPECT_EQ(0, memcmp(second.ring[0].data, self->ring->data, RING));
	EXPECT_EQ(1, consumer_drain(&self->consumer, NULL, NULL));
	EXPECT_EQ(24, second.ring[0].consumer->cons_pos);
	consumer_unmap(&second);
}

TEST_HARNESS_MAIN
