// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of a server: what it may declare, and what comes to it then.
 *
 * TIMEOUT=60
 */
#include <linux/fs.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "call.h"
#include "serving.h"
#include "util.h"

#define DEVICE	"t-schema"
#define SLOT	4096

#define ACCESS_BOTH	(TANDEM_ACCESS_READ | TANDEM_ACCESS_WRITE)
#define CODE_TEXT	TANDEM_CTL_CODE(0x22, 0x900, TANDEM_METHOD_BUFFERED, TANDEM_ACCESS_ANY)

/* Numbers that programs of Windows have in their binaries. */
TEST(control_codes)
{
	/* FILE_DEVICE_UNKNOWN */
	EXPECT_EQ(0x222000, TANDEM_CTL_CODE(0x22, 0x800, TANDEM_METHOD_BUFFERED, 0));
	EXPECT_EQ(0x22e007, TANDEM_CTL_CODE(0x22, 0x801, TANDEM_METHOD_NEITHER, ACCESS_BOTH));
	/* IOCTL_DISK_GET_DRIVE_GEOMETRY, IOCTL_DISK_FORMAT_TRACKS */
	EXPECT_EQ(0x70000, TANDEM_CTL_CODE(7, 0, TANDEM_METHOD_BUFFERED, TANDEM_ACCESS_ANY));
	EXPECT_EQ(0x7c018, TANDEM_CTL_CODE(7, 6, TANDEM_METHOD_BUFFERED, ACCESS_BOTH));
	EXPECT_EQ(0x8000bffe, TANDEM_CTL_CODE(0x8000, 0xfff, TANDEM_METHOD_OUT_DIRECT,
					      TANDEM_ACCESS_WRITE));
}

FIXTURE(schema)
{
	struct serving s;
	struct queue *q;
	struct tandem_bind bind;
	struct tandem_submission m;
	struct tandem_command *commands;
};

FIXTURE_SETUP(schema)
{
	self->q = &self->s.queue;
	self->s.fd = -1;
	serving_init(&self->bind, DEVICE);
	self->commands = calloc(TANDEM_COMMANDS_MAX + 1, sizeof(*self->commands));
	ASSERT_NE(NULL, self->commands);
	self->bind.commands = (uintptr_t)self->commands;
}

FIXTURE_TEARDOWN(schema)
{
	serving_end(&self->s);
	remove_device(DEVICE);
	free(self->commands);
}

static void declare(FIXTURE_DATA(schema) * self, struct tandem_command command)
{
	self->commands[self->bind.commands_count++] = command;
}

/* A BIND that has to fail, and leave nothing. Return: its errno, or 0. */
static int refused(const struct tandem_bind *bind)
{
	int fd = open_node("control", O_RDWR), err;
	struct tandem_bind args = *bind;

	err = ioctl(fd, TANDEM_IOC_BIND, &args) ? errno : 0;
	if (err && !access("/dev/tandem/" DEVICE, F_OK))
		err = EEXIST;
	close(fd);
	if (!err)
		remove_device(DEVICE);
	return err;
}

static int refused_command(FIXTURE_DATA(schema) * self, struct tandem_command command)
{
	self->bind.commands_count = 0;
	declare(self, command);
	return refused(&self->bind);
}

TEST_F(schema, refused)
{
	const struct tandem_command good = { .code = _IO('t', 1) };
	const uint32_t reserved[] = { FIOCLEX, FIONCLEX, FIONBIO, FIOASYNC, FIOQSIZE, FIGETBSZ,
				      FIFREEZE, FITHAW, FICLONE, FICLONERANGE, FIDEDUPERANGE };
	struct tandem_command c;
	unsigned int i;

#define REFUSED(errno_, field, value) do {					\
		c = good;							\
		c.field = (value);						\
		EXPECT_EQ(errno_, refused_command(self, c));			\
	} while (0)

	EXPECT_EQ(0, refused_command(self, good));
	REFUSED(EINVAL, kind, 2);
	REFUSED(EINVAL, kind, ~0U);
	REFUSED(EOPNOTSUPP, method, TANDEM_METHOD_IN_DIRECT);
	REFUSED(EOPNOTSUPP, method, TANDEM_METHOD_OUT_DIRECT);
	REFUSED(EINVAL, method, TANDEM_METHOD_NEITHER);
	REFUSED(EINVAL, method, 4);
	REFUSED(EINVAL, access, 4);
	REFUSED(EINVAL, access, ~0U);
	REFUSED(EINVAL, reserved, 1);
	REFUSED(EINVAL, in_min, 1);
	REFUSED(EINVAL, in_len, SLOT + 1);
	REFUSED(EINVAL, out_len, SLOT + 1);
	REFUSED(0, in_len, SLOT);
	REFUSED(0, out_len, SLOT);
	REFUSED(EINVAL, code, _IO(TANDEM_IOC_MAGIC, 0xff));
	REFUSED(EINVAL, code, TANDEM_IOC_DEVICE_CONTROL);
	REFUSED(0, code, FIONREAD);
	for (i = 0; i < ARRAY_SIZE(reserved); i++)
		REFUSED(EINVAL, code, reserved[i]);
