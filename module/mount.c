// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts: one object for each tmpfs superblock, and what is measured on it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "blocks.h"
#include "check.h"
#include "gauge.h"
#include "inodes.h"
#include "mount.h"
#include "probe.h"
#include "refusal.h"

struct workqueue_struct *tw_wq;

static const struct tw_gauge_ops *const tw_mount_all_ops[TW_GAUGES] = {
	[TW_BLOCKS] = &tw_blocks_ops,
	[TW_INODES] = &tw_inodes_ops,
	[TW_REFUSALS] = &tw_refusal_ops,
};

/* of all; gauge.c has those in which a hook looks superblocks up */
static DEFINE_HASHTABLE(tw_mount_hash, 10);
static DEFINE_RAW_SPINLOCK(tw_mount_hash_lock);

/* ---- the table ---- */

/**
 * tw_mount_find() - the object of a superblock
 * @sb: the superblock; only its address is used
 *
 * Context: any, with preemption disabled; the object stays until that ends.
 * Return: the object or NULL.
 */
notrace struct tw_mount *tw_mount_find(struct super_block *sb)
{
	struct tw_mount *mount;

	hash_for_each_possible_rcu(tw_mount_hash, mount, hash,
				   (unsigned long)sb,
				   rcu_read_lock_sched_held()) {
		if (mount->sb == sb)
			return mount;
	}
	return NULL;
}

NOKPROBE_SYMBOL(tw_mount_find);

/**
 * tw_mount_visit_all() - call a function for each mount that has an object
 * @visit: called with preemption disabled
 * @data: what for
 *
 * Context: process. Those that come or go meanwhile may be missed.
 */
void tw_mount_visit_all(void (*visit)(struct tw_mount *mount, void *data), void *data)
{
	struct tw_mount *mount;
	size_t i;

	for (i = 0; i < HASH_SIZE(tw_mount_hash); i++) {
		rcu_read_lock_sched();
		hlist_for_each_entry_rcu(mount, &tw_mount_hash[i], hash,
					 rcu_read_lock_sched_held())
			visit(mount, data);
		rcu_read_unlock_sched();
		cond_resched();
	}
}

/* ---- the object ---- */

static void tw_mount_release_fn(struct work_struct *work)
{
	struct tw_mount *mount = container_of(to_rcu_work(work),
					      struct tw_mount, release);
	size_t i;

	if (mount->released)
		mount->released(mount);
	for (i = 0; i < TW_GAUGES; i++) {
		if (!mount->gauges[i])
			continue;
		tw_check_release(mount->gauges[i]);
		if (mount->gauges[i] != &mount->blocks)
			kfree(mount->gauges[i]);
	}
	kfree(mount);
}

static void tw_mount_last_put(struct kref *ref)
{
	struct tw_mount *mount = container_of(ref, struct tw_mount, ref);

	queue_rcu_work(tw_wq, &mount->release);
}

/**
 * tw_mount_get() - take a reference, which keeps the object but not the mount
 * @mount: one that the caller knows to exist
 *
 * Return: @mount.
 */
struct tw_mount *tw_mount_get(struct tw_mount *mount)
{
	kref_get(&mount->ref);
	return mount;
}

/**
 * tw_mount_put() - give a reference back
 * @mount: the mount
 */
void tw_mount_put(struct tw_mount *mount)
{
	kref_put(&mount->ref, tw_mount_last_put);
}

/**
 * tw_mount_alloc() - make an object for tw_mount_insert()
 *
 * Return: a reference, or NULL without memory. It may be given back with kfree().
 */
struct tw_mount *tw_mount_alloc(void)
{
	struct tw_mount *mount = kzalloc(sizeof(*mount), GFP_KERNEL);

	if (!mount)
		return NULL;
	mutex_init(&mount->mutex);
	INIT_LIST_HEAD(&mount->triggers);
	INIT_LIST_HEAD(&mount->limited_counting);
	INIT_LIST_HEAD(&mount->all);
	INIT_LIST_HEAD(&mount->queued);
	kref_init(&mount->ref);
	INIT_RCU_WORK(&mount->release, tw_mount_release_fn);
	return mount;
}

/**
 * tw_mount_insert() - have an object found by its superblock
 * @mount: of tw_mount_alloc(), which can be given back with tw_mount_put() now
 * @sb: filled, and kept from going by the caller until this returns
 *
 * Context: any but a probe.
 */
void tw_mount_insert(struct tw_mount *mount, struct super_block *sb)
{
	unsigned long flags;

	mount->sb = sb;
	mount->dev = sb->s_dev;
	tw_gauge_init(&mount->blocks, tw_mount_all_ops[TW_BLOCKS], mount, &mount->remounts, sb);
	mount->gauges[TW_BLOCKS] = &mount->blocks;

	raw_spin_lock_irqsave(&tw_mount_hash_lock, flags);
	hash_add_rcu(tw_mount_hash, &mount->hash, (unsigned long)sb);
	raw_spin_unlock_irqrestore(&tw_mount_hash_lock, flags);
}

/**
 * tw_mount_attach() - make an object for a superblock
 * @sb: filled, and kept from going by the caller until this returns
 *
 * Return: a reference, or NULL without memory.
 */
struct tw_mount *tw_mount_attach(struct super_block *sb)
{
	struct tw_mount *mount = tw_mount_alloc();

	if (mount)
		tw_mount_insert(mount, sb);
	return mount;
}

/**
 * tw_mount_unhook() - leave the superblock alone
 * @mount: the mount
 *
 * From here on nobody finds the mount by its superblock or touches that; what
 * is on its way has finished.
 *
 * Context: any, with preemption disabled; also the probe of generic_shutdown_super().
 * Return: true for the first caller.
 */
