/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libtandem: talk to Tandem devices, consume their events, and serve them.
 *
 * Every function that can fail returns a negative errno, and nothing else says so: errno itself is
 * not set. Nothing is printed, no thread is started, no signal handler installed. A struct
 * tandem_subscription belongs to one thread at a time, and so does each queue of a struct
 * tandem_server; different ones are independent. Requests are answered from any thread.
 *
 * Nothing has been released yet, and until then structs may change. From the first release on, a
 * struct grows at its end alone, and the functions that take it get a new version of their symbols
 * with it: a program that was built before keeps the function that knows the struct as it was.
 */
#ifndef TANDEM_H
#define TANDEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/tandem.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The library hides what is not declared here. */
#pragma GCC visibility push(default)

/* Some functions share their names with structs of the ABI, as stat() does; g++ wonders at that. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

/* ---- Devices ---- */

/**
 * tandem_open() - open a device's node
 * @name: the device ("process"), or a path if there is a slash in it
 * @flags: as for open(2); O_CLOEXEC is added
 *
 * Return: the fd, or -errno of open(2); -EINVAL (no device can have this name), -ENAMETOOLONG.
 */
int tandem_open(const char *name, int flags);

/**
 * tandem_control() - DeviceIoControl: an operation that the device defines
 * @fd: the device
 * @code: the operation
 * @in: input, NULL if @in_len is 0
 * @in_len: its bytes
 * @out: where the output goes, NULL if @out_len is 0
 * @out_len: room there
 * @returned: if not NULL: how many bytes of @out were written, also if the operation failed
 *
 * Return: 0 or more from the device, or -errno.
 */
int tandem_control(int fd, uint32_t code, const void *in, size_t in_len, void *out, size_t out_len,
		   size_t *returned);

/* ---- Subscriptions ---- */

struct tandem_subscription;

/**
 * struct tandem_subscribe_options - what to subscribe to; all zeros is a good default
 * @ring_size: bytes of each ring, a power of two; 0: 256 KiB
 * @classes: mask of classes, bit n for class n; 0: all
 * @types: types wanted; NULL with a count of 0: all
 * @types_count: how many
 * @watermark: bytes that must wait in a ring before a sleeping consumer is woken, at most half of
 *	@ring_size; 0: any record
 * @spin_ns: how long tandem_wait() looks at the rings before it sleeps; 0: not at all
 * @flags: &enum tandem_subscribe_flags: one ring for all CPUs, no time stamps, durable
 * @overflow: &enum tandem_overflow: what happens to an event that finds its ring full
 * @name: of a durable subscription; else NULL
 * @manual_release: the room of records is given back by tandem_release() alone, so that whoever
 *	attaches to a durable subscription after a crash gets all that were not released; not for
 *	TANDEM_OVERFLOW_OVERWRITE
 */
struct tandem_subscribe_options {
	size_t ring_size;
	uint32_t classes;
	uint32_t types_count;
	const uint16_t *types;
	size_t watermark;
	uint64_t spin_ns;
	uint32_t flags;
	uint32_t overflow;
	const char *name;
	bool manual_release;
};

/**
 * tandem_subscribe() - become a consumer of a device's events
 * @sub: where the subscription goes
 * @device_fd: the device, open for reading; it may be closed afterwards
 * @options: NULL: the defaults
 *
 * A subscription with TANDEM_OVERFLOW_OVERWRITE is a flight recorder: its rings are not mapped.
 * tandem_snapshot() shows what they hold, tandem_next() takes records out by read(2).
 *
 * Return: 0, or -errno as TANDEM_IOC_SUBSCRIBE and mmap(2) give it; -EINVAL also for the watermark;
 * -EPROTO if the kernel's rings are not those this library knows.
 */
int tandem_subscribe(struct tandem_subscription **sub, int device_fd,
		     const struct tandem_subscribe_options *options);

/**
 * tandem_unsubscribe() - give a subscription up, with all that is still in its rings
 * @sub: NULL is allowed
 *
 * A durable one stays, and goes on gathering events: this leaves it alone, as it was last released.
 */
