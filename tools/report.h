/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the service tells of crossings: a line on standard error or, where that is
 * the journal, an entry of it with a field for each thing that is known.
 */
#ifndef REPORT_H
#define REPORT_H

struct event;
struct guarded;
struct section;

/* MESSAGE_ID of a crossing in the journal: never to be changed */
#define REPORT_CROSSING	"b9a1b568a8aa489db86e82112b717bf8"

void report_watching(const struct guarded *guarded);
void report_crossing(const struct section *section, const struct event *event);

#endif /* REPORT_H */
