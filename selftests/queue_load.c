// SPDX-License-Identifier: GPL-2.0
/*
 * Several queues, many clients, and clients that would take everything.
 *
 * TIMEOUT=180
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "call.h"
#include "serving.h"
#include "util.h"

#define DEVICE		"t-queue-load"
#define PAGE		4096
#define QUEUES		2
#define CLIENTS		16
#define CLIENT_BYTES	(16 * 1024)
#define DEPTH		4

FIXTURE(queue_load)
{
	struct serving s;
	struct queue *q;
	struct tandem_bind bind;
	struct tandem_submission m;
	char bytes[16];
};

FIXTURE_SETUP(queue_load)
{
	self->q = &self->s.queue;
	self->s.fd = -1;
	serving_init(&self->bind, DEVICE);
}

FIXTURE_TEARDOWN(queue_load)
{
	serving_end(&self->s);
	remove_device(DEVICE);
}

static int queue_fd(const struct serving *s, unsigned long index)
{
	int fd = ioctl(s->fd, TANDEM_IOC_QUEUE, index);

	return fd < 0 ? -errno : fd;
}

/* A read by a client on the CPU @number. */
static long read_on_cpu(struct call *call)
{
	if (pin_to_cpu(call->number))
		return -1;
	return read(call->fd, call->data, call->len);
}

TEST_F(queue_load, by_cpu)
{
	struct queue queues[QUEUES] = { 0 };
	struct tandem_submission m;
	struct call call;
	unsigned int i;
	int fd;

	self->bind.queues = QUEUES;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	EXPECT_EQ(-EINVAL, queue_fd(&self->s, QUEUES));
	EXPECT_EQ(-EINVAL, queue_fd(&self->s, ~0UL));
	for (i = 0; i < QUEUES; i++) {
		int own = queue_fd(&self->s, i);

		ASSERT_LE(0, own);
		EXPECT_EQ(FD_CLOEXEC, fcntl(own, F_GETFD));
		ASSERT_EQ(0, queue_map(&queues[i], own, &self->s.bind));
	}
	/* A queue's fd is as good as the server's own. */
	queue_unmap(self->q);
	close(self->s.fd);
	self->s.fd = -1;
	fd = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		unsigned int cpu = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? i : 0;
		struct queue *q = &queues[cpu % QUEUES];

		call = (struct call){ .run = read_on_cpu, .fd = fd, .data = self->bytes, .len = 1,
				      .number = cpu };
		ASSERT_EQ(0, call_begin(&call));
		ASSERT_EQ(0, queue_expect(q, TANDEM_OP_READ, &m));
		EXPECT_EQ(0, queue_answer(q, &m, 1, "q", 1));
		EXPECT_EQ(1, call_end(&call));
	}
	for (i = 0; i < QUEUES; i++) {
		queue_unmap(&queues[i]);
		close(queues[i].fd);
	}
	close(fd);
}

static long wait_for_some(struct call *call)
{
	struct tandem_reply_wait args = { .min = call->number, .timeout = TANDEM_FOREVER };

	return ioctl(call->fd, TANDEM_IOC_REPLY_WAIT, &args);
}

TEST_F(queue_load, wait_for_several)
{
	struct tandem_reply_wait args = { .min = self->bind.depth + 1 };
	struct call waiting = { .run = wait_for_some, .number = 3 };
	struct call calls[3];
	unsigned int i;
	int fd;

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDONLY);
	EXPECT_EQ(-1, ioctl(self->s.fd, TANDEM_IOC_REPLY_WAIT, &args));
	EXPECT_EQ(EINVAL, errno);
	args.min = 1;
	EXPECT_EQ(-1, ioctl(self->s.fd, TANDEM_IOC_REPLY_WAIT, &args));
	EXPECT_EQ(ETIMEDOUT, errno);
	args.timeout = 1000;
	EXPECT_EQ(-1, ioctl(self->s.fd, TANDEM_IOC_REPLY_WAIT, &args));
	EXPECT_EQ(ETIMEDOUT, errno);
	args.flags = 1;
	EXPECT_EQ(-1, ioctl(self->s.fd, TANDEM_IOC_REPLY_WAIT, &args));
	EXPECT_EQ(EINVAL, errno);

	waiting.fd = self->s.fd;
	ASSERT_EQ(0, call_begin(&waiting));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ASSERT_TRUE(thread_asleep(&waiting.tid));
		calls[i] = (struct call){ .run = call_read, .fd = fd, .data = self->bytes + i,
					  .len = 1 };
		ASSERT_EQ(0, call_begin(&calls[i]));
		ASSERT_TRUE(thread_asleep(&calls[i].tid));
		EXPECT_EQ(i + 1, self->q->kernel->published);
	}
	EXPECT_EQ(0, call_end(&waiting));
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
		EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "w", 1));
	}
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(1, call_end(&calls[i]));
	}
	close(fd);
}

