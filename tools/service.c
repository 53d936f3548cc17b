// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "config.h"
#include "exec.h"
#include "fstab.h"
#include "guard.h"
#include "section.h"
#include "service.h"
#include "signals.h"
#include "supervisor.h"
#include "tool.h"

STAILQ_HEAD(guards, guard);

/**
 * struct service - all that the service knows
 * @interface: asked for, or NULL
 * @config: the file in place of all others, or NULL
 * @guards: a section each
 * @events: polled for all of them
 * @signals: read from here
 * @ends: only commands are waited for
 */
struct service {
	const struct interface *interface;
	const char *config;
	struct guards guards;
	int events;
	int signals;
	bool ends;
};

/* ---- the configuration ---- */

static struct guard *service_find(const struct service *service,
				  const char *name)
{
	struct guard *guard;

	STAILQ_FOREACH(guard, &service->guards, next) {
		if (!strcmp(guard->section->name, name))
			break;
	}
	return guard;
}

static void guards_free(struct guards *guards)
{
	struct guard *guard;

	while ((guard = STAILQ_FIRST(guards))) {
		STAILQ_REMOVE_HEAD(guards, next);
		guard_free(guard);
	}
}

/* Begins a guard for @section; false after saying why not. */
static bool service_begin(struct service *service, struct section *section,
			  struct guards *guards)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct guard *guard = guard_new(section, service->interface);

	if (!guard) {
		section_free(section);
		return false;
	}
	STAILQ_INSERT_TAIL(guards, guard, next);
	guard->former = service_find(service, section->name);
	if (!epoll_ctl(service->events, EPOLL_CTL_ADD, guard->follow.fd, &event))
		return true;
	error("%s", error_text(errno));
	return false;
}

/* Begins what is new in @sections; false after saying why not. */
static bool service_begin_all(struct service *service,
			      struct sections *sections, struct guards *begun)
{
	struct section *section, *next;

	for (section = STAILQ_FIRST(sections); section; section = next) {
		struct guard *guard = service_find(service, section->name);

		next = STAILQ_NEXT(section, next);
		if (guard && guard_is_same(guard, section))
			continue;
		STAILQ_REMOVE(sections, section, section, next);
		if (!service_begin(service, section, begun))
			return false;
	}
	return true;
}

/* Takes the events there are of @guards; false after saying what is wrong. */
static bool guards_run(struct guards *guards)
{
	struct guard *guard;
	int i, nr;

	STAILQ_FOREACH(guard, guards, next) {
		/* some may come all the time */
		for (i = 0; (nr = guard_run(guard)) > 0 && i < 16; i++)
			;
		if (nr < 0)
			return false;
	}
	return true;
}

/* Commands of what is not guarded any more do not begin. */
static void service_drop(struct service *service, struct guards *guards)
{
	struct guard *guard;

	STAILQ_FOREACH(guard, guards, next) {
		if (!service_find(service, guard->section->name))
			guard_drop(guard, NULL);
	}
	guards_free(guards);
}

/*
 * Does as @sections say from now on, which are then the service's. What stays as
 * it was goes on. What is watched anew is told only where it is not as it was told
 * before. Exit status, after saying what is wrong: then all stays as it was.
 */
static int service_apply(struct service *service, struct sections *sections)
{
	struct guards begun = STAILQ_HEAD_INITIALIZER(begun);
	struct guards ended = STAILQ_HEAD_INITIALIZER(ended);
	struct section *section;
	struct guard *guard;

	if (!service_begin_all(service, sections, &begun)) {
		guards_free(&begun);
		return STATUS_ERROR;
	}
	/* up to here these have told, from here on the new ones do */
	if (!guards_run(&service->guards) || !guards_run(&begun)) {
		guards_free(&begun);
		return STATUS_ERROR;
	}
	STAILQ_FOREACH(guard, &begun, next)
		guard->former = NULL;
	while ((section = STAILQ_FIRST(sections))) {
		STAILQ_REMOVE_HEAD(sections, next);
		guard = service_find(service, section->name);
		STAILQ_REMOVE(&service->guards, guard, guard, next);
		guard_keep(guard, section);
		STAILQ_INSERT_TAIL(&begun, guard, next);
	}
	STAILQ_CONCAT(&ended, &service->guards);
	STAILQ_CONCAT(&service->guards, &begun);
	service_drop(service, &ended);
	if (STAILQ_EMPTY(&service->guards))
		error(SERVICE_IDLE);
	return STATUS_OK;
}

