// SPDX-License-Identifier: GPL-2.0
/*
 * News of devices, by netlink. The family "tandem" is there only while the module is; when it
 * comes, the family of families tells.
 */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/tandem.h>

#include "monitor.h"

/* The kernel gives the controller's own group, "notify", the controller's number. */
#define NOTIFY_GROUP	GENL_ID_CTRL

/**
 * struct monitor - the socket and what it is told
 * @socket: member of "notify", and of "changes" while the family is there
 * @source: @socket in the loop
 * @family: number of the family, 0 while it is not there
 * @appeared: whom to tell
 * @arg: for it
 */
struct monitor {
	struct mnl_socket *socket;
	sd_event_source *source;
	uint16_t family;
	void (*appeared)(const char *device, void *arg);
	void *arg;
};

static int find_changes(const struct nlattr *attr, void *data)
{
	uint32_t *group = data;
	uint32_t id = 0;
	const char *name = "";
	struct nlattr *entry;

	mnl_attr_for_each_nested(entry, attr) {
		if (mnl_attr_get_type(entry) == CTRL_ATTR_MCAST_GRP_NAME &&
		    mnl_attr_validate(entry, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(entry);
		else if (mnl_attr_get_type(entry) == CTRL_ATTR_MCAST_GRP_ID &&
			 mnl_attr_validate(entry, MNL_TYPE_U32) >= 0)
			id = mnl_attr_get_u32(entry);
	}
	if (!strcmp(name, TANDEM_GENL_CHANGES))
		*group = id;
	return MNL_CB_OK;
}

/* A family was announced, or answers our question. */
static void on_family(struct monitor *monitor, const struct nlmsghdr *header)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(header);
	const char *name = "";
	uint32_t group = 0;
	uint16_t family = 0;
	struct nlattr *attr;

	if (genl->cmd != CTRL_CMD_NEWFAMILY)
		return;
	mnl_attr_for_each(attr, header, sizeof(*genl)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_NAME:
			if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
				name = mnl_attr_get_str(attr);
			break;
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
				family = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			mnl_attr_parse_nested(attr, find_changes, &group);
			break;
		}
	}
	if (strcmp(name, TANDEM_GENL_NAME) || !group)
		return;
	if (mnl_socket_setsockopt(monitor->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return;
	monitor->family = family;
	/* What came before we were a member, nobody told us. */
	monitor->appeared(NULL, monitor->arg);
}

static void on_change(struct monitor *monitor, const struct nlmsghdr *header)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(header);
	struct nlattr *attr;

	if (genl->cmd != TANDEM_CMD_DEVICE_ADDED)
		return;
	mnl_attr_for_each(attr, header, sizeof(*genl))
		if (mnl_attr_get_type(attr) == TANDEM_ATTR_NAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			monitor->appeared(mnl_attr_get_str(attr), monitor->arg);
}

static int on_message(const struct nlmsghdr *header, void *data)
{
	struct monitor *monitor = data;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(struct genlmsghdr))
		return MNL_CB_OK;
	if (header->nlmsg_type == GENL_ID_CTRL)
		on_family(monitor, header);
	else if (header->nlmsg_type == monitor->family)
		on_change(monitor, header);
	return MNL_CB_OK;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct monitor *monitor = arg;
	char buffer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t len = mnl_socket_recvfrom(monitor->socket, buffer, sizeof(buffer));

	(void)source;
	(void)fd;
	(void)revents;
	if (len > 0)
		mnl_cb_run(buffer, (size_t)len, 0, 0, on_message, monitor);
	else if (errno == ENOBUFS)
		monitor->appeared(NULL, monitor->arg);
	return 0;
}

/* The answer comes as any other message; it is an error if the family is not there. */
static int ask_for_family(struct monitor *monitor)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO))) = { 0 };
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl;

	header->nlmsg_type = GENL_ID_CTRL;
	header->nlmsg_flags = NLM_F_REQUEST;
	genl = mnl_nlmsg_put_extra_header(header, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, TANDEM_GENL_NAME);
	return mnl_socket_sendto(monitor->socket, header, header->nlmsg_len) < 0 ? -errno : 0;
}

int monitor_new(struct monitor **result, sd_event *event,
		void (*appeared)(const char *device, void *arg), void *arg)
{
	const int group = NOTIFY_GROUP;
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	int ret;

	if (!monitor)
		return -ENOMEM;
	monitor->appeared = appeared;
	monitor->arg = arg;
	monitor->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!monitor->socket ||
	    mnl_socket_bind(monitor->socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_setsockopt(monitor->socket, NETLINK_ADD_MEMBERSHIP, (void *)&group,
				  sizeof(group))) {
		ret = -errno;
		goto free_monitor;
	}
	ret = ask_for_family(monitor);
	if (ret)
		goto free_monitor;
	ret = sd_event_add_io(event, &monitor->source, mnl_socket_get_fd(monitor->socket), EPOLLIN,
			      on_readable, monitor);
	if (ret < 0)
		goto free_monitor;
	*result = monitor;
	return 0;

free_monitor:
	if (monitor->socket)
		mnl_socket_close(monitor->socket);
	free(monitor);
	return ret;
}

void monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return;
	sd_event_source_disable_unref(monitor->source);
	mnl_socket_close(monitor->socket);
	free(monitor);
}
