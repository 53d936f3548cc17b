// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
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
	set_text("TMPFSWARN_RESOURCE", level_resource_name(event->level));
	set_text("TMPFSWARN_DIRECTION", event_is_refusal(event) ? NULL :
					event->up ? "up" : "down");
	set_text("TMPFSWARN_CAUSE", *event->cause ? event->cause : NULL);
	set_number("TMPFSWARN_ASKED", event->asked, event->asked);
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
	int output = command_stderr();
	sigset_t signals;
	int err;

	set_environment(event);
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
	err = posix_spawn(pid, "/bin/sh", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}
