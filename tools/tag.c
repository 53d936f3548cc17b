// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "tag.h"
#include "target.h"

/* A new one; TAG_NONE if there is no memory. */
uint64_t tags_add(struct tags *tags, struct trigger *trigger)
{
	struct tag *more = reallocarray(tags->tags, tags->nr + 1,
					sizeof(*more));

	if (!more)
		return TAG_NONE;
	tags->tags = more;
	more[tags->nr++] = (struct tag){
		.number = ++tags->last,
		.trigger = trigger,
		.size = trigger->size,
	};
	return tags->last;
}

static int tag_compare(const void *a, const void *b)
{
	const struct tag *one = a, *other = b;

	return (one->number > other->number) - (one->number < other->number);
}

/* NULL if it is not taken any more. They are in the order of their numbers. */
const struct tag *tags_find(const struct tags *tags, uint64_t number)
{
	struct tag key = { .number = number };

	return tags->nr ? bsearch(&key, tags->tags, tags->nr, sizeof(key),
				  tag_compare) : NULL;
}

/* The number of the oldest of @trigger, or TAG_NONE. */
uint64_t tags_number(const struct tags *tags, const struct trigger *trigger)
{
	size_t i;

	for (i = 0; i < tags->nr; i++) {
		if (tags->tags[i].trigger == trigger)
			return tags->tags[i].number;
	}
	return TAG_NONE;
}

/* What is registered for @trigger is right for any size. */
void tags_fix(struct tags *tags, const struct trigger *trigger)
{
	size_t i;

	for (i = 0; i < tags->nr; i++) {
		if (tags->tags[i].trigger == trigger)
			tags->tags[i].size = 0;
	}
}

/* From here on those of @trigger, but for @except, are not taken. */
void tags_drop(struct tags *tags, const struct trigger *trigger,
	       uint64_t except)
{
	size_t i, kept = 0;

	for (i = 0; i < tags->nr; i++) {
		if (tags->tags[i].trigger != trigger ||
		    tags->tags[i].number == except) {
			if (kept != i)
				tags->tags[kept] = tags->tags[i];
			kept++;
		}
	}
	tags->nr = kept;
}

void tags_drop_target(struct tags *tags, const struct target *target)
{
	size_t i;

	for (i = 0; i < target->nr_triggers; i++)
		tags_drop(tags, &target->triggers[i], TAG_NONE);
}
