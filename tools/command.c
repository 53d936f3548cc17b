// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "event.h"
#include "level.h"
#include "target.h"
#include "text.h"

/* /dev/null */
static int null;

/* To be called before there is any; 0, or -1 and errno. */
int command_open(void)
{
	/* opened here, lest there be no number for it when it is needed */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return null < 0 ? -1 : 0;
}

/**
 * struct environment - of a command
 * @vector: as execve(2) takes it
 * @nr: how many it has
 * @nr_ours: so many at its begin are our own environment's
 * @failed: there is no memory
 */
struct environment {
	char **vector;
	size_t nr;
	size_t nr_ours;
	bool failed;
};

/*
 * Says what a command is for, which may be for something else than this process; or
 * what a service manager expects of this process alone.
 */
static const char *const hidden[] = {
	"TMPFSWARN_PATH", "TMPFSWARN_DEVICE", "TMPFSWARN_LEVEL",
	"TMPFSWARN_RESOURCE", "TMPFSWARN_DIRECTION", "TMPFSWARN_CAUSE",
	"TMPFSWARN_ASKED", "TMPFSWARN_TIME", "TMPFSWARN_USED",
	"TMPFSWARN_SIZE", "TMPFSWARN_CROSSINGS", "TMPFSWARN_PID",
	"TMPFSWARN_UID", "TMPFSWARN_COMM", "TMPFSWARN_CGROUP",
	"TMPFSWARN_CGROUP_PATH", "TMPFSWARN_REMINDER", "NOTIFY_SOCKET", "WATCHDOG_PID",
	"WATCHDOG_USEC",
};

#define HIDDEN	(sizeof(hidden) / sizeof(*hidden))

static bool is_hidden(const char *variable)
{
	size_t i, length = strcspn(variable, "=");

	for (i = 0; i < HIDDEN; i++) {
		if (strlen(hidden[i]) == length &&
		    !strncmp(hidden[i], variable, length))
			return true;
	}
	return false;
}

/* NULL for what is not known. */
static void set_text(struct environment *environment, const char *name,
		     const char *value)
{
	if (!value || environment->failed)
		return;
	if (asprintf(&environment->vector[environment->nr], "%s=%s", name,
		     value) < 0)
		environment->failed = true;
	else
		environment->nr++;
}

static void set_number(struct environment *environment, const char *name,
		       bool known, uint64_t value)
{
	char buf[TEXT_SIZE];

	snprintf(buf, sizeof(buf), "%" PRIu64, value);
	set_text(environment, name, known ? buf : NULL);
}

static void set_event(struct environment *environment, const struct event *event)
{
	char buf[TEXT_SIZE];

	set_text(environment, "TMPFSWARN_PATH", event->target->path);
	set_text(environment, "TMPFSWARN_DEVICE", event->target->device);
	set_text(environment, "TMPFSWARN_LEVEL", event->level);
	set_text(environment, "TMPFSWARN_RESOURCE",
		 level_resource_name(event->level));
	set_text(environment, "TMPFSWARN_DIRECTION",
		 event_is_refusal(event) ? NULL : event->up ? "up" : "down");
	set_text(environment, "TMPFSWARN_CAUSE",
		 *event->cause ? event->cause : NULL);
	set_number(environment, "TMPFSWARN_ASKED", event->asked, event->asked);
	set_text(environment, "TMPFSWARN_TIME",
		 text_utc_time(buf, &event->time));
	set_number(environment, "TMPFSWARN_USED", true, event->used);
	set_number(environment, "TMPFSWARN_SIZE", true, event->size);
	set_number(environment, "TMPFSWARN_CROSSINGS", true, event->crossings);
	set_number(environment, "TMPFSWARN_REMINDER", event->reminder,
		   event->reminder);
	set_number(environment, "TMPFSWARN_PID", event->pid, event->pid);
	set_number(environment, "TMPFSWARN_UID", event->who, event->uid);
	set_text(environment, "TMPFSWARN_COMM",
		 event->who ? event->comm : NULL);
	set_number(environment, "TMPFSWARN_CGROUP", event->cgroup,
		   event->cgroup);
	set_text(environment, "TMPFSWARN_CGROUP_PATH", event->cgroup_path);
}

static void environment_free(struct environment *environment)
{
	while (environment->nr > environment->nr_ours)
		free(environment->vector[--environment->nr]);
	free(environment->vector);
}

/* False if there is no memory. */
static bool environment_make(struct environment *environment,
			     const struct event *event)
{
	size_t i, nr;

	for (nr = 0; environ[nr]; nr++)
		;
	*environment = (struct environment){
		.vector = calloc(nr + HIDDEN + 1, sizeof(char *)),
	};
	if (!environment->vector)
		return false;
	for (i = 0; i < nr; i++) {
		if (!is_hidden(environ[i]))
			environment->vector[environment->nr_ours++] = environ[i];
	}
	environment->nr = environment->nr_ours;
	set_event(environment, event);
	if (!environment->failed)
		return true;
	environment_free(environment);
	return false;
}

/*
 * Where commands write to: standard error, as standard output is for the lines
 * of watch alone. One that is closed, or a pipe that nobody reads any more,
 * would kill the command at its first word.
 */
static int command_stderr(void)
{
	struct pollfd poll_ = { .fd = STDERR_FILENO };
	int flags = fcntl(STDERR_FILENO, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY ||
	    (poll(&poll_, 1, 0) > 0 && poll_.revents))
		return null;
	return STDERR_FILENO;
}

/**
 * command_start() - run a command for an event
 * @text: for the shell
 * @event: in its environment
 * @pid: set to its process, which leads a session and a process group
 *
 * A session of its own has no terminal that could stop it.
 *
 * Return: 0 or an errno.
 */
int command_start(const char *text, const struct event *event, pid_t *pid)
{
	char shell[] = "sh", option[] = "-c";
	char *argv[] = { shell, option, (char *)text, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	struct environment environment;
	int output = command_stderr();
	sigset_t signals;
	int err;

	if (!environment_make(&environment, event))
		return ENOMEM;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, null, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	/* watch blocks signals, to read them, and ignores two others */
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
					      POSIX_SPAWN_SETSIGDEF |
					      POSIX_SPAWN_SETSID);
	sigemptyset(&signals);
	posix_spawnattr_setsigmask(&attributes, &signals);
	sigaddset(&signals, SIGPIPE);
	sigaddset(&signals, SIGTTOU);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	err = posix_spawn(pid, "/bin/sh", &actions, &attributes, argv,
			  environment.vector);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	environment_free(&environment);
	return err;
}
