// SPDX-License-Identifier: GPL-2.0
/*
 * Discovery: finds the mounts there are, and notices those that come and go.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/irq_work.h>
#include <linux/kdev_t.h>
#include <linux/llist.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "check.h"
#include "compat.h"
#include "discovery.h"
#include "mount.h"
#include "probe.h"

unsigned int tw_max_mounts = 2048;

/* of the work alone */
static LIST_HEAD(tw_discovery_new);	/* found, not shown yet */
static LIST_HEAD(tw_discovery_mounts);

static struct file_system_type *tw_discovery_type;
static const struct tw_discovery_events *tw_discovery_events;
static struct workqueue_struct *tw_discovery_wq;
static LLIST_HEAD(tw_discovery_gone);

static unsigned int tw_discovery_shown;
static unsigned int tw_discovery_hidden;
static unsigned int tw_discovery_waiting;	/* of tw_discovery_shown */

/* bits of tw_discovery_todo */
#define TW_TODO_START	0	/* mounts may be shown from now on */
#define TW_TODO_SCAN	1	/* superblocks may have come or changed */
#define TW_TODO_STOP	2	/* the module goes */
static unsigned long tw_discovery_todo;

static void tw_discovery_work_fn(struct work_struct *work);
static DECLARE_WORK(tw_discovery_work, tw_discovery_work_fn);

static void tw_discovery_kick_fn(struct irq_work *work)
{
	queue_work(tw_discovery_wq, &tw_discovery_work);
}

/* Queues the work from where queue_work() is not allowed: any probe. */
static struct irq_work tw_discovery_kick;

/* how long after one could not be shown that is tried again */
#define TW_DISCOVERY_RETRY		HZ

static void tw_discovery_retry_fn(struct work_struct *work)
{
	tw_discovery_rescan();
}

static DECLARE_DELAYED_WORK(tw_discovery_retry, tw_discovery_retry_fn);

/* ---- the work ---- */

/* What is not done now need not be done by another mount's coming. */
static void tw_discovery_try_again(dev_t dev, int err)
{
	pr_warn_once("the tmpfs %u:%u is not shown: error %d; that is tried again every second\n",
		     MAJOR(dev), MINOR(dev), err);
	queue_delayed_work(tw_discovery_wq, &tw_discovery_retry, TW_DISCOVERY_RETRY);
}

/**
 * struct tw_discovery_scan - what a scan has found
 * @hidden: mounts that are not shown
 * @complete: it came to the end of the list
 */
struct tw_discovery_scan {
	unsigned int hidden;
	bool complete;
};

/* A superblock that is complete and cannot go: s_umount is held. */
static void tw_discovery_scan_one(struct super_block *sb, void *data)
{
	struct tw_discovery_scan *scan = data;
	struct tw_mount *mount;

	/* the list grows at its head alone, so this stays the last of them */
	if (!READ_ONCE(sb->s_instances.next))
		scan->complete = true;

	/* memfd, SysV and anonymous shared memory; what drivers keep */
	if (sb->s_flags & SB_KERNMOUNT)
		return;

	rcu_read_lock_sched();
	mount = tw_mount_find(sb);
	rcu_read_unlock_sched();
	if (mount) {
		/* stays, since shmem_put_super() needs s_umount */
		tw_check_now(mount);
		return;
	}
	if (tw_discovery_shown < tw_max_mounts) {
		mount = tw_mount_attach(sb);
		if (!mount)
			tw_discovery_try_again(sb->s_dev, -ENOMEM);
	} else {
		pr_warn_once("not showing more than %u tmpfs mounts: raise the parameter max_mounts\n",
			     tw_max_mounts);
	}
	if (!mount) {
		/* at once: s_umount has its shmem_put_super() see that */
		if (++scan->hidden > tw_discovery_hidden)
			WRITE_ONCE(tw_discovery_hidden, scan->hidden);
		return;
	}
	list_add_tail(&mount->all, &tw_discovery_new);
	WRITE_ONCE(tw_discovery_shown, tw_discovery_shown + 1);
}

