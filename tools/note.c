// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amount.h"
#include "interface.h"
#include "level.h"
#include "note.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/* True for bytes, false for a percentage and for words. */
static bool is_bytes(const char *amount)
{
	return level_is_amount(amount) && !strchr(amount, '%');
}

/*
 * An amount that is less than a page: where it has no unit, one was forgotten.
 * Up to 100 that may have been a percentage.
 */
static void note_small(const char *before, const char *amount)
{
	uint64_t bytes, page = sysconf(_SC_PAGESIZE);
	char size[TEXT_SIZE];

	if (!is_bytes(amount))
		return;
	bytes = amount_bytes(amount, 0);
	if (!bytes || bytes >= page)
		return;
	text_bytes(size, page);
	if (amount[strspn(amount, "0123456789")])
		error("note: %s%s is less than a page of %s: taken for one",
		      before, amount, size);
	else
		error("note: %s%s is %s bytes, taken for a page of %s; %s%s%s for %s",
		      before, amount, amount, size, before, amount,
		      bytes <= 100 ? "%" : "M",
		      bytes <= 100 ? "percent" : "mebibytes");
}

static void note_twice(const struct target *target, size_t i)
{
	const char *level = target->triggers[i].level, *other;
	size_t j;

	for (j = 0; j < i; j++) {
		other = target->triggers[j].level;
		if (!strcmp(level, other) ||
		    (is_bytes(level) && is_bytes(other) &&
		     amount_bytes(level, 0) == amount_bytes(other, 0))) {
			error("note: %s: level %s is given twice, and told twice",
			      target->name, level);
			return;
		}
	}
}

/* A level of free space, @free of which is to be left. */
static void note_free(const struct target *target, const char *level,
		      const char *free)
{
	char size[TEXT_SIZE];

	if (amount_bytes(free, target->size) < target->size)
		return;
	text_bytes(size, target->size);
	error("note: %s: level %s: no more than that is ever left, its size is %s",
	      target->name, level, size);
}

/* A level of inodes, @amount of which are to be used. */
static void note_inodes(const struct target *target, const char *level,
			const char *amount)
{
	if (amount_bytes(amount, target->inodes) > target->inodes)
		error("note: %s: level %s is more than the %" PRIu64 " that it may have: reached only if nr_inodes is made larger",
		      target->name, level, target->inodes);
}

static void note_level(const struct target *target,
		       const struct trigger *trigger,
		       const struct request *request)
{
	const char *level = trigger->level;
	uint64_t bytes, back;
	char size[TEXT_SIZE];

	if (!level_is_amount(level))
		return;
	bytes = amount_bytes(level, target->size);
	text_bytes(size, target->size);
	if (bytes > target->size) {
		error("note: %s: level %s is more than its size, %s: reached only if it is made larger",
		      target->name, level, size);
		return;
	}
	if (!bytes) {
		/* wait is told at once that it has been reached */
		if (request->direction != DIRECTION_RISING)
			error("note: %s: usage is never below level %s",
			      target->name, level);
		return;
	}
	if (!request->hysteresis || !level_is_amount(request->hysteresis))
		return;
	back = amount_bytes(request->hysteresis, target->size);
	if (request->direction == DIRECTION_FALLING ?
	    bytes > target->size - back || back > target->size :
	    back > bytes)
		error("note: %s: level %s with hysteresis %s is told again only when the mount has been %s",
		      target->name, level, request->hysteresis,
		      request->direction == DIRECTION_FALLING ?
		      "made larger" : "empty");
}

/* What @request says, whatever the mount is. */
void note_request(const struct request *request)
{
	if (request->hysteresis)
		note_small("--hysteresis ", request->hysteresis);
}

/* To be called when @target has been registered. */
void note_target(const struct target *target, const struct request *request)
{
	size_t i;

	for (i = 0; i < target->nr_triggers; i++) {
		const struct trigger *trigger = &target->triggers[i];
		const char *free = level_free(trigger->level);
		const char *inodes = level_inodes(trigger->level);

		note_small(free ? LEVEL_FREE : "", free ?: trigger->level);
		note_twice(target, i);
		if (free)
			note_free(target, trigger->level, free);
		else if (inodes)
			note_inodes(target, trigger->level, inodes);
		else
			note_level(target, trigger, request);
	}
}
