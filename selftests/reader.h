/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A consumer by read(), of the generator's events. It checks whatever it reads.
 */
#ifndef SELFTESTS_READER_H
#define SELFTESTS_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "generator.h"

/**
 * struct reader - a subscription's fd, with O_NONBLOCK
 * @fd: the subscription
 * @ordered: no time may be before that of the record before it
 * @timeless: times are 0
 * @check: of the run
 * @time: of the last record
 * @records: how many, without discarded ones
 * @lost: sum of their lost_before
 * @error: what was wrong, or NULL
 */
struct reader {
	int fd;
	bool ordered;
	bool timeless;
	struct gen_check check;
	uint64_t time;
	uint64_t records;
	uint64_t lost;
	const char *error;
};

/* Subscribes by @args to @node. Return: 0 or -errno. */
int reader_open(struct reader *reader, int node, const struct tandem_subscribe *args);
void reader_close(struct reader *reader);

/* Reads once, up to @size bytes. Return: how many, 0 if there were none or something was wrong. */
size_t reader_read(struct reader *reader, size_t size);

/* Reads all there is. */
void reader_drain(struct reader *reader);

/* Checks records as read() and snapshots give them. */
void reader_check(struct reader *reader, const uint8_t *bytes, size_t len);

/* A number of the fd's /proc entry: that after "tandem-@name:"; all ones if there is none. */
uint64_t fdinfo_number(int fd, const char *name);

#endif
