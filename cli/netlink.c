// SPDX-License-Identifier: GPL-2.0
/* The generic-netlink family. */

#include <errno.h>
#include <json-c/json.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include <tandem.h>

#include "cli.h"

/* The list changed while it was read: so often it is read anew. */
#define DUMP_TRIES	16
/* The kernel makes no larger messages. */
#define BUFFER_SIZE	(32 * 1024)

struct netlink {
	struct mnl_socket *socket;
	uint16_t family;
	uint32_t group;
	uint32_t seq;
	char buffer[BUFFER_SIZE];
};

static void read_group(struct netlink *nl, const struct nlattr *group)
{
	const struct nlattr *attr;
	const char *name = "";
	uint32_t id = 0;

	mnl_attr_for_each_nested(attr, group) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME)
			name = mnl_attr_get_str(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
			id = mnl_attr_get_u32(attr);
	}
	if (!strcmp(name, TANDEM_GENL_CHANGES))
		nl->group = id;
}

static int read_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *group;
	const struct nlattr *attr;
	struct netlink *nl = arg;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			nl->family = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			mnl_attr_for_each_nested(group, attr)
				read_group(nl, group);
	}
	return MNL_CB_OK;
}

static int append(const struct nlmsghdr *nlh, void *arg)
{
	put_element(arg, message_json(nlh));
	return MNL_CB_OK;
}

static struct nlmsghdr *request(struct netlink *nl, uint16_t type, uint16_t flags, uint8_t cmd,
				uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->buffer);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++nl->seq;
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

/* Both kinds of end begin with an error. Of NLMSG_DONE, a dump's, libmnl would not tell it. */
static int end_of_answer(const struct nlmsghdr *nlh, void *arg)
{
	int error = 0;

	(void)arg;
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	if (error >= 0)
		return MNL_CB_STOP;
	errno = -error;
	return MNL_CB_ERROR;
}

/* Sends, and reads all answers. */
static int talk(struct netlink *nl, const struct nlmsghdr *nlh, mnl_cb_t callback, void *arg)
{
	mnl_cb_t control[] = { [NLMSG_ERROR] = end_of_answer, [NLMSG_DONE] = end_of_answer };
	unsigned int port = mnl_socket_get_portid(nl->socket);
	int ret;

	if (mnl_socket_sendto(nl->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t len = mnl_socket_recvfrom(nl->socket, nl->buffer, sizeof(nl->buffer));

		if (len < 0)
			return -errno;
		ret = mnl_cb_run2(nl->buffer, (size_t)len, nl->seq, port, callback, arg, control,
				  ARRAY_SIZE(control));
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

struct netlink *netlink_open(const struct cli *cli, int *status)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	struct nlmsghdr *nlh;
	int ret;

	if (!nl)
		no_memory();
	nl->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		*status = complain(cli, STATUS_NO_KERNEL, "Netlink cannot be used: %s.",
				   strerror(errno));
		goto fail;
	}
	nlh = request(nl, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TANDEM_GENL_NAME);
	ret = talk(nl, nlh, read_family, nl);
	if (ret == -ENOENT) {
		*status = no_kernel(cli);
		goto fail;
	}
	if (ret) {
		*status = complain(cli, STATUS_NO_KERNEL,
				   "The kernel does not tell of its netlink families: %s.",
				   strerror(-ret));
		goto fail;
	}
	return nl;

fail:
	netlink_close(nl);
	return NULL;
}

void netlink_close(struct netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl);
}

int netlink_get(struct netlink *nl, int cmd, const char *device, struct json_object *array)
{
	struct nlmsghdr *nlh = request(nl, nl->family, NLM_F_ACK, (uint8_t)cmd,
				       TANDEM_GENL_VERSION);

	mnl_attr_put_strz(nlh, TANDEM_ATTR_NAME, device);
	return talk(nl, nlh, append, array);
}

int netlink_dump(struct netlink *nl, int cmd, const char *device, struct json_object *array)
{
	size_t before = json_object_array_length(array);
	int ret = 0;

	for (int i = 0; i < DUMP_TRIES; i++) {
		struct nlmsghdr *nlh = request(nl, nl->family, NLM_F_DUMP, (uint8_t)cmd,
					       TANDEM_GENL_VERSION);

		if (device)
			mnl_attr_put_strz(nlh, TANDEM_ATTR_NAME, device);
		ret = talk(nl, nlh, append, array);
		if (ret != -EINTR)
			break;
		json_object_array_del_idx(array, before, json_object_array_length(array) - before);
	}
	return ret;
}

int netlink_join(struct netlink *nl)
{
	if (!nl->group)
		return -ENOENT;
	if (mnl_socket_setsockopt(nl->socket, NETLINK_ADD_MEMBERSHIP, &nl->group,
				  sizeof(nl->group)) < 0)
		return -errno;
	return 0;
}

int netlink_fd(const struct netlink *nl)
{
	return mnl_socket_get_fd(nl->socket);
}

int netlink_receive(struct netlink *nl, struct json_object *array)
{
	ssize_t len = mnl_socket_recvfrom(nl->socket, nl->buffer, sizeof(nl->buffer));

	if (len < 0)
		return -errno;
	/* Multicast messages answer nothing: sequence and port are not looked at. */
	return mnl_cb_run(nl->buffer, (size_t)len, 0, 0, append, array) < 0 ? -errno : 0;
}

int netlink_failed(const struct cli *cli, const char *device, int error)
{
	/* The policy refuses what can be no name. */
	if (device && (error == -ENOENT || error == -EINVAL || error == -ERANGE))
		return no_such_device(cli, device);
	if (error == -EINTR)
		return complain(cli, STATUS_FAILED,
				"The devices change too fast to be read; try again.");
	return complain(cli, STATUS_FAILED, "The kernel's answer cannot be had: %s.",
			tandem_strerror(error));
}
