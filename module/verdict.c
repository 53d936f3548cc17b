// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts: which system calls a mount has refused.
 *
 * What a system call comes to is known when it returns, and not before: an allocation is
 * tried again with smaller pages and after space was made, and where it fails for good the
 * call may return what it has done until then. So there are two steps:
 *
 * V1. A probe finds that the current task's call may be refused something. It may be wrong,
 *     but only that way. It notes the cause in the task's place, see call.c.
 *
 * V2. When the call returns, the error that it returns says whether it was: ENOSPC or EDQUOT, or
 *     for a page fault a SIGBUS that is pending. Once for each call, then, whatever happened in it.
 *
 * Nothing is done on the way of an allocation that succeeds, but where few inodes are left, or
 * there are quotas. What is probed:
 *
 *	shmem_unused_huge_shrink()	with no shrink_control is called where blocks could not be
 *					had, and there alone. What is short is seen then: if
 *					it is not the mount's size, it is memory that may
 *					be promised (or a quota, which has an error of its own)
 *	shmem_fallocate()		refuses at once what is larger than the whole mount,
 *					when it has the inode's lock: what a remount does
 *					until then is not seen
 *	__shmem_get_inode(), shmem_link(), shmem_xattr_handler_set()
 *					take inodes, first of all. Their failure calls nothing
 *					to be probed, so calls are noted that find few left:
 *					TW_VERDICT_FEW is more than are made while a
 *					task goes from the probe to the count, unless it is
 *					preempted there for long
 *
 * Without transparent huge pages nobody makes space. There what counts blocks is probed, which
 * is called for each allocation, or where that is inlined what finds a page, if the file has none
 * there: it is noted when TW_VERDICT_FEW blocks are left, as with inodes; such a kernel is likely
 * to be one that preempts a task between the two. A failure for want of memory that may be
 * promised is put down to the mount's size then, or not seen.
 *
 * V3. Who cannot be given a place, since it never returns to user mode or since there is none
 *     left, is taken at its first word: a page that cannot be had, a fallocate(2) that is too
 *     large, or no inode left when one is to be taken. As a failed allocation is tried again,
 *     that is counted once in a jiffy for each task, as long as its CPU is refused nothing else.
 */
#include <linux/compat.h>
#include <linux/dcache.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/quotaops.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/shmem_fs.h>
#include <linux/signal.h>
#include <linux/xarray.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

#include "blocks.h"
#include "call.h"
#include "check.h"
#include "compat.h"
#include "crossing.h"
#include "gauge.h"
#include "probe.h"
#include "verdict.h"

/* the largest xattr takes 65 of them */
#define TW_VERDICT_FEW		1024

/* ---- V2 ---- */

/* A page fault is no system call. */
static bool tw_verdict_is_fault(const struct tw_call_notes *notes)
{
	return notes->number == -1;
}

/* The error that the current task returns with to user mode, if that is of interest. */
static int tw_verdict_error(const struct tw_call_notes *notes, struct pt_regs *regs)
{
	if (!tw_verdict_is_fault(notes))
		return syscall_get_error(current, regs);
	/*
	 * Its own, of which others put none in this queue but by tgkill(2). One that is blocked was
	 * there before: that of the fault is not, or no longer.
	 */
	if (data_race(sigismember(&current->pending.signal, SIGBUS)) &&
	    !sigismember(&current->blocked, SIGBUS))
		return -ENOSPC;
	return 0;
}

/* What the current task's call has asked for, in bytes; 0 if that is not known. */
static u64 tw_verdict_asked(const struct tw_call_notes *notes, struct pt_regs *regs)
{
	unsigned long arguments[6];

	if (tw_verdict_is_fault(notes))
		return PAGE_SIZE;
	/* other numbers, other arguments */
	if (in_compat_syscall())
		return 0;
	syscall_get_arguments(current, regs, arguments);
	switch (notes->number) {
	case __NR_write:
	case __NR_pwrite64:
		return arguments[2];
#ifdef CONFIG_64BIT
	case __NR_fallocate:
		return arguments[3];
#endif
	}
	return 0;
}

/* How many inodes of @limit are left? As long as there is no limit, all. */
static __always_inline long tw_verdict_left(const struct shmem_sb_info *sbinfo,
					    unsigned long limit)
{
	return limit ? limit - tw_compat_used_inodes(sbinfo, limit) : LONG_MAX;
}

/*
 * Are there few inodes left still, or quotas at all? If not, the error may be another file
 * system's, which the call has been on, too.
 */
