// SPDX-License-Identifier: GPL-2.0
/* The configuration: which files, what they say together, and whether that makes sense. */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/tandem.h>

#include "config.h"

#define STOP_TIMEOUT		5
#define SINK_BUFFER_SIZE	(256 * 1024)
#define RING_SIZE		(256 * 1024)

int config_fail(struct config *config, const char *file, int line, const char *format, ...)
{
	int fill;
	va_list args;

	if (config->error[0])
		return -1;
	if (line)
		fill = snprintf(config->error, sizeof(config->error), "%s:%d: ", file, line);
	else
		fill = snprintf(config->error, sizeof(config->error), "%s: ", file);
	if (fill < (int)sizeof(config->error)) {
		va_start(args, format);
		vsnprintf(config->error + fill, sizeof(config->error) - (size_t)fill, format, args);
		va_end(args);
	}
	/* Whatever the file has in it, the error is one line. */
	for (char *c = config->error; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -1;
}

struct device_config *config_device(struct config *config, const char *name)
{
	struct device_config *device;

	for (size_t i = 0; i < config->devices_count; i++)
		if (!strcmp(config->devices[i].name, name))
			return &config->devices[i];
	device = reallocarray(config->devices, config->devices_count + 1, sizeof(*device));
	if (!device)
		return NULL;
	config->devices = device;
	device += config->devices_count;
	*device = (struct device_config){ .name = strdup(name), .ring_size = RING_SIZE };
	if (!device->name)
		return NULL;
	config->devices_count++;
	return device;
}

struct sink_config *config_sink(struct config *config, const char *name)
{
	struct sink_config *sink = (struct sink_config *)config_find_sink(config, name);

	if (sink)
		return sink;
	sink = reallocarray(config->sinks, config->sinks_count + 1, sizeof(*sink));
	if (!sink)
		return NULL;
	config->sinks = sink;
	sink += config->sinks_count;
	*sink = (struct sink_config){ .name = strdup(name), .buffer_size = SINK_BUFFER_SIZE };
	if (!sink->name)
		return NULL;
	config->sinks_count++;
	return sink;
}

const struct sink_config *config_find_sink(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->sinks_count; i++)
		if (!strcmp(config->sinks[i].name, name))
			return &config->sinks[i];
	return NULL;
}

static int no_memory(struct config *config)
{
	return config_fail(config, "the configuration", 0, "cannot be read: %s", strerror(ENOMEM));
}

static int read_file(struct config *config, const char *file)
{
	char **files = reallocarray(config->files, config->files_count + 1, sizeof(*files));
	char *name = strdup(file);
	char *text;
	int ret;

	if (files)
		config->files = files;
	if (!files || !name) {
		free(name);
		return no_memory(config);
	}
	files[config->files_count++] = name;

	ret = config_read_text(config, name, &text);
	if (!ret)
		ret = config_parse_text(config, name, text);
	free(text);
	return ret;
}

static int is_conf(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && end && !strcmp(end, ".conf");
}

/* By bytes, so that the order does not depend on anybody's language. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_drop_ins(struct config *config, const char *path)
{
	struct dirent **entries;
	char dir[PATH_MAX];
	char file[PATH_MAX + NAME_MAX + 2];
	int ret = 0;
	int count;

	if (snprintf(dir, sizeof(dir), "%s.d", path) >= (int)sizeof(dir))
		return config_fail(config, path, 0, "cannot be read: %s", strerror(ENAMETOOLONG));
	count = scandir(dir, &entries, is_conf, by_name);
	if (count < 0)
		return errno == ENOENT ? 0 : config_fail(config, dir, 0, "cannot be read: %s",
							 strerror(errno));
	for (int i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, entries[i]->d_name);
		if (!ret)
			ret = read_file(config, file);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

static int check_references(struct config *config, const struct device_config *device)
{
	for (size_t i = 0; i < device->sinks_count; i++) {
		const struct sink_reference *sink = &device->sinks[i];

		if (!config_find_sink(config, sink->name))
			return config_fail(config, sink->place.file, sink->place.line,
					   "expected the name of a sink, found %s, which is none",
					   sink->name);
	}
	return 0;
}

/* What each sink and device says may be right, and yet not all of it together. */
static int check(struct config *config)
{
	for (size_t i = 0; i < config->sinks_count; i++) {
		const struct sink_config *sink = &config->sinks[i];

		if (sink->kind == SINK_FILE && !sink->path)
			return config_fail(config, sink->place.file, sink->place.line,
					   "expected a path for sink %s, which is a file",
					   sink->name);
		if (sink->kind != SINK_FILE && sink->path)
			return config_fail(config, sink->place.file, sink->place.line,
					   "expected no path for sink %s, which is no file",
					   sink->name);
	}
	for (size_t i = 0; i < config->devices_count; i++) {
		const struct device_config *device = &config->devices[i];

		/* Beyond that a ring may be full for good before it wakes us. */
		if (device->watermark > device->ring_size / 2)
			return config_fail(config, device->watermark_place.file,
					   device->watermark_place.line,
					   "expected a watermark of at most %zu, half the ring",
					   device->ring_size / 2);
		if (check_references(config, device))
			return -1;
	}
	return 0;
}

static int add_predefined(struct config *config)
{
	struct sink_config *sink;

	sink = config_sink(config, SINK_NAME_STDOUT);
	if (sink)
		sink = config_sink(config, SINK_NAME_JOURNAL);
	if (!sink)
		return no_memory(config);
	sink->kind = SINK_JOURNAL;
	return 0;
}

/* A device that names no sinks has the default one; one that names an empty list has none. */
static int add_default_sinks(struct config *config, const char *name)
{
	for (size_t i = 0; i < config->devices_count; i++) {
		struct device_config *device = &config->devices[i];

		if (device->sinks)
			continue;
		device->sinks = calloc(1, sizeof(*device->sinks));
		if (!device->sinks)
			return no_memory(config);
		device->sinks[0].name = strdup(name);
		if (!device->sinks[0].name)
			return no_memory(config);
		device->sinks_count = 1;
	}
	return 0;
}

int config_load(struct config *config, const char *path, const char *default_sink)
{
	bool optional = !path;

	*config = (struct config){ .stop_timeout = STOP_TIMEOUT };
	if (optional)
		path = CONFIG_DEFAULT_PATH;
	if (add_predefined(config))
		return -1;
	if (optional && access(path, F_OK) && errno == ENOENT) {
		if (!config_device(config, "process"))
			return no_memory(config);
	} else if (read_file(config, path)) {
		return -1;
	}
	if (read_drop_ins(config, path) || add_default_sinks(config, default_sink))
		return -1;
	return check(config);
}

void config_device_free(struct device_config *device)
{
	for (size_t i = 0; i < device->sinks_count; i++)
		free(device->sinks[i].name);
	free(device->sinks);
	free(device->types);
	free(device->durable);
	free(device->name);
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->devices_count; i++)
		config_device_free(&config->devices[i]);
	for (size_t i = 0; i < config->sinks_count; i++) {
		free(config->sinks[i].path);
		free(config->sinks[i].name);
	}
	for (size_t i = 0; i < config->files_count; i++)
		free(config->files[i]);
	free(config->devices);
	free(config->sinks);
	free(config->files);
	*config = (struct config){ 0 };
}
