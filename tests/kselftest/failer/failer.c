// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a call fail: the nth one of a function of the kernel that comes from the
 * module tmpfswarn returns an error, and the function is not entered. Or has the nth of
 * all calls, or of those, sleep before. Or takes the function for itself, as a livepatch
 * does, and leaves it as it is.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/ptrace.h>
#include <linux/string.h>

#include "../../../module/compat.h"

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "Function of the kernel whose calls fail");

static long value = -ENOMEM;
module_param(value, long, 0444);
MODULE_PARM_DESC(value, "What a call that fails returns");

static unsigned int nth;
module_param(nth, uint, 0644);
MODULE_PARM_DESC(nth, "Which call fails, counted down; 0: none from now on");

static unsigned int sleep;
module_param(sleep, uint, 0444);
MODULE_PARM_DESC(sleep, "How many milliseconds the call sleeps, whosever it is; 0: it fails");

static bool own;
module_param(own, bool, 0444);
MODULE_PARM_DESC(own, "Only what comes from tmpfswarn sleeps, too");

static bool livepatch;
module_param(livepatch, bool, 0444);
MODULE_PARM_DESC(livepatch, "Take the function as a livepatch does");

/* tmpfswarn, from before its init to after its exit */
static struct module *caller;

static noinline notrace long failer_instead(void)
{
	return READ_ONCE(value);
}

static struct kprobe failer_probe;

/* enters the function after all, with the arguments that it may have */
static noinline notrace long failer_later(long a, long b, long c, long d, long e, long f)
{
	long (*call)(long, long, long, long, long, long) = (void *)failer_probe.addr;

	msleep(sleep);
	return call(a, b, c, d, e, f);
}

/* where a function returns to, at its entry */
static unsigned long failer_return_address(struct pt_regs *regs)
{
#ifdef CONFIG_ARM64
	return procedure_link_pointer(regs);
#else
	return regs_get_kernel_stack_nth(regs, 0);
#endif
}

static int failer_on_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct module *mod = READ_ONCE(caller);
	unsigned long from = failer_return_address(regs);
	unsigned int left = READ_ONCE(nth);

	if (!left || ((!sleep || own) && (!mod || !within_module(from, mod))))
		return 0;
	/* none of these functions is called by two of its threads at once */
	WRITE_ONCE(nth, left - 1);
	if (left > 1)
		return 0;
	instruction_pointer_set(regs, sleep ? (unsigned long)failer_later :
					      (unsigned long)failer_instead);
	return 1;
}

NOKPROBE_SYMBOL(failer_return_address);
NOKPROBE_SYMBOL(failer_on_entry);

/* having one is how a probe says that it changes where execution goes on */
static void failer_after(struct kprobe *probe, struct pt_regs *regs,
			 unsigned long flags)
{
}

NOKPROBE_SYMBOL(failer_after);

static struct kprobe failer_probe = {
	.pre_handler = failer_on_entry,
	.post_handler = failer_after,
};

static int failer_notice(struct notifier_block *block, unsigned long state,
			 void *data)
{
	struct module *mod = data;

	if (strcmp(mod->name, "tmpfswarn"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING)
		WRITE_ONCE(caller, mod);
	else if (state == MODULE_STATE_GOING)
		WRITE_ONCE(caller, NULL);
	return NOTIFY_DONE;
}

static struct notifier_block failer_block = {
	.notifier_call = failer_notice,
};

#ifdef CONFIG_DYNAMIC_FTRACE
static notrace void failer_on_ftrace(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops,
				     struct tw_compat_ftrace_regs *regs)
{
}

static struct ftrace_ops failer_ops = {
	.func = failer_on_ftrace,
#ifdef CONFIG_DYNAMIC_FTRACE_WITH_REGS
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
#else
	.flags = FTRACE_OPS_FL_IPMODIFY,
#endif
};

static int failer_livepatch(void)
{
	int err = ftrace_set_filter(&failer_ops, function, strlen(function), 1);

	if (!err)
		err = register_ftrace_function(&failer_ops);
	if (err)
		tw_compat_ftrace_free_filter(&failer_ops);
	return err;
}

static void failer_unpatch(void)
{
	unregister_ftrace_function(&failer_ops);
	tw_compat_ftrace_free_filter(&failer_ops);
}
#else
static int failer_livepatch(void)
{
	return -EOPNOTSUPP;
}

static void failer_unpatch(void)
{
}
#endif

static int __init failer_init(void)
{
	int err;

	if (!function)
		return -EINVAL;
	if (livepatch)
		return failer_livepatch();
	failer_probe.symbol_name = function;
	err = register_kprobe(&failer_probe);
	if (err)
		return err;
	err = register_module_notifier(&failer_block);
	if (err)
		unregister_kprobe(&failer_probe);
	return err;
}

static void __exit failer_exit(void)
{
	if (livepatch) {
		failer_unpatch();
		return;
	}
	unregister_module_notifier(&failer_block);
	unregister_kprobe(&failer_probe);
}

module_init(failer_init);
module_exit(failer_exit);

MODULE_DESCRIPTION("Make calls of the kernel by tmpfswarn fail");
MODULE_LICENSE("GPL");
