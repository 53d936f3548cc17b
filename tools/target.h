/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Targets: a path, the mount that it is on, and the levels registered there.
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "level.h"
#include "mount.h"

/* for a level as the module has it */
#define TRIGGER_ASKED	72

struct place;
struct places;

/**
 * struct trigger - a level of a target
 * @target: whose
 * @level: as typed
 * @asked: what the module is asked for in its place, see trigger_ask()
 * @size: of the mount for which that is so, 0 if it is for any
 * @bytes: @asked as a number, if @size is set
 * @was: usage was that or more when it was asked for another size
 * @above: usage was at the level or more, as told last or when it was registered
 * @unsure: an event was left out since, because the size was another
 * @over: it was told, and is not to be told again
 */
struct trigger {
	struct target *target;
	const char *level;
	char asked[TRIGGER_ASKED];
	uint64_t size;
	uint64_t bytes;
	bool was;
	bool above;
	bool unsure;
	bool over;
};

enum target_state {
	TARGET_AWAY,		/* nothing is registered */
	TARGET_WATCHED,
	TARGET_LEAVING,		/* nothing any more, what was is to be told */
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
 * @used: bytes, when the last of them was registered; of a level of bytes, if the
 *	interface says no more
 * @size: bytes, likewise; 0 if not known
 * @inodes_used: the same in inodes
 * @inodes: likewise
 * @state: of the registrations
 * @full: the path for place_find(); NULL if it is in no mount table of ours
 * @dev: as @device
 * @numbered: @path says which mount, not where one is to be
 * @point: where it is mounted; or NULL
 * @options: of the file system when it was registered; or NULL
 * @id: of the mount that was tried last, while nothing is registered; or -1
 * @reason: why it is being left
 * @said: what was said to be wrong with its mount, which is not said again; or NULL
 * @outdated: the size is another than was registered for
 * @stale: another hysteresis was asked for since, and could not be registered
 */
struct target {
	const char *path;
	const char *name;
	char device[MOUNT_NUMBER_SIZE];
	int fd;
	struct trigger *triggers;
	size_t nr_triggers;
	uint64_t used;
	uint64_t size;
	uint64_t inodes_used;
	uint64_t inodes;
	enum target_state state;
	char *full;
	dev_t dev;
	bool numbered;
	char *point;
	char *options;
	int id;
	const char *reason;
	char **said;
	bool outdated;
	bool stale;
};

void target_name(struct target *target);
int target_find(struct target *target);
bool target_is_numbered(const struct target *target);
void target_place(struct target *target, const struct place *place);
void target_locate(struct target *target, const struct places *places);
void target_try(struct target *target, const struct place *place);
void target_untry(struct target *target);
void __attribute__((format(printf, 2, 3)))
target_error(const struct target *target, const char *format, ...);
bool target_is_live(const struct target *target);
bool target_has_size(const struct target *target);
bool target_has(const struct target *target, enum resource resource);
void trigger_ask(struct trigger *trigger, uint64_t used, uint64_t size);

#endif /* TARGET_H */
