/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface in debugfs: files that parse what is written and call trigger.h.
 */
#ifndef TW_DEBUGFS_H
#define TW_DEBUGFS_H

struct tw_mount;

int tw_debugfs_init(void);
void tw_debugfs_start(void);
void tw_debugfs_exit(void);

int tw_debugfs_show(struct tw_mount *mount);
void tw_debugfs_hide(struct tw_mount *mount);

#endif /* TW_DEBUGFS_H */
