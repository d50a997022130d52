/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TANDEM_COMPAT_HRTIMER_H
#define _TANDEM_COMPAT_HRTIMER_H

#include <linux/hrtimer.h>

/* It came before hrtimer_init() went. */
#ifndef TANDEM_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif /* _TANDEM_COMPAT_HRTIMER_H */
