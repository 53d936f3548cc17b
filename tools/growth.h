/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Growth of the mounts that a section is about: one step at a time, each after the
 * levels have been taken anew. What is refused is said once, and tried again later,
 * each time after longer, as dmeventd does where it extends a thin pool.
 */
#ifndef GROWTH_H
#define GROWTH_H

#include <stdbool.h>

#include "grow.h"

struct section;
struct target;

/**
 * struct growth - of a mount
 * @answer: that was said last, GROW_YES for none
 * @said: when, 0 for never
 * @delay: how long it waits after a refusal
 * @again: not to be tried before
 */
struct growth {
	enum grow_answer answer;
	double said;
	double delay;
	double again;
};

void growth_begin(struct growth *growth);
void growth_check(const struct section *section);
bool growth_try(struct growth *growth, const struct section *section,
		const struct target *target, double now);

#endif /* GROWTH_H */