void tandem_unsubscribe(struct tandem_subscription *sub);

/**
 * tandem_subscription_attached() - was the durable subscription there already?
 * @sub: the subscription
 *
 * Return: true: it was, and has what was posted since its last consumer released; false: it begins.
 */
bool tandem_subscription_attached(const struct tandem_subscription *sub);

/**
 * tandem_subscription_remove() - remove a durable subscription, with all that it holds
 * @device_fd: the device
 * @name: the subscription
 *
 * Who is attached to it finds its end, as if the device were gone.
 *
 * Return: 0, or -errno as TANDEM_IOC_UNSUBSCRIBE gives it.
 */
int tandem_subscription_remove(int device_fd, const char *name);

/**
 * tandem_subscription_fd() - the fd of a subscription
 * @sub: the subscription
 *
 * For epoll and poll; see tandem_arm(). It stays the subscription's.
 */
int tandem_subscription_fd(const struct tandem_subscription *sub);

/*
 * Where the reader stands in the ring it reads now. It is here for tandem_next() to be inline; its
 * fields are the library's: the next record is at pos, up to end there are records that may be
 * given without a look at anything else, unless their time is past the horizon, where another
 * ring's record is due.
 */
struct tandem_cursor {
	const unsigned char *data;
	uint64_t mask;
	uint64_t pos;
	uint64_t end;
	uint64_t horizon;
	uint64_t delivered;
};

/* Bits of a record's type_flags and lost_before, read as one, that need the library's attention. */
#define TANDEM_CURSOR_FLAGS	((uint32_t)TANDEM_RECORD_DISCARDED | TANDEM_RECORD_BUSY)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define TANDEM_CURSOR_MARKS	(0xffff0000U | TANDEM_CURSOR_FLAGS)
#else
#define TANDEM_CURSOR_MARKS	(0x0000ffffU | (TANDEM_CURSOR_FLAGS << 16))
#endif
typedef uint32_t __attribute__((__may_alias__)) tandem_cursor_marks;

const struct tandem_record *tandem_next_slow(struct tandem_subscription *sub);

/**
 * tandem_next() - the next event, in place
 * @sub: the subscription
 *
 * The rings of all CPUs are merged by time, as well as that can be: a CPU that publishes late may
 * bring an event that is older than one already given. Without time stamps they take turns, each
 * with what it holds when its turn comes. A single ring of all CPUs has its own, strict order.
 * Records that were discarded by their producer are given too, for the sake of their lost_before
 * (TANDEM_RECORD_DISCARDED).
 *
 * Return: the record, valid until the next call with this subscription, other than those that take
 * it as const; NULL if there is none now.
 */
static inline const struct tandem_record *tandem_next(struct tandem_subscription *sub)
{
	struct tandem_cursor *c = (struct tandem_cursor *)(void *)sub;

	if (__builtin_expect(c->pos < c->end, 1)) {
		const struct tandem_record *record =
			(const struct tandem_record *)(const void *)(c->data + (c->pos & c->mask));
		/*
		 * In a ring of all CPUs pairs with the store-release in tandem_shared_commit(): a
		 * record that is not busy is complete.
		 */
		uint32_t marks = __atomic_load_n((const tandem_cursor_marks *)(const void *)
						 &record->type_flags, __ATOMIC_ACQUIRE);

		if (__builtin_expect(record->time <= c->horizon && record->len &&
				     !(marks & TANDEM_CURSOR_MARKS), 1)) {
			c->pos += TANDEM_RECORD_STRIDE(record->len);
			c->delivered++;
			return record;
		}
	}
	return tandem_next_slow(sub);
}

/**
 * tandem_record_cpu() - whose ring the last record of tandem_next() came from
 * @sub: the subscription
 *
 * Return: the CPU that it was posted on; UINT_MAX: a ring of all CPUs, or it was read from a flight
 * recorder.
 */
