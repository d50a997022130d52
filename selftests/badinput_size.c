// SPDX-License-Identifier: GPL-2.0
/*
 * Arguments of other sizes than this kernel's: shorter than the first version is wrong; longer is
 * right as long as the kernel knows all that is not zero.
 *
 * TIMEOUT=60
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "util.h"

#define DEVICE		"t-size"
#define OTHER		"t-size-other"
#define SIZE_MAX_IOC	((1 << _IOC_SIZEBITS) - 1)

enum command { BIND, REMOVE, POST, DEVICE_CONTROL, SUBSCRIBE, UNSUBSCRIBE };

FIXTURE(size)
{
	int server;
	int node;
	uint8_t *memory;	/* its end is followed by nothing */
	size_t room;
};

FIXTURE_VARIANT(size)
{
	enum command command;
	unsigned int cmd;
	/* Bytes of the first version, if there has been more than one. */
	size_t first;
};

FIXTURE_VARIANT_ADD(size, bind)
{
	.command = BIND,
	.cmd = TANDEM_IOC_BIND,
	.first = offsetof(struct tandem_bind, queues),
};

FIXTURE_VARIANT_ADD(size, remove)
{
	.command = REMOVE,
	.cmd = TANDEM_IOC_REMOVE,
};

FIXTURE_VARIANT_ADD(size, post)
{
	.command = POST,
	.cmd = TANDEM_IOC_POST,
};

FIXTURE_VARIANT_ADD(size, device_control)
{
	.command = DEVICE_CONTROL,
	.cmd = TANDEM_IOC_DEVICE_CONTROL,
};

FIXTURE_VARIANT_ADD(size, subscribe)
{
	.command = SUBSCRIBE,
	.cmd = TANDEM_IOC_SUBSCRIBE,
};

FIXTURE_VARIANT_ADD(size, unsubscribe)
{
	.command = UNSUBSCRIBE,
	.cmd = TANDEM_IOC_UNSUBSCRIBE,
};

FIXTURE_SETUP(size)
{
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	self->room = 5 * 4096;
	self->memory = mmap(NULL, self->room + 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	ASSERT_EQ(0, munmap(self->memory + self->room, 4096));
}

FIXTURE_TEARDOWN(size)
{
	munmap(self->memory, self->room);
	close(self->node);
	close(self->server);
	remove_device(DEVICE);
}

/*
 * Issues the command with a good argument at @args, which is @size bytes long as the caller says,
 * and undoes what it did. Return: errno, 0 if it succeeded.
 */
static int attempt(int server, int node, enum command command, unsigned int cmd, void *args)
{
	static const uint32_t word = 1;
	static uint32_t answer;
	struct tandem_subscribe durable = {
		.ring_size = TANDEM_RING_SIZE_MIN, .flags = TANDEM_SUBSCRIBE_DURABLE,
		.name = OTHER,
	};
	int fd = -1, err, result;

	switch (command) {
	case BIND:
		bind_init(args, OTHER);
		fd = open_node("control", O_RDWR);
		break;
	case REMOVE:
		close(bind_device(OTHER));
		memset(args, 0, sizeof(struct tandem_remove));
		strcpy(((struct tandem_remove *)args)->name, OTHER);
		fd = open_node("control", O_RDWR);
		break;
	case POST:
		*(struct tandem_post *)args = (struct tandem_post){
			.len = 4, .data = (uintptr_t)&word };
		fd = dup(server);
		break;
	case DEVICE_CONTROL:
		*(struct tandem_device_control *)args = (struct tandem_device_control){
			.code = TANDEM_GEN_CODE_ECHO, .in_len = 4, .in = (uintptr_t)&word,
			.out_len = 4, .out = (uintptr_t)&answer };
		fd = open_node("gen", O_RDWR);
		break;
	case SUBSCRIBE:
		*(struct tandem_subscribe *)args = (struct tandem_subscribe){
			.ring_size = TANDEM_RING_SIZE_MIN };
		fd = dup(node);
		break;
	case UNSUBSCRIBE:
		close(subscribe(node, &durable));
		memset(args, 0, sizeof(struct tandem_unsubscribe));
		strcpy(((struct tandem_unsubscribe *)args)->name, OTHER);
		fd = dup(node);
		break;
	}
	result = ioctl(fd, cmd, args);
	err = result < 0 ? errno : 0;
	close(fd);
	if (command == SUBSCRIBE && result >= 0)
		close(result);
	if (command == UNSUBSCRIBE && unsubscribe(node, OTHER) != (err ? 0 : -ENOENT))
		return -1;
	if (command == BIND || command == REMOVE) {
		const bool made = command == BIND ? !err : err;
		int removed = remove_device(OTHER);

		/* The command did its work if it succeeded, and nothing if it failed. */
		if (removed != (made ? 0 : -ENOENT))
			return -1;
	}
	return err;
}

static unsigned int resize(unsigned int cmd, size_t size)
{
	return _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size);
}