#undef REFUSED

	/* A control code may be any number. */
	c = (struct tandem_command){ .kind = TANDEM_COMMAND_CONTROL, .code = FIOCLEX };
	EXPECT_EQ(0, refused_command(self, c));
	c.code = _IO(TANDEM_IOC_MAGIC, 1);
	EXPECT_EQ(0, refused_command(self, c));
	c.in_len = 4;
	c.in_min = 4;
	EXPECT_EQ(0, refused_command(self, c));
	c.in_min = 5;
	EXPECT_EQ(EINVAL, refused_command(self, c));
}

TEST_F(schema, how_many)
{
	unsigned int i;

	for (i = 0; i <= TANDEM_COMMANDS_MAX; i++)
		self->commands[i].code = _IO('t', 0) + (i * 37) % (TANDEM_COMMANDS_MAX + 1);
	self->bind.commands_count = TANDEM_COMMANDS_MAX;
	EXPECT_EQ(0, refused(&self->bind));
	self->bind.commands_count = TANDEM_COMMANDS_MAX + 1;
	EXPECT_EQ(EINVAL, refused(&self->bind));
	self->bind.commands_count = ~0U;
	EXPECT_EQ(EINVAL, refused(&self->bind));
	self->bind.commands_count = TANDEM_COMMANDS_MAX;
	self->commands[1000].code = self->commands[3].code;
	EXPECT_EQ(EINVAL, refused(&self->bind));
	/* The same number, the other way, is another command. */
	self->commands[1000].kind = TANDEM_COMMAND_CONTROL;
	EXPECT_EQ(0, refused(&self->bind));
	self->bind.commands = 0;
	EXPECT_EQ(EINVAL, refused(&self->bind));
	self->bind.commands = 8;
	EXPECT_EQ(EFAULT, refused(&self->bind));
	self->bind.commands_count = 1;
	self->bind.commands = -8;
	EXPECT_EQ(EFAULT, refused(&self->bind));
}

static int control(int fd, struct tandem_device_control *args)
{
	return ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, args) < 0 ? -errno : 0;
}

/* Nothing of it comes to the server. */
TEST_F(schema, undeclared)
{
	struct tandem_device_control args = { .code = _IO('t', 1) };
	int fd;

	declare(self, (struct tandem_command){ .code = _IO('t', 1) });
	declare(self, (struct tandem_command){ .code = CODE_TEXT, .kind = TANDEM_COMMAND_CONTROL });
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, ioctl(fd, _IO('t', 0)));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, _IO('t', 2)));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, _IOR('t', 1, int), &args));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, CODE_TEXT, &args));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, _IO(TANDEM_IOC_MAGIC, 0x7f)));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-ENOTTY, control(fd, &args));
	args.code = CODE_TEXT + 4;
	EXPECT_EQ(-ENOTTY, control(fd, &args));
	EXPECT_EQ(0, self->q->kernel->published);
	close(fd);
}

TEST_F(schema, no_operation)
{
	char byte = 0;
	int fd;

	self->bind.operations = OP(READ);
	self->bind.flags |= TANDEM_BIND_ALL_COMMANDS;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(fd, _IO('t', 1)));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, self->q->kernel->published);
	close(fd);
}

