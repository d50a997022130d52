// SPDX-License-Identifier: GPL-2.0
/* Messages to a person. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "log.h"

static int journal;

void log_start(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device;
	uintmax_t inode;
	struct stat st;

	/* A child of a service inherits the variable, but seldom the stream: so compare. */
	journal = stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
		  !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

int log_to_journal(void)
{
	return journal;
}

static void say(const char *priority, const char *format, va_list args)
{
	char text[1024];

	/* One write, so that no other line comes in between. */
	vsnprintf(text, sizeof(text), format, args);
	dprintf(STDERR_FILENO, "%s%s\n", journal ? priority : "tandemd: ", text);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(SD_ERR, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(SD_WARNING, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(SD_INFO, format, args);
	va_end(args);
}
