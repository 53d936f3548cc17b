// SPDX-License-Identifier: GPL-2.0
/*
 * The hook: where mm/shmem.c is probed.
 *
 * The handlers run on the way of each allocation and free of the machine's
 * shared memory. They find the superblock's gauge, if that is watched, and leave the
 * rest to check.h. They may be called from a breakpoint, which x86 treats as an
 * NMI, and under info->lock: no sleeping, nothing that wakes, and no lock but where a
 * system call is deferred (I14 of check.c) or a mount goes, by tw_probe_lock(). What
 * runs for each allocation is inlined into them, and they are notrace, so that
 * tracing all functions does not make it slow. What counts inodes is probed in
 * inodes.c, what refuses in verdict.c, and both are armed here, apart from the rest.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/static_call.h>
#include <linux/utsname.h>
#include <linux/workqueue.h>

#include "call.h"
#include "check.h"
#include "compat.h"
#include "deferral.h"
#include "discovery.h"
#include "gauge.h"
#include "hook.h"
#include "inodes.h"
#include "mount.h"
#include "probe.h"
#include "selftest.h"
#include "verdict.h"

/*
 * How long the probes stay after the last trigger has gone: who registers and closes in a
 * loop has the kernel's text patched about once in that time.
 */
#define TW_DISARM_DELAY		HZ

char *tw_hook_symbol;
char *tw_hook_kind = "auto";

/* set by tw_hook_init() */
static const struct tw_hook_candidate *tw_hook;

/*
 * Protects what follows, up to the count; taken inside of a mount's mutex. Held while
 * text is patched, but not while the kernel waits for all of its tasks, unless somebody else
 * traces the function that frees: see tw_probe_enable_ftrace().
 */
static DEFINE_MUTEX(tw_hook_mutex);
static bool tw_hook_redirected;		/* when it was armed the last time */
static bool tw_hook_unredirected;	/* not to be, for a test */
static unsigned long tw_hook_armings;

/* frees have no probe of their own and are seen where they begin */
static bool tw_hook_frees_at_entry __read_mostly;

/* the second argument of what frees are seen at is their number */
static bool tw_hook_free_counts __read_mostly;

/* ---- handlers ---- */

/*
 * shmem_recalc_inode() was entered. Returns the gauge if that is watched and blocks of it
 * are about to be freed there. Context: any, with preemption disabled.
 */
static __always_inline struct tw_gauge *tw_hook_entered(struct inode *inode,
							unsigned long argument)
{
	struct super_block *sb = inode->i_sb;
	struct tw_gauge *gauge = tw_gauge_find_watched(TW_BLOCKS, sb);

	if (likely(!gauge))
		return NULL;
	if (TW_COMPAT_FREES_IN_RECALC && tw_compat_freeing(inode))
		return gauge;
	tw_check_alloc(gauge, sb->s_fs_info, tw_compat_allocated(argument));
	return NULL;
}

/* Is that known to be no allocation? It is a free, most often, or what is swapped. */
static __always_inline bool tw_hook_no_alloc(unsigned long argument)
{
	return TW_COMPAT_COUNTS_BLOCKS && !tw_compat_allocated(argument);
}

static __always_inline void tw_hook_alloc_entered(struct inode *inode,
						  unsigned long argument)
{
	struct tw_gauge *gauge = tw_hook_entered(inode, argument);

	/* otherwise it is seen when it has returned */
	if (gauge && tw_hook_frees_at_entry)
		tw_check_freeing(gauge);
}

static notrace int tw_hook_on_entry(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long argument = regs_get_kernel_argument(regs, 1);

	if (!tw_hook_no_alloc(argument))
		tw_hook_alloc_entered((struct inode *)regs_get_kernel_argument(regs, 0),
				      argument);
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_entry);

static notrace void tw_hook_on_ftrace(unsigned long ip, unsigned long parent_ip,
				      struct ftrace_ops *ops,
				      struct tw_compat_ftrace_regs *regs)
{
	unsigned long argument = tw_compat_ftrace_argument(regs, 1);

	if (tw_hook_no_alloc(argument))
		return;
	/* the gauge is protected by RCU, and a CPU's state is its own */
	preempt_disable_notrace();
	tw_hook_alloc_entered((struct inode *)tw_compat_ftrace_argument(regs, 0), argument);
	preempt_enable_notrace();
}

