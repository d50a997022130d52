// SPDX-License-Identifier: GPL-2.0
/*
 * The library against the real kernel: devices, subscriptions, merging, waiting, servers. The same
 * program is run under valgrind (lib-valgrind.sh) and built with sanitizers (lib-asan).
 *
 * TIMEOUT=240
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tandem.h>

#include "kselftest_harness.h"

#include "generator.h"
#include "util.h"

#define DEVICE		"libtest"
#define RING_SMALL	TANDEM_RING_SIZE_MIN
#define RING_LARGE	(4 * 1024 * 1024)

/* ---- Devices ---- */

TEST(nodes)
{
	int fd = tandem_open("gen", O_RDWR);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	fd = tandem_open(GEN_NODE, O_RDONLY);
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_EQ(tandem_open("no-such-device", O_RDWR), -ENOENT);
	EXPECT_EQ(tandem_open("..", O_RDONLY), -EINVAL);
}

TEST(control)
{
	static const unsigned char numbers[] = { 1, 2, 250 };
	uint64_t sum = 0;
	char out[8] = "";
	size_t returned;
	int fd = tandem_open("gen", O_RDWR);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(tandem_control(fd, TANDEM_GEN_CODE_ECHO, "hello", 6, out, 8, &returned), 0);
	EXPECT_EQ(returned, 6);
	EXPECT_STREQ(out, "hello");
	EXPECT_EQ(tandem_control(fd, TANDEM_GEN_CODE_ECHO, "abcd", 4, out, 2, &returned),
		  -EOVERFLOW);
	EXPECT_EQ(returned, 2);
	EXPECT_STREQ(out, "abllo");
	EXPECT_EQ(tandem_control(fd, TANDEM_GEN_CODE_SUM, numbers, 3, &sum, sizeof(sum), NULL), 0);
	EXPECT_EQ(sum, 253);
	EXPECT_EQ(tandem_control(fd, TANDEM_GEN_CODE_SUM, numbers, 3, &sum, 1, &returned), -EINVAL);
	EXPECT_EQ(returned, 0);
	EXPECT_EQ(tandem_control(fd, 12345, NULL, 0, NULL, 0, &returned), -ENOTTY);
	EXPECT_EQ(tandem_control(fd, TANDEM_GEN_CODE_ECHO, NULL, (size_t)1 << 33, NULL, 0, NULL),
		  -EMSGSIZE);
	close(fd);
}

/* ---- Subscriptions ---- */

FIXTURE(lib) {
	int gen;
	struct tandem_subscription *sub;
};

FIXTURE_SETUP(lib)
{
	struct tandem_subscribe_options options = { .ring_size = RING_LARGE };

	self->gen = tandem_open("gen", O_RDWR);
	ASSERT_GE(self->gen, 0);
	ASSERT_EQ(tandem_subscribe(&self->sub, self->gen, &options), 0);
}

FIXTURE_TEARDOWN(lib)
{
	tandem_unsubscribe(self->sub);
	gen_stop(self->gen);
	close(self->gen);
}

static int resubscribe(struct tandem_subscription **sub, int gen,
		       const struct tandem_subscribe_options *options)
{
	tandem_unsubscribe(*sub);
	*sub = NULL;
	return tandem_subscribe(sub, gen, options);
}

TEST_F(lib, subscribe)
{
	struct tandem_subscribe_options options = { .ring_size = RING_SMALL };
	static const uint16_t types[] = { 1, TANDEM_TYPES };
	int fd, node;

	fd = tandem_subscription_fd(self->sub);
	EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(resubscribe(&self->sub, self->gen, NULL), 0);
	EXPECT_EQ(resubscribe(&self->sub, self->gen, &options), 0);
	fd = tandem_subscription_fd(self->sub);

	options.ring_size = 1000;
	EXPECT_EQ(resubscribe(&self->sub, self->gen, &options), -EINVAL);
	EXPECT_EQ(fcntl(fd, F_GETFD), -1);
	options.ring_size = RING_SMALL;
	options.classes = 1 << TANDEM_CLASSES;
	EXPECT_EQ(tandem_subscribe(&self->sub, self->gen, &options), -EINVAL);
	options.classes = 0;
	options.types = types;
	options.types_count = 2;
	EXPECT_EQ(tandem_subscribe(&self->sub, self->gen, &options), -EINVAL);
	options.types_count = 0;
	options.types = NULL;
	options.watermark = RING_SMALL;
	EXPECT_EQ(tandem_subscribe(&self->sub, self->gen, &options), -EINVAL);
	EXPECT_EQ(tandem_subscribe(&self->sub, -1, NULL), -EBADF);
	node = tandem_open("gen", O_WRONLY);
	ASSERT_GE(node, 0);
	EXPECT_EQ(tandem_subscribe(&self->sub, node, NULL), -EBADF);
	close(node);
	node = tandem_open("control", O_RDWR);
	ASSERT_GE(node, 0);
	EXPECT_EQ(tandem_subscribe(&self->sub, node, NULL), -ENOTTY);
	close(node);
	EXPECT_EQ(self->sub, NULL);
}

