/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Thresholds: levels on a gauge, and the side of them that usage is on.
 */
#ifndef TW_THRESHOLD_H
#define TW_THRESHOLD_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "crossing.h"
#include "level.h"

struct tw_gauge;

/**
 * struct tw_threshold - a level on a gauge and which side of it usage is on
 * @gauge: where
 * @spec: what was asked for
 * @notify: called with the number of crossings to notify of, and the last of these if
 *	there is an @observer: once or more, by several at once maybe, in an irq_work (on
 *	PREEMPT_RT in a thread) with the gauge's notify_lock held, or in a process; never
 *	again once tw_watch_end() has returned
 * @observer: where crossings are written down, NULL for nowhere
 * @pending: crossings that @notify was not called for yet
 * @pending_entry: in the gauge's list of those
 * @entry: in one of the gauge's two lists, if where it is depends on the size; or in that of
 *	those without a level
 * @counted: how much of the gauge's count it was told of
 * @node: in one of the gauge's trees, unless @off
 * @key: by which the tree is ordered
 * @band: where it rises and falls at the size that it was placed for
 * @peak: it is never passed, but goes up with usage: one more than the most that was found
 * @above: the side usage is on
 * @off: has no level, or has signalled and asked for no more
 * @fired: crossings notified, as a statistic
 *
 * All but @gauge, @notify, @observer and @peak are protected by the gauge's lock.
 */
struct tw_threshold {
	struct tw_gauge *gauge;
	struct tw_spec spec;
	void (*notify)(struct tw_threshold *threshold, unsigned int crossings,
		       const struct tw_crossing *last);
	struct tw_observer *observer;
	unsigned long pending;
	struct list_head pending_entry;
	struct list_head entry;
	unsigned long counted;
	struct rb_node node;
	u64 key;
	struct tw_band band;
	bool peak;
	bool above;
	bool off;
	unsigned long fired;
};

int tw_threshold_place(struct tw_gauge *gauge, struct tw_threshold *threshold, bool *past);
void tw_threshold_displace(struct tw_gauge *gauge, struct tw_threshold *threshold);
void tw_threshold_fire_now(struct tw_gauge *gauge, struct tw_threshold *threshold);

struct tw_threshold *tw_threshold_passed(struct tw_gauge *gauge, s64 low, s64 high);
unsigned int tw_threshold_cross(struct tw_gauge *gauge, s64 low, s64 high,
				unsigned int most, const struct tw_cause *cause);
void tw_threshold_begin_counting(struct tw_gauge *gauge, struct tw_threshold *threshold);
struct tw_threshold *tw_threshold_untold(struct tw_gauge *gauge, const struct tw_cause *cause);
unsigned int tw_threshold_count(struct tw_gauge *gauge, unsigned int most,
				const struct tw_crossing *last, const struct tw_cause *cause);
void tw_threshold_set_next(struct tw_gauge *gauge);
void tw_threshold_resize(struct tw_gauge *gauge, unsigned long limit);
void tw_threshold_place_some(struct tw_gauge *gauge, unsigned int most);

#endif /* TW_THRESHOLD_H */
