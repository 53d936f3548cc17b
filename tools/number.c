// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libmount.h>

#include "../uapi/tmpfswarn.h"
#include "lookup.h"
#include "number.h"

/* how long the search may take, in milliseconds */
#define PATIENCE	5000

/**
 * struct search - for a mount of which only the number is known
 * @dev: the number
 * @fd: what was found, -1 so far
 * @namespaces: those that were searched, by inode
 * @nr_namespaces: how many
 */
struct search {
	dev_t dev;
	int fd;
	ino_t *namespaces;
	size_t nr_namespaces;
};

/* True for "major:minor" and nothing else: a file of that name has a slash. */
bool number_parse(const char *text, dev_t *dev)
{
	unsigned int major, minor;
	int length = 0;

	if (!isdigit((unsigned char)*text) ||
	    text[strspn(text, "0123456789:")] || strlen(text) > 20 ||
	    sscanf(text, "%u:%u%n", &major, &minor, &length) != 2 ||
	    text[length])
		return false;
	*dev = makedev(major, minor);
	return true;
}

/* True if @fd, on debugfs, is a directory that the module has for a mount. */
bool number_of_directory(int fd, dev_t *dev)
{
	char link[64], path[PATH_MAX];
	const char *name;
	ssize_t length;

	if (faccessat(fd, TMPFSWARN_EVENT_CONTROL, F_OK, 0))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return false;
	path[length] = '\0';
	name = strrchr(path, '/');
	return name && number_parse(name + 1, dev);
}

/* Nothing that is not meant is asked for its attributes: its server may hang. */
static bool search_open(struct search *search, const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (lookup_is_on(fd, search->dev)) {
		search->fd = fd;
		return true;
	}
	close(fd);
	return false;
}

/* The mount points of a process, as seen from its root directory. */
static bool search_mounts(struct search *search, const char *process)
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_table *table;
	struct libmnt_fs *fs;
	char path[PATH_MAX];
	bool found = false;

	snprintf(path, sizeof(path), "%s/mountinfo", process);
	table = mnt_new_table_from_file(path);
	while (!found && table && iter &&
	       !mnt_table_next_fs(table, iter, &fs)) {
		if (mnt_fs_get_devno(fs) != search->dev ||
		    snprintf(path, sizeof(path), "%s/root%s", process,
			     mnt_fs_get_target(fs)) >= (int)sizeof(path))
			continue;
		/* another mount may cover it */
		found = search_open(search, path);
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	return found;
}

static bool search_namespace(struct search *search, const char *process)
{
	char path[NAME_MAX];
	struct stat stat_;
	ino_t *more;
	size_t i;

	snprintf(path, sizeof(path), "%s/ns/mnt", process);
	if (stat(path, &stat_))
		return false;
	for (i = 0; i < search->nr_namespaces; i++) {
		if (search->namespaces[i] == stat_.st_ino)
			return false;
	}
	more = reallocarray(search->namespaces, search->nr_namespaces + 1,
			    sizeof(*more));
	if (!more)
		return false;
	search->namespaces = more;
	more[search->nr_namespaces++] = stat_.st_ino;
	return search_mounts(search, process);
}

static bool search_directory(struct search *search, const char *process,
			     const char *name)
{
	char path[NAME_MAX + 64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", process, name);
	dir = opendir(path);
	while (!found && dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/%s", process, name,
			 entry->d_name);
		found = *entry->d_name != '.' && search_open(search, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* What a process has open, mapped, or is in. */
static bool search_files(struct search *search, const char *process)
{
	static const char *const links[] = { "cwd", "root", "exe" };
	char path[64];
	size_t i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", process, links[i]);
		if (search_open(search, path))
			return true;
	}
	return search_directory(search, process, "fd") ||
	       search_directory(search, process, "map_files");
}

/* Calls @look for each process until it returns true. */
static bool search_processes(struct search *search,
			     bool (*look)(struct search *search,
					  const char *process))
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	bool found = false;
	char process[32];

	while (!found && dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(process, sizeof(process), "/proc/%.16s",
			 entry->d_name);
		found = look(search, process);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int search_all(const void *data)
{
	struct search search = { .dev = *(const dev_t *)data, .fd = -1 };

	if (!search_mounts(&search, "/proc/self") &&
	    !search_processes(&search, search_namespace))
		search_processes(&search, search_files);
	free(search.namespaces);
	return search.fd;
}

/*
 * A file descriptor on the mount @dev, by whatever leads there: our own mount
 * points, those of other namespaces, open files; -1 if nothing does that we may
 * look at, or if it takes too long: what is on the way may hang.
 */
int number_open(dev_t dev)
{
	return lookup_call(search_all, &dev, PATIENCE);
}
