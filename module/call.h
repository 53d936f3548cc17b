/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls: system calls that are looked at once more when they return.
 */
#ifndef TW_CALL_H
#define TW_CALL_H

#include <linux/types.h>

#include "check.h"
#include "gauge.h"

bool tw_call_possible(void);
bool tw_call_begin(struct tw_gauge *gauge, const struct tw_call_notes *notes);
void tw_call_abandon(void);

#endif /* TW_CALL_H */
