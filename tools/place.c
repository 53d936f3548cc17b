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

/* By the mount that it is on, and then by where on that. */
static int placed_compare(const void *a, const void *b)
{
	const struct placed *one = a, *other = b;
	int way;

	if (one->parent != other->parent)
		return one->parent < other->parent ? -1 : 1;
	way = strncmp(one->point, other->point,
		      one->length < other->length ? one->length : other->length);
	if (way || one->length == other->length)
		return way;
	return one->length < other->length ? -1 : 1;
}

/*
 * Sorts what is mounted on other mounts. What is mounted over the root directory is
 * not on the way of those who have that for their root directory. False if there is
 * no memory.
 */
static bool places_sort(struct places *places)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	int all = mnt_table_get_nents(places->table);
	struct libmnt_fs *fs;

	places->placed = calloc(all ? all : 1, sizeof(*places->placed));
	if (!iter || !places->placed) {
		mnt_free_iter(iter);
		return false;
	}
	while (!mnt_table_next_fs(places->table, iter, &fs)) {
		const char *point = mnt_fs_get_target(fs);

		if (mnt_fs_get_id(fs) == places->root_id)
			places->root = fs;
		if (!point || !point[1])
			continue;
		places->placed[places->nr++] = (struct placed){
			.parent = mnt_fs_get_parent_id(fs),
			.point = point,
			.length = strlen(point),
			.fs = fs,
		};
	}
	mnt_free_iter(iter);
	qsort(places->placed, places->nr, sizeof(*places->placed),
	      placed_compare);
	return true;
}

void places_free(struct places *places)
{
	if (!places)
		return;
	mnt_unref_table(places->table);
	free(places->placed);
	free(places);
}

/* As the mount table is now; NULL after saying why not. */
static struct places *places_read_once(void)
{
	struct places *places = calloc(1, sizeof(*places));
	struct statx root;

	if (!places) {
		error("out of memory");
		return NULL;
	}
	places->root_id = -1;
	if (!statx(AT_FDCWD, "/", AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		   STATX_MNT_ID, &root) && (root.stx_mask & STATX_MNT_ID)) {
		places->root_id = root.stx_mnt_id;
		places->root_dev = makedev(root.stx_dev_major,
					   root.stx_dev_minor);
	}
	places->table = mount_table();
	if (places->table && places_sort(places))
		return places;
	if (places->table)
		error("out of memory");
	places_free(places);
	return NULL;
}

/**
 * places_read() - read the mount table, no part of it older than another
 * @monitor: of it; NULL to read it once
 *
 * Return: to be freed by places_free(); NULL after saying why not.
 */
struct places *places_read(struct libmnt_monitor *monitor)
{
	struct places *places = NULL;
	int tries = 0;

	do {
		places_free(places);
		places = places_read_once();
		/* a change after the last one is seen the next time */
	} while (places && monitor && ++tries < TABLE_TRIES &&
		 place_table_changed(monitor));
	return places;
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
static bool place_is_ours(const struct places *places, int fd)
{
	int id = place_id_of(fd);

	return id < 0 || id == places->root_id || place_has_id(places, id);
}

/* As place_path(), past automounts. */
static char *place_resolve(const struct places *places, const char *path)
{
	char *head = strdup(path), *rest = strdup(""), *found = NULL;
	int links = 0;

	errno = *path ? ENOMEM : ENOENT;
	while (*path && head && rest && !found) {
		int fd = lookup_open(*head ? head : *path == '/' ? "/" : ".");
		char *link, *slash, *more;

		if (fd >= 0) {
			if (place_is_ours(places, fd))
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

bool place_has_id(const struct places *places, int id)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs = NULL;
	bool found = false;

	while (iter && !found && !mnt_table_next_fs(places->table, iter, &fs))
		found = mnt_fs_get_id(fs) == id;
	mnt_free_iter(iter);
	return found;
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
static struct libmnt_fs *place_step(const struct places *places, int id,
				    const char *path)
{
	struct placed key = { .parent = id, .point = path };
	const struct placed *found = NULL;

	while (!found && path[key.length]) {
		key.length += 1 + strcspn(path + key.length + 1, "/");
		found = bsearch(&key, places->placed, places->nr,
				sizeof(key), placed_compare);
	}
	return found ? found->fs : NULL;
}

/**
 * place_find() - the mount that a path is on, or would be if it existed
 * @places: the mount table
 * @path: as place_path() has made it
 * @place: set to it
 *
 * Goes down from the root directory, mount by mount: the longest mount point
 * that @path begins with may be hidden by another mount.
 *
 * Return: false if that cannot be known.
 */
bool place_find(const struct places *places, const char *path,
		struct place *place)
{
	struct libmnt_fs *fs = places->root, *next;

	*place = (struct place){
		.id = places->root_id,
		.dev = places->root_dev,
		.point = "",
		.type = "",
		.options = "",
	};
	if (place->id < 0)
		return false;
	while ((next = place_step(places, fs ? mnt_fs_get_id(fs) : place->id, path)))
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
 * True if its mount point leads to the mount @fs, which @place is set to: another
 * may be mounted over it, or over what is above it.
 */
bool place_is_reached(const struct places *places, struct libmnt_fs *fs,
		      struct place *place)
{
	return place_find(places, mnt_fs_get_target(fs), place) &&
	       place->id == mnt_fs_get_id(fs);
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
static bool place_is_automount(const struct places *places, const char *path)
{
	struct place place;

	return place_find(places, path, &place) && !strcmp(place.type, "autofs");
}

/*
 * @path from the root directory on, without symbolic links, whether or not it
 * exists: to be freed, or NULL and errno, EXDEV if it leads to another mount
 * namespace. Looks at file systems, but not past an automount.
 */
char *place_path(const struct places *places, const char *path)
{
	char *absolute = place_absolute(path);

	if (absolute && *path && place_is_automount(places, absolute))
		return absolute;
	free(absolute);
	return place_resolve(places, path);
}
