// SPDX-License-Identifier: GPL-2.0
/*
 * Looks: when the usage of a mount is compared with its marks.
 *
 * How none is missed. Whoever changes usage (mm/shmem.c) and whoever changes
 * what is waited for (this file) each write first, then have a full memory
 * barrier, then read what the other wrote:
 *
 *	tw_look_allocated()		tw_look(), tw_mark_place()
 *	  [usage was counted]		  near_rise, near_fall, generation = ...
 *	  smp_mb()			  smp_mb()
 *	  read near_rise, generation	  sum up usage
 *
 * so that either the allocation sees that it has to ask for a look, or the
 * look sees the allocation. The same barrier makes the last of several CPUs
 * that allocate at once see what the others added to the shared part of the
 * counter; the rest is in the CPUs' own parts, and all of these together are
 * not more than the slack.
 *
 * How few are made. The shared part of the counter alone, which costs nothing
 * to read, says that a level is more than the slack away. Nearer than that, a
 * sum over all CPUs for each allocation would be needed; with 128 CPUs that is
 * in the last 128 MiB. Instead, a look that has found usage to be U, and L to
 * be the lowest level above it, hands out the L - U - 1 blocks that cannot reach
 * it: the CPUs take shares of that pool, and an allocation is paid for from the
 * share of the CPU that its hook runs on. Usage is summed up again when what is
 * left in the pool does not cover a share that was overdrawn.
 *
 * That is exact, since all that is allocated is paid for or was seen. Let G be
 * the generation that the pool belongs to; it is made known, followed by a full
 * barrier, before usage is summed up. An allocation whose hook reads an earlier
 * generation was counted before that barrier, and is part of U. All others pay
 * in G, some of them although they are part of U as well. What is paid is never
 * more than L - U - 1, except by who has then queued a look, which runs before
 * its system call returns. So without a look under way usage is below L: frees
 * only make it less. It does not matter where an allocation was counted, where
 * its task has gone to since, or what is in which part of the counter.
 *
 * Allocations farther away than twice the slack do not pay: at the last of
 * these, usage was at least one slack below L, and not more than that is ever in
 * the pool.
 *
 * Where the hook is not told how many blocks were allocated (up to Linux 6.5),
 * there are no shares, and each allocation nearer than the slack makes a look.
 * So does each free that near above a level.
 *
 * Of several system calls that reach a level together, each before the hooks of the
 * others, the last one overdraws its share: it is told before that one returns.
 *
 * While crossings are told all of the mount's allocations and frees ask for looks,
 * however far from a level, see tw_look_await().
 *
 * Crossings are those between looks: usage that goes up and is brought down
 * again by another CPU, before the system call that brought it up has had its
 * look, was never up for anybody who could tell.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/shmem_fs.h>

#include "compat.h"
#include "look.h"
#include "mark.h"
#include "mount.h"
#include "tell.h"

/* how often a sum is made while it changes */
#define TW_LOOK_SUMS	8

/**
 * struct tw_observer - what a CPU has of a mount with marks
 * @left: blocks left of its share; negative if overdrawn
 * @generation: of the share; if the mount's is another, there is none
 * @look: looks at the usage of @mount, in hard interrupt context
 * @tell: tells what was crossed, where eventfds may be signalled
 * @mount: whose they are
 *
 * The two irq_works are queued on the CPU alone: what a CPU queues for itself
 * has run when it leaves the kernel, which another CPU's need not have. Only
 * the CPU itself touches the share, with preemption disabled; where a handler
 * and the interrupt that looks may meet is told in tw_look_pays().
 */
struct tw_observer {
	long left;
	unsigned long generation;
	struct irq_work look;
	struct irq_work tell;
	struct tw_mount *mount;
};

/* how far tw_look_count() may be from tw_mount_used(), in blocks */
static long tw_look_slack __read_mostly;
static int tw_look_cpuhp;

/* ---- what the hook compares ---- */

