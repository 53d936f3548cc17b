// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json.h>

#include "event.h"
#include "level.h"
#include "memory.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/* Or a refusal: it is to be told, and not what becomes of the target. */
bool event_is_crossing(const struct event *event)
{
	return !event->gone && !event->ready;
}

bool event_is_refusal(const struct event *event)
{
	return event_is_crossing(event) &&
	       level_resource(event->level) == RESOURCE_REFUSED;
}

/* What its amounts are of. */
bool event_is_of_inodes(const struct event *event)
{
	return level_resource(event->level) == RESOURCE_INODES ||
	       !strcmp(event->cause, "inodes");
}

/* What has happened, for a person: "up 80%", "refused for size". */
const char *event_what(char buf[EVENT_WHAT_SIZE], const struct event *event)
{
	const char *before, *what;

	if (event_is_refusal(event)) {
		before = *event->cause ? LEVEL_REFUSED " for " : LEVEL_REFUSED;
		what = event->cause;
	} else {
		before = event->up ? "up " : "down ";
		what = event->level;
	}
	snprintf(buf, EVENT_WHAT_SIZE, "%s%s", before, what);
	return buf;
}

void event_write_bytes(FILE *file, uint64_t used, uint64_t size)
{
	char buf[TEXT_SIZE];

	fprintf(file, "%s of ", text_bytes(buf, used));
	fprintf(file, "%s used ", text_bytes(buf, size));
	fprintf(file, "(%s)", text_percent(buf, used, size));
}

void event_write_inodes(FILE *file, uint64_t used, uint64_t inodes)
{
	char buf[TEXT_SIZE];

	fprintf(file, "%" PRIu64 " of %" PRIu64 " inodes used (%s)", used,
		inodes, text_percent(buf, used, inodes));
}

static void print_usage(FILE *file, const struct event *event)
{
	if (event_is_of_inodes(event))
		event_write_inodes(file, event->used, event->size);
	else
		event_write_bytes(file, event->used, event->size);
}

/* How much a call has asked for that was refused. */
static void print_asked(FILE *file, const struct event *event)
{
	char buf[TEXT_SIZE];

	if (event_is_of_inodes(event))
		snprintf(buf, sizeof(buf), "%" PRIu64, event->asked);
	else
		text_bytes(buf, event->asked);
	fprintf(file, "%s asked for", buf);
}

static struct json_object *event_json(const char *name,
				      const struct target *target,
				      const struct timespec *time)
{
	struct json_object *object = json_object_new_object();
	char buf[TEXT_SIZE];

	json_object_object_add(object, "event", text_json(name));
	json_object_object_add(object, "time",
			       text_json(text_utc_time(buf, time)));
	text_json_add(object, "path", target->path);
	if (*target->device)
		json_object_object_add(object, "device",
				       text_json(target->device));
	return object;
}

static void add_usage(struct json_object *object, uint64_t used, uint64_t size)
{
	json_object_object_add(object, "used", json_object_new_uint64(used));
	json_object_object_add(object, "size", json_object_new_uint64(size));
}

/* A level, and what it is of. */
static void add_level(struct json_object *object, const char *level)
{
	json_object_object_add(object, "level", text_json(level));
	json_object_object_add(object, "resource",
			       text_json(level_resource_name(level)));
}

/* Is it told of @target how many bytes it has? A refusal may be for these, if there is a limit. */
static bool shows_bytes(const struct target *target)
{
	return target_has(target, RESOURCE_BYTES) ||
	       (target_has(target, RESOURCE_REFUSED) && target->size);
}

static void print_ready_json(const struct target *target)
{
	struct json_object *levels = json_object_new_array();
	struct json_object *object;
	struct timespec time;
	size_t i;

	for (i = 0; i < target->nr_triggers; i++) {
		const struct trigger *trigger = &target->triggers[i];
		struct json_object *level = json_object_new_object();

		add_level(level, trigger->level);
		if (level_resource(trigger->level) != RESOURCE_REFUSED)
			json_object_object_add(level, "state",
					       text_json(trigger->above ?
							 "above" : "below"));
		json_object_array_add(levels, level);
	}
	clock_gettime(CLOCK_REALTIME, &time);
	object = event_json("ready", target, &time);
	if (target->point)
		text_json_add(object, "mountpoint", target->point);
	if (shows_bytes(target))
		add_usage(object, target->used, target->size);
	if (target_has(target, RESOURCE_INODES)) {
		json_object_object_add(object, "inodes_used",
				       json_object_new_uint64(target->inodes_used));
		json_object_object_add(object, "inodes",
				       json_object_new_uint64(target->inodes));
	}
	memory_add(object);
	json_object_object_add(object, "levels", levels);
	text_json_print(object);
}

static void print_levels(const struct target *target, bool above)
{
	const char *word = above ? "; above" : "; below";
	size_t i;

	for (i = 0; i < target->nr_triggers; i++) {
		const struct trigger *trigger = &target->triggers[i];

		if (level_resource(trigger->level) == RESOURCE_REFUSED ||
		    trigger->above != above)
			continue;
		printf("%s %s", word, trigger->level);
		word = ",";
	}
}

/* True if they are the same but for slashes at the end of @path. */
static bool is_same_path(const char *point, const char *path)
{
	size_t length = strlen(point);

	return !strncmp(point, path, length) &&
	       !path[length + strspn(path + length, "/")];
}

