// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <json.h>
#include <libmount.h>

#include "cgroup.h"
#include "lookup.h"
#include "namespace.h"
#include "reach.h"
#include "row.h"
#include "text.h"
#include "tool.h"

/*
 * The figures of the mount @dev on @point as anyone can have them, unless it is
 * covered, or the path leads by what may not answer.
 */
bool row_statvfs(struct usage *usage, dev_t dev, const char *point)
{
	struct statvfs statvfs_;
	bool known;
	int fd;

	if (!reach_is_near(point))
		return false;
	fd = open(point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	known = lookup_is_on(fd, dev) && !fstatvfs(fd, &statvfs_);
	close(fd);
	if (!known)
		return false;
	usage->size = statvfs_.f_blocks * statvfs_.f_frsize;
	usage->free = statvfs_.f_bfree * statvfs_.f_frsize;
	usage->used = usage->size - usage->free;
	usage->inodes = statvfs_.f_files;
	usage->inodes_free = statvfs_.f_ffree;
	usage->inodes_used = usage->inodes - usage->inodes_free;
	return true;
}

static void row_read(struct row *row, const struct listed *listed)
{
	size_t i;

	mount_number(row->number, row->mount.dev);
	if (listed) {
		row->known = listed->known;
		row->counted = listed->known;
		row->usage = listed->usage;
		row->levels = listed->levels;
	}
	for (i = 0; !row->known && i < row->mount.nr_points; i++)
		row->known = row_statvfs(&row->usage, row->mount.dev,
					 row->mount.points[i]);
}

/* The name of a process, to be freed; or NULL. */
static char *process_name(pid_t pid)
{
	char path[64], *name = NULL;
	size_t size = 0;
	ssize_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	length = getline(&name, &size, file);
	/* the name itself may have a newline */
	if (length > 0)
		name[length - 1] = '\0';
	fclose(file);
	return name;
}

/* What the process @pid has of @row; NULL if out of memory. */
static struct elsewhere *row_elsewhere(struct row *row, pid_t pid)
{
	struct elsewhere *more = row->elsewhere;

	if (row->nr_elsewhere && more[row->nr_elsewhere - 1].pid == pid)
		return &more[row->nr_elsewhere - 1];
	more = reallocarray(more, row->nr_elsewhere + 1, sizeof(*more));
	if (!more)
		return NULL;
	row->elsewhere = more;
	more += row->nr_elsewhere++;
	*more = (struct elsewhere){
		.pid = pid,
		.comm = process_name(pid),
		.cgroup = cgroup_of(pid),
	};
	return more;
}

static void row_add_point(struct row *row, pid_t pid, const char *point)
{
	struct elsewhere *elsewhere = row_elsewhere(row, pid);
	char **more;

	if (!elsewhere)
		return;
	more = reallocarray(elsewhere->points, elsewhere->nr_points + 1,
			    sizeof(*more));
	if (!more)
		return;
	elsewhere->points = more;
	more[elsewhere->nr_points] = strdup(point);
	if (more[elsewhere->nr_points])
		elsewhere->nr_points++;
}

static void rows_add_table(void *data, pid_t pid, struct libmnt_table *table)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct rows *rows = data;
	struct libmnt_fs *fs;
	size_t i;

	while (iter && !mnt_table_next_fs(table, iter, &fs)) {
		if (strcmp(mnt_fs_get_fstype(fs) ?: "", "tmpfs"))
			continue;
		for (i = 0; i < rows->nr; i++) {
			struct row *row = &rows->row[i];

			if (!row->mount.nr_points &&
			    row->mount.dev == mnt_fs_get_devno(fs))
				row_add_point(row, pid, mnt_fs_get_target(fs));
		}
	}
	mnt_free_iter(iter);
}

/* The mounts without mount points come last. */
static void rows_find_elsewhere(struct rows *rows)
{
	bool all;
	size_t i;

	if (!rows->nr || rows->row[rows->nr - 1].mount.nr_points)
		return;
	all = namespace_visit(rows_add_table, rows);
	for (i = 0; i < rows->nr; i++)
		rows->row[i].everywhere = all;
}

/* By the cgroup of who has the mount, if that is not us. */
static void rows_read_memory(struct rows *rows)
{
	struct memory own;
	size_t i;

	memory_read(&own, NULL);
	for (i = 0; i < rows->nr; i++) {
		struct row *row = &rows->row[i];

		if (row->nr_elsewhere && row->elsewhere[0].cgroup)
			memory_read(&row->memory, row->elsewhere[0].cgroup);
		else
			row->memory = own;
	}
}

/* Adds to @object a cgroup, NULL if not known, and what people call it. */
void row_add_cgroup(struct json_object *object, const char *cgroup)
{
	char buf[CGROUP_NAME_SIZE];
	const char *name = cgroup ? cgroup_name(buf, cgroup) : NULL;

	text_json_add(object, "cgroup", cgroup);
	text_json_add(object, "name", name);
}

/* Where the processes are that have registered levels, if they still run. */
static void row_find_owners(struct row *row)
{
	size_t nr = row->levels ? json_object_array_length(row->levels) : 0, i;

	for (i = 0; i < nr; i++) {
		struct json_object *trigger =
			json_object_array_get_idx(row->levels, i);
		pid_t pid = strtol(listing_value(trigger, "pid"), NULL, 10);
		/* another process may have the number by now */
		char *name = pid ? process_name(pid) : NULL;
		char *cgroup = NULL;

		if (name && !strcmp(name, listing_value(trigger, "comm")))
			cgroup = cgroup_of(pid);
		row_add_cgroup(trigger, cgroup);
		free(name);
		free(cgroup);
	}
}

/*
 * All mounts: those to be seen here, then those that only the module knows, as
 * those of containers. @listing is NULL where levels are not known. Where there
 * is no mount table that is said, and what the module knows is there.
 */
int rows_make(struct rows *rows, struct listing *listing)
{
	size_t nr_listed = listing ? listing->nr : 0, nr, i, j;
	struct mount *mounts;
	int status = mount_list(&mounts, &nr);

	rows->nr = nr;
	rows->row = calloc(nr + nr_listed + 1, sizeof(*rows->row));
	if (!rows->row) {
		error("out of memory");
		rows->nr = 0;
		return STATUS_ERROR;
	}
	for (i = 0; i < nr; i++) {
		rows->row[i].mount = mounts[i];
		row_read(&rows->row[i], listing ?
			 listing_get(listing, mounts[i].dev) : NULL);
	}
	for (i = 0; i < nr_listed; i++) {
		dev_t dev = listing->mounts[i].dev;

		for (j = 0; j < nr && rows->row[j].mount.dev != dev; j++)
			;
		if (j < nr)
			continue;
		rows->row[rows->nr].mount.dev = dev;
		row_read(&rows->row[rows->nr++], &listing->mounts[i]);
	}
	for (i = 0; i < rows->nr; i++)
		row_find_owners(&rows->row[i]);
	rows_find_elsewhere(rows);
	rows_read_memory(rows);
	return status;
}
