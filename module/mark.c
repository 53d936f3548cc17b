// SPDX-License-Identifier: GPL-2.0
/*
 * Marks: levels on a mount, and the side of them that usage is on.
 *
 * Which side that is changes in one place alone, tw_mark_cross(), under the
 * mount's lock: each change is one crossing, and is told once.
 *
 * How none is missed. Whoever changes usage (mm/shmem.c) and whoever changes
 * what is waited for (this file) each write first, then have a full memory
 * barrier, then read what the other wrote:
 *
 *	tw_mark_check()			tw_mark_settle(), tw_mark_add()
 *	  [usage was counted]		  next_rise, next_fall = ...
 *	  smp_mb()			  smp_mb()
 *	  read next_rise, next_fall	  sum up usage
 *
 * so that either the allocation sees that it has to ask for a look, or the
 * look sees the allocation. The same barrier makes the last of several CPUs
 * that allocate at once see what the others added to the shared part of the
 * counter; the rest is in the CPUs' own parts and within the slack.
 */
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>

#include "compat.h"
#include "mark.h"
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
	atomic_inc(&mark->pending);
	irq_work_queue(&mark->signal);
}

static s64 tw_mark_sum(struct tw_mount *mount)
{
	return percpu_counter_sum(&mount->sbinfo->used_blocks);
}

/* As the hook compares them: signed, since a rough usage may be negative. */
static long tw_blocks_to_long(u64 blocks)
{
	return min_t(u64, blocks, LONG_MAX);
}

/* Sets where the hook has to ask for a look from now on. */
static void tw_mark_expect(struct tw_mount *mount)
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
static bool tw_mark_cross(struct tw_mount *mount, s64 used)
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
static void tw_mark_resize(struct tw_mount *mount, unsigned long max_blocks)
{
	struct tw_mark *mark;

	list_for_each_entry(mark, &mount->marks, entry) {
		if (!mark->off)
			tw_mark_erase(mount, mark);
		mark->band = tw_spec_band(&mark->spec, max_blocks, PAGE_SHIFT);
		if (!mark->off)
			tw_mark_insert(mount, mark);
	}
	tw_mark_expect(mount);
	/* pairs with smp_rmb() in tw_mark_is_near(): size seen, rest seen */
	smp_wmb();
	WRITE_ONCE(mount->max_blocks, max_blocks);
	smp_mb(); /* see the top of the file */
}

/*
 * May a look find that a mark was passed? @sbinfo must be alive. Where a sum
 * over the CPUs would be on the wrong side of next_rise or next_fall, the
 * counter's rough value is no further than the slack from it.
 */
static bool tw_mark_is_near(const struct tw_mount *mount,
			    struct shmem_sb_info *sbinfo)
{
	s64 count, slack;

	smp_mb(); /* see the top of the file */
	if (READ_ONCE(mount->max_blocks) != READ_ONCE(sbinfo->max_blocks))
		return true;
	smp_rmb(); /* pairs with smp_wmb() in tw_mark_resize() */

	count = percpu_counter_read(&sbinfo->used_blocks);
	slack = tw_compat_counter_slack();
	return count + slack >= READ_ONCE(mount->next_rise) ||
	       count - slack < READ_ONCE(mount->next_fall);
}

NOKPROBE_SYMBOL(tw_mark_is_near);

/**
 * tw_mark_settle() - look at the usage and tell what was crossed
 * @mount: of which
 *
 * Context: any but an NMI.
 */
void tw_mark_settle(struct tw_mount *mount)
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
		tw_mark_resize(mount, max_blocks);
	/* a remount to size=0 ends the count for good */
	if (!max_blocks || !tw_mark_is_near(mount, sbinfo))
		goto out;
	/*
	 * A mark that has moved waits for the other direction from now on, and
	 * usage may have passed it back before next_* said so: look again.
	 */
	while (tw_mark_cross(mount, tw_mark_sum(mount))) {
		tw_mark_expect(mount);
		smp_mb(); /* see the top of the file */
	}
out:
	raw_spin_unlock_irqrestore(&mount->lock, flags);
}

static void tw_mark_observe(struct irq_work *work)
{
	tw_mark_settle(container_of(work, struct tw_observer, work)->mount);
}

/**
 * tw_mark_check() - the hook's call: blocks were allocated or freed
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
void tw_mark_check(struct super_block *sb, long freeing)
{
	struct tw_mount *mount = tw_mount_find(sb);
	struct tw_observer __percpu *observers;

	if (!mount)
		return;
	/*
	 * What is freed is not counted yet, so the barrier that makes an
	 * allocation see next_fall would be too early here: always look.
	 */
	if (!freeing && likely(!tw_mark_is_near(mount, sb->s_fs_info)))
		return;
	observers = READ_ONCE(mount->observers);
	if (observers)
		irq_work_queue(&this_cpu_ptr(observers)->work);
}

