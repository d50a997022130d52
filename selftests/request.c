// SPDX-License-Identifier: GPL-2.0
/*
 * What a program expects of a character device, whose operations a server answers: by mapped rings,
 * and by messages.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#include "call.h"
#include "serving.h"
#include "util.h"

#define DEVICE	"t-request"
#define PAGE	4096
#define STORE	(64 * 1024)

/* What the server stores, and how it was asked. */
struct store {
	uint8_t bytes[STORE];
	uint64_t size;
	unsigned int requests;
	unsigned int longest;
};

FIXTURE(request)
{
	struct serving s;
	struct queue *q;
	struct tandem_bind bind;
	struct tandem_submission m;
	struct server server;
	struct store *store;
};

FIXTURE_VARIANT(request)
{
	bool messages;
};

FIXTURE_VARIANT_ADD(request, mapped)
{
	.messages = false,
};

FIXTURE_VARIANT_ADD(request, messages)
{
	.messages = true,
};

FIXTURE_SETUP(request)
{
	self->q = &self->s.queue;
	self->q->messages = variant->messages;
	serving_init(&self->bind, DEVICE);
	self->bind.flags |= TANDEM_BIND_SEEKABLE | TANDEM_BIND_ALL_COMMANDS;
	self->store = calloc(1, sizeof(*self->store));
	ASSERT_NE(NULL, self->store);
}

FIXTURE_TEARDOWN(request)
{
	serving_end(&self->s);
	EXPECT_EQ(0, remove_device(DEVICE));
	free(self->store);
}

/* A file of bytes. */
static bool store_serve(struct queue *q, const struct tandem_submission *m,
			struct tandem_completion *c, void *data)
{
	struct store *store = data;
	uint64_t at = m->flags & TANDEM_SUBMISSION_APPEND ? store->size : m->offset;
	uint32_t len = m->op == TANDEM_OP_WRITE ? m->in_len : m->out_len;

	store->requests++;
	if (store->longest < len)
		store->longest = len;
	switch (m->op) {
	case TANDEM_OP_READ:
		if (at >= store->size)
			break;
		c->result = store->size - at < len ? store->size - at : len;
		memcpy(queue_output(q, m), store->bytes + at, c->result);
		break;
	case TANDEM_OP_WRITE:
		if (at >= STORE) {
			c->result = -ENOSPC;
			break;
		}
		c->result = STORE - at < len ? STORE - at : len;
		memcpy(store->bytes + at, queue_input(q, m), c->result);
		if (store->size < at + c->result)
			store->size = at + c->result;
		if (m->flags & TANDEM_SUBMISSION_APPEND) {
			c->flags = TANDEM_COMPLETION_POSITION;
			c->position = at + c->result;
		}
		break;
	case TANDEM_OP_LSEEK:
		c->result = m->code == SEEK_END ? (int64_t)(store->size + m->offset) : -EINVAL;
		break;
	}
	return true;
}

static int store_begin(FIXTURE_DATA(request) * self)
{
	int err = serving_begin(&self->s, &self->bind);

	self->server = (struct server){ .q = self->q, .handler = store_serve, .data = self->store };
	return err ?: server_begin(&self->server);
}

static void fill(uint8_t *bytes, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		bytes[i] = i * 7 + (i >> 8) + seed;
}

