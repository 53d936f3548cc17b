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

struct job {
	struct event event;

	STAILQ_ENTRY(job) next;
};

static STAILQ_HEAD(, job) queue = STAILQ_HEAD_INITIALIZER(queue);
static unsigned int queue_length;
static pid_t running;

static void set_number(const char *name, uint64_t value)
{
	char buf[TEXT_SIZE];

	snprintf(buf, sizeof(buf), "%" PRIu64, value);
	setenv(name, buf, 1);
}

static void exec_spawn(const char *command, const struct event *event)
{
	char shell[] = "sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)command, NULL };
	posix_spawnattr_t attributes;
	char buf[TEXT_SIZE];
	sigset_t signals;
	int err;

	setenv("TMPFSWARN_PATH", event->target->path, 1);
	setenv("TMPFSWARN_DEVICE", event->target->device, 1);
	setenv("TMPFSWARN_LEVEL", event->level, 1);
	setenv("TMPFSWARN_DIRECTION", event->up ? "up" : "down", 1);
	setenv("TMPFSWARN_TIME", text_utc_time(buf, &event->time), 1);
	set_number("TMPFSWARN_USED", event->used);
	set_number("TMPFSWARN_SIZE", event->size);

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

	if (!job) {
		error("out of memory");
		return STATUS_ERROR;
	}
	job->event = *event;
	STAILQ_INSERT_TAIL(&queue, job, next);
	queue_length++;
	return STATUS_OK;
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
