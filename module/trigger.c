// SPDX-License-Identifier: GPL-2.0
/*
 * Triggers: a threshold on a mount, tied to an eventfd.
 *
 * It is ended by the close of its eventfd, by its only signal where it asked for
 * once, by its mount's going or the module's: by whichever has claimed it first,
 * see E1 of eventfd.c.
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
	tw_eventfd_signal(&trigger->user, n);
}

static void tw_trigger_notify(struct tw_threshold *threshold, unsigned int crossings)
{
	struct tw_trigger *trigger = container_of(threshold, struct tw_trigger,
						  threshold);

	atomic64_add(crossings, &tw_trigger_crossings);
	tw_trigger_signal(trigger, crossings);
	if (threshold->spec.once)
		tw_eventfd_end(&trigger->user);
}

/* Takes the trigger off the list, if it is there. */
static void tw_trigger_unlist(struct tw_trigger *trigger)
{
	lockdep_assert_held(&trigger->mount->mutex);
	if (list_empty(&trigger->entry))
		return;
	list_del_init(&trigger->entry);
	trigger->mount->nr_triggers--;
}

/* It is off the list, and will not be notified any more. */
static void tw_trigger_free(struct tw_trigger *trigger)
{
	tw_eventfd_del(&trigger->user);
	tw_hook_put();
	tw_mount_put(trigger->mount);
	kfree(trigger);
	/* last: tw_trigger_flush() waits for it */
	atomic_dec(&tw_triggers);
}

/* The eventfd was closed, or the trigger asked for once. */
static void tw_trigger_end(struct tw_eventfd_user *user)
{
	struct tw_trigger *trigger = container_of(user, struct tw_trigger, user);
	struct tw_mount *mount = trigger->mount;

	mutex_lock(&mount->mutex);
	tw_trigger_unlist(trigger);
	mutex_unlock(&mount->mutex);
	tw_threshold_del(mount, &trigger->threshold);
	tw_trigger_free(trigger);
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
	trigger->user.end = tw_trigger_end;
	INIT_LIST_HEAD(&trigger->entry);
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

/* mount->mutex and @file, which is an eventfd's, are held. */
static int tw_trigger_register(struct tw_mount *mount, struct file *file,
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
	trigger = tw_trigger_make(mount, resource, spec);
	if (!trigger) {
		err = -ENOMEM;
		goto put_hook;
	}
	if (resource == TW_WARN_USED)
		trigger->threshold.spec.level = mount->warn_used;
	/*
	 * The file is held, so its close cannot come before all is done; a
	 * crossing can, and with it the end of a trigger that asks for once,
	 * which waits for the mutex.
	 */
	err = tw_eventfd_add(&trigger->user, file);
	if (err)
		goto free;
	first = !mount->cpu_states;
	err = tw_threshold_add(mount, &trigger->threshold);
	if (err)
		goto del_user;
	if (first)
		tw_hook_recheck_soon();
	list_add_tail(&trigger->entry, &mount->triggers);
	mount->nr_triggers++;
	return 0;

del_user:
	tw_eventfd_del(&trigger->user);
free:
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
	struct file *file;
	int err;

	file = eventfd_fget(event_fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	mutex_lock(&mount->mutex);
	err = tw_trigger_register(mount, file, resource, spec);
	mutex_unlock(&mount->mutex);
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
	bool claimed = false;

	for (;;) {
		mutex_lock(&mount->mutex);
		trigger = list_first_entry_or_null(&mount->triggers,
						   struct tw_trigger, entry);
		if (trigger) {
			tw_trigger_unlist(trigger);
			claimed = tw_eventfd_claim(&trigger->user);
		}
		mutex_unlock(&mount->mutex);
		if (!trigger)
			return;
		/* else it may be gone already */
		if (claimed) {
			tw_threshold_del(mount, &trigger->threshold);
			/* one that has notified of its only crossing needs no more */
			if (!(trigger->threshold.spec.once && trigger->threshold.fired))
				tw_trigger_signal(trigger, 1);
			tw_trigger_free(trigger);
		}
		cond_resched();
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
	/* one that is just being notified queues its end after that */
	while (atomic_read(&tw_triggers)) {
		flush_workqueue(tw_wq);
		schedule_timeout_uninterruptible(1);
	}
	/* works that end the last ones, and then those that free eventfds */
	flush_workqueue(tw_wq);
	flush_workqueue(tw_wq);
}
