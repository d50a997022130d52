// SPDX-License-Identifier: GPL-2.0
/*
 * Questions to the generic-netlink family "tandem", and its changes.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "query.h"
#include "util.h"

/* The kernel makes the parts of a dump so large that they fit. */
#define ANSWER_SIZE	8192

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

struct each_info {
	info_function *each;
	void *data;
	int result;
};

static void copy_string(char *to, size_t size, const struct nlattr *attr)
{
	snprintf(to, size, "%.*s", (int)mnl_attr_get_payload_len(attr), mnl_attr_get_str(attr));
}

static int parse_attr(const struct nlattr *attr, void *data)
{
	struct info *info = data;
	uint16_t type = mnl_attr_get_type(attr);
	size_t len = mnl_attr_get_payload_len(attr);
	const void *payload = mnl_attr_get_payload(attr);

	if (type > TANDEM_ATTR_MAX)
		return MNL_CB_ERROR;
	info->has[type] = true;
	switch (type) {
	case TANDEM_ATTR_NAME:
		copy_string(info->name, sizeof(info->name), attr);
		break;
	case TANDEM_ATTR_MODULE:
		copy_string(info->module, sizeof(info->module), attr);
		break;
	case TANDEM_ATTR_COMM:
		copy_string(info->comm, sizeof(info->comm), attr);
		break;
	case TANDEM_ATTR_SUBSCRIPTION_NAME:
		copy_string(info->subscription_name, sizeof(info->subscription_name), attr);
		break;
	case TANDEM_ATTR_TYPES:
		if (len != sizeof(info->types))
			return MNL_CB_ERROR;
		memcpy(info->types, payload, len);
		break;
	case TANDEM_ATTR_LOST_CLASS:
		if (len != sizeof(info->lost_class))
			return MNL_CB_ERROR;
		memcpy(info->lost_class, payload, len);
		break;
	default:
		if (len == sizeof(uint32_t))
			info->number[type] = mnl_attr_get_u32(attr);
		else if (len == sizeof(uint64_t))
			info->number[type] = mnl_attr_get_u64(attr);
	}
	return MNL_CB_OK;
}

static int parse_info(const struct nlmsghdr *message, struct info *info)
{
	const struct genlmsghdr *header = mnl_nlmsg_get_payload(message);

	memset(info, 0, sizeof(*info));
	info->cmd = header->cmd;
	return mnl_attr_parse(message, sizeof(*header), parse_attr, info);
}

static int parse_message(const struct nlmsghdr *message, void *data)
{
	struct each_info *each = data;
	struct info info;

	if (parse_info(message, &info) != MNL_CB_OK) {
		each->result = -EPROTO;
		return MNL_CB_ERROR;
	}
	if (each->each && !each->result)
		each->result = each->each(&info, each->data);
	return MNL_CB_OK;
}

static int find_group(const struct nlattr *groups, uint32_t *group)
{
	struct nlattr *entry, *attr;

	mnl_attr_for_each_nested(entry, groups) {
		const char *name = "";
		uint32_t id = 0;

		mnl_attr_for_each_nested(attr, entry) {
			if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME)
				name = mnl_attr_get_str(attr);
			else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
				id = mnl_attr_get_u32(attr);
		}
		if (!strcmp(name, TANDEM_GENL_CHANGES))
			*group = id;
	}
	return MNL_CB_OK;
}

static int parse_family(const struct nlmsghdr *message, void *data)
{
	struct query *query = data;
	struct nlattr *attr;

	mnl_attr_for_each(attr, message, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			query->family = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			find_group(attr, &query->group);
	}
	return MNL_CB_OK;
}

/* Both kinds of end begin with an error. Of NLMSG_DONE libmnl would not tell it. */
static int end_of_answer(const struct nlmsghdr *message, void *data)
{
	int error = 0;

	(void)data;
	if (mnl_nlmsg_get_payload_len(message) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	if (error >= 0)
		return MNL_CB_STOP;
	errno = -error;
	return MNL_CB_ERROR;
}

static int talk(struct query *query, struct nlmsghdr *request, mnl_cb_t each, void *data)
{
	mnl_cb_t control[] = { [NLMSG_ERROR] = end_of_answer, [NLMSG_DONE] = end_of_answer };
	unsigned int port = mnl_socket_get_portid(query->socket);
	static char answer[ANSWER_SIZE];
	ssize_t len;
	int more;

	query->parts = 0;
	if (mnl_socket_sendto(query->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(query->socket, answer, sizeof(answer));
		if (len < 0)
			return -errno;
		query->parts++;
		more = mnl_cb_run2(answer, len, request->nlmsg_seq, port, each, data, control,
				   ARRAY_SIZE(control));
		if (more < 0)
			return -errno;
	} while (more > MNL_CB_STOP);
	return 0;
}

struct nlmsghdr *query_request(struct query *query, void *buffer, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *header;

	message->nlmsg_type = query->family;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	message->nlmsg_seq = ++query->sequence;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->cmd = cmd;
	header->version = TANDEM_GENL_VERSION;
	return message;
}

int query_open(struct query *query)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *request;
	struct timeval patience = { .tv_sec = 20 * test_scale() };
	int err;

	memset(query, 0, sizeof(*query));
	query->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!query->socket)
		return -errno;
	if (mnl_socket_bind(query->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(query->socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience))) {
		err = -errno;
		goto close;
	}
	query->family = GENL_ID_CTRL;
	request = query_request(query, buffer, CTRL_CMD_GETFAMILY, 0);
	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, TANDEM_GENL_NAME);
	err = talk(query, request, parse_family, query);
	if (err)
		goto close;
	return 0;
close:
	mnl_socket_close(query->socket);
	return err;
}