NOKPROBE_SYMBOL(tw_hook_on_ftrace);

/* shmem_uncharge(inode, pages), which counts when it has let go of its lock */
static __always_inline void tw_hook_uncharged(struct inode *inode)
{
	struct tw_gauge *gauge = tw_gauge_find_watched(TW_BLOCKS, inode->i_sb);

	if (gauge)
		tw_check_freeing(gauge);
}

static notrace int tw_hook_on_uncharge(struct kprobe *probe,
				       struct pt_regs *regs)
{
	tw_hook_uncharged((struct inode *)regs_get_kernel_argument(regs, 0));
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_uncharge);

static notrace void tw_hook_on_uncharge_ftrace(unsigned long ip, unsigned long parent_ip,
					       struct ftrace_ops *ops,
					       struct tw_compat_ftrace_regs *regs)
{
	preempt_disable_notrace();
	tw_hook_uncharged((struct inode *)tw_compat_ftrace_argument(regs, 0));
	preempt_enable_notrace();
}

NOKPROBE_SYMBOL(tw_hook_on_uncharge_ftrace);

/**
 * struct tw_hook_call - what a function that has returned was called with
 * @sb: superblock of the inode
 * @argument: the second argument
 */
struct tw_hook_call {
	struct super_block *sb;
	unsigned long argument;
};

/* A kretprobe has few instances for the whole machine: none is taken for other mounts. */
static notrace int tw_hook_on_call(struct kretprobe_instance *instance,
				   struct pt_regs *regs)
{
	struct inode *inode = (struct inode *)regs_get_kernel_argument(regs, 0);
	struct tw_hook_call *call = (struct tw_hook_call *)instance->data;

	call->sb = inode->i_sb;
	call->argument = regs_get_kernel_argument(regs, 1);
	return !tw_gauge_find_watched(TW_BLOCKS, call->sb);
}

NOKPROBE_SYMBOL(tw_hook_on_call);

static notrace int tw_hook_on_alloc(struct kretprobe_instance *instance,
				    struct pt_regs *regs)
{
	struct tw_hook_call *call = (struct tw_hook_call *)instance->data;
	struct tw_gauge *gauge = tw_gauge_find_watched(TW_BLOCKS, call->sb);

	/* an int: nonzero if nothing was allocated */
	if (gauge && !(int)regs_return_value(regs))
		tw_check_alloc(gauge, call->sb->s_fs_info,
			       tw_compat_allocated(call->argument));
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_alloc);

static __always_inline void tw_hook_freed(struct super_block *sb, long blocks)
{
	struct tw_gauge *gauge = tw_gauge_find_watched(TW_BLOCKS, sb);

	if (gauge)
		tw_check_free(gauge, sb->s_fs_info, blocks);
}

static notrace int tw_hook_on_free(struct kretprobe_instance *instance,
				   struct pt_regs *regs)
{
	struct tw_hook_call *call = (struct tw_hook_call *)instance->data;

	tw_hook_freed(call->sb, tw_hook_free_counts ? call->argument : 0);
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_free);

/* ---- frees, redirected ---- */

/*
 * A free of a watched mount must be looked at when it has been counted. At the entry of
 * the function it cannot even be told from one that crosses nothing: others count between
 * that and its own count. A kretprobe, which sees the return, has few instances, and any
 * user can have enough tasks asleep or preempted in the function to use them up. So the
 * caller is sent to tw_hook_free_instead(), which calls the function itself. There is
 * nothing to run out of.
 *
 * The module may go only when no task is in tw_hook_free_instead() or on its way there:
 *
 * R1. From when the probe has been unregistered no task is sent there.
 * R2. A task that has been sent there counts itself in before it can sleep. So after
 *     a synchronize_rcu_tasks() each has.
 * R3. From then on the count, of all CPUs together, only falls: the sum of a task's parts
 *     is 1 while it is inside, on whichever CPU it goes out. So a sum of 0 is true.
 * R4. A task that has counted itself out does not sleep before it is back in the kernel's text.
 *     So after another synchronize_rcu_tasks() each is.
 *
 * Being preempted is no sleep for synchronize_rcu_tasks(), and where the kernel is
 * not preemptible, so that it is synchronize_rcu(), no task is preempted there.
 */
