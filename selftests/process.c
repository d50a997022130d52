// SPDX-License-Identifier: GPL-2.0
/*
 * The process half: every fork, exec and exit is told, as it was, and every id ends once.
 *
 * TIMEOUT=180
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "util.h"
#include "watcher.h"

#define MANY		500

FIXTURE(process)
{
	struct watcher watcher;
};

FIXTURE_SETUP(process)
{
	ASSERT_EQ(0, watcher_open(&self->watcher));
}

FIXTURE_TEARDOWN(process)
{
	watcher_close(&self->watcher);
}

/* In clock ticks since boot, as ps shows it. */
static uint64_t start_ticks(pid_t pid)
{
	unsigned long long ticks = 0;
	char path[64];
	FILE *file;
	int field;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* The 22nd field; no name of a program here has a blank. */
	for (field = 1; field < 22; field++)
		if (fscanf(file, "%*s") == EOF)
			break;
	if (fscanf(file, "%llu", &ticks) != 1)
		ticks = 0;
	fclose(file);
	return ticks;
}

static const struct tandem_process_event *fork_of(FIXTURE_DATA(process) * self, pid_t pid)
{
	return watcher_event(&self->watcher, TANDEM_PROCESS_FORK, pid);
}

static const struct tandem_process_event *exec_of(FIXTURE_DATA(process) * self, pid_t pid)
{
	return watcher_event(&self->watcher, TANDEM_PROCESS_EXEC, pid);
}

static const struct tandem_process_event *exit_of(FIXTURE_DATA(process) * self, pid_t pid)
{
	return watcher_event(&self->watcher, TANDEM_PROCESS_EXIT, pid);
}

static int exit_with(void *arg)
{
	return *(int *)arg;
}

TEST_F(process, fork_and_exit)
{
	int code = 42;
	struct child child = child_fork(exit_with, &code);
	const uint64_t before = now_ns();
	struct seen *seen;
	uint64_t ticks;

	ASSERT_LT(0, child.pid);
	seen = watcher_wait(&self->watcher, TANDEM_PROCESS_FORK, child.pid);
	ASSERT_NE(NULL, seen);
	EXPECT_EQ(child.pid, (pid_t)seen->event.tgid);
	EXPECT_EQ(getpid(), (pid_t)seen->event.ppid);
	EXPECT_EQ(gettid(), (pid_t)seen->event.parent_tid);
	EXPECT_EQ(getuid(), seen->event.uid);
	EXPECT_EQ(0, seen->event.flags);
	EXPECT_EQ(0, seen->event.exit_code);
	EXPECT_EQ(0, seen->event.exit_signal);
	EXPECT_EQ(TANDEM_CLASS_NORMAL, seen->event_class);
	EXPECT_STREQ("process", seen->event.comm);
	EXPECT_LE(seen->time, before);
	ticks = start_ticks(child.pid);
	EXPECT_EQ(ticks, seen->event.start_time / (1000000000 / sysconf(_SC_CLK_TCK)));

	EXPECT_EQ(0, watcher_count(&self->watcher, TANDEM_PROCESS_EXIT, child.pid));
	EXPECT_EQ(42, WEXITSTATUS(child_end(&child)));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	seen = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, child.pid, 0);
	ASSERT_NE(NULL, seen);
	EXPECT_EQ(42, seen->event.exit_code);
	EXPECT_EQ(0, seen->event.exit_signal);
	EXPECT_EQ(0, seen->event.flags);
	EXPECT_EQ(0, seen->event.parent_tid);
	EXPECT_EQ(getpid(), (pid_t)seen->event.ppid);
	EXPECT_EQ(child.pid, (pid_t)seen->event.tgid);
	EXPECT_EQ(TANDEM_CLASS_NORMAL, seen->event_class);
	EXPECT_EQ(fork_of(self, child.pid)->start_time,
		  seen->event.start_time);
	EXPECT_LE(before, seen->time);
}

TEST_F(process, all_exit_codes_are_a_byte)
{
	int code = 0x1ff;
	struct child child = child_fork(exit_with, &code);

	ASSERT_LT(0, child.pid);
	EXPECT_EQ(255, WEXITSTATUS(child_end(&child)));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	EXPECT_EQ(255, exit_of(self, child.pid)->exit_code);
}

TEST_F(process, killed)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGUSR1 };
	int code = 1;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct child child = child_fork(exit_with, &code);
		struct seen *seen;

		ASSERT_LT(0, child.pid);
		ASSERT_EQ(0, kill(child.pid, signals[i]));
		EXPECT_EQ(signals[i], WTERMSIG(wait_child(child.pid, deadline_in(20))));
		EXPECT_ONE_EXIT(&self->watcher, child.pid);
		seen = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, child.pid, 0);
		ASSERT_NE(NULL, seen);
		EXPECT_EQ(signals[i], (int)seen->event.exit_signal);
		EXPECT_EQ(0, seen->event.exit_code);
		close(child.go);
	}
}

