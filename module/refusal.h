/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Refusals: what a mount has refused, which is counted and not measured.
 */
#ifndef TW_REFUSAL_H
#define TW_REFUSAL_H

#include "crossing.h"
#include "gauge.h"

extern const struct tw_gauge_ops tw_refusal_ops;

void tw_refusal_set(struct tw_crossing *crossing, struct shmem_sb_info *sbinfo,
		    const struct tw_refusal *refusal);

#endif /* TW_REFUSAL_H */