/*
 * Some kernels (6.1 among them) take a superblock that goes off its list while
 * iterate_supers_type() waits for it, or just as that comes back to it, and with
 * that the iteration ends there: all that were mounted before are left out. The
 * last of the list is the kernel's own mount, which never goes. Each time that it
 * begins again another umount has fallen into it.
 */
static void tw_discovery_scan(void)
{
	struct tw_discovery_scan scan = {};

	iterate_supers_type(tw_discovery_type, tw_discovery_scan_one, &scan);
	if (scan.complete)
		WRITE_ONCE(tw_discovery_hidden, scan.hidden);
	else
		set_bit(TW_TODO_SCAN, &tw_discovery_todo);
}

/* Shows those that were found; the rest is left for the next time. */
static void tw_discovery_show(void)
{
	struct tw_mount *mount, *next;
	unsigned int waiting = 0;
	int err;

	list_for_each_entry_safe(mount, next, &tw_discovery_new, all) {
		err = tw_discovery_events->appeared(mount);
		if (err) {
			tw_discovery_try_again(mount->dev, err);
			waiting++;
			continue;
		}
		list_move_tail(&mount->all, &tw_discovery_mounts);
	}
	WRITE_ONCE(tw_discovery_waiting, waiting);
}

static void tw_discovery_release(void)
{
	struct llist_node *gone = llist_del_all(&tw_discovery_gone);
	struct tw_mount *mount, *next;

	llist_for_each_entry_safe(mount, next, llist_reverse_order(gone),
				  gone) {
		tw_discovery_events->gone(mount);
		list_del(&mount->all);
		WRITE_ONCE(tw_discovery_shown, tw_discovery_shown - 1);
		tw_mount_put(mount);
		/* there is room for one of those hidden */
		if (tw_discovery_hidden)
			set_bit(TW_TODO_SCAN, &tw_discovery_todo);
	}
}

/*
 * All comings and goings, in one work item on an ordered queue, so that the
 * directory of a mount that went is removed before that of a new one with the
 * same device number is made: the number is free only after the old mount's
 * shmem_put_super(), so the old one is in the queue before the new one can be
 * found by the scan.
 */
static void tw_discovery_work_fn(struct work_struct *work)
{
	struct tw_mount *mount;

	if (!test_bit(TW_TODO_START, &tw_discovery_todo))
		return;
	do {
		bool stop = test_bit(TW_TODO_STOP, &tw_discovery_todo);

		/* the scan may have to wait for an umount that takes long */
		tw_discovery_release();
		if (test_and_clear_bit(TW_TODO_SCAN, &tw_discovery_todo) && !stop)
			tw_discovery_scan();
		if (stop) {
			tw_discovery_events->stopping();
			list_splice_tail_init(&tw_discovery_new, &tw_discovery_mounts);
			list_for_each_entry(mount, &tw_discovery_mounts, all) {
				if (tw_mount_unhook(mount))
					llist_add(&mount->gone, &tw_discovery_gone);
			}
		}
		tw_discovery_release();
		tw_discovery_show();
	} while (test_bit(TW_TODO_SCAN, &tw_discovery_todo));
}

/* ---- probes ---- */

/*
 * A superblock is being filled or remounted, under s_umount; the scan waits
 * for that and so finds it complete, or not at all if it failed.
 */
static notrace void tw_discovery_change(void)
{
	set_bit(TW_TODO_SCAN, &tw_discovery_todo);
	irq_work_queue(&tw_discovery_kick);
}

NOKPROBE_SYMBOL(tw_discovery_change);

/* The last moment at which the superblock's count may be read. */
static notrace void tw_discovery_put_super(struct super_block *sb)
{
	struct tw_mount *mount;

	preempt_disable_notrace();
	mount = tw_mount_find(sb);
	if (mount && tw_mount_unhook(mount)) {
		llist_add(&mount->gone, &tw_discovery_gone);
		irq_work_queue(&tw_discovery_kick);
	} else if (READ_ONCE(tw_discovery_hidden)) {
		/* that may have been one of them */
		tw_discovery_change();
	}
	preempt_enable_notrace();
}

