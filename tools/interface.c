// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../uapi/tmpfswarn.h"
#include "event.h"
#include "interface.h"
#include "level.h"
#include "refusal.h"
#include "tool.h"

#define LOCKDOWN	"/sys/kernel/security/lockdown"

const struct interface *const interfaces[] = {
	&interface_device,
	&interface_debugfs,
	NULL,
};

/* The argument of --interface; *@interface is NULL for "auto". */
int interface_parse(const char *command, const char *text,
		    const struct interface **interface)
{
	const struct interface *const *each;

	*interface = NULL;
	if (!strcmp(text, "auto"))
		return STATUS_OK;
	for (each = interfaces; *each; each++) {
		if (!strcmp(text, (*each)->name)) {
			*interface = *each;
			return STATUS_OK;
		}
	}
	return usage_error(command,
			   "--interface %s: not one of device, debugfs, auto",
			   text);
}

/**
 * interface_choose() - the interface to be used
 * @asked: for by --interface, NULL for the first that can be used
 * @why: set if none can be: what is in the way of the preferred one
 *
 * Return: the interface, or NULL.
 */
const struct interface *interface_choose(const struct interface *asked,
					 const char **why)
{
	const struct interface *const *each;
	const char *other;

	if (asked)
		return asked->find(why) ? asked : NULL;
	if (interfaces[0]->find(why))
		return interfaces[0];
	for (each = interfaces + 1; *each; each++) {
		if ((*each)->find(&other))
			return *each;
	}
	return NULL;
}

/* The first line of a file, without its newline. */
static bool interface_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");
	bool ok;

	if (!file)
		return false;
	ok = fgets(buf, size, file);
	if (ok)
		buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
	return ok;
}

/* True from the end of insmod until the begin of rmmod. */
bool interface_module_live(void)
{
	return refusal_module_state() == MODULE_LIVE;
}

/* "none", "integrity" or "confidentiality"; NULL if that cannot be known. */
const char *interface_lockdown(void)
{
	static char line[80];
	char *begin, *end;

	/* all modes there are, with brackets around the present one */
	if (!interface_line(LOCKDOWN, line, sizeof(line)))
		return NULL;
	begin = strchr(line, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (!end)
		return NULL;
	*end = '\0';
	return begin + 1;
}

const char *interface_direction(enum direction direction)
{
	return direction == DIRECTION_RISING ? "rising" :
	       direction == DIRECTION_FALLING ? "falling" : "both";
}

/* The words behind a level, or behind what has no level. */
void interface_words(char *buf, size_t size, enum resource resource,
		     enum direction direction, const char *hysteresis)
{
	*buf = '\0';
	if (resource != RESOURCE_REFUSED)
		snprintf(buf, size, " %s%s%s", interface_direction(direction),
			 hysteresis ? " hyst=" : "",
			 hysteresis ? hysteresis : "");
}

/* Says why the module refused to register @level; exit status. */
int interface_refused(const struct session *session,
		      const struct target *target, const char *level, int err)
{
	static const char *const unsupported[RESOURCES] = {
		[RESOURCE_BYTES] = "mounted with size=0, which the kernel keeps no count of: mount it with a size",
		[RESOURCE_INODES] = "mounted with nr_inodes=0, which the kernel keeps no count of, or its inodes cannot be watched: see dmesg",
		[RESOURCE_REFUSED] = "what it refuses cannot be watched: see dmesg",
	};
	const char *hysteresis = session->request.hysteresis;

	switch (err) {
	case EINVAL:
		target_error(target, "level %s%s%s refused: no size reaches it",
			     level, hysteresis ? " with hysteresis " : "",
			     hysteresis ? hysteresis : "");
		return STATUS_ERROR;
	case EOPNOTSUPP:
		target_error(target, "%s", unsupported[level_resource(level)]);
		return STATUS_ERROR;
	case EIO:
		target_error(target, "the kernel refuses to arm the probe: see dmesg");
		return STATUS_ERROR;
	case ENODEV:
		target_error(target, EVENT_UNMOUNTED);
		return STATUS_GONE;
	}
	target_error(target, "%s", error_text(err));
	return STATUS_ERROR;
}

/* The first of @targets of which nothing but the number is known, or NULL. */
static const struct target *find_unreached(struct target *const *targets,
					   size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (targets[i]->fd == MOUNT_UNREACHED)
			return targets[i];
	}
	return NULL;
}

/* An interface that can have @target; NULL after saying why there is none. */
static const struct interface *
interface_by_number(const struct interface *asked, const struct target *target)
{
	const struct interface *const *each;
	const char *why = "use --interface debugfs";

	for (each = interfaces; *each && !asked; each++) {
		if ((*each)->by_number && (*each)->find(&why))
			return *each;
	}
	error("%s: no path or open file that is to be seen leads to this mount, and by number it can be had through debugfs alone: %s",
	      target->name, why);
	return NULL;
}

/*
 * A session by way of @asked, NULL for any, that can register @targets; NULL
 * after saying why not.
 */
struct session *session_open(const struct interface *asked,
			     const struct request *request,
			     struct target *const *targets, size_t nr)
{
	const struct target *unreached = find_unreached(targets, nr);
	const struct interface *interface;
	struct session *session;
	const char *why;

	interface = interface_choose(asked, &why);
	if (!interface) {
		error("%s", why);
		return NULL;
	}
	if (unreached && !interface->by_number) {
		interface = interface_by_number(asked, unreached);
		if (!interface)
			return NULL;
	}
	session = interface->open();
	if (!session)
		return NULL;
	session->interface = interface;
	session->request = *request;
	return session;
}

/* Lets the mount of @target be unmounted. */
static void session_release(struct target *target)
{
	if (target->fd >= 0)
		close(target->fd);
	target->fd = -1;
}

/* Registers the levels of @target, of which target_find() has found the mount. */
int session_add(struct session *session, struct target *target)
{
	struct statfs statfs;
	int status;
	size_t i;

	target->outdated = false;
	for (i = 0; i < target->nr_triggers; i++)
		target->triggers[i].unsure = false;
	/* before any of its levels is registered */
	if (target_has(target, RESOURCE_BYTES) && !fstatfs(target->fd, &statfs) &&
	    !statfs.f_blocks)
		status = interface_refused(session, target, "", EOPNOTSUPP);
	else
		status = session->interface->add(session, target);
	session_release(target);
	return status;
}

/* Registers those levels of @target anew that depend on the size, or @all. */
int session_renew(struct session *session, struct target *target, bool all)
{
	int status = session->interface->renew(session, target, all);

	session_release(target);
	return status;
}

void session_end(struct session *session, struct target *target)
{
	session->interface->end(session, target);
}

int session_next(struct session *session, struct event *event)
{
	return session->interface->next(session, event);
}

void session_forget(struct session *session, struct target *target)
{
	session->interface->forget(session, target);
}

void session_close(struct session *session)
{
	session->interface->close(session);
}
