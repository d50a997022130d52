// SPDX-License-Identifier: GPL-2.0
/*
 * User: caps of subscriptions and bytes for each uid.
 */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "user.h"

static unsigned int user_max_subscriptions = 1024;
module_param(user_max_subscriptions, uint, 0644);
MODULE_PARM_DESC(user_max_subscriptions,
		 "Subscriptions of one user at a time; CAP_SYS_RESOURCE may exceed it (1024)");

static unsigned long user_max_bytes = 512UL << 20;
module_param(user_max_bytes, ulong, 0644);
MODULE_PARM_DESC(user_max_bytes,
		 "Bytes in the rings of one user; CAP_SYS_RESOURCE may exceed it (512 MiB)");

/**
 * struct tandem_user - the holdings of a uid
 * @node: in tandem_users
 * @uid: whose
 * @subscriptions: how many; the user is freed with the last
 * @bytes: of ring memory
 *
 * All is protected by tandem_users_lock, a leaf.
 */
struct tandem_user {
	struct hlist_node node;
	kuid_t uid;
	unsigned int subscriptions;
	u64 bytes;
};

static DEFINE_MUTEX(tandem_users_lock);
static DEFINE_HASHTABLE(tandem_users, 6);

static struct tandem_user *tandem_user_find(kuid_t uid)
{
	struct tandem_user *user;

	lockdep_assert_held(&tandem_users_lock);
	hash_for_each_possible(tandem_users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/**
 * tandem_user_get() - count one more subscription of the current user
 * @unlimited: the caps do not hold for it
 *
 * Return: the user, or ERR_PTR: -EDQUOT, -ENOMEM.
 */
struct tandem_user *tandem_user_get(bool unlimited)
{
	struct tandem_user *user, *new;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&tandem_users_lock);
	user = tandem_user_find(current_uid());
	if (!user) {
		user = new;
		new = NULL;
		user->uid = current_uid();
		hash_add(tandem_users, &user->node, __kuid_val(user->uid));
	}
	if (user->subscriptions >= READ_ONCE(user_max_subscriptions) && !unlimited) {
		if (!user->subscriptions) {
			hash_del(&user->node);
			new = user;
		}
		user = ERR_PTR(-EDQUOT);
	} else {
		user->subscriptions++;
	}
	mutex_unlock(&tandem_users_lock);
	kfree(new);
	return user;
}

/**
 * tandem_user_put() - a subscription is gone
 * @user: from tandem_user_get()
 */
void tandem_user_put(struct tandem_user *user)
{
	mutex_lock(&tandem_users_lock);
	if (--user->subscriptions) {
		user = NULL;
	} else {
		WARN_ON_ONCE(user->bytes);
		hash_del(&user->node);
	}
	mutex_unlock(&tandem_users_lock);
	kfree(user);
}

/**
 * tandem_user_charge() - the user is about to hold more bytes
 * @user: from tandem_user_get()
 * @bytes: how many
 * @unlimited: as for tandem_user_get()
 *
 * Return: 0 or -EDQUOT.
 */
int tandem_user_charge(struct tandem_user *user, u64 bytes, bool unlimited)
{
	int ret = 0;

	mutex_lock(&tandem_users_lock);
	if (user->bytes + bytes > READ_ONCE(user_max_bytes) && !unlimited)
		ret = -EDQUOT;
	else
		user->bytes += bytes;
	mutex_unlock(&tandem_users_lock);
	return ret;
}

/**
 * tandem_user_uncharge() - the user holds fewer bytes
 * @user: from tandem_user_get()
 * @bytes: how many
 */
void tandem_user_uncharge(struct tandem_user *user, u64 bytes)
{
	mutex_lock(&tandem_users_lock);
	user->bytes -= bytes;
	mutex_unlock(&tandem_users_lock);
}
