// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "discovery.h"
#include "event.h"
#include "exec.h"
#include "guard.h"
#include "guarded.h"
#include "level.h"
#include "lookup.h"
#include "remind.h"
#include "renewal.h"
#include "report.h"
#include "section.h"
#include "tool.h"
#include "unit.h"

/* how many events of a section are taken before others have their turn */
#define BATCH	64

/*
 * how many events may be there of a level: the module keeps 10 records of each, see
 * uapi/tmpfswarn.h, and as many may have been read when others were registered
 */
#define RECORDS	20

/* ---- the mounts ---- */

static int guard_compare(const void *a, const void *b)
{
	const struct guarded *one = a, *other = b;

	return strcmp(one->path, other->path);
}

static struct guarded *guard_find(struct guard *guard, const char *path)
{
	struct guarded key = { .path = (char *)path };
	struct guarded **found = tfind(&key, &guard->paths, guard_compare);

	return found ? *found : NULL;
}

/* NULL if there is no memory. */
static struct guarded *guard_get(struct guard *guard, const char *path)
{
	struct guarded *guarded = guard_find(guard, path);

	if (guarded)
		return guarded;
	guarded = guarded_new(path);
	if (!guarded)
		return NULL;
	if (!tsearch(guarded, &guard->paths, guard_compare)) {
		guarded_free(guarded);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&guard->guarded, guarded, next);
	return guarded;
}

static void guard_forget(struct guard *guard, struct guarded *guarded)
{
	tdelete(guarded, &guard->paths, guard_compare);
	TAILQ_REMOVE(&guard->guarded, guarded, next);
	guarded_free(guarded);
}

/* Begins nothing any more for @rung. */
static void guard_drop(const struct guard *guard, const struct rung *rung)
{
	exec_drop(guard->section->name, rung->target.path, rung->trigger.level);
	exec_drop(guard->starts, rung->target.path, rung->trigger.level);
}

/* A mount point is in the table; false if there is no memory. */
static bool guard_meet(void *data, const struct place *place)
{
	struct guard *guard = data;
	const struct section *section = guard->section;
	struct guarded *guarded = guard_get(guard, place->point);
	struct rung *rung;
	size_t i;

	if (!guarded)
		return false;
	guarded->there = true;
	for (i = 0; i < section->nr_levels; i++) {
		if (guarded_has(guarded, section->levels[i]))
			continue;
		rung = guarded_add(guarded, section->levels[i]);
		if (!rung)
			return false;
		if (!follow_take_up(&guard->follow, &rung->target)) {
			guarded_remove(rung);
			return false;
		}
	}
	return true;
}

/* Takes up what has been mounted, and forgets what is gone or left off. */
static void guard_discover(struct follow *follow, const struct places *places)
{
	struct guard *guard = (struct guard *)follow;
	struct guarded *guarded, *next;
	struct rung *rung, *following;

	TAILQ_FOREACH(guarded, &guard->guarded, next)
		guarded->there = false;
	discovery_visit(places, guard->section, guard_meet, guard);
	for (guarded = TAILQ_FIRST(&guard->guarded); guarded; guarded = next) {
		next = TAILQ_NEXT(guarded, next);
		for (rung = TAILQ_FIRST(&guarded->rungs); rung; rung = following) {
			following = TAILQ_NEXT(rung, next);
			/* what was told of it until then comes first */
			if ((guarded->there && !rung->trigger.over) ||
			    rung->target.state != TARGET_AWAY)
				continue;
			/* the module may have been away when it went */
			if (!guarded->there)
				guard_drop(guard, rung);
			follow_drop(&guard->follow, &rung->target);
			guarded_remove(rung);
		}
		if (TAILQ_EMPTY(&guarded->rungs))
			guard_forget(guard, guarded);
	}
}

/* ---- what is told ---- */

static bool guard_wants(const struct section *section, const struct event *event)
{
	return event_is_refusal(event) ||
	       section->direction & (event->up ? DIRECTION_RISING :
						 DIRECTION_FALLING);
}