static bool tw_verdict_holds(struct tw_gauge *gauge, enum tw_refusal_cause cause)
{
	unsigned long flags, limit;
	bool holds = true;

	raw_spin_lock_irqsave(&gauge->lock, flags);
	if (gauge->sbinfo && cause == TW_CAUSE_INODES) {
		limit = READ_ONCE(gauge->sbinfo->max_inodes);
		holds = tw_verdict_left(gauge->sbinfo, limit) < TW_VERDICT_FEW;
	} else if (gauge->sbinfo && cause == TW_CAUSE_QUOTA) {
		holds = sb_any_quota_loaded(gauge->sb);
	}
	raw_spin_unlock_irqrestore(&gauge->lock, flags);
	return holds;
}

static void tw_verdict_returned(struct tw_gauge *gauge, const struct tw_call_notes *notes)
{
	struct pt_regs *regs = task_pt_regs(current);
	int err = tw_verdict_error(notes, regs);
	struct tw_refusal refusal;

	if (err != -ENOSPC && err != -EDQUOT)
		return;
	/* untold: noted for the sake of a quota, which has not refused it */
	refusal.cause = err == -EDQUOT ? TW_CAUSE_QUOTA : notes->cause;
	if (refusal.cause == TW_CAUSE_UNTOLD || !tw_verdict_holds(gauge, refusal.cause))
		return;
	refusal.asked = notes->asked;
	if (!notes->asked)
		refusal.asked = tw_verdict_asked(notes, regs);
	preempt_disable();
	tw_check_refused(gauge, &refusal, false);
	preempt_enable();
}

/* ---- V1 ---- */

/*
 * The current task's call may be refused something, for @cause, unless that is TW_CAUSE_UNTOLD.
 * What was noted before it has had, if it goes on. Returns false if it has no place. Context: a
 * probe, with preemption disabled.
 */
static __always_inline bool
tw_verdict_note(struct tw_gauge *gauge, enum tw_refusal_cause cause, unsigned int asked)
{
	const struct tw_call_notes notes = {
		.returned = tw_verdict_returned,
		.cause = cause,
		.asked = asked,
		.number = syscall_get_nr(current, task_pt_regs(current)),
	};
	struct tw_call *call = tw_check_own_call(gauge);

	if (!call)
		return tw_call_begin(gauge, &notes);
	if (cause != TW_CAUSE_UNTOLD)
		call->notes.cause = cause;
	call->notes.asked = asked;
	return true;
}

/* V3 */
static noinline notrace void tw_verdict_at_once(struct tw_gauge *gauge,
						enum tw_refusal_cause cause, u64 asked)
{
	const struct tw_refusal refusal = { .cause = cause, .asked = asked };

	tw_check_refused(gauge, &refusal, true);
}

NOKPROBE_SYMBOL(tw_verdict_at_once);

/* The gauge, if anybody is to be told of it. */
static __always_inline struct tw_gauge *tw_verdict_told(struct tw_gauge *gauge)
{
	return gauge && READ_ONCE(gauge->nr_counting) ? gauge : NULL;
}

static __always_inline struct tw_gauge *tw_verdict_find(const struct super_block *sb)
{
	return tw_verdict_told(tw_gauge_find_watched(TW_REFUSALS, sb));
}

/* Has the mount fewer blocks left than that? */
static __always_inline bool tw_verdict_is_full(struct shmem_sb_info *sbinfo, long blocks)
{
	unsigned long limit = READ_ONCE(sbinfo->max_blocks);

	if (!limit)
		return false;
	/* either may be negative for a moment */
	if (percpu_counter_read_positive(&sbinfo->used_blocks) + blocks +
	    tw_blocks_ops.slack() <= limit)
		return false;
	return max_t(s64, tw_compat_sum(&sbinfo->used_blocks), 0) + blocks > limit;
}

/*
 * Others may have freed some of the blocks that were short, or have a sum over the CPUs miss them.
 * What is nearer to the limit than that is put down to the mount's size.
 */
static __always_inline long tw_verdict_margin(const struct shmem_sb_info *sbinfo)
{
	return min_t(unsigned long, tw_blocks_ops.slack(), READ_ONCE(sbinfo->max_blocks) / 8);
}

