/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Consuming events without the library: the code of docs/events.md. Functions return 0 or more, or
 * a negative errno.
 */
#ifndef DOCS_GUIDE_RAW_H
#define DOCS_GUIDE_RAW_H

#include <stdint.h>

#include <linux/tandem.h>

typedef void (*raw_callback)(const struct tandem_record *record, void *arg);

/* [raw-structs] */
struct raw_ring {
	struct tandem_ring_consumer *consumer;
	const struct tandem_ring_producer *producer;
	const uint8_t *data;
	uint64_t cons;
};

struct raw {
	int fd;
	unsigned int rings;
	uint64_t size;
	uint64_t lost;
	struct raw_ring *ring;
};

/* [end] */

int raw_subscribe(struct raw *raw, int device_fd);
void raw_unsubscribe(struct raw *raw);
unsigned int raw_drain(struct raw *raw, raw_callback callback, void *arg);
int raw_sleep(struct raw *raw, int timeout_ms);
int raw_read(int fd, uint64_t *lost, raw_callback callback, void *arg);

#endif