/* One file, whose children die in requests that are never answered. */
TEST_F(queue_load, starved_by_nobody)
{
	struct tandem_submission held[8];
	unsigned int i, count = 0;
	struct call waiting, call;
	int greedy, other;

	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	greedy = open_node(DEVICE, O_RDONLY);
	other = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, greedy);
	ASSERT_LE(0, other);
	for (i = 0; i < 2 * self->bind.depth; i++) {
		uint64_t before = self->q->kernel->published;
		int gate[2];
		char byte;
		pid_t pid;

		ASSERT_EQ(0, pipe(gate));
		pid = fork();
		if (!pid) {
			close(gate[0]);
			if (write(gate[1], "", 1) != 1)
				_exit(1);
			_exit(read(greedy, &byte, 1) == 1);
		}
		close(gate[1]);
		ASSERT_EQ(1, read(gate[0], &byte, 1));
		close(gate[0]);
		/* The first of them get a tag for sure. */
		if (i < 2) {
			ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &held[count++]));
			EXPECT_EQ(before + 1, self->q->kernel->published);
		}
		ASSERT_EQ(0, kill(pid, SIGKILL));
		EXPECT_EQ(SIGKILL, wait_child(pid, deadline_in(10)));
	}
	while (!queue_quiet(self->q)) {
		ASSERT_LT(count, ARRAY_SIZE(held));
		ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &held[count++]));
	}
	EXPECT_GT(self->bind.depth, count);

	/* It waits now, though tags are free; another does not, not even behind it. */
	waiting = (struct call){ .run = call_read, .fd = greedy, .data = self->bytes, .len = 1 };
	ASSERT_EQ(0, call_begin(&waiting));
	ASSERT_TRUE(thread_asleep(&waiting.tid));
	EXPECT_TRUE(queue_quiet(self->q));
	call = (struct call){ .run = call_read, .fd = other, .data = self->bytes + 1, .len = 1 };
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_NE(held[0].file, self->m.file);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "o", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ('o', self->bytes[1]);

	/* Answers that nobody waits for give it its tags back. */
	for (i = 0; i < count; i++) {
		EXPECT_EQ(0, queue_answer(self->q, &held[i], 0, NULL, 0));
	}
	EXPECT_EQ(0, queue_reply(self->q));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_EQ(held[0].file, self->m.file);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, NULL, 0));
	EXPECT_EQ(0, call_end(&waiting));
	close(greedy);
	close(other);
}

/* A server that looks for work by itself finds those that wait for a tag by need_reply. */
TEST_F(queue_load, last_tag)
{
	struct tandem_completion c = { .result = 0 };
	struct call call;
	pid_t pid;
	char byte;
	int fd;

	self->bind.depth = 1;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDONLY);
	pid = fork();
	if (!pid)
		_exit(read(fd, &byte, 1) == 1);
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(SIGKILL, wait_child(pid, deadline_in(10)));
	EXPECT_EQ(0, self->q->kernel->need_reply);
	call = (struct call){ .run = call_read, .fd = fd, .data = &byte, .len = 1 };
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_TRUE(thread_asleep(&call.tid));
	EXPECT_EQ(1, self->q->kernel->need_reply);
	c.id = self->m.id;
	EXPECT_EQ(0, queue_complete(self->q, &c, NULL, 0));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 1, "x", 1));
	EXPECT_EQ(1, call_end(&call));
	EXPECT_EQ(0, self->q->kernel->need_reply);
	close(fd);
}

/* Bytes by their place: each client has a range of its own. */
static uint8_t stored[CLIENTS * CLIENT_BYTES];

/* Requests beyond these bytes are answered when all tags are taken by such. */
struct together {
	struct tandem_submission held[DEPTH];
	unsigned int count;
};

static bool hold(struct queue *q, const struct tandem_submission *m, struct together *together)
{
	unsigned int i;

	together->held[together->count++] = *m;
	for (i = 0; together->count == DEPTH && i < DEPTH; i++)
		queue_answer(q, &together->held[i], 1, "t", 1);
	return false;
}

