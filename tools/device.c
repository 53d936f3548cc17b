// SPDX-License-Identifier: GPL-2.0
/*
 * The interface /dev/tmpfswarn. One open file is a session: each line written
 * to it registers a level, each line read from it is a record of what became of
 * one.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../uapi/tmpfswarn.h"
#include "event.h"
#include "interface.h"
#include "level.h"
#include "listing.h"
#include "record.h"
#include "refusal.h"
#include "tag.h"
#include "text.h"
#include "tool.h"

/* several of the longest records; read(2) returns none in part */
#define READ_SIZE	4096

/* An event not taken yet. */
struct item {
	struct event event;

	STAILQ_ENTRY(item) next;
};

/**
 * struct device - a session
 * @session: what others know of it
 * @tags: of the registrations
 * @registering: the level of the last of these, of which the state has not been
 *	read yet, or NULL
 * @renews: it was registered before
 * @items: read, and not taken yet
 */
struct device {
	struct session session;
	struct tags tags;
	struct trigger *registering;
	bool renews;

	STAILQ_HEAD(, item) items;
};

static const char *device_find(const char **why)
{
	int fd;

	*why = refusal_device_node();
	if (*why)
		return NULL;
	fd = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		*why = refusal_device(errno);
		return NULL;
	}
	close(fd);
	return TMPFSWARN_DEVICE;
}

static struct session *device_open(void)
{
	struct device *device = calloc(1, sizeof(*device));

	if (!device) {
		error("out of memory");
		return NULL;
	}
	STAILQ_INIT(&device->items);
	device->session.fd = open(TMPFSWARN_DEVICE,
				  O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (device->session.fd < 0) {
		error("%s", refusal_device(errno));
		free(device);
		return NULL;
	}
	return &device->session;
}

/* A level was registered; false if there is no more to it than that. */
static bool device_take_state(struct device *device, const struct record *record,
			      struct trigger *trigger, bool outdated)
{
	struct target *target = trigger->target;

