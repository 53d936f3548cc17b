// SPDX-License-Identifier: GPL-2.0
/*
 * Users: how many triggers each may have.
 *
 * A user is a uid of the initial user namespace. In a namespace that he has made he has other
 * uids, as many as /etc/subuid gives him: there he is who has made the outermost one.
 * Where that was root, who makes them for others, that namespace is the user. He can become
 * others even so, by a setuid program of a subordinate uid for one: the limit is worth
 * what each limit for a uid is worth, and all of them together have another, see
 * TW_TRIGGER_SHARE.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "trigger.h"
#include "user.h"

unsigned int tw_max_user_triggers = 128;

/**
 * struct tw_user - who is charged for triggers
 * @node: in the table, by @uid and @ns
 * @uid: see above
 * @ns: number of the user namespace, 0 for a uid alone
 * @unlimited: has CAP_SYS_RESOURCE: only the limit on all triggers counts
 * @refs: protected, like the table, by its mutex
 * @triggers: how many are charged
 */
struct tw_user {
	struct hlist_node node;
	kuid_t uid;
	unsigned int ns;
	bool unlimited;
	unsigned int refs;
	atomic_t triggers;
};

static DEFINE_HASHTABLE(tw_user_hash, 6);
static DEFINE_MUTEX(tw_user_mutex);

static u32 tw_user_key(const struct tw_user *user)
{
	return __kuid_val(user->uid) ^ user->ns;
}

static struct tw_user *tw_user_find(const struct tw_user *like)
{
	struct tw_user *user;

	lockdep_assert_held(&tw_user_mutex);
	hash_for_each_possible(tw_user_hash, user, node, tw_user_key(like)) {
		if (uid_eq(user->uid, like->uid) && user->ns == like->ns &&
		    user->unlimited == like->unlimited)
			return user;
	}
	return NULL;
}

static void tw_user_set(struct tw_user *user, const struct cred *cred)
{
	const struct user_namespace *ns = cred->user_ns;

	user->uid = cred->uid;
	if (ns == &init_user_ns)
		return;
	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	user->uid = ns->owner;
	if (uid_eq(ns->owner, GLOBAL_ROOT_UID))
		user->ns = ns->ns.inum;
}

/**
 * tw_user_get() - the user with some credentials
 * @cred: these
 * @unlimited: those with CAP_SYS_RESOURCE are a user of their own
 *
 * Context: process.
 * Return: a reference, or NULL without memory.
 */
struct tw_user *tw_user_get(const struct cred *cred, bool unlimited)
{
	struct tw_user *user, *new;

	/* not under the mutex: a memory cgroup may make it take long */
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
	if (!new)
		return NULL;
	tw_user_set(new, cred);
	new->unlimited = unlimited;
	mutex_lock(&tw_user_mutex);
	user = tw_user_find(new);
	if (!user) {
		user = new;
		new = NULL;
		hash_add(tw_user_hash, &user->node, tw_user_key(user));
	}
	user->refs++;
	mutex_unlock(&tw_user_mutex);
	kfree(new);
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
	unsigned int most = user->unlimited ? tw_max_triggers : READ_ONCE(tw_max_user_triggers);
	int triggers = atomic_read(&user->triggers);

	do {
		/* more than the limit, where that was lowered since */
		if ((unsigned int)triggers >= most)
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
