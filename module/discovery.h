/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Discovery: finds the mounts there are, and notices those that come and go.
 */
#ifndef TW_DISCOVERY_H
#define TW_DISCOVERY_H

struct super_block;
struct tw_gauge;
struct tw_mount;

/**
 * struct tw_discovery_events - what the later layers want to know
 * @appeared: a mount is to be shown; 0, or a negative errno if it cannot be,
 *	then it is called again after a while
 * @gone: the superblock is gone or the module goes: to be shown no more, and its triggers to
 *	be ended
 * @unlimited: a remount, to size=0 for one, has taken a gauge's limit away. There may be
 *	others, and @gone is called later even so
 * @stopping: the module goes: no mount appears any more, all will be gone next
 *
 * They are called from one work item, never at once, and may sleep.
 */
struct tw_discovery_events {
	int (*appeared)(struct tw_mount *mount);
	void (*gone)(struct tw_mount *mount);
	void (*unlimited)(struct tw_gauge *gauge);
	void (*stopping)(void);
};

/**
 * struct tw_discovery_counts - statistics over all mounts
 * @shown: mounts there is a directory for
 * @hidden: mounts beyond their owner's limit, or not shown yet for want of memory
 */
struct tw_discovery_counts {
	unsigned int shown;
	unsigned int hidden;
};

extern unsigned int tw_max_mounts;

int tw_discovery_init(const struct tw_discovery_events *events);
void tw_discovery_start(void);
void tw_discovery_check_watched(void);
struct tw_mount *tw_discovery_find(struct super_block *sb);
void tw_discovery_stop(void);
void tw_discovery_exit(void);

void tw_discovery_counts(struct tw_discovery_counts *counts);

#endif /* TW_DISCOVERY_H */
