// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "event.h"
#include "follow.h"
#include "lookup.h"
#include "number.h"
#include "renewal.h"
#include "target.h"
#include "tool.h"

/* A file descriptor on the mount of @target, or -1. */
static int renewal_open(struct follow *follow, struct target *target)
{
	if (!target->numbered) {
		/* what the path leads to on the mount may have been removed */
		target->fd = lookup_open(target->point ?: target->path);
		follow->hung = target->fd < 0 && errno == ETIMEDOUT;
		if (target->fd >= 0 &&
		    lookup_is_on(target->fd, target->dev))
			return target->fd;
		if (target->fd >= 0)
			close(target->fd);
	}
	/* it may be in another namespace, or the table has changed since */
	return number_open(target->dev);
}

/*
 * Registers those levels of @target anew that depend on the size, or @all of them,
 * with another hysteresis or to learn where usage is.
 */
void renewal_make(struct follow *follow, struct target *target, bool all)
{
	bool depends = false, failed;
	size_t i;

	target->outdated = false;
	if (all)
		target->stale = false;
	for (i = 0; i < target->nr_triggers; i++)
		depends |= (all || target->triggers[i].size) &&
			   !target->triggers[i].over;
	if (!depends)
		return;
	/* or the mount would be busy for no need */
	if (!follow->session->interface->by_number)
		target->fd = renewal_open(follow, target);
	failed = session_renew(follow->session, target, all);
	if (all)
		target->stale = failed;
	if (failed)
		error(all ? "%s: its levels stay as they were registered" :
			    "%s: the levels of free space are those of its size before",
		      target->name);
}

/*
 * A level was registered anew. True if that is to be told as a crossing: usage,
 * by the new level, is not where it was by the old one.
 */
bool renewal_take(const struct follow *follow, struct event *event)
{
	struct trigger *trigger = event->trigger;
	enum direction direction = follow->request.direction;

	/* what is told is not all that the module knows, and it has forgotten */
	if (direction != DIRECTION_BOTH && !trigger->unsure)
		trigger->above = trigger->was;
	event->state = false;
	event->target->outdated = event->outdated;
	if (event->outdated) {
		trigger->unsure = true;
		return false;
	}
	trigger->unsure = false;
	if (trigger->above == event->up)
		return false;
	trigger->above = event->up;
	return direction & (event->up ? DIRECTION_RISING : DIRECTION_FALLING);
}
