/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is mounted, from /proc/self/mountinfo.
 */
#ifndef MOUNT_H
#define MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MOUNTINFO		"/proc/self/mountinfo"

/* for "major:minor" */
#define MOUNT_NUMBER_SIZE	32

/* what mount_open() returns for one that is known by its number alone */
#define MOUNT_UNREACHED		(-2)

struct libmnt_table;

/**
 * struct mount - a tmpfs, at one or more mount points
 * @dev: its number, st_dev of all that is on it
 * @points: where it is mounted
 * @nr_points: how many
 */
struct mount {
	dev_t dev;
	const char **points;
	size_t nr_points;
};

struct libmnt_table *mount_table(void);
int mount_list(struct mount **mounts, size_t *nr);
int mount_open(const char *path, dev_t *dev, bool *numbered);
const char *mount_number(char buf[MOUNT_NUMBER_SIZE], dev_t dev);

#endif /* MOUNT_H */
