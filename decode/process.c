// SPDX-License-Identifier: GPL-2.0
/* Events of the process device. */

#include <json-c/json.h>
#include <string.h>

#include "decode.h"

static const char *const types[] = {
	[TANDEM_PROCESS_FORK] = "fork",
	[TANDEM_PROCESS_EXEC] = "exec",
	[TANDEM_PROCESS_EXIT] = "exit",
};

const char *decode_process_type(unsigned int type)
{
	return type < ARRAY_SIZE(types) ? types[type] : NULL;
}

static bool add_exec(struct json_object *object, const struct tandem_process_event *event,
		     const char *name, size_t name_len, bool *lossy)
{
	return decode_add_string(object, "filename", name, name_len, lossy) &&
	       decode_add_bool(object, "truncated", event->flags & TANDEM_PROCESS_TRUNCATED);
}

static bool add_exit(struct json_object *object, const struct tandem_process_event *event)
{
	return decode_add_int(object, "exit_code", event->exit_code) &&
	       decode_add_int(object, "signal", event->exit_signal) &&
	       decode_add_bool(object, "coredump", event->flags & TANDEM_PROCESS_COREDUMP);
}

int decode_process(struct json_object *object, unsigned int type, const void *data, size_t len)
{
	struct tandem_process_event event;
	const char *rest = (const char *)data + sizeof(event);
	bool whole = len == sizeof(event) || type == TANDEM_PROCESS_EXEC;
	bool lossy = false;
	bool ok;

	if (!decode_process_type(type) || len < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));

	ok = decode_add_int(object, "pid", event.pid) &&
	     decode_add_int(object, "tgid", event.tgid) &&
	     decode_add_int(object, "ppid", event.ppid) &&
	     decode_add_int(object, "uid", event.uid) &&
	     decode_add_int(object, "start_time", event.start_time) &&
	     decode_add_string(object, "comm", event.comm, sizeof(event.comm), &lossy) &&
	     decode_add_bool(object, "thread", event.flags & TANDEM_PROCESS_THREAD);
	if (ok && type == TANDEM_PROCESS_FORK)
		ok = decode_add_int(object, "parent_tid", event.parent_tid);
	else if (ok && type == TANDEM_PROCESS_EXEC)
		ok = add_exec(object, &event, rest, len - sizeof(event), &lossy);
	else if (ok)
		ok = add_exit(object, &event);

	return ok ? whole && !lossy : -1;
}
