/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A section at work: the mounts that it is about now, and which of its levels has
 * been told to be reached on each.
 *
 * Both directions of all levels are registered, whatever is to be told: that a
 * level is left ends the wait for For=, and a command that waits for its turn is
 * not run when it is late. A level is left when usage is below it by Hysteresis=.
 *
 * Each level of each mount is a target of its own, so that another configuration
 * registers what is new in it and ends what is not in it any more. What is the same
 * stays registered, and no event of it is missed or told twice.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "follow.h"

struct guarded;
struct section;

/**
 * struct guard - a section at work
 * @follow: its levels; must be the first member
 * @section: which
 * @starts: the queue of what Start= starts, which waits for no command of Exec=
 * @guarded: the mounts
 * @paths: the same, by path
 * @taken: how many crossings and refusals it has taken
 * @again: when what could not be registered is tried again, INFINITY for never
 * @turns: of guard_run() since what is due was done last
 * @all: in the list of all that there are
 * @next: in the list of the service
 */
struct guard {
	struct follow follow;
	struct section *section;
	char *starts;
	TAILQ_HEAD(, guarded) guarded;
	void *paths;
	uint64_t taken;
	double again;
	size_t turns;

	LIST_ENTRY(guard) all;
	STAILQ_ENTRY(guard) next;
};

STAILQ_HEAD(guards, guard);

struct guard *guard_new(struct section *section,
			const struct interface *interface);
void guard_change(struct guard *guard, struct section *section);
int guard_run(struct guard *guard);
size_t guard_turns(const struct guard *guard);
void guard_end(struct guard *guard);
double guard_until(const struct guard *guard);
void guard_flush(struct guard *guard);
struct section *guard_release(struct guard *guard);

#endif /* GUARD_H */
