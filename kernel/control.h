/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Control: the node /dev/tandem/control.
 */
#ifndef _TANDEM_CONTROL_H
#define _TANDEM_CONTROL_H

int tandem_control_init(void);
void tandem_control_exit(void);

#endif /* _TANDEM_CONTROL_H */
