/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The user-space ABI of Tandem.
 *
 * Every struct below has the same layout for 32 and 64 bit callers, and keeps it for ever. A
 * struct that an ioctl takes may grow at its end: the size in the command's number says which
 * version the caller was built for. What a shorter one does not have is taken as zero; a longer
 * one must be zero in what this kernel does not know (-E2BIG otherwise).
 *
 * What holds for every ioctl:
 *
 * * unknown flags and reserved fields that are not zero: -EINVAL, and nothing has happened;
 * * a pointer that cannot be read or written: -EFAULT;
 * * a command that the node does not have: -ENOTTY;
 * * a device that is gone (its driver was unbound under an open file): -ENODEV.
 */
#ifndef _UAPI_LINUX_TANDEM_H
#define _UAPI_LINUX_TANDEM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TANDEM_ABI_VERSION	1

/* The ioctl magic of Tandem itself. It is reserved on every node: no kernel half may use it. */
#define TANDEM_IOC_MAGIC	0xd7

/* A device's name with its NUL: [A-Za-z0-9][A-Za-z0-9._-]{0,62}, neither "control" nor "sync". */
#define TANDEM_NAME_SIZE	64

/* ---- Control node: /dev/tandem/control ------------------------------------------------------- */

/**
 * enum tandem_bind_flags - how TANDEM_IOC_BIND finds its device
 * @TANDEM_BIND_CREATE: make the device if there is none of that name
 * @TANDEM_BIND_EXCLUSIVE: with @TANDEM_BIND_CREATE: fail if there is one
 * @TANDEM_BIND_MAY_BLOCK: with @TANDEM_BIND_CREATE: consumers may subscribe with
 *	TANDEM_OVERFLOW_BLOCK; read when the device is created
 */
enum tandem_bind_flags {
	TANDEM_BIND_CREATE	= 1 << 0,
	TANDEM_BIND_EXCLUSIVE	= 1 << 1,
	TANDEM_BIND_MAY_BLOCK	= 1 << 2,
};

/**
 * struct tandem_bind - argument of TANDEM_IOC_BIND
 * @name: the device, NUL-terminated; bytes after the NUL are zero
 * @flags: &enum tandem_bind_flags
 * @mode: permission bits of the node, at most 0777; read when the device is created
 * @uid: owner of the node, in the caller's user namespace; read when the device is created
 * @gid: group of the node, likewise
 * @events_mode: who may subscribe: read bits for the node's owner, group and others, at most 0444;
 *	read when the device is created
 * @generation: out, whatever it is before: number of this server session, counted per device from 1
 *
 * Makes the calling process the server of a device, and the fd its server fd. A device that a
 * server made outlives its servers: it goes with TANDEM_IOC_REMOVE, or with the module.
 *
 * Return: 0, or
 * -EINVAL (name, flags, mode, owner), -ENAMETOOLONG (no NUL in @name),
 * -ENOENT (no such device, and no @TANDEM_BIND_CREATE),
 * -EEXIST (there is one, and @TANDEM_BIND_EXCLUSIVE),
 * -EPERM (the device belongs to a kernel half, which takes no server),
 * -EBUSY (the device has a server), -EALREADY (this fd is bound), -ENOSPC (too many devices).
 */
struct tandem_bind {
	char name[TANDEM_NAME_SIZE];
	__u32 flags;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 events_mode;
	__u32 generation;
};

/**
 * struct tandem_remove - argument of TANDEM_IOC_REMOVE
 * @name: the device, as in &struct tandem_bind
 * @flags: 0
 * @reserved: 0
 *
 * Removes a device that a server made. Files that are open on it get -ENODEV from then on, its
 * subscribers end of file once they have drained their rings.
 *
 * Return: 0, or -EINVAL, -ENAMETOOLONG, -ENOENT, -EPERM (it belongs to a kernel half),
 * -EBUSY (another fd is its server).
 */
struct tandem_remove {
	char name[TANDEM_NAME_SIZE];
	__u32 flags;
	__u32 reserved;
};

/**
 * enum tandem_post_flags - how TANDEM_IOC_POST posts
 * @TANDEM_POST_WAIT: wait for room with the subscribers that asked for it by TANDEM_OVERFLOW_BLOCK
 */
enum tandem_post_flags {
	TANDEM_POST_WAIT	= 1 << 0,
};

/* A time-out that never comes. */
#define TANDEM_FOREVER		(~(__u64)0)

/**
 * struct tandem_post - argument of TANDEM_IOC_POST
 * @type: the event's type, below TANDEM_TYPES
 * @event_class: &enum tandem_class
 * @len: bytes of payload, at most TANDEM_PAYLOAD_MAX
 * @flags: &enum tandem_post_flags
 * @data: pointer to the payload
 * @timeout: with @TANDEM_POST_WAIT: for how long at most, in nanoseconds, or TANDEM_FOREVER; else 0
 *
 * Posts one event on the device that the fd is the server of. A subscriber without room counts it
 * as lost; that is no error of the poster, unless it waited in vain for that subscriber.
 *
 * Return: 0, or -EINVAL, -EMSGSIZE (@len), -ENOTCONN (the fd is not bound), -ESTALE (its server
 * session has ended), -ETIMEDOUT or -EINTR (a signal): the event was posted, but a subscriber that
 * was waited for has lost it.
 */
