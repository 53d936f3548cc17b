// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lookup.h"
#include "parent.h"

/* What becomes readable when something is to be looked at again; or -1. */
int parent_open(void)
{
	return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

/*
 * Watches what there is of @path, once, for the next part of it; false if that
 * cannot be.
 */
bool parent_watch(int fd, const char *path)
{
	char *parent = strdup(path), *slash, name[32];
	int dir = -1, watch;

	while (parent && parent[1] && dir < 0) {
		slash = strrchr(parent, '/');
		/* the root directory stays */
		slash[slash == parent] = '\0';
		dir = lookup_open(parent);
	}
	free(parent);
	if (dir < 0)
		return false;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", dir);
	watch = inotify_add_watch(fd, name,
				  IN_CREATE | IN_MOVED_TO | IN_MOVE_SELF |
				  IN_DELETE_SELF | IN_ONESHOT | IN_ONLYDIR);
	close(dir);
	return watch >= 0;
}
