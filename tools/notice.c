// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cgroup.h"
#include "event.h"
#include "exec.h"
#include "guard.h"
#include "guarded.h"
#include "level.h"
#include "notice.h"
#include "notification.h"
#include "reach.h"
#include "remind.h"
#include "report.h"
#include "row.h"
#include "section.h"
#include "tool.h"
#include "unit.h"

static bool notice_wants(const struct section *section, const struct event *event)
{
	return event_is_refusal(event) ||
	       section->direction & (event->up ? DIRECTION_RISING :
						 DIRECTION_FALLING);
}

/* The command of Exec=, or of a notification, for @event; NULL for none. */
static char *notice_command(const void *data, const struct event *event)
{
	const struct section *section = data;

	if (!notice_wants(section, event) ||
	    !section_is_of(section, event->target->path, event->level))
		return NULL;
	if (section_notifies(section))
		return notification_command(event);
	return section->command ? strdup(section->command) : NULL;
}

/* What Start= comes to, likewise. */
static char *notice_start(const void *data, const struct event *event)
{
	const struct section *section = data;

	return section->unit && notice_wants(section, event) &&
	       section_is_of(section, event->target->path, event->level) ?
	       unit_start(section->unit, event->target->path, section->user) :
	       NULL;
}

static void notice_run_one(const struct guard *guard, const char *queue,
			   exec_command *make, const struct event *event)
{
	char *command = make(guard->section, event);

	if (command)
		exec_add(queue, command, event);
	else
		error("out of memory");
	free(command);
}

/* Usage is where @event says: what would act on what is no longer so waits. */
static void notice_hold(const struct guard *guard, const struct event *event,
			bool told)
{
	exec_hold(guard->section->name, event, told);
	exec_hold(guard->starts, event, told);
}

/* Begins nothing any more for @rung. */
void notice_drop(const struct guard *guard, const struct rung *rung)
{
	exec_drop(guard->section->name, rung->target.path, rung->trigger.level);
	exec_drop(guard->starts, rung->target.path, rung->trigger.level);
}

/* What waits to be run is what the section says now, if it says so still. */
void notice_change(const struct guard *guard)
{
	exec_change(guard->section->name, notice_command, guard->section);
	exec_change(guard->starts, notice_start, guard->section);
}

/* Is there a notification to be shown of what is told of @rung? */
static bool notice_shows(const struct section *section, struct rung *rung,
			 const struct event *event)
{
	double now = exec_now();

	if (!section_notifies(section))
		return false;
	if (!event_is_refusal(event))
		return true;
	if (now < rung->quiet)
		return false;
	rung->quiet = now + NOTIFICATION_PAUSE;
	return true;
}

/* The log is told what waits for that. */
void notice_flush(const struct guard *guard, struct rung *rung)
{
	if (!rung->digest.waits)
		return;
	report_crossing(guard->section, &rung->digest.event);
	digest_told(&rung->digest, exec_now());
}

static void notice_flush_due(const struct guard *guard, struct rung *rung)
{
	if (digest_is_due(&rung->digest, exec_now()))
		notice_flush(guard, rung);
}

/* Tells @event if that is asked for. */
static void notice_tell(const struct guard *guard, const struct event *event)
{
	struct rung *rung = (struct rung *)event->target;
	const struct section *section = guard->section;
	bool wanted = notice_wants(section, event);

	if (event_is_crossing(event) && !event_is_refusal(event) && !event->reminder)
		remind_told(&rung->reminder, event->up && wanted, remind_now());
	if (!wanted) {
		notice_hold(guard, event, true);
		return;
	}
	digest_add(&rung->digest, event);
	notice_flush_due(guard, rung);
	if (section->command || notice_shows(section, rung, event))
		notice_run_one(guard, section->name, notice_command, event);
	if (section->unit)
		notice_run_one(guard, guard->starts, notice_start, event);
}

static void notice_take_usage(const struct guard *guard, struct rung *rung,
			      const struct event *event)
{
	/* that stays so */
	if (event_is_refusal(event)) {
		notice_tell(guard, event);
		return;
	}
	/* at once, whatever is told of it and when */
	notice_hold(guard, event, false);
	if (event->up)
		rung->since = exec_now();
	if (alarm_take(&rung->alarm, event, guard->section->hold, exec_now()))
		notice_tell(guard, event);
}

