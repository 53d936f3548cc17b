/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has follow.c look paths up again: a change of the mount table, a directory
 * that was made, and a timer where nothing tells of what is missing.
 */
#ifndef WAKEUP_H
#define WAKEUP_H

#include <stdbool.h>
#include <time.h>

struct follow;

int wakeup_open(struct follow *follow);
int wakeup_add(struct follow *follow, int fd);
void wakeup_later(struct follow *follow, time_t seconds);
bool wakeup_drain(int fd);
void wakeup_close(struct follow *follow);

#endif /* WAKEUP_H */
