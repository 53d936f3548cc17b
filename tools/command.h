/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command that watch runs for an event: what it finds around it.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <sys/types.h>

struct event;

int command_open(void);
int command_start(const char *text, const struct event *event, pid_t *pid);

#endif /* COMMAND_H */
