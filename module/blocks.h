/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Blocks: how a mount's are counted, and how far a cheap reading may be off.
 */
#ifndef TW_BLOCKS_H
#define TW_BLOCKS_H

#include <linux/compiler.h>
#include <linux/percpu_counter.h>
#include <linux/shmem_fs.h>
#include <linux/types.h>

#include "gauge.h"

extern const struct tw_gauge_ops tw_blocks_ops;

int tw_blocks_init(void);
void tw_blocks_exit(void);

/*
 * The shared part of a mount's counter of blocks. Who counts stores plainly, under
 * a lock; that what is read may be older is what the barriers and the slack are
 * for. Not READ_ONCE(): it is for one comparison, and would be an instruction
 * more in the hook. With 32 bits the other half is another load, and is thrown
 * away: a mount's blocks are fewer than a long can count.
 */
static __always_inline long tw_blocks_rough(struct shmem_sb_info *sbinfo)
{
	return data_race(percpu_counter_read(&sbinfo->used_blocks)); /* see above */
}

#endif /* TW_BLOCKS_H */
