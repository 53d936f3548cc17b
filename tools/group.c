// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../uapi/tmpfswarn.h"
#include "amount.h"
#include "debugfs.h"
#include "group.h"
#include "interface.h"
#include "level.h"
#include "refusal.h"
#include "target.h"
#include "tool.h"

/* NULL if there is no memory. */
struct group *group_new(struct target *target)
{
	struct group *group;
	size_t i;

	group = calloc(1, sizeof(*group) +
			  target->nr_triggers * sizeof(group->counters[0]));
	if (!group)
		return NULL;
	group->target = target;
	group->dir = -1;
	for (i = 0; i < RESOURCES; i++)
		group->sentinels[i] = (struct counter){
			.group = group,
			.resource = i,
			.fd = -1,
		};
	group->nr_counters = target->nr_triggers;
	for (i = 0; i < group->nr_counters; i++)
		group->counters[i] = (struct counter){
			.group = group,
			.trigger = &target->triggers[i],
			.resource = level_resource(target->triggers[i].level),
			.fd = -1,
		};
	return group;
}

/* Signals since the last read. */
uint64_t counter_read(const struct counter *counter)
{
	eventfd_t count;

	/* EAGAIN: none */
	if (counter->fd < 0 || eventfd_read(counter->fd, &count))
		return 0;
	return count;
}

/* Ends the registration of @counter. */
void counter_close(struct counter *counter)
{
	if (counter->fd >= 0)
		close(counter->fd);
	counter->fd = -1;
}

void group_close(struct group *group)
{
	size_t i;

	for (i = 0; i < group->nr_counters; i++)
		counter_close(&group->counters[i]);
	for (i = 0; i < RESOURCES; i++)
		counter_close(&group->sentinels[i]);
	if (group->dir >= 0)
		close(group->dir);
	group->dir = -1;
}

/* 0 or a negative errno, -ENODEV if the mount or the module is gone. */
int group_read_usage(struct group *group)
{
	int err = debugfs_usage(group->dir, &group->usage);

	if (err)
		group->usage = (struct usage){ };
	return err;
}

/* Has a remount taken a limit away that it needs? As usage was read. */
bool group_is_over(const struct group *group)
{
	return debugfs_is_over(group->target, group->usage.size,
			       group->usage.inodes);
}

/* The bytes that low, medium or critical come to; UINT64_MAX if not known. */
static uint64_t group_pressure(const struct group *group, const char *level)
{
	FILE *file = debugfs_file(group->dir, TMPFSWARN_PRESSURE_LEVEL);
	uint64_t bytes = UINT64_MAX, value;
	char key[32];

	while (file && fscanf(file, "%31s %" SCNu64, key, &value) == 2) {
		if (!strcmp(key, level))
			bytes = value;
	}
	if (file)
		fclose(file);
	return bytes;
}

/* True if usage, as it was read, is where a crossing has left it. */
bool counter_agrees(const struct counter *counter, bool up)
{
	const struct group *group = counter->group;
	const char *asked = counter->trigger->asked;
	uint64_t level;

	if (counter->resource == RESOURCE_INODES)
		return group->usage.inodes &&
		       (group->usage.inodes_used >=
			amount_bytes(level_inodes(asked), group->usage.inodes)) == up;
	if (!group->usage.size)
		return false;
	level = level_is_pressure(asked) ?
		group_pressure(group, asked) :
		amount_bytes(asked, group->usage.size);
	return (group->usage.used >= level) == up;
}

/* Says why the module refused to register @level; exit status. */
static int group_refused(const struct session *session,
			 const struct group *group, const char *level, int err)
{
	switch (err) {
	case ENOSPC:
		target_error(group->target, "too many triggers: have max_mount_triggers or max_triggers raised by " REFUSAL_AT_BOOT);
		return STATUS_ERROR;
	case EPERM:
	case EACCES:
	case EROFS:
		target_error(group->target, "%s", debugfs_refusal(err));
		return STATUS_ERROR;
	case EIO:
		/* also what debugfs says of a file just removed */
		if (!faccessat(group->dir, TMPFSWARN_EVENT_CONTROL, F_OK, 0))
			break;
		/* fall through */
	case ENODEV:
	case ENOENT:
		target_error(group->target, "%s", debugfs_gone(group->target));
		return STATUS_GONE;
	}
	return interface_refused(session, group->target, level, err);
}

