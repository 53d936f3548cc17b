// SPDX-License-Identifier: GPL-2.0
/*
 * Triggers: a threshold on a mount, and whom to tell.
 *
 * T1. A trigger is ended by one alone, whoever sets its bit @claimed first: after the
 * last close of whom it tells, after its only signal where it asked for once, when its mount
 * goes or the module. Who has not claimed it may find it freed as soon as it has let go of
 * the lock under which it was found.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/sched.h>

#include "check.h"
#include "gauge.h"
#include "hook.h"
#include "resync.h"
#include "trigger.h"
#include "watch.h"

unsigned int tw_max_triggers = 65536;
unsigned int tw_max_mount_triggers = 16384;
unsigned int tw_pressure_percent[TW_PRESSURES] = { 60, 80, 95 };

/*
 * Ordinary users may together have one part in so many of the triggers of a mount, and half of all.
 * No limit for each of them is one for all: who may take many uids, or make many user namespaces
 * through a setuid program, is many of them. So what is left is for root, and a
 * write(2) that crosses all that they may have on a mount is bounded.
 */
#define TW_TRIGGER_SHARE	8

/*
 * And so many of a mount may be for refusals, and so many of one user: each call that is
 * refused pays for all of them, however often somebody asks for what there is not, while a level
 * is crossed once. All but the first of a user's are from the first half, so that few users
 * do not take them from all others.
 */
#define TW_TRIGGER_COUNTING	32
#define TW_TRIGGER_COUNTING_OWN	8

static atomic_t tw_triggers = ATOMIC_INIT(0);
static atomic_t tw_limited_triggers = ATOMIC_INIT(0);
static atomic64_t tw_trigger_crossings;
static atomic64_t tw_trigger_signals;

/* all of them, in the order of registration; the mutex is taken inside a mount's */
static LIST_HEAD(tw_trigger_all);
static DEFINE_MUTEX(tw_trigger_list_mutex);

/* ---- the end ---- */

/**
 * tw_trigger_claim() - become the one that ends a trigger
 * @trigger: one that cannot be freed now
 *
 * Context: any.
 * Return: false if somebody else is.
 */
bool tw_trigger_claim(struct tw_trigger *trigger)
{
	return !test_and_set_bit(0, &trigger->claimed); /* T1 */
}

static void tw_trigger_notify(struct tw_threshold *threshold, unsigned int crossings,
			      const struct tw_crossing *last)
{
	struct tw_trigger *trigger = container_of(threshold, struct tw_trigger,
						  threshold);

	atomic64_add(crossings, &tw_trigger_crossings);
	atomic64_add(crossings, &tw_trigger_signals);
	trigger->ops->crossed(trigger, crossings, last);
	if (threshold->spec.once && tw_trigger_claim(trigger))
		trigger->ops->end(trigger);
}

static bool tw_trigger_is_limited_counting(const struct tw_trigger *trigger)
{
	return trigger->limited && trigger->threshold.gauge->ops->counts;
}

/* Takes the trigger off the lists, if it is there. */
static void tw_trigger_unlist(struct tw_trigger *trigger)
{
	lockdep_assert_held(&trigger->mount->mutex);
	if (list_empty(&trigger->entry))
		return;
	list_del_init(&trigger->entry);
	trigger->mount->nr_triggers--;
	trigger->mount->nr_limited -= trigger->limited;
	list_del_init(&trigger->counting);
	/* unless tw_trigger_unlist_all() has done that */
	if (list_empty(&trigger->all))
		return;
	mutex_lock(&tw_trigger_list_mutex);
	list_del_init(&trigger->all);
	mutex_unlock(&tw_trigger_list_mutex);
}

/* It is off the lists, and will not be notified any more. */
static void tw_trigger_del(struct tw_trigger *trigger)
{
	tw_hook_put(trigger->threshold.gauge->ops->kind);
	tw_mount_put(trigger->mount);
	put_pid(trigger->pid);
	if (trigger->limited)
		atomic_dec(&tw_limited_triggers);
	trigger->ops->del(trigger);
	/* last: tw_trigger_flush() waits for it */
	atomic_dec(&tw_triggers);
}

/**
 * tw_trigger_end() - end a trigger
 * @trigger: one that the caller has claimed; it may be freed on return
 *
 * Context: process.
 */
