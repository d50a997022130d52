// SPDX-License-Identifier: GPL-2.0
/* The peer that a multicast group of generic netlink is. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "peer.h"

/* Bytes that may wait for the listener, with what the kernel takes for each message. */
#define SOCKET_BUFFER	(64 * 1024 * 1024)

struct netlink_channel {
	struct channel channel;
	struct mnl_socket *socket;
};

static int find_group_id(const struct nlattr *attr, void *data)
{
	const struct nlattr *group, *field;

	if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
		return MNL_CB_OK;
	/* The family has one group. */
	mnl_attr_for_each_nested(group, attr)
		mnl_attr_for_each_nested(field, group)
			if (mnl_attr_get_type(field) == CTRL_ATTR_MCAST_GRP_ID)
				*(uint32_t *)data = mnl_attr_get_u32(field);
	return MNL_CB_OK;
}

static int find_group(const struct nlmsghdr *message, void *data)
{
	return mnl_attr_parse(message, sizeof(struct genlmsghdr), find_group_id, data);
}

static uint32_t ask_group(struct mnl_socket *socket)
{
	char buffer[8192];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *header;
	uint32_t group = 0;
	ssize_t len;

	message->nlmsg_type = GENL_ID_CTRL;
	message->nlmsg_flags = NLM_F_REQUEST;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->cmd = CTRL_CMD_GETFAMILY;
	header->version = 1;
	mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, BENCH_GENL_NAME);
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		err(1, "cannot ask for the netlink family");
	len = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (len < 0 || mnl_cb_run(buffer, len, 0, mnl_socket_get_portid(socket), find_group,
				  &group) < 0 || !group)
		err(1, "the kernel half's netlink family has no group");
	return group;
}

static struct channel *netlink_open(const struct peer *peer, const struct channel_size *size)
{
	struct netlink_channel *c = calloc(1, sizeof(*c));
	int bytes = SOCKET_BUFFER;
	uint32_t group;

	(void)size;
	if (!c)
		err(1, "no memory");
	c->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!c->socket || mnl_socket_bind(c->socket, 0, MNL_SOCKET_AUTOPID) ||
	    setsockopt(mnl_socket_get_fd(c->socket), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		       sizeof(bytes)))
		err(1, "cannot open a netlink socket");
	group = ask_group(c->socket);
	if (mnl_socket_setsockopt(c->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		err(1, "cannot join the netlink group");
	c->channel.peer = peer;
	c->channel.epoll = new_epoll(mnl_socket_get_fd(c->socket));
	return &c->channel;
}

static size_t netlink_drain(struct channel *channel)
{
	struct netlink_channel *c = (struct netlink_channel *)channel;
	int fd = mnl_socket_get_fd(c->socket);
	char buffer[8192];
	size_t count = 0;

	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		count++;
	if (errno != EAGAIN)
		err(1, "cannot read from the netlink socket");
	return count;
}

static void netlink_close(struct channel *channel)
{
	struct netlink_channel *c = (struct netlink_channel *)channel;

	close(channel->epoll);
	mnl_socket_close(c->socket);
	free(c);
}

const struct peer peer_netlink = {
	.name = "netlink",
	.way = BENCH_NETLINK,
	.open = netlink_open,
	.drain = netlink_drain,
	.close = netlink_close,
	.slow = true,
};
