// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../uapi/tmpfswarn.h"
#include "level.h"
#include "mount.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/*
 * The directory of a new mount appears shortly after mount(2) returns, and that
 * of one that had its number before may have to vanish first.
 */
#define APPEAR_TRIES	100
#define APPEAR_PAUSE_NS	10000000

static void appear_pause(void)
{
	const struct timespec pause = { .tv_nsec = APPEAR_PAUSE_NS };

	nanosleep(&pause, NULL);
}

static const char *const direction_words[] = {
	[DIRECTION_RISING] = "rising",
	[DIRECTION_FALLING] = "falling",
	[DIRECTION_BOTH] = "both",
};

/* Signals since the last read. */
static uint64_t target_count(const struct trigger *trigger)
{
	eventfd_t count;

	/* EAGAIN: none */
	if (trigger->efd < 0 || eventfd_read(trigger->efd, &count))
		return 0;
	return count;
}

/* The files that registering needs, all made after one another. */
static bool target_is_shown(int interface, const char *device)
{
	static const char *const files[] = {
		TMPFSWARN_USAGE, TMPFSWARN_USED_BYTES,
		TMPFSWARN_PRESSURE_LEVEL, TMPFSWARN_EVENT_CONTROL,
	};
	char name[DOOR_NAME_SIZE + 32];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", device, files[i]);
		if (faccessat(interface, name, F_OK, 0))
			return false;
	}
	return true;
}

