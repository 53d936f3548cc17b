// SPDX-License-Identifier: GPL-2.0
/*
 * The hook: where mm/shmem.c is probed.
 *
 * The handlers run on the way of each allocation and free of the machine's
 * shared memory. They find the superblock's mount, if it has one, and leave the
 * rest to check.h. They may be called from a breakpoint, which x86 treats as an
 * NMI, and under info->lock: no lock, no sleeping, nothing that wakes. What runs
 * for each allocation is inlined into them, and they are notrace, so that
 * tracing all functions does not make it slow.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/utsname.h>
#include <linux/workqueue.h>

#include "check.h"
#include "compat.h"
#include "discovery.h"
#include "hook.h"
#include "mount.h"
#include "probe.h"
#include "selftest.h"

/*
 * How long the probes stay after the last trigger has gone, so that a program
 * that registers and closes in a loop does not patch the kernel each time.
 */
#define TW_DISARM_DELAY		(HZ / 10)

char *tw_hook_symbol;
char *tw_hook_kind = "auto";

/* set by tw_hook_init() */
static const struct tw_hook_candidate *tw_hook;

/* protects the two that follow; taken inside of a mount's mutex */
static DEFINE_MUTEX(tw_hook_mutex);
static unsigned int tw_hook_users;
static bool tw_hook_armed;

/* frees have no probe of their own and are seen by tw_hook_entered() */
static bool tw_hook_frees_at_entry __read_mostly;

/* the second argument of what frees are seen at is their number */
static bool tw_hook_free_counts __read_mostly;

/* ---- handlers ---- */

/* Context: any, with preemption disabled. */
static __always_inline void tw_hook_entered(struct inode *inode,
					    unsigned long argument)
{
	struct super_block *sb = inode->i_sb;
	struct tw_mount *mount = tw_mount_find_watched(sb);

	if (likely(!mount))
		return;
	if (tw_hook_frees_at_entry && tw_compat_freeing(inode))
		tw_check_freeing(mount);
	else
		tw_check_alloc(mount, sb->s_fs_info,
			       tw_compat_allocated(argument));
}

static notrace int tw_hook_on_entry(struct kprobe *probe, struct pt_regs *regs)
{
	tw_hook_entered((struct inode *)regs_get_kernel_argument(regs, 0),
			regs_get_kernel_argument(regs, 1));
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_entry);

static notrace void tw_hook_on_ftrace(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *ops,
				      struct tw_compat_ftrace_regs *regs)
{
	/* the mount is protected by RCU, and a CPU's state is its own */
	preempt_disable_notrace();
	tw_hook_entered((struct inode *)tw_compat_ftrace_argument(regs, 0),
			tw_compat_ftrace_argument(regs, 1));
	preempt_enable_notrace();
}

NOKPROBE_SYMBOL(tw_hook_on_ftrace);

/* shmem_uncharge(inode, pages), which counts when it has let go of its lock */
static notrace int tw_hook_on_uncharge(struct kprobe *probe,
				       struct pt_regs *regs)
{
	struct inode *inode = (struct inode *)regs_get_kernel_argument(regs, 0);
	struct tw_mount *mount = tw_mount_find_watched(inode->i_sb);

	if (mount)
		tw_check_freeing(mount);
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_uncharge);

/**
 * struct tw_hook_call - what a function that has returned was called with
 * @sb: superblock of the inode
 * @argument: the second argument
 */
struct tw_hook_call {
	struct super_block *sb;
	unsigned long argument;
};

static notrace int tw_hook_on_call(struct kretprobe_instance *instance,
				   struct pt_regs *regs)
{
	struct inode *inode = (struct inode *)regs_get_kernel_argument(regs, 0);
	struct tw_hook_call *call = (struct tw_hook_call *)instance->data;

	call->sb = inode->i_sb;
	call->argument = regs_get_kernel_argument(regs, 1);
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_call);

static notrace int tw_hook_on_alloc(struct kretprobe_instance *instance,
				    struct pt_regs *regs)
{
	struct tw_hook_call *call = (struct tw_hook_call *)instance->data;
	struct tw_mount *mount = tw_mount_find_watched(call->sb);

	/* an int: nonzero if nothing was allocated */
	if (mount && !(int)regs_return_value(regs))
		tw_check_alloc(mount, call->sb->s_fs_info,
			       tw_compat_allocated(call->argument));
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_alloc);

static notrace int tw_hook_on_free(struct kretprobe_instance *instance,
				   struct pt_regs *regs)
{
	struct tw_hook_call *call = (struct tw_hook_call *)instance->data;
	struct tw_mount *mount = tw_mount_find_watched(call->sb);

	if (mount)
		tw_check_free(mount, call->sb->s_fs_info,
			      tw_hook_free_counts ? call->argument : 0);
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_free);

/* ---- arming ---- */