#if TW_COMPAT_REDIRECT
static void tw_hook_no_body(struct inode *inode, long pages)
{
}

/* the function; up to 6.5 it does not take the second argument */
DEFINE_STATIC_CALL(tw_hook_free_body, tw_hook_no_body);

static DEFINE_PER_CPU(long, tw_hook_inside);

static notrace noinline void tw_hook_free_instead(struct inode *inode, long pages)
{
	struct super_block *sb = inode->i_sb;

	this_cpu_inc(tw_hook_inside);
	static_call(tw_hook_free_body)(inode, pages);
	preempt_disable_notrace();
	tw_hook_freed(sb, TW_COMPAT_COUNTS_BLOCKS ? pages : 0);
	preempt_enable_notrace();
	this_cpu_dec(tw_hook_inside);
}

NOKPROBE_SYMBOL(tw_hook_free_instead);

/* Is the function that frees, just entered, to be called by tw_hook_free_instead()? */
static __always_inline bool tw_hook_redirects(struct inode *inode, unsigned long argument)
{
	if (TW_COMPAT_FREES_IN_RECALC)
		return tw_hook_entered(inode, argument);
	return tw_gauge_find_watched(TW_BLOCKS, inode->i_sb);
}

static notrace void tw_hook_on_free_ftrace(unsigned long ip, unsigned long parent_ip,
					   struct ftrace_ops *ops,
					   struct tw_compat_ftrace_regs *regs)
{
	/* it was, and is called by that */
	if (TW_COMPAT_REDIRECT_AGAIN && within_module(parent_ip, THIS_MODULE))
		return;
	preempt_disable_notrace();
	if (tw_hook_redirects((struct inode *)tw_compat_ftrace_argument(regs, 0),
			      tw_compat_ftrace_argument(regs, 1)))
		tw_compat_ftrace_redirect(regs, (unsigned long)tw_hook_free_instead);
	preempt_enable_notrace();
}

NOKPROBE_SYMBOL(tw_hook_on_free_ftrace);

static void tw_hook_set_body(unsigned long ip)
{
	static_call_update(tw_hook_free_body,
			   (void (*)(struct inode *, long))tw_compat_behind_ftrace(ip));
}

/* R1 holds; on return nobody is inside. */
static void tw_hook_drain(void)
{
	long inside;
	int cpu;

	do {
		synchronize_rcu_tasks(); /* R2 */
		inside = 0;
		for_each_possible_cpu(cpu)
			inside += READ_ONCE(*per_cpu_ptr(&tw_hook_inside, cpu));
		if (inside)
			schedule_timeout_uninterruptible(1);
	} while (inside); /* R3 */
	synchronize_rcu_tasks(); /* R4 */
}
#else
static void tw_hook_set_body(unsigned long ip)
{
}

static void tw_hook_drain(void)
{
}
#endif

/* ---- arming ---- */

/*
 * A task may have been inside mm/shmem.c, past the place of a probe, when that
 * was armed, and have counted what it freed after the first trigger had checked
 * the usage. Once each has been seen outside, or asleep, check again. What one that was
 * asleep there counts when it wakes up is left to the resync: see I13 of check.c.
 */
static void tw_hook_recheck_fn(struct work_struct *work)
{
	synchronize_rcu_tasks();
	tw_discovery_check_watched();
}

static DECLARE_WORK(tw_hook_recheck, tw_hook_recheck_fn);

/**
 * tw_hook_recheck_soon() - check all watched mounts when all under way has been counted
 *
 * For a mount that is watched from now on: who is just freeing blocks of it may have been
 * found to be on none that is.
 *
 * Context: process; does not wait.
 */
void tw_hook_recheck_soon(void)
{
	queue_work(tw_wq, &tw_hook_recheck);
}

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

static const struct tw_probe_handlers tw_hook_redirect_handlers = {
#if TW_COMPAT_REDIRECT
	.ftrace = tw_hook_on_free_ftrace,
#endif
};

static const struct tw_probe_handlers tw_hook_uncharge_handlers = {
	.ftrace = tw_hook_on_uncharge_ftrace,
	.kprobe = tw_hook_on_uncharge,
};

