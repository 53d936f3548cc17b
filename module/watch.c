// SPDX-License-Identifier: GPL-2.0
/*
 * Watching: a threshold is notified from when it is added until it is removed.
 */
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "check.h"
#include "gauge.h"
#include "level.h"
#include "notify.h"
#include "refusal.h"
#include "threshold.h"
#include "watch.h"

/* Can a level be watched there? */
static int tw_watch_possible(struct tw_gauge *gauge)
{
	lockdep_assert_held(&gauge->lock);
	if (!gauge->sbinfo)
		return -ENODEV;
	if (!tw_gauge_limit(gauge))
		return -EOPNOTSUPP;
	return 0;
}

static void tw_watch_counts(struct tw_gauge *gauge, struct tw_threshold *threshold)
{
	if (threshold->observer)
		tw_refusal_set(&threshold->observer->first, gauge->sbinfo, NULL);
	tw_threshold_begin_counting(gauge, threshold);
}

/* As tw_watch_begin(), but once: -EAGAIN if usage cannot be had. */
static int tw_watch_try(struct tw_threshold *threshold, bool *notify)
{
	struct tw_gauge *gauge = threshold->gauge;
	bool past = false;
	int err;

	err = tw_watch_possible(gauge);
	if (err)
		return err;
	INIT_LIST_HEAD(&threshold->pending_entry);
	INIT_LIST_HEAD(&threshold->entry);
	threshold->off = true;
	if (gauge->ops->counts)
		tw_watch_counts(gauge, threshold);
	else if (threshold->spec.level.kind != TW_LEVEL_NONE)
		err = tw_threshold_place(gauge, threshold, &past);
	*notify = past && threshold->spec.now;
	if (*notify)
		tw_threshold_fire_now(gauge, threshold);
	return err;
}

/**
 * tw_watch_begin() - begin to watch for a crossing
 * @threshold: with @gauge, @spec, @notify and maybe @observer set, and all else zero
 *
 * If it asks for @now, that has been notified on return, or with PREEMPT_RT soon after.
 * Whoever is to be told even of what no hook has seen calls tw_resync_start() then.
 *
 * Context: process, after tw_check_prepare().
 * Return: 0; -ENODEV if the mount is gone, -EOPNOTSUPP if it keeps no count; -EINTR for a
 * task that is being killed.
 */
int tw_watch_begin(struct tw_threshold *threshold)
{
	struct tw_gauge *gauge = threshold->gauge;
	unsigned long flags;
	bool notify = false;
	int err;

	tw_check_resized(gauge);

	do {
		raw_spin_lock_irqsave(&gauge->lock, flags);
		err = tw_watch_try(threshold, &notify);
		raw_spin_unlock_irqrestore(&gauge->lock, flags);
		/* I15 of check.c; the mount's owner may remount it for as long as he likes */
		cond_resched();
		if (err == -EAGAIN && fatal_signal_pending(current))
			err = -EINTR;
	} while (err == -EAGAIN);
	if (notify)
		tw_check_notify(gauge);
	return err;
}

/**
 * tw_watch_move() - give a threshold another level
 * @threshold: one that is watched, of blocks, and asks for @now, or a peak
 * @level: the new level, may be none; if it is reached, that is notified
 *
 * As after tw_watch_begin(), tw_resync_start() is due.
 *
 * Context: process; not at once with tw_watch_end().
 */
void tw_watch_move(struct tw_threshold *threshold, const struct tw_level *level)
{
	struct tw_gauge *gauge = threshold->gauge;
	unsigned long flags;
	bool notify = false;

	tw_check_resized(gauge);

	raw_spin_lock_irqsave(&gauge->lock, flags);
	tw_threshold_displace(gauge, threshold);
	threshold->spec.level = *level;
	/* how many blocks are used can always be had */
	if (level->kind != TW_LEVEL_NONE && !tw_watch_possible(gauge))
		tw_threshold_place(gauge, threshold, &notify);
	if (notify)
		tw_threshold_fire_now(gauge, threshold);
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
	if (notify)
		tw_check_notify(gauge);
}

/**
 * tw_watch_end() - watch no more
 * @threshold: one that is watched; all of its crossings have been notified on return
 *
 * Context: process.
 */
void tw_watch_end(struct tw_threshold *threshold)
{
	const struct tw_crossing *last = threshold->observer ? &threshold->observer->last : NULL;
	struct tw_gauge *gauge = threshold->gauge;
	unsigned long flags;
	unsigned int pending;

	raw_spin_lock_irqsave(&gauge->lock, flags);
	/* first: where the hook asks for checks hangs on whether there are any */
	list_del(&threshold->pending_entry);
	tw_threshold_displace(gauge, threshold);
	pending = threshold->pending;
	raw_spin_unlock_irqrestore(&gauge->lock, flags);

	tw_notify_wait(gauge, threshold);
	/* nobody writes it any more */
	if (pending)
		threshold->notify(threshold, pending, last);
}
