// SPDX-License-Identifier: GPL-2.0
/*
 * Thresholds: levels on a mount, and the side of them that usage is on.
 *
 * Which side that is changes in one place alone, tw_threshold_cross(), under the
 * mount's lock: each change is one crossing, and is notified once. When that is
 * called, and why no crossing is missed, is in check.c.
 */
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/shmem_fs.h>

#include "check.h"
#include "compat.h"
#include "mount.h"
#include "notify.h"
#include "resync.h"
#include "threshold.h"

/* ---- which thresholds are where ---- */

static void tw_tree_add(struct rb_root_cached *tree, struct tw_threshold *threshold,
			u64 key)
{
	struct rb_node **link = &tree->rb_root.rb_node;
	struct rb_node *parent = NULL;
	bool leftmost = true;

	threshold->key = key;
	while (*link) {
		parent = *link;
		if (key < rb_entry(parent, struct tw_threshold, node)->key) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			leftmost = false;
		}
	}
	rb_link_node(&threshold->node, parent, link);
	rb_insert_color_cached(&threshold->node, tree, leftmost);
}

static struct tw_threshold *tw_tree_first(struct rb_root_cached *tree)
{
	struct rb_node *node = rb_first_cached(tree);

	return node ? rb_entry(node, struct tw_threshold, node) : NULL;
}

static void tw_threshold_insert(struct tw_mount *mount, struct tw_threshold *threshold)
{
	if (threshold->above)
		tw_tree_add(&mount->falls, threshold, ~threshold->band.fall);
	else
		tw_tree_add(&mount->rises, threshold, threshold->band.rise);
	threshold->off = false;
}

static void tw_threshold_erase(struct tw_mount *mount, struct tw_threshold *threshold)
{
	rb_erase_cached(&threshold->node,
			threshold->above ? &mount->falls : &mount->rises);
	threshold->off = true;
}

/* As the hook compares them: signed, since a rough usage may be negative. */
static long tw_threshold_to_long(u64 blocks)
{
	return min_t(u64, blocks, LONG_MAX);
}

/**
 * tw_threshold_set_next() - set where the hook has to ask for a check from now on
 * @mount: with its lock held
 */
void tw_threshold_set_next(struct tw_mount *mount)
{
	const struct tw_threshold *rise = tw_tree_first(&mount->rises);
	const struct tw_threshold *fall = tw_tree_first(&mount->falls);

	lockdep_assert_held(&mount->lock);
	tw_check_set_next(mount,
			  rise ? tw_threshold_to_long(rise->band.rise) : TW_NO_RISE,
			  fall ? tw_threshold_to_long(fall->band.fall) : TW_NO_FALL);
}

/* ---- crossings ---- */

/*
 * Without its blocks, would usage be on the other side still? Then it was the task's doing,
 * perhaps not its alone. What others have just counted may be in the sums as well, and who
 * is first to check need not be the one who has crossed.
 */
static bool tw_threshold_crossed_by(const struct tw_threshold *threshold, s64 low,
				    s64 high, const struct tw_cause *cause)
{
	if (!cause->task)
		return false;
	if (threshold->above)
		return cause->blocks > 0 &&
		       max_t(s64, high - cause->blocks, 0) < threshold->band.rise;
	return cause->blocks < 0 && low >= 0 && low - cause->blocks >= threshold->band.fall;
}

/* Usage has crossed to where the threshold says it is. */
static void tw_threshold_write_down(struct tw_mount *mount, struct tw_threshold *threshold,
				    s64 low, s64 high, const struct tw_cause *cause)
{
	struct tw_observer *observer = threshold->observer;
	s64 used = threshold->above ? low : high;

	if (!observer)
		return;
	tw_crossing_set(&observer->last, max_t(s64, used, 0), mount->size, threshold->above);
	if (tw_threshold_crossed_by(threshold, low, high, cause))
		tw_crossing_set_current(&observer->last, observer->viewer);
}

/* A crossing that the threshold asked for. */
static void tw_threshold_fire(struct tw_mount *mount, struct tw_threshold *threshold)
{
	threshold->fired++;
	threshold->pending++;
	/* the order is that of the last crossings */
	list_move_tail(&threshold->pending_entry, &mount->pending);
}

/*
 * As if the threshold had just been passed; the caller has it notified, outside of the
 * lock. It is in the same queue as what is crossed from now on: one comes after the other.
 */
static void tw_threshold_fire_now(struct tw_mount *mount, struct tw_threshold *threshold)
{
	if (threshold->observer)
		threshold->observer->last = threshold->observer->first;
	tw_threshold_fire(mount, threshold);
	if (threshold->spec.once) {
		tw_threshold_erase(mount, threshold);
		tw_threshold_set_next(mount);
	}
}

