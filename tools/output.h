/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Standard output. What watch prints is queued and written only as far as
 * nobody has to be waited for: a reader that has stopped, or a terminal that
 * was told to, must keep neither a signal from ending it nor a command from
 * running.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>

int output_queue(bool lossy);
int output_push(void);
bool output_is_waiting(void);
void output_discard(void);
bool output_is_lossy(void);
bool output_flush(int *status);

#endif /* OUTPUT_H */