/* What came from a run: how many, and what is missing in its producers' sequences. */
struct tally {
	uint32_t run;
	uint64_t records;
	uint64_t missing;
	uint64_t strange;
	uint64_t next[CONSUMER_RINGS_MAX][TANDEM_GEN_CONTEXTS];
};

static int add(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	const struct tandem_gen_event *event =
		(const struct tandem_gen_event *)(const void *)record->data;
	struct tally *tally = arg;
	uint64_t *next;

	tally->records++;
	if (record->len < sizeof(*record) + sizeof(*event) || event->run != tally->run ||
	    event->cpu != tandem_record_cpu(sub) || event->cpu >= CONSUMER_RINGS_MAX ||
	    event->context >= TANDEM_GEN_CONTEXTS) {
		tally->strange++;
		return 0;
	}
	next = &tally->next[event->cpu][event->context];
	if (event->seq < *next)
		tally->strange++;
	else
		tally->missing += event->seq - *next;
	*next = event->seq + 1;
	return 0;
}

static void drain(struct tandem_subscription *sub, struct tally *tally)
{
	const struct tandem_record *record;

	while ((record = tandem_next(sub))) {
		if (!(record->type_flags & TANDEM_RECORD_DISCARDED))
			add(sub, record, tally);
	}
}

/* All contexts at once, read while they post: complete, and not a record too many. */
TEST_F(lib, iterate)
{
	struct tandem_counters counters;
	struct tandem_gen_start start;
	struct tandem_gen_status status;
	struct tally tally = { 0 };
	uint64_t deadline = deadline_in(60);

	gen_init(&start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_SOFTIRQ |
			 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK);
	start.count = test_load(4000);
	start.rate = 4000;
	start.size = 100;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	tally.run = start.run;
	do {
		ASSERT_FALSE(deadline_passed(deadline));
		ASSERT_GE(tandem_wait(self->sub, 100), 0);
		drain(self->sub, &tally);
		ASSERT_EQ(gen_status(self->gen, &status), 0);
	} while (status.running);
	drain(self->sub, &tally);

	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(tally.strange, 0);
	EXPECT_EQ(tally.records, counters.delivered);
	EXPECT_EQ(gen_posted(self->gen), counters.delivered + counters.lost);
	EXPECT_EQ(tally.missing, counters.lost_seen);
	EXPECT_EQ(counters.lost, 0);
}

/* Nobody reads while much more is posted than there is room for: each loss is counted, and seen. */
TEST_F(lib, losses)
{
	struct tandem_subscribe_options options = { .ring_size = RING_SMALL };
	struct tandem_counters counters;
	struct tandem_gen_start start;
	struct tally tally = { 0 };
	uint64_t posted, lost;
	unsigned int i;

	ASSERT_EQ(resubscribe(&self->sub, self->gen, &options), 0);
	gen_init(&start, 1 << TANDEM_GEN_PROCESS);
	start.count = 5000;
	start.batch = 16;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	tally.run = start.run;
	ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
	posted = gen_posted(self->gen);
	drain(self->sub, &tally);
	tandem_subscription_counters(self->sub, &counters);
	EXPECT_GT(counters.lost, 0);
	EXPECT_EQ(counters.lost, counters.lost_class[TANDEM_CLASS_NORMAL]);
	EXPECT_EQ(counters.lost_bytes, counters.lost * sizeof(struct tandem_gen_event));
	EXPECT_EQ(posted, counters.delivered + counters.lost);
	EXPECT_EQ(tally.records, counters.delivered);
	EXPECT_EQ(tally.strange, 0);
	lost = counters.lost;

	/* The next records tell of the losses before them. */
	start.count = 1;
	start.batch = 1;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(gen_start(self->gen, &start), 0);
		ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
		posted += gen_posted(self->gen);
	}
	ASSERT_GT(tandem_dispatch(self->sub, 0), 0);
	tandem_subscription_counters(self->sub, &counters);
	EXPECT_EQ(counters.lost, lost);
	EXPECT_EQ(counters.lost_seen, lost);
	EXPECT_EQ(posted, counters.delivered + counters.lost);
}

