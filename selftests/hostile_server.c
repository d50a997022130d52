// SPDX-License-Identifier: GPL-2.0
/*
 * A server that lies: clients get EIO, or what it says, but nothing of each other; the kernel goes
 * on.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "call.h"
#include "serving.h"
#include "util.h"

#define DEVICE	"t-hostile-server"
#define PAGE	4096

FIXTURE(hostile_server)
{
	struct serving s, next;
	struct queue *q;
	struct tandem_bind bind;
	struct tandem_submission m;
	uint8_t bytes[PAGE];
	int fd;
};

FIXTURE_SETUP(hostile_server)
{
	self->q = &self->s.queue;
	self->s.fd = -1;
	self->next.fd = -1;
	serving_init(&self->bind, DEVICE);
	self->bind.flags |= TANDEM_BIND_ALL_COMMANDS | TANDEM_BIND_SEEKABLE;
	self->bind.operations |= OP(CANCEL);
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	self->fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(hostile_server)
{
	close(self->fd);
	serving_end(&self->s);
	serving_end(&self->next);
	remove_device(DEVICE);
}

static long call_seek_end(struct call *call)
{
	return lseek(call->fd, 0, SEEK_END);
}

static long call_fsync(struct call *call)
{
	return fsync(call->fd);
}

/* An answer that cannot be: EIO for the client, EBADMSG for the server, and on it goes. */
TEST_F(hostile_server, answers_that_cannot_be)
{
	uint32_t word = 0;
	struct {
		long (*run)(struct call *call);
		long number;
		struct tandem_completion c;
	} cases[] = {
		{ call_read, 0, { .result = 11 } },
		{ call_read, 0, { .result = INT_MAX } },
		{ call_read, 0, { .result = LLONG_MAX } },
		{ call_read, 0, { .result = -512 } },
		{ call_read, 0, { .result = -4095 } },
		{ call_read, 0, { .result = LLONG_MIN } },
		{ call_read, 0, { .flags = 4 } },
		{ call_read, 0, { .flags = 0xffff } },
		{ call_read, 0, { .flags = TANDEM_COMPLETION_POSITION, .position = 1ULL << 63 } },
		{ call_write, 0, { .result = 11 } },
		{ call_write, 0, { .result = 1ULL << 32 } },
		{ call_write, 0, { .result = -512 } },
		{ call_ioctl, _IOWR('t', 1, uint32_t), { .len = 5 } },
		{ call_ioctl, _IOWR('t', 1, uint32_t), { .len = ~0U } },
		{ call_ioctl, _IOWR('t', 1, uint32_t), { .len = 5, .result = -EDOM } },
		{ call_ioctl, _IOW('t', 1, uint32_t), { .len = 1 } },
		{ call_ioctl, _IO('t', 1), { .result = 1LL << 31 } },
		{ call_fsync, 0, { .result = 1 } },
		{ call_seek_end, 0, { .result = -512 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct call call = { .run = cases[i].run, .number = cases[i].number,
				     .fd = self->fd, .data = self->bytes, .len = 10 };

		if (call.run == call_ioctl)
			call.data = &word;
		ASSERT_EQ(0, call_begin(&call));
		ASSERT_EQ(0, queue_next(self->q, &self->m, deadline_in(20)));
		ASSERT_TRUE(thread_asleep(&call.tid));
		cases[i].c.id = self->m.id;
		queue_publish(self->q, &cases[i].c);
		EXPECT_EQ(-EBADMSG, queue_reply(self->q))
			TH_LOG("case %u", i);
		EXPECT_EQ(-EIO, call_end(&call))
			TH_LOG("case %u", i);
	}
	EXPECT_EQ(0, word);
}

/* The same by write(). */
TEST_F(hostile_server, messages_that_cannot_be)
{
	struct call call = { .run = call_read, .fd = self->fd, .data = self->bytes, .len = 10 };
	uint8_t buffer[sizeof(struct tandem_completion) + 2 * PAGE] = { 0 };
	struct tandem_completion *c = (void *)buffer;
	void *nothing = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT_EQ(-1, write(self->s.fd, buffer, sizeof(*c)));
	EXPECT_EQ(ENOENT, errno);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	c->id = self->m.id;
	c->result = 10;
	EXPECT_EQ(-1, write(self->s.fd, buffer, sizeof(*c) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(self->s.fd, buffer, sizeof(*c) + 11));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(-1, write(self->s.fd, buffer, sizeof(*c) + PAGE + 1));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(-1, write(self->s.fd, nothing, sizeof(*c)));
	EXPECT_EQ(EFAULT, errno);
	c->id += 1 << 16;
	EXPECT_EQ(-1, write(self->s.fd, buffer, sizeof(*c) + 10));
	EXPECT_EQ(ENOENT, errno);
	c->id = self->m.id | 0xffff;
	EXPECT_EQ(-1, write(self->s.fd, buffer, sizeof(*c) + 10));
	EXPECT_EQ(ENOENT, errno);
	/* All that did nothing: the answer is still due. */
	c->id = self->m.id;
	memcpy(buffer + sizeof(*c), "ten bytes.", 10);
	EXPECT_EQ((ssize_t)sizeof(*c) + 10, write(self->s.fd, buffer, sizeof(*c) + 10));
	EXPECT_EQ(10, call_end(&call));
	EXPECT_EQ(0, memcmp(self->bytes, "ten bytes.", 10));
	EXPECT_EQ(-1, write(self->s.fd, buffer, sizeof(*c) + 10));
	EXPECT_EQ(ENOENT, errno);

	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	c->id = self->m.id;
	c->result = 11;
	EXPECT_EQ(-1, write(self->s.fd, buffer, sizeof(*c)));
	EXPECT_EQ(EBADMSG, errno);
	EXPECT_EQ(-EIO, call_end(&call));
}

TEST_F(hostile_server, ids_of_nothing)
{
	struct call call = { .run = call_read, .fd = self->fd, .data = self->bytes, .len = 10 };
	struct tandem_completion c = { .result = 3 };
	uint64_t ids[7];
	unsigned int i;

	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 3, "old", 3));
	EXPECT_EQ(3, call_end(&call));
	ids[0] = self->m.id;
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
	ASSERT_TRUE(thread_asleep(&call.tid));
	ids[1] = 0;
	ids[2] = ~0ULL;
	ids[3] = self->m.id + (1 << 16);
	ids[4] = self->m.id ^ 1;
	ids[5] = (self->m.id & ~0xffffULL) | self->bind.depth;
	ids[6] = TANDEM_TAG(self->m.id);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		c.id = ids[i];
		queue_publish(self->q, &c);
		EXPECT_EQ(-EBADMSG, queue_reply(self->q))
			TH_LOG("id %#llx", (unsigned long long)ids[i]);
	}
	/* Twice the right one: the first counts. */
	c.id = self->m.id;
	queue_publish(self->q, &c);
	c.result = 4;
	queue_publish(self->q, &c);
	EXPECT_EQ(-EBADMSG, queue_reply(self->q));
	EXPECT_EQ(3, call_end(&call));
}

