// SPDX-License-Identifier: GPL-2.0
/*
 * The flight recorder: the newest events are there, in order; every one that made room is counted;
 * and a snapshot disturbs nothing.
 *
 * TIMEOUT=60
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"

#include "consumer.h"
#include "generator.h"
#include "query.h"
#include "reader.h"
#include "util.h"

#define DEVICE	"t-overwrite"
#define RING	(64 * 1024)
/* A number and nothing else. */
#define STRIDE	24

static const struct tandem_subscribe recorder = {
	.ring_size = RING, .overflow = TANDEM_OVERFLOW_OVERWRITE,
};

FIXTURE(overwrite)
{
	int server;
	int node;
	int fd;
	uint8_t *buffer;
};

FIXTURE_SETUP(overwrite)
{
	struct tandem_subscribe args = recorder;

	ASSERT_EQ(0, pin_to_cpu(0));
	self->server = bind_device(DEVICE);
	ASSERT_LE(0, self->server);
	self->node = open_node(DEVICE, O_RDONLY);
	ASSERT_LE(0, self->node);
	self->fd = subscribe(self->node, &args);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	self->buffer = calloc(2, RING);
	ASSERT_NE(NULL, self->buffer);
}

FIXTURE_TEARDOWN(overwrite)
{
	free(self->buffer);
	close(self->fd);
	close(self->node);
	close(self->server);
	remove_device(DEVICE);
}

/* Events that count, from @first on, with @more bytes each. */
static int post_numbers(int server, uint64_t first, uint64_t count, size_t more)
{
	uint64_t data[1024] = { 0 };
	int err = 0;

	for (; count-- && !err; first++) {
		data[0] = first;
		err = post_event(server, 1, TANDEM_CLASS_NORMAL, data, sizeof(data[0]) + more);
	}
	return err;
}

/**
 * struct run - records that follow each other
 * @first: number of the first one
 * @count: how many
 * @lost: sum of lost_before
 * @error: what was wrong, or NULL
 */
struct run {
	uint64_t first;
	uint64_t count;
	uint64_t lost;
	const char *error;
};

static void see(struct run *run, const uint8_t *bytes, size_t len)
{
	size_t pos = 0;

	while (pos < len && !run->error) {
		const struct tandem_record *record = (const void *)(bytes + pos);
		uint64_t number;

		if (len - pos < STRIDE || record->len < STRIDE ||
		    TANDEM_RECORD_STRIDE(record->len) > len - pos) {
			run->error = "it does not end with a record";
			return;
		}
		memcpy(&number, record->data, sizeof(number));
		if (!run->count)
			run->first = number;
		else if (number != run->first + run->count)
			run->error = "records do not follow each other";
		run->count++;
		run->lost += record->lost_before;
		pos += TANDEM_RECORD_STRIDE(record->len);
	}
}

static struct run read_all(int fd, uint8_t *buffer)
{
	struct run run = { .count = 0 };
	ssize_t len;

	while ((len = read(fd, buffer, 2 * RING)) > 0)
		see(&run, buffer, len);
	if (len < 0 && errno != EAGAIN)
		run.error = strerror(errno);
	return run;
}

static uint64_t number_of(enum tandem_attr attr)
{
	return query_own_number(DEVICE, attr);
}

TEST_F(overwrite, takes_no_mmap)
{
	const size_t page = sysconf(_SC_PAGESIZE);

	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page, PROT_READ, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, page + 2 * RING, PROT_READ, MAP_SHARED, self->fd, page));
}

/* As long as there is room it is as any other. */
TEST_F(overwrite, with_room)
{
	struct pollfd ready = { .fd = self->fd, .events = POLLIN };
	struct run run;

	EXPECT_EQ(0, poll(&ready, 1, 0));
	ASSERT_EQ(0, post_numbers(self->server, 0, 100, 0));
	EXPECT_EQ(1, poll(&ready, 1, deadline_left(deadline_in(10))));
	run = read_all(self->fd, self->buffer);
	EXPECT_EQ(NULL, run.error);
	EXPECT_EQ(0, run.first);
	EXPECT_EQ(100, run.count);
	EXPECT_EQ(0, run.lost);
	EXPECT_EQ(0, poll(&ready, 1, 0));
	EXPECT_EQ(0, number_of(TANDEM_ATTR_OVERWRITTEN));
	EXPECT_EQ(TANDEM_OVERFLOW_OVERWRITE, number_of(TANDEM_ATTR_OVERFLOW));
}

