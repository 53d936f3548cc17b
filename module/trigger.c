// SPDX-License-Identifier: GPL-2.0
/*
 * Triggers: a threshold on a mount, tied to an eventfd.
 *
 * A trigger holds the eventfd's context but not its file, so the last close
 * is not delayed by it: eventfd_release() wakes the wait queue with EPOLLHUP,
 * and the entry there queues the work that ends the trigger, as in
 * drivers/vfio/virqfd.c. It may also be ended by its mount's going, by the
 * module's, or by its first signal; whoever takes it off mount->triggers,
 * under mount->mutex, ends it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "hook.h"
#include "trigger.h"

unsigned int tw_max_triggers = 65536;
unsigned int tw_max_mount_triggers = 16384;

static atomic_t tw_triggers = ATOMIC_INIT(0);
static atomic64_t tw_trigger_crossings;
static atomic64_t tw_trigger_signals;

static void tw_trigger_signal(struct tw_trigger *trigger, unsigned int n)
{
	atomic64_add(n, &tw_trigger_signals);
	tw_compat_eventfd_signal(trigger->eventfd, n);
}

/* Queues the end; at most once, since the work frees itself. */
static void tw_trigger_queue_end(struct tw_trigger *trigger)
{
	if (!test_and_set_bit(0, &trigger->ending))
		queue_work(tw_wq, &trigger->end);
}

static void tw_trigger_notify(struct tw_threshold *threshold, unsigned int crossings)
{
	struct tw_trigger *trigger = container_of(threshold, struct tw_trigger,
						  threshold);

	atomic64_add(crossings, &tw_trigger_crossings);
	tw_trigger_signal(trigger, crossings);
	if (threshold->spec.once)
		tw_trigger_queue_end(trigger);
}

/* Called with the eventfd's wait queue locked. */
static int tw_trigger_wake(wait_queue_entry_t *wait, unsigned int mode,
			   int sync, void *key)
{
	struct tw_trigger *trigger = container_of(wait, struct tw_trigger,
						  wait);

	if (key_to_poll(key) & EPOLLHUP)
		tw_trigger_queue_end(trigger);
	return 0;
}

static void tw_trigger_queue_proc(struct file *file, wait_queue_head_t *head,
				  poll_table *poll)
{
	struct tw_trigger *trigger = container_of(poll, struct tw_trigger,
						  poll);

	trigger->head = head;
	add_wait_queue(head, &trigger->wait);
}

/* Takes the trigger off the list; false if somebody else did. */
static bool tw_trigger_claim(struct tw_trigger *trigger)
{
	if (list_empty(&trigger->entry))
		return false;
	list_del_init(&trigger->entry);
	trigger->mount->nr_triggers--;
	return true;
}

/*
 * Nothing queues the trigger's end after this: neither the eventfd, since
 * remove_wait_queue() waits for a wake-up under way, nor a crossing. It leaves
 * the eventfd's counter alone, which eventfd_ctx_remove_wait_queue() would
 * clear.
 */
static void tw_trigger_unhook(struct tw_trigger *trigger)
{
	remove_wait_queue(trigger->head, &trigger->wait);
	tw_threshold_del(trigger->mount, &trigger->threshold);
}

static void tw_trigger_free(struct tw_trigger *trigger)
{
	eventfd_ctx_put(trigger->eventfd);
	atomic_dec(&tw_triggers);
	tw_hook_put();
	tw_mount_put(trigger->mount);
	kfree(trigger);
}

static void tw_trigger_end_fn(struct work_struct *work)
{
	struct tw_trigger *trigger = container_of(work, struct tw_trigger, end);
	struct tw_mount *mount = trigger->mount;
	bool claimed;

	mutex_lock(&mount->mutex);
	claimed = tw_trigger_claim(trigger);
	mutex_unlock(&mount->mutex);
	/* else tw_trigger_end_all() waits for this work and then frees it */
	if (claimed) {
		tw_trigger_unhook(trigger);
		tw_trigger_free(trigger);
	}
}

/* Takes a place among tw_max_triggers; false if there is none. */
static bool tw_trigger_reserve(void)
{
	if (atomic_add_unless(&tw_triggers, 1, tw_max_triggers))
		return true;
	pr_warn_once("not registering more than %u triggers: raise the parameter max_triggers\n",
		     tw_max_triggers);
	return false;
}