/* Reads the configuration, and does as it says; exit status. */
static int service_configure(struct service *service)
{
	struct sections sections = STAILQ_HEAD_INITIALIZER(sections);
	int status;

	status = config_read("", service->config, &sections);
	if (!status)
		status = fstab_read(&sections);
	if (!status)
		status = service_apply(service, &sections);
	sections_free(&sections);
	return status;
}

static void service_reload(struct service *service)
{
	supervisor_reloading();
	if (service_configure(service))
		error("the configuration stays as it was");
	else
		error("the configuration was read again");
	supervisor_ready();
}

/* ---- at work ---- */

static void service_end(struct service *service)
{
	/* whoever says it twice does not want to wait */
	if (service->ends)
		exec_kill();
	service->ends = true;
	supervisor_stopping();
	exec_stop(0);
}

static void service_signal(struct service *service)
{
	int number;

	while ((number = signals_read(service->signals))) {
		if (number == SIGHUP && !service->ends)
			service_reload(service);
		else if (number != SIGCHLD && number != SIGHUP)
			service_end(service);
	}
}

/* How long to wait, in milliseconds. */
static int service_pause(const struct service *service, bool more)
{
	double until = supervisor_until(), pause;
	const struct guard *guard;
	int commands = exec_pause();

	if (more)
		return 0;
	STAILQ_FOREACH(guard, &service->guards, next) {
		double due = service->ends ? INFINITY : guard_until(guard);

		if (due < until)
			until = due;
	}
	pause = (until - exec_now()) * 1e3 + 1;
	if (isinf(until) || (commands >= 0 && commands < pause))
		return commands;
	return pause < 0 ? 0 : pause < INT_MAX ? (int)pause : INT_MAX;
}

static int service_loop(struct service *service)
{
	struct pollfd polls[] = {
		{ .fd = service->events, .events = POLLIN },
		{ .fd = service->signals, .events = POLLIN },
	};
	struct guard *guard;

	for (;;) {
		bool more = false;

		STAILQ_FOREACH(guard, &service->guards, next) {
			int nr = service->ends ? 0 : guard_run(guard);

			if (nr < 0)
				return STATUS_ERROR;
			more |= nr > 0;
		}
		exec_run();
		supervisor_run();
		if (service->ends && exec_is_idle())
			return STATUS_OK;
		polls[0].fd = service->ends ? -1 : service->events;
		if (poll(polls, 2, service_pause(service, more)) < 0) {
			error("poll: %s", strerror(errno));
			return STATUS_ERROR;
		}
		service_signal(service);
	}
}

/**
 * service_run() - be the service, until a signal ends it
 * @interface: to the module, NULL for any
 * @config: the file to be read in place of all others; or NULL
 *
 * Return: exit status.
 */
int service_run(const struct interface *interface, const char *config)
{
	struct service service = {
		.interface = interface,
		.config = config,
		.events = epoll_create1(EPOLL_CLOEXEC),
		.signals = signals_open(),
	};
	int status;

	STAILQ_INIT(&service.guards);
	if (service.events < 0 || service.signals < 0) {
		error("%s", error_text(errno));
		return STATUS_ERROR;
	}
	status = exec_open(EXEC_TIMEOUT, true);
	if (!status)
		status = service_configure(&service);
	if (!status) {
		supervisor_ready();
		status = service_loop(&service);
	}
	guards_free(&service.guards);
	return status;
}
