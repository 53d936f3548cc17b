// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alarm.h"
#include "cgroup.h"
#include "discovery.h"
#include "event.h"
#include "exec.h"
#include "guard.h"
#include "report.h"
#include "section.h"
#include "target.h"
#include "tool.h"
#include "unit.h"

/* how many events of a section are taken before others have their turn */
#define BATCH	64

/**
 * struct guarded - a mount that a section is about
 * @target: its point, and the levels
 * @dev: the mount that is told of in @alarms
 * @there: it is in the mount table
 * @alarms: one for each level
 */
struct guarded {
	struct target target;
	dev_t dev;
	bool there;
	struct alarm *alarms;

	STAILQ_ENTRY(guarded) next;
};

/* ---- the mounts ---- */

static struct guarded *guard_find(const struct guard *guard, const char *path)
{
	struct guarded *guarded;

	STAILQ_FOREACH(guarded, &guard->guarded, next) {
		if (!strcmp(guarded->target.path, path))
			break;
	}
	return guarded;
}

static void guarded_free(struct guarded *guarded)
{
	struct target *target = &guarded->target;
	size_t i;

	for (i = 0; guarded->alarms && i < target->nr_triggers; i++)
		alarm_clear(&guarded->alarms[i]);
	free(guarded->alarms);
	free(target->triggers);
	/* a literal stands for the name where there was no memory */
	if (target->name && *target->name == '/')
		free((char *)target->name);
	free((char *)target->path);
	free(target->full);
	free(target->point);
	free(target->options);
	free(guarded);
}

/* NULL if there is no memory. */
static struct guarded *guarded_new(const struct section *section,
				   const char *point)
{
	struct guarded *guarded = calloc(1, sizeof(*guarded));
	struct target *target;
	size_t i;

	if (!guarded)
		return NULL;
	target = &guarded->target;
	target->path = strdup(point);
	target->full = strdup(point);
	target->triggers = calloc(section->nr_levels,
				  sizeof(*target->triggers));
	guarded->alarms = calloc(section->nr_levels, sizeof(*guarded->alarms));
	if (!target->path || !target->full || !target->triggers ||
	    !guarded->alarms) {
		guarded_free(guarded);
		return NULL;
	}
	target->nr_triggers = section->nr_levels;
	for (i = 0; i < section->nr_levels; i++)
		target->triggers[i].level = section->levels[i];
	return guarded;
}

/* A mount point is in the table; false if there is no memory. */
static bool guard_meet(void *data, const struct place *place)
{
	struct guard *guard = data;
	struct guarded *guarded = guard_find(guard, place->point);

	if (!guarded) {
		guarded = guarded_new(guard->section, place->point);
		if (!guarded)
			return false;
		if (!follow_take_up(&guard->follow, &guarded->target)) {
			guarded_free(guarded);
			return false;
		}
		STAILQ_INSERT_TAIL(&guard->guarded, guarded, next);
	}
	guarded->there = true;
	return true;
}

/* Takes up what has been mounted, and forgets what is gone. */
static void guard_discover(struct follow *follow, const struct places *places)
{
	struct guard *guard = (struct guard *)follow;
	struct guarded *guarded, *next;

	STAILQ_FOREACH(guarded, &guard->guarded, next)
		guarded->there = false;
	discovery_visit(places, guard->section, guard_meet, guard);
	for (guarded = STAILQ_FIRST(&guard->guarded); guarded; guarded = next) {
		next = STAILQ_NEXT(guarded, next);
		/* what was told of it until then comes first */
		if (guarded->there || guarded->target.state != TARGET_AWAY)
			continue;
		STAILQ_REMOVE(&guard->guarded, guarded, guarded, next);
		follow_drop(&guard->follow, &guarded->target);
		guarded_free(guarded);
	}
}

/* ---- what is told ---- */

