// SPDX-License-Identifier: GPL-2.0
/*
 * Calls: system calls that are looked at once more when they return.
 *
 * What a system call comes to is known when it is over. So a task that a probe has found to be
 * in one of interest is given a place among those of the mount, and a task work, which runs
 * before the task is in user mode again, or exits. Who never returns to user mode gets none: kernel
 * threads, io_uring's and others' workers, and tasks that exit. Nor does who finds no place left,
 * or where the probe is a breakpoint, which x86 treats as an NMI. Whoever may write to a mount
 * may take its places, and keep them, and the mount's object with them, for as long as a call of
 * theirs can be held up: but for root, each the fewer the fewer are left, so that one user
 * takes a fifth of them. The places are those of a gauge, which is charged to who was the first
 * to register there, and its lock is its own: so nobody takes any from other mounts, and nobody
 * there waits for him.
 *
 * A task may stay in its system call for as long as it likes, and no module can take a task
 * work back from it. The module does not wait for it, and is not in use because of it:
 *
 * C1. From when the probes have been unregistered no task work is added.
 * C2. Then each that is pending is given a function of the kernel instead of ours,
 *     wakeme_after_rcu(), which completes a completion that nobody waits for.
 * C3. Who has read our function before that calls it at once, and it does not sleep. So
 *     after a synchronize_rcu_tasks() it has run, and its task is back in the kernel's text.
 * C4. What is pending still is touched by the kernel alone. Its memory stays: an array of
 *     places for each gauge of a mount where a task was in its system call just then; of
 *     mounts that a user may have made, max_mounts at most.
 */
#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/kmemleak.h>
#include <linux/kprobes.h>
#include <linux/rcupdate.h>
#include <linux/rcupdate_wait.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/uidgid.h>
#include <linux/utsname.h>

#include "call.h"
#include "check.h"
#include "compat.h"
#include "gauge.h"
#include "mount.h"

/* see compat.h; READ_ONCE(), or the compiler puts the symbol in its place */
static typeof(task_work_add) *tw_call_task_work_add = task_work_add;

/* Does not sleep, see C3. */
static void tw_call_end(struct callback_head *head)
{
	struct tw_call *call = container_of(head, struct tw_call, work.head);
	struct tw_call_notes notes = call->notes;
	struct tw_gauge *gauge = call->gauge;
	unsigned long flags;

	raw_spin_lock_irqsave(&gauge->call_lock, flags);
	gauge->calls_taken &= ~BIT_ULL(call - gauge->calls);
	WRITE_ONCE(gauge->calling, gauge->calling - 1);
	/* the place is another's from then on */
	WRITE_ONCE(call->task, NULL);
	raw_spin_unlock_irqrestore(&gauge->call_lock, flags);
	notes.returned(gauge, &notes);
	tw_mount_put(gauge->mount);
}

/* Has @uid more than a quarter of what would be left to others? */
static __always_inline bool tw_call_has_many(const struct tw_gauge *gauge, kuid_t uid)
{
	unsigned int own = 0;
	u64 taken;

	if (uid_eq(uid, GLOBAL_ROOT_UID))
		return false;
	for (taken = gauge->calls_taken; taken; taken &= taken - 1)
		own += uid_eq(gauge->calls[__ffs64(taken)].uid, uid);
	return own > (gauge->ops->calls - gauge->calling) / 4;
}

/* Takes a free place for the current task, which has none; NULL if there is none for it. */
static __always_inline struct tw_call *
tw_call_take(struct tw_gauge *gauge, const struct tw_call_notes *notes)
{
	u64 free = ~gauge->calls_taken;
	unsigned int place = free ? __ffs64(free) : gauge->ops->calls;
	struct tw_call *call = &gauge->calls[place];

	lockdep_assert_held(&gauge->call_lock);
	if (place >= gauge->ops->calls || tw_call_has_many(gauge, current_real_cred()->uid))
		return NULL;
	/* the module's end may just have let go of it */
	if (!tw_mount_get_unless_gone(gauge->mount))
		return NULL;
	init_task_work(&call->work.head, tw_call_end);
	call->notes = *notes;
	call->gauge = gauge;
	call->uid = current_real_cred()->uid;
	WRITE_ONCE(call->task, current);
	gauge->calls_taken |= BIT_ULL(place);
	WRITE_ONCE(gauge->calling, gauge->calling + 1);
	return call;
}

