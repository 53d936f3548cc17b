// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts: one object for each tmpfs superblock, and the marks on it.
 *
 * A mark is a level and the side of it that usage is on. Which side that is
 * changes in one place alone, tw_mount_cross(), under the mount's lock: each
 * change is one crossing, and is told once.
 *
 * How none is missed. Whoever changes usage (mm/shmem.c) and whoever changes
 * what is waited for (this file) each write first, then have a full memory
 * barrier, then read what the other wrote:
 *
 *	tw_mount_changed()		tw_mount_settle(), tw_mount_add_mark()
 *	  [usage was counted]		  next_rise, next_fall = ...
 *	  smp_mb()			  smp_mb()
 *	  read next_rise, next_fall	  sum up usage
 *
 * so that either the allocation sees that it has to ask for a look, or the
 * look sees the allocation. The same barrier makes the last of several CPUs
 * that allocate at once see what the others added to the shared part of the
 * counter; the rest is in the CPUs' own parts and within the slack.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat.h"
#include "mount.h"

/* next_rise while nothing waits for usage to rise; for falls that is 0 */
#define TW_NO_RISE	LONG_MAX

/**
 * struct tw_observer - what a CPU queues when usage came near a mark
 * @work: looks at the usage of @mount, in hard interrupt context
 * @mount: whose it is
 *
 * One for each CPU: what a CPU queues for itself has run when it leaves the
 * kernel, which another CPU's need not have.
 */
struct tw_observer {
	struct irq_work work;
	struct tw_mount *mount;
};

unsigned int tw_max_mounts = 2048;

static DEFINE_HASHTABLE(tw_mount_hash, 12);
static DEFINE_RAW_SPINLOCK(tw_mount_hash_lock);

/* of the mount work alone */
static LIST_HEAD(tw_mounts_new);	/* found, not shown yet */
static LIST_HEAD(tw_mounts);

static struct file_system_type *tw_mount_type;
static const struct tw_mount_events *tw_mount_events;
static struct workqueue_struct *tw_mount_wq;
static LLIST_HEAD(tw_mounts_gone);

static unsigned int tw_mounts_shown;
static unsigned int tw_mounts_hidden;
static atomic64_t tw_mount_crossings;

/* bits of tw_mount_todo */
#define TW_TODO_SCAN	0	/* superblocks may have come or changed */
#define TW_TODO_STOP	1	/* the module goes */
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

static struct tw_mount *tw_mount_find(struct super_block *sb)
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

/* ---- crossings ---- */

static void tw_tree_add(struct rb_root_cached *tree, struct tw_mark *mark,
			u64 key)
{
	struct rb_node **link = &tree->rb_root.rb_node;
	struct rb_node *parent = NULL;
	bool leftmost = true;

	mark->key = key;
	while (*link) {
		parent = *link;
		if (key < rb_entry(parent, struct tw_mark, node)->key) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			leftmost = false;
		}
	}
	rb_link_node(&mark->node, parent, link);
	rb_insert_color_cached(&mark->node, tree, leftmost);
}

static struct tw_mark *tw_tree_first(struct rb_root_cached *tree)
{
	struct rb_node *node = rb_first_cached(tree);

	return node ? rb_entry(node, struct tw_mark, node) : NULL;
}

static void tw_mark_insert(struct tw_mount *mount, struct tw_mark *mark)
{
	if (mark->above)
		tw_tree_add(&mount->falls, mark, ~mark->band.fall);
	else
		tw_tree_add(&mount->rises, mark, mark->band.rise);
}

static void tw_mark_erase(struct tw_mount *mount, struct tw_mark *mark)
{
	rb_erase_cached(&mark->node,
			mark->above ? &mount->falls : &mount->rises);
}

static void tw_mark_fire(struct tw_mark *mark)
{
	mark->fired++;
	atomic64_inc(&tw_mount_crossings);
	atomic_inc(&mark->pending);
	irq_work_queue(&mark->signal);
}

