// SPDX-License-Identifier: GPL-2.0
/*
 * Checks: the usage of a gauge is compared with its thresholds.
 *
 * Usage is read in two ways, see gauge.h: the exact one may be dear, the rough one is off by
 * no more than the slack. What is said below of blocks, allocations and frees is
 * meant of all that is measured; I3 to I6 are for gauges that give credit, and I14 is of
 * blocks. Their hooks know at compile time what tw_gauge_ops says of them.
 *
 * I1. No crossing is missed. Whoever changes usage (mm/shmem.c) and whoever
 * changes what is waited for (this file) each write first, then have a full
 * memory barrier, then read what the other wrote:
 *
 *	tw_check_alloc() and others	tw_check(), tw_threshold_place()
 *	  [usage was counted]		  check_above, check_below, generation = ...
 *	  smp_mb()			  smp_mb()
 *	  read check_above, generation	  read usage exactly
 *
 * Either the allocation sees that it has to ask for a check, or the check sees
 * the allocation. The same barrier makes the last of several CPUs that
 * allocate at once see what the others added to the shared part.
 *
 * I2. Far from a level, no check is made: rough usage is compared with
 * check_above, which is at least one slack below the next level.
 *
 * I3. Near a level, allocations and frees are charged. Let U be usage as a check has
 * summed it up, L the lowest level above U at which a threshold rises, and F the
 * highest at which one falls: it does so when usage is less than F. That check puts
 * L - U - 1 blocks, which cannot reach L, into the credit pool for allocations, and
 * U - F blocks, without which usage is not less than F, into the one for frees. The
 * CPUs take credit from the pools, and an allocation or a free is charged to the
 * credit of the CPU that its hook runs on. A CPU in debt makes a check, which sums
 * usage up again when a pool does not cover a debt. So few sums are made, where otherwise
 * each allocation and free would need one: with 128 CPUs that is each in the last 128 MiB.
 *
 * I4. Each block that the hook is called for was charged or is part of U. Both
 * pools belong to a generation G, which is published, followed by a full
 * barrier, before usage is summed up. An allocation or a free whose hook reads an
 * earlier generation was counted before that barrier, and is part of U. All others
 * are charged in G, some of them although they are part of U as well: that only makes
 * a check earlier. A sum is no snapshot, but what was counted on a CPU
 * after its part was read is not in U, so it is charged in G or its hook has still to
 * come (I6). Not more than L - U - 1 allocated and U - F freed blocks are charged, except
 * by a hook that has then queued a check, which runs before its system call returns. So
 * while no check is queued usage is below L, since frees only make it less, and not below F,
 * since allocations only make it more. It does not matter where
 * something was counted, where its task has gone to since, or what is in which
 * part of the counter. A free whose number the hook does not learn is charged more than any
 * pool has.
 *
 * I5. Allocations farther away than twice the slack are not charged. At the last of
 * these usage was at least one slack below L, and the pool never holds more
 * than that. The same goes for frees and F.
 *
 * I6. Of several system calls that reach a level together, up or down, each before the
 * hooks of the others, the last one is in debt: it is notified before that one returns. One
 * that has counted and not come to its hook yet may be any of them, even if another one has
 * returned meanwhile. If it fails before that, I13 has the crossing notified of.
 *
 * I7. While crossings are being notified, all allocations and frees of the mount are
 * charged or ask for checks, however far from a level: see tw_gauge_set_bounds().
 *
 * I8. Crossings are those between checks. Usage that goes up and is brought
 * down again by another CPU, before the system call that brought it up has had its
 * check, was never up for anybody who could tell.
 *
 * I9. Interrupts are off for a bounded time, whatever the number of triggers. One hold
 * of the gauge's lock moves at most TW_CHECK_BATCH thresholds, one of notify_lock
 * notifies of at most TW_NOTIFY_BATCH crossings. The irq_work queues itself for what
 * is left. That comes before the CPU returns to user mode: irq_work_queue() raises an
 * interrupt of the CPU itself (x86: by its local APIC; arm64: an IPI), which is
 * pending when the handler returns, and is taken as soon as interrupts are on. In
 * between, others get the locks, and interrupts of a higher priority, such as calls
 * by other CPUs, come through; those of a lower one, such as the timer of x86, come
 * after the last run. Where an architecture cannot raise it, irq_works wait for the
 * tick, and the selftest refuses to load the module. Process context drops the locks
 * and may sleep between two batches.
 *
 * I10. Batches lose no crossing. Thresholds not moved yet stay in the trees, next_rise
 * and next_fall say so, the generation is over and the credit pool unknown: each hook
 * near them is in debt or below check_below, and its check takes part. A check goes on
 * until it has found no threshold passed, so a single writer has all of its crossings
 * notified when its call returns. If another CPU brings usage back meanwhile, those
 * not moved yet have not crossed; for them I8 holds as it does for all others.
 *
 * I11. When the size has changed, percentages are placed anew in batches, too. From the
 * first to the last of them no usage is checked, and all hooks ask for checks, each of
 * which takes part. The size that they are placed for stays the same for a whole pass
 * over them, so that remounts in a loop cannot keep it from its end. A check waits for
 * a pass that was begun, or is for the size that it has found, when it came: for two
 * passes at most.
 *
 * I12. With PREEMPT_RT the check of a hook, which is in a hard interrupt, moves all
 * thresholds that were passed, in as many runs as that takes: the thread that notifies
 * may run after usage has gone back. But it places one batch alone after a remount,
 * which an ordinary user may do in a loop. The rest is for the check in process context
 * that discovery makes after each remount.
 *
 * I13. No hook is called for the blocks that an allocation counts and takes back because it
 * fails (tw_compat_hook_candidate() says when), nor for such an inode or link (inodes.c). I4
 * does not hold of them: a check in between takes them for a crossing, and the way back is not
 * seen; and a sum that sees one of the two steps and not the other is off by them, and so is the
 * credit that it gives. The same is true of a hit that the kernel drops, of probes that
 * somebody has switched off, and of what a task counts that was past a probe when it was armed,
 * and asleep, for a quota's or an xattr's sake: it is not waited for. So once a second each
 * gauge's thresholds are compared with usage, see tw_check_again(): whatever has made them
 * differ, they agree again within three seconds of that, without another allocation or free.
 *
 * I14. A task that has had the kernel make space on a mount asks for no checks there until
 * it has not done so for a while, or its system call returns, which makes one: see
 * deferral.c. What its hooks charge is charged, but where that ends in debt nobody settles
 * it, any number of times, so such a hook ends all credit instead: a new generation, whose
 * pools nobody has filled. What it has counted is then part of U for all whose hooks read
 * that generation. One that reads an earlier one was covered by its credit, and together
 * with the debt may have reached L or F: of the two it is the task that is deferred which
 * is in debt, and which is notified before its system call returns, as I6 has it. So I4
 * holds for all but the deferred, and holds again when the last of them returns. As in I8,
 * what one of these has taken or given, and another task has given back or taken before
 * there was a check, was not crossed for anybody who could tell. A call that neither goes
 * on nor returns is left to the resync, which knows of no deferral (I13).
 *
 * I15. A remount changes the limit on inodes and then what is free of them, and who reads one
 * before and one after that sees a crossing that there is none of. Both are under a lock of
 * mm/shmem.c, which is tried, and not waited for: its holder may be what the check has
 * interrupted, or be interrupted by who waits for the gauge's lock. And who counts in a loop
 * could keep it from a check for as long as he likes. So discovery counts each remount
 * when it begins and when it is known to be over, and what was read outside of one is
 * taken without that lock. If neither can be had in a few tries the check decides nothing, and
 * discovery makes one when the remount is over, for which it needs the gauge's lock: it
 * comes after that. A remount that discovery does not see (as I13 has it), at a moment when
 * somebody else has the lock of mm/shmem.c, may make a crossing that there is none of.
 *
 * Where the hook does not learn how many blocks were allocated (up to Linux 6.5),
 * there are no credits, and each allocation or free nearer than the slack makes a
 * check. Nor are there where the count is one number, as that of inodes is: then the slack is
 * 0, and only who is past a threshold makes one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include "check.h"
#include "compat.h"
#include "gauge.h"
#include "notify.h"
#include "probe.h"
#include "refusal.h"
#include "threshold.h"

/* how often a sum is made while it changes */
#define TW_CHECK_SUMS	8

