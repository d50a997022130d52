// SPDX-License-Identifier: GPL-2.0
/*
 * The process half and threads: each thread begins and ends, and the process ends with the last
 * one, whichever that is.
 *
 * TIMEOUT=120
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "util.h"
#include "watcher.h"

#define THREADS		8
#define ROUNDS		50

/* What a child is to do, and what it tells of itself, in memory that both see. */
struct report {
	void *(*become)(void *report);
	pid_t tid[THREADS];
};

FIXTURE(threads)
{
	struct watcher watcher;
	struct report *report;
};

FIXTURE_SETUP(threads)
{
	self->report = mmap(NULL, sizeof(*self->report), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->report);
	ASSERT_EQ(0, watcher_open(&self->watcher));
}

FIXTURE_TEARDOWN(threads)
{
	watcher_close(&self->watcher);
	munmap(self->report, sizeof(*self->report));
}

static void *tell_tid(void *arg)
{
	pid_t *tid = arg;

	*tid = gettid();
	return NULL;
}

static int start_and_join(void *arg)
{
	struct report *report = arg;
	pthread_t thread[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, tell_tid, &report->tid[i]))
			return 1;
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return 5;
}

TEST_F(threads, begin_and_end)
{
	struct child child = child_fork(start_and_join, self->report);
	unsigned int i;

	ASSERT_LT(0, child.pid);
	EXPECT_EQ(5, WEXITSTATUS(child_end(&child)));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	EXPECT_EQ(5, watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, child.pid,
				  0)->event.exit_code);
	for (i = 0; i < THREADS; i++) {
		const struct seen *begun, *ended;

		EXPECT_ONE_EXIT(&self->watcher, self->report->tid[i]);
		begun = watcher_find(&self->watcher, TANDEM_PROCESS_FORK, self->report->tid[i], 0);
		ended = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, self->report->tid[i], 0);
		ASSERT_NE(NULL, begun);
		ASSERT_NE(NULL, ended);
		EXPECT_EQ(TANDEM_PROCESS_THREAD, begun->event.flags);
		EXPECT_EQ(TANDEM_PROCESS_THREAD, ended->event.flags);
		EXPECT_EQ(child.pid, (pid_t)begun->event.tgid);
		EXPECT_EQ(child.pid, (pid_t)ended->event.tgid);
		EXPECT_EQ(child.pid, (pid_t)begun->event.parent_tid);
		EXPECT_EQ(getpid(), (pid_t)begun->event.ppid);
		EXPECT_EQ(TANDEM_CLASS_BULK, begun->event_class);
		EXPECT_EQ(TANDEM_CLASS_BULK, ended->event_class);
		EXPECT_EQ(begun->event.start_time, ended->event.start_time);
	}
}

/* Until the first thread is a zombie, which nothing but its state tells. */
static void wait_until_first_left(void)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	while (state != 'Z') {
		FILE *file = fopen(path, "re");

		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			_exit(1);
		fclose(file);
	}
}

static void *exit_when_alone(void *arg)
{
	(void)arg;
	wait_until_first_left();
	_exit(9);
}

static int leave_first(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exit_when_alone, arg))
		return 1;
	pthread_exit(NULL);
}

TEST_F(threads, first_one_leaves_early)
{
	struct child child = child_fork(leave_first, NULL);
	const struct seen *seen;

	ASSERT_LT(0, child.pid);
	EXPECT_EQ(9, WEXITSTATUS(child_end(&child)));
	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	seen = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, child.pid, 0);
	ASSERT_NE(NULL, seen);
	EXPECT_EQ(9, seen->event.exit_code);
	EXPECT_EQ(0, seen->event.exit_signal);
	EXPECT_EQ(0, seen->event.flags);
	EXPECT_EQ(getpid(), (pid_t)seen->event.ppid);
}

static void *become_true(void *arg)
{
	struct report *report = arg;

	report->tid[0] = gettid();
	execl("/bin/true", "true", NULL);
	_exit(127);
}

/* There is no room for another program, which is found out when the old one is gone already. */
static void *become_nothing(void *arg)
{
	const struct rlimit limit = { 128 * 1024, 128 * 1024 };

	setrlimit(RLIMIT_AS, &limit);
	return become_true(arg);
}

static int exec_in_a_thread(void *arg)
{
	struct report *report = arg;
	pthread_t thread;

	if (pthread_create(&thread, NULL, report->become, report))
		return 1;
	pause();
	return 2;
}

