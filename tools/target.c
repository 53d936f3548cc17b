// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "amount.h"
#include "level.h"
#include "lookup.h"
#include "number.h"
#include "place.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/* What there is to know of @target before its mount is found. */
void target_name(struct target *target)
{
	size_t i;

	target->name = text_name(target->path);
	target->fd = -1;
	target->id = -1;
	for (i = 0; i < target->nr_triggers; i++)
		target->triggers[i].target = target;
}

/* Finds the mount that @target's path is on; exit status, after saying why. */
int target_find(struct target *target)
{
	target_name(target);
	target->fd = mount_open(target->path, &target->dev,
				&target->numbered);
	if (target->fd == -1)
		return STATUS_ERROR;
	mount_number(target->device, target->dev);
	return STATUS_OK;
}

/* True if @target's path, as it is in full, says which mount. */
bool target_is_numbered(const struct target *target)
{
	struct statfs statfs;
	bool numbered;
	dev_t dev;
	int fd;

	if (number_parse(target->path, &dev))
		return true;
	fd = target->full ? lookup_open(target->full) : -1;
	numbered = fd >= 0 && !fstatfs(fd, &statfs) &&
		   statfs.f_type == DEBUGFS_MAGIC &&
		   number_of_directory(fd, &dev);
	if (fd >= 0)
		close(fd);
	return numbered;
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = value ? strdup(value) : NULL;
}

/* @target is on @place. */
void target_place(struct target *target, const struct place *place)
{
	target->dev = place->dev;
	mount_number(target->device, place->dev);
	set_text(&target->point, *place->point ? place->point : NULL);
	set_text(&target->options, place->options);
}

/* Notes where @target is, which was opened by its path. */
void target_locate(struct target *target, const struct places *places)
{
	struct place place;
	int id = place_id_of(target->fd);

	/* it is that mount, wherever it is */
	if (target->numbered)
		return;
	target->full = place_path_of(target->fd);
	if (!target->full || !place_find(places, target->full, &place))
		goto unknown;
	/* it is in another namespace, as /proc/PID/root is */
	if (place.id != id && !place_has_id(places, id))
		goto unknown;
	/* else it has changed already, which is found out soon */
	if (place.id == id)
		target_place(target, &place);
	return;

unknown:
	free(target->full);
	target->full = NULL;
}

/* Notes what is tried, so as not to try it again and again. */
void target_try(struct target *target, const struct place *place)
{
	target->id = place->id;
	set_text(&target->options, place->options);
}

/* It is to be tried again, if nothing is registered. */
void target_untry(struct target *target)
{
	if (target->state == TARGET_AWAY)
		target->id = -1;
}

/* Says what is wrong with @target, unless that was said last. */
void target_error(const struct target *target, const char *format, ...)
{
	char **said = target->said, *text;
	va_list args;

	va_start(args, format);
	text = text_format(format, args);
	va_end(args);
	if (!text || !said || !*said || strcmp(*said, text))
		error("%s: %s", target->name, text ?: "out of memory");
	if (said) {
		free(*said);
		*said = text;
	} else {
		free(text);
	}
}

/* True if one of its levels may still be told. */
bool target_is_live(const struct target *target)
{
	size_t i;

	for (i = 0; i < target->nr_triggers; i++) {
		if (!target->triggers[i].over)
			return true;
	}
	return false;
}

/* True if one of its levels is registered for the size that there is. */
bool target_has_size(const struct target *target)
{
	size_t i;

	for (i = 0; i < target->nr_triggers; i++) {
		if (target->state == TARGET_WATCHED &&
		    target->triggers[i].size && !target->triggers[i].over)
			return true;
	}
	return false;
}

/* True if one of its levels is of @resource. */
bool target_has(const struct target *target, enum resource resource)
{
	size_t i;

	for (i = 0; i < target->nr_triggers; i++) {
		if (level_resource(target->triggers[i].level) == resource)
			return true;
	}
	return false;
}

/*
 * Sets what is to be asked for on a mount of @size bytes, of which @used are
 * in use. The module knows levels of used space alone: so much that no more
 * than the amount is left, or nothing at all if the mount is smaller.
 */
void trigger_ask(struct trigger *trigger, uint64_t used, uint64_t size)
{
	const char *free = level_free(trigger->level);
	unsigned int part;
	uint64_t bytes;

	if (!free) {
		snprintf(trigger->asked, sizeof(trigger->asked), "%s",
			 trigger->level);
		return;
	}
	if (strchr(free, '%')) {
		part = AMOUNT_WHOLE - amount_hundredths(free);
		snprintf(trigger->asked, sizeof(trigger->asked), "%u.%02u%%",
			 part / 100, part % 100);
		return;
	}
	trigger->was = used >= trigger->bytes;
	bytes = amount_bytes(free, size);
	trigger->bytes = bytes < size ? size - bytes : 0;
	trigger->size = size;
	snprintf(trigger->asked, sizeof(trigger->asked), "%" PRIu64,
		 trigger->bytes);
}
