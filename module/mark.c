// SPDX-License-Identifier: GPL-2.0
/*
 * Marks: levels on a mount, and the side of them that usage is on.
 *
 * Which side that is changes in one place alone, tw_mark_cross(), under the
 * mount's lock: each change is one crossing, and is told once. When that is
 * called, and why no crossing is missed, is in look.c.
 */
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/shmem_fs.h>

#include "compat.h"
#include "look.h"
#include "mark.h"
#include "mount.h"
#include "tell.h"

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

/**
 * tw_mark_expect() - set where the hook has to ask for a look from now on
 * @mount: with its lock held
 */
void tw_mark_expect(struct tw_mount *mount)
{
	const struct tw_mark *rise = tw_tree_first(&mount->rises);
	const struct tw_mark *fall = tw_tree_first(&mount->falls);

	lockdep_assert_held(&mount->lock);
	tw_look_expect(mount,
		       rise ? tw_mark_to_long(rise->band.rise) : TW_NO_RISE,
		       fall ? tw_mark_to_long(fall->band.fall) : TW_NO_FALL);
}

/* ---- crossings ---- */

/* A crossing that the mark asked for. */
static void tw_mark_fire(struct tw_mount *mount, struct tw_mark *mark)
{
	mark->fired++;
	if (!mark->untold++)
		list_add_tail(&mark->untold_entry, &mount->untold);
}

/* As if the mark had just been passed; the caller tells, outside of the lock. */
static void tw_mark_fire_now(struct tw_mount *mount, struct tw_mark *mark)
{
	mark->fired++;
	if (mark->spec.once) {
		tw_mark_erase(mount, mark);
		tw_mark_expect(mount);
	}
}

/**
 * tw_mark_passed() - a mark that usage has passed
 * @mount: with its lock held
 * @low: usage is at least that, in blocks
 * @high: and at most that
 *
 * Return: the mark, or NULL if there is none.
 */
struct tw_mark *tw_mark_passed(struct tw_mount *mount, s64 low, s64 high)
{
	struct tw_mark *mark = tw_tree_first(&mount->rises);

	if (mark && low >= 0 && low >= mark->band.rise)
		return mark;
	mark = tw_tree_first(&mount->falls);
	if (mark && max_t(s64, high, 0) < mark->band.fall)
		return mark;
	return NULL;
}

/**
 * tw_mark_cross() - move each mark that usage has passed
 * @mount: with its lock held
 * @low: usage is at least that, in blocks
 * @high: and at most that
 *
 * Return: true if there was one, so that tw_mark_expect() is due.
 */
bool tw_mark_cross(struct tw_mount *mount, s64 low, s64 high)
{
	bool crossed = false;
	struct tw_mark *mark;

	while ((mark = tw_mark_passed(mount, low, high))) {
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

/**
 * tw_mark_resize() - the size has changed, and with it where percentages are
 * @mount: with its lock held
 * @max_blocks: the new size
 */
void tw_mark_resize(struct tw_mount *mount, unsigned long max_blocks)
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
	/* pairs with smp_rmb() in tw_look_allocated(): size seen, rest seen */
	smp_wmb();
	WRITE_ONCE(mount->max_blocks, max_blocks);
	smp_mb(); /* see the top of look.c */
}

/* ---- adding and removing ---- */

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
	unsigned long max_blocks = READ_ONCE(mount->sbinfo->max_blocks);
	bool falling = mark->spec.direction == TW_FALLING;
	const struct tw_band *band = &mark->band;
	s64 first, second;
	u64 used;

	if (max_blocks != mount->max_blocks)
		tw_mark_resize(mount, max_blocks);
	mark->band = tw_spec_band(&mark->spec, max_blocks, PAGE_SHIFT);

	/* the widest that it can wait for, before usage is looked at */
	tw_look_expect(mount,
		       min(mount->next_rise, tw_mark_to_long(band->rise)),
		       max(mount->next_fall, tw_mark_to_long(band->fall)));
	smp_mb(); /* see the top of look.c */
	/* two, since one alone may be on the wrong side, see tw_look_sum() */
	first = tw_mount_used(mount);
	second = tw_mount_used(mount);
	used = max_t(s64, falling ? max(first, second) : min(first, second), 0);

	mark->above = used >= (falling ? band->fall : band->rise);
	tw_mark_insert(mount, mark);
	tw_mark_expect(mount);
	return mark->above != falling;
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

	err = tw_look_prepare(mount);
	if (err)
		return err;

	raw_spin_lock_irqsave(&mount->lock, flags);
	err = tw_mark_possible(mount);
	if (!err) {
		INIT_LIST_HEAD(&mark->untold_entry);
		mark->off = true;
		list_add_tail(&mark->entry, &mount->marks);
		tell = mark->spec.level.kind != TW_LEVEL_NONE &&
		       tw_mark_place(mount, mark) && mark->spec.now;
		if (tell)
			tw_mark_fire_now(mount, mark);
	}
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	if (tell)
		mark->tell(mark, 1);
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
	tell = level->kind != TW_LEVEL_NONE && !tw_mark_possible(mount) &&
	       tw_mark_place(mount, mark);
	if (tell)
		tw_mark_fire_now(mount, mark);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	if (tell)
		mark->tell(mark, 1);
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
	unsigned int untold;

	raw_spin_lock_irqsave(&mount->lock, flags);
	if (!mark->off)
		tw_mark_erase(mount, mark);
	list_del(&mark->entry);
	list_del(&mark->untold_entry);
	untold = mark->untold;
	tw_mark_expect(mount);
	raw_spin_unlock_irqrestore(&mount->lock, flags);

	tw_tell_wait(mount, mark);
	if (untold)
		mark->tell(mark, untold);
}

/**
 * tw_mark_prepare() - prepare a mount for marks
 * @mount: a new one, with @sbinfo set
 */
void tw_mark_prepare(struct tw_mount *mount)
{
	mount->max_blocks = READ_ONCE(mount->sbinfo->max_blocks);
	mount->next_rise = TW_NO_RISE;
	mount->next_fall = TW_NO_FALL;
	mount->near_rise = TW_NO_RISE;
	mount->near_fall = TW_NO_FALL;
	mount->pool = -1;
	raw_spin_lock_init(&mount->lock);
	INIT_LIST_HEAD(&mount->marks);
	mount->rises = RB_ROOT_CACHED;
	mount->falls = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&mount->untold);
	spin_lock_init(&mount->tell_lock);
}
