/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Paths where something is mounted when they are used.
 */
#ifndef AUTOMOUNT_H
#define AUTOMOUNT_H

#include <stdbool.h>

bool automount_trigger(const char *path);

#endif /* AUTOMOUNT_H */
