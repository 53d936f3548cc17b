// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discovery.h"
#include "event.h"
#include "exec.h"
#include "guard.h"
#include "guarded.h"
#include "level.h"
#include "notice.h"
#include "renewal.h"
#include "section.h"
#include "tool.h"

/* for how long what is due may take before others have their turn, in seconds */
#define TEND_MAX	1

/* how many events of a section are taken before others have their turn */
#define BATCH	64

/*
 * how many events may be there of a level: the module keeps 10 records of each, see
 * uapi/tmpfswarn.h, and as many may have been read when others were registered
 */
#define RECORDS	20

/* all that there are: a mount may be of several */
static LIST_HEAD(, guard) all = LIST_HEAD_INITIALIZER(all);

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
				notice_drop(guard, rung);
			follow_drop(&guard->follow, &rung->target);
			guarded_remove(rung);
		}
		if (TAILQ_EMPTY(&guarded->rungs))
			guard_forget(guard, guarded);
	}
}

/* ---- at work ---- */

static void guard_retry(struct guard *guard, struct guarded *guarded)
{
	struct rung *rung;

	if (!guarded_try(guarded, exec_now()))
		return;
	guard->follow.hung = false;
	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		follow_retry(&guard->follow, &rung->target);
		/* the others stay what is to be tried again */
		if (guard->follow.hung && rung->target.stale)
			break;
	}
	guard->follow.look = true;
}

/* Registers the levels of bytes anew that @guard has on the mount @dev, of another size by now. */
static void guard_resized(struct guard *guard, dev_t dev)
{
	struct guarded *guarded;
	struct rung *rung;

	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		TAILQ_FOREACH(rung, &guarded->rungs, next) {
			if (rung->target.state == TARGET_WATCHED &&
			    rung->target.dev == dev && !rung->trigger.over &&
			    level_resource(rung->trigger.level) == RESOURCE_BYTES)
				renewal_make(&guard->follow, &rung->target, true);
		}
	}
}

/*
 * Has the mount grow if a level has been reached for long enough, and has its levels
 * taken anew then, on other paths and of other sections, too: the next step is for what
 * they say by then. True if its size has changed.
 */
static bool guard_grow(struct guard *guard, struct guarded *guarded)
{
	struct rung *rung = guarded_reached(guarded);
	double now = exec_now();
	struct guard *other;

	if (!rung)
		growth_begin(&guarded->growth);
	if (!rung || now < rung->since + guard->section->hold ||
	    now < guarded->growth.again)
		return false;
	/* the level is not reached any more then, and what waits would not run */
	exec_run();
	if (!growth_try(&guarded->growth, guard->section, &rung->target, now))
		return false;
	LIST_FOREACH(other, &all, all)
		guard_resized(other, rung->target.dev);
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

/*
 * All events have been taken: does what is due. True if there may be more then, and of what a
 * level says on another path of a mount that has grown nothing is known before these.
 */
static bool guard_tend(struct guard *guard)
{
	struct guarded *guarded;
	double until;

	guard->turns = 0;
	guard->again = INFINITY;
	TAILQ_FOREACH(guarded, &guard->guarded, next)
		notice_ring(guard, guarded);
	until = exec_now() + TEND_MAX;
	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		notice_remind(guard, guarded);
		if (guard->section->grow.by && guard_grow(guard, guarded))
			return true;
		guard_retry(guard, guarded);
		if (guarded->again < guard->again)
			guard->again = guarded->again;
		/* a file system may hang, with many mounts: the others are first, next time */
		if (exec_now() >= until) {
			TAILQ_REMOVE(&guard->guarded, guarded, next);
			TAILQ_INSERT_TAIL(&guard->guarded, guarded, next);
			guard->again = until;
			break;
		}
	}
	return false;
}

/* How often guard_run() is to be called, at most, to take all that is there now. */
size_t guard_turns(const struct guard *guard)
{
	return guard->follow.nr_targets * RECORDS / BATCH + 1;
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
	bool hung;

	for (i = 0; i < BATCH && nr > 0; i++) {
		nr = follow_next(&guard->follow, &event);
		if (nr > 0)
			notice_take(guard, &event);
	}
	/*
	 * What has not been read yet may say that it is no longer so. But where there is always
	 * more, all that was there has been read by then.
	 */
	if (nr < 0 || (nr && ++guard->turns < guard_turns(guard)))
		return nr;
	hung = guard->follow.hung;
	return guard_tend(guard) || nr || (guard->follow.look && !hung);
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
			due = digest_until(&rung->digest);
			if (due < until)
				until = due;
		}
	}
	return until;
}

/* ---- begin, change and end ---- */

/* Of what was told nothing is lost. */
void guard_flush(struct guard *guard)
{
	struct guarded *guarded;
	struct rung *rung;

	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		TAILQ_FOREACH(rung, &guarded->rungs, next)
			notice_flush(guard, rung);
	}
}

static void guard_free_path(void *guarded)
{
	guarded_free(guarded);
}

/*
 * Ends it, begins no command any more, and says which: nobody asks for them now, but
 * where a path of fstab is called as a glob is. Its section, which is the caller's then.
 */
struct section *guard_release(struct guard *guard)
{
	struct section *section = guard->section;
	const struct guard *other;

	LIST_REMOVE(guard, all);
	guard_flush(guard);
	LIST_FOREACH(other, &all, all) {
		if (!strcmp(other->section->name, section->name))
			break;
	}
	if (!other) {
		exec_end(section->name);
		exec_end(guard->starts);
	}
	follow_end(&guard->follow);
	tdestroy(guard->paths, guard_free_path);
	free(guard->starts);
	free(guard);
	return section;
}

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
	guard->section = section;
	LIST_INSERT_HEAD(&all, guard, all);
	if (follow_begin(&guard->follow)) {
		guard_release(guard);
		return NULL;
	}
	if (!exec_begin(section->name, EXEC_PAUSE, false) ||
	    !exec_begin(guard->starts, EXEC_PAUSE_START, true)) {
		error("out of memory");
		guard_release(guard);
		return NULL;
	}
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
			notice_flush(guard, rung);
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

	guard->section = section;
	guard_change_levels(guard);
	follow_change(&guard->follow, section->hysteresis);
	notice_change(guard);
	section_free(before);
	if (section->grow.by)
		growth_check(section);
	TAILQ_FOREACH(guarded, &guard->guarded, next) {
		guarded->growth = (struct growth){ };
		guarded_forgive(guarded);
	}
	guard->follow.look = true;
}

/* Likewise, with its section. */
void guard_end(struct guard *guard)
{
	section_free(guard_release(guard));
}
