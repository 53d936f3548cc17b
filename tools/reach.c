// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <libmount.h>
#include <linux/magic.h>

#include "lookup.h"
#include "mount.h"
#include "place.h"
#include "reach.h"
#include "text.h"

/*
 * File systems that answer by themselves. All others may wait: for a server, as
 * FUSE, NFS and autofs do, or for what is below them, as overlay does.
 */
static const char *const near_types[] = {
	"bcachefs", "binder", "binfmt_misc", "bpf", "btrfs", "cgroup",
	"cgroup2", "configfs", "cramfs", "debugfs", "devpts", "devtmpfs",
	"efivarfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs",
	"fusectl", "hugetlbfs", "iso9660", "jfs", "mqueue", "nilfs2", "nsfs",
	"ntfs3", "proc", "pstore", "ramfs", "reiserfs", "resctrl", "rootfs",
	"securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs",
	"ubifs", "udf", "vfat", "xfs", "zfs",
};

static const struct {
	const char *type;
	long magic;
} magics[] = {
	{ "cgroup2", CGROUP2_SUPER_MAGIC },
	{ "debugfs", DEBUGFS_MAGIC },
};

static bool is_near_type(const char *type)
{
	size_t i;

	for (i = 0; i < sizeof(near_types) / sizeof(near_types[0]); i++) {
		if (!strcmp(type, near_types[i]))
			return true;
	}
	return false;
}

static void points_free(char **points)
{
	size_t i;

	for (i = 0; points && points[i]; i++)
		free(points[i]);
	free(points);
}

/* The mounts that may make one wait, NULL at the end; or NULL if out of memory. */
static char **far_points(void)
{
	struct libmnt_table *table = mnt_new_table_from_file(MOUNTINFO);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	char **points = NULL;
	struct libmnt_fs *fs;
	size_t nr = 0;

	points = calloc(table ? mnt_table_get_nents(table) + 1 : 1,
			sizeof(*points));
	while (table && iter && points && !mnt_table_next_fs(table, iter, &fs)) {
		const char *type = mnt_fs_get_fstype(fs);
		const char *point = mnt_fs_get_target(fs);

		/* we would not run if the root directory made us wait */
		if (!type || is_near_type(type) || !strcmp(point, "/"))
			continue;
		points[nr] = strdup(point);
		if (points[nr++])
			continue;
		/* all of them, or one would be taken for near */
		points_free(points);
		points = NULL;
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return points;
}

/* as reach_is_near() has found them */
static char **far;

/**
 * reach_is_near() - may a path be looked at
 * @path: absolute, without symbolic links, as the mount table has it
 *
 * Return: true if neither what is mounted there nor what is mounted on the way
 *	can make us wait, so that no automount is triggered or kept either.
 */
bool reach_is_near(const char *path)
{
	size_t i;

	if (!far)
		far = far_points();
	for (i = 0; far && far[i]; i++) {
		if (place_is_below(path, far[i]))
			return false;
	}
	return far;
}

/* Has reach_is_near() read the mount table again. */
void reach_renew(void)
{
	points_free(far);
	far = NULL;
}

/*
 * Opens @path with O_PATH, if the file system there answers by itself; or -1.
 */
int reach_open(const char *path)
{
	struct libmnt_table *table = mnt_new_table_from_file(MOUNTINFO);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	int fd = lookup_open(path), id = fd < 0 ? -1 : place_id_of(fd);
	struct libmnt_fs *fs;
	bool near = false;

	while (table && iter && !mnt_table_next_fs(table, iter, &fs))
		near |= mnt_fs_get_id(fs) == id &&
			is_near_type(mnt_fs_get_fstype(fs) ?: "");
	mnt_free_iter(iter);
	mnt_unref_table(table);
	if (fd >= 0 && !near) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What else was mounted last on the way to @point, as "sysfs on /sys". */
static char *cover_of(struct libmnt_table *table, const char *point,
		      const char *type)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;
	char *text = NULL;

	while (iter && !text && !mnt_table_next_fs(table, iter, &fs)) {
		if (place_is_below(point, mnt_fs_get_target(fs)) &&
		    strcmp(mnt_fs_get_fstype(fs) ?: "", type) &&
		    asprintf(&text, "%s on %s", mnt_fs_get_fstype(fs),
			     mnt_fs_get_target(fs)) < 0)
			text = NULL;
	}
	mnt_free_iter(iter);
	return text ? text_printable(text) : NULL;
}

/* Without a mount table. */
static const char *find_by_magic(const char *type, const char *usual)
{
	struct statfs statfs_;
	size_t i;

	for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (!strcmp(type, magics[i].type) && !statfs(usual, &statfs_) &&
		    statfs_.f_type == magics[i].magic)
			return usual;
	}
	return NULL;
}

/**
 * reach_find() - where a file system is mounted
 * @type: of the file system
 * @usual: preferred, if it is one of the places
 * @cover: set if it is mounted only where something else is mounted over it:
 *	what; else NULL
 *
 * Return: a place where it is what is seen; or NULL. To be freed, as @cover.
 */
char *reach_find(const char *type, const char *usual, char **cover)
{
	struct libmnt_table *table = mnt_new_table_from_file(MOUNTINFO);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	const char *found = NULL, *covered = NULL;
	struct libmnt_fs *fs;
	struct stat stat_;
	char *place;

	*cover = NULL;
	if (!table)
		found = find_by_magic(type, usual);
	while (table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		const char *point = mnt_fs_get_target(fs);

		if (!point || strcmp(mnt_fs_get_fstype(fs) ?: "", type))
			continue;
		if (!reach_is_near(point) || stat(point, &stat_) ||
		    stat_.st_dev != mnt_fs_get_devno(fs))
			covered = point;
		else if (!found || !strcmp(point, usual))
			found = point;
	}
	if (!found && covered)
		*cover = cover_of(table, covered, type);
	place = found ? strdup(found) : NULL;
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return place;
}
