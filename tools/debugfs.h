/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's directory in debugfs: one directory for each mount, with a file
 * for each thing to be read or written.
 */
#ifndef DEBUGFS_H
#define DEBUGFS_H

#include <stdbool.h>
#include <stdio.h>

/*
 * The directory of a new mount appears shortly after mount(2) returns, and that
 * of one that had its number before may have to vanish first: how often to try,
 * with debugfs_pause() in between.
 */
#define DEBUGFS_TRIES	100

struct target;
struct usage;

bool debugfs_is_over(const struct target *target, bool size, bool inodes);
const char *debugfs_gone(const struct target *target);
void debugfs_pause(void);
int debugfs_open_mount(const struct target *target);
const char *debugfs_refusal(int err);
FILE *debugfs_file(int dir, const char *name);
int debugfs_usage(int dir, struct usage *usage);

#endif /* DEBUGFS_H */
