// SPDX-License-Identifier: GPL-2.0
/* One subscription, and its losses. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"

int reader_open(struct reader **result, const struct device_config *config)
{
	const struct tandem_subscribe_options options = {
		.ring_size = config->ring_size,
		.classes = config->classes,
		.types = config->types,
		.types_count = config->types_count,
		.watermark = config->watermark,
		.flags = (config->shared ? TANDEM_SUBSCRIBE_SHARED : 0) |
			 (config->durable ? TANDEM_SUBSCRIBE_DURABLE : 0),
		.name = config->durable,
		.manual_release = config->durable,
	};
	struct reader *reader;
	int fd = tandem_open(config->name, O_RDONLY | O_NONBLOCK);
	int ret;

	if (fd < 0)
		return fd;
	reader = calloc(1, sizeof(*reader));
	if (reader && config->durable)
		reader->durable = strdup(config->durable);
	if (!reader || (config->durable && !reader->durable))
		ret = -ENOMEM;
	else
		ret = tandem_subscribe(&reader->sub, fd, &options);
	close(fd);
	if (ret) {
		if (reader)
			free(reader->durable);
		free(reader);
		return ret;
	}
	reader->until = UINT64_MAX;
	*result = reader;
	return 0;
}

void reader_close(struct reader *reader)
{
	tandem_unsubscribe(reader->sub);
	free(reader->durable);
	free(reader);
}

int reader_remove(const char *device, const char *durable)
{
	int fd = tandem_open(device, O_RDONLY | O_NONBLOCK);
	int ret;

	if (fd < 0)
		return fd;
	ret = tandem_subscription_remove(fd, durable);
	close(fd);
	return ret;
}

uint64_t reader_lost_before(struct reader *reader, const struct tandem_record *record)
{
	uint64_t lost = record->lost_before;

	if (reader->durable)
		return lost;
	if (lost <= reader->ahead) {
		reader->ahead -= lost;
		return 0;
	}
	lost -= reader->ahead;
	reader->ahead = 0;
	reader->told += lost;
	return lost;
}

uint64_t reader_account(struct reader *reader, uint64_t *untold)
{
	struct tandem_counters counters;
	uint64_t lost;

	*untold = 0;
	if (reader->durable)
		return 0;
	tandem_subscription_counters(reader->sub, &counters);
	lost = counters.lost - reader->lost;
	reader->lost = counters.lost;

	/* A record may tell of a loss an instant before the counter does. */
	*untold = counters.lost > reader->told ? counters.lost - reader->told : 0;
	reader->told += *untold;
	reader->ahead += *untold;
	return lost;
}
