// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libmount.h>
#include <linux/magic.h>

#include "automount.h"
#include "mount.h"
#include "number.h"
#include "refusal.h"
#include "tool.h"

#define MOUNTINFO	"/proc/self/mountinfo"

static struct libmnt_table *mount_table(void)
{
	struct libmnt_table *table = mnt_new_table_from_file(MOUNTINFO);

	if (!table)
		error(MOUNTINFO ": cannot be read: mount -t proc proc /proc");
	return table;
}

/* The mount of @mounts that has the number @dev, a new one if there is none. */
static struct mount *mount_get(struct mount **mounts, size_t *nr, dev_t dev)
{
	struct mount *more;
	size_t i;

	for (i = 0; i < *nr; i++) {
		if ((*mounts)[i].dev == dev)
			return &(*mounts)[i];
	}
	more = reallocarray(*mounts, *nr + 1, sizeof(*more));
	if (!more)
		return NULL;
	*mounts = more;
	more += (*nr)++;
	*more = (struct mount){ .dev = dev };
	return more;
}

static int mount_add_point(struct mount *mount, const char *point)
{
	const char **more;

	more = reallocarray(mount->points, mount->nr_points + 1, sizeof(*more));
	if (!more)
		return -1;
	more[mount->nr_points++] = point;
	mount->points = more;
	return 0;
}

/*
 * All tmpfs in the order in which they were mounted. Says so if that fails;
 * what it returns is never freed.
 */
int mount_list(struct mount **mounts, size_t *nr)
{
	struct libmnt_table *table = mount_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	*mounts = NULL;
	*nr = 0;
	if (!table)
		return STATUS_ERROR;
	if (!iter)
		goto no_memory;
	while (!mnt_table_next_fs(table, iter, &fs)) {
		const char *type = mnt_fs_get_fstype(fs);
		struct mount *mount;

		if (!type || strcmp(type, "tmpfs"))
			continue;
		mount = mount_get(mounts, nr, mnt_fs_get_devno(fs));
		if (!mount || mount_add_point(mount, mnt_fs_get_target(fs)))
			goto no_memory;
	}
	mnt_free_iter(iter);
	return STATUS_OK;

no_memory:
	error("out of memory");
	return STATUS_ERROR;
}

/* The mount with the id @id or, of another namespace, one with its number. */
static struct libmnt_fs *mount_find(struct libmnt_table *table, int id,
				    dev_t dev)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs, *found = NULL;

	while (iter && !mnt_table_next_fs(table, iter, &fs)) {
		if (mnt_fs_get_id(fs) == id) {
			found = fs;
			break;
		}
	}
	mnt_free_iter(iter);
	return found ? found :
		       mnt_table_find_devno(table, dev, MNT_ITER_FORWARD);
}

/* Memfds, SysV and anonymous shared memory are on a mount of the kernel's own. */
static bool mount_is_internal(dev_t dev)
{
	int fd = memfd_create("tmpfswarn", MFD_CLOEXEC);
	struct stat stat_;
	bool same;

	if (fd < 0)
		return false;
	same = !fstat(fd, &stat_) && stat_.st_dev == dev;
	close(fd);
	return same;
}

/**
 * struct place - where something is
 * @fd: holds it
 * @dev: number of its mount
 * @table: of mounts, NULL if that cannot be read
 * @fs: its mount, NULL if it is none of @table
 * @type: of @fs, "" if that is not known
 */
struct place {
	int fd;
	dev_t dev;
	struct libmnt_table *table;
	struct libmnt_fs *fs;
	const char *type;
};

static void place_close(struct place *place)
{
	if (place->fd >= 0)
		close(place->fd);
	mnt_unref_table(place->table);
}

