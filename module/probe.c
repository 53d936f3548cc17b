// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: a function of the kernel, and what is called when it is.
 *
 * A probe is registered without being armed, so that what can go wrong for good
 * goes wrong at load, and armed and disarmed as often as needed after that. None
 * of its handlers runs any more when tw_probe_unregister() has returned:
 * unregister_kprobe(), unregister_kretprobe() and unregister_ftrace_function()
 * wait for those that do. When tw_probe_disable() has returned one may still run.
 *
 * A callback of ftrace costs a third of a kprobe, which goes through ftrace,
 * too, where it can. It is called with no protection against recursion, and
 * needs none: each is called for one function alone, which no handler calls.
 */
#include <linux/string.h>

#include "probe.h"

/*
 * What gcc may have appended to a name. It may have dropped other arguments
 * then; the selftest at load shows whether what the handlers read is still there.
 */
static const char * const tw_probe_suffixes[] = { "", ".constprop.0", ".isra.0" };

static const char * const tw_probe_kind_names[] = {
	[TW_PROBE_FTRACE] = "ftrace",
	[TW_PROBE_KPROBE] = "kprobe",
	[TW_PROBE_KRETPROBE] = "kretprobe",
};

/* ---- ftrace ---- */

/*
 * The address of a function, which a kprobe gets that is registered but never armed: that
 * of its call of ftrace, if kprobes are made of these; @exact says whether it is.
 */
static int __maybe_unused tw_probe_find(const char *symbol, unsigned long *ip, bool *exact)
{
	struct kprobe kprobe = {
		.symbol_name = symbol,
		.flags = KPROBE_FLAG_DISABLED,
	};
	int err = register_kprobe(&kprobe);

	if (err)
		return err;
	*ip = (unsigned long)kprobe.addr;
	*exact = kprobe.flags & KPROBE_FLAG_FTRACE;
	unregister_kprobe(&kprobe);
	return 0;
}

#ifdef CONFIG_DYNAMIC_FTRACE
/**
 * tw_probe_set_filter() - have a callback of ftrace called for one function alone
 * @ops: not registered; tw_compat_ftrace_free_filter() undoes it
 * @symbol: the function, by the name that the compiler gave it
 *
 * Not by ftrace_set_filter(), which compares that with the name of each function
 * of the kernel; and which, where it then finds no memory for the one, returns 0
 * and leaves the filter empty, which stands for all functions there are.
 *
 * Context: process.
 * Return: 0, or a negative errno.
 */
int tw_probe_set_filter(struct ftrace_ops *ops, const char *symbol)
{
	unsigned long ip;
	bool exact;
	int err = tw_probe_find(symbol, &ip, &exact);

	return err ?: tw_compat_ftrace_set_filter(ops, ip);
}
#endif

#ifdef TW_COMPAT_FTRACE
/*
 * Nobody calls this. It is where the callbacks of probes that are not enabled are parked:
 * to take one off a function for good, unregister_ftrace_function() waits, with a lock
 * of ftrace held, until each task of the machine has been seen outside of traced code.
 * To have it called for another function instead is one patching of text, as is the way back.
 */
static noinline __noclone __used void tw_probe_parked(void)
{
	barrier();
}

static int tw_probe_register_ftrace(struct tw_probe *probe)
{
	struct ftrace_ops *ops = &probe->ftrace;
	bool exact;
	int err;

	memset(ops, 0, sizeof(*ops));
	ops->func = probe->handlers->ftrace;
	ops->flags = TW_COMPAT_FTRACE_FLAGS;
	if (probe->redirects)
		ops->flags |= FTRACE_OPS_FL_IPMODIFY;
	err = tw_probe_find(probe->symbol, &probe->ip, &exact);
	if (err)
		return err;
	if (probe->redirects && (!TW_COMPAT_REDIRECT || (!exact && !TW_COMPAT_REDIRECT_AGAIN)))
		return -EOPNOTSUPP;
	/* the first to see whether it can be traced */
	err = tw_compat_ftrace_set_filter(ops, probe->ip);
	if (!err)
		err = tw_compat_ftrace_set_filter(ops, (unsigned long)tw_probe_parked);
	if (!err)
		err = register_ftrace_function(ops);
	if (err)
		tw_compat_ftrace_free_filter(ops);
	else
		probe->live = true;
	return err;
}