void query_close(struct query *query)
{
	mnl_socket_close(query->socket);
}

int query_send(struct query *query, struct nlmsghdr *request, info_function *each, void *data)
{
	struct each_info each_info = { .each = each, .data = data };
	int err = talk(query, request, parse_message, &each_info);

	return each_info.result ? each_info.result : err;
}

static int copy_info(const struct info *info, void *data)
{
	memcpy(data, info, sizeof(*info));
	return 0;
}

static int get_by_device(struct query *query, uint8_t cmd, const char *name, uint32_t id,
			 struct info *info)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *request = query_request(query, buffer, cmd, 0);

	if (name)
		mnl_attr_put_strz(request, TANDEM_ATTR_NAME, name);
	else
		mnl_attr_put_u32(request, TANDEM_ATTR_DEVICE_ID, id);
	return query_send(query, request, copy_info, info);
}

int query_device(struct query *query, const char *name, uint32_t id, struct info *info)
{
	return get_by_device(query, TANDEM_CMD_DEVICE_GET, name, id, info);
}

int query_server(struct query *query, const char *name, struct info *info)
{
	return get_by_device(query, TANDEM_CMD_SERVER_GET, name, 0, info);
}

int query_subscription(struct query *query, uint32_t id, struct info *info)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *request = query_request(query, buffer, TANDEM_CMD_SUBSCRIPTION_GET, 0);

	mnl_attr_put_u32(request, TANDEM_ATTR_SUBSCRIPTION_ID, id);
	return query_send(query, request, copy_info, info);
}

int query_dump(struct query *query, uint8_t cmd, const char *name, info_function *each, void *data)
{
	char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *request = query_request(query, buffer, cmd, NLM_F_DUMP);

	if (name)
		mnl_attr_put_strz(request, TANDEM_ATTR_NAME, name);
	return query_send(query, request, each, data);
}

static int count_info(const struct info *info, void *data)
{
	int *count = data;

	*count += info->cmd != 0;
	return 0;
}

int query_count(struct query *query, uint8_t cmd, const char *name)
{
	int count = 0;
	int err = query_dump(query, cmd, name, count_info, &count);

	return err ? err : count;
}

static int newest_own(const struct info *info, void *data)
{
	struct info *newest = data;

	if (info->number[TANDEM_ATTR_PID] == (uint64_t)getpid() &&
	    (!newest->has[TANDEM_ATTR_SUBSCRIPTION_ID] ||
	     info->number[TANDEM_ATTR_SUBSCRIPTION_ID] >
	     newest->number[TANDEM_ATTR_SUBSCRIPTION_ID]))
		*newest = *info;
	return 0;
}

int query_own_subscription(struct query *query, const char *name, struct info *info)
{
	int err;

	memset(info, 0, sizeof(*info));
	err = query_dump(query, TANDEM_CMD_SUBSCRIPTION_GET, name, newest_own, info);
	if (err)
		return err;
	return info->has[TANDEM_ATTR_SUBSCRIPTION_ID] ? 0 : -ENOENT;
}

uint64_t query_own_number(const char *name, enum tandem_attr attr)
{
	struct query query;
	struct info info;
	int err = query_open(&query);

	if (err)
		return ~0ULL;
	err = query_own_subscription(&query, name, &info);
	query_close(&query);
	return err || !info.has[attr] ? ~0ULL : info.number[attr];
}

int query_listen(struct query *query)
{
	return mnl_socket_setsockopt(query->socket, NETLINK_ADD_MEMBERSHIP, &query->group,
				     sizeof(query->group)) ? -errno : 0;
}

int query_change(struct query *query, uint64_t deadline, struct info *info)
{
	struct pollfd ready = { .fd = mnl_socket_get_fd(query->socket), .events = POLLIN };
	static char answer[ANSWER_SIZE];
	ssize_t len;

	if (poll(&ready, 1, deadline_left(deadline)) <= 0)
		return -ETIMEDOUT;
	len = mnl_socket_recvfrom(query->socket, answer, sizeof(answer));
	if (len < 0)
		return -errno;
	if (!mnl_nlmsg_ok((void *)answer, len))
		return -EPROTO;
	return parse_info((void *)answer, info) == MNL_CB_OK ? 0 : -EPROTO;
}

int query_wait_change(struct query *query, uint8_t cmd, const char *name, uint64_t deadline,
		      struct info *info)
{
	int err;

	do {
		err = query_change(query, deadline, info);
	} while (!err && (info->cmd != cmd || strcmp(info->name, name)));
	return err;
}

static int print_device(const struct info *info, void *data)
{
	return fprintf(data, "%s %ju %ju %ju %ju %jo %jo %ju\n", info->name,
		       (uintmax_t)info->number[TANDEM_ATTR_DEVICE_ID],
		       (uintmax_t)info->number[TANDEM_ATTR_KIND],
		       (uintmax_t)info->number[TANDEM_ATTR_NODE_UID],
		       (uintmax_t)info->number[TANDEM_ATTR_NODE_GID],
		       (uintmax_t)info->number[TANDEM_ATTR_MODE],
		       (uintmax_t)info->number[TANDEM_ATTR_EVENTS_MODE],
		       (uintmax_t)info->number[TANDEM_ATTR_SUBSCRIPTIONS]) < 0 ? -EIO : 0;
}

char *query_device_list(void)
{
	struct query query;
	char *list = NULL;
	size_t size;
	FILE *file;

	if (query_open(&query))
		return NULL;
	file = open_memstream(&list, &size);
	if (file) {
		int err = query_dump(&query, TANDEM_CMD_DEVICE_GET, NULL, print_device, file);

		fclose(file);
		if (err) {
			free(list);
			list = NULL;
		}
	}
	query_close(&query);
	return list;
}