/* those that the candidate has no symbol for are not registered */
static struct tw_probe tw_hook_alloc = { .handlers = &tw_hook_alloc_handlers };
static struct tw_probe tw_hook_free = { .handlers = &tw_hook_free_handlers };
static struct tw_probe tw_hook_redirect = {
	.handlers = &tw_hook_redirect_handlers, .redirects = true, .plain = true,
};

static struct tw_probe tw_hook_uncharge = { .handlers = &tw_hook_uncharge_handlers };

static struct tw_probe * const tw_hook_all[] = {
	&tw_hook_alloc, &tw_hook_free, &tw_hook_redirect, &tw_hook_uncharge, &tw_deferral_probe,
};

static const struct tw_probe_set tw_hook_probes = { tw_hook_all, ARRAY_SIZE(tw_hook_all) };

/*
 * By the redirection if there is one. Only one can be in place for a function, and a
 * livepatch may have come first: then as if there were none.
 */
static int tw_hook_enable_frees(void)
{
	int err = -EOPNOTSUPP;

	if (tw_hook_redirect.registered && !tw_hook_unredirected)
		err = tw_probe_enable(&tw_hook_redirect);
	WRITE_ONCE(tw_hook_redirected, !err);
	if (!err || err == -ENOMEM)
		return err;
	return tw_probe_enable(&tw_hook_free);
}

static int tw_hook_enable_blocks(void)
{
	int err = tw_probe_enable(&tw_hook_uncharge);

	if (!err)
		err = tw_hook_enable_frees();
	/* up to 6.5 the redirection sees these, too */
	if (!err && !(TW_COMPAT_FREES_IN_RECALC && tw_hook_redirected))
		err = tw_probe_enable(&tw_hook_alloc);
	/* without it all is checked at once */
	if (!err)
		tw_probe_enable(&tw_deferral_probe);
	return err;
}

/**
 * struct tw_hook_set - the probes that are armed for one kind of gauge
 * @what: for the log
 * @probes: those, which do no harm where they could not be disabled
 * @enable: tw_probe_set_enable(), if not that of all @probes
 * @broken: they do not work here, by the selftest
 * @users: of tw_hook_get()
 * @armed: they are in place
 * @disarm: takes them away if there is no user
 *
 * Protected by tw_hook_mutex.
 */
struct tw_hook_set {
	const char *what;
	const struct tw_probe_set *probes;
	int (*enable)(void);
	bool broken;
	unsigned int users;
	bool armed;
	struct delayed_work disarm;
};

static void tw_hook_disarm_fn(struct work_struct *work);

#define TW_HOOK_DISARM(kind) \
	.disarm = __DELAYED_WORK_INITIALIZER(tw_hook_sets[kind].disarm, tw_hook_disarm_fn, 0)

static struct tw_hook_set tw_hook_sets[TW_GAUGES] = {
	[TW_BLOCKS] = {
		.what = "blocks",
		.probes = &tw_hook_probes,
		.enable = tw_hook_enable_blocks,
		TW_HOOK_DISARM(TW_BLOCKS),
	},
	[TW_INODES] = {
		.what = "inodes",
		.probes = &tw_inodes_probes,
		TW_HOOK_DISARM(TW_INODES),
	},
	[TW_REFUSALS] = {
		.what = "refusals",
		.probes = &tw_verdict_probes,
		TW_HOOK_DISARM(TW_REFUSALS),
	},
};

/* Not at once: who registers and closes in a loop would have the text patched as often. */
static void tw_hook_disarm_soon(struct tw_hook_set *set)
{
	mod_delayed_work(tw_wq, &set->disarm, TW_DISARM_DELAY);
}

/* Without memory, once more a moment later. */
static void tw_hook_disable(struct tw_hook_set *set)
{
	lockdep_assert_held(&tw_hook_mutex);
	if (tw_probe_set_disable(set->probes))
		tw_hook_disarm_soon(set);
	WRITE_ONCE(set->armed, false);
}

static int tw_hook_enable(struct tw_hook_set *set)
{
	int err;

	lockdep_assert_held(&tw_hook_mutex);
	if (set->armed)
		return 0;
	err = set->enable ? set->enable() : tw_probe_set_enable(set->probes);
	if (err) {
		tw_hook_disarm_soon(set);
		return err;
	}
	WRITE_ONCE(set->armed, true);
	WRITE_ONCE(tw_hook_armings, tw_hook_armings + 1);
	return 0;
}

