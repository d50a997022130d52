// SPDX-License-Identifier: GPL-2.0
/*
 * The code that docs/windows-to-linux.md shows does what the guide says.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guide.h"
#include "raw.h"

#define BELL_TYPE	1
#define DEADLINE_MS	20000

static int load_meter(void)
{
	char path[4096];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/tandem_meter.ko", getenv("TANDEM_MODULES") ?: ".");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int unload_meter(void)
{
	return syscall(SYS_delete_module, "tandem_meter", O_NONBLOCK) ? -errno : 0;
}

FIXTURE(meter)
{
	int fd;
};

FIXTURE_SETUP(meter)
{
	ASSERT_EQ(0, load_meter());
	self->fd = meter_connect();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(meter)
{
	close(self->fd);
	EXPECT_EQ(0, unload_meter());
}

TEST_F(meter, node_has_the_mode_it_was_given)
{
	struct stat st;

	ASSERT_EQ(0, stat("/dev/tandem/meter", &st));
	EXPECT_EQ(S_IFCHR | 0660, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
}

TEST_F(meter, busy_while_open)
{
	EXPECT_EQ(-EAGAIN, unload_meter());
}

TEST_F(meter, device_control)
{
	struct meter_range range;

	EXPECT_EQ(0, meter_set_range(self->fd, 10, 20));
	EXPECT_EQ(0, meter_get_range(self->fd, &range));
	EXPECT_EQ(10, range.low);
	EXPECT_EQ(20, range.high);
	EXPECT_EQ(-ERANGE, meter_set_range(self->fd, 2, 1));
	EXPECT_EQ(-EINVAL,
		  tandem_control(self->fd, METER_CODE_SET_RANGE, &range, 1, NULL, 0, NULL));
	EXPECT_EQ(-ENOTTY, tandem_control(self->fd, 77, NULL, 0, NULL, 0, NULL));
}

TEST_F(meter, returned_is_valid_on_a_warning)
{
	uint32_t samples[3] = { 0 };
	size_t count;

	for (uint32_t sample = 1; sample <= 5; sample++)
		ASSERT_EQ(0, meter_write(self->fd, sample));
	EXPECT_EQ(0, meter_latest(self->fd, samples, 3, &count));
	EXPECT_EQ(3, count);
	EXPECT_EQ(5, samples[0]);
	EXPECT_EQ(3, samples[2]);
	EXPECT_EQ(-EOVERFLOW, tandem_control(self->fd, METER_CODE_LATEST, NULL, 0, samples,
					     sizeof(samples), &count));
	EXPECT_EQ(sizeof(samples), count);
}

TEST_F(meter, no_raw_pointer_is_followed)
{
	char *bad = (char *)0x10;

	EXPECT_EQ(-1, ioctl(self->fd, METER_IOC_GET_RANGE, bad));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EFAULT, tandem_control(self->fd, METER_CODE_SET_RANGE, bad,
					  sizeof(struct meter_range), NULL, 0, NULL));
}

TEST_F(meter, read_and_write)
{
	uint32_t sample = 0;

	EXPECT_EQ(-ETIMEDOUT, meter_read_timeout(self->fd, &sample, 1));
	EXPECT_EQ(0, meter_write(self->fd, 42));
	EXPECT_EQ(0, meter_read_timeout(self->fd, &sample, DEADLINE_MS));
	EXPECT_EQ(42, sample);
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, meter_read(self->fd, &sample));
}

TEST_F(meter, section_shows_what_the_kernel_wrote)
{
	const uint32_t *history = meter_map(self->fd);
	unsigned int i, samples = METER_HISTORY_SIZE / sizeof(*history);

	ASSERT_NE(NULL, history);
	for (i = 0; i <= samples; i++)
		ASSERT_EQ(0, meter_write(self->fd, 1000 + i));
	EXPECT_EQ(1000 + samples, history[0]);
	EXPECT_EQ(1001, history[1]);
	EXPECT_EQ(1000 + samples - 1, history[samples - 1]);
	meter_unmap(history);
}

TEST_F(meter, an_alarm_completes_the_inverted_call)
{
	struct tandem_subscription *sub;
	uint32_t sample = 0;

	ASSERT_EQ(0, alarm_subscribe(&sub, self->fd));
	EXPECT_EQ(0, meter_write(self->fd, 50));
	EXPECT_EQ(0, meter_write(self->fd, 101));
	EXPECT_EQ(0, alarm_wait(sub, &sample));
	EXPECT_EQ(101, sample);
	tandem_unsubscribe(sub);
}

TEST_F(meter, callbacks_by_type)
{
	struct tandem_subscription *sub;
	struct tally tally = { 0 };

	ASSERT_EQ(0, tandem_subscribe(&sub, self->fd, NULL));
	for (uint32_t sample = 99; sample <= 102; sample++)
		EXPECT_EQ(0, meter_write(self->fd, sample));
	EXPECT_EQ(0, tally_events(sub, &tally, 4));
	EXPECT_EQ(4, tally.samples);
	EXPECT_EQ(99 + 100 + 101 + 102, tally.sum);
	/* The last alarm comes after the last sample. */
	EXPECT_LE(1, tally.alarms);
	EXPECT_GE(2, tally.alarms);
	tandem_unsubscribe(sub);
}

