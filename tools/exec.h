/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands that watch and the service run for events.
 *
 * Each path, or section of the configuration, has a queue of its own, so that a
 * command that hangs keeps none of another from running. In a queue one command
 * runs at a time, so that "down" cannot overtake "up". What comes meanwhile
 * waits, and of each level only the latest event: what a command acts on is where
 * usage is now, and a queue is no longer than there are levels. That one says of
 * how many crossings it is the last. With watch it stands where it came, behind
 * what the others came to, so that the command that runs last has the latest event
 * of all; after exec_latest() it is the only one that waits.
 *
 * With the service it takes the place of the one before, so that what comes all the
 * time does not have to wait for ever; it does not run while what it was for is no
 * longer so; and who toggles about a level has none run right after another.
 *
 * A command is a session of its own, without a terminal that could stop it, and
 * is ended with all that it has started in its process group.
 */
#ifndef EXEC_H
#define EXEC_H

#include <stdbool.h>

/* between asking for an end, SIGTERM, and SIGKILL */
#define EXEC_GRACE	5

/*
 * between two commands of the service, in seconds: for a mount, and of those that start a
 * unit, which systemd does 5 times in 10 s, unless the unit says something else
 */
#define EXEC_PAUSE		1
#define EXEC_PAUSE_START	3

/* what a command may take, unless something else is said, in seconds */
#define EXEC_TIMEOUT	300

struct event;

/* The command for an event, to be freed; or NULL. */
typedef char *exec_command(const void *data, const struct event *event);

int exec_open(double timeout, bool service);
void exec_latest(void);
bool exec_begin(const char *name, double pause, bool alike);
int exec_add(const char *name, const char *command, const struct event *event);
void exec_hold(const char *name, const struct event *event, bool told);
void exec_drop(const char *name, const char *path, const char *level);
void exec_end(const char *name);
void exec_change(const char *name, exec_command *command, const void *data);
double exec_now(void);
void exec_run(void);
int exec_pause(void);
bool exec_is_idle(void);
void exec_stop(double seconds);
void exec_kill(void);

#endif /* EXEC_H */