static void tw_probe_unlive_ftrace(struct tw_probe *probe)
{
	/* or the callback may still be called when the module is gone */
	if (probe->live)
		WARN_ON_ONCE(unregister_ftrace_function(&probe->ftrace));
	probe->live = false;
}

static void tw_probe_unregister_ftrace(struct tw_probe *probe)
{
	tw_probe_unlive_ftrace(probe);
	tw_compat_ftrace_free_filter(&probe->ftrace);
}

static int tw_probe_enable_ftrace(struct tw_probe *probe)
{
	int err;

	/*
	 * A BPF program that waits for a function's return calls the function itself, behind
	 * its call of ftrace, and with it past a redirection, unless it is asked to share. That is
	 * done where it comes later, and by register_ftrace_function(), but not where a
	 * filter is changed. So where somebody traces the function this waits, see above.
	 */
	if (probe->redirects && tw_compat_ftrace_attached(probe->ip))
		tw_probe_unlive_ftrace(probe);
	err = tw_compat_ftrace_set_filter(&probe->ftrace, probe->ip);
	if (!err && !probe->live) {
		err = register_ftrace_function(&probe->ftrace);
		probe->live = !err;
	}
	return err;
}

static int tw_probe_disable_ftrace(struct tw_probe *probe)
{
	return tw_compat_ftrace_set_filter(&probe->ftrace, (unsigned long)tw_probe_parked);
}
#else
static int tw_probe_register_ftrace(struct tw_probe *probe)
{
	return -EOPNOTSUPP;
}

static void tw_probe_unregister_ftrace(struct tw_probe *probe)
{
}

static int tw_probe_enable_ftrace(struct tw_probe *probe)
{
	return -EOPNOTSUPP;
}

static int tw_probe_disable_ftrace(struct tw_probe *probe)
{
	return 0;
}
#endif

/* ---- kprobes ---- */

/*
 * A kprobe on a function of our own, there from when the first other one is enabled: kprobes
 * that are made of callbacks of ftrace have one in common, and when the last kprobe is
 * disabled the kernel waits as for any callback, see tw_probe_parked(). It is hit on purpose,
 * too: nothing else tells whether kprobes are switched off (debugfs kprobes/enabled).
 */
static bool tw_probe_own_hit;

static noinline __noclone __used void tw_probe_own(void)
{
	barrier();
}

static int tw_probe_on_own(struct kprobe *kprobe, struct pt_regs *regs)
{
	WRITE_ONCE(tw_probe_own_hit, true);
	return 0;
}

NOKPROBE_SYMBOL(tw_probe_on_own);

static struct kprobe tw_probe_keep = {
	.addr = (kprobe_opcode_t *)tw_probe_own,
	.pre_handler = tw_probe_on_own,
};

static bool tw_probe_kept;

static int tw_probe_keep_kprobes(void)
{
	int err;

	if (tw_probe_kept)
		return 0;
	/* one that was registered before comes back disabled */
	tw_probe_keep.flags = 0;
	err = register_kprobe(&tw_probe_keep);
	tw_probe_kept = !err;
	return err;
}

static int tw_probe_register_kprobe(struct tw_probe *probe)
{
	memset(&probe->kprobe, 0, sizeof(probe->kprobe));
	probe->kprobe.symbol_name = probe->symbol;
	probe->kprobe.flags = KPROBE_FLAG_DISABLED;
	probe->kprobe.pre_handler = probe->handlers->kprobe;
	return register_kprobe(&probe->kprobe);
}