struct tandem_post {
	__u32 type;
	__u32 event_class;
	__u32 len;
	__u32 flags;
	__aligned_u64 data;
	__aligned_u64 timeout;
};

#define TANDEM_IOC_BIND		_IOWR(TANDEM_IOC_MAGIC, 0x01, struct tandem_bind)
#define TANDEM_IOC_REMOVE	_IOW(TANDEM_IOC_MAGIC, 0x02, struct tandem_remove)
#define TANDEM_IOC_POST		_IOW(TANDEM_IOC_MAGIC, 0x03, struct tandem_post)

/* ---- A device's node: /dev/tandem/NAME ------------------------------------------------------- */

/**
 * struct tandem_device_control - argument of TANDEM_IOC_DEVICE_CONTROL
 * @code: the operation, in the numbers of the device
 * @in_len: bytes at @in
 * @in: pointer to the input, 0 if @in_len is 0
 * @out: pointer to the output buffer, 0 if @out_len is 0
 * @out_len: bytes at @out
 * @returned: out: how many bytes of @out were written, also when the operation failed
 *
 * DeviceIoControl: buffered input and output for an operation that the device defines.
 *
 * Return: what the device returns, 0 or more for success; or -EINVAL, -EMSGSIZE (a buffer above the
 * limit of the module parameter max_control), -ENOTTY (the device has no such code), or an errno of
 * the device's own.
 */
struct tandem_device_control {
	__u32 code;
	__u32 in_len;
	__aligned_u64 in;
	__aligned_u64 out;
	__u32 out_len;
	__u32 returned;
};

/**
 * enum tandem_overflow - what happens to an event that finds its ring full
 * @TANDEM_OVERFLOW_DROP: the new event is dropped and counted
 * @TANDEM_OVERFLOW_OVERWRITE: the oldest events make room, and are counted: a flight recorder. It
 *	takes no mmap (-ENODEV); it is read by read() and TANDEM_IOC_SNAPSHOT. Not together with
 *	TANDEM_SUBSCRIBE_SHARED
 * @TANDEM_OVERFLOW_BLOCK: who posts with a wait, and may sleep, waits for room; for other posters
 *	it is @TANDEM_OVERFLOW_DROP. Only on devices that allow it
 */
enum tandem_overflow {
	TANDEM_OVERFLOW_DROP		= 0,
	TANDEM_OVERFLOW_OVERWRITE	= 1,
	TANDEM_OVERFLOW_BLOCK		= 2,
};

/**
 * enum tandem_class - how dear an event is, in rising order
 * @TANDEM_CLASS_BULK: chatter
 * @TANDEM_CLASS_NORMAL: what a consumer is there for
 * @TANDEM_CLASS_IMPORTANT: what a person would want to know
 * @TANDEM_CLASS_CRITICAL: may use the last eighth of a ring, which is kept for it
 * @TANDEM_CLASSES: how many there are
 */
enum tandem_class {
	TANDEM_CLASS_BULK	= 0,
	TANDEM_CLASS_NORMAL	= 1,
	TANDEM_CLASS_IMPORTANT	= 2,
	TANDEM_CLASS_CRITICAL	= 3,
	TANDEM_CLASSES		= 4,
};

#define TANDEM_TYPES		4096	/* types are 0 to TANDEM_TYPES - 1 */
#define TANDEM_RING_SIZE_MIN	(64 * 1024)
#define TANDEM_RING_SIZE_MAX	(64 * 1024 * 1024)
/* With its header; and at most an eighth of the ring. */
#define TANDEM_RECORD_MAX	(64 * 1024)
#define TANDEM_PAYLOAD_MAX	(TANDEM_RECORD_MAX - 16)
#define TANDEM_SUBSCRIBE_TYPES_MAX	TANDEM_TYPES

/**
 * enum tandem_subscribe_flags - what kind of subscription
 * @TANDEM_SUBSCRIBE_SHARED: one ring for all CPUs, in which the events of the device have one
 *	strict order: that in which they were posted. It costs more, most of all with many posters
 * @TANDEM_SUBSCRIBE_NO_TIME: the records' time is 0, which is cheaper. The rings cannot be merged
 *	by time then
 * @TANDEM_SUBSCRIBE_DURABLE: the subscription has a name, outlives its consumer, and goes on
 *	gathering events; the next TANDEM_IOC_SUBSCRIBE of that name, by the same user, attaches to
 *	it and finds what the one before has not released
 */
enum tandem_subscribe_flags {
	TANDEM_SUBSCRIBE_SHARED		= 1 << 0,
	TANDEM_SUBSCRIBE_NO_TIME	= 1 << 1,
	TANDEM_SUBSCRIBE_DURABLE	= 1 << 2,
};

