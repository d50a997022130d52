// SPDX-License-Identifier: GPL-2.0
/*
 * The library's servers against simulated queues: which function is called for what, what is
 * answered and when, when the kernel is called, and that no client is left sleeping.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "session.h"

#define GREET		_IOWR('s', 1, __u64)
#define PLAIN		_IO('s', 2)
#define OTHER		_IOW('s', 3, __u32)
#define SLOW		99	/* a call that takes a while */
#define CODE		TANDEM_CTL_CODE(0x8000, 0x801, TANDEM_METHOD_BUFFERED, TANDEM_ACCESS_ANY)

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* What the functions have seen. */
static struct {
	struct tandem_request *later;
	struct tandem_request *cancelled;
	uint64_t released;
	void *released_data;
} seen;

static char file_state;

static int64_t on_open(struct tandem_request *r)
{
	if (r->code == 13)
		return -EACCES;
	r->data = &file_state;
	return 0;
}

static int64_t on_release(struct tandem_request *r)
{
	seen.released = r->file;
	seen.released_data = r->data;
	return 0;
}

static int64_t on_read(struct tandem_request *r)
{
	if (r->flags & TANDEM_SUBMISSION_NONBLOCK)
		return -EAGAIN;
	memset(r->out, (int)r->offset, r->out_len);
	return (int64_t)r->out_len;
}

static int64_t on_write(struct tandem_request *r)
{
	r->context = r->arg;
	seen.later = r;
	return TANDEM_LATER;
}

static int64_t on_greet(struct tandem_request *r)
{
	uint64_t value = *(const uint64_t *)r->in;

	if (!value)
		return -ERANGE;
	*(uint64_t *)r->out = value + 1;
	return 7;
}

static int64_t on_code(struct tandem_request *r)
{
	r->len = r->in_len;
	r->answer_flags = TANDEM_COMPLETION_READY | TANDEM_COMPLETION_POSITION;
	r->ready = EPOLLIN;
	r->position = 99;
	return -EXDEV;
}

static int64_t on_plain(struct tandem_request *r)
{
	return (int64_t)r->offset;
}

static int64_t on_call(struct tandem_request *r)
{
	uint64_t end = now_ms() + 2;

	while (r->code == SLOW && now_ms() < end)
		continue;
	return r->file ? -EINVAL : (int64_t)r->code;
}

static void on_cancel(struct tandem_request *r)
{
	seen.cancelled = r;
	tandem_reply(r, -EINTR);
}

static const struct tandem_server_ops ops = {
	.open = on_open, .release = on_release, .read = on_read, .write = on_write,
	.call = on_call, .cancel = on_cancel,
};

static const struct tandem_server_command commands[] = {
	TANDEM_ON_CONTROL(CODE, TANDEM_ACCESS_ANY, 0, 64, 0, on_code),
	TANDEM_ON_IOCTL(PLAIN, TANDEM_ACCESS_ANY, on_plain),
	TANDEM_ON_IOCTL(GREET, TANDEM_ACCESS_READ, on_greet),
};

FIXTURE(serve) {
	struct session session;
	int fd;
	struct tandem_server_options options;
	struct tandem_server *server;
};

FIXTURE_SETUP(serve)
{
	ASSERT_TRUE(session_init(&self->session, 2));
	self->options = (struct tandem_server_options){
		.ops = &ops, .commands = commands, .commands_count = 3, .arg = &self->session,
	};
	self->fd = dup(self->session.queue[0].fd);
	ASSERT_EQ(tandem_server_adopt(&self->server, self->fd, &self->options), 0);
}

FIXTURE_TEARDOWN(serve)
{
	tandem_server_destroy(self->server);
	session_exit(&self->session);
}

/* Sends to queue 0, has it handled, and gives the answer. */
static struct tandem_completion ask(FIXTURE_DATA(serve) * self,
				    struct tandem_submission submission, const void *in)
{
	struct tandem_completion answer = { .result = -ENOMSG };
	uint64_t id = session_send(&self->session, 0, &submission, in);

	if (tandem_server_dispatch(self->server, 0, 0) == 1)
		session_poll(&self->session, 0, id, &answer);
	return answer;
}

/* The same for an operation on file 5 alone. */
static int64_t ask_for(FIXTURE_DATA(serve) * self, enum tandem_op op)
{
	return ask(self, (struct tandem_submission){ .op = op, .file = 5 }, NULL).result;
}

