// SPDX-License-Identifier: GPL-2.0
/*
 * Removes what the daemon has left in the kernel: its durable subscriptions, which outlive it and
 * whatever configuration named them. So the kernel is asked what there is.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/tandem.h>

#include "forget.h"
#include "log.h"
#include "reader.h"

/* The kernel makes no larger messages. */
#define BUFFER_SIZE	(32 * 1024)
/* The list changed while it was read: so often it is read anew. */
#define DUMP_TRIES	16

/**
 * struct forgotten - one of the subscriptions that are to go
 * @next: another
 * @device: name of its device
 * @name: its own
 */
struct forgotten {
	struct forgotten *next;
	char *device;
	char *name;
};

/**
 * struct dump - what is asked, and what was found
 * @socket: asks
 * @seq: of the last question
 * @family: number of the family
 * @found: subscriptions of this user
 * @buffer: for messages
 */
struct dump {
	struct mnl_socket *socket;
	unsigned int seq;
	uint16_t family;
	struct forgotten *found;
	char buffer[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static int on_family(const struct nlmsghdr *header, void *arg)
{
	struct dump *dump = arg;
	struct nlattr *attr;

	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			dump->family = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

static int on_subscription(const struct nlmsghdr *header, void *arg)
{
	struct dump *dump = arg;
	const char *device = NULL;
	const char *name = NULL;
	struct forgotten *one;
	struct nlattr *attr;
	bool ours = false;

	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case TANDEM_ATTR_NAME:
			device = mnl_attr_get_str(attr);
			break;
		case TANDEM_ATTR_SUBSCRIPTION_NAME:
			name = mnl_attr_get_str(attr);
			break;
		case TANDEM_ATTR_UID:
			ours = mnl_attr_get_u32(attr) == geteuid();
			break;
		}
	}
	if (!device || !name || !ours)
		return MNL_CB_OK;
	one = calloc(1, sizeof(*one));
	if (!one)
		return MNL_CB_ERROR;
	one->next = dump->found;
	dump->found = one;
	one->device = strdup(device);
	one->name = strdup(name);
	return one->device && one->name ? MNL_CB_OK : MNL_CB_ERROR;
}

/* Return: 0 or -errno. */
static int ask(struct dump *dump, uint16_t type, uint16_t flags, uint8_t command, mnl_cb_t answer)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(dump->buffer);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));
	int ret;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = ++dump->seq;
	genl->cmd = command;
	genl->version = 1;
	if (type == GENL_ID_CTRL)
		mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, TANDEM_GENL_NAME);
	if (mnl_socket_sendto(dump->socket, header, header->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t len = mnl_socket_recvfrom(dump->socket, dump->buffer, BUFFER_SIZE);

		if (len < 0)
			return -errno;
		ret = mnl_cb_run(dump->buffer, (size_t)len, dump->seq,
				 mnl_socket_get_portid(dump->socket), answer, dump);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

static int find(struct dump *dump)
{
	int ret;

	dump->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!dump->socket || mnl_socket_bind(dump->socket, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	ret = ask(dump, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, on_family);
	if (ret)
		return ret;
	for (int i = 0; i < DUMP_TRIES; i++) {
		ret = ask(dump, dump->family, NLM_F_DUMP, TANDEM_CMD_SUBSCRIPTION_GET,
			  on_subscription);
		if (ret != -EINTR)
			break;
	}
	return ret;
}

int forget_subscriptions(void)
{
	struct dump *dump = calloc(1, sizeof(*dump));
	int result = dump ? find(dump) : -ENOMEM;

	/* Without the module there is nothing. */
	if (result == -ENOENT)
		result = 0;
	if (result)
		log_error("the kernel does not tell what subscriptions there are: %s",
			  strerror(-result));
	while (dump && dump->found) {
		struct forgotten *one = dump->found;
		int ret = reader_remove(one->device, one->name);

		/* It may have gone with its device meanwhile, or be listed twice. */
		if (ret && ret != -ENOENT && ret != -ENODEV) {
			log_error("device %s: durable subscription %s cannot be removed: %s",
				  one->device, one->name, strerror(-ret));
			result = ret;
		}
		dump->found = one->next;
		free(one->device);
		free(one->name);
		free(one);
	}
	if (dump && dump->socket)
		mnl_socket_close(dump->socket);
	free(dump);
	return result;
}
