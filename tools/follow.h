/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Targets, and whether their paths still lead to what was registered for them.
 *
 * A path says where to look, and what is there may change: something is mounted
 * over it, or unmounted though still in use, of which the module knows nothing.
 * So each time that the mount table changes every path is looked up in it. The
 * size of a mount may change, too, and with it a level of free space.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stdbool.h>
#include <stddef.h>

#include "interface.h"

struct event;
struct libmnt_monitor;
struct places;
struct target;

struct follow;

typedef void follow_discover(struct follow *follow,
			     const struct places *places);

/**
 * struct follow - targets that are watched
 * @interface: asked for, or NULL
 * @request: what to register
 * @targets: which; of one that discovers them an array to be freed
 * @nr_targets: how many
 * @again: register anew where a path leads to another tmpfs
 * @discover: called each time that paths are looked up, with the mount table, to
 *	take up or drop targets that are away; or NULL
 * @fd: set by follow_begin(), to be polled for POLLIN, which says that there may
 *	be an event, once follow_next() has said that there is none
 * @session: the registrations
 * @polled: its own file descriptor is part of @fd
 * @monitor: of the mount table
 * @parents: inotify, for paths that do not exist; -1 if there was none
 * @timer: goes off while the module is not loaded, or inotify cannot be had; -1
 *	if all was always there
 * @look: paths are to be looked up
 * @places: in which they are looked up now; or NULL
 * @looked: how many have been
 * @hung: a file system has not answered, and others have a turn
 * @nr_leaving: how many are left, which is to be told
 */
struct follow {
	const struct interface *interface;
	struct request request;
	struct target **targets;
	size_t nr_targets;
	bool again;
	follow_discover *discover;
	int fd;
	struct session *session;
	bool polled;
	struct libmnt_monitor *monitor;
	int parents;
	int timer;
	bool look;
	struct places *places;
	size_t looked;
	bool hung;
	size_t nr_leaving;
};

int follow_begin(struct follow *follow);
int follow_next(struct follow *follow, struct event *event);
bool follow_is_over(const struct follow *follow);
bool follow_take_up(struct follow *follow, struct target *target);
void follow_drop(struct follow *follow, struct target *target);
void follow_leave_off(struct follow *follow, struct target *target);
void follow_change(struct follow *follow, const char *hysteresis);
void follow_retry(struct follow *follow, struct target *target);
void follow_end(struct follow *follow);

#endif /* FOLLOW_H */
