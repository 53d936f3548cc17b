/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inodes: how a mount's are counted, and where the kernel is probed for that.
 */
#ifndef TW_INODES_H
#define TW_INODES_H

#include <linux/types.h>

#include "gauge.h"
#include "probe.h"

extern const struct tw_gauge_ops tw_inodes_ops;

int tw_inodes_register(enum tw_probe_kind kind);
void tw_inodes_unregister(void);
int tw_inodes_enable(void);
int tw_inodes_disable(void);
bool tw_inodes_is_kprobe(void);
unsigned long tw_inodes_missed(void);

#endif /* TW_INODES_H */
