/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's own harness, with more time for a test: to unload the module waits for
 * all tasks once for each of its probes, which takes 10 s where the kernel is preemptible,
 * and who is ended amid that leaves no module to those that follow.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include "kselftest_harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120 /* in seconds */

#endif
