/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault: copies to and from user memory that wait for no page.
 */
#ifndef _TANDEM_FAULT_H
#define _TANDEM_FAULT_H

/* So often memory may go again between being brought in and being copied. */
#define TANDEM_FAULT_TRIES	100

#endif /* _TANDEM_FAULT_H */
