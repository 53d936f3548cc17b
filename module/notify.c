// SPDX-License-Identifier: GPL-2.0
/*
 * Notification: calls those who wait for the crossings that a check has found.
 */
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "check.h"
#include "mount.h"
#include "notify.h"
#include "threshold.h"

/**
 * tw_notify_all() - notify of all crossings of a mount
 * @mount: the mount
 *
 * Those that others are just notifying have been notified on return, too.
 *
 * Context: process, or an irq_work that is not a hard one.
 */
void tw_notify_all(struct tw_mount *mount)
{
	unsigned long flags, lock_flags;
	unsigned int crossings = 0;
	struct tw_threshold *threshold;

	spin_lock_irqsave(&mount->notify_lock, flags);
	for (;;) {
		/* on PREEMPT_RT the lock above leaves interrupts on */
		raw_spin_lock_irqsave(&mount->lock, lock_flags);
		threshold = list_first_entry_or_null(&mount->pending, struct tw_threshold,
						     pending_entry);
		if (threshold) {
			list_del_init(&threshold->pending_entry);
			crossings = threshold->pending;
			threshold->pending = 0;
		}
		/* the last one is done with, see tw_notify_wait() */
		smp_store_release(&mount->notifying, threshold);
		if (!threshold)
			tw_check_set_bounds(mount);
		raw_spin_unlock_irqrestore(&mount->lock, lock_flags);
		if (!threshold)
			break;
		threshold->notify(threshold, crossings);
	}
	spin_unlock_irqrestore(&mount->notify_lock, flags);
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
	/* pairs with smp_store_release() in tw_notify_all() */
	while (smp_load_acquire(&mount->notifying) == threshold) {
		cond_resched();
		cpu_relax();
	}
}
