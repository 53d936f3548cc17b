/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the service tells of crossings and growth: a line on standard error or, where that is
 * the journal, an entry of it with a field for each thing that is known.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

struct event;
struct grow_state;
struct guarded;
struct section;
struct target;

/* MESSAGE_ID of a crossing in the journal: never to be changed */
#define REPORT_CROSSING	"b9a1b568a8aa489db86e82112b717bf8"

/* of a mount that has grown, or has not where it was to; likewise */
#define REPORT_GROWTH	"b5c740b6f1974b279216d0da259670d1"

void report_watching(const struct guarded *guarded);
void report_crossing(const struct section *section, const struct event *event);
void report_growth(const struct section *section, const struct target *target,
		   const struct grow_state *state, uint64_t size);
void report_no_growth(const struct section *section,
		      const struct target *target,
		      const struct grow_state *state, const char *why);

#endif /* REPORT_H */
