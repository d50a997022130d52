// SPDX-License-Identifier: GPL-2.0
/* A record as a JSON object. */

#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

/* The devices whose events are understood. */
static const struct decoder {
	const char *device;
	const char *(*type_name)(unsigned int type);
	int (*decode)(struct json_object *object, unsigned int type, const void *data, size_t len);
} decoders[] = {
	{ "process", decode_process_type, decode_process },
};

static const char *const classes[TANDEM_CLASSES] = {
	[TANDEM_CLASS_BULK] = "bulk",
	[TANDEM_CLASS_NORMAL] = "normal",
	[TANDEM_CLASS_IMPORTANT] = "important",
	[TANDEM_CLASS_CRITICAL] = "critical",
};

static const struct decoder *find_decoder(const char *device)
{
	for (size_t i = 0; i < ARRAY_SIZE(decoders); i++)
		if (!strcmp(decoders[i].device, device))
			return &decoders[i];
	return NULL;
}

const char *decode_type_name(const char *device, unsigned int type)
{
	const struct decoder *decoder = find_decoder(device);

	return decoder ? decoder->type_name(type) : NULL;
}

int decode_type_number(const char *device, const char *name)
{
	const struct decoder *decoder = find_decoder(device);

	for (unsigned int type = 0; decoder && type < TANDEM_TYPES; type++) {
		const char *known = decoder->type_name(type);

		if (known && !strcmp(known, name))
			return (int)type;
	}
	return -1;
}

const char *decode_class_name(unsigned int event_class)
{
	return classes[event_class];
}

int decode_class_number(const char *name)
{
	for (int i = 0; i < TANDEM_CLASSES; i++)
		if (!strcmp(classes[i], name))
			return i;
	return -1;
}

/* The keys are the program's own and each is used once, which spares json-c a copy and a search. */
static bool add(struct json_object *object, const char *key, struct json_object *value)
{
	if (!value)
		return false;
	if (json_object_object_add_ex(object, key, value,
				      JSON_C_OBJECT_ADD_KEY_IS_NEW |
				      JSON_C_OBJECT_ADD_CONSTANT_KEY)) {
		json_object_put(value);
		return false;
	}
	return true;
}

bool decode_add_int(struct json_object *object, const char *key, __u64 value)
{
	return add(object, key, json_object_new_uint64(value));
}

bool decode_add_bool(struct json_object *object, const char *key, bool value)
{
	return add(object, key, json_object_new_boolean(value));
}

/*
 * How many of the @len bytes at @s are one well-formed character; 0 if none. The second byte's
 * limits are those that keep out overlong forms, surrogates and what is beyond U+10FFFF.
 */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t want;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	want = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (len < want || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < want; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return want;
}

static struct json_object *repaired_string(const char *bytes, size_t len)
{
	static const char replacement[] = "\xef\xbf\xbd";
	struct json_object *value;
	size_t fill = 0;
	char *text = malloc(3 * len);

	if (!text)
		return NULL;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length((const unsigned char *)bytes + i, len - i);

		if (n) {
			memcpy(text + fill, bytes + i, n);
			fill += n;
			i += n;
		} else {
			memcpy(text + fill, replacement, 3);
			fill += 3;
			i++;
		}
	}
	value = json_object_new_string_len(text, (int)fill);
	free(text);
	return value;
}

bool decode_add_string(struct json_object *object, const char *key, const char *bytes, size_t len,
		       bool *lossy)
{
	size_t at = 0;

	len = strnlen(bytes, len);
	while (at < len) {
		size_t n = utf8_length((const unsigned char *)bytes + at, len - at);

		if (!n) {
			*lossy = true;
			return add(object, key, repaired_string(bytes, len));
		}
		at += n;
	}
	return add(object, key, json_object_new_string_len(bytes, (int)len));
}

bool decode_add_hex(struct json_object *object, const char *key, const void *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;
	struct json_object *value;
	char *text = malloc(2 * len + 1);

	if (!text)
		return false;
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	value = json_object_new_string_len(text, (int)(2 * len));
	free(text);
	return add(object, key, value);
}

struct json_object *decode_event(const char *device, const struct tandem_record *record,
				 unsigned int cpu)
{
	const struct decoder *decoder = find_decoder(device);
	unsigned int type = TANDEM_RECORD_TYPE(record->type_flags);
	size_t len = record->len - sizeof(*record);
	const char *name = decoder ? decoder->type_name(type) : NULL;
	const char *class_name = decode_class_name(TANDEM_RECORD_CLASS(record->type_flags));
	struct json_object *object = json_object_new_object();
	int decoded = 0;

	if (!object)
		return NULL;
	if (!add(object, "device", json_object_new_string(device)) ||
	    (cpu != UINT_MAX && !decode_add_int(object, "cpu", cpu)) ||
	    !decode_add_int(object, "type", type) ||
	    (name && !add(object, "event", json_object_new_string(name))) ||
	    !add(object, "class", json_object_new_string(class_name)) ||
	    !decode_add_int(object, "time", record->time) ||
	    !decode_add_int(object, "lost_before", record->lost_before) ||
	    !decode_add_int(object, "len", len))
		goto no_memory;

	if (decoder)
		decoded = decoder->decode(object, type, record->data, len);
	if (decoded < 0 || (!decoded && !decode_add_hex(object, "data", record->data, len)))
		goto no_memory;
	return object;

no_memory:
	json_object_put(object);
	return NULL;
}

bool decode_add_place(struct json_object *object, unsigned int ring, __u64 position)
{
	return decode_add_int(object, "ring", ring) &&
	       decode_add_int(object, "position", position);
}
