// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <libmount.h>

#include "event.h"
#include "follow.h"
#include "lookup.h"
#include "note.h"
#include "parent.h"
#include "place.h"
#include "renewal.h"
#include "target.h"
#include "tool.h"
#include "wakeup.h"

/* after how long paths are looked up again where nothing tells of what is missing, in seconds */
#define RETRY		1

/* and how often where a level depends on the size, of which not every table is told */
#define SIZE_RETRY	5

/* Without a registration the session says all the time that it is at its end. */
static void follow_poll_session(struct follow *follow)
{
	bool polled = false;
	size_t i;

	for (i = 0; i < follow->nr_targets; i++)
		polled |= follow->targets[i]->state == TARGET_WATCHED &&
			  target_is_live(follow->targets[i]);
	if (polled == follow->polled)
		return;
	follow->polled = polled;
	if (polled)
		wakeup_add(follow, follow->session->fd);
	else
		epoll_ctl(follow->fd, EPOLL_CTL_DEL, follow->session->fd, NULL);
}

/* ---- where paths lead ---- */

/* Registers the levels of @target; exit status, after saying what is wrong. */
static int follow_add(struct follow *follow, struct target *target)
{
	int status = session_add(follow->session, target);

	if (!status) {
		target->state = TARGET_WATCHED;
		target->stale = false;
		note_target(target, &follow->request);
	}
	return status;
}