/* A level was registered: if it is reached already, that is due, too. */
static void notice_take_ready(const struct guard *guard, struct rung *rung)
{
	const struct target *target = &rung->target;
	bool inodes = level_inodes(rung->trigger.level);
	struct event event = {
		.target = &rung->target,
		.trigger = &rung->trigger,
		.level = rung->trigger.level,
		.up = rung->trigger.above,
		.crossings = 1,
		.used = inodes ? target->inodes_used : target->used,
		.size = inodes ? target->inodes : target->size,
	};

	rung->guarded->nr++;
	if (guarded_is_whole(rung->guarded)) {
		report_watching(rung->guarded);
		guarded_forgive(rung->guarded);
	}
	clock_gettime(CLOCK_REALTIME, &event.time);
	/* else the module alone was away */
	if (rung->dev != target->dev) {
		alarm_clear(&rung->alarm);
		rung->alarm.told = false;
		rung->reminder.on = false;
		notice_drop(guard, rung);
	}
	rung->dev = target->dev;
	/* nothing was refused yet */
	if (event_is_refusal(&event))
		return;
	if (event.up != rung->alarm.told) {
		notice_take_usage(guard, rung, &event);
	} else {
		notice_hold(guard, &event, false);
		alarm_clear(&rung->alarm);
	}
}

static void notice_take_gone(const struct guard *guard, struct rung *rung,
			     const char *reason)
{
	/* what was told of it until then comes first */
	notice_flush(guard, rung);
	rung->guarded->nr--;
	/* once for all levels, unless others are still watched */
	if (!rung->guarded->nr || !strcmp(reason, EVENT_UNLIMITED))
		error("%s: %s", rung->target.name, reason);
	/* the mount is still there, and so is what was told of it */
	if (!interface_module_live())
		return;
	rung->dev = 0;
	rung->reminder.on = false;
	alarm_clear(&rung->alarm);
	notice_drop(guard, rung);
}

/* Both directions are registered, so that crossings take turns. */
static void notice_count(struct guard *guard, struct rung *rung,
			 const struct event *event)
{
	guard->taken++;
	if (event_is_refusal(event))
		return;
	rung->crossings[event->up] += (event->crossings + 1) / 2;
	rung->crossings[!event->up] += event->crossings / 2;
}

void notice_take(struct guard *guard, struct event *event)
{
	struct rung *rung = (struct rung *)event->target;

	if (event->ready) {
		notice_take_ready(guard, rung);
	} else if (event->gone) {
		notice_take_gone(guard, rung, event->gone);
	} else {
		notice_count(guard, rung, event);
		if (event->cgroup)
			event->cgroup_path = cgroup_path(event->cgroup, event->pid);
		notice_take_usage(guard, rung, event);
	}
}

/*
 * Tells what has been so for long enough, where it is known that it is so, and what the log
 * has not been told yet.
 */
void notice_ring(const struct guard *guard, struct guarded *guarded)
{
	double hold = guard->section->hold;
	struct rung *rung;

	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		notice_flush_due(guard, rung);
		if (rung->target.state != TARGET_WATCHED ||
		    !alarm_is_due(&rung->alarm, hold, exec_now()))
			continue;
		notice_tell(guard, &rung->alarm.event);
		alarm_clear(&rung->alarm);
	}
}

/* Sets what @event has of usage, as it is now; nothing where that cannot be known. */
static void notice_measure(struct event *event)
{
	const struct target *target = event->target;
	bool inodes = event_is_of_inodes(event);
	struct usage usage;

	/* something else may be mounted there by now, or on the way */
	reach_renew();
	if (!row_statvfs(&usage, target->dev, target->path))
		return;
	event->size = inodes ? usage.inodes : usage.size;
	event->used = inodes ? usage.inodes_used : usage.used;
}

/* Known to be so, and told: what waits for For= may say that it is so no longer. */
static double rung_remind_until(const struct rung *rung, enum remind remind)
{
	return rung->target.state != TARGET_WATCHED || rung->trigger.over ||
	       rung->alarm.waits ? INFINITY :
	       remind_until(&rung->reminder, remind);
}

/* Tells again what is still so. */
void notice_remind(const struct guard *guard, struct guarded *guarded)
{
	struct rung *rung;

	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		double now = remind_now();
		struct event event = {
			.target = &rung->target,
			.trigger = &rung->trigger,
			.level = rung->trigger.level,
			.up = true,
		};

		if (rung_remind_until(rung, guard->section->remind) > now ||
		    !notice_wants(guard->section, &event))
			continue;
		remind_again(&rung->reminder, now);
		event.reminder = rung->reminder.nr;
		clock_gettime(CLOCK_REALTIME, &event.time);
		notice_measure(&event);
		notice_tell(guard, &event);
	}
}

/* When guard_run() has to be called to remind, as remind_now() has it, INFINITY for never. */
double notice_until(const struct guard *guard)
{
	const struct guarded *guarded;
	const struct rung *rung;
	double until = INFINITY;

	if (!(guard->section->direction & DIRECTION_RISING))
		return INFINITY;
	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		TAILQ_FOREACH(rung, &guarded->rungs, next) {
			double due = rung_remind_until(rung,
						       guard->section->remind);

			if (due < until)
				until = due;
		}
	}
	return until;
}
