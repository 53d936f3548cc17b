// SPDX-License-Identifier: GPL-2.0
/*
 * Deferrals: system calls that are checked when they return, not within.
 *
 * Huge pages may reach beyond the ends of their files. An allocation that finds its mount full
 * gives back what they have there, a huge page after the other, and takes of it what it
 * needs: shmem_unused_huge_shrink(), with no shrink_control. The system call goes on and takes
 * the rest. So usage falls and rises as often as there are such pages, and nobody who looks
 * between two system calls sees it.
 *
 * From when a task enters that function until it returns to user mode, or exits, the
 * checks that its hooks on that mount want are not made: one is, by a task work, before it is in
 * user mode. See I14 of check.c. A call may go on for long when it has its space, so they are made
 * again when the last such entry is TW_DEFERRAL_TIME ago. Other tasks' hooks have theirs as
 * ever: what they find, statvfs() could have found as well. Kernel threads, which never return
 * to user mode, defer nothing. Nor does who finds no place, or where the probe is a breakpoint,
 * which x86 treats as an NMI: all is checked at once then. Whoever may write to a mount may
 * take its places, and keep them, and the mount's object with them, for as long as a call of
 * theirs can be held up; so there is a limit to those of all mounts.
 *
 * A task may stay in its system call for as long as it likes, and no module can take a task
 * work back from it. The module does not wait for it, and is not in use because of it:
 *
 * D1. From when the probe has been unregistered no task work is added.
 * D2. Then each that is pending is given a function of the kernel instead of ours,
 *     wakeme_after_rcu(), which completes a completion that nobody waits for.
 * D3. Who has read our function before that calls it at once, and it does not sleep. So
 *     after a synchronize_rcu_tasks() it has run, and its task is back in the kernel's text.
 * D4. What is pending still is touched by the kernel alone. Its memory stays: an array of
 *     TW_DEFERRALS for each mount where a task was in its system call just then.
 */
#include <linux/completion.h>
#include <linux/kmemleak.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/rcupdate_wait.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/utsname.h>

#include "check.h"
#include "compat.h"
#include "deferral.h"
#include "gauge.h"
#include "mount.h"
#include "probe.h"

/* tasks that defer on all gauges at a time */
#define TW_DEFERRALS_ALL	256

/* for how long after each entry, in jiffies: far more than making space once takes */
#define TW_DEFERRAL_TIME	(HZ / 2)

/*
 * Protects the list, what is in it but for @due and @until, @deferring of gauges and the
 * counts; taken with interrupts disabled, and from a probe, see tw_probe_lock().
 */
static DEFINE_RAW_SPINLOCK(tw_deferral_lock);
static LIST_HEAD(tw_deferral_pending);
static unsigned int tw_deferral_nr_pending;
static unsigned long tw_deferral_begun;

/* see compat.h; READ_ONCE(), or the compiler puts the symbol in its place */
static typeof(task_work_add) *tw_deferral_task_work_add = task_work_add;

/* ---- the task's way back to user mode ---- */

/* Does not sleep, see D3. */
static void tw_deferral_end(struct callback_head *head)
{
	struct tw_deferral *deferral = container_of(head, struct tw_deferral, work.head);
	struct tw_gauge *gauge = deferral->gauge;
	bool due = deferral->due;
	unsigned long flags;

	raw_spin_lock_irqsave(&tw_deferral_lock, flags);
	list_del(&deferral->entry);
	tw_deferral_nr_pending--;
	WRITE_ONCE(gauge->deferring, gauge->deferring - 1);
	/* the place is another's from then on */
	WRITE_ONCE(deferral->task, NULL);
	raw_spin_unlock_irqrestore(&tw_deferral_lock, flags);
	if (due)
		tw_check_queue_sum(gauge);
	tw_mount_put(gauge->mount);
}

/* ---- the probe ---- */

/* Takes a free place for the current task, which has none; NULL if there is none. */
static __always_inline struct tw_deferral *tw_deferral_take(struct tw_gauge *gauge)
{
	struct tw_deferral *deferral = gauge->deferrals;
	size_t i;

	lockdep_assert_held(&tw_deferral_lock);
	if (tw_deferral_nr_pending == TW_DEFERRALS_ALL)
		return NULL;
	for (i = 0; deferral->task; i++, deferral++) {
		if (i == TW_DEFERRALS - 1)
			return NULL;
	}
	/* the module's end may just have let go of it */
	if (!tw_mount_get_unless_gone(gauge->mount))
		return NULL;
	init_task_work(&deferral->work.head, tw_deferral_end);
	deferral->due = false;
	deferral->gauge = gauge;
	WRITE_ONCE(deferral->task, current);
	deferral->until = jiffies + TW_DEFERRAL_TIME;
	list_add(&deferral->entry, &tw_deferral_pending);
	tw_deferral_nr_pending++;
	WRITE_ONCE(gauge->deferring, gauge->deferring + 1);
	WRITE_ONCE(tw_deferral_begun, tw_deferral_begun + 1);
	return deferral;
}

/* Context: a probe, with preemption disabled. */
static __always_inline void tw_deferral_begin(struct tw_gauge *gauge)
{
	struct tw_deferral *deferral;
	unsigned long flags;

	deferral = tw_check_own_deferral(gauge);
	if (deferral) {
		deferral->until = jiffies + TW_DEFERRAL_TIME;
		return;
	}
	local_irq_save(flags);
	tw_probe_lock(&tw_deferral_lock);
	deferral = tw_deferral_take(gauge);
	raw_spin_unlock(&tw_deferral_lock);
	local_irq_restore(flags);
	/* it is not exiting, so there is no other reason to fail than one to come */
	if (deferral && READ_ONCE(tw_deferral_task_work_add)(current, &deferral->work.head,
							     TWA_RESUME))
		tw_deferral_end(&deferral->work.head);
}