static void guard_start(const struct guard *guard, const struct event *event)
{
	char *command = unit_start(guard->section->unit, event->target->path);

	if (command)
		exec_add(guard->starts, command, event);
	else
		error("out of memory");
	free(command);
}

/* Begins nothing any more for @path, NULL for all. */
void guard_drop(const struct guard *guard, const char *path)
{
	exec_drop(guard->section->name, path);
	exec_drop(guard->starts, path);
}

/* Tells @event if that is asked for. */
static void guard_tell(const struct guard *guard, const struct event *event)
{
	const struct section *section = guard->section;
	enum direction direction = event->up ? DIRECTION_RISING :
					       DIRECTION_FALLING;

	if (!(section->direction & direction)) {
		/* what has not begun would act on what is no longer so */
		exec_hold(section->name, event);
		exec_hold(guard->starts, event);
		return;
	}
	report_crossing(section, event);
	if (section->command)
		exec_add(section->name, section->command, event);
	if (section->unit)
		guard_start(guard, event);
}

static void guard_take(const struct guard *guard, struct alarm *alarm,
		       const struct event *event)
{
	if (alarm_take(alarm, event, guard->section->hold, exec_now()))
		guard_tell(guard, event);
}

static void guard_take_crossing(const struct guard *guard, struct event *event)
{
	struct guarded *guarded = (struct guarded *)event->target;
	size_t i = event->trigger - event->target->triggers;

	if (event->cgroup)
		event->cgroup_path = cgroup_path(event->cgroup, event->pid);
	guard_take(guard, &guarded->alarms[i], event);
}

/* What was told of the same level of the same mount before; or NULL. */
static const struct alarm *guard_former(const struct guard *guard,
					const struct guarded *guarded,
					const char *level)
{
	const struct guarded *former;
	size_t i;

	former = guard->former ?
		 guard_find(guard->former, guarded->target.path) : NULL;
	if (!former || former->dev != guarded->target.dev)
		return NULL;
	for (i = 0; i < former->target.nr_triggers; i++) {
		if (!strcmp(former->target.triggers[i].level, level))
			return &former->alarms[i];
	}
	return NULL;
}

/* The levels of a mount were registered: what is reached already is due, too. */
static void guard_take_ready(const struct guard *guard, struct guarded *guarded)
{
	struct target *target = &guarded->target;
	struct event event = {
		.target = target,
		.crossings = 1,
		.used = target->used,
		.size = target->size,
	};
	size_t i;

	report_watching(target);
	clock_gettime(CLOCK_REALTIME, &event.time);
	for (i = 0; i < target->nr_triggers; i++) {
		struct alarm *alarm = &guarded->alarms[i];
		const struct alarm *former;

		event.trigger = &target->triggers[i];
		event.level = event.trigger->level;
		event.up = event.trigger->above;
		/* else the module alone was away */
		if (guarded->dev != target->dev) {
			alarm_clear(alarm);
			former = guard_former(guard, guarded, event.level);
			alarm->told = former && former->told;
		}
		if (event.up != alarm->told)
			guard_take(guard, alarm, &event);
		else
			alarm_clear(alarm);
	}
	guarded->dev = target->dev;
}

static void guard_take_gone(const struct guard *guard, struct guarded *guarded,
			    const char *reason)
{
	size_t i;

	error("%s: %s", guarded->target.name, reason);
	/* the mount is still there, and so is what was told of it */
	if (!interface_module_live())
		return;
	guarded->dev = 0;
	for (i = 0; i < guarded->target.nr_triggers; i++)
		alarm_clear(&guarded->alarms[i]);
	guard_drop(guard, guarded->target.path);
}

/* Tells what has been so for long enough. */
static void guard_ring(const struct guard *guard)
{
	double now = exec_now();
	struct guarded *guarded;
	size_t i;

	STAILQ_FOREACH(guarded, &guard->guarded, next) {
		for (i = 0; i < guarded->target.nr_triggers; i++) {
			struct alarm *alarm = &guarded->alarms[i];

			if (!alarm_is_due(alarm, now))
				continue;
			guard_tell(guard, &alarm->event);
			alarm_clear(alarm);
		}
	}
}

