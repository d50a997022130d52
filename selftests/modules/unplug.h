/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device "unplug", whose hardware can be pulled out: what a test may ask of it.
 */
#ifndef SELFTESTS_MODULES_UNPLUG_H
#define SELFTESTS_MODULES_UNPLUG_H

#define UNPLUG_BUS	"tandem-unplug"
#define UNPLUG_DRIVER	"unplug"
#define UNPLUG_DEVICE	"unplug0"
#define UNPLUG_SECTION	65536

/* Codes of its device control. */
enum unplug_code {
	/* Posts from now on, as fast as it can, until it is pulled out. */
	UNPLUG_FLOOD,
	/* Sleeps until it is pulled out. */
	UNPLUG_SLEEP,
	/* Gives back what it gets. */
	UNPLUG_ECHO,
};

#endif
