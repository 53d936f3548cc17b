/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The signals that end watch. They are read, so that it can end its commands
 * before it dies of them: "watch -n 1 ... && act" is not to act, nor is a
 * shell's loop to go on, where watch was ended before it had told what it was
 * to tell.
 */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <stdbool.h>

int signals_open(void);
int signals_read(int fd);
bool signals_pending(int number);
int signals_die(int number);

#endif /* SIGNALS_H */
