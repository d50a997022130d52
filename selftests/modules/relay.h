/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device "relay", a kernel half that has a user half: what a test may ask of it.
 */
#ifndef SELFTESTS_MODULES_RELAY_H
#define SELFTESTS_MODULES_RELAY_H

#include <linux/types.h>

/* Reads from here on are answered by the user half, those before by the kernel half. */
#define RELAY_BORDER	4096
/* What the kernel half answers a read with. */
#define RELAY_FILL	0x4b

/* Codes of its device control; all others are passed on. */
enum relay_code {
	/* Calls the user half, as struct relay_call says, with what follows it. */
	RELAY_CALL	= 1,
};

/* Input of RELAY_CALL: which code is called, for how long at most, and how much room there is. */
struct relay_call {
	__u64 timeout;
	__u32 code;
	__u32 out_len;
};

#endif
