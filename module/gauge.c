// SPDX-License-Identifier: GPL-2.0
/*
 * Gauges: what is measured on a mount, and from where on that matters to somebody.
 */
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "gauge.h"
#include "probe.h"

/*
 * A table for each kind: a hook looks each superblock up on which something changes, and few
 * of them are watched.
 */
struct hlist_head tw_gauge_watched[TW_GAUGES][1 << TW_GAUGE_WATCHED_BITS];
/* all of them once more, by sbinfo, which is all that deferral.c has */
static DEFINE_HASHTABLE(tw_gauge_watched_info, 8);
static DEFINE_RAW_SPINLOCK(tw_gauge_table_lock);

/* ---- the tables ---- */

/**
 * tw_gauge_watch() - have tw_gauge_find_watched() find a gauge
 * @gauge: with @cpu_states set
 *
 * It does until the mount is gone; all that run on return see it.
 *
 * Context: process.
 * Return: 0, or -ENODEV if the mount is gone.
 */
int tw_gauge_watch(struct tw_gauge *gauge)
{
	unsigned int i = hash_ptr(gauge->sb, TW_GAUGE_WATCHED_BITS);
	struct shmem_sb_info *sbinfo;

	raw_spin_lock_irq(&tw_gauge_table_lock);
	/* tw_gauge_unhook() first clears it and then takes this lock */
	sbinfo = READ_ONCE(gauge->sbinfo);
	if (sbinfo) {
		hlist_add_head_rcu(&gauge->watched, &tw_gauge_watched[gauge->ops->kind][i]);
		hash_add_rcu(tw_gauge_watched_info, &gauge->watched_info,
			     (unsigned long)sbinfo);
	}
	raw_spin_unlock_irq(&tw_gauge_table_lock);
	if (!sbinfo)
		return -ENODEV;
	/* a handler that has not found it has ended, and what it saw is counted */
	synchronize_rcu();
	return 0;
}

/**
 * tw_gauge_find_by_info() - as tw_gauge_find_watched(), where there is no superblock
 * @kind: which
 * @sbinfo: the superblock's information; only its address is used
 *
 * Context: any, with preemption disabled; the object stays until that ends.
 * Return: the gauge or NULL.
 */
notrace struct tw_gauge *tw_gauge_find_by_info(enum tw_gauge_kind kind,
					       const struct shmem_sb_info *sbinfo)
{
	struct tw_gauge *gauge;

	hash_for_each_possible_rcu(tw_gauge_watched_info, gauge, watched_info,
				   (unsigned long)sbinfo, rcu_read_lock_sched_held()) {
		if (READ_ONCE(gauge->sbinfo) == sbinfo && gauge->ops->kind == kind)
			return gauge;
	}
	return NULL;
}

NOKPROBE_SYMBOL(tw_gauge_find_by_info);

/**
 * tw_gauge_unhook() - leave the superblock alone
 * @gauge: the gauge
 *
 * From here on nobody finds the gauge by its superblock or touches that; what is on its way
 * has finished.
 *
 * Context: any, with interrupts disabled; also a probe.
 * Return: true for the first caller.
 */
notrace bool tw_gauge_unhook(struct tw_gauge *gauge)
{
	bool hooked;

	tw_probe_lock(&gauge->lock);
	hooked = gauge->sbinfo;
	WRITE_ONCE(gauge->sbinfo, NULL);
	raw_spin_unlock(&gauge->lock);
	if (hooked) {
		tw_probe_lock(&tw_gauge_table_lock);
		/* nothing if it was not watched */
		hlist_del_init_rcu(&gauge->watched);
		hlist_del_init_rcu(&gauge->watched_info);
		raw_spin_unlock(&tw_gauge_table_lock);
	}
	return hooked;
}

NOKPROBE_SYMBOL(tw_gauge_unhook);

static void tw_gauge_visit_table(struct hlist_head *table,
				 void (*visit)(struct tw_gauge *gauge))
{
	struct tw_gauge *gauge;
	size_t i;

	for (i = 0; i < 1 << TW_GAUGE_WATCHED_BITS; i++) {
		if (hlist_empty(&table[i]))
			continue;
		rcu_read_lock_sched();
		hlist_for_each_entry_rcu(gauge, &table[i], watched, rcu_read_lock_sched_held())
			visit(gauge);
		rcu_read_unlock_sched();
		cond_resched();
	}
}

/**
 * tw_gauge_visit_watched() - call a function for each gauge that can be found
 * @visit: called with preemption disabled
 *
 * Context: process. Those that come or go meanwhile may be missed.
 */
void tw_gauge_visit_watched(void (*visit)(struct tw_gauge *gauge))
{
	size_t kind;

	for (kind = 0; kind < TW_GAUGES; kind++)
		tw_gauge_visit_table(tw_gauge_watched[kind], visit);
}

/* ---- what a hook compares ---- */

