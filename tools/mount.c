// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libmount.h>
#include <linux/magic.h>

#include "mount.h"
#include "text.h"
#include "tool.h"

static struct libmnt_table *mount_table(void)
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

/* The type of the mount with the id @id, "" if it is not to be seen here. */
static const char *mount_type(struct libmnt_table *table, int id)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	const char *type = NULL;
	struct libmnt_fs *fs;

	while (iter && !mnt_table_next_fs(table, iter, &fs)) {
		if (mnt_fs_get_id(fs) == id) {
			type = mnt_fs_get_fstype(fs);
			break;
		}
	}
	mnt_free_iter(iter);
	return type ? type : "";
}

/*
 * Opens @path, which keeps its mount from going away, and finds the number of
 * the tmpfs that it is on. Says so if it is on none.
 *
 * Return: a file descriptor, or -1.
 */
int mount_open(const char *path, dev_t *dev)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct libmnt_table *table = NULL;
	struct statfs statfs;
	struct statx statx_;
	const char *type;

	if (fd < 0 || fstatfs(fd, &statfs) ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID,
		  &statx_)) {
		error("%s: %s", text_name(path), error_text(errno));
		goto fail;
	}
	table = mount_table();
	if (!table)
		goto fail;
	type = mount_type(table, statx_.stx_mnt_id);

	if (statfs.f_type != TMPFS_MAGIC) {
		error("%s: %s, not tmpfs", text_name(path),
		      *type ? type : "another filesystem");
		goto fail;
	}
	/* both are made of the same code and say TMPFS_MAGIC, too */
	if (!strcmp(type, "devtmpfs") || !strcmp(type, "rootfs")) {
		error("%s: %s, which the kernel fills itself, not tmpfs",
		      text_name(path), type);
		goto fail;
	}
	*dev = makedev(statx_.stx_dev_major, statx_.stx_dev_minor);
	mnt_unref_table(table);
	return fd;

fail:
	mnt_unref_table(table);
	if (fd >= 0)
		close(fd);
	return -1;
}

const char *mount_number(char buf[MOUNT_NUMBER_SIZE], dev_t dev)
{
	snprintf(buf, MOUNT_NUMBER_SIZE, "%u:%u", major(dev), minor(dev));
	return buf;
}
