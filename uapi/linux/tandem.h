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
 * @TANDEM_BIND_WAIT: with @TANDEM_BIND_CREATE: while the device has no server its clients wait for
 *	the next one, which takes their files over; read when the device is created. Without it
 *	their operations fail with -EIO, those on files of a server that has died for ever
 * @TANDEM_BIND_SEEKABLE: files have a position; without it they are streams
 * @TANDEM_BIND_ALL_COMMANDS: ioctl commands and control codes that @commands does not name are
 *	requests too, with the sizes that an ioctl's number carries; without it they are -ENOTTY
 */
enum tandem_bind_flags {
	TANDEM_BIND_CREATE		= 1 << 0,
	TANDEM_BIND_EXCLUSIVE		= 1 << 1,
	TANDEM_BIND_MAY_BLOCK		= 1 << 2,
	TANDEM_BIND_WAIT		= 1 << 3,
	TANDEM_BIND_SEEKABLE		= 1 << 4,
	TANDEM_BIND_ALL_COMMANDS	= 1 << 5,
};

#define TANDEM_QUEUES_MAX	64
#define TANDEM_DEPTH_MAX	1024
#define TANDEM_SLOT_SIZE_MIN	4096
#define TANDEM_SLOT_SIZE_MAX	(1024 * 1024)
#define TANDEM_COMMANDS_MAX	1024

/**
 * enum tandem_method - how the data of a command move; the numbers are those of Windows
 * @TANDEM_METHOD_BUFFERED: through the request's slot, in one copy each way
 * @TANDEM_METHOD_IN_DIRECT: kept for direct transfers: -EOPNOTSUPP
 * @TANDEM_METHOD_OUT_DIRECT: likewise
 * @TANDEM_METHOD_NEITHER: refused, -EINVAL: a pointer never crosses
 */
enum tandem_method {
	TANDEM_METHOD_BUFFERED		= 0,
	TANDEM_METHOD_IN_DIRECT		= 1,
	TANDEM_METHOD_OUT_DIRECT	= 2,
	TANDEM_METHOD_NEITHER		= 3,
};

/**
 * enum tandem_access - how a file must be open for a command; the numbers are those of Windows
 * @TANDEM_ACCESS_ANY: however
 * @TANDEM_ACCESS_READ: for reading
 * @TANDEM_ACCESS_WRITE: for writing
 */
enum tandem_access {
	TANDEM_ACCESS_ANY	= 0,
	TANDEM_ACCESS_READ	= 1 << 0,
	TANDEM_ACCESS_WRITE	= 1 << 1,
};

/* A control code: the same bits as CTL_CODE() of Windows gives. */
#define TANDEM_CTL_CODE(device_type, function, method, access)	\
	(((__u32)(device_type) << 16) | ((__u32)(access) << 14) |	\
	 ((__u32)(function) << 2) | (__u32)(method))

/**
 * enum tandem_command_kind - which way a command comes
 * @TANDEM_COMMAND_IOCTL: ioctl()
 * @TANDEM_COMMAND_CONTROL: TANDEM_IOC_DEVICE_CONTROL
 */
enum tandem_command_kind {
	TANDEM_COMMAND_IOCTL	= 0,
	TANDEM_COMMAND_CONTROL	= 1,
};

/**
 * struct tandem_command - a command that a server answers
 * @code: the ioctl's number, or the control code. Numbers with the magic TANDEM_IOC_MAGIC, and
 *	those that the kernel answers before a driver sees them (FIONBIO and the like), are -EINVAL
 * @kind: &enum tandem_command_kind
 * @method: &enum tandem_method
 * @access: mask of &enum tandem_access; an ioctl() or control without it is -EACCES
 * @in_min: IOCTL: 0; CONTROL: bytes of input at least; fewer are -EINVAL
 * @in_len: IOCTL: bytes of input, whatever the number says; CONTROL: at most, more are -EINVAL
 * @out_len: IOCTL: bytes of output at most; CONTROL: bytes of output at least; less room is -EINVAL
 * @reserved: 0
 * @deadline: for its requests, in nanoseconds, instead of &tandem_bind.deadline; 0: that one
 */
