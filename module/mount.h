/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts: one object for each tmpfs superblock.
 */
#ifndef TW_MOUNT_H
#define TW_MOUNT_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "gauge.h"
#include "level.h"

struct dentry;
struct super_block;
struct tw_owner;
struct tw_trigger;

/**
 * struct tw_mount - a tmpfs superblock
 * @blocks: the one of @gauges that is always there
 * @gauges: what is measured on it, NULL where no level was registered yet; see tw_mount_gauge()
 * @remounts: how many have begun and are over, together; odd while one may be under way.
 *	Under a lock of discovery.c
 * @sb: the superblock; only a key, except while tw_mount_is_there()
 * @mutex: protects what follows up to @warn_used, and makes registration and its end exclude each
 *	other; taken before those of @gauges, and their locks
 * @triggers: see trigger.c, in the order of registration
 * @nr_triggers: length of that list
 * @nr_limited: how many of them are ordinary users'
 * @limited_counting: and are told of each refusal: a few, see TW_TRIGGER_COUNTING
 * @peak: the trigger that keeps the most that was used, or NULL
 * @forgotten: how much was refused when memory.failcnt was written last
 * @warn_used: the level of warn_used_blocks
 * @hash: in the table of all, by @sb
 * @dev: number of the superblock, stays when it is gone
 * @dir: directory in debugfs; of the mount work alone
 * @all: in the list of mounts; of the mount work alone
 * @queued: in a queue of discovery.c, under its lock: of those to be checked after a
 *	remount, or of those that were unhooked
 * @owner: who is charged for the mount in discovery.c; NULL for nobody
 * @released: called, in a process, before the object is freed; NULL without @owner
 * @ref: of the list, of each open file and of each trigger
 * @release: frees it, a grace period after the last reference
 */
struct tw_mount {
	struct tw_gauge blocks;
	struct tw_gauge *gauges[TW_GAUGES];
	unsigned int remounts;

	struct super_block *sb;
	struct mutex mutex; /* see above */
	struct list_head triggers;
	unsigned int nr_triggers;
	unsigned int nr_limited;
	struct list_head limited_counting;
	struct tw_trigger *peak;
	unsigned long forgotten;
	struct tw_level warn_used;

	struct hlist_node hash;
	dev_t dev;
	struct dentry *dir;
	struct list_head all;
	struct list_head queued;
	struct tw_owner *owner;
	void (*released)(struct tw_mount *mount);
	struct kref ref;
	struct rcu_work release;
};

/**
 * struct tw_usage - what statvfs(2) says of a mount
 * @size: in blocks, 0 if unlimited
 * @used: in blocks, 0 if @size is
 * @inodes: that can be, 0 if unlimited
 * @inodes_free: of these, not more than @inodes
 * @refused: system calls, while there was a trigger that asks for that
 */
struct tw_usage {
	u64 size;
	s64 used;
	u64 inodes;
	u64 inodes_free;
	unsigned long refused;
};

/* for works that may wait; from tw_mount_init() to tw_mount_exit() */
extern struct workqueue_struct *tw_wq;

int tw_mount_init(void);
void tw_mount_exit(void);

struct tw_mount *tw_mount_find(struct super_block *sb);
void tw_mount_visit_all(void (*visit)(struct tw_mount *mount, void *data), void *data);

struct tw_mount *tw_mount_alloc(void);
void tw_mount_insert(struct tw_mount *mount, struct super_block *sb);
struct tw_mount *tw_mount_attach(struct super_block *sb);
bool tw_mount_unhook(struct tw_mount *mount);
void tw_mount_detach(struct tw_mount *mount);
struct tw_mount *tw_mount_get(struct tw_mount *mount);
void tw_mount_put(struct tw_mount *mount);

/**
 * tw_mount_get_unless_gone() - take a reference if there is one left
 * @mount: an object that stays for the moment
 *
 * Return: true if it was taken.
 */
static __always_inline bool tw_mount_get_unless_gone(struct tw_mount *mount)
{
	return kref_get_unless_zero(&mount->ref);
}

const struct tw_gauge_ops *tw_mount_gauge_ops(enum tw_gauge_kind kind);
struct tw_gauge *tw_mount_gauge(struct tw_mount *mount, enum tw_gauge_kind kind);
int tw_mount_usage(struct tw_mount *mount, struct tw_usage *usage);

/**
 * tw_mount_remount() - a remount begins, or none is under way
 * @mount: where
 * @begins: the first of the two
 *
 * Context: any; not at once, and with s_umount held so that it is true on return.
 */
static __always_inline void tw_mount_remount(struct tw_mount *mount, bool begins)
{
	unsigned int remounts = mount->remounts;

	/* they may have begun more often than they were seen to be over */
	if (begins == (remounts & 1))
		return;
	/* what the remount that is over has changed is seen */
	smp_store_release(&mount->remounts, remounts + 1); /* for tw_inodes_used() */
	/* pairs with smp_rmb() there: what it changes is seen after that */
	smp_wmb();
}

/* Blocks; before 6.6 two allocations at once may both be let in by the last one. */
static inline u64 tw_usage_free(const struct tw_usage *usage)
{
	return usage->size - min_t(u64, max_t(s64, usage->used, 0), usage->size);
}

/**
 * tw_mount_is_there() - has it a superblock still?
 * @mount: the mount
 *
 * Context: any. It may go at once, unless the caller keeps it from that.
 */
static inline bool tw_mount_is_there(const struct tw_mount *mount)
{
	return READ_ONCE(mount->blocks.sbinfo);
}

#endif /* TW_MOUNT_H */
