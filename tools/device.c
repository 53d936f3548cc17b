// SPDX-License-Identifier: GPL-2.0
/*
 * The interface /dev/tmpfswarn. One open file is a session: each line written
 * to it registers a level, each line read from it is a record of what became of
 * one. The tag of a level is its place in an array.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../uapi/tmpfswarn.h"
#include "event.h"
#include "interface.h"
#include "listing.h"
#include "refusal.h"
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
 * @triggers: by tag
 * @nr_triggers: how many
 * @registering: one of which the state has not been read yet, or NULL
 * @items: read, and not taken yet
 */
struct device {
	struct session session;
	struct trigger **triggers;
	size_t nr_triggers;
	struct trigger *registering;

	STAILQ_HEAD(, item) items;
};

/**
 * struct record - a line read
 * @kind: the value of "event"
 * @trigger: NULL if there is none of that tag
 * @above: usage is at the level or more
 * @event: all else
 */
struct record {
	const char *kind;
	struct trigger *trigger;
	bool above;
	struct event event;
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

static void record_set(struct device *device, struct record *record,
		       const char *key, const char *value)
{
	struct event *event = &record->event;
	uint64_t number = strtoull(value, NULL, 10);

	if (!strcmp(key, "event"))
		record->kind = value;
	else if (!strcmp(key, "tag") && number < device->nr_triggers)
		record->trigger = device->triggers[number];
	else if (!strcmp(key, "state"))
		record->above = !strcmp(value, "above");
	else if (!strcmp(key, "used"))
		event->used = number;
	else if (!strcmp(key, "size"))
		event->size = number;
	else if (!strcmp(key, "time"))
		record_set_time(event, value);
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

/* 0 or an errno. */
static int device_take(struct device *device, const struct record *record)
{
	struct trigger *trigger = record->trigger;
	struct item *item;

	if (!trigger || !record->kind)
		return 0;
	if (!strcmp(record->kind, "state")) {
		device->registering = NULL;
		trigger->above = record->above;
		trigger->target->used = record->event.used;
		trigger->target->size = record->event.size;
		return 0;
	}
	item = malloc(sizeof(*item));
	if (!item)
		return ENOMEM;
	item->event = record->event;
	item->event.target = trigger->target;
	item->event.level = trigger->level;
	item->event.up = !strcmp(record->kind, "up");
	/* an open device keeps the module */
	item->event.gone = strcmp(record->kind, "gone") ? NULL : "unmounted";
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
		struct record record = { .event.crossings = 1 };
		char *key, *value;

		end = memchr(line, '\n', buf + length - line);
		if (!end)
			break;
		*end = '\0';
		while (text_pair(&line, &key, &value))
			record_set(device, &record, key, value);
		err = device_take(device, &record);
	}
	return err;
}

/* 0 or an errno. */
static int device_register(struct device *device, struct trigger *trigger)
{
	const struct request *request = &device->session.request;
	const char *hysteresis = request->hysteresis;
	char line[TMPFSWARN_WRITE_MAX + 1];
	struct trigger **more;
	int length, err = 0;

	more = reallocarray(device->triggers, device->nr_triggers + 1,
			    sizeof(*more));
	if (!more)
		return ENOMEM;
	device->triggers = more;
	length = snprintf(line, sizeof(line), "%d %s %s%s%s%s tag=%zu",
			  trigger->target->fd, trigger->level,
			  interface_direction(request->direction),
			  hysteresis ? " hyst=" : "",
			  hysteresis ? hysteresis : "",
			  request->once ? " once" : "", device->nr_triggers);
	if (length >= (int)sizeof(line))
		return EINVAL;
	more[device->nr_triggers] = trigger;
	if (write(device->session.fd, line, length) < 0)
		return errno;
	device->nr_triggers++;
	/* the record of its state is there by now, behind those of others */
	device->registering = trigger;
	while (device->registering && !err)
		err = device_read(device);
	return err;
}

static int device_add(struct session *session, struct target *target)
{
	size_t i;

	for (i = 0; i < target->nr_triggers; i++) {
		struct trigger *trigger = &target->triggers[i];
		int err = device_register((struct device *)session, trigger);

		if (err == EDQUOT) {
			error("%s: too many triggers: have max_user_triggers raised in /sys/module/tmpfswarn/parameters, or max_mount_triggers, max_triggers or max_mounts by " REFUSAL_AT_BOOT,
			      target->name);
			return STATUS_ERROR;
		}
		if (err)
			return interface_refused(session, target,
						 trigger->level, err);
	}
	return STATUS_OK;
}

static int device_next(struct session *session, struct event *event)
{
	struct device *device = (struct device *)session;
	struct item *item;
	int err = 0;

	do {
		if (STAILQ_EMPTY(&device->items))
			err = device_read(device);
		if (err && err != EAGAIN) {
			error(TMPFSWARN_DEVICE ": %s", err == ENODATA ?
			      "all registrations have ended" : strerror(err));
			return -1;
		}
		item = STAILQ_FIRST(&device->items);
		if (!item)
			return 0;
		STAILQ_REMOVE_HEAD(&device->items, next);
		*event = item->event;
		free(item);
		if (event->gone || session->request.once)
			event->target->live--;
		/* each level says that it is gone, all of them are one event */
	} while (event->gone && event->target->live);
	return 1;
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
	.next = device_next,
	.list = device_list,
	.figures = device_figures,
};
