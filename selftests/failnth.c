// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy of each operation fails once: it says so, nothing has happened,
 * and nothing leaks. It needs a kernel with fault injection.
 *
 * TIMEOUT=300
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "query.h"
#include "util.h"

#define DEVICE	"t-fail"
#define OTHER	"t-fail-other"
#define RING	(64 * 1024)
/* The type of events for which posters wait. */
#define AWAITED	2
/* More than any operation has places where it can fail. */
#define MOST	5000
#define FAULTS	"/sys/kernel/debug/"

/**
 * struct state - what an operation works on
 * @server: of DEVICE
 * @node: DEVICE
 * @gen: the generator
 * @subscription: on DEVICE
 * @map_size: of its rings
 * @recorder: on DEVICE, a flight recorder
 * @ring: of @recorder, with something in it
 * @blocking: on DEVICE, one that posters wait for
 * @fd: the operation's own
 * @map: likewise
 */
struct state {
	int server;
	int node;
	int gen;
	int subscription;
	size_t map_size;
	int recorder;
	uint32_t ring;
	int blocking;
	int fd;
	void *map;
};

/*
 * struct operation - one system call, what goes before it, and what undoes it
 * @name: for the log
 * @prepare: may be NULL
 * @run: 0 or more, or -1 with errno
 * @undo: @done says whether it succeeded. Return: false if it left something behind though it
 *	failed. NULL: nothing in it can fail
 */
struct operation {
	const char *name;
	bool (*prepare)(struct state *state);
	int (*run)(struct state *state);
	bool (*undo)(struct state *state, bool done);
};

static int run_open_control(struct state *state)
{
	return state->fd = open(CONTROL_NODE, O_RDWR);
}

static int run_open_node(struct state *state)
{
	return state->fd = open("/dev/tandem/" DEVICE, O_RDONLY);
}

static int run_open_gen(struct state *state)
{
	return state->fd = open(GEN_NODE, O_RDWR);
}

static bool undo_fd(struct state *state, bool done)
{
	if (done)
		close(state->fd);
	return true;
}

static bool prepare_control(struct state *state)
{
	state->fd = open_node("control", O_RDWR);
	return state->fd >= 0;
}

static int run_bind(struct state *state)
{
	struct tandem_bind bind;

	bind_init(&bind, OTHER);
	return ioctl(state->fd, TANDEM_IOC_BIND, &bind);
}

static bool undo_bind(struct state *state, bool done)
{
	int posted = post_event(state->fd, 1, TANDEM_CLASS_NORMAL, NULL, 0);

	close(state->fd);
	return posted == (done ? 0 : -ENOTCONN) && remove_device(OTHER) == (done ? 0 : -ENOENT);
}

static bool prepare_remove(struct state *state)
{
	int server = bind_device(OTHER);

	close(server);
	return server >= 0 && prepare_control(state);
}

static int run_remove(struct state *state)
{
	struct tandem_remove args = { .name = OTHER };

	return ioctl(state->fd, TANDEM_IOC_REMOVE, &args);
}

static bool undo_remove(struct state *state, bool done)
{
	close(state->fd);
	return remove_device(OTHER) == (done ? -ENOENT : 0);
}

static int run_post(struct state *state)
{
	static const uint8_t data[8000];
	struct tandem_post post = { .len = sizeof(data), .data = (uintptr_t)data };

	return ioctl(state->server, TANDEM_IOC_POST, &post);
}

static bool undo_nothing(struct state *state, bool done)
{
	(void)state;
	(void)done;
	return true;
}

static int run_post_wait(struct state *state)
{
	static const uint8_t data[8000];
	struct tandem_post post = {
		.type = AWAITED, .len = sizeof(data), .data = (uintptr_t)data,
		.flags = TANDEM_POST_WAIT, .timeout = TANDEM_FOREVER,
	};

	return ioctl(state->server, TANDEM_IOC_POST, &post);
}

static bool undo_post_wait(struct state *state, bool done)
{
	static uint8_t buffer[TANDEM_RECORD_MAX];

	return (read(state->blocking, buffer, sizeof(buffer)) > 0) == done;
}

static int run_room(struct state *state)
{
	return ioctl(state->blocking, TANDEM_IOC_ROOM);
}

static int run_subscribe(struct state *state)
{
	static const uint16_t types[] = { 1, 2, 3 };
	struct tandem_subscribe args = {
		.ring_size = RING, .types = (uintptr_t)types, .types_count = 3,
	};

	return state->fd = ioctl(state->node, TANDEM_IOC_SUBSCRIBE, &args);
}

static int run_subscribe_durable(struct state *state)
{
	struct tandem_subscribe args = {
		.ring_size = RING, .flags = TANDEM_SUBSCRIBE_DURABLE, .name = OTHER,
	};

	return state->fd = ioctl(state->node, TANDEM_IOC_SUBSCRIBE, &args);
}

