/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that differs between the kernels this module builds for, 5.10 to 7.3.
 * The rest of the module reads as if written for the newest.
 */
#ifndef TW_COMPAT_H
#define TW_COMPAT_H

#include <linux/version.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/irq_work.h>
#include <linux/minmax.h>
#include <linux/mount.h>
#include <linux/percpu_counter.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/string.h>
#include <linux/task_work.h>
#include <linux/xattr.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "tmpfswarn needs Linux 5.10 or later"
#endif
#ifndef CONFIG_TMPFS
#error "tmpfswarn needs a kernel with CONFIG_TMPFS: there is no tmpfs to watch without it"
#endif
#if !defined(CONFIG_KPROBES) || !defined(CONFIG_KRETPROBES)
#error "tmpfswarn needs a kernel with CONFIG_KPROBES and CONFIG_KRETPROBES: it probes mm/shmem.c"
#endif
#ifndef CONFIG_EVENTFD
#error "tmpfswarn needs a kernel with CONFIG_EVENTFD: that is how it notifies"
#endif
#ifndef CONFIG_IRQ_WORK
#error "tmpfswarn needs a kernel with CONFIG_IRQ_WORK"
#endif

/**
 * struct tw_hook_candidate - where an allocation and a free can be seen
 * @alloc: symbol through which each allocation passes
 * @alloc_returns: it is counted when that returns, not when it is entered
 * @free: symbol through which each free passes and which has counted it when
 *	it returns; NULL if frees are seen at the entry of @alloc
 * @redirect: symbol whose caller is sent elsewhere to see frees, where that can be, in
 *	place of @free: takes the number of blocks, or is @alloc
 * @uncharge: symbol through which those pass that @alloc does not see
 *
 * All take the inode as their first argument.
 */
struct tw_hook_candidate {
	const char *alloc;
	bool alloc_returns;
	const char *free;
	const char *redirect;
	const char *uncharge;
};

/*
 * Where mm/shmem.c can be probed, in the order of preference; NULL past the
 * last.
 *
 * Up to 6.5 shmem_recalc_inode(inode) is called under info->lock, with
 * interrupts off unless PREEMPT_RT, and counts what was freed itself: there
 * one probe at its entry serves both, see tw_check_freeing(). What a huge page
 * loses is counted by shmem_uncharge(), whose callers have interrupts off;
 * there is none of that with PREEMPT_RT. Not seen is what is counted and taken
 * back within an allocation that fails, for want of memory or since another was
 * faster: if that was a crossing, its other direction is noticed by the resync at the
 * latest. From 6.6 on shmem_recalc_inode() is called without a lock
 * and leaves frees to shmem_inode_unacct_blocks(); where that is inlined, an
 * allocation that ends in ENOSPC and takes back what it has freed elsewhere is
 * not seen. Nor is, since 6.7, what is counted and taken back because a quota is
 * exceeded.
 */
static inline const struct tw_hook_candidate *
tw_compat_hook_candidate(unsigned int i)
{
	static const struct tw_hook_candidate candidates[] = {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
		{ .alloc = "shmem_recalc_inode",
		  .free = "shmem_inode_unacct_blocks",
		  .redirect = "shmem_inode_unacct_blocks" },
		{ .alloc = "shmem_inode_acct_blocks", .alloc_returns = true,
		  .free = "shmem_inode_unacct_blocks",
		  .redirect = "shmem_inode_unacct_blocks" },
		{ .alloc = "shmem_recalc_inode",
		  .free = "shmem_recalc_inode" },
#elif defined(CONFIG_PREEMPT_RT)
		{ .alloc = "shmem_recalc_inode",
		  .free = "shmem_recalc_inode",
		  .redirect = "shmem_recalc_inode" },
#else
		{ .alloc = "shmem_recalc_inode",
		  .redirect = "shmem_recalc_inode",
		  .uncharge = "shmem_uncharge" },
#endif
	};

	return i < ARRAY_SIZE(candidates) ? &candidates[i] : NULL;
}

/* Does shmem_recalc_inode() see both, and count what is freed itself? */
#define TW_COMPAT_FREES_IN_RECALC	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0))

/* Is shmem_recalc_inode(@inode), just entered, about to free blocks itself? */
static __always_inline bool tw_compat_freeing(struct inode *inode)
{
#if TW_COMPAT_FREES_IN_RECALC
	struct shmem_inode_info *info = SHMEM_I(inode);

	return (long)(info->alloced - info->swapped -
		      inode->i_mapping->nrpages) > 0;
#else
	return false;
#endif
}

