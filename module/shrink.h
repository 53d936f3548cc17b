/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shrinks: what mm/shmem.c frees for the sake of an allocation.
 */
#ifndef TW_SHRINK_H
#define TW_SHRINK_H

#include <linux/types.h>

/* for hook.c */
void tw_shrink_init(void);
void tw_shrink_enable(void);
int tw_shrink_disable(void);
void tw_shrink_exit(void);

/* for check.c */
bool tw_shrink_defers(void);

#endif /* TW_SHRINK_H */