/* Does the current task come back to user mode, and run what task_work_add() is given? */
static __always_inline bool tw_call_returns(void)
{
	return !(current->flags & (PF_KTHREAD | TW_COMPAT_PF_WORKER | PF_EXITING)) && !in_nmi();
}

/**
 * tw_call_begin() - look at the current task's system call when it returns
 * @gauge: where, with places; the task has none there
 * @notes: what to keep of it
 *
 * Context: a probe, with preemption disabled.
 * Return: true if @notes->returned will be called.
 */
notrace bool tw_call_begin(struct tw_gauge *gauge, const struct tw_call_notes *notes)
{
	struct tw_call *call;
	unsigned long flags;

	if (!tw_call_returns())
		return false;
	/* no NMI: see tw_probe_lock() for why that can be waited for, and lockdep lets it */
	raw_spin_lock_irqsave(&gauge->call_lock, flags);
	call = tw_call_take(gauge, notes);
	raw_spin_unlock_irqrestore(&gauge->call_lock, flags);
	/* it is not exiting, so there is no other reason to fail than one to come */
	if (call && READ_ONCE(tw_call_task_work_add)(current, &call->work.head, TWA_RESUME))
		tw_call_end(&call->work.head);
	return call;
}

NOKPROBE_SYMBOL(tw_call_begin);

/**
 * tw_call_possible() - can system calls be looked at when they return?
 *
 * Return: that.
 */
bool tw_call_possible(void)
{
	/* synchronize_rcu_tasks() would not wait for a task that is preempted, see C3 */
	return READ_ONCE(tw_call_task_work_add) &&
	       !(IS_ENABLED(CONFIG_PREEMPTION) && !IS_ENABLED(CONFIG_TASKS_RCU));
}

/* What lockdep knows of its lock must not be the module's: neither key nor name. */
static void tw_call_lock_stays(struct completion *completion)
{
#ifdef CONFIG_LOCKDEP
	lockdep_set_class_and_name(&completion->wait.lock, &__lockdep_no_validate__,
				   init_utsname()->sysname);
#endif
}

/* Has the kernel's function called for what is pending. */
static void tw_call_give_away(struct tw_gauge *gauge)
{
	unsigned int place;

	raw_spin_lock_irq(&gauge->call_lock);
	for (place = 0; place < gauge->ops->calls; place++) {
		struct tw_call *call = &gauge->calls[place];

		if (!(gauge->calls_taken & BIT_ULL(place)))
			continue;
		tw_call_lock_stays(&call->work.completion);
		/* who has read ours is waited for after this, and so is who knows the old class */
		WRITE_ONCE(call->work.head.func, wakeme_after_rcu); /* C2 */
	}
	raw_spin_unlock_irq(&gauge->call_lock);
}

/* Leaves what is pending still to the kernel: nobody else touches the places any more (C3). */
static void tw_call_leave(struct tw_gauge *gauge)
{
	u64 taken = gauge->calls_taken;

	if (!taken)
		return;
	kmemleak_ignore(gauge->calls); /* C4 */
	gauge->calls = NULL;
	gauge->calls_taken = 0;
	/* one for each; the last one leaves the gauge there as long as it is visited */
	for (; taken; taken &= taken - 1)
		tw_mount_put(gauge->mount);
}

/**
 * tw_call_abandon() - leave alone what has not returned
 *
 * No probe calls tw_call_begin() any more (C1), and none finds a gauge. No code of this
 * file, nor any that was to be called when a system call returns, runs on return.
 *
 * Context: process.
 */
void tw_call_abandon(void)
{
	if (!tw_call_possible())
		return;
	tw_check_visit_calls(tw_call_give_away);
	synchronize_rcu_tasks();
	tw_check_visit_calls(tw_call_leave);
}
