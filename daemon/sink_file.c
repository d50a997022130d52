// SPDX-License-Identifier: GPL-2.0
/*
 * JSON lines to a file, or to standard output.
 *
 * A file is opened anew when it is not the one of that name any more, and on request, so that it
 * may be rotated at any time. Readers see whole lines: what was begun is finished before anything
 * else, or taken back.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "sink.h"

static bool moved(const struct sink *sink)
{
	struct stat st;

	return stat(sink->config.path, &st) || st.st_dev != sink->device ||
	       st.st_ino != sink->inode;
}

/*
 * Standard output is shared with others, who would be surprised to find it non-blocking. Opened
 * once more it is our own; where that cannot be done, a blocked reader is worse than a surprise.
 */
static int open_stdout(void)
{
	struct stat st;
	int fd;

	if (fstat(STDOUT_FILENO, &st))
		return -errno;
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (fd >= 0)
			return fd;
	}
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}

static void close_file(struct sink *sink)
{
	struct stat st;

	if (sink->fd < 0)
		return;
	/*
	 * The beginning of a line is cut off, if nobody has written behind it. Out of a pipe
	 * nothing can be taken back. The line itself is still in the queue.
	 */
	if (sink->lines.partial && !fstat(sink->fd, &st) && S_ISREG(st.st_mode) &&
	    lseek(sink->fd, 0, SEEK_CUR) == st.st_size &&
	    ftruncate(sink->fd, st.st_size - (off_t)sink->lines.partial))
		log_warning("sink %s: a line that was begun stays behind: %s", sink->config.name,
			    strerror(errno));
	sink->lines.partial = 0;
	close(sink->fd);
	sink->fd = -1;
}

/* Where the last line of a file of @size bytes begins that has no end, or @size if it has one. */
static off_t unfinished(int fd, off_t size)
{
	char chunk[4096];
	off_t at = size;

	while (at) {
		off_t start = at > (off_t)sizeof(chunk) ? at - (off_t)sizeof(chunk) : 0;
		ssize_t n = pread(fd, chunk, (size_t)(at - start), start);
		const char *end = n > 0 ? memrchr(chunk, '\n', (size_t)n) : NULL;

		if (end)
			return start + (end - chunk) + 1;
		if (n != at - start)
			return size;
		at = start;
	}
	return 0;
}

/*
 * A daemon that was killed may have left the beginning of a line. It is cut off, as a durable
 * subscription gives that event again, and otherwise it is lost with the daemon. What is not ours
 * gets its end.
 */
static void mend_end(struct sink *sink, off_t size)
{
	int fd = open(sink->config.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	off_t start;
	char first;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_dev == sink->device && st.st_ino == sink->inode) {
		start = unfinished(fd, size);
		if (start < size && pread(fd, &first, 1, start) == 1 &&
		    (first == '{' ? ftruncate(sink->fd, start) : write(sink->fd, "\n", 1) != 1))
			log_warning("sink %s: a line that was begun stays behind: %s",
				    sink->config.name, strerror(errno));
	}
	close(fd);
}

static int open_file(struct sink *sink)
{
	struct stat st;

	if (sink->fd >= 0 && sink->config.kind == SINK_FILE && moved(sink))
		close_file(sink);
	if (sink->fd >= 0)
		return 0;

	if (sink->config.kind == SINK_FILE) {
		sink->fd = open(sink->config.path,
				O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
				0640);
		if (sink->fd < 0)
			return -errno;
	} else {
		int fd = open_stdout();

		if (fd < 0)
			return fd;
		sink->fd = fd;
	}
	if (fstat(sink->fd, &st)) {
		int ret = -errno;

		close_file(sink);
		return ret;
	}
	sink->device = st.st_dev;
	sink->inode = st.st_ino;
	sink->pipe = S_ISFIFO(st.st_mode);
	sink->socket = S_ISSOCK(st.st_mode);
	if (sink->config.kind == SINK_FILE && S_ISREG(st.st_mode) && st.st_size)
		mend_end(sink, st.st_size);
	return 0;
}

static int put_text(struct sink *sink, struct json_object *event, const char *text, size_t len,
		    struct route *route)
{
	char *room = lines_room(&sink->lines, len + 1);

	(void)event;
	if (!room)
		return -ENOMEM;
	memcpy(room, text, len);
	room[len] = '\n';
	lines_add(&sink->lines, len + 1, route);
	return 0;
}

static ssize_t write_file(struct sink *sink)
{
	/* A pipe takes so many bytes whole or not at all. */
	size_t len = lines_chunk(&sink->lines, sink->pipe ? PIPE_BUF : 0);
	ssize_t n;

	if (sink->socket)
		n = send(sink->fd, lines_next(&sink->lines), len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(sink->fd, lines_next(&sink->lines), len);
	if (n >= 0)
		return n;
	n = -errno;
	/* The next reader of a named pipe shall not begin within a line. */
	if (n == -EPIPE && sink->config.kind == SINK_FILE)
		close_file(sink);
	return n;
}

const struct sink_ops sink_file_ops = {
	.open = open_file,
	.put = put_text,
	.write = write_file,
	.close = close_file,
};
