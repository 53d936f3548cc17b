// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds: triggers that signal one, and one object for each, however many these are.
 *
 * The object holds the eventfd's context but not its file, so the last close is not
 * delayed by it: eventfd_release() wakes the wait queue with EPOLLHUP, and the
 * entry there queues the work that ends all triggers, as in drivers/vfio/virqfd.c.
 * There is one entry and one work for all of them: each signal walks the wait
 * queue, so with an entry for each trigger N of them would cost N * N.
 *
 * E1. The work alone frees the object, when it has no trigger any more. Whoever takes
 * the last one away queues the work, under the mutex under which the work looks.
 *
 * E2. An object that can be found by its context holds a reference to that, so the
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
#include "trigger.h"

/**
 * struct tw_eventfd - an eventfd with triggers
 * @ctx: a reference
 * @hash: in the table, by @ctx
 * @triggers: and @nr_triggers, how many: not all of them are in the list, see
 *	tw_eventfd_claim_next()
 * @nr_triggers: see above; with @hash and @triggers protected by tw_eventfd_mutex
 * @ended: triggers that are to be ended although the eventfd is open
 * @closed: it is not
 * @head: the eventfd's wait queue, until the entry is taken off it
 * @wait: the entry there, through which the close is heard
 * @work: ends triggers, and frees this
 */
struct tw_eventfd {
	struct eventfd_ctx *ctx;
	struct hlist_node hash;
	struct list_head triggers;
	unsigned int nr_triggers;
	struct llist_head ended;
	bool closed;
	wait_queue_head_t *head;
	wait_queue_entry_t wait;
	struct work_struct work;
};

/**
 * struct tw_eventfd_trigger - a trigger that signals an eventfd
 * @trigger: the trigger
 * @eventfd: which
 * @entry: in the list of the eventfd
 * @ended: in the list of those that are to be ended
 */
struct tw_eventfd_trigger {
	struct tw_trigger trigger;
	struct tw_eventfd *eventfd;
	struct list_head entry;
	struct llist_node ended;
};

/* only for vfs_poll() */
struct tw_eventfd_poll {
	poll_table table;
	struct tw_eventfd *eventfd;
};

static DEFINE_HASHTABLE(tw_eventfd_hash, 10);
/* nothing is allocated or waited for under it */
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

/* One that is to be ended by the caller; NULL if there is none. */
static struct tw_eventfd_trigger *tw_eventfd_claim_next(struct tw_eventfd *eventfd)
{
	struct tw_eventfd_trigger *next;

	mutex_lock(&tw_eventfd_mutex);
	do {
		next = list_first_entry_or_null(&eventfd->triggers,
						struct tw_eventfd_trigger, entry);
		if (next)
			list_del_init(&next->entry);
		/* whoever else has claimed it ends it */
	} while (next && !tw_trigger_claim(&next->trigger));
	mutex_unlock(&tw_eventfd_mutex);
	return next;
}