TEST_F(size, as_it_is)
{
	EXPECT_EQ(0, attempt(self->server, self->node, variant->command, variant->cmd,
			     self->memory));
}

TEST_F(size, shorter)
{
	const size_t size = variant->first ?: _IOC_SIZE(variant->cmd);
	size_t shorter;

	EXPECT_EQ(0, attempt(self->server, self->node, variant->command,
			     resize(variant->cmd, size), self->memory));
	for (shorter = 0; shorter < size; shorter += shorter + 8 < size ? 8 : 1) {
		EXPECT_EQ(EINVAL, attempt(self->server, self->node, variant->command,
					  resize(variant->cmd, shorter), self->memory)) {
			TH_LOG("%zu bytes", shorter);
		}
	}
	EXPECT_EQ(EINVAL, attempt(self->server, self->node, variant->command,
				  resize(variant->cmd, 1), self->memory));
}

TEST_F(size, longer)
{
	const size_t size = _IOC_SIZE(variant->cmd);
	const size_t longer[] = { size + 1, size + 8, 4096, 8192, SIZE_MAX_IOC };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(longer); i++) {
		unsigned int cmd = resize(variant->cmd, longer[i]);

		memset(self->memory, 0, self->room);
		EXPECT_EQ(0, attempt(self->server, self->node, variant->command, cmd,
				     self->memory)) {
			TH_LOG("%zu bytes", longer[i]);
		}
		self->memory[longer[i]] = 1;
		EXPECT_EQ(0, attempt(self->server, self->node, variant->command, cmd,
				     self->memory));
		self->memory[longer[i] - 1] = 1;
		EXPECT_EQ(E2BIG, attempt(self->server, self->node, variant->command, cmd,
					 self->memory)) {
			TH_LOG("%zu bytes", longer[i]);
		}
		memset(self->memory, 0, self->room);
		self->memory[size] = 0x80;
		EXPECT_EQ(E2BIG, attempt(self->server, self->node, variant->command, cmd,
					 self->memory));
	}
}

TEST_F(size, longer_than_the_memory)
{
	const size_t size = _IOC_SIZE(variant->cmd);
	uint8_t *args = self->memory + self->room - size;

	EXPECT_EQ(0, attempt(self->server, self->node, variant->command, variant->cmd, args));
	EXPECT_EQ(EFAULT, attempt(self->server, self->node, variant->command,
				  resize(variant->cmd, size + 1), args));
	EXPECT_EQ(EFAULT, attempt(self->server, self->node, variant->command,
				  resize(variant->cmd, SIZE_MAX_IOC), args));
}

TEST_F(size, other_direction)
{
	unsigned int direction;

	for (direction = 0; direction < 4; direction++) {
		unsigned int cmd = _IOC(direction, _IOC_TYPE(variant->cmd), _IOC_NR(variant->cmd),
					_IOC_SIZE(variant->cmd));

		if (direction != _IOC_DIR(variant->cmd)) {
			EXPECT_EQ(ENOTTY, attempt(self->server, self->node, variant->command, cmd,
						  self->memory));
		}
	}
}

TEST_HARNESS_MAIN
