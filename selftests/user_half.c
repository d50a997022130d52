// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel half and a user half of one device: who answers what, and what one asks the other.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "modules/relay.h"
#include "util.h"

#define DEVICE		"relay"
#define SLOT		4096
#define USER_FILL	0x55
#define CODE_REVERSE	7
#define CODE_NEVER	8
#define CODE_REFUSE	9

FIXTURE(user_half)
{
	int control;
	int client;
	bool serving;
	pthread_t thread;
	int calls;
	int cancels;
	int refused;
};

/* A message with its data, and an answer likewise. */
struct incoming {
	struct tandem_submission message;
	unsigned char data[SLOT];
};

struct outgoing {
	struct tandem_completion answer;
	unsigned char data[SLOT];
};

/* Fills the answer to @in. Return: bytes of data, or -1 if there is none. */
static int answer(FIXTURE_DATA(user_half) * self, const struct incoming *in, struct outgoing *out)
{
	const struct tandem_submission *m = &in->message;
	uint32_t i;

	memset(&out->answer, 0, sizeof(out->answer));
	out->answer.id = m->id;
	switch (m->op) {
	case TANDEM_OP_READ:
		memset(out->data, USER_FILL, m->out_len);
		out->answer.result = m->out_len;
		return m->out_len;
	case TANDEM_OP_CONTROL:
		out->answer.result = m->code;
		return 0;
	case TANDEM_OP_CALL:
		__atomic_add_fetch(&self->calls, 1, __ATOMIC_SEQ_CST);
		if (m->code == CODE_NEVER)
			return -1;
		if (m->code != CODE_REVERSE || m->file) {
			out->answer.result = -EKEYREJECTED;
			return 0;
		}
		for (i = 0; i < m->in_len; i++)
			out->data[i] = in->data[m->in_len - 1 - i];
		out->answer.len = m->in_len;
		return m->in_len;
	case TANDEM_OP_CANCEL:
		__atomic_add_fetch(&self->cancels, 1, __ATOMIC_SEQ_CST);
		/* What was not answered is answered now. */
		out->answer.result = -EINTR;
		return 0;
	default:
		return 0;
	}
}

/* Serves until the session ends. */
static void *serve(void *arg)
{
	FIXTURE_DATA(user_half) * self = arg;
	struct outgoing out;
	struct incoming in;
	int len;

	while (read(self->control, &in, sizeof(in)) > 0) {
		len = answer(self, &in, &out);
		if (len < 0 || write(self->control, &out, sizeof(out.answer) + len) >= 0)
			continue;
		/* More data than there is room for are refused; a length without them is not. */
		self->refused += errno == EMSGSIZE;
		self->refused += write(self->control, &out, sizeof(out.answer)) < 0 &&
				 errno == EBADMSG;
	}
	return NULL;
}

static int bind_half(int control)
{
	struct tandem_bind bind;

	bind_init(&bind, DEVICE);
	bind.flags = TANDEM_BIND_ALL_COMMANDS | TANDEM_BIND_SEEKABLE;
	bind.queues = 1;
	bind.depth = 8;
	bind.slot_size = SLOT;
	bind.operations = 1 << TANDEM_OP_READ | 1 << TANDEM_OP_CONTROL | 1 << TANDEM_OP_CALL |
			  1 << TANDEM_OP_CANCEL;
	return ioctl(control, TANDEM_IOC_BIND, &bind) ? -errno : 0;
}

FIXTURE_SETUP(user_half)
{
	ASSERT_EQ(0, load_module("tandem_relay"));
	self->control = open_node("control", O_RDWR);
	ASSERT_LE(0, self->control);
	ASSERT_EQ(0, bind_half(self->control));
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, serve, self));
	self->serving = true;
	self->client = -1;
}

static void end_session(FIXTURE_DATA(user_half) * self)
{
	if (!self->serving)
		return;
	self->serving = false;
	ioctl(self->control, TANDEM_IOC_UNBIND);
	pthread_join(self->thread, NULL);
}

FIXTURE_TEARDOWN(user_half)
{
	end_session(self);
	close(self->control);
	if (self->client >= 0)
		close(self->client);
	EXPECT_EQ(0, unload_module("tandem_relay"));
}

/* Has the kernel half call. Return: bytes of output or -errno. */
static int call(int fd, uint32_t code, uint64_t timeout, const void *in, uint32_t in_len, void *out,
		uint32_t out_len)
{
	struct {
		struct relay_call call;
		unsigned char data[2 * SLOT];
	} input = { .call = { .code = code, .timeout = timeout, .out_len = out_len } };
	struct tandem_device_control control = {
		.code = RELAY_CALL,
		.in_len = sizeof(input.call) + in_len,
		.in = (uintptr_t)&input,
		.out = (uintptr_t)out,
		.out_len = out_len,
	};

	memcpy(input.data, in, in_len);
	return ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, &control) < 0 ? -errno : (int)control.returned;
}

