// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "config.h"
#include "delay.h"
#include "exec.h"
#include "fstab.h"
#include "guard.h"
#include "interface.h"
#include "notice.h"
#include "origin.h"
#include "section.h"
#include "service.h"
#include "signals.h"
#include "supervisor.h"
#include "textfile.h"
#include "tool.h"
#include "wakeup.h"

/* after how long the module is looked for again, in seconds */
#define RETRY	10

/* the first pause before sections are begun again, and the longest, likewise */
#define DELAY	1
#define DELAY_MAX	10

/* so many times the events of a section are taken before others have their turn */
#define TURNS	16

/**
 * struct service - all that the service knows
 * @interface: asked for, or NULL
 * @origin: of the configuration
 * @guards: a section each
 * @waiting: sections that wait for the module, or have failed
 * @missing: the module is, which was said
 * @delay: how long they wait after a failure, 0 if there was none
 * @calm: when there has been none for so long that the next is as the first
 * @again: when they are begun, INFINITY if none waits
 * @events: polled for all of them
 * @signals: read from here
 * @timer: for reminders, of CLOCK_BOOTTIME, which poll(2) does not know
 * @reminds: when it goes off, INFINITY for never
 * @textfile: metrics go there
 * @ends: only commands are waited for
 */
struct service {
	const struct interface *interface;
	const struct origin *origin;
	struct guards guards;
	struct sections waiting;
	bool missing;
	double delay;
	double calm;
	double again;
	int events;
	int signals;
	int timer;
	double reminds;
	struct textfile textfile;
	bool ends;
};

/* ---- the configuration ---- */

static struct guard *guards_find(const struct guards *guards,
				 const struct section *section)
{
	struct guard *guard;

	STAILQ_FOREACH(guard, guards, next) {
		if (guard->section->glob == section->glob &&
		    !strcmp(guard->section->name, section->name))
			break;
	}
	return guard;
}

static void guards_end(struct guards *guards)
{
	struct guard *guard;

	while ((guard = STAILQ_FIRST(guards))) {
		STAILQ_REMOVE_HEAD(guards, next);
		guard_end(guard);
	}
}

/* Takes events of @guard, at most so many @turns: some may come all the time; as guard_run(). */
static int service_take(struct guard *guard, size_t turns)
{
	int nr = 1;

	for (; turns && nr > 0; turns--) {
		nr = guard_run(guard);
		supervisor_run();
	}
	return nr;
}

/* Begins a guard for @section, which is its own then; NULL after saying why not. */
static struct guard *service_begin(struct service *service,
				   struct section *section)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct guard *guard = guard_new(section, service->interface);

	if (guard && !epoll_ctl(service->events, EPOLL_CTL_ADD, guard->follow.fd, &event))
		return guard;
	if (guard) {
		error("%s", error_text(errno));
		guard_release(guard);
	}
	error("[%s]: not begun", section->name);
	return NULL;
}

/* Begins all that waits, but what cannot be begun, of which it is said why; false then. */
static bool service_begin_all(struct service *service, struct guards *begun)
{
	struct sections failed = STAILQ_HEAD_INITIALIZER(failed);
	struct section *section;
	struct guard *guard;

	while ((section = STAILQ_FIRST(&service->waiting))) {
		STAILQ_REMOVE_HEAD(&service->waiting, next);
		guard = service_begin(service, section);
		if (guard)
			STAILQ_INSERT_TAIL(begun, guard, next);
		else
			STAILQ_INSERT_TAIL(&failed, section, next);
	}
	STAILQ_CONCAT(&service->waiting, &failed);
	return STAILQ_EMPTY(&service->waiting);
}

/* What waits has failed, and is begun again, each time after longer where it fails soon. */
static void service_begin_later(struct service *service)
{
	double now = exec_now();

	/* others have failed just now: it is one failure */
	if (service->again > now && !isinf(service->again))
		return;
	if (now >= service->calm)
		service->delay = 0;
	service->delay = delay_after(service->delay, DELAY, DELAY_MAX);
	service->again = now + service->delay;
	service->calm = service->again + DELAY_MAX;
}

/* An error of @guard is none of the others. */
static void service_fail(struct service *service, struct guard *guard)
{
	struct section *section;

	STAILQ_REMOVE(&service->guards, guard, guard, next);
	section = guard_release(guard);
	STAILQ_INSERT_TAIL(&service->waiting, section, next);
	service_begin_later(service);
	error("[%s]: begins again in %.0f s", section->name, ceil(service->again - exec_now()));
}

