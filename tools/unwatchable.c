// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <libmount.h>
#include <linux/magic.h>

#include "interface.h"
#include "listing.h"
#include "mount.h"
#include "reach.h"
#include "unwatchable.h"
#include "tool.h"

/* What has no other place to be watched, and why. */
static const char *unwatchable_reason(const char *type)
{
	static const struct {
		const char *type;
		const char *reason;
	} reasons[] = {
		/* these are made of the same code */
		{ "devtmpfs", "which the kernel fills itself, not tmpfs" },
		{ "rootfs", "which the kernel fills itself, not tmpfs" },
		{ "ramfs", "which has no size to be filled, not tmpfs: mount -t tmpfs -o size=SIZE in its place" },
		{ "hugetlbfs", "which takes its pages from a pool, not tmpfs: see HugePages_Free in /proc/meminfo" },
		{ "autofs", "not tmpfs: name what is mounted below it" },
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (!strcmp(type, reasons[i].type))
			return reasons[i].reason;
	}
	return "not tmpfs";
}

/* The statistics of an overlay are those of its upper layer. */
static bool same_size(const struct statfs *a, const struct statfs *b)
{
	return a->f_blocks == b->f_blocks && a->f_files == b->f_files;
}

static bool same_usage(const struct statfs *statfs, const struct usage *usage)
{
	uint64_t block = statfs->f_frsize ? statfs->f_frsize : statfs->f_bsize;

	return usage->size && usage->size == statfs->f_blocks * block &&
	       usage->free == statfs->f_bfree * block &&
	       usage->inodes == statfs->f_files &&
	       usage->inodes_free == statfs->f_ffree;
}

/*
 * The mount that has all the figures of @statfs, by what the module says of
 * all, since the upper layer may be where no path leads to. False if that is
 * none, or several.
 */
static bool find_by_usage(const struct statfs *statfs,
			  char number[MOUNT_NUMBER_SIZE])
{
	const struct interface *interface;
	struct listing listing = { };
	size_t nr = 0, i;
	const char *why;

	interface = interface_choose(NULL, &why);
	if (!interface || interface->list(&listing))
		return false;
	for (i = 0; i < listing.nr; i++) {
		if (listing.mounts[i].known &&
		    same_usage(statfs, &listing.mounts[i].usage)) {
			mount_number(number, listing.mounts[i].dev);
			nr++;
		}
	}
	return nr == 1;
}

/*
 * The upper layer as it was named to mount(2), with a backslash before what is
 * special there; NULL if there is none. The kernel puts its work directory
 * behind it. To be freed.
 */
static char *overlay_upper(struct libmnt_fs *fs)
{
	const char *options = mnt_fs_get_fs_options(fs), *begin, *end, *p;
	char *upper, *to;

	begin = options ? strstr(options, "upperdir=") : NULL;
	end = begin ? strstr(begin, ",workdir=") : NULL;
	upper = end ? strdup(begin) : NULL;
	if (!upper)
		return NULL;
	to = upper;
	for (p = begin + strlen("upperdir="); p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		*to++ = *p;
	}
	*to = '\0';
	return upper;
}

static void refuse_overlay(const char *name, const struct statfs *statfs_,
			   struct libmnt_fs *fs)
{
	char number[MOUNT_NUMBER_SIZE], *upper = overlay_upper(fs);
	int fd = upper ? reach_open(upper) : -1;
	struct statfs below;

	if (!upper)
		error("%s: overlay without an upper layer, which nothing fills, not tmpfs",
		      name);
	/* the path is one of where the overlay was mounted, not of here */
	else if (!fstatfs(fd, &below) && same_size(statfs_, &below) &&
		 below.f_type != OVERLAYFS_SUPER_MAGIC)
		error(below.f_type == TMPFS_MAGIC ?
		      "%s: overlay, not tmpfs; its upper layer is on one: watch %s" :
		      "%s: overlay, not tmpfs, nor is its upper layer %s",
		      name, upper);
	else if (find_by_usage(statfs_, number))
		error("%s: overlay, not tmpfs; its upper layer is on one: watch %s",
		      name, number);
	else
		error("%s: overlay, not tmpfs; its upper layer %s is not to be seen from here: if it is on a tmpfs, watch that where the overlay was mounted",
		      name, upper);
	if (fd >= 0)
		close(fd);
	free(upper);
}

/* What is stacked on a directory has that as its source, as ecryptfs. */
static bool is_on_tmpfs(const char *source)
{
	bool found = false;
	struct statfs statfs;
	struct stat stat_;
	int fd;

	if (!source || *source != '/')
		return false;
	fd = reach_open(source);
	/* a device is on a devtmpfs, which calls itself a tmpfs, too */
	if (fd >= 0)
		found = !fstat(fd, &stat_) && S_ISDIR(stat_.st_mode) &&
			!fstatfs(fd, &statfs) && statfs.f_type == TMPFS_MAGIC;
	if (fd >= 0)
		close(fd);
	return found;
}

/**
 * unwatchable_say() - say why no tmpfs is watched there
 * @name: of what was to be
 * @type: of its file system, "" if that is not known
 * @statfs: its figures
 * @fs: its mount, NULL if that is not to be seen here
 */
void unwatchable_say(const char *name, const char *type,
		 const struct statfs *statfs, struct libmnt_fs *fs)
{
	const char *source = fs ? mnt_fs_get_source(fs) : NULL;

	if (!*type)
		error("%s: another filesystem, not tmpfs", name);
	else if (fs && !strcmp(type, "overlay"))
		refuse_overlay(name, statfs, fs);
	else if (is_on_tmpfs(source))
		error("%s: %s, not tmpfs; it is stacked on one: watch %s",
		      name, type, source);
	else
		error("%s: %s, %s", name, type, unwatchable_reason(type));
}