static bool section_has(const struct section *section, const char *level)
{
	size_t i;

	for (i = 0; i < section->nr_levels; i++) {
		if (!strcmp(section->levels[i], level))
			return true;
	}
	return false;
}

/* Has @section that level, and is that where it leads? What it is named by may be a link. */
static bool section_is_of(const struct section *section, const char *path,
			  const char *level)
{
	return section_has(section, level) &&
	       (section->glob || !strcmp(section->point, path));
}

/* The command of Exec= for @event; NULL for none. */
static char *guard_command(const void *data, const struct event *event)
{
	const struct section *section = data;

	return section->command && guard_wants(section, event) &&
	       section_is_of(section, event->target->path, event->level) ?
	       strdup(section->command) : NULL;
}

/* What Start= comes to, likewise. */
static char *guard_start(const void *data, const struct event *event)
{
	const struct section *section = data;

	return section->unit && guard_wants(section, event) &&
	       section_is_of(section, event->target->path, event->level) ?
	       unit_start(section->unit, event->target->path) : NULL;
}

static void guard_run_one(const struct guard *guard, const char *queue,
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
static void guard_hold(const struct guard *guard, const struct event *event,
		       bool told)
{
	exec_hold(guard->section->name, event, told);
	exec_hold(guard->starts, event, told);
}

/* Tells @event if that is asked for. */
static void guard_tell(const struct guard *guard, const struct event *event)
{
	struct rung *rung = (struct rung *)event->target;
	const struct section *section = guard->section;
	bool wanted = guard_wants(section, event);

	if (event_is_crossing(event) && !event_is_refusal(event) && !event->reminder)
		remind_told(&rung->reminder, event->up && wanted, remind_now());
	if (!wanted) {
		guard_hold(guard, event, true);
		return;
	}
	report_crossing(section, event);
	if (section->command)
		guard_run_one(guard, section->name, guard_command, event);
	if (section->unit)
		guard_run_one(guard, guard->starts, guard_start, event);
}

static void guard_take(const struct guard *guard, struct rung *rung,
		       const struct event *event)
{
	/* that stays so */
	if (event_is_refusal(event)) {
		guard_tell(guard, event);
		return;
	}
	/* at once, whatever is told of it and when */
	guard_hold(guard, event, false);
	if (event->up)
		rung->since = exec_now();
	if (alarm_take(&rung->alarm, event, guard->section->hold, exec_now()))
		guard_tell(guard, event);
}

/* A level was registered: if it is reached already, that is due, too. */
static void guard_take_ready(const struct guard *guard, struct rung *rung)
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
	if (guarded_is_whole(rung->guarded))
		report_watching(rung->guarded);
	clock_gettime(CLOCK_REALTIME, &event.time);
	/* else the module alone was away */
	if (rung->dev != target->dev) {
		alarm_clear(&rung->alarm);
		rung->alarm.told = false;
		rung->reminder.on = false;
		guard_drop(guard, rung);
	}
	rung->dev = target->dev;
	/* nothing was refused yet */
	if (event_is_refusal(&event))
		return;
	if (event.up != rung->alarm.told) {
		guard_take(guard, rung, &event);
	} else {
		guard_hold(guard, &event, false);
		alarm_clear(&rung->alarm);
	}
}

static void guard_take_gone(const struct guard *guard, struct rung *rung,
			    const char *reason)
{
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
	guard_drop(guard, rung);
}

/* Both directions are registered, so that crossings take turns. */
static void guard_count(struct guard *guard, struct rung *rung,
			const struct event *event)
{
	guard->taken++;
	if (event_is_refusal(event))
		return;
	rung->crossings[event->up] += (event->crossings + 1) / 2;
	rung->crossings[!event->up] += event->crossings / 2;
}

