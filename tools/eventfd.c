// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../uapi/tmpfswarn.h"
#include "debugfs.h"
#include "event.h"
#include "eventfd.h"
#include "interface.h"
#include "level.h"
#include "listing.h"
#include "refusal.h"
#include "tool.h"

/**
 * struct counter - an eventfd
 * @group: whose
 * @trigger: which level; NULL for the sentinel
 * @fd: -1 if closed
 * @above: usage is at the level or more, as far as was told
 * @pending: signals read that may be crossings
 */
struct counter {
	struct group *group;
	struct trigger *trigger;
	int fd;
	bool above;
	uint64_t pending;
};

/**
 * struct group - the eventfds of a target
 * @target: which
 * @dir: its directory, -1 if closed
 * @usage: as last read
 * @sentinel: see eventfd.h
 * @nr_counters: how many levels
 * @counters: one for each level
 */
struct group {
	struct target *target;
	int dir;
	struct usage usage;
	struct counter sentinel;
	size_t nr_counters;
	struct counter counters[];
};

/**
 * struct eventfds - a session
 * @session: what others know of it, its @fd an epoll set
 * @next: has crossings that were read and not told
 * @end: behind the last such
 * @gone: to be told when they have been; or NULL
 */
struct eventfds {
	struct session session;
	struct counter *next;
	struct counter *end;
	struct group *gone;
};

struct session *eventfd_open(void)
{
	struct eventfds *eventfds = calloc(1, sizeof(*eventfds));

	if (!eventfds) {
		error("out of memory");
		return NULL;
	}
	eventfds->session.fd = epoll_create1(EPOLL_CLOEXEC);
	if (eventfds->session.fd < 0) {
		error("epoll: %s", strerror(errno));
		free(eventfds);
		return NULL;
	}
	return &eventfds->session;
}

/* Signals since the last read. */
static uint64_t counter_read(const struct counter *counter)
{
	eventfd_t count;

	/* EAGAIN: none */
	if (counter->fd < 0 || eventfd_read(counter->fd, &count))
		return 0;
	return count;
}

/* Ends the registration of @counter. */
static void counter_close(struct counter *counter)
{
	if (counter->fd >= 0)
		close(counter->fd);
	counter->fd = -1;
}

static void group_close(struct group *group)
{
	size_t i;

	for (i = 0; i < group->nr_counters; i++)
		counter_close(&group->counters[i]);
	counter_close(&group->sentinel);
	close(group->dir);
	group->dir = -1;
}

/* Says why the module refused to register @level; exit status. */
static int group_refused(const struct session *session,
			 const struct group *group, const char *level, int err)
{
	switch (err) {
	case ENOSPC:
		error("%s: too many triggers: have max_mount_triggers or max_triggers raised by " REFUSAL_AT_BOOT,
		      group->target->name);
		return STATUS_ERROR;
	case EPERM:
	case EACCES:
	case EROFS:
		error("%s: %s", group->target->name, debugfs_refusal(err));
		return STATUS_ERROR;
	case EIO:
		/* also what debugfs says of a file just removed */
		if (!faccessat(group->dir, TMPFSWARN_EVENT_CONTROL, F_OK, 0))
			break;
		/* fall through */
	case ENODEV:
	case ENOENT:
		error("%s: %s", group->target->name, debugfs_gone());
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

static const char *counter_level(const struct counter *counter)
{
	return counter->trigger ? counter->trigger->level : "-1";
}

/* 0 or an errno. */
static int counter_register(struct counter *counter, enum direction direction,
			    const char *hysteresis)
{
	const char *level = counter_level(counter);
	char args[TMPFSWARN_WRITE_MAX];

	counter->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (counter->fd < 0)
		return errno;
	snprintf(args, sizeof(args), "%s %s now%s%s", level,
		 interface_direction(direction), hysteresis ? " hyst=" : "",
		 hysteresis ? hysteresis : "");
	return group_write(counter->group, counter->fd,
			   level_is_pressure(level) ? TMPFSWARN_PRESSURE_LEVEL :
						      TMPFSWARN_USED_BYTES,
			   args);
}

/* All levels and the sentinel, in this order; *@refused is which failed. */
static int group_register(struct group *group, const struct request *request,
			  const struct counter **refused)
{
	size_t i;
	int err;

	for (i = 0; i < group->nr_counters; i++) {
		*refused = &group->counters[i];
		err = counter_register(&group->counters[i], request->direction,
				       request->hysteresis);
		if (err)
			return err;
	}
	*refused = &group->sentinel;
	return counter_register(&group->sentinel, DIRECTION_RISING, NULL);
}

/* Finds the directory and registers; exit status. */
static int group_enter(const struct session *session, struct group *group)
{
	const struct counter *refused;
	int tries, err;

	for (tries = 0;; tries++) {
		group->dir = debugfs_open_mount(group->target);
		if (group->dir < 0)
			return STATUS_ERROR;
		err = group_register(group, &session->request, &refused);
		if (!err)
			return STATUS_OK;
		/*
		 * The caller holds the mount, so that one that is gone had the
		 * same number before.
		 */
		if ((err != ENODEV && err != ENOENT) || tries == DEBUGFS_TRIES)
			return group_refused(session, group,
					     counter_level(refused), err);
		group_close(group);
		debugfs_pause();
	}
}

/* Reads which levels are reached; exit status. */
static int group_begin(const struct session *session, struct group *group)
{
	enum direction direction = session->request.direction;
	size_t i;
	int err;

	for (i = 0; i < group->nr_counters; i++) {
		struct counter *counter = &group->counters[i];
		uint64_t count = counter_read(counter);

		if (direction == DIRECTION_FALLING)
			counter->above = !count;
		else if (direction == DIRECTION_RISING)
			counter->above = count;
		else
			counter->above = count & 1;
		counter->trigger->above = counter->above;
	}
	err = debugfs_usage(group->dir, &group->usage);
	if (err)
		return group_refused(session, group, "", -err);
	group->target->used = group->usage.used;
	group->target->size = group->usage.size;
	return STATUS_OK;
}

static int counter_poll(const struct session *session, struct counter *counter)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = counter };

	if (!epoll_ctl(session->fd, EPOLL_CTL_ADD, counter->fd, &event))
		return STATUS_OK;
	error("epoll: %s", strerror(errno));
	return STATUS_ERROR;
}

