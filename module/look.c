// SPDX-License-Identifier: GPL-2.0
/*
 * Looks: when the usage of a mount is compared with its marks, and how what
 * they find is told.
 *
 * How none is missed. Whoever changes usage (mm/shmem.c) and whoever changes
 * what is waited for (this file) each write first, then have a full memory
 * barrier, then read what the other wrote:
 *
 *	tw_look_check()			tw_look_settle(), tw_mark_place()
 *	  [usage was counted]		  next_rise, next_fall = ...
 *	  smp_mb()			  smp_mb()
 *	  read next_rise, next_fall	  sum up usage
 *
 * so that either the allocation sees that it has to ask for a look, or the
 * look sees the allocation. The same barrier makes the last of several CPUs
 * that allocate at once see what the others added to the shared part of the
 * counter; the rest is in the CPUs' own parts and within the slack.
 *
 * Crossings are those between looks: usage that goes up and is brought down
 * again by another CPU, before the system call that brought it up has had its
 * look, was never up for anybody who could tell.
 */
#include <linux/cpu.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/shmem_fs.h>

#include "compat.h"
#include "look.h"
#include "mark.h"
#include "mount.h"

/* how often a sum is made while it changes */
#define TW_LOOK_SUMS	8

/**
 * struct tw_observer - what a CPU queues when usage came near a mark
 * @look: looks at the usage of @mount, in hard interrupt context
 * @tell: tells what was crossed, where eventfds may be signalled
 * @mount: whose they are
 *
 * One for each CPU, queued there alone: what a CPU queues for itself has run
 * when it leaves the kernel, which another CPU's need not have.
 */
struct tw_observer {
	struct irq_work look;
	struct irq_work tell;
	struct tw_mount *mount;
};

/* how far percpu_counter_read() may be from percpu_counter_sum(), in blocks */
static long tw_look_slack __read_mostly;
static int tw_look_cpuhp;

/* ---- telling ---- */

/*
 * Tells all crossings of a mount; those that others are just telling have been
 * told on return, too. Context: process, or an irq_work that is not a hard one.
 */
static void tw_look_tell(struct tw_mount *mount)
{
	unsigned long flags, lock_flags;
	unsigned int crossings = 0;
	struct tw_mark *mark;

	spin_lock_irqsave(&mount->tell_lock, flags);
	for (;;) {
		/* on PREEMPT_RT the lock above leaves interrupts on */
		raw_spin_lock_irqsave(&mount->lock, lock_flags);
		mark = list_first_entry_or_null(&mount->untold, struct tw_mark,
						untold_entry);
		if (mark) {
			list_del_init(&mark->untold_entry);
			crossings = mark->untold;
			mark->untold = 0;
		}
		/* the last one is done with, see tw_look_wait() */
		smp_store_release(&mount->telling, mark);
		raw_spin_unlock_irqrestore(&mount->lock, lock_flags);
		if (!mark)
			break;
		mark->tell(mark, crossings);
	}
	spin_unlock_irqrestore(&mount->tell_lock, flags);
}

/**
 * tw_look_wait() - wait until a mark is not being told
 * @mount: where it is
 * @mark: not among those untold, so that it will not be told again
 *
 * Does not queue for tell_lock: with PREEMPT_RT whoever signals in a thread has
 * a higher priority, and with enough crossings would keep it for ever.
 *
 * Context: process.
 */
void tw_look_wait(struct tw_mount *mount, const struct tw_mark *mark)
{
	/* pairs with smp_store_release() in tw_look_tell() */
	while (smp_load_acquire(&mount->telling) == mark) {
		cond_resched();
		cpu_relax();
	}
}

static void tw_look_tell_fn(struct irq_work *work)
{
	tw_look_tell(container_of(work, struct tw_observer, tell)->mount);
}

/* ---- looking ---- */

/*
 * May a look find that a mark was passed? @sbinfo must be alive. Where a sum
 * over the CPUs would be on the wrong side of next_rise or next_fall, the
 * counter's rough value is no further than the slack from it.
 */