/* A block could not be had; what is tried first, and in vain, is more than one. */
static noinline notrace void tw_verdict_short(struct tw_gauge *gauge, bool full)
{
	enum tw_refusal_cause cause = full ? TW_CAUSE_SIZE : TW_CAUSE_OVERCOMMIT;

	if (tw_verdict_note(gauge, cause, 0))
		return;
	/* the error would tell which of the two */
	if (!full && sb_any_quota_loaded(gauge->sb))
		cause = TW_CAUSE_QUOTA;
	tw_verdict_at_once(gauge, cause, 0);
}

NOKPROBE_SYMBOL(tw_verdict_short);

/* shmem_unused_huge_shrink(sbinfo, control, pages) */
static __always_inline void tw_verdict_shrink(const unsigned long *arguments)
{
	struct shmem_sb_info *sbinfo = (struct shmem_sb_info *)arguments[0];
	struct tw_gauge *gauge;

	if (arguments[1] || arguments[2] != 1)
		return;
	gauge = tw_verdict_told(tw_gauge_find_by_info(TW_REFUSALS, sbinfo));
	if (gauge)
		tw_verdict_short(gauge, tw_verdict_is_full(sbinfo, 1 + tw_verdict_margin(sbinfo)));
}

/* Few blocks are left, of which others may take the last ones before this one does. */
static noinline notrace void tw_verdict_nearly_full(struct tw_gauge *gauge,
						    struct shmem_sb_info *sbinfo)
{
	if (!tw_verdict_note(gauge, TW_CAUSE_SIZE, 0) && tw_verdict_is_full(sbinfo, 1))
		tw_verdict_at_once(gauge, TW_CAUSE_SIZE, 0);
}

NOKPROBE_SYMBOL(tw_verdict_nearly_full);

/* In place of that: shmem_inode_acct_blocks(inode, pages), or what calls it with one page. */
static __always_inline void tw_verdict_account(struct inode *inode)
{
	struct tw_gauge *gauge = tw_verdict_find(inode->i_sb);
	struct shmem_sb_info *sbinfo;

	if (likely(!gauge))
		return;
	sbinfo = inode->i_sb->s_fs_info;
	if (unlikely(tw_verdict_is_full(sbinfo, TW_VERDICT_FEW)))
		tw_verdict_nearly_full(gauge, sbinfo);
	else if (unlikely(sb_any_quota_loaded(inode->i_sb)))
		/* that may refuse it at any time; who has no place is not told of it */
		tw_verdict_note(gauge, TW_CAUSE_UNTOLD, 0);
}

/* In place of both: shmem_get_folio_gfp(inode, index, foliop, sgp, ...) */
static __always_inline void tw_verdict_get_page(const unsigned long *arguments)
{
	struct inode *inode = (struct inode *)arguments[0];
	int sgp = arguments[3];

	if (sgp >= SGP_CACHE && tw_verdict_find(inode->i_sb) &&
	    !xa_load(&inode->i_mapping->i_pages, arguments[1]))
		tw_verdict_account(inode);
}

static noinline notrace void tw_verdict_too_large(struct tw_gauge *gauge, u64 asked)
{
	if (!tw_verdict_note(gauge, TW_CAUSE_SIZE, 0))
		tw_verdict_at_once(gauge, TW_CAUSE_SIZE, asked);
}

NOKPROBE_SYMBOL(tw_verdict_too_large);

/* shmem_fallocate(file, mode, offset, len) */
static __always_inline void tw_verdict_fallocate(const unsigned long *arguments)
{
	struct super_block *sb = file_inode((struct file *)arguments[0])->i_sb;
	unsigned long offset = arguments[2], len = arguments[3];
	struct tw_gauge *gauge = tw_verdict_find(sb);
	const struct shmem_sb_info *sbinfo;
	unsigned long limit, first, last;
	/* of the register, half */
	int mode = arguments[1];

	if (likely(!gauge) || mode & ~FALLOC_FL_KEEP_SIZE)
		return;
	sbinfo = sb->s_fs_info;
	limit = READ_ONCE(sbinfo->max_blocks);
	first = offset >> PAGE_SHIFT;
	last = (offset + len - 1) >> PAGE_SHIFT;
	if (limit && last - first >= limit)
		tw_verdict_too_large(gauge, len);
}