/*
 * Does the hook learn from its second argument how many blocks were allocated?
 * If not, no CPU can be given credit, see check.c.
 */
#define TW_COMPAT_COUNTS_BLOCKS	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0))

/* That number; what is not allocated but swapped in or freed is none. */
static __always_inline long tw_compat_allocated(unsigned long argument)
{
	return TW_COMPAT_COUNTS_BLOCKS ? max_t(long, argument, 0) : 0;
}

/*
 * percpu_counter_sum(). Up to 6.2 that leaves out a CPU from when it is no
 * longer online until, a moment later, its part has been folded into the shared
 * count: a check in between would notify of a fall that there is none of, or miss a
 * crossing, and no other check need come. So all CPUs present are summed up: the
 * part of one that is gone has been folded under the counter's lock, and is 0.
 */
static inline s64 tw_compat_sum(struct percpu_counter *counter)
{
#if defined(CONFIG_SMP) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	unsigned long flags;
	int cpu;
	s64 sum;

	raw_spin_lock_irqsave(&counter->lock, flags);
	sum = counter->count;
	for_each_present_cpu(cpu) {
		s32 *part = per_cpu_ptr(counter->counters, cpu);

		sum += data_race(READ_ONCE(*part)); /* its CPU takes no lock */
	}
	raw_spin_unlock_irqrestore(&counter->lock, flags);
	return sum;
#else
	return percpu_counter_sum(counter);
#endif
}

/* Do xattrs take from what inodes take from? */
#define TW_COMPAT_XATTRS_COUNT	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0) && \
				 IS_ENABLED(CONFIG_TMPFS_XATTR))

/* An xattr on a file system of our own that takes as much as an inode, where they count. */
static inline int tw_compat_setxattr(struct dentry *dentry, const char *name)
{
#if TW_COMPAT_XATTRS_COUNT
	static const char value[1024];

	return __vfs_setxattr(&nop_mnt_idmap, dentry, d_inode(dentry), name, value,
			      sizeof(value), 0);
#else
	return 0;
#endif
}

static inline int tw_compat_removexattr(struct dentry *dentry, const char *name)
{
#if TW_COMPAT_XATTRS_COUNT
	return __vfs_removexattr(&nop_mnt_idmap, dentry, name);
#else
	return 0;
#endif
}

/*
 * What counts a block of a file, or calls what does, for each that is allocated; and which of its
 * arguments is the inode.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define TW_COMPAT_ACCOUNT	"shmem_inode_acct_blocks"
#define TW_COMPAT_ACCOUNT_INODE	0
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 17, 0)
#define TW_COMPAT_ACCOUNT	"shmem_alloc_and_acct_folio"
#define TW_COMPAT_ACCOUNT_INODE	1
#else
#define TW_COMPAT_ACCOUNT	"shmem_alloc_and_acct_page"
#define TW_COMPAT_ACCOUNT_INODE	1
#endif

/*
 * Where that is inlined: what finds a page of a file, and allocates it if its fourth argument says
 * so. From 6.6 on there is always the other.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0)
#define TW_COMPAT_GET_PAGE	"shmem_get_folio_gfp"
#else
#define TW_COMPAT_GET_PAGE	"shmem_getpage_gfp"
#endif
#define TW_COMPAT_HAS_GET_PAGE	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0))

/* Which argument of shmem_get_inode() is the superblock? */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define TW_COMPAT_GET_INODE_SB	1
#else
#define TW_COMPAT_GET_INODE_SB	0
#endif

/* The lock of the count of inodes. */
static inline bool tw_compat_stat_trylock(struct shmem_sb_info *sbinfo)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
	return spin_trylock(&sbinfo->stat_lock);
#else
	return raw_spin_trylock(&sbinfo->stat_lock);
#endif
}

static inline void tw_compat_stat_unlock(struct shmem_sb_info *sbinfo)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
	spin_unlock(&sbinfo->stat_lock);
#else
	raw_spin_unlock(&sbinfo->stat_lock);
#endif
}

/* A fifo on a file system of our own; its inode is made by mm/shmem.c. */
static inline int tw_compat_mknod(struct inode *dir, struct dentry *dentry)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)
	return dir->i_op->mknod(dir, dentry, S_IFIFO | 0600, 0);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return dir->i_op->mknod(&init_user_ns, dir, dentry, S_IFIFO | 0600, 0);