TEST_F(request, offsets)
{
	uint8_t out[STORE], in[STORE];
	struct iovec parts[] = {
		{ .iov_base = in, .iov_len = 100 },
		{ .iov_base = in + 100, .iov_len = 2 * PAGE },
		{ .iov_base = in + 100 + 2 * PAGE, .iov_len = 1 },
	};
	const ssize_t all = 101 + 2 * PAGE;
	int fd;

	ASSERT_EQ(0, store_begin(self));
	fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	fill(out, sizeof(out), 3);
	EXPECT_EQ(0, read(fd, in, 10));

	/* Longer than a slot: several requests, each as long as fits. */
	self->store->requests = 0;
	EXPECT_EQ(3 * PAGE + 100, write(fd, out, 3 * PAGE + 100));
	EXPECT_EQ(4, self->store->requests);
	EXPECT_EQ(PAGE, self->store->longest);
	EXPECT_EQ(3 * PAGE + 100, lseek(fd, 0, SEEK_CUR));
	self->store->requests = 0;
	EXPECT_EQ(3 * PAGE + 90, pread(fd, in, sizeof(in), 10));
	EXPECT_EQ(4, self->store->requests);
	EXPECT_EQ(0, memcmp(in, out + 10, 3 * PAGE + 90));
	EXPECT_EQ(3 * PAGE + 100, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(0, read(fd, in, sizeof(in)));

	/* What is there may be less than what was asked for. */
	EXPECT_EQ(3 * PAGE + 50, lseek(fd, -50, SEEK_CUR));
	EXPECT_EQ(50, read(fd, in, 1000));
	EXPECT_EQ(0, memcmp(in, out + 3 * PAGE + 50, 50));
	EXPECT_EQ(3 * PAGE + 100, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(3 * PAGE + 90, lseek(fd, -10, SEEK_END));
	EXPECT_EQ(10, read(fd, in, 1000));
	EXPECT_EQ(-1, lseek(fd, -1, SEEK_SET));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_DATA));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(3 * PAGE + 100, lseek(fd, 0, SEEK_CUR));

	EXPECT_EQ(7, pwrite(fd, "between", 7, 1000));
	EXPECT_EQ(7, pread(fd, in, 7, 1000));
	EXPECT_EQ(0, memcmp(in, "between", 7));
	EXPECT_EQ(4, pwrite(fd, out, 10, STORE - 4));
	EXPECT_EQ(-1, pwrite(fd, "x", 1, STORE));
	EXPECT_EQ(ENOSPC, errno);

	fill(in, all, 9);
	EXPECT_EQ(5, lseek(fd, 5, SEEK_SET));
	EXPECT_EQ(all, writev(fd, parts, 3));
	EXPECT_EQ(5 + all, lseek(fd, 0, SEEK_CUR));
	memset(in, 0, sizeof(in));
	EXPECT_EQ(all, preadv(fd, parts, 3, 5));
	fill(out, all, 9);
	EXPECT_EQ(0, memcmp(in, out, all));
	EXPECT_EQ(0, read(fd, in, 0));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, serving_kill(&self->s, 0));
	EXPECT_EQ(-ESTALE, server_end(&self->server));
}

TEST_F(request, append)
{
	char in[16];
	int fd, other;

	ASSERT_EQ(0, store_begin(self));
	fd = open_node(DEVICE, O_RDWR | O_APPEND);
	other = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, other);
	EXPECT_EQ(3, write(other, "abc", 3));
	EXPECT_EQ(2, write(fd, "de", 2));
	EXPECT_EQ(5, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(5, pwrite(other, "ABCDE", 5, 0));
	EXPECT_EQ(1, write(fd, "f", 1));
	EXPECT_EQ(6, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(3, lseek(other, 0, SEEK_CUR));
	EXPECT_EQ(6, pread(fd, in, sizeof(in), 0));
	EXPECT_EQ(0, memcmp(in, "ABCDEf", 6));
	close(fd);
	close(other);
	EXPECT_EQ(0, serving_kill(&self->s, 0));
	EXPECT_EQ(-ESTALE, server_end(&self->server));
}

TEST_F(request, stream)
{
	struct call other = { .run = call_write, .data = "w", .len = 1 };
	struct call call = { .run = call_read };
	struct tandem_submission m;
	char byte = 0;
	int fd;

	self->bind.flags &= ~TANDEM_BIND_SEEKABLE;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(fd, &byte, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pwrite(fd, &byte, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_TRUE(queue_quiet(self->q));

	/* A file of a stream is read and written at once, and has no position to wait for. */
	call.fd = fd;
	call.data = &byte;
	call.len = 1;
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_EQ(0, self->m.offset);
	other.fd = fd;
	ASSERT_EQ(0, call_begin(&other));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_WRITE, &m));
	EXPECT_EQ('w', *(const char *)queue_input(self->q, &m));
	EXPECT_EQ(0, queue_answer(self->q, &m, 1, NULL, 0));
	EXPECT_EQ(1, call_end(&other));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "r", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ('r', byte);
	close(fd);
}

TEST_F(request, open_and_release)
{
	const uint64_t deadline = deadline_in(20);
	struct call call = { .run = call_open, .data = DEVICE, .number = O_RDONLY };
	int gate[2], fd;
	uint64_t file;
	pid_t pid;
	char byte;

	self->bind.operations |= OP(OPEN) | OP(RELEASE);
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	ASSERT_EQ(0, pipe(gate));
	pid = fork();
	if (!pid) {
		close(gate[1]);
		if (setresgid(NOBODY - 1, NOBODY - 1, NOBODY - 1) ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		fd = open_node(DEVICE, O_RDWR | O_NONBLOCK);
		_exit(fd < 0 ? 2 : read(gate[0], &byte, 1) < 0);
	}
	close(gate[0]);
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_OPEN, &self->m));
	file = self->m.file;
	EXPECT_NE(0, file);
	EXPECT_EQ((uint32_t)pid, self->m.pid);
	EXPECT_EQ(NOBODY, self->m.uid);
	EXPECT_EQ(NOBODY - 1, self->m.gid);
	EXPECT_EQ(O_RDWR | O_NONBLOCK, self->m.code & (O_ACCMODE | O_NONBLOCK));
	EXPECT_EQ(0, self->m.flags & TANDEM_SUBMISSION_REOPEN);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, NULL, 0));
	close(gate[1]);
	EXPECT_EQ(0, wait_child(pid, deadline));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_RELEASE, &self->m));
	EXPECT_EQ(file, self->m.file);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, NULL, 0));

	/* Who was refused is not released. */
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_OPEN, &self->m));
	EXPECT_EQ((uint32_t)getpid(), self->m.pid);
	EXPECT_EQ(0, self->m.uid);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -EDQUOT, NULL, 0));
	EXPECT_EQ(-EDQUOT, call_end(&call));
	EXPECT_TRUE(queue_quiet(self->q));
}

