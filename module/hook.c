// SPDX-License-Identifier: GPL-2.0
/*
 * The hook: where mm/shmem.c is probed.
 *
 * The handlers run on the way of each allocation and free of the machine's
 * shared memory. They find the superblock and leave the rest to
 * tw_look_check(). They may be called from a breakpoint, which x86 treats
 * as an NMI, and under info->lock: no lock, no sleeping, nothing that wakes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/utsname.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "hook.h"
#include "look.h"
#include "mount.h"
#include "proof.h"

/*
 * How long the probes stay after the last trigger has gone, so that a program
 * that registers and closes in a loop does not patch the kernel each time.
 */
#define TW_DISARM_DELAY		(HZ / 10)

/*
 * What gcc may have appended. It may have dropped other arguments then, but
 * the inode is the first, and is written through.
 */
static const char * const tw_hook_suffixes[] = { "", ".constprop.0", ".isra.0" };

char *tw_hook_symbol;

/* set by tw_hook_init(), and what is probed for it below */
static const struct tw_hook_candidate *tw_hook;

/* protects the two that follow; taken inside of a mount's mutex */
static DEFINE_MUTEX(tw_hook_mutex);
static unsigned int tw_hook_users;
static bool tw_hook_armed;

/* those whose symbols the candidate does not have stay without a name */
static struct kprobe tw_hook_entry;		/* alloc, unless alloc_returns */
static struct kretprobe tw_hook_alloc;		/* alloc, if alloc_returns */
static struct kretprobe tw_hook_free;		/* free */
static struct kprobe tw_hook_uncharge;		/* uncharge */
static char tw_hook_alloc_name[KSYM_NAME_LEN];
static char tw_hook_free_name[KSYM_NAME_LEN];
static char tw_hook_uncharge_name[KSYM_NAME_LEN];

/* frees have no probe of their own and are seen by tw_hook_on_entry() */
static bool tw_hook_frees_at_entry __read_mostly;

/* ---- handlers ---- */

static struct inode *tw_hook_inode(struct pt_regs *regs)
{
	return (struct inode *)regs_get_kernel_argument(regs, 0);
}

NOKPROBE_SYMBOL(tw_hook_inode);

static int tw_hook_on_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct inode *inode = tw_hook_inode(regs);

	tw_look_check(inode->i_sb,
		      tw_hook_frees_at_entry ? tw_compat_freeing(inode) : 0);
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_entry);

/* shmem_uncharge(inode, pages), which counts when it has let go of its lock */
static int tw_hook_on_uncharge(struct kprobe *probe, struct pt_regs *regs)
{
	tw_look_check(tw_hook_inode(regs)->i_sb,
		      regs_get_kernel_argument(regs, 1));
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_uncharge);

/* Keeps the superblock for the return. */
static int tw_hook_on_call(struct kretprobe_instance *instance,
			   struct pt_regs *regs)
{
	*(struct super_block **)instance->data = tw_hook_inode(regs)->i_sb;
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_call);

static int tw_hook_on_alloc(struct kretprobe_instance *instance,
			    struct pt_regs *regs)
{
	/* an int: nonzero if nothing was allocated */
	if (!(int)regs_return_value(regs))
		tw_look_check(*(struct super_block **)instance->data, 0);
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_alloc);

static int tw_hook_on_free(struct kretprobe_instance *instance,
			   struct pt_regs *regs)
{
	tw_look_check(*(struct super_block **)instance->data, 0);
	return 0;
}

NOKPROBE_SYMBOL(tw_hook_on_free);

/* ---- arming ---- */

static int tw_hook_enable_alloc(void)
{
	return tw_hook->alloc_returns ? enable_kretprobe(&tw_hook_alloc) :
					enable_kprobe(&tw_hook_entry);
}

static void tw_hook_disable(void)
{
	lockdep_assert_held(&tw_hook_mutex);
	/* what is disabled already, or was never enabled, stays so */
	if (tw_hook->alloc_returns)
		disable_kretprobe(&tw_hook_alloc);
	else
		disable_kprobe(&tw_hook_entry);
	if (tw_hook->free)
		disable_kretprobe(&tw_hook_free);
	if (tw_hook->uncharge)
		disable_kprobe(&tw_hook_uncharge);
	tw_hook_armed = false;
}

