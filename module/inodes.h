/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inodes: how a mount's are counted, and where the kernel is probed for that.
 */
#ifndef TW_INODES_H
#define TW_INODES_H

#include "gauge.h"
#include "probe.h"

extern const struct tw_gauge_ops tw_inodes_ops;

extern const struct tw_probe_set tw_inodes_probes;

int tw_inodes_register(enum tw_probe_kind kind);

#endif /* TW_INODES_H */