/* A call of command @i, which arrives only if it @may. */
static void access_by(struct __test_metadata *_metadata, FIXTURE_DATA(schema) * self,
		      struct call *call, uint32_t op, unsigned int i, bool may)
{
	struct tandem_device_control args = { .code = i };

	call->run = call_ioctl;
	call->number = op == TANDEM_OP_CONTROL ? TANDEM_IOC_DEVICE_CONTROL : _IO('t', i);
	call->data = &args;
	ASSERT_EQ(0, call_begin(call));
	if (may) {
		ASSERT_EQ(0, queue_expect(self->q, op, &self->m));
		EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, NULL, 0));
	}
	EXPECT_EQ(may ? 0 : -EACCES, call_end(call));
}

TEST_F(schema, access)
{
	/* By what the file is open for: O_RDONLY, O_WRONLY, O_RDWR. */
	static const struct {
		uint32_t access;
		bool may[3];
	} cases[] = {
		{ TANDEM_ACCESS_ANY, { true, true, true } },
		{ TANDEM_ACCESS_READ, { true, false, true } },
		{ TANDEM_ACCESS_WRITE, { false, true, true } },
		{ ACCESS_BOTH, { false, false, true } },
	};
	unsigned int i, mode;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tandem_command c = { .code = _IO('t', i), .access = cases[i].access };

		declare(self, c);
		c.kind = TANDEM_COMMAND_CONTROL;
		c.code = i;
		declare(self, c);
	}
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (mode = O_RDONLY; mode <= O_RDWR; mode++) {
			struct call call = { .fd = open_node(DEVICE, mode) };
			bool may = cases[i].may[mode];

			ASSERT_LE(0, call.fd);
			access_by(_metadata, self, &call, TANDEM_OP_IOCTL, i, may);
			access_by(_metadata, self, &call, TANDEM_OP_CONTROL, i, may);
			close(call.fd);
		}
	}
}

/* The sizes of a declared ioctl are those that were declared, whatever its number says. */
TEST_F(schema, declared_sizes)
{
	char data[16] = "0123456789abcde";
	struct call call = { .run = call_ioctl, .data = data, .number = _IO('t', 1) };

	declare(self, (struct tandem_command){ .code = _IO('t', 1), .in_len = 6, .out_len = 4 });
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	call.fd = open_node(DEVICE, O_RDWR);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_IOCTL, &self->m));
	EXPECT_EQ((uint32_t)_IO('t', 1), self->m.code);
	EXPECT_EQ(6, self->m.in_len);
	EXPECT_EQ(4, self->m.out_len);
	EXPECT_EQ(0, self->m.offset);
	EXPECT_EQ(0, memcmp(queue_input(self->q, &self->m), "012345", 6));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 77, "OUT", 3));
	EXPECT_EQ(77, call_end(&call));
	EXPECT_EQ(0, memcmp(data, "OUT3456789abcde", 15));
	close(call.fd);
}

TEST_F(schema, every_direction)
{
	uint32_t value = 0x11223344;
	struct call call = { .run = call_ioctl };

	self->bind.flags |= TANDEM_BIND_ALL_COMMANDS;
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	call.fd = open_node(DEVICE, O_RDWR);

	/* By value. */
	call.number = _IO('t', 9);
	call.data = (void *)0x123456789abcUL;
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_IOCTL, &self->m));
	EXPECT_EQ(0x123456789abcUL, self->m.offset);
	EXPECT_EQ(0, self->m.in_len);
	EXPECT_EQ(0, self->m.out_len);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0x7fffffff, NULL, 0));
	EXPECT_EQ(0x7fffffff, call_end(&call));

	call.data = &value;
	call.number = _IOW('t', 1, uint32_t);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_IOCTL, &self->m));
	EXPECT_EQ(0, self->m.offset);
	EXPECT_EQ(4, self->m.in_len);
	EXPECT_EQ(0, self->m.out_len);
	EXPECT_EQ(0, memcmp(queue_input(self->q, &self->m), &value, 4));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -EDOM, NULL, 0));
	EXPECT_EQ(-EDOM, call_end(&call));

	call.number = _IOR('t', 1, uint32_t);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_IOCTL, &self->m));
	EXPECT_EQ(0, self->m.in_len);
	EXPECT_EQ(4, self->m.out_len);
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, "\1\2\3\4", 4));
	EXPECT_EQ(0, call_end(&call));
	EXPECT_EQ(0x04030201, value);

	/* Output comes also with an error. */
	call.number = _IOWR('t', 1, uint32_t);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_IOCTL, &self->m));
	EXPECT_EQ(4, self->m.in_len);
	EXPECT_EQ(4, self->m.out_len);
	EXPECT_EQ(0, memcmp(queue_input(self->q, &self->m), "\1\2\3\4", 4));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -EOVERFLOW, "\5\6", 2));
	EXPECT_EQ(-EOVERFLOW, call_end(&call));
	EXPECT_EQ(0x04030605, value);

	/* A number that carries more than a slot holds. */
	EXPECT_EQ(-1, ioctl(call.fd, _IOC(_IOC_READ, 't', 1, SLOT + 1), &value));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_TRUE(queue_quiet(self->q));
	close(call.fd);
}

