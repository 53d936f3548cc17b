/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Crossings: what usage was when a threshold was passed, and whose doing that is.
 */
#ifndef TW_CROSSING_H
#define TW_CROSSING_H

#include <linux/sched.h>
#include <linux/time64.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct pid_namespace;

/**
 * enum tw_refusal_cause - why something was refused
 * @TW_CAUSE_UNTOLD: none, or that is not for who reads it
 * @TW_CAUSE_SIZE: the mount has no more blocks
 * @TW_CAUSE_INODES: it has no more inodes
 * @TW_CAUSE_QUOTA: a user or group has used up its quota
 * @TW_CAUSE_OVERCOMMIT: the machine may not promise more memory
 */
enum tw_refusal_cause {
	TW_CAUSE_UNTOLD,
	TW_CAUSE_SIZE,
	TW_CAUSE_INODES,
	TW_CAUSE_QUOTA,
	TW_CAUSE_OVERCOMMIT,
};

/**
 * struct tw_refusal - a system call that a mount has refused
 * @cause: why
 * @asked: what it has asked for, in bytes, or in inodes where it is these; 0 if that is not
 *	known
 */
struct tw_refusal {
	enum tw_refusal_cause cause;
	u64 asked;
};

/**
 * struct tw_crossing - usage that was found on one side of a threshold
 * @used: the sum that decided it, in what the gauge counts
 * @size: how much can be used, in the same
 * @time: when it was found, of CLOCK_REALTIME
 * @above: the side
 * @refusal: of a gauge that counts refusals: what was refused; @used and @size are
 *	in bytes then, or in inodes where these were the cause
 * @known: what follows is set
 * @pid: thread group id of the task whose allocation or free it was, as the viewer's
 *	pid namespace has it; 0 if that does not show it
 * @uid: its real uid
 * @cgroup: id of its cgroup v2, 0 if there are none
 * @comm: its name
 */
struct tw_crossing {
	u64 used;
	u64 size;
	struct timespec64 time;
	bool above;
	struct tw_refusal refusal;
	bool known;
	pid_t pid;
	kuid_t uid;
	u64 cgroup;
	char comm[TASK_COMM_LEN];
};

/**
 * struct tw_viewer - who is to be told of crossings
 * @uid: is told of tasks of that uid which @pid_ns shows
 * @pid_ns: a reference
 * @all: is told of all tasks
 */
struct tw_viewer {
	kuid_t uid;
	struct pid_namespace *pid_ns;
	bool all;
};

/**
 * struct tw_observer - what is kept of a threshold's crossings
 * @viewer: for whom
 * @first: the side where it was placed
 * @last: its last crossing
 *
 * Both are written with the lock held of the gauge where the threshold is.
 */
struct tw_observer {
	const struct tw_viewer *viewer;
	struct tw_crossing first;
	struct tw_crossing last;
};

/**
 * struct tw_cause - what a task has taken or given back, and whether that was it
 * @task: the task; NULL if none is known
 * @amount: how much it has taken; negative if it has given it back
 * @refusal: or what it was refused
 * @count: the count of these with it
 * @at: when that was, in jiffies
 */
struct tw_cause {
	const struct task_struct *task;
	long amount;
	struct tw_refusal refusal;
	unsigned long count;
	unsigned long at;
};

void tw_crossing_set(struct tw_crossing *crossing, u64 used, u64 size, bool above);
void tw_crossing_set_current(struct tw_crossing *crossing,
			     const struct tw_viewer *viewer);
void tw_crossing_hide_refusal(struct tw_crossing *crossing, const struct tw_viewer *viewer);

#endif /* TW_CROSSING_H */