/* More completions than there can be: the server is out of its mind, and its session ends. */
TEST_F(hostile_server, completed_too_far)
{
	const uint64_t far[] = { 9, 1ULL << 32, 1ULL << 63, ~0ULL };
	struct call call = { .run = call_read, .fd = self->fd, .data = self->bytes, .len = 10 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(far); i++) {
		ASSERT_EQ(0, call_begin(&call));
		ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
		ASSERT_TRUE(thread_asleep(&call.tid));
		__atomic_store_n(&self->q->server->completed, far[i], __ATOMIC_RELEASE);
		EXPECT_EQ(-ESTALE, queue_reply(self->q));
		EXPECT_EQ(-EIO, call_end(&call));
		EXPECT_EQ(1, self->q->kernel->ended);
		serving_end(&self->s);
		close(self->fd);
		self->bind.flags &= ~(TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE);
		ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
		self->fd = open_node(DEVICE, O_RDWR);
		call.fd = self->fd;
	}
}

/* What the server says that it has read is its own affair. */
TEST_F(hostile_server, consumed_nonsense)
{
	const uint64_t nonsense[] = { 5, 1ULL << 40, 1ULL << 63, ~0ULL };
	struct call call = { .run = call_read, .fd = self->fd, .data = self->bytes, .len = 10 };
	unsigned int i;
	char buffer[PAGE * 2];

	for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
		ASSERT_EQ(0, call_begin(&call));
		ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
		self->q->server->consumed = self->q->kernel->published + nonsense[i];
		if (nonsense[i] != ~0ULL) {
			EXPECT_EQ(-1, read(self->s.fd, buffer, sizeof(buffer)));
			EXPECT_EQ(EBADMSG, errno);
		}
		queue_reply(self->q);
		EXPECT_EQ(0, queue_answer(self->q, &self->m, 2, "ok", 2));
		EXPECT_EQ(2, call_end(&call));
		self->q->server->consumed = self->q->kernel->published;
	}
}