/* thresholds that are moved, and placed anew, at a time, see I9 */
#define TW_CHECK_BATCH	32

/**
 * struct tw_check_run - a check that may take several times
 * @resizes: gauge->resizes must have come to that, and all be placed; see I11
 * @unplaced: that is not so yet
 * @unfinished: it must go on, for that or since more may have been crossed
 *
 * Protected by the gauge's lock.
 */
struct tw_check_run {
	unsigned long resizes;
	bool unplaced;
	bool unfinished;
};

/*
 * What a free of which the number is not known is charged: more than any credit
 * pool has, so that usage is summed up.
 */
#define TW_CHECK_UNKNOWN	(LONG_MAX >> 12)

/**
 * struct tw_cpu_state - what a CPU has of a gauge with thresholds
 * @credit: allocated blocks that may still be charged to the CPU; negative if in
 *	debt
 * @free_credit: the same for freed blocks
 * @generation: of both credits; if the gauge's is another, there is none
 * @check: checks the usage of @gauge, in hard interrupt context
 * @notify: notifies of what was crossed, where eventfds may be signalled, and goes on
 *	with what @check has begun
 * @run: what that is
 * @cause: for which hook @check was queued
 * @gauge: whose they are
 *
 * The two irq_works are queued on the CPU alone: what a CPU queues for itself
 * has run when it leaves the kernel, which another CPU's need not have. Only
 * the CPU itself touches the credit, with preemption disabled; where a handler
 * and the interrupt that checks may meet is described at tw_check_charge().
 */
