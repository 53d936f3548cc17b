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
 *	tw_mark_check()			tw_mark_settle(), tw_mark_place()
 *	  [usage was counted]		  next_rise, next_fall = ...
 *	  smp_mb()			  smp_mb()
 *	  read next_rise, next_fall	  sum up usage
 *
 * so that either the allocation sees that it has to ask for a look, or the
 * look sees the allocation. The same barrier makes the last of several CPUs
 * that allocate at once see what the others added to the shared part of the
 * counter; the rest is in the CPUs' own parts and within the slack.
 *
 * Crossings are those between looks: usage that goes up and is brought down
 * again by another CPU, before the system call that brought it up has had its
 * look, was never up for anybody who could tell.
 */
#include <linux/cpuhotplug.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/shmem_fs.h>

#include "compat.h"
#include "mark.h"
#include "mount.h"

/* next_rise while nothing waits for usage to rise; for falls that is 0 */
#define TW_NO_RISE	LONG_MAX

/**
 * struct tw_observer - what a CPU queues when usage came near a mark
 * @look: looks at the usage of @mount, in hard interrupt context
 * @tell: tells what was crossed, where eventfds may be signalled
 * @mount: whose they are
 *
 * One for each CPU, queued there alone: what a CPU queues for itself has run
 * when it leaves the kernel, which another CPU's need not have.
 */
struct tw_observer {
	struct irq_work look;
	struct irq_work tell;
	struct tw_mount *mount;
};

/* how far percpu_counter_read() may be from percpu_counter_sum(), in blocks */
static long tw_mark_slack __read_mostly;
static int tw_mark_cpuhp;

/* ---- which marks are where ---- */

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
	mark->off = false;
}

static void tw_mark_erase(struct tw_mount *mount, struct tw_mark *mark)
{
	rb_erase_cached(&mark->node,
			mark->above ? &mount->falls : &mount->rises);
	mark->off = true;
}

/* As the hook compares them: signed, since a rough usage may be negative. */
static long tw_mark_to_long(u64 blocks)
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
		   rise ? tw_mark_to_long(rise->band.rise) : TW_NO_RISE);
	WRITE_ONCE(mount->next_fall,
		   fall ? tw_mark_to_long(fall->band.fall) : 0);
}

/* ---- telling ---- */

/* A crossing that the mark asked for. */
static void tw_mark_fire(struct tw_mount *mount, struct tw_mark *mark)
{
	mark->fired++;
	if (!mark->untold++)
		list_add_tail(&mark->untold_entry, &mount->untold);
}

/* Must somebody call tw_mark_tell(), or wait for one who does? */
static bool tw_mark_must_tell(const struct tw_mount *mount)
{
	lockdep_assert_held(&mount->lock);
	return mount->telling || !list_empty(&mount->untold);
}

/* Tells all crossings; those that others are just telling are told as well. */
static void tw_mark_tell(struct tw_mount *mount)
{
	unsigned int crossings = 0;
	unsigned long flags;
	struct tw_mark *mark;

	spin_lock_irqsave(&mount->tell_lock, flags);
	for (;;) {
		raw_spin_lock(&mount->lock);
		mark = list_first_entry_or_null(&mount->untold, struct tw_mark,
						untold_entry);
		if (mark) {
			list_del_init(&mark->untold_entry);
			crossings = mark->untold;
			mark->untold = 0;
		}
		mount->telling = mark;
		raw_spin_unlock(&mount->lock);
		if (!mark)
			break;
		mark->tell(mark, crossings);
	}
	spin_unlock_irqrestore(&mount->tell_lock, flags);
}

static void tw_mark_tell_fn(struct irq_work *work)
{
	tw_mark_tell(container_of(work, struct tw_observer, tell)->mount);
}

/* ---- looking ---- */

static bool tw_mark_passed(struct tw_mount *mount, s64 low, s64 high,
			   struct tw_mark **passed)
{
	struct tw_mark *mark = tw_tree_first(&mount->rises);

