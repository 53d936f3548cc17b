/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peaks: the most that was used of a mount since somebody has asked.
 */
#ifndef TW_PEAK_H
#define TW_PEAK_H

#include <linux/types.h>

struct tw_mount;

int tw_peak_reset(struct tw_mount *mount);

#endif /* TW_PEAK_H */
