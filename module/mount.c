// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts: one object for each tmpfs superblock, and the marks on it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat.h"
#include "look.h"
#include "mark.h"
#include "mount.h"

unsigned int tw_max_mounts = 2048;

static DEFINE_HASHTABLE(tw_mount_hash, 12);
static DEFINE_RAW_SPINLOCK(tw_mount_hash_lock);

/* of the mount work alone */
static LIST_HEAD(tw_mounts_new);	/* found, not shown yet */
static LIST_HEAD(tw_mounts);

static struct file_system_type *tw_mount_type;
static const struct tw_mount_events *tw_mount_events;
static struct workqueue_struct *tw_mount_wq;
struct workqueue_struct *tw_wq;
static LLIST_HEAD(tw_mounts_gone);

static unsigned int tw_mounts_shown;
static unsigned int tw_mounts_hidden;

/* bits of tw_mount_todo */
#define TW_TODO_START	0	/* mounts may be shown from now on */
#define TW_TODO_SCAN	1	/* superblocks may have come or changed */
#define TW_TODO_STOP	2	/* the module goes */
static unsigned long tw_mount_todo;

static void tw_mount_work_fn(struct work_struct *work);
static DECLARE_WORK(tw_mount_work, tw_mount_work_fn);

static void tw_mount_kick_fn(struct irq_work *work)
{
	queue_work(tw_mount_wq, &tw_mount_work);
}

/* Queues the work from where queue_work() is not allowed: any probe. */
static struct irq_work tw_mount_kick;

/*
 * Locks from the handler of shmem_put_super(). Where the probe is a breakpoint
 * x86 calls that an NMI, in which lockdep accepts trylocks only. It is safe to
 * spin: a handler never interrupts a holder of these locks, who has interrupts
 * off and is not in shmem_put_super().
 */
static void tw_mount_lock_in_probe(raw_spinlock_t *lock)
	__acquires(lock)
{
	while (!raw_spin_trylock(lock))
		cpu_relax();
}

/* ---- the table ---- */

/**
 * tw_mount_find() - the object of a superblock
 * @sb: the superblock; only its address is used
 *
 * Context: any, with preemption disabled; the object stays until that ends.
 * Return: the object or NULL.
 */
struct tw_mount *tw_mount_find(struct super_block *sb)
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

/* ---- the object ---- */

