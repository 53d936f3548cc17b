// SPDX-License-Identifier: GPL-2.0
/*
 * Thresholds: levels on a gauge, and the side of them that usage is on.
 *
 * Which side that is changes in one place alone, tw_threshold_cross(), under the
 * gauge's lock: each change is one crossing, and is notified once. When that is
 * called, and why no crossing is missed, is in check.c.
 */
#include <linux/minmax.h>

#include "gauge.h"
#include "threshold.h"

/* ---- which thresholds are where ---- */

/* Where it rises and falls at the gauge's size. */
static struct tw_band tw_threshold_band(const struct tw_gauge *gauge,
					const struct tw_threshold *threshold)
{
	return tw_spec_band(&threshold->spec, gauge->size, gauge->ops->shift);
}

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

static void tw_threshold_insert(struct tw_gauge *gauge, struct tw_threshold *threshold)
{
	if (threshold->above)
		tw_tree_add(&gauge->falls, threshold, ~threshold->band.fall);
	else
		tw_tree_add(&gauge->rises, threshold, threshold->band.rise);
	threshold->off = false;
}

static void tw_threshold_erase(struct tw_gauge *gauge, struct tw_threshold *threshold)
{
	rb_erase_cached(&threshold->node,
			threshold->above ? &gauge->falls : &gauge->rises);
	threshold->off = true;
}

/* As the hook compares them: signed, since a rough usage may be negative. */
static long tw_threshold_to_long(u64 amount)
{
	return min_t(u64, amount, LONG_MAX);
}

/**
 * tw_threshold_set_next() - set where the hook has to ask for a check from now on
 * @gauge: with its lock held
 */
void tw_threshold_set_next(struct tw_gauge *gauge)
{
	const struct tw_threshold *rise = tw_tree_first(&gauge->rises);
	const struct tw_threshold *fall = tw_tree_first(&gauge->falls);

	lockdep_assert_held(&gauge->lock);
	tw_gauge_set_next(gauge,
			  rise ? tw_threshold_to_long(rise->band.rise) : TW_NO_RISE,
			  fall ? tw_threshold_to_long(fall->band.fall) : TW_NO_FALL);
}

/* ---- crossings ---- */

/*
 * Without what it has taken, would usage be on the other side still? Then it was the task's doing,
 * perhaps not its alone. What others have just counted may be in the sums as well, and who
 * is first to check need not be the one who has crossed.
 */
static bool tw_threshold_crossed_by(const struct tw_threshold *threshold, s64 low,
				    s64 high, const struct tw_cause *cause)
{
	if (!cause->task)
		return false;
	if (threshold->above)
		return cause->amount > 0 &&
		       max_t(s64, high - cause->amount, 0) < threshold->band.rise;
	return cause->amount < 0 && low >= 0 && low - cause->amount >= threshold->band.fall;
}

/* Usage has crossed to where the threshold says it is. */
static void tw_threshold_write_down(struct tw_gauge *gauge, struct tw_threshold *threshold,
				    s64 low, s64 high, const struct tw_cause *cause)
{
	struct tw_observer *observer = threshold->observer;
	s64 used = threshold->above ? low : high;

	if (!observer)
		return;
	tw_crossing_set(&observer->last, max_t(s64, used, 0), gauge->size, threshold->above);
	if (tw_threshold_crossed_by(threshold, low, high, cause))
		tw_crossing_set_current(&observer->last, observer->viewer);
}

/* A crossing that the threshold asked for. */
static void tw_threshold_fire(struct tw_gauge *gauge, struct tw_threshold *threshold)
{
	threshold->fired++;
	threshold->pending++;
	/* the order is that of the last crossings */
	list_move_tail(&threshold->pending_entry, &gauge->pending);
}

/**
 * tw_threshold_fire_now() - as if a threshold had just been passed
 * @gauge: with its lock held
 * @threshold: one that was placed there
 *
 * The caller has it notified, outside of the lock. It is in the same queue as what is crossed
 * from now on: one comes after the other.
 */
void tw_threshold_fire_now(struct tw_gauge *gauge, struct tw_threshold *threshold)
{
	if (threshold->observer)
		threshold->observer->last = threshold->observer->first;
	tw_threshold_fire(gauge, threshold);
	if (threshold->spec.once) {
		tw_threshold_erase(gauge, threshold);
		tw_threshold_set_next(gauge);
	}
}

/**
 * tw_threshold_passed() - a threshold that usage has passed
 * @gauge: with its lock held
 * @low: usage is at least that
 * @high: and at most that
 *
 * Return: the threshold, or NULL if there is none.
 */
