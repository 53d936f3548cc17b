/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts: one object for each tmpfs superblock.
 */
#ifndef TW_MOUNT_H
#define TW_MOUNT_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "level.h"

struct dentry;
struct shmem_sb_info;
struct super_block;
struct tw_mark;
struct tw_observer;

/**
 * struct tw_mount - a tmpfs superblock
 * @hash: in the table by @sb; written under tw_mount_hash_lock, read under RCU
 * @sb: the superblock; only a key, except while @sbinfo is set
 * @observers: what each CPU queues to have usage looked at, made with the first
 *	mark
 * @next_rise: the lowest number of blocks at which a mark becomes above
 * @next_fall: a mark becomes below when usage is less than this
 * @max_blocks: size of the mount as far as the marks know
 * @lock: protects what follows up to @telling, and writes of the three above;
 *	taken from hard interrupts. Taken before percpu_counter's lock.
 * @sbinfo: the superblock's; NULL from shmem_put_super() on
 * @marks: all marks
 * @rises: those below, by where they rise
 * @falls: those above, by where they fall, highest first
 * @untold: those with crossings to tell
 * @telling: the one that is just being told
 * @tell_lock: held while crossings are told, so that who waits for it knows
 *	them to be told; taken before @lock and eventfds' locks
 * @mutex: protects @triggers, and makes registration and its end exclude each
 *	other; taken before @lock
 * @triggers: see trigger.c, in the order of registration
 * @nr_triggers: length of that list
 * @warn_used: the level of warn_used_blocks, protected by @mutex
 * @dev: number of the superblock, stays when it is gone
 * @dir: directory in debugfs; of the mount work alone
 * @all: in the list of mounts; of the mount work alone
 * @gone: in the queue of those that were unhooked
 * @ref: of the list, of each open file and of each trigger
 * @release: frees it, a grace period after the last reference
 */
struct tw_mount {
	/* read on the way of an allocation, and seldom written */
	struct hlist_node hash;
	struct super_block *sb;
	struct tw_observer __percpu *observers;
	long next_rise;
	long next_fall;
	unsigned long max_blocks;

	raw_spinlock_t lock ____cacheline_aligned_in_smp;
	struct shmem_sb_info *sbinfo;
	struct list_head marks;
	struct rb_root_cached rises;
	struct rb_root_cached falls;
	struct list_head untold;
	struct tw_mark *telling;

	spinlock_t tell_lock; /* see above */

	struct mutex mutex; /* see above */
	struct list_head triggers;
	unsigned int nr_triggers;
	struct tw_level warn_used;

	dev_t dev;
	struct dentry *dir;
	struct list_head all;
	struct llist_node gone;
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

/**
 * struct tw_mount_events - what the later rooms want to know
 * @appeared: a mount is to be shown
 * @gone: the superblock is gone or the module goes: to be shown no more, and
 *	its triggers to be ended
 * @stopping: the module goes: no mount appears any more, all will be gone next
 *
 * They are called from one work item, never at once, and may sleep.
 */
struct tw_mount_events {
	void (*appeared)(struct tw_mount *mount);
	void (*gone)(struct tw_mount *mount);
	void (*stopping)(void);
};

/**
 * struct tw_mount_counts - statistics over all mounts
 * @shown: mounts there are objects for
 * @hidden: mounts beyond the limit
 */
struct tw_mount_counts {
	unsigned int shown;
	unsigned int hidden;
};

extern unsigned int tw_max_mounts;

/* for works that may wait; from tw_mount_init() to tw_mount_exit() */
extern struct workqueue_struct *tw_wq;

int tw_mount_init(const struct tw_mount_events *events);
void tw_mount_start(void);
void tw_mount_rescan(void);
void tw_mount_stop(void);
void tw_mount_exit(void);

struct tw_mount *tw_mount_find(struct super_block *sb);
struct tw_mount *tw_mount_attach(struct super_block *sb);
void tw_mount_detach(struct tw_mount *mount);
struct tw_mount *tw_mount_get(struct tw_mount *mount);
void tw_mount_put(struct tw_mount *mount);

int tw_mount_usage(struct tw_mount *mount, struct tw_usage *usage);
void tw_mount_counts(struct tw_mount_counts *counts);

#endif /* TW_MOUNT_H */
