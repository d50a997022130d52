/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands of tandemctl share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tandem.h>

#include "decode.h"

/* Exit codes; documented in tandemctl(8). */
enum status {
	STATUS_OK		= 0,
	STATUS_FAILED		= 1,
	STATUS_USAGE		= 2,
	STATUS_NO_DEVICE	= 3,
	STATUS_NO_KERNEL	= 4,
	STATUS_TIME_OVER	= 5,
	STATUS_PERMISSION	= 6,
};

/**
 * struct output - what goes to standard output
 * @buffer: not yet written
 * @fill: bytes in it
 * @size: room in it
 * @signal_fd: where signals arrive; -1 as long as they do what they do by default
 * @signal: the signal that ended the command, or 0
 * @error: why nothing can be written any more, or 0
 */
struct output {
	char *buffer;
	size_t fill;
	size_t size;
	int signal_fd;
	int signal;
	int error;
};

/**
 * struct cli - one run of the program
 * @command: the command that runs, or NULL
 * @json: output is JSON
 * @pretty: and indented
 * @out: standard output
 */
struct cli {
	const struct command *command;
	bool json;
	bool pretty;
	struct output out;
};

/**
 * struct command - a command
 * @name: its name
 * @usage: its arguments, one form a line
 * @summary: what it does, in a line
 * @help: the rest of its help: description, options, examples
 * @run: does it; returns &enum status
 */
