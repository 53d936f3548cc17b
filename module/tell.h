/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Telling: calls those who wait for the crossings that a look has found.
 */
#ifndef TW_TELL_H
#define TW_TELL_H

struct tw_mark;
struct tw_mount;

void tw_tell_all(struct tw_mount *mount);
void tw_tell_wait(struct tw_mount *mount, const struct tw_mark *mark);

#endif /* TW_TELL_H */