/* Registers one eventfd; 0 or an errno. */
static int group_write(const struct group *group, int fd, const char *resource,
		       const char *args)
{
	int control = -1, resource_fd = -1, len, err = 0;
	char line[TMPFSWARN_WRITE_MAX + 1];

	control = openat(group->dir, TMPFSWARN_EVENT_CONTROL,
			 O_WRONLY | O_CLOEXEC);
	if (control < 0)
		return errno;
	resource_fd = openat(group->dir, resource, O_RDONLY | O_CLOEXEC);
	if (resource_fd < 0) {
		err = errno;
		goto out;
	}
	len = snprintf(line, sizeof(line), "%d %d %s", fd, resource_fd, args);
	if (len >= (int)sizeof(line))
		err = EINVAL;
	else if (write(control, line, len) < 0)
		err = errno;
	close(resource_fd);
out:
	close(control);
	return err;
}

/* What the module is asked for, "" for what has no level. */
static const char *counter_asked(const struct counter *counter)
{
	if (!counter->trigger)
		return "-1";
	if (counter->resource == RESOURCE_REFUSED)
		return "";
	/* its file says that already */
	return level_inodes(counter->trigger->asked) ?: counter->trigger->asked;
}

/* The file that stands for what @counter is of. */
static const char *counter_file(const struct counter *counter)
{
	bool size = counter->group->usage.size;

	switch (counter->resource) {
	case RESOURCE_REFUSED:
		if (counter->trigger)
			return TMPFSWARN_REFUSED;
		/* a sentinel has a level */
		return size ? TMPFSWARN_USED_BYTES : TMPFSWARN_USED_INODES;
	case RESOURCE_INODES:
		return TMPFSWARN_USED_INODES;
	default:
		return level_is_pressure(counter_asked(counter)) ?
			TMPFSWARN_PRESSURE_LEVEL : TMPFSWARN_USED_BYTES;
	}
}

/* Registers one level and has it polled; 0 or an errno. */
static int counter_register(const struct session *session,
			    struct counter *counter, enum direction direction,
			    const char *hysteresis)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = counter };
	const char *asked = counter_asked(counter);
	const char *file = counter_file(counter);
	char args[TMPFSWARN_WRITE_MAX], words[TMPFSWARN_WRITE_MAX / 2];
	bool replaces = counter->fd >= 0;
	int fd, err, tries;

	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return errno;
	interface_words(words, sizeof(words), counter->resource, direction,
			hysteresis);
	snprintf(args, sizeof(args), "%s%s%s", asked, words,
		 *words ? " now" : "");
	/* what the one before has counted until now; the rest is of the new one */
	counter->pending += counter_read(counter);
	err = group_write(counter->group, fd, file, args);
	for (tries = 0; err == ENOSPC && replaces && tries < DEBUGFS_TRIES; tries++) {
		/* there may be room for one alone, when the kernel has ended it */
		counter_close(counter);
		debugfs_pause();
		err = group_write(counter->group, fd, file, args);
	}
	if (!err && epoll_ctl(session->fd, EPOLL_CTL_ADD, fd, &event))
		err = errno;
	if (err) {
		close(fd);
		return err;
	}
	counter_close(counter);
	counter->fd = fd;
	return 0;
}

/* True if the level is reached, of a counter just registered. */
static bool counter_begin(const struct counter *counter,
			  enum direction direction)
{
	uint64_t count;

	if (counter->resource == RESOURCE_REFUSED)
		return false;
	count = counter_read(counter);
	return direction == DIRECTION_FALLING ? !count :
	       direction == DIRECTION_RISING ? count : count & 1;
}

