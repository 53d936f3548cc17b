/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The resync: what no hook has seen is found all the same, a moment later.
 */
#ifndef TW_RESYNC_H
#define TW_RESYNC_H

void tw_resync_start(void);
void tw_resync_exit(void);

unsigned long tw_resync_count(void);

#endif /* TW_RESYNC_H */
