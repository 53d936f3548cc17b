// SPDX-License-Identifier: GPL-2.0
/*
 * Crossings: what usage was when a threshold was passed, and whose doing that is.
 *
 * All of it is written down in the interrupt that has found the crossing, in the terms of
 * who is to read it: so nothing is allocated, no reference is taken that somebody would
 * have to give back, and what a reader may not know is never stored.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "crossing.h"

/**
 * tw_crossing_set() - usage is on one side of a threshold
 * @crossing: set; of an unknown task
 * @used: what it is
 * @size: how much can be used
 * @above: the side
 *
 * Context: any but an NMI.
 */
void tw_crossing_set(struct tw_crossing *crossing, u64 used, u64 size, bool above)
{
	crossing->used = used;
	crossing->size = size;
	ktime_get_real_ts64(&crossing->time);
	crossing->above = above;
	crossing->known = false;
}

static u64 tw_crossing_cgroup(void)
{
	u64 id = 0;

#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
#endif
	return id;
}

/* A task with the rights of another user, such as a setuid program, is not one of @uid. */
static bool tw_crossing_is_of(kuid_t uid)
{
	const struct cred *cred = current_real_cred();

	return uid_eq(cred->uid, uid) && uid_eq(cred->euid, uid) && uid_eq(cred->suid, uid);
}

/**
 * tw_crossing_set_current() - the current task has crossed
 * @crossing: set by tw_crossing_set()
 * @viewer: for whom; that may not be told of the task
 *
 * Context: any but an NMI.
 */
void tw_crossing_set_current(struct tw_crossing *crossing,
			     const struct tw_viewer *viewer)
{
	pid_t pid = task_tgid_nr_ns(current, viewer->pid_ns);

	if (!viewer->all && (!pid || !tw_crossing_is_of(viewer->uid)))
		return;
	crossing->known = true;
	crossing->pid = pid;
	crossing->uid = current_real_cred()->uid;
	crossing->cgroup = tw_crossing_cgroup();
	/* not under the task's lock, which is no lock for interrupts: it always ends in a NUL */
	data_race(memcpy(crossing->comm, current->comm, TASK_COMM_LEN));
	crossing->comm[TASK_COMM_LEN - 1] = '\0';
}

/**
 * tw_crossing_hide_refusal() - leave out what is known of somebody else's system call
 * @crossing: of a refusal, complete but for that
 * @viewer: for whom
 *
 * Who may not be told of the task is told that a call was refused, and whether it was for what
 * fstatfs(2) says: that there is no space, or no inode left.
 *
 * Context: any.
 */
void tw_crossing_hide_refusal(struct tw_crossing *crossing, const struct tw_viewer *viewer)
{
	struct tw_refusal *refusal = &crossing->refusal;

	if (viewer->all || crossing->known)
		return;
	refusal->asked = 0;
	if (refusal->cause != TW_CAUSE_SIZE && refusal->cause != TW_CAUSE_INODES)
		refusal->cause = TW_CAUSE_UNTOLD;
}
