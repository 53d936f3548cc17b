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
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>

#include "command.h"
#include "event.h"
#include "exec.h"
#include "target.h"
#include "tool.h"

/* after how long a command that could not be started is tried again, in seconds */
#define RETRY	1

/* @event has a copy of its own of the path of the cgroup. */
struct job {
	struct event event;

	TAILQ_ENTRY(job) next;
};

enum stage {
	STAGE_IDLE,
	STAGE_RUNS,
	STAGE_TERMINATED,
	STAGE_KILLED,
};

/**
 * struct queue - the commands of a path
 * @path: as typed; two targets may have the same
 * @jobs: that wait, at most one for each level
 * @running: whose command runs, NULL if none
 * @stage: how far it is with that
 * @pid: of the shell, and the number of its process group
 * @over: the shell has ended, with @status, but not all of the group
 * @status: as of waitpid(2)
 * @until: when the next stage begins, or, without a command, the next is tried
 * @refused: since when fork(2) fails, 0 if it does not
 */
struct queue {
	const char *path;

	TAILQ_HEAD(, job) jobs;
	struct job *running;
	enum stage stage;
	pid_t pid;
	bool over;
	int status;
	double until;
	double refused;

	LIST_ENTRY(queue) next;
};

static LIST_HEAD(, queue) queues = LIST_HEAD_INITIALIZER(queues);

/**
 * struct exec - what holds for all commands
 * @command: what to run, NULL if nothing
 * @timeout: bound for each in seconds, INFINITY for none
 * @stop: when all that runs is to be ended
 * @stopped: that was so, and nothing is started any more
 */
static struct {
	const char *command;
	double timeout;
	double stop;
	bool stopped;
} exec = { .stop = INFINITY };

static double exec_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/**
 * exec_open() - prepare to run a command for each event
 * @command: what to run; it must stay where it is
 * @timeout: bound for each in seconds, 0 for none
 *
 * Return: exit status, after saying what is wrong.
 */
int exec_open(const char *command, double timeout)
{
	exec.command = command;
	exec.timeout = timeout > 0 ? timeout : INFINITY;
	if (command_open()) {
		error("/dev/null: %s", error_text(errno));
		return STATUS_ERROR;
	}
	/* whose parent has ended becomes a child of watch, and can be waited for */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return STATUS_OK;
}

static void job_free(struct job *job)
{
	free((char *)job->event.cgroup_path);
	free(job);
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

static struct queue *queue_get(const char *path)
{
	struct queue *queue;

	LIST_FOREACH(queue, &queues, next) {
		if (!strcmp(queue->path, path))
			return queue;
	}
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return NULL;
	queue->path = path;
	TAILQ_INIT(&queue->jobs);
	LIST_INSERT_HEAD(&queues, queue, next);
	return queue;
}

/* The one that waits for the same level as @event, no longer in the queue. */
static struct job *queue_take(struct queue *queue, const struct event *event)
{
	struct job *job;

	TAILQ_FOREACH(job, &queue->jobs, next) {
		if (job->event.target != event->target ||
		    strcmp(job->event.level, event->level))
			continue;
		TAILQ_REMOVE(&queue->jobs, job, next);
		return job;
	}
	return NULL;
}

/* Has the command run for @event; exit status, after saying what is wrong. */
int exec_add(const struct event *event)
{
	struct queue *queue = queue_get(event->target->path);
	uint64_t crossings = event->crossings;
	struct job *job;

	if (!queue)
		goto no_memory;
	job = queue_take(queue, event);
	if (job) {
		crossings += job->event.crossings;
		free((char *)job->event.cgroup_path);
	} else {
		job = malloc(sizeof(*job));
		if (!job)
			goto no_memory;
	}
	job->event = *event;
	job->event.crossings = crossings;
	if (event->cgroup_path)
		job->event.cgroup_path = strdup(event->cgroup_path);
	TAILQ_INSERT_TAIL(&queue->jobs, job, next);
	return STATUS_OK;

no_memory:
	error("out of memory");
	return STATUS_ERROR;
}

/* Starts the next command. */
static void queue_start(struct queue *queue)
{
	struct job *job = TAILQ_FIRST(&queue->jobs);
	double now = exec_now();
	int err;

	TAILQ_REMOVE(&queue->jobs, job, next);
	err = command_start(exec.command, &job->event, &queue->pid);
	if (!err) {
		queue->running = job;
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

/* The command and, if it was told to end, all of its group has ended. */
static void queue_end(struct queue *queue)
{
	int status = queue->status;

	/* all else was said when it was told to */
	if (queue->stage == STAGE_RUNS && WIFEXITED(status) &&
	    WEXITSTATUS(status))
		job_error(queue->running, "ended with status %d",
			  WEXITSTATUS(status));
	else if (queue->stage == STAGE_RUNS && WIFSIGNALED(status))
		job_error(queue->running, "killed by signal %d",
			  WTERMSIG(status));
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
	struct job *job;

	while ((job = TAILQ_FIRST(&queue->jobs))) {
		TAILQ_REMOVE(&queue->jobs, job, next);
		job_error(job, "not run");
		job_free(job);
	}
	if (queue->stage == STAGE_RUNS) {
		job_error(queue->running, "ended before it was done");
		queue_signal(queue, SIGTERM, STAGE_TERMINATED);
	}
}

/* Starts and ends what is to be; to be called at each SIGCHLD, too. */
void exec_run(void)
{
	double now = exec_now();
	struct queue *queue;

	if (!exec.command)
		return;
	exec_reap();
	if (now >= exec.stop && !exec.stopped) {
		exec.stopped = true;
		LIST_FOREACH(queue, &queues, next)
			queue_stop(queue);
	}
	LIST_FOREACH(queue, &queues, next) {
		if (queue->running && now >= queue->until)
			queue_hurry(queue);
		else if (!queue->running && !TAILQ_EMPTY(&queue->jobs) &&
			 now >= queue->until)
			queue_start(queue);
	}
}

/* Milliseconds until exec_run() has to be called in any case, -1 for none. */
int exec_pause(void)
{
	double until = exec.stopped ? INFINITY : exec.stop;
	double pause;
	struct queue *queue;

	LIST_FOREACH(queue, &queues, next) {
		if ((queue->running || !TAILQ_EMPTY(&queue->jobs)) &&
		    queue->until < until)
			until = queue->until;
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
		if (queue->running || !TAILQ_EMPTY(&queue->jobs))
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
