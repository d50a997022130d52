// SPDX-License-Identifier: GPL-2.0
/* Answers of a command that runs for each request. */

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answer.h"
#include "cli.h"

/* The largest errno there is. */
#define ERRNO_MAX	511

/* The names of errnos are not longer. */
#define ERROR_TEXT_MAX	32

/* The process that runs, for the signal handler; 0: none. */
static pid_t running;

void answerer_interrupt(void)
{
	pid_t pid = __atomic_load_n(&running, __ATOMIC_RELAXED);

	if (pid)
		kill(pid, SIGTERM);
}

int answerer_spawn(char **command, int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults, all, before;
	pid_t pid;
	int ret;

	/* Either a signal comes before, and nothing is started, or it finds what was. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (serve_stopped()) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return -EINTR;
	}
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setsigmask(&attributes, &before);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	ret = posix_spawnp(&pid, command[0], &actions, &attributes, command, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (!ret)
		__atomic_store_n(&running, pid, __ATOMIC_RELAXED);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

int answerer_wait(void)
{
	pid_t pid = __atomic_load_n(&running, __ATOMIC_RELAXED);
	siginfo_t info;
	int status = 0;

	/* Its number is its own until it has been waited for. */
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	__atomic_store_n(&running, 0, __ATOMIC_RELAXED);
	waitpid(pid, &status, 0);
	return status;
}

int read_errno(const char *text)
{
	uint64_t number;
	int error;

	if (read_number(text, &number))
		return number <= ERRNO_MAX ? (int)number : 0;
	for (error = 1; error <= ERRNO_MAX; error++) {
		const char *name = strerrorname_np(error);

		if (name && !strcmp(name, text))
			return error;
	}
	return 0;
}

int64_t answer_output(const struct answerer *answerer, struct tandem_request *request,
		      const void *data, size_t len)
{
	char digits[32] = "";
	uint64_t position;

	if (request->op == TANDEM_OP_LSEEK) {
		memcpy(digits, data, len < sizeof(digits) ? len : sizeof(digits) - 1);
		digits[strcspn(digits, "\n")] = 0;
		if (read_number(digits, &position) && position <= INT64_MAX)
			return (int64_t)position;
		complain(answerer->cli, STATUS_FAILED, "'%s' is no position; the answer is EIO.",
			 digits);
		return -EIO;
	}
	if (request->op == TANDEM_OP_WRITE)
		return (int64_t)request->in_len;
	if (!request->out_len)
		return 0;
	if (len > request->out_len) {
		complain(answerer->cli, STATUS_FAILED,
			 "%zu bytes are no answer to a request with room for %zu; the answer is EIO.",
			 len, request->out_len);
		return -EIO;
	}
	memcpy(request->out, data, len);
	request->len = len;
	return request->op == TANDEM_OP_READ ? (int64_t)len : 0;
}

static void set_number(const char *name, const char *format, uintmax_t value)
{
	char text[32];

	snprintf(text, sizeof(text), format, value);
	if (setenv(name, text, 1))
		no_memory();
}

static void set_environment(const struct answerer *answerer, const struct tandem_request *request)
{
	if (setenv("TANDEM_DEVICE", answerer->device, 1) ||
	    setenv("TANDEM_OP", operation_name(request), 1))
		no_memory();
	set_number("TANDEM_FILE", "%ju", request->file);
	set_number("TANDEM_OFFSET", "%ju", request->offset);
	set_number("TANDEM_CODE", "0x%jx", request->code);
	set_number("TANDEM_LEN", "%ju", request->out_len);
	set_number("TANDEM_PID", "%ju", request->pid);
	set_number("TANDEM_UID", "%ju", request->uid);
	set_number("TANDEM_GID", "%ju", request->gid);
}

/* A file in memory, so that neither side has to wait for the other. Return: it, or -errno. */
static int memory_file(const char *name, const void *data, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, data, len, 0) != (ssize_t)len) {
		error = errno ?: ENOMEM;
		close(fd);
	}
	return error ? -error : fd;
}

/* What a command that failed has said of why. */
static int64_t failure(const void *data, size_t len)
{
	char text[ERROR_TEXT_MAX] = "";

	if (len < sizeof(text)) {
		memcpy(text, data, len);
		text[strcspn(text, "\n")] = 0;
	}
	return -(int64_t)(read_errno(text) ?: EIO);
}

static int64_t read_answer(const struct answerer *answerer, struct tandem_request *request,
			   int status, int out)
{
	off_t len = lseek(out, 0, SEEK_END);
	void *data = NULL;
	int64_t ret;

	if (len > 0) {
		data = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, out, 0);
		if (data == MAP_FAILED)
			return -errno;
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		ret = answer_output(answerer, request, data ?: "", (size_t)len);
	else
		ret = failure(data ?: "", (size_t)len);
	if (data)
		munmap(data, (size_t)len);
	return ret;
}

int64_t answer_by_command(struct answerer *answerer, struct tandem_request *request)
{
	int in = memory_file("input", request->in, request->in_len);
	int out = memory_file("output", NULL, 0);
	int64_t ret = in < 0 ? in : out;

	if (ret >= 0) {
		set_environment(answerer, request);
		ret = answerer_spawn(answerer->command, in, out);
		if (!ret) {
			ret = read_answer(answerer, request, answerer_wait(), out);
		} else if (ret != -EINTR) {
			answerer->failed = true;
			complain(answerer->cli, STATUS_FAILED, "'%s' cannot be run: %s.",
				 answerer->command[0], strerror((int)-ret));
			ret = -EIO;
		}
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return ret;
}