TEST_F(lib, filter)
{
	static const uint16_t types[] = { 7, 9 };
	struct tandem_subscribe_options options = {
		.types = types, .types_count = 2, .classes = 1 << TANDEM_CLASS_IMPORTANT,
	};
	static const struct {
		uint16_t type, event_class;
		bool wanted;
	} runs[] = {
		{ 7, TANDEM_CLASS_IMPORTANT, true }, { 7, TANDEM_CLASS_NORMAL, false },
		{ 8, TANDEM_CLASS_IMPORTANT, false }, { 9, TANDEM_CLASS_IMPORTANT, true },
	};
	struct tandem_gen_start start;
	unsigned int i;

	ASSERT_EQ(resubscribe(&self->sub, self->gen, &options), 0);
	for (i = 0; i < 4; i++) {
		const struct tandem_record *record;
		uint64_t expected;

		gen_init(&start, 1 << TANDEM_GEN_PROCESS);
		start.type = runs[i].type;
		start.event_class = runs[i].event_class;
		start.count = 3;
		ASSERT_EQ(gen_start(self->gen, &start), 0);
		ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
		expected = runs[i].wanted ? gen_posted(self->gen) : 0;
		while ((record = tandem_next(self->sub))) {
			EXPECT_EQ(TANDEM_RECORD_TYPE(record->type_flags), runs[i].type);
			EXPECT_EQ(TANDEM_RECORD_CLASS(record->type_flags), runs[i].event_class);
			expected--;
		}
		EXPECT_EQ(expected, 0);
	}
}

TEST_F(lib, dispatch)
{
	struct tandem_gen_start start;
	struct tally sevens = { 0 }, others = { 0 };
	uint64_t expected;

	ASSERT_EQ(tandem_on(self->sub, 7, add, &sevens), 0);
	ASSERT_EQ(tandem_on(self->sub, TANDEM_TYPES, add, &others), 0);
	gen_init(&start, 1 << TANDEM_GEN_PROCESS);
	start.count = 50;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	others.run = start.run;
	ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
	expected = gen_posted(self->gen);
	EXPECT_EQ(tandem_dispatch(self->sub, 10), 10);
	EXPECT_EQ(others.records, 10);
	EXPECT_EQ((uint64_t)tandem_dispatch(self->sub, 0), expected - 10);
	EXPECT_EQ(others.records, expected);

	start.type = 7;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	sevens.run = start.run;
	ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
	EXPECT_EQ((uint64_t)tandem_dispatch(self->sub, 0), gen_posted(self->gen));
	EXPECT_EQ(sevens.records, gen_posted(self->gen));
	EXPECT_EQ(others.records, expected);
	EXPECT_EQ(others.strange + sevens.strange, 0);
}

/* ---- Waiting ---- */

/* Two seconds of single events, on each CPU; the consumer sleeps in between, or spins. */
static void init_trickle(struct tandem_gen_start *start)
{
	gen_init(start, 1 << TANDEM_GEN_HARDIRQ);
	start->rate = test_load(200);
	start->count = 2 * start->rate;
}

TEST_F(lib, wait_timeout)
{
	struct tandem_subscribe_options options = { .spin_ns = 20000000 };
	uint64_t start = now_ns();

	EXPECT_EQ(tandem_wait(self->sub, 0), 0);
	EXPECT_EQ(tandem_wait(self->sub, 100), 0);
	EXPECT_GE(now_ns() - start, 100000000);
	ASSERT_EQ(resubscribe(&self->sub, self->gen, &options), 0);
	start = now_ns();
	EXPECT_EQ(tandem_wait(self->sub, 100), 0);
	EXPECT_GE(now_ns() - start, 100000000);
}