static void tw_hook_disarm_fn(struct work_struct *work)
{
	struct tw_hook_set *set = container_of(to_delayed_work(work), struct tw_hook_set, disarm);

	mutex_lock(&tw_hook_mutex);
	if (!set->users)
		tw_hook_disable(set);
	mutex_unlock(&tw_hook_mutex);
}

/* No probe is taken away any more on return. */
static void tw_hook_cancel_disarm(void)
{
	size_t kind;

	for (kind = 0; kind < TW_GAUGES; kind++)
		cancel_delayed_work_sync(&tw_hook_sets[kind].disarm);
}

/**
 * tw_hook_works() - can it be asked for?
 * @kind: what tw_hook_get() is to be called for
 *
 * Return: false if that would be refused, always.
 */
bool tw_hook_works(enum tw_gauge_kind kind)
{
	return !tw_hook_sets[kind].broken;
}

/**
 * tw_hook_get() - have each change of a gauge seen until tw_hook_put()
 * @kind: which, of all mounts
 *
 * Context: process.
 * Return: 0; -EIO after a line in the log, or -ENOMEM.
 */
int tw_hook_get(enum tw_gauge_kind kind)
{
	struct tw_hook_set *set = &tw_hook_sets[kind];
	bool armed;
	int err;

	mutex_lock(&tw_hook_mutex);
	armed = set->armed;
	/* those in place may have been switched off since, with all kprobes */
	if (tw_probe_set_is_kprobe(set->probes) && !tw_probe_kprobes_on())
		err = -EIO;
	else
		err = tw_hook_enable(set);
	if (!err)
		set->users++;
	if (!err && !armed)
		tw_hook_recheck_soon();
	mutex_unlock(&tw_hook_mutex);
	/* that is no fault of the probe's, and may be better in a moment */
	if (!err || err == -ENOMEM)
		return err;
	if (err == -EIO)
		pr_err_ratelimited("kprobes are switched off, and with them the hook: write 1 to kprobes/enabled in debugfs\n");
	else
		pr_err_ratelimited("cannot arm the probe of %s: error %d\n", set->what, err);
	return -EIO;
}

/**
 * tw_hook_put() - undo tw_hook_get()
 * @kind: as there
 *
 * The probes go a moment after the last user.
 * Context: process.
 */
void tw_hook_put(enum tw_gauge_kind kind)
{
	struct tw_hook_set *set = &tw_hook_sets[kind];

	mutex_lock(&tw_hook_mutex);
	if (!--set->users)
		tw_hook_disarm_soon(set);
	mutex_unlock(&tw_hook_mutex);
}

/**
 * tw_hook_info() - the hook in use
 * @info: set
 */
void tw_hook_info(struct tw_hook_info *info)
{
	const struct tw_probe *free = &tw_hook_alloc;
	size_t kind;

	if (READ_ONCE(tw_hook_redirected))
		free = &tw_hook_redirect;
	else if (tw_hook->free)
		free = &tw_hook_free;
	info->symbol = tw_hook_alloc.symbol;
	info->kind = tw_probe_kind_name(tw_hook_alloc.kind);
	info->free_symbol = free->symbol;
	info->free_kind = free == &tw_hook_redirect ? "redirect" :
						      tw_probe_kind_name(free->kind);
	info->armings = READ_ONCE(tw_hook_armings);
	info->armed = false;
	info->missed = 0;
	/* not under the mutex, which is held while text is patched */
	for (kind = 0; kind < TW_GAUGES; kind++) {
		info->armed |= READ_ONCE(tw_hook_sets[kind].armed);
		info->missed += tw_probe_set_missed(tw_hook_sets[kind].probes);
	}
}

/* ---- choice ---- */

static void tw_hook_unregister_redirect(void)
{
	if (!tw_hook_redirect.registered)
		return;
	tw_probe_unregister(&tw_hook_redirect);
	tw_hook_drain();
}

static void tw_hook_unregister(void)
{
	tw_hook_unregister_redirect();
	tw_probe_unregister(&tw_hook_uncharge);
	tw_probe_unregister(&tw_hook_free);
	tw_probe_unregister(&tw_hook_alloc);
}