/**
 * struct tandem_subscribe - argument of TANDEM_IOC_SUBSCRIBE
 * @flags: &enum tandem_subscribe_flags
 * @overflow: &enum tandem_overflow
 * @ring_size: bytes of one ring's data: a power of two, TANDEM_RING_SIZE_MIN to
 *	TANDEM_RING_SIZE_MAX
 * @types: pointer to an array of __u16: the types wanted; 0 with a count of 0: all
 * @types_count: how many, at most TANDEM_SUBSCRIBE_TYPES_MAX
 * @classes: mask of the classes wanted (bit n: class n); 0: all
 * @rings: out: how many rings there are: one, or one for each possible CPU
 * @attached: out: 1 if the durable subscription was there already, else 0
 * @map_size: out: bytes from one ring's mapping to the next; see &struct tandem_ring_consumer
 * @watermark: poll() finds the fd readable, and who sleeps in read() is woken, when a ring holds so
 *	many bytes, at most half of @ring_size; 0: when it holds a record. What is less stays until
 *	somebody reads
 * @name: with @TANDEM_SUBSCRIBE_DURABLE: as a device's name, NUL-terminated, bytes after the NUL
 *	zero; else all zero
 *
 * Makes the caller a consumer of the device's events, from now on. It needs a node that is open for
 * reading, and read permission by the device's events mode.
 *
 * The new fd, close-on-exec, takes mmap, poll and read. A read gives whole records, oldest first,
 * each padded to 8 bytes; it returns 0 once the device is gone and all has been read.
 * Its errnos: -EAGAIN (nothing there, O_NONBLOCK), -EMSGSIZE (the next record is larger than the
 * buffer), -EBADMSG (the ring is corrupt: somebody wrote nonsense to cons_pos).
 *
 * A durable subscription is charged to who made it, and holds the device's module and Tandem's,
 * until TANDEM_IOC_UNSUBSCRIBE, or until its device goes and nobody is attached. At most one fd is
 * attached to it at a time. All fields must be what they were when it was made.
 *
 * Return: the fd, or -EINVAL, -EBADF (the node is not open for reading), -EACCES (events mode),
 * -EDQUOT (the user's cap of subscriptions or bytes), -ENOMEM, -EMFILE, -EOPNOTSUPP (the device
 * does not let consumers block its posters), -ENAMETOOLONG (no NUL in @name); for a durable one
 * that is there: -EPERM (another user made it; CAP_SYS_ADMIN may), -EBUSY (somebody is attached),
 * -EEXIST (it was made with other fields).
 */
struct tandem_subscribe {
	__u32 flags;
	__u32 overflow;
	__aligned_u64 ring_size;
	__aligned_u64 types;
	__u32 types_count;
	__u32 classes;
	__u32 rings;
	__u32 attached;
	__aligned_u64 map_size;
	__aligned_u64 watermark;
	char name[TANDEM_NAME_SIZE];
};

/**
 * struct tandem_unsubscribe - argument of TANDEM_IOC_UNSUBSCRIBE
 * @name: a durable subscription of the device, as in &struct tandem_subscribe
 * @flags: 0
 * @reserved: 0
 *
 * Removes a durable subscription, with all that it holds. Whoever is attached finds the end of file
 * after what it has not read yet.
 *
 * Return: 0, or -EINVAL, -ENAMETOOLONG, -ENOENT, -EPERM (another user made it; CAP_SYS_ADMIN may).
 */
struct tandem_unsubscribe {
	char name[TANDEM_NAME_SIZE];
	__u32 flags;
	__u32 reserved;
};

#define TANDEM_IOC_DEVICE_CONTROL \
	_IOWR(TANDEM_IOC_MAGIC, 0x10, struct tandem_device_control)
#define TANDEM_IOC_SUBSCRIBE	_IOWR(TANDEM_IOC_MAGIC, 0x11, struct tandem_subscribe)
#define TANDEM_IOC_UNSUBSCRIBE	_IOW(TANDEM_IOC_MAGIC, 0x12, struct tandem_unsubscribe)

/* ---- A subscription's fd --------------------------------------------------------------------- */

/**
 * struct tandem_snapshot - argument of TANDEM_IOC_SNAPSHOT
 * @ring: which ring, 0 to rings - 1
 * @flags: 0
 * @buffer: pointer to room for the records
 * @length: bytes there; as many as the ring has are enough for all
 * @returned: out: bytes written
 * @overwritten: out: records of this ring that were overwritten before they were read, so far
 *
 * Copies what a ring holds, oldest first, each record padded to 8 bytes, without taking it out:
 * whatever is posted meanwhile, the copy is of records that followed each other. If there is more
 * than fits, the newest are given. Only for TANDEM_OVERFLOW_OVERWRITE.
 *
 * Return: 0, or -EINVAL, -EOPNOTSUPP (other overflow policies), -ENOMEM.
 */
struct tandem_snapshot {
	__u32 ring;
	__u32 flags;
	__aligned_u64 buffer;
	__aligned_u64 length;
	__aligned_u64 returned;
	__aligned_u64 overwritten;
};

