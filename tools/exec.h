/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The commands that watch runs for events.
 */
#ifndef EXEC_H
#define EXEC_H

#include <stdbool.h>

struct event;

int exec_add(const struct event *event);
void exec_run(const char *command);
bool exec_is_behind(void);
bool exec_is_idle(void);

#endif /* EXEC_H */