static int dump_core(void *arg)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	(void)arg;
	/* After a change of ids or so, a process may not be dumpable. */
	if (setrlimit(RLIMIT_CORE, &unlimited) || prctl(PR_SET_DUMPABLE, 1))
		return 1;
	abort();
}

TEST_F(process, core_dump)
{
	struct child child;
	struct seen *seen;
	int status;

	if (write_word("/proc/sys/kernel/core_pattern", "/tmp/core-of-%p"))
		SKIP(return, "where core dumps go cannot be set");
	child = child_fork(dump_core, NULL);
	ASSERT_LT(0, child.pid);
	status = child_end(&child);
	EXPECT_EQ(SIGABRT, WTERMSIG(status));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	seen = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, child.pid, 0);
	ASSERT_NE(NULL, seen);
	EXPECT_EQ(SIGABRT, seen->event.exit_signal);
	EXPECT_TRUE(WCOREDUMP(status));
	EXPECT_EQ(TANDEM_PROCESS_COREDUMP, seen->event.flags);
}

static int become(void *arg)
{
	execl(arg, "a name of its own", NULL);
	return 127;
}

TEST_F(process, exec)
{
	struct child child = child_fork(become, "/bin/true");
	struct seen *seen;

	ASSERT_LT(0, child.pid);
	EXPECT_EQ(0, child_end(&child));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	seen = watcher_wait(&self->watcher, TANDEM_PROCESS_EXEC, child.pid);
	ASSERT_NE(NULL, seen);
	EXPECT_EQ(1, watcher_count(&self->watcher, TANDEM_PROCESS_EXEC, child.pid));
	EXPECT_STREQ("/bin/true", seen->filename);
	EXPECT_STREQ("true", seen->event.comm);
	EXPECT_EQ(child.pid, (pid_t)seen->event.tgid);
	EXPECT_EQ(getpid(), (pid_t)seen->event.ppid);
	EXPECT_EQ(0, seen->event.flags);
	EXPECT_EQ(0, seen->event.parent_tid);
	EXPECT_EQ(TANDEM_CLASS_NORMAL, seen->event_class);
	EXPECT_STREQ("process", fork_of(self, child.pid)->comm);
	EXPECT_STREQ("true", exit_of(self, child.pid)->comm);
}

/* The script's name is the program's, not its interpreter's. */
TEST_F(process, exec_of_a_script)
{
	char path[] = "/tmp/tandem-script-XXXXXX";
	int fd = mkstemp(path);
	struct child child;
	struct seen *seen;

	ASSERT_LE(0, fd);
	ASSERT_EQ(18, write(fd, "#!/bin/sh\nexit 19\n", 18));
	ASSERT_EQ(0, fchmod(fd, 0755));
	close(fd);
	child = child_fork(become, path);
	ASSERT_LT(0, child.pid);
	EXPECT_EQ(19, WEXITSTATUS(child_end(&child)));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	seen = watcher_wait(&self->watcher, TANDEM_PROCESS_EXEC, child.pid);
	ASSERT_NE(NULL, seen);
	EXPECT_STREQ(path, seen->filename);
	unlink(path);
}

TEST_F(process, failed_exec_is_none)
{
	struct child child = child_fork(become, "/bin/there-is-no-such-program");

	ASSERT_LT(0, child.pid);
	EXPECT_EQ(127, WEXITSTATUS(child_end(&child)));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	EXPECT_EQ(0, watcher_count(&self->watcher, TANDEM_PROCESS_EXEC, child.pid));
}

/* "./././…/true", of @len bytes with its NUL. */
static void make_long_name(char *name, size_t len)
{
	size_t i;

	memset(name, '/', len);
	for (i = 0; i + 6 < len; i += 2)
		name[i] = '.';
	memcpy(name + len - 5, "true", 5);
}

static int become_relative(void *arg)
{
	char *const argv[] = { "true", NULL };
	int dir = open("/bin", O_PATH | O_DIRECTORY);

	if (dir >= 0)
		execveat(dir, arg, argv, environ, 0);
	return 127;
}