unsigned int tandem_record_cpu(const struct tandem_subscription *sub);

/**
 * tandem_record_ring() - which ring the last record of tandem_next() came from
 * @sub: the subscription
 *
 * Return: its number, from 0 on; UINT_MAX: it was read from a flight recorder.
 */
unsigned int tandem_record_ring(const struct tandem_subscription *sub);

/**
 * tandem_record_position() - where in its ring a record is
 * @sub: the subscription
 * @record: what tandem_next() gave last
 *
 * Ring and position name a record as long as the subscription exists, whoever is attached to it. So
 * one can tell who was given a record twice, because its consumer crashed before it released it.
 *
 * Return: bytes since the ring began; UINT64_MAX: it was read from a flight recorder.
 */
uint64_t tandem_record_position(const struct tandem_subscription *sub,
				const struct tandem_record *record);

/**
 * tandem_release() - tell the kernel that all records given so far are done with
 * @sub: the subscription
 *
 * Without manual_release, tandem_next() does so by itself now and then, and when the rings are
 * drained. Call it before other long work, and to make sure that nothing is given twice to whoever
 * comes next.
 */
void tandem_release(struct tandem_subscription *sub);

/**
 * tandem_arm() - get ready to sleep in a poll of one's own
 * @sub: the subscription
 *
 * Asks the kernel for a wake-up at the watermark and then looks at the rings once more. With an
 * edge-triggered epoll this is the one way not to lose a wake-up; with a level-triggered one
 * it saves nothing but gives the watermark its meaning, and with manual_release keeps records that
 * were given and not yet released from making the fd readable. What waits below the watermark wakes
 * nobody: sleep with a time-out, and call tandem_next() when it is over.
 *
 * Return: 1: there are events, do not sleep; 0: sleep until the fd is readable; -ENODEV: the device
 * is gone and all has been read; -EBADMSG: the rings are corrupt, and what could be read has been.
 */
int tandem_arm(struct tandem_subscription *sub);

/**
 * tandem_wait() - wait for events: spin a little, then sleep
 * @sub: the subscription
 * @timeout_ms: at most so long; 0: not at all, below 0: for ever
 *
 * What waits below the watermark is handed out after a second, or when the time is over.
 *
 * Return: 1: there are events; 0: the time is over; -EINTR: a signal; else as tandem_arm().
 */
int tandem_wait(struct tandem_subscription *sub, int timeout_ms);

/**
 * typedef tandem_callback - what is called for an event
 * @sub: the subscription
 * @record: the event, valid during the call
 * @arg: as registered
 *
 * Return: 0 to go on; anything else ends tandem_dispatch(), which returns it and touches @sub no
 * more, so that such a callback may even unsubscribe.
 */
typedef int (*tandem_callback)(struct tandem_subscription *sub, const struct tandem_record *record,
			       void *arg);

/**
 * tandem_on() - register the function for a type of event
 * @sub: the subscription
 * @type: the type, or TANDEM_TYPES for all types without one of their own
 * @callback: NULL: none any more
 * @arg: passed on
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int tandem_on(struct tandem_subscription *sub, unsigned int type, tandem_callback callback,
	      void *arg);

/**
 * tandem_dispatch() - call the registered functions for the events that are there
 * @sub: the subscription
 * @max: at most so many events; 0: all that are there
 *
 * Discarded records are skipped.
 *
 * Return: how many events there were, or what a callback returned if not 0.
 */
int tandem_dispatch(struct tandem_subscription *sub, unsigned int max);

/**
 * struct tandem_counters - sums over the rings of a subscription
 * @delivered: records that tandem_next() gave, without discarded ones
 * @lost: records lost
 * @lost_seen: lost, as the lost_before of the records given so far tell
 * @lost_bytes: payload of the records lost
 * @lost_recursion: of @lost: nested too deep
 * @lost_too_big: of @lost: too large for the ring
 * @lost_class: of @lost: by class
 * @overwritten: of a flight recorder: records that were overwritten before they were read. The
 *	next record that is read tells of them too. The other counts are known as far as its
 *	records tell: @lost is @lost_seen, and what follows is 0
 */
