/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user side of docs/windows-to-linux.md. Functions return 0 or more, or a negative errno.
 */
#ifndef DOCS_GUIDE_GUIDE_H
#define DOCS_GUIDE_GUIDE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <tandem.h>
#include <tandem/interlocked.h>

#include "meter.h"

/* ---- Requests (client.c) ---- */

int meter_connect(void);
int meter_set_range(int fd, uint32_t low, uint32_t high);
int meter_latest(int fd, uint32_t *samples, size_t room, size_t *count);
int meter_get_range(int fd, struct meter_range *range);
int meter_read(int fd, uint32_t *sample);
int meter_write(int fd, uint32_t sample);
int meter_read_timeout(int fd, uint32_t *sample, int timeout_ms);
const uint32_t *meter_map(int fd);
void meter_unmap(const uint32_t *history);
int meter_explain(int error, char *text, size_t size);

/* ---- What a section may hold (board.c) ---- */

/* [board] */
struct job {
	struct tandem_slist_entry entry;
	__u32 number;
	__u64 unused;
};

struct board {
	__s32 users;
	__s32 closed;
	struct tandem_slist_head jobs;
	struct job job[8];
};

/* [end] */

int board_enter(struct board *board);
int board_close(struct board *board);
int board_jobs(struct board *board, struct tandem_slist *jobs);
int board_post(const struct tandem_slist *jobs, struct job *job);
int64_t board_work(const struct tandem_slist *jobs);

/* ---- Events (events.c) ---- */

int alarm_subscribe(struct tandem_subscription **sub, int fd);
int alarm_wait(struct tandem_subscription *sub, uint32_t *sample);
int alarm_wait_either(struct tandem_subscription *sub, int other_fd);

/**
 * struct tally - what the callbacks of tally_events() count
 * @samples: samples
 * @sum: of them
 * @alarms: alarms
 */
struct tally {
	unsigned int samples;
	uint64_t sum;
	unsigned int alarms;
};

int tally_events(struct tandem_subscription *sub, struct tally *tally, unsigned int until);

/* ---- Processes (processes.c) ---- */

/**
 * struct watch - a watch over processes
 * @sub: the subscription
 * @out: where it is told
 * @until: ends with this process
 */
struct watch {
	struct tandem_subscription *sub;
	FILE *out;
	pid_t until;
};

int watch_begin(struct watch *watch);
int watch_go(struct watch *watch);

/* ---- A device of user space (server.c) ---- */

int bell_create(void);
int bell_ring(int server, const char *who);

/* ---- Arrival (arrival.c) ---- */

struct mnl_socket *arrival_open(void);
int arrival_next(struct mnl_socket *nl, char *name, size_t size);

#endif