/**
 * tw_look_await() - set from where on the hook asks for a look
 * @mount: with its lock held
 *
 * That is anywhere, both ways, as long as there are crossings to tell. The look
 * that has found them may not be that of who has crossed, whose hook comes after
 * it: that, too, must wait until they have been told. An allocation that is paid
 * for asks for no look even so: one that has crossed is more than its own generation
 * pays for, and a share of a later one is had only where there was a look since,
 * which has told or waited. With PREEMPT_RT nobody waits for the thread that tells.
 */
void tw_look_await(struct tw_mount *mount)
{
	long slack = READ_ONCE(tw_look_slack);
	long near_rise = mount->next_rise;
	long near_fall = mount->next_fall;

	lockdep_assert_held(&mount->lock);
	if (near_rise != TW_NO_RISE)
		near_rise -= TW_COMPAT_COUNTS_BLOCKS ? 2 * slack : slack;
	if (near_fall != TW_NO_FALL)
		near_fall = min(near_fall, LONG_MAX - slack) + slack;
	if (!IS_ENABLED(CONFIG_PREEMPT_RT) &&
	    (mount->telling || !list_empty(&mount->untold))) {
		near_rise = LONG_MIN;
		near_fall = LONG_MAX;
	}
	/* a hook that need not wait any more sees the eventfds signalled */
	smp_store_release(&mount->near_rise, near_rise); /* for tw_look_allocated() */
	smp_store_release(&mount->near_fall, near_fall); /* for tw_look_freed() */
}

/**
 * tw_look_expect() - set where the hook has to ask for a look from now on
 * @mount: with its lock held
 * @rise: the lowest number of blocks at which a mark becomes above, or
 *	TW_NO_RISE
 * @fall: a mark becomes below when usage is less than this, or TW_NO_FALL
 *
 * Ends all shares. A full barrier is due before usage is read.
 */
void tw_look_expect(struct tw_mount *mount, long rise, long fall)
{
	lockdep_assert_held(&mount->lock);
	mount->next_rise = rise;
	mount->next_fall = fall;
	tw_look_await(mount);
	WRITE_ONCE(mount->generation, mount->generation + 1);
	mount->pool = -1;
}

/*
 * Pays for blocks that were allocated; false if the CPU's share has not been
 * enough, so that a look is due. Context: any, with preemption disabled.
 *
 * The interrupt that looks may come between any two lines. It sets both members;
 * if it comes after the generation was read, it has summed up after the blocks
 * were counted, or the share is of the same generation still: paying from the
 * share that it leaves is right or too much. In the last two lines a new
 * generation must be there before what it owes: the other way round, what is
 * owed would be forgiven.
 */
static __always_inline bool tw_look_pays(struct tw_mount *mount, long blocks)
{
	struct tw_observer __percpu *observers = mount->observers;
	unsigned long generation = READ_ONCE(mount->generation);

	if (likely(this_cpu_read(observers->generation) == generation))
		return this_cpu_sub_return(observers->left, blocks) >= 0;
	this_cpu_write(observers->generation, generation);
	this_cpu_write(observers->left, -blocks);
	return false;
}

/**
 * tw_look_near() - blocks were allocated where that may matter
 * @mount: where
 * @sbinfo: the superblock's
 * @blocks: how many
 *
 * What is queued runs on this CPU as soon as interrupts are enabled: before the
 * system call returns, and after the blocks were counted.
 *
 * Context: as tw_look_allocated(), after its barrier.
 */
notrace void tw_look_near(struct tw_mount *mount,
			  struct shmem_sb_info *sbinfo, long blocks)
{
	unsigned long max_blocks = READ_ONCE(sbinfo->max_blocks);
	bool resized = max_blocks != READ_ONCE(mount->max_blocks);

	/* a remount to size=0 ends the count for good */
	if (!max_blocks && !resized)
		return;
	if (TW_COMPAT_COUNTS_BLOCKS) {
		/* resized or not, what was allocated is paid for */
		bool paid = !blocks || tw_look_pays(mount, blocks);

		if (paid && !resized)
			return;
	}
	irq_work_queue(&this_cpu_ptr(mount->observers)->look);
}

NOKPROBE_SYMBOL(tw_look_near);