struct tandem_counters {
	uint64_t delivered;
	uint64_t lost;
	uint64_t lost_seen;
	uint64_t lost_bytes;
	uint64_t lost_recursion;
	uint64_t lost_too_big;
	uint64_t lost_class[TANDEM_CLASSES];
	uint64_t overwritten;
};

/**
 * tandem_subscription_counters() - read the counters
 * @sub: the subscription
 * @counters: where they go
 *
 * What counts records given is exact after each one; what the kernel counts may run ahead of it,
 * and begins where a durable subscription began.
 */
void tandem_subscription_counters(const struct tandem_subscription *sub,
				  struct tandem_counters *counters);

/**
 * tandem_snapshot() - what a flight recorder holds now
 * @sub: a subscription with TANDEM_OVERFLOW_OVERWRITE
 * @callback: called for each record, the rings merged as by tandem_next(); what tells of the last
 *	record, as tandem_record_cpu(), tells of this one; its position is not known
 * @arg: passed on
 *
 * Nothing is taken out, and recording goes on. Each ring's part is of records that followed each
 * other; the rings are looked at one after the other.
 *
 * Return: how many events there were, or what a callback returned if not 0; -EOPNOTSUPP (@sub is no
 * flight recorder), -ENOMEM.
 */
int tandem_snapshot(struct tandem_subscription *sub, tandem_callback callback, void *arg);

/* ---- Servers ---- */

/**
 * struct tandem_bind_options - how to become a device's server; see &struct tandem_bind
 * @flags: &enum tandem_bind_flags
 * @mode: of the node
 * @uid: of the node
 * @gid: of the node
 * @events_mode: who may subscribe
 */
struct tandem_bind_options {
	uint32_t flags;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t events_mode;
};

/**
 * tandem_bind() - become the server of a device
 * @name: the device
 * @options: NULL: create the device if it is not there, mode 0600, events mode 0400, caller's ids
 * @generation: if not NULL: the number of this server session
 *
 * Return: the server fd, or -errno as open(2) of the control node and TANDEM_IOC_BIND give it.
 */
int tandem_bind(const char *name, const struct tandem_bind_options *options, uint32_t *generation);

/**
 * tandem_post() - post an event on the device that one serves
 * @fd: the server fd
 * @type: its type
 * @event_class: &enum tandem_class
 * @data: payload
 * @len: its bytes
 *
 * Return: 0, or -errno as TANDEM_IOC_POST gives it.
 */
int tandem_post(int fd, unsigned int type, unsigned int event_class, const void *data, size_t len);

/**
 * tandem_post_wait() - post an event, and wait for consumers that asked for that
 * @fd: the server fd
 * @type: its type
 * @event_class: &enum tandem_class
 * @data: payload
 * @len: its bytes
 * @timeout_ns: wait so long at most; TANDEM_FOREVER: as long as it takes
 *
 * Subscribers with TANDEM_OVERFLOW_BLOCK are waited for until they have room, others are not.
 *
 * Return: 0, or -errno as TANDEM_IOC_POST gives it: after -ETIMEDOUT and -EINTR the event was
 * posted all the same, but a subscriber that was waited for has lost it.
 */
int tandem_post_wait(int fd, unsigned int type, unsigned int event_class, const void *data,
		     size_t len, uint64_t timeout_ns);

/**
 * tandem_remove() - remove a device that a server made
 * @name: the device
 *
 * Return: 0, or -errno as open(2) of the control node and TANDEM_IOC_REMOVE give it.
 */
int tandem_remove(const char *name);

/* ---- Serving: what clients ask is answered by functions of the program ---- */

struct tandem_server;

/* What a function of a server returns if the answer comes later, by tandem_reply(). */
#define TANDEM_LATER	INT64_MIN

