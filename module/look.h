/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looks: when the usage of a mount is compared with its marks, and how what
 * they find is told.
 */
#ifndef TW_LOOK_H
#define TW_LOOK_H

#include <linux/types.h>

struct super_block;
struct tw_mark;
struct tw_mount;

int tw_look_init(void);
void tw_look_exit(void);

void tw_look_check(struct super_block *sb, long freeing);
void tw_look_settle(struct tw_mount *mount);

/* for mark.c */
void tw_look_wait(struct tw_mount *mount, const struct tw_mark *mark);
int tw_look_prepare(struct tw_mount *mount);

void tw_look_release(struct tw_mount *mount);

#endif /* TW_LOOK_H */
