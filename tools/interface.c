// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../uapi/tmpfswarn.h"
#include "interface.h"
#include "mount.h"

#define MODULE_STATE	"/sys/module/" TMPFSWARN_NAME "/initstate"
#define LOCKDOWN	"/sys/kernel/security/lockdown"

/* The first line of a file, without its newline. */
static bool interface_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");
	bool ok;

	if (!file)
		return false;
	ok = fgets(buf, size, file);
	if (ok)
		buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
	return ok;
}

/* True from the end of insmod until the begin of rmmod; anyone may ask. */
bool interface_module_live(void)
{
	char state[16];

	return interface_line(MODULE_STATE, state, sizeof(state)) &&
	       !strcmp(state, "live");
}

/* "none", "integrity" or "confidentiality"; NULL if that cannot be known. */
const char *interface_lockdown(void)
{
	static char line[80];
	char *begin, *end;

	/* all modes there are, with brackets around the present one */
	if (!interface_line(LOCKDOWN, line, sizeof(line)))
		return NULL;
	begin = strchr(line, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (!end)
		return NULL;
	*end = '\0';
	return begin + 1;
}

/* Why a file of the module was not opened, in plain words. */
const char *interface_refusal(int err)
{
	const char *mode;

	if (err != EPERM && err != EACCES)
		return strerror(err);
	if (geteuid())
		return "not permitted: run as root";
	mode = interface_lockdown();
	if (err == EPERM && (!mode || strcmp(mode, "none")))
		return "kernel locked down, debugfs closed to all: turn Secure Boot off in the firmware";
	return "not permitted: run outside of this container";
}

/* The directory that holds those of the mounts; or -1 and why not. */
int interface_open(const char **why)
{
	const char *debugfs = mount_debugfs();
	char *path;
	int fd;

	if (!interface_module_live()) {
		*why = "module not loaded: modprobe tmpfswarn";
		return -1;
	}
	if (!debugfs) {
		*why = "debugfs not mounted: mount -t debugfs debugfs /sys/kernel/debug";
		return -1;
	}
	if (asprintf(&path, "%s/" TMPFSWARN_NAME, debugfs) < 0) {
		*why = strerror(ENOMEM);
		return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		*why = errno == ENOENT ?
		       "module not in debugfs: rmmod tmpfswarn; modprobe tmpfswarn" :
		       interface_refusal(errno);
	free(path);
	return fd;
}

const char *interface_name(char buf[DOOR_NAME_SIZE], dev_t dev)
{
	snprintf(buf, DOOR_NAME_SIZE, "%u:%u", major(dev), minor(dev));
	return buf;
}

FILE *interface_file(int dir, const char *name)
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
int interface_usage(int dir, struct interface_usage *usage)
{
	FILE *file = interface_file(dir, TMPFSWARN_USAGE);
	const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {
		{ "size", &usage->size },
		{ "used", &usage->used },
		{ "free", &usage->free },
		{ "inodes", &usage->inodes },
		{ "inodes_used", &usage->inodes_used },
		{ "inodes_free", &usage->inodes_free },
	};
	uint64_t value;
	char key[32];
	int err = 0;
	size_t i;

	if (!file)
		return errno == ENOENT || errno == EIO ? -ENODEV : -errno;
	errno = 0;
	while (fscanf(file, "%31s %" SCNu64, key, &value) == 2) {
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (!strcmp(key, keys[i].key))
				*keys[i].value = value;
		}
	}
	/* EIO is what debugfs says of a file that is being removed */
	if (ferror(file))
		err = errno == EIO ? -ENODEV : -errno;
	fclose(file);
	return err;
}
