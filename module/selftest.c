// SPDX-License-Identifier: GPL-2.0
/*
 * The selftest: a page or an inode in and out, on a private tmpfs, must be seen.
 */
#include <linux/dcache.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/statfs.h>

#include "check.h"
#include "compat.h"
#include "gauge.h"
#include "mount.h"
#include "selftest.h"
#include "threshold.h"
#include "verdict.h"
#include "watch.h"

/* blocks of the private mount on which the hook is tested */
#define TW_SELFTEST_BLOCKS		16

/*
 * How long PREEMPT_RT may take to run what a probe has queued, in ms. No other
 * kernel may take any.
 */
#define TW_SELFTEST_WAIT		(IS_ENABLED(CONFIG_PREEMPT_RT) ? 1000 : 0)

/* What the threshold has seen is in threshold->fired. */
static void tw_selftest_notify(struct tw_threshold *threshold, unsigned int crossings,
			       const struct tw_crossing *last)
{
}

static bool tw_selftest_fired(const struct tw_threshold *threshold, unsigned long times)
{
	unsigned int i;

	for (i = 0; READ_ONCE(threshold->fired) < times && i < TW_SELFTEST_WAIT; i++)
		usleep_range(1000, 2000);
	return READ_ONCE(threshold->fired) == times;
}

/*
 * Has @threshold, which is all zero, fire where @gauge comes to @level, and goes below it; or
 * whenever it counts, if it does that.
 */
static int tw_selftest_watch(struct tw_threshold *threshold, struct tw_gauge *gauge, u64 level)
{
	threshold->gauge = gauge;
	threshold->spec.gauge = gauge->ops->kind;
	if (!gauge->ops->counts)
		threshold->spec.level = (struct tw_level){ TW_LEVEL_BLOCKS, level };
	threshold->spec.direction = TW_BOTH;
	threshold->spec.pressure = -1;
	threshold->notify = tw_selftest_notify;
	return tw_watch_begin(threshold);
}

/* One page in, one page out; what was wrong, or NULL. */
static const char *tw_selftest_on_file(struct file *file, struct tw_mount *mount,
				       const struct tw_threshold *threshold)
{
	struct tw_usage usage;
	struct kstatfs statfs;
	loff_t pos = 0;

	if (tw_mount_usage(mount, &usage) || usage.size != TW_SELFTEST_BLOCKS ||
	    usage.used)
		return "does not read the size and usage of a new mount";
	if (kernel_write(file, "", 1, &pos) != 1)
		return "cannot be tested: writing to a private mount failed";
	if (vfs_statfs(&file->f_path, &statfs) ||
	    tw_mount_usage(mount, &usage) ||
	    usage.used != statfs.f_blocks - statfs.f_bfree)
		return "does not read the usage that statfs reads";
	if (!tw_selftest_fired(threshold, 1))
		return "did not see an allocation";
	if (vfs_truncate(&file->f_path, 0))
		return "cannot be tested: truncating on a private mount failed";
	if (!tw_selftest_fired(threshold, 2))
		return "did not see a free";
	return NULL;
}

static const char *tw_selftest_blocks(struct vfsmount *mnt, struct tw_mount *mount,
				      const struct tw_threshold *threshold)
{
	struct file *file = tw_compat_create(mnt, "selftest");
	const char *wrong;

	if (IS_ERR(file))
		return "cannot be tested: no file on a private mount";
	wrong = tw_selftest_on_file(file, mount, threshold);
	fput(file);
	return wrong;
}

/* What the xattr takes is as much as an inode, where it takes anything. */
static const char *tw_selftest_xattr(struct dentry *dentry, const struct tw_threshold *threshold)
{
	static const char name[] = "trusted." KBUILD_MODNAME;

	if (!TW_COMPAT_XATTRS_COUNT)
		return NULL;
	if (tw_compat_setxattr(dentry, name))
		return "cannot be tested: no xattr on a private mount";
	if (!tw_selftest_fired(threshold, 3))
		return "did not see an xattr";
	if (tw_compat_removexattr(dentry, name))
		return "cannot be tested: an xattr on a private mount cannot be removed";
	if (!tw_selftest_fired(threshold, 4))
		return "did not see the end of an xattr";
	return NULL;
}

/* Another link to an inode, and an xattr, and both away again. */
static const char *tw_selftest_link(struct inode *dir, struct dentry *one, struct dentry *two,
				    const struct tw_threshold *threshold)
{
	const char *wrong = NULL;

	if (dir->i_op->link(one, dir, two))
		return "cannot be tested: no link on a private mount";
	if (!tw_selftest_fired(threshold, 1))
		wrong = "did not see a link";
	dir->i_op->unlink(dir, two);
	if (!tw_selftest_fired(threshold, 2))
		wrong = wrong ?: "did not see a link that was taken away";
	return wrong ?: tw_selftest_xattr(one, threshold);
}

/* An inode, what is counted with it, and all away again; @threshold is at the inode. */
static const char *tw_selftest_inode(struct tw_mount *mount, struct inode *dir,
				     struct dentry *one, struct dentry *two,
				     const struct tw_threshold *threshold)
{
	struct tw_threshold further = { };
	const char *wrong = NULL;
	struct tw_usage usage;

	if (tw_compat_mknod(dir, one))
		return "cannot be tested: no inode on a private mount";
	if (!tw_selftest_fired(threshold, 1))
		wrong = "did not see an inode that was made";
	/* a security module may have labelled it, which takes something, too */
	if (tw_mount_usage(mount, &usage) ||
	    tw_selftest_watch(&further, threshold->gauge,
			      usage.inodes - usage.inodes_free + 1)) {
		wrong = wrong ?: "does not read the usage of a private mount";
	} else {
		wrong = wrong ?: tw_selftest_link(dir, one, two, &further);
		tw_watch_end(&further);
	}
	dir->i_op->unlink(dir, one);
	return wrong;
}

