/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks: when the usage of a gauge is compared with its thresholds.
 */
#ifndef TW_CHECK_H
#define TW_CHECK_H

#include <linux/compiler.h>
#include <linux/rcupdate_wait.h>
#include <linux/shmem_fs.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "blocks.h"
#include "crossing.h"
#include "gauge.h"

/* for inodes.c */
void tw_check_queue(struct tw_gauge *gauge, long amount);

/* for verdict.c */
void tw_check_refused(struct tw_gauge *gauge, const struct tw_refusal *refusal, bool again);

/* for the hook */
void tw_check_alloc_near(struct tw_gauge *gauge, struct shmem_sb_info *sbinfo,
			 long blocks);
void tw_check_free(struct tw_gauge *gauge, struct shmem_sb_info *sbinfo,
		   long blocks);
void tw_check_freeing(struct tw_gauge *gauge);

/**
 * tw_check_alloc() - blocks were allocated, and counted
 * @gauge: where
 * @sbinfo: the superblock's
 * @blocks: how many; ignored unless TW_COMPAT_COUNTS_BLOCKS
 *
 * Reads one cache line of @gauge and one of @sbinfo's counter, both of which
 * are written seldom, and writes nothing.
 *
 * Context: any, with preemption disabled, while the superblock is in use.
 */
static __always_inline void
tw_check_alloc(struct tw_gauge *gauge, struct shmem_sb_info *sbinfo,
	       long blocks)
{
	long check_above;

	smp_mb(); /* I1 of check.c */
	if (likely(READ_ONCE(sbinfo->max_blocks) ==
		   READ_ONCE(gauge->limit))) {
		smp_rmb(); /* pairs with smp_wmb() in tw_threshold_place_some() */
		check_above = smp_load_acquire(&gauge->check_above); /* of tw_gauge_set_bounds() */
		if (likely(tw_blocks_rough(sbinfo) < check_above))
			return;
	}
	tw_check_alloc_near(gauge, sbinfo, blocks);
}

/**
 * struct tw_call_notes - what is kept of a system call that is looked at when it returns
 * @returned: called then, by the task, which must not sleep
 * @due: a check was wanted, see deferral.c
 * @until: its checks are made again from then on, in jiffies; the same
 * @cause: for which it may be refused something, see verdict.c
 * @asked: inodes that it wants, the same
 * @number: the system call's, -1 for a page fault; the same. Not to be had when it returns: arm64
 *	forgets it where a signal is pending, before the task works are run
 *
 * Of the task alone.
 */
struct tw_call_notes {
	void (*returned)(struct tw_gauge *gauge, const struct tw_call_notes *notes);
	bool due;
	unsigned long until;
	enum tw_refusal_cause cause;
	unsigned int asked;
	int number;
};

/**
 * struct tw_call - a place for a system call that is looked at when it returns, see call.c
 * @work: its head is the task work; the rest is for wakeme_after_rcu()
 * @task: whose call; NULL for a free place. Found by the task alone
 * @uid: whose task, for who else wants a place
 * @gauge: where, with a reference to its mount
 * @notes: what is kept of it
 *
 * Here, where hooks look for their own.
 */
struct tw_call {
	struct rcu_synchronize work;
	struct task_struct *task;
	kuid_t uid;
	struct tw_gauge *gauge;
	struct tw_call_notes notes;
};

/* for deferral.c and verdict.c */
struct tw_call *tw_check_own_call(struct tw_gauge *gauge);

/* for deferral.c */
void tw_check_queue_sum(struct tw_gauge *gauge);

/* for watch.c */
void tw_check_resized(struct tw_gauge *gauge);
void tw_check_notify(struct tw_gauge *gauge);

/* for resync.c */
bool tw_check_again(struct tw_gauge *gauge, bool *queued);

/* for call.c */
void tw_check_visit_calls(void (*visit)(struct tw_gauge *gauge));

/* for discovery.c */
void tw_check_now(struct tw_gauge *gauge);

/* for whoever registers */
int tw_check_prepare(struct tw_gauge *gauge);

/* for mount.c */
void tw_check_release(struct tw_gauge *gauge);

#endif /* TW_CHECK_H */