/**
 * struct tandem_request - an operation of a client, to be answered
 * @server: who it was sent to
 * @arg: as in &struct tandem_server_options
 * @data: the file's. What open() leaves here when it accepts the file, all its requests find here
 * @context: for whoever answers later; the library does not look at it
 * @id: names the request among those of its queue
 * @file: names the open file; 0: the kernel half asks
 * @offset: READ, WRITE, LSEEK: where; IOCTL without data: the argument's value
 * @in: input, @in_len bytes
 * @out: where the output goes, @out_len bytes at most. It is the same memory as @in, so that an
 *	answer can be made in place: what is read from @in after writing to @out is what was written
 * @in_len: bytes of input
 * @out_len: bytes of output that the client has room for
 * @op: &enum tandem_op
 * @flags: &enum tandem_submission_flags
 * @code: IOCTL, CONTROL, CALL: what to do; OPEN: the flags of open(2); LSEEK: whence; FSYNC: 1 for
 *	fdatasync(2)
 * @queue: the queue that it came in
 * @pid: the process that opened the file, 0 if it cannot be seen
 * @uid: its effective user
 * @gid: its effective group
 * @len: IOCTL, CONTROL, CALL: answer: bytes of output. It begins as TANDEM_LEN_DEFAULT: all of
 *	@out_len if an IOCTL does not fail, else none
 * @answer_flags: answer: &enum tandem_completion_flags
 * @ready: answer: with TANDEM_COMPLETION_READY: what poll(2) finds from now on, mask of EPOLLIN and
 *	others
 * @position: answer: with TANDEM_COMPLETION_POSITION: the file's position from now on
 *
 * A request is its function's until that returns, or with TANDEM_LATER until tandem_reply().
 */
struct tandem_request {
	struct tandem_server *server;
	void *arg;
	void *data;
	void *context;
	uint64_t id;
	uint64_t file;
	uint64_t offset;
	const void *in;
	void *out;
	size_t in_len;
	size_t out_len;
	uint32_t op;
	uint32_t flags;
	uint32_t code;
	uint32_t queue;
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
	uint16_t answer_flags;
	uint16_t ready;
	size_t len;
	uint64_t position;
};

#define TANDEM_LEN_DEFAULT	SIZE_MAX

/**
 * typedef tandem_handler - what is called for a request
 * @request: the request
 *
 * It may call everything but tandem_server_dispatch(), tandem_server_run() and
 * tandem_server_destroy() for the same server.
 *
 * Return: the answer, 0 or more or -errno; TANDEM_LATER: tandem_reply() gives it, from any thread.
 */
typedef int64_t (*tandem_handler)(struct tandem_request *request);

/**
 * struct tandem_server_ops - the functions of a server; NULL: it does not have the operation
 * @open: a file is opened: 0, or -errno to refuse that
 * @release: the last user of a file is gone, and all its requests have been answered; it may be
 *	called where the last of them was, in tandem_reply(). Nobody waits for what it returns
 * @read: how many bytes were put into out; 0: the end
 * @write: how many bytes of in were taken
 * @ioctl: commands without a function of their own. With it all commands are sent, those unknown
 *	to &tandem_server_options.commands with the sizes that their numbers carry
 * @control: control codes without a function of their own, likewise
 * @lseek: the position from the file's beginning; asked for other than SEEK_SET and SEEK_CUR
 * @fsync: 0 once what was written lasts
 * @call: codes of the kernel half without a function of their own
 * @cancel: whose answer comes later: the client does not want it any more, or wants it at once. It
 *	is to be answered all the same; -EINTR says that nothing was done. It may have been answered
 *	by another thread in the meantime: what @cancel may look at without a lock is the address
 */
struct tandem_server_ops {
	tandem_handler open;
	tandem_handler release;
	tandem_handler read;
	tandem_handler write;
	tandem_handler ioctl;
	tandem_handler control;
	tandem_handler lseek;
	tandem_handler fsync;
	tandem_handler call;
	void (*cancel)(struct tandem_request *request);
};

