/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts that a section is about.
 */
#ifndef GUARDED_H
#define GUARDED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "alarm.h"
#include "digest.h"
#include "growth.h"
#include "remind.h"
#include "target.h"

struct guarded;
struct section;

/**
 * struct rung - a level of a mount
 * @target: the mount point, with that level alone; must be the first member
 * @trigger: that
 * @guarded: of which
 * @dev: the mount that is told of in @alarm
 * @alarm: what was told of it
 * @digest: what the log has not been told yet
 * @reminder: when it is told again
 * @since: when it was reached last
 * @quiet: until when no notification is shown of what is refused
 * @crossings: that have been told, to below it and to it or above
 */
struct rung {
	struct target target;
	struct trigger trigger;
	struct guarded *guarded;
	dev_t dev;
	struct alarm alarm;
	struct digest digest;
	struct reminder reminder;
	double since;
	double quiet;
	uint64_t crossings[2];

	TAILQ_ENTRY(rung) next;
};

/**
 * struct guarded - a mount that a section is about
 * @path: where it is mounted
 * @there: it is in the mount table
 * @rungs: its levels
 * @nr: how many are watched
 * @delay: after which time what could not be registered is tried again; 0 if all could
 * @again: when it is, INFINITY for never
 * @growth: of the mount
 * @said: what was said last to keep a level from being registered; or NULL
 */
struct guarded {
	char *path;
	bool there;
	TAILQ_HEAD(, rung) rungs;
	size_t nr;
	double delay;
	double again;
	struct growth growth;
	char *said;

	TAILQ_ENTRY(guarded) next;
};

struct guarded *guarded_new(const char *path);
void guarded_free(struct guarded *guarded);
struct rung *guarded_add(struct guarded *guarded, const char *level);
void guarded_remove(struct rung *rung);
bool guarded_has(const struct guarded *guarded, const char *level);
bool guarded_is_whole(const struct guarded *guarded);
struct rung *guarded_reached(const struct guarded *guarded);
void guarded_forgive(struct guarded *guarded);
bool guarded_try(struct guarded *guarded, double now);

#endif /* GUARDED_H */