/*
 * A client in another process, since the server's own would wait for itself. Runs @step there.
 * Return: what it returns, 0 to 255.
 */
static int in_child(FIXTURE_DATA(user_half) * self, int (*step)(int fd))
{
	pid_t pid = fork();
	int status, fd;

	if (!pid) {
		fd = open_node(DEVICE, O_RDWR);
		_exit(fd < 0 ? 255 : step(fd));
	}
	status = wait_child(pid, deadline_in(20));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

/* Each step returns the number of its first check that fails, or 0. */
static int step_divide(int fd)
{
	struct tandem_device_control control = { .code = 1234 };
	unsigned char buf[64];

	if (pread(fd, buf, sizeof(buf), 0) != sizeof(buf) || buf[0] != RELAY_FILL)
		return 1;
	if (pread(fd, buf, sizeof(buf), RELAY_BORDER) != sizeof(buf) || buf[63] != USER_FILL)
		return 2;
	if (lseek(fd, 100, SEEK_SET) != 100 || lseek(fd, 11, SEEK_CUR) != 111)
		return 3;
	if (ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, &control) != 1234)
		return 4;
	if (write(fd, buf, 1) != -1 || errno != EINVAL)
		return 5;
	if (lseek(fd, 0, SEEK_END) != -1 || errno != EINVAL)
		return 6;
	return 0;
}

TEST_F(user_half, divide)
{
	EXPECT_EQ(0, in_child(self, step_divide));
}

static int step_call(int fd)
{
	static unsigned char in[SLOT], out[SLOT];
	unsigned int i;

	for (i = 0; i < SLOT; i++)
		in[i] = i * 7;
	if (call(fd, CODE_REVERSE, 0, in, SLOT, out, SLOT) != SLOT)
		return 1;
	for (i = 0; i < SLOT; i++)
		if (out[i] != in[SLOT - 1 - i])
			return 2;
	if (call(fd, CODE_REVERSE, TANDEM_FOREVER, in, 5, out, 5) != 5 || out[0] != in[4])
		return 3;
	if (call(fd, CODE_REFUSE, 0, in, 5, out, 5) != -EKEYREJECTED)
		return 4;
	if (call(fd, CODE_REVERSE, 0, in, SLOT + 1, out, 1) != -EMSGSIZE)
		return 5;
	/* A longer answer than there is room for is the server's fault. */
	if (call(fd, CODE_REVERSE, 0, in, 5, out, 4) != -EIO)
		return 6;
	return 0;
}

TEST_F(user_half, call)
{
	EXPECT_EQ(0, in_child(self, step_call));
	EXPECT_EQ(4, self->calls);
	EXPECT_EQ(2, self->refused);
}

static int step_timeout(int fd)
{
	unsigned char byte = 0;
	uint64_t begin = now_ns();

	if (call(fd, CODE_NEVER, 200000000, &byte, 1, &byte, 1) != -ETIMEDOUT)
		return 1;
	return now_ns() - begin < 200000000 ? 2 : 0;
}

TEST_F(user_half, timeout)
{
	uint64_t deadline = deadline_in(10);

	EXPECT_EQ(0, in_child(self, step_timeout));
	while (!__atomic_load_n(&self->cancels, __ATOMIC_SEQ_CST) && !deadline_passed(deadline))
		sched_yield();
	EXPECT_EQ(1, self->cancels);
}

static int step_own(int fd)
{
	unsigned char byte = 0;

	return call(fd, CODE_REVERSE, 0, &byte, 1, &byte, 1) == -EIO &&
	       pread(fd, &byte, 1, RELAY_BORDER) == -1 && errno == EIO &&
	       pread(fd, &byte, 1, 0) == 1 ? 0 : 1;
}

TEST_F(user_half, without_server)
{
	end_session(self);
	EXPECT_EQ(0, in_child(self, step_own));
}

TEST_F(user_half, own_call)
{
	unsigned char byte = 0;

	/* This server learns of a file with its first request, so it may open its own device. */
	self->client = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, self->client);
	EXPECT_EQ(1, pread(self->client, &byte, 1, 0));
	EXPECT_EQ(-1, pread(self->client, &byte, 1, RELAY_BORDER));
	EXPECT_EQ(EDEADLK, errno);
	EXPECT_EQ(-EDEADLK, call(self->client, CODE_REVERSE, 0, &byte, 1, &byte, 1));
	EXPECT_EQ(0, self->calls);
}

TEST_HARNESS_MAIN