static const struct tw_probe_handlers tw_hook_alloc_handlers = {
	.ftrace = tw_hook_on_ftrace,
	.kprobe = tw_hook_on_entry,
	.call = tw_hook_on_call,
	.ret = tw_hook_on_alloc,
	.data_size = sizeof(struct tw_hook_call),
};

static const struct tw_probe_handlers tw_hook_free_handlers = {
	.call = tw_hook_on_call,
	.ret = tw_hook_on_free,
	.data_size = sizeof(struct tw_hook_call),
};

static const struct tw_probe_handlers tw_hook_uncharge_handlers = {
	.kprobe = tw_hook_on_uncharge,
};

/* those that the candidate has no symbol for are not registered */
static struct tw_probe tw_hook_alloc = { .handlers = &tw_hook_alloc_handlers };
static struct tw_probe tw_hook_free = { .handlers = &tw_hook_free_handlers };
static struct tw_probe tw_hook_uncharge = {
	.handlers = &tw_hook_uncharge_handlers
};

static void tw_hook_disable(void)
{
	lockdep_assert_held(&tw_hook_mutex);
	tw_probe_disable(&tw_hook_alloc);
	tw_probe_disable(&tw_hook_free);
	tw_probe_disable(&tw_hook_uncharge);
	WRITE_ONCE(tw_hook_armed, false);
}

static int tw_hook_enable(void)
{
	int err;

	lockdep_assert_held(&tw_hook_mutex);
	if (tw_hook_armed)
		return 0;
	err = tw_probe_enable(&tw_hook_uncharge);
	if (!err)
		err = tw_probe_enable(&tw_hook_free);
	if (!err)
		err = tw_probe_enable(&tw_hook_alloc);
	if (err)
		tw_hook_disable();
	else
		WRITE_ONCE(tw_hook_armed, true);
	return err;
}

static void tw_hook_disarm_fn(struct work_struct *work)
{
	mutex_lock(&tw_hook_mutex);
	if (!tw_hook_users && tw_hook_armed)
		tw_hook_disable();
	mutex_unlock(&tw_hook_mutex);
}

static DECLARE_DELAYED_WORK(tw_hook_disarm, tw_hook_disarm_fn);

/*
 * A task may have been inside mm/shmem.c, past the place of a probe, when that
 * was armed, and have counted what it freed after the first trigger had checked
 * the usage. Once each has been seen outside, or asleep (which it is there for
 * the sake of quotas alone), check again.
 */
static void tw_hook_recheck_fn(struct work_struct *work)
{
	synchronize_rcu_tasks();
	tw_discovery_check_watched();
}

static DECLARE_WORK(tw_hook_recheck, tw_hook_recheck_fn);

/**
 * tw_hook_get() - have each allocation and free seen until tw_hook_put()
 *
 * Context: process.
 * Return: 0; -EIO after a line in the log, -ENOMEM.
 */
int tw_hook_get(void)
{
	bool recheck;
	int err;

	mutex_lock(&tw_hook_mutex);
	recheck = !tw_hook_armed;
	err = tw_hook_enable();
	if (!err)
		tw_hook_users++;
	if (!err && recheck)
		queue_work(tw_wq, &tw_hook_recheck);
	mutex_unlock(&tw_hook_mutex);
	/* that is no fault of the probe's, and may be better in a moment */
	if (!err || err == -ENOMEM)
		return err;
	pr_err_ratelimited("cannot arm the probe of %s: error %d\n",
			   tw_hook_alloc.symbol, err);
	return -EIO;
}

/**
 * tw_hook_put() - undo tw_hook_get()
 *
 * The probes go a moment after the last user.
 * Context: process.
 */
void tw_hook_put(void)
{
	mutex_lock(&tw_hook_mutex);
	if (!--tw_hook_users)
		mod_delayed_work(tw_wq, &tw_hook_disarm, TW_DISARM_DELAY);
	mutex_unlock(&tw_hook_mutex);
}

/**
 * tw_hook_info() - the hook in use
 * @info: set
 */
void tw_hook_info(struct tw_hook_info *info)
{
	const struct tw_probe *free = tw_hook->free ? &tw_hook_free :
						      &tw_hook_alloc;

	info->symbol = tw_hook_alloc.symbol;
	info->kind = tw_probe_kind_name(tw_hook_alloc.kind);
	info->free_symbol = free->symbol;
	info->free_kind = tw_probe_kind_name(free->kind);
	/* not under the mutex, which disarming holds for long */
	info->armed = READ_ONCE(tw_hook_armed);
	info->missed = tw_probe_missed(&tw_hook_alloc) +
		       tw_probe_missed(&tw_hook_free) +
		       tw_probe_missed(&tw_hook_uncharge);
}

/* ---- choice ---- */

static void tw_hook_unregister(void)
{
	tw_probe_unregister(&tw_hook_uncharge);
	tw_probe_unregister(&tw_hook_free);
	tw_probe_unregister(&tw_hook_alloc);
}

