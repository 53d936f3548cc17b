/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Paths that do not exist yet: the mount table does not change when a directory
 * is made on a tmpfs, so that inotify has to tell of it. It keeps no mount.
 */
#ifndef PARENT_H
#define PARENT_H

#include <stdbool.h>

int parent_open(void);
bool parent_watch(int fd, const char *path);

#endif /* PARENT_H */