/**
 * struct tandem_server_command - a command and its function; see &struct tandem_command
 * @op: TANDEM_OP_IOCTL, TANDEM_OP_CONTROL or TANDEM_OP_CALL
 * @code: the command's number, or the code
 * @handler: its function
 * @method: &enum tandem_method
 * @access: mask of &enum tandem_access
 * @in_min: CONTROL: bytes of input at least
 * @in_len: IOCTL: bytes of input; CONTROL: at most
 * @out_len: IOCTL: bytes of output; CONTROL: at least. If both are 0, those of an IOCTL are as its
 *	number says
 * @deadline: in nanoseconds; 0: the server's
 *
 * The kernel checks what comes against them, so a function finds the sizes that it asked for.
 * What a kernel half calls is not checked: op, code and handler are all of it.
 */
struct tandem_server_command {
	uint32_t op;
	uint32_t code;
	tandem_handler handler;
	uint32_t method;
	uint32_t access;
	uint32_t in_min;
	uint32_t in_len;
	uint32_t out_len;
	uint64_t deadline;
};

/* An ioctl whose number, by _IOR() and the like, says how many bytes go in and come out. */
#define TANDEM_ON_IOCTL(number, access, function)					\
	{ TANDEM_OP_IOCTL, (number), (function), TANDEM_METHOD_BUFFERED, (access), 0, 0, 0, 0 }

/* A control code, by TANDEM_CTL_CODE() or any other. */
#define TANDEM_ON_CONTROL(code, access, in_min, in_max, out_min, function)		\
	{ TANDEM_OP_CONTROL, (code), (function), TANDEM_METHOD_BUFFERED, (access),	\
	  (in_min), (in_max), (out_min), 0 }

/* What a kernel half calls. */
#define TANDEM_ON_CALL(code, function)							\
	{ TANDEM_OP_CALL, (code), (function), TANDEM_METHOD_BUFFERED, TANDEM_ACCESS_ANY,	\
	  0, 0, 0, 0 }

/**
 * struct tandem_server_options - what to serve, and how; but for the functions zeros are good
 * @ops: the functions
 * @commands: those of commands; they are copied
 * @commands_count: how many
 * @flags: &enum tandem_bind_flags
 * @mode: of the node, if it is made
 * @uid: likewise
 * @gid: likewise
 * @events_mode: likewise
 * @queues: 0: one
 * @depth: requests in flight in each queue, a power of two; 0: 32
 * @slot_size: bytes that a request can have in one piece, a power of two; 0: 64 KiB
 * @deadline: for requests, in nanoseconds, or TANDEM_FOREVER; 0: what the module says
 * @spin_ns: how long to look for requests before sleeping; 0: not at all
 * @arg: for the functions
 */
struct tandem_server_options {
	const struct tandem_server_ops *ops;
	const struct tandem_server_command *commands;
	uint32_t commands_count;
	uint32_t flags;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t events_mode;
	uint32_t queues;
	uint32_t depth;
	uint32_t slot_size;
	uint64_t deadline;
	uint64_t spin_ns;
	void *arg;
};

/**
 * tandem_server_create() - become a device's server, which answers requests
 * @server: where it goes
 * @name: the device
 * @options: what it answers
 *
 * Which operations and commands there are follows from the functions; for all others the kernel
 * answers itself.
 *
 * Return: 0, or -errno as open(2) of the control node, TANDEM_IOC_BIND and mmap(2) give it; -EPROTO
 * if the kernel's queues are not those this library knows.
 */
int tandem_server_create(struct tandem_server **server, const char *name,
			 const struct tandem_server_options *options);

/**
 * tandem_server_adopt() - become the server process of a session that another process has made
 * @server: where it goes
 * @fd: its server fd, passed or inherited; the server's from now on, unless this fails
 * @options: the functions, as that process gave them; what the device and its queues are is known
 *	already, and not looked at
 *
 * The death of the process that had it before ends nothing any more.
 *
 * Return: 0, or -errno as TANDEM_IOC_ADOPT and mmap(2) give it; -EPROTO as above.
 */