void tw_trigger_end(struct tw_trigger *trigger)
{
	struct tw_mount *mount = trigger->mount;

	mutex_lock(&mount->mutex);
	tw_trigger_unlist(trigger);
	mutex_unlock(&mount->mutex);
	tw_watch_end(&trigger->threshold);
	tw_trigger_del(trigger);
}

/* ---- the beginning ---- */

static bool tw_trigger_reserve_limited(void)
{
	return atomic_add_unless(&tw_limited_triggers, 1, DIV_ROUND_UP(tw_max_triggers, 2));
}

/* Takes a place among tw_max_triggers; false if there is none. */
static bool tw_trigger_reserve(bool limited)
{
	if (!limited || tw_trigger_reserve_limited()) {
		if (atomic_add_unless(&tw_triggers, 1, tw_max_triggers))
			return true;
		if (limited)
			atomic_dec(&tw_limited_triggers);
	}
	pr_warn_once("not registering more than %u triggers, half of them ordinary users': raise the parameter max_triggers\n",
		     tw_max_triggers);
	return false;
}

static void tw_trigger_unreserve(bool limited)
{
	if (limited)
		atomic_dec(&tw_limited_triggers);
	atomic_dec(&tw_triggers);
}

/* If @trigger is an ordinary user's for refusals: may there be one more? */
static bool tw_trigger_may_count(const struct tw_trigger *trigger, struct tw_mount *mount)
{
	const struct tw_trigger *other;
	unsigned int all = 0, own = 0;

	lockdep_assert_held(&mount->mutex);
	if (!tw_trigger_is_limited_counting(trigger))
		return true;
	/* not all of the mount's, with which others would have him hold the mutex for long */
	list_for_each_entry(other, &mount->limited_counting, counting) {
		all++;
		own += other->user == trigger->user;
	}
	if (!own)
		return all < TW_TRIGGER_COUNTING;
	return all < TW_TRIGGER_COUNTING / 2 && own < TW_TRIGGER_COUNTING_OWN;
}

/* May @trigger be registered on @mount? */
static int tw_trigger_allowed(const struct tw_trigger *trigger, struct tw_mount *mount)
{
	unsigned int share = DIV_ROUND_UP(tw_max_mount_triggers, TW_TRIGGER_SHARE);
	bool limited = trigger->limited;

	lockdep_assert_held(&mount->mutex);
	if (!tw_mount_is_there(mount))
		return -ENODEV;
	if (trigger->resource == TW_MAX_USAGE && mount->peak)
		return -EEXIST;
	if (!tw_trigger_may_count(trigger, mount)) {
		pr_warn_once("not registering more than %u triggers for refusals on a mount that are ordinary users', %u of each\n",
			     TW_TRIGGER_COUNTING, TW_TRIGGER_COUNTING_OWN);
		return -ENOSPC;
	}
	if (mount->nr_triggers < tw_max_mount_triggers &&
	    (!limited || mount->nr_limited < share))
		return 0;
	pr_warn_once("not registering more than %u triggers on a mount, %u of them ordinary users': raise the parameter max_mount_triggers\n",
		     tw_max_mount_triggers, share);
	return -ENOSPC;
}