static void tw_mount_release_fn(struct work_struct *work)
{
	struct tw_mount *mount = container_of(to_rcu_work(work),
					      struct tw_mount, release);

	tw_look_release(mount);
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
 * tw_mount_attach() - make an object for a superblock
 * @sb: complete, and kept from going by the caller until this returns
 *
 * Return: a reference, or NULL without memory.
 */
struct tw_mount *tw_mount_attach(struct super_block *sb)
{
	struct tw_mount *mount = kzalloc(sizeof(*mount), GFP_KERNEL);

	if (!mount)
		return NULL;
	mount->sb = sb;
	mount->sbinfo = sb->s_fs_info;
	mount->dev = sb->s_dev;
	tw_mark_prepare(mount);
	mutex_init(&mount->mutex);
	INIT_LIST_HEAD(&mount->triggers);
	INIT_LIST_HEAD(&mount->all);
	kref_init(&mount->ref);
	INIT_RCU_WORK(&mount->release, tw_mount_release_fn);

	raw_spin_lock_irq(&tw_mount_hash_lock);
	hash_add_rcu(tw_mount_hash, &mount->hash, (unsigned long)sb);
	raw_spin_unlock_irq(&tw_mount_hash_lock);
	return mount;
}

/*
 * From here on nobody finds the mount by its superblock or touches that; what
 * is on its way has finished. True for the first caller.
 */
static bool tw_mount_unhook(struct tw_mount *mount)
{
	unsigned long flags;
	bool hooked;

	local_irq_save(flags);
	tw_mount_lock_in_probe(&mount->lock);
	hooked = mount->sbinfo;
	mount->sbinfo = NULL;
	raw_spin_unlock(&mount->lock);
	if (hooked) {
		tw_mount_lock_in_probe(&tw_mount_hash_lock);
		hash_del_rcu(&mount->hash);
		raw_spin_unlock(&tw_mount_hash_lock);
	}
	local_irq_restore(flags);
	return hooked;
}

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
 * tw_mount_usage() - the figures of statvfs(2)
 * @mount: the mount
 * @usage: set on success
 *
 * Return: 0, or -ENODEV if the mount is gone.
 */
int tw_mount_usage(struct tw_mount *mount, struct tw_usage *usage)
{
	const struct shmem_sb_info *sbinfo;
	unsigned long flags;

	memset(usage, 0, sizeof(*usage));
	raw_spin_lock_irqsave(&mount->lock, flags);
	sbinfo = mount->sbinfo;
	if (sbinfo) {
		usage->size = READ_ONCE(sbinfo->max_blocks);
		if (usage->size)
			usage->used = percpu_counter_sum(&mount->sbinfo->used_blocks);
		usage->inodes = READ_ONCE(sbinfo->max_inodes);
		/* read without stat_lock, like statfs does: a remount may race */
		if (usage->inodes)
			usage->inodes_free = min_t(u64, usage->inodes,
						   tw_compat_free_inodes(sbinfo));
	}
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	return sbinfo ? 0 : -ENODEV;
}

/**
 * tw_mount_counts() - statistics over all mounts
 * @counts: set
 */
void tw_mount_counts(struct tw_mount_counts *counts)
{
	counts->shown = READ_ONCE(tw_mounts_shown);
	counts->hidden = READ_ONCE(tw_mounts_hidden);
}

/* ---- coming and going ---- */

/* A superblock that is complete and cannot go: s_umount is held. */
static void tw_mount_scan_one(struct super_block *sb, void *hidden)
{
	struct tw_mount *mount;

	/* memfd, SysV and anonymous shared memory; what drivers keep */
	if (sb->s_flags & SB_KERNMOUNT)
		return;

	rcu_read_lock_sched();
	mount = tw_mount_find(sb);
	rcu_read_unlock_sched();
	if (mount) {
		/* stays, since shmem_put_super() needs s_umount */
		tw_look_settle(mount);
		return;
	}
	if (tw_mounts_shown < tw_max_mounts)
		mount = tw_mount_attach(sb);
	else
		pr_warn_once("not showing more than %u tmpfs mounts: raise the parameter max_mounts\n",
			     tw_max_mounts);
	if (!mount) {
		++*(unsigned int *)hidden;
		return;
	}
	list_add_tail(&mount->all, &tw_mounts_new);
	WRITE_ONCE(tw_mounts_shown, tw_mounts_shown + 1);
}

static void tw_mount_scan(void)
{
	unsigned int hidden = 0;

	iterate_supers_type(tw_mount_type, tw_mount_scan_one, &hidden);
	WRITE_ONCE(tw_mounts_hidden, hidden);
}

static void tw_mount_bury(void)
{
	struct llist_node *gone = llist_del_all(&tw_mounts_gone);
	struct tw_mount *mount, *next;

	llist_for_each_entry_safe(mount, next, llist_reverse_order(gone),
				  gone) {
		tw_mount_events->gone(mount);
		list_del(&mount->all);
		WRITE_ONCE(tw_mounts_shown, tw_mounts_shown - 1);
		tw_mount_put(mount);
		/* there is room for one of those hidden */
		if (tw_mounts_hidden)
			set_bit(TW_TODO_SCAN, &tw_mount_todo);
	}
}

/*
 * All comings and goings, in one work item on an ordered queue, so that the
 * directory of a mount that went is removed before that of a new one with the
 * same device number is made: the number is free only after the old mount's
 * shmem_put_super(), so the old one is in the queue before the new one can be
 * found by the scan.
 */
static void tw_mount_work_fn(struct work_struct *work)
{
	struct tw_mount *mount, *next;

	if (!test_bit(TW_TODO_START, &tw_mount_todo))
		return;
	do {
		bool stop = test_bit(TW_TODO_STOP, &tw_mount_todo);

		/* the scan may have to wait for an umount that takes long */
		tw_mount_bury();
		if (test_and_clear_bit(TW_TODO_SCAN, &tw_mount_todo) && !stop)
			tw_mount_scan();
		if (stop) {
			tw_mount_events->stopping();
			list_splice_tail_init(&tw_mounts_new, &tw_mounts);
			list_for_each_entry(mount, &tw_mounts, all) {
				if (tw_mount_unhook(mount))
					llist_add(&mount->gone, &tw_mounts_gone);
			}
		}
		tw_mount_bury();
		list_for_each_entry_safe(mount, next, &tw_mounts_new, all) {
			tw_mount_events->appeared(mount);
			list_move_tail(&mount->all, &tw_mounts);
		}
	} while (test_bit(TW_TODO_SCAN, &tw_mount_todo));
}

/*
 * A superblock is being filled or remounted, under s_umount; the scan waits
 * for that and so finds it complete, or not at all if it failed.
 */
static int tw_mount_on_change(struct kprobe *probe, struct pt_regs *regs)
{
	set_bit(TW_TODO_SCAN, &tw_mount_todo);
	irq_work_queue(&tw_mount_kick);
	return 0;
}

NOKPROBE_SYMBOL(tw_mount_on_change);

/* The last moment at which the superblock's count may be read. */
static int tw_mount_on_put(struct kprobe *probe, struct pt_regs *regs)
{
	struct super_block *sb = (void *)regs_get_kernel_argument(regs, 0);
	struct tw_mount *mount = tw_mount_find(sb);

	if (mount && tw_mount_unhook(mount)) {
		llist_add(&mount->gone, &tw_mounts_gone);
		irq_work_queue(&tw_mount_kick);
	} else if (READ_ONCE(tw_mounts_hidden)) {
		/* that may have been one of them */
		tw_mount_on_change(probe, regs);
	}
	return 0;
}

NOKPROBE_SYMBOL(tw_mount_on_put);

static struct kprobe tw_mount_probes[] = {
	{ .symbol_name = "shmem_put_super", .pre_handler = tw_mount_on_put },
	{ .symbol_name = "shmem_fill_super", .pre_handler = tw_mount_on_change },
	{ .symbol_name = "shmem_reconfigure", .pre_handler = tw_mount_on_change },
};

/*
 * Where probes are made of ftrace, the sysctl kernel.ftrace_enabled takes them
 * away without a word, and with that of shmem_put_super the last moment at
 * which a count may be read. One that is permanent makes it answer EBUSY.
 */
#ifdef CONFIG_DYNAMIC_FTRACE
static void tw_mount_on_ftrace(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops,
			       struct tw_compat_ftrace_regs *regs)
{
}

static struct ftrace_ops tw_mount_ftrace = {
	.func = tw_mount_on_ftrace,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

static int tw_mount_keep_ftrace(void)
{
	char symbol[] = "shmem_put_super";
	int err;

	err = ftrace_set_filter(&tw_mount_ftrace, symbol, strlen(symbol), 1);
	if (!err)
		err = register_ftrace_function(&tw_mount_ftrace);
	if (err)
		pr_err("cannot keep ftrace on: error %d; is the sysctl kernel.ftrace_enabled 0?\n",
		       err);
	return err;
}

static void tw_mount_release_ftrace(void)
{
	unregister_ftrace_function(&tw_mount_ftrace);
	/* frees the filter */
	ftrace_set_filter(&tw_mount_ftrace, NULL, 0, 1);
}
#else
static int tw_mount_keep_ftrace(void)
{
	return 0;
}

static void tw_mount_release_ftrace(void)
{
}
#endif

/**
 * tw_mount_init() - before anything else of this file
 * @events: who wants to know of mounts, from tw_mount_start() on
 *
 * Return: 0, or a negative errno after a line in the log.
 */
int tw_mount_init(const struct tw_mount_events *events)
{
	size_t i;
	int err;

	tw_mount_events = events;
	init_irq_work(&tw_mount_kick, tw_mount_kick_fn);
	/* built into the kernel, so there is no module to hold */
	tw_mount_type = get_fs_type("tmpfs");
	if (!tw_mount_type) {
		pr_err("no file system type tmpfs\n");
		return -ENODEV;
	}
	tw_wq = alloc_workqueue("tmpfswarn", WQ_UNBOUND, 0);
	if (!tw_wq)
		return -ENOMEM;
	tw_mount_wq = alloc_ordered_workqueue("tmpfswarn_mounts", 0);
	if (!tw_mount_wq) {
		err = -ENOMEM;
		goto destroy_wq;
	}
	err = tw_mount_keep_ftrace();
	if (err)
		goto destroy_mount_wq;
	for (i = 0; i < ARRAY_SIZE(tw_mount_probes); i++) {
		err = register_kprobe(&tw_mount_probes[i]);
		if (err) {
			pr_err("cannot probe %s: error %d\n",
			       tw_mount_probes[i].symbol_name, err);
			goto unregister;
		}
	}
	return 0;

unregister:
	while (i--)
		unregister_kprobe(&tw_mount_probes[i]);
	irq_work_sync(&tw_mount_kick);
	tw_mount_release_ftrace();
destroy_mount_wq:
	destroy_workqueue(tw_mount_wq);
destroy_wq:
	destroy_workqueue(tw_wq);
	return err;
}

/**
 * tw_mount_rescan() - look for mounts, and at the usage of all
 *
 * Context: process; does not wait.
 */
void tw_mount_rescan(void)
{
	set_bit(TW_TODO_SCAN, &tw_mount_todo);
	queue_work(tw_mount_wq, &tw_mount_work);
}

/**
 * tw_mount_start() - find the mounts there are, and those that come
 *
 * All mounts there are have been told of on return.
 */
void tw_mount_start(void)
{
	set_bit(TW_TODO_START, &tw_mount_todo);
	tw_mount_rescan();
	flush_work(&tw_mount_work);
}

/**
 * tw_mount_stop() - undo tw_mount_start()
 *
 * Every mount has been told to be gone on return.
 */
void tw_mount_stop(void)
{
	set_bit(TW_TODO_STOP, &tw_mount_todo);
	queue_work(tw_mount_wq, &tw_mount_work);
	flush_work(&tw_mount_work);
	/*
	 * A last umount may have unhooked its mount before this did, and be
	 * about to queue it: wait for its handler, then for the work. No other
	 * can come, since no mount is found any more.
	 */
	synchronize_rcu();
	irq_work_sync(&tw_mount_kick);
	flush_work(&tw_mount_work);
}

/**
 * tw_mount_exit() - undo tw_mount_init()
 *
 * All references must have been given back.
 */
void tw_mount_exit(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tw_mount_probes); i++)
		unregister_kprobe(&tw_mount_probes[i]);
	tw_mount_release_ftrace();
	irq_work_sync(&tw_mount_kick);
	destroy_workqueue(tw_mount_wq);
	/* queues the last tw_mount_release_fn(), which the next waits for */
	rcu_barrier();
	destroy_workqueue(tw_wq);
}
