// SPDX-License-Identifier: GPL-2.0
/* The generic-netlink family, whose answers become JSON. */

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include <tandem.h>

#include "cli.h"
#include "genl.h"

struct netlink {
	struct genl genl;
};

static int append(const struct nlmsghdr *nlh, void *arg)
{
	put_element(arg, message_json(nlh));
	return MNL_CB_OK;
}

struct netlink *netlink_open(const struct cli *cli, int *status)
{
	struct netlink *nl = calloc(1, sizeof(*nl));
	int ret;

	if (!nl)
		no_memory();
	ret = genl_open(&nl->genl);
	if (ret) {
		*status = complain(cli, STATUS_NO_KERNEL, "Netlink cannot be used: %s.",
				   strerror(-ret));
		goto fail;
	}
	ret = genl_find(&nl->genl);
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
	genl_close(&nl->genl);
	free(nl);
}

int netlink_get(struct netlink *nl, int cmd, const char *device, struct json_object *array)
{
	return genl_get(&nl->genl, cmd, device, append, array);
}

/**
 * struct list - a dump's
 * @array: what it becomes the end of
 * @before: how much is there already
 */
struct list {
	struct json_object *array;
	size_t before;
};

static int append_to_list(const struct nlmsghdr *nlh, void *arg)
{
	struct list *list = arg;

	return append(nlh, list->array);
}

static void empty_list(void *arg)
{
	struct list *list = arg;

	json_object_array_del_idx(list->array, list->before,
				  json_object_array_length(list->array) - list->before);
}

int netlink_dump(struct netlink *nl, int cmd, const char *device, struct json_object *array)
{
	struct list list = { array, json_object_array_length(array) };

	return genl_dump(&nl->genl, cmd, device, append_to_list, empty_list, &list);
}

int netlink_join(struct netlink *nl)
{
	if (!nl->genl.group)
		return -ENOENT;
	if (mnl_socket_setsockopt(nl->genl.socket, NETLINK_ADD_MEMBERSHIP, &nl->genl.group,
				  sizeof(nl->genl.group)) < 0)
		return -errno;
	return 0;
}

int netlink_fd(const struct netlink *nl)
{
	return mnl_socket_get_fd(nl->genl.socket);
}

int netlink_receive(struct netlink *nl, struct json_object *array)
{
	struct genl *genl = &nl->genl;
	ssize_t len = mnl_socket_recvfrom(genl->socket, genl->buffer, sizeof(genl->buffer));

	if (len < 0)
		return -errno;
	/* Multicast messages answer nothing: sequence and port are not looked at. */
	return mnl_cb_run(genl->buffer, (size_t)len, 0, 0, append, array) < 0 ? -errno : 0;
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
