// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "text.h"

/* A name in which the kernel has written "\n" and "\\" for two characters. */
static void record_set_comm(struct event *event, const char *text)
{
	size_t i;

	for (i = 0; *text && i + 1 < sizeof(event->comm); i++) {
		char c = *text++;

		if (c == '\\' && *text)
			c = *text++ == 'n' ? '\n' : '\\';
		event->comm[i] = c;
	}
}

static void record_set_time(struct event *event, const char *text)
{
	char *end;

	event->time.tv_sec = strtoll(text, &end, 10);
	if (*end == '.')
		event->time.tv_nsec = strtol(end + 1, NULL, 10);
}

static void record_set(struct record *record, const char *key,
		       const char *value)
{
	struct event *event = &record->event;
	uint64_t number = strtoull(value, NULL, 10);

	if (!strcmp(key, "event"))
		record->kind = value;
	else if (!strcmp(key, "tag"))
		record->tag = number;
	else if (!strcmp(key, "state"))
		record->above = !strcmp(value, "above");
	else if (!strcmp(key, "used"))
		event->used = number;
	else if (!strcmp(key, "size"))
		event->size = number;
	else if (!strcmp(key, "time"))
		record_set_time(event, value);
	else if (!strcmp(key, "cause"))
		snprintf(event->cause, sizeof(event->cause), "%s", value);
	else if (!strcmp(key, "asked"))
		event->asked = number;
	else if (!strcmp(key, "crossings"))
		event->crossings = number;
	else if (!strcmp(key, "pid"))
		event->pid = number;
	else if (!strcmp(key, "uid"))
		event->uid = number;
	else if (!strcmp(key, "cgroup"))
		event->cgroup = number;
	else if (!strcmp(key, "comm"))
		record_set_comm(event, value);
	/* these come together or not at all */
	event->who |= !strcmp(key, "pid");
}

/* Takes @line apart. */
void record_parse(struct record *record, char *line)
{
	char *key, *value;

	*record = (struct record){ .event.crossings = 1 };
	while (text_pair(&line, &key, &value))
		record_set(record, key, value);
}