TEST_F(overwrite, oldest_make_room)
{
	static const size_t more[] = { 0, 8, 100, 1000, 8000 };
	uint64_t posted = 0, read = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(more); i++) {
		const uint64_t before = number_of(TANDEM_ATTR_OVERWRITTEN);
		const uint64_t stride = (STRIDE + more[i] + 7) / 8 * 8;
		const uint64_t count = 4 * RING / stride;
		struct run run;

		ASSERT_EQ(0, post_numbers(self->server, posted, count, more[i]));
		posted += count;
		EXPECT_LE(number_of(TANDEM_ATTR_PENDING_BYTES), RING);
		run = read_all(self->fd, self->buffer);
		read += run.count;
		EXPECT_EQ(NULL, run.error) {
			TH_LOG("%s", run.error);
		}
		EXPECT_EQ(posted, run.first + run.count);
		/* Not more of them than had to. */
		EXPECT_LT(RING / 8 * 7 - 2 * stride, run.count * stride);
		EXPECT_GE(RING, run.count * stride);
		EXPECT_EQ(count - run.count, run.lost);
		EXPECT_EQ(count - run.count, number_of(TANDEM_ATTR_OVERWRITTEN) - before);
		EXPECT_EQ(0, number_of(TANDEM_ATTR_PENDING_BYTES));
	}
	EXPECT_EQ(posted, number_of(TANDEM_ATTR_ACCEPTED));
	EXPECT_EQ(posted, read + number_of(TANDEM_ATTR_OVERWRITTEN));
	EXPECT_EQ(0, number_of(TANDEM_ATTR_LOST));
}

/* Nothing but what is too large is lost. */
TEST_F(overwrite, too_large)
{
	static const uint8_t data[TANDEM_PAYLOAD_MAX];

	ASSERT_EQ(0, post_event(self->server, 1, TANDEM_CLASS_NORMAL, data, RING / 8));
	EXPECT_EQ(1, number_of(TANDEM_ATTR_LOST_TOO_BIG));
	EXPECT_EQ(1, number_of(TANDEM_ATTR_LOST));
	ASSERT_EQ(0, post_numbers(self->server, 0, 1, 0));
	EXPECT_EQ(1, read_all(self->fd, self->buffer).lost);
}

TEST_F(overwrite, small_buffer)
{
	void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t bytes[STRIDE];

	ASSERT_NE(MAP_FAILED, nowhere);
	ASSERT_EQ(0, post_numbers(self->server, 0, 10000, 0));
	EXPECT_EQ(-1, read(self->fd, bytes, STRIDE - 1));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(-1, read(self->fd, nowhere, STRIDE));
	EXPECT_EQ(EFAULT, errno);
	munmap(nowhere, 4096);
	EXPECT_EQ(STRIDE, read(self->fd, bytes, STRIDE));
}

TEST_F(overwrite, end)
{
	struct run run;

	ASSERT_EQ(0, post_numbers(self->server, 0, 10000, 0));
	close(self->server);
	ASSERT_EQ(0, remove_device(DEVICE));
	self->server = -1;
	EXPECT_LT(0, snapshot(self->fd, 0, self->buffer, RING, NULL));
	run = read_all(self->fd, self->buffer);
	EXPECT_EQ(NULL, run.error);
	EXPECT_EQ(10000, run.first + run.count);
	EXPECT_EQ(0, read(self->fd, self->buffer, RING));
}