struct tw_threshold *tw_threshold_passed(struct tw_gauge *gauge, s64 low, s64 high)
{
	struct tw_threshold *threshold = tw_tree_first(&gauge->rises);

	if (threshold && low >= 0 && low >= threshold->band.rise)
		return threshold;
	threshold = tw_tree_first(&gauge->falls);
	if (threshold && max_t(s64, high, 0) < threshold->band.fall)
		return threshold;
	return NULL;
}

/**
 * tw_threshold_cross() - move thresholds that usage has passed
 * @gauge: with its lock held
 * @low: usage is at least that
 * @high: and at most that
 * @most: how many to move, at most
 * @cause: what the current task has done, if that is why this is called
 *
 * Return: how many were. If any, tw_threshold_set_next() is due.
 */
unsigned int tw_threshold_cross(struct tw_gauge *gauge, s64 low, s64 high,
				unsigned int most, const struct tw_cause *cause)
{
	struct tw_threshold *threshold;
	unsigned int moved = 0;

	while (moved < most && (threshold = tw_threshold_passed(gauge, low, high))) {
		unsigned int direction = threshold->above ? TW_FALLING : TW_RISING;

		moved++;
		tw_threshold_erase(gauge, threshold);
		/*
		 * It may be passed again at once, by others. Each time that is a block more
		 * than there ever were, so I10 of check.c comes to its end.
		 */
		if (threshold->peak) {
			threshold->band.rise = low + 1;
			tw_threshold_insert(gauge, threshold);
			continue;
		}
		threshold->above = !threshold->above;
		if (threshold->spec.direction & direction) {
			tw_threshold_write_down(gauge, threshold, low, high, cause);
			tw_threshold_fire(gauge, threshold);
			if (threshold->spec.once)
				continue;
		}
		tw_threshold_insert(gauge, threshold);
	}
	return moved;
}

/* ---- counts ---- */

/**
 * tw_threshold_begin_counting() - tell a threshold of what is counted from now on
 * @gauge: with its lock held; one that counts
 * @threshold: has no level, and is not in its lists
 */
void tw_threshold_begin_counting(struct tw_gauge *gauge, struct tw_threshold *threshold)
{
	lockdep_assert_held(&gauge->lock);
	threshold->counted = atomic_long_read(&gauge->count);
	list_add_tail(&threshold->entry, &gauge->counting);
	WRITE_ONCE(gauge->nr_counting, gauge->nr_counting + 1);
}

static void tw_threshold_end_counting(struct tw_gauge *gauge, struct tw_threshold *threshold)
{
	if (list_empty(&threshold->entry))
		return;
	list_del_init(&threshold->entry);
	WRITE_ONCE(gauge->nr_counting, gauge->nr_counting - 1);
}

/**
 * tw_threshold_untold() - the threshold that was told the least of what was counted
 * @gauge: with its lock held; one that counts
 * @cause: what the current task has had counted
 *
 * Return: the threshold, or NULL if all were told of @cause.
 */
struct tw_threshold *tw_threshold_untold(struct tw_gauge *gauge, const struct tw_cause *cause)
{
	struct tw_threshold *threshold = list_first_entry_or_null(&gauge->counting,
								  struct tw_threshold, entry);

	lockdep_assert_held(&gauge->lock);
	return threshold && (long)(threshold->counted - cause->count) < 0 ? threshold : NULL;
}

/**
 * tw_threshold_count() - tell thresholds of what was counted
 * @gauge: with its lock held; one that counts
 * @most: how many to tell, at most
 * @last: what the current task has had counted
 * @cause: the count with that
 *
 * Each is told of all that was counted until now, if it was not told of @last yet, which
 * is said to be the last. So the list stays in order; and what others have counted later,
 * and is told here, they find told.
 *
 * Return: how many were told.
 */
unsigned int tw_threshold_count(struct tw_gauge *gauge, unsigned int most,
				const struct tw_crossing *last, const struct tw_cause *cause)
{
	unsigned long count = atomic_long_read(&gauge->count);
	struct tw_threshold *threshold;
	unsigned long some;
	unsigned int told;

	lockdep_assert_held(&gauge->lock);
	for (told = 0; told < most; told++) {
		threshold = tw_threshold_untold(gauge, cause);
		if (!threshold)
			break;
		some = count - threshold->counted;
		threshold->counted = count;
		list_move_tail(&threshold->entry, &gauge->counting);
		if (threshold->observer) {
			threshold->observer->last = *last;
			if (cause->task)
				tw_crossing_set_current(&threshold->observer->last,
							threshold->observer->viewer);
			tw_crossing_hide_refusal(&threshold->observer->last,
						 threshold->observer->viewer);
		}
		if (threshold->spec.once) {
			some = 1;
			tw_threshold_end_counting(gauge, threshold);
		}
		threshold->fired += some - 1;
		threshold->pending += some - 1;
		tw_threshold_fire(gauge, threshold);
	}
	return told;
}