static void guard_take_event(struct guard *guard, struct event *event)
{
	struct rung *rung = (struct rung *)event->target;

	if (event->ready) {
		guard_take_ready(guard, rung);
	} else if (event->gone) {
		guard_take_gone(guard, rung, event->gone);
	} else {
		guard_count(guard, rung, event);
		if (event->cgroup)
			event->cgroup_path = cgroup_path(event->cgroup, event->pid);
		guard_take(guard, rung, event);
	}
}

/* Tells what has been so for long enough, where it is known that it is so. */
static void guard_ring(const struct guard *guard, struct guarded *guarded)
{
	double hold = guard->section->hold;
	struct rung *rung;

	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		if (rung->target.state != TARGET_WATCHED ||
		    !alarm_is_due(&rung->alarm, hold, exec_now()))
			continue;
		guard_tell(guard, &rung->alarm.event);
		alarm_clear(&rung->alarm);
	}
}

/* Sets what @event has of usage, as it is now; nothing where that cannot be known. */
static void guard_measure(struct event *event)
{
	const struct target *target = event->target;
	int fd = lookup_open(target->path);
	struct statfs statfs;
	struct stat stat;

	/* something else may be mounted there by now */
	if (fd >= 0 && !fstat(fd, &stat) && stat.st_dev == target->dev &&
	    !fstatfs(fd, &statfs)) {
		bool inodes = event_is_of_inodes(event);

		event->size = inodes ? statfs.f_files :
			      statfs.f_blocks * statfs.f_bsize;
		event->used = event->size -
			      (inodes ? statfs.f_ffree :
					statfs.f_bfree * statfs.f_bsize);
	}
	if (fd >= 0)
		close(fd);
}

/* Known to be so, and told: what waits for For= may say that it is so no longer. */
static double rung_remind_until(const struct rung *rung, enum remind remind)
{
	return rung->target.state != TARGET_WATCHED || rung->trigger.over ||
	       rung->alarm.waits ? INFINITY :
	       remind_until(&rung->reminder, remind);
}

/* Tells again what is still so. */
static void guard_remind(const struct guard *guard, struct guarded *guarded)
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
		    !guard_wants(guard->section, &event))
			continue;
		remind_again(&rung->reminder, now);
		event.reminder = rung->reminder.nr;
		clock_gettime(CLOCK_REALTIME, &event.time);
		guard_measure(&event);
		guard_tell(guard, &event);
	}
}

/* When guard_run() has to be called to remind, as remind_now() has it; likewise. */
double guard_remind_until(const struct guard *guard)
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

static void guard_retry(struct guard *guard, struct guarded *guarded)
{
	struct rung *rung;

	if (!guarded_try(guarded, exec_now()))
		return;
	TAILQ_FOREACH(rung, &guarded->rungs, next)
		follow_retry(&guard->follow, &rung->target);
	guard->follow.look = true;
}

/*
 * Has the mount grow if a level has been reached for long enough, and takes its levels
 * anew then: the next step is for what they say by then. True if its size has changed.
 */
static bool guard_grow(struct guard *guard, struct guarded *guarded)
{
	struct rung *rung = guarded_reached(guarded);
	double now = exec_now();

	if (!rung)
		guarded->growth = (struct growth){ };
	if (!rung || now < rung->since + guard->section->hold ||
	    now < guarded->growth.again)
		return false;
	/* the level is not reached any more then, and what waits would not run */
	exec_run();
	if (!growth_try(&guarded->growth, guard->section, &rung->target, now))
		return false;
	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		if (rung->target.state == TARGET_WATCHED &&
		    !rung->trigger.over &&
		    level_resource(rung->trigger.level) == RESOURCE_BYTES)
			renewal_make(&guard->follow, &rung->target, true);
	}
	return true;
}

/* When the mount grows, INFINITY for never. */
static double guard_grows(const struct guard *guard, const struct guarded *guarded)
{
	const struct rung *rung = guard->section->grow.by ?
				  guarded_reached(guarded) : NULL;
	double reached = rung ? rung->since + guard->section->hold : INFINITY;

	return reached < guarded->growth.again ? guarded->growth.again : reached;
}

