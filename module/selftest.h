/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The selftest: one page in and one page out, on a private tmpfs, must be seen.
 */
#ifndef TW_SELFTEST_H
#define TW_SELFTEST_H

const char *tw_selftest_run(void);

#endif /* TW_SELFTEST_H */
