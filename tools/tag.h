/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tags of registrations through the device. Each is a number that was not
 * used before, so that what is read late is not taken for another's.
 */
#ifndef TAG_H
#define TAG_H

#include <stddef.h>
#include <stdint.h>

struct target;
struct trigger;

/**
 * struct tag - what is registered
 * @number: of which it is made
 * @trigger: which level
 * @size: of the mount for which that is right, 0 for any
 */
struct tag {
	uint64_t number;
	struct trigger *trigger;
	uint64_t size;
};

/**
 * struct tags - those of which records are taken
 * @tags: the oldest first
 * @nr: how many
 * @last: the last number used
 */
struct tags {
	struct tag *tags;
	size_t nr;
	uint64_t last;
};

/* no number of a tag */
#define TAG_NONE	0

uint64_t tags_add(struct tags *tags, struct trigger *trigger);
const struct tag *tags_find(const struct tags *tags, uint64_t number);
uint64_t tags_number(const struct tags *tags, const struct trigger *trigger);
void tags_fix(struct tags *tags, const struct trigger *trigger);
void tags_drop(struct tags *tags, const struct trigger *trigger,
	       uint64_t except);
void tags_drop_target(struct tags *tags, const struct target *target);

#endif /* TAG_H */