/* ---- the size ---- */

/* Does the size say where it is? */
static bool tw_threshold_is_sized(const struct tw_threshold *threshold)
{
	return threshold->spec.level.kind == TW_LEVEL_PERCENT ||
	       threshold->spec.hyst.kind == TW_LEVEL_PERCENT;
}

/**
 * tw_threshold_resize() - the limit has changed, and with it where percentages are
 * @gauge: with its lock held, and not being resized
 * @limit: the new one
 *
 * No usage may be checked until tw_threshold_place_some() has ended that.
 */
void tw_threshold_resize(struct tw_gauge *gauge, unsigned long limit)
{
	gauge->size = limit;
	gauge->resizes++;
	gauge->resizing = true;
	list_splice_init(&gauge->sized, &gauge->unplaced);
	/* ends all credit, and has each hook ask for a check */
	tw_threshold_set_next(gauge);
}

/**
 * tw_threshold_place_some() - place thresholds anew after tw_threshold_resize()
 * @gauge: with its lock held, and being resized
 * @most: how many, at most
 */
void tw_threshold_place_some(struct tw_gauge *gauge, unsigned int most)
{
	struct tw_threshold *threshold, *next;

	list_for_each_entry_safe(threshold, next, &gauge->unplaced, entry) {
		bool off = threshold->off;

		if (!most--)
			return;
		if (!off)
			tw_threshold_erase(gauge, threshold);
		threshold->band = tw_threshold_band(gauge, threshold);
		if (!off)
			tw_threshold_insert(gauge, threshold);
		list_move_tail(&threshold->entry, &gauge->sized);
	}
	gauge->resizing = false;
	tw_threshold_set_next(gauge);
	/* pairs with smp_rmb() in tw_check_alloc(): size seen, rest seen */
	smp_wmb();
	WRITE_ONCE(gauge->limit, gauge->size);
	smp_mb(); /* I1 of check.c */
}

/* ---- adding and removing ---- */

/**
 * tw_threshold_displace() - undo tw_threshold_place()
 * @gauge: with its lock held
 * @threshold: may be off, or have no level
 */
void tw_threshold_displace(struct tw_gauge *gauge, struct tw_threshold *threshold)
{
	if (!threshold->off)
		tw_threshold_erase(gauge, threshold);
	if (gauge->ops->counts)
		tw_threshold_end_counting(gauge, threshold);
	list_del_init(&threshold->entry);
	tw_threshold_set_next(gauge);
}

/**
 * tw_threshold_place() - put a threshold on the side where usage is
 * @gauge: with its lock held, and a superblock that keeps a count
 * @threshold: not in its trees and lists
 * @past: set to true if usage is past its level
 *
 * For the size that the caller has made a check for, or that of a later remount.
 *
 * Return: 0, or -EAGAIN if usage cannot be had while the lock is held: then nothing has changed.
 */
int tw_threshold_place(struct tw_gauge *gauge, struct tw_threshold *threshold, bool *past)
{
	bool falling = threshold->spec.direction == TW_FALLING;
	const struct tw_band *band = &threshold->band;
	s64 first, second;
	u64 used;

	threshold->band = tw_threshold_band(gauge, threshold);
	if (tw_threshold_is_sized(threshold))
		list_add_tail(&threshold->entry, &gauge->sized);

	/* the widest that it can wait for, before usage is checked */
	tw_gauge_set_next(gauge,
			  min(gauge->next_rise, tw_threshold_to_long(band->rise)),
			  max(gauge->next_fall, tw_threshold_to_long(band->fall)));
	smp_mb(); /* I1 of check.c */
	/* two, since one alone may be on the wrong side, see tw_check_sum() */
	if (!tw_gauge_used(gauge, &first) || !tw_gauge_used(gauge, &second)) {
		tw_threshold_displace(gauge, threshold);
		return -EAGAIN;
	}
	used = max_t(s64, falling ? max(first, second) : min(first, second), 0);

	if (threshold->peak)
		threshold->band.rise = used + 1;
	threshold->above = used >= (falling ? band->fall : band->rise);
	if (threshold->observer)
		tw_crossing_set(&threshold->observer->first, used, gauge->size,
				threshold->above);
	tw_threshold_insert(gauge, threshold);
	tw_threshold_set_next(gauge);
	*past = threshold->above != falling;
	return 0;
}