int eventfd_add(struct session *session, struct target *target)
{
	struct group *group;
	int status;
	size_t i;

	group = calloc(1, sizeof(*group) +
			  target->nr_triggers * sizeof(group->counters[0]));
	if (!group) {
		error("out of memory");
		return STATUS_ERROR;
	}
	group->target = target;
	group->sentinel = (struct counter){ .group = group, .fd = -1 };
	group->nr_counters = target->nr_triggers;
	for (i = 0; i < group->nr_counters; i++)
		group->counters[i] = (struct counter){
			.group = group,
			.trigger = &target->triggers[i],
			.fd = -1,
		};
	status = group_enter(session, group);
	if (!status)
		status = group_begin(session, group);
	for (i = 0; i < group->nr_counters && !status; i++)
		status = counter_poll(session, &group->counters[i]);
	return status ? status : counter_poll(session, &group->sentinel);
}

/* The next crossing of @counter, which has one. */
static void counter_tell(struct eventfds *eventfds, struct counter *counter,
			 struct event *event)
{
	const struct request *request = &eventfds->session.request;
	const struct group *group = counter->group;

	if (request->direction == DIRECTION_BOTH)
		counter->above = !counter->above;
	else
		counter->above = request->direction == DIRECTION_RISING;
	*event = (struct event){
		.target = group->target,
		.level = counter->trigger->level,
		.up = counter->above,
		.crossings = 1,
		.used = group->usage.used,
		.size = group->usage.size,
	};
	clock_gettime(CLOCK_REALTIME, &event->time);
	counter->pending--;
	if (request->once) {
		counter->pending = 0;
		counter_close(counter);
		group->target->live--;
	}
}

/* True if @event is set. */
static bool eventfds_tell(struct eventfds *eventfds, struct event *event)
{
	struct group *gone = eventfds->gone;
	bool lost;

	for (; eventfds->next != eventfds->end; eventfds->next++) {
		if (eventfds->next->pending) {
			counter_tell(eventfds, eventfds->next, event);
			return true;
		}
	}
	if (!gone)
		return false;
	eventfds->gone = NULL;
	group_close(gone);
	/* all of its levels may have been told once before */
	lost = gone->target->live;
	gone->target->live = 0;
	*event = (struct event){ .target = gone->target, .gone = debugfs_gone() };
	return lost;
}

/*
 * The sentinel of @group was signalled, which is the end of its counters: one
 * of what each has counted is that.
 */
static void eventfds_end(struct eventfds *eventfds, struct group *group)
{
	size_t i;

	for (i = 0; i < group->nr_counters; i++) {
		struct counter *counter = &group->counters[i];

		counter->pending += counter_read(counter);
		if (counter->pending)
			counter->pending--;
	}
	eventfds->next = group->counters;
	eventfds->end = group->counters + group->nr_counters;
	eventfds->gone = group;
}

/* @counter is readable; 0 or an error that was said. */
static int eventfds_read(struct eventfds *eventfds, struct counter *counter)
{
	struct group *group = counter->group;
	int err;

	if (!counter->trigger) {
		eventfds_end(eventfds, group);
		return 0;
	}
	counter->pending += counter_read(counter);
	err = debugfs_usage(group->dir, &group->usage);
	if (!err) {
		eventfds->next = counter;
		eventfds->end = counter + 1;
	} else if (err != -ENODEV) {
		error("%s: %s", group->target->name, strerror(-err));
		return -1;
	}
	/* else the sentinel is about to be signalled */
	return 0;
}

int eventfd_next(struct session *session, struct event *event)
{
	struct eventfds *eventfds = (struct eventfds *)session;
	struct epoll_event ready;

	while (!eventfds_tell(eventfds, event)) {
		if (epoll_wait(session->fd, &ready, 1, 0) != 1)
			return 0;
		if (eventfds_read(eventfds, ready.data.ptr))
			return -1;
	}
	return 1;
}
