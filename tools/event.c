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

bool event_is_crossing(const struct event *event)
{
	return !event->gone && !event->ready;
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
	if (level_inodes(event->level))
		event_write_inodes(file, event->used, event->size);
	else
		event_write_bytes(file, event->used, event->size);
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

/* What a level is of. */
static void add_resource(struct json_object *object, const char *level)
{
	json_object_object_add(object, "resource",
			       text_json(level_inodes(level) ? "inodes" :
							       "bytes"));
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

		json_object_object_add(level, "level",
				       text_json(trigger->level));
		add_resource(level, trigger->level);
		json_object_object_add(level, "state",
				       text_json(trigger->above ? "above" :
								  "below"));
		json_object_array_add(levels, level);
	}
	clock_gettime(CLOCK_REALTIME, &time);
	object = event_json("ready", target, &time);
	if (target->point)
		text_json_add(object, "mountpoint", target->point);
	if (target_has_bytes(target))
		add_usage(object, target->used, target->size);
	if (target_has_inodes(target)) {
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
		if (target->triggers[i].above != above)
			continue;
		printf("%s %s", word, target->triggers[i].level);
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
	if (target_has_bytes(target)) {
		event_write_bytes(stdout, target->used, target->size);
		memory_print(target->size, target->used);
	}
	if (target_has_inodes(target)) {
		if (target_has_bytes(target))
			printf("; ");
		event_write_inodes(stdout, target->inodes_used, target->inodes);
	}
	print_levels(target, true);
	print_levels(target, false);
	putchar('\n');
}

static void print_crossing_json(const struct event *event)
{
	struct json_object *object;

	object = event_json("crossing", event->target, &event->time);
	json_object_object_add(object, "level", text_json(event->level));
	add_resource(object, event->level);
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
	fprintf(file, "read late");
	if (event->crossings > 1)
		fprintf(file, ", the last of %" PRIu64 " crossings",
			event->crossings);
	if (event->size) {
		fprintf(file, "; now ");
		print_usage(file, event);
	}
}

/* Writes a crossing, but for its time, as a line without its end. */
void event_write(FILE *file, const struct event *event)
{
	char comm[EVENT_COMM_SIZE];

	fprintf(file, "%s %s %s: ", event->target->name,
		event->up ? "up" : "down", event->level);
	if (event->late) {
		write_late(file, event);
		return;
	}
	print_usage(file, event);
	if (event->who)
		fprintf(file, " by %s",
			text_printable(strcpy(comm, event->comm)));
	if (event->pid)
		fprintf(file, "[%d]", event->pid);
	if (event->who)
		fprintf(file, " uid %u", event->uid);
	if (event->crossings > 1)
		fprintf(file, "; the last of %" PRIu64 " crossings",
			event->crossings);
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
