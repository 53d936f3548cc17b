/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deferrals: system calls that are checked when they return, not within.
 */
#ifndef TW_DEFERRAL_H
#define TW_DEFERRAL_H

#include "probe.h"

/* for hook.c */
extern struct tw_probe tw_deferral_probe;
void tw_deferral_register(enum tw_probe_kind kind);

/* for show.c */
const char *tw_deferral_symbol(void);
unsigned long tw_deferral_count(void);

#endif /* TW_DEFERRAL_H */