TEST_F(overwrite, snapshot_takes_nothing)
{
	struct run first = { .count = 0 }, second = { .count = 0 }, run;
	uint64_t overwritten;
	ssize_t len;

	EXPECT_EQ(0, snapshot(self->fd, 0, self->buffer, RING, &overwritten));
	EXPECT_EQ(0, overwritten);
	ASSERT_EQ(0, post_numbers(self->server, 0, 10000, 0));
	len = snapshot(self->fd, 0, self->buffer, RING, &overwritten);
	ASSERT_LT(0, len);
	see(&first, self->buffer, len);
	/* More room than the ring is large. */
	ASSERT_EQ(len, snapshot(self->fd, 0, self->buffer + RING, 1ULL << 40, NULL));
	see(&second, self->buffer + RING, len);
	EXPECT_EQ(0, memcmp(&first, &second, sizeof(first)));
	EXPECT_EQ(NULL, first.error);
	EXPECT_EQ(10000, first.first + first.count);
	EXPECT_EQ(10000 - first.count, overwritten);
	run = read_all(self->fd, self->buffer);
	EXPECT_EQ(first.first, run.first);
	EXPECT_EQ(first.count, run.count);
	EXPECT_EQ(0, snapshot(self->fd, 0, self->buffer, RING, NULL));
}

TEST_F(overwrite, snapshot_keeps_the_newest)
{
	unsigned int length;

	ASSERT_EQ(0, post_numbers(self->server, 0, 10000, 0));
	for (length = 0; length < 10 * STRIDE; length += 4) {
		const unsigned int fit = length / STRIDE;
		struct run run = { .count = 0 };
		ssize_t len;

		memset(self->buffer, 0xee, RING);
		len = snapshot(self->fd, 0, self->buffer, length, NULL);
		ASSERT_EQ(fit * STRIDE, len);
		see(&run, self->buffer, len);
		ASSERT_EQ(NULL, run.error);
		if (fit)
			ASSERT_EQ(10000, run.first + run.count);
		ASSERT_EQ(0xee, self->buffer[len]);
	}
}

TEST_F(overwrite, snapshot_refused)
{
	struct tandem_snapshot args = { .buffer = (uintptr_t)self->buffer, .length = RING };
	struct tandem_subscribe other = { .ring_size = RING };
	const unsigned int rings = sysconf(_SC_NPROCESSORS_CONF);
	struct run run = { .count = 0 };
	int fd = subscribe(self->node, &other);
	ssize_t len;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EOPNOTSUPP, snapshot(fd, 0, self->buffer, RING, NULL));
	close(fd);
	EXPECT_EQ(-EINVAL, snapshot(self->fd, rings, self->buffer, RING, NULL));
	EXPECT_EQ(-EINVAL, snapshot(self->fd, ~0U, self->buffer, RING, NULL));
	args.flags = 1;
	EXPECT_EQ(-1, ioctl(self->fd, TANDEM_IOC_SNAPSHOT, &args));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, post_numbers(self->server, 0, 100, 0));
	EXPECT_EQ(-EINVAL, snapshot(self->fd, 0, NULL, RING, NULL));
	EXPECT_EQ(-EFAULT, snapshot(self->fd, 0, (void *)16, RING, NULL));
	EXPECT_EQ(-1, ioctl(self->fd, TANDEM_IOC_SNAPSHOT, NULL));
	EXPECT_EQ(EFAULT, errno);
	len = snapshot(self->fd, 0, self->buffer, RING, NULL);
	see(&run, self->buffer, len);
	EXPECT_EQ(100, run.count);
}

struct camera {
	int fd;
	uint32_t rings;
	struct tandem_gen_start start;
	bool stop;
	uint64_t taken;
	uint64_t missing;
	const char *error;
};

/* In one snapshot each producer's events follow each other, but for those that were lost. */
static void *take_snapshots(void *data)
{
	static struct gen_check blank;
	struct camera *camera = data;
	uint8_t *buffer = malloc(RING);
	struct reader *reader = calloc(1, sizeof(*reader));

	gen_check_init(&blank, &camera->start);
	blank.late = true;
	while (buffer && reader && !camera->error &&
	       !__atomic_load_n(&camera->stop, __ATOMIC_RELAXED)) {
		ssize_t len = snapshot(camera->fd, camera->taken % camera->rings, buffer, RING,
				       NULL);

		reader->check = blank;
		reader->time = 0;
		reader->ordered = true;
		if (len >= 0)
			reader_check(reader, buffer, len);
		camera->error = len < 0 ? strerror(-len) : reader->error;
		if (reader->check.missing > camera->missing)
			camera->missing = reader->check.missing;
		camera->taken++;
	}
	free(reader);
	free(buffer);
	return NULL;
}