/*
 * Ends the sections that the service has no longer. What has come for them is told
 * as they say, and what may run at once begins. What waits for For= or for another
 * command does not, as nobody asks for it any more; of commands that is said.
 */
static void service_end_all(struct guards *guards)
{
	struct guard *guard;

	STAILQ_FOREACH(guard, guards, next)
		service_take(guard, guard_turns(guard));
	exec_run();
	guards_end(guards);
}

/* Moves those of @sections that the service has not begun to @unknown. */
static void service_divide(const struct service *service,
			   struct sections *sections, struct sections *unknown)
{
	struct sections known = STAILQ_HEAD_INITIALIZER(known);
	struct section *section;

	while ((section = STAILQ_FIRST(sections))) {
		STAILQ_REMOVE_HEAD(sections, next);
		if (guards_find(&service->guards, section))
			STAILQ_INSERT_TAIL(&known, section, next);
		else
			STAILQ_INSERT_TAIL(unknown, section, next);
	}
	STAILQ_CONCAT(sections, &known);
}

/* Begins what waits if the module is there; false after saying why some begins later. */
static bool service_try(struct service *service, struct guards *begun)
{
	const char *why = NULL;
	bool good = true;

	service->again = INFINITY;
	if (!STAILQ_EMPTY(&service->waiting) &&
	    !interface_choose(service->interface, &why)) {
		service->again = exec_now() + RETRY;
		if (!service->missing)
			error("%s; looking for it every %d seconds", why, RETRY);
		service->missing = true;
	} else {
		service->missing = false;
		good = service_begin_all(service, begun);
		if (!good)
			service_begin_later(service);
	}
	supervisor_status(service->missing ? why : NULL);
	return good;
}

/*
 * Has each guard do as the section of @sections says that has its name, and ends
 * those that there is none for. What has come until then is told as the sections
 * before say, see guard_turns(): of what comes meanwhile one that stays tells as it
 * says by then, and one that ends no longer.
 */
static void service_change(struct service *service, struct sections *sections)
{
	struct guards kept = STAILQ_HEAD_INITIALIZER(kept);
	struct section *section;
	struct guard *guard;

	while ((section = STAILQ_FIRST(sections))) {
		STAILQ_REMOVE_HEAD(sections, next);
		guard = guards_find(&service->guards, section);
		STAILQ_REMOVE(&service->guards, guard, guard, next);
		STAILQ_INSERT_TAIL(&kept, guard, next);
		/* what is wrong with it is found again */
		service_take(guard, guard_turns(guard));
		guard_change(guard, section);
	}
	service_end_all(&service->guards);
	STAILQ_CONCAT(&service->guards, &kept);
}

/*
 * Does as @sections say from now on, which are then the service's. What cannot be begun
 * is begun later, but at @first, when whoever starts the service can be told. Exit status,
 * after saying what is wrong.
 */
static int service_apply(struct service *service, struct sections *sections,
			 bool first)
{
	struct guards begun = STAILQ_HEAD_INITIALIZER(begun);
	struct guard *guard;

	sections_free(&service->waiting);
	service_divide(service, sections, &service->waiting);
	service->delay = 0;
	/* before others end, which may be these with another name */
	if (!service_try(service, &begun) && first) {
		guards_end(&begun);
		return STATUS_ERROR;
	}
	service_change(service, sections);
	STAILQ_CONCAT(&service->guards, &begun);
	/* whoever is told that the service is ready finds all watched */
	STAILQ_FOREACH(guard, &service->guards, next)
		service_take(guard, TURNS);
	if (STAILQ_EMPTY(&service->guards) && STAILQ_EMPTY(&service->waiting))
		error(SERVICE_IDLE);
	return STATUS_OK;
}

/* Reads the configuration, and does as it says; exit status. */
static int service_configure(struct service *service, bool first)
{
	struct sections sections = STAILQ_HEAD_INITIALIZER(sections);
	struct settings settings = { };
	int status, unread;

	status = origin_read(service->origin, &sections, &settings);
	unread = status ? STATUS_OK :
			  fstab_read(&sections, service->origin->user);
	/* at first there is nothing that could stay as it was */
	if (!status && (!first || unread != STATUS_CONFIG))
		status = unread;
	if (!status)
		status = service_apply(service, &sections, first);
	if (!status)
		textfile_change(&service->textfile, &settings);
	sections_free(&sections);
	settings_free(&settings);
	return status;
}

