/* SPDX-License-Identifier: GPL-2.0 */
/* Questions to the generic-netlink family "tandem", for daemon and command. */
#ifndef GENL_GENL_H
#define GENL_GENL_H

#include <libmnl/libmnl.h>
#include <stdint.h>

/* The kernel makes no larger messages. */
#define GENL_BUFFER_SIZE	(32 * 1024)

/**
 * struct genl - who asks
 * @socket: for questions and their answers
 * @seq: of the last question
 * @family: number of the family
 * @group: number of its group of changes, or 0
 * @buffer: for a message
 */
struct genl {
	struct mnl_socket *socket;
	uint32_t seq;
	uint16_t family;
	uint32_t group;
	char buffer[GENL_BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* Makes the socket. Return: 0 or -errno; genl_close() in any case. */
int genl_open(struct genl *genl);

/* Finds the family. Return: 0 or -errno; -ENOENT: the module is not there. */
int genl_find(struct genl *genl);

void genl_close(struct genl *genl);

/* Calls @each, with @arg, for the answer about a device. Return: 0 or -errno. */
int genl_get(struct genl *genl, int cmd, const char *device, mnl_cb_t each, void *arg);

/*
 * Calls @each, with @arg, for all there is, or all of a device. Before each attempt it calls @anew,
 * which forgets what @each was told, as the list may change while it is read. Return: 0 or -errno;
 * -EINTR: it changed each time.
 */
int genl_dump(struct genl *genl, int cmd, const char *device, mnl_cb_t each,
	      void (*anew)(void *arg), void *arg);

#endif
