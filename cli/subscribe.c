// SPDX-License-Identifier: GPL-2.0
/* What to subscribe to: the options that watch and subscription share. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem.h>

#include "cli.h"
#include "name.h"

static const char *const flag_names[] = { "shared", "no_time", "durable" };

const char *const overflow_names[OVERFLOW_NAMES] = {
	[TANDEM_OVERFLOW_DROP] = "drop",
	[TANDEM_OVERFLOW_OVERWRITE] = "overwrite",
	[TANDEM_OVERFLOW_BLOCK] = "block",
};

const char *flag_name(unsigned int bit)
{
	return bit < ARRAY_SIZE(flag_names) ? flag_names[bit] : NULL;
}

static uint32_t flag_number(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (!strcmp(flag_names[i], name))
			return 1U << i;
	return 0;
}

static int overflow_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(overflow_names); i++)
		if (!strcmp(overflow_names[i], name))
			return (int)i;
	return -1;
}

/* The next piece of a list with commas, the caller's to free; NULL at the end. */
static char *next_piece(const char **list)
{
	const char *end;
	char *piece;

	if (!*list)
		return NULL;
	end = strchrnul(*list, ',');
	piece = strndup(*list, (size_t)(end - *list));
	if (!piece)
		no_memory();
	*list = *end ? end + 1 : NULL;
	return piece;
}

static bool unknown_type(const struct cli *cli, const char *device, const char *piece)
{
	char names[256] = "";
	size_t fill = 0;

	for (unsigned int type = 0; type < TANDEM_TYPES && fill < sizeof(names); type++) {
		const char *name = decode_type_name(device, type);

		if (name)
			fill += (size_t)snprintf(names + fill, sizeof(names) - fill, ", %s", name);
	}
	if (fill)
		complain_usage(cli,
			       "--type: '%s' is no type of '%s': give a number from 0 to %d, or one of%s.",
			       piece, device, TANDEM_TYPES - 1, names + 1);
	else
		complain_usage(cli, "--type: '%s' is not a number from 0 to %d.", piece,
			       TANDEM_TYPES - 1);
	return false;
}

static bool parse_types(const struct cli *cli, struct subscribe *subscribe, const char *list)
{
	char *piece;

	subscribe->options.types = subscribe->types;
	subscribe->options.types_count = 0;
	while ((piece = next_piece(&list))) {
		int type = decode_type_number(subscribe->device, piece);
		uint64_t number;
		bool known = type >= 0;

		if (!known && read_number(piece, &number) && number < TANDEM_TYPES) {
			type = (int)number;
			known = true;
		}
		if (known && subscribe->options.types_count < TANDEM_SUBSCRIBE_TYPES_MAX)
			subscribe->types[subscribe->options.types_count++] = (uint16_t)type;
		else
			known = unknown_type(cli, subscribe->device, piece);
		free(piece);
		if (!known)
			return false;
	}
	return true;
}

static bool parse_classes(const struct cli *cli, struct subscribe *subscribe, const char *list)
{
	char *piece;

	while ((piece = next_piece(&list))) {
		int number = decode_class_number(piece);
		uint64_t value;

		if (number < 0 && read_number(piece, &value) && value < TANDEM_CLASSES)
			number = (int)value;
		if (number < 0)
			complain_usage(cli,
				       "--class: '%s' is none of bulk, normal, important and critical.",
				       piece);
		else
			subscribe->options.classes |= 1U << number;
		free(piece);
		if (number < 0)
			return false;
	}
	return true;
}

static bool parse_ring_size(const struct cli *cli, struct subscribe *subscribe, const char *text)
{
	uint64_t size;

	if (!parse_size(cli, "--ring-size", text, TANDEM_RING_SIZE_MAX, &size))
		return false;
	if (size < TANDEM_RING_SIZE_MIN || size & (size - 1)) {
		complain_usage(cli, "--ring-size: '%s' is not a power of two from 64K to 64M.",
			       text);
		return false;
	}
	subscribe->options.ring_size = size;
	return true;
}

static bool parse_overflow(const struct cli *cli, struct subscribe *subscribe, const char *text)
{
	int overflow = overflow_number(text);

	if (overflow < 0) {
		complain_usage(cli, "--overflow: '%s' is none of drop, overwrite and block.", text);
		return false;
	}
	subscribe->options.overflow = (uint32_t)overflow;
	return true;
}

static bool parse_watermark(const struct cli *cli, struct subscribe *subscribe, const char *text)
{
	uint64_t watermark;

	if (!parse_size(cli, "--watermark", text, TANDEM_RING_SIZE_MAX / 2, &watermark))
		return false;
	subscribe->options.watermark = watermark;
	return true;
}