TEST_F(serve, shape)
{
	EXPECT_EQ(tandem_server_queues(self->server), 2);
	EXPECT_EQ(tandem_server_fd(self->server, 0), self->fd);
	EXPECT_GE(tandem_server_fd(self->server, 1), 0);
	EXPECT_EQ(tandem_server_fd(self->server, 2), -EINVAL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 2, 0), -EINVAL);
	EXPECT_EQ(tandem_server_run(self->server, 2), -EINVAL);
}

TEST_F(serve, nothing)
{
	uint64_t start = now_ms();

	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 0), 0);
	EXPECT_EQ(self->session.queue[0].waits, 0);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 50), 0);
	EXPECT_GE(now_ms() - start, 50);
}

TEST_F(serve, read)
{
	struct tandem_submission read = {
		.op = TANDEM_OP_READ, .file = 5, .offset = 0x5a, .out_len = 100,
	};
	struct tandem_completion answer = ask(self, read, NULL);

	EXPECT_EQ(answer.result, 100);
	EXPECT_EQ(session_data(&self->session, 0, answer.id)[99], 0x5a);
	EXPECT_EQ(self->session.queue[0].shared->consumed, 1);
	read.flags = TANDEM_SUBMISSION_NONBLOCK;
	EXPECT_EQ(ask(self, read, NULL).result, -EAGAIN);
	EXPECT_EQ(self->session.queue[0].waits, 0);
}

/* What there is no function for. */
TEST_F(serve, unknown)
{
	EXPECT_EQ(ask_for(self, TANDEM_OP_LSEEK), -EOPNOTSUPP);
	EXPECT_EQ(ask_for(self, TANDEM_OPS), -EOPNOTSUPP);
	EXPECT_EQ(ask_for(self, TANDEM_OP_IOCTL), -ENOTTY);
	EXPECT_EQ(ask_for(self, TANDEM_OP_CONTROL), -ENOTTY);
	EXPECT_EQ(ask(self, (struct tandem_submission){
		.op = TANDEM_OP_CONTROL, .file = 5, .code = GREET }, NULL).result, -ENOTTY);
}

TEST_F(serve, commands)
{
	struct tandem_submission greet = {
		.op = TANDEM_OP_IOCTL, .file = 5, .code = GREET, .in_len = 8, .out_len = 8,
	};
	struct tandem_submission control = {
		.op = TANDEM_OP_CONTROL, .file = 5, .code = CODE, .in_len = 3, .out_len = 64,
	};
	struct tandem_completion answer;
	uint64_t value = 41;

	answer = ask(self, greet, &value);
	EXPECT_EQ(answer.result, 7);
	EXPECT_EQ(answer.len, 8);
	EXPECT_EQ(*(uint64_t *)(void *)session_data(&self->session, 0, answer.id), 42);
	value = 0;
	answer = ask(self, greet, &value);
	EXPECT_EQ(answer.result, -ERANGE);
	EXPECT_EQ(answer.len, 0);
	answer = ask(self, (struct tandem_submission){
		.op = TANDEM_OP_IOCTL, .file = 5, .code = PLAIN, .offset = 1234 }, NULL);
	EXPECT_EQ(answer.result, 1234);

	answer = ask(self, control, "abc");
	EXPECT_EQ(answer.result, -EXDEV);
	EXPECT_EQ(answer.len, 3);
	EXPECT_EQ(answer.flags, TANDEM_COMPLETION_READY | TANDEM_COMPLETION_POSITION);
	EXPECT_EQ(answer.ready, EPOLLIN);
	EXPECT_EQ(answer.position, 99);

	answer = ask(self, (struct tandem_submission){ .op = TANDEM_OP_CALL, .code = 77 }, NULL);
	EXPECT_EQ(answer.result, 77);
}

