/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Targets: a path, the mount it is on, and the triggers registered there.
 *
 * Which way a crossing went is not in the count of an eventfd. A trigger for
 * both directions is above or below its level, each signal is a change from
 * one to the other, and the word "now" has it signalled at registration if it
 * starts above: an odd count of signals is above, and the order of up and down
 * is known however many are read at once.
 *
 * The last signal of each eventfd comes when the mount or the module goes
 * away, and is no crossing. The directory has vanished by then. So if the
 * directory is still there after a count was read, all of that count are
 * crossings. If not, the count is kept until the sentinel is signalled: the
 * eventfd registered last, at a level that nothing reaches. All others have
 * had their last signal by then, and one of what each counted is that.
 *
 * The directory is held by a file descriptor, as another mount may soon have
 * the same number, and none of the files in it, which would keep the module
 * from being removed.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interface.h"

enum direction {
	DIRECTION_RISING = 1,
	DIRECTION_FALLING = 2,
	DIRECTION_BOTH = 3,
};

/**
 * struct trigger - a level of a target
 * @target: whose
 * @level: as typed; NULL for the sentinel
 * @efd: eventfd, -1 if closed
 * @above: usage is at the level or more, as far as was told
 * @pending: signals read that may be crossings
 */
struct trigger {
	struct target *target;
	const char *level;
	int efd;
	bool above;
	uint64_t pending;
};

/**
 * struct target - a path and its triggers
 * @path: as typed
 * @name: @path, printable
 * @device: "major:minor"
 * @dir: its directory, -1 if closed
 * @triggers: one for each level
 * @nr_triggers: how many
 * @sentinel: see above
 * @usage: as last read
 */
struct target {
	const char *path;
	const char *name;
	char device[DOOR_NAME_SIZE];
	int dir;
	struct trigger *triggers;
	size_t nr_triggers;
	struct trigger sentinel;
	struct interface_usage usage;
};

int target_open(struct target *target, enum direction direction,
		const char *hysteresis);
int target_read(struct trigger *trigger, uint64_t *crossings);
uint64_t target_read_last(struct trigger *trigger);
void target_forget(struct trigger *trigger);
void target_close(struct target *target);
const char *target_gone(void);

#endif /* TARGET_H */
