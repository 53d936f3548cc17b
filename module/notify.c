// SPDX-License-Identifier: GPL-2.0
/*
 * Notification: calls those who wait for the crossings that a check has found.
 */
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "gauge.h"
#include "notify.h"
#include "threshold.h"

/* crossings that are notified of at a time, see I9 of check.c */
#define TW_NOTIFY_BATCH		32

/**
 * struct tw_notification - what a threshold is notified of at a time
 * @threshold: the threshold, or NULL if not now
 * @crossings: how many
 * @observed: @last is set
 * @last: the last of them
 * @more: there are more
 */
struct tw_notification {
	struct tw_threshold *threshold;
	unsigned int crossings;
	bool observed;
	struct tw_crossing last;
	bool more;
};

/* Sets the next one, of @left crossings at most. */
static void tw_notify_next(struct tw_gauge *gauge, unsigned int left,
			   struct tw_notification *next)
{
	struct tw_threshold *threshold;
	unsigned long flags;

	/* on PREEMPT_RT notify_lock leaves interrupts on */
	raw_spin_lock_irqsave(&gauge->lock, flags);
	threshold = list_first_entry_or_null(&gauge->pending, struct tw_threshold,
					     pending_entry);
	next->more = threshold;
	if (!left)
		threshold = NULL;
	if (threshold) {
		next->observed = threshold->observer;
		if (next->observed)
			next->last = threshold->observer->last;
		next->crossings = min_t(unsigned long, threshold->pending, left);
		threshold->pending -= next->crossings;
		if (!threshold->pending)
			list_del_init(&threshold->pending_entry);
	}
	next->threshold = threshold;
	/* the last one is done with, see tw_notify_wait() */
	smp_store_release(&gauge->notifying, threshold);
	if (!threshold)
		tw_gauge_set_bounds(gauge);
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
}

/**
 * tw_notify_some() - notify of the first crossings of a gauge, not of too many
 * @gauge: the gauge
 *
 * Those that others are just notifying have been notified on return, too.
 *
 * Context: process, or an irq_work that is not a hard one.
 * Return: true if there are more.
 */
bool tw_notify_some(struct tw_gauge *gauge)
{
	unsigned int left = TW_NOTIFY_BATCH;
	struct tw_notification next;
	unsigned long flags;

	spin_lock_irqsave(&gauge->notify_lock, flags);
	for (;;) {
		tw_notify_next(gauge, left, &next);
		if (!next.threshold)
			break;
		next.threshold->notify(next.threshold, next.crossings,
				       next.observed ? &next.last : NULL);
		left -= next.crossings;
	}
	spin_unlock_irqrestore(&gauge->notify_lock, flags);
	return next.more;
}

/**
 * tw_notify_all() - notify of all crossings of a gauge
 * @gauge: the gauge
 *
 * Context: process.
 */
void tw_notify_all(struct tw_gauge *gauge)
{
	while (tw_notify_some(gauge))
		cond_resched();
}

/**
 * tw_notify_wait() - wait until a threshold is not being notified
 * @gauge: where it is
 * @threshold: not among those pending, so that it will not be notified again
 *
 * Does not queue for notify_lock: with PREEMPT_RT whoever signals in a thread may have
 * a higher priority, and with enough crossings would keep it for ever. Nor is it a loop there:
 * who waits may have the higher priority, and would keep the thread from its CPU.
 *
 * Context: process.
 */
void tw_notify_wait(struct tw_gauge *gauge, const struct tw_threshold *threshold)
{
	/* pairs with smp_store_release() in tw_notify_next() */
	while (smp_load_acquire(&gauge->notifying) == threshold) {
		if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
			schedule_timeout_uninterruptible(1);
		} else {
			cond_resched();
			cpu_relax();
		}
	}
}