/* Commands that cannot be are refused before anything is made. */
TEST_F(serve, bad_commands)
{
	struct tandem_server_command bad[] = { commands[0], commands[1], commands[0] };
	struct tandem_server_options options = { .commands = bad, .commands_count = 3 };
	struct tandem_server *server;

	EXPECT_EQ(tandem_server_create(&server, "none", &options), -EINVAL);
	bad[2] = (struct tandem_server_command)TANDEM_ON_CALL(1, NULL);
	EXPECT_EQ(tandem_server_create(&server, "none", &options), -EINVAL);
	bad[2] = (struct tandem_server_command)TANDEM_ON_CALL(1, on_call);
	bad[2].op = TANDEM_OP_READ;
	EXPECT_EQ(tandem_server_create(&server, "none", &options), -EINVAL);
	options = (struct tandem_server_options){ .queues = TANDEM_QUEUES_MAX + 1 };
	EXPECT_EQ(tandem_server_create(&server, "none", &options), -EINVAL);
	options.queues = 1U << 31;
	EXPECT_EQ(tandem_server_create(&server, "none", &options), -EINVAL);
}

TEST_F(serve, bad_queue)
{
	struct tandem_queue_kernel *told = self->session.queue[1].told;
	struct tandem_queue_kernel good = *told;
	struct tandem_server *server;
	int fd = self->fd;

	told->magic++;
	EXPECT_EQ(tandem_server_adopt(&server, fd, &self->options), -EPROTO);
	*told = good;
	told->depth = 7;
	EXPECT_EQ(tandem_server_adopt(&server, fd, &self->options), -EPROTO);
	*told = good;
	told->slots_offset += 4096;
	EXPECT_EQ(tandem_server_adopt(&server, fd, &self->options), -EPROTO);
	*told = good;
	told->submissions *= 2;
	told->submissions *= 2;
	EXPECT_EQ(tandem_server_adopt(&server, fd, &self->options), -EPROTO);
	*told = good;
	told->completions_offset = ~7ULL;
	EXPECT_EQ(tandem_server_adopt(&server, fd, &self->options), -EPROTO);
}

/* open()'s pointer is found by all requests of the file, until it is released. */
TEST_F(serve, files)
{
	struct tandem_submission refused = { .op = TANDEM_OP_OPEN, .file = 6, .code = 13 };
	uint64_t id;

	EXPECT_EQ(ask(self, refused, NULL).result, -EACCES);
	EXPECT_EQ(ask_for(self, TANDEM_OP_OPEN), 0);
	id = session_send(&self->session, 1, &(struct tandem_submission){
		.op = TANDEM_OP_WRITE, .file = 5 }, NULL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 1, 1000), 1);
	ASSERT_NE(seen.later, NULL);
	EXPECT_EQ(seen.later->data, &file_state);
	EXPECT_EQ(seen.later->id, id);
	EXPECT_EQ(seen.later->queue, 1);
	EXPECT_EQ(seen.later->context, &self->session);

	/* The release waits for it, whatever queue it comes in. */
	id = session_send(&self->session, 0, &(struct tandem_submission){
		.op = TANDEM_OP_RELEASE, .file = 5 }, NULL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 0), 1);
	EXPECT_EQ(seen.released, 0);
	EXPECT_EQ(self->session.queue[0].shared->completed, 2);
	EXPECT_EQ(tandem_reply(seen.later, 0), 0);
	EXPECT_EQ(seen.released, 5);
	EXPECT_EQ(seen.released_data, &file_state);
	EXPECT_EQ(self->session.queue[0].shared->completed, 3);

	/* A file that is known no more, and one that open() told nothing of. */
	EXPECT_EQ(ask_for(self, TANDEM_OP_RELEASE), 0);
	EXPECT_EQ(seen.released_data, NULL);
}

TEST_F(serve, answered_once)
{
	struct tandem_completion answer;
	uint64_t id;

	id = session_send(&self->session, 0, &(struct tandem_submission){
		.op = TANDEM_OP_WRITE, .file = 5 }, NULL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 0), 1);
	EXPECT_FALSE(session_poll(&self->session, 0, id, &answer));
	EXPECT_EQ(tandem_progress(seen.later), 0);
	EXPECT_EQ(self->session.progress, id);
	EXPECT_EQ(tandem_reply(seen.later, 3), 0);
	EXPECT_EQ(tandem_reply(seen.later, 4), -EALREADY);
	ASSERT_TRUE(session_poll(&self->session, 0, id, &answer));
	EXPECT_EQ(answer.result, 3);
	EXPECT_EQ(self->session.queue[0].shared->completed, 1);
}

