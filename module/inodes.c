// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes: how a mount's are counted, and where the kernel is probed for that.
 *
 * The count is one number, under a lock of mm/shmem.c that is taken with interrupts on. There is
 * nothing to sum up, and so no credit. A hook that runs after the count reads what its own task
 * has counted or something newer, whoever else counts.
 *
 * The functions that count are inlined by most compilers. Each of those probed is called after
 * them, by its address or from another file, and so is a symbol everywhere:
 *
 *	inode_init_owner()	there is an inode; it was reserved before
 *	shmem_destroy_inode()	an inode's eviction has given it back, and its xattrs
 *	inc_nlink()		link(2) has reserved what a further link takes, and cannot fail
 *	drop_nlink()		unlink(2) and rename(2) have given that back
 *
 * All but one are called for all file systems, and the last two on tmpfs for directories, too,
 * whose links take nothing. From 6.6 on xattrs take from the same account. That is known when
 * shmem_xattr_handler_set() or, for labels of a security module, shmem_initxattrs() return,
 * whether they have failed or not.
 *
 * A call that fails after one of the first three gives back what it has taken by one of the
 * others. Not seen is what is taken and given back since there is no memory for an inode, or
 * for the place of a link in its directory: its own task does not take that for a crossing, but
 * a check of another may, in between. Then the way back is noticed by the resync at the
 * latest (I13 of check.c).
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/preempt.h>
#include <linux/processor.h>

#include "check.h"
#include "compat.h"
#include "gauge.h"
#include "inodes.h"
#include "probe.h"

/* how often it is tried to read the count, with interrupts disabled */
#define TW_INODES_TRIES		20

/* ---- the count ---- */

static __always_inline unsigned long tw_inodes_max(const struct shmem_sb_info *sbinfo)
{
	return READ_ONCE(sbinfo->max_inodes);
}

static unsigned long tw_inodes_limit(const struct shmem_sb_info *sbinfo)
{
	return tw_inodes_max(sbinfo);
}

/*
 * As statvfs(2) has it, which takes no lock either: a remount changes the limit, and then what
 * is free.
 */
static __always_inline long tw_inodes_rough(const struct shmem_sb_info *sbinfo)
{
	return tw_compat_used_inodes(sbinfo, tw_inodes_max(sbinfo));
}

/* See I15 of check.c. */
static bool tw_inodes_used(struct tw_gauge *gauge, s64 *used)
{
	struct shmem_sb_info *sbinfo = gauge->sbinfo;
	unsigned int i, remounts;

	for (i = 0; i < TW_INODES_TRIES; i++) {
		if (tw_compat_stat_trylock(sbinfo)) {
			*used = tw_inodes_rough(sbinfo);
			tw_compat_stat_unlock(sbinfo);
			return true;
		}
		remounts = smp_load_acquire(gauge->remounts); /* of tw_mount_remount() */
		if (!(remounts & 1)) {
			*used = tw_inodes_rough(sbinfo);
			smp_rmb(); /* pairs with smp_wmb() in tw_mount_remount() */
			if (READ_ONCE(*gauge->remounts) == remounts)
				return true;
		}
		cpu_relax();
	}
	return false;
}

static long tw_inodes_count(struct shmem_sb_info *sbinfo)
{
	return tw_inodes_rough(sbinfo);
}

static long tw_inodes_slack(void)
{
	return 0;
}

const struct tw_gauge_ops tw_inodes_ops = {
	.kind = TW_INODES,
	.limit = tw_inodes_limit,
	.used = tw_inodes_used,
	.rough = tw_inodes_count,
	.slack = tw_inodes_slack,
};

/* ---- handlers ---- */

/*
 * The current task has taken inodes of @sb, or given them back if @inodes is negative, or
 * something that is not known if it is 0. Context: any, with preemption disabled.
 */
static __always_inline void tw_inodes_counted(struct super_block *sb, long inodes)
{
	struct tw_gauge *gauge = tw_gauge_find_watched(TW_INODES, sb);
	struct shmem_sb_info *sbinfo;
	long check_above, check_below, used;
	unsigned long limit;

	if (likely(!gauge))
		return;
	sbinfo = sb->s_fs_info;
	smp_mb(); /* I1 of check.c */
	limit = tw_inodes_max(sbinfo);
	if (likely(limit == READ_ONCE(gauge->limit))) {
		/* a remount to nr_inodes=0 ends the count for good */
		if (!limit)
			return;
		smp_rmb(); /* pairs with smp_wmb() in tw_threshold_place_some() */
		check_above = smp_load_acquire(&gauge->check_above); /* of tw_gauge_set_bounds() */
		check_below = smp_load_acquire(&gauge->check_below); /* the same */
		used = tw_compat_used_inodes(sbinfo, limit);
		barrier(); /* read once, since it is compared twice */
		if (likely(used < check_above && used >= check_below))
			return;
	}
	tw_check_queue(gauge, inodes);
}

static __always_inline void tw_inodes_owned(struct inode *inode)
{
	tw_inodes_counted(inode->i_sb, 1);
}

