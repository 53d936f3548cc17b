// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/magic.h>

#include "../uapi/tmpfswarn.h"
#include "refusal.h"

#define SYSFS_MODULE	"/sys/module"
#define SYSFS_STATE	SYSFS_MODULE "/" TMPFSWARN_NAME "/initstate"
#define SYSFS_DEVICE	"/sys/class/" TMPFSWARN_NAME "/" TMPFSWARN_NAME "/dev"
#define PROC_MODULES	"/proc/modules"
#define PROC_DEVICES	"/proc/devices"
#define DEVICE		TMPFSWARN_DEVICE

static enum module_state state_of(const char *word)
{
	return !strcasecmp(word, "live") ? MODULE_LIVE : MODULE_CHANGING;
}

/* Where sysfs is not to be seen. */
static enum module_state state_in_proc(void)
{
	enum module_state state = MODULE_ABSENT;
	FILE *file = fopen(PROC_MODULES, "re");
	char line[512], name[64], word[16];

	if (!file)
		return MODULE_UNKNOWN;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %*s %*s %*s %15s", name, word) == 2 &&
		    !strcmp(name, TMPFSWARN_NAME))
			state = state_of(word);
	}
	fclose(file);
	return state;
}

/* Anyone may ask. */
enum module_state refusal_module_state(void)
{
	struct statfs statfs_;
	char word[16] = "";
	FILE *file;

	/* it may be covered, or masked by who runs the container */
	if (statfs(SYSFS_MODULE, &statfs_) || statfs_.f_type != SYSFS_MAGIC)
		return state_in_proc();
	file = fopen(SYSFS_STATE, "re");
	if (!file)
		return errno == ENOENT ? MODULE_ABSENT : state_in_proc();
	if (fscanf(file, "%15s", word) != 1)
		*word = '\0';
	fclose(file);
	return state_of(word);
}

/* Does this process have it for the whole machine, not for a container alone? */
bool refusal_has_capability(int capability)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { };
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned int inside, outside, length;
	bool initial = true;

	if (map) {
		initial = fscanf(map, "%u %u %u", &inside, &outside,
				 &length) == 3 && length == 0xffffffff;
		fclose(map);
	}
	return initial && !syscall(SYS_capget, &header, data) &&
	       data[CAP_TO_INDEX(capability)].effective &
		       CAP_TO_MASK(capability);
}

/* Why there is no module; NULL if there is. */
const char *refusal_module(void)
{
	switch (refusal_module_state()) {
	case MODULE_LIVE:
		return NULL;
	case MODULE_CHANGING:
		return "module being loaded or removed: try again";
	case MODULE_UNKNOWN:
		return "neither sysfs nor /proc says whether the module is loaded: mount -t proc proc /proc";
	case MODULE_ABSENT:
		break;
	}
	return refusal_has_capability(CAP_SYS_MODULE) ?
	       "module not loaded: modprobe tmpfswarn" :
	       "module not loaded: have root of the machine run modprobe tmpfswarn";
}

/* The number that the module has given its device; false if not to be seen. */
static bool device_number(dev_t *device)
{
	unsigned int number[2] = { };
	char line[256], name[64];
	bool found = false;
	FILE *file;

	file = fopen(SYSFS_DEVICE, "re");
	if (file) {
		found = fscanf(file, "%u:%u", &number[0], &number[1]) == 2;
		fclose(file);
	}
	file = found ? NULL : fopen(PROC_DEVICES, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		/* those of blocks come behind */
		if (!strncmp(line, "Block", strlen("Block")))
			break;
		found = sscanf(line, "%u %63s", &number[0], name) == 2 &&
			!strcmp(name, TMPFSWARN_NAME);
	}
	if (file)
		fclose(file);
	*device = makedev(number[0], number[1]);
	return found;
}

/*
 * What is wrong with the node, which is not to be opened then: another driver's
 * may do anything. NULL if nothing is, or if there is none.
 */
const char *refusal_device_node(void)
{
	static char text[256];
	struct stat stat_;
	dev_t device;

	if (stat(DEVICE, &stat_))
		return NULL;
	if (!S_ISCHR(stat_.st_mode))
		return DEVICE " is no device here, but made in its place: remove it, and have the device passed to this container, as by docker run --device " DEVICE;
	if (stat_.st_rdev == makedev(1, 3))
		return DEVICE " is /dev/null here: whoever runs this container masks it";
	if (!device_number(&device) || device == stat_.st_rdev)
		return NULL;
	snprintf(text, sizeof(text),
		 DEVICE " is of a module loaded before (%u:%u, now it is %u:%u): have it passed to this container again",
		 major(stat_.st_rdev), minor(stat_.st_rdev), major(device),
		 minor(device));
	return text;
}

/* Why the device was not opened. */
const char *refusal_device(int err)
{
	const char *why = refusal_device_node();
	struct statvfs statvfs_;

	if (why)
		return why;
	switch (err) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		why = refusal_module();
		return why ? why :
		       "no " DEVICE " here: have it passed to this container, as by docker run --device " DEVICE;
	case EACCES:
		if (!statvfs(DEVICE, &statvfs_) && statvfs_.f_flag & ST_NODEV)
			return DEVICE ": on a file system mounted nodev: have it passed to this container, as by docker run --device " DEVICE;
		return DEVICE ": not permitted: see its mode and group, or run as root";
	case EPERM:
		return DEVICE ": not permitted: allow it to this container, or by DeviceAllow=" DEVICE " to this unit";
	}
	return strerror(err);
}