static s64 tw_mount_sum(struct tw_mount *mount)
{
	return percpu_counter_sum(&mount->sbinfo->used_blocks);
}

/* As the hook compares them: signed, since a rough usage may be negative. */
static long tw_blocks_to_long(u64 blocks)
{
	return min_t(u64, blocks, LONG_MAX);
}

/* Sets where the hook has to ask for a look from now on. */
static void tw_mount_expect(struct tw_mount *mount)
{
	const struct tw_mark *rise = tw_tree_first(&mount->rises);
	const struct tw_mark *fall = tw_tree_first(&mount->falls);

	lockdep_assert_held(&mount->lock);
	WRITE_ONCE(mount->next_rise,
		   rise ? tw_blocks_to_long(rise->band.rise) : TW_NO_RISE);
	WRITE_ONCE(mount->next_fall,
		   fall ? tw_blocks_to_long(fall->band.fall) : 0);
}

/* Moves each mark that @used has passed; true if there was one. */
static bool tw_mount_cross(struct tw_mount *mount, s64 used)
{
	u64 usage = max_t(s64, used, 0);
	bool crossed = false;
	struct tw_mark *mark;

	for (;;) {
		unsigned int direction;

		mark = tw_tree_first(&mount->rises);
		direction = TW_RISING;
		if (!mark || usage < mark->band.rise) {
			mark = tw_tree_first(&mount->falls);
			direction = TW_FALLING;
			if (!mark || usage >= mark->band.fall)
				return crossed;
		}
		crossed = true;
		tw_mark_erase(mount, mark);
		mark->above = direction == TW_RISING;
		if (!(mark->spec.direction & direction)) {
			tw_mark_insert(mount, mark);
			continue;
		}
		if (mark->spec.once)
			mark->off = true;
		else
			tw_mark_insert(mount, mark);
		tw_mark_fire(mark);
	}
}

/* The size has changed, and with it where percentages are. */
static void tw_mount_resize(struct tw_mount *mount, unsigned long max_blocks)
{
	struct tw_mark *mark;

	list_for_each_entry(mark, &mount->marks, entry) {
		if (!mark->off)
			tw_mark_erase(mount, mark);
		mark->band = tw_spec_band(&mark->spec, max_blocks, PAGE_SHIFT);
		if (!mark->off)
			tw_mark_insert(mount, mark);
	}
	tw_mount_expect(mount);
	/* pairs with smp_rmb() in tw_mount_is_near(): size seen, rest seen */
	smp_wmb();
	WRITE_ONCE(mount->max_blocks, max_blocks);
	smp_mb(); /* see the top of the file */
}

/*
 * May a look find that a mark was passed? @sbinfo must be alive. Where a sum
 * over the CPUs would be on the wrong side of next_rise or next_fall, the
 * counter's rough value is no further than the slack from it.
 */
static bool tw_mount_is_near(const struct tw_mount *mount,
			     struct shmem_sb_info *sbinfo)
{
	s64 count, slack;

	smp_mb(); /* see the top of the file */
	if (READ_ONCE(mount->max_blocks) != READ_ONCE(sbinfo->max_blocks))
		return true;
	smp_rmb(); /* pairs with smp_wmb() in tw_mount_resize() */

	count = percpu_counter_read(&sbinfo->used_blocks);
	slack = tw_compat_counter_slack();
	return count + slack >= READ_ONCE(mount->next_rise) ||
	       count - slack < READ_ONCE(mount->next_fall);
}
NOKPROBE_SYMBOL(tw_mount_is_near);

