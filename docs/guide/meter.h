/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What the kernel half "meter" and its users agree on.
 */
#ifndef DOCS_GUIDE_METER_H
#define DOCS_GUIDE_METER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* [codes] */
struct meter_range {
	__u32 low;
	__u32 high;
};

/* For DeviceIoControl: any number will do, the lengths travel with each call. */
enum meter_code {
	METER_CODE_SET_RANGE	= 1,	/* in: struct meter_range */
	METER_CODE_LATEST	= 2,	/* out: __u32[], the latest samples, the last one first */
};

/* For ioctl(2): the number says direction and size itself. */
#define METER_IOC_MAGIC		0xd9
#define METER_IOC_GET_RANGE	_IOR(METER_IOC_MAGIC, 0x01, struct meter_range)
#define METER_IOC_SAMPLE	_IO(METER_IOC_MAGIC, 0x02)

/* [end] */

enum meter_type {
	METER_INTERRUPT	= 1,	/* no payload */
	METER_DEFERRED	= 2,	/* no payload */
	METER_SAMPLE	= 3,	/* __u32: the sample */
	METER_ALARM	= 4,	/* __u32: a sample out of range */
};

/* The section: samples since the device came, the first one first, and from its start again. */
#define METER_HISTORY_SIZE	4096

#endif
