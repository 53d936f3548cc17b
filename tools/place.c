// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

#include "lookup.h"
#include "mount.h"
#include "place.h"
#include "tool.h"

/* a table that changes faster than it is read is taken as it is after so often */
#define TABLE_TRIES	16

/* as the kernel has it */
#define LINKS		40

/* True if the mount table has changed since this was asked last. */
bool place_table_changed(struct libmnt_monitor *monitor)
{
	bool changed = false;

	while (!mnt_monitor_next_change(monitor, NULL, NULL))
		changed = true;
	return changed;
}

/* The mount table, no part of it older than another; NULL after saying why not. */
struct libmnt_table *place_table(struct libmnt_monitor *monitor)
{
	struct libmnt_table *table = NULL;
	int tries = 0;

	do {
		mnt_unref_table(table);
		table = mount_table();
		/* a change after the last one is seen the next time */
	} while (table && ++tries < TABLE_TRIES && place_table_changed(monitor));
	return table;
}

/* Where @fd is, to be freed; NULL if that cannot be known. */
char *place_path_of(int fd)
{
	char name[32], path[PATH_MAX];
	ssize_t length;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	length = readlink(name, path, sizeof(path) - 1);
	if (length <= 0 || *path != '/')
		return NULL;
	path[length] = '\0';
	return strdup(path);
}

/* Appends the names of @rest, which do not exist, to @path. */
static char *place_append(char *path, const char *rest)
{
	while (path && *rest) {
		size_t length = strcspn(rest, "/");
		char *end = strrchr(path, '/'), *more = NULL;

		if (length == 2 && !strncmp(rest, "..", 2)) {
			end[end == path] = '\0';
		} else if (length && (length != 1 || *rest != '.')) {
			if (asprintf(&more, "%s%s%.*s", path, end[1] ? "/" : "",
				     (int)length, rest) < 0)
				more = NULL;
			free(path);
			path = more;
		}
		rest += length;
		rest += *rest == '/';
	}
	return path;
}

/* What the link @path leads to, to be freed; NULL if it is none. */
static char *place_follow_link(const char *path)
{
	char target[PATH_MAX], *slash = strrchr(path, '/'), *found;
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return NULL;
	target[length] = '\0';
	if (*target == '/' || !slash)
		return strdup(target);
	if (asprintf(&found, "%.*s/%s", (int)(slash - path), path, target) < 0)
		return NULL;
	return found;
}

/* True if @fd is where this process is, not in another mount namespace. */
static bool place_is_ours(struct libmnt_table *table, int fd)
{
	int id = place_id_of(fd);
	struct place root;

	return id < 0 || place_has_id(table, id) ||
	       (place_find(table, "/", &root) && root.id == id);
}

/* As place_path(), past automounts. */
static char *place_resolve(struct libmnt_table *table, const char *path)
{
	char *head = strdup(path), *rest = strdup(""), *found = NULL;
	int links = 0;

	errno = *path ? ENOMEM : ENOENT;
	while (*path && head && rest && !found) {
		int fd = lookup_open(*head ? head : *path == '/' ? "/" : ".");
		char *link, *slash, *more;

		if (fd >= 0) {
			if (place_is_ours(table, fd))
				found = place_path_of(fd);
			else
				errno = EXDEV;
			close(fd);
			break;
		}
		if (errno != ENOENT || !*head)
			break;
		/* one that leads to what does not exist */
		link = links < LINKS ? place_follow_link(head) : NULL;
		if (link) {
			links++;
			free(head);
			head = link;
			continue;
		}
		slash = strrchr(head, '/');
		if (asprintf(&more, "%s/%s", slash ? slash + 1 : head, rest) < 0)
			more = NULL;
		free(rest);
		rest = more;
		head[slash ? slash - head : 0] = '\0';
	}
	free(head);
	found = found && rest ? place_append(found, rest) : NULL;
	free(rest);
	return found;
}

/* The id of the mount that @fd is on, -1 if that cannot be known. */
int place_id_of(int fd)
{
	struct statx statx_;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID,
		  &statx_) || !(statx_.stx_mask & STATX_MNT_ID))
		return -1;
	return statx_.stx_mnt_id;
}

