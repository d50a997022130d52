/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The in-kernel API of Tandem, for kernel halves.
 *
 * A kernel half registers a device, answers the operations it wants to answer, and posts events.
 */
#ifndef _TANDEM_H
#define _TANDEM_H

#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/types.h>
#include <linux/uio.h>

#include <linux/tandem.h>

struct tandem_device;
struct tandem_listeners;
struct tandem_ring;
struct tandem_subscription;
struct tandem_section;

/* ---- Devices ---- */

/*
 * What an operation of a kernel half returns to have the user half answer. Beyond the errnos that
 * user space knows, and not among the kernel's own.
 */
#define TANDEM_TO_USER		(-4000)

/**
 * struct tandem_file - one open of a device's node
 * @dev: the device
 * @filp: the file; its credentials are those of the open
 * @private_data: the kernel half's
 */
struct tandem_file {
	struct tandem_device *dev;
	struct file *filp;
	void *private_data;
};

/**
 * struct tandem_control - a DeviceIoControl, buffered in kernel memory
 * @code: the operation
 * @in_len: bytes at @in
 * @in: input
 * @out: output, zeroed; the caller sees its first @returned bytes
 * @out_len: room at @out
 * @returned: how many bytes were written; copied out also when the operation fails
 */
struct tandem_control {
	u32 code;
	u32 in_len;
	const void *in;
	void *out;
	u32 out_len;
	u32 returned;
};

/**
 * struct tandem_device_ops - what a kernel half answers
 * @owner: THIS_MODULE; held while a file of the device is open
 * @open: a file was opened; an error refuses it. Optional
 * @release: the last user of the file is gone. Also called when the device was unregistered before
 * @read_iter: read; without it: -EINVAL
 * @write_iter: write; without it: -EINVAL
 * @llseek: lseek; without it the file is a stream, which has no position
 * @ioctl: any command without Tandem's own magic; 32 bit callers' @arg is a converted pointer;
 *	without it: -ENOTTY
 * @control: TANDEM_IOC_DEVICE_CONTROL; without it: -ENOTTY
 * @mmap: map, for example by tandem_section_mmap(); without it: -ENODEV
 * @poll: readiness; without it the file is always ready. Its wait queues live until @release of the
 *	last file, for who sleeps there may stay until then
 *
 * All are called in process context, may sleep, and must not wait for ever in an unkillable state:
 * tandem_device_unregister() waits for them. A half that waits for something in them must see to it
 * that they return before it unregisters its device. To touch user memory may mean to wait for
 * another process, which serves the page: @control, whose buffers are in kernel memory, need not.
 */
struct tandem_device_ops {
	struct module *owner;
	int (*open)(struct tandem_file *file);
	void (*release)(struct tandem_file *file);
	ssize_t (*read_iter)(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *to);
	ssize_t (*write_iter)(struct tandem_file *file, struct kiocb *iocb, struct iov_iter *from);
	loff_t (*llseek)(struct tandem_file *file, loff_t offset, int whence);
	long (*ioctl)(struct tandem_file *file, unsigned int cmd, unsigned long arg);
	long (*control)(struct tandem_file *file, struct tandem_control *control);
	int (*mmap)(struct tandem_file *file, struct vm_area_struct *vma);
	__poll_t (*poll)(struct tandem_file *file, struct poll_table_struct *wait);
};

/**
 * struct tandem_device_info - what tandem_device_register() needs to know
 * @name: see TANDEM_NAME_SIZE
 * @mode: permission bits of the node
 * @uid: its owner
 * @gid: its group
 * @events_mode: who may subscribe: read bits for the node's owner, group and others
 * @may_block: consumers may subscribe with TANDEM_OVERFLOW_BLOCK, and so hold tandem_post_wait() up
 * @user_half: a server may bind, and answers what operations pass on with TANDEM_TO_USER, and
 *	those that are not there
 * @clients_wait: as TANDEM_BIND_WAIT
 * @ops: operations; the struct must stay
 * @parent: parent in the device tree, or NULL
 * @data: the kernel half's, see tandem_device_data()
 */
struct tandem_device_info {
	const char *name;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	umode_t events_mode;
	bool may_block;
	bool user_half;
	bool clients_wait;
	const struct tandem_device_ops *ops;
	struct device *parent;
	void *data;
};