int tandem_server_adopt(struct tandem_server **server, int fd,
			const struct tandem_server_options *options);

/**
 * tandem_server_destroy() - end the server session, if no other process has its fd
 * @server: NULL is allowed; no thread may be using it
 *
 * Requests that have not been answered fail. The device stays; see tandem_remove().
 */
void tandem_server_destroy(struct tandem_server *server);

/**
 * tandem_server_queues() - how many queues a server has
 * @server: the server
 */
unsigned int tandem_server_queues(const struct tandem_server *server);

/**
 * tandem_server_fd() - the fd of a queue
 * @server: the server
 * @queue: which
 *
 * For epoll and poll, which find it readable when there are requests; that of queue 0 is the server
 * fd, for tandem_post() and to be passed to another process. It stays the server's.
 *
 * Return: the fd; -EINVAL: there is no such queue.
 */
int tandem_server_fd(const struct tandem_server *server, unsigned int queue);

/**
 * tandem_server_dispatch() - answer the requests that are there
 * @server: the server
 * @queue: which queue; one thread at a time for each
 * @timeout_ms: wait so long at most for the first; 0: not at all, below 0: for ever
 *
 * Return: how many messages there were; -EINTR: a signal; -ESTALE: the session has ended; -EINVAL:
 * there is no such queue.
 */
int tandem_server_dispatch(struct tandem_server *server, unsigned int queue, int timeout_ms);

/**
 * tandem_server_run() - answer requests until the session ends
 * @server: the server
 * @queue: which queue; one thread at a time for each
 *
 * When clients sleep and there is nothing more to do, waking them and waiting is one system call;
 * while they do not sleep and spin_ns finds the next request, none is made.
 *
 * Return: 0: tandem_server_stop() was called; else as tandem_server_dispatch(), but for -EINTR.
 */
int tandem_server_run(struct tandem_server *server, unsigned int queue);

/**
 * tandem_server_stop() - end the server session, and with it each tandem_server_run()
 * @server: the server
 *
 * May be called from any thread, from the server's functions, and in a signal handler.
 *
 * Return: 0, or -errno as TANDEM_IOC_UNBIND gives it.
 */
int tandem_server_stop(struct tandem_server *server);

/**
 * tandem_server_ready() - say what poll(2) on a file finds
 * @server: the server
 * @file: the file; 0: all that are open
 * @events: from now on; mask of EPOLLIN, EPOLLOUT and others
 *
 * The kernel keeps it, and answers poll(2) itself. Until a server has said something, a file is
 * ready to be read and written. From any thread.
 *
 * Return: 0, or -errno as TANDEM_IOC_READY gives it: -ENOENT: there is no such file.
 */
int tandem_server_ready(struct tandem_server *server, uint64_t file, uint32_t events);

/**
 * tandem_reply() - answer a request whose function returned, or will return, TANDEM_LATER
 * @request: the request; it is gone afterwards
 * @result: 0 or more or -errno, as the function would have returned it
 *
 * From any thread, once for each request.
 *
 * Return: 0; -EALREADY: it was answered, as far as can be told; -ESTALE: the session has ended.
 */
int tandem_reply(struct tandem_request *request, int64_t result);

/**
 * tandem_progress() - say that a request is being worked on
 * @request: the request
 *
 * Its deadline begins anew. From any thread, before the answer.
 *
 * Return: 0, or -errno as TANDEM_IOC_PROGRESS gives it.
 */
int tandem_progress(struct tandem_request *request);

/**
 * tandem_strerror() - what an error of a Tandem call means, as a sentence without its full stop
 * @error: negative or positive errno
 *
 * Return: a constant string, for errnos without a meaning of their own that of strerror(3).
 */
const char *tandem_strerror(int error);

/* ---- Library ---- */

/**
 * tandem_version() - the library's version, "MAJOR.MINOR.PATCH"
 */
const char *tandem_version(void);

#pragma GCC diagnostic pop
#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* TANDEM_H */
