// SPDX-License-Identifier: GPL-2.0
/* What the peers share. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "peer.h"

int new_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0 || (fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)))
		err(1, "cannot make an epoll");
	return epoll;
}

void *map_or_die(size_t length, bool writable, int fd, off_t offset)
{
	void *memory = mmap(NULL, length, writable ? PROT_READ | PROT_WRITE : PROT_READ,
			    MAP_SHARED, fd, offset);

	if (memory == MAP_FAILED)
		err(1, "cannot map a ring");
	return memory;
}

int half_open(void)
{
	int half = tandem_open(BENCH_DEVICE, O_RDONLY);

	if (half < 0)
		die(half, "cannot open the kernel half, which is the module tandem_bench");
	return half;
}

void half_run(int half, struct bench_run *run)
{
	if (ioctl(half, BENCH_IOC_RUN, run))
		err(1, "the kernel half does not post");
}

static struct channel *nothing_open(const struct peer *peer, const struct channel_size *size)
{
	static struct channel channel = { .epoll = -1 };

	(void)size;
	channel.peer = peer;
	return &channel;
}

static size_t nothing_drain(struct channel *channel)
{
	(void)channel;
	return 0;
}

static void nothing_close(struct channel *channel)
{
	(void)channel;
}

const struct peer peer_nothing = {
	.name = "nothing",
	.way = BENCH_NOTHING,
	.open = nothing_open,
	.drain = nothing_drain,
	.close = nothing_close,
};

void peer_result(const char *group, const char *peer, uint32_t size, unsigned int producers,
		 const char *consumer, double value)
{
	printf("{\"group\": \"%s\", \"peer\": \"%s\", \"size\": %u, ", group, peer, size);
	printf("\"producers\": %u, \"consumer\": \"%s\", \"value\": %.2f}\n", producers,
	       consumer, value);
	fflush(stdout);
}
