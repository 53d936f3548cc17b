// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "delay.h"
#include "guarded.h"

/* the first pause after something could not be registered, and the longest, in seconds */
#define DELAY		1
#define DELAY_MAX	3600

/* NULL if there is no memory. */
struct guarded *guarded_new(const char *path)
{
	struct guarded *guarded = calloc(1, sizeof(*guarded));

	if (!guarded)
		return NULL;
	TAILQ_INIT(&guarded->rungs);
	guarded->again = INFINITY;
	guarded->path = strdup(path);
	if (!guarded->path) {
		free(guarded);
		return NULL;
	}
	return guarded;
}

static void rung_free(struct rung *rung)
{
	struct target *target = &rung->target;

	alarm_clear(&rung->alarm);
	digest_clear(&rung->digest);
	free((char *)rung->trigger.level);
	/* a literal stands for the name where there was no memory */
	if (target->name && *target->name == '/')
		free((char *)target->name);
	free(target->full);
	free(target->point);
	free(target->options);
	free(rung);
}

/* One that is away. */
void guarded_remove(struct rung *rung)
{
	TAILQ_REMOVE(&rung->guarded->rungs, rung, next);
	rung_free(rung);
}

/* Nothing of it is registered any more. */
void guarded_free(struct guarded *guarded)
{
	while (!TAILQ_EMPTY(&guarded->rungs))
		guarded_remove(TAILQ_FIRST(&guarded->rungs));
	free(guarded->path);
	free(guarded->said);
	free(guarded);
}

/* NULL if there is no memory. */
struct rung *guarded_add(struct guarded *guarded, const char *level)
{
	struct rung *rung = calloc(1, sizeof(*rung));

	if (!rung)
		return NULL;
	rung->guarded = guarded;
	rung->target.path = guarded->path;
	rung->target.said = &guarded->said;
	rung->target.full = strdup(guarded->path);
	rung->target.triggers = &rung->trigger;
	rung->target.nr_triggers = 1;
	rung->trigger.level = strdup(level);
	if (!rung->target.full || !rung->trigger.level) {
		rung_free(rung);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&guarded->rungs, rung, next);
	return rung;
}

/* Is there a rung for @level that is not about to end? */
bool guarded_has(const struct guarded *guarded, const char *level)
{
	const struct rung *rung;

	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		if (!rung->trigger.over && !strcmp(rung->trigger.level, level))
			break;
	}
	return rung;
}

/* Are all of its levels watched? */
bool guarded_is_whole(const struct guarded *guarded)
{
	const struct rung *rung;

	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		if (!rung->trigger.over && rung->target.state != TARGET_WATCHED)
			break;
	}
	return !rung;
}

/* The level of bytes that has been reached for the longest time; NULL if none is. */
struct rung *guarded_reached(const struct guarded *guarded)
{
	struct rung *rung, *first = NULL;

	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		if (rung->target.state == TARGET_WATCHED && rung->trigger.above &&
		    !rung->trigger.over &&
		    level_resource(rung->trigger.level) == RESOURCE_BYTES &&
		    (!first || rung->since < first->since))
			first = rung;
	}
	return first;
}

/* What could not be registered is tried again at once, and said again. */
void guarded_forgive(struct guarded *guarded)
{
	struct rung *rung;

	guarded->delay = 0;
	guarded->again = INFINITY;
	free(guarded->said);
	guarded->said = NULL;
	TAILQ_FOREACH(rung, &guarded->rungs, next)
		target_untry(&rung->target);
}

/*
 * Notes when what could not be registered is to be tried again: each time after longer.
 * Of what is away only @id of the target says that it was tried. True if that is now.
 */
bool guarded_try(struct guarded *guarded, double now)
{
	struct rung *rung;
	bool failed = false;

	TAILQ_FOREACH(rung, &guarded->rungs, next)
		failed |= !rung->trigger.over &&
			  (rung->target.state == TARGET_AWAY ?
			   rung->target.id != -1 : rung->target.stale);
	if (!failed) {
		guarded->delay = 0;
		guarded->again = INFINITY;
	} else if (isinf(guarded->again)) {
		guarded->delay = delay_after(guarded->delay, DELAY, DELAY_MAX);
		guarded->again = now + guarded->delay;
	} else if (now >= guarded->again) {
		guarded->again = INFINITY;
		TAILQ_FOREACH(rung, &guarded->rungs, next)
			target_untry(&rung->target);
		return true;
	}
	return false;
}
