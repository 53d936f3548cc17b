/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notes: what was asked for can be done, but is hardly what was meant. On
 * standard error, and of no consequence for the exit status.
 */
#ifndef NOTE_H
#define NOTE_H

#include <stddef.h>

struct request;
struct target;

void note_levels(const struct target *targets, size_t nr,
		 const struct request *request);

#endif /* NOTE_H */
