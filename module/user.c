// SPDX-License-Identifier: GPL-2.0
/*
 * Users: how many triggers each may have.
 *
 * A user is a uid of the initial user namespace. In a namespace that he has made he has other
 * uids, as many as /etc/subuid gives him: there he is who has made the outermost one.
 * Where that was root, who makes them for others, that namespace is the user.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "user.h"

unsigned int tw_max_user_triggers = 128;

/**
 * struct tw_user - who is charged for triggers
 * @node: in the table, by @uid and @ns
 * @uid: see above
 * @ns: number of the user namespace, 0 for a uid alone
 * @refs: protected, like the table, by its mutex
 * @triggers: how many are charged
 */
struct tw_user {
	struct hlist_node node;
	kuid_t uid;
	unsigned int ns;
	unsigned int refs;
	atomic_t triggers;
};

static DEFINE_HASHTABLE(tw_user_hash, 6);
static DEFINE_MUTEX(tw_user_mutex);

static struct tw_user *tw_user_find(kuid_t uid, unsigned int ns)
{
	struct tw_user *user;

	lockdep_assert_held(&tw_user_mutex);
	hash_for_each_possible(tw_user_hash, user, node, __kuid_val(uid) ^ ns) {
		if (uid_eq(user->uid, uid) && user->ns == ns)
			return user;
	}
	return NULL;
}

/**
 * tw_user_get() - the user with some credentials
 * @cred: these
 *
 * Context: process.
 * Return: a reference, or NULL without memory.
 */
struct tw_user *tw_user_get(const struct cred *cred)
{
	const struct user_namespace *ns = cred->user_ns;
	unsigned int inum = 0;
	kuid_t uid = cred->uid;
	struct tw_user *user;

	if (ns != &init_user_ns) {
		while (ns->parent != &init_user_ns)
			ns = ns->parent;
		uid = ns->owner;
		if (uid_eq(uid, GLOBAL_ROOT_UID))
			inum = ns->ns.inum;
	}
	mutex_lock(&tw_user_mutex);
	user = tw_user_find(uid, inum);
	if (!user) {
		user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
		if (user) {
			user->uid = uid;
			user->ns = inum;
			hash_add(tw_user_hash, &user->node, __kuid_val(uid) ^ inum);
		}
	}
	if (user)
		user->refs++;
	mutex_unlock(&tw_user_mutex);
	return user;
}

/**
 * tw_user_put() - give a reference back
 * @user: the user
 *
 * Context: process.
 */
void tw_user_put(struct tw_user *user)
{
	mutex_lock(&tw_user_mutex);
	if (!--user->refs) {
		hash_del(&user->node);
		kfree(user);
	}
	mutex_unlock(&tw_user_mutex);
}

/**
 * tw_user_charge() - charge a user for a trigger
 * @user: the user
 *
 * Context: any.
 * Return: false if he has as many as he may have.
 */
bool tw_user_charge(struct tw_user *user)
{
	int triggers = atomic_read(&user->triggers);

	do {
		/* more than the limit, where that was lowered since */
		if ((unsigned int)triggers >= READ_ONCE(tw_max_user_triggers))
			return false;
	} while (!atomic_try_cmpxchg(&user->triggers, &triggers, triggers + 1));
	return true;
}

/**
 * tw_user_uncharge() - undo tw_user_charge()
 * @user: the user
 *
 * Context: any.
 */
void tw_user_uncharge(struct tw_user *user)
{
	atomic_dec(&user->triggers);
}
