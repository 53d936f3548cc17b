// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: a function of the kernel, and what is called when it is.
 *
 * A probe is registered without being armed, so that what can go wrong for good
 * goes wrong at load, and armed and disarmed as often as needed after that, with
 * no wait for other tasks. None
 * of its handlers runs any more when tw_probe_unregister() has returned:
 * unregister_kprobe(), unregister_kretprobe() and unregister_ftrace_function()
 * wait for those that do.
 *
 * A callback of ftrace costs a third of a kprobe, which goes through ftrace,
 * too, where it can. It is called with no protection against recursion, and
 * needs none: each is called for one function alone, which no handler calls.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
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
	[TW_PROBE_REDIRECT] = "redirect",
	[TW_PROBE_REDIRECT_KPROBE] = "redirect",
};

/* ---- parked ---- */

/*
 * To unregister a callback of ftrace is to wait for all tasks of the machine, with ftrace's own
 * lock held. So a probe that is not armed stays registered, and waits at a function that nobody
 * calls: to arm it and to disarm it are to patch the kernel's text once each. A kprobe is one
 * of ftrace's callbacks where it can be, which kprobes unregisters with the last kprobe of its
 * kind: one that is always armed, at such a function, keeps it.
 */
static noinline void tw_probe_parked(void)
{
	asm volatile("" : : "i" (0)); /* not the same function as the next */
}

static noinline void tw_probe_parked_redirect(void)
{
	asm volatile("nop");
}

/* ---- ftrace ---- */

#ifdef CONFIG_DYNAMIC_FTRACE
/* The address of a function, which a kprobe gets that is registered but never armed. */
static int tw_probe_find(const char *symbol, unsigned long *ip)
{
	struct kprobe kprobe = {
		.symbol_name = symbol,
		.flags = KPROBE_FLAG_DISABLED,
	};
	int err = register_kprobe(&kprobe);

	if (err)
		return err;
	*ip = (unsigned long)kprobe.addr;
	unregister_kprobe(&kprobe);
	return 0;
}

/**
 * tw_probe_set_filter() - have a callback of ftrace called for one function alone
 * @ops: not registered; tw_compat_ftrace_free_filter() undoes it
 * @symbol: the function, by the name that the compiler gave it
 * @ip: set to its address, or to that of the call of ftrace in it
 *
 * Not by ftrace_set_filter(), which compares that with the name of each function
 * of the kernel; and which, where it then finds no memory for the one, returns 0
 * and leaves the filter empty, which stands for all functions there are.
 *
 * Context: process.
 * Return: 0, or a negative errno.
 */
int tw_probe_set_filter(struct ftrace_ops *ops, const char *symbol,
			unsigned long *ip)
{
	int err = tw_probe_find(symbol, ip);

	return err ?: tw_compat_ftrace_set_filter(ops, *ip);
}
#endif

/* What to call to have a function run whose caller was sent elsewhere. */
static unsigned long tw_probe_body(unsigned long ip)
{
#if defined(TW_COMPAT_REDIRECT) && !defined(TW_COMPAT_REDIRECT_AGAIN)
	return ip + MCOUNT_INSN_SIZE;
#else
	return ip;
#endif
}

#ifdef TW_COMPAT_FTRACE
static int tw_probe_disable_ftrace(struct tw_probe *probe);

static int tw_probe_register_ftrace(struct tw_probe *probe)
{
	int err;

	if (!probe->handlers->ftrace)
		return -EOPNOTSUPP;
	memset(&probe->ftrace, 0, sizeof(probe->ftrace));
	probe->ftrace.func = probe->handlers->ftrace;
	probe->ftrace.flags = TW_COMPAT_FTRACE_FLAGS;
	if (probe->kind == TW_PROBE_REDIRECT)
		probe->ftrace.flags |= FTRACE_OPS_FL_IPMODIFY;
	/* is it there, and does ftrace know it? */
	err = tw_probe_set_filter(&probe->ftrace, probe->symbol, &probe->ip);
	if (!err)
		err = tw_probe_disable_ftrace(probe);
	if (!err)
		err = register_ftrace_function(&probe->ftrace);
	if (err)
		tw_compat_ftrace_free_filter(&probe->ftrace);
	else
		probe->body = tw_probe_body(probe->ip);
	return err;
}