static int tw_hook_register(enum tw_probe_kind kind)
{
	/* a function's return is no kind of its entry */
	enum tw_probe_kind entry = kind == TW_PROBE_FTRACE ? kind : TW_PROBE_KPROBE;
	bool redirect = tw_hook->redirect;
	int err;

	/* where one function serves both, both are seen by the kind that was asked for */
	if (TW_COMPAT_FREES_IN_RECALC && kind != TW_PROBE_FTRACE)
		redirect = false;
	tw_hook_frees_at_entry = !tw_hook->free;
	tw_hook_free_counts = tw_hook->free && strcmp(tw_hook->free, "shmem_recalc_inode");
	err = tw_probe_register(&tw_hook_alloc, tw_hook->alloc, kind);
	if (!err && tw_hook->free)
		err = tw_probe_register(&tw_hook_free, tw_hook->free,
					TW_PROBE_KRETPROBE);
	if (!err && tw_hook->uncharge)
		err = tw_probe_register(&tw_hook_uncharge, tw_hook->uncharge, entry);
	if (err) {
		tw_hook_unregister();
		return err;
	}
	/* it does without */
	if (redirect && !tw_probe_register(&tw_hook_redirect, tw_hook->redirect,
					   TW_PROBE_FTRACE))
		tw_hook_set_body(tw_hook_redirect.ip);
	return 0;
}

/* What is wrong with the hook as it can be armed now, or NULL. */
static const char *tw_hook_test(enum tw_gauge_kind kind)
{
	struct tw_hook_set *set = &tw_hook_sets[kind];
	const char *wrong = NULL;
	int err;

	mutex_lock(&tw_hook_mutex);
	err = tw_hook_enable(set);
	mutex_unlock(&tw_hook_mutex);
	if (err)
		wrong = err == -EIO ? "cannot be armed: kprobes are switched off" :
				      "cannot be armed";

	/* it may take long: not with the mutex held */
	if (!wrong)
		wrong = tw_selftest_run(kind);

	mutex_lock(&tw_hook_mutex);
	tw_hook_disable(set);
	mutex_unlock(&tw_hook_mutex);
	return wrong;
}

/*
 * Tries tw_hook; what was wrong, or NULL if it is registered and works, with the
 * redirection if that works, and always without, for when that cannot be had.
 */
static const char *tw_hook_try(enum tw_probe_kind kind)
{
	const char *wrong;

	if (tw_hook_register(kind))
		return "cannot be probed";
	if (tw_hook_redirect.registered && tw_hook_test(TW_BLOCKS))
		tw_hook_unregister_redirect();
	tw_hook_unredirected = true;
	wrong = tw_hook_test(TW_BLOCKS);
	tw_hook_unredirected = false;
	WRITE_ONCE(tw_hook_redirected, tw_hook_redirect.registered);
	if (wrong)
		tw_hook_unregister();
	return wrong;
}

/* Without these the module is of use still. */
static void tw_hook_try_more(enum tw_gauge_kind gauge, int (*find)(enum tw_probe_kind kind),
			     enum tw_probe_kind kind)
{
	struct tw_hook_set *set = &tw_hook_sets[gauge];
	const char *wrong = "cannot be probed";

	if (!find(kind))
		wrong = tw_hook_test(gauge);
	set->broken = wrong;
	if (!wrong)
		return;
	/* for what could not be taken away */
	cancel_delayed_work_sync(&set->disarm);
	tw_probe_set_unregister(set->probes);
	pr_warn("%s cannot be watched: what is probed for them %s\n", set->what, wrong);
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
	enum tw_probe_kind kind;
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
	/* for what could not be taken away */
	tw_hook_cancel_disarm();
	return -ENODEV;

found:
	kind = tw_hook_alloc.kind == TW_PROBE_FTRACE ? TW_PROBE_FTRACE : TW_PROBE_KPROBE;
	tw_hook_try_more(TW_INODES, tw_inodes_register, kind);
	tw_hook_try_more(TW_REFUSALS, tw_verdict_register, kind);
	tw_deferral_register(kind);
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
	tw_hook_cancel_disarm();
	tw_probe_unregister(&tw_deferral_probe);
	tw_probe_set_unregister(&tw_verdict_probes);
	tw_call_abandon();
	tw_probe_set_unregister(&tw_inodes_probes);
	tw_hook_unregister();
}
