// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks: how a mount's are counted, and how far a cheap reading may be off.
 *
 * Usage is the sum of the superblock's percpu_counter. The rough usage is the shared part of
 * that counter, which costs nothing to read. It is off by what the CPUs have counted for
 * themselves, which is never more than the slack.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "blocks.h"
#include "compat.h"
#include "gauge.h"

/* how far tw_blocks_rough() may be from tw_blocks_used() */
static long tw_blocks_off __read_mostly;
static int tw_blocks_cpuhp;

static unsigned long tw_blocks_limit(const struct shmem_sb_info *sbinfo)
{
	return READ_ONCE(sbinfo->max_blocks);
}

/*
 * On PREEMPT_RT percpu_counter_cpu_dead() holds the counter's lock with
 * interrupts on, and a check takes it, with the gauge's lock, in an interrupt. The
 * two do not meet on one CPU: that interrupt is one that the CPU has raised for
 * itself in a hook, so that it comes above who writes to a tmpfs. lockdep cannot
 * know that.
 */
static bool tw_blocks_used(struct tw_gauge *gauge, s64 *used)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		lockdep_off();
	*used = tw_compat_sum(&gauge->sbinfo->used_blocks);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		lockdep_on();
	return true;
}

static long tw_blocks_count(struct shmem_sb_info *sbinfo)
{
	return tw_blocks_rough(sbinfo);
}

static long tw_blocks_slack(void)
{
	return READ_ONCE(tw_blocks_off);
}

const struct tw_gauge_ops tw_blocks_ops = {
	.kind = TW_BLOCKS,
	.shift = PAGE_SHIFT,
	.credits = TW_COMPAT_COUNTS_BLOCKS,
	/* tasks that defer at a time, see deferral.c */
	.calls = 8,
	.limit = tw_blocks_limit,
	.used = tw_blocks_used,
	.rough = tw_blocks_count,
	.slack = tw_blocks_slack,
};

/* What was computed with a smaller slack is computed anew. */
static void tw_blocks_widen(struct tw_gauge *gauge)
{
	unsigned long flags;

	if (gauge->ops->kind != TW_BLOCKS)
		return;
	raw_spin_lock_irqsave(&gauge->lock, flags);
	tw_gauge_end_credit(gauge);
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
}

/*
 * A CPU's part of a percpu_counter is at most the batch, which is 32 or twice
 * the number of CPUs online, see compute_batch_value() in lib/percpu_counter.c;
 * but what was counted before some went offline may be larger. Those present
 * bound both, unless some were taken out of the machine since before the module
 * was loaded. Called before a CPU can count. A mount whose first threshold is placed
 * meanwhile is found, or sees the new slack: it was in the table before.
 */
static int tw_blocks_cpu_comes(unsigned int cpu)
{
	long cpus = num_present_cpus();
	long off = max(32L, 2 * cpus) * cpus;

	if (off > tw_blocks_off) {
		WRITE_ONCE(tw_blocks_off, off);
		tw_gauge_visit_watched(tw_blocks_widen);
	}
	return 0;
}

/**
 * tw_blocks_init() - before a gauge of blocks is made
 *
 * Return: 0, or a negative errno after a line in the log.
 */
int tw_blocks_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					      "tmpfswarn:prepare",
					      tw_blocks_cpu_comes, NULL);

	if (state < 0) {
		pr_err("no notification of CPUs that come: error %d\n", state);
		return state;
	}
	tw_blocks_cpuhp = state;
	/* for those that are there; who comes from now on is called for */
	cpus_read_lock();
	tw_blocks_cpu_comes(0);
	cpus_read_unlock();
	return 0;
}

/**
 * tw_blocks_exit() - undo tw_blocks_init()
 */
void tw_blocks_exit(void)
{
	cpuhp_remove_state_nocalls(tw_blocks_cpuhp);
}
