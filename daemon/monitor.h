/* SPDX-License-Identifier: GPL-2.0 */
/* News of devices: the kernel says which ones come, also after the module was not even loaded. */
#ifndef DAEMON_MONITOR_H
#define DAEMON_MONITOR_H

#include <systemd/sd-event.h>

struct monitor;

/**
 * monitor_new() - hear of devices that appear
 * @monitor: where it goes
 * @event: the loop
 * @appeared: called with a device's name when it appears; with NULL: any may have appeared
 * @arg: for it
 *
 * Return: 0 or -errno.
 */
int monitor_new(struct monitor **monitor, sd_event *event,
		void (*appeared)(const char *device, void *arg), void *arg);

void monitor_free(struct monitor *monitor);

#endif /* DAEMON_MONITOR_H */
