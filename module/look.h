/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looks: when the usage of a mount is compared with its marks.
 */
#ifndef TW_LOOK_H
#define TW_LOOK_H

#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/percpu_counter.h>
#include <linux/shmem_fs.h>
#include <linux/types.h>

#include "mount.h"

/* next_rise and next_fall of a mount while nothing waits for that */
#define TW_NO_RISE	LONG_MAX
#define TW_NO_FALL	LONG_MIN

int tw_look_init(void);
void tw_look_exit(void);

/* for the hook */
void tw_look_near(struct tw_mount *mount, struct shmem_sb_info *sbinfo,
		  long blocks);
void tw_look_freed(struct tw_mount *mount, struct shmem_sb_info *sbinfo);
void tw_look_freeing(struct tw_mount *mount);

/*
 * The shared part of a mount's counter of blocks. Who counts stores plainly, under
 * a lock; that what is read may be older is what the barriers and the slack are
 * for. Not READ_ONCE(): it is for one comparison, and would be an instruction
 * more in the hook. With 32 bits the other half is another load, and is thrown
 * away: a mount's blocks are fewer than a long can count.
 */
static __always_inline long tw_look_count(struct shmem_sb_info *sbinfo)
{
	return data_race(percpu_counter_read(&sbinfo->used_blocks)); /* see above */
}

/**
 * tw_look_allocated() - blocks were allocated, and counted
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
tw_look_allocated(struct tw_mount *mount, struct shmem_sb_info *sbinfo,
		  long blocks)
{
	long near_rise;

	smp_mb(); /* see the top of look.c */
	if (likely(READ_ONCE(sbinfo->max_blocks) ==
		   READ_ONCE(mount->max_blocks))) {
		smp_rmb(); /* pairs with smp_wmb() in tw_mark_resize() */
		near_rise = smp_load_acquire(&mount->near_rise); /* of tw_look_await() */
		if (likely(tw_look_count(sbinfo) < near_rise))
			return;
	}
	tw_look_near(mount, sbinfo, blocks);
}

/* for tell.c */
void tw_look_await(struct tw_mount *mount);

/* for mark.c */
void tw_look_expect(struct tw_mount *mount, long rise, long fall);
int tw_look_prepare(struct tw_mount *mount);

/* for mount.c */
void tw_look_settle(struct tw_mount *mount);
void tw_look_release(struct tw_mount *mount);

#endif /* TW_LOOK_H */
