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
#include <sys/types.h>

struct libmnt_monitor;
struct libmnt_table;

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
struct libmnt_table *place_table(struct libmnt_monitor *monitor);
char *place_path(struct libmnt_table *table, const char *path);
char *place_path_of(int fd);
int place_id_of(int fd);
bool place_find(struct libmnt_table *table, const char *path,
		struct place *place);
bool place_is_tmpfs(const struct place *place);
bool place_is_below(const char *path, const char *point);
bool place_has_id(struct libmnt_table *table, int id);

#endif /* PLACE_H */
