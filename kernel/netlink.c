// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink: what there is, and what changes.
 *
 * Changes are told under the lock that orders them, so that they arrive in order.
 */
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>

#include "device.h"
#include "netlink.h"
#include "server.h"
#include "subscription.h"

enum { TANDEM_GROUP_CHANGES };

static struct genl_family tandem_genl_family;

/* ---- What a message says ---- */

struct tandem_message {
	struct sk_buff *skb;
	u32 portid;
	u32 seq;
	int flags;
	enum tandem_cmd cmd;
};

static void *tandem_message_begin(const struct tandem_message *m)
{
	return genlmsg_put(m->skb, m->portid, m->seq, &tandem_genl_family, m->flags, m->cmd);
}

static int tandem_message_end(const struct tandem_message *m, void *header, bool incomplete)
{
	if (!incomplete) {
		genlmsg_end(m->skb, header);
		return 0;
	}
	if (header)
		genlmsg_cancel(m->skb, header);
	return -EMSGSIZE;
}

static bool tandem_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, TANDEM_ATTR_PAD);
}

static bool tandem_put_which(struct sk_buff *skb, const struct tandem_device *dev)
{
	return nla_put_u32(skb, TANDEM_ATTR_DEVICE_ID, dev->id) ||
	       nla_put_string(skb, TANDEM_ATTR_NAME, tandem_device_name(dev));
}

static bool tandem_put_process(struct sk_buff *skb, struct pid *pid, kuid_t uid, const char *comm)
{
	return nla_put_u32(skb, TANDEM_ATTR_PID, pid_nr(pid)) ||
	       nla_put_u32(skb, TANDEM_ATTR_UID, from_kuid(&init_user_ns, uid)) ||
	       nla_put_string(skb, TANDEM_ATTR_COMM, comm);
}

/* A bitmap as bytes, bit n in byte n / 8, on all machines. */
static bool tandem_put_types(struct sk_buff *skb, const unsigned long *types)
{
	struct nlattr *attr = nla_reserve(skb, TANDEM_ATTR_TYPES, TANDEM_TYPES / 8);
	unsigned int type;
	u8 *bytes;

	if (!attr)
		return true;
	bytes = memset(nla_data(attr), 0, TANDEM_TYPES / 8);
	for_each_set_bit(type, types, TANDEM_TYPES)
		bytes[type / 8] |= 1 << type % 8;
	return false;
}

static u64 tandem_device_posted(const struct tandem_device *dev)
{
	u64 posted = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		posted += READ_ONCE(*per_cpu_ptr(dev->posted, cpu));
	return posted;
}

static int tandem_message_device(const struct tandem_message *m, struct tandem_device *dev)
{
	u32 kind = dev->ops ? TANDEM_DEVICE_KERNEL : TANDEM_DEVICE_SERVER;
	void *header = tandem_message_begin(m);
	struct sk_buff *skb = m->skb;
	bool incomplete;

	incomplete = !header || tandem_put_which(skb, dev) ||
		     nla_put_u32(skb, TANDEM_ATTR_KIND, kind) ||
		     (*dev->module && nla_put_string(skb, TANDEM_ATTR_MODULE, dev->module)) ||
		     nla_put_u32(skb, TANDEM_ATTR_MAJOR, MAJOR(dev->dev.devt)) ||
		     nla_put_u32(skb, TANDEM_ATTR_MINOR, MINOR(dev->dev.devt)) ||
		     nla_put_u32(skb, TANDEM_ATTR_MODE, dev->mode) ||
		     nla_put_u32(skb, TANDEM_ATTR_NODE_UID, from_kuid(&init_user_ns, dev->uid)) ||
		     nla_put_u32(skb, TANDEM_ATTR_NODE_GID, from_kgid(&init_user_ns, dev->gid)) ||
		     nla_put_u32(skb, TANDEM_ATTR_EVENTS_MODE, dev->events_mode) ||
		     nla_put_u32(skb, TANDEM_ATTR_OPEN_FILES, atomic_read(&dev->open_files)) ||
		     nla_put_u32(skb, TANDEM_ATTR_SUBSCRIPTIONS,
				 READ_ONCE(dev->subscription_count)) ||
		     tandem_put_u64(skb, TANDEM_ATTR_POSTED, tandem_device_posted(dev));
	return tandem_message_end(m, header, incomplete);
}

static int tandem_message_server(const struct tandem_message *m, const struct tandem_device *dev,
				 const struct tandem_server *server)
{
	void *header = tandem_message_begin(m);
	bool incomplete;

	incomplete = !header || tandem_put_which(m->skb, dev) ||
		     nla_put_u32(m->skb, TANDEM_ATTR_GENERATION, server->generation) ||
		     tandem_put_process(m->skb, server->pid, server->uid, server->comm);
	return tandem_message_end(m, header, incomplete);
}

