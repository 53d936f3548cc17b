// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds: one object for each, however many triggers signal it.
 *
 * The object holds the eventfd's context but not its file, so the last close is not
 * delayed by it: eventfd_release() wakes the wait queue with EPOLLHUP, and the
 * entry there queues the work that ends all users, as in drivers/vfio/virqfd.c.
 * There is one entry and one work for all of them: each signal walks the wait
 * queue, so with an entry for each user N of them would cost N * N.
 *
 * E1. A user is ended by one alone, whoever sets its bit @claimed first: the work
 * after the close; tw_eventfd_end(), which leaves the rest to the work; or somebody
 * else who calls tw_eventfd_claim(), such as an umount.
 *
 * E2. The work alone frees the object, when it has no user any more. Whoever takes
 * the last one away queues the work, under the mutex under which the work looks.
 *
 * E3. An object that can be found by its context holds a reference to that, so the
 * address is not used again; and who looks for it holds the file, so that EPOLLHUP
 * has not come. An object whose eventfd was closed is not found by anybody.
 */
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "eventfd.h"
#include "mount.h"

/**
 * struct tw_eventfd - an eventfd with users
 * @ctx: a reference
 * @hash: in the table, by @ctx
 * @users: and @nr_users, how many: not all of them are in the list, see
 *	tw_eventfd_claim_next()
 * @nr_users: see above; with @hash and @users protected by tw_eventfd_mutex
 * @ended: users that are to be ended although the eventfd is open
 * @closed: it is not
 * @head: the eventfd's wait queue, until the entry is taken off it
 * @wait: the entry there, through which the close is heard
 * @work: ends users, and frees this
 */
struct tw_eventfd {
	struct eventfd_ctx *ctx;
	struct hlist_node hash;
	struct list_head users;
	unsigned int nr_users;
	struct llist_head ended;
	bool closed;
	wait_queue_head_t *head;
	wait_queue_entry_t wait;
	struct work_struct work;
};

/* only for vfs_poll() */
struct tw_eventfd_poll {
	poll_table table;
	struct tw_eventfd *eventfd;
};

static DEFINE_HASHTABLE(tw_eventfd_hash, 10);
/* taken inside a mount's mutex; nothing is allocated or waited for under it */
static DEFINE_MUTEX(tw_eventfd_mutex);

/* Called with the eventfd's wait queue locked. */
static int tw_eventfd_wake(wait_queue_entry_t *wait, unsigned int mode,
			   int sync, void *key)
{
	struct tw_eventfd *eventfd = container_of(wait, struct tw_eventfd, wait);

	if (key_to_poll(key) & EPOLLHUP) {
		WRITE_ONCE(eventfd->closed, true);
		queue_work(tw_wq, &eventfd->work);
	}
	return 0;
}

static void tw_eventfd_queue_proc(struct file *file, wait_queue_head_t *head,
				  poll_table *table)
{
	struct tw_eventfd *eventfd = container_of(table, struct tw_eventfd_poll,
						  table)->eventfd;

	eventfd->head = head;
	add_wait_queue(head, &eventfd->wait);
}

/* ---- the work ---- */

/* A user that is to be ended by the caller; NULL if there is none. */
static struct tw_eventfd_user *tw_eventfd_claim_next(struct tw_eventfd *eventfd)
{
	struct tw_eventfd_user *user;

	mutex_lock(&tw_eventfd_mutex);
	do {
		user = list_first_entry_or_null(&eventfd->users,
						struct tw_eventfd_user, entry);
		if (user)
			list_del_init(&user->entry);
		/* whoever else has claimed it ends it */
	} while (user && !tw_eventfd_claim(user));
	mutex_unlock(&tw_eventfd_mutex);
	return user;
}

static void tw_eventfd_free_unused(struct tw_eventfd *eventfd)
{
	bool used;

	mutex_lock(&tw_eventfd_mutex);
	used = eventfd->nr_users;
	if (!used)
		hash_del(&eventfd->hash);
	mutex_unlock(&tw_eventfd_mutex);
	if (used)
		return;
	/*
	 * After this the close queues the work no more, since remove_wait_queue()
	 * waits for a wake-up under way; nobody else does without a user. It leaves
	 * the eventfd's counter alone, which eventfd_ctx_remove_wait_queue() would
	 * clear.
	 */
	if (eventfd->head)
		remove_wait_queue(eventfd->head, &eventfd->wait);
	eventfd->head = NULL;
	/* it has been queued since this began: it does the rest when it runs again */
	if (work_pending(&eventfd->work))
		return;
	eventfd_ctx_put(eventfd->ctx);
	kfree(eventfd);
}

static void tw_eventfd_work_fn(struct work_struct *work)
{
	struct tw_eventfd *eventfd = container_of(work, struct tw_eventfd, work);
	struct llist_node *ended = llist_del_all(&eventfd->ended);
	struct tw_eventfd_user *user, *next;

	llist_for_each_entry_safe(user, next, llist_reverse_order(ended), ended) {
		user->end(user);
		cond_resched();
	}
	while (READ_ONCE(eventfd->closed) && (user = tw_eventfd_claim_next(eventfd))) {
		user->end(user);
		cond_resched();
	}
	tw_eventfd_free_unused(eventfd);
}

