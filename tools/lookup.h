/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opening a path that may hang: below a FUSE mount whose server does not
 * answer, or one of a network. Who is in there cannot be killed, so that it
 * must be another process.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stdbool.h>
#include <sys/types.h>

typedef int lookup_function(const void *data);

int lookup_call(lookup_function *function, const void *data, int patience);
int lookup_open_within(const char *path, int patience);
int lookup_open(const char *path);
bool lookup_is_on(int fd, dev_t dev);

#endif /* LOOKUP_H */
