// SPDX-License-Identifier: GPL-2.0
/* One file of the configuration: libconfuse takes it apart, here is what may stand where. */

#include <confuse.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/tandem.h>

#include "config.h"
#include "decode.h"
#include "name.h"

#define STOP_TIMEOUT_MAX	600
#define BUFFER_SIZE_MIN		(4 * 1024)
#define BUFFER_SIZE_MAX		(64 * 1024 * 1024)

/*
 * Not an option to anybody but libconfuse, which parses its default at a section's opening brace
 * and so tells us the line, for errors in the title.
 */
#define OPENING			"(opening)"

/* A value that is found good, and its line. Text and number are as the option needs them. */
struct setting {
	int line;
	unsigned long long number;
	char text[];
};

/* libconfuse's callbacks have no argument of the caller's. */
static struct config *parsing;

/* ---- Values ---- */

static int refuse(cfg_t *cfg, const char *value, const char *what)
{
	config_fail(parsing, cfg->filename, cfg->line, "expected %s, found %s", what,
		    *value ? value : "nothing");
	return -1;
}

static int keep(cfg_t *cfg, const char *value, unsigned long long number, void *result)
{
	struct setting *setting = malloc(sizeof(*setting) + strlen(value) + 1);

	if (!setting)
		return refuse(cfg, value, "more memory");
	setting->line = cfg->line;
	setting->number = number;
	strcpy(setting->text, value);
	*(void **)result = setting;
	return 0;
}

/* Digits, and K or M behind them. */
static bool read_size(const char *value, unsigned long long *number)
{
	unsigned int shift = 0;
	char *end;

	if (!isdigit((unsigned char)*value))
		return false;
	errno = 0;
	*number = strtoull(value, &end, 10);
	if (errno)
		return false;
	if (*end == 'K')
		shift = 10;
	else if (*end == 'M')
		shift = 20;
	if (shift)
		end++;
	if (*end || *number > ULLONG_MAX >> shift)
		return false;
	*number <<= shift;
	return true;
}

static int set_opening(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	return keep(cfg, value, 0, result);
}

static int set_stop_timeout(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	unsigned long long number;

	(void)opt;
	if (!read_size(value, &number) || !number || number > STOP_TIMEOUT_MAX)
		return refuse(cfg, value, "a number of seconds from 1 to 600");
	return keep(cfg, value, number, result);
}

static int set_ring_size(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	unsigned long long number;

	(void)opt;
	if (!read_size(value, &number) || number < TANDEM_RING_SIZE_MIN ||
	    number > TANDEM_RING_SIZE_MAX || (number & (number - 1)))
		return refuse(cfg, value, "a power of two from 64K to 64M");
	return keep(cfg, value, number, result);
}

static int set_watermark(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	unsigned long long number;

	(void)opt;
	if (!read_size(value, &number) || number > TANDEM_RING_SIZE_MAX / 2)
		return refuse(cfg, value, "a number of bytes up to half the ring's");
	return keep(cfg, value, number, result);
}

static int set_buffer_size(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	unsigned long long number;

	(void)opt;
	if (!read_size(value, &number) || number < BUFFER_SIZE_MIN || number > BUFFER_SIZE_MAX)
		return refuse(cfg, value, "a number of bytes from 4K to 64M");
	return keep(cfg, value, number, result);
}

static int set_type(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	int type = decode_type_number(cfg->title, value);
	unsigned long long number;

	(void)opt;
	if (type >= 0)
		return keep(cfg, value, (unsigned long long)type, result);
	if (!value[strspn(value, "0123456789")] && read_size(value, &number) &&
	    number < TANDEM_TYPES)
		return keep(cfg, value, number, result);
	return refuse(cfg, value, "a type of event: a number below 4096, or its name");
}

static int set_class(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	int event_class = decode_class_number(value);

	(void)opt;
	if (event_class < 0)
		return refuse(cfg, value, "bulk, normal, important or critical");
	return keep(cfg, value, (unsigned long long)event_class, result);
}

static int set_layout(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	if (strcmp(value, "shared") && strcmp(value, "per-cpu"))
		return refuse(cfg, value, "per-cpu or shared");
	return keep(cfg, value, !strcmp(value, "shared"), result);
}

static int set_durable(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	if (*value && check_name(value))
		return refuse(cfg, value, "a name of letters, digits, '.', '_' and '-', or \"\"");
	return keep(cfg, value, 0, result);
}

static int set_sink(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	return *value ? keep(cfg, value, 0, result) : refuse(cfg, value, "the name of a sink");
}

static int set_kind(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	if (!strcmp(value, "stdout"))
		return keep(cfg, value, SINK_STDOUT, result);
	if (!strcmp(value, "file"))
		return keep(cfg, value, SINK_FILE, result);
	if (!strcmp(value, "journal"))
		return keep(cfg, value, SINK_JOURNAL, result);
	return refuse(cfg, value, "stdout, file or journal");
}

