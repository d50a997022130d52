/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generator's runs, and the proof that what came from them is complete.
 */
#ifndef SELFTESTS_GENERATOR_H
#define SELFTESTS_GENERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/tandem.h>

#include "consumer.h"

/* What a run of small events of type 1 needs; the rest is 0. */
void gen_init(struct tandem_gen_start *start, uint32_t contexts);

/* Return, here and below: 0 or -errno. gen_start() fills @start->run in. */
int gen_start(int gen, struct tandem_gen_start *start);
int gen_stop(int gen);
int gen_status(int gen, struct tandem_gen_status *status);

/* Until the run has ended by itself; -ETIMEDOUT. */
int gen_wait(int gen, uint64_t deadline);

/* Events posted by the last run, in all contexts. */
uint64_t gen_posted(int gen);

/**
 * struct producer - what came from one producer
 * @next: the sequence number that is expected
 * @received: records
 * @missing: sequence numbers that were skipped
 */
struct producer {
	uint64_t next;
	uint64_t received;
	uint64_t missing;
};

/**
 * struct gen_check - what came from one run
 * @run: its number
 * @size: bytes of payload
 * @exact: there is one producer to a ring, so each gap must be told where it is
 * @carry: by ring: losses that a record had no room to tell
 * @late: the subscription is younger than the run, so what is missing at the start is not lost
 * @received: records of all producers
 * @missing: sequence numbers that were skipped, of all producers
 * @producer: by CPU and context
 */
struct gen_check {
	uint32_t run;
	uint32_t size;
	bool exact;
	bool late;
	uint64_t carry[CONSUMER_RINGS_MAX];
	uint64_t received;
	uint64_t missing;
	struct producer producer[CONSUMER_RINGS_MAX][TANDEM_GEN_CONTEXTS];
};

void gen_check_init(struct gen_check *check, const struct tandem_gen_start *start);

/* For consumer_drain(); @data is a struct gen_check. */
const char *gen_check_record(void *data, const struct ring *ring,
			     const struct tandem_record *record);

/* The same for an event that is not in a mapped ring, from @cpu. */
const char *gen_check_event(struct gen_check *check, const struct tandem_gen_event *event,
			    size_t size, unsigned int cpu);

#endif
