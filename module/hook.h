/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hook: where mm/shmem.c is probed.
 */
#ifndef TW_HOOK_H
#define TW_HOOK_H

#include <linux/types.h>

#include "level.h"
#include "probe.h"

/**
 * struct tw_hook_info - the hook in use
 * @symbol: probed for allocations
 * @kind: how
 * @free_symbol: probed for frees
 * @free_kind: how; "redirect" if another function is called in its place
 * @armed: probes are in place
 * @armings: how often some were put in place since load
 * @missed: hits that the kernel dropped since load
 */
struct tw_hook_info {
	const char *symbol;
	const char *kind;
	const char *free_symbol;
	const char *free_kind;
	bool armed;
	unsigned long armings;
	unsigned long missed;
};

extern char *tw_hook_symbol;
extern char *tw_hook_kind;

int tw_hook_check(void);
int tw_hook_init(void);
void tw_hook_stop(void);
void tw_hook_exit(void);

bool tw_hook_works(enum tw_gauge_kind kind);
int tw_hook_get(enum tw_gauge_kind kind);
void tw_hook_put(enum tw_gauge_kind kind);
void tw_hook_recheck_soon(void);

void tw_hook_info(struct tw_hook_info *info);

#endif /* TW_HOOK_H */
