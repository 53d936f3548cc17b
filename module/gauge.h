/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Gauges: what is measured on a mount, and from where on that matters to somebody.
 */
#ifndef TW_GAUGE_H
#define TW_GAUGE_H

#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "level.h"

struct shmem_sb_info;
struct super_block;
struct tw_cpu_state;
struct tw_call;
struct tw_gauge;
struct tw_mount;
struct tw_threshold;

/* next_rise and next_fall of a gauge while nothing waits for that */
#define TW_NO_RISE	LONG_MAX
#define TW_NO_FALL	LONG_MIN

/**
 * struct tw_gauge_ops - how it is measured, for all but the hooks
 * @kind: what
 * @shift: log2 of the bytes that one of them is
 * @credits: what is near a threshold is charged to CPUs, see check.c
 * @counts: nothing is measured, so there is no @used or @rough: what happens is counted, and
 *	thresholds have no level
 * @calls: places for system calls that are looked at when they return, see call.c; 64 at most
 * @limit: how many there can be, 0 if the kernel keeps no count
 * @used: sets how many there are; may be negative while others count. Called with the gauge's
 *	lock held. False if that cannot be had before a remount is over
 * @rough: the same, cheaper; any context
 * @slack: how far @rough may be from @used; 0 if the count is one number
 */
struct tw_gauge_ops {
	enum tw_gauge_kind kind;
	unsigned int shift;
	bool credits;
	bool counts;
	unsigned int calls;
	unsigned long (*limit)(const struct shmem_sb_info *sbinfo);
	bool (*used)(struct tw_gauge *gauge, s64 *used);
	long (*rough)(struct shmem_sb_info *sbinfo);
	long (*slack)(void);
};

/**
 * struct tw_gauge - something that is measured on a mount
 * @watched: in the table of those of its kind with cpu_states, by @sb; written under
 *	tw_gauge_table_lock, read under RCU
 * @sb: the superblock; only a key, except while @sbinfo is set
 * @check_above: from where on usage that grows may have come to @next_rise;
 *	LONG_MIN while crossings are notified, and while @resizing
 * @limit: that all thresholds were placed for at last
 * @generation: changes whenever the CPUs' credit ends, see check.c
 * @cpu_states: of each CPU, see check.c; made with the first threshold
 * @check_below: below that, usage that falls may have come below @next_fall;
 *	LONG_MAX while crossings are notified, and while @resizing
 * @lock: protects what follows up to @notifying, and writes of @check_above to
 *	@generation and of @check_below; taken from hard interrupts and in probes.
 *	Taken before percpu_counter's lock.
 * @ops: how it is measured
 * @mount: whose it is; not looked into here
 * @remounts: of @mount, odd while one is under way: see I15 of check.c
 * @next_rise: the lowest usage at which a threshold becomes above
 * @next_fall: a threshold becomes below when usage is less than this
 * @credit_pool: what the CPUs may take as credit for allocations, -1 if that is not known
 * @free_credit_pool: the same for frees; known when the other one is
 * @uncredited: the last generation whose credit a deferred task has ended: no CPU has had or
 *	will have any of it
 * @checks: how often usage was compared with the thresholds
 * @doubt: if the last pass of the resync has found a threshold on the wrong side:
 *	@checks, and one, at that time; else 0
 * @sbinfo: the superblock's; NULL from generic_shutdown_super() on
 * @size: the limit that thresholds are placed for
 * @resizes: how often it has changed
 * @resizing: there may be thresholds in @unplaced; no usage is checked, and all hooks ask
 *	for a check
 * @sized: thresholds that the limit has a say in, placed for @size
 * @unplaced: those not placed for @size yet
 * @rises: those below, by where they rise
 * @falls: those above, by where they fall, highest first
 * @counting: those without a level of a gauge that counts, by how much of the count they
 *	were told, the least first
 * @nr_counting: how many
 * @pending: those with crossings to notify of
 * @notifying: the one that is just being notified
 * @notify_lock: held while crossings are notified, so that who waits for it knows
 *	them to be notified; taken before @lock and eventfds' locks
 * @mutex: held from when @cpu_states and @calls are set until each hook finds the
 *	gauge, a grace period later; taken before @lock
 * @watched_info: like @watched, but in one table of all kinds, by @sbinfo
 * @count: of a gauge that counts: what has happened while it had thresholds
 * @calls: see call.c; made with the first threshold, if @ops says so
 * @call_lock: protects what follows, and the places but for their notes; taken in probes, with
 *	interrupts disabled, and inside of no other lock
 * @calling: how many of them are taken
 * @calls_taken: which; a bit for each
 * @with_calls: in a list of those with places, see check.c
 * @rechecked: the hook was asked to check again after the first trigger; under @mount's mutex
 * @counted: it has a limit, as far as was told; of the mount work alone
 *
 * All amounts are in what @ops->used counts.
 */
