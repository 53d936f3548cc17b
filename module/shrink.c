// SPDX-License-Identifier: GPL-2.0
/*
 * Shrinks: what mm/shmem.c frees for the sake of an allocation.
 *
 * Huge pages may reach beyond the ends of their files. An allocation that finds its mount full
 * gives back what they have there, a page after the other: shmem_unused_huge_shrink(). So
 * usage falls and rises within one system call, as often as there are such pages, and
 * nobody who looks between two calls sees it. Those falls are not checked when they
 * are counted but a moment later, when the allocation has had what it wanted: see I14 of check.c.
 * Where the kernel shrinks because memory is short, a fall is one as any other.
 */
#include <linux/atomic.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "check.h"
#include "mount.h"
#include "probe.h"
#include "shrink.h"

/* what was deferred is checked so long after the last shrink, or after the first of many */
#define TW_SHRINK_DELAY		(HZ / 10)
#define TW_SHRINK_DELAY_MOST	(HZ / 2)

/* tasks that shrink at once; what others than these free is checked at once */
#define TW_SHRINK_TASKS		16

/**
 * struct tw_shrink_task - a task inside of shmem_unused_huge_shrink()
 * @task: it, which alone sets what follows; NULL for a free place
 * @deferred: a check was
 */
struct tw_shrink_task {
	struct task_struct *task;
	bool deferred;
};

static struct tw_shrink_task tw_shrink_tasks[TW_SHRINK_TASKS];
/* how many of these are taken; a task that is among them finds it so */
static atomic_t tw_shrinks = ATOMIC_INIT(0);

static void tw_shrink_check_fn(struct work_struct *work)
{
	tw_mount_visit_watched(tw_check_queue_anew);
}

static DECLARE_DELAYED_WORK(tw_shrink_check, tw_shrink_check_fn);
static unsigned long tw_shrink_latest;

/* From a probe, which may queue no work. Two at once are of the same moment. */
static void tw_shrink_kick_fn(struct irq_work *work)
{
	unsigned long now = jiffies, due = now + TW_SHRINK_DELAY;

	if (!delayed_work_pending(&tw_shrink_check))
		WRITE_ONCE(tw_shrink_latest, now + TW_SHRINK_DELAY_MOST);
	if (time_before(READ_ONCE(tw_shrink_latest), due))
		due = READ_ONCE(tw_shrink_latest);
	mod_delayed_work(tw_wq, &tw_shrink_check, max_t(long, due - now, 0));
}

static struct irq_work tw_shrink_kick;

/**
 * tw_shrink_defers() - is what the current task frees checked later?
 *
 * Context: any, with preemption disabled.
 * Return: true if so; then it will be.
 */
notrace bool tw_shrink_defers(void)
{
	size_t i;

	if (likely(!atomic_read(&tw_shrinks)))
		return false;
	for (i = 0; i < TW_SHRINK_TASKS; i++) {
		if (READ_ONCE(tw_shrink_tasks[i].task) == current) {
			tw_shrink_tasks[i].deferred = true;
			return true;
		}
	}
	return false;
}

NOKPROBE_SYMBOL(tw_shrink_defers);

/* shmem_unused_huge_shrink(sbinfo, sc, nr): sc is of one who wants memory. */
static notrace int tw_shrink_on_call(struct kretprobe_instance *instance,
				     struct pt_regs *regs)
{
	size_t *place = (size_t *)instance->data;
	size_t i;

	if (regs_get_kernel_argument(regs, 1))
		return 1;
	for (i = 0; i < TW_SHRINK_TASKS; i++) {
		if (cmpxchg(&tw_shrink_tasks[i].task, NULL, current))
			continue;
		atomic_inc(&tw_shrinks);
		*place = i;
		return 0;
	}
	return 1;
}

NOKPROBE_SYMBOL(tw_shrink_on_call);

static notrace int tw_shrink_on_return(struct kretprobe_instance *instance,
				       struct pt_regs *regs)
{
	struct tw_shrink_task *task = &tw_shrink_tasks[*(size_t *)instance->data];

	if (task->deferred)
		irq_work_queue(&tw_shrink_kick);
	task->deferred = false;
	atomic_dec(&tw_shrinks);
	smp_store_release(&task->task, NULL); /* for the cmpxchg() of the next */
	return 0;
}

NOKPROBE_SYMBOL(tw_shrink_on_return);

static const struct tw_probe_handlers tw_shrink_handlers = {
	.call = tw_shrink_on_call,
	.ret = tw_shrink_on_return,
	.data_size = sizeof(size_t),
};

static struct tw_probe tw_shrink_probe = { .handlers = &tw_shrink_handlers };

/**
 * tw_shrink_init() - before anything else of this file
 *
 * Where the function cannot be probed, its falls are told of as others are.
 * Context: process.
 */
void tw_shrink_init(void)
{
	init_irq_work(&tw_shrink_kick, tw_shrink_kick_fn);
	tw_probe_register(&tw_shrink_probe, "shmem_unused_huge_shrink", TW_PROBE_KRETPROBE);
}

/**
 * tw_shrink_enable() - have shrinks seen, if they can be
 *
 * Context: process; one caller at a time, of this and tw_shrink_disable().
 */
void tw_shrink_enable(void)
{
	tw_probe_enable(&tw_shrink_probe);
}

/**
 * tw_shrink_disable() - undo tw_shrink_enable()
 *
 * Return: 0, or a negative errno if it is in place still.
 */
int tw_shrink_disable(void)
{
	return tw_probe_disable(&tw_shrink_probe);
}

/**
 * tw_shrink_exit() - undo tw_shrink_init()
 *
 * Context: process.
 */
void tw_shrink_exit(void)
{
	tw_probe_unregister(&tw_shrink_probe);
	irq_work_sync(&tw_shrink_kick);
	cancel_delayed_work_sync(&tw_shrink_check);
}