	if (mark && low >= 0 && low >= mark->band.rise) {
		*passed = mark;
		return true;
	}
	mark = tw_tree_first(&mount->falls);
	if (mark && (high < 0 || high < mark->band.fall)) {
		*passed = mark;
		return true;
	}
	return false;
}

/*
 * Moves each mark that usage has passed. A sum over the CPUs is no snapshot:
 * what is freed on one that was added up already and then allocated on one
 * that was not makes it larger than usage ever was. So a mark moves only if
 * two sums, one after the other, agree: @low and @high are the lower and the
 * higher of them. Who changed usage in between is about to look, too.
 */
static bool tw_mark_cross(struct tw_mount *mount, s64 low, s64 high)
{
	bool crossed = false;
	struct tw_mark *mark;

	while (tw_mark_passed(mount, low, high, &mark)) {
		unsigned int direction = mark->above ? TW_FALLING : TW_RISING;

		crossed = true;
		tw_mark_erase(mount, mark);
		mark->above = !mark->above;
		if (mark->spec.direction & direction) {
			tw_mark_fire(mount, mark);
			if (mark->spec.once)
				continue;
		}
		tw_mark_insert(mount, mark);
	}
	return crossed;
}

/* The size has changed, and with it where percentages are. */
static void tw_mark_resize(struct tw_mount *mount, unsigned long max_blocks)
{
	struct tw_mark *mark;

	list_for_each_entry(mark, &mount->marks, entry) {
		bool off = mark->off;

		if (!off)
			tw_mark_erase(mount, mark);
		mark->band = tw_spec_band(&mark->spec, max_blocks, PAGE_SHIFT);
		if (!off)
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
	unsigned long max_blocks;
	s64 count, slack;

	smp_mb(); /* see the top of the file */
	max_blocks = READ_ONCE(sbinfo->max_blocks);
	if (max_blocks != READ_ONCE(mount->max_blocks))
		return true;
	/* a remount to size=0 ends the count for good */
	if (!max_blocks)
		return false;
	smp_rmb(); /* pairs with smp_wmb() in tw_mark_resize() */

	count = percpu_counter_read(&sbinfo->used_blocks);
	slack = READ_ONCE(tw_mark_slack);
	return count + slack >= READ_ONCE(mount->next_rise) ||
	       count - slack < READ_ONCE(mount->next_fall);
}

NOKPROBE_SYMBOL(tw_mark_is_near);

/* True if tw_mark_tell() must be called after this. */
static bool tw_mark_look(struct tw_mount *mount)
{
	unsigned long flags, max_blocks;
	struct shmem_sb_info *sbinfo;
	struct tw_mark *mark;
	bool tell;

	raw_spin_lock_irqsave(&mount->lock, flags);
	sbinfo = mount->sbinfo;
	/*
	 * The last umount clears s_root and then throws all inodes away; that
	 * empties the mount, but nobody freed anything.
	 */
	if (!sbinfo || !READ_ONCE(mount->sb->s_root))
		goto out;
	max_blocks = READ_ONCE(sbinfo->max_blocks);
	if (max_blocks != mount->max_blocks)
		tw_mark_resize(mount, max_blocks);
	if (!tw_mark_is_near(mount, sbinfo))
		goto out;
	/*
	 * A mark that has moved waits for the other direction from now on, and
	 * usage may have passed it back before next_* said so: look again.
	 */
	for (;;) {
		s64 first = percpu_counter_sum(&sbinfo->used_blocks);
		s64 second;

		if (!tw_mark_passed(mount, first, first, &mark))
			break;
		second = percpu_counter_sum(&sbinfo->used_blocks);
		if (!tw_mark_cross(mount, min(first, second),
				   max(first, second)))
			break;
		tw_mark_expect(mount);
		smp_mb(); /* see the top of the file */
	}
out:
	tell = tw_mark_must_tell(mount);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	return tell;
}

/**
 * tw_mark_settle() - look at the usage and tell what was crossed
 * @mount: of which
 *
 * Context: process.
 */
void tw_mark_settle(struct tw_mount *mount)
{
	if (tw_mark_look(mount))
		tw_mark_tell(mount);
}

static void tw_mark_look_fn(struct irq_work *work)
{
	struct tw_observer *observer = container_of(work, struct tw_observer,
						    look);

	/*
	 * Also where another CPU has seen this one's crossing, but not told it
	 * yet: tw_mark_tell() waits for that.
	 */
	if (tw_mark_look(observer->mount))
		irq_work_queue(&observer->tell);
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
	/* not before what they hold, see tw_mark_make_observers() */
	observers = smp_load_acquire(&mount->observers);
	if (!observers)
		return;
	/*
	 * What is freed is not counted yet, so the barrier that makes an
	 * allocation see next_fall would be too early here: always look.
	 */
	if (!freeing && likely(!tw_mark_is_near(mount, sb->s_fs_info)))
		return;
	irq_work_queue(&this_cpu_ptr(observers)->look);
}

NOKPROBE_SYMBOL(tw_mark_check);

/* ---- adding and removing ---- */

/*
 * Makes what the mount is looked at through, once in its life.
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

		tw_compat_init_irq_work_hard(&observer->look, tw_mark_look_fn);
		init_irq_work(&observer->tell, tw_mark_tell_fn);
		observer->mount = mount;
	}
	/* pairs with smp_load_acquire() in tw_mark_check() */
	smp_store_release(&mount->observers, observers);
	/* a handler that has not seen them has ended, and its blocks counted */
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

/* Puts the mark on the side where usage is; true if that is past its level. */
static bool tw_mark_place(struct tw_mount *mount, struct tw_mark *mark)
{
	struct shmem_sb_info *sbinfo = mount->sbinfo;
	unsigned long max_blocks = READ_ONCE(sbinfo->max_blocks);
	bool falling = mark->spec.direction == TW_FALLING;
	const struct tw_band *band = &mark->band;
	u64 used;

	if (max_blocks != mount->max_blocks)
		tw_mark_resize(mount, max_blocks);
	mark->band = tw_spec_band(&mark->spec, max_blocks, PAGE_SHIFT);

	/* the widest that it can wait for, before usage is looked at */
	WRITE_ONCE(mount->next_rise,
		   min(mount->next_rise, tw_mark_to_long(band->rise)));
	WRITE_ONCE(mount->next_fall,
		   max(mount->next_fall, tw_mark_to_long(band->fall)));
	smp_mb(); /* see the top of the file */
	used = max_t(s64, percpu_counter_sum(&sbinfo->used_blocks), 0);

	mark->above = used >= (falling ? band->fall : band->rise);
	tw_mark_insert(mount, mark);
	tw_mark_expect(mount);
	return mark->above != falling;
}

/* As if the mark had just been passed. */
static void tw_mark_fire_now(struct tw_mount *mount, struct tw_mark *mark)
{
	tw_mark_fire(mount, mark);
	if (mark->spec.once) {
		tw_mark_erase(mount, mark);
		tw_mark_expect(mount);
	}
}

/**
 * tw_mark_add() - begin to watch for a crossing
 * @mount: where
 * @mark: with @spec and @tell set and all else zero
 *
 * If it asks for @now, that has been told on return.
 *
 * Context: process, mount->mutex held.
 * Return: 0; -ENODEV if the mount is gone, -EOPNOTSUPP if it keeps no count,
 * -ENOMEM.
 */
int tw_mark_add(struct tw_mount *mount, struct tw_mark *mark)
{
	unsigned long flags;
	bool tell = false;
	int err;

	err = tw_mark_make_observers(mount);
	if (err)
		return err;

	raw_spin_lock_irqsave(&mount->lock, flags);
	err = tw_mark_possible(mount);
	if (!err) {
		INIT_LIST_HEAD(&mark->untold_entry);
		mark->off = true;
		list_add_tail(&mark->entry, &mount->marks);
		if (mark->spec.level.kind != TW_LEVEL_NONE &&
		    tw_mark_place(mount, mark) && mark->spec.now)
			tw_mark_fire_now(mount, mark);
		tell = tw_mark_must_tell(mount);
	}
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	if (tell)
		tw_mark_tell(mount);
	return err;
}

/**
 * tw_mark_move() - give a mark another level
 * @mount: where it is
 * @mark: the mark, one that asks for @now
 * @level: the new level, may be none; if it is reached that is told
 *
 * Context: process, mount->mutex held.
 */
void tw_mark_move(struct tw_mount *mount, struct tw_mark *mark,
		  const struct tw_level *level)
{
	unsigned long flags;
	bool tell;

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!mark->off)
		tw_mark_erase(mount, mark);
	mark->spec.level = *level;
	tw_mark_expect(mount);
	if (level->kind != TW_LEVEL_NONE && !tw_mark_possible(mount) &&
	    tw_mark_place(mount, mark))
		tw_mark_fire_now(mount, mark);
	tell = tw_mark_must_tell(mount);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	if (tell)
		tw_mark_tell(mount);
}

