// SPDX-License-Identifier: GPL-2.0
/*
 * Standard output.
 *
 * A command that shows what happens must end when its reader leaves, even if nothing happens any
 * more, and by SIGINT, even while a full pipe keeps it. So it never waits in write(): it polls
 * first, together with its signals, and writes no more than a pipe that polls ready is sure to
 * take.
 */

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define FLUSH_AT	(32 * 1024)
/* After a signal the rest of the output has so long to get out. */
#define LAST_WORDS_MS	1000

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void out_bytes(struct cli *cli, const void *data, size_t len)
{
	struct output *out = &cli->out;

	if (out->error)
		return;
	if (len > out->size - out->fill) {
		out->size = 2 * (out->fill + len);
		out->buffer = realloc(out->buffer, out->size);
		if (!out->buffer)
			no_memory();
	}
	memcpy(out->buffer + out->fill, data, len);
	out->fill += len;
	if (out->fill >= FLUSH_AT)
		out_flush(cli);
}

void out_text(struct cli *cli, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		no_memory();
	out_bytes(cli, text, (size_t)len);
	free(text);
}

void out_json(struct cli *cli, struct json_object *object)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *text;
	size_t len;

	flags |= cli->pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED :
			       JSON_C_TO_STRING_PLAIN;
	text = json_object_to_json_string_length(object, flags, &len);
	if (!text)
		no_memory();
	out_bytes(cli, text, len);
	out_bytes(cli, "\n", 1);
}

/* Takes a signal that has come. Is that an end? */
static bool take_signal(struct output *out)
{
	struct signalfd_siginfo info;

	if (out->signal_fd < 0 || read(out->signal_fd, &info, sizeof(info)) != sizeof(info))
		return out->signal;
	out->signal = (int)info.ssi_signo;
	return true;
}

bool out_flush(struct cli *cli)
{
	struct output *out = &cli->out;
	size_t done = 0;

	while (done < out->fill && !out->error) {
		struct pollfd fds[] = {
			{ .fd = STDOUT_FILENO, .events = POLLOUT },
			{ .fd = out->signal_fd, .events = POLLIN },
		};
		size_t chunk = out->fill - done < PIPE_BUF ? out->fill - done : PIPE_BUF;
		bool ending = out->signal;
		ssize_t written;
		int ready = poll(fds, ARRAY_SIZE(fds), ending ? LAST_WORDS_MS : -1);

		if (ready < 0 && errno == EINTR)
			continue;
		/* A second signal, or no reader in time: the rest is given up. */
		if (fds[1].revents && take_signal(out) && ending)
			break;
		if (!ready)
			break;
		if (!fds[0].revents)
			continue;
		written = write(STDOUT_FILENO, out->buffer + done, chunk);
		if (written >= 0)
			done += (size_t)written;
		else if (errno != EINTR && errno != EAGAIN)
			out->error = errno;
	}
	out->fill = 0;
	return !out->error && !out->signal;
}

void out_catch_signals(struct cli *cli)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	cli->out.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* Without the fd a blocked signal would never be seen. */
	if (cli->out.signal_fd < 0)
		sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int milliseconds_until(uint64_t deadline)
{
	uint64_t now = now_ns();
	uint64_t ms;

	if (deadline == FOR_EVER)
		return -1;
	if (now >= deadline)
		return 0;
	ms = (deadline - now + 999999) / 1000000;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

enum wait out_wait(struct cli *cli, int fd, uint64_t deadline)
{
	struct output *out = &cli->out;

	if (!out_flush(cli))
		return WAIT_ENDED;
	for (;;) {
		/* Without events asked for, standard output still says that its reader left. */
		struct pollfd fds[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = out->signal_fd, .events = POLLIN },
			{ .fd = STDOUT_FILENO },
		};
		int ready = poll(fds, ARRAY_SIZE(fds), milliseconds_until(deadline));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0) {
			out->error = errno;
			return WAIT_ENDED;
		}
		if (fds[1].revents && take_signal(out))
			return WAIT_ENDED;
		if (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL)) {
			out->error = fds[2].revents & POLLNVAL ? EBADF : EPIPE;
			return WAIT_ENDED;
		}
		if (fds[0].revents)
			return WAIT_READY;
		if (now_ns() >= deadline)
			return WAIT_TIME_OVER;
	}
}