static int tandem_message_subscription(const struct tandem_message *m,
				       struct tandem_subscription *sub)
{
	struct tandem_subscription_counters c;
	void *header = tandem_message_begin(m);
	struct sk_buff *skb = m->skb;
	bool incomplete;

	tandem_subscription_count(sub, &c);
	incomplete = !header || tandem_put_which(skb, sub->dev) ||
		     nla_put_u32(skb, TANDEM_ATTR_SUBSCRIPTION_ID, sub->id) ||
		     nla_put_u32(skb, TANDEM_ATTR_GENERATION, sub->generation) ||
		     tandem_put_process(skb, sub->pid, sub->uid, sub->comm) ||
		     tandem_put_u64(skb, TANDEM_ATTR_RING_SIZE, sub->ring_size) ||
		     nla_put_u32(skb, TANDEM_ATTR_RINGS, c.rings) ||
		     nla_put_u32(skb, TANDEM_ATTR_OVERFLOW, sub->overflow) ||
		     nla_put_u32(skb, TANDEM_ATTR_CLASSES, sub->classes) ||
		     (sub->types && tandem_put_types(skb, sub->types)) ||
		     tandem_put_u64(skb, TANDEM_ATTR_ACCEPTED, c.accepted) ||
		     tandem_put_u64(skb, TANDEM_ATTR_LOST, c.lost) ||
		     tandem_put_u64(skb, TANDEM_ATTR_LOST_BYTES, c.lost_bytes) ||
		     tandem_put_u64(skb, TANDEM_ATTR_LOST_RECURSION, c.lost_recursion) ||
		     tandem_put_u64(skb, TANDEM_ATTR_LOST_TOO_BIG, c.lost_too_big) ||
		     nla_put(skb, TANDEM_ATTR_LOST_CLASS, sizeof(c.lost_class), c.lost_class) ||
		     tandem_put_u64(skb, TANDEM_ATTR_PENDING_BYTES, c.pending_bytes) ||
		     tandem_put_u64(skb, TANDEM_ATTR_WAKEUPS, atomic64_read(&sub->wakeups)) ||
		     nla_put_u32(skb, TANDEM_ATTR_STATE, c.state) ||
		     tandem_put_u64(skb, TANDEM_ATTR_MEMORY, READ_ONCE(sub->charged)) ||
		     nla_put_u32(skb, TANDEM_ATTR_FLAGS, sub->flags) ||
		     tandem_put_u64(skb, TANDEM_ATTR_WATERMARK, sub->watermark) ||
		     tandem_put_u64(skb, TANDEM_ATTR_OVERWRITTEN, c.overwritten) ||
		     (*sub->name &&
		      (nla_put_string(skb, TANDEM_ATTR_SUBSCRIPTION_NAME, sub->name) ||
		       nla_put_u32(skb, TANDEM_ATTR_ATTACHED, READ_ONCE(sub->attached))));
	return tandem_message_end(m, header, incomplete);
}

/* ---- Changes ---- */

/* Return: a message, or NULL if nobody listens, or it cannot be had: changes are best effort. */
static struct sk_buff *tandem_change_begin(struct tandem_message *m, enum tandem_cmd cmd)
{
	if (!genl_has_listeners(&tandem_genl_family, &init_net, TANDEM_GROUP_CHANGES))
		return NULL;
	*m = (struct tandem_message){ .skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL),
				      .cmd = cmd };
	return m->skb;
}

static void tandem_change_end(const struct tandem_message *m, int error)
{
	if (error)
		nlmsg_free(m->skb);
	else
		genlmsg_multicast(&tandem_genl_family, m->skb, 0, TANDEM_GROUP_CHANGES, GFP_KERNEL);
}

/**
 * tandem_netlink_device() - tell of a device
 * @cmd: what happened
 * @dev: the device; the registry's lock is held
 */
void tandem_netlink_device(enum tandem_cmd cmd, struct tandem_device *dev)
{
	struct tandem_message m;

	if (tandem_change_begin(&m, cmd))
		tandem_change_end(&m, tandem_message_device(&m, dev));
}

/**
 * tandem_netlink_server() - tell of a server session
 * @cmd: what happened
 * @dev: its device; whose lock is held
 * @server: the session
 */
void tandem_netlink_server(enum tandem_cmd cmd, struct tandem_device *dev,
			   const struct tandem_server *server)
{
	struct tandem_message m;

	lockdep_assert_held(&dev->lock);
	if (tandem_change_begin(&m, cmd))
		tandem_change_end(&m, tandem_message_server(&m, dev, server));
}

