// SPDX-License-Identifier: GPL-2.0
/*
 * One command runs at a time, in the order of the events, so that "down"
 * cannot overtake "up"; the rest waits in a queue. When that is long no more
 * events are to be read: the kernel goes on counting them.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event.h"
#include "exec.h"
#include "target.h"
#include "text.h"
#include "tool.h"

#define QUEUE_LONG	1024

/* @event has a copy of its own of the path of the cgroup. */
struct job {
	struct event event;

	STAILQ_ENTRY(job) next;
};

static STAILQ_HEAD(, job) queue = STAILQ_HEAD_INITIALIZER(queue);
static unsigned int queue_length;
static pid_t running;

/* NULL for what is not known, and may be set from the event before. */
static void set_text(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void set_number(const char *name, bool known, uint64_t value)
{
	char buf[TEXT_SIZE];

	snprintf(buf, sizeof(buf), "%" PRIu64, value);
	set_text(name, known ? buf : NULL);
}

static void set_environment(const struct event *event)
{
	char buf[TEXT_SIZE];

	set_text("TMPFSWARN_PATH", event->target->path);
	set_text("TMPFSWARN_DEVICE", event->target->device);
	set_text("TMPFSWARN_LEVEL", event->level);
	set_text("TMPFSWARN_DIRECTION", event->up ? "up" : "down");
	set_text("TMPFSWARN_TIME", text_utc_time(buf, &event->time));
	set_number("TMPFSWARN_USED", true, event->used);
	set_number("TMPFSWARN_SIZE", true, event->size);
	set_number("TMPFSWARN_CROSSINGS", true, event->crossings);
	set_number("TMPFSWARN_PID", event->pid, event->pid);
	set_number("TMPFSWARN_UID", event->who, event->uid);
	set_text("TMPFSWARN_COMM", event->who ? event->comm : NULL);
	set_number("TMPFSWARN_CGROUP", event->cgroup, event->cgroup);
	set_text("TMPFSWARN_CGROUP_PATH", event->cgroup_path);
}

static void exec_spawn(const char *command, const struct event *event)
{
	char shell[] = "sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)command, NULL };
	posix_spawnattr_t attributes;
	sigset_t signals;
	int err;

	set_environment(event);
	/* watch blocks signals, to read them, and ignores SIGPIPE */
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
					      POSIX_SPAWN_SETSIGDEF);
	sigemptyset(&signals);
	posix_spawnattr_setsigmask(&attributes, &signals);
	sigaddset(&signals, SIGPIPE);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	err = posix_spawn(&running, "/bin/sh", NULL, &attributes, argv,
			  environ);
	posix_spawnattr_destroy(&attributes);
	if (err) {
		running = 0;
		error("/bin/sh: %s", strerror(err));
	}
}

static void exec_reap(void)
{
	int status;

	if (!running || waitpid(running, &status, WNOHANG) != running)
		return;
	running = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status))
		error("command ended with status %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		error("command killed by signal %d", WTERMSIG(status));
}

int exec_add(const struct event *event)
{
	struct job *job = malloc(sizeof(*job));

	if (!job)
		goto no_memory;
	job->event = *event;
	if (event->cgroup_path) {
		job->event.cgroup_path = strdup(event->cgroup_path);
		if (!job->event.cgroup_path)
			goto no_memory;
	}
	STAILQ_INSERT_TAIL(&queue, job, next);
	queue_length++;
	return STATUS_OK;

no_memory:
	free(job);
	error("out of memory");
	return STATUS_ERROR;
}

/* Starts the next command if none runs; to be called at each SIGCHLD. */
void exec_run(const char *command)
{
	exec_reap();
	while (!running && queue_length) {
		struct job *job = STAILQ_FIRST(&queue);

		STAILQ_REMOVE_HEAD(&queue, next);
		queue_length--;
		exec_spawn(command, &job->event);
		free((char *)job->event.cgroup_path);
		free(job);
	}
}

bool exec_is_behind(void)
{
	return queue_length >= QUEUE_LONG;
}

bool exec_is_idle(void)
{
	return !running && !queue_length;
}
