/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The selftest: a page or an inode in and out, on a private tmpfs, must be seen.
 */
#ifndef TW_SELFTEST_H
#define TW_SELFTEST_H

#include "level.h"

const char *tw_selftest_run(enum tw_gauge_kind kind);

#endif /* TW_SELFTEST_H */
