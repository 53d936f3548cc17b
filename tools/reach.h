/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may be looked at without waiting for a server, and what is still what the
 * mount table says.
 */
#ifndef REACH_H
#define REACH_H

#include <stdbool.h>

bool reach_is_near(const char *path);
void reach_renew(void);
int reach_open(const char *path);
char *reach_find(const char *type, const char *usual, char **cover);

#endif /* REACH_H */