static const char *tw_selftest_inodes(struct vfsmount *mnt, struct tw_mount *mount,
				      const struct tw_threshold *threshold)
{
	struct dentry *one = d_alloc_name(mnt->mnt_root, "one");
	struct dentry *two = d_alloc_name(mnt->mnt_root, "two");
	const char *wrong = "cannot be tested: no memory";
	struct inode *dir = d_inode(mnt->mnt_root);

	/* the kernel counts no inodes that are made where it is set */
	mnt->mnt_sb->s_flags &= ~SB_KERNMOUNT;
	if (one && two) {
		inode_lock(dir);
		wrong = tw_selftest_inode(mount, dir, one, two, threshold);
		inode_unlock(dir);
		d_drop(one);
		d_drop(two);
	}
	dput(two);
	dput(one);
	mnt->mnt_sb->s_flags |= SB_KERNMOUNT;
	if (!wrong && !tw_selftest_fired(threshold, 2))
		wrong = "did not see the end of an inode";
	return wrong;
}

/* What is too much is noted, and decided when the load of the module returns. */
static const char *tw_selftest_full(struct file *file, struct tw_gauge *gauge)
{
	loff_t first = 0, pos = TW_SELFTEST_BLOCKS << PAGE_SHIFT;

	if (vfs_fallocate(file, 0, 0, pos))
		return "cannot be tested: filling a private mount failed";
	/* in the end few were left */
	tw_verdict_take_cause(gauge);
	if (kernel_write(file, "", 1, &first) != 1 ||
	    tw_verdict_take_cause(gauge) != TW_CAUSE_UNTOLD)
		return "take what succeeds for a refusal";
	if (kernel_write(file, "", 1, &pos) != -ENOSPC ||
	    tw_verdict_take_cause(gauge) != TW_CAUSE_SIZE)
		return "did not see a write to a full mount";
	if (IS_ENABLED(CONFIG_64BIT) &&
	    (vfs_fallocate(file, 0, 0, pos + PAGE_SIZE) != -ENOSPC ||
	     tw_verdict_take_cause(gauge) != TW_CAUSE_SIZE))
		return "did not see what is larger than the mount";
	return NULL;
}

static const char *tw_selftest_refused(struct vfsmount *mnt, struct tw_gauge *gauge)
{
	struct dentry *one = d_alloc_name(mnt->mnt_root, "one");
	struct file *file = tw_compat_create(mnt, "selftest");
	struct inode *dir = d_inode(mnt->mnt_root);
	const char *wrong = "cannot be tested: no file on a private mount";

	if (!IS_ERR(file)) {
		if (one)
			wrong = tw_selftest_full(file, gauge);
		fput(file);
	}
	if (!wrong) {
		inode_lock(dir);
		if (tw_compat_mknod(dir, one))
			wrong = "cannot be tested: no inode on a private mount";
		else if (tw_verdict_take_cause(gauge) != TW_CAUSE_INODES)
			wrong = "did not see an inode that is made";
		if (d_really_is_positive(one))
			dir->i_op->unlink(dir, one);
		inode_unlock(dir);
		d_drop(one);
	}
	dput(one);
	return wrong;
}

static const char *tw_selftest_on_mount(struct vfsmount *mnt, enum tw_gauge_kind kind)
{
	const char *wrong = "cannot be tested: no memory";
	struct tw_threshold threshold = { };
	struct tw_gauge *gauge;
	struct tw_mount *mount;
	int err;

	mount = tw_mount_attach(mnt->mnt_sb);
	if (!mount)
		return wrong;
	gauge = tw_mount_gauge(mount, kind);
	err = IS_ERR(gauge) ? PTR_ERR(gauge) : tw_check_prepare(gauge);
	if (!err)
		err = tw_selftest_watch(&threshold, gauge, 1);
	if (!err) {
		wrong = kind == TW_INODES ? tw_selftest_inodes(mnt, mount, &threshold) :
			kind == TW_REFUSALS ? tw_selftest_refused(mnt, gauge) :
					      tw_selftest_blocks(mnt, mount, &threshold);
		tw_watch_end(&threshold);
	}
	tw_mount_detach(mount);
	return wrong;
}

/**
 * tw_selftest_run() - show on a private mount that the hook, which is armed, works
 * @kind: for which gauge
 *
 * Context: process.
 * Return: NULL if it does; otherwise what is wrong, to be put behind the name
 * of the symbol.
 */
const char *tw_selftest_run(enum tw_gauge_kind kind)
{
	char options[] = "nr_blocks=" __stringify(TW_SELFTEST_BLOCKS) ",nr_inodes=16";
	struct vfsmount *mnt;
	const char *wrong;

	mnt = vfs_kern_mount(get_fs_type("tmpfs"), SB_KERNMOUNT,
			     KBUILD_MODNAME, options);
	if (IS_ERR(mnt))
		return "cannot be tested: no private mount";
	wrong = tw_selftest_on_mount(mnt, kind);
	kern_unmount(mnt);
	return wrong;
}