static int tw_hook_enable(void)
{
	int err = 0;

	lockdep_assert_held(&tw_hook_mutex);
	if (tw_hook_armed)
		return 0;
	if (tw_hook->uncharge)
		err = enable_kprobe(&tw_hook_uncharge);
	if (!err && tw_hook->free)
		err = enable_kretprobe(&tw_hook_free);
	if (!err)
		err = tw_hook_enable_alloc();
	if (err)
		tw_hook_disable();
	else
		tw_hook_armed = true;
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
 * was armed, and have counted what it freed after the first trigger looked at
 * the usage. Once each has been seen outside, or asleep (which it is there for
 * the sake of quotas alone), look again.
 */
static void tw_hook_relook_fn(struct work_struct *work)
{
	synchronize_rcu_tasks();
	tw_mount_rescan();
}

static DECLARE_WORK(tw_hook_relook, tw_hook_relook_fn);

/**
 * tw_hook_get() - have each allocation and free seen until tw_hook_put()
 *
 * Context: process.
 * Return: 0, or -EIO after a line in the log.
 */
int tw_hook_get(void)
{
	bool relook;
	int err;

	mutex_lock(&tw_hook_mutex);
	relook = !tw_hook_armed;
	err = tw_hook_enable();
	if (!err)
		tw_hook_users++;
	if (!err && relook)
		queue_work(tw_wq, &tw_hook_relook);
	mutex_unlock(&tw_hook_mutex);
	if (!err)
		return 0;
	pr_err_ratelimited("cannot arm the probe of %s: error %d\n",
			   tw_hook_alloc_name, err);
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
	mutex_lock(&tw_hook_mutex);
	info->symbol = tw_hook_alloc_name;
	info->kind = tw_hook->alloc_returns ? "kretprobe" : "kprobe";
	info->free_symbol = tw_hook->free ? tw_hook_free_name : info->symbol;
	info->free_kind = tw_hook->free ? "kretprobe" : info->kind;
	info->armed = tw_hook_armed;
	info->missed = tw_hook_entry.nmissed + tw_hook_uncharge.nmissed +
		       tw_hook_alloc.nmissed + tw_hook_alloc.kp.nmissed +
		       tw_hook_free.nmissed + tw_hook_free.kp.nmissed;
	mutex_unlock(&tw_hook_mutex);
}

/* ---- registration ---- */

static int tw_hook_register_entry(struct kprobe *probe, const char *symbol,
				  kprobe_pre_handler_t handler)
{
	int err;

	memset(probe, 0, sizeof(*probe));
	probe->symbol_name = symbol;
	probe->flags = KPROBE_FLAG_DISABLED;
	probe->pre_handler = handler;
	err = register_kprobe(probe);
	if (err)
		probe->symbol_name = NULL;
	return err;
}

static int tw_hook_register_return(struct kretprobe *probe, const char *symbol,
				   kretprobe_handler_t handler)
{
	int err;

	memset(probe, 0, sizeof(*probe));
	probe->kp.symbol_name = symbol;
	probe->kp.flags = KPROBE_FLAG_DISABLED;
	probe->entry_handler = tw_hook_on_call;
	probe->handler = handler;
	probe->data_size = sizeof(struct super_block *);
	/* one for each task that may sleep or be preempted in the function */
	probe->maxactive = 64 + 4 * num_possible_cpus();
	err = register_kretprobe(probe);
	if (err)
		probe->kp.symbol_name = NULL;
	return err;
}

static int tw_hook_register_alloc(const char *symbol)
{
	if (tw_hook->alloc_returns)
		return tw_hook_register_return(&tw_hook_alloc, symbol,
					       tw_hook_on_alloc);
	return tw_hook_register_entry(&tw_hook_entry, symbol, tw_hook_on_entry);
}

static int tw_hook_register_free(const char *symbol)
{
	return tw_hook_register_return(&tw_hook_free, symbol, tw_hook_on_free);
}

static int tw_hook_register_uncharge(const char *symbol)
{
	return tw_hook_register_entry(&tw_hook_uncharge, symbol,
				      tw_hook_on_uncharge);
}

/* Registers @symbol as it is or as gcc has renamed it; @name is set. */
static int tw_hook_register_any(int (*register_one)(const char *symbol),
				const char *symbol, char *name)
{
	int err = -ENOENT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tw_hook_suffixes) && err; i++) {
		snprintf(name, KSYM_NAME_LEN, "%s%s", symbol,
			 tw_hook_suffixes[i]);
		err = register_one(name);
	}
	if (err)
		strscpy(name, symbol, KSYM_NAME_LEN);
	return err;
}

