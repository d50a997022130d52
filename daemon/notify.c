// SPDX-License-Identifier: GPL-2.0
/* What the service manager is told, if there is one. */

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"

/* Return: 0 or -errno. */
static int send_text(const char *path, const char *text, int flags)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 1 };
	size_t length = strlen(path);
	int ret = 0;
	int fd;

	if (length >= sizeof(address.sun_path) || !strchr("/@", path[0]))
		return -EAFNOSUPPORT;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    sendto(fd, text, strlen(text), flags | MSG_NOSIGNAL, (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

void notify_manager(const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	static int failed;
	char text[256];
	va_list args;
	int ret;

	if (!path || !*path)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ret = send_text(path, text, failed ? MSG_DONTWAIT : 0);
	if (ret && !failed)
		log_warning("the service manager does not listen: %s",
			    ret == -EAGAIN ? "too much waits for it" : strerror(-ret));
	failed = ret;
}