TEST_F(meter, wait_for_many)
{
	struct tandem_subscription *sub;
	int pipe_fds[2];

	ASSERT_EQ(0, pipe(pipe_fds));
	ASSERT_EQ(0, alarm_subscribe(&sub, self->fd));
	ASSERT_EQ(1, write(pipe_fds[1], "x", 1));
	EXPECT_EQ(1, alarm_wait_either(sub, pipe_fds[0]));
	EXPECT_EQ(0, meter_write(self->fd, 200));
	EXPECT_EQ(0, alarm_wait_either(sub, pipe_fds[0]));
	tandem_unsubscribe(sub);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

TEST_F(meter, interrupt_then_deferred_then_work)
{
	static const unsigned int types[] = { METER_INTERRUPT, METER_DEFERRED, METER_SAMPLE };
	struct tandem_subscription *sub;
	uint64_t time = 0;
	unsigned int i;

	ASSERT_EQ(0, tandem_subscribe(&sub, self->fd, NULL));
	ASSERT_EQ(0, ioctl(self->fd, METER_IOC_SAMPLE));
	for (i = 0; i < 3; i++) {
		const struct tandem_record *record;

		while (!(record = tandem_next(sub))) {
			ASSERT_EQ(1, tandem_wait(sub, DEADLINE_MS));
		}
		EXPECT_EQ(types[i], TANDEM_RECORD_TYPE(record->type_flags));
		EXPECT_LE(time, record->time);
		time = record->time;
	}
	tandem_unsubscribe(sub);
}

static void add_sample(const struct tandem_record *record, void *arg)
{
	uint64_t *sum = arg;
	uint32_t sample;

	if (TANDEM_RECORD_TYPE(record->type_flags) != METER_SAMPLE)
		return;
	memcpy(&sample, record->data, sizeof(sample));
	*sum += sample;
}

TEST_F(meter, without_the_library)
{
	uint64_t sum = 0;
	struct raw raw;
	cpu_set_t cpus;

	/* What one ring lost, another one's records do not tell. */
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(cpus), &cpus));
	ASSERT_EQ(0, raw_subscribe(&raw, self->fd));
	EXPECT_EQ(0, raw_drain(&raw, add_sample, &sum));
	EXPECT_EQ(0, meter_write(self->fd, 7));
	EXPECT_EQ(0, raw_sleep(&raw, DEADLINE_MS));
	EXPECT_EQ(1, raw_drain(&raw, add_sample, &sum));
	EXPECT_EQ(7, sum);

	/* More than the rings hold, then one that tells of the loss. */
	for (uint32_t sample = 0; sample < 20000; sample++)
		ASSERT_EQ(0, meter_write(self->fd, 1));
	sum = raw_drain(&raw, add_sample, &sum);
	EXPECT_EQ(0, meter_write(self->fd, 1));
	sum += raw_drain(&raw, add_sample, &(uint64_t){ 0 });
	EXPECT_LT(0, raw.lost);
	EXPECT_EQ(20001, sum + raw.lost);
	raw_unsubscribe(&raw);
}

TEST_F(meter, without_the_library_by_read)
{
	struct tandem_subscribe args = { .ring_size = TANDEM_RING_SIZE_MIN };
	int fd = ioctl(self->fd, TANDEM_IOC_SUBSCRIBE, &args);
	uint64_t sum = 0, lost = 0;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, meter_write(self->fd, 8));
	EXPECT_LT(0, raw_read(fd, &lost, add_sample, &sum));
	EXPECT_EQ(8, sum);
	EXPECT_EQ(0, lost);
	close(fd);
}

