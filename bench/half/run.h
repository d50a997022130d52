/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel half of the comparison, and the program that measures with it, agree on. */
#ifndef _BENCH_HALF_RUN_H
#define _BENCH_HALF_RUN_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define BENCH_DEVICE		"bench"
#define BENCH_SIZE_MAX		4096
#define BENCH_COUNT_MAX		(1 << 20)

/**
 * enum bench_way - how user space is told of an event
 * @BENCH_NOTHING: not at all: what the loop itself costs
 * @BENCH_POST: tandem_post()
 * @BENCH_RESERVE: tandem_reserve(), filled in place, tandem_commit()
 * @BENCH_TRACE: the tracepoint tandem_bench, for a BPF program that is attached to it
 * @BENCH_NETLINK: a message to the multicast group of a generic-netlink family
 * @BENCH_WAYS: how many there are
 */
enum bench_way {
	BENCH_NOTHING,
	BENCH_POST,
	BENCH_RESERVE,
	BENCH_TRACE,
	BENCH_NETLINK,
	BENCH_WAYS,
};

/**
 * struct bench_run - argument of BENCH_IOC_RUN
 * @way: &enum bench_way
 * @size: bytes of payload, at most BENCH_SIZE_MAX
 * @count: how many events, at most BENCH_COUNT_MAX
 * @begin: out: CLOCK_MONOTONIC before the first
 * @end: out: and after the last
 */
struct bench_run {
	__u32 way;
	__u32 size;
	__aligned_u64 count;
	__aligned_u64 begin;
	__aligned_u64 end;
};

#define BENCH_IOC_RUN	_IOWR(0xd9, 0x01, struct bench_run)

#define BENCH_GENL_NAME		"tandem_bench"
#define BENCH_GENL_GROUP	"events"
#define BENCH_GENL_CMD		1
#define BENCH_GENL_ATTR		1

#endif /* _BENCH_HALF_RUN_H */
