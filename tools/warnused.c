// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <libmount.h>

#include "../uapi/tmpfswarn.h"
#include "warnused.h"

/*
 * The directory of a new mount appears shortly after mount(2) returns, and that
 * of one that had its number before may have to vanish first: how often to try,
 * a hundredth of a second apart.
 */
#define TRIES	500

/* A number with a suffix of memparse(), or a percentage. The module knows what they come to. */
bool warnused_valid(const char *level)
{
	const char *p = level + strspn(level, "0123456789");
	size_t decimals;

	if (p == level || (strchr(p, '%') && strtod(level, NULL) > 100))
		return false;
	if (*p == '.') {
		decimals = strspn(++p, "0123456789");
		return decimals && decimals < 3 && !strcmp(p + decimals, "%");
	}
	return !*p || (strchr("kmgKMG%", *p) && !p[1]);
}

/* The module's directory, wherever debugfs is mounted and not covered; -1 and errno. */
static int warnused_open(void)
{
	struct libmnt_table *table =
		mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;
	char path[PATH_MAX];
	int fd = -1, err = ENODEV;

	while (fd < 0 && table && iter && !mnt_table_next_fs(table, iter, &fs)) {
		if (strcmp(mnt_fs_get_fstype(fs) ?: "", "debugfs"))
			continue;
		snprintf(path, sizeof(path), "%s/" TMPFSWARN_NAME,
			 mnt_fs_get_target(fs));
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		err = errno;
	}
	mnt_free_iter(iter);
	mnt_unref_table(table);
	errno = err;
	return fd;
}

/* What an error of warnused_set() says. */
const char *warnused_refusal(int err)
{
	switch (err) {
	case EPERM:
	case EACCES:
		return "debugfs is closed here: the kernel is locked down, or this is a container";
	case EINVAL:
		return "no level that the module knows";
	case EOPNOTSUPP:
		return "the mount has no limit";
	case ENOENT:
		return "the module does not show this mount: see mounts_hidden in tmpfswarn status";
	default:
		return strerror(err);
	}
}

/* What is to be done before there can be a level on any mount; NULL for nothing. */
const char *warnused_missing(void)
{
	int fd = warnused_open(), err = errno;

	if (fd >= 0) {
		close(fd);
		return NULL;
	}
	if (access("/sys/module/" TMPFSWARN_NAME, F_OK))
		return "module not loaded: modprobe tmpfswarn";
	switch (err) {
	case ENODEV:
		return "debugfs not mounted: mount -t debugfs debugfs /sys/kernel/debug";
	case ENOENT:
		return "module not in debugfs, which may be covered by another mount";
	default:
		return warnused_refusal(err);
	}
}

/* Gives the mount with the number @dev the level; 0, or the error. */
int warnused_set(dev_t dev, const char *level)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int top = warnused_open(), fd, tries = TRIES, err;
	char name[64];

	if (top < 0)
		return errno;
	snprintf(name, sizeof(name), "%u:%u/" TMPFSWARN_WARN_USED, major(dev),
		 minor(dev));
	do {
		err = 0;
		fd = openat(top, name, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, level, strlen(level)) < 0)
			err = errno;
		if (fd >= 0)
			close(fd);
		/* EIO is what debugfs says of a file that is being removed */
		if (err != ENOENT && err != ENODEV && err != EIO)
			break;
		nanosleep(&pause, NULL);
	} while (--tries);
	close(top);
	return err;
}
