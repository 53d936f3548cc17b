/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Levels of free space on a mount that was given another size: the module
 * knows them as levels of used space, and has to be told others.
 */
#ifndef RENEWAL_H
#define RENEWAL_H

#include <stdbool.h>

struct event;
struct follow;
struct target;

void renewal_make(struct follow *follow, struct target *target, bool all);
bool renewal_take(const struct follow *follow, struct event *event);

#endif /* RENEWAL_H */
