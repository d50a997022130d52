// SPDX-License-Identifier: GPL-2.0
/* The peers that Tandem itself is. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer.h"

struct tandem_channel {
	struct channel channel;
	struct tandem_subscription *sub;
	size_t dispatched;
};

static int count_one(struct tandem_subscription *sub, const struct tandem_record *record, void *arg)
{
	(void)sub;
	(void)record;
	++*(size_t *)arg;
	return 0;
}

static struct channel *tandem_channel_open(const struct peer *peer, const struct channel_size *size)
{
	const bool shared = peer->flags & TANDEM_SUBSCRIBE_SHARED;
	const struct tandem_subscribe_options options = {
		.ring_size = size->ring * (shared ? size->producers : 1),
		.flags = peer->flags,
	};
	struct tandem_channel *c = calloc(1, sizeof(*c));
	int device = tandem_open(BENCH_DEVICE, O_RDONLY), ret;

	if (!c)
		err(1, "no memory");
	if (device < 0)
		die(device, "cannot open the kernel half");
	ret = tandem_subscribe(&c->sub, device, &options);
	if (!ret)
		ret = tandem_on(c->sub, TANDEM_TYPES, count_one, &c->dispatched);
	if (ret)
		die(ret, "cannot subscribe to the kernel half");
	close(device);
	c->channel.peer = peer;
	c->channel.epoll = peer->wait ? -1 : new_epoll(tandem_subscription_fd(c->sub));
	return &c->channel;
}

static size_t tandem_drain(struct channel *channel)
{
	struct tandem_channel *c = (struct tandem_channel *)channel;
	size_t count = 0;

	while (tandem_next(c->sub))
		count++;
	return count;
}

static size_t tandem_drain_dispatch(struct channel *channel)
{
	struct tandem_channel *c = (struct tandem_channel *)channel;

	c->dispatched = 0;
	tandem_dispatch(c->sub, 0);
	return c->dispatched;
}

static void tandem_channel_wait(struct channel *channel)
{
	struct tandem_channel *c = (struct tandem_channel *)channel;
	int ret = tandem_wait(c->sub, -1);

	if (ret < 0 && ret != -EINTR)
		die(ret, "cannot wait for events");
}

static void tandem_channel_close(struct channel *channel)
{
	struct tandem_channel *c = (struct tandem_channel *)channel;

	if (channel->epoll >= 0)
		close(channel->epoll);
	tandem_unsubscribe(c->sub);
	free(c);
}

#define TANDEM_PEER(peer_name, posting_way, draining, waiting, subscription_flags)	\
	{									\
		.name = peer_name,						\
		.way = posting_way,						\
		.open = tandem_channel_open,					\
		.drain = draining,						\
		.wait = waiting,						\
		.close = tandem_channel_close,					\
		.flags = subscription_flags,					\
	}

const struct peer peer_tandem = TANDEM_PEER("tandem", BENCH_POST, tandem_drain, NULL, 0);
const struct peer peer_tandem_no_time =
	TANDEM_PEER("tandem-no-time", BENCH_POST, tandem_drain, NULL, TANDEM_SUBSCRIBE_NO_TIME);
const struct peer peer_tandem_shared =
	TANDEM_PEER("tandem-shared", BENCH_POST, tandem_drain, NULL, TANDEM_SUBSCRIBE_SHARED);
const struct peer peer_tandem_wait =
	TANDEM_PEER("tandem-wait", BENCH_POST, tandem_drain, tandem_channel_wait, 0);
const struct peer peer_tandem_shared_wait =
	TANDEM_PEER("tandem-shared-wait", BENCH_POST, tandem_drain, tandem_channel_wait,
		    TANDEM_SUBSCRIBE_SHARED);
const struct peer peer_tandem_reserve =
	TANDEM_PEER("tandem-reserve", BENCH_RESERVE, tandem_drain, NULL, 0);
const struct peer peer_tandem_dispatch =
	TANDEM_PEER("tandem-dispatch", BENCH_POST, tandem_drain_dispatch, NULL, 0);