struct tandem_command {
	__u32 code;
	__u32 kind;
	__u32 method;
	__u32 access;
	__u32 in_min;
	__u32 in_len;
	__u32 out_len;
	__u32 reserved;
	__aligned_u64 deadline;
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
 * @queues: 0: the server posts events alone, and what follows is 0; else how many queues its
 *	requests come in, at most TANDEM_QUEUES_MAX. A request comes in queue number n % queues if
 *	its client runs on CPU n
 * @depth: requests in flight in each queue: a power of two, at most TANDEM_DEPTH_MAX
 * @slot_size: bytes of data that a request has room for: a power of two, TANDEM_SLOT_SIZE_MIN to
 *	TANDEM_SLOT_SIZE_MAX. Longer reads and writes come as several requests
 * @operations: mask of &enum tandem_op (bit n: number n): which operations the server answers
 * @deadline: for how long a request may take, in nanoseconds, TANDEM_FOREVER, or 0 for the module
 *	parameter request_deadline; then it fails with -ETIMEDOUT, up to an eighth late
 * @commands: pointer to an array of &struct tandem_command, no two of a kind and code the same
 * @commands_count: how many, at most TANDEM_COMMANDS_MAX
 * @reserved: 0
 * @server_size: out: bytes of a queue's first mapping, see &struct tandem_queue_server
 * @kernel_size: out: bytes of its second
 *
 * Makes the calling process the server of a device, and the fd its server fd. A device that a
 * server made outlives its servers: it goes with TANDEM_IOC_REMOVE, or with the module.
 *
 * Return: 0, or
 * -EINVAL (name, flags, mode, owner), -ENAMETOOLONG (no NUL in @name),
 * -ENOENT (no such device, and no @TANDEM_BIND_CREATE),
 * -EEXIST (there is one, and @TANDEM_BIND_EXCLUSIVE),
 * -EPERM (the device belongs to a kernel half, which takes no server),
 * -EBUSY (the device has a server), -EALREADY (this fd is bound), -ENOSPC (too many devices),
 * -ENOMEM, -E2BIG (the queues are larger than the module parameter max_queue_bytes),
 * -EOPNOTSUPP (a method of @commands).
 */
struct tandem_bind {
	char name[TANDEM_NAME_SIZE];
	__u32 flags;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 events_mode;
	__u32 generation;
	__u32 queues;
	__u32 depth;
	__u32 slot_size;
	__u32 operations;
	__aligned_u64 deadline;
	__aligned_u64 commands;
	__u32 commands_count;
	__u32 reserved;
	__aligned_u64 server_size;
	__aligned_u64 kernel_size;
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

/* ---- Requests: what a server answers --------------------------------------------------------- */

/*
 * A server fd is that of queue 0; TANDEM_IOC_QUEUE makes fds of the others. A queue is served in
 * either of two ways, or both:
 *
 * * one message at a time: read() gives a &struct tandem_submission and its in_len bytes of data,
 *   and waits for one unless O_NONBLOCK (-EAGAIN); write() takes a &struct tandem_completion and
 *   its bytes of data;
 * * in mapped memory: &struct tandem_queue_server and what follows it there.
 *
 * poll() finds the fd readable when there are submissions that the server has not consumed.
 * When the session has ended, for whatever reason, all calls give -ESTALE, and poll() EPOLLHUP.
 *
 * An operation of a server on its own device would wait for itself: -EDEADLK.
 */

/**
 * enum tandem_op - operations of requests, and other messages
 * @TANDEM_OP_OPEN: a file was opened; an error refuses it. A server that does not answer it
 *	learns of a file with its first request
 * @TANDEM_OP_RELEASE: the last user of a file is gone; for files that the server was told of, by an
 *	OPEN that it did not refuse or by another request. Nobody waits for the answer, which is due
 *	all the same
 * @TANDEM_OP_READ: read out_len bytes at offset; the result says how many there are, 0 for the end
 * @TANDEM_OP_WRITE: write in_len bytes at offset; the result says how many were
 * @TANDEM_OP_IOCTL: ioctl() of command code. If its number, or &struct tandem_command, has no data,
 *	the argument's value is offset
 * @TANDEM_OP_CONTROL: TANDEM_IOC_DEVICE_CONTROL
 * @TANDEM_OP_LSEEK: offset counts from whence in code, which is neither SEEK_SET nor SEEK_CUR,
 *	those the kernel answers itself; the result is the position from the file's beginning
 * @TANDEM_OP_FSYNC: see that what was written lasts; code is 1 for fdatasync()
 * @TANDEM_OP_CALL: the kernel half calls code
 * @TANDEM_OP_CANCEL: no request, has no answer, and comes only to servers that want it: the client
 *	of the request of this id wants no answer any more, or wants it at once. The request is to
 *	be answered all the same; -EINTR says that nothing was done
 * @TANDEM_OPS: how many there are
 */
enum tandem_op {
	TANDEM_OP_OPEN		= 0,
	TANDEM_OP_RELEASE	= 1,
	TANDEM_OP_READ		= 2,
	TANDEM_OP_WRITE		= 3,
	TANDEM_OP_IOCTL		= 4,
	TANDEM_OP_CONTROL	= 5,
	TANDEM_OP_LSEEK		= 6,
	TANDEM_OP_FSYNC		= 7,
	TANDEM_OP_CALL		= 8,
	TANDEM_OP_CANCEL	= 9,
	TANDEM_OPS		= 10,
};

/**
 * enum tandem_submission_flags - more about a request
 * @TANDEM_SUBMISSION_NONBLOCK: the client does not want to wait: -EAGAIN if there is nothing
 * @TANDEM_SUBMISSION_APPEND: WRITE: at the end, wherever offset is
 * @TANDEM_SUBMISSION_REOPEN: OPEN: the file was opened while another server was there
 */
enum tandem_submission_flags {
	TANDEM_SUBMISSION_NONBLOCK	= 1 << 0,
	TANDEM_SUBMISSION_APPEND	= 1 << 1,
	TANDEM_SUBMISSION_REOPEN	= 1 << 2,
};

/**
 * struct tandem_submission - what the kernel tells a server
 * @id: names the request in its completion. TANDEM_TAG() of it says which slot has its data
 * @file: the open file; 0: the kernel half
 * @op: &enum tandem_op
 * @flags: &enum tandem_submission_flags
 * @offset: see &enum tandem_op
 * @code: likewise; OPEN: the flags of open(2)
 * @in_len: bytes of input in the slot
 * @out_len: bytes of output that the answer may have there
 * @pid: the process that opened the file, in the server's pid namespace; 0: it is not seen there
 * @uid: its effective uid, in the server's user namespace; the overflow id if it has none there
 * @gid: likewise
 * @reserved: 0
 */
struct tandem_submission {
	__u64 id;
	__u64 file;
	__u32 op;
	__u32 flags;
	__u64 offset;
	__u32 code;
	__u32 in_len;
	__u32 out_len;
	__u32 pid;
	__u32 uid;
	__u32 gid;
	__u64 reserved;
};

#define TANDEM_TAG(id)	((id) & 0xffff)

/**
 * enum tandem_completion_flags - more about an answer
 * @TANDEM_COMPLETION_READY: ready is what poll() on the file finds from now on
 * @TANDEM_COMPLETION_POSITION: position is the file's from now on (WRITE with
 *	TANDEM_SUBMISSION_APPEND)
 */
enum tandem_completion_flags {
	TANDEM_COMPLETION_READY		= 1 << 0,
	TANDEM_COMPLETION_POSITION	= 1 << 1,
};

/**
 * struct tandem_completion - what a server answers
 * @id: of the request
 * @result: 0 or more, as the operation has it, at most 2^31 - 1 but for LSEEK; or -errno, -511 to
 *	-1
 * @len: IOCTL, CONTROL, CALL: bytes of output in the slot, also with an error; else it is not
 *	looked at: the data of a READ are result bytes
 * @flags: &enum tandem_completion_flags
 * @ready: mask of EPOLLIN, EPOLLOUT and others
 * @position: see &enum tandem_completion_flags; at most 2^63 - 1
 *
 * An answer that cannot be, as one that is longer than what was asked for, is -EIO for the client,
 * and an error of the server's.
 */
struct tandem_completion {
	__u64 id;
	__s64 result;
	__u32 len;
	__u16 flags;
	__u16 ready;
	__u64 position;
};

/*
 * A queue is mapped in two mappings, each of exactly this offset and length, MAP_SHARED:
 *
 *	0		server_size	read and write	struct tandem_queue_server
 *							struct tandem_completion[depth]
 *							slots, slot_size bytes for each tag
 *	server_size	kernel_size	read only	struct tandem_queue_kernel
 *							struct tandem_submission[submissions]
 *
 * Each of these begins on a page; the kernel's struct says where.
 *
 * Positions count messages since the queue began. Submission p is at p % submissions, completion p
 * at p % depth. There is always room for an answer, and for all that can be asked before it.
 *
 * To serve: load published with acquire; what is between consumed and it is to be read; store
 * consumed with release once that is done, at the latest before the first answer to it. Write the
 * completions, then store completed with release, then make a full fence, and if need_reply is not
 * 0 call TANDEM_IOC_REPLY_WAIT, which also waits. Clients that do not sleep find the answers
 * themselves.
 */

/**
 * struct tandem_queue_server - first page of a queue: what the server tells the kernel
 * @consumed: submissions up to here have been read
 * @completed: completions up to here are there; more than depth beyond what the kernel has
 *	taken ends the session
 */
struct tandem_queue_server {
	__u64 consumed;
	__u8 pad0[120];
	__u64 completed;
};

/**
 * struct tandem_queue_kernel - first page of a queue's second mapping: what the kernel tells
 * @published: submissions up to here are there; load with acquire
 * @need_reply: how many clients sleep, and want TANDEM_IOC_REPLY_WAIT after their answer
 * @ended: 1 when the session has ended
 * @magic: TANDEM_QUEUE_MAGIC
 * @abi: TANDEM_ABI_VERSION
 * @depth: as in &struct tandem_bind
 * @slot_size: likewise
 * @submissions: entries of the ring of submissions, a power of two
 * @completions_offset: where the completions are in the first mapping
 * @slots_offset: where the slots are there
 * @submissions_offset: where the submissions are in the second mapping
 */
struct tandem_queue_kernel {
	__u64 published;
	__u8 pad0[120];
	__u32 need_reply;
	__u32 ended;
	__u8 pad1[120];
	__u64 magic;
	__u32 abi;
	__u32 depth;
	__u32 slot_size;
	__u32 submissions;
	__u64 completions_offset;
	__u64 slots_offset;
	__u64 submissions_offset;
};

#define TANDEM_QUEUE_MAGIC	0x5155455545000001ULL

/**
 * struct tandem_reply_wait - argument of TANDEM_IOC_REPLY_WAIT
 * @min: wait until there are so many submissions that are not consumed, at most depth; 0: do not
 *	wait
 * @flags: 0
 * @timeout: for how long at most, in nanoseconds, or TANDEM_FOREVER
 *
 * Takes the completions up to &tandem_queue_server.completed, wakes their clients, and waits for
 * submissions.
 *
 * Return: 0, or -EINVAL, -ENOTCONN (the fd is not bound), -ESTALE, -ETIMEDOUT or -EINTR (a signal),
 * -EBADMSG (some completions were for no request that is in flight, or were answers that cannot
 * be; all others were taken).
 */
struct tandem_reply_wait {
	__u32 min;
	__u32 flags;
	__aligned_u64 timeout;
};

/**
 * struct tandem_ready - argument of TANDEM_IOC_READY
 * @file: the open file; 0: all that are open
 * @events: what poll() finds from now on: mask of EPOLLIN, EPOLLOUT and others. A file that the
 *	server has not spoken of is always ready to be read and written
 * @flags: 0
 *
 * Return: 0, or -EINVAL, -ENOENT (no such file), -ENOTCONN, -ESTALE.
 */
struct tandem_ready {
	__aligned_u64 file;
	__u32 events;
	__u32 flags;
};

/*
 * Makes an fd, close-on-exec, of queue number arg. Return: it, or -EINVAL, -ENOTCONN, -ESTALE,
 * -EMFILE, -ENOMEM.
 */
#define TANDEM_IOC_QUEUE	_IO(TANDEM_IOC_MAGIC, 0x04)
/**
 * struct tandem_adopt - argument of TANDEM_IOC_ADOPT
 * @flags: 0
 * @generation: out, as all that follows: number of the server session
 * @queues: as in &struct tandem_bind
 * @depth: likewise
 * @slot_size: likewise
 * @operations: likewise
 * @server_size: likewise
 * @kernel_size: likewise
 *
 * Makes the caller's process the server process instead of the one before, whose death ends
 * nothing any more: for who was given the fd.
 *
 * Return: 0, or -EINVAL, -ENOTCONN, -ESTALE.
 */
struct tandem_adopt {
	__u32 flags;
	__u32 generation;
	__u32 queues;
	__u32 depth;
	__u32 slot_size;
	__u32 operations;
	__aligned_u64 server_size;
	__aligned_u64 kernel_size;
};

#define TANDEM_IOC_ADOPT	_IOWR(TANDEM_IOC_MAGIC, 0x05, struct tandem_adopt)
#define TANDEM_IOC_REPLY_WAIT	_IOW(TANDEM_IOC_MAGIC, 0x06, struct tandem_reply_wait)
#define TANDEM_IOC_READY	_IOW(TANDEM_IOC_MAGIC, 0x07, struct tandem_ready)
/*
 * The request of the id that arg points to is being worked on: its deadline begins anew.
 * Return: 0, or -ENOENT (not in flight), -ENOTCONN, -ESTALE.
 */
#define TANDEM_IOC_PROGRESS	_IOW(TANDEM_IOC_MAGIC, 0x08, __u64)
/*
 * Takes the completions that are there, and ends the server session, as the death of its process
 * does. Return: 0, or -ENOTCONN, -ESTALE.
 */
#define TANDEM_IOC_UNBIND	_IO(TANDEM_IOC_MAGIC, 0x09)

/* ---- Sections: memory that a server shares with its clients --------------------------------- */

#define TANDEM_SECTIONS_MAX	1024
#define TANDEM_SECTION_SIZE_MAX	(1ULL << 30)
#define TANDEM_GRANTS_MAX	1024
/* Where sections are in the mappings of a server's fd, SECTION_SIZE_MAX from one to the next. */
#define TANDEM_SECTION_OFFSET	(1ULL << 40)

/**
 * enum tandem_section_flags - how TANDEM_IOC_SECTION finds a section
 * @TANDEM_SECTION_CREATE: make it if there is none of that number
 * @TANDEM_SECTION_EXCLUSIVE: with @TANDEM_SECTION_CREATE: fail if there is one
 */
enum tandem_section_flags {
	TANDEM_SECTION_CREATE		= 1 << 0,
	TANDEM_SECTION_EXCLUSIVE	= 1 << 1,
};

/**
 * struct tandem_section_open - argument of TANDEM_IOC_SECTION
 * @id: number of the section, below TANDEM_SECTIONS_MAX, chosen by the server
 * @flags: &enum tandem_section_flags
 * @size: bytes, at most TANDEM_SECTION_SIZE_MAX, rounded up to pages; read when it is made; out: of
 *	the section
 * @offset: out: the section is mapped with this offset of the server's fd, MAP_SHARED, in whole or
 *	in part
 *
 * A section is memory of the device, zeros at first, swapped like any other, and charged to who
 * touches it. It stays when its server dies, and the next one finds it by its number.
 *
 * Return: 0, or -EINVAL, -ENOENT (no such section, and no @TANDEM_SECTION_CREATE), -EEXIST,
 * -ENOMEM, -ENOTCONN, -ESTALE.
 */
struct tandem_section_open {
	__u32 id;
	__u32 flags;
	__aligned_u64 size;
	__aligned_u64 offset;
};

/**
 * struct tandem_grant - argument of TANDEM_IOC_GRANT
 * @section: its number
 * @access: TANDEM_ACCESS_READ; or with TANDEM_ACCESS_WRITE; 0: end the grant that was made with the
 *	same other fields: what is mapped stays, and nobody maps it anew
 * @offset: where clients find it in the mappings of the device's node, below TANDEM_SECTION_OFFSET
 * @start: where it begins in the section
 * @length: bytes; it and the two before are multiples of a page
 *
 * Lets clients map a range of a section, MAP_SHARED, in whole or in part. Writing needs a node that
 * is open for reading and writing.
 *
 * Return: 0, or -EINVAL, -ENOENT (no such section or grant), -EEXIST (some of @offset is granted
 * already), -ENOSPC (TANDEM_GRANTS_MAX), -ENOMEM, -ENOTCONN, -ESTALE.
 */
struct tandem_grant {
	__u32 section;
	__u32 access;
	__aligned_u64 offset;
	__aligned_u64 start;
	__aligned_u64 length;
};

#define TANDEM_IOC_SECTION	_IOWR(TANDEM_IOC_MAGIC, 0x0a, struct tandem_section_open)
#define TANDEM_IOC_GRANT	_IOW(TANDEM_IOC_MAGIC, 0x0b, struct tandem_grant)
/*
 * Takes section number arg away, with its grants and its memory: whoever has it mapped gets SIGBUS.
 * Return: 0, or -ENOENT, -ENOTCONN, -ESTALE.
 */
#define TANDEM_IOC_SECTION_REVOKE	_IO(TANDEM_IOC_MAGIC, 0x0c)

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

/* ---- Lists in a section ---------------------------------------------------------------------- */

/*
 * A stack of entries in shared memory, which processes and kernel halves change at once, without a
 * lock: <tandem/slist.h> and kernel/slist.h know how. All zeros is an empty list.
 *
 * Memory is mapped at other addresses by each of them, so an entry is told of by its place: its
 * offset from the section's beginning, a multiple of TANDEM_SLIST_ALIGN and not 0, divided by
 * TANDEM_SLIST_ALIGN.
 */
#define TANDEM_SLIST_ALIGN	16

/**
 * struct tandem_slist_entry - first member of what is put into a list
 * @next: place of the next entry; 0: there is none
 */
struct tandem_slist_entry {
	__u32 next;
};

/**
 * struct tandem_slist_head - a list
 * @top: the following two, which change together, but for taking all: that sets @first alone to 0
 * @first: place of the entry that was pushed last; 0: the list is empty
 * @pushes: how many entries were pushed, modulo 2^32. By it, one that pops knows that a list has
 *	changed even if the same entry is the first again
 */
struct tandem_slist_head {
	union {
		__aligned_u64 top;
		struct {
			__u32 first;
			__u32 pushes;
		};
	};
};

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
