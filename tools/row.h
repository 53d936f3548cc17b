/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What list shows of a mount.
 */
#ifndef ROW_H
#define ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "listing.h"
#include "memory.h"
#include "mount.h"

struct json_object;

/**
 * struct elsewhere - another mount namespace that has a mount
 * @pid: of a process of it, the first
 * @comm: name of that
 * @cgroup: of that, or NULL
 * @points: where the mount is for that process
 * @nr_points: how many
 */
struct elsewhere {
	pid_t pid;
	char *comm;
	char *cgroup;
	char **points;
	size_t nr_points;
};

/**
 * struct row - a mount
 * @mount: where; without mount points if we have none
 * @number: "major:minor"
 * @usage: its figures
 * @known: @usage is
 * @counted: and so is how much was refused
 * @levels: array of objects, NULL if not known
 * @elsewhere: who else has it, looked for if we have no mount point
 * @nr_elsewhere: how many
 * @everywhere: all who may have it have been asked
 * @memory: what else may end it
 */
struct row {
	struct mount mount;
	char number[MOUNT_NUMBER_SIZE];
	struct usage usage;
	bool known;
	bool counted;
	struct json_object *levels;
	struct elsewhere *elsewhere;
	size_t nr_elsewhere;
	bool everywhere;
	struct memory memory;
};

/**
 * struct rows - all mounts
 * @row: those to be seen here, then those that only the module knows
 * @nr: how many
 */
struct rows {
	struct row *row;
	size_t nr;
};

void row_add_cgroup(struct json_object *object, const char *cgroup);
bool row_statvfs(struct usage *usage, dev_t dev, const char *point);
int rows_make(struct rows *rows, struct listing *listing);

#endif /* ROW_H */
