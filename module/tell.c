// SPDX-License-Identifier: GPL-2.0
/*
 * Telling: calls those who wait for the crossings that a look has found.
 */
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "look.h"
#include "mark.h"
#include "mount.h"
#include "tell.h"

/**
 * tw_tell_all() - tell all crossings of a mount
 * @mount: the mount
 *
 * Those that others are just telling have been told on return, too.
 *
 * Context: process, or an irq_work that is not a hard one.
 */
void tw_tell_all(struct tw_mount *mount)
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
		/* the last one is done with, see tw_tell_wait() */
		smp_store_release(&mount->telling, mark);
		if (!mark)
			tw_look_await(mount);
		raw_spin_unlock_irqrestore(&mount->lock, lock_flags);
		if (!mark)
			break;
		mark->tell(mark, crossings);
	}
	spin_unlock_irqrestore(&mount->tell_lock, flags);
}

/**
 * tw_tell_wait() - wait until a mark is not being told
 * @mount: where it is
 * @mark: not among those untold, so that it will not be told again
 *
 * Does not queue for tell_lock: with PREEMPT_RT whoever signals in a thread has
 * a higher priority, and with enough crossings would keep it for ever.
 *
 * Context: process.
 */
void tw_tell_wait(struct tw_mount *mount, const struct tw_mark *mark)
{
	/* pairs with smp_store_release() in tw_tell_all() */
	while (smp_load_acquire(&mount->telling) == mark) {
		cond_resched();
		cpu_relax();
	}
}