#else
	return dir->i_op->mknod(&nop_mnt_idmap, dir, dentry, S_IFIFO | 0600, 0);
#endif
}

/*
 * Inodes that are taken of @limit. From 6.6 on mm/shmem.c counts 1024 bytes for each, and the bytes
 * of xattrs with them; a part of an inode is one, as statvfs(2) has it. What is free is an unsigned
 * number that has gone below zero after a remount to nr_inodes=0; the difference is right even
 * then. It may be negative where the limit is of before or after a remount.
 */
static __always_inline long tw_compat_used_inodes(const struct shmem_sb_info *sbinfo,
						  unsigned long limit)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return limit - READ_ONCE(sbinfo->free_inodes);
#else
	long bytes = limit * 1024 - READ_ONCE(sbinfo->free_ispace);

	/* rounded up, also where it is negative */
	return (bytes >> 10) + !!(bytes & 1023);
#endif
}

/* On PREEMPT_RT the lock of the count of inodes is a sleeping one before 5.15. */
#define TW_COMPAT_INODES	(LINUX_VERSION_CODE >= KERNEL_VERSION(5, 15, 0) || \
				 !IS_ENABLED(CONFIG_PREEMPT_RT))

/* inode_init_owner() has the inode as that argument */
#define TW_COMPAT_OWNED_INODE	(LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0) ? 0 : 1)

static inline void tw_compat_eventfd_signal(struct eventfd_ctx *ctx,
					    unsigned int n)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx, n);
#else
	while (n--)
		eventfd_signal(ctx);
#endif
}

/* An irq_work that runs in hard interrupt context on PREEMPT_RT, too. */
static inline void tw_compat_init_irq_work_hard(struct irq_work *work,
						void (*func)(struct irq_work *))
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
	init_irq_work(work, func);
	atomic_set(&work->flags, IRQ_WORK_HARD_IRQ);
#else
	*work = IRQ_WORK_INIT_HARD(func);
#endif
}

static inline struct file *tw_compat_create(struct vfsmount *mnt,
					    const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
	return file_open_root(mnt->mnt_root, mnt, name, O_CREAT | O_RDWR, 0600);
#else
	return file_open_root_mnt(mnt, name, O_CREAT | O_RDWR, 0600);
#endif
}

/* The devnode of a class whose devices are for everybody. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
static inline char *tw_compat_devnode(struct device *device, umode_t *mode)
#else
static inline char *tw_compat_devnode(const struct device *device, umode_t *mode)
#endif
{
	/* NULL where the node is being removed */
	if (mode)
		*mode = 0666;
	return NULL;
}

/* Gives a file or directory in debugfs another name, in the same directory. */
static inline int tw_compat_debugfs_rename(struct dentry *dentry, const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
	struct dentry *dir = dentry->d_parent;

	/* without CONFIG_DEBUG_FS it is declared to take what it may change */
	return PTR_ERR_OR_ZERO(debugfs_rename(dir, dentry, dir, (char *)name));
#else
	return debugfs_change_name(dentry, "%s", name);
#endif
}

/*
 * Not exported by all kernels (Debian's do): the address is NULL then, and nothing is
 * deferred. A weak symbol, and not symbol_get(), which holds the kernel to GPL exports. It
 * is to be used by a pointer in memory: arm64 loads no module that has a weak symbol's
 * address in its code.
 */
extern typeof(task_work_add) task_work_add __weak;

/* Threads of a user's process that never return to user mode. */
#ifdef PF_USER_WORKER
#define TW_COMPAT_PF_WORKER	(PF_IO_WORKER | PF_USER_WORKER)
#else
#define TW_COMPAT_PF_WORKER	PF_IO_WORKER
#endif

/* not declared by every kernel that is built without the function tracer */
struct ftrace_ops;
struct ftrace_regs;

/* the last argument of an ftrace_func_t */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define tw_compat_ftrace_regs	pt_regs
#else
#define tw_compat_ftrace_regs	ftrace_regs
#endif

/*
 * What a callback needs to be given the arguments of its function, if ftrace
 * can; where it must save all registers for that, it costs more. Up to 5.10 it
 * protects callbacks against recursion that do not say that they can do without.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_REGS
#define TW_COMPAT_FTRACE
#define TW_COMPAT_FTRACE_FLAGS	(FTRACE_OPS_FL_SAVE_REGS | \
				 FTRACE_OPS_FL_RECURSION_SAFE)
#endif
#elif defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS)
#define TW_COMPAT_FTRACE
#define TW_COMPAT_FTRACE_FLAGS	0
#elif defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS)
#define TW_COMPAT_FTRACE
#define TW_COMPAT_FTRACE_FLAGS	FTRACE_OPS_FL_SAVE_REGS
#endif

/*
 * Can a callback of ftrace send the caller of its function to another one, which calls the
 * first? On x86 that calls what is behind the first one's call of ftrace, and directly (a
 * static call): with IBT a function whose address nobody takes is no target of an
 * indirect one. On arm64 it calls the function, for which ftrace then calls back again. That
 * is an indirect call, to what is no target of any with BTI or CFI.
 */