#define TANDEM_IOC_SNAPSHOT	_IOWR(TANDEM_IOC_MAGIC, 0x20, struct tandem_snapshot)

/*
 * A consumer has moved cons_pos on, and found &tandem_ring_producer.blocked set: wakes the posters
 * that wait for room. Return: 0.
 */
#define TANDEM_IOC_ROOM		_IO(TANDEM_IOC_MAGIC, 0x21)

/**
 * struct tandem_wait - argument of TANDEM_IOC_WAIT
 * @timeout: for how long at most, in nanoseconds, or TANDEM_FOREVER; out, if a signal came first:
 *	what is left of it
 *
 * Sleeps until poll() would find the fd readable, and is cheaper where there is nothing else to
 * wait for.
 *
 * Return: 0, or -ETIMEDOUT or -EINTR (a signal).
 */
struct tandem_wait {
	__aligned_u64 timeout;
};

#define TANDEM_IOC_WAIT		_IOWR(TANDEM_IOC_MAGIC, 0x22, struct tandem_wait)

/* ---- Rings ----------------------------------------------------------------------------------- */

/*
 * Ring number n (0 to rings - 1) is mapped from offset n * map_size
 * of the subscription's fd, in two mappings, each of exactly this offset and length,
 * MAP_SHARED:
 *
 *	offset + 0		one page, read and write	struct tandem_ring_consumer
 *	offset + page size	the rest, read only		struct tandem_ring_producer, a page
 *								data, ring_size bytes
 *								the same data once more
 *
 * The data appear twice in a row, so that a record never wraps. map_size = 2 pages + 2 * ring_size.
 *
 * Positions are byte counts since the ring began; the byte at position p is data[p & (size - 1)].
 * The records from cons_pos up to pub_pos are the consumer's. With TANDEM_RING_SHARED, only those
 * before the first one that is still TANDEM_RECORD_BUSY.
 */

/* wake_at of a consumer that is awake, and wants no wake-up. */
#define TANDEM_AWAKE		(~(__u64)0)

/**
 * struct tandem_ring_consumer - page 0 of a ring: what the consumer tells the kernel
 * @cons_pos: up to here the records are done with; store with release
 * @wake_at: wake the consumer when pub_pos reaches this position; the kernel then sets it back
 *	to TANDEM_AWAKE. To sleep: store it, then a full fence, then look at every ring's
 *	pub_pos again. poll(), read() and TANDEM_IOC_WAIT set it themselves for a consumer that is
 *	awake or whose wake_at has passed, so that simple programs need not. What lies beyond
 *	the ring's room is never reached.
 *
 * A cons_pos that is not a multiple of 8, or not between the last one and pub_pos, makes the ring
 * corrupt: the subscription is stopped, all that comes is counted as lost.
 */
struct tandem_ring_consumer {
	__u64 cons_pos;
	__u8 pad0[120];
	__u64 wake_at;
};

#define TANDEM_RING_MAGIC	0x6d65646e6174ULL	/* "tandem" */

/**
 * enum tandem_ring_state - state of a ring
 * @TANDEM_RING_EMPTY: its CPU has not been online yet; there are no data pages
 * @TANDEM_RING_ACTIVE: in use
 * @TANDEM_RING_CORRUPT: the consumer wrote an impossible cons_pos; nothing is added any more
 * @TANDEM_RING_GONE: the device is gone, or the durable subscription was removed; nothing is added
 *	any more, what is there may be read
 */
enum tandem_ring_state {
	TANDEM_RING_EMPTY	= 0,
	TANDEM_RING_ACTIVE	= 1,
	TANDEM_RING_CORRUPT	= 2,
	TANDEM_RING_GONE	= 3,
};

/**
 * enum tandem_ring_layout - which algorithm a ring follows
 * @TANDEM_RING_PER_CPU: one ring for each CPU; records become visible in order, complete
 * @TANDEM_RING_SHARED: one ring for all CPUs; records become visible in order, but the poster of
 *	each may still be at it: until then it is TANDEM_RECORD_BUSY. Load type_flags with acquire
 *	before anything else of the record, and take no record after one that is busy. When a record
 *	is done with, its poster wakes a consumer whose wake_at is at or below pub_pos. To sleep:
 *	store wake_at, then a full fence, then look at pub_pos and at the record at cons_pos again
 */
enum tandem_ring_layout {
	TANDEM_RING_PER_CPU	= 0,
	TANDEM_RING_SHARED	= 1,
};

