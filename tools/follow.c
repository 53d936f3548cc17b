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
			wakeup_later(follow);
		/* it may have been made before that */
		fd = lookup_open(target->full);
		if (fd < 0 && errno == ENOENT)
			return -1;
	}
	if (fd < 0) {
		error("%s: %s", target->name, error_text(errno));
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
			struct libmnt_table *table)
{
	struct place place;
	int status;

	if (!target->full || !place_find(table, target->full, &place) ||
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

/* Is @target still where it was? */
static void follow_check(struct follow *follow, struct target *target,
			 struct libmnt_table *table)
{
	struct place place;

	if (!target->full || !place_find(table, target->full, &place))
		return;
	if (place.dev == target->dev) {
		/* a remount is seen here, and of others whether it may be one */
		if (!target->options ||
		    strcmp(target->options, place.options))
			target->outdated = true;
		target_place(target, &place);
		return;
	}
	target->reason = mnt_table_find_devno(table, target->dev,
					      MNT_ITER_FORWARD) ?
			 "leads to another mount" : EVENT_UNMOUNTED;
	target->state = TARGET_LEAVING;
	session_end(follow->session, target);
}

/* True while the module is loaded; else it is looked for now and then. */
static bool follow_module(struct follow *follow)
{
	if (interface_module_live())
		return true;
	wakeup_later(follow);
	return false;
}

/* Looks all paths up; true if @event is set. */
static bool follow_look(struct follow *follow, struct event *event)
{
	struct libmnt_table *table = place_table(follow->monitor);
	bool found = false;
	size_t i;

	follow->look = false;
	if (table && follow->discover)
		follow->discover(follow, table);
	for (i = 0; i < follow->nr_targets && table && !found; i++) {
		struct target *target = follow->targets[i];

		if (!target_is_live(target))
			continue;
		if (target->state == TARGET_WATCHED)
			follow_check(follow, target, table);
		/* what the session has of it comes before another's */
		if (target->state == TARGET_LEAVING) {
			follow->look = true;
			break;
		}
		if (target->state != TARGET_AWAY || !follow->again ||
		    !follow_module(follow))
			continue;
		follow_enter(follow, target, table);
		found = target->state == TARGET_WATCHED;
		if (found)
			*event = (struct event){
				.target = target,
				.ready = true,
			};
	}
	/* the others have not been looked up */
	follow->look |= found;
	mnt_unref_table(table);
	return found;
}

/* ---- events ---- */

/* Takes what the session says; true if it is to be told. */
static bool follow_take(struct follow *follow, struct event *event)
{
	struct target *target = event->target;
	struct trigger *trigger = event->trigger;

	if (event->gone) {
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

	for (i = 0; i < follow->nr_targets; i++) {
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
 * Return: 1; 0 if there is none now; or -1 after saying what is wrong.
 */
int follow_next(struct follow *follow, struct event *event)
{
	size_t i;
	int nr;

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
		follow->look |= place_table_changed(follow->monitor) |
				wakeup_drain(follow->parents) |
				wakeup_drain(follow->timer);
		if (follow->look) {
			if (follow_look(follow, event))
				return 1;
			continue;
		}
		for (i = 0; i < follow->nr_targets; i++) {
			if (follow->targets[i]->outdated &&
			    follow->targets[i]->state == TARGET_WATCHED)
				break;
		}
		if (i == follow->nr_targets)
			break;
		renewal_make(follow, follow->targets[i]);
	}
	follow_poll_session(follow);
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
	struct libmnt_table *table = place_table(follow->monitor);
	int status = table ? STATUS_OK : STATUS_ERROR, err;
	size_t i;

	for (i = 0; i < follow->nr_targets && !status; i++) {
		struct target *target = follow->targets[i];

		target_name(target);
		target->full = place_path(table, target->path);
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
	mnt_unref_table(table);
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
	struct libmnt_table *table;
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
	table = follow->session ? place_table(follow->monitor) : NULL;
	if (!table)
		return STATUS_ERROR;
	for (i = 0; i < follow->nr_targets && !status; i++) {
		struct target *target = follow->targets[i];

		if (follow->again) {
			status = follow_enter(follow, target, table);
			continue;
		}
		target_locate(target, table);
		status = follow_add(follow, target);
	}
	mnt_unref_table(table);
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

/* Ends all that follow_begin() has begun. The targets are the caller's. */
void follow_end(struct follow *follow)
{
	if (follow->session)
		session_close(follow->session);
	wakeup_close(follow);
	free(follow->targets);
}