struct tw_gauge {
	/* read on the way of an allocation, and seldom written: one cache line */
	struct hlist_node watched;
	struct super_block *sb;
	long check_above;
	unsigned long limit;
	unsigned long generation;
	struct tw_cpu_state __percpu *cpu_states;

	/* read on the way of a free, and as seldom written */
	long check_below;

	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	const struct tw_gauge_ops *ops;
	struct tw_mount *mount;
	const unsigned int *remounts;
	long next_rise;
	long next_fall;
	long credit_pool;
	long free_credit_pool;
	unsigned long uncredited;
	unsigned long checks;
	unsigned long doubt;
	struct shmem_sb_info *sbinfo;
	unsigned long size;
	unsigned long resizes;
	bool resizing;
	struct list_head sized;
	struct list_head unplaced;
	struct rb_root_cached rises;
	struct rb_root_cached falls;
	struct list_head counting;
	unsigned int nr_counting;
	struct list_head pending;
	struct tw_threshold *notifying;

	spinlock_t notify_lock; /* see above */

	struct mutex mutex; /* see above */

	struct hlist_node watched_info;
	atomic_long_t count;
	struct tw_call *calls;
	raw_spinlock_t call_lock; /* see above */
	unsigned int calling;
	u64 calls_taken;
	struct list_head with_calls;
	bool rechecked;
	bool counted;
};

void tw_gauge_init(struct tw_gauge *gauge, const struct tw_gauge_ops *ops,
		   struct tw_mount *mount, const unsigned int *remounts,
		   struct super_block *sb);
int tw_gauge_watch(struct tw_gauge *gauge);
struct tw_gauge *tw_gauge_find_by_info(enum tw_gauge_kind kind,
				       const struct shmem_sb_info *sbinfo);
bool tw_gauge_unhook(struct tw_gauge *gauge);
void tw_gauge_visit_watched(void (*visit)(struct tw_gauge *gauge));

void tw_gauge_set_bounds(struct tw_gauge *gauge);
void tw_gauge_set_next(struct tw_gauge *gauge, long rise, long fall);
void tw_gauge_end_credit(struct tw_gauge *gauge);

bool tw_gauge_is_unlimited(struct tw_gauge *gauge);

/* for tw_gauge_find_watched() alone */
#define TW_GAUGE_WATCHED_BITS	12
extern struct hlist_head tw_gauge_watched[TW_GAUGES][1 << TW_GAUGE_WATCHED_BITS];

/**
 * tw_gauge_find_watched() - the gauge of a superblock, for a hook
 * @kind: which
 * @sb: the superblock; only its address is used
 *
 * Context: any, with preemption disabled; the object stays until that ends.
 * Return: the gauge, or NULL if tw_gauge_watch() was not called for it.
 */
static __always_inline struct tw_gauge *
tw_gauge_find_watched(enum tw_gauge_kind kind, const struct super_block *sb)
{
	unsigned int i = hash_ptr(sb, TW_GAUGE_WATCHED_BITS);
	struct tw_gauge *gauge;

	hlist_for_each_entry_rcu(gauge, &tw_gauge_watched[kind][i], watched,
				 rcu_read_lock_sched_held()) {
		if (gauge->sb == sb)
			return gauge;
	}
	return NULL;
}

/**
 * tw_gauge_used() - how much is used, exactly
 * @gauge: with its lock held, and a superblock that keeps a count
 * @used: set to that; may be negative while others count
 *
 * Return: false if it cannot be had (I15 of check.c); for blocks it always can.
 */
static inline bool tw_gauge_used(struct tw_gauge *gauge, s64 *used)
{
	lockdep_assert_held(&gauge->lock);
	return gauge->ops->used(gauge, used);
}

/**
 * tw_gauge_limit() - how much can be used now
 * @gauge: with its lock held, and a superblock
 *
 * Return: that, 0 if no count is kept.
 */
static inline unsigned long tw_gauge_limit(struct tw_gauge *gauge)
{
	lockdep_assert_held(&gauge->lock);
	return gauge->ops->limit(gauge->sbinfo);
}

#endif /* TW_GAUGE_H */