NOKPROBE_SYMBOL(tw_discovery_put_super);

static notrace int tw_discovery_change_kprobe(struct kprobe *probe,
					      struct pt_regs *regs)
{
	tw_discovery_change();
	return 0;
}

NOKPROBE_SYMBOL(tw_discovery_change_kprobe);

static notrace int tw_discovery_put_kprobe(struct kprobe *probe,
					   struct pt_regs *regs)
{
	tw_discovery_put_super((void *)regs_get_kernel_argument(regs, 0));
	return 0;
}

NOKPROBE_SYMBOL(tw_discovery_put_kprobe);

static notrace void tw_discovery_change_ftrace(unsigned long ip,
					       unsigned long parent_ip,
					       struct ftrace_ops *ops,
					       struct tw_compat_ftrace_regs *regs)
{
	tw_discovery_change();
}

NOKPROBE_SYMBOL(tw_discovery_change_ftrace);

static notrace void tw_discovery_put_ftrace(unsigned long ip,
					    unsigned long parent_ip,
					    struct ftrace_ops *ops,
					    struct tw_compat_ftrace_regs *regs)
{
	tw_discovery_put_super((void *)tw_compat_ftrace_argument(regs, 0));
}

NOKPROBE_SYMBOL(tw_discovery_put_ftrace);

static const struct tw_probe_handlers tw_discovery_put_handlers = {
	.ftrace = tw_discovery_put_ftrace,
	.kprobe = tw_discovery_put_kprobe,
};

static const struct tw_probe_handlers tw_discovery_change_handlers = {
	.ftrace = tw_discovery_change_ftrace,
	.kprobe = tw_discovery_change_kprobe,
};

static const char * const tw_discovery_symbols[] = {
	"shmem_put_super", "shmem_fill_super", "shmem_reconfigure",
};

static struct tw_probe tw_discovery_probes[ARRAY_SIZE(tw_discovery_symbols)] = {
	{ .handlers = &tw_discovery_put_handlers },
	{ .handlers = &tw_discovery_change_handlers },
	{ .handlers = &tw_discovery_change_handlers },
};

static void tw_discovery_unregister_probes(void)
{
	size_t i = ARRAY_SIZE(tw_discovery_probes);

	while (i--)
		tw_probe_unregister(&tw_discovery_probes[i]);
}

static int tw_discovery_register_probes(enum tw_probe_kind kind)
{
	struct tw_probe *probe;
	int err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tw_discovery_probes); i++) {
		probe = &tw_discovery_probes[i];
		err = tw_probe_register(probe, tw_discovery_symbols[i], kind);
		if (err && kind != TW_PROBE_KPROBE)
			err = tw_probe_register(probe, tw_discovery_symbols[i],
						TW_PROBE_KPROBE);
		if (!err)
			err = tw_probe_enable(probe);
		if (err) {
			pr_err("cannot probe %s: error %d\n",
			       tw_discovery_symbols[i], err);
			tw_discovery_unregister_probes();
			return err;
		}
	}
	return 0;
}

/*
 * Where probes are made of ftrace, the sysctl kernel.ftrace_enabled takes them
 * away without a word, and with that of shmem_put_super the last moment at
 * which a count may be read. One that is permanent makes it answer EBUSY.
 */
#ifdef CONFIG_DYNAMIC_FTRACE
static void tw_discovery_on_ftrace(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops,
				   struct tw_compat_ftrace_regs *regs)
{
}

static struct ftrace_ops tw_discovery_ftrace = {
	.func = tw_discovery_on_ftrace,
	.flags = FTRACE_OPS_FL_PERMANENT,
};

static int tw_discovery_keep_ftrace(void)
{
	unsigned long ip;
	int err = tw_probe_set_filter(&tw_discovery_ftrace, "shmem_put_super", &ip);

	if (!err)
		err = register_ftrace_function(&tw_discovery_ftrace);
	if (err) {
		tw_compat_ftrace_free_filter(&tw_discovery_ftrace);
		pr_err("cannot keep ftrace on: error %d%s\n", err,
		       err == -EBUSY ? "; is the sysctl kernel.ftrace_enabled 0?" : "");
	}
	return err;
}