/**
 * tw_mark_del() - watch no more
 * @mount: where it is
 * @mark: the mark; all of its crossings have been told on return
 *
 * Context: process.
 */
void tw_mark_del(struct tw_mount *mount, struct tw_mark *mark)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!mark->off)
		tw_mark_erase(mount, mark);
	list_del(&mark->entry);
	tw_mark_expect(mount);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	/* tells what is left, and waits for who is at it */
	tw_mark_tell(mount);
}

/**
 * tw_mark_prepare() - prepare a mount for marks
 * @mount: a new one, with @sbinfo set
 */
void tw_mark_prepare(struct tw_mount *mount)
{
	mount->max_blocks = READ_ONCE(mount->sbinfo->max_blocks);
	mount->next_rise = TW_NO_RISE;
	raw_spin_lock_init(&mount->lock);
	INIT_LIST_HEAD(&mount->marks);
	mount->rises = RB_ROOT_CACHED;
	mount->falls = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&mount->untold);
	spin_lock_init(&mount->tell_lock);
}

/**
 * tw_mark_release() - undo what tw_mark_add() did to a mount
 * @mount: without marks, and not found by tw_mark_check() any more
 *
 * Context: process.
 */
void tw_mark_release(struct tw_mount *mount)
{
	int cpu;

	if (!mount->observers)
		return;
	/* what the hook has queued may still run, and queue the second */
	for_each_possible_cpu(cpu) {
		struct tw_observer *observer = per_cpu_ptr(mount->observers,
							   cpu);

		irq_work_sync(&observer->look);
		irq_work_sync(&observer->tell);
	}
	free_percpu(mount->observers);
}

/*
 * A CPU's part of a percpu_counter is below the batch, which is 32 or twice
 * the number of CPUs online, see compute_batch_value() in lib/percpu_counter.c;
 * but what was counted before some went offline may be larger. Those present
 * bound both. Called before a CPU can count.
 */
static int tw_mark_cpu_comes(unsigned int cpu)
{
	long cpus = num_present_cpus();

	WRITE_ONCE(tw_mark_slack,
		   max(tw_mark_slack, max(32L, 2 * cpus) * cpus));
	return 0;
}

/**
 * tw_mark_init() - before anything else of this file
 *
 * Return: 0 or a negative errno.
 */
int tw_mark_init(void)
{
	int state;

	tw_mark_cpu_comes(0);
	state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					  "tmpfswarn:prepare",
					  tw_mark_cpu_comes, NULL);
	if (state < 0)
		return state;
	tw_mark_cpuhp = state;
	return 0;
}

/**
 * tw_mark_exit() - undo tw_mark_init()
 */
void tw_mark_exit(void)
{
	cpuhp_remove_state_nocalls(tw_mark_cpuhp);
}
