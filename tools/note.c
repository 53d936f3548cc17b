// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interface.h"
#include "level.h"
#include "note.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/* Bytes of the mount of @target; false for words, which the module knows. */
static bool bytes_of(const struct target *target, const char *amount,
		     uint64_t *bytes)
{
	if (level_bytes(amount, bytes))
		return true;
	if (!strchr(amount, '%') || !level_is_amount(amount))
		return false;
	*bytes = target->size / 100.0 * strtod(amount, NULL);
	return true;
}

/*
 * An amount that is less than a page: where it has no unit, one was forgotten.
 * Up to 100 that may have been a percentage.
 */
static void note_small(const char *before, const char *amount)
{
	char size[TEXT_SIZE];
	uint64_t bytes, page = sysconf(_SC_PAGESIZE);

	if (!level_bytes(amount, &bytes) || !bytes || bytes >= page)
		return;
	text_bytes(size, page);
	if (amount[strspn(amount, "0123456789")])
		error("note: %s%s is less than a page of %s: taken for one",
		      before, amount, size);
	else
		error("note: %s%s is %s bytes, taken for a page of %s; %s%s for %s",
		      before, amount, amount, size, amount,
		      bytes <= 100 ? "%" : "M",
		      bytes <= 100 ? "percent" : "mebibytes");
}

static void note_twice(const struct target *target, size_t i)
{
	const char *level = target->triggers[i].level, *other;
	uint64_t bytes, bytes_other;
	size_t j;

	for (j = 0; j < i; j++) {
		other = target->triggers[j].level;
		if (!strcmp(level, other) ||
		    (level_bytes(level, &bytes) &&
		     level_bytes(other, &bytes_other) && bytes == bytes_other)) {
			error("note: %s: level %s is given twice, and told twice",
			      target->name, level);
			return;
		}
	}
}

static void note_level(const struct target *target,
		       const struct trigger *trigger,
		       const struct request *request)
{
	const char *level = trigger->level;
	char size[TEXT_SIZE];
	uint64_t bytes, back;

	if (!bytes_of(target, level, &bytes))
		return;
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
	if (!request->hysteresis ||
	    !bytes_of(target, request->hysteresis, &back))
		return;
	if (request->direction == DIRECTION_FALLING ?
	    bytes > target->size - back || back > target->size :
	    back > bytes)
		error("note: %s: level %s with hysteresis %s is told again only when the mount has been %s",
		      target->name, level, request->hysteresis,
		      request->direction == DIRECTION_FALLING ?
		      "made larger" : "empty");
}

/* To be called when @targets have been registered. */
void note_levels(const struct target *targets, size_t nr,
		 const struct request *request)
{
	size_t i, j;

	if (request->hysteresis)
		note_small("--hysteresis ", request->hysteresis);
	for (i = 0; i < nr; i++) {
		for (j = 0; j < targets[i].nr_triggers; j++) {
			const struct trigger *trigger = &targets[i].triggers[j];

			note_small("", trigger->level);
			note_twice(&targets[i], j);
			note_level(&targets[i], trigger, request);
		}
	}
}
