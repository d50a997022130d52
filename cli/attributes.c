// SPDX-License-Identifier: GPL-2.0
/* Messages of the family as JSON objects. tandemctl(8) documents the fields. */

#include <json-c/json.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

enum kind {
	KIND_U32,
	KIND_U64,
	KIND_STRING,
	KIND_MODE,
	KIND_NAMED,	/* a number that has a name */
	KIND_CLASSES,
	KIND_TYPES,
	KIND_BY_CLASS,
	KIND_FLAGS,
	KIND_BOOL,
};

static const char *const device_kinds[] = {
	[TANDEM_DEVICE_KERNEL] = "kernel",
	[TANDEM_DEVICE_SERVER] = "server",
};

static const char *const states[] = {
	[TANDEM_RING_EMPTY] = "empty",
	[TANDEM_RING_ACTIVE] = "active",
	[TANDEM_RING_CORRUPT] = "corrupt",
	[TANDEM_RING_GONE] = "gone",
};

static const struct field {
	const char *key;
	enum kind kind;
	const char *const *names;
	size_t names_count;
} fields[TANDEM_ATTR_MAX + 1] = {
	[TANDEM_ATTR_DEVICE_ID] = { .key = "device_id", .kind = KIND_U32 },
	[TANDEM_ATTR_NAME] = { .key = "device", .kind = KIND_STRING },
	[TANDEM_ATTR_KIND] = {
		.key = "kind",
		.kind = KIND_NAMED,
		.names = device_kinds,
		.names_count = ARRAY_SIZE(device_kinds),
	},
	[TANDEM_ATTR_MODULE] = { .key = "module", .kind = KIND_STRING },
	[TANDEM_ATTR_MAJOR] = { .key = "major", .kind = KIND_U32 },
	[TANDEM_ATTR_MINOR] = { .key = "minor", .kind = KIND_U32 },
	[TANDEM_ATTR_MODE] = { .key = "mode", .kind = KIND_MODE },
	[TANDEM_ATTR_NODE_UID] = { .key = "node_uid", .kind = KIND_U32 },
	[TANDEM_ATTR_NODE_GID] = { .key = "node_gid", .kind = KIND_U32 },
	[TANDEM_ATTR_EVENTS_MODE] = { .key = "events_mode", .kind = KIND_MODE },
	[TANDEM_ATTR_OPEN_FILES] = { .key = "open_files", .kind = KIND_U32 },
	[TANDEM_ATTR_SUBSCRIPTIONS] = { .key = "subscriptions", .kind = KIND_U32 },
	[TANDEM_ATTR_POSTED] = { .key = "posted", .kind = KIND_U64 },
	[TANDEM_ATTR_GENERATION] = { .key = "generation", .kind = KIND_U32 },
	[TANDEM_ATTR_PID] = { .key = "pid", .kind = KIND_U32 },
	[TANDEM_ATTR_UID] = { .key = "uid", .kind = KIND_U32 },
	[TANDEM_ATTR_COMM] = { .key = "comm", .kind = KIND_STRING },
	[TANDEM_ATTR_SUBSCRIPTION_ID] = { .key = "subscription_id", .kind = KIND_U32 },
	[TANDEM_ATTR_RING_SIZE] = { .key = "ring_size", .kind = KIND_U64 },
	[TANDEM_ATTR_RINGS] = { .key = "rings", .kind = KIND_U32 },
	[TANDEM_ATTR_OVERFLOW] = {
		.key = "overflow",
		.kind = KIND_NAMED,
		.names = overflow_names,
		.names_count = OVERFLOW_NAMES,
	},
	[TANDEM_ATTR_CLASSES] = { .key = "classes", .kind = KIND_CLASSES },
	[TANDEM_ATTR_TYPES] = { .key = "types", .kind = KIND_TYPES },
	[TANDEM_ATTR_ACCEPTED] = { .key = "accepted", .kind = KIND_U64 },
	[TANDEM_ATTR_LOST] = { .key = "lost", .kind = KIND_U64 },
	[TANDEM_ATTR_LOST_BYTES] = { .key = "lost_bytes", .kind = KIND_U64 },
	[TANDEM_ATTR_LOST_RECURSION] = { .key = "lost_recursion", .kind = KIND_U64 },
	[TANDEM_ATTR_LOST_TOO_BIG] = { .key = "lost_too_big", .kind = KIND_U64 },
	[TANDEM_ATTR_LOST_CLASS] = { .key = "lost_class", .kind = KIND_BY_CLASS },
	[TANDEM_ATTR_PENDING_BYTES] = { .key = "pending_bytes", .kind = KIND_U64 },
	[TANDEM_ATTR_WAKEUPS] = { .key = "wakeups", .kind = KIND_U64 },
	[TANDEM_ATTR_STATE] = {
		.key = "state",
		.kind = KIND_NAMED,
		.names = states,
		.names_count = ARRAY_SIZE(states),
	},
	[TANDEM_ATTR_MEMORY] = { .key = "memory", .kind = KIND_U64 },
	[TANDEM_ATTR_FLAGS] = { .key = "flags", .kind = KIND_FLAGS },
	[TANDEM_ATTR_WATERMARK] = { .key = "watermark", .kind = KIND_U64 },
	[TANDEM_ATTR_OVERWRITTEN] = { .key = "overwritten", .kind = KIND_U64 },
	[TANDEM_ATTR_SUBSCRIPTION_NAME] = { .key = "name", .kind = KIND_STRING },
	[TANDEM_ATTR_ATTACHED] = { .key = "attached", .kind = KIND_BOOL },
};