/* Opens the device, whose server is told of it. Return: the fd. */
static int open_told(FIXTURE_DATA(request) * self)
{
	struct call call = { .run = call_open, .data = DEVICE, .number = O_RDWR };

	if (call_begin(&call) || queue_expect(self->q, TANDEM_OP_OPEN, &self->m) ||
	    queue_answer(self->q, &self->m, 0, NULL, 0))
		return -EPROTO;
	return call_end(&call);
}

TEST_F(request, shared_file)
{
	char byte = 0;
	struct call call = { .run = call_read, .data = &byte, .len = 1 };
	uint64_t file;
	int gate[2];
	int fd, second;
	pid_t pid;

	self->bind.operations |= OP(OPEN) | OP(RELEASE);
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_told(self);
	ASSERT_LE(0, fd);
	file = self->m.file;
	second = dup(fd);
	ASSERT_EQ(0, pipe(gate));
	pid = fork();
	if (!pid) {
		close(gate[1]);
		close(second);
		_exit(read(gate[0], &byte, 1) < 0);
	}
	close(gate[0]);
	close(fd);
	EXPECT_TRUE(queue_quiet(self->q));

	/* The fd goes while the file is being read: the call has it until it returns. */
	call.fd = second;
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_EQ(file, self->m.file);
	EXPECT_EQ(0, close(second));
	close(gate[1]);
	EXPECT_EQ(0, wait_child(pid, deadline_in(20)));
	EXPECT_TRUE(queue_quiet(self->q));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "z", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ('z', byte);
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_RELEASE, &self->m));
	EXPECT_EQ(file, self->m.file);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, NULL, 0));
	EXPECT_TRUE(queue_quiet(self->q));
}

TEST_F(request, nonblock)
{
	char byte = 0;
	struct call call = { .run = call_read, .data = &byte, .len = 1 };

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	call.fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, call.fd);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_EQ(0, self->m.flags);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, NULL, 0));
	EXPECT_EQ(0, call_end(&call));

	ASSERT_EQ(0, fcntl(call.fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_EQ(TANDEM_SUBMISSION_NONBLOCK, self->m.flags);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -EAGAIN, NULL, 0));
	EXPECT_EQ(-EAGAIN, call_end(&call));

	call.run = call_write;
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_WRITE, &self->m));
	EXPECT_EQ(TANDEM_SUBMISSION_NONBLOCK, self->m.flags);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -EAGAIN, NULL, 0));
	EXPECT_EQ(-EAGAIN, call_end(&call));
	close(call.fd);
}

static long call_fsync(struct call *call)
{
	return call->number ? fdatasync(call->fd) : fsync(call->fd);
}

