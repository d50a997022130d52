// SPDX-License-Identifier: GPL-2.0
/*
 * A server that asks for what it may not have: queues of no size, and mappings of other places.
 *
 * TIMEOUT=60
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "query.h"
#include "serving.h"
#include "util.h"

#define DEVICE	"t-hostile-queue"
#define PAGE	4096

FIXTURE(hostile_queue)
{
	struct serving s;
	struct queue *q;
	struct tandem_bind bind;
	struct query query;
};

FIXTURE_SETUP(hostile_queue)
{
	self->q = &self->s.queue;
	self->s.fd = -1;
	ASSERT_EQ(0, query_open(&self->query));
	serving_init(&self->bind, DEVICE);
}

FIXTURE_TEARDOWN(hostile_queue)
{
	query_close(&self->query);
	serving_end(&self->s);
	remove_device(DEVICE);
}

/* A BIND that has to fail, and leave nothing. Return: its errno, or 0. */
static int refused(FIXTURE_DATA(hostile_queue) * self, struct tandem_bind bind)
{
	int fd = open_node("control", O_RDWR), err;
	struct info info;

	err = ioctl(fd, TANDEM_IOC_BIND, &bind) ? errno : 0;
	if (err && query_device(&self->query, DEVICE, 0, &info) != -ENOENT)
		err = EEXIST;
	/* The fd is as good as new. */
	bind = self->bind;
	if (err && ioctl(fd, TANDEM_IOC_BIND, &bind))
		err = EALREADY;
	close(fd);
	remove_device(DEVICE);
	return err;
}

TEST_F(hostile_queue, refused_shapes)
{
	uint64_t most;
	struct tandem_bind b;

	ASSERT_TRUE(module_parameter("max_queue_bytes", &most));
#define REFUSED(errno_, field, value) do {					\
		b = self->bind;							\
		b.field = (value);						\
		EXPECT_EQ(errno_, refused(self, b));				\
	} while (0)

	/* Without queues there is nothing to say about them. */
	REFUSED(EINVAL, queues, 0);
	REFUSED(EINVAL, queues, TANDEM_QUEUES_MAX + 1);
	REFUSED(EINVAL, queues, 1U << 31);
	REFUSED(EINVAL, queues, ~0U);
	REFUSED(0, queues, TANDEM_QUEUES_MAX);
	REFUSED(EINVAL, depth, 0);
	REFUSED(EINVAL, depth, 3);
	REFUSED(EINVAL, depth, 2 * TANDEM_DEPTH_MAX);
	REFUSED(EINVAL, depth, 1U << 31);
	REFUSED(EINVAL, depth, ~0U);
	REFUSED(0, depth, 1);
	REFUSED(0, depth, TANDEM_DEPTH_MAX);
	REFUSED(EINVAL, slot_size, 0);
	REFUSED(EINVAL, slot_size, TANDEM_SLOT_SIZE_MIN / 2);
	REFUSED(EINVAL, slot_size, TANDEM_SLOT_SIZE_MIN + 1);
	REFUSED(EINVAL, slot_size, 2 * TANDEM_SLOT_SIZE_MAX);
	REFUSED(EINVAL, slot_size, 1U << 31);
	REFUSED(0, slot_size, TANDEM_SLOT_SIZE_MAX);
	REFUSED(EINVAL, operations, 1U << TANDEM_OPS);
	REFUSED(EINVAL, operations, ~0U);
	REFUSED(0, operations, (1U << TANDEM_OPS) - 1);
	REFUSED(0, operations, 0);
	REFUSED(EINVAL, reserved, 1);
	REFUSED(EINVAL, flags, 1U << 6);
	REFUSED(EINVAL, flags, 1U << 31);
	REFUSED(EINVAL, commands_count, 1);
	REFUSED(EINVAL, commands_count, TANDEM_COMMANDS_MAX + 1);
	REFUSED(0, deadline, 1);
	REFUSED(0, deadline, TANDEM_FOREVER);
	REFUSED(0, deadline, TANDEM_FOREVER - 1);

	/* Each alone is allowed. */
	b = self->bind;
	b.queues = TANDEM_QUEUES_MAX;
	b.depth = TANDEM_DEPTH_MAX;
	b.slot_size = TANDEM_SLOT_SIZE_MAX;
	ASSERT_LT(most, (uint64_t)b.queues * b.depth * b.slot_size);
	EXPECT_EQ(E2BIG, refused(self, b));

	/* A server of events alone says nothing of requests. */
	bind_init(&b, DEVICE);
	EXPECT_EQ(0, refused(self, b));
	b.flags |= TANDEM_BIND_SEEKABLE;
	EXPECT_EQ(EINVAL, refused(self, b));
	b.flags ^= TANDEM_BIND_SEEKABLE | TANDEM_BIND_ALL_COMMANDS;
	EXPECT_EQ(EINVAL, refused(self, b));
	b.flags &= ~TANDEM_BIND_ALL_COMMANDS;
	b.deadline = 1;
	EXPECT_EQ(EINVAL, refused(self, b));
	b.deadline = 0;
	b.operations = OP(READ);
	EXPECT_EQ(EINVAL, refused(self, b));
	b.operations = 0;
	b.depth = 1;
	EXPECT_EQ(EINVAL, refused(self, b));