TEST_F(schema, control)
{
	const struct tandem_command command = {
		.code = CODE_TEXT,
		.kind = TANDEM_COMMAND_CONTROL,
		.in_min = 2,
		.in_len = 5,
		.out_len = 4,
	};
	char out[16] = "................";
	struct tandem_device_control args = {
		.code = CODE_TEXT,
		.in = (uintptr_t)"input",
		.in_len = 5,
		.out = (uintptr_t)out,
		.out_len = 8,
		.returned = 99,
	};
	struct call call = {
		.run = call_ioctl,
		.data = &args,
		.number = TANDEM_IOC_DEVICE_CONTROL,
	};

	declare(self, command);
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	call.fd = open_node(DEVICE, O_RDWR);
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CONTROL, &self->m));
	EXPECT_EQ(CODE_TEXT, self->m.code);
	EXPECT_EQ(5, self->m.in_len);
	EXPECT_EQ(8, self->m.out_len);
	EXPECT_EQ(0, memcmp(queue_input(self->q, &self->m), "input", 5));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 3, "answered", 8));
	EXPECT_EQ(3, call_end(&call));
	EXPECT_EQ(8, args.returned);
	EXPECT_EQ(0, memcmp(out, "answered........", 16));

	/* A warning, in Windows' words: an error that has output. */
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CONTROL, &self->m));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -EOVERFLOW, "part", 4));
	EXPECT_EQ(-EOVERFLOW, call_end(&call));
	EXPECT_EQ(4, args.returned);
	EXPECT_EQ(0, memcmp(out, "partered........", 16));

	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CONTROL, &self->m));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, -ENXIO, NULL, 0));
	EXPECT_EQ(-ENXIO, call_end(&call));
	EXPECT_EQ(0, args.returned);

	args.in_len = 1;
	EXPECT_EQ(-EINVAL, control(call.fd, &args));
	args.in_len = 6;
	EXPECT_EQ(-EINVAL, control(call.fd, &args));
	args.in_len = 5;
	args.out_len = 3;
	EXPECT_EQ(-EINVAL, control(call.fd, &args));
	args.out_len = 8;
	args.in = 8;
	EXPECT_EQ(-EFAULT, control(call.fd, &args));
	EXPECT_TRUE(queue_quiet(self->q));
	/* Output that has nowhere to go. */
	args.in = (uintptr_t)"input";
	args.out = 8;
	ASSERT_EQ(0, call_begin(&call));
	ASSERT_EQ(0, queue_expect(self->q, TANDEM_OP_CONTROL, &self->m));
	EXPECT_EQ(0, queue_answer(self->q, &self->m, 0, "x", 1));
	EXPECT_EQ(-EFAULT, call_end(&call));
	EXPECT_EQ(0, args.returned);
	close(call.fd);
}

/* A command may have a deadline of its own. */
TEST_F(schema, deadline)
{
	int fd;

	self->bind.deadline = TANDEM_FOREVER;
	declare(self, (struct tandem_command){ .code = _IO('t', 1), .deadline = 50000000 });
	ASSERT_EQ(0, serving_begin(&self->s, &self->bind));
	fd = open_node(DEVICE, O_RDWR);
	EXPECT_EQ(-1, ioctl(fd, _IO('t', 1)));
	EXPECT_EQ(ETIMEDOUT, errno);
	close(fd);
}

TEST_HARNESS_MAIN