/* Values of the options that a durable subscription has which is there. */
static void adopt(struct subscribe *subscribe, struct json_object *one)
{
	struct tandem_subscribe_options *options = &subscribe->options;
	struct json_object *classes = json_object_object_get(one, "classes");
	struct json_object *types = json_object_object_get(one, "types");
	struct json_object *flags = json_object_object_get(one, "flags");
	int overflow = overflow_number(get_string(one, "overflow") ?: "");

	options->ring_size = get_int(one, "ring_size");
	options->watermark = get_int(one, "watermark");
	if (overflow >= 0)
		options->overflow = (uint32_t)overflow;
	for (size_t i = 0; flags && i < json_object_array_length(flags); i++) {
		struct json_object *flag = json_object_array_get_idx(flags, i);

		options->flags |= flag_number(json_object_get_string(flag));
	}
	for (size_t i = 0; classes && i < json_object_array_length(classes); i++) {
		struct json_object *name = json_object_array_get_idx(classes, i);
		int number = decode_class_number(json_object_get_string(name));

		if (number >= 0)
			options->classes |= 1U << number;
	}
	for (size_t i = 0; types && i < json_object_array_length(types); i++) {
		struct json_object *type = json_object_array_get_idx(types, i);

		subscribe->types[options->types_count++] = (uint16_t)json_object_get_int(type);
	}
	if (options->types_count)
		options->types = subscribe->types;
}

struct json_object *find_subscription(struct json_object *all, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *one = json_object_array_get_idx(all, i);

		if (!strcmp(get_string(one, "name") ?: "", name))
			return one;
	}
	return NULL;
}

int fetch_subscriptions(const struct cli *cli, const char *device, struct json_object **all)
{
	struct netlink *nl;
	int status;
	int ret;

	*all = new_array();
	nl = netlink_open(cli, &status);
	if (!nl)
		return status;
	ret = netlink_dump(nl, TANDEM_CMD_SUBSCRIPTION_GET, device, *all);
	netlink_close(nl);
	return ret ? netlink_failed(cli, device, ret) : STATUS_OK;
}

/* Return: enum status. */
static int adopt_by_name(const struct cli *cli, struct subscribe *subscribe)
{
	struct json_object *all;
	struct json_object *one;
	int status = fetch_subscriptions(cli, subscribe->device, &all);

	one = find_subscription(all, subscribe->options.name);
	subscribe->exists = one;
	if (status == STATUS_OK && one)
		adopt(subscribe, one);
	json_object_put(all);
	return status;
}

bool subscribe_option(struct subscribe *subscribe, int c, const char *value)
{
	switch (c) {
	case 't':
		subscribe->text.types = value;
		return true;
	case 'c':
		subscribe->text.classes = value;
		return true;
	case 'r':
		subscribe->text.ring_size = value;
		return true;
	case 'o':
		subscribe->text.overflow = value;
		return true;
	case 'w':
		subscribe->text.watermark = value;
		return true;
	case 'S':
		subscribe->text.flags |= TANDEM_SUBSCRIBE_SHARED;
		return true;
	case 'N':
		subscribe->text.flags |= TANDEM_SUBSCRIBE_NO_TIME;
		return true;
	default:
		return false;
	}
}

static bool parse_options(const struct cli *cli, struct subscribe *subscribe)
{
	const struct subscribe_text *text = &subscribe->text;

	if (text->classes) {
		subscribe->options.classes = 0;
		if (!parse_classes(cli, subscribe, text->classes))
			return false;
	}
	subscribe->options.flags |= text->flags;
	return (!text->types || parse_types(cli, subscribe, text->types)) &&
	       (!text->ring_size || parse_ring_size(cli, subscribe, text->ring_size)) &&
	       (!text->overflow || parse_overflow(cli, subscribe, text->overflow)) &&
	       (!text->watermark || parse_watermark(cli, subscribe, text->watermark));
}

int subscribe_prepare(const struct cli *cli, struct subscribe *subscribe, const char *node,
		      const char *name)
{
	int status;

	subscribe->node = node;
	subscribe->device = device_name(node);
	subscribe->types = calloc(TANDEM_SUBSCRIBE_TYPES_MAX, sizeof(*subscribe->types));
	if (!subscribe->types)
		no_memory();
	if (name) {
		status = check_name(name);
		if (status)
			return subscription_failed(cli, subscribe->device, name, status);
		subscribe->options.name = name;
		status = adopt_by_name(cli, subscribe);
		if (status != STATUS_OK)
			return status;
		subscribe->options.flags |= TANDEM_SUBSCRIBE_DURABLE;
	}
	return parse_options(cli, subscribe) ? STATUS_OK : STATUS_USAGE;
}

void subscribe_free(struct subscribe *subscribe)
{
	free(subscribe->types);
}

int subscribe_open(const struct cli *cli, struct subscribe *subscribe,
		   struct tandem_subscription **sub)
{
	int fd = tandem_open(subscribe->node, O_RDONLY);
	int ret;

	if (fd < 0)
		return open_failed(cli, subscribe->node, O_RDONLY, fd);
	ret = tandem_subscribe(sub, fd, &subscribe->options);
	close(fd);
	return ret ? subscribe_failed(cli, subscribe->node, subscribe->options.name, ret) :
		     STATUS_OK;
}
