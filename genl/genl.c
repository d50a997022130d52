// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include <linux/tandem.h>

#include "genl.h"

/* The list changed while it was read: so often it is read anew. */
#define DUMP_TRIES	16

static void read_group(struct genl *genl, const struct nlattr *group)
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
		genl->group = id;
}

static int read_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *group;
	const struct nlattr *attr;
	struct genl *genl = arg;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			genl->family = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			mnl_attr_for_each_nested(group, attr)
				read_group(genl, group);
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *request(struct genl *genl, uint16_t type, uint16_t flags, uint8_t cmd,
				uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(genl->buffer);
	struct genlmsghdr *header = mnl_nlmsg_put_extra_header(nlh, sizeof(*header));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++genl->seq;
	header->cmd = cmd;
	header->version = version;
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
static int talk(struct genl *genl, const struct nlmsghdr *nlh, mnl_cb_t each, void *arg)
{
	mnl_cb_t control[] = { [NLMSG_ERROR] = end_of_answer, [NLMSG_DONE] = end_of_answer };
	unsigned int port = mnl_socket_get_portid(genl->socket);
	int ret;

	if (mnl_socket_sendto(genl->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t len = mnl_socket_recvfrom(genl->socket, genl->buffer,
						  sizeof(genl->buffer));

		if (len < 0)
			return -errno;
		ret = mnl_cb_run2(genl->buffer, (size_t)len, genl->seq, port, each, arg, control,
				  sizeof(control) / sizeof(*control));
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

int genl_open(struct genl *genl)
{
	*genl = (struct genl){ .socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC) };
	if (!genl->socket || mnl_socket_bind(genl->socket, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	return 0;
}

int genl_find(struct genl *genl)
{
	struct nlmsghdr *nlh = request(genl, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TANDEM_GENL_NAME);
	return talk(genl, nlh, read_family, genl);
}

void genl_close(struct genl *genl)
{
	if (genl->socket)
		mnl_socket_close(genl->socket);
}

static struct nlmsghdr *ask(struct genl *genl, uint16_t flags, int cmd, const char *device)
{
	struct nlmsghdr *nlh = request(genl, genl->family, flags, (uint8_t)cmd,
				       TANDEM_GENL_VERSION);

	if (device)
		mnl_attr_put_strz(nlh, TANDEM_ATTR_NAME, device);
	return nlh;
}

int genl_get(struct genl *genl, int cmd, const char *device, mnl_cb_t each, void *arg)
{
	return talk(genl, ask(genl, NLM_F_ACK, cmd, device), each, arg);
}

int genl_dump(struct genl *genl, int cmd, const char *device, mnl_cb_t each,
	      void (*anew)(void *arg), void *arg)
{
	int tries = DUMP_TRIES;
	int ret;

	do {
		anew(arg);
		ret = talk(genl, ask(genl, NLM_F_DUMP, cmd, device), each, arg);
	} while (ret == -EINTR && --tries);
	return ret;
}