/* Looks at the usage and tells what was crossed. */
static void tw_mount_settle(struct tw_mount *mount)
{
	struct shmem_sb_info *sbinfo;
	unsigned long flags, max_blocks;

	raw_spin_lock_irqsave(&mount->lock, flags);
	sbinfo = mount->sbinfo;
	/*
	 * The last umount clears SB_ACTIVE and then throws all inodes away;
	 * that empties the mount, but nobody freed anything.
	 */
	if (!sbinfo || !(READ_ONCE(mount->sb->s_flags) & SB_ACTIVE))
		goto out;
	max_blocks = READ_ONCE(sbinfo->max_blocks);
	if (max_blocks != mount->max_blocks)
		tw_mount_resize(mount, max_blocks);
	/* a remount to size=0 ends the count for good */
	if (!max_blocks || !tw_mount_is_near(mount, sbinfo))
		goto out;
	/*
	 * A mark that has moved waits for the other direction from now on, and
	 * usage may have passed it back before next_* said so: look again.
	 */
	while (tw_mount_cross(mount, tw_mount_sum(mount))) {
		tw_mount_expect(mount);
		smp_mb(); /* see the top of the file */
	}
out:
	raw_spin_unlock_irqrestore(&mount->lock, flags);
}

static void tw_mount_observe(struct irq_work *work)
{
	tw_mount_settle(container_of(work, struct tw_observer, work)->mount);
}

/**
 * tw_mount_changed() - the hook's call: blocks were allocated or freed
 * @sb: where
 * @freeing: 0 if they are counted already; otherwise the blocks that are being
 *	freed and will be counted before interrupts are enabled again
 *
 * Takes no lock and writes nothing, unless usage is so near to a mark that it
 * may have been passed. What it then queues runs on this CPU as soon as
 * interrupts are enabled: before the system call returns, and after the blocks
 * were counted.
 *
 * Context: any, with preemption disabled, while @sb is in use.
 */
void tw_mount_changed(struct super_block *sb, long freeing)
{
	struct tw_mount *mount = tw_mount_find(sb);
	struct tw_observer __percpu *observers;

	if (!mount)
		return;
	/*
	 * What is freed is not counted yet, so the barrier that makes an
	 * allocation see next_fall would be too early here: always look.
	 */
	if (!freeing && likely(!tw_mount_is_near(mount, sb->s_fs_info)))
		return;
	observers = READ_ONCE(mount->observers);
	if (observers)
		irq_work_queue(&this_cpu_ptr(observers)->work);
}
NOKPROBE_SYMBOL(tw_mount_changed);

/* ---- marks ---- */

/*
 * Makes the irq_works through which the mount is looked at, once in its life.
 * Context: process, mount->mutex held.
 */
static int tw_mount_make_observers(struct tw_mount *mount)
{
	struct tw_observer __percpu *observers;
	int cpu;

	lockdep_assert_held(&mount->mutex);
	if (mount->observers)
		return 0;
	observers = alloc_percpu_gfp(struct tw_observer, GFP_KERNEL_ACCOUNT);
	if (!observers)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct tw_observer *observer = per_cpu_ptr(observers, cpu);

		tw_compat_init_irq_work_hard(&observer->work, tw_mount_observe);
		observer->mount = mount;
	}
	/* the hook must not see these before what they hold */
	smp_store_release(&mount->observers, observers);
	/* each free that did not see them is counted after this */
	synchronize_rcu();
	return 0;
}

/* Can a level be watched there? */
static int tw_mount_watchable(struct tw_mount *mount)
{
	lockdep_assert_held(&mount->lock);
	if (!mount->sbinfo)
		return -ENODEV;
	if (!READ_ONCE(mount->sbinfo->max_blocks))
		return -EOPNOTSUPP;
	return 0;
}

