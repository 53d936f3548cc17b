// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <libmount.h>
#include <linux/capability.h>

#include "../uapi/tmpfswarn.h"
#include "debugfs.h"
#include "event.h"
#include "eventfd.h"
#include "interface.h"
#include "listing.h"
#include "mount.h"
#include "reach.h"
#include "refusal.h"
#include "target.h"
#include "tool.h"

#define USUAL	"/sys/kernel/debug"
#define MOUNT	"mount -t debugfs debugfs " USUAL

#define DEBUGFS_NOT_PERMITTED	"debugfs not permitted: run as root, or with --interface device"
#define DEBUGFS_READ_ONLY	"debugfs read-only here, as by ProtectKernelTunables=: use --interface device"
#define DEBUGFS_LOCKED_DOWN	"kernel locked down, which closes debugfs: use --interface device"

/* Why a file of the module was not opened, in plain words. */
const char *debugfs_refusal(int err)
{
	const char *mode;

	if (err == EROFS)
		return DEBUGFS_READ_ONLY;
	if (err != EPERM && err != EACCES)
		return error_text(err);
	if (geteuid())
		return DEBUGFS_NOT_PERMITTED;
	mode = interface_lockdown();
	if (err == EPERM && (!mode || strcmp(mode, "none")))
		return DEBUGFS_LOCKED_DOWN;
	return "debugfs not permitted to this container: use --interface device";
}

/* Does this kernel have it, and has it not been booted with debugfs=off? */
static bool debugfs_exists(void)
{
	FILE *file = fopen("/proc/filesystems", "re");
	bool found = false;
	char line[128];

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "\tdebugfs\n");
	/* else it is not known */
	found |= !file;
	if (file)
		fclose(file);
	return found;
}

/* Where debugfs is, to be freed; or NULL and why it is nowhere to be seen. */
static char *debugfs_place(const char **why)
{
	char *cover, *place = reach_find("debugfs", USUAL, &cover);
	bool may_mount = refusal_has_capability(CAP_SYS_ADMIN);
	static char text[512];

	if (place)
		return place;
	*why = text;
	if (!debugfs_exists())
		*why = "this kernel has no debugfs: use --interface device";
	else if (geteuid())
		*why = DEBUGFS_NOT_PERMITTED;
	else if (cover)
		snprintf(text, sizeof(text), "debugfs covered by %s: use --interface device%s",
			 cover, may_mount ? ", or " MOUNT : "");
	else
		snprintf(text, sizeof(text), "debugfs not mounted: %s",
			 may_mount ? MOUNT : "use --interface device");
	free(cover);
	return NULL;
}

/* Opens the module's directory; or -1 and why not. @path is to be freed. */
static int debugfs_open_path(char **path, const char **why)
{
	char *debugfs;
	int fd;

	/* what follows would take one that cannot be opened for one not there */
	fd = open("/", O_PATH | O_CLOEXEC);
	if (fd < 0) {
		*why = error_text(errno);
		return -1;
	}
	close(fd);
	*why = refusal_module();
	/* where it cannot be told it may be there */
	if (*why && refusal_module_state() != MODULE_UNKNOWN)
		return -1;
	debugfs = debugfs_place(why);
	if (!debugfs)
		return -1;
	fd = asprintf(path, "%s/" TMPFSWARN_NAME, debugfs);
	free(debugfs);
	if (fd < 0) {
		*why = strerror(ENOMEM);
		return -1;
	}
	fd = open(*path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		*why = errno == ENOENT ?
		       "module not in debugfs: use --interface device" :
		       debugfs_refusal(errno);
		free(*path);
	}
	return fd;
}

/* The directory that holds those of the mounts; or -1 and why not. */
static int debugfs_open(const char **why)
{
	char *path;
	int fd = debugfs_open_path(&path, why);

	if (fd >= 0)
		free(path);
	return fd;
}

static bool debugfs_is_zero(struct libmnt_fs *fs, const char *option)
{
	char *value;

	return !mnt_fs_get_option(fs, option, &value, NULL) &&
	       !strtoull(value, NULL, 10);
}

/*
 * Has @target lost its end? There is one for each limit on which it has levels; that of what is
 * refused is told by either of them, see eventfd.h.
 */
bool debugfs_is_over(const struct target *target, bool size, bool inodes)
{
	return (!size && target_has(target, RESOURCE_BYTES)) ||
	       (!inodes && target_has(target, RESOURCE_INODES)) ||
	       (!size && !inodes);
}

/* True if @table has @target's mount, without a limit that it needs. */
static bool debugfs_is_unlimited(struct libmnt_table *table,
				 const struct target *target)
{
	struct libmnt_fs *fs = mnt_table_find_devno(table, target->dev,
						    MNT_ITER_FORWARD);

	return fs && debugfs_is_over(target, !debugfs_is_zero(fs, "size"),
				     !debugfs_is_zero(fs, "nr_inodes"));
}

/* What has gone away, with the directory of @target's mount or its limit. */
const char *debugfs_gone(const struct target *target)
{
	enum module_state state = refusal_module_state();
	struct libmnt_table *table;
	const char *gone;

	if (state == MODULE_ABSENT || state == MODULE_CHANGING)
		return "module unloaded";
	/* of what is in another namespace it cannot be told */
	table = mount_table();
	gone = table && debugfs_is_unlimited(table, target) ?
	       EVENT_UNLIMITED : EVENT_UNMOUNTED;
	mnt_unref_table(table);
	return gone;
}