/**
 * tw_threshold_passed() - a threshold that usage has passed
 * @mount: with its lock held
 * @low: usage is at least that, in blocks
 * @high: and at most that
 *
 * Return: the threshold, or NULL if there is none.
 */
struct tw_threshold *tw_threshold_passed(struct tw_mount *mount, s64 low, s64 high)
{
	struct tw_threshold *threshold = tw_tree_first(&mount->rises);

	if (threshold && low >= 0 && low >= threshold->band.rise)
		return threshold;
	threshold = tw_tree_first(&mount->falls);
	if (threshold && max_t(s64, high, 0) < threshold->band.fall)
		return threshold;
	return NULL;
}

/**
 * tw_threshold_cross() - move thresholds that usage has passed
 * @mount: with its lock held
 * @low: usage is at least that, in blocks
 * @high: and at most that
 * @most: how many to move, at most
 * @cause: what the current task has done, if that is why this is called
 *
 * Return: how many were. If any, tw_threshold_set_next() is due.
 */
unsigned int tw_threshold_cross(struct tw_mount *mount, s64 low, s64 high,
				unsigned int most, const struct tw_cause *cause)
{
	struct tw_threshold *threshold;
	unsigned int moved = 0;

	while (moved < most && (threshold = tw_threshold_passed(mount, low, high))) {
		unsigned int direction = threshold->above ? TW_FALLING : TW_RISING;

		moved++;
		tw_threshold_erase(mount, threshold);
		threshold->above = !threshold->above;
		if (threshold->spec.direction & direction) {
			tw_threshold_write_down(mount, threshold, low, high, cause);
			tw_threshold_fire(mount, threshold);
			if (threshold->spec.once)
				continue;
		}
		tw_threshold_insert(mount, threshold);
	}
	return moved;
}

/* ---- the size ---- */

/* Does the size say where it is? */
static bool tw_threshold_is_sized(const struct tw_threshold *threshold)
{
	return threshold->spec.level.kind == TW_LEVEL_PERCENT ||
	       threshold->spec.hyst.kind == TW_LEVEL_PERCENT;
}

/**
 * tw_threshold_resize() - the size has changed, and with it where percentages are
 * @mount: with its lock held, and not being resized
 * @max_blocks: the new size
 *
 * No usage may be checked until tw_threshold_place_some() has ended that.
 */
void tw_threshold_resize(struct tw_mount *mount, unsigned long max_blocks)
{
	mount->size = max_blocks;
	mount->resizes++;
	mount->resizing = true;
	list_splice_init(&mount->sized, &mount->unplaced);
	/* ends all credit, and has each hook ask for a check */
	tw_threshold_set_next(mount);
}

/**
 * tw_threshold_place_some() - place thresholds anew after tw_threshold_resize()
 * @mount: with its lock held, and being resized
 * @most: how many, at most
 */
void tw_threshold_place_some(struct tw_mount *mount, unsigned int most)
{
	struct tw_threshold *threshold, *next;

	list_for_each_entry_safe(threshold, next, &mount->unplaced, entry) {
		bool off = threshold->off;

		if (!most--)
			return;
		if (!off)
			tw_threshold_erase(mount, threshold);
		threshold->band = tw_spec_band(&threshold->spec, mount->size, PAGE_SHIFT);
		if (!off)
			tw_threshold_insert(mount, threshold);
		list_move_tail(&threshold->entry, &mount->sized);
	}
	mount->resizing = false;
	tw_threshold_set_next(mount);
	/* pairs with smp_rmb() in tw_check_alloc(): size seen, rest seen */
	smp_wmb();
	WRITE_ONCE(mount->max_blocks, mount->size);
	smp_mb(); /* I1 of check.c */
}

/* ---- adding and removing ---- */

/* Can a level be watched there? */
static int tw_threshold_possible(struct tw_mount *mount)
{
	lockdep_assert_held(&mount->lock);
	if (!mount->sbinfo)
		return -ENODEV;
	if (!READ_ONCE(mount->sbinfo->max_blocks))
		return -EOPNOTSUPP;
	return 0;
}

/*
 * Puts the threshold on the side where usage is; true if that is past its level. The
 * size is the one that the caller has made a check for, or that of a later remount.
 */