#undef REFUSED
}

static int map_errno(size_t len, int prot, int flags, int fd, off_t offset)
{
	void *map = mmap(NULL, len, prot, flags, fd, offset);

	if (map == MAP_FAILED)
		return errno;
	munmap(map, len);
	return 0;
}

TEST_F(hostile_queue, mapped_elsewhere)
{
	const int rw = PROT_READ | PROT_WRITE;
	size_t server, kernel;
	int fd;

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = self->s.fd;
	server = self->q->server_size;
	kernel = self->q->kernel_size;
	EXPECT_EQ(0, map_errno(server, rw, MAP_SHARED, fd, 0));
	EXPECT_EQ(0, map_errno(server, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(0, map_errno(kernel, PROT_READ, MAP_SHARED, fd, server));

	EXPECT_EQ(EINVAL, map_errno(server, rw, MAP_PRIVATE, fd, 0));
	EXPECT_EQ(EINVAL, map_errno(kernel, PROT_READ, MAP_PRIVATE, fd, server));
	EXPECT_EQ(EINVAL, map_errno(server, rw | PROT_EXEC, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, map_errno(kernel, PROT_READ | PROT_EXEC, MAP_SHARED, fd, server));
	EXPECT_EQ(EACCES, map_errno(kernel, rw, MAP_SHARED, fd, server));
	EXPECT_EQ(EACCES, map_errno(kernel, PROT_WRITE, MAP_SHARED, fd, server));
	EXPECT_EQ(EINVAL, map_errno(server - PAGE, rw, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, map_errno(server + PAGE, rw, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, map_errno(server + kernel, rw, MAP_SHARED, fd, 0));
	EXPECT_EQ(EINVAL, map_errno(server, rw, MAP_SHARED, fd, PAGE));
	EXPECT_EQ(EINVAL, map_errno(kernel - PAGE, PROT_READ, MAP_SHARED, fd, server));
	EXPECT_EQ(EINVAL, map_errno(kernel + PAGE, PROT_READ, MAP_SHARED, fd, server));
	EXPECT_EQ(EINVAL, map_errno(kernel, PROT_READ, MAP_SHARED, fd, server + PAGE));
	EXPECT_EQ(EINVAL, map_errno(PAGE, PROT_READ, MAP_SHARED, fd, server + kernel));
	/* There it looks for a section, of which it has none. */
	EXPECT_EQ(ENOENT, map_errno(server, rw, MAP_SHARED, fd, TANDEM_SECTION_OFFSET));

	fd = open_node("control", O_RDWR);
	EXPECT_EQ(ENOTCONN, map_errno(server, rw, MAP_SHARED, fd, 0));
	close(fd);
}

TEST_F(hostile_queue, mappings_stay_as_they_are)
{
	void *server, *kernel;
	pid_t pid;

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	server = self->q->server;
	kernel = (void *)self->q->kernel;
	EXPECT_EQ(-1, mprotect(kernel, self->q->kernel_size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(kernel, self->q->kernel_size, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, mprotect(server, self->q->server_size, PROT_READ | PROT_EXEC));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, munmap(server, PAGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mremap(server, self->q->server_size, 2 * self->q->server_size,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(MAP_FAILED, mremap(kernel, self->q->kernel_size, self->q->kernel_size - PAGE,
				     MREMAP_MAYMOVE));
	/* A child has none of it, not even if it asks. */
	EXPECT_EQ(-1, madvise(server, self->q->server_size, MADV_DOFORK));
	pid = fork();
	if (!pid)
		_exit(self->q->server->completed + 1);
	EXPECT_EQ(SIGSEGV, wait_child(pid, deadline_in(20)) & 0x7f);
	EXPECT_EQ(TANDEM_QUEUE_MAGIC, self->q->kernel->magic);
	EXPECT_EQ(0, self->q->server->completed);

	/* They last as long as they are mapped, though the session does not. */
	EXPECT_EQ(0, serving_kill(&self->s, 0));
	close(self->s.fd);
	self->s.fd = -1;
	EXPECT_EQ(1, self->q->kernel->ended);
	memset(self->q->slots, 0x55, (size_t)self->q->depth * self->q->slot_size);
}

TEST_HARNESS_MAIN