/* Does the current task come back to user mode, and run what task_work_add() is given? */
static __always_inline bool tw_deferral_returns(void)
{
	return !(current->flags & (PF_KTHREAD | TW_COMPAT_PF_WORKER | PF_EXITING)) && !in_nmi();
}

/*
 * shmem_unused_huge_shrink(sbinfo, control, pages) was entered; control is of one who wants
 * memory and not blocks, and frees what then stays free.
 */
static __always_inline void tw_deferral_entered(struct shmem_sb_info *sbinfo,
						unsigned long control)
{
	struct tw_gauge *gauge;

	if (control || !tw_deferral_returns())
		return;
	/* it is entered for each refusal, and most often there is nothing to give back */
	if (list_empty_careful(&sbinfo->shrinklist))
		return;
	gauge = tw_gauge_find_by_info(TW_BLOCKS, sbinfo);
	if (gauge)
		tw_deferral_begin(gauge);
}

static notrace int tw_deferral_on_entry(struct kprobe *probe, struct pt_regs *regs)
{
	tw_deferral_entered((struct shmem_sb_info *)regs_get_kernel_argument(regs, 0),
			    regs_get_kernel_argument(regs, 1));
	return 0;
}

NOKPROBE_SYMBOL(tw_deferral_on_entry);

static notrace void tw_deferral_on_ftrace(unsigned long ip, unsigned long parent_ip,
					  struct ftrace_ops *ops,
					  struct tw_compat_ftrace_regs *regs)
{
	preempt_disable_notrace();
	tw_deferral_entered((struct shmem_sb_info *)tw_compat_ftrace_argument(regs, 0),
			    tw_compat_ftrace_argument(regs, 1));
	preempt_enable_notrace();
}

NOKPROBE_SYMBOL(tw_deferral_on_ftrace);

static const struct tw_probe_handlers tw_deferral_handlers = {
	.ftrace = tw_deferral_on_ftrace,
	.kprobe = tw_deferral_on_entry,
};

static struct tw_probe tw_deferral_probe = {
	.handlers = &tw_deferral_handlers, .plain = true,
};

/* ---- all of them ---- */

/**
 * tw_deferral_symbol() - where it is seen that space is made
 *
 * Return: the function, or "none" where nothing can be deferred.
 */
const char *tw_deferral_symbol(void)
{
	return tw_deferral_probe.registered ? tw_deferral_probe.symbol : "none";
}

/**
 * tw_deferral_count() - how many system calls have begun to defer, on each mount
 *
 * Return: that, since load.
 */
unsigned long tw_deferral_count(void)
{
	return READ_ONCE(tw_deferral_begun);
}

/**
 * tw_deferral_init() - before anything else of this file
 * @kind: how the function is to be probed
 *
 * Where it cannot be, nothing is deferred.
 * Context: process.
 */
void tw_deferral_init(enum tw_probe_kind kind)
{
	if (!READ_ONCE(tw_deferral_task_work_add))
		return;
	/* synchronize_rcu_tasks() would not wait for a task that is preempted, see D3 */
	if (IS_ENABLED(CONFIG_PREEMPTION) && !IS_ENABLED(CONFIG_TASKS_RCU))
		return;
	tw_probe_register(&tw_deferral_probe, "shmem_unused_huge_shrink", kind);
}

/**
 * tw_deferral_enable() - begin to defer
 *
 * If that cannot be, all is checked at once.
 *
 * Context: process; one caller at a time, of this and tw_deferral_disable().
 */
void tw_deferral_enable(void)
{
	tw_probe_enable(&tw_deferral_probe);
}

/**
 * tw_deferral_disable() - undo tw_deferral_enable()
 *
 * What is pending stays so.
 *
 * Context: process.
 * Return: 0, or a negative errno if the probe is in place still.
 */
int tw_deferral_disable(void)
{
	return tw_probe_disable(&tw_deferral_probe);
}

/* What lockdep knows of its lock must not be the module's: neither key nor name. */
static void tw_deferral_lock_stays(struct completion *completion)
{
#ifdef CONFIG_LOCKDEP
	lockdep_set_class_and_name(&completion->wait.lock, &__lockdep_no_validate__,
				   init_utsname()->sysname);
#endif
}

/* D2 to D4 */
static void tw_deferral_abandon(void)
{
	struct tw_deferral *deferral, *next;

	raw_spin_lock_irq(&tw_deferral_lock);
	list_for_each_entry(deferral, &tw_deferral_pending, entry) {
		tw_deferral_lock_stays(&deferral->work.completion);
		/* who has read ours is waited for below, and so is who knows the old class */
		WRITE_ONCE(deferral->work.head.func, wakeme_after_rcu);
	}
	raw_spin_unlock_irq(&tw_deferral_lock);
	synchronize_rcu_tasks();
	/* nobody else touches the list any more (D3) */
	list_for_each_entry_safe(deferral, next, &tw_deferral_pending, entry) {
		struct tw_gauge *gauge = deferral->gauge;

		list_del(&deferral->entry);
		if (gauge->deferrals)
			kmemleak_ignore(gauge->deferrals);
		gauge->deferrals = NULL;
		tw_mount_put(gauge->mount);
	}
}

/**
 * tw_deferral_exit() - undo tw_deferral_init()
 *
 * No hook finds a gauge any more. No code of this file runs on return.
 * Context: process.
 */
void tw_deferral_exit(void)
{
	if (!tw_deferral_probe.registered)
		return;
	tw_probe_unregister(&tw_deferral_probe);
	tw_deferral_abandon();
}