static void tw_discovery_release_ftrace(void)
{
	unregister_ftrace_function(&tw_discovery_ftrace);
	tw_compat_ftrace_free_filter(&tw_discovery_ftrace);
}
#else
static int tw_discovery_keep_ftrace(void)
{
	return 0;
}

static void tw_discovery_release_ftrace(void)
{
}
#endif

/* ---- all of it ---- */

/**
 * tw_discovery_init() - before anything else of this file
 * @events: who wants to know of mounts, from tw_discovery_start() on
 * @kind: how to probe where they come and go; a kprobe where that cannot be
 *
 * Return: 0, or a negative errno after a line in the log.
 */
int tw_discovery_init(const struct tw_discovery_events *events,
		      enum tw_probe_kind kind)
{
	int err;

	tw_discovery_events = events;
	init_irq_work(&tw_discovery_kick, tw_discovery_kick_fn);
	/* built into the kernel, so there is no module to hold */
	tw_discovery_type = get_fs_type("tmpfs");
	if (!tw_discovery_type) {
		pr_err("no file system type tmpfs\n");
		return -ENODEV;
	}
	tw_discovery_wq = alloc_ordered_workqueue("tmpfswarn_mounts", 0);
	if (!tw_discovery_wq) {
		pr_err("no memory for a workqueue\n");
		return -ENOMEM;
	}
	err = tw_discovery_keep_ftrace();
	if (err)
		goto destroy_wq;
	err = tw_discovery_register_probes(kind);
	if (err)
		goto release_ftrace;
	return 0;

release_ftrace:
	irq_work_sync(&tw_discovery_kick);
	tw_discovery_release_ftrace();
destroy_wq:
	destroy_workqueue(tw_discovery_wq);
	return err;
}

/**
 * tw_discovery_rescan() - look for mounts, and check the usage of all
 *
 * Context: process; does not wait.
 */
void tw_discovery_rescan(void)
{
	set_bit(TW_TODO_SCAN, &tw_discovery_todo);
	queue_work(tw_discovery_wq, &tw_discovery_work);
}

/**
 * tw_discovery_start() - find the mounts there are, and those that come
 *
 * All mounts there are have been reported on return.
 */
void tw_discovery_start(void)
{
	set_bit(TW_TODO_START, &tw_discovery_todo);
	tw_discovery_rescan();
	flush_work(&tw_discovery_work);
}

/**
 * tw_discovery_stop() - undo tw_discovery_start()
 *
 * Every mount has been reported gone on return.
 */
void tw_discovery_stop(void)
{
	set_bit(TW_TODO_STOP, &tw_discovery_todo);
	queue_work(tw_discovery_wq, &tw_discovery_work);
	flush_work(&tw_discovery_work);
	/* nothing is left to be shown, nor does it look for more */
	cancel_delayed_work_sync(&tw_discovery_retry);
	/*
	 * A last umount may have unhooked its mount before this did, and be
	 * about to queue it: wait for its handler, then for the work. No other
	 * can come, since no mount is found any more.
	 */
	synchronize_rcu();
	irq_work_sync(&tw_discovery_kick);
	flush_work(&tw_discovery_work);
}

/**
 * tw_discovery_exit() - undo tw_discovery_init()
 *
 * All references must have been given back.
 */
void tw_discovery_exit(void)
{
	tw_discovery_unregister_probes();
	tw_discovery_release_ftrace();
	irq_work_sync(&tw_discovery_kick);
	destroy_workqueue(tw_discovery_wq);
}

/**
 * tw_discovery_counts() - statistics over all mounts
 * @counts: set
 */
void tw_discovery_counts(struct tw_discovery_counts *counts)
{
	unsigned int found = READ_ONCE(tw_discovery_shown);
	/* one of these may just have gone */
	unsigned int waiting = min(READ_ONCE(tw_discovery_waiting), found);

	counts->shown = found - waiting;
	counts->hidden = READ_ONCE(tw_discovery_hidden) + waiting;
}