/* It may be there if it was made, and then could not be told, though it could be before. */
static bool undo_subscribe_durable(struct state *state, bool done)
{
	int removed;

	if (done)
		close(state->fd);
	removed = unsubscribe(state->node, OTHER);
	return !removed || (!done && removed == -ENOENT);
}

static bool prepare_durable(struct state *state)
{
	if (run_subscribe_durable(state) < 0)
		return false;
	close(state->fd);
	return true;
}

/* It is there, whether somebody could be attached to it or not. */
static bool undo_attach(struct state *state, bool done)
{
	if (done)
		close(state->fd);
	return !unsubscribe(state->node, OTHER);
}

static int run_unsubscribe(struct state *state)
{
	struct tandem_unsubscribe args = { .name = OTHER };

	return ioctl(state->node, TANDEM_IOC_UNSUBSCRIBE, &args);
}

static bool undo_unsubscribe(struct state *state, bool done)
{
	return unsubscribe(state->node, OTHER) == (done ? -ENOENT : 0);
}

static int run_subscribe_shared(struct state *state)
{
	struct tandem_subscribe args = { .ring_size = RING, .flags = TANDEM_SUBSCRIBE_SHARED };

	return state->fd = ioctl(state->node, TANDEM_IOC_SUBSCRIBE, &args);
}

static int run_map(struct state *state)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	state->map = mmap(NULL, state->map_size - page, PROT_READ, MAP_SHARED | MAP_POPULATE,
			  state->subscription, page);
	return state->map == MAP_FAILED ? -1 : 0;
}

static bool undo_map(struct state *state, bool done)
{
	if (done)
		munmap(state->map, state->map_size - sysconf(_SC_PAGESIZE));
	return true;
}

static int run_device_control(struct state *state)
{
	static uint8_t in[5000], out[5000];
	struct tandem_device_control args = {
		.code = TANDEM_GEN_CODE_ECHO,
		.in = (uintptr_t)in, .in_len = sizeof(in),
		.out = (uintptr_t)out, .out_len = sizeof(out),
	};

	return ioctl(state->gen, TANDEM_IOC_DEVICE_CONTROL, &args);
}

static int run_read(struct state *state)
{
	return read(state->subscription, state->map, TANDEM_RECORD_MAX);
}