static const char *const changes[] = {
	[TANDEM_CMD_DEVICE_ADDED] = "device_added",
	[TANDEM_CMD_DEVICE_REMOVED] = "device_removed",
	[TANDEM_CMD_SERVER_BOUND] = "server_bound",
	[TANDEM_CMD_SERVER_GONE] = "server_gone",
	[TANDEM_CMD_SUBSCRIPTION_ADDED] = "subscription_added",
	[TANDEM_CMD_SUBSCRIPTION_REMOVED] = "subscription_removed",
	[TANDEM_CMD_OVERFLOW] = "overflow",
	[TANDEM_CMD_CORRUPT] = "corrupt",
	[TANDEM_CMD_SUBSCRIPTION_ATTACHED] = "subscription_attached",
	[TANDEM_CMD_SUBSCRIPTION_DETACHED] = "subscription_detached",
};

const char *change_name(int cmd)
{
	return cmd >= 0 && (size_t)cmd < ARRAY_SIZE(changes) ? changes[cmd] : NULL;
}

static size_t least_length(const struct field *field)
{
	switch (field->kind) {
	case KIND_U64:
		return sizeof(uint64_t);
	case KIND_STRING:
		return 0;
	case KIND_TYPES:
		return TANDEM_TYPES / 8;
	case KIND_BY_CLASS:
		return TANDEM_CLASSES * sizeof(uint64_t);
	default:
		return sizeof(uint32_t);
	}
}

static void put_named(struct json_object *object, const struct field *field, uint32_t value)
{
	if (value < field->names_count)
		put_string(object, field->key, field->names[value]);
	else
		put_int(object, field->key, value);
}

static void put_flags(struct json_object *object, const char *key, uint32_t flags)
{
	struct json_object *array = new_array();

	for (unsigned int i = 0; flag_name(i); i++)
		if (flags & 1U << i)
			put_element(array, json_object_new_string(flag_name(i)));
	put_object(object, key, array);
}

static void put_classes(struct json_object *object, const char *key, uint32_t mask)
{
	struct json_object *array = new_array();

	for (unsigned int i = 0; i < TANDEM_CLASSES; i++)
		if (mask & 1U << i)
			put_element(array, json_object_new_string(decode_class_name(i)));
	put_object(object, key, array);
}

static void put_types(struct json_object *object, const char *key, const struct nlattr *attr)
{
	const unsigned char *payload = mnl_attr_get_payload(attr);
	struct json_object *array = new_array();

	for (int type = 0; type < TANDEM_TYPES; type++)
		if (payload[type / 8] & 1 << type % 8)
			put_element(array, json_object_new_int(type));
	put_object(object, key, array);
}

static void put_by_class(struct json_object *object, const char *key, const struct nlattr *attr)
{
	struct json_object *counts = new_object();
	uint64_t values[TANDEM_CLASSES];

	memcpy(values, mnl_attr_get_payload(attr), sizeof(values));
	for (unsigned int i = 0; i < TANDEM_CLASSES; i++)
		put_int(counts, decode_class_name(i), values[i]);
	put_object(object, key, counts);
}

static void put_text(struct json_object *object, const char *key, const struct nlattr *attr)
{
	bool lossy;

	if (!decode_add_string(object, key, mnl_attr_get_payload(attr),
			       mnl_attr_get_payload_len(attr), &lossy))
		no_memory();
}

static void put_field(struct json_object *object, const struct field *field,
		      const struct nlattr *attr)
{
	char mode[16];

	switch (field->kind) {
	case KIND_U32:
		put_int(object, field->key, mnl_attr_get_u32(attr));
		break;
	case KIND_U64:
		put_int(object, field->key, mnl_attr_get_u64(attr));
		break;
	case KIND_STRING:
		put_text(object, field->key, attr);
		break;
	case KIND_MODE:
		snprintf(mode, sizeof(mode), "%04o", mnl_attr_get_u32(attr));
		put_string(object, field->key, mode);
		break;
	case KIND_NAMED:
		put_named(object, field, mnl_attr_get_u32(attr));
		break;
	case KIND_CLASSES:
		put_classes(object, field->key, mnl_attr_get_u32(attr));
		break;
	case KIND_TYPES:
		put_types(object, field->key, attr);
		break;
	case KIND_BY_CLASS:
		put_by_class(object, field->key, attr);
		break;
	case KIND_FLAGS:
		put_flags(object, field->key, mnl_attr_get_u32(attr));
		break;
	case KIND_BOOL:
		put_bool(object, field->key, mnl_attr_get_u32(attr));
		break;
	}
}

struct json_object *message_json(const struct nlmsghdr *nlh)
{
	const struct nlattr *attrs[TANDEM_ATTR_MAX + 1] = { NULL };
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct json_object *object = new_object();
	const struct nlattr *attr;

	if (change_name(genl->cmd))
		put_string(object, "change", change_name(genl->cmd));
	/* A newer kernel may send more than is known here. */
	mnl_attr_for_each(attr, nlh, sizeof(*genl))
		if (mnl_attr_get_type(attr) <= TANDEM_ATTR_MAX)
			attrs[mnl_attr_get_type(attr)] = attr;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (attrs[i] && fields[i].key &&
		    mnl_attr_get_payload_len(attrs[i]) >= least_length(&fields[i]))
			put_field(object, &fields[i], attrs[i]);
	return object;
}
