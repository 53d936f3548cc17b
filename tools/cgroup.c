// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "exec.h"
#include "reach.h"

/* as many times as long as a search takes there is none */
#define CGROUP_SHARE	19

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

/**
 * cgroup_mount() - where the cgroups are
 *
 * Return: a path that is never freed; or NULL.
 */
const char *cgroup_mount(void)
{
	static const char *mount;
	char *cover = NULL;

	if (!mount)
		mount = reach_find("cgroup2", "/sys/fs/cgroup", &cover);
	free(cover);
	return mount;
}

/**
 * cgroup_of() - the cgroup of a process
 * @pid: which, 0 for this one
 *
 * Return: its path below the cgroup2 mount, to be freed; or NULL. Where systemd
 *	keeps its units in a hierarchy of version 1, that of the unit.
 */
char *cgroup_of(pid_t pid)
{
	static const char version_2[] = "0::/", version_1[] = ":name=systemd:/";
	char name[64] = "/proc/self/cgroup", *line = NULL, *path = NULL;
	size_t size = 0;
	FILE *file;

	if (pid)
		snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	file = fopen(name, "re");
	if (!file)
		return NULL;
	while (getline(&line, &size, file) > 0) {
		const char *found = strstr(line, version_1);

		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, version_2, strlen(version_2)))
			found = line + strlen(version_2) - 1;
		else if (found)
			found += strlen(version_1) - 1;
		/* that of version 2 is the last, and "/" where nobody uses it */
		if (!found || (path && !found[1]))
			continue;
		free(path);
		path = strdup(found);
	}
	free(line);
	fclose(file);
	return path;
}

/* As the process @pid has it, if it still runs and has not moved since. */
static bool cgroup_of_process(struct cgroup *cgroup, uint64_t id, pid_t pid)
{
	char *path = cgroup_of(pid);
	struct stat stat_;
	bool found;

	found = path && cgroup_append(cgroup, cgroup->root, path) &&
		!stat(cgroup->path, &stat_) && stat_.st_ino == id;
	free(path);
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
 * Where that process does not say, all cgroups are looked through, which takes the longer the
 * more there are. Whoever makes one for each crossing could have nothing else done: so that
 * takes a twentieth of the time at most, and none is found in between.
 *
 * Return: its path below the cgroup2 mount, as in /proc/PID/cgroup, valid until
 *	the next call; or NULL.
 */
const char *cgroup_path(uint64_t id, pid_t pid)
{
	static struct cgroup last;
	static uint64_t last_id, searched_id;
	static double again;
	static bool found;
	const char *mount = cgroup_mount();
	double now;

	if (!mount)
		return NULL;
	/* no id is given to two cgroups, and none is renamed */
	if (found && id == last_id)
		return last.path + last.root;
	last_id = id;
	last.root = strlen(mount);
	cgroup_append(&last, 0, mount);
	found = cgroup_of_process(&last, id, pid);
	now = exec_now();
	if (!found && id != searched_id && now >= again) {
		searched_id = id;
		cgroup_append(&last, 0, mount);
		found = cgroup_search(&last, last.root, id);
		again = exec_now() + CGROUP_SHARE * (exec_now() - now);
	}
	return found ? last.path + last.root : NULL;
}

/* The length of @text without ".scope" or ".service". */
static size_t name_length(const char *text, size_t length)
{
	static const char *const ends[] = { ".scope", ".service" };
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end = strlen(ends[i]);

		if (length > end &&
		    !strncmp(text + length - end, ends[i], end))
			return length - end;
	}
	return length;
}

/* Those who run containers name a cgroup for each, most with 64 hex digits. */
static bool is_container(const char *text, size_t length, bool *id)
{
	static const char *const begins[] = {
		"lxc.payload.", "machine-", "systemd-nspawn@",
	};
	size_t digits = 0, i;

	while (digits < length && isxdigit((unsigned char)text[length - digits - 1]))
		digits++;
	*id = digits == 64;
	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		if (!strncmp(text, begins[i], strlen(begins[i])))
			return true;
	}
	return *id;
}

/**
 * cgroup_name() - what people call a cgroup
 * @buf: for the name
 * @path: of the cgroup
 *
 * Return: the outermost container, as "docker-0123456789ab"; else the innermost
 *	unit of systemd, as "cups.service"; NULL if @path has neither.
 */
const char *cgroup_name(char buf[CGROUP_NAME_SIZE], const char *path)
{
	const char *found = NULL;

	while (*path) {
		size_t length, name;
		bool id;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		name = name_length(path, length);
		if (name < length) {
			found = buf;
			snprintf(buf, CGROUP_NAME_SIZE, "%.*s", (int)length, path);
		}
		if (is_container(path, name, &id)) {
			/* as much of an id as docker ps shows */
			if (id)
				name -= 64 - 12;
			snprintf(buf, CGROUP_NAME_SIZE, "%.*s", (int)name, path);
			return buf;
		}
		path += length;
	}
	return found;
}