/**
 * struct tandem_ring_producer - page 1 of a ring: what the kernel tells the consumer
 * @pub_pos: records up to here are complete; load with acquire
 * @lost_records: records that were lost, for whatever reason. At any quiet moment it is the sum of
 *	lost_before over all records so far, plus what is still waiting for the next record.
 * @lost_bytes: their payload
 * @lost_recursion: of these: nested too deep
 * @lost_too_big: of these: larger than this ring takes
 * @lost_class: of @lost_records, by class
 * @state: &enum tandem_ring_state
 * @generation: the device's server generation when the subscription was made
 * @blocked: posters may wait for room. A consumer that moves cons_pos on, then makes a full fence,
 *	and finds this not to be 0, calls TANDEM_IOC_ROOM; poll(), read() and
 *	TANDEM_IOC_WAIT do it too
 * @magic: TANDEM_RING_MAGIC
 * @size: bytes of data
 * @abi: TANDEM_ABI_VERSION
 * @cpu: whose ring it is; all ones: of all CPUs
 * @clock: clockid_t of the records' time: CLOCK_MONOTONIC
 * @layout: &enum tandem_ring_layout
 */
struct tandem_ring_producer {
	__u64 pub_pos;
	__u8 pad0[120];
	__u64 lost_records;
	__u64 lost_bytes;
	__u64 lost_recursion;
	__u64 lost_too_big;
	__u64 lost_class[TANDEM_CLASSES];
	__u32 state;
	__u32 generation;
	__u32 blocked;
	__u8 pad1[52];
	__u64 magic;
	__u64 size;
	__u32 abi;
	__u32 cpu;
	__u32 clock;
	__u32 layout;
};

/**
 * struct tandem_record - an event in a ring
 * @len: bytes with this header; the next record starts at the next multiple of 8
 * @type_flags: see TANDEM_RECORD_TYPE(), TANDEM_RECORD_CLASS(), TANDEM_RECORD_DISCARDED
 * @lost_before: how many records were lost since the one before it; if that is more than 65535, the
 *	rest is carried to the records after it
 * @time: CLOCK_MONOTONIC in nanoseconds when it was reserved; 0 with TANDEM_SUBSCRIBE_NO_TIME
 * @data: payload
 */
struct tandem_record {
	__u32 len;
	__u16 type_flags;
	__u16 lost_before;
	__aligned_u64 time;
	__u8 data[];
};

#define TANDEM_RECORD_TYPE(type_flags)	((type_flags) & 0xfff)
#define TANDEM_RECORD_CLASS(type_flags)	(((type_flags) >> 12) & 3)
/* Reserved and then given up: skip it, but heed its lost_before. */
#define TANDEM_RECORD_DISCARDED		(1 << 14)
/* In a TANDEM_RING_SHARED: its poster has not done with it. */
#define TANDEM_RECORD_BUSY		(1 << 15)
/* From one record to the next. */
#define TANDEM_RECORD_STRIDE(len)	(((__u64)(len) + 7) & ~(__u64)7)

/* ---- The generic-netlink family -------------------------------------------------------------- */

#define TANDEM_GENL_NAME	"tandem"
#define TANDEM_GENL_VERSION	1
/* Multicast group of changes. */
#define TANDEM_GENL_CHANGES	"changes"

/**
 * enum tandem_cmd - commands of the family, in the initial network namespace
 * @TANDEM_CMD_DEVICE_GET: do (by TANDEM_ATTR_NAME or TANDEM_ATTR_DEVICE_ID) and dump
 * @TANDEM_CMD_SERVER_GET: do (by device, as above) and dump
 * @TANDEM_CMD_SUBSCRIPTION_GET: do (by TANDEM_ATTR_SUBSCRIPTION_ID) and dump (all, or those of one
 *	device, as above)
 * @TANDEM_CMD_DEVICE_ADDED: change: with what DEVICE_GET answers
 * @TANDEM_CMD_DEVICE_REMOVED: change: likewise
 * @TANDEM_CMD_SERVER_BOUND: change: with what SERVER_GET answers
 * @TANDEM_CMD_SERVER_GONE: change: likewise
 * @TANDEM_CMD_SUBSCRIPTION_ADDED: change: with what SUBSCRIPTION_GET answers
 * @TANDEM_CMD_SUBSCRIPTION_REMOVED: change: likewise
 * @TANDEM_CMD_OVERFLOW: change: a subscription has lost records; at most once a second for each
 * @TANDEM_CMD_CORRUPT: change: a subscription was stopped, its ring being corrupt
 * @TANDEM_CMD_SUBSCRIPTION_ATTACHED: change: a consumer attached to a durable subscription
 * @TANDEM_CMD_SUBSCRIPTION_DETACHED: change: the consumer of a durable subscription left
 *
 * Anybody may ask: the answers say no more than /proc does about the same processes. Answers of the
 * GET commands carry the same command. -ENOENT: no such device, server or subscription.
 */
enum tandem_cmd {
	TANDEM_CMD_UNSPEC,
	TANDEM_CMD_DEVICE_GET,
	TANDEM_CMD_SERVER_GET,
	TANDEM_CMD_SUBSCRIPTION_GET,
	TANDEM_CMD_DEVICE_ADDED,
	TANDEM_CMD_DEVICE_REMOVED,
	TANDEM_CMD_SERVER_BOUND,
	TANDEM_CMD_SERVER_GONE,
	TANDEM_CMD_SUBSCRIPTION_ADDED,
	TANDEM_CMD_SUBSCRIPTION_REMOVED,
	TANDEM_CMD_OVERFLOW,
	TANDEM_CMD_CORRUPT,
	TANDEM_CMD_SUBSCRIPTION_ATTACHED,
	TANDEM_CMD_SUBSCRIPTION_DETACHED,
	__TANDEM_CMD_MAX,
};

