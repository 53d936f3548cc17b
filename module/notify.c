// SPDX-License-Identifier: GPL-2.0
/*
 * Notification: calls those who wait for the crossings that a check has found.
 */
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "check.h"
#include "mount.h"
#include "notify.h"
#include "threshold.h"

/* crossings that are notified of at a time, see I9 of check.c */
#define TW_NOTIFY_BATCH		32

/* The next one to notify of @crossings; NULL, with more set, if not now. */
static struct tw_threshold *tw_notify_next(struct tw_mount *mount, unsigned int left,
					   unsigned int *crossings, bool *more)
{
	struct tw_threshold *threshold;
	unsigned long flags;

	/* on PREEMPT_RT notify_lock leaves interrupts on */
	raw_spin_lock_irqsave(&mount->lock, flags);
	threshold = list_first_entry_or_null(&mount->pending, struct tw_threshold,
					     pending_entry);
	*more = threshold;
	if (!left)
		threshold = NULL;
	if (threshold) {
		*crossings = min(threshold->pending, left);
		threshold->pending -= *crossings;
		if (!threshold->pending)
			list_del_init(&threshold->pending_entry);
	}
	/* the last one is done with, see tw_notify_wait() */
	smp_store_release(&mount->notifying, threshold);
	if (!threshold)
		tw_check_set_bounds(mount);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	return threshold;
}

/**
 * tw_notify_some() - notify of the first crossings of a mount, not of too many
 * @mount: the mount
 *
 * Those that others are just notifying have been notified on return, too.
 *
 * Context: process, or an irq_work that is not a hard one.
 * Return: true if there are more.
 */
bool tw_notify_some(struct tw_mount *mount)
{
	unsigned int left = TW_NOTIFY_BATCH, crossings;
	struct tw_threshold *threshold;
	unsigned long flags;
	bool more;

	spin_lock_irqsave(&mount->notify_lock, flags);
	while ((threshold = tw_notify_next(mount, left, &crossings, &more))) {
		threshold->notify(threshold, crossings);
		left -= crossings;
	}
	spin_unlock_irqrestore(&mount->notify_lock, flags);
	return more;
}

/**
 * tw_notify_all() - notify of all crossings of a mount
 * @mount: the mount
 *
 * Context: process.
 */
void tw_notify_all(struct tw_mount *mount)
{
	while (tw_notify_some(mount))
		cond_resched();
}

/**
 * tw_notify_wait() - wait until a threshold is not being notified
 * @mount: where it is
 * @threshold: not among those pending, so that it will not be notified again
 *
 * Does not queue for notify_lock: with PREEMPT_RT whoever signals in a thread has
 * a higher priority, and with enough crossings would keep it for ever.
 *
 * Context: process.
 */
void tw_notify_wait(struct tw_mount *mount, const struct tw_threshold *threshold)
{
	/* pairs with smp_store_release() in tw_notify_next() */
	while (smp_load_acquire(&mount->notifying) == threshold) {
		cond_resched();
		cpu_relax();
	}
}
