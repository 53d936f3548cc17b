/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cgroups by their ids, which are the inode numbers of their directories.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdint.h>
#include <sys/types.h>

const char *cgroup_path(uint64_t id, pid_t pid);

#endif /* CGROUP_H */
