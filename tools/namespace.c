// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libmount.h>

#include "namespace.h"

/* PROC_PID_INIT_INO of the kernel, the same in all versions */
#define INITIAL_PID_NAMESPACE	0xeffffffc

/* users may make any number of namespaces with any number of mounts */
#define SECONDS_AT_MOST		2

/**
 * struct table - one that has been read
 * @namespace: of which mount namespace
 * @root: for which root directory
 */
struct table {
	ino_t namespace;
	char *root;
};

struct tables {
	struct table *read;
	size_t nr;
};

/* False if that of @process has been read, or is out of reach, as errno says. */
static bool tables_add(struct tables *tables, const char *process)
{
	char path[64], root[PATH_MAX];
	struct table *more;
	struct stat stat_;
	ssize_t length;
	size_t i;

	errno = 0;
	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", process);
	if (stat(path, &stat_))
		return false;
	/* not looked at: it may be on a file system that does not answer */
	snprintf(path, sizeof(path), "/proc/%s/root", process);
	length = readlink(path, root, sizeof(root) - 1);
	if (length < 0)
		return false;
	root[length] = '\0';
	for (i = 0; i < tables->nr; i++) {
		if (tables->read[i].namespace == stat_.st_ino &&
		    !strcmp(tables->read[i].root, root))
			return false;
	}
	more = reallocarray(tables->read, tables->nr + 1, sizeof(*more));
	if (!more)
		return false;
	tables->read = more;
	more[tables->nr].namespace = stat_.st_ino;
	more[tables->nr].root = strdup(root);
	return more[tables->nr].root && ++tables->nr;
}

/* Does /proc show all processes of the machine? */
static bool shows_all(void)
{
	struct stat stat_;

	return !stat("/proc/self/ns/pid", &stat_) &&
	       stat_.st_ino == INITIAL_PID_NAMESPACE;
}

/**
 * namespace_visit() - read the mount tables of other processes
 * @visit: called for each
 * @data: for @visit
 *
 * Return: true if no process is known to have another.
 */
bool namespace_visit(namespace_table *visit, void *data)
{
	DIR *processes = opendir("/proc");
	struct tables tables = { };
	struct timespec begin, now;
	bool all = processes && shows_all();
	struct dirent *process;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (processes && !tables_add(&tables, "self"))
		all = false;
	while (processes && (process = readdir(processes))) {
		struct libmnt_table *table;
		char path[64];
		pid_t pid = strtol(process->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		if (!tables_add(&tables, process->d_name)) {
			/* a process that has ended has no mounts any more */
			if (errno && errno != ENOENT && errno != ESRCH)
				all = false;
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - begin.tv_sec > SECONDS_AT_MOST) {
			all = false;
			break;
		}
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
		table = mnt_new_table_from_file(path);
		if (table)
			visit(data, pid, table);
		else if (!kill(pid, 0))
			all = false;
		mnt_unref_table(table);
	}
	while (tables.nr)
		free(tables.read[--tables.nr].root);
	free(tables.read);
	if (processes)
		closedir(processes);
	return all;
}