static noinline notrace void tw_verdict_few(struct tw_gauge *gauge, struct super_block *sb,
					    unsigned int inodes)
{
	const struct shmem_sb_info *sbinfo = sb->s_fs_info;
	unsigned long limit = READ_ONCE(sbinfo->max_inodes);
	long left = tw_verdict_left(sbinfo, limit);
	bool few = left < TW_VERDICT_FEW;

	/* that may refuse it at any time */
	if (!few && !sb_any_quota_loaded(sb))
		return;
	/* at once: an xattr that is larger than what is left is not told then, nor is a quota */
	if (!tw_verdict_note(gauge, few ? TW_CAUSE_INODES : TW_CAUSE_UNTOLD, inodes) && left <= 0)
		tw_verdict_at_once(gauge, TW_CAUSE_INODES, inodes);
}

NOKPROBE_SYMBOL(tw_verdict_few);

/* An inode of @sb is about to be taken, or something else that counts as such. */
static __always_inline void tw_verdict_inodes(struct super_block *sb, unsigned int inodes)
{
	struct tw_gauge *gauge = tw_verdict_find(sb);

	if (unlikely(gauge))
		tw_verdict_few(gauge, sb, inodes);
}

static __always_inline void tw_verdict_make(struct super_block *sb)
{
	tw_verdict_inodes(sb, 1);
}

/* shmem_link(old_dentry, ...); the first link to a file of O_TMPFILE takes nothing */
static __always_inline void tw_verdict_link(const struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);

	if (inode->i_nlink)
		tw_verdict_inodes(inode->i_sb, 1);
}

/* shmem_xattr_handler_set(handler, idmap, dentry, inode, name, value, ...) */
static __always_inline void tw_verdict_xattr(const unsigned long *arguments)
{
	struct inode *inode = (struct inode *)arguments[3];

	if (inode && arguments[5])
		tw_verdict_inodes(inode->i_sb, 0);
}

/* As TW_PROBE_HANDLERS_OF(), with the first six arguments, of which few are read in the end. */
#define TW_VERDICT_HANDLERS(name)						\
	static notrace int tw_verdict_##name##_kprobe(struct kprobe *probe,	\
						      struct pt_regs *regs)	\
	{									\
		const unsigned long arguments[] = {				\
			regs_get_kernel_argument(regs, 0),			\
			regs_get_kernel_argument(regs, 1),			\
			regs_get_kernel_argument(regs, 2),			\
			regs_get_kernel_argument(regs, 3),			\
			regs_get_kernel_argument(regs, 4),			\
			regs_get_kernel_argument(regs, 5),			\
		};								\
										\
		tw_verdict_##name(arguments);					\
		return 0;							\
	}									\
										\
	NOKPROBE_SYMBOL(tw_verdict_##name##_kprobe);				\
										\
	static notrace void							\
	tw_verdict_##name##_ftrace(unsigned long ip, unsigned long parent_ip,	\
				   struct ftrace_ops *ops,			\
				   struct tw_compat_ftrace_regs *regs)		\
	{									\
		const unsigned long arguments[] = {				\
			tw_compat_ftrace_argument(regs, 0),			\
			tw_compat_ftrace_argument(regs, 1),			\
			tw_compat_ftrace_argument(regs, 2),			\
			tw_compat_ftrace_argument(regs, 3),			\
			tw_compat_ftrace_argument(regs, 4),			\
			tw_compat_ftrace_argument(regs, 5),			\
		};								\
										\
		preempt_disable_notrace();					\
		tw_verdict_##name(arguments);					\
		preempt_enable_notrace();					\
	}									\
										\
	NOKPROBE_SYMBOL(tw_verdict_##name##_ftrace);				\
										\
	static const struct tw_probe_handlers tw_verdict_##name##_handlers = {	\
		.ftrace = tw_verdict_##name##_ftrace,				\
		.kprobe = tw_verdict_##name##_kprobe,				\
	}

TW_VERDICT_HANDLERS(shrink);
TW_VERDICT_HANDLERS(get_page);
TW_VERDICT_HANDLERS(fallocate);
TW_VERDICT_HANDLERS(xattr);
TW_PROBE_HANDLERS_OF(tw_verdict, account, TW_COMPAT_ACCOUNT_INODE);
TW_PROBE_HANDLERS_OF(tw_verdict, make, TW_COMPAT_GET_INODE_SB);
TW_PROBE_HANDLERS_OF(tw_verdict, link, 0);

/* ---- probes ---- */

static struct tw_probe tw_verdict_shrink_probe = {
	.handlers = &tw_verdict_shrink_handlers, .plain = true,
};

static struct tw_probe tw_verdict_account_probe = { .handlers = &tw_verdict_account_handlers };
static struct tw_probe tw_verdict_get_page_probe = {
	.handlers = &tw_verdict_get_page_handlers, .plain = true,
};