/* As tw_trigger_register(), with mount->mutex held. */
static int tw_trigger_add(struct tw_trigger *trigger, struct tw_mount *mount)
{
	struct tw_gauge *gauge = trigger->threshold.gauge;
	int err;

	err = tw_trigger_allowed(trigger, mount);
	if (err)
		return err;
	if (!tw_trigger_reserve(trigger->limited))
		return -ENOSPC;
	err = tw_hook_get(gauge->ops->kind);
	if (err)
		goto unreserve;

	trigger->threshold.notify = tw_trigger_notify;
	if (trigger->resource == TW_WARN_USED)
		trigger->threshold.spec.level = mount->warn_used;
	trigger->mount = tw_mount_get(mount);
	trigger->uid = current_uid();
	trigger->pid = get_pid(task_tgid(current));
	get_task_comm(trigger->comm, current);
	/*
	 * From here on a crossing may come, and with it the end of a trigger that asks for
	 * once, which waits for the mutex.
	 */
	INIT_LIST_HEAD(&trigger->entry);
	INIT_LIST_HEAD(&trigger->counting);
	err = tw_watch_begin(&trigger->threshold);
	if (err)
		goto put;
	tw_resync_start();
	if (!gauge->rechecked)
		tw_hook_recheck_soon();
	gauge->rechecked = true;
	list_add_tail(&trigger->entry, &mount->triggers);
	mount->nr_triggers++;
	mount->nr_limited += trigger->limited;
	if (tw_trigger_is_limited_counting(trigger))
		list_add_tail(&trigger->counting, &mount->limited_counting);
	if (trigger->resource == TW_MAX_USAGE)
		mount->peak = trigger;
	mutex_lock(&tw_trigger_list_mutex);
	list_add_tail(&trigger->all, &tw_trigger_all);
	mutex_unlock(&tw_trigger_list_mutex);
	if (trigger->ops->registered)
		trigger->ops->registered(trigger);
	return 0;

put:
	put_pid(trigger->pid);
	tw_mount_put(mount);
	tw_hook_put(gauge->ops->kind);
unreserve:
	tw_trigger_unreserve(trigger->limited);
	return err;
}

/**
 * tw_trigger_register() - register a trigger
 * @trigger: with @ops, @resource, @limited, @user, and @spec, @peak and @observer of its
 *	threshold set, and all else zero; if its resource is TW_WARN_USED it gets the level
 *	set there
 * @mount: where
 *
 * Context: process.
 * Return: 0, and the trigger may have ended and be freed by now; or -EOPNOTSUPP, -ENOSPC,
 * -ENODEV, -EIO or -ENOMEM as in uapi/tmpfswarn.h, or -EEXIST for a second peak: then nothing
 * has changed, and it is the caller's still.
 */
int tw_trigger_register(struct tw_trigger *trigger, struct tw_mount *mount)
{
	enum tw_gauge_kind kind = trigger->threshold.spec.gauge;
	struct tw_gauge *gauge;
	int err;

	if (!tw_hook_works(kind))
		return -EOPNOTSUPP;
	gauge = tw_mount_gauge(mount, kind);
	if (IS_ERR(gauge))
		return PTR_ERR(gauge);
	trigger->threshold.gauge = gauge;
	err = tw_check_prepare(gauge);
	if (err)
		return err;
	mutex_lock(&mount->mutex);
	err = tw_trigger_add(trigger, mount);
	mutex_unlock(&mount->mutex);
	return err;
}

/* ---- all of a mount's ---- */

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
			tw_watch_move(&trigger->threshold, level);
	}
	tw_resync_start();
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
 * tw_trigger_reset_peak() - the most that was used is what is used now
 * @mount: where
 *
 * Context: process.
 * Return: 0; -ENOENT if nothing keeps that.
 */
int tw_trigger_reset_peak(struct tw_mount *mount)
{
	struct tw_trigger *trigger;

	mutex_lock(&mount->mutex);
	trigger = mount->peak;
	if (trigger) {
		tw_watch_move(&trigger->threshold, &trigger->threshold.spec.level);
		tw_resync_start();
	}
	mutex_unlock(&mount->mutex);
	return trigger ? 0 : -ENOENT;
}

/**
 * tw_trigger_get_peak() - the most that was used since tw_trigger_reset_peak()
 * @mount: where
 *
 * Context: process.
 * Return: that, in blocks, as far as it was found; 0 if nothing keeps it.
 */
u64 tw_trigger_get_peak(struct tw_mount *mount)
{
	struct tw_trigger_state state = { .at = TW_NEVER };
	struct tw_trigger *trigger;

	mutex_lock(&mount->mutex);
	trigger = mount->peak;
	if (trigger)
		tw_trigger_state(trigger, &state);
	mutex_unlock(&mount->mutex);
	return state.at == TW_NEVER ? 0 : state.at - 1;
}

/**
 * tw_trigger_end_peak() - end what tw_trigger_reset_peak() resets
 * @mount: where; maybe nothing keeps it
 *
 * Context: process.
 */
void tw_trigger_end_peak(struct tw_mount *mount)
{
	struct tw_trigger *trigger;

	mutex_lock(&mount->mutex);
	trigger = mount->peak;
	mount->peak = NULL;
	/* T1: tw_trigger_unlist_all() has not found it yet, and it asks for no once */
	if (trigger)
		tw_trigger_claim(trigger);
	mutex_unlock(&mount->mutex);
	if (trigger)
		tw_trigger_end(trigger);
}

