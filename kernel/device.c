// SPDX-License-Identifier: GPL-2.0
/*
 * Device: registry, node, lifetime.
 *
 * A device is in the registry from its making to its going, and lives on, gone, while a file, a
 * subscription or a server session refers to it.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "device.h"
#include "durable.h"
#include "file.h"
#include "netlink.h"
#include "server.h"
#include "subscription.h"
#include "trace.h"

#define TANDEM_MINORS	4096

static unsigned int max_devices = 1024;
module_param(max_devices, uint, 0644);
MODULE_PARM_DESC(max_devices, "Devices at a time, at most 4096 (1024)");

/*
 * The registry, by id. tandem_devices_lock protects the array and tandem_device_count, and makes
 * sure that a name is taken once. Outermost of all locks; device::lock nests in it.
 */
static DEFINE_XARRAY_ALLOC(tandem_devices);
static DEFINE_MUTEX(tandem_devices_lock);
static unsigned int tandem_device_count;

static dev_t tandem_devt;

static struct class tandem_class = {
	.name = "tandem",
};

static char *tandem_devnode(tandem_devnode_device *d, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct tandem_device *dev = container_of(d, struct tandem_device, dev);

	/* Who removes the node asks for its name alone. A mode of 0 would be taken for none. */
	if (mode)
		*mode = S_IFCHR | dev->mode;
	if (uid)
		*uid = dev->uid;
	if (gid)
		*gid = dev->gid;
	return kasprintf(GFP_KERNEL, "tandem/%s", dev_name(d));
}

static void tandem_device_release(struct device *d)
{
	struct tandem_device *dev = container_of(d, struct tandem_device, dev);

	cleanup_srcu_struct(&dev->srcu);
	xa_destroy(&dev->clients);
	free_percpu(dev->posted);
	kfree(dev);
}

static const struct device_type tandem_device_type = {
	.name = "tandem",
	.devnode = tandem_devnode,
	.release = tandem_device_release,
};

/**
 * tandem_name_check() - is this a device's name?
 * @name: NUL-terminated
 *
 * Return: 0, -EINVAL or -ENAMETOOLONG.
 */
int tandem_name_check(const char *name)
{
	const char *p;

	if (strlen(name) >= TANDEM_NAME_SIZE)
		return -ENAMETOOLONG;
	if (!isascii(*name) || !isalnum(*name))
		return -EINVAL;
	for (p = name; *p; p++)
		if (!isascii(*p) || (!isalnum(*p) && !strchr("._-", *p)))
			return -EINVAL;
	return !strcmp(name, "control") || !strcmp(name, "sync") ? -EINVAL : 0;
}

static struct tandem_device *tandem_device_lookup(const char *name)
{
	struct tandem_device *dev;
	unsigned long id;

	lockdep_assert_held(&tandem_devices_lock);
	xa_for_each(&tandem_devices, id, dev)
		if (!strcmp(tandem_device_name(dev), name))
			return dev;
	return NULL;
}

/**
 * tandem_device_find() - the device of a name
 * @name: its name
 *
 * Return: the device, referenced, or NULL.
 */
struct tandem_device *tandem_device_find(const char *name)
{
	struct tandem_device *dev;

	mutex_lock(&tandem_devices_lock);
	dev = tandem_device_lookup(name);
	if (dev)
		tandem_device_get(dev);
	mutex_unlock(&tandem_devices_lock);
	return dev;
}

/**
 * tandem_device_next() - walk all devices
 * @id: begin at this one; moved onto the one found
 *
 * Return: the device, referenced, or NULL at the end.
 */
struct tandem_device *tandem_device_next(u32 *id)
{
	unsigned long index = *id;
	struct tandem_device *dev;

	mutex_lock(&tandem_devices_lock);
	dev = xa_find(&tandem_devices, &index, U32_MAX, XA_PRESENT);
	if (dev)
		tandem_device_get(dev);
	mutex_unlock(&tandem_devices_lock);
	*id = index;
	return dev;
}

static struct tandem_device *tandem_device_alloc(const struct tandem_device_info *info)
{
	struct tandem_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->posted = alloc_percpu_gfp(u64, GFP_KERNEL_ACCOUNT);
	if (!dev->posted)
		goto err_posted;
	ret = init_srcu_struct(&dev->srcu);
	if (ret)
		goto err_srcu;

