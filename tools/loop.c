// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cgroup.h"
#include "event.h"
#include "exec.h"
#include "output.h"
#include "signals.h"
#include "tool.h"
#include "watch.h"

static void loop_end(struct watch *watch, int status)
{
	if (!watch->done)
		watch->status = status;
	watch->done = true;
}

/* Ends watch early. Commands have @seconds more. */
static void loop_hurry(struct watch *watch, double seconds)
{
	watch->done = true;
	watch->hurried = true;
	exec_stop(seconds);
}

static void loop_signal(struct watch *watch)
{
	int number = signals_read(watch->polls[POLL_SIGNAL].fd);

	if (!number || number == SIGCHLD)
		return;
	/* whoever says it twice does not want to wait */
	if (watch->signal)
		exec_kill();
	watch->signal = number;
	loop_hurry(watch, 0);
}

static void loop_timeout(struct watch *watch)
{
	watch->polls[POLL_TIMER].fd = -1;
	/* unless commands are left of what has ended otherwise */
	if (watch->status == STATUS_OK)
		watch->status = STATUS_TIMEOUT;
	loop_hurry(watch, EXEC_GRACE);
}

/*
 * The reader of a pipe has closed it, a terminal is gone. Where only lines were
 * asked for that is the end, and success unless it was said how many.
 */
static void loop_closed(struct watch *watch)
{
	if (watch->bounded)
		watch->signal = SIGPIPE;
	watch->status = STATUS_OK;
	loop_hurry(watch, 0);
}

/* Writes what was printed, as far as nobody has to be waited for. */
static void loop_push(struct watch *watch)
{
	int err = output_push();

	if (!err || watch->hurried)
		return;
	if (err == EPIPE) {
		loop_closed(watch);
		return;
	}
	error("standard output: %s", strerror(err));
	watch->status = STATUS_ERROR;
	loop_hurry(watch, 0);
}

/* True if there is a level that was not told and will not be. */
static bool loop_has_left(const struct watch *watch)
{
	size_t i;

	for (i = 0; i < watch->follow.nr_targets; i++) {
		if (target_is_live(watch->follow.targets[i]))
			return true;
	}
	return false;
}

static void loop_tell(struct watch *watch, struct event *event)
{
	int status = STATUS_OK;

	if (event->cgroup && (watch->json || watch->command))
		event->cgroup_path = cgroup_path(event->cgroup, event->pid);
	event_print(event, watch->json);
	if (watch->command && event_is_crossing(event))
		status = exec_add(event->target->path, watch->command,
				  event);
	if (status) {
		loop_end(watch, status);
		return;
	}
	if (event_is_crossing(event) && !--watch->count)
		loop_end(watch, STATUS_OK);
	else if (follow_is_over(&watch->follow))
		loop_end(watch, loop_has_left(watch) ? STATUS_GONE : STATUS_OK);
}

/* One event at a time, so that a signal or the timeout comes in between. */
static void loop_read(struct watch *watch)
{
	struct event event;
	int nr = follow_next(&watch->follow, &event);

	/* where a file system hangs there is a pause */
	watch->more = nr > 0 || (watch->follow.look && !watch->follow.hung);
	if (nr > 0)
		loop_tell(watch, &event);
	else if (nr < 0)
		loop_end(watch, STATUS_ERROR);
}

/* True if nothing has to be waited for any more. */
static bool loop_is_over(const struct watch *watch)
{
	return watch->done && exec_is_idle() &&
	       (watch->hurried || !output_is_waiting());
}

/* How long to wait, in milliseconds. */
static int loop_pause(const struct watch *watch, bool reads)
{
	if (reads && watch->more)
		return 0;
	/* only the last lines are left, which may be lost */
	if (watch->command && watch->done && exec_is_idle())
		return EXEC_GRACE * 1000;
	return exec_pause();
}

static int loop_set_up(struct watch *watch)
{
	struct itimerspec time = { };
	int i;

	watch->polls[POLL_TIMER].fd = timerfd_create(CLOCK_MONOTONIC,
						     TFD_CLOEXEC);
	if (watch->polls[POLL_TIMER].fd < 0)
		return -1;
	for (i = 0; i < POLL_STDOUT; i++)
		watch->polls[i].events = POLLIN;
	watch->polls[POLL_STDOUT].fd = STDOUT_FILENO;

	if (watch->timeout >= 0) {
		time.it_value.tv_sec = watch->timeout;
		time.it_value.tv_nsec =
			(watch->timeout - time.it_value.tv_sec) * 1e9;
		/* a time of 0 would stop the clock */
		if (!time.it_value.tv_sec && !time.it_value.tv_nsec)
			time.it_value.tv_nsec = 1;
	}
	return timerfd_settime(watch->polls[POLL_TIMER].fd, 0, &time, NULL);
}

/**
 * loop_run() - tell what becomes of all that was registered
 * @watch: has a session, and its signals are read
 *
 * Return: exit status, unless it is to die of @watch's signal.
 */
int loop_run(struct watch *watch)
{
	struct pollfd *polls = watch->polls;

	if (loop_set_up(watch)) {
		error("%s", error_text(errno));
		return STATUS_ERROR;
	}
	/* registering may have read some */
	watch->more = true;
	for (;;) {
		bool reads;
		int nr;

		exec_run();
		loop_push(watch);
		if (loop_is_over(watch))
			return watch->status;

		/* the kernel counts on for a reader of lines, but not of actions */
		reads = !watch->done &&
			(watch->command || !output_is_waiting());
		polls[POLL_EVENTS].fd = reads ? watch->follow.fd : -1;
		polls[POLL_STDOUT].events = output_is_waiting() ? POLLOUT : 0;
		nr = poll(polls, POLLS, loop_pause(watch, reads));
		if (nr < 0) {
			error("poll: %s", strerror(errno));
			return STATUS_ERROR;
		}
		if (!nr && watch->done && exec_is_idle())
			output_discard();
		if (polls[POLL_SIGNAL].revents)
			loop_signal(watch);
		if ((polls[POLL_EVENTS].revents || (reads && watch->more)) &&
		    !watch->done)
			loop_read(watch);
		if (polls[POLL_TIMER].revents)
			loop_timeout(watch);
		if (polls[POLL_STDOUT].revents & ~POLLOUT) {
			polls[POLL_STDOUT].fd = -1;
			if (!watch->command && !watch->done)
				loop_closed(watch);
		}
	}
}

