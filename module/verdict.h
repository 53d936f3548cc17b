/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Verdicts: which system calls a mount has refused.
 */
#ifndef TW_VERDICT_H
#define TW_VERDICT_H

#include <linux/types.h>

#include "gauge.h"
#include "probe.h"

/* for what a system call may be refused; bits */
#define TW_REASON_SIZE		1u
#define TW_REASON_OVERCOMMIT	2u
#define TW_REASON_INODES	4u

const char *tw_verdict_symbol(void);
unsigned int tw_verdict_take_reasons(struct tw_gauge *gauge);

int tw_verdict_register(enum tw_probe_kind kind);
void tw_verdict_unregister(void);
int tw_verdict_enable(void);
int tw_verdict_disable(void);
bool tw_verdict_is_kprobe(void);
unsigned long tw_verdict_missed(void);

#endif /* TW_VERDICT_H */
