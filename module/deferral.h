/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deferrals: system calls that are checked when they return, not within.
 */
#ifndef TW_DEFERRAL_H
#define TW_DEFERRAL_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "mount.h"
#include "probe.h"

struct tw_deferral;

/* for hook.c */
void tw_deferral_init(enum tw_probe_kind kind);
void tw_deferral_enable(void);
int tw_deferral_disable(void);
void tw_deferral_exit(void);

/* for check.c */
int tw_deferral_alloc(struct tw_deferral **deferrals);
void tw_deferral_free(struct tw_deferral *deferrals);
bool tw_deferral_find(struct tw_mount *mount);

/* for show.c */
unsigned long tw_deferral_count(void);

/**
 * tw_deferral_defers() - is a check that the current task's hook wants left to the end
 * of its system call?
 * @mount: where it has allocated or freed
 *
 * Context: any, with preemption disabled.
 * Return: true if so; then it will be made.
 */
static __always_inline bool tw_deferral_defers(struct tw_mount *mount)
{
	/* of other tasks' deferrals any number will do, its own it sees */
	return unlikely(READ_ONCE(mount->deferring)) && tw_deferral_find(mount);
}

#endif /* TW_DEFERRAL_H */
