// SPDX-License-Identifier: GPL-2.0
/* Devices that arrive. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <string.h>

#include "guide.h"

#define BUFFER_SIZE	8192

/* [arrival-open] */
static int find_group(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr, *groups, *group;
	uint32_t *id = arg;

	mnl_attr_for_each(groups, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(groups) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(group, groups)
			mnl_attr_for_each_nested(attr, group)
				if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
					*id = mnl_attr_get_u32(attr);
	}
	return MNL_CB_OK;
}

struct mnl_socket *arrival_open(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	char buffer[BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl;
	uint32_t group = 0;
	ssize_t len;

	nlh->nlmsg_type = GENL_ID_CTRL;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TANDEM_GENL_NAME);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		goto err;
	len = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));
	if (len < 0 || mnl_cb_run(buffer, (size_t)len, 0, 0, find_group, &group) < 0 || !group ||
	    mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		goto err;
	return nl;
err:
	if (nl)
		mnl_socket_close(nl);
	return NULL;
}

/* [end] */

struct arrival {
	char *name;
	size_t size;
};

/* [arrival-next] */
static int find_name(const struct nlmsghdr *nlh, void *arg)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct arrival *arrival = arg;
	const struct nlattr *attr;

	if (genl->cmd != TANDEM_CMD_DEVICE_ADDED)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*genl))
		if (mnl_attr_get_type(attr) == TANDEM_ATTR_NAME)
			snprintf(arrival->name, arrival->size, "%s", mnl_attr_get_str(attr));
	return MNL_CB_STOP;
}

int arrival_next(struct mnl_socket *nl, char *name, size_t size)
{
	struct arrival arrival = { .name = name, .size = size };
	char buffer[BUFFER_SIZE];
	int ret = MNL_CB_OK;

	while (ret == MNL_CB_OK) {
		ssize_t len = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));

		if (len < 0)
			return -errno;
		ret = mnl_cb_run(buffer, (size_t)len, 0, 0, find_name, &arrival);
	}
	return ret < 0 ? -errno : 0;
}

/* [end] */