#if defined(TW_COMPAT_FTRACE) && defined(CONFIG_X86_64) && defined(CONFIG_HAVE_STATIC_CALL_INLINE)
#define TW_COMPAT_REDIRECT	1
#define TW_COMPAT_REDIRECT_AGAIN	0
#elif defined(CONFIG_ARM64) && defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) && \
	!defined(CONFIG_ARM64_BTI_KERNEL) && !defined(CONFIG_CFI_CLANG) && !defined(CONFIG_CFI)
#define TW_COMPAT_REDIRECT	1
#define TW_COMPAT_REDIRECT_AGAIN	1
#else
#define TW_COMPAT_REDIRECT	0
#define TW_COMPAT_REDIRECT_AGAIN	0
#endif

/*
 * Where what is behind a function's call of ftrace is. @ip is where that call is, or on arm64
 * the function.
 */
static inline unsigned long tw_compat_behind_ftrace(unsigned long ip)
{
#if TW_COMPAT_REDIRECT && !TW_COMPAT_REDIRECT_AGAIN
	return ip + MCOUNT_INSN_SIZE;
#else
	return ip;
#endif
}

/*
 * May a direct call of somebody else be in place, at @ip as above, that can share the
 * function with a redirection, since 6.0? Then it is no longer the nop that it was. Asked
 * before our own callback is there.
 */
static inline bool tw_compat_ftrace_attached(unsigned long ip)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0) || \
	!defined(CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)
	return false;
#elif defined(CONFIG_X86_64)
	static const u8 nop[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

	return memcmp((void *)ip, nop, sizeof(nop));
#elif defined(CONFIG_ARM64)
	/* mov x9, lr; nop */
	return READ_ONCE(*(u32 *)(ip + AARCH64_INSN_SIZE)) != 0xd503201f;
#else
	return true;
#endif
}

#ifdef CONFIG_DYNAMIC_FTRACE
/*
 * Has a callback called for the function at an address. Before 5.18 ftrace knows it only by
 * the call in it, which on arm64 comes after one instruction or two.
 */
static inline int tw_compat_ftrace_set_filter(struct ftrace_ops *ops, unsigned long ip)
{
	int err = ftrace_set_filter_ip(ops, ip, 0, 1);

#if defined(CONFIG_ARM64) && LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
	if (err == -EINVAL)
		err = ftrace_set_filter_ip(ops, ip + AARCH64_INSN_SIZE, 0, 1);
	if (err == -EINVAL)
		err = ftrace_set_filter_ip(ops, ip + 2 * AARCH64_INSN_SIZE, 0, 1);
#endif
	return err;
}

/*
 * Undoes it for one that is not registered. Not all kernels before
 * 6.3 let modules do it without memory; there it leaks the filter if there is none.
 */
static inline void tw_compat_ftrace_free_filter(struct ftrace_ops *ops)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	ftrace_set_filter(ops, NULL, 0, 1);
#else
	ftrace_free_filter(ops);
#endif
}
#endif

/* Argument @n of the function that a callback of ftrace is called for. */
static __always_inline unsigned long
tw_compat_ftrace_argument(struct tw_compat_ftrace_regs *regs, unsigned int n)
{
#if !defined(TW_COMPAT_FTRACE)
	return 0;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
	return regs_get_kernel_argument(regs, n);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return regs_get_kernel_argument(&regs->regs, n);
#else
	return ftrace_regs_get_argument(regs, n);
#endif
}

/* Has a callback of ftrace send the caller of its function to @to. */
static __always_inline void
tw_compat_ftrace_redirect(struct tw_compat_ftrace_regs *regs, unsigned long to)
{
#if !TW_COMPAT_REDIRECT
#elif LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
	instruction_pointer_set(regs, to);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	ftrace_instruction_pointer_set(regs, to);
#else
	ftrace_regs_set_instruction_pointer(regs, to);
#endif
}

#endif /* TW_COMPAT_H */