struct tw_cpu_state {
	long credit;
	long free_credit;
	unsigned long generation;
	struct irq_work check;
	struct irq_work notify;
	struct tw_check_run run;
	struct tw_cause cause;
	struct tw_gauge *gauge;
};

/* ---- credit ---- */

/*
 * Charges blocks that were allocated, or freed: one of the two is 0, and the compiler
 * knows which. False if the CPU is in debt then, so that a check is due. Context: any,
 * with preemption disabled.
 *
 * The interrupt that checks may come between any two lines. It sets all members;
 * if it comes after the generation was read, it has summed up after the blocks
 * were counted, or the credit is of the same generation still: charging the
 * credit that it leaves is right or too much. In the last lines the new
 * generation must be stored before the debt: the other way round, the debt would be
 * forgiven. Both credits are set there: each is of that generation from then on.
 */
static __always_inline bool tw_check_charge(struct tw_gauge *gauge, long allocated,
					    long freed)
{
	struct tw_cpu_state __percpu *cpu_states = gauge->cpu_states;
	unsigned long generation = READ_ONCE(gauge->generation);

	if (likely(this_cpu_read(cpu_states->generation) == generation)) {
		/* a sum is due for that debt, and it must not overflow: see I14 */
		if (freed == TW_CHECK_UNKNOWN &&
		    this_cpu_read(cpu_states->free_credit) <= -TW_CHECK_UNKNOWN)
			return false;
		if (freed)
			return this_cpu_sub_return(cpu_states->free_credit, freed) >= 0;
		return this_cpu_sub_return(cpu_states->credit, allocated) >= 0;
	}
	this_cpu_write(cpu_states->generation, generation);
	this_cpu_write(cpu_states->credit, -allocated);
	this_cpu_write(cpu_states->free_credit, -freed);
	return false;
}

/**
 * tw_check_queue() - have usage checked
 * @gauge: of which
 * @amount: what the current task has taken; negative if it has given it back, 0 if that is
 *	not known
 *
 * It runs on this CPU as soon as interrupts are enabled: before the system call returns, and
 * after what the task has counted.
 *
 * Context: any, with preemption disabled.
 */
notrace void tw_check_queue(struct tw_gauge *gauge, long amount)
{
	struct tw_cpu_state *cpu_state = this_cpu_ptr(gauge->cpu_states);

	/* an interrupt in between finds a task that is the current one, or one that is not */
	WRITE_ONCE(cpu_state->cause.amount, amount);
	WRITE_ONCE(cpu_state->cause.task, current);
	irq_work_queue(&cpu_state->check);
}

NOKPROBE_SYMBOL(tw_check_queue);

/**
 * tw_check_own_call() - the place of the current task's system call, see call.c
 * @gauge: where
 *
 * Context: any, with preemption disabled.
 * Return: the place, or NULL if it has none.
 */
notrace struct tw_call *tw_check_own_call(struct tw_gauge *gauge)
{
	struct tw_call *call = gauge->calls;
	size_t i;

	/* of other tasks' any number will do, its own it sees */
	if (likely(!READ_ONCE(gauge->calling)))
		return NULL;
	for (i = 0; i < gauge->ops->calls; i++, call++) {
		if (READ_ONCE(call->task) == current)
			return call;
	}
	return NULL;
}

NOKPROBE_SYMBOL(tw_check_own_call);

/* Is the check that the current task's hook wants left to the end of its system call? */
static __always_inline bool tw_check_defers(struct tw_gauge *gauge)
{
	struct tw_call *call;

	if (likely(!READ_ONCE(gauge->calling)))
		return false;
	call = tw_check_own_call(gauge);
	if (!call || time_after_eq(jiffies, call->notes.until))
		return false;
	call->notes.due = true;
	return true;
}

/*
 * Ends all credit, from a hook whose check is deferred (I14). That has been done if no check
 * has begun a generation since: the next one sums up what the hook has counted (I1).
 */
