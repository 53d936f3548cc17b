/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes: a function of the kernel, and what is called when it is.
 */
#ifndef TW_PROBE_H
#define TW_PROBE_H

#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "compat.h"

/**
 * enum tw_probe_kind - how a function is probed
 * @TW_PROBE_FTRACE: at its entry, by a callback of ftrace
 * @TW_PROBE_KPROBE: at its entry, by a kprobe
 * @TW_PROBE_KRETPROBE: when it returns
 */
enum tw_probe_kind {
	TW_PROBE_FTRACE,
	TW_PROBE_KPROBE,
	TW_PROBE_KRETPROBE,
};

/**
 * struct tw_probe_handlers - what is called, one for each kind that is used
 * @ftrace: for TW_PROBE_FTRACE; with preemption as it was in the function
 * @kprobe: for TW_PROBE_KPROBE; with preemption disabled, as those below
 * @call: for TW_PROBE_KRETPROBE when the function is called
 * @ret: and when it returns
 * @data_size: bytes that @call may leave for @ret
 */
struct tw_probe_handlers {
	void (*ftrace)(unsigned long ip, unsigned long parent_ip,
		       struct ftrace_ops *ops,
		       struct tw_compat_ftrace_regs *regs);
	kprobe_pre_handler_t kprobe;
	kretprobe_handler_t call;
	kretprobe_handler_t ret;
	size_t data_size;
};

/**
 * struct tw_probe - a function that is probed
 * @handlers: set by the owner, once and for all
 * @redirects: set by the owner, too: the handler for TW_PROBE_FTRACE, the only kind then,
 *	may send the caller to another function, which cannot be livepatched while the probe is
 *	enabled
 * @plain: set by the owner, too: the function is tried by the name in its source alone, since
 *	it may have other arguments by another one
 * @kind: how
 * @registered: tw_probe_register() was successful
 * @enabled: and so was tw_probe_enable()
 * @live: @ftrace is registered, in place or parked
 * @symbol: the function, by the name that the compiler gave it
 * @ip: for TW_PROBE_FTRACE, the function's call of ftrace, or the function
 * @kprobe: for TW_PROBE_KPROBE
 * @kretprobe: for TW_PROBE_KRETPROBE
 * @ftrace: for TW_PROBE_FTRACE
 *
 * The owner sees to it that no two of the functions below run at once for one
 * probe.
 */
struct tw_probe {
	const struct tw_probe_handlers *handlers;
	bool redirects;
	bool plain;
	enum tw_probe_kind kind;
	bool registered;
	bool enabled;
	bool live;
	char symbol[KSYM_NAME_LEN];
	unsigned long ip;
	struct kprobe kprobe;
	struct kretprobe kretprobe;
#ifdef TW_COMPAT_FTRACE
	struct ftrace_ops ftrace;
#endif
};

/**
 * struct tw_probe_set - probes that are armed together
 * @probes: these; some may not be registered
 * @nr: how many
 */
struct tw_probe_set {
	struct tw_probe * const *probes;
	size_t nr;
};

/*
 * The two kinds of handlers of a function's entry: @file_@name() is called with its argument @n,
 * and with preemption disabled. Defines @file_@name_handlers.
 */
#define TW_PROBE_HANDLERS_OF(file, name, n)					\
	enum { file##_##name##_argument = (n) };				\
										\
	static notrace int file##_##name##_kprobe(struct kprobe *probe,		\
						  struct pt_regs *regs)		\
	{									\
		file##_##name((void *)						\
			regs_get_kernel_argument(regs, file##_##name##_argument)); \
		return 0;							\
	}									\
										\
	NOKPROBE_SYMBOL(file##_##name##_kprobe);				\
										\
	static notrace void							\
	file##_##name##_ftrace(unsigned long ip, unsigned long parent_ip,	\
			       struct ftrace_ops *ops,				\
			       struct tw_compat_ftrace_regs *regs)		\
	{									\
		preempt_disable_notrace();					\
		file##_##name((void *)						\
			tw_compat_ftrace_argument(regs, file##_##name##_argument)); \
		preempt_enable_notrace();					\
	}									\
										\
	NOKPROBE_SYMBOL(file##_##name##_ftrace);				\
										\
	static const struct tw_probe_handlers file##_##name##_handlers = {	\
		.ftrace = file##_##name##_ftrace,				\
		.kprobe = file##_##name##_kprobe,				\
	}

/* The first one, mostly. */
#define TW_PROBE_HANDLERS(file, name)	TW_PROBE_HANDLERS_OF(file, name, 0)

int tw_probe_register(struct tw_probe *probe, const char *symbol,
		      enum tw_probe_kind kind);
void tw_probe_unregister(struct tw_probe *probe);
int tw_probe_enable(struct tw_probe *probe);
int tw_probe_disable(struct tw_probe *probe);
bool tw_probe_kprobes_on(void);
void tw_probe_exit(void);

void tw_probe_set_unregister(const struct tw_probe_set *set);
int tw_probe_set_enable(const struct tw_probe_set *set);
int tw_probe_set_disable(const struct tw_probe_set *set);
bool tw_probe_set_is_kprobe(const struct tw_probe_set *set);
unsigned long tw_probe_set_missed(const struct tw_probe_set *set);

#ifdef CONFIG_DYNAMIC_FTRACE
int tw_probe_set_filter(struct ftrace_ops *ops, const char *symbol);
#endif

/**
 * tw_probe_lock() - lock in the handler of a probe
 * @lock: one that is taken with interrupts disabled; they are
 *
 * Where the probe is a breakpoint x86 calls that an NMI, in which lockdep accepts
 * trylocks only. It is safe to spin: a handler never interrupts a holder of such a lock,
 * who has interrupts off and calls none of the functions that are probed.
 */
static __always_inline void tw_probe_lock(raw_spinlock_t *lock)
	__acquires(lock)
{
	while (!raw_spin_trylock(lock))
		cpu_relax();
}

const char *tw_probe_kind_name(enum tw_probe_kind kind);

#endif /* TW_PROBE_H */
