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
#include "lookup.h"
#include "mount.h"
#include "number.h"
#include "tool.h"
#include "unwatchable.h"

/* how long a path may take, in milliseconds: a file system may be far away */
#define PATIENCE	10000

/* The mount table as it is now; NULL after saying why not. */
struct libmnt_table *mount_table(void)
{
	struct libmnt_table *table = mnt_new_table_from_file(MOUNTINFO);

	if (!table && (errno == EMFILE || errno == ENFILE))
		error("%s", error_text(errno));
	else if (!table)
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
 * struct spot - where something is
 * @fd: holds it
 * @dev: number of its mount
 * @table: of mounts, NULL if that cannot be read
 * @fs: its mount, NULL if it is none of @table
 * @type: of @fs, "" if that is not known
 */
struct spot {
	int fd;
	dev_t dev;
	struct libmnt_table *table;
	struct libmnt_fs *fs;
	const char *type;
};

static void spot_close(struct spot *spot)
{
	if (spot->fd >= 0)
		close(spot->fd);
	mnt_unref_table(spot->table);
}

/* Sets all but @fd, and asks no server, which may hang. False if that fails. */
static bool spot_find(struct spot *spot)
{
	struct statx statx_;

	if (statx(spot->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		  STATX_MNT_ID, &statx_))
		return false;
	spot->dev = makedev(statx_.stx_dev_major, statx_.stx_dev_minor);
	spot->table = mount_table();
	if (spot->table)
		spot->fs = mount_find(spot->table, statx_.stx_mnt_id,
				       spot->dev);
	spot->type = (spot->fs ? mnt_fs_get_fstype(spot->fs) : NULL) ?: "";
	return true;
}

/* False after saying why not. */
static bool spot_open(struct spot *spot, const char *path)
{
	*spot = (struct spot){
		.fd = lookup_open_within(path, PATIENCE),
	};
	if (spot->fd >= 0 && spot_find(spot))
		return true;
	error("%s: %s", path, error_text(errno));
	spot_close(spot);
	return false;
}

/* Why @spot is not to be watched is said. */
static bool spot_is_tmpfs(const struct spot *spot, const char *path)
{
	struct statfs statfs = { };

	if (!spot->table)
		return false;
	if (mount_is_internal(spot->dev)) {
		error("%s: on the kernel's own tmpfs, that of memfds and shared memory, which has no size to be filled",
		      path);
		return false;
	}
	if (!strcmp(spot->type, "tmpfs"))
		return true;
	/* of the others the server may hang */
	if (!*spot->type || !strcmp(spot->type, "overlay"))
		fstatfs(spot->fd, &statfs);
	if (!*spot->type && statfs.f_type == TMPFS_MAGIC)
		return true;
	unwatchable_say(path, spot->type, &statfs, spot->fs);
	return false;
}

/* Closes @spot but for its file descriptor, if it is on a tmpfs; that or -1. */
static int spot_take(struct spot *spot, const char *path, dev_t *dev)
{
	int fd = -1;

	if (spot_is_tmpfs(spot, path)) {
		*dev = spot->dev;
		fd = spot->fd;
		spot->fd = -1;
	}
	spot_close(spot);
	return fd;
}

/* A mount of which the number is known, by @path. */
static int mount_open_number(const char *path, dev_t *dev)
{
	struct spot spot = { .fd = number_open(*dev) };

	if (spot.fd < 0)
		return MOUNT_UNREACHED;
	return spot_find(&spot) ? spot_take(&spot, path, dev) : -1;
}

/*
 * Opens @path, which keeps its mount from going away, and finds the number of
 * the tmpfs that it is on. @path may be that number, or the directory that the
 * module has for it in debugfs: *@numbered says so. Says so if it is on none.
 *
 * Return: a file descriptor; MOUNT_UNREACHED if nothing leads to that number;
 *	or -1.
 */
int mount_open(const char *path, dev_t *dev, bool *numbered)
{
	struct spot spot;

	*numbered = number_parse(path, dev);
	if (*numbered)
		return mount_open_number(path, dev);
	if (!spot_open(&spot, path))
		return -1;
	if (!strcmp(spot.type, "autofs")) {
		spot_close(&spot);
		if (!automount_trigger(path) || !spot_open(&spot, path))
			return -1;
	}
	if (!strcmp(spot.type, "debugfs") &&
	    number_of_directory(spot.fd, dev)) {
		spot_close(&spot);
		*numbered = true;
		return mount_open_number(path, dev);
	}
	return spot_take(&spot, path, dev);
}

const char *mount_number(char buf[MOUNT_NUMBER_SIZE], dev_t dev)
{
	snprintf(buf, MOUNT_NUMBER_SIZE, "%u:%u", major(dev), minor(dev));
	return buf;
}