static void tw_probe_unregister_ftrace(struct tw_probe *probe)
{
	/* or the callback may still be called when the module is gone */
	WARN_ON_ONCE(unregister_ftrace_function(&probe->ftrace));
	tw_compat_ftrace_free_filter(&probe->ftrace);
}

static int tw_probe_enable_ftrace(struct tw_probe *probe)
{
	return tw_compat_ftrace_set_filter(&probe->ftrace, probe->ip);
}

static int tw_probe_disable_ftrace(struct tw_probe *probe)
{
	return tw_compat_ftrace_set_filter(&probe->ftrace,
					   (unsigned long)tw_probe_parked);
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

static int tw_probe_register_kprobe(struct tw_probe *probe)
{
	memset(&probe->kprobe, 0, sizeof(probe->kprobe));
	probe->kprobe.symbol_name = probe->symbol;
	probe->kprobe.flags = KPROBE_FLAG_DISABLED;
	probe->kprobe.pre_handler = probe->handlers->kprobe;
	return register_kprobe(&probe->kprobe);
}

static int tw_probe_park(struct kprobe *kprobe, struct pt_regs *regs)
{
	return 0;
}

NOKPROBE_SYMBOL(tw_probe_park);

/*
 * Not called where the handler redirects. That there is one has kprobes tell ftrace that the
 * function may be redirected, which no two may do.
 */
static void tw_probe_post(struct kprobe *kprobe, struct pt_regs *regs,
			  unsigned long flags)
{
}

NOKPROBE_SYMBOL(tw_probe_post);

/* those that keep kprobes' callbacks of ftrace registered; changed at load and unload alone */
static struct tw_probe_anchor {
	struct kprobe kprobe;
	unsigned int users;
} tw_probe_anchors[2];

static int tw_probe_get_anchor(bool redirect)
{
	struct tw_probe_anchor *anchor = &tw_probe_anchors[redirect];
	int err = 0;

	if (!anchor->users) {
		memset(&anchor->kprobe, 0, sizeof(anchor->kprobe));
		anchor->kprobe.addr = redirect ? (void *)tw_probe_parked_redirect :
						 (void *)tw_probe_parked;
		anchor->kprobe.pre_handler = tw_probe_park;
		if (redirect)
			anchor->kprobe.post_handler = tw_probe_post;
		err = register_kprobe(&anchor->kprobe);
	}
	if (!err)
		anchor->users++;
	return err;
}

static void tw_probe_put_anchor(bool redirect)
{
	struct tw_probe_anchor *anchor = &tw_probe_anchors[redirect];

	if (!--anchor->users)
		unregister_kprobe(&anchor->kprobe);
}

#ifdef TW_COMPAT_REDIRECT_KPROBE

static int tw_probe_register_redirect(struct tw_probe *probe)
{
	struct kprobe *kprobe = &probe->kprobe;
	int err;

	if (!probe->handlers->kprobe)
		return -EOPNOTSUPP;
	memset(kprobe, 0, sizeof(*kprobe));
	kprobe->symbol_name = probe->symbol;
	kprobe->flags = KPROBE_FLAG_DISABLED;
	kprobe->pre_handler = probe->handlers->kprobe;
	kprobe->post_handler = tw_probe_post;
	err = register_kprobe(kprobe);
	/* behind a breakpoint there is nothing that can be called */
	if (!err && !kprobe_ftrace(kprobe)) {
		unregister_kprobe(kprobe);
		err = -EOPNOTSUPP;
	}
	if (!err)
		probe->body = tw_probe_body((unsigned long)kprobe->addr);
	return err;
}
#else
static int tw_probe_register_redirect(struct tw_probe *probe)
{
	return -EOPNOTSUPP;
}
#endif

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

/* ---- all kinds ---- */

static int tw_probe_register_one(struct tw_probe *probe)
{
	switch (probe->kind) {
	case TW_PROBE_FTRACE:
	case TW_PROBE_REDIRECT:
		return tw_probe_register_ftrace(probe);
	case TW_PROBE_KPROBE:
		return tw_probe_register_kprobe(probe);
	case TW_PROBE_KRETPROBE:
		return tw_probe_register_kretprobe(probe);
	case TW_PROBE_REDIRECT_KPROBE:
		return tw_probe_register_redirect(probe);
	}
	return -EINVAL;
}

static void tw_probe_unregister_one(struct tw_probe *probe)
{
	switch (probe->kind) {
	case TW_PROBE_FTRACE:
	case TW_PROBE_REDIRECT:
		tw_probe_unregister_ftrace(probe);
		break;
	case TW_PROBE_KPROBE:
	case TW_PROBE_REDIRECT_KPROBE:
		unregister_kprobe(&probe->kprobe);
		break;
	case TW_PROBE_KRETPROBE:
		unregister_kretprobe(&probe->kretprobe);
		break;
	}
}

static bool tw_probe_is_kprobe(enum tw_probe_kind kind)
{
	return kind != TW_PROBE_FTRACE && kind != TW_PROBE_REDIRECT;
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
		/* what the compiler made of it may have other arguments than its substitute */
		if (kind == TW_PROBE_REDIRECT || kind == TW_PROBE_REDIRECT_KPROBE)
			break;
	}
	if (!err && tw_probe_is_kprobe(kind)) {
		err = tw_probe_get_anchor(kind == TW_PROBE_REDIRECT_KPROBE);
		if (err)
			tw_probe_unregister_one(probe);
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
	tw_probe_unregister_one(probe);
	if (tw_probe_is_kprobe(probe->kind))
		tw_probe_put_anchor(probe->kind == TW_PROBE_REDIRECT_KPROBE);
	probe->enabled = false;
	probe->registered = false;
}

/**
 * tw_probe_enable() - have the handlers called
 * @probe: may not be registered, then nothing happens, or be enabled already
 *
 * Context: process.
 * Return: 0, or a negative errno.
 */
int tw_probe_enable(struct tw_probe *probe)
{
	int err = 0;

	if (!probe->registered || probe->enabled)
		return 0;
	switch (probe->kind) {
	case TW_PROBE_FTRACE:
	case TW_PROBE_REDIRECT:
		err = tw_probe_enable_ftrace(probe);
		break;
	case TW_PROBE_KPROBE:
	case TW_PROBE_REDIRECT_KPROBE:
		err = enable_kprobe(&probe->kprobe);
		break;
	case TW_PROBE_KRETPROBE:
		err = enable_kretprobe(&probe->kretprobe);
		break;
	}
	WRITE_ONCE(probe->enabled, !err);
	/* while kprobes are switched off that returns 0, and leaves them disabled for good */
	if (!err && ((probe->kprobe.addr && kprobe_disabled(&probe->kprobe)) ||
		     (probe->kretprobe.kp.addr && kprobe_disabled(&probe->kretprobe.kp)))) {
		pr_err_ratelimited("kprobes are switched off: write 1 to /sys/kernel/debug/kprobes/enabled\n");
		tw_probe_disable(probe);
		err = -EIO;
	}
	return err;
}

/**
 * tw_probe_disable() - undo tw_probe_enable()
 * @probe: may not be enabled
 *
 * Context: process.
 * Return: 0, or -ENOMEM, with the probe as it was.
 */
int tw_probe_disable(struct tw_probe *probe)
{
	int err = 0;

	if (!probe->enabled)
		return 0;
	switch (probe->kind) {
	case TW_PROBE_FTRACE:
	case TW_PROBE_REDIRECT:
		err = tw_probe_disable_ftrace(probe);
		break;
	case TW_PROBE_KPROBE:
	case TW_PROBE_REDIRECT_KPROBE:
		disable_kprobe(&probe->kprobe);
		break;
	case TW_PROBE_KRETPROBE:
		disable_kretprobe(&probe->kretprobe);
		break;
	}
	if (!err)
		WRITE_ONCE(probe->enabled, false);
	return err;
}

/**
 * tw_probe_missed() - calls of the function that the kernel did not report
 * @probe: the probe
 *
 * Return: their number since it was registered; ftrace counts none.
 */
unsigned long tw_probe_missed(const struct tw_probe *probe)
{
	return probe->kprobe.nmissed + probe->kretprobe.nmissed +
	       probe->kretprobe.kp.nmissed;
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
