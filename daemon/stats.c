// SPDX-License-Identifier: GPL-2.0
/* Counts, and how they are told. */

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"
#include "stats.h"

static struct tally *tallies;

struct tally *tally_get(const char *device)
{
	struct tally **link = &tallies;
	struct tally *tally;

	for (; *link; link = &(*link)->next)
		if (!strcmp((*link)->device, device))
			return *link;
	tally = calloc(1, sizeof(*tally));
	if (!tally)
		return NULL;
	tally->device = strdup(device);
	if (!tally->device) {
		free(tally);
		return NULL;
	}
	*link = tally;
	return tally;
}

struct route *route_get(struct tally *tally, const char *sink)
{
	struct route **link = &tally->routes;
	struct route *route;

	for (; *link; link = &(*link)->next)
		if (!strcmp((*link)->sink, sink))
			return *link;
	route = calloc(1, sizeof(*route));
	if (!route)
		return NULL;
	route->sink = strdup(sink);
	if (!route->sink) {
		free(route);
		return NULL;
	}
	*link = route;
	return route;
}

void stats_summary(void)
{
	for (const struct tally *tally = tallies; tally; tally = tally->next) {
		char text[512] = "";
		size_t fill = 0;

		for (const struct route *route = tally->routes; route; route = route->next) {
			if (fill >= sizeof(text))
				break;
			fill += (size_t)snprintf(text + fill, sizeof(text) - fill,
						 "; sink %s: %ju written, %ju not written",
						 route->sink, route->written, route->unwritten);
		}
		if (tally->unread && fill < sizeof(text))
			snprintf(text + fill, sizeof(text) - fill, "; %ju left unread in the rings",
				 tally->unread);
		log_info("device %s: %ju consumed, %ju lost%s", tally->device,
			 tally->consumed, tally->lost, text);
	}
}

/* Private memory in bytes, as the kernel counts it for us; 0 if it does not say. */
static uint64_t rss_anon(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	uint64_t kib = 0;
	char line[256];

	if (!status)
		return 0;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "RssAnon: %ju", &kib) == 1)
			break;
	fclose(status);
	return kib * 1024;
}

static void add(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

void stats_dump(void)
{
	struct json_object *root = json_object_new_object();
	struct json_object *devices = json_object_new_array();

	for (const struct tally *tally = tallies; tally; tally = tally->next) {
		struct json_object *device = json_object_new_object();
		struct json_object *sinks = json_object_new_array();

		json_object_object_add(device, "device", json_object_new_string(tally->device));
		add(device, "consumed", tally->consumed);
		add(device, "lost", tally->lost);
		add(device, "wakeups", tally->wakeups);
		for (const struct route *route = tally->routes; route; route = route->next) {
			struct json_object *sink = json_object_new_object();

			json_object_object_add(sink, "sink", json_object_new_string(route->sink));
			add(sink, "written", route->written);
			add(sink, "not_written", route->unwritten);
			json_object_array_add(sinks, sink);
		}
		json_object_object_add(device, "sinks", sinks);
		json_object_array_add(devices, device);
	}
	json_object_object_add(root, "devices", devices);
	add(root, "rss_anon", rss_anon());
	dprintf(STDERR_FILENO, "%s\n",
		json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN));
	json_object_put(root);
}

/* What the service manager was told. */
static struct {
	uint64_t consumed;
	uint64_t lost;
} status;

static void sum(uint64_t *consumed, uint64_t *lost)
{
	*consumed = 0;
	*lost = 0;
	for (const struct tally *tally = tallies; tally; tally = tally->next) {
		*consumed += tally->consumed;
		*lost += tally->lost;
	}
}

void stats_status(void)
{
	sum(&status.consumed, &status.lost);
	notify_manager("STATUS=%ju events consumed, %ju lost", status.consumed, status.lost);
}

bool stats_changed(void)
{
	uint64_t consumed;
	uint64_t lost;

	sum(&consumed, &lost);
	return consumed != status.consumed || lost != status.lost;
}

void stats_free(void)
{
	while (tallies) {
		struct tally *tally = tallies;

		tallies = tally->next;
		while (tally->routes) {
			struct route *route = tally->routes;

			tally->routes = route->next;
			free(route->sink);
			free(route);
		}
		free(tally->device);
		free(tally);
	}
}
