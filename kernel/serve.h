/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Serve: a queue's fd, by which a server takes requests and answers them.
 */
#ifndef _TANDEM_SERVE_H
#define _TANDEM_SERVE_H

#include <linux/fs.h>
#include <linux/poll.h>

struct tandem_queue;
struct tandem_reply_wait;

ssize_t tandem_serve_read(struct tandem_queue *q, struct kiocb *iocb, struct iov_iter *to);
ssize_t tandem_serve_write(struct tandem_queue *q, struct iov_iter *from);
__poll_t tandem_serve_poll(struct tandem_queue *q, struct file *filp,
			   struct poll_table_struct *wait);
int tandem_serve_mmap(struct tandem_queue *q, struct vm_area_struct *vma);
int tandem_serve_reply_wait(struct tandem_queue *q, const struct tandem_reply_wait *args);

#endif /* _TANDEM_SERVE_H */
