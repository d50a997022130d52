/* SPDX-License-Identifier: GPL-2.0 */
/* How requests of a device that is served are answered. */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tandem.h>

struct cli;

/**
 * struct answerer - who answers
 * @cli: the program
 * @device: what is served
 * @command: runs for each request, NULL: lines are spoken instead
 * @in: lines: to it
 * @out: lines: from it
 * @requests: how many there were
 * @failed: it has been said that there can be no more answers
 */
struct answerer {
	const struct cli *cli;
	const char *device;
	char **command;
	int in;
	FILE *out;
	uint64_t requests;
	bool failed;
};

/* ---- serve.c ---- */

const char *operation_name(const struct tandem_request *request);

/* Has a signal come that ends the program? */
bool serve_stopped(void);

/* ---- answer.c ---- */

/* Runs the command. Return: as a &tandem_handler. */
int64_t answer_by_command(struct answerer *answerer, struct tandem_request *request);

/* Puts output where the client finds it. Return: the result: -EIO if there is no room for it. */
int64_t answer_output(const struct answerer *answerer, struct tandem_request *request,
		      const void *data, size_t len);

/* The errno of a name or of decimal digits; 0: it is neither. */
int read_errno(const char *text);

/*
 * Starts a program with its standard input and output. Return: 0 or -errno; -EINTR: a signal has
 * come that ends all. Of one at a time it is
 * known who runs: answerer_interrupt(), in a signal handler, ends it; answerer_wait() waits for
 * it, and returns its status.
 */
int answerer_spawn(char **command, int in, int out);
int answerer_wait(void);
void answerer_interrupt(void);

/* ---- line.c ---- */

/* Starts the command that speaks lines. Return: 0 or -errno. */
int answerer_start(struct answerer *answerer, char **command);

/* Ends it, if it was started. */
void answerer_stop(struct answerer *answerer);

/* Asks it. Return: as a &tandem_handler. */
int64_t answer_by_line(struct answerer *answerer, struct tandem_request *request);

#endif /* CLI_ANSWER_H */
