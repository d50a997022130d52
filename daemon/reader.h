/* SPDX-License-Identifier: GPL-2.0 */
/* A reader: one subscription, from a time and up to a time, with account of what it lost. */
#ifndef DAEMON_READER_H
#define DAEMON_READER_H

#include <stdint.h>

#include <tandem.h>

#include "config.h"

/**
 * struct reader - one subscription
 * @next: the one that comes after it
 * @sub: the subscription
 * @from: events up to this time are the former reader's
 * @until: events after this time are the next reader's
 * @lost: losses counted in it
 * @told: of these: told
 * @ahead: of these: told before the record came that tells them too
 * @durable: name of its durable subscription, or NULL. Then records alone tell of losses, as the
 *	next process to attach knows nothing else, and nothing is released by itself
 */
struct reader {
	struct reader *next;
	struct tandem_subscription *sub;
	uint64_t from;
	uint64_t until;
	uint64_t lost;
	uint64_t told;
	uint64_t ahead;
	char *durable;
};

/* reader_open() - subscribe. Return 0 or -errno */
int reader_open(struct reader **reader, const struct device_config *config);

void reader_close(struct reader *reader);

/* reader_remove() - remove a durable subscription. Return 0 or -errno */
int reader_remove(const char *device, const char *durable);

/* reader_lost_before() - how many losses a record brings to light */
uint64_t reader_lost_before(struct reader *reader, const struct tandem_record *record);

/*
 * reader_account() - how many losses there are since it was asked last; *@untold says how many of
 * all no record has told yet, and they count as told from now on. Of a durable subscription it
 * knows of none
 */
uint64_t reader_account(struct reader *reader, uint64_t *untold);

#endif /* DAEMON_READER_H */