/**
 * tandem_device_register() - make a device, with its node /dev/tandem/NAME
 * @info: read during the call alone
 *
 * Context: process, may sleep.
 * Return: the device, or ERR_PTR: -EINVAL (name, modes), -EEXIST (name), -ENOSPC (too many
 * devices), -ENOMEM.
 */
struct tandem_device *tandem_device_register(const struct tandem_device_info *info);

/**
 * tandem_device_unregister() - take a device away
 * @dev: the device, or NULL or an ERR_PTR
 *
 * On return no operation runs or will run but release(); subscribers see the end of file once they
 * have drained their rings. The caller must have ended its own posting, and destroys its sections
 * afterwards; @dev is not valid any more.
 *
 * Context: process, may sleep; not from an operation of the device.
 */
void tandem_device_unregister(struct tandem_device *dev);

/**
 * tandem_device_data() - &tandem_device_info.data
 * @dev: the device
 */
void *tandem_device_data(const struct tandem_device *dev);

/**
 * tandem_call() - ask the user half, and wait for its answer
 * @dev: the device
 * @code: what is asked
 * @in: input
 * @in_len: bytes there
 * @out: where the output goes
 * @out_len: room there
 * @timeout: nanoseconds, TANDEM_FOREVER, or 0 for the module parameter request_deadline
 *
 * A signal asks the user half to be quick; a fatal one ends the wait.
 *
 * Context: process, may sleep, without locks that the user half may need.
 * Return: bytes of output; or -ENOTCONN (nobody serves the device, or calls), -EIO (the server
 * died, or there is none), -ETIMEDOUT, -EMSGSIZE (more than a slot has room for), -ENODEV, -EDEADLK
 * (the caller is the server), -EINTR, -ERESTARTSYS, or an errno of the user half.
 */
ssize_t tandem_call(struct tandem_device *dev, u32 code, const void *in, size_t in_len, void *out,
		    size_t out_len, u64 timeout);

/* ---- Events ---- */

/**
 * tandem_listening() - does anybody want events of this device?
 * @dev: the device
 *
 * One load: the first member of the device is the list of its subscriptions, NULL if there are
 * none.
 *
 * Context: any.
 */
static inline bool tandem_listening(const struct tandem_device *dev)
{
	return unlikely(READ_ONCE(*(const void *const *)dev));
}

/*
 * The first fields of a record as one word, made where type, class and length often are constants:
 * len in bits 0 to 31, type_flags in 32 to 47. What is too long stays too long.
 */
static __always_inline u64 tandem_header(unsigned int type, enum tandem_class event_class,
					 size_t len)
{
	return (sizeof(struct tandem_record) + min_t(size_t, len, TANDEM_RECORD_MAX)) |
	       (u64)(type & (TANDEM_TYPES - 1)) << 32 |
	       (u64)(event_class & (TANDEM_CLASSES - 1)) << 44;
}

void __tandem_post(struct tandem_device *dev, u64 header, const void *data);

/**
 * tandem_post() - post an event
 * @dev: the device
 * @type: below TANDEM_TYPES; further bits are ignored
 * @event_class: how dear it is
 * @data: payload
 * @len: bytes, at most TANDEM_PAYLOAD_MAX
 *
 * A subscription without room counts the event as lost; the poster is not told.
 *
 * Context: any in which RCU watches, NMI included.
 */
static __always_inline void tandem_post(struct tandem_device *dev, unsigned int type,
					enum tandem_class event_class, const void *data, size_t len)
{
	if (tandem_listening(dev))
		__tandem_post(dev, tandem_header(type, event_class, len), data);
}

int __tandem_post_wait(struct tandem_device *dev, u64 header, const void *data, u64 timeout);

/**
 * tandem_post_wait() - post an event, and wait for the room that some subscriptions lack
 * @dev: the device
 * @type: as for tandem_post()
 * @event_class: likewise
 * @data: likewise
 * @len: likewise
 * @timeout: nanoseconds, or TANDEM_FOREVER
 *
 * Those that subscribed with TANDEM_OVERFLOW_BLOCK are waited for, one after the other; all others
 * get the event at once. A kernel thread waits no longer than until it is told to stop or to park.
 *
 * Context: process, may sleep, without locks that a consumer may need.
 * Return: 0, or -ETIMEDOUT or -EINTR (a signal; stop; park): some that were waited for have lost
 * it.
 */
static __always_inline int tandem_post_wait(struct tandem_device *dev, unsigned int type,
					    enum tandem_class event_class, const void *data,
					    size_t len, u64 timeout)
{
	if (!tandem_listening(dev))
		return 0;
	return __tandem_post_wait(dev, tandem_header(type, event_class, len), data, timeout);
}