/**
 * tw_gauge_set_bounds() - set from where on a hook asks for a check
 * @gauge: with its lock held
 *
 * That is anywhere, both ways, as long as there are crossings to notify of. The check
 * that has found them may not be that of the task that has crossed, whose hook comes
 * after it: that task, too, must wait until they have been notified. What
 * is covered by credit asks for no check even so: one that has crossed is more
 * than its own generation covers, and credit of a later one is had only where there
 * was a check since, which has notified or waited. With PREEMPT_RT nobody waits for
 * the thread that notifies.
 *
 * It is also anywhere while thresholds are placed for a new size (I11 of check.c).
 */
void tw_gauge_set_bounds(struct tw_gauge *gauge)
{
	long slack = gauge->ops->slack();
	long check_above = gauge->next_rise;
	long check_below = gauge->next_fall;

	lockdep_assert_held(&gauge->lock);
	/* I5 of check.c */
	if (gauge->ops->credits)
		slack *= 2;
	if (check_above != TW_NO_RISE)
		check_above -= slack;
	if (check_below != TW_NO_FALL)
		check_below = min(check_below, LONG_MAX - slack) + slack;
	if (gauge->resizing ||
	    (!IS_ENABLED(CONFIG_PREEMPT_RT) &&
	     (gauge->notifying || !list_empty(&gauge->pending)))) {
		check_above = LONG_MIN;
		check_below = LONG_MAX;
	}
	/* a hook that need not wait any more sees the eventfds signalled */
	smp_store_release(&gauge->check_above, check_above); /* for tw_check_alloc() */
	smp_store_release(&gauge->check_below, check_below); /* for tw_check_free() */
}

/**
 * tw_gauge_set_next() - set where a hook has to ask for a check from now on
 * @gauge: with its lock held
 * @rise: the lowest usage at which a threshold becomes above, or TW_NO_RISE
 * @fall: a threshold becomes below when usage is less than this, or TW_NO_FALL
 *
 * Ends all credit. A full barrier is due before usage is read.
 */
void tw_gauge_set_next(struct tw_gauge *gauge, long rise, long fall)
{
	lockdep_assert_held(&gauge->lock);
	gauge->next_rise = rise;
	gauge->next_fall = fall;
	tw_gauge_set_bounds(gauge);
	WRITE_ONCE(gauge->generation, gauge->generation + 1);
	gauge->credit_pool = -1;
	gauge->free_credit_pool = -1;
}

/**
 * tw_gauge_end_credit() - have nobody rely on what was charged until now
 * @gauge: with its lock held
 *
 * As tw_gauge_set_next(), for what is waited for already.
 */
void tw_gauge_end_credit(struct tw_gauge *gauge)
{
	tw_gauge_set_next(gauge, gauge->next_rise, gauge->next_fall);
}

/* ---- the limit ---- */

/**
 * tw_gauge_is_unlimited() - has it no limit, by a remount or from the beginning?
 * @gauge: of which
 *
 * That is for good: the kernel keeps no count from then on, and takes no other limit.
 *
 * Context: process.
 * Return: true if so; false if the mount is gone.
 */
bool tw_gauge_is_unlimited(struct tw_gauge *gauge)
{
	unsigned long flags;
	bool unlimited;

	raw_spin_lock_irqsave(&gauge->lock, flags);
	unlimited = gauge->sbinfo && !tw_gauge_limit(gauge);
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
	return unlimited;
}

/* ---- the object ---- */

/**
 * tw_gauge_init() - prepare a gauge for thresholds
 * @gauge: all zero
 * @ops: how it is measured
 * @mount: whose it is
 * @remounts: of that
 * @sb: filled, and kept from going by the caller until this returns
 *
 * Context: any but a probe.
 */
void tw_gauge_init(struct tw_gauge *gauge, const struct tw_gauge_ops *ops,
		   struct tw_mount *mount, const unsigned int *remounts,
		   struct super_block *sb)
{
	gauge->sb = sb;
	gauge->ops = ops;
	gauge->mount = mount;
	gauge->remounts = remounts;
	gauge->sbinfo = sb->s_fs_info;
	gauge->limit = ops->limit(gauge->sbinfo);
	gauge->size = gauge->limit;
	gauge->counted = gauge->limit;
	gauge->next_rise = TW_NO_RISE;
	gauge->next_fall = TW_NO_FALL;
	gauge->check_above = TW_NO_RISE;
	gauge->check_below = TW_NO_FALL;
	gauge->credit_pool = -1;
	gauge->free_credit_pool = -1;
	raw_spin_lock_init(&gauge->lock);
	INIT_LIST_HEAD(&gauge->sized);
	INIT_LIST_HEAD(&gauge->unplaced);
	gauge->rises = RB_ROOT_CACHED;
	gauge->falls = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&gauge->counting);
	raw_spin_lock_init(&gauge->call_lock);
	INIT_LIST_HEAD(&gauge->with_calls);
	INIT_LIST_HEAD(&gauge->pending);
	spin_lock_init(&gauge->notify_lock);
	mutex_init(&gauge->mutex);
}
