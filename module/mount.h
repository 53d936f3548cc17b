/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts: one object for each tmpfs superblock.
 */
#ifndef TW_MOUNT_H
#define TW_MOUNT_H

#include <linux/hash.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "level.h"

struct dentry;
struct shmem_sb_info;
struct super_block;
struct tw_threshold;
struct tw_cpu_state;
struct tw_owner;

/**
 * struct tw_mount - a tmpfs superblock
 * @watched: in the table of those with cpu_states, by @sb; written under
 *	tw_mount_hash_lock, read under RCU
 * @sb: the superblock; only a key, except while @sbinfo is set
 * @check_above: from where on an allocation may have brought usage to @next_rise;
 *	LONG_MIN while crossings are notified, and while @resizing
 * @max_blocks: size of the mount that all thresholds were placed for at last
 * @generation: changes whenever the CPUs' credit ends, see check.c
 * @cpu_states: of each CPU, see check.c; made with the first threshold
 * @check_below: below that, a free may have brought usage below @next_fall;
 *	LONG_MAX while crossings are notified, and while @resizing
 * @lock: protects what follows up to @notifying, and writes of @check_above to
 *	@generation and of @check_below; taken from hard interrupts. Taken before
 *	percpu_counter's lock.
 * @next_rise: the lowest number of blocks at which a threshold becomes above
 * @next_fall: a threshold becomes below when usage is less than this
 * @credit_pool: blocks that the CPUs may take as credit for allocations, -1 if that
 *	is not known
 * @free_credit_pool: the same for frees; known when the other one is
 * @checks: how often usage was compared with the thresholds
 * @doubt: if the last pass of the resync has found a threshold on the wrong side:
 *	@checks, and one, at that time; else 0
 * @sbinfo: the superblock's; NULL from generic_shutdown_super() on
 * @size: size of the mount that thresholds are placed for
 * @resizes: how often it has changed
 * @resizing: there may be thresholds in @unplaced; no usage is checked, and all
 *	allocations and frees ask for a check
 * @sized: thresholds that a size has a say in, placed for @size
 * @unplaced: those not placed for @size yet
 * @rises: those below, by where they rise
 * @falls: those above, by where they fall, highest first
 * @pending: those with crossings to notify of
 * @notifying: the one that is just being notified
 * @notify_lock: held while crossings are notified, so that who waits for it knows
 *	them to be notified; taken before @lock and eventfds' locks
 * @mutex: protects what follows up to @warn_used, and makes registration and its end exclude each
 *	other; taken before @lock
 * @triggers: see trigger.c, in the order of registration
 * @nr_triggers: length of that list
 * @nr_limited: how many of them are ordinary users'
 * @rechecked: the hook was asked to check again after the first of them
 * @warn_used: the level of warn_used_blocks
 * @hash: in the table of all, like @watched
 * @dev: number of the superblock, stays when it is gone
 * @dir: directory in debugfs; of the mount work alone
 * @counted: it has a size, as far as was told; of the mount work alone
 * @all: in the list of mounts; of the mount work alone
 * @queued: in a queue of discovery.c, under its lock: of those to be checked after a
 *	remount, or of those that were unhooked
 * @owner: who is charged for the mount in discovery.c; NULL for nobody
 * @ref: of the list, of each open file and of each trigger
 * @release: frees it, a grace period after the last reference
 */
struct tw_mount {
	/* read on the way of an allocation, and seldom written: one cache line */
	struct hlist_node watched;
	struct super_block *sb;
	long check_above;
	unsigned long max_blocks;
	unsigned long generation;
	struct tw_cpu_state __percpu *cpu_states;

	/* read on the way of a free, and as seldom written */
	long check_below;

	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	long next_rise;
	long next_fall;
	long credit_pool;
	long free_credit_pool;
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
	struct list_head pending;
	struct tw_threshold *notifying;

	spinlock_t notify_lock; /* see above */

	struct mutex mutex; /* see above */
	struct list_head triggers;
	unsigned int nr_triggers;
	unsigned int nr_limited;
	bool rechecked;
	struct tw_level warn_used;