/* Memory that was never touched: to bring it in can fail, and to copy there again cannot. */
static bool prepare_read(struct state *state)
{
	state->map = mmap(NULL, TANDEM_RECORD_MAX, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return state->map != MAP_FAILED &&
	       !post_event(state->server, 1, TANDEM_CLASS_NORMAL, state, sizeof(*state));
}

static bool undo_read(struct state *state, bool done)
{
	/* What could not be copied is still there. */
	bool kept = done || run_read(state) > 0;

	munmap(state->map, TANDEM_RECORD_MAX);
	return kept;
}

static int run_snapshot(struct state *state)
{
	static uint8_t buffer[RING];

	return snapshot(state->recorder, state->ring, buffer, sizeof(buffer), NULL);
}

/* Only the ring of the CPU where the event was posted is sure to have something. */
static bool prepare_snapshot(struct state *state)
{
	if (post_event(state->server, 1, TANDEM_CLASS_NORMAL, state, sizeof(*state)))
		return false;
	state->ring = 0;
	while (!run_snapshot(state))
		state->ring++;
	return run_snapshot(state) > 0;
}

static bool undo_snapshot(struct state *state, bool done)
{
	(void)done;
	/* Nothing was taken out. */
	return run_snapshot(state) > 0;
}

static const struct operation operations[] = {
	{ "open control", NULL, run_open_control, undo_fd },
	{ "open node", NULL, run_open_node, undo_fd },
	{ "open gen", NULL, run_open_gen, undo_fd },
	{ "bind", prepare_control, run_bind, undo_bind },
	{ "remove", prepare_remove, run_remove, undo_remove },
	{ "post", NULL, run_post, undo_nothing },
	{ "post and wait", NULL, run_post_wait, undo_post_wait },
	{ "subscribe", NULL, run_subscribe, undo_fd },
	{ "subscribe shared", NULL, run_subscribe_shared, undo_fd },
	{ "subscribe durable", NULL, run_subscribe_durable, undo_subscribe_durable },
	{ "attach", prepare_durable, run_subscribe_durable, undo_attach },
	{ "unsubscribe", prepare_durable, run_unsubscribe, undo_unsubscribe },
	{ "map", NULL, run_map, undo_map },
	{ "device control", NULL, run_device_control, undo_nothing },
	{ "read", prepare_read, run_read, undo_read },
	{ "snapshot", prepare_snapshot, run_snapshot, undo_snapshot },
	{ "room", NULL, run_room, NULL },
};

FIXTURE(failnth)
{
	struct state state;
	struct query query;
	int nth;
};

static bool configure(void)
{
	static const char *const settings[][2] = {
		{ FAULTS "failslab/ignore-gfp-wait", "N" },
		{ FAULTS "failslab/verbose", "0" },
		{ FAULTS "fail_page_alloc/ignore-gfp-wait", "N" },
		{ FAULTS "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ FAULTS "fail_page_alloc/min-order", "0" },
		{ FAULTS "fail_page_alloc/verbose", "0" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (write_word(settings[i][0], settings[i][1]))
			return false;
	/* A kernel without this one is well, too. */
	write_word(FAULTS "fail_usercopy/verbose", "0");
	return true;
}

FIXTURE_SETUP(failnth)
{
	struct tandem_subscribe args = { .ring_size = RING };
	struct tandem_subscribe recorder = {
		.ring_size = RING, .overflow = TANDEM_OVERFLOW_OVERWRITE };
	struct tandem_subscribe blocking = {
		.ring_size = RING, .overflow = TANDEM_OVERFLOW_BLOCK, .types_count = 1,
		.types = (uintptr_t)&(uint16_t){ AWAITED } };

	self->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->nth < 0)
		return;
	ASSERT_TRUE(configure());
	ASSERT_EQ(0, query_open(&self->query));
	self->state.server = bind_device_with(DEVICE, TANDEM_BIND_MAY_BLOCK);
	ASSERT_LE(0, self->state.server);
	self->state.node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->state.node);
	self->state.gen = open_node("gen", O_RDWR);
	ASSERT_LE(0, self->state.gen);
	self->state.subscription = subscribe(self->state.node, &args);
	ASSERT_LE(0, self->state.subscription);
	ASSERT_EQ(0, fcntl(self->state.subscription, F_SETFL, O_NONBLOCK));
	self->state.map_size = args.map_size;
	self->state.recorder = subscribe(self->state.node, &recorder);
	ASSERT_LE(0, self->state.recorder);
	self->state.blocking = subscribe(self->state.node, &blocking);
	ASSERT_LE(0, self->state.blocking);
	ASSERT_EQ(0, fcntl(self->state.blocking, F_SETFL, O_NONBLOCK));
}

FIXTURE_TEARDOWN(failnth)
{
	if (self->nth < 0)
		return;
	close(self->state.blocking);
	close(self->state.recorder);
	close(self->state.subscription);
	close(self->state.gen);
	close(self->state.node);
	close(self->state.server);
	query_close(&self->query);
	close(self->nth);
	remove_device(DEVICE);
}

/* Return: true if the fault has happened since it was set; no further one will. */
static bool fault_happened(int nth)
{
	char text[16] = "";
	bool happened;

	/* Should it happen in this very call, it did not before. */
	happened = pread(nth, text, sizeof(text) - 1, 0) > 0 && text[0] == '0';
	if (pwrite(nth, "0", 1, 0) != 1)
		pwrite(nth, "0", 1, 0);
	return happened;
}

/* Return: NULL, or what went wrong; @n is the number of the fault. */
static const char *sweep(struct state *state, int nth, const struct operation *operation,
			 unsigned int *n, unsigned int *failed)
{
	for (*n = 1; *n < MOST; (*n)++) {
		char word[16];
		int result, error, len = snprintf(word, sizeof(word), "%u", *n);
		bool happened;

		if (operation->prepare && !operation->prepare(state))
			return "it could not be prepared";
		if (pwrite(nth, word, len, 0) != len)
			return "fail-nth could not be set";
		result = operation->run(state);
		error = errno;
		happened = fault_happened(nth);
		if (operation->undo && !operation->undo(state, result >= 0))
			return "something is there that should not be, or the other way round";
		*failed += result < 0;
		if (result < 0 && !happened)
			return strerror(error);
		if (result < 0 && error != ENOMEM && error != EFAULT)
			return strerror(error);
		if (!happened)
			return NULL;
	}
	return "it has no end";
}

TEST_F(failnth, all)
{
	char *before, *after;
	unsigned int i;

	if (self->nth < 0)
		SKIP(return, "this kernel cannot inject faults");
	before = query_device_list();
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		unsigned int n, failed = 0;
		const char *error = sweep(&self->state, self->nth, &operations[i], &n, &failed);

		EXPECT_EQ(NULL, error) {
			TH_LOG("%s, fault %u: %s", operations[i].name, n, error);
		}
		EXPECT_EQ(!operations[i].undo, !failed) {
			TH_LOG("%s failed %u times", operations[i].name, failed);
		}
		TH_LOG("%s: %u faults, %u failures", operations[i].name, n - 1, failed);
	}
	after = query_device_list();
	EXPECT_STREQ(before, after);
	EXPECT_EQ(3, query_count(&self->query, TANDEM_CMD_SUBSCRIPTION_GET, DEVICE));
	free(before);
	free(after);
}

TEST_HARNESS_MAIN