static bool tw_look_is_near(const struct tw_mount *mount,
			    struct shmem_sb_info *sbinfo)
{
	unsigned long max_blocks;
	s64 count, slack;

	smp_mb(); /* see the top of the file */
	max_blocks = READ_ONCE(sbinfo->max_blocks);
	if (max_blocks != READ_ONCE(mount->max_blocks))
		return true;
	/* a remount to size=0 ends the count for good */
	if (!max_blocks)
		return false;
	smp_rmb(); /* pairs with smp_wmb() in tw_mark_resize() */

	count = percpu_counter_read(&sbinfo->used_blocks);
	slack = READ_ONCE(tw_look_slack);
	return count + slack >= READ_ONCE(mount->next_rise) ||
	       count - slack < READ_ONCE(mount->next_fall);
}

NOKPROBE_SYMBOL(tw_look_is_near);

/*
 * A sum over the CPUs is no snapshot: what is freed on one that was added up
 * already, and then allocated on one that was not, makes it larger than usage
 * ever was; the other way round, smaller. So it is made again until two of them
 * agree on which marks were passed, or, with usage that changes all the time, a
 * few times: then only what all of them say counts, and whoever has changed
 * usage in between is about to look, too. False if no mark was passed.
 */
static bool tw_look_sum(struct tw_mount *mount, s64 *low, s64 *high)
{
	struct percpu_counter *used = &mount->sbinfo->used_blocks;
	s64 last = percpu_counter_sum(used);
	int i;

	for (i = 0; i < TW_LOOK_SUMS; i++) {
		s64 sum = percpu_counter_sum(used);

		*low = min(last, sum);
		*high = max(last, sum);
		if (tw_mark_passed(mount, *low, *high))
			return true;
		/* neither is past a mark alone: both say no */
		if (!tw_mark_passed(mount, last, last) &&
		    !tw_mark_passed(mount, sum, sum))
			return false;
		last = sum;
	}
	return false;
}

/*
 * True if tw_look_tell() must be called after this: for what was crossed, or to
 * wait until @others have told what they have seen.
 */
static bool tw_look(struct tw_mount *mount, bool others)
{
	unsigned long flags, max_blocks;
	struct shmem_sb_info *sbinfo;
	bool tell = false;
	s64 low, high;

	raw_spin_lock_irqsave(&mount->lock, flags);
	sbinfo = mount->sbinfo;
	/*
	 * The last umount clears s_root and then throws all inodes away; that
	 * empties the mount, but nobody freed anything.
	 */
	if (!sbinfo || !READ_ONCE(mount->sb->s_root))
		goto out;
	max_blocks = READ_ONCE(sbinfo->max_blocks);
	if (max_blocks != mount->max_blocks)
		tw_mark_resize(mount, max_blocks);
	if (!tw_look_is_near(mount, sbinfo))
		goto out;
	/*
	 * A mark that has moved waits for the other direction from now on, and
	 * usage may have passed it back before next_* said so: look again.
	 */
	while (tw_look_sum(mount, &low, &high) &&
	       tw_mark_cross(mount, low, high)) {
		tell = true;
		tw_mark_expect(mount);
		smp_mb(); /* see the top of the file */
	}
out:
	if (others && (mount->telling || !list_empty(&mount->untold)))
		tell = true;
	raw_spin_unlock_irqrestore(&mount->lock, flags);
	return tell;
}

/**
 * tw_look_settle() - look at the usage and tell what was crossed
 * @mount: of which
 *
 * Context: process.
 */
void tw_look_settle(struct tw_mount *mount)
{
	if (tw_look(mount, false))
		tw_look_tell(mount);
}

static void tw_look_fn(struct irq_work *work)
{
	struct tw_observer *observer = container_of(work, struct tw_observer,
						    look);

	/*
	 * Also where another CPU has seen this one's crossing, but not told it
	 * yet: tw_look_tell() waits for that.
	 */
	if (tw_look(observer->mount, true))
		irq_work_queue(&observer->tell);
}

