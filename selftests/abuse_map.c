// SPDX-License-Identifier: GPL-2.0
/*
 * What else can be done to the mapping of a ring, by its consumer or by others through him: it is
 * refused, or it does no harm. After each try the ring works, and so does another subscription.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "faults.h"
#include "util.h"

/* Of x86 alone. */
#ifndef MAP_32BIT
#define MAP_32BIT	0
#endif

#define DEVICE	"t-abuse"
#define RING	(64 * 1024)

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif

FIXTURE(abuse)
{
	int server;
	struct consumer consumer;
	struct consumer bystander;
	struct ring *ring;
	char *first;
	char *rest;
	char *middle;
	size_t page;
	size_t rest_size;
};

FIXTURE_SETUP(abuse)
{
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, consumer_open(&self->consumer, DEVICE, RING));
	ASSERT_EQ(0, consumer_open(&self->bystander, DEVICE, RING));
	self->page = page_size();
	self->rest_size = self->consumer.args.map_size - self->page;
	self->ring = &self->consumer.ring[0];
	self->first = (char *)self->ring->consumer;
	self->rest = (char *)self->ring->producer;
	self->middle = self->rest + 4 * self->page;
}

FIXTURE_TEARDOWN(abuse)
{
	consumer_close(&self->consumer);
	consumer_close(&self->bystander);
	close(self->server);
	EXPECT_EQ(0, remove_device(DEVICE));
}

/* Events of a ring's whole length come through, to both. Return: NULL, or what is wrong. */
static const char *works(FIXTURE_DATA(abuse) * self)
{
	static uint8_t data[4000];
	uint64_t before = consumer_lost_records(&self->consumer);
	unsigned int i;

	for (i = 0; i < 2 * RING / sizeof(data); i++) {
		const struct tandem_record *record;

		memset(data, i, sizeof(data));
		if (post_event(self->server, i, TANDEM_CLASS_NORMAL, data, sizeof(data)))
			return "nothing can be posted";
		record = ring_next(&self->consumer, self->ring);
		if (!record)
			return self->consumer.error ?: "an event did not come";
		if (TANDEM_RECORD_TYPE(record->type_flags) != i || record->lost_before ||
		    memcmp(record->data, data, sizeof(data)))
			return "an event is not what was posted";
		ring_release(self->ring);
		if (consumer_drain(&self->bystander, NULL, NULL) != 1)
			return "an event did not come to another subscription";
	}
	if (consumer_lost_records(&self->consumer) != before ||
	    consumer_lost_records(&self->bystander))
		return "an event was lost";
	if (self->ring->producer->state != TANDEM_RING_ACTIVE)
		return "the ring has been stopped";
	return NULL;
}

#define EXPECT_WORKS(...) do { \
	const char *error_ = works(self); \
	\
	EXPECT_EQ(NULL, error_) { \
		TH_LOG("%s", error_); \
		TH_LOG(__VA_ARGS__); \
	} \
} while (0)

/* ---- mmap ---- */

TEST_F(abuse, offsets_out_of_this_world)
{
	const uint64_t stride = self->consumer.args.map_size, page = self->page;
	const uint64_t offsets[] = {
		-page, -stride, page - stride, -2 * page, 1ULL << 63, (1ULL << 63) - page,
		(1ULL << 63) + page, (1ULL << 63) - stride, -(stride << 8), ~0ULL / stride * stride,
		~0ULL / stride * stride + page, 1ULL << 44, (1ULL << 44) + page, 1ULL << 32,
		(uint64_t)self->consumer.args.rings * stride,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		/* Those that are no multiple of a page are not for the device to refuse. */
		const uint64_t offset = offsets[i] & -page;

		EXPECT_EQ(-1, syscall(SYS_mmap, NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
				      self->consumer.fd, offset)) {
			TH_LOG("offset %#jx", (uintmax_t)offset);
		}
		EXPECT_EQ(-1, syscall(SYS_mmap, NULL, self->rest_size, PROT_READ, MAP_SHARED,
				      self->consumer.fd, offset));
		EXPECT_EQ(-1, syscall(SYS_mmap, NULL, -page, PROT_READ, MAP_SHARED,
				      self->consumer.fd, offset));
	}
	EXPECT_WORKS("after offsets");
}