static noinline notrace void tw_check_forfeit(struct tw_gauge *gauge)
{
	unsigned long flags;

	if (READ_ONCE(gauge->uncredited) == READ_ONCE(gauge->generation))
		return;
	local_irq_save(flags);
	tw_probe_lock(&gauge->lock);
	/* or nobody has had any */
	if (gauge->credit_pool >= 0)
		tw_gauge_end_credit(gauge);
	WRITE_ONCE(gauge->uncredited, gauge->generation);
	raw_spin_unlock(&gauge->lock);
	local_irq_restore(flags);
}

NOKPROBE_SYMBOL(tw_check_forfeit);

/* A hook asks for a check, as in tw_check_queue(), now or at the end of its system call. */
static __always_inline void tw_check_ask(struct tw_gauge *gauge, long blocks)
{
	if (!tw_check_defers(gauge))
		tw_check_queue(gauge, blocks);
	else if (TW_COMPAT_COUNTS_BLOCKS)
		tw_check_forfeit(gauge);
}

/**
 * tw_check_refused() - count a refusal, and have thresholds told
 * @gauge: of refusals
 * @refusal: what the current task was refused
 * @again: it may be called again for the same one, soon
 *
 * As with tw_check_queue(), they are told before the system call returns.
 *
 * Context: any, with preemption disabled.
 */
notrace void tw_check_refused(struct tw_gauge *gauge, const struct tw_refusal *refusal,
			      bool again)
{
	struct tw_cause *cause = &this_cpu_ptr(gauge->cpu_states)->cause;
	unsigned long flags;

	/* an interrupt finds all of it, or nothing */
	local_irq_save(flags);
	if (!again || READ_ONCE(cause->task) != current ||
	    time_after(jiffies, cause->at + 1)) {
		cause->refusal = *refusal;
		cause->at = jiffies;
		cause->count = atomic_long_inc_return(&gauge->count);
		tw_check_queue(gauge, 0);
	}
	local_irq_restore(flags);
}

NOKPROBE_SYMBOL(tw_check_refused);

/**
 * tw_check_alloc_near() - blocks were allocated where that may matter
 * @gauge: where
 * @sbinfo: the superblock's
 * @blocks: how many
 *
 * What is queued runs on this CPU as soon as interrupts are enabled: before the
 * system call returns, and after the blocks were counted. See I14 for what is deferred.
 *
 * Context: as tw_check_alloc(), after its barrier.
 */
notrace void tw_check_alloc_near(struct tw_gauge *gauge,
				 struct shmem_sb_info *sbinfo, long blocks)
{
	unsigned long max_blocks = READ_ONCE(sbinfo->max_blocks);
	bool resized = max_blocks != READ_ONCE(gauge->limit);

	/* a remount to size=0 ends the count for good */
	if (!max_blocks && !resized)
		return;
	if (TW_COMPAT_COUNTS_BLOCKS) {
		/* resized or not, what was allocated is charged */
		bool charged = !blocks || tw_check_charge(gauge, blocks, 0);

		if (charged && !resized)
			return;
	}
	tw_check_ask(gauge, blocks);
}

NOKPROBE_SYMBOL(tw_check_alloc_near);

/* Blocks were freed where that may matter. */
static noinline notrace void tw_check_free_near(struct tw_gauge *gauge,
						struct shmem_sb_info *sbinfo, long blocks)
{
	unsigned long max_blocks = READ_ONCE(sbinfo->max_blocks);
	bool resized = max_blocks != READ_ONCE(gauge->limit);
	bool charged = false;

	/* a remount to size=0 ends the count for good */
	if (!max_blocks && !resized)
		return;
	/* resized or not, what was freed is charged */
	if (TW_COMPAT_COUNTS_BLOCKS)
		charged = tw_check_charge(gauge, 0, blocks > 0 ? blocks : TW_CHECK_UNKNOWN);
	if (!charged || resized)
		tw_check_ask(gauge, blocks > 0 ? -blocks : 0);
}

NOKPROBE_SYMBOL(tw_check_free_near);

/**
 * tw_check_free() - blocks were freed, and counted
 * @gauge: where
 * @sbinfo: the superblock's
 * @blocks: how many; 0 or less if that is not known
 *
 * Context: as tw_check_alloc().
 */
notrace void tw_check_free(struct tw_gauge *gauge,
			   struct shmem_sb_info *sbinfo, long blocks)
{
	long check_below;
	bool resized;

	smp_mb(); /* I1 */
	resized = READ_ONCE(sbinfo->max_blocks) != READ_ONCE(gauge->limit);
	/* pairs with smp_wmb() in tw_threshold_place_some(), as in tw_check_alloc() */
	smp_rmb();
	check_below = smp_load_acquire(&gauge->check_below); /* of tw_gauge_set_bounds() */
	if (unlikely(resized || tw_blocks_rough(sbinfo) < check_below))
		tw_check_free_near(gauge, sbinfo, blocks);
}