/**
 * struct tandem_reservation - an event that is being filled in place
 * @data: where the payload goes; NULL: nobody wants the event, or there is no room
 *
 * The rest is private.
 */
struct tandem_reservation {
	void *data;
	/* private: */
	struct tandem_device *dev;
	struct tandem_subscription **listener;
	struct tandem_ring *ring;
	u64 start;
	u64 header;
};

void __tandem_reserve(struct tandem_reservation *r, struct tandem_device *dev, u64 header);

/**
 * tandem_reserve() - room for an event, to be filled in place
 * @dev: the device
 * @type: as for tandem_post()
 * @event_class: likewise
 * @len: likewise
 *
 * If the result's data is not NULL, fill it and call tandem_commit() or tandem_discard(), on the
 * same CPU, in the reverse order of reservations: preemption is off in between.
 *
 * Context: any, NMI included.
 */
static __always_inline struct tandem_reservation
tandem_reserve(struct tandem_device *dev, unsigned int type, enum tandem_class event_class,
	       size_t len)
{
	struct tandem_reservation r;

	r.data = NULL;
	if (tandem_listening(dev))
		__tandem_reserve(&r, dev, tandem_header(type, event_class, len));
	return r;
}

/**
 * tandem_commit() - publish a reserved event, to all subscriptions that want it
 * @reservation: from tandem_reserve(), its data not NULL
 */
void tandem_commit(struct tandem_reservation *reservation);

/**
 * tandem_discard() - give a reserved event up
 * @reservation: from tandem_reserve(), its data not NULL
 *
 * It takes its room in one ring until the consumer has skipped it, and counts as neither posted nor
 * delivered. Subscriptions that had no room for it have counted it as lost.
 */
void tandem_discard(struct tandem_reservation *reservation);

/**
 * struct tandem_batch - several posts that are published, and wake their consumers, together
 *
 * All is private.
 */
struct tandem_batch {
	/* private: */
	struct tandem_listeners *listeners;
};

/**
 * tandem_batch_begin() - hold back what is posted on this CPU until tandem_batch_end()
 * @dev: the device
 * @batch: on the caller's stack
 *
 * Preemption is off in between: keep it short.
 *
 * Context: any, NMI included.
 */
void tandem_batch_begin(struct tandem_device *dev, struct tandem_batch *batch);

/**
 * tandem_batch_end() - publish what was posted since tandem_batch_begin()
 * @batch: from there
 */
void tandem_batch_end(struct tandem_batch *batch);

/* ---- Sections ---- */

/**
 * tandem_section_create() - kernel-owned shared memory
 * @name: for /proc/PID/maps
 * @size: bytes, rounded up to pages; at most 1 GiB
 *
 * The memory is allocated as it is touched, swappable, charged to who touches it.
 *
 * Context: process, may sleep.
 * Return: the section, or ERR_PTR: -EINVAL, -ENOMEM.
 */
struct tandem_section *tandem_section_create(const char *name, size_t size);

/**
 * tandem_section_destroy() - revoke and free a section
 * @section: the section, or NULL or an ERR_PTR
 *
 * Mappings of it stay but raise SIGBUS from now on.
 *
 * Context: process, may sleep.
 */
void tandem_section_destroy(struct tandem_section *section);

/**
 * tandem_section_mmap() - map a section, from &tandem_device_ops.mmap
 * @section: the section
 * @vma: as given there: its offset is the offset in the section
 *
 * Return: 0, or -EINVAL if the range is not within the section.
 */
int tandem_section_mmap(struct tandem_section *section, struct vm_area_struct *vma);

/**
 * tandem_section_read_iter() - copy from a section, for &tandem_device_ops.read_iter
 * @section: the section
 * @pos: where; moved on
 * @to: where to
 *
 * Return: bytes, 0 at the section's end, or -errno.
 */
ssize_t tandem_section_read_iter(struct tandem_section *section, loff_t *pos, struct iov_iter *to);

/**
 * tandem_section_write_iter() - copy into a section, for &tandem_device_ops.write_iter
 * @section: the section
 * @pos: where; moved on
 * @from: where from
 *
 * Return: bytes, or -ENOSPC at the section's end, or -errno.
 */
ssize_t tandem_section_write_iter(struct tandem_section *section, loff_t *pos,
				  struct iov_iter *from);

#endif /* _TANDEM_H */