/* Sets all but @fd, and asks no server, which may hang. False if that fails. */
static bool place_find(struct place *place)
{
	struct statx statx_;

	if (statx(place->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		  STATX_MNT_ID, &statx_))
		return false;
	place->dev = makedev(statx_.stx_dev_major, statx_.stx_dev_minor);
	place->table = mount_table();
	if (place->table)
		place->fs = mount_find(place->table, statx_.stx_mnt_id,
				       place->dev);
	place->type = (place->fs ? mnt_fs_get_fstype(place->fs) : NULL) ?: "";
	return true;
}

/* False after saying why not. */
static bool place_open(struct place *place, const char *path)
{
	*place = (struct place){ .fd = open(path, O_PATH | O_CLOEXEC) };
	if (place->fd >= 0 && place_find(place))
		return true;
	error("%s: %s", path, strerror(errno));
	place_close(place);
	return false;
}

/* Why @place is not to be watched is said. */
static bool place_is_tmpfs(const struct place *place, const char *path)
{
	struct statfs statfs = { };

	if (!place->table)
		return false;
	if (mount_is_internal(place->dev)) {
		error("%s: on the kernel's own tmpfs, that of memfds and shared memory, which has no size to be filled",
		      path);
		return false;
	}
	if (!strcmp(place->type, "tmpfs"))
		return true;
	/* of the others the server may hang */
	if (!*place->type || !strcmp(place->type, "overlay"))
		fstatfs(place->fd, &statfs);
	if (!*place->type && statfs.f_type == TMPFS_MAGIC)
		return true;
	refusal_say(path, place->type, &statfs, place->fs);
	return false;
}

/* Closes @place but for its file descriptor, if it is on a tmpfs; that or -1. */
static int place_take(struct place *place, const char *path, dev_t *dev)
{
	int fd = -1;

	if (place_is_tmpfs(place, path)) {
		*dev = place->dev;
		fd = place->fd;
		place->fd = -1;
	}
	place_close(place);
	return fd;
}

/* A mount of which the number is known, by @path. */
static int mount_open_number(const char *path, dev_t *dev)
{
	struct place place = { .fd = number_open(*dev) };

	if (place.fd < 0)
		return MOUNT_UNREACHED;
	return place_find(&place) ? place_take(&place, path, dev) : -1;
}

/*
 * Opens @path, which keeps its mount from going away, and finds the number of
 * the tmpfs that it is on. @path may be that number, or the directory that the
 * module has for it in debugfs. Says so if it is on none.
 *
 * Return: a file descriptor; MOUNT_UNREACHED if nothing leads to that number;
 *	or -1.
 */
int mount_open(const char *path, dev_t *dev)
{
	struct place place;

	if (number_parse(path, dev))
		return mount_open_number(path, dev);
	if (!place_open(&place, path))
		return -1;
	if (!strcmp(place.type, "autofs")) {
		place_close(&place);
		if (!automount_trigger(path) || !place_open(&place, path))
			return -1;
	}
	if (!strcmp(place.type, "debugfs") &&
	    number_of_directory(place.fd, dev)) {
		place_close(&place);
		return mount_open_number(path, dev);
	}
	return place_take(&place, path, dev);
}

const char *mount_number(char buf[MOUNT_NUMBER_SIZE], dev_t dev)
{
	snprintf(buf, MOUNT_NUMBER_SIZE, "%u:%u", major(dev), minor(dev));
	return buf;
}

/*
 * Where a file system of @type is mounted, @usual if that is one of the places;
 * NULL if nowhere. Never freed.
 */
const char *mount_of_type(const char *type, const char *usual)
{
	struct libmnt_table *table = mnt_new_table_from_file(MOUNTINFO);
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	const char *found = NULL;
	struct libmnt_fs *fs;

	while (table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		const char *target = mnt_fs_get_target(fs);

		if (!target || strcmp(mnt_fs_get_fstype(fs) ?: "", type))
			continue;
		if (!found || !strcmp(target, usual))
			found = target;
	}
	found = found ? strdup(found) : NULL;
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return found;
}
