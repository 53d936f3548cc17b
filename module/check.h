/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks: when the usage of a mount is compared with its thresholds.
 */
#ifndef TW_CHECK_H
#define TW_CHECK_H

#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/percpu_counter.h>
#include <linux/shmem_fs.h>
#include <linux/types.h>

#include "mount.h"

/* next_rise and next_fall of a mount while nothing waits for that */
#define TW_NO_RISE	LONG_MAX
#define TW_NO_FALL	LONG_MIN

int tw_check_init(void);
void tw_check_exit(void);

/* for the hook */
void tw_check_alloc_near(struct tw_mount *mount, struct shmem_sb_info *sbinfo,
			 long blocks);
void tw_check_free(struct tw_mount *mount, struct shmem_sb_info *sbinfo,
		   long blocks);
void tw_check_freeing(struct tw_mount *mount);

/*
 * The shared part of a mount's counter of blocks. Who counts stores plainly, under
 * a lock; that what is read may be older is what the barriers and the slack are
 * for. Not READ_ONCE(): it is for one comparison, and would be an instruction
 * more in the hook. With 32 bits the other half is another load, and is thrown
 * away: a mount's blocks are fewer than a long can count.
 */
static __always_inline long tw_check_count(struct shmem_sb_info *sbinfo)
{
	return data_race(percpu_counter_read(&sbinfo->used_blocks)); /* see above */
}

/**
 * tw_check_alloc() - blocks were allocated, and counted
 * @mount: where
 * @sbinfo: the superblock's
 * @blocks: how many; ignored unless TW_COMPAT_COUNTS_BLOCKS
 *
 * Reads one cache line of @mount and one of @sbinfo's counter, both of which
 * are written seldom, and writes nothing.
 *
 * Context: any, with preemption disabled, while the superblock is in use.
 */
static __always_inline void
tw_check_alloc(struct tw_mount *mount, struct shmem_sb_info *sbinfo,
	       long blocks)
{
	long check_above;

	smp_mb(); /* I1 of check.c */
	if (likely(READ_ONCE(sbinfo->max_blocks) ==
		   READ_ONCE(mount->max_blocks))) {
		smp_rmb(); /* pairs with smp_wmb() in tw_threshold_place_some() */
		check_above = smp_load_acquire(&mount->check_above); /* of tw_check_set_bounds() */
		if (likely(tw_check_count(sbinfo) < check_above))
			return;
	}
	tw_check_alloc_near(mount, sbinfo, blocks);
}

/* for notify.c */
void tw_check_set_bounds(struct tw_mount *mount);

/* for trigger.c, before tw_threshold_add() */
int tw_check_prepare(struct tw_mount *mount);

/* for threshold.c */
void tw_check_set_next(struct tw_mount *mount, long rise, long fall);
void tw_check_resized(struct tw_mount *mount);
void tw_check_notify(struct tw_mount *mount);

/* for resync.c */
bool tw_check_again(struct tw_mount *mount, bool *queued);

/* for discovery.c */
bool tw_check_is_unlimited(struct tw_mount *mount);

/* for mount.c */
void tw_check_now(struct tw_mount *mount);
void tw_check_release(struct tw_mount *mount);

#endif /* TW_CHECK_H */