/**
 * tandem_netlink_subscription() - tell of a subscription
 * @cmd: what happened
 * @sub: the subscription; its device's lock is held
 */
void tandem_netlink_subscription(enum tandem_cmd cmd, struct tandem_subscription *sub)
{
	struct tandem_message m;

	lockdep_assert_held(&sub->dev->lock);
	if (tandem_change_begin(&m, cmd))
		tandem_change_end(&m, tandem_message_subscription(&m, sub));
}

/* ---- Questions ---- */

/* The device that the attributes name: NULL if they name none. */
static struct tandem_device *tandem_asked_device(struct nlattr **attrs)
{
	struct tandem_device *dev;
	u32 id, asked;

	if (attrs[TANDEM_ATTR_NAME]) {
		dev = tandem_device_find(nla_data(attrs[TANDEM_ATTR_NAME]));
	} else if (attrs[TANDEM_ATTR_DEVICE_ID]) {
		asked = nla_get_u32(attrs[TANDEM_ATTR_DEVICE_ID]);
		id = asked;
		dev = tandem_device_next(&id);
		if (dev && id != asked) {
			tandem_device_put(dev);
			dev = NULL;
		}
	} else {
		return NULL;
	}
	return dev ?: ERR_PTR(-ENOENT);
}

static int tandem_answer_begin(struct tandem_message *m, const struct genl_info *info,
			       enum tandem_cmd cmd)
{
	*m = (struct tandem_message){ .skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL),
				      .portid = info->snd_portid,
				      .seq = info->snd_seq,
				      .cmd = cmd };
	return m->skb ? 0 : -ENOMEM;
}

static int tandem_answer_end(const struct tandem_message *m, struct genl_info *info, int error)
{
	if (!error)
		return genlmsg_reply(m->skb, info);
	nlmsg_free(m->skb);
	return error;
}

static struct tandem_message tandem_dump_message(struct sk_buff *skb, struct netlink_callback *cb,
						 enum tandem_cmd cmd)
{
	return (struct tandem_message){ .skb = skb,
					.portid = NETLINK_CB(cb->skb).portid,
					.seq = cb->nlh->nlmsg_seq,
					.flags = NLM_F_MULTI,
					.cmd = cmd };
}

/* What a question about devices is answered with. Return: 0, -EMSGSIZE, or -ENOENT if nothing. */
typedef int tandem_answer_fn(const struct tandem_message *m, struct tandem_device *dev);

static int tandem_answer_server(const struct tandem_message *m, struct tandem_device *dev)
{
	const struct tandem_server *server;
	int ret = -ENOENT;

	mutex_lock(&dev->lock);
	server = rcu_dereference_protected(dev->server, lockdep_is_held(&dev->lock));
	if (server)
		ret = tandem_message_server(m, dev, server);
	mutex_unlock(&dev->lock);
	return ret;
}

static int tandem_answer_one(struct genl_info *info, enum tandem_cmd cmd,
			     tandem_answer_fn *answer)
{
	struct tandem_message m;
	struct tandem_device *dev;
	int ret;

	dev = tandem_asked_device(info->attrs);
	if (!dev) {
		NL_SET_ERR_MSG(info->extack, "name or device id missing");
		return -EINVAL;
	}
	if (IS_ERR(dev)) {
		NL_SET_ERR_MSG(info->extack, "no such device");
		return PTR_ERR(dev);
	}
	ret = tandem_answer_begin(&m, info, cmd);
	if (!ret)
		ret = tandem_answer_end(&m, info, answer(&m, dev));
	if (ret == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "the device has no server");
	tandem_device_put(dev);
	return ret;
}

static int tandem_answer_all(struct sk_buff *skb, struct netlink_callback *cb, enum tandem_cmd cmd,
			     tandem_answer_fn *answer)
{
	struct tandem_message m = tandem_dump_message(skb, cb, cmd);
	struct tandem_device *dev;
	u32 id = cb->args[0];

	while ((dev = tandem_device_next(&id))) {
		int ret = answer(&m, dev);

		tandem_device_put(dev);
		if (ret == -EMSGSIZE)
			return skb->len ?: ret;
		cb->args[0] = ++id;
	}
	return skb->len;
}

static int tandem_device_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return tandem_answer_one(info, TANDEM_CMD_DEVICE_GET, tandem_message_device);
}

static int tandem_device_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return tandem_answer_all(skb, cb, TANDEM_CMD_DEVICE_GET, tandem_message_device);
}