/**
 * guard_run() - take events, and do what is due
 * @guard: which
 *
 * Return: 1 if there may be more events, 0 if there are none now, or -1 after
 * saying what is wrong.
 */
int guard_run(struct guard *guard)
{
	struct event event;
	int i, nr = 1;

	for (i = 0; i < BATCH && nr > 0; i++) {
		nr = follow_next(&guard->follow, &event);
		if (nr <= 0)
			break;
		if (event.ready)
			guard_take_ready(guard, (struct guarded *)event.target);
		else if (event.gone)
			guard_take_gone(guard, (struct guarded *)event.target,
					event.gone);
		else
			guard_take_crossing(guard, &event);
	}
	guard_ring(guard);
	return nr;
}

/* When guard_run() has to be called in any case, INFINITY for never. */
double guard_until(const struct guard *guard)
{
	const struct guarded *guarded;
	double until = INFINITY;
	size_t i;

	STAILQ_FOREACH(guarded, &guard->guarded, next) {
		for (i = 0; i < guarded->target.nr_triggers; i++) {
			double due = alarm_until(&guarded->alarms[i]);

			if (due < until)
				until = due;
		}
	}
	return until;
}

/* ---- begin and end ---- */

/* Watches what @section says, which is then the guard's; NULL after saying why not. */
struct guard *guard_new(struct section *section,
			const struct interface *interface)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (!guard) {
		error("out of memory");
		return NULL;
	}
	STAILQ_INIT(&guard->guarded);
	guard->follow = (struct follow){
		.interface = interface,
		.request = {
			.direction = DIRECTION_BOTH,
			.hysteresis = section->hysteresis,
		},
		.again = true,
		.discover = guard_discover,
		.fd = -1,
	};
	if (asprintf(&guard->starts, "start %s", section->name) < 0) {
		error("out of memory");
		free(guard);
		return NULL;
	}
	if (follow_begin(&guard->follow)) {
		guard_free(guard);
		return NULL;
	}
	guard->section = section;
	return guard;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* True if @guard watches what @section says, whatever it does then. */
bool guard_is_same(const struct guard *guard, const struct section *section)
{
	const struct section *a = guard->section, *b = section;
	size_t i;

	if (strcmp(a->name, b->name) || a->nr_levels != b->nr_levels ||
	    !is_same_text(a->hysteresis, b->hysteresis))
		return false;
	for (i = 0; i < a->nr_levels && !strcmp(a->levels[i], b->levels[i]); i++)
		;
	return i == a->nr_levels;
}

/*
 * Does as @section says from now on, which is then the guard's, and the same to be
 * watched: nothing is registered anew, and no event is missed. What could not be
 * registered is tried again.
 */
void guard_keep(struct guard *guard, struct section *section)
{
	struct section *before = guard->section;
	struct guarded *guarded;
	char **levels = section->levels, *hysteresis = section->hysteresis;

	/* the registrations refer to those of before */
	section->levels = before->levels;
	section->hysteresis = before->hysteresis;
	before->levels = levels;
	before->hysteresis = hysteresis;
	section_free(before);
	guard->section = section;
	STAILQ_FOREACH(guarded, &guard->guarded, next)
		guarded->target.id = -1;
	guard->follow.look = true;
}

void guard_free(struct guard *guard)
{
	struct guarded *guarded;

	follow_end(&guard->follow);
	while ((guarded = STAILQ_FIRST(&guard->guarded))) {
		STAILQ_REMOVE_HEAD(&guard->guarded, next);
		guarded_free(guarded);
	}
	if (guard->section)
		section_free(guard->section);
	free(guard->starts);
	free(guard);
}
