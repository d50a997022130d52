/* SPDX-License-Identifier: GPL-2.0 */
/* What the service manager is told, if there is one. */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/*
 * notify_manager() - tell it lines of sd_notify(3)
 *
 * That function itself waits for a manager that does not listen, without end. This one waits a
 * second, says that it did so in vain, and does not wait again until the manager listens.
 */
void notify_manager(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* DAEMON_NOTIFY_H */
