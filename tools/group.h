/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The eventfds that are registered in the directory of a mount. The rules that
 * their counts follow stand in eventfd.h.
 */
#ifndef GROUP_H
#define GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "level.h"
#include "listing.h"

struct session;
struct target;
struct trigger;

/**
 * struct counter - an eventfd
 * @group: whose
 * @trigger: which level; NULL for a sentinel
 * @resource: what it is of
 * @fd: -1 if closed
 * @size: of the mount for which the level is right, 0 for any
 * @above: usage is at the level or more, as far as was told
 * @pending: signals read that may be crossings
 * @renewed: it has been registered anew, which is to be told after these
 * @begun: usage was at the level or more then
 */
struct counter {
	struct group *group;
	struct trigger *trigger;
	enum resource resource;
	int fd;
	uint64_t size;
	bool above;
	uint64_t pending;
	bool renewed;
	bool begun;
};

/**
 * struct group - the eventfds of a target
 * @target: which
 * @dir: its directory, -1 if closed
 * @usage: as last read; its size is 0 if it cannot be read any more
 * @sentinels: see eventfd.h; one for each resource of which there are levels
 * @nr_counters: how many levels
 * @counters: one for each level
 */
struct group {
	struct target *target;
	int dir;
	struct usage usage;
	struct counter sentinels[RESOURCES];
	size_t nr_counters;

	STAILQ_ENTRY(group) entry;
	struct counter counters[];
};

struct group *group_new(struct target *target);
int group_enter(const struct session *session, struct group *group);
int group_renew(const struct session *session, struct group *group, bool all);
int group_read_usage(struct group *group);
bool group_is_over(const struct group *group);
bool group_keeps_on(const struct session *session, struct counter *sentinel);
void group_close(struct group *group);

uint64_t counter_read(const struct counter *counter);
void counter_close(struct counter *counter);
bool counter_agrees(const struct counter *counter, bool up);

#endif /* GROUP_H */