TEST_F(abuse, flags)
{
	const int flags[] = {
		MAP_SHARED | MAP_HUGETLB, MAP_SHARED | MAP_HUGETLB | 21 << 26,
		MAP_SHARED_VALIDATE, MAP_SHARED_VALIDATE | MAP_SYNC, MAP_SHARED_VALIDATE | 1 << 30,
		MAP_SHARED | MAP_LOCKED, MAP_SHARED | MAP_POPULATE, MAP_SHARED | MAP_NORESERVE,
		MAP_SHARED | MAP_GROWSDOWN, MAP_SHARED | MAP_STACK, MAP_SHARED | MAP_NONBLOCK,
		MAP_SHARED | MAP_32BIT, MAP_PRIVATE | MAP_POPULATE, MAP_PRIVATE | MAP_LOCKED, 0,
	};
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		p = mmap(NULL, self->rest_size, PROT_READ, flags[i], self->consumer.fd, self->page);
		if (p != MAP_FAILED) {
			EXPECT_NE(MAP_PRIVATE, flags[i] & MAP_TYPE);
			EXPECT_EQ(0, memcmp(p + self->page, self->rest + self->page, RING));
			EXPECT_EQ(-1, mprotect(p, self->rest_size, PROT_READ | PROT_WRITE));
			EXPECT_EQ(0, munmap(p, self->rest_size));
		}
		EXPECT_WORKS("flags %#x", flags[i]);
	}
	EXPECT_EQ(MAP_FAILED, mmap(self->rest, self->page, PROT_READ,
				   MAP_SHARED | MAP_FIXED_NOREPLACE, self->consumer.fd, 0));
	EXPECT_WORKS("after flags");
}