static void tw_eventfd_free_unused(struct tw_eventfd *eventfd)
{
	bool used;

	mutex_lock(&tw_eventfd_mutex);
	used = eventfd->nr_triggers;
	if (!used)
		hash_del(&eventfd->hash);
	mutex_unlock(&tw_eventfd_mutex);
	if (used)
		return;
	/*
	 * After this the close queues the work no more, since remove_wait_queue()
	 * waits for a wake-up under way; nobody else does without a trigger. It leaves
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
	struct tw_eventfd_trigger *one, *next;

	llist_for_each_entry_safe(one, next, llist_reverse_order(ended), ended) {
		tw_trigger_end(&one->trigger);
		cond_resched();
	}
	while (READ_ONCE(eventfd->closed) && (one = tw_eventfd_claim_next(eventfd))) {
		tw_trigger_end(&one->trigger);
		cond_resched();
	}
	tw_eventfd_free_unused(eventfd);
}

/* ---- its triggers ---- */

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

/* Adds @one to the object of @ctx; false if there is none. */
static bool tw_eventfd_join(struct tw_eventfd_trigger *one, const struct eventfd_ctx *ctx)
{
	lockdep_assert_held(&tw_eventfd_mutex);
	one->eventfd = tw_eventfd_find(ctx);
	if (!one->eventfd)
		return false;
	one->eventfd->nr_triggers++;
	list_add_tail(&one->entry, &one->eventfd->triggers);
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
	INIT_LIST_HEAD(&eventfd->triggers);
	init_llist_head(&eventfd->ended);
	init_waitqueue_func_entry(&eventfd->wait, tw_eventfd_wake);
	INIT_WORK(&eventfd->work, tw_eventfd_work_fn);
	return eventfd;
}

/* @file: of the eventfd, held until the trigger is registered. */
static int tw_eventfd_add(struct tw_eventfd_trigger *one, struct file *file)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fileget(file);
	struct tw_eventfd_poll poll;
	struct tw_eventfd *new;
	bool joined;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mutex_lock(&tw_eventfd_mutex);
	joined = tw_eventfd_join(one, ctx);
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
	joined = tw_eventfd_join(one, ctx);
	if (!joined) {
		hash_add(tw_eventfd_hash, &new->hash, (unsigned long)ctx);
		tw_eventfd_join(one, ctx);
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

static void tw_eventfd_del(struct tw_trigger *trigger)
{
	struct tw_eventfd_trigger *one = container_of(trigger, struct tw_eventfd_trigger,
						      trigger);
	struct tw_eventfd *eventfd = one->eventfd;

	mutex_lock(&tw_eventfd_mutex);
	list_del(&one->entry);
	if (!--eventfd->nr_triggers)
		queue_work(tw_wq, &eventfd->work); /* E1 */
	mutex_unlock(&tw_eventfd_mutex);
	kfree(one);
}

static void tw_eventfd_end(struct tw_trigger *trigger)
{
	struct tw_eventfd_trigger *one = container_of(trigger, struct tw_eventfd_trigger,
						      trigger);
	struct tw_eventfd *eventfd = one->eventfd;

	llist_add(&one->ended, &eventfd->ended);
	queue_work(tw_wq, &eventfd->work);
}

static void tw_eventfd_crossed(struct tw_trigger *trigger, unsigned int crossings,
			       const struct tw_crossing *last)
{
	struct tw_eventfd_trigger *one = container_of(trigger, struct tw_eventfd_trigger,
						      trigger);

	tw_compat_eventfd_signal(one->eventfd->ctx, crossings);
}

static void tw_eventfd_gone(struct tw_trigger *trigger)
{
	tw_eventfd_crossed(trigger, 1, NULL);
}

static const struct tw_trigger_ops tw_eventfd_ops = {
	.name = "eventfd",
	.crossed = tw_eventfd_crossed,
	.gone = tw_eventfd_gone,
	.end = tw_eventfd_end,
	.del = tw_eventfd_del,
};

/* @file: of the eventfd, held: its close, which ends triggers, cannot come before all is done. */
static int tw_eventfd_register_file(struct tw_mount *mount, struct file *file,
				    enum tw_resource resource, const struct tw_spec *spec)
{
	/*
	 * Who registers is charged, and refused where his memory cgroup has no more:
	 * without __GFP_RETRY_MAYFAIL somebody there would be killed.
	 */
	struct tw_eventfd_trigger *one = kzalloc(sizeof(*one), GFP_KERNEL_ACCOUNT |
						 __GFP_RETRY_MAYFAIL);
	int err;

	if (!one)
		return -ENOMEM;
	one->trigger.ops = &tw_eventfd_ops;
	one->trigger.resource = resource;
	one->trigger.threshold.spec = *spec;
	err = tw_eventfd_add(one, file);
	if (err) {
		kfree(one);
		return err;
	}
	err = tw_trigger_register(&one->trigger, mount);
	if (err)
		tw_eventfd_del(&one->trigger);
	return err;
}

/**
 * tw_eventfd_register() - register a trigger that signals an eventfd
 * @mount: where
 * @event_fd: number of an eventfd of the current process
 * @resource: through which file
 * @spec: what is asked for
 *
 * Context: process.
 * Return: 0; -EBADF or -EINVAL for @event_fd, or as tw_trigger_register(). Nothing has
 * changed if not 0.
 */
int tw_eventfd_register(struct tw_mount *mount, unsigned int event_fd,
			enum tw_resource resource, const struct tw_spec *spec)
{
	struct file *file = eventfd_fget(event_fd);
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = tw_eventfd_register_file(mount, file, resource, spec);
	fput(file);
	return err;
}
