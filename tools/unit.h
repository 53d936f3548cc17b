/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of units of systemd, see systemd.unit(5).
 */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>

bool unit_is_valid(const char *name);
char *unit_escape(const char *path);
char *unit_start(const char *name, const char *path, bool user);

#endif /* UNIT_H */