	/* From here on the last reference frees it. */
	device_initialize(&dev->dev);
	dev->dev.class = &tandem_class;
	dev->dev.type = &tandem_device_type;
	dev->dev.parent = info->parent;
	dev->ops = info->ops;
	dev->owner = info->ops ? info->ops->owner : NULL;
	if (dev->owner)
		strscpy(dev->module, module_name(dev->owner), sizeof(dev->module));
	dev->data = info->data;
	dev->mode = info->mode;
	dev->uid = info->uid;
	dev->gid = info->gid;
	dev->events_mode = info->events_mode;
	dev->may_block = info->may_block;
	dev->user_half = !info->ops || info->user_half;
	dev->clients_wait = info->clients_wait;
	init_waitqueue_head(&dev->changes);
	xa_init_flags(&dev->clients, XA_FLAGS_ALLOC1);
	mutex_init(&dev->lock);
	tandem_shelf_init(&dev->shelf);
	INIT_LIST_HEAD(&dev->subscriptions);
	cdev_init(&dev->cdev, &tandem_file_fops);
	dev->cdev.owner = THIS_MODULE;

	ret = dev_set_name(&dev->dev, "%s", info->name);
	if (ret) {
		tandem_device_put(dev);
		return ERR_PTR(ret);
	}
	return dev;

err_srcu:
	free_percpu(dev->posted);
err_posted:
	kfree(dev);
	return ERR_PTR(ret);
}

/* Makes a device. Return: it, with the registry's reference, or ERR_PTR. */
static struct tandem_device *tandem_device_create(const struct tandem_device_info *info)
{
	struct tandem_device *dev;
	int ret;

	lockdep_assert_held(&tandem_devices_lock);
	ret = tandem_name_check(info->name);
	if (ret)
		return ERR_PTR(ret);
	if (info->mode & ~0777 || info->events_mode & ~0444 || !uid_valid(info->uid) ||
	    !gid_valid(info->gid))
		return ERR_PTR(-EINVAL);
	if (tandem_device_lookup(info->name))
		return ERR_PTR(-EEXIST);
	if (tandem_device_count >= READ_ONCE(max_devices))
		return ERR_PTR(-ENOSPC);

	dev = tandem_device_alloc(info);
	if (IS_ERR(dev))
		return dev;
	ret = xa_alloc(&tandem_devices, &dev->id, NULL, XA_LIMIT(0, TANDEM_MINORS - 1), GFP_KERNEL);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_put;
	}
	dev->dev.devt = MKDEV(MAJOR(tandem_devt), dev->id);
	ret = cdev_device_add(&dev->cdev, &dev->dev);
	if (ret)
		goto err_id;
	xa_store(&tandem_devices, dev->id, dev, GFP_KERNEL);
	tandem_device_count++;
	trace_tandem_device_add(dev);
	tandem_netlink_device(TANDEM_CMD_DEVICE_ADDED, dev);
	return dev;

err_id:
	/* Somebody may have opened the number by a node that was there before. */
	WRITE_ONCE(dev->gone, true);
	synchronize_srcu(&dev->srcu);
	xa_erase(&tandem_devices, dev->id);
err_put:
	tandem_device_put(dev);
	return ERR_PTR(ret);
}

/* Takes a device out of the registry; tandem_device_fence() does the rest, without the lock. */
static void tandem_device_withdraw(struct tandem_device *dev)
{
	struct tandem_subscription *sub;

	lockdep_assert_held(&tandem_devices_lock);
	mutex_lock(&dev->lock);
	WRITE_ONCE(dev->gone, true);
	list_for_each_entry(sub, &dev->subscriptions, node)
		wake_up_all(&sub->room);
	tandem_server_withdraw(dev);
	mutex_unlock(&dev->lock);
	cdev_device_del(&dev->cdev, &dev->dev);
	xa_erase(&tandem_devices, dev->id);
	tandem_device_count--;
	trace_tandem_device_remove(dev);
	tandem_netlink_device(TANDEM_CMD_DEVICE_REMOVED, dev);
}

/* Waits until no operation runs, ends the subscriptions, and gives the registry's reference up. */
static void tandem_device_fence(struct tandem_device *dev)
{
	struct tandem_subscription *sub;

	/* Pairs with tandem_file_enter(): who saw @gone as false is waited for. */
	synchronize_srcu(&dev->srcu);
	wake_up_all(&dev->changes);
	tandem_shelf_clear(&dev->shelf);
	mutex_lock(&dev->lock);
	list_for_each_entry(sub, &dev->subscriptions, node)
		tandem_subscription_gone(sub);
	mutex_unlock(&dev->lock);
	tandem_durables_close(dev);
	tandem_device_put(dev);
}