/* All events have been taken: does what is due. True if there may be more then. */
static bool guard_tend(struct guard *guard)
{
	struct guarded *guarded;
	bool grown = false;

	guard->again = INFINITY;
	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		guard_ring(guard, guarded);
		guard_remind(guard, guarded);
		if (guard->section->grow.by)
			grown |= guard_grow(guard, guarded);
		guard_retry(guard, guarded);
		if (guarded->again < guard->again)
			guard->again = guarded->again;
	}
	return grown;
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
		if (nr > 0)
			guard_take_event(guard, &event);
	}
	if (nr)
		return nr;
	/* not before: what has not been read yet may say that it is no longer so */
	return guard_tend(guard) || guard->follow.look;
}

/* How often guard_run() is to be called, at most, to take all that is there now. */
size_t guard_turns(const struct guard *guard)
{
	return guard->follow.nr_targets * RECORDS / BATCH + 1;
}

/* When guard_run() has to be called in any case, INFINITY for never. */
double guard_until(const struct guard *guard)
{
	const struct guarded *guarded;
	double until = guard->again;
	const struct rung *rung;

	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		double grows = guard_grows(guard, guarded);

		if (grows < until)
			until = grows;
		TAILQ_FOREACH(rung, &guarded->rungs, next) {
			double due = alarm_until(&rung->alarm,
						 guard->section->hold);

			if (rung->target.state == TARGET_WATCHED && due < until)
				until = due;
		}
	}
	return until;
}

/* ---- begin, change and end ---- */

/* Watches what @section says, which is then the guard's; NULL after saying why not. */
struct guard *guard_new(struct section *section,
			const struct interface *interface)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (!guard) {
		error("out of memory");
		return NULL;
	}
	TAILQ_INIT(&guard->guarded);
	guard->again = INFINITY;
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
	if (section->grow.by)
		growth_check(section);
	return guard;
}

/* Levels that @guard's section has no longer are left off, the next look adds others. */
static void guard_change_levels(struct guard *guard)
{
	struct guarded *guarded;
	struct rung *rung;

	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		TAILQ_FOREACH(rung, &guarded->rungs, next) {
			if (rung->trigger.over ||
			    section_is_of(guard->section, rung->target.path,
					  rung->trigger.level))
				continue;
			guarded->nr -= rung->target.state != TARGET_AWAY;
			alarm_clear(&rung->alarm);
			follow_leave_off(&guard->follow, &rung->target);
		}
	}
}

/*
 * Does as @section says from now on, which is then the guard's. What could not be
 * registered is tried again. To be called when all events have been taken, which
 * were told as the section before says.
 */
void guard_change(struct guard *guard, struct section *section)
{
	struct section *before = guard->section;
	struct guarded *guarded;
	struct rung *rung;

	guard->section = section;
	guard_change_levels(guard);
	follow_change(&guard->follow, section->hysteresis);
	exec_change(section->name, guard_command, section);
	exec_change(guard->starts, guard_start, section);
	section_free(before);
	if (section->grow.by)
		growth_check(section);
	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		guarded->delay = 0;
		guarded->again = INFINITY;
		guarded->growth = (struct growth){ };
		TAILQ_FOREACH(rung, &guarded->rungs, next)
			target_untry(&rung->target);
	}
	guard->follow.look = true;
}

/* Begins no command any more, and says which: nobody asks for them now. */
void guard_end(struct guard *guard)
{
	exec_end(guard->section->name);
	exec_end(guard->starts);
	guard_free(guard);
}

static void guard_free_path(void *guarded)
{
	guarded_free(guarded);
}

void guard_free(struct guard *guard)
{
	follow_end(&guard->follow);
	tdestroy(guard->paths, guard_free_path);
	if (guard->section)
		section_free(guard->section);
	free(guard->starts);
	free(guard);
}
