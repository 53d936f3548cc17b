// SPDX-License-Identifier: GPL-2.0
/*
 * The selftest: one page in and one page out, on a private tmpfs, must be seen.
 */
#include <linux/delay.h>
#include <linux/err.h>
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

static const char *tw_selftest_on_mount(struct vfsmount *mnt)
{
	struct tw_threshold threshold = {
		.spec = {
			.level = { .kind = TW_LEVEL_BLOCKS, .value = 1 },
			.direction = TW_BOTH,
			.pressure = -1,
		},
		.notify = tw_selftest_notify,
	};
	const char *wrong = "cannot be tested: no memory";
	struct tw_mount *mount;
	struct file *file;
	int err;

	file = tw_compat_create(mnt, "selftest");
	if (IS_ERR(file))
		return "cannot be tested: no file on a private mount";
	mount = tw_mount_attach(mnt->mnt_sb);
	if (!mount)
		goto put_file;
	threshold.gauge = &mount->gauges[TW_BLOCKS];
	err = tw_check_prepare(threshold.gauge);
	if (!err)
		err = tw_watch_begin(&threshold);
	if (!err) {
		wrong = tw_selftest_on_file(file, mount, &threshold);
		tw_watch_end(&threshold);
	}
	tw_mount_detach(mount);
put_file:
	fput(file);
	return wrong;
}

/**
 * tw_selftest_run() - show on a private mount that the hook, which is armed, works
 *
 * Context: process.
 * Return: NULL if it does; otherwise what is wrong, to be put behind the name
 * of the symbol.
 */
const char *tw_selftest_run(void)
{
	char options[] = "nr_blocks=" __stringify(TW_SELFTEST_BLOCKS);
	struct vfsmount *mnt;
	const char *wrong;

	mnt = vfs_kern_mount(get_fs_type("tmpfs"), SB_KERNMOUNT,
			     KBUILD_MODNAME, options);
	if (IS_ERR(mnt))
		return "cannot be tested: no private mount";
	wrong = tw_selftest_on_mount(mnt);
	kern_unmount(mnt);
	return wrong;
}