#define TANDEM_CMD_MAX (__TANDEM_CMD_MAX - 1)

/**
 * enum tandem_device_kind - who made a device
 * @TANDEM_DEVICE_KERNEL: a kernel half
 * @TANDEM_DEVICE_SERVER: a server
 */
enum tandem_device_kind {
	TANDEM_DEVICE_KERNEL	= 0,
	TANDEM_DEVICE_SERVER	= 1,
};

/**
 * enum tandem_attr - attributes; in all messages the same
 * @TANDEM_ATTR_PAD: padding of u64 attributes
 * @TANDEM_ATTR_DEVICE_ID: u32
 * @TANDEM_ATTR_NAME: string: the device's name
 * @TANDEM_ATTR_KIND: u32: &enum tandem_device_kind
 * @TANDEM_ATTR_MODULE: string: the kernel half's module
 * @TANDEM_ATTR_MAJOR: u32
 * @TANDEM_ATTR_MINOR: u32
 * @TANDEM_ATTR_MODE: u32: as the node was made
 * @TANDEM_ATTR_NODE_UID: u32: as the node was made, in the initial user namespace
 * @TANDEM_ATTR_NODE_GID: u32: likewise
 * @TANDEM_ATTR_EVENTS_MODE: u32
 * @TANDEM_ATTR_OPEN_FILES: u32
 * @TANDEM_ATTR_SUBSCRIPTIONS: u32: how many
 * @TANDEM_ATTR_POSTED: u64: events posted while somebody listened
 * @TANDEM_ATTR_GENERATION: u32: of the server
 * @TANDEM_ATTR_PID: u32: of the server or subscriber, in the initial pid namespace
 * @TANDEM_ATTR_UID: u32: of the server or subscriber, in the initial user namespace; of a durable
 *	subscription, who made it
 * @TANDEM_ATTR_COMM: string: of the server or subscriber, when it bound or subscribed
 * @TANDEM_ATTR_SUBSCRIPTION_ID: u32
 * @TANDEM_ATTR_RING_SIZE: u64: bytes of one ring's data
 * @TANDEM_ATTR_RINGS: u32: how many rings have memory
 * @TANDEM_ATTR_OVERFLOW: u32: &enum tandem_overflow
 * @TANDEM_ATTR_CLASSES: u32: mask
 * @TANDEM_ATTR_TYPES: binary: bitmap of the types asked for, TANDEM_TYPES / 8 bytes, type n is bit
 *	n % 8 of byte n / 8; absent: all
 * @TANDEM_ATTR_ACCEPTED: u64: records put into the rings
 * @TANDEM_ATTR_LOST: u64: records lost; posted to it = accepted + lost
 * @TANDEM_ATTR_LOST_BYTES: u64
 * @TANDEM_ATTR_LOST_RECURSION: u64
 * @TANDEM_ATTR_LOST_TOO_BIG: u64
 * @TANDEM_ATTR_LOST_CLASS: binary: array of TANDEM_CLASSES u64
 * @TANDEM_ATTR_PENDING_BYTES: u64: in the rings, not yet consumed
 * @TANDEM_ATTR_WAKEUPS: u64: how often the consumer was woken
 * @TANDEM_ATTR_STATE: u32: &enum tandem_ring_state, the worst of its rings
 * @TANDEM_ATTR_MEMORY: u64: bytes charged for it
 * @TANDEM_ATTR_FLAGS: u32: &enum tandem_subscribe_flags
 * @TANDEM_ATTR_WATERMARK: u64: bytes
 * @TANDEM_ATTR_OVERWRITTEN: u64: records accepted, and overwritten before they were read
 * @TANDEM_ATTR_SUBSCRIPTION_NAME: string: of a durable subscription
 * @TANDEM_ATTR_ATTACHED: u32: 1 if somebody has a durable subscription open, else 0; the process
 *	told of is then the last one that had
 */
