/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Serve: a queue's fd, by which a server takes requests and answers them.
 */
#ifndef _TANDEM_SERVE_H
#define _TANDEM_SERVE_H

#include <linux/fs.h>
#include <linux/poll.h>

struct tandem_queue;

ssize_t tandem_serve_read(struct tandem_queue *q, struct kiocb *iocb, struct iov_iter *to);
ssize_t tandem_serve_write(struct tandem_queue *q, struct iov_iter *from);
__poll_t tandem_serve_poll(struct tandem_queue *q, struct file *filp,
			   struct poll_table_struct *wait);
int tandem_serve_mmap(struct tandem_queue *q, struct vm_area_struct *vma);
long tandem_serve_ioctl(struct tandem_queue *q, unsigned int cmd, void __user *arg);
long tandem_serve_fd(struct file *control, struct tandem_queue *q);

#endif /* _TANDEM_SERVE_H */