notrace bool tw_mount_unhook(struct tw_mount *mount)
{
	struct tw_gauge *gauge;
	unsigned long flags;
	bool hooked;
	size_t i;

	local_irq_save(flags);
	hooked = tw_gauge_unhook(&mount->blocks);
	/* no other is made from here on; also who was not the first leaves none to the first */
	for (i = 0; i < TW_GAUGES; i++) {
		gauge = READ_ONCE(mount->gauges[i]);
		if (gauge)
			tw_gauge_unhook(gauge);
	}
	if (hooked) {
		tw_probe_lock(&tw_mount_hash_lock);
		hash_del_rcu(&mount->hash);
		raw_spin_unlock(&tw_mount_hash_lock);
	}
	local_irq_restore(flags);
	return hooked;
}

NOKPROBE_SYMBOL(tw_mount_unhook);

/**
 * tw_mount_detach() - undo tw_mount_attach() of a superblock still there
 * @mount: the reference is given back
 */
void tw_mount_detach(struct tw_mount *mount)
{
	tw_mount_unhook(mount);
	tw_mount_put(mount);
}

/**
 * tw_mount_gauge_ops() - how something is measured
 * @kind: what
 *
 * Return: that, for all mounts.
 */
const struct tw_gauge_ops *tw_mount_gauge_ops(enum tw_gauge_kind kind)
{
	return tw_mount_all_ops[kind];
}

/* Puts @gauge, which is all zero, in its place if there is none. */
static int tw_mount_install(struct tw_mount *mount, enum tw_gauge_kind kind,
			    struct tw_gauge *gauge)
{
	const struct tw_gauge_ops *ops = tw_mount_all_ops[kind];

	lockdep_assert_held(&mount->blocks.lock);
	/* as long as that is set tw_mount_unhook() has not begun, and waits for the lock */
	if (!mount->blocks.sbinfo)
		return -ENODEV;
	if (!ops->limit(mount->blocks.sbinfo))
		return -EOPNOTSUPP;
	if (mount->gauges[kind])
		return -EEXIST;
	tw_gauge_init(gauge, ops, mount, &mount->remounts, mount->sb);
	/* who finds it finds it complete */
	smp_store_release(&mount->gauges[kind], gauge);
	return 0;
}

/**
 * tw_mount_gauge() - a gauge of a mount, for a level that is to be registered
 * @mount: the mount
 * @kind: which gauge; it is made if there is none. Then it stays as long as the mount
 *
 * Context: process.
 * Return: the gauge; or ERR_PTR() of -EOPNOTSUPP if the mount keeps no count of that, -ENODEV
 * if it is gone, or -ENOMEM.
 */
struct tw_gauge *tw_mount_gauge(struct tw_mount *mount, enum tw_gauge_kind kind)
{
	struct tw_gauge *gauge = smp_load_acquire(&mount->gauges[kind]); /* of tw_mount_install() */
	unsigned long flags;
	int err;

	if (gauge)
		return tw_gauge_is_unlimited(gauge) ? ERR_PTR(-EOPNOTSUPP) : gauge;
	/* who registers is charged, see tw_eventfd_register_file() */
	gauge = kzalloc(sizeof(*gauge), GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
	if (!gauge)
		return ERR_PTR(-ENOMEM);
	raw_spin_lock_irqsave(&mount->blocks.lock, flags);
	err = tw_mount_install(mount, kind, gauge);
	raw_spin_unlock_irqrestore(&mount->blocks.lock, flags);
	if (!err)
		return gauge;
	kfree(gauge);
	return err == -EEXIST ? mount->gauges[kind] : ERR_PTR(err);
}

/**
 * tw_mount_usage() - the figures of statvfs(2)
 * @mount: the mount
 * @usage: set on success
 *
 * Return: 0, or -ENODEV if the mount is gone.
 */
int tw_mount_usage(struct tw_mount *mount, struct tw_usage *usage)
{
	struct tw_gauge *blocks = &mount->blocks, *refusals;
	struct shmem_sb_info *sbinfo;
	unsigned long flags;

	memset(usage, 0, sizeof(*usage));
	raw_spin_lock_irqsave(&blocks->lock, flags);
	sbinfo = blocks->sbinfo;
	if (sbinfo) {
		usage->size = tw_gauge_limit(blocks);
		if (usage->size)
			tw_gauge_used(blocks, &usage->used);
		usage->inodes = tw_inodes_ops.limit(sbinfo);
		/* read without a lock, as statvfs(2) does: a remount may race */
		if (usage->inodes)
			usage->inodes_free = usage->inodes -
					     clamp_t(s64, tw_inodes_ops.rough(sbinfo), 0,
						     min_t(u64, usage->inodes, S64_MAX));
	}
	raw_spin_unlock_irqrestore(&blocks->lock, flags);
	refusals = smp_load_acquire(&mount->gauges[TW_REFUSALS]); /* of tw_mount_install() */
	if (refusals)
		usage->refused = atomic_long_read(&refusals->count);
	return sbinfo ? 0 : -ENODEV;
}

/* ---- all of them ---- */

/**
 * tw_mount_init() - before anything else of this file
 *
 * Return: 0, or -ENOMEM after a line in the log.
 */
int tw_mount_init(void)
{
	tw_wq = alloc_workqueue("tmpfswarn", WQ_UNBOUND, 0);
	if (tw_wq)
		return 0;
	pr_err("no memory for a workqueue\n");
	return -ENOMEM;
}

/**
 * tw_mount_exit() - undo tw_mount_init()
 *
 * All references must have been given back.
 */
void tw_mount_exit(void)
{
	/* queues the last tw_mount_release_fn(), which the next waits for */
	rcu_barrier();
	destroy_workqueue(tw_wq);
}
