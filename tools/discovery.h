/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mounts that a section is about.
 */
#ifndef DISCOVERY_H
#define DISCOVERY_H

#include "place.h"

struct section;
struct sections;

/* Called for each mount of tmpfs that a path leads to; false ends it. */
typedef bool discovery_found(void *data, const struct place *place);

void discovery_visit(const struct places *places, const struct section *section,
		     discovery_found *found, void *data);
int discovery_locate(struct sections *sections);

#endif /* DISCOVERY_H */
