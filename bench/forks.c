// SPDX-License-Identifier: GPL-2.0
/* What it costs to be told of processes: by Tandem's process half, and by the process connector. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"

#define ROUNDS	20
#define FORKS	50

/* Of each child two events are told: that it began, and that it ended. */
#define EVENTS	(2 * FORKS)

static struct tandem_subscription *subscription;
static int connector = -1;

static size_t nobody_drain(void)
{
	return 0;
}

static void tandem_listen(void)
{
	const struct tandem_subscribe_options options = { .ring_size = BENCH_RING_SIZE };
	int device = tandem_open("process", O_RDONLY);
	int ret = device < 0 ? device : tandem_subscribe(&subscription, device, &options);

	if (ret)
		die(ret, "cannot subscribe to the process half");
}

static size_t tandem_drain(void)
{
	size_t count = 0;

	while (tandem_next(subscription))
		count++;
	return count;
}

static void connector_listen(void)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	struct {
		struct nlmsghdr header;
		struct __attribute__((packed)) {
			struct cn_msg message;
			enum proc_cn_mcast_op op;
		} body;
	} ask = {
		.header = { .nlmsg_len = sizeof(ask), .nlmsg_type = NLMSG_DONE },
		.body = {
			.message = {
				.id = { CN_IDX_PROC, CN_VAL_PROC },
				.len = sizeof(ask.body.op),
			},
			.op = PROC_CN_MCAST_LISTEN,
		},
	};
	int bytes = 16 * 1024 * 1024;

	connector = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
	if (connector < 0 || bind(connector, (const struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(connector, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    send(connector, &ask, ask.header.nlmsg_len, 0) < 0)
		err(1, "cannot listen to the process connector");
}

static size_t connector_drain(void)
{
	char buffer[1024];
	size_t count = 0;

	while (recv(connector, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		count++;
	if (errno != EAGAIN)
		err(1, "cannot read from the process connector");
	return count;
}

static void fork_and_wait(unsigned int count)
{
	while (count--) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "cannot fork");
		if (!pid)
			_exit(0);
		if (waitpid(pid, NULL, 0) != pid)
			err(1, "a child is missing");
	}
}

/*
 * A process of its own has the children, begun before anything is listened to: what the listener
 * has in its memory would make its forks dearer. Asked by a byte, it answers with nanoseconds.
 */
static void serve_forks(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1) {
		uint64_t ns = now_ns();

		fork_and_wait(FORKS);
		ns = now_ns() - ns;
		if (write(fd, &ns, sizeof(ns)) != sizeof(ns))
			err(1, "cannot answer");
	}
	_exit(0);
}

static int start_forker(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		err(1, "cannot make a pair of sockets");
	switch (fork()) {
	case -1:
		err(1, "cannot fork");
	case 0:
		close(ends[0]);
		serve_forks(ends[1]);
	}
	close(ends[1]);
	return ends[0];
}

static uint64_t have_forked(int forker)
{
	uint64_t ns;

	if (write(forker, "", 1) != 1 || read(forker, &ns, sizeof(ns)) != sizeof(ns))
		err(1, "the process that forks is gone");
	return ns;
}

static void measure(int forker, const char *name, size_t (*drain)(void))
{
	uint64_t forking[ROUNDS], draining[ROUNDS];
	unsigned int i;

	have_forked(forker);
	drain();
	for (i = 0; i < ROUNDS; i++) {
		uint64_t begin;
		size_t count;

		forking[i] = have_forked(forker);
		begin = now_ns();
		count = drain();
		draining[i] = now_ns() - begin;
		if (drain != nobody_drain && count != EVENTS)
			errx(1, "%zu events came instead of %u", count, EVENTS);
	}
	peer_result("process, sent", name, 0, 1, "busy", median(forking, ROUNDS) / EVENTS);
	peer_result("process, received", name, 0, 1, "busy", median(draining, ROUNDS) / EVENTS);
}

int main(int argc, char **argv)
{
	int forker;

	pin(0);
	forker = start_forker();
	if (argc == 3 && !strcmp(argv[1], "nobody")) {
		measure(forker, argv[2], nobody_drain);
	} else if (argc == 3 && !strcmp(argv[1], "tandem")) {
		tandem_listen();
		measure(forker, argv[2], tandem_drain);
	} else if (argc == 3 && !strcmp(argv[1], "connector")) {
		connector_listen();
		measure(forker, argv[2], connector_drain);
	} else {
		errx(2, "usage: %s nobody|tandem|connector NAME", argv[0]);
	}
	return EXIT_SUCCESS;
}