NOKPROBE_SYMBOL(tw_mark_check);

/*
 * Makes the irq_works through which the mount is looked at, once in its life.
 * Context: process, mount->mutex held.
 */
static int tw_mark_make_observers(struct tw_mount *mount)
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

		tw_compat_init_irq_work_hard(&observer->work, tw_mark_observe);
		observer->mount = mount;
	}
	/* the hook must not see these before what they hold */
	smp_store_release(&mount->observers, observers);
	/* each free that did not see them is counted after this */
	synchronize_rcu();
	return 0;
}

/* Can a level be watched there? */
static int tw_mark_possible(struct tw_mount *mount)
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
		tw_mark_resize(mount, max_blocks);
	mark->band = tw_spec_band(&mark->spec, max_blocks, PAGE_SHIFT);
	mark->off = false;

	/* the widest that it can wait for, before usage is looked at */
	WRITE_ONCE(mount->next_rise,
		   min(mount->next_rise, tw_blocks_to_long(band->rise)));
	WRITE_ONCE(mount->next_fall,
		   max(mount->next_fall, tw_blocks_to_long(band->fall)));
	smp_mb(); /* see the top of the file */
	used = max_t(s64, tw_mark_sum(mount), 0);

	mark->above = used >= (falling ? band->fall : band->rise);
	tw_mark_insert(mount, mark);
	tw_mark_expect(mount);
	return mark->above != falling;
}

/**
 * tw_mark_add() - begin to watch for a crossing
 * @mount: where
 * @mark: with @spec and @signal set and all else zero
 *
 * Context: process, mount->mutex held.
 * Return: 0; -ENODEV if the mount is gone, -EOPNOTSUPP if it keeps no count,
 * -ENOMEM.
 */
int tw_mark_add(struct tw_mount *mount, struct tw_mark *mark)
{
	unsigned long flags;
	int err;

	err = tw_mark_make_observers(mount);
	if (err)
		return err;

	raw_spin_lock_irqsave(&mount->lock, flags);
	err = tw_mark_possible(mount);
	if (err)
		goto out;
	list_add_tail(&mark->entry, &mount->marks);
	if (mark->spec.level.kind == TW_LEVEL_NONE) {
		mark->off = true;
	} else if (tw_mark_place(mount, mark) && mark->spec.now) {
		if (mark->spec.once) {
			tw_mark_erase(mount, mark);
			mark->off = true;
			tw_mark_expect(mount);
		}
		tw_mark_fire(mark);
	}
out:
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	return err;
}

/**
 * tw_mark_move() - give a mark another level
 * @mount: where it is
 * @mark: the mark, one that asks for @now
 * @level: the new level, may be none; signals at once if it is reached
 *
 * Context: process, mount->mutex held.
 */
void tw_mark_move(struct tw_mount *mount, struct tw_mark *mark,
		  const struct tw_level *level)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!mark->off)
		tw_mark_erase(mount, mark);
	mark->off = true;
	mark->spec.level = *level;
	if (!tw_mark_possible(mount) && level->kind != TW_LEVEL_NONE) {
		if (tw_mark_place(mount, mark))
			tw_mark_fire(mark);
	} else {
		tw_mark_expect(mount);
	}
	raw_spin_unlock_irqrestore(&mount->lock, flags);
}

/**
 * tw_mark_del() - watch no more
 * @mount: where it is
 * @mark: the mark; its @signal has run for the last time on return
 *
 * Context: process.
 */
void tw_mark_del(struct tw_mount *mount, struct tw_mark *mark)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!mark->off)
		tw_mark_erase(mount, mark);
	mark->off = true;
	list_del(&mark->entry);
	tw_mark_expect(mount);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	irq_work_sync(&mark->signal);
}

/**
 * tw_mark_init() - prepare a mount for marks
 * @mount: a new one, with @sbinfo set
 */
void tw_mark_init(struct tw_mount *mount)
{
	mount->max_blocks = READ_ONCE(mount->sbinfo->max_blocks);
	mount->next_rise = TW_NO_RISE;
	raw_spin_lock_init(&mount->lock);
	INIT_LIST_HEAD(&mount->marks);
	mount->rises = RB_ROOT_CACHED;
	mount->falls = RB_ROOT_CACHED;
}

/**
 * tw_mark_exit() - undo what tw_mark_add() did to a mount
 * @mount: without marks, and not found by tw_mark_check() any more
 *
 * Context: process.
 */
void tw_mark_exit(struct tw_mount *mount)
{
	int cpu;

	if (!mount->observers)
		return;
	/* what the hook has queued may still run */
	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu_ptr(mount->observers, cpu)->work);
	free_percpu(mount->observers);
}