static void *become_when_alone(void *arg)
{
	struct report *report = arg;

	wait_until_first_left();
	return report->become(report);
}

static int leave_first_to_exec(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, become_when_alone, arg))
		return 1;
	pthread_exit(NULL);
}

/*
 * The thread becomes the process, and goes on or dies as such: the thread's id ends, and the
 * process's ends with the process.
 */
static void check_exec(struct __test_metadata *_metadata, FIXTURE_DATA(threads) * self,
		       int (*work)(void *arg), bool succeeds)
{
	struct child child = child_fork(work, self->report);
	const struct seen *seen;
	int status;

	ASSERT_LT(0, child.pid);
	status = child_end(&child);
	EXPECT_EQ(succeeds, WIFEXITED(status));
	EXPECT_EQ(succeeds, watcher_count(&self->watcher, TANDEM_PROCESS_EXEC, child.pid));
	EXPECT_EQ(0, watcher_count(&self->watcher, TANDEM_PROCESS_EXEC, self->report->tid[0]));

	EXPECT_ONE_EXIT(&self->watcher, child.pid);
	seen = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, child.pid, 0);
	ASSERT_NE(NULL, seen);
	EXPECT_EQ(WEXITSTATUS(status), seen->event.exit_code);
	EXPECT_EQ(WTERMSIG(status), (int)seen->event.exit_signal);
	EXPECT_EQ(0, seen->event.flags & TANDEM_PROCESS_THREAD);

	EXPECT_ONE_EXIT(&self->watcher, self->report->tid[0]);
	seen = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, self->report->tid[0], 0);
	ASSERT_NE(NULL, seen);
	EXPECT_EQ(TANDEM_PROCESS_THREAD, seen->event.flags);
	EXPECT_EQ(child.pid, (pid_t)seen->event.tgid);
	EXPECT_EQ(0, seen->event.start_time);
	EXPECT_EQ(TANDEM_CLASS_BULK, seen->event_class);
}

TEST_F(threads, exec)
{
	self->report->become = become_true;
	check_exec(_metadata, self, exec_in_a_thread, true);
}

TEST_F(threads, exec_after_the_first_one_left)
{
	self->report->become = become_true;
	check_exec(_metadata, self, leave_first_to_exec, true);
}

TEST_F(threads, exec_that_fails_too_late)
{
	self->report->become = become_nothing;
	check_exec(_metadata, self, exec_in_a_thread, false);
}

TEST_F(threads, exec_that_fails_too_late_after_the_first_one_left)
{
	self->report->become = become_nothing;
	check_exec(_metadata, self, leave_first_to_exec, false);
}

static void *sleep_for_ever(void *arg)
{
	tell_tid(arg);
	pause();
	return NULL;
}

static int be_killed(void *arg)
{
	struct report *report = arg;
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, sleep_for_ever, &report->tid[i]))
			return 1;
	for (i = 0; i < THREADS; i++)
		while (!__atomic_load_n(&report->tid[i], __ATOMIC_ACQUIRE))
			sched_yield();
	kill(getpid(), SIGKILL);
	return 2;
}

/* All threads end at once, in any order, on all CPUs: the one that is last must be found. */
TEST_F_TIMEOUT(threads, killed_together, 120)
{
	unsigned int i, round;

	for (round = 0; round < ROUNDS; round++) {
		struct child child;
		const struct seen *seen;

		memset(self->report, 0, sizeof(*self->report));
		child = child_fork(be_killed, self->report);
		ASSERT_LT(0, child.pid);
		EXPECT_EQ(SIGKILL, WTERMSIG(child_end(&child)));
		EXPECT_ONE_EXIT(&self->watcher, child.pid);
		seen = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT, child.pid, 0);
		ASSERT_NE(NULL, seen);
		EXPECT_EQ(SIGKILL, seen->event.exit_signal);
		EXPECT_EQ(0, seen->event.flags);
		for (i = 0; i < THREADS; i++) {
			EXPECT_ONE_EXIT(&self->watcher, self->report->tid[i]);
			seen = watcher_find(&self->watcher, TANDEM_PROCESS_EXIT,
					    self->report->tid[i], 0);
			ASSERT_NE(NULL, seen);
			EXPECT_EQ(SIGKILL, seen->event.exit_signal);
		}
	}
}

TEST_HARNESS_MAIN
