// SPDX-License-Identifier: GPL-2.0
/*
 * tmpfswarn: tell user space when a tmpfs fills past a level.
 *
 * Four layers, each of which knows only those before it; so does each file, in the order of
 * Kbuild. The levels (level.c). What is measured on a mount (gauge.c): blocks (blocks.c), and
 * inodes with what is probed for them (inodes.c); what is known of a crossing (crossing.c) or of a
 * refusal (refusal.c), the thresholds on a gauge (threshold.c), who is notified (notify.c), when
 * usage is compared with thresholds (check.c), how a threshold comes and goes (watch.c), the
 * mounts (mount.c), which system calls are looked at when they return (call.c), to be checked then
 * (deferral.c) or since they may be refused something (verdict.c), how mounts come and go
 * (discovery.c), and
 * how what no hook has seen is found (resync.c). The hook (hook.c), its selftest (selftest.c)
 * and the triggers for which it is armed (trigger.c), one of which keeps the most that was used
 * (peak.c). The interfaces: debugfs (files.c and
 * debugfs.c), whose triggers signal eventfds (eventfd.c), and the device (device.c), whose
 * triggers tell listeners (listener.c) in records (record.c), within a limit for each user
 * (user.c). What both show is in show.c. How a function of the kernel is probed is in probe.c,
 * what differs between kernels in compat.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "blocks.h"
#include "debugfs.h"
#include "device.h"
#include "discovery.h"
#include "hook.h"
#include "mount.h"
#include "probe.h"
#include "resync.h"
#include "trigger.h"
#include "user.h"

module_param_named(max_mounts, tw_max_mounts, uint, 0444);
MODULE_PARM_DESC(max_mounts, "Mounts shown of the user namespaces of each user, or of each one that root made, at most; 16 times that for all of them (number, default 2048)");
module_param_named(max_triggers, tw_max_triggers, uint, 0444);
MODULE_PARM_DESC(max_triggers, "Triggers in all, at most, half of them of ordinary users through the device (number, default 65536)");
module_param_named(max_mount_triggers, tw_max_mount_triggers, uint, 0444);
MODULE_PARM_DESC(max_mount_triggers, "Triggers on one mount, at most, an eighth of them of ordinary users through the device (number, default 16384)");
module_param_named(max_user_triggers, tw_max_user_triggers, uint, 0644);
MODULE_PARM_DESC(max_user_triggers, "Triggers of one user through the device, at most, but for those with CAP_SYS_RESOURCE (number, default 128)");
module_param_named(pressure_low, tw_pressure_percent[0], uint, 0444);
MODULE_PARM_DESC(pressure_low, "What pressure_level calls low (percent of the mount, 1 to 100, default 60)");
module_param_named(pressure_medium, tw_pressure_percent[1], uint, 0444);
MODULE_PARM_DESC(pressure_medium, "What pressure_level calls medium (percent of the mount, 1 to 100, default 80)");
module_param_named(pressure_critical, tw_pressure_percent[2], uint, 0444);
MODULE_PARM_DESC(pressure_critical, "What pressure_level calls critical (percent of the mount, 1 to 100, default 95)");
module_param_named(hook, tw_hook_kind, charp, 0444);
MODULE_PARM_DESC(hook, "How allocations are probed (auto, ftrace or kprobe, default auto: ftrace where it can be, which costs a third)");
module_param_named(hook_symbol, tw_hook_symbol, charp, 0444);
MODULE_PARM_DESC(hook_symbol, "Symbol of mm/shmem.c to probe for allocations (name, default: the first that works)");

/* The last umount of a tmpfs, or the module's end. */
static void tw_mount_gone(struct tw_mount *mount)
{
	/* in this order: who is woken and finds no file knows that it is over */
	tw_debugfs_hide(mount);
	tw_trigger_end_all(mount, NULL);
}

/* The mount stays, as one that never had that limit: what is left can be watched. */
static void tw_mount_unlimited(struct tw_gauge *gauge)
{
	tw_trigger_end_all(gauge->mount, gauge);
}

static const struct tw_discovery_events tw_events = {
	.appeared = tw_debugfs_show,
	.gone = tw_mount_gone,
	.unlimited = tw_mount_unlimited,
	/* all at once, so that who is woken knows that it is not the mount */
	.stopping = tw_debugfs_exit,
};

static int __init tw_init(void)
{
	size_t i;
	int err;

	for (i = 0; i < TW_PRESSURES; i++) {
		if (!tw_pressure_percent[i] || tw_pressure_percent[i] > 100) {
			pr_err("pressure_%s is %u: give a percentage from 1 to 100\n",
			       tw_pressure_names[i], tw_pressure_percent[i]);
			return -EINVAL;
		}
	}
	err = tw_hook_check();
	if (err)
		return err;
	err = tw_mount_init();
	if (err)
		return err;
	err = tw_blocks_init();
	if (err)
		goto exit_mount;
	err = tw_discovery_init(&tw_events);
	if (err)
		goto exit_blocks;
	err = tw_hook_init();
	if (err)
		goto exit_discovery;
	err = tw_debugfs_init();
	if (err)
		goto exit_hook;
	/* the last that can fail: from here on there is something that can be opened */
	err = tw_device_init();
	if (err)
		goto exit_debugfs;
	tw_debugfs_start();
	tw_discovery_start();
	return 0;

exit_debugfs:
	tw_debugfs_exit();
exit_hook:
	tw_hook_exit();
exit_discovery:
	tw_discovery_exit();
exit_blocks:
	tw_probe_exit();
	tw_blocks_exit();
exit_mount:
	tw_mount_exit();
	return err;
}

static void __exit tw_exit(void)
{
	struct tw_hook_info hook;

	/* nobody has it open */
	tw_device_exit();
	tw_hook_stop();
	/* reports all mounts gone, and removes all files */
	tw_discovery_stop();
	tw_trigger_flush();
	tw_hook_info(&hook);
	tw_hook_exit();
	tw_resync_exit();
	tw_discovery_exit();
	tw_probe_exit();
	tw_blocks_exit();
	tw_mount_exit();
	pr_info("unloaded, %lu probe hits missed\n", hook.missed);
}

module_init(tw_init);
module_exit(tw_exit);

MODULE_DESCRIPTION("Tell user space when a tmpfs fills past a level");
MODULE_AUTHOR("The tmpfswarn authors");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