	device->registering = NULL;
	if (level_resource(trigger->level) == RESOURCE_INODES) {
		target->inodes_used = record->event.used;
		target->inodes = record->event.size;
	} else {
		target->used = record->event.used;
		target->size = record->event.size;
	}
	/* what is behind it was crossed at its new place, too, or is none */
	tags_drop(&device->tags, trigger, record->tag);
	if (device->renews)
		return true;
	trigger->above = record->above;
	target->outdated |= outdated;
	return false;
}

/* 0 or an errno. */
static int device_take(struct device *device, const struct record *record)
{
	const struct tag *tag = tags_find(&device->tags, record->tag);
	struct trigger *trigger;
	bool state, gone, outdated;
	struct item *item;

	if (!tag || !record->kind)
		return 0;
	trigger = tag->trigger;
	outdated = tag->size && tag->size != record->event.size;
	state = !strcmp(record->kind, "state");
	gone = !strcmp(record->kind, "gone");
	if (state && !device_take_state(device, record, trigger, outdated))
		return 0;
	if (!state && device->session.request.once)
		tags_drop(&device->tags, trigger, TAG_NONE);
	/* each level says so, all of them are one event */
	if (gone)
		tags_drop_target(&device->tags, trigger->target);
	item = malloc(sizeof(*item));
	if (!item)
		return ENOMEM;
	item->event = record->event;
	item->event.target = trigger->target;
	item->event.trigger = trigger;
	item->event.level = trigger->level;
	item->event.state = state;
	item->event.outdated = outdated;
	item->event.up = state ? record->above : !strcmp(record->kind, "up");
	/* an open device keeps the module, and what is refused needs no limit */
	if (gone)
		item->event.gone = record->event.size ||
				   level_resource(trigger->level) == RESOURCE_REFUSED ?
				   EVENT_UNMOUNTED : EVENT_UNLIMITED;
	STAILQ_INSERT_TAIL(&device->items, item, next);
	return 0;
}

/* Takes some of the records that are there; 0 or an errno, ENODATA at the end. */
static int device_read(struct device *device)
{
	char buf[READ_SIZE], *line, *end;
	ssize_t length;
	int err = 0;

	length = read(device->session.fd, buf, sizeof(buf));
	if (length < 0)
		return errno;
	if (!length)
		return ENODATA;
	for (line = buf; !err; line = end + 1) {
		struct record record;

		end = memchr(line, '\n', buf + length - line);
		if (!end)
			break;
		*end = '\0';
		record_parse(&record, line);
		err = device_take(device, &record);
	}
	return err;
}

/* 0 or an errno. */
static int device_write(struct device *device, const struct trigger *trigger,
			uint64_t tag)
{
	const struct request *request = &device->session.request;
	char line[TMPFSWARN_WRITE_MAX + 1], words[TMPFSWARN_WRITE_MAX];
	int length;

	interface_words(words, sizeof(words), level_resource(trigger->level),
			request->direction, request->hysteresis);
	length = snprintf(line, sizeof(line), "%d %s%s%s tag=%" PRIu64,
			  trigger->target->fd, trigger->asked, words,
			  request->once ? " once" : "", tag);
	if (length >= (int)sizeof(line))
		return EINVAL;
	return write(device->session.fd, line, length) < 0 ? errno : 0;
}

/* Ends the registration @tag; one that has ended is none. */
static void device_forget(struct device *device, uint64_t tag)
{
	dprintf(device->session.fd, "forget %" PRIu64, tag);
}

/* Registers a level, in place of its registration before; 0 or an errno. */
static int device_register(struct device *device, struct trigger *trigger)
{
	uint64_t before = tags_number(&device->tags, trigger), tag;
	struct statfs statfs;
	int err;

	if (fstatfs(trigger->target->fd, &statfs)) {
		/* of one before, all that it tells is better than nothing */
		tags_fix(&device->tags, trigger);
		return errno;
	}
	trigger_ask(trigger,
		    (statfs.f_blocks - statfs.f_bfree) * statfs.f_bsize,
		    statfs.f_blocks * statfs.f_bsize);
	tag = tags_add(&device->tags, trigger);
	if (tag == TAG_NONE)
		return ENOMEM;
	err = device_write(device, trigger, tag);
	if (err == EDQUOT && before != TAG_NONE) {
		/* there may be room for one alone */
		device_forget(device, before);
		err = device_write(device, trigger, tag);
	}
	if (err) {
		device->tags.nr--;
		return err;
	}
	/* the record of its state is there by now, behind those of others */
	device->registering = trigger;
	while (device->registering && !err)
		err = device_read(device);
	if (before != TAG_NONE)
		device_forget(device, before);
	return err;
}

/*
 * Registers the levels of @target, those alone that depend on the size if not @all
 * are asked for; exit status.
 */
static int device_register_some(struct device *device, struct target *target,
				bool renews, bool all)
{
	size_t i;

	device->renews = renews;
	for (i = 0; i < target->nr_triggers; i++) {
		struct trigger *trigger = &target->triggers[i];
		int err;

		if (trigger->over || (!all && !trigger->size))
			continue;
		err = device_register(device, trigger);
		if (err == EDQUOT) {
			target_error(target, "too many triggers: have max_user_triggers raised in /sys/module/tmpfswarn/parameters, or max_mount_triggers, max_triggers or max_mounts by " REFUSAL_AT_BOOT);
			return STATUS_ERROR;
		}
		if (err)
			return interface_refused(&device->session, target,
						 trigger->level, err);
	}
	return STATUS_OK;
}

static int device_add(struct session *session, struct target *target)
{
	return device_register_some((struct device *)session, target, false,
				    true);
}

static int device_renew(struct session *session, struct target *target, bool all)
{
	return device_register_some((struct device *)session, target, true,
				    all);
}

static void device_end(struct session *session, struct target *target)
{
	struct device *device = (struct device *)session;
	size_t i;

	for (i = 0; i < device->tags.nr; i++) {
		const struct tag *tag = &device->tags.tags[i];

		if (tag->trigger->target == target)
			device_forget(device, tag->number);
	}
	/* what they have said until then comes first */
	while (!device_read(device))
		;
	tags_drop_target(&device->tags, target);
}

static int device_next(struct session *session, struct event *event)
{
	struct device *device = (struct device *)session;
	struct item *item;
	int err = 0;

	while (STAILQ_EMPTY(&device->items) && !err)
		err = device_read(device);
	/* the last one has been ended */
	if (err == EAGAIN || (err == ENODATA && !device->tags.nr))
		return 0;
	if (err) {
		error(TMPFSWARN_DEVICE ": %s", err == ENODATA ?
		      "all registrations have ended" : strerror(err));
		return -1;
	}
	item = STAILQ_FIRST(&device->items);
	STAILQ_REMOVE_HEAD(&device->items, next);
	*event = item->event;
	free(item);
	return 1;
}

/* Drops what has been read of @target, or of all if it is NULL, and not been taken. */
static void device_drop_items(struct device *device, const struct target *target)
{
	struct item *item, *next;

	for (item = STAILQ_FIRST(&device->items); item; item = next) {
		next = STAILQ_NEXT(item, next);
		if (target && item->event.target != target)
			continue;
		STAILQ_REMOVE(&device->items, item, item, next);
		free(item);
	}
}

/* One that could not be registered whole may have had events of its other levels. */
static void device_forget_target(struct session *session, struct target *target)
{
	struct device *device = (struct device *)session;

	tags_drop_target(&device->tags, target);
	device_drop_items(device, target);
}

static void device_close(struct session *session)
{
	struct device *device = (struct device *)session;

	device_drop_items(device, NULL);
	free(device->tags.tags);
	close(session->fd);
	free(device);
}

/* The figures of a mount. */
static void device_list_usage(struct listed *listed, char *line)
{
	char *key, *value;

	while (text_pair(&line, &key, &value))
		usage_set(&listed->usage, key, strtoull(value, NULL, 10));
	listed->known = true;
}

/* A line of the listing, if it is about a mount or a trigger. */
static void device_list_line(struct listing *listing, char *line)
{
	unsigned int major, minor;
	struct listed *listed;
	int length = 0;

	if (sscanf(line, "dev=%u:%u %n", &major, &minor, &length) != 2 ||
	    !length)
		return;
	listed = listing_get(listing, makedev(major, minor));
	if (!listed)
		return;
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line + length, "size=", 5))
		device_list_usage(listed, line + length);
	else
		listing_add_trigger(listed, line + length);
}

static const char *device_list(struct listing *listing)
{
	FILE *file = fopen(TMPFSWARN_DEVICE, "re");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return refusal_device(errno);
	while (getline(&line, &size, file) > 0)
		device_list_line(listing, line);
	free(line);
	fclose(file);
	return NULL;
}

/* They stand before the first line about a mount or a trigger. */
static const char *device_figures(interface_figure *figure, void *data)
{
	FILE *file = fopen(TMPFSWARN_DEVICE, "re");
	char key[32], value[256];

	if (!file)
		return refusal_device(errno);
	while (fscanf(file, "%31s %255[^\n]", key, value) == 2 &&
	       !strchr(key, '='))
		figure(data, key, value);
	fclose(file);
	return NULL;
}

const struct interface interface_device = {
	.name = "device",
	.find = device_find,
	.open = device_open,
	.add = device_add,
	.renew = device_renew,
	.end = device_end,
	.next = device_next,
	.forget = device_forget_target,
	.close = device_close,
	.list = device_list,
	.figures = device_figures,
};
