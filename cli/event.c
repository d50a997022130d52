// SPDX-License-Identifier: GPL-2.0
/* Events, for people and programs. */

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* What the line begins with, or what is of use to programs alone. */
static bool is_shown_before(const char *key)
{
	static const char *const keys[] = {
		"device", "cpu", "type", "event", "class", "time", "start_time",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

static void print_field(struct cli *cli, const char *key, struct json_object *value)
{
	char *text;

	if (is_shown_before(key))
		return;
	if (json_object_is_type(value, json_type_boolean)) {
		if (json_object_get_boolean(value))
			out_text(cli, " %s", key);
		return;
	}
	if (!strcmp(key, "lost_before") && !json_object_get_uint64(value))
		return;
	text = value_text(value, strcmp(key, "data"));
	out_text(cli, " %s=%s", key, text);
	free(text);
}

void print_event(struct cli *cli, struct json_object *event)
{
	struct json_object_iterator it = json_object_iter_begin(event);
	struct json_object_iterator end = json_object_iter_end(event);
	bool has_data = json_object_object_get(event, "data");
	uint64_t time = get_int(event, "time");

	if (cli->json) {
		out_json(cli, event);
		return;
	}
	out_text(cli, "%ju.%06ju", (uintmax_t)(time / 1000000000),
		 (uintmax_t)(time / 1000 % 1000000));
	if (json_object_object_get(event, "cpu"))
		out_text(cli, " cpu%ju", (uintmax_t)get_int(event, "cpu"));
	out_text(cli, " %s %s", get_string(event, "event") ?: get_string(event, "type"),
		 get_string(event, "class"));
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
		/* The length says something only beside bytes. */
		if (has_data || strcmp(json_object_iter_peek_name(&it), "len"))
			print_field(cli, json_object_iter_peek_name(&it),
				    json_object_iter_peek_value(&it));
	out_text(cli, "\n");
}