static int target_open_dir(struct target *target)
{
	const char *why;
	int interface = interface_open(&why);
	int tries;

	if (interface < 0) {
		error("%s", why);
		return STATUS_ERROR;
	}
	for (tries = 0; tries < APPEAR_TRIES; tries++) {
		if (target_is_shown(interface, target->device))
			break;
		appear_pause();
	}
	target->dir = openat(interface, target->device,
			     O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(interface);
	if (target->dir >= 0)
		return STATUS_OK;
	if (errno == ENOENT)
		error("%s: not shown by the module (%s): see mounts_hidden in tmpfswarn status",
		      target->name, target->device);
	else
		error("%s: %s", target->name, interface_refusal(errno));
	return STATUS_ERROR;
}

/* Says why the module refused to register @level. */
static int target_refused(const struct target *target, const char *level,
			  const char *hysteresis, int err)
{
	switch (err) {
	case EINVAL:
		error("%s: level %s%s%s refused: no size reaches it",
		      target->name, level, hysteresis ? " with hysteresis " : "",
		      hysteresis ? hysteresis : "");
		return STATUS_ERROR;
	case ENOSPC:
		error("%s: too many triggers: load the module with a larger max_mount_triggers or max_triggers",
		      target->name);
		return STATUS_ERROR;
	case EOPNOTSUPP:
		error("%s: mounted with size=0, which the kernel keeps no count of: mount it with a size",
		      target->name);
		return STATUS_ERROR;
	case EIO:
		/* also what debugfs says of a file just removed */
		if (!faccessat(target->dir, TMPFSWARN_EVENT_CONTROL, F_OK, 0)) {
			error("%s: the kernel refuses to arm the probe: see dmesg",
			      target->name);
			return STATUS_ERROR;
		}
		/* fall through */
	case ENODEV:
	case ENOENT:
		error("%s: %s", target->name, target_gone());
		return STATUS_GONE;
	}
	error("%s: %s", target->name, interface_refusal(err));
	return STATUS_ERROR;
}

/* Registers one eventfd; 0 or an errno. */
static int target_write(int dir, int efd, const char *resource,
			const char *args)
{
	int control = -1, resource_fd = -1, len, err = 0;
	char line[TMPFSWARN_WRITE_MAX + 1];

	control = openat(dir, TMPFSWARN_EVENT_CONTROL, O_WRONLY | O_CLOEXEC);
	if (control < 0)
		return errno;
	resource_fd = openat(dir, resource, O_RDONLY | O_CLOEXEC);
	if (resource_fd < 0) {
		err = errno;
		goto out;
	}
	len = snprintf(line, sizeof(line), "%d %d %s", efd, resource_fd, args);
	if (len >= (int)sizeof(line))
		err = EINVAL;
	else if (write(control, line, len) < 0)
		err = errno;
	close(resource_fd);
out:
	close(control);
	return err;
}

static const char *target_level(const struct trigger *trigger)
{
	return trigger->level ? trigger->level : "-1";
}

/* 0 or an errno. */
static int target_register(struct target *target, struct trigger *trigger,
			   enum direction direction, const char *hysteresis)
{
	const char *level = target_level(trigger);
	char args[TMPFSWARN_WRITE_MAX];

	trigger->target = target;
	trigger->efd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (trigger->efd < 0)
		return errno;
	snprintf(args, sizeof(args), "%s %s now%s%s", level,
		 direction_words[direction], hysteresis ? " hyst=" : "",
		 hysteresis ? hysteresis : "");
	return target_write(target->dir, trigger->efd,
			    level_is_pressure(level) ? TMPFSWARN_PRESSURE_LEVEL :
						       TMPFSWARN_USED_BYTES,
			    args);
}

/* All triggers and the sentinel, in this order; *@refused is which failed. */
static int target_register_all(struct target *target, enum direction direction,
			       const char *hysteresis,
			       const struct trigger **refused)
{
	size_t i;
	int err;

	for (i = 0; i < target->nr_triggers; i++) {
		*refused = &target->triggers[i];
		err = target_register(target, &target->triggers[i], direction,
				      hysteresis);
		if (err)
			return err;
	}
	*refused = &target->sentinel;
	return target_register(target, &target->sentinel, DIRECTION_RISING,
			       NULL);
}

/* Finds the directory and registers; exit status. */
static int target_enter(struct target *target, enum direction direction,
			const char *hysteresis)
{
	const struct trigger *refused;
	int tries, status, err;
	size_t i;

	for (i = 0; i < target->nr_triggers; i++)
		target->triggers[i].efd = -1;
	target->sentinel.efd = -1;
	for (tries = 0;; tries++) {
		status = target_open_dir(target);
		if (status)
			return status;
		err = target_register_all(target, direction, hysteresis,
					  &refused);
		if (!err)
			return STATUS_OK;
		/*
		 * The caller holds the mount, so that one that is gone had the
		 * same number before.
		 */
		if ((err != ENODEV && err != ENOENT) || tries == APPEAR_TRIES)
			return target_refused(target, target_level(refused),
					      hysteresis, err);
		target_close(target);
		appear_pause();
	}
}

/**
 * target_open() - find the mount and register the triggers
 * @target: with @path, @triggers and their levels set
 * @direction: of which crossings
 * @hysteresis: amount, or NULL
 *
 * Sets each trigger's @above to the present state. Says what fails.
 *
 * Return: exit status, STATUS_OK to go on.
 */
int target_open(struct target *target, enum direction direction,
		const char *hysteresis)
{
	int fd, status, err;
	dev_t dev;
	size_t i;

	target->name = text_name(target->path);
	fd = mount_open(target->path, &dev);
	if (fd < 0)
		return STATUS_ERROR;
	interface_name(target->device, dev);
	status = target_enter(target, direction, hysteresis);
	/* or the mount could not be unmounted */
	close(fd);
	if (status)
		return status;

	for (i = 0; i < target->nr_triggers; i++) {
		struct trigger *trigger = &target->triggers[i];
		uint64_t count = target_count(trigger);

		if (direction == DIRECTION_FALLING)
			trigger->above = !count;
		else if (direction == DIRECTION_RISING)
			trigger->above = count;
		else
			trigger->above = count & 1;
	}
	err = interface_usage(target->dir, &target->usage);
	return err ? target_refused(target, "", NULL, -err) : STATUS_OK;
}

/**
 * target_read() - the crossings there were since the last call
 * @trigger: one whose eventfd is readable
 * @crossings: set to their number
 *
 * Return: 0, or -ENODEV if the mount is about to be gone: the sentinel will
 *	be signalled and target_read_last() then has the number. Or another
 *	error.
 */
int target_read(struct trigger *trigger, uint64_t *crossings)
{
	int err;

	trigger->pending += target_count(trigger);
	*crossings = 0;
	err = interface_usage(trigger->target->dir, &trigger->target->usage);
	if (err)
		return err;
	*crossings = trigger->pending;
	trigger->pending = 0;
	return 0;
}

/* The same when the sentinel was signalled, which is the end of @trigger. */
uint64_t target_read_last(struct trigger *trigger)
{
	uint64_t count = trigger->pending + target_count(trigger);

	return count ? count - 1 : 0;
}

/* Ends the registration of @trigger. */
void target_forget(struct trigger *trigger)
{
	if (trigger->efd >= 0)
		close(trigger->efd);
	trigger->efd = -1;
}

void target_close(struct target *target)
{
	size_t i;

	for (i = 0; i < target->nr_triggers; i++)
		target_forget(&target->triggers[i]);
	target_forget(&target->sentinel);
	close(target->dir);
	target->dir = -1;
}

/* What has gone away. */
const char *target_gone(void)
{
	return interface_module_live() ? "unmounted" : "module unloaded";
}