TEST_F(process, long_names)
{
	/* The kernel puts "/dev/fd/N/" before it. */
	static const struct {
		size_t len;
		bool cut;
	} cases[] = { { 2001, false }, { 4095, true } };
	char name[4096];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct child child;
		struct seen *seen;
		const char *tail;

		make_long_name(name, cases[i].len);
		child = child_fork(become_relative, name);
		ASSERT_LT(0, child.pid);
		EXPECT_EQ(0, child_end(&child));
		EXPECT_ONE_EXIT(&self->watcher, child.pid);
		seen = watcher_wait(&self->watcher, TANDEM_PROCESS_EXEC, child.pid);
		ASSERT_NE(NULL, seen);
		EXPECT_EQ(cases[i].cut, !!(seen->event.flags & TANDEM_PROCESS_TRUNCATED));
		EXPECT_EQ(0, strncmp("/dev/fd/", seen->filename, 8));
		ASSERT_NE(NULL, strchr(seen->filename + 8, '/'));
		tail = strchr(seen->filename + 8, '/') + 1;
		EXPECT_EQ(0, strncmp(name, tail, strlen(tail)));
		EXPECT_EQ(cases[i].cut, strlen(seen->filename) == 4095);
		EXPECT_EQ(cases[i].cut, strlen(tail) < strlen(name));
	}
}

static int drop_rights(void *arg)
{
	(void)arg;
	if (setuid(NOBODY))
		return 1;
	return become("/bin/true");
}

TEST_F(process, uid)
{
	struct child child = child_fork(drop_rights, NULL);

	ASSERT_LT(0, child.pid);
	EXPECT_EQ(0, child_end(&child));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	EXPECT_EQ(0, fork_of(self, child.pid)->uid);
	EXPECT_EQ(NOBODY, exit_of(self, child.pid)->uid);
	ASSERT_NE(NULL, watcher_find(&self->watcher, TANDEM_PROCESS_EXEC, child.pid, 0));
	EXPECT_EQ(NOBODY, exec_of(self, child.pid)->uid);
}

static int orphan_child(void *arg)
{
	int *go = arg;
	pid_t pid = fork();
	char byte;

	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) ? 1 : 0);
	}
	return pid < 0;
}

/* Who is adopted has another parent from then on. */
TEST_F(process, orphan)
{
	struct seen *seen = NULL;
	struct child child;
	unsigned int i;
	int go[2];

	ASSERT_EQ(0, pipe2(go, O_CLOEXEC));
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	child = child_fork(orphan_child, go);
	ASSERT_LT(0, child.pid);
	EXPECT_EQ(0, child_end(&child));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	for (i = 0; i < self->watcher.count; i++)
		if (self->watcher.seen[i].type == TANDEM_PROCESS_FORK &&
		    self->watcher.seen[i].event.ppid == (uint32_t)child.pid)
			seen = &self->watcher.seen[i];
	ASSERT_NE(NULL, seen);
	close(go[0]);
	close(go[1]);
	EXPECT_EQ(0, wait_child(seen->event.pid, deadline_in(20)));
	EXPECT_ONE_EXIT(&self->watcher, seen->event.pid);
	EXPECT_EQ(getpid(), (pid_t)exit_of(self, seen->event.pid)->ppid);
}

TEST_F(process, who_may_listen)
{
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			_exit(2);
		_exit(open_node("process", O_RDONLY) == -EACCES ? 0 : 1);
	}
	EXPECT_EQ(0, wait_child(child, deadline_in(20)));
}

/* A device that answers no operation, but has events. */
TEST_F(process, no_operations)
{
	struct tandem_device_control args = { .code = 1 };
	int fd = open_node("process", O_RDWR);
	char byte = 0;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(fd, TANDEM_IOC_DEVICE_CONTROL, &args));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, _IO(0x33, 1)));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);
	close(fd);
}

TEST_F_TIMEOUT(process, many, 180)
{
	unsigned int i, forks = 0;
	pid_t pids[MANY];

	/* Some at once, so that they end on all CPUs and their ids may come again. */
	for (i = 0; i < MANY; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			_exit(i & 0x7f);
		if (i >= 16)
			EXPECT_EQ((i - 16) & 0x7f, WEXITSTATUS(wait_child(pids[i - 16],
									  deadline_in(20))));
	}
	for (i = MANY - 16; i < MANY; i++)
		EXPECT_EQ(i & 0x7f, WEXITSTATUS(wait_child(pids[i], deadline_in(20))));
	for (i = 0; i < MANY; i++) {
		ASSERT_NE(NULL, watcher_wait(&self->watcher, TANDEM_PROCESS_EXIT, pids[i]));
		EXPECT_EQ(i & 0x7f, exit_of(self, pids[i])->exit_code);
		forks += watcher_count(&self->watcher, TANDEM_PROCESS_FORK, pids[i]) == 1;
		EXPECT_EQ(1, watcher_count(&self->watcher, TANDEM_PROCESS_EXIT, pids[i]));
		EXPECT_EQ(fork_of(self, pids[i])->start_time,
			  exit_of(self, pids[i])->start_time);
	}
	EXPECT_EQ(MANY, forks);
	EXPECT_EQ(NULL, self->watcher.consumer.error);
	EXPECT_EQ(0, consumer_lost_records(&self->watcher.consumer));
}

TEST_HARNESS_MAIN
