/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Triggers: a threshold on a mount, and whom to tell.
 */
#ifndef TW_TRIGGER_H
#define TW_TRIGGER_H

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/uidgid.h>

#include "mount.h"
#include "threshold.h"

struct pid;
struct tw_trigger;
struct tw_user;

/**
 * enum tw_resource - as what a trigger was registered
 * @TW_USED_BYTES: bytes used, by a number or a percentage
 * @TW_PRESSURE_LEVEL: the same, by a name
 * @TW_WARN_USED: through warn_used_blocks
 * @TW_USED_INODES: inodes used, by a number or a percentage
 * @TW_REFUSED: system calls refused
 * @TW_MAX_USAGE: the most blocks used, of which nobody is told, see peak.c
 */
enum tw_resource {
	TW_USED_BYTES,
	TW_PRESSURE_LEVEL,
	TW_WARN_USED,
	TW_USED_INODES,
	TW_REFUSED,
	TW_MAX_USAGE,
};

/**
 * struct tw_trigger_ops - what those who are told differ in
 * @name: for who looks at a trigger
 * @registered: it is now; called with mount->mutex held. May be NULL
 * @crossed: tell of @crossings, of which @last is the last, if the threshold has an
 *	observer; called as threshold->notify is. Not called for a peak
 * @gone: tell that the mount is gone, or the module going; in a process. NULL for a peak
 * @end: have tw_trigger_end() called in a process, soon; the trigger was claimed for
 *	that. Called as @crossed is, and not for a peak either
 * @del: it has ended, and is not touched any more: free it; in a process
 */
struct tw_trigger_ops {
	const char *name;
	void (*registered)(struct tw_trigger *trigger);
	void (*crossed)(struct tw_trigger *trigger, unsigned int crossings,
			const struct tw_crossing *last);
	void (*gone)(struct tw_trigger *trigger);
	void (*end)(struct tw_trigger *trigger);
	void (*del)(struct tw_trigger *trigger);
};

/**
 * struct tw_trigger - a registration
 * @threshold: what it waits for
 * @ops: whom it tells
 * @mount: where; a reference
 * @entry: in mount->triggers, protected by mount->mutex
 * @counting: in mount->limited_counting, protected by mount->mutex, if that is for it
 * @all: in the list of all, protected by its mutex
 * @claimed: somebody is ending it, see tw_trigger_claim()
 * @limited: it is an ordinary user's, see TW_TRIGGER_SHARE
 * @user: who that is, as long as the trigger is there; to be compared alone
 * @resource: how it was registered
 * @uid: who has registered it
 * @pid: its process; a reference
 * @comm: its name
 */
struct tw_trigger {
	struct tw_threshold threshold;
	const struct tw_trigger_ops *ops;
	struct tw_mount *mount;
	struct list_head entry;
	struct list_head counting;
	struct list_head all;
	unsigned long claimed;
	bool limited;
	const struct tw_user *user;
	enum tw_resource resource;
	kuid_t uid;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct tw_trigger_state - a trigger as it is shown
 * @spec: what was asked for
 * @at: usage at which it signals, TW_NEVER for none
 * @state: "above", "below" or "off"; "on" for refusals
 * @fired: crossings notified
 */
struct tw_trigger_state {
	struct tw_spec spec;
	u64 at;
	const char *state;
	unsigned long fired;
};

/**
 * struct tw_trigger_counts - statistics over all triggers
 * @triggers: registered now
 * @crossings: notified since load
 * @signals: sent since load: the crossings, and the last one of each trigger
 */
struct tw_trigger_counts {
	unsigned int triggers;
	u64 crossings;
	u64 signals;
};

extern unsigned int tw_max_triggers;
extern unsigned int tw_max_mount_triggers;

/* what low, medium and critical mean, in percent, 1 to 100 */
extern unsigned int tw_pressure_percent[TW_PRESSURES];

int tw_trigger_register(struct tw_trigger *trigger, struct tw_mount *mount);
bool tw_trigger_claim(struct tw_trigger *trigger);
void tw_trigger_end(struct tw_trigger *trigger);
int tw_trigger_set_warn_used(struct tw_mount *mount,
			     const struct tw_level *level);
struct tw_level tw_trigger_get_warn_used(struct tw_mount *mount);
int tw_trigger_reset_peak(struct tw_mount *mount);
u64 tw_trigger_get_peak(struct tw_mount *mount);
void tw_trigger_end_peak(struct tw_mount *mount);
void tw_trigger_end_all(struct tw_mount *mount, const struct tw_gauge *gauge);
void tw_trigger_flush(void);

void tw_trigger_state(struct tw_trigger *trigger,
		      struct tw_trigger_state *state);
struct list_head *tw_trigger_list(void);
struct list_head *tw_trigger_list_lock(void);
void tw_trigger_list_unlock(void);
void tw_trigger_counts(struct tw_trigger_counts *counts);

#endif /* TW_TRIGGER_H */
