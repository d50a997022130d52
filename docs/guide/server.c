// SPDX-License-Identifier: GPL-2.0
/* A device that user space makes. */
#include <string.h>
#include <unistd.h>

#include "guide.h"

/* [server] */
int bell_create(void)
{
	const struct tandem_bind_options options = {
		.flags = TANDEM_BIND_CREATE,
		.mode = 0640,
		.uid = getuid(),
		.gid = getgid(),
		.events_mode = 0440,
	};

	return tandem_bind("bell", &options, NULL);
}

int bell_ring(int server, const char *who)
{
	return tandem_post(server, 1, TANDEM_CLASS_NORMAL, who, strlen(who) + 1);
}

/* [end] */