void debugfs_pause(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	nanosleep(&pause, NULL);
}

/* The files that registering needs, all made after one another. */
static bool debugfs_shows(int top, const char *device)
{
	static const char *const files[] = {
		TMPFSWARN_USAGE, TMPFSWARN_USED_BYTES,
		TMPFSWARN_PRESSURE_LEVEL, TMPFSWARN_EVENT_CONTROL,
	};
	char name[MOUNT_NUMBER_SIZE + 32];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", device, files[i]);
		if (faccessat(top, name, F_OK, 0))
			return false;
	}
	return true;
}

/* The directory of the mount of @target; or -1 after saying why not. */
int debugfs_open_mount(const struct target *target)
{
	const char *why;
	int top = debugfs_open(&why);
	int dir, tries;

	if (top < 0) {
		error("%s", why);
		return -1;
	}
	for (tries = 0; tries < DEBUGFS_TRIES; tries++) {
		if (debugfs_shows(top, target->device))
			break;
		debugfs_pause();
	}
	dir = openat(top, target->device, O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(top);
	if (dir >= 0)
		return dir;
	if (errno == ENOENT && target->fd == MOUNT_UNREACHED)
		error("%s: no tmpfs of this number is mounted, or the module does not show it: see tmpfswarn list",
		      target->name);
	else if (errno == ENOENT)
		error("%s: not shown by the module (%s): see mounts_hidden in tmpfswarn status",
		      target->name, target->device);
	else
		error("%s: %s", target->name, debugfs_refusal(errno));
	return -1;
}

/* Why nothing can be registered where the directory @fd can be read. */
static const char *debugfs_restriction(int fd)
{
	const char *mode = interface_lockdown();
	struct statvfs statvfs_;

	if (mode && strcmp(mode, "none"))
		return DEBUGFS_LOCKED_DOWN;
	if (!fstatvfs(fd, &statvfs_) && statvfs_.f_flag & ST_RDONLY)
		return DEBUGFS_READ_ONLY;
	return NULL;
}

static const char *debugfs_find(const char **why)
{
	char *path;
	int fd = debugfs_open_path(&path, why);

	if (fd < 0)
		return NULL;
	*why = debugfs_restriction(fd);
	close(fd);
	return path;
}

FILE *debugfs_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fdopen(fd, "r");
	if (!file)
		close(fd);
	return file;
}

/*
 * Reads the figures of the mount with the directory @dir.
 *
 * Return: 0; -ENODEV if the mount or the module is gone; or another error.
 */
int debugfs_usage(int dir, struct usage *usage)
{
	FILE *file = debugfs_file(dir, TMPFSWARN_USAGE);
	uint64_t value;
	char key[32];
	int err = 0;

	if (!file)
		return errno == ENOENT || errno == EIO ? -ENODEV : -errno;
	errno = 0;
	while (fscanf(file, "%31s %" SCNu64, key, &value) == 2)
		usage_set(usage, key, value);
	/* EIO is what debugfs says of a file that is being removed */
	if (ferror(file))
		err = errno == EIO ? -ENODEV : -errno;
	fclose(file);
	return err;
}

static void debugfs_add_triggers(struct listed *listed, int dir)
{
	FILE *file = debugfs_file(dir, TMPFSWARN_TRIGGERS);
	char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0)
		listing_add_trigger(listed, line);
	free(line);
	if (file)
		fclose(file);
}

static const char *debugfs_list(struct listing *listing)
{
	unsigned int major, minor;
	struct dirent *entry;
	const char *why;
	int top = debugfs_open(&why);
	DIR *tops;

	if (top < 0)
		return why;
	tops = fdopendir(top);
	while (tops && (entry = readdir(tops))) {
		struct listed *listed;
		int dir;

		if (sscanf(entry->d_name, "%u:%u", &major, &minor) != 2)
			continue;
		dir = openat(top, entry->d_name,
			     O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			continue;
		listed = listing_get(listing, makedev(major, minor));
		if (listed) {
			listed->known = !debugfs_usage(dir, &listed->usage);
			debugfs_add_triggers(listed, dir);
		}
		close(dir);
	}
	if (tops)
		closedir(tops);
	return NULL;
}

static const char *debugfs_figures(interface_figure *figure, void *data)
{
	char key[32], value[256];
	const char *why;
	int top = debugfs_open(&why);
	FILE *file;

	if (top < 0)
		return why;
	file = debugfs_file(top, TMPFSWARN_STATS);
	if (!file)
		why = debugfs_refusal(errno);
	close(top);
	if (!file)
		return why;
	while (fscanf(file, "%31s %255[^\n]", key, value) == 2)
		figure(data, key, value);
	fclose(file);
	return NULL;
}

const struct interface interface_debugfs = {
	.name = "debugfs",
	.by_number = true,
	.find = debugfs_find,
	.open = eventfd_open,
	.add = eventfd_add,
	.renew = eventfd_renew,
	.end = eventfd_end,
	.next = eventfd_next,
	.forget = eventfd_forget,
	.close = eventfd_close,
	.list = debugfs_list,
	.figures = debugfs_figures,
};
