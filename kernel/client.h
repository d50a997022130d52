/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Client: an open file of a device, as the user half sees it.
 */
#ifndef _TANDEM_CLIENT_H
#define _TANDEM_CLIENT_H

#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/wait.h>

#include "tandem.h"

struct pid;
struct tandem_request;

/**
 * struct tandem_client - an open file
 * @file: what a kernel half knows of it
 * @opener: the process that opened it
 * @release: the message that ends it, made beforehand
 * @id: in &tandem_device.clients, and for servers
 * @tag: that it had last; a hint
 * @ready: what poll() finds; written by tandem_client_ready()
 * @wait: who polls it
 * @fasync: who wants SIGIO
 * @announcing: one OPEN at a time; protects what follows. Outside &tandem_device.lock
 * @generation: of the session that was told of it, 0: none yet
 * @pid: @opener as that session sees it
 * @uid: likewise, of the open
 * @gid: likewise
 */
struct tandem_client {
	struct tandem_file file;
	struct pid *opener;
	struct tandem_request *release;
	u32 id;
	unsigned int tag;
	__poll_t ready;
	wait_queue_head_t wait;
	struct fasync_struct *fasync;

	struct mutex announcing;	/* see above */
	u32 generation;
	u32 pid;
	u32 uid;
	u32 gid;
};

static inline struct tandem_client *tandem_client_of(struct file *filp)
{
	return container_of((struct tandem_file *)filp->private_data, struct tandem_client, file);
}

/* The tag that a request of the client is best given. */
static inline unsigned int tandem_client_tag(const struct tandem_client *client)
{
	return client ? READ_ONCE(client->tag) : UINT_MAX;
}

/* Says in a message whose it is, as its session sees it. */
static inline void tandem_client_sign(const struct tandem_client *client,
				      struct tandem_submission *message)
{
	message->file = client->id;
	message->pid = client->pid;
	message->uid = client->uid;
	message->gid = client->gid;
}

struct tandem_client *tandem_client_create(struct tandem_device *dev, struct file *filp);
int tandem_client_open(struct tandem_client *client);
void tandem_client_destroy(struct tandem_client *client);
int tandem_client_announce(struct tandem_client *client);
void tandem_client_ready(struct tandem_client *client, u32 events);
int tandem_client_set_ready(struct tandem_device *dev, const struct tandem_ready *args);

ssize_t tandem_client_read(struct tandem_client *client, struct kiocb *iocb, struct iov_iter *to);
ssize_t tandem_client_write(struct tandem_client *client, struct kiocb *iocb,
			    struct iov_iter *from);
loff_t tandem_client_llseek(struct tandem_client *client, loff_t offset, int whence);
int tandem_client_fsync(struct tandem_client *client, int datasync);
long tandem_client_ioctl(struct tandem_client *client, unsigned int cmd, unsigned long arg);
long tandem_client_control(struct tandem_client *client, struct tandem_device_control *args);
__poll_t tandem_client_poll(struct tandem_client *client, struct poll_table_struct *wait);

#endif /* _TANDEM_CLIENT_H */
