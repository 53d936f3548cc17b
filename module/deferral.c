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
 * checks that its hooks on that mount want are not made: one is, before it is in
 * user mode. See I14 of check.c. A call may go on for long when it has its space, so they are made
 * again when the last such entry is TW_DEFERRAL_TIME ago. Other tasks' hooks have theirs as
 * ever: what they find, statvfs() could have found as well. Who cannot be given a place, see
 * call.c, defers nothing: all is checked at once then.
 */
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>

#include "call.h"
#include "check.h"
#include "compat.h"
#include "deferral.h"
#include "gauge.h"
#include "probe.h"

/* for how long after each entry, in jiffies: far more than making space once takes */
#define TW_DEFERRAL_TIME	(HZ / 2)

static atomic_long_t tw_deferral_begun;

static void tw_deferral_returned(struct tw_gauge *gauge, const struct tw_call_notes *notes)
{
	if (notes->due)
		tw_check_queue_sum(gauge);
}

/* Context: a probe, with preemption disabled. */
static __always_inline void tw_deferral_begin(struct tw_gauge *gauge)
{
	const struct tw_call_notes notes = {
		.returned = tw_deferral_returned,
		.until = jiffies + TW_DEFERRAL_TIME,
	};
	struct tw_call *call = tw_check_own_call(gauge);

	if (call)
		call->notes.until = notes.until;
	else if (tw_call_begin(gauge, &notes))
		atomic_long_inc(&tw_deferral_begun);
}

/*
 * shmem_unused_huge_shrink(sbinfo, control, pages) was entered; control is of one who wants
 * memory and not blocks, and frees what then stays free.
 */
static __always_inline void tw_deferral_entered(struct shmem_sb_info *sbinfo,
						unsigned long control)
{
	struct tw_gauge *gauge;

	if (control)
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

/* while it is enabled, calls defer; what is pending then stays so */
struct tw_probe tw_deferral_probe = { .handlers = &tw_deferral_handlers, .plain = true };

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
	return atomic_long_read(&tw_deferral_begun);
}

/**
 * tw_deferral_register() - find where it is seen that space is made
 * @kind: how that is to be probed
 *
 * Where it cannot be, nothing is deferred.
 * Context: process.
 */
void tw_deferral_register(enum tw_probe_kind kind)
{
	if (tw_call_possible())
		tw_probe_register(&tw_deferral_probe, "shmem_unused_huge_shrink", kind);
}
