/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Triggers: a threshold on a mount, tied to an eventfd.
 */
#ifndef TW_TRIGGER_H
#define TW_TRIGGER_H

#include <linux/sched.h>

#include "eventfd.h"
#include "mount.h"
#include "threshold.h"

/**
 * enum tw_resource - the file through which a trigger was registered
 * @TW_USED_BYTES: used_bytes
 * @TW_PRESSURE_LEVEL: pressure_level
 * @TW_WARN_USED: warn_used_blocks
 */
enum tw_resource {
	TW_USED_BYTES,
	TW_PRESSURE_LEVEL,
	TW_WARN_USED,
};

/**
 * struct tw_trigger - a registration
 * @threshold: what it waits for
 * @mount: where; a reference
 * @user: the eventfd that it signals, and who ends it
 * @entry: in mount->triggers, protected by mount->mutex
 * @resource: how it was registered
 * @pid: who registered it
 * @comm: its name
 */
struct tw_trigger {
	struct tw_threshold threshold;
	struct tw_mount *mount;
	struct tw_eventfd_user user;
	struct list_head entry;
	enum tw_resource resource;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct tw_trigger_state - a trigger as it is shown
 * @spec: what was asked for
 * @blocks: where it signals, TW_NEVER for nowhere
 * @state: "above", "below" or "off"
 * @fired: crossings notified
 */
struct tw_trigger_state {
	struct tw_spec spec;
	u64 blocks;
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

int tw_trigger_add(struct tw_mount *mount, unsigned int event_fd,
		   enum tw_resource resource, const struct tw_spec *spec);
int tw_trigger_set_warn_used(struct tw_mount *mount,
			     const struct tw_level *level);
struct tw_level tw_trigger_get_warn_used(struct tw_mount *mount);
void tw_trigger_end_all(struct tw_mount *mount);
void tw_trigger_flush(void);

void tw_trigger_state(struct tw_trigger *trigger,
		      struct tw_trigger_state *state);
void tw_trigger_counts(struct tw_trigger_counts *counts);

#endif /* TW_TRIGGER_H */
