/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mounts named by their number "major:minor", for those that no path leads to:
 * the upper layer of an overlay, what was detached, what other mount namespaces
 * have.
 */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <sys/types.h>

bool number_parse(const char *text, dev_t *dev);
bool number_of_directory(int fd, dev_t *dev);
int number_open(dev_t dev);

#endif /* NUMBER_H */