NOKPROBE_SYMBOL(tw_check_free);

/**
 * tw_check_freeing() - blocks are being freed, and will have been counted before
 * interrupts are enabled again
 * @gauge: where
 *
 * The barrier that makes a free see check_below would be too early here, so a check
 * is always asked for.
 *
 * Context: as tw_check_alloc().
 */
notrace void tw_check_freeing(struct tw_gauge *gauge)
{
	tw_check_ask(gauge, 0);
}

NOKPROBE_SYMBOL(tw_check_freeing);

/* ---- checks ---- */

/* Pays the debt of a CPU with no credit left from the pool; returns its new credit. */
static long tw_check_take(long *pool, long credit)
{
	long taken;

	if (credit > 0)
		return credit;
	*pool += credit;
	/* fair: where all of them write none asks more often than others */
	taken = DIV_ROUND_UP(*pool, num_online_cpus());
	*pool -= taken;
	return taken;
}

/*
 * Settles the debts of this CPU and gives it new credit; false if one of the pools
 * does not have that, so that usage must be summed up.
 */
static bool tw_check_refill(struct tw_gauge *gauge, struct tw_cpu_state *cpu_state)
{
	long credit = 0, free_credit = 0;

	lockdep_assert_held(&gauge->lock);
	/* nobody has summed up in this generation */
	if (gauge->credit_pool < 0)
		return false;
	if (cpu_state->generation == gauge->generation) {
		credit = cpu_state->credit;
		free_credit = cpu_state->free_credit;
	}
	if (credit < -gauge->credit_pool || free_credit < -gauge->free_credit_pool)
		return false;
	cpu_state->credit = tw_check_take(&gauge->credit_pool, credit);
	cpu_state->free_credit = tw_check_take(&gauge->free_credit_pool, free_credit);
	cpu_state->generation = gauge->generation;
	return true;
}

/*
 * A sum over the CPUs is no snapshot: what is freed on one that was added up
 * already, and then allocated on one that was not, makes it larger than usage
 * ever was; the other way round, smaller. So it is made again until two of them
 * agree on which thresholds were passed, or, with usage that changes all the time, a
 * few times: then only what all of them say counts, and whoever has changed
 * usage in between is about to make a check, too. False if no threshold was passed.
 *
 * A count that is one number is read once.
 */
static bool tw_check_sum(struct tw_gauge *gauge, s64 *low, s64 *high)
{
	s64 last, sum;
	int i;

	/* I15 */
	if (!tw_gauge_used(gauge, &last))
		return false;
	if (!gauge->ops->slack()) {
		*low = last;
		*high = last;
		return tw_threshold_passed(gauge, last, last);
	}
	for (i = 0; i < TW_CHECK_SUMS; i++) {
		tw_gauge_used(gauge, &sum);
		*low = min(last, sum);
		*high = max(last, sum);
		if (tw_threshold_passed(gauge, *low, *high))
			return true;
		/* neither is past a threshold alone: both say no */
		if (!tw_threshold_passed(gauge, last, last) &&
		    !tw_threshold_passed(gauge, sum, sum))
			return false;
		last = sum;
	}
	return false;
}

/*
 * Checks usage; true if a threshold was passed. @cpu_state: this CPU's, or NULL.
 * Sets @unfinished if more may have been.
 */
static bool tw_check_usage(struct tw_gauge *gauge, struct tw_cpu_state *cpu_state,
			   bool *unfinished)
{
	s64 slack = gauge->ops->slack(), count, low, high;
	bool credits = gauge->ops->credits;
	s64 margin = credits ? slack / 2 : 0;
	unsigned int left = TW_CHECK_BATCH, moved;
	bool rising, falling, crossed = false;
	struct tw_cause cause = { };

	lockdep_assert_held(&gauge->lock);
	/* the hook's task, unless the CPU has gone on to another since */
	if (cpu_state && cpu_state->cause.task == current)
		cause = cpu_state->cause;
	if (credits) {
		/* without a cpu_state, what was charged until now says nothing */
		if (cpu_state && tw_check_refill(gauge, cpu_state))
			return false;
		/* a new generation */
		tw_gauge_end_credit(gauge);
		smp_mb(); /* I1 */
	}
	gauge->checks++;
	count = gauge->ops->rough(gauge->sbinfo);
	barrier(); /* read once, since it is compared twice */
	low = count - slack;
	high = count + slack;
	/* also where the credit pools would otherwise have next to nothing */
	rising = high + margin >= gauge->next_rise;
	falling = low - margin < gauge->next_fall;
	/*
	 * A threshold that has moved waits for the other direction from now on, and
	 * usage may have passed it back before check_above and check_below said so:
	 * make another check.
	 */
	while (left && (rising || falling || crossed) &&
	       tw_check_sum(gauge, &low, &high)) {
		moved = tw_threshold_cross(gauge, low, high, left, &cause);
		if (!moved)
			break;
		left -= moved;
		crossed = true;
		tw_threshold_set_next(gauge);
		smp_mb(); /* I1 */
	}
	if (!left) {
		/* the credit pools stay unknown, so that the next check sums up (I10) */
		*unfinished = true;
		return true;
	}
	if (credits) {
		/* I3 */
		low = max_t(s64, low, 0);
		high = max_t(s64, high, 0);
		gauge->credit_pool = clamp_t(s64, gauge->next_rise - 1 - high, 0,
					     slack);
		gauge->free_credit_pool = slack;
		if (gauge->next_fall != TW_NO_FALL)
			gauge->free_credit_pool = clamp_t(s64, low - gauge->next_fall,
							  0, slack);
		if (cpu_state)
			tw_check_refill(gauge, cpu_state);
	}
	return crossed;
}

