/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cgroups: by their ids, which are the inode numbers of their directories, and
 * by processes.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdint.h>
#include <sys/types.h>

/* for a directory */
#define CGROUP_NAME_SIZE	256

const char *cgroup_mount(void);
char *cgroup_of(pid_t pid);
const char *cgroup_path(uint64_t id, pid_t pid);
const char *cgroup_name(char buf[CGROUP_NAME_SIZE], const char *path);

#endif /* CGROUP_H */
