/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks: levels on a mount, and the side of them that usage is on.
 */
#ifndef TW_MARK_H
#define TW_MARK_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "level.h"

struct tw_mount;

/**
 * struct tw_mark - a level on a mount and which side of it usage is on
 * @spec: what was asked for
 * @tell: called with the number of crossings to tell, once or more, by several
 *	at once maybe: in an irq_work (on PREEMPT_RT in a thread) with the mount's
 *	tell_lock held, or in a process; never again once tw_mark_del() has
 *	returned
 * @untold: crossings that @tell was not called for yet
 * @untold_entry: in the mount's list of those
 * @entry: in the mount's list
 * @node: in one of the mount's trees, unless @off
 * @key: by which the tree is ordered
 * @band: where it rises and falls at the mount's present size
 * @above: the side usage is on
 * @off: has no level, or has signalled and asked for no more
 * @fired: crossings told, as a statistic
 *
 * All but @tell are protected by the mount's lock.
 */
struct tw_mark {
	struct tw_spec spec;
	void (*tell)(struct tw_mark *mark, unsigned int crossings);
	unsigned int untold;
	struct list_head untold_entry;
	struct list_head entry;
	struct rb_node node;
	u64 key;
	struct tw_band band;
	bool above;
	bool off;
	unsigned long fired;
};

int tw_mark_add(struct tw_mount *mount, struct tw_mark *mark);
void tw_mark_move(struct tw_mount *mount, struct tw_mark *mark,
		  const struct tw_level *level);
void tw_mark_del(struct tw_mount *mount, struct tw_mark *mark);

void tw_mark_prepare(struct tw_mount *mount);

/* for look.c */
struct tw_mark *tw_mark_passed(struct tw_mount *mount, s64 low, s64 high);
bool tw_mark_cross(struct tw_mount *mount, s64 low, s64 high);
void tw_mark_expect(struct tw_mount *mount);
void tw_mark_resize(struct tw_mount *mount, unsigned long max_blocks);

#endif /* TW_MARK_H */