/**
 * tw_look_check() - the hook's call: blocks were allocated or freed
 * @sb: where
 * @freeing: 0 if they are counted already; otherwise the blocks that are being
 *	freed and will be counted before interrupts are enabled again
 *
 * Takes no lock and writes nothing, unless usage is so near to a mark that it
 * may have been passed. What it then queues runs on this CPU as soon as
 * interrupts are enabled: before the system call returns, and after the blocks
 * were counted.
 *
 * Context: any, with preemption disabled, while @sb is in use.
 */
void tw_look_check(struct super_block *sb, long freeing)
{
	struct tw_mount *mount = tw_mount_find(sb);
	struct tw_observer __percpu *observers;

	if (!mount)
		return;
	/* not before what they hold, see tw_look_prepare() */
	observers = smp_load_acquire(&mount->observers);
	if (!observers)
		return;
	/*
	 * What is freed is not counted yet, so the barrier that makes an
	 * allocation see next_fall would be too early here: always look.
	 */
	if (!freeing && likely(!tw_look_is_near(mount, sb->s_fs_info)))
		return;
	irq_work_queue(&this_cpu_ptr(observers)->look);
}

NOKPROBE_SYMBOL(tw_look_check);

/* ---- of a mount, and of all ---- */

/**
 * tw_look_prepare() - make what a mount is looked at through, once in its life
 * @mount: the mount
 *
 * Context: process, mount->mutex held.
 * Return: 0 or -ENOMEM.
 */
int tw_look_prepare(struct tw_mount *mount)
{
	struct tw_observer __percpu *observers;
	int cpu;

	lockdep_assert_held(&mount->mutex);
	if (mount->observers)
		return 0;
	observers = alloc_percpu_gfp(struct tw_observer, GFP_KERNEL_ACCOUNT);
	if (!observers)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct tw_observer *observer = per_cpu_ptr(observers, cpu);

		tw_compat_init_irq_work_hard(&observer->look, tw_look_fn);
		init_irq_work(&observer->tell, tw_look_tell_fn);
		observer->mount = mount;
	}
	/* pairs with smp_load_acquire() in tw_look_check() */
	smp_store_release(&mount->observers, observers);
	/* a handler that has not seen them has ended, and its blocks counted */
	synchronize_rcu();
	return 0;
}

/**
 * tw_look_release() - undo tw_look_prepare()
 * @mount: without marks, and not found by tw_look_check() any more
 *
 * Context: process.
 */
void tw_look_release(struct tw_mount *mount)
{
	int cpu;

	if (!mount->observers)
		return;
	/* what the hook has queued may still run, and queue the second */
	for_each_possible_cpu(cpu) {
		struct tw_observer *observer = per_cpu_ptr(mount->observers,
							   cpu);

		irq_work_sync(&observer->look);
		irq_work_sync(&observer->tell);
	}
	free_percpu(mount->observers);
}

/*
 * A CPU's part of a percpu_counter is below the batch, which is 32 or twice
 * the number of CPUs online, see compute_batch_value() in lib/percpu_counter.c;
 * but what was counted before some went offline may be larger. Those present
 * bound both. Called before a CPU can count.
 */
static int tw_look_cpu_comes(unsigned int cpu)
{
	long cpus = num_present_cpus();

	WRITE_ONCE(tw_look_slack,
		   max(tw_look_slack, max(32L, 2 * cpus) * cpus));
	return 0;
}

/**
 * tw_look_init() - before anything else of this file
 *
 * Return: 0 or a negative errno.
 */
int tw_look_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					      "tmpfswarn:prepare",
					      tw_look_cpu_comes, NULL);

	if (state < 0)
		return state;
	tw_look_cpuhp = state;
	/* for those that are there; who comes from now on is called for */
	cpus_read_lock();
	tw_look_cpu_comes(0);
	cpus_read_unlock();
	return 0;
}

/**
 * tw_look_exit() - undo tw_look_init()
 */
void tw_look_exit(void)
{
	cpuhp_remove_state_nocalls(tw_look_cpuhp);
}