static int tw_probe_register_kretprobe(struct tw_probe *probe)
{
	struct kretprobe *kretprobe = &probe->kretprobe;

	memset(kretprobe, 0, sizeof(*kretprobe));
	kretprobe->kp.symbol_name = probe->symbol;
	kretprobe->kp.flags = KPROBE_FLAG_DISABLED;
	kretprobe->entry_handler = probe->handlers->call;
	kretprobe->handler = probe->handlers->ret;
	kretprobe->data_size = probe->handlers->data_size;
	/* one for each task that may sleep or be preempted in the function */
	kretprobe->maxactive = 64 + 4 * num_possible_cpus();
	return register_kretprobe(kretprobe);
}

/* enable_kprobe() says so where kprobes are switched off, and leaves it disabled for good. */
static int tw_probe_enable_kprobe(struct kprobe *kprobe)
{
	int err = tw_probe_keep_kprobes();

	if (!err)
		err = enable_kprobe(kprobe);
	if (err || tw_probe_kprobes_on())
		return err;
	disable_kprobe(kprobe);
	return -EIO;
}

/**
 * tw_probe_kprobes_on() - are kprobes switched on, as far as any of ours is enabled?
 *
 * Context: process; one caller at a time.
 */
bool tw_probe_kprobes_on(void)
{
	if (!tw_probe_kept)
		return true;
	WRITE_ONCE(tw_probe_own_hit, false);
	tw_probe_own();
	return READ_ONCE(tw_probe_own_hit);
}

/**
 * tw_probe_exit() - no probe is registered, nor will be
 */
void tw_probe_exit(void)
{
	if (tw_probe_kept)
		unregister_kprobe(&tw_probe_keep);
	tw_probe_kept = false;
}

/* ---- all kinds ---- */

static int tw_probe_register_one(struct tw_probe *probe)
{
	switch (probe->kind) {
	case TW_PROBE_FTRACE:
		return tw_probe_register_ftrace(probe);
	case TW_PROBE_KPROBE:
		return tw_probe_register_kprobe(probe);
	case TW_PROBE_KRETPROBE:
		return tw_probe_register_kretprobe(probe);
	}
	return -EINVAL;
}

/**
 * tw_probe_register() - find a function and prepare to probe it
 * @probe: not registered, with @handlers set
 * @symbol: name of the function, in its source
 * @kind: how
 *
 * Context: process.
 * Return: 0, or a negative errno.
 */
int tw_probe_register(struct tw_probe *probe, const char *symbol,
		      enum tw_probe_kind kind)
{
	int err = -ENOENT;
	size_t i;

	probe->kind = kind;
	for (i = 0; i < ARRAY_SIZE(tw_probe_suffixes) && err && err != -ENOMEM;
	     i++) {
		snprintf(probe->symbol, sizeof(probe->symbol), "%s%s", symbol,
			 tw_probe_suffixes[i]);
		err = tw_probe_register_one(probe);
		if (probe->plain)
			break;
	}
	probe->registered = !err;
	return err;
}

/**
 * tw_probe_unregister() - undo tw_probe_register()
 * @probe: may not be registered
 *
 * No handler of it runs on return.
 * Context: process.
 */
void tw_probe_unregister(struct tw_probe *probe)
{
	if (!probe->registered)
		return;
	switch (probe->kind) {
	case TW_PROBE_FTRACE:
		tw_probe_unregister_ftrace(probe);
		break;
	case TW_PROBE_KPROBE:
		unregister_kprobe(&probe->kprobe);
		break;
	case TW_PROBE_KRETPROBE:
		unregister_kretprobe(&probe->kretprobe);
		break;
	}
	probe->registered = false;
	probe->enabled = false;
}

/**
 * tw_probe_enable() - have the handlers called
 * @probe: may not be registered, then nothing happens, or be enabled already
 *
 * Context: process.
 * Return: 0, or a negative errno: -EBUSY for one that redirects a function which is
 * livepatched, -EIO where kprobes are switched off.
 */
