/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands that watch runs for events.
 *
 * Each path has a queue of its own, so that a command that hangs keeps none of
 * another path from running. In a queue one command runs at a time, so that
 * "down" cannot overtake "up". What comes meanwhile waits, and of each level
 * only the latest event: what a command acts on is where usage is now, and a
 * queue is no longer than there are levels. That one says of how many crossings
 * it is the last. It stands where it came, behind what the others came to, so
 * that the command that runs last has the latest event of all.
 *
 * A command is a session of its own, without a terminal that could stop it, and
 * is ended with all that it has started in its process group.
 */
#ifndef EXEC_H
#define EXEC_H

#include <stdbool.h>

/* between asking for an end, SIGTERM, and SIGKILL */
#define EXEC_GRACE	5

struct event;

int exec_open(const char *command, double timeout);
int exec_add(const struct event *event);
void exec_run(void);
int exec_pause(void);
bool exec_is_idle(void);
void exec_stop(double seconds);
void exec_kill(void);

#endif /* EXEC_H */