/* Puts the mark on the side where usage is, without telling; true if past. */
static bool tw_mark_place(struct tw_mount *mount, struct tw_mark *mark)
{
	unsigned long max_blocks = READ_ONCE(mount->sbinfo->max_blocks);
	bool falling = mark->spec.direction == TW_FALLING;
	const struct tw_band *band = &mark->band;
	u64 used;

	if (max_blocks != mount->max_blocks)
		tw_mount_resize(mount, max_blocks);
	mark->band = tw_spec_band(&mark->spec, max_blocks, PAGE_SHIFT);
	mark->off = false;

	/* the widest that it can wait for, before usage is looked at */
	WRITE_ONCE(mount->next_rise,
		   min(mount->next_rise, tw_blocks_to_long(band->rise)));
	WRITE_ONCE(mount->next_fall,
		   max(mount->next_fall, tw_blocks_to_long(band->fall)));
	smp_mb(); /* see the top of the file */
	used = max_t(s64, tw_mount_sum(mount), 0);

	mark->above = used >= (falling ? band->fall : band->rise);
	tw_mark_insert(mount, mark);
	tw_mount_expect(mount);
	return mark->above != falling;
}

/**
 * tw_mount_add_mark() - begin to watch for a crossing
 * @mount: where
 * @mark: with @spec and @signal set and all else zero
 *
 * Context: process, mount->mutex held.
 * Return: 0; -ENODEV if the mount is gone, -EOPNOTSUPP if it keeps no count,
 * -ENOMEM.
 */
int tw_mount_add_mark(struct tw_mount *mount, struct tw_mark *mark)
{
	unsigned long flags;
	int err;

	err = tw_mount_make_observers(mount);
	if (err)
		return err;

	raw_spin_lock_irqsave(&mount->lock, flags);
	err = tw_mount_watchable(mount);
	if (err)
		goto out;
	list_add_tail(&mark->entry, &mount->marks);
	if (mark->spec.level.kind == TW_LEVEL_NONE) {
		mark->off = true;
	} else if (tw_mark_place(mount, mark) && mark->spec.now) {
		if (mark->spec.once) {
			tw_mark_erase(mount, mark);
			mark->off = true;
			tw_mount_expect(mount);
		}
		tw_mark_fire(mark);
	}
out:
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	return err;
}

/**
 * tw_mount_move_mark() - give a mark another level
 * @mount: where it is
 * @mark: the mark, one that asks for @now
 * @level: the new level, may be none; signals at once if it is reached
 *
 * Context: process, mount->mutex held.
 */
void tw_mount_move_mark(struct tw_mount *mount, struct tw_mark *mark,
			const struct tw_level *level)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!mark->off)
		tw_mark_erase(mount, mark);
	mark->off = true;
	mark->spec.level = *level;
	if (!tw_mount_watchable(mount) && level->kind != TW_LEVEL_NONE) {
		if (tw_mark_place(mount, mark))
			tw_mark_fire(mark);
	} else {
		tw_mount_expect(mount);
	}
	raw_spin_unlock_irqrestore(&mount->lock, flags);
}

/**
 * tw_mount_del_mark() - watch no more
 * @mount: where it is
 * @mark: the mark; its @signal has run for the last time on return
 *
 * Context: process.
 */
void tw_mount_del_mark(struct tw_mount *mount, struct tw_mark *mark)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!mark->off)
		tw_mark_erase(mount, mark);
	mark->off = true;
	list_del(&mark->entry);
	tw_mount_expect(mount);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	irq_work_sync(&mark->signal);
}

/* ---- the object ---- */

static void tw_mount_release_fn(struct work_struct *work)
{
	struct tw_mount *mount = container_of(to_rcu_work(work),
					      struct tw_mount, release);
	int cpu;

	/* no handler sees the mount any more; what they queued may still run */
	if (mount->observers) {
		for_each_possible_cpu(cpu)
			irq_work_sync(&per_cpu_ptr(mount->observers, cpu)->work);
		free_percpu(mount->observers);
	}
	kfree(mount);
}

