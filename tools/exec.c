// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "command.h"
#include "event.h"
#include "exec.h"
#include "queue.h"
#include "target.h"
#include "tool.h"

/* after how long a command that could not be started is tried again, in seconds */
#define RETRY	1

/**
 * struct exec - what holds for all commands
 * @open: commands may be run
 * @service: the log says of each that it runs, and when it has ended; and one that
 *	fails has the next of its queue wait
 * @latest: of a queue no more than one waits, whatever it is for
 * @timeout: bound for each in seconds, INFINITY for none
 * @stop: when all that runs is to be ended
 * @stopped: that was so, and nothing is started any more
 */
static struct {
	bool open;
	bool service;
	bool latest;
	double timeout;
	double stop;
	bool stopped;
} exec = { .stop = INFINITY };

/* Seconds of CLOCK_MONOTONIC. */
double exec_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/**
 * exec_open() - prepare to run commands
 * @timeout: bound for each in seconds, 0 for none
 * @service: see struct exec
 *
 * Return: exit status, after saying what is wrong.
 */
int exec_open(double timeout, bool service)
{
	exec.open = true;
	exec.service = service;
	exec.timeout = timeout > 0 ? timeout : INFINITY;
	if (command_open()) {
		error("/dev/null: %s", error_text(errno));
		return STATUS_ERROR;
	}
	/* whose parent has ended becomes a child of watch, and can be waited for */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return STATUS_OK;
}

/* Of what comes while a command of a queue runs only the latest event is left. */
void exec_latest(void)
{
	exec.latest = true;
}

