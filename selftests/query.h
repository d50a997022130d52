/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Questions to the generic-netlink family "tandem", and its changes.
 */
#ifndef SELFTESTS_QUERY_H
#define SELFTESTS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include <linux/tandem.h>

/**
 * struct info - one message of the family
 * @cmd: &enum tandem_cmd
 * @has: which attributes it had
 * @number: those that are numbers
 * @name: TANDEM_ATTR_NAME
 * @module: TANDEM_ATTR_MODULE
 * @comm: TANDEM_ATTR_COMM
 * @subscription_name: TANDEM_ATTR_SUBSCRIPTION_NAME
 * @types: TANDEM_ATTR_TYPES
 * @lost_class: TANDEM_ATTR_LOST_CLASS
 */
struct info {
	uint8_t cmd;
	bool has[TANDEM_ATTR_MAX + 1];
	uint64_t number[TANDEM_ATTR_MAX + 1];
	char name[TANDEM_NAME_SIZE];
	char module[64];
	char comm[32];
	char subscription_name[TANDEM_NAME_SIZE];
	uint8_t types[TANDEM_TYPES / 8];
	uint64_t lost_class[TANDEM_CLASSES];
};

/**
 * struct query - a socket to the family; one that listens is not for questions
 * @socket: libmnl's
 * @family: its number
 * @group: number of its group of changes
 * @sequence: of the last request
 * @parts: how many datagrams the last dump came in
 */
struct query {
	struct mnl_socket *socket;
	uint16_t family;
	uint32_t group;
	uint32_t sequence;
	unsigned int parts;
};

/* Return, here and below: 0 or -errno. */
int query_open(struct query *query);
void query_close(struct query *query);

/* Starts a request in @buffer of MNL_SOCKET_BUFFER_SIZE bytes. */
struct nlmsghdr *query_request(struct query *query, void *buffer, uint8_t cmd, uint16_t flags);

/* Sends @request and gives each answer to @each; what @each returns, if not 0, is returned. */
typedef int info_function(const struct info *info, void *data);
int query_send(struct query *query, struct nlmsghdr *request, info_function *each, void *data);

/* One device, server or subscription; by name, or by id if @name is NULL. */
int query_device(struct query *query, const char *name, uint32_t id, struct info *info);
int query_server(struct query *query, const char *name, struct info *info);
int query_subscription(struct query *query, uint32_t id, struct info *info);

/* All, or with @name those of one device. */
int query_dump(struct query *query, uint8_t cmd, const char *name, info_function *each, void *data);

/* How many a dump gives, or -errno. */
int query_count(struct query *query, uint8_t cmd, const char *name);

/* The newest subscription on the device @name that this process made. */
int query_own_subscription(struct query *query, const char *name, struct info *info);

/* A number about the newest subscription that this process made; all ones if there is none. */
uint64_t query_own_number(const char *name, enum tandem_attr attr);

/* Joins the group of changes. */
int query_listen(struct query *query);

/* The next change, or -ETIMEDOUT. */
int query_change(struct query *query, uint64_t deadline, struct info *info);

/* Waits for a change @cmd of the device @name, and skips others. */
int query_wait_change(struct query *query, uint8_t cmd, const char *name, uint64_t deadline,
		      struct info *info);

/* Names, kinds and modes of all devices as text, to compare. Free it. */
char *query_device_list(void);

#endif
