// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "mount.h"

/* A path below the cgroup2 mount, from which it begins with a slash. */
struct cgroup {
	char path[PATH_MAX];
	size_t root;
};

static bool cgroup_append(struct cgroup *cgroup, size_t length,
			  const char *text)
{
	size_t left = sizeof(cgroup->path) - length;

	return (size_t)snprintf(cgroup->path + length, left, "%s", text) < left;
}

/* As the process @pid has it, if it still runs and has not moved since. */
static bool cgroup_of_process(struct cgroup *cgroup, uint64_t id, pid_t pid)
{
	char name[64], line[PATH_MAX];
	bool found = false;
	struct stat stat_;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		/* the line of version 2 */
		found = !strncmp(line, "0::/", 4) &&
			cgroup_append(cgroup, cgroup->root, line + 3) &&
			!stat(cgroup->path, &stat_) && stat_.st_ino == id;
	}
	fclose(file);
	return found;
}

/* Looks for @id below the directory that the first @length bytes name. */
static bool cgroup_search(struct cgroup *cgroup, size_t length, uint64_t id)
{
	DIR *dir = opendir(cgroup->path);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || *entry->d_name == '.' ||
		    !cgroup_append(cgroup, length, "/") ||
		    !cgroup_append(cgroup, length + 1, entry->d_name))
			continue;
		found = entry->d_ino == id ||
			cgroup_search(cgroup, strlen(cgroup->path), id);
	}
	if (dir)
		closedir(dir);
	return found;
}

/**
 * cgroup_path() - where a cgroup is
 * @id: of the cgroup
 * @pid: of a process that was in it
 *
 * Return: its path below the cgroup2 mount, as in /proc/PID/cgroup, valid until
 *	the next call; or NULL.
 */
const char *cgroup_path(uint64_t id, pid_t pid)
{
	static const char *mount;
	static struct cgroup last;
	static uint64_t last_id;
	static bool found;

	if (!mount)
		mount = mount_of_type("cgroup2", "/sys/fs/cgroup");
	if (!mount)
		return NULL;
	/* no id is given to two cgroups, and none is renamed */
	if (id != last_id) {
		last_id = id;
		last.root = strlen(mount);
		cgroup_append(&last, 0, mount);
		found = cgroup_of_process(&last, id, pid);
		if (!found) {
			cgroup_append(&last, 0, mount);
			found = cgroup_search(&last, last.root, id);
		}
	}
	return found ? last.path + last.root : NULL;
}
