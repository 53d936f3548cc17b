/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Verdicts: which system calls a mount has refused.
 */
#ifndef TW_VERDICT_H
#define TW_VERDICT_H

#include "crossing.h"
#include "gauge.h"
#include "probe.h"

const char *tw_verdict_symbol(void);
enum tw_refusal_cause tw_verdict_take_cause(struct tw_gauge *gauge);

extern const struct tw_probe_set tw_verdict_probes;

int tw_verdict_register(enum tw_probe_kind kind);

#endif /* TW_VERDICT_H */
