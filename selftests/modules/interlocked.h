/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device "interlocked": what its kernel half and user space share, and what it may be asked.
 */
#ifndef SELFTESTS_MODULES_INTERLOCKED_H
#define SELFTESTS_MODULES_INTERLOCKED_H

#include <linux/tandem.h>

#define INTERLOCKED_NODES	24
/* Bits that the kernel half has for itself, one for each CPU, modulo their number. */
#define INTERLOCKED_BIT		32
#define INTERLOCKED_BITS	31
/* One more, for where it may be interrupted. */
#define INTERLOCKED_BIT_TASK	63

/**
 * struct interlocked_node - in the list, or somebody's
 * @entry: links it
 * @owner: 0: it is in the list
 * @number: which it is
 */
struct interlocked_node {
	struct tandem_slist_entry entry;
	__u32 owner;
	__aligned_u64 number;
};

/**
 * struct interlocked_page - the section, one page
 * @s64: a round adds 1
 * @bits: each has bits that nobody else changes
 * @s32: a round adds 3
 * @s16: a round adds 1
 * @s8: likewise
 * @list: of nodes
 * @nodes: they may be in it
 */
struct interlocked_page {
	__aligned_u64 s64;
	__aligned_u64 bits;
	__s32 s32;
	__s16 s16;
	__s8 s8;
	__u8 unused;
	struct tandem_slist_head list;
	struct interlocked_node nodes[INTERLOCKED_NODES];
};

/**
 * struct interlocked_run - argument of INTERLOCKED_RUN
 * @address: where the caller has mapped the section
 * @rounds: how many in the caller's context; each CPU does one in an interrupt for each 16 of them
 */
struct interlocked_run {
	__aligned_u64 address;
	__aligned_u64 rounds;
};

/**
 * struct interlocked_done - what INTERLOCKED_RUN gives back
 * @rounds: how many there were in all contexts
 * @interrupts: of these, how many in interrupts
 * @nodes: how many were taken from the list, and put back
 * @wrong: how often the kernel half found what cannot be
 */
struct interlocked_done {
	__aligned_u64 rounds;
	__aligned_u64 interrupts;
	__aligned_u64 nodes;
	__aligned_u64 wrong;
};

/* Codes of its device control. */
enum interlocked_code {
	INTERLOCKED_RUN,
};

#endif
