// SPDX-License-Identifier: GPL-2.0
/*
 * Tandem: device drivers in two halves.
 */
#include <linux/module.h>

#include "clock.h"
#include "control.h"
#include "device.h"
#include "netlink.h"
#include "subscription.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init tandem_init(void)
{
	int ret;

	ret = tandem_clock_init();
	if (ret)
		return ret;
	ret = tandem_subscriptions_init();
	if (ret)
		goto err_subscriptions;
	ret = tandem_devices_init();
	if (ret)
		goto err_devices;
	ret = tandem_netlink_init();
	if (ret)
		goto err_netlink;
	ret = tandem_control_init();
	if (ret)
		goto err_control;
	return 0;

err_control:
	tandem_netlink_exit();
err_netlink:
	tandem_devices_exit();
err_devices:
	tandem_subscriptions_exit();
err_subscriptions:
	tandem_clock_exit();
	return ret;
}

static void __exit tandem_exit(void)
{
	tandem_control_exit();
	tandem_devices_exit();
	tandem_netlink_exit();
	tandem_subscriptions_exit();
	tandem_clock_exit();
}

module_init(tandem_init);
module_exit(tandem_exit);

MODULE_DESCRIPTION("Device drivers in two halves, one in the kernel, one in user space");
MODULE_AUTHOR("The Tandem developers");
MODULE_LICENSE("GPL");