/**
 * tw_look_freed() - blocks were freed, and counted
 * @mount: where
 * @sbinfo: the superblock's
 *
 * Context: as tw_look_allocated().
 */
notrace void tw_look_freed(struct tw_mount *mount,
			   struct shmem_sb_info *sbinfo)
{
	long near_fall;

	smp_mb(); /* see the top of the file */
	near_fall = smp_load_acquire(&mount->near_fall); /* of tw_look_await() */
	if (tw_look_count(sbinfo) < near_fall ||
	    READ_ONCE(sbinfo->max_blocks) != READ_ONCE(mount->max_blocks))
		tw_look_freeing(mount);
}

NOKPROBE_SYMBOL(tw_look_freed);

/**
 * tw_look_freeing() - blocks are being freed, and will have been counted before
 * interrupts are enabled again
 * @mount: where
 *
 * The barrier that makes a free see near_fall would be too early here, so there
 * is always a look.
 *
 * Context: as tw_look_allocated().
 */
notrace void tw_look_freeing(struct tw_mount *mount)
{
	irq_work_queue(&this_cpu_ptr(mount->observers)->look);
}

NOKPROBE_SYMBOL(tw_look_freeing);

/* ---- looking ---- */

/*
 * Settles what this CPU has overdrawn and gives it a new share; false if the
 * pool does not have that, so that usage must be summed up.
 */
static bool tw_look_share(struct tw_mount *mount, struct tw_observer *observer)
{
	long owed = 0, share;

	lockdep_assert_held(&mount->lock);
	/* nobody has summed up in this generation */
	if (mount->pool < 0)
		return false;
	if (observer->generation == mount->generation) {
		if (observer->left >= 0)
			return true;
		owed = -observer->left;
	}
	if (mount->pool < owed)
		return false;
	/* fair: where all of them write none asks more often than others */
	share = DIV_ROUND_UP(mount->pool - owed, num_online_cpus());
	mount->pool -= owed + share;
	observer->left = share;
	observer->generation = mount->generation;
	return true;
}

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
	s64 last = tw_mount_used(mount);
	int i;

	for (i = 0; i < TW_LOOK_SUMS; i++) {
		s64 sum = tw_mount_used(mount);

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

/* Looks at usage; true if a mark was passed. @observer: this CPU's, or NULL. */
static bool tw_look_now(struct tw_mount *mount, struct tw_observer *observer)
{
	s64 slack = READ_ONCE(tw_look_slack), count, low, high;
	bool rising, falling, crossed = false;

	/* who has no observer does not trust in what was paid until now */
	rising = !TW_COMPAT_COUNTS_BLOCKS || !observer ||
		 !tw_look_share(mount, observer);
	if (TW_COMPAT_COUNTS_BLOCKS && rising) {
		/* a new generation */
		tw_look_expect(mount, mount->next_rise, mount->next_fall);
		smp_mb(); /* see the top of the file */
	}
	count = tw_look_count(mount->sbinfo);
	barrier(); /* read once, since it is compared twice */
	high = count + slack;
	rising = rising && high >= mount->next_rise;
	falling = count - slack < mount->next_fall;
	/*
	 * A mark that has moved waits for the other direction from now on, and
	 * usage may have passed it back before near_rise and near_fall said so:
	 * look again.
	 */
	while ((rising || falling || crossed) &&
	       tw_look_sum(mount, &low, &high) &&
	       tw_mark_cross(mount, low, high)) {
		crossed = true;
		tw_mark_expect(mount);
		smp_mb(); /* see the top of the file */
	}
	if (TW_COMPAT_COUNTS_BLOCKS && mount->pool < 0) {
		high = max_t(s64, high, 0);
		mount->pool = clamp_t(s64, mount->next_rise - 1 - high, 0,
				      slack);
		if (observer)
			tw_look_share(mount, observer);
	}
	return crossed;
}

/*
 * True if tw_tell_all() must be called after this: for what was crossed, or to
 * wait until others have told what they have seen.
 */
static bool tw_look(struct tw_mount *mount, struct tw_observer *observer)
{
	struct shmem_sb_info *sbinfo;
	unsigned long flags, max_blocks;
	bool tell = false;

	raw_spin_lock_irqsave(&mount->lock, flags);
	sbinfo = mount->sbinfo;
	/*
	 * The last umount clears s_root and then throws all inodes away; that
	 * empties the mount, but nobody freed anything.
	 */
	if (sbinfo && READ_ONCE(mount->sb->s_root)) {
		max_blocks = READ_ONCE(sbinfo->max_blocks);
		if (max_blocks != mount->max_blocks)
			tw_mark_resize(mount, max_blocks);
		/* a remount to size=0 ends the count for good */
		if (max_blocks)
			tell = tw_look_now(mount, observer);
	}
	if (observer && (mount->telling || !list_empty(&mount->untold)))
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
	if (tw_look(mount, NULL))
		tw_tell_all(mount);
}

static void tw_look_tell_fn(struct irq_work *work)
{
	tw_tell_all(container_of(work, struct tw_observer, tell)->mount);
}

static void tw_look_fn(struct irq_work *work)
{
	struct tw_observer *observer = container_of(work, struct tw_observer,
						    look);

	/*
	 * Also where another CPU has seen this one's crossing, but not told it
	 * yet: tw_tell_all() waits for that.
	 */
	if (tw_look(observer->mount, observer))
		irq_work_queue(&observer->tell);
}

/* ---- of a mount, and of all ---- */

/**
 * tw_look_prepare() - make what a mount is looked at through, once in its life
 * @mount: the mount
 *
 * Context: process, mount->mutex held.
 * Return: 0, -ENOMEM, or -ENODEV if the mount is gone.
 */
int tw_look_prepare(struct tw_mount *mount)
{
	struct tw_observer __percpu *observers;
	int cpu, err;

	lockdep_assert_held(&mount->mutex);
	if (mount->observers)
		return 0;
	observers = alloc_percpu_gfp(struct tw_observer, GFP_KERNEL_ACCOUNT |
				     __GFP_RETRY_MAYFAIL);
	if (!observers)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		struct tw_observer *observer = per_cpu_ptr(observers, cpu);

		tw_compat_init_irq_work_hard(&observer->look, tw_look_fn);
		init_irq_work(&observer->tell, tw_look_tell_fn);
		observer->mount = mount;
	}
	/* the hook sees them when it finds the mount */
	mount->observers = observers;
	err = tw_mount_watch(mount);
	if (err) {
		mount->observers = NULL;
		free_percpu(observers);
	}
	return err;
}

