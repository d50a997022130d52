// SPDX-License-Identifier: GPL-2.0
/* DeviceIoControl's codes, and poll, which one of them sets. */
#include <linux/poll.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "gen.h"

#define GEN_POLL_EVENTS	(EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLRDNORM | \
			 EPOLLRDBAND | EPOLLWRNORM | EPOLLWRBAND | EPOLLMSG | EPOLLRDHUP)

/* What poll answers beside EPOLLOUT, for all files; written before @poll_queue is woken. */
static __poll_t poll_events;
static DECLARE_WAIT_QUEUE_HEAD(poll_queue);

static long control_echo(struct tandem_control *control)
{
	control->returned = min(control->in_len, control->out_len);
	memcpy(control->out, control->in, control->returned);
	return control->returned < control->in_len ? -EOVERFLOW : 0;
}

static long control_sum(struct tandem_control *control)
{
	const u8 *bytes = control->in;
	u64 sum = 0;
	u32 i;

	if (control->out_len < sizeof(sum))
		return -EINVAL;
	for (i = 0; i < control->in_len; i++)
		sum += bytes[i];
	memcpy(control->out, &sum, sizeof(sum));
	control->returned = sizeof(sum);
	return 0;
}

static long control_signal(struct tandem_control *control)
{
	u32 bits;

	if (control->in_len != sizeof(bits))
		return -EINVAL;
	memcpy(&bits, control->in, sizeof(bits));
	if (bits & ~(__force u32)GEN_POLL_EVENTS)
		return -EINVAL;
	WRITE_ONCE(poll_events, (__force __poll_t)bits);
	wake_up_interruptible_all(&poll_queue);
	return 0;
}

long gen_control(struct tandem_file *file, struct tandem_control *control)
{
	switch (control->code) {
	case TANDEM_GEN_CODE_ECHO:
		return control_echo(control);
	case TANDEM_GEN_CODE_SUM:
		return control_sum(control);
	case TANDEM_GEN_CODE_SIGNAL:
		return control_signal(control);
	default:
		return -ENOTTY;
	}
}

__poll_t gen_poll(struct tandem_file *file, struct poll_table_struct *wait)
{
	poll_wait(file->filp, &poll_queue, wait);
	return EPOLLOUT | EPOLLWRNORM | READ_ONCE(poll_events);
}