/* Tells of refusals; true if there was somebody to tell. Sets @unfinished if there is more. */
static bool tw_check_count(struct tw_gauge *gauge, struct tw_cpu_state *cpu_state,
			   bool *unfinished)
{
	struct tw_crossing last;
	struct tw_cause cause;
	unsigned int told;

	lockdep_assert_held(&gauge->lock);
	/* who has counted tells of it, on the CPU where that was */
	if (!cpu_state)
		return false;
	cause = cpu_state->cause;
	if (cause.task != current)
		cause.task = NULL;
	/* others' checks have told it, or nobody is left: a sum for nothing */
	if (!tw_threshold_untold(gauge, &cause))
		return false;
	tw_refusal_set(&last, gauge->sbinfo, &cause.refusal);
	told = tw_threshold_count(gauge, TW_CHECK_BATCH, &last, &cause);
	*unfinished = told == TW_CHECK_BATCH;
	return told;
}

/* Places thresholds for the size; sets @unplaced of @run unless all are. */
static void tw_check_size(struct tw_gauge *gauge, unsigned long limit,
			  struct tw_check_run *run)
{
	if (!gauge->resizing && (long)(run->resizes - gauge->resizes) > 0)
		tw_threshold_resize(gauge, limit);
	if (gauge->resizing)
		tw_threshold_place_some(gauge, TW_CHECK_BATCH);
	run->unplaced = gauge->resizing || (long)(run->resizes - gauge->resizes) > 0;
}

/*
 * True if tw_notify_all() must be called after this: for what was crossed, or to
 * wait until others have notified of what they have seen. The first of a @run sets
 * it up; as long as it is unfinished then, another is due.
 */
static bool tw_check(struct tw_gauge *gauge, struct tw_cpu_state *cpu_state,
		     struct tw_check_run *run, bool first)
{
	unsigned long flags, limit;
	bool notify = false;

	raw_spin_lock_irqsave(&gauge->lock, flags);
	run->unplaced = false;
	run->unfinished = false;
	/* NULL from before the last umount throws all inodes away, which is no free */
	if (gauge->sbinfo) {
		limit = tw_gauge_limit(gauge);
		if (first)
			run->resizes = gauge->resizes + (limit != gauge->size);
		tw_check_size(gauge, limit, run);
		/* a remount to size=0 ends the count for good */
		if (run->unplaced)
			run->unfinished = true;
		else if (gauge->ops->counts)
			notify = tw_check_count(gauge, cpu_state, &run->unfinished);
		else if (limit)
			notify = tw_check_usage(gauge, cpu_state, &run->unfinished);
	}
	/* of a peak, or a direction that was not asked for, nobody is: but what others found is */
	if (cpu_state)
		notify = gauge->notifying || !list_empty(&gauge->pending);
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
	return notify;
}

/**
 * tw_check_now() - check usage and notify of what was crossed
 * @gauge: of which
 *
 * Context: process.
 */
void tw_check_now(struct tw_gauge *gauge)
{
	struct tw_check_run run;
	bool first = true;

	do {
		if (tw_check(gauge, NULL, &run, first))
			tw_notify_all(gauge);
		first = false;
		cond_resched();
	} while (run.unfinished);
}

/**
 * tw_check_notify() - have crossings notified of that were not found by a check
 * @gauge: of which, after tw_check_prepare()
 *
 * That is done on return, or with PREEMPT_RT soon after. It is not done by the caller: with enough
 * traffic there are always more of them.
 *
 * Context: process.
 */