/* Its xattrs have gone with it; who crosses by these alone is not told of. */
static __always_inline void tw_inodes_destroy(struct inode *inode)
{
	tw_inodes_counted(inode->i_sb, -1);
}

/* The first link to a file of O_TMPFILE takes nothing. */
static __always_inline void tw_inodes_link(struct inode *inode)
{
	if (inode->i_nlink && !S_ISDIR(inode->i_mode))
		tw_inodes_counted(inode->i_sb, 1);
}

/* The last link is that of the inode. */
static __always_inline void tw_inodes_unlink(struct inode *inode)
{
	if (inode->i_nlink > 1 && !S_ISDIR(inode->i_mode))
		tw_inodes_counted(inode->i_sb, -1);
}

TW_PROBE_HANDLERS_OF(tw_inodes, owned, TW_COMPAT_OWNED_INODE);
TW_PROBE_HANDLERS(tw_inodes, destroy);
TW_PROBE_HANDLERS(tw_inodes, link);
TW_PROBE_HANDLERS(tw_inodes, unlink);

/* what is kept of a call that is under way: the superblock */
#define tw_inodes_call(instance)	(*(struct super_block **)(instance)->data)

/* As in hook.c, none of the few instances is taken for other mounts. */
static __always_inline int tw_inodes_enter(struct kretprobe_instance *instance,
					   const struct inode *inode)
{
	tw_inodes_call(instance) = inode->i_sb;
	return !tw_gauge_find_watched(TW_INODES, inode->i_sb);
}

/* shmem_xattr_handler_set(handler, idmap, dentry, inode, ...) */
static notrace int tw_inodes_on_xattr(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return tw_inodes_enter(instance, (struct inode *)regs_get_kernel_argument(regs, 3));
}

NOKPROBE_SYMBOL(tw_inodes_on_xattr);

/* shmem_initxattrs(inode, ...) */
static notrace int tw_inodes_on_label(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	return tw_inodes_enter(instance, (struct inode *)regs_get_kernel_argument(regs, 0));
}

NOKPROBE_SYMBOL(tw_inodes_on_label);

static notrace int tw_inodes_on_return(struct kretprobe_instance *instance,
				       struct pt_regs *regs)
{
	tw_inodes_counted(tw_inodes_call(instance), 0);
	return 0;
}

NOKPROBE_SYMBOL(tw_inodes_on_return);

static const struct tw_probe_handlers tw_inodes_xattr_handlers = {
	.call = tw_inodes_on_xattr,
	.ret = tw_inodes_on_return,
	.data_size = sizeof(struct super_block *),
};

static const struct tw_probe_handlers tw_inodes_label_handlers = {
	.call = tw_inodes_on_label,
	.ret = tw_inodes_on_return,
	.data_size = sizeof(struct super_block *),
};

/* ---- probes ---- */

static struct tw_probe tw_inodes_owned_probe = { .handlers = &tw_inodes_owned_handlers };
static struct tw_probe tw_inodes_destroy_probe = { .handlers = &tw_inodes_destroy_handlers };
static struct tw_probe tw_inodes_link_probe = { .handlers = &tw_inodes_link_handlers };
static struct tw_probe tw_inodes_unlink_probe = { .handlers = &tw_inodes_unlink_handlers };
static struct tw_probe tw_inodes_xattr_probe = { .handlers = &tw_inodes_xattr_handlers };
static struct tw_probe tw_inodes_label_probe = { .handlers = &tw_inodes_label_handlers };

static struct tw_probe * const tw_inodes_all[] = {
	&tw_inodes_owned_probe, &tw_inodes_destroy_probe, &tw_inodes_link_probe,
	&tw_inodes_unlink_probe, &tw_inodes_xattr_probe, &tw_inodes_label_probe,
};

const struct tw_probe_set tw_inodes_probes = { tw_inodes_all, ARRAY_SIZE(tw_inodes_all) };

static const struct {
	const char *symbol;
	bool wanted;
	bool returns;
} tw_inodes_symbols[ARRAY_SIZE(tw_inodes_all)] = {
	{ "inode_init_owner", true },
	{ "shmem_destroy_inode", true },
	{ "inc_nlink", true },
	{ "drop_nlink", true },
	{ "shmem_xattr_handler_set", TW_COMPAT_XATTRS_COUNT, true },
	{ "shmem_initxattrs", TW_COMPAT_XATTRS_COUNT && IS_ENABLED(CONFIG_SECURITY), true },
};

/**
 * tw_inodes_register() - find what is probed
 * @kind: how, where a function's entry is meant
 *
 * Context: process.
 * Return: 0, or a negative errno: then inodes cannot be watched, and
 * tw_probe_set_unregister() is due.
 */
int tw_inodes_register(enum tw_probe_kind kind)
{
	int err = TW_COMPAT_INODES ? 0 : -EOPNOTSUPP;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tw_inodes_all) && !err; i++) {
		if (tw_inodes_symbols[i].wanted)
			err = tw_probe_register(tw_inodes_all[i], tw_inodes_symbols[i].symbol,
						tw_inodes_symbols[i].returns ?
							TW_PROBE_KRETPROBE : kind);
	}
	return err;
}
