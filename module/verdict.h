/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Verdicts: which system calls a mount has refused.
 */
#ifndef TW_VERDICT_H
#define TW_VERDICT_H

#include "gauge.h"
#include "probe.h"

/* for what a system call may be refused; bits */
#define TW_REASON_SIZE		1u
#define TW_REASON_OVERCOMMIT	2u
#define TW_REASON_INODES	4u

const char *tw_verdict_symbol(void);
unsigned int tw_verdict_take_reasons(struct tw_gauge *gauge);

extern const struct tw_probe_set tw_verdict_probes;

int tw_verdict_register(enum tw_probe_kind kind);

#endif /* TW_VERDICT_H */