static struct libmnt_fs *place_next(struct libmnt_table *table,
				    struct libmnt_iter *iter)
{
	struct libmnt_fs *fs;

	return iter && !mnt_table_next_fs(table, iter, &fs) ? fs : NULL;
}

bool place_has_id(struct libmnt_table *table, int id)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	while ((fs = place_next(table, iter)) && mnt_fs_get_id(fs) != id)
		;
	mnt_free_iter(iter);
	return fs;
}

/* No table has the type of a root directory that is no mount point. */
bool place_is_tmpfs(const struct place *place)
{
	struct statfs statfs_;

	return *place->type ? !strcmp(place->type, "tmpfs") :
	       !statfs("/", &statfs_) && statfs_.f_type == TMPFS_MAGIC;
}

/* True if @path is @point or below it. */
bool place_is_below(const char *path, const char *point)
{
	size_t length = strlen(point);

	if (!strcmp(point, "/"))
		return true;
	return !strncmp(path, point, length) &&
	       (!path[length] || path[length] == '/');
}

/* The first mount that @path comes to after the one with the id @id, or NULL. */
static struct libmnt_fs *place_step(struct libmnt_table *table, int id,
				    const char *path)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs, *first = NULL;

	while ((fs = place_next(table, iter))) {
		const char *point = mnt_fs_get_target(fs);

		/*
		 * What is mounted over the root directory is not on the way
		 * of those who have that for their root directory.
		 */
		if (mnt_fs_get_parent_id(fs) != id || !point || !point[1] ||
		    !place_is_below(path, point))
			continue;
		if (!first || strlen(point) < strlen(mnt_fs_get_target(first)))
			first = fs;
	}
	mnt_free_iter(iter);
	return first;
}

/**
 * place_find() - the mount that a path is on, or would be if it existed
 * @table: the mount table
 * @path: as place_path() has made it
 * @place: set to it
 *
 * Goes down from the root directory, mount by mount: the longest mount point
 * that @path begins with may be hidden by another mount.
 *
 * Return: false if that cannot be known.
 */
bool place_find(struct libmnt_table *table, const char *path,
		struct place *place)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs, *next;
	struct statx root;

	*place = (struct place){ .point = "", .type = "", .options = "" };
	if (!iter ||
	    statx(AT_FDCWD, "/", AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		  STATX_MNT_ID, &root) || !(root.stx_mask & STATX_MNT_ID)) {
		mnt_free_iter(iter);
		return false;
	}
	place->id = root.stx_mnt_id;
	place->dev = makedev(root.stx_dev_major, root.stx_dev_minor);
	while ((fs = place_next(table, iter)) && mnt_fs_get_id(fs) != place->id)
		;
	mnt_free_iter(iter);
	while ((next = place_step(table, fs ? mnt_fs_get_id(fs) : place->id, path)))
		fs = next;
	if (!fs)
		return true;
	place->id = mnt_fs_get_id(fs);
	place->dev = mnt_fs_get_devno(fs);
	place->point = mnt_fs_get_target(fs) ?: "";
	place->type = mnt_fs_get_fstype(fs) ?: "";
	place->options = mnt_fs_get_fs_options(fs) ?: "";
	return true;
}

/*
 * @path from the root directory on, with its links as they are: to be freed, or
 * NULL.
 */
static char *place_absolute(const char *path)
{
	char *begin = *path == '/' ? strdup("/") : getcwd(NULL, 0);

	/* "(unreachable)" is what is before it where it is not */
	if (begin && *begin != '/') {
		free(begin);
		return NULL;
	}
	return place_append(begin, path);
}

/*
 * True if an automount, to which nothing is mounted yet, is on the way: looking
 * at what is below would trigger it.
 */
static bool place_is_automount(struct libmnt_table *table, const char *path)
{
	struct place place;

	return place_find(table, path, &place) && !strcmp(place.type, "autofs");
}

/*
 * @path from the root directory on, without symbolic links, whether or not it
 * exists: to be freed, or NULL and errno, EXDEV if it leads to another mount
 * namespace. Looks at file systems, but not past an automount.
 */
char *place_path(struct libmnt_table *table, const char *path)
{
	char *absolute = place_absolute(path);

	if (absolute && *path && place_is_automount(table, absolute))
		return absolute;
	free(absolute);
	return place_resolve(table, path);
}