/**
 * tw_look_release() - undo tw_look_prepare()
 * @mount: without marks, and not found by the hook any more
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

/* What was computed with a smaller slack is computed anew. */
static void tw_look_widen(struct tw_mount *mount)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mount->lock, flags);
	tw_look_expect(mount, mount->next_rise, mount->next_fall);
	raw_spin_unlock_irqrestore(&mount->lock, flags);
}

/*
 * A CPU's part of a percpu_counter is at most the batch, which is 32 or twice
 * the number of CPUs online, see compute_batch_value() in lib/percpu_counter.c;
 * but what was counted before some went offline may be larger. Those present
 * bound both, unless some were taken out of the machine since before the module
 * was loaded. Called before a CPU can count. A mount whose first mark is placed
 * meanwhile is found, or sees the new slack: it was in the table before.
 */
static int tw_look_cpu_comes(unsigned int cpu)
{
	long cpus = num_present_cpus();
	long slack = max(32L, 2 * cpus) * cpus;

	if (slack > tw_look_slack) {
		WRITE_ONCE(tw_look_slack, slack);
		tw_mount_visit_watched(tw_look_widen);
	}
	return 0;
}

/**
 * tw_look_init() - before anything else of this file, after tw_mount_init()
 *
 * Return: 0, or a negative errno after a line in the log.
 */
int tw_look_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
					      "tmpfswarn:prepare",
					      tw_look_cpu_comes, NULL);

	if (state < 0) {
		pr_err("not told when a CPU comes: error %d\n", state);
		return state;
	}
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
