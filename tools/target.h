/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Targets: a path, the mount that it is on, and the levels registered there.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mount.h"

/**
 * struct trigger - a level of a target
 * @target: whose
 * @level: as typed
 * @above: usage was at the level or more when it was registered
 */
struct trigger {
	struct target *target;
	const char *level;
	bool above;
};

/**
 * struct target - a path and its triggers
 * @path: as typed, which may be the number of the mount
 * @name: @path, printable
 * @device: number of the mount
 * @fd: holds the mount until its levels are registered, -1 then; or
 *	MOUNT_UNREACHED
 * @triggers: one for each level
 * @nr_triggers: how many
 * @live: how many of them may still be crossed
 * @used: bytes, when the last of them was registered
 * @size: bytes, likewise
 */
struct target {
	const char *path;
	const char *name;
	char device[MOUNT_NUMBER_SIZE];
	int fd;
	struct trigger *triggers;
	size_t nr_triggers;
	size_t live;
	uint64_t used;
	uint64_t size;
};

int target_find(struct target *target);

#endif /* TARGET_H */
