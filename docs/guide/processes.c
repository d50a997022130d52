// SPDX-License-Identifier: GPL-2.0
/* Processes that begin and end. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "guide.h"

/* [process] */
static int on_exec(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	const struct tandem_process_event *event = (const void *)record->data;
	struct watch *watch = arg;

	(void)sub;
	fprintf(watch->out, "%u is %s now\n", event->pid, (const char *)(event + 1));
	return 0;
}

static int on_exit_of(struct tandem_subscription *sub, const struct tandem_record *record,
		      void *arg)
{
	const struct tandem_process_event *event = (const void *)record->data;
	struct watch *watch = arg;

	(void)sub;
	if (event->flags & TANDEM_PROCESS_THREAD)
		return 0;
	fprintf(watch->out, "%u ended with %u\n", event->pid, event->exit_code);
	return (pid_t)event->pid == watch->until ? -ECANCELED : 0;
}

int watch_begin(struct watch *watch)
{
	static const uint16_t types[] = { TANDEM_PROCESS_EXEC, TANDEM_PROCESS_EXIT };
	const struct tandem_subscribe_options options = { .types = types, .types_count = 2 };
	int ret, fd = tandem_open("process", O_RDONLY);

	if (fd < 0)
		return fd;
	ret = tandem_subscribe(&watch->sub, fd, &options);
	close(fd);
	if (ret)
		return ret;
	ret = tandem_on(watch->sub, TANDEM_PROCESS_EXEC, on_exec, watch);
	if (!ret)
		ret = tandem_on(watch->sub, TANDEM_PROCESS_EXIT, on_exit_of, watch);
	if (ret)
		tandem_unsubscribe(watch->sub);
	return ret;
}

int watch_go(struct watch *watch)
{
	int ret;

	do {
		ret = tandem_dispatch(watch->sub, 0);
		if (!ret)
			ret = tandem_wait(watch->sub, -1);
	} while (ret >= 0);
	tandem_unsubscribe(watch->sub);
	return ret == -ECANCELED ? 0 : ret;
}

/* [end] */