static int set_path(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	(void)opt;
	if (*value != '/' || value[strlen(value) - 1] == '/' || strlen(value) >= PATH_MAX)
		return refuse(cfg, value, "the path of a file, from / on");
	return keep(cfg, value, 0, result);
}

/* ---- What may stand where ---- */

#define VALUE(name, set)	CFG_PTR_CB(name, NULL, CFGF_NODEFAULT, set, free)
#define LIST(name, set)		CFG_PTR_LIST_CB(name, NULL, CFGF_NODEFAULT, set, free)
#define SECTION(name, opts)	CFG_SEC(name, opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

static cfg_opt_t device_opts[] = {
	CFG_PTR_LIST_CB(OPENING, "{here}", CFGF_NONE, set_opening, free),
	LIST("types", set_type),
	LIST("classes", set_class),
	VALUE("ring-size", set_ring_size),
	VALUE("watermark", set_watermark),
	VALUE("layout", set_layout),
	VALUE("durable", set_durable),
	LIST("sinks", set_sink),
	CFG_END(),
};

static cfg_opt_t sink_opts[] = {
	CFG_PTR_LIST_CB(OPENING, "{here}", CFGF_NONE, set_opening, free),
	VALUE("kind", set_kind),
	VALUE("path", set_path),
	VALUE("buffer-size", set_buffer_size),
	CFG_END(),
};

static cfg_opt_t root_opts[] = {
	VALUE("stop-timeout", set_stop_timeout),
	SECTION("device", device_opts),
	SECTION("sink", sink_opts),
	CFG_END(),
};

/* "device or sink", from what this section may have */
static void list_options(const cfg_t *cfg, char *text, size_t size)
{
	size_t fill = 0;

	text[0] = '\0';
	for (const cfg_opt_t *opt = cfg->opts; opt->name; opt++) {
		if (opt->name[0] == '(')
			continue;
		if (fill < size)
			fill += (size_t)snprintf(text + fill, size - fill, "%s%s",
						 !fill ? "" : opt[1].name ? ", " : " or ",
						 opt->name);
	}
}

/* libconfuse says what it found; this adds what it would have liked. */
static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	static const struct {
		const char *begins;
		const char *expected;
	} known[] = {
		{ "missing equal sign", "=" },
		{ "missing title", "a name behind the section's" },
		{ "missing opening brace", "{" },
		{ "found duplicate title", "one section of each name" },
		{ "unexpected token", "a value, or a list in braces if the option takes one" },
		{ "premature end", "the rest of an option" },
	};
	const char *want = NULL;
	char options[128];
	char found[256];

	vsnprintf(found, sizeof(found), format, args);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strncmp(format, known[i].begins, strlen(known[i].begins)))
			want = known[i].expected;
	if (!want) {
		list_options(cfg, options, sizeof(options));
		want = options;
	}
	config_fail(parsing, cfg->filename, cfg->line, "expected %s: %s", want, found);
}

/* ---- From sections to the configuration ---- */

static const struct setting *get(cfg_t *section, const char *name, unsigned int index)
{
	return index < cfg_size(section, name) ? cfg_getnptr(section, name, index) : NULL;
}

static int opening_line(cfg_t *section)
{
	const struct setting *setting = get(section, OPENING, 0);

	/* Whoever writes that name in quotes can set it to nothing. */
	return setting ? setting->line : section->line;
}

static bool mentions(cfg_t *section, const char *name)
{
	return cfg_getopt(section, name)->flags & CFGF_MODIFIED;
}

static bool is_device_name(const char *name)
{
	return !check_name(name) && strcmp(name, "control") && strcmp(name, "sync");
}

