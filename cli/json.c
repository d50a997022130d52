// SPDX-License-Identifier: GPL-2.0
/* JSON objects, without their errors, and their values as text. */

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void check(bool ok)
{
	if (!ok)
		no_memory();
}

struct json_object *new_object(void)
{
	struct json_object *object = json_object_new_object();

	check(object);
	return object;
}

struct json_object *new_array(void)
{
	struct json_object *array = json_object_new_array();

	check(array);
	return array;
}

void put_int(struct json_object *object, const char *key, uint64_t value)
{
	check(decode_add_int(object, key, value));
}

void put_bool(struct json_object *object, const char *key, bool value)
{
	check(decode_add_bool(object, key, value));
}

void put_string(struct json_object *object, const char *key, const char *text)
{
	bool lossy;

	check(decode_add_string(object, key, text, strlen(text), &lossy));
}

void put_hex(struct json_object *object, const char *key, const void *data, size_t len)
{
	check(decode_add_hex(object, key, data, len));
}

void put_object(struct json_object *object, const char *key, struct json_object *value)
{
	check(!json_object_object_add(object, key, value));
}

/* Three digits behind the point are enough for a rate, and need no more than that to be read. */
void put_double(struct json_object *object, const char *key, double value)
{
	struct json_object *number;
	char text[64];

	snprintf(text, sizeof(text), "%.3f", value);
	number = json_object_new_double_s(value, text);
	check(number);
	put_object(object, key, number);
}

void put_element(struct json_object *array, struct json_object *value)
{
	check(!json_object_array_add(array, value));
}

uint64_t get_int(struct json_object *object, const char *key)
{
	return json_object_get_uint64(json_object_object_get(object, key));
}

const char *get_string(struct json_object *object, const char *key)
{
	return json_object_get_string(json_object_object_get(object, key));
}

static char *string_text(const char *s, size_t len, bool quote)
{
	char *text = malloc(4 * len + 3);
	char *p = text;

	check(text);
	if (quote)
		*p++ = '"';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		/* U+0080 to U+009F are controls too: a terminal takes U+009B for ESC [. */
		bool control = c < 0x20 || c == 0x7f ||
			       (c == 0xc2 && i + 1 < len && (unsigned char)s[i + 1] < 0xa0);

		if (control) {
			p += sprintf(p, "\\x%02x", c);
			if (c == 0xc2)
				p += sprintf(p, "\\x%02x", (unsigned char)s[++i]);
		} else {
			if (quote && (c == '"' || c == '\\'))
				*p++ = '\\';
			*p++ = (char)c;
		}
	}
	if (quote)
		*p++ = '"';
	*p = '\0';
	return text;
}

/* The elements of an array, by commas. */
static char *array_text(struct json_object *array)
{
	char *text = strdup("");

	check(text);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		char *element = value_text(json_object_array_get_idx(array, i), false);
		char *longer;

		check(asprintf(&longer, "%s%s%s", text, i ? "," : "", element) >= 0);
		free(element);
		free(text);
		text = longer;
	}
	return text;
}

char *value_text(struct json_object *value, bool quote)
{
	char *text;

	switch (json_object_get_type(value)) {
	case json_type_null:
		text = strdup("-");
		break;
	case json_type_boolean:
		text = strdup(json_object_get_boolean(value) ? "yes" : "no");
		break;
	case json_type_string:
		return string_text(json_object_get_string(value),
				   (size_t)json_object_get_string_len(value), quote);
	case json_type_array:
		return array_text(value);
	default:
		text = strdup(json_object_to_json_string(value));
		break;
	}
	check(text);
	return text;
}