TEST_F(abuse, holes)
{
	char *spare = self->rest + self->rest_size - self->page;

	/* Something else in the place of a part of it. */
	EXPECT_EQ(MAP_FAILED, mmap(self->middle, self->page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(MAP_FAILED, mmap(self->rest, self->page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(MAP_FAILED, mmap(spare, self->page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(MAP_FAILED, mmap(self->middle, self->page, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, self->consumer.fd, 0));
	EXPECT_WORKS("after MAP_FIXED");
	/* Moved in parts, doubled, and onto itself. */
	EXPECT_EQ(MAP_FAILED, mremap(self->middle, self->page, self->page,
				     MREMAP_MAYMOVE | MREMAP_FIXED, spare));
	EXPECT_EQ(MAP_FAILED, mremap(self->middle, 0, self->page, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->first, 0, self->page, MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(self->rest, self->rest_size, self->page, 0));
	EXPECT_WORKS("after mremap");
	EXPECT_EQ(-1, syscall(SYS_pkey_mprotect, self->middle, self->page, PROT_NONE, -1));
	mlock(self->middle, self->page);
	munlock(self->middle, self->page);
	mlockall(MCL_CURRENT);
	munlockall();
	EXPECT_WORKS("after mlock");
}

TEST_F(abuse, remap_file_pages)
{
	const uint64_t offsets[] = { 0, 1, 2, 100, 1ULL << 40, 1ULL << 51, 1ULL << 52,
				     (1ULL << 52) + 1, ~0ULL };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		for (j = 0; j < 2; j++) {
			size_t size = j ? self->rest_size : self->page;
			char *p = mmap(NULL, size, j ? PROT_READ : PROT_READ | PROT_WRITE,
				       MAP_SHARED, self->consumer.fd, j ? self->page : 0);

			ASSERT_NE(MAP_FAILED, p);
			/* It may have another place now, or none; but not a writable one. */
			if (!syscall(SYS_remap_file_pages, p, size, 0, offsets[i], 0) && !j)
				EXPECT_EQ(0, offsets[i] % (self->consumer.args.map_size /
							   self->page));
			syscall(SYS_remap_file_pages, p, self->page, 0, offsets[i], 0);
			munmap(p, size);
			EXPECT_WORKS("offset %#jx", (uintmax_t)offsets[i]);
		}
}

/* ---- madvise ---- */

/* Those that take memory out of use are not advice; they are for root, who is believed. */
static bool takes_memory_away(int advice)
{
	return advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE;
}

TEST_F(abuse, every_advice)
{
	const struct {
		char *start;
		size_t length;
	} ranges[] = {
		{ self->first, self->page },
		{ self->rest, self->rest_size },
		{ self->middle, self->page },
		{ self->middle, self->page * 3 },
		{ self->rest, self->page },
	};
	unsigned int i;
	int advice;

	for (advice = 0; advice <= 110; advice++) {
		if (takes_memory_away(advice))
			continue;
		for (i = 0; i < ARRAY_SIZE(ranges); i++)
			madvise(ranges[i].start, ranges[i].length, advice);
		EXPECT_WORKS("advice %d", advice);
	}
	EXPECT_EQ(-1, madvise(self->rest, self->rest_size, MADV_DOFORK));
	EXPECT_EQ(-1, madvise(self->rest, self->rest_size, MADV_REMOVE));
}

TEST_F(abuse, advice_of_another_process)
{
	struct iovec remote = { .iov_base = self->rest, .iov_len = self->rest_size };
	const pid_t parent = getpid();
	pid_t pid = fork();

	if (!pid) {
		int pidfd = syscall(SYS_pidfd_open, parent, 0), advice;

		for (advice = 0; pidfd >= 0 && advice <= 110; advice++)
			if (!takes_memory_away(advice))
				syscall(SYS_process_madvise, pidfd, &remote, 1, advice, 0);
		_exit(pidfd < 0);
	}
	EXPECT_EQ(0, wait_child(pid, deadline_in(10)));
	EXPECT_WORKS("after process_madvise");
}

TEST_F(abuse, memory_policy)
{
	unsigned long nodes = 1;
	void *page = self->middle;
	int node = 0, status = 0;

	syscall(SYS_mbind, self->rest, self->rest_size, 2, &nodes, 8, 0);
	syscall(SYS_mbind, self->middle, self->page, 2, &nodes, 8, 1 << 1);
	EXPECT_WORKS("after mbind");
	syscall(SYS_move_pages, 0, 1, &page, &node, &status, 1 << 2);
	page = self->first;
	syscall(SYS_move_pages, 0, 1, &page, &node, &status, 1 << 2);
	EXPECT_WORKS("after move_pages");
}

/* ---- By others, and by the kernel for them ---- */

static int write_from_outside(FIXTURE_DATA(abuse) * self, pid_t target)
{
	char *const places[] = { self->first, self->rest, self->middle };
	char garbage[64], path[64];
	struct iovec local = { .iov_base = garbage, .iov_len = sizeof(garbage) };
	unsigned int i;
	int mem;

	memset(garbage, 0xee, sizeof(garbage));
	snprintf(path, sizeof(path), "/proc/%d/mem", target);
	mem = open(path, O_RDWR | O_CLOEXEC);
	if (mem < 0 || ptrace(PTRACE_ATTACH, target, NULL, NULL) ||
	    waitpid(target, NULL, __WALL) != target)
		return 1;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		struct iovec remote = { .iov_base = places[i], .iov_len = sizeof(garbage) };

		if (process_vm_writev(target, &local, 1, &remote, 1, 0) >= 0)
			return 2;
		if (pwrite(mem, garbage, sizeof(garbage), (off_t)(uintptr_t)places[i]) >= 0)
			return 3;
		if (!ptrace(PTRACE_POKEDATA, target, places[i], 0xeeeeeeee))
			return 4;
		if (!ptrace(PTRACE_POKETEXT, target, places[i], 0xeeeeeeee))
			return 5;
	}
	return 0;
}

TEST_F(abuse, writes_from_outside)
{
	const pid_t self_pid = getpid();
	pid_t pid = fork();

	/* Who ends lets go of whom it traces. */
	if (!pid)
		_exit(write_from_outside(self, self_pid));
	EXPECT_EQ(0, wait_child(pid, deadline_in(10)));
	EXPECT_WORKS("after writes by another process");
}

TEST_F(abuse, userfaultfd)
{
	const uint64_t modes[] = { UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP };
	int faults = faults_open();
	unsigned int i;

	if (faults < 0)
		SKIP(return, "userfaultfd cannot be used here: %s", strerror(-faults));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct uffdio_register range = {
			.range = { .start = (uintptr_t)self->rest, .len = self->rest_size },
			.mode = modes[i] };

		EXPECT_EQ(-1, ioctl(faults, UFFDIO_REGISTER, &range));
		range.range.start = (uintptr_t)self->first;
		range.range.len = self->page;
		EXPECT_EQ(-1, ioctl(faults, UFFDIO_REGISTER, &range));
		EXPECT_WORKS("mode %ju", (uintmax_t)modes[i]);
	}
	close(faults);
}

/* A device that writes to memory by itself is not let near the data. */
TEST_F(abuse, direct_io)
{
	int file = open("/proc/self/exe", O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (file < 0)
		SKIP(return, "no direct reading here: %s", strerror(errno));
	EXPECT_GE(0, pread(file, self->middle, self->page, 0));
	EXPECT_GE(0, pread(file, self->rest, self->page, 0));
	close(file);
	EXPECT_WORKS("after direct reads");
}

TEST_F(abuse, registered_buffers)
{
	struct iovec buffers[] = {
		{ .iov_base = self->rest, .iov_len = self->page },
		{ .iov_base = self->middle, .iov_len = self->page },
	};
	struct io_uring_params params = { .flags = 0 };
	int ring = syscall(SYS_io_uring_setup, 1, &params);
	unsigned int i;

	if (ring < 0)
		SKIP(return, "no io_uring here: %s", strerror(errno));
	for (i = 0; i < ARRAY_SIZE(buffers); i++)
		EXPECT_EQ(-1, syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS,
				      &buffers[i], 1));
	close(ring);
	EXPECT_WORKS("after registering buffers");
}

/* The fd is for reading, polling and mapping. */
TEST_F(abuse, other_calls)
{
	const int fd = self->consumer.fd;
	loff_t zero = 0;
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(-1, sendfile(ends[1], fd, NULL, 4096));
	EXPECT_EQ(-1, splice(ends[0], NULL, fd, NULL, 4096, SPLICE_F_NONBLOCK));
	EXPECT_EQ(-1, pwrite(fd, "x", 1, 0));
	EXPECT_EQ(-1, ftruncate(fd, 0));
	EXPECT_EQ(-1, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	EXPECT_EQ(-1, copy_file_range(fd, &zero, ends[1], NULL, 4096, 0));
	EXPECT_EQ(-1, ioctl(fd, TANDEM_IOC_SUBSCRIBE, &zero));
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	readahead(fd, 0, 4096);
	fsync(fd);
	EXPECT_EQ(-1, write(fd, "x", 1));
	close(ends[0]);
	close(ends[1]);
	EXPECT_WORKS("after other calls");
}

/* Two mappings of one ring, of which one is revoked of all and comes back, in a loop. */
TEST_F(abuse, mapped_and_unmapped_meanwhile)
{
	const uint64_t end = now_ns() + 2000000000ULL;
	unsigned int turns = 0;

	while (!deadline_passed(end)) {
		struct consumer second = { .fd = self->consumer.fd, .args = self->consumer.args };

		ASSERT_EQ(0, consumer_map(&second));
		madvise((void *)second.ring[0].producer, self->rest_size, MADV_DONTNEED);
		madvise(self->rest, self->rest_size, MADV_DONTNEED);
		madvise(self->first, self->page, MADV_DONTNEED);
		EXPECT_WORKS("turn %u", turns);
		ASSERT_EQ(ring_published(&second.ring[0]), second.ring[0].consumer->cons_pos);
		consumer_unmap(&second);
		turns++;
	}
}

TEST_HARNESS_MAIN