/* ---- users ---- */

static struct tw_eventfd *tw_eventfd_find(const struct eventfd_ctx *ctx)
{
	struct tw_eventfd *eventfd;

	lockdep_assert_held(&tw_eventfd_mutex);
	hash_for_each_possible(tw_eventfd_hash, eventfd, hash, (unsigned long)ctx) {
		if (eventfd->ctx == ctx)
			return eventfd;
	}
	return NULL;
}

/* Adds @user to the object of @ctx; false if there is none. */
static bool tw_eventfd_join(struct tw_eventfd_user *user, const struct eventfd_ctx *ctx)
{
	lockdep_assert_held(&tw_eventfd_mutex);
	user->eventfd = tw_eventfd_find(ctx);
	if (!user->eventfd)
		return false;
	user->eventfd->nr_users++;
	list_add_tail(&user->entry, &user->eventfd->users);
	return true;
}

/*
 * Makes an object; the reference to @ctx is its own then. As for a trigger, who
 * registers is charged, and refused where his memory cgroup has no more.
 */
static struct tw_eventfd *tw_eventfd_make(struct eventfd_ctx *ctx)
{
	struct tw_eventfd *eventfd = kzalloc(sizeof(*eventfd), GFP_KERNEL_ACCOUNT |
					     __GFP_RETRY_MAYFAIL);

	if (!eventfd)
		return NULL;
	eventfd->ctx = ctx;
	INIT_LIST_HEAD(&eventfd->users);
	init_llist_head(&eventfd->ended);
	init_waitqueue_func_entry(&eventfd->wait, tw_eventfd_wake);
	INIT_WORK(&eventfd->work, tw_eventfd_work_fn);
	return eventfd;
}

/**
 * tw_eventfd_add() - add a user to an eventfd
 * @user: with @end set and all else zero
 * @file: of the eventfd, which the caller holds until the user may be ended
 *
 * Context: process.
 * Return: 0, -EINVAL where @file is no eventfd, -ENOMEM.
 */
int tw_eventfd_add(struct tw_eventfd_user *user, struct file *file)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fileget(file);
	struct tw_eventfd_poll poll;
	struct tw_eventfd *new;
	bool joined;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mutex_lock(&tw_eventfd_mutex);
	joined = tw_eventfd_join(user, ctx);
	mutex_unlock(&tw_eventfd_mutex);
	if (joined)
		goto put_ctx;

	/* not under the mutex: a memory cgroup may make it take long */
	new = tw_eventfd_make(ctx);
	if (!new) {
		eventfd_ctx_put(ctx);
		return -ENOMEM;
	}
	mutex_lock(&tw_eventfd_mutex);
	joined = tw_eventfd_join(user, ctx);
	if (!joined) {
		hash_add(tw_eventfd_hash, &new->hash, (unsigned long)ctx);
		tw_eventfd_join(user, ctx);
		poll.eventfd = new;
		init_poll_funcptr(&poll.table, tw_eventfd_queue_proc);
		vfs_poll(file, &poll.table);
	}
	mutex_unlock(&tw_eventfd_mutex);
	if (!joined)
		return 0;
	kfree(new);
put_ctx:
	eventfd_ctx_put(ctx);
	return 0;
}

/**
 * tw_eventfd_del() - undo tw_eventfd_add()
 * @user: one that the caller has claimed, or that nobody could have
 *
 * Context: process.
 */
void tw_eventfd_del(struct tw_eventfd_user *user)
{
	struct tw_eventfd *eventfd = user->eventfd;

	mutex_lock(&tw_eventfd_mutex);
	list_del(&user->entry);
	if (!--eventfd->nr_users)
		queue_work(tw_wq, &eventfd->work); /* E2 */
	mutex_unlock(&tw_eventfd_mutex);
}

/**
 * tw_eventfd_claim() - become the one that ends a user
 * @user: one that cannot be freed now
 *
 * Context: any.
 * Return: false if somebody else is.
 */
bool tw_eventfd_claim(struct tw_eventfd_user *user)
{
	return !test_and_set_bit(0, &user->claimed); /* E1 */
}

/**
 * tw_eventfd_end() - have a user ended in a work, unless it is being ended
 * @user: one that cannot be freed before this returns
 *
 * Context: any.
 */
void tw_eventfd_end(struct tw_eventfd_user *user)
{
	struct tw_eventfd *eventfd = user->eventfd;

	if (!tw_eventfd_claim(user))
		return;
	llist_add(&user->ended, &eventfd->ended);
	queue_work(tw_wq, &eventfd->work);
}

/**
 * tw_eventfd_signal() - add to the counter of a user's eventfd
 * @user: the user
 * @n: how much
 *
 * Context: any in which eventfds may be signalled.
 */
void tw_eventfd_signal(struct tw_eventfd_user *user, unsigned int n)
{
	tw_compat_eventfd_signal(user->eventfd->ctx, n);
}