static void wait_for_trickle(struct __test_metadata *_metadata, struct tandem_subscription *sub,
			     int gen)
{
	struct tandem_gen_status status;
	struct tandem_gen_start start;
	struct tally tally = { 0 };
	uint64_t posted;

	init_trickle(&start);
	ASSERT_EQ(gen_start(gen, &start), 0);
	tally.run = start.run;
	/* Each wait is answered by an event, until the last producer has ended. */
	do {
		int ret = tandem_wait(sub, 5000);

		ASSERT_EQ(gen_status(gen, &status), 0);
		ASSERT_TRUE(ret == 1 || (ret == 0 && !status.running));
		drain(sub, &tally);
		posted = gen_posted(gen);
	} while (status.running || tally.records < posted);
	EXPECT_EQ(tally.records, posted);
	EXPECT_EQ(tally.strange, 0);
}

TEST_F(lib, wait)
{
	wait_for_trickle(_metadata, self->sub, self->gen);
}

TEST_F(lib, wait_spinning)
{
	struct tandem_subscribe_options options = { .spin_ns = 200000 };

	ASSERT_EQ(resubscribe(&self->sub, self->gen, &options), 0);
	wait_for_trickle(_metadata, self->sub, self->gen);
}

/* Below the watermark a sleeper is not woken, but at its time-out it gets what there is. */
TEST_F(lib, watermark)
{
	struct tandem_subscribe_options options = {
		.ring_size = RING_SMALL, .watermark = RING_SMALL / 4,
	};
	struct tandem_gen_start start;
	struct pollfd pollfd;
	uint64_t asleep;

	ASSERT_EQ(resubscribe(&self->sub, self->gen, &options), 0);
	pollfd.fd = tandem_subscription_fd(self->sub);
	pollfd.events = POLLIN;
	gen_init(&start, 1 << TANDEM_GEN_PROCESS);
	start.count = 10;
	EXPECT_EQ(tandem_arm(self->sub), 0);
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
	EXPECT_EQ(poll(&pollfd, 1, 0), 0);
	EXPECT_EQ(tandem_arm(self->sub), 0);
	asleep = now_ns();
	EXPECT_EQ(tandem_wait(self->sub, 100), 1);
	EXPECT_GE(now_ns() - asleep, 100000000);
	EXPECT_EQ((uint64_t)tandem_dispatch(self->sub, 0), gen_posted(self->gen));

	start.count = 1000;
	EXPECT_EQ(tandem_arm(self->sub), 0);
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	EXPECT_EQ(poll(&pollfd, 1, 10000), 1);
	ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
	EXPECT_EQ(tandem_wait(self->sub, 0), 1);
	EXPECT_EQ((uint64_t)tandem_dispatch(self->sub, 0), gen_posted(self->gen));
}

/* An epoll of the caller's own: each sleep must be ended by an event, none by the time-out. */
static void epoll_for_trickle(struct __test_metadata *_metadata, struct tandem_subscription *sub,
			      int gen, uint32_t events, bool armed)
{
	struct epoll_event event = { .events = events };
	struct tandem_gen_status status;
	struct tandem_gen_start start;
	struct tally tally = { 0 };
	uint64_t total, sleeps = 0;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_GE(epoll, 0);
	ASSERT_EQ(epoll_ctl(epoll, EPOLL_CTL_ADD, tandem_subscription_fd(sub), &event), 0);
	init_trickle(&start);
	ASSERT_EQ(gen_start(gen, &start), 0);
	tally.run = start.run;
	ASSERT_EQ(gen_status(gen, &status), 0);
	total = start.count * sysconf(_SC_NPROCESSORS_ONLN);
	while (tally.records < total) {
		int ret = armed ? tandem_arm(sub) : 0;

		ASSERT_GE(ret, 0);
		if (!ret) {
			ASSERT_EQ(epoll_wait(epoll, &event, 1, 10000), 1);
			ASSERT_EQ(event.events, EPOLLIN);
			sleeps++;
		}
		drain(sub, &tally);
	}
	EXPECT_GT(sleeps, 0);
	EXPECT_EQ(tally.strange, 0);
	ASSERT_EQ(gen_wait(gen, deadline_in(30)), 0);
	EXPECT_EQ(gen_posted(gen), total);
	close(epoll);
}

