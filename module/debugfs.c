// SPDX-License-Identifier: GPL-2.0
/*
 * The interface in debugfs: a directory for each mount, and one file for all.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include <tmpfswarn.h>

#include "compat.h"
#include "debugfs.h"
#include "files.h"
#include "mount.h"
#include "show.h"

static struct dentry *tw_debugfs_root;

/* what a directory is called until all is in it: one at a time, and no mount's name */
static const char tw_debugfs_unfinished[] = ".new";

/*
 * Loading may fail until all is there. Then the kernel frees the module, whoever has a file of
 * it open.
 */
static bool tw_debugfs_started;

static int tw_stats_show(struct seq_file *seq, void *v)
{
	tw_show_stats(seq);
	return 0;
}

static int tw_stats_open(struct inode *inode, struct file *file)
{
	if (!READ_ONCE(tw_debugfs_started))
		return -ENOENT;
	return single_open(file, tw_stats_show, NULL);
}

static const struct file_operations tw_stats_fops = {
	.owner = THIS_MODULE,
	.open = tw_stats_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ---- directories ---- */

/* A directory for root alone; debugfs makes them 0755. */
static struct dentry *tw_debugfs_dir(const char *name, struct dentry *parent)
{
	struct dentry *dir = debugfs_create_dir(name, parent);

	if (!IS_ERR(dir))
		d_inode(dir)->i_mode = S_IFDIR | 0700;
	return dir;
}

/**
 * tw_debugfs_show() - make the directory of a mount
 * @mount: one that has none
 *
 * Context: process, one at a time.
 * Return: 0, or a negative errno if it has none still: there is never a directory of
 * that name without all of its files.
 */
int tw_debugfs_show(struct tw_mount *mount)
{
	struct dentry *dir, *entry;
	const struct tw_file *file;
	char name[24];
	int err;

	/* the device alone serves */
	if (!tw_debugfs_root)
		return 0;
	snprintf(name, sizeof(name), "%u:%u", MAJOR(mount->dev),
		 MINOR(mount->dev));
	dir = tw_debugfs_dir(tw_debugfs_unfinished, tw_debugfs_root);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	for (file = tw_files; file->name; file++) {
		entry = debugfs_create_file_unsafe(file->name, file->mode, dir,
						   mount, file->fops);
		err = PTR_ERR_OR_ZERO(entry);
		if (err)
			goto remove;
	}
	/* last: who finds it finds all of it */
	err = tw_compat_debugfs_rename(dir, name);
	if (err)
		goto remove;
	mount->dir = dir;
	return 0;

remove:
	debugfs_remove_recursive(dir);
	return err;
}

/**
 * tw_debugfs_hide() - remove the directory of a mount
 * @mount: may have none
 *
 * No file can be opened, and no open() is under way, on return.
 */
void tw_debugfs_hide(struct tw_mount *mount)
{
	/* tw_debugfs_exit() has removed all of them */
	if (tw_debugfs_root)
		debugfs_remove_recursive(mount->dir);
	mount->dir = NULL;
}

/**
 * tw_debugfs_init() - make the directory of the module
 *
 * Return: 0, also where the kernel has no debugfs, after a line in the log; else a negative
 * errno after a line in the log.
 */
int tw_debugfs_init(void)
{
	struct dentry *dir = tw_debugfs_dir(TMPFSWARN_NAME, NULL);
	int err = PTR_ERR_OR_ZERO(dir);
	struct dentry *stats;

	if (err == -ENODEV || err == -EPERM) {
		pr_info("no directory in debugfs, " TMPFSWARN_DEVICE " alone: %s\n",
			err == -EPERM ? "debugfs=off" : "built without CONFIG_DEBUG_FS");
		return 0;
	}
	if (err) {
		pr_err("no directory in debugfs: error %d\n", err);
		return err;
	}
	stats = debugfs_create_file(TMPFSWARN_STATS, 0400, dir, NULL,
				    &tw_stats_fops);
	if (IS_ERR(stats)) {
		pr_err("no file in debugfs: error %ld\n", PTR_ERR(stats));
		debugfs_remove_recursive(dir);
		return PTR_ERR(stats);
	}
	tw_debugfs_root = dir;
	return 0;
}

/**
 * tw_debugfs_start() - let files be opened: loading cannot fail any more
 */
void tw_debugfs_start(void)
{
	WRITE_ONCE(tw_debugfs_started, true);
}

/**
 * tw_debugfs_exit() - remove the directory of the module and all below it
 *
 * No mount may be shown while this runs.
 */
void tw_debugfs_exit(void)
{
	debugfs_remove_recursive(tw_debugfs_root);
	tw_debugfs_root = NULL;
}