/*
 * Moves all of a mount's, or of a gauge's, to @ended, and takes them off the list of all: with
 * one hold of the mutex, for which others may be in a queue. None can be added any more.
 */
static void tw_trigger_unlist_all(struct tw_mount *mount, const struct tw_gauge *gauge,
				  struct list_head *ended)
{
	struct tw_trigger *trigger, *next;

	mutex_lock(&mount->mutex);
	mutex_lock(&tw_trigger_list_mutex);
	list_for_each_entry_safe(trigger, next, &mount->triggers, entry) {
		if (gauge && trigger->threshold.gauge != gauge)
			continue;
		list_del_init(&trigger->all);
		if (trigger == mount->peak)
			mount->peak = NULL;
		/* tw_trigger_unlist() takes it off whichever list it is on */
		list_move_tail(&trigger->entry, ended);
	}
	mutex_unlock(&tw_trigger_list_mutex);
	mutex_unlock(&mount->mutex);
}

/**
 * tw_trigger_end_all() - signal each trigger of a mount once more, and end it
 * @mount: so that none is registered any more: gone, its directory removed; or else
 * @gauge: the one of it that has lost its limit, NULL for all of them
 *
 * Context: process.
 */
void tw_trigger_end_all(struct tw_mount *mount, const struct tw_gauge *gauge)
{
	struct tw_trigger *trigger;
	bool claimed = false;
	LIST_HEAD(ended);

	tw_trigger_unlist_all(mount, gauge, &ended);
	for (;;) {
		mutex_lock(&mount->mutex);
		trigger = list_first_entry_or_null(&ended, struct tw_trigger, entry);
		if (trigger) {
			tw_trigger_unlist(trigger);
			claimed = tw_trigger_claim(trigger);
		}
		mutex_unlock(&mount->mutex);
		if (!trigger)
			return;
		/* else it may be gone already */
		if (claimed) {
			tw_watch_end(&trigger->threshold);
			/* one that has notified of its only crossing needs no more */
			if (trigger->ops->gone &&
			    !(trigger->threshold.spec.once && trigger->threshold.fired)) {
				atomic64_inc(&tw_trigger_signals);
				trigger->ops->gone(trigger);
			}
			tw_trigger_del(trigger);
		}
		cond_resched();
	}
}

/* ---- what is shown ---- */

/**
 * tw_trigger_list() - all triggers
 *
 * Context: between tw_trigger_list_lock() and tw_trigger_list_unlock().
 * Return: the list, by @all.
 */
struct list_head *tw_trigger_list(void)
{
	lockdep_assert_held(&tw_trigger_list_mutex);
	return &tw_trigger_all;
}

/**
 * tw_trigger_list_lock() - have no trigger come or go
 *
 * Context: process.
 * Return: tw_trigger_list().
 */
struct list_head *tw_trigger_list_lock(void)
{
	mutex_lock(&tw_trigger_list_mutex);
	return tw_trigger_list();
}

/**
 * tw_trigger_list_unlock() - undo tw_trigger_list_lock()
 */
void tw_trigger_list_unlock(void)
{
	mutex_unlock(&tw_trigger_list_mutex);
}

/**
 * tw_trigger_state() - a trigger as it is shown
 * @trigger: one on a mount's list, the mount's mutex held, or on that of all
 * @state: set
 */
void tw_trigger_state(struct tw_trigger *trigger,
		      struct tw_trigger_state *state)
{
	struct tw_threshold *threshold = &trigger->threshold;
	const struct tw_band *band = &threshold->band;
	struct tw_gauge *gauge = threshold->gauge;
	unsigned long flags;

	raw_spin_lock_irqsave(&gauge->lock, flags);
	state->spec = threshold->spec;
	state->at = TW_NEVER;
	if (threshold->off)
		state->state = list_empty(&threshold->entry) || !gauge->ops->counts ? "off" : "on";
	else
		state->state = threshold->above ? "above" : "below";
	if (!threshold->off)
		state->at = threshold->spec.direction == TW_FALLING ?
				band->fall : band->rise;
	state->fired = threshold->fired;
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
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