static void __attribute__((format(printf, 2, 3)))
job_error(const struct job *job, const char *format, ...)
{
	const struct event *event = &job->event;
	char text[256], what[EVENT_WHAT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error("%s %s: command %s", event->target->name,
	      event_what(what, event), text);
}

/**
 * exec_begin() - prepare a queue of the service, which exec_end() is to end
 * @name: of the queue
 * @pause: between two commands for the same mount, in seconds
 * @alike: or between two of the same text, for whichever mount and in whichever queue
 *
 * Return: false if there is no memory.
 */
bool exec_begin(const char *name, double pause, bool alike)
{
	struct queue *queue = queue_get(name);

	if (!queue)
		return false;
	queue_pauses(queue, pause, alike);
	return true;
}

/**
 * exec_add() - have a command run for an event
 * @name: of the queue
 * @command: for a shell
 * @event: which; a copy is kept
 *
 * Return: exit status, after saying what is wrong.
 */
int exec_add(const char *name, const char *command, const struct event *event)
{
	struct queue *queue = queue_get(name);
	struct job *job = queue ? job_new(command, event) : NULL, *before;

	if (!job) {
		error("out of memory");
		return STATUS_ERROR;
	}
	before = exec.latest ? TAILQ_FIRST(&queue->jobs) :
			       queue_find_job(queue, event);
	if (before)
		job->event.crossings += before->event.crossings;
	/* of what comes all the time none is to be the last for ever */
	if (before && exec.service)
		TAILQ_INSERT_AFTER(&queue->jobs, before, job, next);
	else
		TAILQ_INSERT_TAIL(&queue->jobs, job, next);
	if (before)
		queue_drop_job(queue, before);
	return STATUS_OK;
}

/*
 * Usage has gone where @event says: what has not begun for its level is run only while
 * it is so. If that is @told, what waits is over for good.
 */
void exec_hold(const char *name, const struct event *event, bool told)
{
	struct queue *queue = queue_find(name);
	struct job *job = queue ? queue_find_job(queue, event) : NULL;

	if (!job)
		return;
	job->late = job->event.up != event->up;
	job->over |= told && job->late;
}

/*
 * Runs nothing for @level of @path that has not begun: others of its levels may have been
 * reached on what is there now.
 */
void exec_drop(const char *name, const char *path, const char *level)
{
	struct queue *queue = queue_find(name);
	struct job *job, *following;

	if (!queue)
		return;
	for (job = TAILQ_FIRST(&queue->jobs); job; job = following) {
		following = TAILQ_NEXT(job, next);
		if (!strcmp(job->target.path, path) &&
		    !strcmp(job->event.level, level))
			queue_drop_job(queue, job);
	}
	queue_forgive(queue, path);
}

/* Nothing of @queue that has not begun runs any more. */
static void queue_clear(struct queue *queue)
{
	struct job *job;

	while ((job = TAILQ_FIRST(&queue->jobs))) {
		if (!job->late && !job->over)
			job_error(job, "not run");
		queue_drop_job(queue, job);
	}
}

/* There is no queue of that name any more once what runs has ended. */
void exec_end(const char *name)
{
	struct queue *queue = queue_find(name);

	if (!queue)
		return;
	queue_clear(queue);
	queue->dropped = true;
	if (!queue->running)
		queue_free(queue);
}

/* What has not begun runs as @command says now, or not at all where that is NULL. */
void exec_change(const char *name, exec_command *command, const void *data)
{
	struct queue *queue = queue_find(name);
	struct job *job, *following;

	for (job = queue ? TAILQ_FIRST(&queue->jobs) : NULL; job; job = following) {
		following = TAILQ_NEXT(job, next);
		free(job->command);
		job->command = command(data, &job->event);
		if (!job->command)
			queue_drop_job(queue, job);
	}
	if (queue)
		queue_forgive(queue, NULL);
}

/* Starts the next command, which is @job's. */
static void queue_start(struct queue *queue, struct job *job, double now)
{
	int err;

	TAILQ_REMOVE(&queue->jobs, job, next);
	err = command_start(job->command, &job->event, &queue->pid);
	if (!err) {
		if (exec.service)
			job_error(job, "started, process %d", queue->pid);
		queue->running = job;
		queue->begun = now;
		queue_begun(queue, job, now);
		queue->stage = STAGE_RUNS;
		queue->over = false;
		queue->until = now + exec.timeout;
		queue->refused = 0;
		return;
	}
	if (!queue->refused) {
		queue->refused = now;
		job_error(job, "not started: %s", error_text(err));
	}
	/* where a tmpfs is full there may be little memory for a while */
	if ((err == EAGAIN || err == ENOMEM || err == ENFILE) &&
	    now - queue->refused < exec.timeout) {
		TAILQ_INSERT_HEAD(&queue->jobs, job, next);
		queue->until = now + RETRY;
		return;
	}
	queue->refused = 0;
	if (exec.service)
		queue_rest(queue, job, true, now);
	job_free(job);
}

/* Ends what runs; the group is there as long as not all of it was waited for. */
static void queue_signal(struct queue *queue, int number, enum stage stage)
{
	kill(-queue->pid, number);
	/* what is stopped would not see another signal */
	kill(-queue->pid, SIGCONT);
	queue->stage = stage;
	queue->until = exec_now() + EXEC_GRACE;
}

/* The service says how each has ended, watch what is wrong alone. */
static void queue_say_end(const struct queue *queue)
{
	double duration = exec_now() - queue->begun;
	int status = queue->status;

	/* all else was said when it was told to */
	if (queue->stage != STAGE_RUNS)
		return;
	if (exec.service && WIFEXITED(status))
		job_error(queue->running, "ended with status %d after %.1f s",
			  WEXITSTATUS(status), duration);
	else if (exec.service)
		job_error(queue->running, "killed by signal %d after %.1f s",
			  WTERMSIG(status), duration);
	else if (WIFEXITED(status) && WEXITSTATUS(status))
		job_error(queue->running, "ended with status %d",
			  WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		job_error(queue->running, "killed by signal %d",
			  WTERMSIG(status));
}

/* The command and, if it was told to end, all of its group has ended. */
static void queue_end(struct queue *queue)
{
	bool failed = queue->stage != STAGE_RUNS || queue->status;

	queue_say_end(queue);
	if (exec.service)
		queue_rest(queue, queue->running, failed, exec_now());
	job_free(queue->running);
	queue->running = NULL;
	queue->stage = STAGE_IDLE;
	queue->until = 0;
}

/* The time is over that the stage may take. */
static void queue_hurry(struct queue *queue)
{
	if (queue->stage == STAGE_RUNS) {
		job_error(queue->running, "ended, not done after %.16g seconds",
			  exec.timeout);
		queue_signal(queue, SIGTERM, STAGE_TERMINATED);
	} else if (queue->stage == STAGE_TERMINATED) {
		job_error(queue->running, "killed, not ended by SIGTERM");
		queue_signal(queue, SIGKILL, STAGE_KILLED);
	} else {
		/* in the kernel; nothing can be done, nor should more pile up */
		queue->until = INFINITY;
	}
}

/* True if all of the group of a shell that has ended has ended, too. */
static bool queue_is_over(const struct queue *queue)
{
	siginfo_t info;

	return queue->stage == STAGE_RUNS ||
	       (waitid(P_PGID, queue->pid, &info,
		       WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD);
}

static void exec_reap(void)
{
	struct queue *queue;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		LIST_FOREACH(queue, &queues, next) {
			if (!queue->running || queue->over || queue->pid != pid)
				continue;
			queue->over = true;
			queue->status = status;
		}
	}
	LIST_FOREACH(queue, &queues, next) {
		if (queue->running && queue->over && queue_is_over(queue))
			queue_end(queue);
	}
}

static void queue_stop(struct queue *queue)
{
	queue_clear(queue);
	if (queue->stage == STAGE_RUNS) {
		job_error(queue->running, "ended before it was done");
		queue_signal(queue, SIGTERM, STAGE_TERMINATED);
	}
}

/* Starts and ends what is to be; to be called at each SIGCHLD, too. */
void exec_run(void)
{
	struct queue *queue, *following;
	double now = exec_now();

	if (!exec.open)
		return;
	exec_reap();
	if (now >= exec.stop && !exec.stopped) {
		exec.stopped = true;
		LIST_FOREACH(queue, &queues, next)
			queue_stop(queue);
	}
	for (queue = LIST_FIRST(&queues); queue; queue = following) {
		struct job *job = queue->running ? NULL : queue_next(queue, now);

		following = LIST_NEXT(queue, next);
		if (queue->running && now >= queue->until)
			queue_hurry(queue);
		else if (!queue->running && queue->dropped)
			queue_free(queue);
		else if (job)
			queue_start(queue, job, now);
	}
}

/* Milliseconds until exec_run() has to be called in any case, -1 for none. */
int exec_pause(void)
{
	double until = exec.stopped ? INFINITY : exec.stop;
	double pause;
	struct queue *queue;

	LIST_FOREACH(queue, &queues, next) {
		double due = queue->running ? queue->until : queue_due(queue);

		if (due < until)
			until = due;
	}
	if (isinf(until))
		return -1;
	pause = (until - exec_now()) * 1e3;
	/* not shorter, or it would be looked in vain */
	return pause < 0 ? 0 : pause < INT_MAX ? (int)pause + 1 : INT_MAX;
}

/* True if nothing runs or waits, but for what cannot be killed. */
bool exec_is_idle(void)
{
	struct queue *queue;

	LIST_FOREACH(queue, &queues, next) {
		if (queue->stage == STAGE_KILLED && isinf(queue->until))
			continue;
		if (queue->running || queue_waits(queue))
			return false;
	}
	return true;
}

/* Ends all commands after @seconds, and starts none any more then. */
void exec_stop(double seconds)
{
	double stop = exec_now() + seconds;

	if (stop < exec.stop)
		exec.stop = stop;
}

/* Kills all commands, to be waited for no longer. */
void exec_kill(void)
{
	struct queue *queue;

	exec_stop(0);
	exec_run();
	LIST_FOREACH(queue, &queues, next) {
		if (!queue->running)
			continue;
		queue_signal(queue, SIGKILL, STAGE_KILLED);
		queue->until = INFINITY;
	}
}