TEST_F(lib, epoll_level)
{
	epoll_for_trickle(_metadata, self->sub, self->gen, EPOLLIN, true);
}

TEST_F(lib, epoll_level_unarmed)
{
	epoll_for_trickle(_metadata, self->sub, self->gen, EPOLLIN, false);
}

TEST_F(lib, epoll_edge)
{
	epoll_for_trickle(_metadata, self->sub, self->gen, EPOLLIN | EPOLLET, true);
}

/* Somebody writes nonsense into the page that is the consumer's: an error, not a hang. */
TEST_F(lib, corrupt)
{
	struct tandem_subscribe_options options = { .ring_size = RING_SMALL };
	long rings = sysconf(_SC_NPROCESSORS_CONF), i;
	size_t page = sysconf(_SC_PAGESIZE);
	struct tandem_gen_start start;
	uint64_t deadline = deadline_in(30);
	int ret;

	ASSERT_EQ(resubscribe(&self->sub, self->gen, &options), 0);
	for (i = 0; i < rings; i++) {
		struct tandem_ring_consumer *consumer =
			mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
			     tandem_subscription_fd(self->sub), i * 2 * (page + RING_SMALL));

		ASSERT_NE(consumer, MAP_FAILED);
		consumer->cons_pos = 12345;
		munmap(consumer, page);
	}
	gen_init(&start, 1 << TANDEM_GEN_PROCESS);
	start.count = 5000;
	ASSERT_EQ(gen_start(self->gen, &start), 0);
	ASSERT_EQ(gen_wait(self->gen, deadline_in(30)), 0);
	/* The reader has a position of its own: what was there before may be read. */
	while ((ret = tandem_wait(self->sub, 1000)) == 1) {
		ASSERT_FALSE(deadline_passed(deadline));
		tandem_dispatch(self->sub, 0);
	}
	EXPECT_EQ(ret, -EBADMSG);
	EXPECT_EQ(tandem_arm(self->sub), -EBADMSG);
}

/* ---- Servers ---- */

FIXTURE(server) {
	int server;
	struct tandem_subscription *sub;
};

FIXTURE_SETUP(server)
{
	int node;

	tandem_remove(DEVICE);
	self->server = tandem_bind(DEVICE, NULL, NULL);
	ASSERT_GE(self->server, 0);
	node = tandem_open(DEVICE, O_RDONLY);
	ASSERT_GE(node, 0);
	ASSERT_EQ(tandem_subscribe(&self->sub, node, NULL), 0);
	close(node);
}

FIXTURE_TEARDOWN(server)
{
	tandem_unsubscribe(self->sub);
	close(self->server);
	tandem_remove(DEVICE);
}

TEST_F(server, post)
{
	static const char text[] = "some text";
	const struct tandem_record *record;
	unsigned int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(tandem_post(self->server, 10 + i, TANDEM_CLASS_CRITICAL, text, i * 2), 0);
	ASSERT_EQ(tandem_wait(self->sub, 5000), 1);
	for (i = 0; i < 3; i++) {
		record = tandem_next(self->sub);
		ASSERT_NE(record, NULL);
		EXPECT_EQ(TANDEM_RECORD_TYPE(record->type_flags), 10 + i);
		EXPECT_EQ(TANDEM_RECORD_CLASS(record->type_flags), TANDEM_CLASS_CRITICAL);
		ASSERT_EQ(record->len, sizeof(*record) + i * 2);
		EXPECT_EQ(memcmp(record->data, text, i * 2), 0);
	}
	EXPECT_EQ(tandem_next(self->sub), NULL);

	EXPECT_EQ(tandem_post(self->server, TANDEM_TYPES, 0, NULL, 0), -EINVAL);
	EXPECT_EQ(tandem_post(self->server, 1, TANDEM_CLASSES, NULL, 0), -EINVAL);
	EXPECT_EQ(tandem_post(self->server, 1, 0, text, TANDEM_PAYLOAD_MAX + 1), -EMSGSIZE);
	EXPECT_EQ(tandem_post(self->server, 1, 0, (const void *)8, 8), -EFAULT);
	EXPECT_EQ(tandem_next(self->sub), NULL);
}