struct tandem_device *tandem_device_register(const struct tandem_device_info *info)
{
	struct tandem_device *dev;

	if (WARN_ON(!info->ops))
		return ERR_PTR(-EINVAL);
	mutex_lock(&tandem_devices_lock);
	dev = tandem_device_create(info);
	mutex_unlock(&tandem_devices_lock);
	return dev;
}
EXPORT_SYMBOL_GPL(tandem_device_register);

void tandem_device_unregister(struct tandem_device *dev)
{
	if (IS_ERR_OR_NULL(dev))
		return;
	mutex_lock(&tandem_devices_lock);
	tandem_device_withdraw(dev);
	mutex_unlock(&tandem_devices_lock);
	tandem_device_fence(dev);
}
EXPORT_SYMBOL_GPL(tandem_device_unregister);

void *tandem_device_data(const struct tandem_device *dev)
{
	return dev->data;
}
EXPORT_SYMBOL_GPL(tandem_device_data);

/**
 * tandem_device_bind() - find or make the device of a server, and bind it
 * @info: the device; all but its name counts only if it is made
 * @flags: &enum tandem_bind_flags
 * @server: the server session
 *
 * Return: 0, or as TANDEM_IOC_BIND says.
 */
int tandem_device_bind(const struct tandem_device_info *info, u32 flags,
		       struct tandem_server *server)
{
	struct tandem_device *dev;
	int ret;

	ret = tandem_name_check(info->name);
	if (ret)
		return ret;

	mutex_lock(&tandem_devices_lock);
	dev = tandem_device_lookup(info->name);
	if (!dev)
		dev = flags & TANDEM_BIND_CREATE ? tandem_device_create(info) : ERR_PTR(-ENOENT);
	else if (flags & TANDEM_BIND_EXCLUSIVE)
		dev = ERR_PTR(-EEXIST);
	else if (!dev->user_half)
		dev = ERR_PTR(-EPERM);
	ret = IS_ERR(dev) ? PTR_ERR(dev) : tandem_server_attach(server, dev);
	mutex_unlock(&tandem_devices_lock);
	return ret;
}

/**
 * tandem_device_remove() - TANDEM_IOC_REMOVE
 * @name: the device
 * @server: the server session of the caller's fd, bound or not
 */
int tandem_device_remove(const char *name, struct tandem_server *server)
{
	struct tandem_device *dev;
	int ret;

	ret = tandem_name_check(name);
	if (ret)
		return ret;

	mutex_lock(&tandem_devices_lock);
	dev = tandem_device_lookup(name);
	if (!dev)
		ret = -ENOENT;
	else if (dev->ops)
		ret = -EPERM;
	else
		ret = tandem_server_may_remove(server, dev);
	if (!ret)
		tandem_device_withdraw(dev);
	mutex_unlock(&tandem_devices_lock);
	if (!ret)
		tandem_device_fence(dev);
	return ret;
}

/**
 * tandem_device_may_subscribe() - the events mode, for whoever opened a file
 * @dev: the device
 * @filp: a file of its node
 *
 * Owner and group are the node's as they are now: udev gives a node to its group after it was made.
 */
bool tandem_device_may_subscribe(struct tandem_device *dev, struct file *filp)
{
	const struct cred *old = override_creds(filp->f_cred);
	const struct inode *inode = file_inode(filp);
	umode_t mode = dev->events_mode;
	bool may;

	if (uid_eq(current_fsuid(), inode->i_uid))
		mode >>= 6;
	else if (in_group_p(inode->i_gid))
		mode >>= 3;
	may = mode & 4 || capable(CAP_DAC_OVERRIDE) || capable(CAP_DAC_READ_SEARCH);
	revert_creds(old);
	return may;
}

int tandem_devices_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&tandem_devt, 0, TANDEM_MINORS, "tandem");
	if (ret)
		return ret;
	ret = class_register(&tandem_class);
	if (ret)
		unregister_chrdev_region(tandem_devt, TANDEM_MINORS);
	return ret;
}

/* Kernel halves pin the module, so that only devices of servers that are gone are left. */
void tandem_devices_exit(void)
{
	struct tandem_device *dev;
	unsigned long id;

	xa_for_each(&tandem_devices, id, dev)
		tandem_device_unregister(dev);
	class_unregister(&tandem_class);
	unregister_chrdev_region(tandem_devt, TANDEM_MINORS);
	xa_destroy(&tandem_devices);
}
