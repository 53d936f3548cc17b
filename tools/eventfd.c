// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "debugfs.h"
#include "event.h"
#include "eventfd.h"
#include "group.h"
#include "interface.h"
#include "target.h"
#include "tool.h"

/* for how long the end of a mount is waited for that has begun, in milliseconds */
#define PATIENCE	1000

/**
 * struct eventfds - a session
 * @session: what others know of it, its @fd an epoll set
 * @groups: one for each target
 * @next: has crossings that were read and not told
 * @end: behind the last such
 * @gone: to be told when they have been; or NULL
 */
struct eventfds {
	struct session session;
	struct counter *next;
	struct counter *end;
	struct group *gone;

	STAILQ_HEAD(, group) groups;
};

struct session *eventfd_open(void)
{
	struct eventfds *eventfds = calloc(1, sizeof(*eventfds));

	if (!eventfds) {
		error("out of memory");
		return NULL;
	}
	STAILQ_INIT(&eventfds->groups);
	eventfds->session.fd = epoll_create1(EPOLL_CLOEXEC);
	if (eventfds->session.fd < 0) {
		error("%s", error_text(errno));
		free(eventfds);
		return NULL;
	}
	return &eventfds->session;
}

/* NULL if there is none. */
static struct group *eventfds_group(struct eventfds *eventfds,
				    const struct target *target)
{
	struct group *group;

	STAILQ_FOREACH(group, &eventfds->groups, entry) {
		if (group->target == target)
			break;
	}
	return group;
}

int eventfd_add(struct session *session, struct target *target)
{
	struct eventfds *eventfds = (struct eventfds *)session;
	struct group *group = eventfds_group(eventfds, target);
	int status;

	if (!group) {
		group = group_new(target);
		if (!group) {
			error("out of memory");
			return STATUS_ERROR;
		}
		STAILQ_INSERT_TAIL(&eventfds->groups, group, entry);
	}
	status = group_enter(session, group);
	if (status)
		group_close(group);
	return status;
}

/* Has all of @group told. */
static void eventfds_tell_all(struct eventfds *eventfds, struct group *group)
{
	eventfds->next = group->counters;
	eventfds->end = group->counters + group->nr_counters;
}

int eventfd_renew(struct session *session, struct target *target, bool all)
{
	struct eventfds *eventfds = (struct eventfds *)session;
	struct group *group = eventfds_group(eventfds, target);
	int status = group_renew(session, group, all);

	/* of what is counted then one may be the end */
	if (status == STATUS_GONE)
		return STATUS_OK;
	if (!status)
		eventfds_tell_all(eventfds, group);
	return status;
}

/*
 * Has it come to the end of what counts @resource? Where that is about to come, it is
 * waited for.
 */
static bool group_has_ended(const struct group *group, enum resource resource,
			    bool gone)
{
	const struct usage *usage = &group->usage;
	const bool over[RESOURCES] = {
		[RESOURCE_BYTES] = gone || !usage->size,
		[RESOURCE_INODES] = gone || !usage->inodes,
		[RESOURCE_REFUSED] = gone,
	};
	struct pollfd end = {
		.fd = group->sentinels[resource].fd,
		.events = POLLIN,
	};
	bool ended;

	/* a remount may have ended the sentinel of what is refused, and that alone */
	if (resource == RESOURCE_REFUSED && !gone)
		return false;
	ended = end.fd >= 0 && poll(&end, 1, over[resource] ? PATIENCE : 0) == 1;
	/* and that may have been read before the mount went, which is waited for in vain then */
	return ended || resource == RESOURCE_REFUSED;
}

/*
 * Takes what has been counted until the end of @group, without that: with its mount, or with
 * one of two limits, which a remount takes away. That is signalled, too, so that one of what each
 * counter has counted is no crossing.
 */
static void group_read_last(struct group *group)
{
	bool ended[RESOURCES], gone;
	size_t i;

	for (i = 0; i < group->nr_counters; i++)
		group->counters[i].pending += counter_read(&group->counters[i]);
	gone = group_read_usage(group) == -ENODEV;
	for (i = 0; i < RESOURCES; i++)
		ended[i] = group_has_ended(group, i, gone);
	for (i = 0; i < group->nr_counters; i++) {
		struct counter *counter = &group->counters[i];

		counter->pending += counter_read(counter);
		if (counter->pending && ended[counter->resource])
			counter->pending--;
	}
}