void tw_check_notify(struct tw_gauge *gauge)
{
	preempt_disable();
	irq_work_queue(&this_cpu_ptr(gauge->cpu_states)->notify);
	preempt_enable();
}

/**
 * tw_check_resized() - wait until thresholds are where the size wants them
 * @gauge: of which
 *
 * If the size changes meanwhile, they may not be where the last one wants them.
 *
 * Context: process.
 */
void tw_check_resized(struct tw_gauge *gauge)
{
	unsigned long flags;
	bool resized;

	raw_spin_lock_irqsave(&gauge->lock, flags);
	resized = gauge->sbinfo &&
		  (gauge->resizing || tw_gauge_limit(gauge) != gauge->size);
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
	if (resized)
		tw_check_now(gauge);
}

/* Is a threshold on the wrong side of usage, or the size another than they know? */
static bool tw_check_wrong(struct tw_gauge *gauge)
{
	s64 slack = gauge->ops->slack(), used;
	unsigned long limit;
	long count;

	if (!gauge->sbinfo)
		return false;
	limit = tw_gauge_limit(gauge);
	/* where a remount to size=0 was seen there are no thresholds */
	if (!limit || gauge->resizing || limit != gauge->size)
		return true;
	count = gauge->ops->rough(gauge->sbinfo);
	barrier(); /* read once, since it is compared twice */
	if (count + slack < gauge->next_rise && count - slack >= gauge->next_fall)
		return false;
	return !tw_gauge_used(gauge, &used) || tw_threshold_passed(gauge, used, used);
}

/* Queues a check that sums up, whatever credit there is. */
static void tw_check_queue_anew(struct tw_gauge *gauge)
{
	lockdep_assert_held(&gauge->lock);
	/* what was charged until now says nothing */
	tw_gauge_end_credit(gauge);
	tw_check_queue(gauge, 0);
}

/**
 * tw_check_queue_sum() - have usage checked, whatever the hook has made of it
 * @gauge: after tw_check_prepare()
 *
 * That is done on return.
 *
 * Context: process.
 */
void tw_check_queue_sum(struct tw_gauge *gauge)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&gauge->lock, flags);
	tw_check_queue_anew(gauge);
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
}

/**
 * tw_check_again() - have usage checked if a threshold is on the wrong side of it
 * @gauge: one that can be found
 * @queued: set to true if a check was queued
 *
 * For one who calls again and again, far apart. A check is queued only if two calls in a
 * row find it so, and if usage was not compared in between: whoever has allocated or freed
 * and is about to ask for a check itself has done so in the meantime.
 *
 * Context: process, with preemption disabled.
 * Return: true if there are thresholds.
 */
bool tw_check_again(struct tw_gauge *gauge, bool *queued)
{
	unsigned long flags, doubt;
	bool watched;

	raw_spin_lock_irqsave(&gauge->lock, flags);
	watched = !RB_EMPTY_ROOT(&gauge->rises.rb_root) ||
		  !RB_EMPTY_ROOT(&gauge->falls.rb_root);
	doubt = watched && tw_check_wrong(gauge) ? gauge->checks + 1 : 0;
	if (doubt && doubt == gauge->doubt) {
		tw_check_queue_anew(gauge);
		*queued = true;
	}
	gauge->doubt = doubt;
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
	return watched;
}

static void tw_check_notify_fn(struct irq_work *work)
{
	struct tw_cpu_state *cpu_state = container_of(work, struct tw_cpu_state,
						      notify);
	struct tw_gauge *gauge = cpu_state->gauge;
	struct tw_check_run *run = &cpu_state->run;
	bool more = tw_notify_some(gauge);

	if (!IS_ENABLED(CONFIG_PREEMPT_RT) && run->unfinished) {
		if (tw_check(gauge, cpu_state, run, false) || run->unfinished)
			more = true;
	}
	if (more)
		irq_work_queue(&cpu_state->notify); /* I9 */
}

static void tw_check_fn(struct irq_work *work)
{
	struct tw_cpu_state *cpu_state = container_of(work, struct tw_cpu_state,
						      check);
	struct tw_check_run *run = &cpu_state->run;
	/*
	 * Also where another CPU has seen this one's crossing, but not notified
	 * of it yet: tw_notify_some() waits for that.
	 */
	bool notify = tw_check(cpu_state->gauge, cpu_state, run, true);

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		notify = notify || run->unfinished;
	else if (run->unfinished && !run->unplaced)
		irq_work_queue(&cpu_state->check); /* I12 */
	if (notify)
		irq_work_queue(&cpu_state->notify);
}

/* ---- what it takes ---- */