/* Slots are used again; nobody sees in one what another file's clients had there. */
TEST_F(hostile_server, secrets)
{
	struct call call = { .fd = self->fd, .data = self->bytes, .len = PAGE };
	int other = open_node(DEVICE, O_RDWR);
	uint64_t tags = 0;
	unsigned int i;

	/* Both ways leave them: what was written, and what was read. */
	for (i = 0; i < 2; i++) {
		struct call asked = { .run = call_read, .fd = other, .len = PAGE };
		static uint8_t got[PAGE], zeros[PAGE];

		memset(self->bytes, 's', PAGE);
		call.run = i ? call_read : call_write;
		ASSERT_EQ(0, call_begin(&call));
		ASSERT_EQ(0, queue_next(self->q, &self->m, deadline_in(20)));
		tags = TANDEM_TAG(self->m.id);
		memset(self->q->slots + tags * PAGE, 's', PAGE);
		EXPECT_EQ(0, queue_answer(self->q, &self->m, PAGE, NULL, 0));
		EXPECT_EQ(PAGE, call_end(&call));
		do {
			memset(got, 0xff, PAGE);
			asked.data = got;
			ASSERT_EQ(0, call_begin(&asked));
			ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_READ, &self->m));
			/* It writes nothing, and says that it had. */
			EXPECT_EQ(0, queue_answer(self->q, &self->m, PAGE, NULL, 0));
			EXPECT_EQ(PAGE, call_end(&asked));
			EXPECT_EQ(0, memcmp(got, zeros, PAGE));
			if (TANDEM_TAG(self->m.id) != tags) {
				close(other);
				other = open_node(DEVICE, O_RDWR);
				asked.fd = other;
			}
		} while (TANDEM_TAG(self->m.id) != tags);
	}
	close(other);
}

struct scribble {
	struct queue *q;
	bool stop;
	pthread_t thread;
};

static void *scribble(void *data)
{
	struct scribble *scribble = data;
	struct queue *q = scribble->q;
	uint64_t seed = 4711;

	while (!__atomic_load_n(&scribble->stop, __ATOMIC_RELAXED)) {
		uint64_t at = next_random(&seed);
		uint8_t *bytes = (void *)q->server;

		switch (at % 4) {
		case 0:		/* a completion of something that is in flight */
			q->completions[at / 4 % q->depth].id =
				q->submissions[next_random(&seed) % q->kernel->submissions].id;
			break;
		case 1:		/* the positions, by little, so that the session lasts */
			q->server->completed += at / 4 % 1000 == 0;
			q->server->consumed += at / 4 % 1000 == 1;
			break;
		default:	/* anything but the positions */
			at = PAGE + at / 4 % (q->server_size - PAGE);
			__atomic_store_n(&bytes[at], next_random(&seed), __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

struct client {
	uint64_t end;
	pthread_t thread;
};

/* Whatever comes, a call returns, and no more than was asked for. */
static void *scribbled(void *data)
{
	struct client *client = data;
	bool ok = true;

	while (ok && !deadline_passed(client->end)) {
		int fd = open_node(DEVICE, O_RDWR);
		uint8_t bytes[2 * PAGE];
		uint32_t word[2] = { 0, 42 };
		unsigned int i;

		for (i = 0; i < 10; i++) {
			ok = ok && read(fd, bytes, 2 * PAGE) <= 2 * PAGE &&
			     write(fd, bytes, 100) <= 100;
			ioctl(fd, _IOWR('t', 1, uint32_t), word);
			ok = ok && word[1] == 42;
		}
		close(fd);
	}
	return ok ? NULL : client;
}

TEST_F(hostile_server, scribbled_over)
{
	const uint64_t end = now_ns() + 2000000000ULL;
	struct client clients[4];
	unsigned int i, sessions;

	close(self->fd);
	self->fd = -1;
	self->bind.deadline = 20000000;
	serving_end(&self->s);
	self->bind.flags &= ~(TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE);
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i].end = end;
		ASSERT_EQ(0, pthread_create(&clients[i].thread, NULL, scribbled, &clients[i]));
	}
	for (sessions = 0; !deadline_passed(end) || !sessions; sessions++) {
		const uint64_t turn = now_ns() + 300000000;
		struct scribble s = { .q = self->q };

		ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
		ASSERT_EQ(0, pthread_create(&s.thread, NULL, scribble, &s));
		while (!deadline_passed(turn) && queue_reply(self->q) != -ESTALE)
			;
		s.stop = true;
		ASSERT_EQ(0, thread_join(s.thread, 20));
		serving_end(&self->s);
		self->s.fd = -1;
	}
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		void *bad;

		ASSERT_EQ(0, pthread_join(clients[i].thread, &bad));
		EXPECT_EQ(NULL, bad);
	}

	/* A sane server finds a sane device. */
	self->bind.deadline = 0;
	ASSERT_EQ(0, serving_begin(&self->next, &self->bind));
	self->fd = open_node(DEVICE, O_RDWR);
	for (i = 0; i < 20; i++) {
		struct call call = { .run = call_read, .fd = self->fd, .data = self->bytes,
				     .len = 4 };

		ASSERT_EQ(0, call_begin(&call));
		ASSERT_EQ(0, queue_expect(&self->next.queue, TANDEM_OP_READ, &self->m));
		EXPECT_EQ(0, queue_answer(&self->next.queue, &self->m, 4, "sane", 4));
		EXPECT_EQ(4, call_end(&call));
		EXPECT_EQ(0, memcmp(self->bytes, "sane", 4));
	}
}

TEST_HARNESS_MAIN