static int tandem_server_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return tandem_answer_one(info, TANDEM_CMD_SERVER_GET, tandem_answer_server);
}

static int tandem_server_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return tandem_answer_all(skb, cb, TANDEM_CMD_SERVER_GET, tandem_answer_server);
}

static int tandem_subscription_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tandem_subscription *sub;
	struct tandem_message m;
	u32 id, asked;
	int ret;

	if (GENL_REQ_ATTR_CHECK(info, TANDEM_ATTR_SUBSCRIPTION_ID)) {
		NL_SET_ERR_MSG(info->extack, "subscription id missing");
		return -EINVAL;
	}
	asked = nla_get_u32(info->attrs[TANDEM_ATTR_SUBSCRIPTION_ID]);
	ret = tandem_answer_begin(&m, info, TANDEM_CMD_SUBSCRIPTION_GET);
	if (ret)
		return ret;
	id = asked;
	tandem_subscriptions_lock();
	sub = tandem_subscription_next(&id);
	if (sub && id == asked)
		ret = tandem_message_subscription(&m, sub);
	else
		ret = -ENOENT;
	tandem_subscriptions_unlock();
	if (ret == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "no such subscription");
	return tandem_answer_end(&m, info, ret);
}

static int tandem_subscription_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tandem_message m = tandem_dump_message(skb, cb, TANDEM_CMD_SUBSCRIPTION_GET);
	struct tandem_device *dev = tandem_asked_device(tandem_dump_attrs(cb));
	struct tandem_subscription *sub;
	u32 id = cb->args[0];
	int ret = 0;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	tandem_subscriptions_lock();
	while (!ret && (sub = tandem_subscription_next(&id))) {
		if (!dev || sub->dev == dev)
			ret = tandem_message_subscription(&m, sub);
		if (!ret)
			cb->args[0] = ++id;
	}
	tandem_subscriptions_unlock();
	if (dev)
		tandem_device_put(dev);
	return skb->len ?: ret;
}

/* ---- The family ---- */

static const struct nla_policy tandem_device_policy[] = {
	[TANDEM_ATTR_DEVICE_ID] = { .type = NLA_U32 },
	[TANDEM_ATTR_NAME] = { .type = NLA_NUL_STRING, .len = TANDEM_NAME_SIZE - 1 },
};

static const struct nla_policy tandem_subscription_policy[] = {
	[TANDEM_ATTR_DEVICE_ID] = { .type = NLA_U32 },
	[TANDEM_ATTR_NAME] = { .type = NLA_NUL_STRING, .len = TANDEM_NAME_SIZE - 1 },
	[TANDEM_ATTR_SUBSCRIPTION_ID] = { .type = NLA_U32 },
};

/* No GENL_ADMIN_PERM: what is told here, /proc tells everybody too. */
static const struct genl_ops tandem_genl_ops[] = {
	{
		.cmd = TANDEM_CMD_DEVICE_GET,
		.doit = tandem_device_get_doit,
		.dumpit = tandem_device_get_dumpit,
		.policy = tandem_device_policy,
		.maxattr = ARRAY_SIZE(tandem_device_policy) - 1,
	},
	{
		.cmd = TANDEM_CMD_SERVER_GET,
		.doit = tandem_server_get_doit,
		.dumpit = tandem_server_get_dumpit,
		.policy = tandem_device_policy,
		.maxattr = ARRAY_SIZE(tandem_device_policy) - 1,
	},
	{
		.cmd = TANDEM_CMD_SUBSCRIPTION_GET,
		.doit = tandem_subscription_get_doit,
		.dumpit = tandem_subscription_get_dumpit,
		.policy = tandem_subscription_policy,
		.maxattr = ARRAY_SIZE(tandem_subscription_policy) - 1,
	},
};

static const struct genl_multicast_group tandem_genl_groups[] = {
	[TANDEM_GROUP_CHANGES] = { .name = TANDEM_GENL_CHANGES },
};

static struct genl_family tandem_genl_family = {
	.name = TANDEM_GENL_NAME,
	.version = TANDEM_GENL_VERSION,
	.module = THIS_MODULE,
	.ops = tandem_genl_ops,
	.n_ops = ARRAY_SIZE(tandem_genl_ops),
	.resv_start_op = TANDEM_CMD_DEVICE_GET,
	.mcgrps = tandem_genl_groups,
	.n_mcgrps = ARRAY_SIZE(tandem_genl_groups),
	.parallel_ops = true,
};

int tandem_netlink_init(void)
{
	return genl_register_family(&tandem_genl_family);
}

void tandem_netlink_exit(void)
{
	genl_unregister_family(&tandem_genl_family);
}
