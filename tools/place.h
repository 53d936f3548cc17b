/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a path leads, by the mount table alone: no file system is asked, so
 * that none can hang, no automount is triggered and no mount is kept busy.
 *
 * A path is one without symbolic links here, as place_path() makes it once. A
 * link that is changed later is not noticed.
 */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct libmnt_fs;
struct libmnt_monitor;
struct libmnt_table;

/**
 * struct placed - a mount on another
 * @parent: the id of that
 * @point: where it is mounted, the table's
 * @length: of @point
 * @fs: the mount
 */
struct placed {
	int parent;
	const char *point;
	size_t length;
	struct libmnt_fs *fs;
};

/**
 * struct places - a mount table, and what finds the way to one of thousands of mounts
 * @table: of mounts
 * @placed: those that are mounted on others, sorted
 * @nr: how many
 * @root: the root directory of this process; NULL if it is no mount point
 * @root_id: the id of its mount, -1 if that cannot be known
 * @root_dev: the number of that
 */
struct places {
	struct libmnt_table *table;
	struct placed *placed;
	size_t nr;
	struct libmnt_fs *root;
	int root_id;
	dev_t root_dev;
};

/**
 * struct place - the mount that a path is on
 * @id: of the mount
 * @dev: its number
 * @point: where it is mounted
 * @type: of the file system
 * @options: of the file system
 *
 * The texts are the table's. They are "" for the root directory of a process
 * that is no mount point.
 */
struct place {
	int id;
	dev_t dev;
	const char *point;
	const char *type;
	const char *options;
};

bool place_table_changed(struct libmnt_monitor *monitor);
struct places *places_read(struct libmnt_monitor *monitor);
void places_free(struct places *places);
char *place_path(const struct places *places, const char *path);
char *place_path_of(int fd);
int place_id_of(int fd);
bool place_find(const struct places *places, const char *path,
		struct place *place);
bool place_is_reached(const struct places *places, struct libmnt_fs *fs,
		      struct place *place);
bool place_is_tmpfs(const struct place *place);
bool place_is_below(const char *path, const char *point);
bool place_has_id(const struct places *places, int id);

#endif /* PLACE_H */