struct command {
	const char *name;
	const char *usage;
	const char *summary;
	const char *help;
	int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct command command_help;
extern const struct command command_ioctl;
extern const struct command command_list;
extern const struct command command_monitor;
extern const struct command command_post;
extern const struct command command_read;
extern const struct command command_remove;
extern const struct command command_serve;
extern const struct command command_show;
extern const struct command command_stat;
extern const struct command command_subscription;
extern const struct command command_watch;
extern const struct command command_write;

/* ---- main.c ---- */

const struct command *find_command(const char *name);
int no_such_command(struct cli *cli, const char *name);
void print_help(struct cli *cli, const struct command *command);

/* ---- options.c ---- */

/*
 * getopt_long() that knows the options of every command. @longs, which ends with a NULL name or is
 * NULL, are those of this one. It returns -1 at the end; an option of the command; or something
 * that is neither, and then all has been said: return option_status() of it.
 */
int next_option(struct cli *cli, int argc, char **argv, const char *shorts,
		const struct option *longs);
int option_status(int c);

/* Are there @min to @max arguments after the options? @names says what they are, by a space. */
bool check_arguments(const struct cli *cli, int argc, char **argv, int min, int max,
		     const char *names);

/* Each says on standard error what is wrong with @text, the value of @what, and returns false. */
bool parse_number(const struct cli *cli, const char *what, const char *text, uint64_t min,
		  uint64_t max, uint64_t *value);
bool parse_size(const struct cli *cli, const char *what, const char *text, uint64_t max,
		uint64_t *value);
bool parse_seconds(const struct cli *cli, const char *what, const char *text, uint64_t *ns);

/* ---- number.c ---- */

/* A decimal number or one with 0x, and nothing after it. */
bool read_number(const char *text, uint64_t *value);

/* ---- bytes.c ---- */

/**
 * struct bytes - a piece of memory
 * @data: from malloc(), or NULL
 * @len: bytes
 */
struct bytes {
	unsigned char *data;
	size_t len;
};

/* --in: hex digits, "@FILE" or "-" for standard input. @what names the option. */
bool parse_bytes(const struct cli *cli, const char *what, const char *text, struct bytes *bytes);

/* Hex digits, in pairs; blanks, colons and a leading 0x are skipped. -1 or where it went wrong. */
ptrdiff_t read_hex(const char *text, struct bytes *bytes);

/* From --in or the argument @text, whichever is there; empty without both. */
bool parse_payload(const struct cli *cli, const char *in, const char *text, struct bytes *bytes);

/* ---- error.c ---- */

/* "tandemctl: SENTENCE" on standard error; returns @status. */
int complain(const struct cli *cli, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with a word about where help is. */
int complain_usage(const struct cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Why a node (with these flags), the control node, or a subscription could not be opened. */
int open_failed(const struct cli *cli, const char *node, int flags, int error);
int control_failed(const struct cli *cli, const char *device, int error);
int subscribe_failed(const struct cli *cli, const char *node, const char *name, int error);
int subscription_failed(const struct cli *cli, const char *device, const char *name, int error);
int no_such_device(const struct cli *cli, const char *device);

/* The device of a name or a path. */
const char *device_name(const char *node);

/* The interface to the kernel is missing. */
int no_kernel(const struct cli *cli);

__attribute__((noreturn)) void no_memory(void);

/* ---- output.c ---- */

/* What ended a wait. */
enum wait {
	WAIT_READY,
	WAIT_TIME_OVER,
	WAIT_ENDED,	/* a signal came, or nobody reads the output any more */
};

#define FOR_EVER	UINT64_MAX

void out_text(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_bytes(struct cli *cli, const void *data, size_t len);

/* One object, one line (unless pretty). */
void out_json(struct cli *cli, struct json_object *object);

/* false: a signal came, or nothing can be written any more. */
bool out_flush(struct cli *cli);

/* From here on SIGINT and SIGTERM end out_flush() and out_wait(), not the program. */
void out_catch_signals(struct cli *cli);

/* Flushes, then waits until @fd (unless -1) can be read, at most until @deadline. */
enum wait out_wait(struct cli *cli, int fd, uint64_t deadline);

/* CLOCK_MONOTONIC, in nanoseconds. */
uint64_t now_ns(void);

/* ---- json.c ---- */

/* Those of decode.h, which end the program without memory. */
struct json_object *new_object(void);
struct json_object *new_array(void);
void put_int(struct json_object *object, const char *key, uint64_t value);
void put_double(struct json_object *object, const char *key, double value);
void put_string(struct json_object *object, const char *key, const char *text);
void put_bool(struct json_object *object, const char *key, bool value);
void put_hex(struct json_object *object, const char *key, const void *data, size_t len);
void put_object(struct json_object *object, const char *key, struct json_object *value);
void put_element(struct json_object *array, struct json_object *value);

/* 0 or NULL if it is not there. */
uint64_t get_int(struct json_object *object, const char *key);
const char *get_string(struct json_object *object, const char *key);

/*
 * A value for people; the caller's to free. Strings lose what would move a terminal's cursor, and
 * with @quote they are in quotes.
 */
char *value_text(struct json_object *value, bool quote);

/* ---- table.c ---- */

/**
 * struct column - a column of a table
 * @title: its head
 * @key: field of the objects; a missing one is shown as "-"
 * @right: numbers stand at the right
 */
struct column {
	const char *title;
	const char *key;
	bool right;
};

/* Prints an array of objects as a table. */
void print_table(struct cli *cli, const struct column *columns, size_t count,
		 struct json_object *rows);

/* ---- netlink.c ---- */

struct netlink;

/* NULL: said why on standard error; *status says what to exit with. */
struct netlink *netlink_open(const struct cli *cli, int *status);
void netlink_close(struct netlink *nl);

/*
 * Ask for what @cmd gets, of one device or of all (NULL), one answer or many, and append the
 * answers to @array. Return 0 or -errno.
 */
int netlink_get(struct netlink *nl, int cmd, const char *device, struct json_object *array);
int netlink_dump(struct netlink *nl, int cmd, const char *device, struct json_object *array);

/* Join the group of changes; then fd and receive: appends, each with "change", its name. */
int netlink_join(struct netlink *nl);
int netlink_fd(const struct netlink *nl);
int netlink_receive(struct netlink *nl, struct json_object *array);

/* Why an answer did not come. */
int netlink_failed(const struct cli *cli, const char *device, int error);

/* ---- attributes.c ---- */

struct nlmsghdr;

/* The attributes of a message of the family as a JSON object. */
struct json_object *message_json(const struct nlmsghdr *nlh);

/* The name of a change, NULL if @cmd is none. */
const char *change_name(int cmd);

/* ---- code.c ---- */

/*
 * An ioctl's number: a number, or an expression as in _IOWR('N', 0x80, u64). Return NULL, or a
 * sentence about what is wrong.
 */
const char *parse_code(const char *text, uint32_t *code);

/* ---- guard.c ---- */

/**
 * struct guarded - memory that ends where a page begins that nobody may touch
 * @data: the bytes
 * @len: how many
 * @map: the mapping
 * @map_len: its bytes
 */
struct guarded {
	unsigned char *data;
	size_t len;
	void *map;
	size_t map_len;
};

/* @len zeros, the first of them from @from. 0 or -errno. */
int guard_alloc(struct guarded *guarded, size_t len, const struct bytes *from);
void guard_free(struct guarded *guarded);

/* ---- subscribe.c ---- */

struct tandem_subscription;

/* Options of all commands that subscribe: see run_watch() for their long names. */
#define SUBSCRIBE_SHORTS	"t:c:r:o:w:SN"

/**
 * struct subscribe - what to subscribe to
 * @node: the device as given
 * @device: its name
 * @options: for the library
 * @types: memory of the types
 * @exists: there is a durable one of that name
 * @text: the options as given; NULL or 0: not given
 */
struct subscribe {
	const char *node;
	const char *device;
	struct tandem_subscribe_options options;
	uint16_t *types;
	bool exists;
	struct subscribe_text {
		const char *types;
		const char *classes;
		const char *ring_size;
		const char *overflow;
		const char *watermark;
		uint32_t flags;
	} text;
};

/* Takes note of an option of SUBSCRIBE_SHORTS; false: it is none. */
bool subscribe_option(struct subscribe *subscribe, int c, const char *value);

/*
 * Understands the options. With @name the subscription is durable; if it is there, options that
 * were not given are as it has them. Return: &enum status; subscribe_free() it in any case.
 */
int subscribe_prepare(const struct cli *cli, struct subscribe *subscribe, const char *node,
		      const char *name);
void subscribe_free(struct subscribe *subscribe);

/* Subscribes. Return: &enum status. */
int subscribe_open(const struct cli *cli, struct subscribe *subscribe,
		   struct tandem_subscription **sub);

/* All subscriptions, or those of a device. Return: &enum status; put @all in any case. */
int fetch_subscriptions(const struct cli *cli, const char *device, struct json_object **all);

/* The durable one of that name in an array of subscriptions of one device, or NULL. */
struct json_object *find_subscription(struct json_object *all, const char *name);

/* Names of &enum tandem_overflow. */
#define OVERFLOW_NAMES	3
extern const char *const overflow_names[OVERFLOW_NAMES];

/* Of bits of &enum tandem_subscribe_flags; NULL: unknown. */
const char *flag_name(unsigned int bit);

/* ---- event.c ---- */

/* Prints an event as JSON or a line. */
void print_event(struct cli *cli, struct json_object *event);

/* ---- device.c ---- */

/* Prints an array of subscriptions as a table; with @device there is a column for it. */
void print_subscriptions(struct cli *cli, struct json_object *subscriptions, bool device);

/* By name. */
void sort_devices(struct json_object *devices);

#endif /* CLI_CLI_H */
