/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A section at work: the mounts that it is about now, and which of its levels has
 * been told to be reached on each.
 *
 * Both directions of all levels are registered, whatever is to be told: that a
 * level is left ends the wait for For=, and a command that waits for its turn is
 * not run when it is late. A level is left when usage is below it by Hysteresis=.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <sys/queue.h>

#include "follow.h"

struct guarded;
struct section;

/**
 * struct guard - a section at work
 * @follow: its mounts; must be the first member
 * @section: which
 * @starts: the queue of what Start= starts, which waits for no command of Exec=
 * @guarded: the mounts
 * @former: what was told under the configuration before; or NULL
 * @next: in the list of the service
 */
struct guard {
	struct follow follow;
	struct section *section;
	char *starts;
	STAILQ_HEAD(, guarded) guarded;
	const struct guard *former;

	STAILQ_ENTRY(guard) next;
};

struct guard *guard_new(struct section *section,
			const struct interface *interface);
bool guard_is_same(const struct guard *guard, const struct section *section);
void guard_keep(struct guard *guard, struct section *section);
int guard_run(struct guard *guard);
void guard_drop(const struct guard *guard, const char *path);
double guard_until(const struct guard *guard);
void guard_free(struct guard *guard);

#endif /* GUARD_H */
