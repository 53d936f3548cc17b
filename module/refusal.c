// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: what a mount has refused, which is counted and not measured.
 */
#include <linux/minmax.h>
#include <linux/shmem_fs.h>

#include "compat.h"
#include "level.h"
#include "refusal.h"

/* There is always something that can be refused. */
static unsigned long tw_refusal_limit(const struct shmem_sb_info *sbinfo)
{
	return 1;
}

static long tw_refusal_slack(void)
{
	return 0;
}

const struct tw_gauge_ops tw_refusal_ops = {
	.kind = TW_REFUSALS,
	.counts = true,
	/* tasks that may be refused something at a time, see verdict.c */
	.calls = 64,
	.limit = tw_refusal_limit,
	.slack = tw_refusal_slack,
};

/**
 * tw_refusal_set() - what the mount had when it refused something
 * @crossing: set; of an unknown task
 * @sbinfo: the superblock's
 * @refusal: what was refused; NULL for nothing yet
 *
 * Context: any but an NMI, while the superblock cannot go.
 */
void tw_refusal_set(struct tw_crossing *crossing, struct shmem_sb_info *sbinfo,
		    const struct tw_refusal *refusal)
{
	unsigned long size = READ_ONCE(sbinfo->max_blocks);
	u64 used = size ? max_t(s64, tw_compat_sum(&sbinfo->used_blocks), 0) : 0;

	if (refusal && refusal->cause == TW_CAUSE_INODES) {
		size = READ_ONCE(sbinfo->max_inodes);
		used = max(tw_compat_used_inodes(sbinfo, size), 0L);
		tw_crossing_set(crossing, used, size, true);
	} else {
		tw_crossing_set(crossing, tw_blocks_to_bytes(used, PAGE_SHIFT),
				tw_blocks_to_bytes(size, PAGE_SHIFT), true);
	}
	if (refusal)
		crossing->refusal = *refusal;
}