TEST_F(serve, cancel)
{
	struct tandem_submission cancel = { .op = TANDEM_OP_CANCEL, .file = 5 };
	struct tandem_completion answer;
	struct tandem_submission read = { .op = TANDEM_OP_READ, .file = 5 };

	cancel.id = session_send(&self->session, 0, &(struct tandem_submission){
		.op = TANDEM_OP_WRITE, .file = 5 }, NULL);
	session_send(&self->session, 0, &cancel, NULL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 0), 2);
	EXPECT_EQ(seen.cancelled, seen.later);
	ASSERT_TRUE(session_poll(&self->session, 0, cancel.id, &answer));
	EXPECT_EQ(answer.result, -EINTR);

	/* Too late: it has been answered. */
	seen.cancelled = NULL;
	cancel.id = session_send(&self->session, 0, &read, NULL);
	session_send(&self->session, 0, &cancel, NULL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 0), 2);
	EXPECT_EQ(seen.cancelled, NULL);
	ASSERT_TRUE(session_poll(&self->session, 0, cancel.id, &answer));
	EXPECT_EQ(answer.result, 0);
	EXPECT_EQ(self->session.queue[0].shared->completed, 2);
}

TEST_F(serve, ready)
{
	EXPECT_EQ(tandem_server_ready(self->server, 5, EPOLLIN | EPOLLOUT), 0);
	EXPECT_EQ(self->session.ready_file, 5);
	EXPECT_EQ(self->session.ready_events, EPOLLIN | EPOLLOUT);
	EXPECT_EQ(tandem_server_ready(self->server, 404, EPOLLIN), -ENOENT);
}

static void *run(void *arg)
{
	return (void *)(intptr_t)tandem_server_run(arg, 0);
}

TEST_F(serve, stop)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(pthread_create(&thread, NULL, run, self->server), 0);
	ASSERT_EQ(tandem_server_stop(self->server), 0);
	ASSERT_EQ(pthread_join(thread, &ret), 0);
	EXPECT_EQ(ret, NULL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 1, -1), -ESTALE);
}

TEST_F(serve, ended)
{
	session_send(&self->session, 0, &(struct tandem_submission){
		.op = TANDEM_OP_WRITE, .file = 5 }, NULL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 0), 1);
	session_end(&self->session);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 0), -ESTALE);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 1000), -ESTALE);
	EXPECT_EQ(tandem_server_run(self->server, 0), -ESTALE);
	EXPECT_EQ(tandem_reply(seen.later, 0), -ESTALE);
}

/* Clients that sleep are woken before dispatching returns, and earlier if that takes long. */
TEST_F(serve, wakes)
{
	struct tandem_submission read = { .op = TANDEM_OP_READ, .file = 5 };
	struct tandem_submission slow = { .op = TANDEM_OP_CALL, .code = SLOW };
	struct session_queue *q = &self->session.queue[0];

	session_send(&self->session, 0, &read, NULL);
	q->told->need_reply = 1;
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 0), 1);
	EXPECT_EQ(q->waits, 1);
	EXPECT_EQ(q->taken, 1);

	session_send(&self->session, 0, &read, NULL);
	session_send(&self->session, 0, &slow, NULL);
	session_send(&self->session, 0, &read, NULL);
	EXPECT_EQ(tandem_server_dispatch(self->server, 0, 1000), 3);
	EXPECT_GE(q->waits, 3);
	EXPECT_EQ(q->taken, 4);
}

/* A client that sleeps is woken, and while there is nothing to do that and waiting are one call. */
TEST_F(serve, one_call)
{
	struct tandem_submission read = { .op = TANDEM_OP_READ, .file = 5, .out_len = 1 };
	struct tandem_completion answer;
	unsigned int i, before;
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, run, self->server), 0);
	ASSERT_TRUE(session_wait(&self->session, 0, session_send(&self->session, 0, &read, NULL),
				 &answer));
	before = self->session.queue[0].waits;
	for (i = 0; i < 100; i++) {
		uint64_t id = session_send(&self->session, 0, &read, NULL);

		ASSERT_TRUE(session_wait(&self->session, 0, id, &answer));
		EXPECT_EQ(answer.result, 1);
	}
	EXPECT_LE(self->session.queue[0].waits, before + 101);
	tandem_server_stop(self->server);
	pthread_join(thread, NULL);
}