TEST(board_is_shared)
{
	struct board *boards[2];
	struct tandem_slist jobs[2];
	int i, fd = memfd_create("board", MFD_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, sizeof(struct board)));
	for (i = 0; i < 2; i++) {
		boards[i] = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED,
				 fd, 0);
		ASSERT_NE(MAP_FAILED, boards[i]);
		ASSERT_EQ(0, board_jobs(boards[i], &jobs[i]));
		EXPECT_EQ(i + 1, board_enter(boards[i]));
	}
	close(fd);
	for (i = 0; i < 8; i++) {
		boards[0]->job[i].number = i;
		EXPECT_EQ(!i, board_post(&jobs[0], &boards[0]->job[i]));
	}
	EXPECT_EQ(28, board_work(&jobs[1]));
	EXPECT_EQ(0, board_work(&jobs[0]));
	boards[0]->jobs.first = 1000;
	EXPECT_EQ(-EBADMSG, board_work(&jobs[1]));
	EXPECT_EQ(1, board_close(boards[0]));
	EXPECT_EQ(0, board_close(boards[1]));
	EXPECT_EQ(-ECANCELED, board_enter(boards[1]));
}

TEST(errors_have_names_and_meanings)
{
	char text[256];

	meter_explain(-ENODEV, text, sizeof(text));
	EXPECT_STREQ("The meter does not answer: the device is gone (ENODEV).", text);
	EXPECT_EQ(-ENOENT, tandem_open("meter", O_RDWR));
}

TEST(processes_begin_and_end)
{
	char *text, expected[128];
	size_t size;
	struct watch watch = { .out = open_memstream(&text, &size) };
	pid_t pid;

	ASSERT_EQ(0, watch_begin(&watch));
	pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "exit 7", NULL);
		_exit(127);
	}
	ASSERT_LT(0, pid);
	watch.until = pid;
	EXPECT_EQ(0, watch_go(&watch));
	fclose(watch.out);
	snprintf(expected, sizeof(expected), "%d is /bin/sh now\n", pid);
	EXPECT_NE(NULL, strstr(text, expected));
	snprintf(expected, sizeof(expected), "%d ended with 7\n", pid);
	EXPECT_NE(NULL, strstr(text, expected));
	free(text);
	waitpid(pid, NULL, 0);
}

TEST(server_posts_and_arrival_is_told)
{
	const struct tandem_record *record;
	struct tandem_subscription *sub;
	struct mnl_socket *nl = arrival_open();
	char name[TANDEM_NAME_SIZE] = "";
	int server, fd;

	ASSERT_NE(NULL, nl);
	server = bell_create();
	ASSERT_LE(0, server);
	EXPECT_EQ(0, arrival_next(nl, name, sizeof(name)));
	EXPECT_STREQ("bell", name);
	mnl_socket_close(nl);

	fd = tandem_open("bell", O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, tandem_subscribe(&sub, fd, NULL));
	close(fd);
	EXPECT_EQ(0, bell_ring(server, "milkman"));
	while (!(record = tandem_next(sub))) {
		ASSERT_EQ(1, tandem_wait(sub, DEADLINE_MS));
	}
	EXPECT_EQ(BELL_TYPE, TANDEM_RECORD_TYPE(record->type_flags));
	EXPECT_STREQ("milkman", (const char *)record->data);

	close(server);
	EXPECT_EQ(0, tandem_remove("bell"));
	EXPECT_EQ(-ENODEV, tandem_wait(sub, DEADLINE_MS));
	tandem_unsubscribe(sub);
}

TEST(trace_of_a_control)
{
	char command[256], line[256];
	bool found = false;
	FILE *trace;

	snprintf(command, sizeof(command),
		 "%s/docs/guide/trace.sh tandemctl ioctl gen --device-control 1 --in abcd --out 2",
		 getenv("TANDEM_TREE") ?: ".");
	trace = popen(command, "r");
	ASSERT_NE(NULL, trace);
	while (fgets(line, sizeof(line), trace))
		found |= !!strstr(line, "tandem_control: gen code=0x1 in=2 out=2");
	EXPECT_EQ(0, pclose(trace));
	EXPECT_TRUE(found);
}

TEST_HARNESS_MAIN
