// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Flight recorders: subscriptions whose oldest records make room for new ones. Their rings are not
 * mapped, as the kernel overwrites them at any time. tandem_next() runs through a buffer that
 * read(2) fills; a snapshot is read as if its copies were rings.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "subscription.h"

/* Any record fits. */
#define BUFFER_SIZE	TANDEM_RECORD_MAX

int tandem_recorder_attach(struct tandem_subscription **result, unsigned int rings,
			   uint64_t ring_size, int fd,
			   const struct tandem_subscribe_options *options)
{
	struct tandem_subscription *sub = tandem_subscription_alloc(rings, options);
	unsigned int i;
	int ret = 0;

	if (!sub)
		return -ENOMEM;
	sub->buffer = malloc(BUFFER_SIZE);
	if (!sub->buffer)
		ret = -ENOMEM;
	/* tandem_next() never waits. */
	else if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
		ret = -errno;
	if (ret) {
		tandem_subscription_free(sub);
		return ret;
	}
	for (i = 0; i < rings; i++) {
		sub->ring[i].mask = ring_size - 1;
		sub->ring[i].cpu = i;
	}
	sub->cursor.data = sub->buffer;
	sub->cursor.mask = UINT64_MAX;
	sub->cursor.horizon = UINT64_MAX;
	sub->fd = fd;
	*result = sub;
	return 0;
}

/* Return: 1: there are records in the buffer; 0: none now; -errno: how it ended. */
static int fill(struct tandem_subscription *sub)
{
	struct tandem_cursor *cursor = &sub->cursor;
	ssize_t len;

	if (cursor->pos < cursor->end)
		return 1;
	if (sub->error)
		return sub->error;
	len = read(sub->fd, sub->buffer, BUFFER_SIZE);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len <= 0) {
		sub->error = len ? -errno : -ENODEV;
		return sub->error;
	}
	cursor->pos = 0;
	cursor->end = len;
	return 1;
}

const struct tandem_record *tandem_recorder_next(struct tandem_subscription *sub)
{
	struct tandem_cursor *cursor = &sub->cursor;
	const struct tandem_record *record;

	if (fill(sub) != 1)
		return NULL;
	record = (const struct tandem_record *)(const void *)(sub->buffer + cursor->pos);
	if (record->len < sizeof(*record) ||
	    TANDEM_RECORD_STRIDE(record->len) > cursor->end - cursor->pos) {
		cursor->end = cursor->pos;
		sub->error = -EBADMSG;
		return NULL;
	}
	sub->last = NULL;
	sub->lost_seen += record->lost_before;
	cursor->delivered += !(record->type_flags & TANDEM_RECORD_DISCARDED);
	cursor->pos += TANDEM_RECORD_STRIDE(record->len);
	return record;
}

int tandem_recorder_look(struct tandem_subscription *sub, uint64_t need)
{
	struct pollfd pollfd = { .fd = sub->fd, .events = POLLIN };

	/* The kernel knows what there is; what is less than the watermark it does not tell. */
	if (need > 1 && sub->cursor.pos == sub->cursor.end && poll(&pollfd, 1, 0) == 0)
		return 0;
	return fill(sub);
}

uint64_t tandem_recorder_overwritten(const struct tandem_subscription *sub)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < sub->rings; i++) {
		struct tandem_snapshot args = { .ring = i };

		if (!ioctl(sub->fd, TANDEM_IOC_SNAPSHOT, &args))
			sum += args.overwritten;
	}
	return sum;
}

/* ---- Snapshots ---- */

/**
 * struct copy - a ring's copy
 * @consumer: takes the reader's writes
 * @producer: says how much there is
 * @data: the records
 */
struct copy {
	struct tandem_ring_consumer consumer;
	struct tandem_ring_producer producer;
	unsigned char data[];
};

static struct copy *copy_of(const struct ring *ring)
{
	return (struct copy *)(void *)ring->consumer;
}

static int copy_ring(const struct tandem_subscription *sub, unsigned int index, struct ring *ring)
{
	uint64_t size = sub->ring[index].mask + 1;
	struct copy *copy = malloc(sizeof(*copy) + size);
	struct tandem_snapshot args = { .ring = index, .length = size };
	struct copy *trimmed;
	int ret = 0;

	if (!copy)
		return -ENOMEM;
	args.buffer = (uintptr_t)copy->data;
	if (ioctl(sub->fd, TANDEM_IOC_SNAPSHOT, &args) < 0)
		ret = -errno;
	else if (args.returned > size)
		ret = -EPROTO;
	if (ret) {
		free(copy);
		return ret;
	}
	/* All of them together may be large, and each is seldom full. */
	trimmed = realloc(copy, sizeof(*copy) + args.returned);
	if (trimmed)
		copy = trimmed;
	copy->producer.pub_pos = args.returned;
	*ring = (struct ring){
		.data = copy->data,
		.mask = size - 1,
		.consumer = &copy->consumer,
		.producer = &copy->producer,
	};
	return 0;
}

static void free_view(struct tandem_subscription *view)
{
	unsigned int i;

	for (i = 0; i < view->rings; i++) {
		if (view->ring[i].consumer)
			free(copy_of(&view->ring[i]));
	}
	tandem_subscription_free(view);
}

/* A subscription whose rings are copies of those of @sub. */
static int open_view(struct tandem_subscription **result, const struct tandem_subscription *sub)
{
	const struct tandem_subscribe_options options = {
		.flags = sub->flags, .manual_release = true,
	};
	struct tandem_subscription *view = tandem_subscription_alloc(sub->rings, &options);
	unsigned int i;
	int ret = 0;

	if (!view)
		return -ENOMEM;
	for (i = 0; !ret && i < sub->rings; i++) {
		ret = copy_ring(sub, i, &view->ring[i]);
		view->idle[i] = &view->ring[i];
	}
	view->idle_count = sub->rings;
	if (ret)
		free_view(view);
	else
		*result = view;
	return ret;
}

int tandem_snapshot(struct tandem_subscription *sub, tandem_callback callback, void *arg)
{
	const struct tandem_record *record;
	struct tandem_subscription *view;
	int events = 0;
	int ret;

	if (!sub->buffer)
		return -EOPNOTSUPP;
	ret = open_view(&view, sub);
	if (ret)
		return ret;
	while (!ret && (record = tandem_next(view))) {
		if (record->type_flags & TANDEM_RECORD_DISCARDED)
			continue;
		sub->last = &sub->ring[tandem_record_ring(view)];
		ret = callback(sub, record, arg);
		events++;
	}
	if (!ret && view->error)
		ret = view->error;
	free_view(view);
	return ret ? ret : events;
}
