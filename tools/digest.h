/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Digests: who toggles about a level does not fill the log. The first event is told at
 * once, and what comes within a second of it is one then: the latest, with the crossings
 * of all.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdbool.h>

#include "event.h"

/* between two that are told of a level of a mount, in seconds */
#define DIGEST_PAUSE	1

/**
 * struct digest - of a level of a mount
 * @waits: @event is to be told
 * @until: but not before, as exec_now() has it
 * @event: which; the path of its cgroup is the digest's own
 */
struct digest {
	bool waits;
	double until;
	struct event event;
};

void digest_add(struct digest *digest, const struct event *event);
bool digest_is_due(const struct digest *digest, double now);
double digest_until(const struct digest *digest);
void digest_told(struct digest *digest, double now);
void digest_clear(struct digest *digest);

#endif /* DIGEST_H */
