/* SPDX-License-Identifier: GPL-2.0 */
/* The configuration: a file, and the files of its drop-in directory over it. */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_DEFAULT_PATH	"/etc/tandem/tandemd.conf"
#define CONFIG_ERROR_SIZE	512

/* Sinks that are there without being configured. */
#define SINK_NAME_STDOUT	"stdout"
#define SINK_NAME_JOURNAL	"journal"

enum sink_kind {
	SINK_STDOUT,
	SINK_FILE,
	SINK_JOURNAL,
};

/**
 * struct config_place - where a setting was made, good as long as the configuration it is from
 * @file: the file, or NULL if nowhere
 * @line: line in it
 */
struct config_place {
	const char *file;
	int line;
};

/**
 * struct sink_config - a sink
 * @name: its name
 * @kind: where it writes to
 * @path: SINK_FILE: the file; else NULL
 * @buffer_size: so many bytes may wait before devices must
 * @place: where it was configured first
 */
struct sink_config {
	char *name;
	enum sink_kind kind;
	char *path;
	size_t buffer_size;
	struct config_place place;
};

/**
 * struct sink_reference - a device's mention of a sink
 * @name: name of the sink
 * @place: where it was mentioned
 */
struct sink_reference {
	char *name;
	struct config_place place;
};

/**
 * struct device_config - a device to be consumed
 * @name: its name
 * @types: types wanted, in rising order
 * @types_count: how many; 0: all
 * @classes: mask of the classes wanted; 0: all
 * @ring_size: bytes of one ring
 * @watermark: bytes that must wait in a ring before we are woken; 0: any event
 * @watermark_place: where that was configured
 * @shared: one ring for all CPUs
 * @durable: name of a durable subscription, or NULL
 * @sinks: where the events go; none: the device is left alone
 * @sinks_count: how many
 */
struct device_config {
	char *name;
	uint16_t *types;
	uint32_t types_count;
	uint32_t classes;
	size_t ring_size;
	size_t watermark;
	struct config_place watermark_place;
	bool shared;
	char *durable;
	struct sink_reference *sinks;
	size_t sinks_count;
};

/**
 * struct config - all of it
 * @stop_timeout: seconds that a stop may take
 * @devices: the devices
 * @devices_count: how many
 * @sinks: the sinks
 * @sinks_count: how many
 * @files: names of the files that were read
 * @files_count: how many
 * @error: what is wrong, if something is: "FILE:LINE: expected …"
 */
struct config {
	unsigned int stop_timeout;
	struct device_config *devices;
	size_t devices_count;
	struct sink_config *sinks;
	size_t sinks_count;
	char **files;
	size_t files_count;
	char error[CONFIG_ERROR_SIZE];
};

/**
 * config_load() - read the configuration
 * @config: where it goes; to be given to config_free() also after an error
 * @path: the file; drop-ins are PATH.d/ *.conf. NULL: the default file, which need not be there
 * @default_sink: name of the sink for devices that name none
 *
 * Return: 0, or -1: then @config->error says why.
 */
int config_load(struct config *config, const char *path, const char *default_sink);

void config_free(struct config *config);

/* config_device_free() - free what belongs to a device that was taken out of its configuration */
void config_device_free(struct device_config *device);

/* config_find_sink() - the sink of that name, or NULL */
const struct sink_config *config_find_sink(const struct config *config, const char *name);

/* ---- Between the files of the configuration alone ---- */

/* Note the first error, with its place; returns -1. */
int config_fail(struct config *config, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The device or sink of that name, made if it is not there; NULL without memory. */
struct device_config *config_device(struct config *config, const char *name);
struct sink_config *config_sink(struct config *config, const char *name);

/*
 * Read @file into memory, NUL-terminated, with its comments blanked. Quotes, braces and comments
 * which are not closed are errors. Returns 0 or -1; *text is to be freed.
 */
int config_read_text(struct config *config, const char *file, char **text);

/* Lay the settings of a file's text over the configuration. Returns 0 or -1. */
int config_parse_text(struct config *config, const char *file, char *text);

#endif /* DAEMON_CONFIG_H */