int tw_probe_enable(struct tw_probe *probe)
{
	int err = 0;

	if (!probe->registered || probe->enabled)
		return 0;
	switch (probe->kind) {
	case TW_PROBE_FTRACE:
		err = tw_probe_enable_ftrace(probe);
		break;
	case TW_PROBE_KPROBE:
		err = tw_probe_enable_kprobe(&probe->kprobe);
		break;
	case TW_PROBE_KRETPROBE:
		err = tw_probe_enable_kprobe(&probe->kretprobe.kp);
		break;
	}
	probe->enabled = !err;
	return err;
}

/**
 * tw_probe_disable() - undo tw_probe_enable()
 * @probe: may not be enabled
 *
 * A handler may still run on return.
 *
 * Context: process.
 * Return: 0, or a negative errno, -ENOMEM for one: then it is enabled still.
 */
int tw_probe_disable(struct tw_probe *probe)
{
	int err = 0;

	if (!probe->enabled)
		return 0;
	switch (probe->kind) {
	case TW_PROBE_FTRACE:
		err = tw_probe_disable_ftrace(probe);
		break;
	case TW_PROBE_KPROBE:
		err = disable_kprobe(&probe->kprobe);
		break;
	case TW_PROBE_KRETPROBE:
		err = disable_kretprobe(&probe->kretprobe);
		break;
	}
	probe->enabled = err;
	return err;
}

/**
 * tw_probe_kind_name() - a kind in a word
 * @kind: the kind
 *
 * Return: as in the file stats.
 */
const char *tw_probe_kind_name(enum tw_probe_kind kind)
{
	return tw_probe_kind_names[kind];
}

/* ---- sets ---- */

/**
 * tw_probe_set_unregister() - tw_probe_unregister() for all of a set, the last one first
 * @set: the set
 *
 * Context: process.
 */
void tw_probe_set_unregister(const struct tw_probe_set *set)
{
	size_t i = set->nr;

	while (i--)
		tw_probe_unregister(set->probes[i]);
}

/**
 * tw_probe_set_enable() - tw_probe_enable() for all of a set
 * @set: the set
 *
 * Context: process; one caller at a time of this and the next.
 * Return: 0, or as tw_probe_enable(): then tw_probe_set_disable() is due.
 */
int tw_probe_set_enable(const struct tw_probe_set *set)
{
	int err = 0;
	size_t i;

	for (i = 0; i < set->nr && !err; i++)
		err = tw_probe_enable(set->probes[i]);
	return err;
}

/**
 * tw_probe_set_disable() - tw_probe_disable() for all of a set
 * @set: the set
 *
 * Context: process.
 * Return: 0, or a negative errno if some are in place still.
 */
int tw_probe_set_disable(const struct tw_probe_set *set)
{
	int err = 0;
	size_t i;

	for (i = 0; i < set->nr; i++)
		err = tw_probe_disable(set->probes[i]) ?: err;
	return err;
}

/**
 * tw_probe_set_is_kprobe() - is one of a set enabled, and made of a kprobe?
 * @set: the set
 *
 * Return: that.
 */
bool tw_probe_set_is_kprobe(const struct tw_probe_set *set)
{
	size_t i;

	for (i = 0; i < set->nr; i++) {
		if (set->probes[i]->enabled && set->probes[i]->kind != TW_PROBE_FTRACE)
			return true;
	}
	return false;
}

/**
 * tw_probe_set_missed() - calls of a set's functions that the kernel did not report
 * @set: the set
 *
 * Return: their number since they were registered; ftrace counts none.
 */
unsigned long tw_probe_set_missed(const struct tw_probe_set *set)
{
	unsigned long missed = 0;
	size_t i;

	for (i = 0; i < set->nr; i++) {
		const struct tw_probe *probe = set->probes[i];

		missed += probe->kprobe.nmissed + probe->kretprobe.nmissed +
			  probe->kretprobe.kp.nmissed;
	}
	return missed;
}