/* gauges with places for system calls, and what protects the list */
static LIST_HEAD(tw_check_with_calls);
static DEFINE_MUTEX(tw_check_calls_mutex);

/**
 * tw_check_visit_calls() - call a function for each gauge with places for system calls
 * @visit: called with a mutex held which is taken before the last of a gauge is given back
 *
 * Context: process.
 */
void tw_check_visit_calls(void (*visit)(struct tw_gauge *gauge))
{
	struct tw_gauge *gauge;

	mutex_lock(&tw_check_calls_mutex);
	list_for_each_entry(gauge, &tw_check_with_calls, with_calls)
		visit(gauge);
	mutex_unlock(&tw_check_calls_mutex);
}

/* Also where no call can be looked at when it returns, as few kernels are. */
static struct tw_call *tw_check_make_calls(const struct tw_gauge *gauge)
{
	struct tw_call *calls = kcalloc(gauge->ops->calls, sizeof(*calls),
					GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
	size_t i;

	/* C2 of call.c */
	for (i = 0; calls && i < gauge->ops->calls; i++)
		init_completion(&calls[i].work.completion);
	return calls;
}

/* Has the hook see these when it finds the gauge, if that has none yet. */
static int tw_check_install(struct tw_gauge *gauge, struct tw_cpu_state __percpu *cpu_states,
			    struct tw_call *calls)
{
	int err;

	lockdep_assert_held(&gauge->mutex);
	if (gauge->cpu_states)
		return -EEXIST;
	gauge->cpu_states = cpu_states;
	gauge->calls = calls;
	err = tw_gauge_watch(gauge);
	if (err) {
		gauge->cpu_states = NULL;
		gauge->calls = NULL;
	} else if (calls) {
		mutex_lock(&tw_check_calls_mutex);
		list_add_tail(&gauge->with_calls, &tw_check_with_calls);
		mutex_unlock(&tw_check_calls_mutex);
	}
	return err;
}

static bool tw_check_is_prepared(struct tw_gauge *gauge)
{
	bool prepared;

	/* who installs them holds it until each hook finds the gauge */
	mutex_lock(&gauge->mutex);
	prepared = gauge->cpu_states;
	mutex_unlock(&gauge->mutex);
	return prepared;
}

/**
 * tw_check_prepare() - make what a gauge is checked through, once in its life
 * @gauge: the gauge
 *
 * The memory is made before the mutex is taken: where the caller's memory cgroup has no
 * more, that may take long, and others want to register there.
 *
 * Context: process.
 * Return: 0, -ENOMEM, or -ENODEV if the mount is gone.
 */
int tw_check_prepare(struct tw_gauge *gauge)
{
	struct tw_cpu_state __percpu *cpu_states;
	struct tw_call *calls = NULL;
	int cpu, err;

	if (tw_check_is_prepared(gauge))
		return 0;
	cpu_states = alloc_percpu_gfp(struct tw_cpu_state, GFP_KERNEL_ACCOUNT |
				      __GFP_RETRY_MAYFAIL);
	if (!cpu_states)
		return -ENOMEM;
	if (gauge->ops->calls) {
		calls = tw_check_make_calls(gauge);
		if (!calls) {
			free_percpu(cpu_states);
			return -ENOMEM;
		}
	}
	for_each_possible_cpu(cpu) {
		struct tw_cpu_state *cpu_state = per_cpu_ptr(cpu_states, cpu);

		tw_compat_init_irq_work_hard(&cpu_state->check, tw_check_fn);
		init_irq_work(&cpu_state->notify, tw_check_notify_fn);
		cpu_state->gauge = gauge;
	}
	mutex_lock(&gauge->mutex);
	err = tw_check_install(gauge, cpu_states, calls);
	mutex_unlock(&gauge->mutex);
	if (err) {
		kfree(calls);
		free_percpu(cpu_states);
	}
	return err == -EEXIST ? 0 : err;
}

/**
 * tw_check_release() - undo tw_check_prepare()
 * @gauge: without thresholds, and not found by the hook any more
 *
 * Context: process.
 */
void tw_check_release(struct tw_gauge *gauge)
{
	int cpu;

	if (!gauge->cpu_states)
		return;
	mutex_lock(&tw_check_calls_mutex);
	list_del_init(&gauge->with_calls);
	mutex_unlock(&tw_check_calls_mutex);
	/* what the hook has queued may still run, and queue the second */
	for_each_possible_cpu(cpu) {
		struct tw_cpu_state *cpu_state = per_cpu_ptr(gauge->cpu_states,
							     cpu);

		irq_work_sync(&cpu_state->check);
		irq_work_sync(&cpu_state->notify);
	}
	kfree(gauge->calls);
	free_percpu(gauge->cpu_states);
}