static bool stored_serve(struct queue *q, const struct tandem_submission *m,
			 struct tandem_completion *c, void *data)
{
	uint32_t len = m->op == TANDEM_OP_WRITE ? m->in_len : m->out_len;

	if (m->offset == sizeof(stored))
		return hold(q, m, data);
	if (m->offset > sizeof(stored) || len > sizeof(stored) - m->offset) {
		c->result = -EINVAL;
		return true;
	}
	if (m->op == TANDEM_OP_WRITE)
		memcpy(stored + m->offset, queue_input(q, m), len);
	else if (m->op == TANDEM_OP_READ)
		memcpy(queue_output(q, m), stored + m->offset, len);
	c->result = len;
	return true;
}

struct load {
	unsigned int number;
	uint64_t end;
	uint64_t rounds;
	const char *error;
	pthread_t thread;
};

static void *load_thread(void *data)
{
	static __thread uint8_t out[CLIENT_BYTES], in[CLIENT_BYTES];
	struct load *load = data;
	uint64_t seed = load->number * 0x9e3779b97f4a7c15ULL + 1;
	int fd = open_node(DEVICE, O_RDWR);

	while (!load->error && !deadline_passed(load->end)) {
		size_t at = next_random(&seed) % CLIENT_BYTES, i;
		size_t len = 1 + next_random(&seed) % (CLIENT_BYTES - at);
		off_t place = load->number * CLIENT_BYTES + at;

		for (i = 0; i < len; i++)
			out[at + i] = next_random(&seed);
		if (pwrite(fd, out + at, len, place) != (ssize_t)len)
			load->error = "pwrite";
		else if (pread(fd, in, len, place) != (ssize_t)len)
			load->error = "pread";
		else if (memcmp(in, out + at, len))
			load->error = "other bytes";
		load->rounds++;
	}
	close(fd);
	return NULL;
}

static long beyond_on_cpu(struct call *call)
{
	if (pin_to_cpu(call->number))
		return -1;
	return pread(call->fd, call->data, call->len, sizeof(stored));
}

/* All tags of a queue can be in flight at once: by several files, as one must leave some. */
static void all_tags(struct __test_metadata *_metadata, unsigned int cpu)
{
	struct call calls[DEPTH];
	char bytes[DEPTH];
	unsigned int i;

	for (i = 0; i < DEPTH; i++) {
		calls[i] = (struct call){ .run = beyond_on_cpu, .fd = open_node(DEVICE, O_RDONLY),
					  .data = &bytes[i], .len = 1, .number = cpu };
		ASSERT_EQ(0, call_begin(&calls[i]));
	}
	for (i = 0; i < DEPTH; i++) {
		EXPECT_EQ(1, call_end(&calls[i]));
		close(calls[i].fd);
	}
}

TEST_F(queue_load, many_clients)
{
	const unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
	struct queue queues[QUEUES] = { 0 };
	struct together together[QUEUES] = { 0 };
	struct server servers[QUEUES];
	struct load loads[CLIENTS];
	uint64_t rounds = 0;
	unsigned int i;

	self->bind.queues = QUEUES;
	self->bind.depth = DEPTH;
	self->bind.flags |= TANDEM_BIND_SEEKABLE;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	for (i = 0; i < QUEUES; i++) {
		ASSERT_EQ(0, queue_map(&queues[i], queue_fd(&self->s, i), &self->s.bind));
		/* One takes messages, the other serves in mapped memory. */
		queues[i].messages = i;
		servers[i] = (struct server){ .q = &queues[i], .handler = stored_serve,
					      .data = &together[i] };
		ASSERT_EQ(0, server_begin(&servers[i]));
	}
	for (i = 0; i < CLIENTS; i++) {
		loads[i] = (struct load){ .number = i, .end = now_ns() + 3000000000ULL };
		ASSERT_EQ(0, pthread_create(&loads[i].thread, NULL, load_thread, &loads[i]));
	}
	for (i = 0; i < CLIENTS; i++) {
		ASSERT_EQ(0, thread_join(loads[i].thread, 30));
		EXPECT_STREQ("", loads[i].error ?: "");
		rounds += loads[i].rounds;
	}
	EXPECT_LT(CLIENTS, rounds);
	for (i = 0; i < cpus; i++)
		all_tags(_metadata, i);
	EXPECT_EQ(0, serving_kill(&self->s, SIGKILL));
	for (i = 0; i < QUEUES; i++) {
		EXPECT_EQ(-ESTALE, server_end(&servers[i]));
		queue_unmap(&queues[i]);
		close(queues[i].fd);
	}
}

TEST_HARNESS_MAIN