/* All levels and the sentinels, in this order; *@refused is which failed. */
static int group_register(const struct session *session, struct group *group,
			  const struct counter **refused)
{
	const struct request *request = &session->request;
	size_t i;
	int err;

	for (i = 0; i < group->nr_counters; i++) {
		struct counter *counter = &group->counters[i];

		*refused = counter;
		if (counter->trigger->over)
			continue;
		trigger_ask(counter->trigger, group->usage.used,
			    group->usage.size);
		err = counter_register(session, counter, request->direction,
				       request->hysteresis);
		if (err)
			return err;
	}
	for (i = 0; i < RESOURCES; i++) {
		if (!target_has(group->target, i))
			continue;
		*refused = &group->sentinels[i];
		err = counter_register(session, &group->sentinels[i],
				       DIRECTION_RISING, NULL);
		if (err)
			return err;
	}
	return 0;
}

/* Reads which levels are reached; exit status. */
static int group_begin(const struct session *session, struct group *group)
{
	size_t i;
	int err;

	for (i = 0; i < group->nr_counters; i++) {
		struct counter *counter = &group->counters[i];

		counter->size = counter->trigger->size;
		counter->renewed = false;
		if (counter->trigger->over)
			continue;
		counter->above = counter_begin(counter,
					       session->request.direction);
		counter->trigger->above = counter->above;
	}
	err = group_read_usage(group);
	if (err)
		return group_refused(session, group, "", -err);
	group->target->used = group->usage.used;
	group->target->size = group->usage.size;
	group->target->inodes_used = group->usage.inodes_used;
	group->target->inodes = group->usage.inodes;
	for (i = 0; i < group->nr_counters; i++)
		group->target->outdated |=
			group->counters[i].size &&
			group->counters[i].size != group->usage.size;
	return STATUS_OK;
}

/* Finds the directory and registers all levels; exit status. */
int group_enter(const struct session *session, struct group *group)
{
	const struct counter *refused;
	int tries, err;
	size_t i;

	/* what was told of the mount before */
	for (i = 0; i < group->nr_counters; i++)
		group->counters[i].pending = 0;
	for (tries = 0;; tries++) {
		group->dir = debugfs_open_mount(group->target);
		if (group->dir < 0)
			return STATUS_ERROR;
		refused = &group->sentinels[0];
		err = -group_read_usage(group);
		if (!err)
			err = group_register(session, group, &refused);
		if (!err)
			return group_begin(session, group);
		/*
		 * The caller holds the mount, so that one that is gone had the
		 * same number before.
		 */
		if ((err != ENODEV && err != ENOENT) || tries == DEBUGFS_TRIES)
			return group_refused(session, group,
					     refused->trigger ?
					     refused->trigger->level : "", err);
		group_close(group);
		debugfs_pause();
	}
}

/*
 * Has the sentinel of what is refused ended with a limit, where there is another one? It is
 * registered anew then.
 */
bool group_keeps_on(const struct session *session, struct counter *sentinel)
{
	struct group *group = sentinel->group;

	return sentinel->resource == RESOURCE_REFUSED &&
	       !group_read_usage(group) && !group_is_over(group) &&
	       !counter_register(session, sentinel, DIRECTION_RISING, NULL);
}

/*
 * Registers the levels anew that depend on the size, or @all; exit status, STATUS_GONE
 * without saying so.
 */
int group_renew(const struct session *session, struct group *group, bool all)
{
	enum direction direction = session->request.direction;
	size_t i;
	int err;

	err = -group_read_usage(group);
	for (i = 0; i < group->nr_counters && !err; i++) {
		struct counter *counter = &group->counters[i];
		struct trigger *trigger = counter->trigger;

		if (trigger->over || (!all && !trigger->size))
			continue;
		trigger_ask(trigger, group->usage.used, group->usage.size);
		err = counter_register(session, counter, direction,
				       session->request.hysteresis);
		if (err)
			break;
		counter->begun = counter_begin(counter, direction);
		counter->renewed = true;
	}
	/* which says so itself */
	if (err == ENODEV || err == ENOENT)
		return STATUS_GONE;
	if (err)
		return group_refused(session, group,
				     group->counters[i].trigger->level, err);
	err = group_read_usage(group);
	group->target->size = group->usage.size;
	return STATUS_OK;
}