enum tandem_attr {
	TANDEM_ATTR_UNSPEC,
	TANDEM_ATTR_PAD,
	TANDEM_ATTR_DEVICE_ID,
	TANDEM_ATTR_NAME,
	TANDEM_ATTR_KIND,
	TANDEM_ATTR_MODULE,
	TANDEM_ATTR_MAJOR,
	TANDEM_ATTR_MINOR,
	TANDEM_ATTR_MODE,
	TANDEM_ATTR_NODE_UID,
	TANDEM_ATTR_NODE_GID,
	TANDEM_ATTR_EVENTS_MODE,
	TANDEM_ATTR_OPEN_FILES,
	TANDEM_ATTR_SUBSCRIPTIONS,
	TANDEM_ATTR_POSTED,
	TANDEM_ATTR_GENERATION,
	TANDEM_ATTR_PID,
	TANDEM_ATTR_UID,
	TANDEM_ATTR_COMM,
	TANDEM_ATTR_SUBSCRIPTION_ID,
	TANDEM_ATTR_RING_SIZE,
	TANDEM_ATTR_RINGS,
	TANDEM_ATTR_OVERFLOW,
	TANDEM_ATTR_CLASSES,
	TANDEM_ATTR_TYPES,
	TANDEM_ATTR_ACCEPTED,
	TANDEM_ATTR_LOST,
	TANDEM_ATTR_LOST_BYTES,
	TANDEM_ATTR_LOST_RECURSION,
	TANDEM_ATTR_LOST_TOO_BIG,
	TANDEM_ATTR_LOST_CLASS,
	TANDEM_ATTR_PENDING_BYTES,
	TANDEM_ATTR_WAKEUPS,
	TANDEM_ATTR_STATE,
	TANDEM_ATTR_MEMORY,
	TANDEM_ATTR_FLAGS,
	TANDEM_ATTR_WATERMARK,
	TANDEM_ATTR_OVERWRITTEN,
	TANDEM_ATTR_SUBSCRIPTION_NAME,
	TANDEM_ATTR_ATTACHED,
	__TANDEM_ATTR_MAX,
};

#define TANDEM_ATTR_MAX (__TANDEM_ATTR_MAX - 1)

/* ---- Kernel half: process (/dev/tandem/process) ---------------------------------------------- */

/**
 * enum tandem_process_type - types of the process device's events
 * @TANDEM_PROCESS_FORK: a task was made; &struct tandem_process_event
 * @TANDEM_PROCESS_EXEC: a program was started; the file's name follows the struct, NUL-terminated
 * @TANDEM_PROCESS_EXIT: a thread ended, or a process: when its last thread did. Each id that FORK
 *	told of has one
 */
enum tandem_process_type {
	TANDEM_PROCESS_FORK	= 1,
	TANDEM_PROCESS_EXEC	= 2,
	TANDEM_PROCESS_EXIT	= 3,
};

#define TANDEM_PROCESS_COMM_SIZE	16

/**
 * struct tandem_process_event - a process or thread began, became another program, or ended
 * @pid: the task's id (a thread's id if it is not @tgid), in the initial pid namespace, as all ids
 * @tgid: the process
 * @ppid: the parent process
 * @parent_tid: FORK: the task that made it; else 0
 * @uid: its real uid, in the initial user namespace
 * @exit_code: EXIT: what it passed to exit(), 0 to 255; else 0
 * @exit_signal: EXIT: the signal that ended it, or 0; else 0
 * @flags: &enum tandem_process_flags
 * @start_time: when the task began, boot time in nanoseconds; with @pid it names the task for ever.
 *	0 in the EXIT of a thread that called exec and took its process's id for its own
 * @comm: its name, NUL-terminated
 *
 * Processes are posted in TANDEM_CLASS_NORMAL, further threads in TANDEM_CLASS_BULK.
 */
struct tandem_process_event {
	__u32 pid;
	__u32 tgid;
	__u32 ppid;
	__u32 parent_tid;
	__u32 uid;
	__u32 exit_code;
	__u32 exit_signal;
	__u32 flags;
	__aligned_u64 start_time;
	char comm[TANDEM_PROCESS_COMM_SIZE];
};

/**
 * enum tandem_process_flags - flags of &struct tandem_process_event
 * @TANDEM_PROCESS_THREAD: the task is a further thread of its process
 * @TANDEM_PROCESS_COREDUMP: EXIT: it left a core dump
 * @TANDEM_PROCESS_TRUNCATED: EXEC: the file's name was cut
 */
enum tandem_process_flags {
	TANDEM_PROCESS_THREAD		= 1 << 0,
	TANDEM_PROCESS_COREDUMP		= 1 << 1,
	TANDEM_PROCESS_TRUNCATED	= 1 << 2,
};

/* ---- Kernel half: generator (/dev/tandem/gen) ------------------------------------------------ */

/**
 * enum tandem_gen_context - where the generator posts from
 * @TANDEM_GEN_PROCESS: a kernel thread on each CPU
 * @TANDEM_GEN_SOFTIRQ: a timer in softirq
 * @TANDEM_GEN_HARDIRQ: a timer in hard interrupt
 * @TANDEM_GEN_IRQ_WORK: an irq_work, in hard interrupt
 * @TANDEM_GEN_NMI: each NMI that nobody else claims, on the CPU that takes it; there is no rate
 * @TANDEM_GEN_CONTEXTS: how many there are
 */
enum tandem_gen_context {
	TANDEM_GEN_PROCESS	= 0,
	TANDEM_GEN_SOFTIRQ	= 1,
	TANDEM_GEN_HARDIRQ	= 2,
	TANDEM_GEN_IRQ_WORK	= 3,
	TANDEM_GEN_NMI		= 4,
	TANDEM_GEN_CONTEXTS	= 5,
};

/**
 * struct tandem_gen_event - what the generator posts
 * @seq: counted from 0 for each producer (pair of @cpu and @context) and run
 * @cpu: where it was posted
 * @context: &enum tandem_gen_context
 * @run: the run's number
 * @fill: bytes up to the size asked for; byte i is (seq + i) & 0xff
 */