TEST_F(request, fsync)
{
	struct call call = { .run = call_fsync };

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	call.fd = open_node(DEVICE, O_RDWR);
	for (call.number = 0; call.number < 2; call.number++) {
		ASSERT_EQ(0, call_begin(&call));
		ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_FSYNC, &self->m));
		EXPECT_EQ((uint32_t)call.number, self->m.code);
		EXPECT_EQ(0, queue_answer(self->q, &self->m, call.number ? -ENOSPC : 0, NULL, 0));
		EXPECT_EQ(call.number ? -ENOSPC : 0, call_end(&call));
	}
	close(call.fd);
}

TEST_F(request, splice)
{
	uint8_t in[2 * PAGE], out[2 * PAGE];
	size_t left;
	int pipes[2];
	loff_t at = 0;
	int fd;

	ASSERT_EQ(0, store_begin(self));
	fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pipe(pipes));
	fill(out, sizeof(out), 1);
	ASSERT_EQ((ssize_t)sizeof(out), write(pipes[1], out, sizeof(out)));
	for (left = sizeof(out); left;) {
		ssize_t n = splice(pipes[0], NULL, fd, &at, left, 0);

		ASSERT_LT(0, n);
		left -= n;
	}
	EXPECT_EQ((loff_t)sizeof(out), at);
	EXPECT_EQ(0, memcmp(self->store->bytes, out, sizeof(out)));
	at = 100;
	for (left = sizeof(out) - 100; left;) {
		ssize_t n = splice(fd, &at, pipes[1], NULL, sizeof(out), 0);

		ASSERT_LT(0, n);
		left -= n;
	}
	EXPECT_EQ(0, splice(fd, &at, pipes[1], NULL, PAGE, 0));
	EXPECT_EQ((ssize_t)sizeof(in) - 100, read(pipes[0], in, sizeof(in)));
	EXPECT_EQ(0, memcmp(in, out + 100, sizeof(in) - 100));
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
	EXPECT_EQ(0, serving_kill(&self->s, 0));
	EXPECT_EQ(-ESTALE, server_end(&self->server));
}

/* Memory that ends where a page does, whose first page has not been touched yet. */
static uint8_t *half_mapped(void)
{
	uint8_t *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0);

	if (pages == MAP_FAILED || munmap(pages + 2 * PAGE, PAGE))
		return NULL;
	return pages;
}

TEST_F(request, bad_buffers)
{
	uint8_t *pages = half_mapped();
	void *nothing = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t out[STORE];
	int fd;

	ASSERT_NE(NULL, pages);
	ASSERT_NE(MAP_FAILED, nothing);
	ASSERT_EQ(0, store_begin(self));
	fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	fill(out, sizeof(out), 5);
	ASSERT_EQ(3 * PAGE, write(fd, out, 3 * PAGE));

	/* What arrived counts; memory that is not there yet is brought in. */
	EXPECT_EQ(2 * PAGE, pread(fd, pages, 2 * PAGE, 0));
	EXPECT_EQ(0, memcmp(pages, out, 2 * PAGE));
	EXPECT_EQ(100, pread(fd, pages + 2 * PAGE - 100, 3 * PAGE, 50));
	EXPECT_EQ(0, memcmp(pages + 2 * PAGE - 100, out + 50, 100));
	EXPECT_EQ(-1, pread(fd, nothing, 10, 0));
	EXPECT_EQ(EFAULT, errno);

	ASSERT_EQ(0, madvise(pages, PAGE, MADV_DONTNEED));
	EXPECT_EQ(2 * PAGE, pwrite(fd, pages, 2 * PAGE, 0));
	EXPECT_EQ(0, self->store->bytes[PAGE - 1]);
	memset(pages, 'p', 2 * PAGE);
	EXPECT_EQ(PAGE + 10, pwrite(fd, pages + PAGE - 10, 3 * PAGE, 0));
	EXPECT_EQ('p', self->store->bytes[PAGE + 9]);
	EXPECT_EQ(out[3 * PAGE - 1], self->store->bytes[3 * PAGE - 1]);
	self->store->requests = 0;
	EXPECT_EQ(-1, pwrite(fd, nothing, 10, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(fd, _IOW('t', 1, int), nothing));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, self->store->requests);
	close(fd);
	munmap(nothing, PAGE);
	munmap(pages, 2 * PAGE);
	EXPECT_EQ(0, serving_kill(&self->s, 0));
	EXPECT_EQ(-ESTALE, server_end(&self->server));
}

TEST_HARNESS_MAIN