static void service_reload(struct service *service)
{
	/* once more, of a signal that has come since they were looked for */
	supervisor_reloading();
	if (service_configure(service, false))
		error("the configuration stays as it was");
	else
		error("the configuration was read again");
	supervisor_ready();
}

/* ---- at work ---- */

static void service_end(struct service *service)
{
	struct guard *guard;

	/* commands may take their time to end, or systemd kills what does not */
	STAILQ_FOREACH(guard, &service->guards, next)
		guard_flush(guard);
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

	/* before it is taken, for which ExecReload= of the unit waits */
	if (signals_pending(SIGHUP) && !service->ends)
		supervisor_reloading();
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
	if (service->again < until && !service->ends)
		until = service->again;
	if (service->textfile.due < until && !service->ends)
		until = service->textfile.due;
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

/* Has the timer go off when there is something to remind of. */
static void service_set_timer(struct service *service)
{
	struct itimerspec time = { };
	double until = INFINITY;
	struct guard *guard;

	STAILQ_FOREACH(guard, &service->guards, next) {
		double due = notice_until(guard);

		if (due < until)
			until = due;
	}
	if (until == service->reminds)
		return;
	service->reminds = until;
	if (!isinf(until)) {
		time.it_value.tv_sec = until;
		time.it_value.tv_nsec = (until - time.it_value.tv_sec) * 1e9;
	}
	timerfd_settime(service->timer, TFD_TIMER_ABSTIME, &time, NULL);
}

/* Events of each section have a turn; true if there may be more. */
static bool service_take_all(struct service *service)
{
	struct guard *guard, *following;
	bool more = false;

	for (guard = STAILQ_FIRST(&service->guards); guard; guard = following) {
		int nr = service_take(guard, TURNS);

		following = STAILQ_NEXT(guard, next);
		if (nr < 0)
			service_fail(service, guard);
		more |= nr > 0;
	}
	return more;
}

static int service_loop(struct service *service)
{
	struct pollfd polls[] = {
		{ .fd = service->events, .events = POLLIN },
		{ .fd = service->signals, .events = POLLIN },
		{ .fd = service->timer, .events = POLLIN },
	};

	for (;;) {
		bool more = false;

		if (!service->ends) {
			if (exec_now() >= service->again)
				service_try(service, &service->guards);
			more = service_take_all(service);
		}
		/* as late as can be: what has been read may say that it is no longer so */
		exec_run();
		supervisor_run();
		if (!service->ends)
			textfile_run(&service->textfile, &service->guards,
				     service->interface);
		if (service->ends && exec_is_idle())
			return STATUS_OK;
		service_set_timer(service);
		polls[0].fd = service->ends ? -1 : service->events;
		polls[2].fd = service->ends ? -1 : service->timer;
		if (poll(polls, 3, service_pause(service, more)) < 0) {
			error("poll: %s", strerror(errno));
			return STATUS_ERROR;
		}
		if (polls[2].revents)
			wakeup_drain(service->timer);
		service_signal(service);
	}
}

/**
 * service_run() - be the service, until a signal ends it
 * @interface: to the module, NULL for any
 * @origin: of the configuration
 *
 * Return: exit status.
 */
int service_run(const struct interface *interface, const struct origin *origin)
{
	struct service service = {
		.interface = interface,
		.origin = origin,
		.again = INFINITY,
		.textfile.due = INFINITY,
		.events = epoll_create1(EPOLL_CLOEXEC),
		.signals = signals_open(),
		.timer = timerfd_create(CLOCK_BOOTTIME,
					TFD_CLOEXEC | TFD_NONBLOCK),
		.reminds = INFINITY,
	};
	int status;

	STAILQ_INIT(&service.guards);
	STAILQ_INIT(&service.waiting);
	if (service.events < 0 || service.signals < 0 || service.timer < 0) {
		error("%s", error_text(errno));
		return STATUS_ERROR;
	}
	status = exec_open(EXEC_TIMEOUT, true);
	if (!status)
		status = service_configure(&service, true);
	if (!status) {
		supervisor_ready();
		status = service_loop(&service);
	}
	textfile_remove(&service.textfile);
	guards_end(&service.guards);
	sections_free(&service.waiting);
	return status;
}
