/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notes: what was asked for can be done, but is hardly what was meant. On
 * standard error, and of no consequence for the exit status.
 */
#ifndef NOTE_H
#define NOTE_H

struct request;
struct target;

void note_request(const struct request *request);
void note_target(const struct target *target, const struct request *request);

#endif /* NOTE_H */
