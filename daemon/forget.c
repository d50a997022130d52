// SPDX-License-Identifier: GPL-2.0
/*
 * Removes what the daemon has left in the kernel: its durable subscriptions, which outlive it and
 * whatever configuration named them. So the kernel is asked what there is.
 */

#include <errno.h>
#include <linux/genetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/tandem.h>

#include "forget.h"
#include "genl.h"
#include "log.h"
#include "reader.h"

/**
 * struct forgotten - one of the subscriptions that are to go
 * @next: another
 * @device: name of its device
 * @name: its own
 */
struct forgotten {
	struct forgotten *next;
	char *device;
	char *name;
};

static int on_subscription(const struct nlmsghdr *header, void *arg)
{
	struct forgotten **found = arg;
	const char *device = NULL;
	const char *name = NULL;
	struct forgotten *one;
	struct nlattr *attr;
	bool ours = false;

	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case TANDEM_ATTR_NAME:
			device = mnl_attr_get_str(attr);
			break;
		case TANDEM_ATTR_SUBSCRIPTION_NAME:
			name = mnl_attr_get_str(attr);
			break;
		case TANDEM_ATTR_UID:
			ours = mnl_attr_get_u32(attr) == geteuid();
			break;
		}
	}
	if (!device || !name || !ours)
		return MNL_CB_OK;
	one = calloc(1, sizeof(*one));
	if (!one)
		return MNL_CB_ERROR;
	one->next = *found;
	*found = one;
	one->device = strdup(device);
	one->name = strdup(name);
	return one->device && one->name ? MNL_CB_OK : MNL_CB_ERROR;
}

static struct forgotten *free_first(struct forgotten *one)
{
	struct forgotten *next = one->next;

	free(one->device);
	free(one->name);
	free(one);
	return next;
}

static void free_all(void *arg)
{
	struct forgotten **found = arg;

	while (*found)
		*found = free_first(*found);
}

/* Return: 0 or -errno. */
static int find(struct forgotten **found)
{
	struct genl *genl = malloc(sizeof(*genl));
	int ret;

	if (!genl)
		return -ENOMEM;
	ret = genl_open(genl);
	if (!ret)
		ret = genl_find(genl);
	if (!ret)
		ret = genl_dump(genl, TANDEM_CMD_SUBSCRIPTION_GET, NULL, on_subscription, free_all,
				found);
	genl_close(genl);
	free(genl);
	return ret;
}

int forget_subscriptions(void)
{
	struct forgotten *found = NULL;
	int result = find(&found);

	/* Without the module there is nothing. */
	if (result == -ENOENT)
		result = 0;
	if (result)
		log_error("the kernel does not tell what subscriptions there are: %s",
			  strerror(-result));
	for (; found; found = free_first(found)) {
		int ret = reader_remove(found->device, found->name);

		/* It may have gone with its device meanwhile. */
		if (ret && ret != -ENOENT && ret != -ENODEV) {
			log_error("device %s: durable subscription %s cannot be removed: %s",
				  found->device, found->name, strerror(-ret));
			result = ret;
		}
	}
	return result;
}