static void tw_mount_last_put(struct kref *ref)
{
	struct tw_mount *mount = container_of(ref, struct tw_mount, ref);

	queue_rcu_work(tw_mount_wq, &mount->release);
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
	mount->max_blocks = READ_ONCE(mount->sbinfo->max_blocks);
	mount->next_rise = TW_NO_RISE;
	raw_spin_lock_init(&mount->lock);
	INIT_LIST_HEAD(&mount->marks);
	mount->rises = RB_ROOT_CACHED;
	mount->falls = RB_ROOT_CACHED;
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
			usage->used = tw_mount_sum(mount);
		usage->inodes = READ_ONCE(sbinfo->max_inodes);
		if (usage->inodes)
			usage->inodes_free = tw_compat_free_inodes(sbinfo);
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
	counts->crossings = atomic64_read(&tw_mount_crossings);
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
		/* only this work unhooks what shmem_put_super() does not */
		tw_mount_settle(mount);
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

	do {
		bool stop = test_bit(TW_TODO_STOP, &tw_mount_todo);

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
		clear_bit(TW_TODO_STOP, &tw_mount_todo);
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

	/* none if filling it failed, or if it was not shown */
	if (mount && tw_mount_unhook(mount)) {
		llist_add(&mount->gone, &tw_mounts_gone);
		irq_work_queue(&tw_mount_kick);
	}
	return 0;
}
NOKPROBE_SYMBOL(tw_mount_on_put);

static struct kprobe tw_mount_probes[] = {
	{ .symbol_name = "shmem_put_super", .pre_handler = tw_mount_on_put },
	{ .symbol_name = "shmem_fill_super", .pre_handler = tw_mount_on_change },
	{ .symbol_name = "shmem_reconfigure", .pre_handler = tw_mount_on_change },
};

/**
 * tw_mount_init() - before anything else of this file
 *
 * Return: 0 or a negative errno.
 */
int tw_mount_init(void)
{
	init_irq_work(&tw_mount_kick, tw_mount_kick_fn);
	tw_mount_wq = alloc_ordered_workqueue("tmpfswarn_mounts", 0);
	if (!tw_mount_wq)
		return -ENOMEM;
	/* built into the kernel, so there is no module to hold */
	tw_mount_type = get_fs_type("tmpfs");
	if (!tw_mount_type) {
		pr_err("no file system type tmpfs\n");
		destroy_workqueue(tw_mount_wq);
		return -ENODEV;
	}
	return 0;
}

/**
 * tw_mount_start() - find the mounts there are, and those that come
 * @events: who wants to know
 *
 * All mounts there are have been told to @events on return.
 *
 * Return: 0, or a negative errno after a line in the log.
 */
int tw_mount_start(const struct tw_mount_events *events)
{
	size_t i;
	int err;

	tw_mount_events = events;
	/* those of the hook's proof are nobody's business */
	atomic64_set(&tw_mount_crossings, 0);
	for (i = 0; i < ARRAY_SIZE(tw_mount_probes); i++) {
		err = register_kprobe(&tw_mount_probes[i]);
		if (err) {
			pr_err("cannot probe %s: error %d\n",
			       tw_mount_probes[i].symbol_name, err);
			while (i--)
				unregister_kprobe(&tw_mount_probes[i]);
			return err;
		}
	}
	set_bit(TW_TODO_SCAN, &tw_mount_todo);
	queue_work(tw_mount_wq, &tw_mount_work);
	flush_work(&tw_mount_work);
	return 0;
}

/**
 * tw_mount_stop() - undo tw_mount_start()
 *
 * Every mount has been told to be gone on return.
 */
void tw_mount_stop(void)
{
	size_t i;

	for (i = 1; i < ARRAY_SIZE(tw_mount_probes); i++)
		unregister_kprobe(&tw_mount_probes[i]);
	set_bit(TW_TODO_STOP, &tw_mount_todo);
	queue_work(tw_mount_wq, &tw_mount_work);
	flush_work(&tw_mount_work);
	/* only now may umounts go unnoticed */
	unregister_kprobe(&tw_mount_probes[0]);
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
	/* each tw_mount_release_fn() is queued after this, and run by the next */
	rcu_barrier();
	destroy_workqueue(tw_mount_wq);
}