/* There is nothing yet where the path leads. */
static void print_waiting(const struct target *target, bool json)
{
	struct timespec time;

	if (!json) {
		printf("waiting for %s: no tmpfs yet\n", target->name);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &time);
	text_json_print(event_json("waiting", target, &time));
}

/* All triggers of all targets are registered by now, as far as they can be. */
void event_print_ready(const struct target *target, bool json)
{
	const char *next = "";

	if (target->state != TARGET_WATCHED) {
		print_waiting(target, json);
		return;
	}
	if (json) {
		print_ready_json(target);
		return;
	}
	printf("watching %s", target->name);
	if (target->point && !is_same_path(target->point, target->path))
		printf(" (on %s)", text_name(target->point));
	printf(": ");
	if (shows_bytes(target)) {
		event_write_bytes(stdout, target->used, target->size);
		memory_print(target->size, target->used);
		next = "; ";
	}
	if (target_has(target, RESOURCE_INODES)) {
		printf("%s", next);
		event_write_inodes(stdout, target->inodes_used, target->inodes);
		next = "; ";
	}
	print_levels(target, true);
	print_levels(target, false);
	if (target_has(target, RESOURCE_REFUSED))
		printf("%s" LEVEL_REFUSED, next);
	putchar('\n');
}

static void add_refusal(struct json_object *object, const struct event *event)
{
	if (*event->cause)
		text_json_add(object, "cause", event->cause);
	if (event->asked)
		json_object_object_add(object, "asked",
				       json_object_new_uint64(event->asked));
}

static void print_crossing_json(const struct event *event)
{
	struct json_object *object;

	object = event_json(event_is_refusal(event) ? "refused" : "crossing",
			    event->target, &event->time);
	add_level(object, event->level);
	if (event_is_refusal(event))
		add_refusal(object, event);
	else
		json_object_object_add(object, "direction",
				       text_json(event->up ? "up" : "down"));
	if (event->size)
		add_usage(object, event->used, event->size);
	json_object_object_add(object, "crossings",
			       json_object_new_uint64(event->crossings));
	if (event->late)
		json_object_object_add(object, "late",
				       json_object_new_boolean(true));
	if (event->pid)
		json_object_object_add(object, "pid",
				       json_object_new_int64(event->pid));
	if (event->who) {
		json_object_object_add(object, "uid",
				       json_object_new_int64(event->uid));
		text_json_add(object, "comm", event->comm);
	}
	if (event->cgroup)
		json_object_object_add(object, "cgroup",
				       json_object_new_uint64(event->cgroup));
	if (event->cgroup_path)
		text_json_add(object, "cgroup_path", event->cgroup_path);
	text_json_print(object);
}

/* Only the count is of the crossings, all else of now. */
static void write_late(FILE *file, const struct event *event)
{
	fprintf(file, ": read late");
	if (event->crossings > 1)
		fprintf(file, ", the last of %" PRIu64 " crossings",
			event->crossings);
	if (event->size) {
		fprintf(file, "; now ");
		print_usage(file, event);
	}
}

/* Writes a crossing or a refusal, but for its time, as a line without its end. */
void event_write(FILE *file, const struct event *event)
{
	char what[EVENT_WHAT_SIZE], comm[EVENT_COMM_SIZE];
	const char *next = ": ";

	fprintf(file, "%s %s", event->target->name, event_what(what, event));
	if (event->late) {
		write_late(file, event);
		return;
	}
	if (event->asked) {
		fprintf(file, "%s", next);
		print_asked(file, event);
		next = ", ";
	}
	if (event->size || !event_is_refusal(event)) {
		fprintf(file, "%s", next);
		print_usage(file, event);
	}
	if (event->who)
		fprintf(file, " by %s",
			text_printable(strcpy(comm, event->comm)));
	if (event->pid)
		fprintf(file, "[%d]", event->pid);
	if (event->who)
		fprintf(file, " uid %u", event->uid);
	if (event->crossings > 1)
		fprintf(file, "; the last of %" PRIu64 " %s", event->crossings,
			event_is_refusal(event) ? "refusals" : "crossings");
	if (event->reminder)
		fprintf(file, "; reminder %u", event->reminder);
}

/* The same; to be freed, or NULL. */
char *event_text(const struct event *event)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (!file)
		return NULL;
	event_write(file, event);
	fclose(file);
	return text;
}

static void print_crossing(const struct event *event)
{
	char buf[TEXT_SIZE];

	printf("%s ", text_local_time(buf, &event->time));
	event_write(stdout, event);
	putchar('\n');
}

/* For a person this is an error, for a program the last event, too. */
static void print_gone(const struct event *event, bool json)
{
	struct json_object *object;
	struct timespec time;

	if (json) {
		clock_gettime(CLOCK_REALTIME, &time);
		object = event_json("gone", event->target, &time);
		json_object_object_add(object, "reason",
				       text_json(event->gone));
		text_json_print(object);
	}
	error("%s: %s", event->target->name, event->gone);
}

void event_print(const struct event *event, bool json)
{
	if (event->gone)
		print_gone(event, json);
	else if (event->ready)
		event_print_ready(event->target, json);
	else if (json)
		print_crossing_json(event);
	else
		print_crossing(event);
}