/*
 * Makes a trigger that is not registered yet. Who registers is charged, and
 * refused where his memory cgroup has no more: without __GFP_RETRY_MAYFAIL
 * somebody there would be killed.
 */
static struct tw_trigger *tw_trigger_make(struct tw_mount *mount,
					  struct eventfd_ctx *eventfd,
					  enum tw_resource resource,
					  const struct tw_spec *spec)
{
	struct tw_trigger *trigger = kzalloc(sizeof(*trigger),
					     GFP_KERNEL_ACCOUNT |
					     __GFP_RETRY_MAYFAIL);

	if (!trigger)
		return NULL;
	trigger->threshold.spec = *spec;
	trigger->threshold.notify = tw_trigger_notify;
	trigger->mount = tw_mount_get(mount);
	trigger->eventfd = eventfd;
	INIT_LIST_HEAD(&trigger->entry);
	init_waitqueue_func_entry(&trigger->wait, tw_trigger_wake);
	init_poll_funcptr(&trigger->poll, tw_trigger_queue_proc);
	INIT_WORK(&trigger->end, tw_trigger_end_fn);
	trigger->resource = resource;
	trigger->pid = task_tgid_nr(current);
	get_task_comm(trigger->comm, current);
	return trigger;
}

/* May one more trigger be registered on @mount? */
static int tw_trigger_allowed(struct tw_mount *mount)
{
	struct tw_usage usage;
	int err = tw_mount_usage(mount, &usage);

	lockdep_assert_held(&mount->mutex);
	if (err)
		return err;
	if (!usage.size)
		return -EOPNOTSUPP;
	if (mount->nr_triggers < tw_max_mount_triggers)
		return 0;
	pr_warn_once("not registering more than %u triggers on a mount: raise the parameter max_mount_triggers\n",
		     tw_max_mount_triggers);
	return -ENOSPC;
}

/* mount->mutex and @file, of which @eventfd is, are held. */
static int tw_trigger_register(struct tw_mount *mount, struct file *file,
			       struct eventfd_ctx *eventfd,
			       enum tw_resource resource,
			       const struct tw_spec *spec)
{
	struct tw_trigger *trigger;
	bool first;
	int err;

	err = tw_trigger_allowed(mount);
	if (err)
		return err;
	if (!tw_trigger_reserve())
		return -ENOSPC;
	err = tw_hook_get();
	if (err)
		goto unreserve;
	trigger = tw_trigger_make(mount, eventfd, resource, spec);
	if (!trigger) {
		err = -ENOMEM;
		goto put_hook;
	}
	if (resource == TW_WARN_USED)
		trigger->threshold.spec.level = mount->warn_used;
	/*
	 * The file is held, so EPOLLHUP cannot come before all is done; a
	 * crossing can, and with it the end of a trigger that asks for once,
	 * which waits for the mutex.
	 */
	vfs_poll(file, &trigger->poll);
	first = !mount->cpu_states;
	err = tw_threshold_add(mount, &trigger->threshold);
	if (err)
		goto free;
	if (first)
		tw_hook_recheck_soon();
	list_add_tail(&trigger->entry, &mount->triggers);
	mount->nr_triggers++;
	return 0;

free:
	remove_wait_queue(trigger->head, &trigger->wait);
	tw_mount_put(mount);
	kfree(trigger);
put_hook:
	tw_hook_put();
unreserve:
	atomic_dec(&tw_triggers);
	return err;
}

/**
 * tw_trigger_add() - register
 * @mount: where
 * @event_fd: number of an eventfd of the current process
 * @resource: through which file; TW_WARN_USED has the level set there
 * @spec: what is asked for
 *
 * Context: process.
 * Return: 0; -EBADF or -EINVAL for @event_fd, -EOPNOTSUPP, -ENOSPC, -ENODEV,
 * -EIO or -ENOMEM as in uapi/tmpfswarn.h. Nothing has changed if not 0.
 */
int tw_trigger_add(struct tw_mount *mount, unsigned int event_fd,
		   enum tw_resource resource, const struct tw_spec *spec)
{
	struct eventfd_ctx *eventfd;
	struct file *file;
	int err;