TEST_F(server, bind)
{
	struct tandem_bind_options options = {
		.flags = TANDEM_BIND_CREATE | TANDEM_BIND_EXCLUSIVE, .mode = 0600,
		.events_mode = 0400,
	};
	uint32_t first = 0, second = 0;
	int unbound;

	EXPECT_EQ(tandem_bind(DEVICE, NULL, NULL), -EBUSY);
	EXPECT_EQ(tandem_bind("gen", NULL, NULL), -EPERM);
	EXPECT_EQ(tandem_bind("control", NULL, NULL), -EINVAL);
	EXPECT_EQ(tandem_bind("a/b", NULL, NULL), -EINVAL);
	EXPECT_EQ(tandem_bind(DEVICE, &options, NULL), -EEXIST);
	EXPECT_EQ(tandem_remove(DEVICE), -EBUSY);
	EXPECT_EQ(tandem_remove("no-such-device"), -ENOENT);
	EXPECT_EQ(tandem_remove("gen"), -EPERM);
	unbound = tandem_open("control", O_RDWR);
	ASSERT_GE(unbound, 0);
	EXPECT_EQ(tandem_post(unbound, 1, 0, NULL, 0), -ENOTCONN);
	close(unbound);

	close(self->server);
	options.flags = 0;
	EXPECT_EQ(tandem_bind("no-such-device", &options, NULL), -ENOENT);
	self->server = tandem_bind(DEVICE, &options, &first);
	ASSERT_GE(self->server, 0);
	EXPECT_EQ(fcntl(self->server, F_GETFD), FD_CLOEXEC);
	close(self->server);
	self->server = tandem_bind(DEVICE, NULL, &second);
	ASSERT_GE(self->server, 0);
	EXPECT_EQ(second, first + 1);
}

/* The device goes while there is something to read: that first, then -ENODEV, at once. */
TEST_F(server, gone)
{
	const struct tandem_record *record;
	uint64_t start;

	ASSERT_EQ(tandem_post(self->server, 5, 0, "x", 1), 0);
	close(self->server);
	self->server = -1;
	ASSERT_EQ(tandem_remove(DEVICE), 0);
	start = now_ns();
	EXPECT_EQ(tandem_arm(self->sub), 1);
	EXPECT_EQ(tandem_wait(self->sub, -1), 1);
	record = tandem_next(self->sub);
	ASSERT_NE(record, NULL);
	EXPECT_EQ(record->data[0], 'x');
	EXPECT_EQ(tandem_next(self->sub), NULL);
	EXPECT_EQ(tandem_arm(self->sub), -ENODEV);
	EXPECT_EQ(tandem_wait(self->sub, -1), -ENODEV);
	EXPECT_LT(now_ns() - start, 1000000000);
}

/* Return: the exit status of @child, or -1. */
static int exit_status(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The device goes while the consumer sleeps for ever. */
TEST_F(server, gone_while_waiting)
{
	uint64_t start;
	pid_t child = fork();

	ASSERT_GE(child, 0);
	if (!child) {
		/* The parent's sleep shows as nothing else than its state. */
		char path[64], state = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/stat", getppid());
		while (state != 'S') {
			file = fopen(path, "r");
			if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
				_exit(1);
			fclose(file);
		}
		close(self->server);
		_exit(tandem_remove(DEVICE) ? 2 : 0);
	}
	close(self->server);
	self->server = -1;
	start = now_ns();
	EXPECT_EQ(tandem_wait(self->sub, -1), -ENODEV);
	EXPECT_LT(now_ns() - start, 20000000000ULL);
	EXPECT_EQ(exit_status(child), 0);
}

/* A forked child has no rings, and does the parent's no harm. */
TEST_F(server, fork)
{
	pid_t child;

	ASSERT_EQ(tandem_post(self->server, 1, 0, "abc", 3), 0);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child)
		_exit(tandem_post(self->server, 2, 0, "def", 3) ? 1 : 0);
	EXPECT_EQ(exit_status(child), 0);
	EXPECT_EQ(tandem_dispatch(self->sub, 0), 2);
}

TEST_HARNESS_MAIN
