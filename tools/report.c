// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#ifndef WITHOUT_SERVICE
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#endif

#include "event.h"
#include "grow.h"
#include "guarded.h"
#include "level.h"
#include "report.h"
#include "section.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/* All levels of @guarded have been registered. */
void report_watching(const struct guarded *guarded)
{
	const struct target *targets[RESOURCES] = { }, *any = NULL;
	const struct rung *rung;
	const char *next = "";
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return;
	TAILQ_FOREACH(rung, &guarded->rungs, next) {
		any = &rung->target;
		targets[level_resource(rung->trigger.level)] = any;
	}
	if (targets[RESOURCE_BYTES]) {
		event_write_bytes(file, targets[RESOURCE_BYTES]->used,
				  targets[RESOURCE_BYTES]->size);
		next = "; ";
	}
	if (targets[RESOURCE_INODES]) {
		fputs(next, file);
		event_write_inodes(file, targets[RESOURCE_INODES]->inodes_used,
				   targets[RESOURCE_INODES]->inodes);
		next = "; ";
	}
	if (targets[RESOURCE_REFUSED])
		fprintf(file, "%s" LEVEL_REFUSED, next);
	fclose(file);
	if (any && text)
		error("watching %s: %s", any->name, text);
	free(text);
}

#ifndef WITHOUT_SERVICE

#define FIELDS_MAX	24

/**
 * struct fields - of an entry of the journal
 * @vector: as sd_journal_sendv() has them
 * @nr: how many
 */
struct fields {
	struct iovec vector[FIELDS_MAX];
	int nr;
};

static void __attribute__((format(printf, 2, 3)))
fields_add(struct fields *fields, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	if (!text)
		return;
	fields->vector[fields->nr++] = (struct iovec){
		.iov_base = text,
		.iov_len = strlen(text),
	};
}

static void fields_add_who(struct fields *fields, const struct event *event)
{
	if (event->pid)
		fields_add(fields, "TMPFSWARN_PID=%d", event->pid);
	if (event->who) {
		fields_add(fields, "TMPFSWARN_UID=%u", event->uid);
		fields_add(fields, "TMPFSWARN_COMM=%s", event->comm);
	}
	if (event->cgroup)
		fields_add(fields, "TMPFSWARN_CGROUP=%" PRIu64, event->cgroup);
	if (event->cgroup_path)
		fields_add(fields, "TMPFSWARN_CGROUP_PATH=%s",
			   event->cgroup_path);
}

/* What all entries have. */
static void fields_begin(struct fields *fields, const char *text, const char *id,
			 int priority, const struct section *section,
			 const struct target *target)
{
	fields_add(fields, "MESSAGE=%s", text);
	fields_add(fields, "MESSAGE_ID=%s", id);
	fields_add(fields, "PRIORITY=%d", priority);
	fields_add(fields, "SYSLOG_IDENTIFIER=tmpfswarn");
	fields_add(fields, "TMPFSWARN_SECTION=%s", section->name);
	fields_add(fields, "TMPFSWARN_PATH=%s", target->path);
	fields_add(fields, "TMPFSWARN_DEVICE=%s", target->device);
}

/* False if the journal has not taken it. */
static bool fields_send(struct fields *fields)
{
	bool sent = !sd_journal_sendv(fields->vector, fields->nr);

	while (fields->nr)
		free(fields->vector[--fields->nr].iov_base);
	return sent;
}

/* Likewise. */
static bool report_journal(const struct section *section,
			   const struct event *event, const char *text)
{
	struct fields fields = { };

	fields_begin(&fields, text, REPORT_CROSSING,
		     event->up || event_is_refusal(event) ? LOG_WARNING :
							    LOG_NOTICE,
		     section, event->target);
	fields_add(&fields, "TMPFSWARN_LEVEL=%s", event->level);
	fields_add(&fields, "TMPFSWARN_RESOURCE=%s",
		   level_resource_name(event->level));
	if (!event_is_refusal(event))
		fields_add(&fields, "TMPFSWARN_DIRECTION=%s",
			   event->up ? "up" : "down");
	if (*event->cause)
		fields_add(&fields, "TMPFSWARN_CAUSE=%s", event->cause);
	if (event->asked)
		fields_add(&fields, "TMPFSWARN_ASKED=%" PRIu64, event->asked);
	fields_add(&fields, "TMPFSWARN_USED=%" PRIu64, event->used);
	fields_add(&fields, "TMPFSWARN_SIZE=%" PRIu64, event->size);
	fields_add(&fields, "TMPFSWARN_CROSSINGS=%" PRIu64, event->crossings);
	if (event->reminder)
		fields_add(&fields, "TMPFSWARN_REMINDER=%u", event->reminder);
	fields_add_who(&fields, event);
	return fields_send(&fields);
}

static bool report_journal_growth(const struct section *section,
				  const struct target *target,
				  const struct grow_state *state, uint64_t size,
				  const char *why, const char *text)
{
	struct fields fields = { };

	fields_begin(&fields, text, REPORT_GROWTH, why ? LOG_WARNING : LOG_NOTICE,
		     section, target);
	fields_add(&fields, "TMPFSWARN_USED=%" PRIu64, state->used);
	fields_add(&fields, "TMPFSWARN_SIZE=%" PRIu64, size);
	if (why)
		fields_add(&fields, "TMPFSWARN_REASON=%s", why);
	else
		fields_add(&fields, "TMPFSWARN_SIZE_BEFORE=%" PRIu64, state->size);
	return fields_send(&fields);
}

/* True if standard error is the journal, as systemd.exec(5) has it. */
static bool report_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat stat;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &stat) && stat.st_dev == dev &&
	       stat.st_ino == ino;
}

#else

static bool report_is_journal(void)
{
	return false;
}

static bool report_journal(const struct section *section,
			   const struct event *event, const char *text)
{
	(void)section;
	(void)event;
	(void)text;
	return false;
}

static bool report_journal_growth(const struct section *section,
				  const struct target *target,
				  const struct grow_state *state, uint64_t size,
				  const char *why, const char *text)
{
	(void)section;
	(void)target;
	(void)state;
	(void)size;
	(void)why;
	(void)text;
	return false;
}

#endif

void report_crossing(const struct section *section, const struct event *event)
{
	char *text = event_text(event);

	if (!text || !report_is_journal() ||
	    !report_journal(section, event, text))
		error("%s", text ?: "out of memory");
	free(text);
}

static void report_grown(const struct section *section,
			 const struct target *target,
			 const struct grow_state *state, uint64_t size,
			 const char *why, char *text)
{
	if (!text || !report_is_journal() ||
	    !report_journal_growth(section, target, state, size, why, text))
		error("%s", text ?: "out of memory");
	free(text);
}

/* @target has grown to @size; @state is as it was before. */
void report_growth(const struct section *section, const struct target *target,
		   const struct grow_state *state, uint64_t size)
{
	char before[TEXT_SIZE], after[TEXT_SIZE], used[TEXT_SIZE], *text;

	text_bytes(before, state->size);
	text_bytes(after, size);
	text_bytes(used, state->used);
	if (asprintf(&text, "%s grown from %s to %s: %s used", target->name,
		     before, after, used) < 0)
		text = NULL;
	report_grown(section, target, state, size, NULL, text);
}

/* @target was to grow, and has not. */
void report_no_growth(const struct section *section,
		      const struct target *target,
		      const struct grow_state *state, const char *why)
{
	char *text;

	if (asprintf(&text, "%s not grown: %s", target->name, why) < 0)
		text = NULL;
	report_grown(section, target, state, state->size, why, text);
}