static struct tw_probe tw_verdict_fallocate_probe = {
	.handlers = &tw_verdict_fallocate_handlers, .plain = true,
};

static struct tw_probe tw_verdict_make_probe = { .handlers = &tw_verdict_make_handlers };
static struct tw_probe tw_verdict_link_probe = {
	.handlers = &tw_verdict_link_handlers, .plain = true,
};

static struct tw_probe tw_verdict_xattr_probe = {
	.handlers = &tw_verdict_xattr_handlers, .plain = true,
};

static struct tw_probe * const tw_verdict_all[] = {
	&tw_verdict_shrink_probe, &tw_verdict_account_probe, &tw_verdict_get_page_probe,
	&tw_verdict_fallocate_probe, &tw_verdict_make_probe, &tw_verdict_link_probe,
	&tw_verdict_xattr_probe,
};

const struct tw_probe_set tw_verdict_probes = { tw_verdict_all, ARRAY_SIZE(tw_verdict_all) };

/* Where it is seen that there are no blocks: the first that can be had. */
static int tw_verdict_register_blocks(enum tw_probe_kind kind)
{
	int err = tw_probe_register(&tw_verdict_shrink_probe, "shmem_unused_huge_shrink", kind);

	if (err)
		err = tw_probe_register(&tw_verdict_account_probe, TW_COMPAT_ACCOUNT, kind);
	if (err && TW_COMPAT_HAS_GET_PAGE)
		err = tw_probe_register(&tw_verdict_get_page_probe, TW_COMPAT_GET_PAGE, kind);
	return err;
}

/**
 * tw_verdict_register() - find what is probed
 * @kind: how
 *
 * Context: process.
 * Return: 0, or a negative errno: then refusals cannot be watched, and
 * tw_probe_set_unregister() is due.
 */
int tw_verdict_register(enum tw_probe_kind kind)
{
	int err;

	if (!tw_call_possible())
		return -EOPNOTSUPP;
	/* breakpoints, as long as the kernel does not optimize them: these find no place */
	if (IS_ENABLED(CONFIG_X86) && !IS_ENABLED(CONFIG_KPROBES_ON_FTRACE) &&
	    kind == TW_PROBE_KPROBE)
		return -EOPNOTSUPP;
	err = tw_verdict_register_blocks(kind);
	if (err)
		return err;
	/* in a register each, where they are 64 bits long */
	if (IS_ENABLED(CONFIG_64BIT)) {
		err = tw_probe_register(&tw_verdict_fallocate_probe, "shmem_fallocate", kind);
		if (err)
			return err;
	}
	/* the first is there, and called by the other, unless it is inlined into that */
	err = tw_probe_register(&tw_verdict_make_probe, "__shmem_get_inode", kind);
	if (err)
		err = tw_probe_register(&tw_verdict_make_probe, "shmem_get_inode", kind);
	if (!err)
		err = tw_probe_register(&tw_verdict_link_probe, "shmem_link", kind);
	if (!err && TW_COMPAT_XATTRS_COUNT && IS_ENABLED(CONFIG_64BIT))
		err = tw_probe_register(&tw_verdict_xattr_probe, "shmem_xattr_handler_set", kind);
	return err;
}

/**
 * tw_verdict_symbol() - where it is seen that there are no blocks
 *
 * Return: the function, or "none" where refusals cannot be watched.
 */
const char *tw_verdict_symbol(void)
{
	size_t i;

	/* the first that is there, see tw_verdict_register_blocks() */
	for (i = 0; i < ARRAY_SIZE(tw_verdict_all); i++) {
		if (tw_verdict_all[i]->registered)
			return tw_verdict_all[i]->symbol;
	}
	return "none";
}

/**
 * tw_verdict_take_cause() - what was noted of the current task's call, for the selftest
 * @gauge: where
 *
 * It is forgotten.
 *
 * Context: process.
 * Return: what it may be refused for, TW_CAUSE_UNTOLD for nothing.
 */
enum tw_refusal_cause tw_verdict_take_cause(struct tw_gauge *gauge)
{
	enum tw_refusal_cause cause = TW_CAUSE_UNTOLD;
	struct tw_call *call;

	preempt_disable();
	call = tw_check_own_call(gauge);
	if (call) {
		cause = call->notes.cause;
		call->notes.cause = TW_CAUSE_UNTOLD;
	}
	preempt_enable();
	return cause;
}