static int tw_hook_register(enum tw_probe_kind kind)
{
	int err;

	tw_hook_frees_at_entry = !tw_hook->free;
	tw_hook_free_counts = tw_hook->free && strcmp(tw_hook->free, "shmem_recalc_inode");
	err = tw_probe_register(&tw_hook_alloc, tw_hook->alloc, kind);
	if (!err && tw_hook->free)
		err = tw_probe_register(&tw_hook_free, tw_hook->free,
					TW_PROBE_KRETPROBE);
	if (!err && tw_hook->uncharge)
		err = tw_probe_register(&tw_hook_uncharge, tw_hook->uncharge,
					TW_PROBE_KPROBE);
	if (err)
		tw_hook_unregister();
	return err;
}

/* Tries tw_hook; what was wrong, or NULL if it is registered and works. */
static const char *tw_hook_try(enum tw_probe_kind kind)
{
	const char *wrong = NULL;

	if (tw_hook_register(kind))
		return "cannot be probed";
	mutex_lock(&tw_hook_mutex);
	if (tw_hook_enable())
		wrong = "cannot be armed";
	mutex_unlock(&tw_hook_mutex);

	/* takes a mount's mutex, inside which tw_hook_get() is called */
	if (!wrong)
		wrong = tw_selftest_run();

	mutex_lock(&tw_hook_mutex);
	tw_hook_disable();
	mutex_unlock(&tw_hook_mutex);
	if (wrong)
		tw_hook_unregister();
	return wrong;
}

/* Is @candidate to be tried that way, by the parameters and by what it is? */
static bool tw_hook_wanted(const struct tw_hook_candidate *candidate,
			   enum tw_probe_kind kind)
{
	bool returns = kind == TW_PROBE_KRETPROBE;

	if (tw_hook_symbol && strcmp(tw_hook_symbol, candidate->alloc))
		return false;
	if (candidate->alloc_returns != returns)
		return false;
	/* what waits for a return is a kind of kprobe */
	return !strcmp(tw_hook_kind, "auto") ||
	       !strcmp(tw_hook_kind, "ftrace") == (kind == TW_PROBE_FTRACE);
}

/**
 * tw_hook_check() - what the parameter hook says
 *
 * Return: 0, or -EINVAL after a line in the log.
 */
int tw_hook_check(void)
{
	if (!strcmp(tw_hook_kind, "auto") || !strcmp(tw_hook_kind, "ftrace") ||
	    !strcmp(tw_hook_kind, "kprobe"))
		return 0;
	pr_err("no hook called %s: give auto, ftrace or kprobe\n", tw_hook_kind);
	return -EINVAL;
}

/**
 * tw_hook_init() - find a place to probe, and prove that it works
 *
 * Return: 0, or a negative errno after one line in the log that says what was
 * tried and what was wrong.
 */
int tw_hook_init(void)
{
	/* in the order of preference */
	static const enum tw_probe_kind kinds[] = {
		TW_PROBE_FTRACE, TW_PROBE_KPROBE, TW_PROBE_KRETPROBE,
	};
	const struct tw_hook_candidate *candidate;
	const char *wrong;
	char tried[640] = "";
	unsigned int i;
	size_t k, len = 0;

	for (i = 0; (candidate = tw_compat_hook_candidate(i)); i++) {
		tw_hook = candidate;
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			if (!tw_hook_wanted(candidate, kinds[k]))
				continue;
			wrong = tw_hook_try(kinds[k]);
			if (!wrong)
				goto found;
			len += scnprintf(tried + len, sizeof(tried) - len,
					 "; %s (%s)%s%s %s", candidate->alloc,
					 tw_probe_kind_name(kinds[k]),
					 candidate->free ? " with " : "",
					 candidate->free ?: "", wrong);
		}
	}
	if (!len)
		pr_err("no hook on the symbol %s: see the parameters hook_symbol and hook\n",
		       tw_hook_symbol);
	else
		pr_err("no usable hook on Linux %s: %s\n",
		       init_utsname()->release, tried + 2);
	return -ENODEV;

found:
	pr_info("watching %s (%s) on Linux %s\n", tw_hook_alloc.symbol,
		tw_probe_kind_name(tw_hook_alloc.kind),
		init_utsname()->release);
	return 0;
}

/**
 * tw_hook_stop() - ask for no more checks
 *
 * Nobody can call tw_hook_get() any more.
 */
void tw_hook_stop(void)
{
	cancel_work_sync(&tw_hook_recheck);
}

/**
 * tw_hook_exit() - undo tw_hook_init()
 *
 * There must be no user. No handler runs on return.
 */
void tw_hook_exit(void)
{
	cancel_delayed_work_sync(&tw_hook_disarm);
	tw_hook_unregister();
}