/*
 * A reader and snapshots race with more than the rings can hold: what is read is in order, and the
 * rest is counted to the last record.
 */
TEST(races)
{
	const uint64_t deadline = deadline_in(30);
	struct tandem_gen_status status = { .running = 1 };
	int gen = open_node("gen", O_RDWR);
	static struct reader reader;
	struct camera camera = { .rings = sysconf(_SC_NPROCESSORS_ONLN) };
	uint64_t overwritten, accepted, lost, random = 11;
	pthread_t thread;

	ASSERT_LE(0, gen);
	ASSERT_EQ(0, reader_open(&reader, gen, &recorder));
	gen_init(&camera.start, 1 << TANDEM_GEN_PROCESS | 1 << TANDEM_GEN_SOFTIRQ |
		 1 << TANDEM_GEN_HARDIRQ | 1 << TANDEM_GEN_IRQ_WORK);
	camera.start.size = 40;
	camera.start.rate = test_load(20000);
	camera.start.batch = 4;
	camera.start.count = test_load(40000);
	camera.fd = reader.fd;
	ASSERT_EQ(0, gen_start(gen, &camera.start));
	gen_check_init(&reader.check, &camera.start);
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_snapshots, &camera));
	while (status.running && !reader.error && !deadline_passed(deadline)) {
		const uint64_t until = gen_posted(gen) + next_random(&random) % 8192;
		unsigned int some = next_random(&random) % 64;

		while (some--)
			reader_read(&reader, 200);
		do {
			ASSERT_EQ(0, gen_status(gen, &status));
		} while (status.running && gen_posted(gen) < until);
	}
	__atomic_store_n(&camera.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, gen_stop(gen));
	reader_drain(&reader);
	EXPECT_EQ(NULL, reader.error) {
		TH_LOG("%s", reader.error);
	}
	EXPECT_EQ(NULL, camera.error) {
		TH_LOG("%s", camera.error);
	}
	overwritten = query_own_number("gen", TANDEM_ATTR_OVERWRITTEN);
	accepted = query_own_number("gen", TANDEM_ATTR_ACCEPTED);
	/* Interrupts that catch up may fill a ring before the record that they interrupted. */
	lost = query_own_number("gen", TANDEM_ATTR_LOST);
	EXPECT_EQ(accepted, reader.records + overwritten);
	EXPECT_EQ(gen_posted(gen), accepted + lost);
	EXPECT_LE(reader.check.missing, overwritten + lost);
	EXPECT_LE(camera.missing, lost);
	EXPECT_LT(0, overwritten);
	EXPECT_LT(0, reader.records);
	EXPECT_LT(10, camera.taken);
	TH_LOG("%ju read, %ju overwritten, %ju lost, %ju missing in one of %ju snapshots",
	       (uintmax_t)reader.records, (uintmax_t)overwritten, (uintmax_t)lost,
	       (uintmax_t)camera.missing, (uintmax_t)camera.taken);
	reader_close(&reader);
	close(gen);
}

/* Without times no CPU's ring keeps the reader from the others. */
TEST_F(overwrite, in_turn)
{
	struct tandem_subscribe timeless = recorder;
	bool low = false, high = false;
	uint64_t number;
	unsigned int i;
	int fd;

	if (pin_to_cpu(1))
		SKIP(return, "there is one CPU");
	timeless.flags = TANDEM_SUBSCRIBE_NO_TIME;
	fd = subscribe(self->node, &timeless);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, post_numbers(self->server, 100, 10, 0));
	ASSERT_EQ(0, pin_to_cpu(0));
	ASSERT_EQ(0, post_numbers(self->server, 0, 10, 0));
	for (i = 0; i < timeless.rings + 1; i++) {
		struct tandem_record *record = (void *)self->buffer;

		ASSERT_EQ(STRIDE, read(fd, record, STRIDE));
		memcpy(&number, record->data, sizeof(number));
		low |= number < 100;
		high |= number >= 100;
	}
	EXPECT_TRUE(low);
	EXPECT_TRUE(high);
	close(fd);
}

TEST_HARNESS_MAIN