static bool tw_threshold_place(struct tw_mount *mount, struct tw_threshold *threshold)
{
	bool falling = threshold->spec.direction == TW_FALLING;
	const struct tw_band *band = &threshold->band;
	s64 first, second;
	u64 used;

	threshold->band = tw_spec_band(&threshold->spec, mount->size, PAGE_SHIFT);
	if (tw_threshold_is_sized(threshold))
		list_add_tail(&threshold->entry, &mount->sized);

	/* the widest that it can wait for, before usage is checked */
	tw_check_set_next(mount,
			  min(mount->next_rise, tw_threshold_to_long(band->rise)),
			  max(mount->next_fall, tw_threshold_to_long(band->fall)));
	smp_mb(); /* I1 of check.c */
	/* two, since one alone may be on the wrong side, see tw_check_sum() */
	first = tw_mount_used(mount);
	second = tw_mount_used(mount);
	used = max_t(s64, falling ? max(first, second) : min(first, second), 0);

	threshold->above = used >= (falling ? band->fall : band->rise);
	if (threshold->observer)
		tw_crossing_set(&threshold->observer->first, used, mount->size,
				threshold->above);
	tw_threshold_insert(mount, threshold);
	tw_threshold_set_next(mount);
	return threshold->above != falling;
}

/**
 * tw_threshold_add() - begin to watch for a crossing
 * @mount: where
 * @threshold: with @spec, @notify and maybe @observer set, and all else zero
 *
 * If it asks for @now, that has been notified on return, or with PREEMPT_RT soon after.
 *
 * Context: process, mount->mutex held, after tw_check_prepare().
 * Return: 0; -ENODEV if the mount is gone, -EOPNOTSUPP if it keeps no count.
 */
int tw_threshold_add(struct tw_mount *mount, struct tw_threshold *threshold)
{
	unsigned long flags;
	bool notify = false;
	int err;

	tw_check_resized(mount);

	raw_spin_lock_irqsave(&mount->lock, flags);
	err = tw_threshold_possible(mount);
	if (!err) {
		INIT_LIST_HEAD(&threshold->pending_entry);
		INIT_LIST_HEAD(&threshold->entry);
		threshold->off = true;
		notify = threshold->spec.level.kind != TW_LEVEL_NONE &&
		       tw_threshold_place(mount, threshold) && threshold->spec.now;
		if (notify)
			tw_threshold_fire_now(mount, threshold);
	}
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	if (!err)
		tw_resync_start();
	if (notify)
		tw_check_notify(mount);
	return err;
}

/**
 * tw_threshold_move() - give a threshold another level
 * @mount: where it is
 * @threshold: the threshold, one that asks for @now
 * @level: the new level, may be none; if it is reached, that is notified
 *
 * Context: process, mount->mutex held.
 */
void tw_threshold_move(struct tw_mount *mount, struct tw_threshold *threshold,
		       const struct tw_level *level)
{
	unsigned long flags;
	bool notify;

	tw_check_resized(mount);

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!threshold->off)
		tw_threshold_erase(mount, threshold);
	list_del_init(&threshold->entry);
	threshold->spec.level = *level;
	tw_threshold_set_next(mount);
	notify = level->kind != TW_LEVEL_NONE && !tw_threshold_possible(mount) &&
	       tw_threshold_place(mount, threshold);
	if (notify)
		tw_threshold_fire_now(mount, threshold);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	tw_resync_start();
	if (notify)
		tw_check_notify(mount);
}

/**
 * tw_threshold_del() - watch no more
 * @mount: where it is
 * @threshold: the threshold; all of its crossings have been notified on return
 *
 * Context: process.
 */
void tw_threshold_del(struct tw_mount *mount, struct tw_threshold *threshold)
{
	const struct tw_crossing *last = threshold->observer ? &threshold->observer->last : NULL;
	unsigned long flags;
	unsigned int pending;

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!threshold->off)
		tw_threshold_erase(mount, threshold);
	list_del(&threshold->entry);
	list_del(&threshold->pending_entry);
	pending = threshold->pending;
	tw_threshold_set_next(mount);
	raw_spin_unlock_irqrestore(&mount->lock, flags);

	tw_notify_wait(mount, threshold);
	/* nobody writes it any more */
	if (pending)
		threshold->notify(threshold, pending, last);
}

/**
 * tw_threshold_prepare() - prepare a mount for thresholds
 * @mount: a new one, with @sbinfo set
 */
void tw_threshold_prepare(struct tw_mount *mount)
{
	mount->max_blocks = READ_ONCE(mount->sbinfo->max_blocks);
	mount->size = mount->max_blocks;
	mount->next_rise = TW_NO_RISE;
	mount->next_fall = TW_NO_FALL;
	mount->check_above = TW_NO_RISE;
	mount->check_below = TW_NO_FALL;
	mount->credit_pool = -1;
	mount->free_credit_pool = -1;
	raw_spin_lock_init(&mount->lock);
	INIT_LIST_HEAD(&mount->sized);
	INIT_LIST_HEAD(&mount->unplaced);
	mount->rises = RB_ROOT_CACHED;
	mount->falls = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&mount->pending);
	spin_lock_init(&mount->notify_lock);
}