static int by_number(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static int apply_types(struct device_config *device, cfg_t *section)
{
	uint32_t count = cfg_size(section, "types");
	uint16_t *types = calloc(count + 1, sizeof(*types));
	uint32_t kept = 0;

	if (!types)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		types[i] = (uint16_t)get(section, "types", i)->number;
	qsort(types, count, sizeof(*types), by_number);
	for (uint32_t i = 0; i < count; i++)
		if (!kept || types[kept - 1] != types[i])
			types[kept++] = types[i];
	free(device->types);
	device->types = types;
	device->types_count = kept;
	return 0;
}

static bool has_sink(const struct device_config *device, const char *name)
{
	for (size_t i = 0; i < device->sinks_count; i++)
		if (!strcmp(device->sinks[i].name, name))
			return true;
	return false;
}

static int apply_sinks(struct device_config *device, cfg_t *section, const char *file)
{
	unsigned int count = cfg_size(section, "sinks");

	for (size_t i = 0; i < device->sinks_count; i++)
		free(device->sinks[i].name);
	free(device->sinks);
	device->sinks_count = 0;
	device->sinks = calloc(count + 1, sizeof(*device->sinks));
	if (!device->sinks)
		return -1;
	for (unsigned int i = 0; i < count; i++) {
		const struct setting *setting = get(section, "sinks", i);
		struct sink_reference *sink = &device->sinks[device->sinks_count];

		if (has_sink(device, setting->text))
			continue;
		sink->name = strdup(setting->text);
		if (!sink->name)
			return -1;
		sink->place = (struct config_place){ file, setting->line };
		device->sinks_count++;
	}
	return 0;
}

static int no_memory(struct config *config, const char *file)
{
	return config_fail(config, file, 0, "cannot be read: %s", strerror(ENOMEM));
}

static int apply_durable(struct config *config, struct device_config *device, const char *name,
			 const char *file)
{
	free(device->durable);
	device->durable = NULL;
	if (!*name)
		return 0;
	device->durable = strdup(name);
	return device->durable ? 0 : no_memory(config, file);
}

static int apply_device(struct config *config, cfg_t *section, const char *file)
{
	const struct setting *setting;
	struct device_config *device;

	if (!is_device_name(cfg_title(section)))
		return config_fail(config, file, opening_line(section),
				   "expected the name of a device, found %s", cfg_title(section));
	device = config_device(config, cfg_title(section));
	if (!device ||
	    (mentions(section, "types") && apply_types(device, section)) ||
	    (mentions(section, "sinks") && apply_sinks(device, section, file)))
		return no_memory(config, file);

	if (mentions(section, "classes"))
		device->classes = 0;
	for (unsigned int i = 0; i < cfg_size(section, "classes"); i++)
		device->classes |= 1U << get(section, "classes", i)->number;
	setting = get(section, "ring-size", 0);
	if (setting)
		device->ring_size = setting->number;
	setting = get(section, "watermark", 0);
	if (setting) {
		device->watermark = setting->number;
		device->watermark_place = (struct config_place){ file, setting->line };
	}
	setting = get(section, "layout", 0);
	if (setting)
		device->shared = setting->number;
	setting = get(section, "durable", 0);
	return setting ? apply_durable(config, device, setting->text, file) : 0;
}

static int apply_sink(struct config *config, cfg_t *section, const char *file)
{
	const struct setting *setting = get(section, "kind", 0);
	struct sink_config *sink;

	if (check_name(cfg_title(section)))
		return config_fail(config, file, opening_line(section),
				   "expected a name of letters, digits, '.', '_' and '-', found %s",
				   cfg_title(section));
	if (!setting && !config_find_sink(config, cfg_title(section)))
		return config_fail(config, file, opening_line(section),
				   "expected the kind of sink %s", cfg_title(section));
	sink = config_sink(config, cfg_title(section));
	if (!sink)
		goto no_memory;
	if (setting)
		sink->kind = (enum sink_kind)setting->number;
	setting = get(section, "path", 0);
	if (setting) {
		free(sink->path);
		sink->path = strdup(setting->text);
		if (!sink->path)
			goto no_memory;
	}
	setting = get(section, "buffer-size", 0);
	if (setting)
		sink->buffer_size = setting->number;
	sink->place = (struct config_place){ file, opening_line(section) };
	return 0;

no_memory:
	return no_memory(config, file);
}

static int apply(struct config *config, cfg_t *root, const char *file)
{
	const struct setting *setting = get(root, "stop-timeout", 0);
	int ret = 0;

	if (setting)
		config->stop_timeout = (unsigned int)setting->number;
	for (unsigned int i = 0; !ret && i < cfg_size(root, "sink"); i++)
		ret = apply_sink(config, cfg_getnsec(root, "sink", i), file);
	for (unsigned int i = 0; !ret && i < cfg_size(root, "device"); i++)
		ret = apply_device(config, cfg_getnsec(root, "device", i), file);
	return ret;
}

int config_parse_text(struct config *config, const char *file, char *text)
{
	cfg_t *root = cfg_init(root_opts, CFGF_NONE);
	FILE *in = *text ? fmemopen(text, strlen(text), "r") : NULL;
	int ret = 0;

	if (root)
		root->filename = strdup(file);
	if (!root || !root->filename || (*text && !in)) {
		ret = config_fail(config, file, 0, "cannot be read: %s", strerror(ENOMEM));
	} else if (in) {
		parsing = config;
		cfg_set_error_function(root, on_error);
		if (cfg_parse_fp(root, in) != CFG_SUCCESS)
			ret = config_fail(config, file, root->line, "expected something else here");
		parsing = NULL;
	}
	if (!ret)
		ret = apply(config, root, file);
	if (in)
		fclose(in);
	if (root)
		cfg_free(root);
	return ret;
}