static void tw_hook_unregister(void)
{
	/* what is not registered has no name */
	if (tw_hook_uncharge.symbol_name)
		unregister_kprobe(&tw_hook_uncharge);
	if (tw_hook_free.kp.symbol_name)
		unregister_kretprobe(&tw_hook_free);
	if (tw_hook_alloc.kp.symbol_name)
		unregister_kretprobe(&tw_hook_alloc);
	if (tw_hook_entry.symbol_name)
		unregister_kprobe(&tw_hook_entry);
	tw_hook_armed = false;
}

static int tw_hook_register(void)
{
	int err;

	tw_hook_entry.symbol_name = NULL;
	tw_hook_alloc.kp.symbol_name = NULL;
	tw_hook_free.kp.symbol_name = NULL;
	tw_hook_uncharge.symbol_name = NULL;
	tw_hook_frees_at_entry = !tw_hook->free;
	err = tw_hook_register_any(tw_hook_register_alloc, tw_hook->alloc,
				   tw_hook_alloc_name);
	if (!err && tw_hook->free)
		err = tw_hook_register_any(tw_hook_register_free, tw_hook->free,
					   tw_hook_free_name);
	if (!err && tw_hook->uncharge)
		err = tw_hook_register_any(tw_hook_register_uncharge,
					   tw_hook->uncharge,
					   tw_hook_uncharge_name);
	if (err)
		tw_hook_unregister();
	return err;
}

/* ---- choice ---- */

/* Tries tw_hook; what was wrong, or NULL if it is registered and works. */
static const char *tw_hook_try(void)
{
	const char *wrong = NULL;

	if (tw_hook_register())
		return "cannot be probed";
	mutex_lock(&tw_hook_mutex);
	if (tw_hook_enable())
		wrong = "cannot be armed";
	mutex_unlock(&tw_hook_mutex);

	/* takes a mount's mutex, inside which tw_hook_get() is called */
	if (!wrong)
		wrong = tw_proof_run();

	mutex_lock(&tw_hook_mutex);
	tw_hook_disable();
	mutex_unlock(&tw_hook_mutex);
	if (wrong)
		tw_hook_unregister();
	return wrong;
}

/**
 * tw_hook_init() - find a place to probe, and prove that it works
 *
 * Return: 0, or a negative errno after one line in the log that says what was
 * tried and what was wrong.
 */
int tw_hook_init(void)
{
	const struct tw_hook_candidate *candidate;
	const char *wrong;
	char tried[256] = "";
	unsigned int i;
	size_t len = 0;

	for (i = 0; (candidate = tw_compat_hook_candidate(i)); i++) {
		tw_hook = candidate;
		if (tw_hook_symbol && strcmp(tw_hook_symbol, tw_hook->alloc))
			continue;
		wrong = tw_hook_try();
		if (!wrong)
			break;
		len += scnprintf(tried + len, sizeof(tried) - len, "; %s%s%s %s",
				 tw_hook->alloc, tw_hook->free ? " with " : "",
				 tw_hook->free ?: "", wrong);
	}

	if (!candidate) {
		if (!len)
			pr_err("no hook on the symbol %s: see the parameter hook_symbol\n",
			       tw_hook_symbol);
		else
			pr_err("no usable hook on Linux %s: %s\n",
			       init_utsname()->release, tried + 2);
		return -ENODEV;
	}
	pr_info("watching %s (%s) on Linux %s\n", tw_hook_alloc_name,
		tw_hook->alloc_returns ? "kretprobe" : "kprobe",
		init_utsname()->release);
	return 0;
}

/**
 * tw_hook_stop() - ask for no more looks
 *
 * Nobody can call tw_hook_get() any more.
 */
void tw_hook_stop(void)
{
	cancel_work_sync(&tw_hook_relook);
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