	struct hlist_node hash;
	dev_t dev;
	struct dentry *dir;
	bool counted;
	struct list_head all;
	struct list_head queued;
	struct tw_owner *owner;
	struct kref ref;
	struct rcu_work release;
};

/**
 * struct tw_usage - what statvfs(2) says of a mount
 * @size: in blocks, 0 if unlimited
 * @used: in blocks, 0 if @size is
 * @inodes: that can be, 0 if unlimited
 * @inodes_free: of these, not more than @inodes
 */
struct tw_usage {
	u64 size;
	s64 used;
	u64 inodes;
	u64 inodes_free;
};

/* for works that may wait; from tw_mount_init() to tw_mount_exit() */
extern struct workqueue_struct *tw_wq;

int tw_mount_init(void);
void tw_mount_exit(void);

struct tw_mount *tw_mount_find(struct super_block *sb);
int tw_mount_watch(struct tw_mount *mount);
void tw_mount_visit_all(void (*visit)(struct tw_mount *mount, void *data), void *data);
void tw_mount_visit_watched(void (*visit)(struct tw_mount *mount));

/* for tw_mount_find_watched() alone */
#define TW_MOUNT_WATCHED_BITS	12
extern struct hlist_head tw_mount_watched[1 << TW_MOUNT_WATCHED_BITS];

/**
 * tw_mount_find_watched() - the object of a superblock, for the hook
 * @sb: the superblock; only its address is used
 *
 * Context: any, with preemption disabled; the object stays until that ends.
 * Return: the object, or NULL if tw_mount_watch() was not called for it.
 */
static __always_inline struct tw_mount *
tw_mount_find_watched(const struct super_block *sb)
{
	unsigned int i = hash_ptr(sb, TW_MOUNT_WATCHED_BITS);
	struct tw_mount *mount;

	hlist_for_each_entry_rcu(mount, &tw_mount_watched[i], watched,
				 rcu_read_lock_sched_held()) {
		if (mount->sb == sb)
			return mount;
	}
	return NULL;
}

/**
 * tw_mount_lock_in_probe() - lock in the handler of a probe
 * @lock: one that is taken with interrupts disabled; they are
 *
 * Where the probe is a breakpoint x86 calls that an NMI, in which lockdep accepts
 * trylocks only. It is safe to spin: a handler never interrupts a holder of such a lock,
 * who has interrupts off and calls none of the functions that are probed.
 */
static __always_inline void tw_mount_lock_in_probe(raw_spinlock_t *lock)
	__acquires(lock)
{
	while (!raw_spin_trylock(lock))
		cpu_relax();
}

struct tw_mount *tw_mount_alloc(void);
void tw_mount_insert(struct tw_mount *mount, struct super_block *sb);
struct tw_mount *tw_mount_attach(struct super_block *sb);
bool tw_mount_unhook(struct tw_mount *mount);
void tw_mount_detach(struct tw_mount *mount);
struct tw_mount *tw_mount_get(struct tw_mount *mount);
void tw_mount_put(struct tw_mount *mount);

int tw_mount_usage(struct tw_mount *mount, struct tw_usage *usage);

/* Blocks; before 6.6 two allocations at once may both be let in by the last one. */
static inline u64 tw_usage_free(const struct tw_usage *usage)
{
	return usage->size - min_t(u64, max_t(s64, usage->used, 0), usage->size);
}

/**
 * tw_mount_used() - the sum of a mount's counter of blocks
 * @mount: with its lock held, and a superblock that keeps a count
 *
 * On PREEMPT_RT percpu_counter_cpu_dead() holds the counter's lock with
 * interrupts on, and a check takes it, with the mount's lock, in an interrupt. The
 * two do not meet on one CPU: that interrupt is one that the CPU has raised for
 * itself in a hook, so that it comes above who writes to a tmpfs. lockdep cannot
 * know that.
 *
 * Return: blocks; may be negative while others count.
 */
static inline s64 tw_mount_used(struct tw_mount *mount)
{
	s64 used;

	lockdep_assert_held(&mount->lock);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		lockdep_off();
	used = tw_compat_sum(&mount->sbinfo->used_blocks);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		lockdep_on();
	return used;
}

#endif /* TW_MOUNT_H */
