// SPDX-License-Identifier: GPL-2.0
/* From one source to its sinks. */

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "sink.h"
#include "stats.h"
#include "target.h"

void targets_put(struct targets *targets, const char *device, struct json_object *event,
		 bool counted)
{
	size_t len = 0;
	const char *text = event ? json_object_to_json_string_length(event, JSON_C_TO_STRING_PLAIN |
								     JSON_C_TO_STRING_NOSLASHESCAPE,
								     &len) : NULL;

	if (!text)
		log_error("device %s: gives up an event: %s", device, strerror(ENOMEM));
	for (size_t i = 0; i < targets->count; i++) {
		struct target *target = &targets->target[i];

		if (text)
			sink_put(target->sink, event, text, len, counted ? target->route : NULL);
		else if (counted)
			target->route->unwritten++;
		target->mark = sink_mark(target->sink);
	}
	json_object_put(event);
}

bool targets_full(const struct targets *targets)
{
	for (size_t i = 0; i < targets->count; i++)
		if (sink_full(targets->target[i].sink))
			return true;
	return false;
}

void targets_flush(struct targets *targets)
{
	for (size_t i = 0; i < targets->count; i++)
		sink_flush(targets->target[i].sink);
}

bool targets_past(const struct targets *targets)
{
	for (size_t i = 0; i < targets->count; i++)
		if (!sink_past(targets->target[i].sink, targets->target[i].mark))
			return false;
	return true;
}

void targets_replace(struct targets *targets, struct target *target, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < targets->count; j++)
			if (target[i].sink == targets->target[j].sink)
				target[i].mark = targets->target[j].mark;
	free(targets->target);
	targets->target = target;
	targets->count = count;
}