	file = eventfd_fget(event_fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(eventfd)) {
		err = PTR_ERR(eventfd);
		goto put_file;
	}
	mutex_lock(&mount->mutex);
	err = tw_trigger_register(mount, file, eventfd, resource, spec);
	mutex_unlock(&mount->mutex);
	if (err)
		eventfd_ctx_put(eventfd);
put_file:
	fput(file);
	return err;
}

/**
 * tw_trigger_set_warn_used() - set the level of warn_used_blocks
 * @mount: where
 * @level: the new level, may be none
 *
 * Moves those registered there; they signal at once if it is reached.
 *
 * Context: process.
 * Return: 0 or -EOPNOTSUPP, -ENODEV; nothing has changed if not 0.
 */
int tw_trigger_set_warn_used(struct tw_mount *mount, const struct tw_level *level)
{
	struct tw_trigger *trigger;
	struct tw_usage usage;
	int err;

	mutex_lock(&mount->mutex);
	err = tw_mount_usage(mount, &usage);
	if (!err && !usage.size && level->kind != TW_LEVEL_NONE)
		err = -EOPNOTSUPP;
	if (err)
		goto unlock;
	mount->warn_used = *level;
	list_for_each_entry(trigger, &mount->triggers, entry) {
		if (trigger->resource == TW_WARN_USED)
			tw_threshold_move(mount, &trigger->threshold, level);
	}
unlock:
	mutex_unlock(&mount->mutex);
	return err;
}

/**
 * tw_trigger_get_warn_used() - the level of warn_used_blocks
 * @mount: where
 *
 * Context: process.
 * Return: the level.
 */
struct tw_level tw_trigger_get_warn_used(struct tw_mount *mount)
{
	struct tw_level level;

	mutex_lock(&mount->mutex);
	level = mount->warn_used;
	mutex_unlock(&mount->mutex);
	return level;
}

/**
 * tw_trigger_end_all() - signal each trigger of a mount once more, and end it
 * @mount: gone, its directory removed
 *
 * Context: process.
 */
void tw_trigger_end_all(struct tw_mount *mount)
{
	struct tw_trigger *trigger;

	for (;;) {
		mutex_lock(&mount->mutex);
		trigger = list_first_entry_or_null(&mount->triggers,
						   struct tw_trigger, entry);
		if (trigger)
			tw_trigger_claim(trigger);
		mutex_unlock(&mount->mutex);
		if (!trigger)
			return;

		tw_trigger_unhook(trigger);
		/* it may have been queued before; it finds itself claimed */
		cancel_work_sync(&trigger->end);
		/* one that has notified of its only crossing needs no more */
		if (!(trigger->threshold.spec.once && trigger->threshold.fired))
			tw_trigger_signal(trigger, 1);
		tw_trigger_free(trigger);
	}
}

/**
 * tw_trigger_state() - a trigger as it is shown
 * @trigger: one on a mount's list, the mount's mutex held
 * @state: set
 */
void tw_trigger_state(struct tw_trigger *trigger,
		      struct tw_trigger_state *state)
{
	struct tw_threshold *threshold = &trigger->threshold;
	const struct tw_band *band = &threshold->band;
	unsigned long flags;

	raw_spin_lock_irqsave(&trigger->mount->lock, flags);
	state->spec = threshold->spec;
	state->blocks = TW_NEVER;
	if (threshold->off)
		state->state = "off";
	else
		state->state = threshold->above ? "above" : "below";
	if (!threshold->off)
		state->blocks = threshold->spec.direction == TW_FALLING ?
				band->fall : band->rise;
	state->fired = threshold->fired;
	raw_spin_unlock_irqrestore(&trigger->mount->lock, flags);
}

/**
 * tw_trigger_counts() - statistics over all triggers
 * @counts: set
 */
void tw_trigger_counts(struct tw_trigger_counts *counts)
{
	counts->triggers = atomic_read(&tw_triggers);
	counts->crossings = atomic64_read(&tw_trigger_crossings);
	counts->signals = atomic64_read(&tw_trigger_signals);
}

/**
 * tw_trigger_flush() - wait for the ends of triggers that are under way
 */
void tw_trigger_flush(void)
{
	flush_workqueue(tw_wq);
}