struct tandem_gen_event {
	__aligned_u64 seq;
	__u16 cpu;
	__u16 context;
	__u32 run;
	__u8 fill[];
};

/**
 * enum tandem_gen_flags - how the generator posts
 * @TANDEM_GEN_WAIT: in process context, wait for room with the subscribers that asked for it by
 *	TANDEM_OVERFLOW_BLOCK, for as long as it takes; it needs a batch of 1
 */
enum tandem_gen_flags {
	TANDEM_GEN_WAIT		= 1 << 0,
};

/**
 * struct tandem_gen_start - argument of TANDEM_GEN_IOC_START
 * @contexts: mask of &enum tandem_gen_context: all of them run at once
 * @type: type of the events
 * @event_class: class of the events
 * @size: bytes of payload, sizeof(struct tandem_gen_event) to TANDEM_PAYLOAD_MAX
 * @rate: events a second for each producer, at most the module parameter max_rate; 0: as fast as it
 *	goes (process context alone)
 * @batch: events posted at a time, under one batch, 1 to 1024
 * @cpus: pointer to an array of __u64, the mask of CPUs, all of them online; 0: all that are. A CPU
 *	that goes offline pauses its producers until it comes back, and nobody waits for them
 * @cpus_len: bytes at @cpus, a multiple of 8
 * @flags: &enum tandem_gen_flags
 * @count: events for each producer, then it stops by itself; 0: until it is stopped
 * @run: out: the run's number
 * @reserved2: 0
 *
 * Return: 0, or -EINVAL, -EMSGSIZE, -EPERM (it needs CAP_SYS_ADMIN), -EBUSY (it runs already),
 * -EOPNOTSUPP (no NMI here).
 */
struct tandem_gen_start {
	__u32 contexts;
	__u32 type;
	__u32 event_class;
	__u32 size;
	__u32 rate;
	__u32 batch;
	__aligned_u64 cpus;
	__u32 cpus_len;
	__u32 flags;
	__aligned_u64 count;
	__u32 run;
	__u32 reserved2;
};

/**
 * struct tandem_gen_status - argument of TANDEM_GEN_IOC_STATUS
 * @running: how many producers have not ended yet, without those that pause
 * @run: number of the last run, 0 before the first
 * @posted: events posted by that run, by context, all CPUs together
 */
struct tandem_gen_status {
	__u32 running;
	__u32 run;
	__u64 posted[TANDEM_GEN_CONTEXTS];
};

/**
 * struct tandem_gen_bench - argument of TANDEM_GEN_IOC_BENCH
 * @count: how many events to post, 1 to 100,000,000
 * @size: bytes of payload, 0 to TANDEM_PAYLOAD_MAX
 * @batch: events under one batch, at most 1024; 0: no batch
 * @type: type of the events; they carry zeros
 * @event_class: class of the events
 * @ns: out: how long it took, by CLOCK_MONOTONIC, with preemption and interrupts as they are
 *
 * Posts in a plain loop from the caller's context, for measurements. A fatal signal ends it:
 * -EINTR.
 */
struct tandem_gen_bench {
	__aligned_u64 count;
	__u32 size;
	__u32 batch;
	__u32 type;
	__u32 event_class;
	__aligned_u64 ns;
};

#define TANDEM_GEN_IOC_MAGIC	0xd8
#define TANDEM_GEN_IOC_START	_IOWR(TANDEM_GEN_IOC_MAGIC, 0x01, struct tandem_gen_start)
/* Returns when no producer runs any more. */
#define TANDEM_GEN_IOC_STOP	_IO(TANDEM_GEN_IOC_MAGIC, 0x02)
/* Waits until all producers have ended by themselves; -EINTR by a signal. */
#define TANDEM_GEN_IOC_WAIT	_IO(TANDEM_GEN_IOC_MAGIC, 0x03)
#define TANDEM_GEN_IOC_STATUS	_IOR(TANDEM_GEN_IOC_MAGIC, 0x04, struct tandem_gen_status)
#define TANDEM_GEN_IOC_BENCH	_IOWR(TANDEM_GEN_IOC_MAGIC, 0x05, struct tandem_gen_bench)

/* Codes of the generator for TANDEM_IOC_DEVICE_CONTROL. */
enum tandem_gen_code {
	TANDEM_GEN_CODE_ECHO	= 1,	/* out = in, as much as fits; -EOVERFLOW if not all did */
	TANDEM_GEN_CODE_SUM	= 2,	/* out: __u64, sum of the bytes; -EINVAL if out is short */
	TANDEM_GEN_CODE_SIGNAL	= 3,	/* in: __u32 bits of poll events; sets what poll answers */
};

/* Bytes that the generator stores: read, write, lseek and mmap (shared) show the same ones. */
#define TANDEM_GEN_STORE_SIZE	(64 * 1024)

#endif /* _UAPI_LINUX_TANDEM_H */