/* Opens @target's path on @place; or -1. */
static int follow_open(struct follow *follow, struct target *target,
		       const struct place *place)
{
	int fd = lookup_open(target->full);

	if (fd < 0 && errno == ENOENT) {
		if (follow->parents < 0) {
			follow->parents = parent_open();
			wakeup_add(follow, follow->parents);
		}
		/* there may be too many, or no permission to read a directory */
		if (!parent_watch(follow->parents, target->full))
			wakeup_later(follow, RETRY);
		/* it may have been made before that */
		fd = lookup_open(target->full);
		if (fd < 0 && errno == ENOENT)
			return -1;
	}
	if (fd < 0) {
		follow->hung = errno == ETIMEDOUT;
		target_error(target, "%s", error_text(errno));
		target_try(target, place);
	} else if (place_id_of(fd) != place->id) {
		/* the mount table has changed since, which is to be seen soon */
		close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * Registers @target if its path leads to a tmpfs, its state says whether it
 * does; exit status, after saying what is wrong.
 */
static int follow_enter(struct follow *follow, struct target *target,
			const struct places *places)
{
	struct place place;
	int status;

	if (!target->full || !place_find(places, target->full, &place) ||
	    !place_is_tmpfs(&place))
		return STATUS_OK;
	/* what has failed is tried again when the mount is another */
	if (target->options && target->id == place.id &&
	    !strcmp(target->options, place.options))
		return STATUS_OK;
	target->fd = follow_open(follow, target, &place);
	if (target->fd < 0)
		return target->id == place.id ? STATUS_ERROR : STATUS_OK;
	target_place(target, &place);
	target_try(target, &place);
	status = follow_add(follow, target);
	if (status)
		session_end(follow->session, target);
	return status;
}

/* Ends the registrations of @target for @reason. What they have said comes first. */
static void follow_part(struct follow *follow, struct target *target,
			const char *reason)
{
	target->reason = reason;
	target->state = TARGET_LEAVING;
	follow->nr_leaving++;
	session_end(follow->session, target);
}

/* Is @target still where it was? */
static void follow_check(struct follow *follow, struct target *target,
			 const struct places *places)
{
	struct place place;

	if (!target->full || !place_find(places, target->full, &place))
		return;
	if (place.dev == target->dev) {
		/* a remount is seen here, and of others whether it may be one */
		if (!target->options ||
		    strcmp(target->options, place.options))
			target->outdated = true;
		target_place(target, &place);
		return;
	}
	follow_part(follow, target,
		    mnt_table_find_devno(places->table, target->dev,
					 MNT_ITER_FORWARD) ?
		    "leads to another mount" : EVENT_UNMOUNTED);
}

/*
 * The table of this namespace changes when it has another size, but nobody is woken up where
 * that was done in another one, or by fsconfig(2).
 */
static void follow_sizes(struct follow *follow)
{
	size_t i;

	for (i = 0; i < follow->nr_targets; i++) {
		const struct target *target = follow->targets[i];

		if (target->full && target_has_size(target)) {
			wakeup_later(follow, SIZE_RETRY);
			break;
		}
	}
}

/* True while the module is loaded; else it is looked for now and then. */
static bool follow_module(struct follow *follow)
{
	if (interface_module_live())
		return true;
	wakeup_later(follow, RETRY);
	return false;
}

/* Begins to look all paths up; false if that is not to be had. */
static bool follow_look_up(struct follow *follow)
{
	follow->look = false;
	follow->looked = 0;
	follow->places = places_read(follow->monitor);
	if (!follow->places)
		return false;
	if (follow->discover)
		follow->discover(follow, follow->places);
	return true;
}

/*
 * Looks paths up until there is something to be told of one, or a file system does
 * not answer. All are looked up in the same table, once for each change of it, however
 * many there are: what has changed meanwhile is seen the next time. True if @event is
 * set.
 */
static bool follow_look(struct follow *follow, struct event *event)
{
	if (!follow->places && !follow_look_up(follow)) {
		wakeup_later(follow, RETRY);
		return false;
	}
	while (follow->looked < follow->nr_targets) {
		struct target *target = follow->targets[follow->looked];

		if (target_is_live(target) && target->state == TARGET_WATCHED)
			follow_check(follow, target, follow->places);
		/* what the session has of it comes before another's */
		if (target->state == TARGET_LEAVING)
			return false;
		follow->looked++;
		if (!target_is_live(target) || target->state != TARGET_AWAY ||
		    !follow->again || !follow_module(follow))
			continue;
		follow_enter(follow, target, follow->places);
		if (target->state != TARGET_WATCHED && follow->hung)
			return false;
		if (target->state != TARGET_WATCHED)
			continue;
		*event = (struct event){
			.target = target,
			.ready = true,
		};
		return true;
	}
	places_free(follow->places);
	follow->places = NULL;
	return false;
}

/* ---- events ---- */

/* Takes what the session says; true if it is to be told. */
static bool follow_take(struct follow *follow, struct event *event)
{
	struct target *target = event->target;
	struct trigger *trigger = event->trigger;

	if (event->gone) {
		follow->nr_leaving -= target->state == TARGET_LEAVING;
		target->state = TARGET_AWAY;
		target->id = -1;
		follow->look = true;
		return target_is_live(target);
	}
	if (trigger->over)
		return false;
	if (event->state) {
		if (!renewal_take(follow, event))
			return false;
	} else if (event->outdated) {
		/* of a level that is another by now */
		if (!trigger->unsure)
			trigger->above = !event->up;
		trigger->unsure = true;
		target->outdated = true;
		return false;
	}
	trigger->above = event->up;
	trigger->unsure = false;
	trigger->over = follow->request.once;
	return true;
}

/* True if @event is set: a target has been left, of which all else was told. */
static bool follow_leave(struct follow *follow, struct event *event)
{
	size_t i;

	for (i = 0; i < follow->nr_targets && follow->nr_leaving; i++) {
		struct target *target = follow->targets[i];

		if (target->state != TARGET_LEAVING)
			continue;
		*event = (struct event){
			.target = target,
			.gone = target->reason,
		};
		return follow_take(follow, event);
	}
	return false;
}

/**
 * follow_next() - take the next event
 * @follow: after follow_begin()
 * @event: set to it
 *
 * All paths are looked up once at most, or others would have no turn while mounts come
 * and go all the time; and none after one of which a file system does not answer, as there
 * may be many of it: they are looked up a second later.
 *
 * Return: 1; 0 if there is none now, but there may be if @look is set; or -1 after saying
 * what is wrong.
 */
int follow_next(struct follow *follow, struct event *event)
{
	bool looked = false;
	size_t i;
	int nr;

	follow->hung = false;
	for (;;) {
		nr = session_next(follow->session, event);
		if (nr < 0)
			return nr;
		if (nr) {
			if (follow_take(follow, event))
				return 1;
			continue;
		}
		if (follow_leave(follow, event))
			return 1;
		/* what has not been read wakes up whoever polls */
		if (!looked)
			follow->look |= place_table_changed(follow->monitor) |
					wakeup_drain(follow->parents) |
					wakeup_drain(follow->timer);
		if (follow->places || (follow->look && !looked)) {
			if (follow_look(follow, event))
				return 1;
			if (follow->hung)
				break;
			looked = !follow->places;
			continue;
		}
		for (i = 0; i < follow->nr_targets; i++) {
			if (follow->targets[i]->outdated &&
			    follow->targets[i]->state == TARGET_WATCHED)
				break;
		}
		if (i == follow->nr_targets || follow->hung)
			break;
		renewal_make(follow, follow->targets[i], false);
	}
	if (follow->hung)
		wakeup_later(follow, RETRY);
	follow_poll_session(follow);
	follow_sizes(follow);
	return 0;
}

/* True if there will be no event any more. */
bool follow_is_over(const struct follow *follow)
{
	size_t i;

	for (i = 0; i < follow->nr_targets; i++) {
		const struct target *target = follow->targets[i];

		if (target_is_live(target) &&
		    (follow->again || target->state != TARGET_AWAY))
			return false;
	}
	return true;
}

/* ---- the begin ---- */

/* Finds the mounts of all targets, which must be there. */
static int follow_find(struct follow *follow)
{
	int status = STATUS_OK;
	size_t i;

	for (i = 0; i < follow->nr_targets && !status; i++)
		status = target_find(follow->targets[i]);
	return status;
}

/* Prepares all targets to be found, now or later. */
static int follow_resolve(struct follow *follow)
{
	struct places *places = places_read(follow->monitor);
	int status = places ? STATUS_OK : STATUS_ERROR, err;
	size_t i;

	for (i = 0; i < follow->nr_targets && !status; i++) {
		struct target *target = follow->targets[i];

		target_name(target);
		target->full = place_path(places, target->path);
		err = errno;
		if (target_is_numbered(target))
			error("%s: names a mount by its number: --follow needs a path",
			      target->name);
		else if (!target->full)
			error("%s: %s", target->name, err == EXDEV ?
			      "in another mount namespace, where nobody says what is mounted: leave out --follow, or run this there, by nsenter --mount" :
			      error_text(err));
		else
			continue;
		status = STATUS_ERROR;
	}
	places_free(places);
	return status;
}

/**
 * follow_begin() - find all targets, and register their levels
 * @follow: with what is asked for
 *
 * Return: exit status, after saying what is wrong.
 */
int follow_begin(struct follow *follow)
{
	struct places *places;
	int status;
	size_t i;

	status = wakeup_open(follow);
	if (!status)
		status = follow->again ? follow_resolve(follow) :
					 follow_find(follow);
	if (status)
		return status;
	follow->session = session_open(follow->interface, &follow->request,
				       follow->targets, follow->nr_targets);
	places = follow->session ? places_read(follow->monitor) : NULL;
	if (!places)
		return STATUS_ERROR;
	for (i = 0; i < follow->nr_targets && !status; i++) {
		struct target *target = follow->targets[i];

		if (follow->again) {
			status = follow_enter(follow, target, places);
			continue;
		}
		target_locate(target, places);
		status = follow_add(follow, target);
	}
	places_free(places);
	/* what has changed in between */
	follow->look = true;
	return status;
}

/* ---- targets that come and go ---- */

/*
 * Watches @target, too, of which @full is set, where it leads to a tmpfs: to be
 * called by @follow's discover(). False if there is no memory.
 */
bool follow_take_up(struct follow *follow, struct target *target)
{
	struct target **targets = reallocarray(follow->targets,
					       follow->nr_targets + 1,
					       sizeof(*targets));

	if (!targets)
		return false;
	follow->targets = targets;
	targets[follow->nr_targets++] = target;
	target_name(target);
	return true;
}

/* Knows nothing of @target any more, which is away: likewise. */
void follow_drop(struct follow *follow, struct target *target)
{
	size_t i;

	for (i = 0; follow->targets[i] != target; i++)
		;
	follow->nr_targets--;
	memmove(&follow->targets[i], &follow->targets[i + 1],
		(follow->nr_targets - i) * sizeof(*follow->targets));
	session_forget(follow->session, target);
}

/*
 * Has @target told of no more, and be left: to be called when all events have been
 * taken, and not by discover(), which may drop it when it is away.
 */
void follow_leave_off(struct follow *follow, struct target *target)
{
	size_t i;

	for (i = 0; i < target->nr_triggers; i++)
		target->triggers[i].over = true;
	if (target->state == TARGET_WATCHED)
		follow_part(follow, target, "");
	follow->look = true;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* From now on @hysteresis is asked for, of what is registered, too. */
void follow_change(struct follow *follow, const char *hysteresis)
{
	bool same = is_same_text(follow->request.hysteresis, hysteresis);
	size_t i;

	follow->request.hysteresis = hysteresis;
	follow->session->request.hysteresis = hysteresis;
	follow->hung = false;
	for (i = 0; i < follow->nr_targets && !same; i++) {
		struct target *target = follow->targets[i];

		if (target->state != TARGET_WATCHED || !target_is_live(target))
			continue;
		/* as one that has failed */
		if (follow->hung)
			target->stale = true;
		else
			renewal_make(follow, target, true);
	}
}

/* Tries again what follow_change() could not have registered of @target. */
void follow_retry(struct follow *follow, struct target *target)
{
	if (target->stale && target->state == TARGET_WATCHED &&
	    target_is_live(target))
		renewal_make(follow, target, true);
}

/* Ends all that follow_begin() has begun. The targets are the caller's. */
void follow_end(struct follow *follow)
{
	if (follow->session)
		session_close(follow->session);
	wakeup_close(follow);
	places_free(follow->places);
	free(follow->targets);
}
