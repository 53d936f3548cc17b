// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json.h>

#include "../uapi/tmpfswarn.h"
#include "level.h"
#include "listing.h"
#include "text.h"

void usage_set(struct usage *usage, const char *key, uint64_t value)
{
	const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {
		{ "size", &usage->size },
		{ "used", &usage->used },
		{ "free", &usage->free },
		{ "inodes", &usage->inodes },
		{ "inodes_used", &usage->inodes_used },
		{ "inodes_free", &usage->inodes_free },
		{ "refused", &usage->refused },
	};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!strcmp(key, keys[i].key))
			*keys[i].value = value;
	}
}

/* The mount @dev, made if there is none; NULL if out of memory. */
struct listed *listing_get(struct listing *listing, dev_t dev)
{
	struct listed *more;
	size_t i;

	for (i = 0; i < listing->nr; i++) {
		if (listing->mounts[i].dev == dev)
			return &listing->mounts[i];
	}
	more = reallocarray(listing->mounts, listing->nr + 1, sizeof(*more));
	if (!more)
		return NULL;
	listing->mounts = more;
	more += listing->nr++;
	*more = (struct listed){
		.dev = dev,
		.levels = json_object_new_array(),
	};
	return more;
}

/* Adds "key=value" to an object, as a number where it is one. */
static void add_value(struct json_object *object, const char *key, char *value)
{
	static const char *const numbers[] = {
		"blocks", "inodes", "fired", "uid", "pid",
	};
	char *end;
	uint64_t number = strtoull(value, &end, 10);
	size_t i;

	if (!strcmp(key, "once")) {
		json_object_object_add(object, key,
				       json_object_new_boolean(*value == '1'));
		return;
	}
	if ((!strcmp(key, "blocks") || !strcmp(key, "inodes")) &&
	    !strcmp(value, "-")) {
		json_object_object_add(object, key, NULL);
		return;
	}
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (!strcmp(key, numbers[i]) && end != value && !*end) {
			json_object_object_add(object, key,
					       json_object_new_uint64(number));
			return;
		}
	}
	text_json_add(object, key, text_unescape(value));
}

/* A value that is a string, "" if there is none. */
const char *listing_value(struct json_object *trigger, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(trigger, key, &value);
	return value ? json_object_get_string(value) : "";
}

/*
 * The sentinels of eventfds have none, and the RFC's clients that wait for one, and what keeps
 * the most that was used.
 */
static bool has_level(struct json_object *trigger)
{
	const char *level = listing_value(trigger, "level");

	if (!strcmp(listing_value(trigger, "resource"), TMPFSWARN_V1_MAX_USAGE))
		return false;
	if (!strcmp(listing_value(trigger, "resource"), TMPFSWARN_WARN_USED))
		return strcmp(level, "0");
	return strcmp(level_inodes(level) ?: level, "-1");
}

/* What keeps the most that was used is there from one block more than that on. */
static void listing_add_peak(struct listed *listed, struct json_object *trigger)
{
	uint64_t blocks = strtoull(listing_value(trigger, "blocks"), NULL, 10);

	if (strcmp(listing_value(trigger, "resource"), TMPFSWARN_V1_MAX_USAGE) ||
	    !blocks)
		return;
	listed->peak = (blocks - 1) * sysconf(_SC_PAGESIZE);
	listed->peaked = true;
}

/* Adds a trigger as the module describes it, unless it has no level. */
void listing_add_trigger(struct listed *listed, char *line)
{
	struct json_object *trigger = json_object_new_object();
	char *key, *value;

	while (text_pair(&line, &key, &value))
		add_value(trigger, key, value);
	listing_add_peak(listed, trigger);
	if (has_level(trigger))
		json_object_array_add(listed->levels, trigger);
	else
		json_object_put(trigger);
}

void listing_free(struct listing *listing)
{
	size_t i;

	for (i = 0; i < listing->nr; i++)
		json_object_put(listing->mounts[i].levels);
	free(listing->mounts);
	*listing = (struct listing){ };
}
