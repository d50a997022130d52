// SPDX-License-Identifier: GPL-2.0
/* Events as messages of generic netlink: what a driver sends that has nothing of its own. */
#include <linux/module.h>
#include <net/genetlink.h>

#include "run.h"
#include "netlink.h"

static const struct genl_multicast_group groups[] = {
	{ .name = BENCH_GENL_GROUP },
};

static struct genl_family family __ro_after_init = {
	.name = BENCH_GENL_NAME,
	.version = 1,
	.maxattr = BENCH_GENL_ATTR,
	.module = THIS_MODULE,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

int __init bench_netlink_init(void)
{
	return genl_register_family(&family);
}

void bench_netlink_exit(void)
{
	genl_unregister_family(&family);
}

/* Atomic, for events come from anywhere. What the listener has no room for, it counts itself. */
void bench_netlink_post(const void *data, u32 size)
{
	struct sk_buff *skb = genlmsg_new(nla_total_size(size), GFP_ATOMIC);
	void *header;

	if (!skb)
		return;
	header = genlmsg_put(skb, 0, 0, &family, 0, BENCH_GENL_CMD);
	if (!header || nla_put(skb, BENCH_GENL_ATTR, size, data)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast(&family, skb, 0, 0, GFP_ATOMIC);
}