/* A server that looks by itself needs no call as long as clients do. */
TEST_F(serve, no_call)
{
	struct tandem_submission read = { .op = TANDEM_OP_READ, .file = 5, .out_len = 1 };
	struct tandem_completion answer;
	struct tandem_server *server;
	pthread_t thread;
	unsigned int i;

	self->options.spin_ns = UINT64_MAX;
	ASSERT_EQ(tandem_server_adopt(&server, dup(self->fd), &self->options), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, run, server), 0);
	for (i = 0; i < 100; i++) {
		uint64_t id = session_send(&self->session, 0, &read, NULL);

		while (!session_poll(&self->session, 0, id, &answer))
			sched_yield();
		EXPECT_EQ(answer.result, 1);
	}
	EXPECT_EQ(self->session.queue[0].waits, 0);
	tandem_server_stop(server);
	pthread_join(thread, NULL);
	tandem_server_destroy(server);
}

/* Requests that another thread answers. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct tandem_request *first;
	bool over;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER };

static int64_t on_pooled(struct tandem_request *r)
{
	/* Some at once, so that both ways meet. */
	if (r->offset % 3 == 0)
		return (int64_t)r->offset;
	pthread_mutex_lock(&pool.lock);
	r->context = pool.first;
	pool.first = r;
	pthread_cond_signal(&pool.change);
	pthread_mutex_unlock(&pool.lock);
	return TANDEM_LATER;
}

static void *answer_pool(void *arg)
{
	pthread_mutex_lock(&pool.lock);
	while (!pool.over) {
		struct tandem_request *r = pool.first;

		if (!r) {
			pthread_cond_wait(&pool.change, &pool.lock);
			continue;
		}
		pool.first = r->context;
		pthread_mutex_unlock(&pool.lock);
		if (tandem_reply(r, (int64_t)r->offset))
			*(bool *)arg = true;
		pthread_mutex_lock(&pool.lock);
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

struct client {
	struct session *session;
	unsigned int number;
	unsigned int answers;
};

#define ROUNDS	2000

/* Sleeps for each answer, and stops at the first that is not its own. */
static void *ask_often(void *arg)
{
	struct client *client = arg;

	for (; client->answers < ROUNDS; client->answers++) {
		struct tandem_submission s = {
			.op = TANDEM_OP_FSYNC, .file = client->number + 1,
			.offset = client->number * ROUNDS + client->answers,
		};
		struct tandem_completion answer;
		unsigned int queue = client->answers % 2;

		session_send(client->session, queue, &s, NULL);
		if (!session_wait(client->session, queue, s.id, &answer) ||
		    answer.result != (int64_t)s.offset)
			break;
	}
	return NULL;
}

static void *run_other(void *arg)
{
	return (void *)(intptr_t)tandem_server_run(arg, 1);
}

/* Nobody is left sleeping, with two queues and a thread that answers for both. */
TEST_F(serve, crowd)
{
	static const struct tandem_server_ops pooled = {
		.fsync = on_pooled, .open = on_open,
	};
	struct client clients[6];
	pthread_t asking[6], serving[2], answering;
	struct tandem_server *server;
	bool failed = false;
	unsigned int i;

	self->options.ops = &pooled;
	ASSERT_EQ(tandem_server_adopt(&server, dup(self->fd), &self->options), 0);
	ASSERT_EQ(pthread_create(&serving[0], NULL, run, server), 0);
	ASSERT_EQ(pthread_create(&serving[1], NULL, run_other, server), 0);
	ASSERT_EQ(pthread_create(&answering, NULL, answer_pool, &failed), 0);
	for (i = 0; i < 6; i++) {
		clients[i] = (struct client){ .session = &self->session, .number = i };
		ASSERT_EQ(pthread_create(&asking[i], NULL, ask_often, &clients[i]), 0);
	}
	for (i = 0; i < 6; i++) {
		pthread_join(asking[i], NULL);
		EXPECT_EQ(clients[i].answers, ROUNDS);
	}
	tandem_server_stop(server);
	pthread_join(serving[0], NULL);
	pthread_join(serving[1], NULL);
	pthread_mutex_lock(&pool.lock);
	pool.over = true;
	pthread_cond_signal(&pool.change);
	pthread_mutex_unlock(&pool.lock);
	pthread_join(answering, NULL);
	EXPECT_FALSE(failed);
	tandem_server_destroy(server);
}

TEST_HARNESS_MAIN