void eventfd_end(struct session *session, struct target *target)
{
	struct eventfds *eventfds = (struct eventfds *)session;
	struct group *group = eventfds_group(eventfds, target);

	if (!group)
		return;
	group_read_last(group);
	group_close(group);
	eventfds_tell_all(eventfds, group);
}

/* Sets of @event what the crossings that @counter has counted come to. */
static void counter_cross(struct counter *counter, enum direction direction,
			  struct event *event)
{
	if (direction != DIRECTION_BOTH)
		counter->above = direction == DIRECTION_RISING;
	else if (event->crossings & 1)
		counter->above = !counter->above;
	event->up = counter->above;
	event->late = event->crossings > 1 ||
		      !counter_agrees(counter, event->up);
}

/* The next event of @counter; false if it has none. */
static bool counter_tell(struct eventfds *eventfds, struct counter *counter,
			 struct event *event)
{
	const struct request *request = &eventfds->session.request;
	const struct group *group = counter->group;
	bool inodes = counter->resource == RESOURCE_INODES;

	*event = (struct event){
		.target = group->target,
		.trigger = counter->trigger,
		.level = counter->trigger->level,
		.crossings = request->once ? 1 : counter->pending,
		.used = inodes ? group->usage.inodes_used : group->usage.used,
		.size = inodes ? group->usage.inodes : group->usage.size,
	};
	clock_gettime(CLOCK_REALTIME, &event->time);
	if (!counter->pending && counter->renewed)
		counter->size = counter->trigger->size;
	event->outdated = counter->size && event->size &&
			  counter->size != event->size;
	if (counter->pending) {
		/* how much was used when a call was refused does not matter */
		if (counter->resource != RESOURCE_REFUSED)
			counter_cross(counter, request->direction, event);
		counter->pending = 0;
		if (request->once)
			counter_close(counter);
		return true;
	}
	if (counter->renewed && counter->fd >= 0) {
		counter->renewed = false;
		counter->above = counter->begun;
		event->up = counter->begun;
		event->state = true;
		return true;
	}
	return false;
}

/* True if @event is set. */
static bool eventfds_tell(struct eventfds *eventfds, struct event *event)
{
	struct group *gone = eventfds->gone;

	for (; eventfds->next != eventfds->end; eventfds->next++) {
		if (counter_tell(eventfds, eventfds->next, event))
			return true;
	}
	if (!gone)
		return false;
	eventfds->gone = NULL;
	group_close(gone);
	*event = (struct event){
		.target = gone->target,
		.gone = debugfs_gone(gone->target),
	};
	return true;
}

/* A @sentinel was signalled, which is the end of its group's counters. */
static void eventfds_end(struct eventfds *eventfds, struct counter *sentinel)
{
	struct group *group = sentinel->group;

	if (group_keeps_on(&eventfds->session, sentinel))
		return;
	group_read_last(group);
	group->usage = (struct usage){ };
	eventfds_tell_all(eventfds, group);
	eventfds->gone = group;
}

/* @counter is readable; 0 or an error that was said. */
static int eventfds_read(struct eventfds *eventfds, struct counter *counter)
{
	struct group *group = counter->group;
	int err;

	if (!counter->trigger) {
		eventfds_end(eventfds, counter);
		return 0;
	}
	counter->pending += counter_read(counter);
	err = group_read_usage(group);
	if (!err && group_is_over(group))
		err = -ENODEV;
	if (!err) {
		eventfds->next = counter;
		eventfds->end = counter + 1;
	} else if (err != -ENODEV) {
		error("%s: %s", group->target->name, error_text(-err));
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

static void eventfds_forget(struct eventfds *eventfds, struct group *group)
{
	STAILQ_REMOVE(&eventfds->groups, group, group, entry);
	/* of one that was told there is nothing behind next */
	if (eventfds->next >= group->counters &&
	    eventfds->next <= group->counters + group->nr_counters)
		eventfds->next = eventfds->end = NULL;
	group_close(group);
	free(group);
}

void eventfd_forget(struct session *session, struct target *target)
{
	struct eventfds *eventfds = (struct eventfds *)session;
	struct group *group = eventfds_group(eventfds, target);

	if (group)
		eventfds_forget(eventfds, group);
}

void eventfd_close(struct session *session)
{
	struct eventfds *eventfds = (struct eventfds *)session;

	while (!STAILQ_EMPTY(&eventfds->groups))
		eventfds_forget(eventfds, STAILQ_FIRST(&eventfds->groups));
	close(session->fd);
	free(eventfds);
}
