/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The level of a mount that the RFC calls warn_used, in the module's file for it.
 */
#ifndef WARNUSED_H
#define WARNUSED_H

#include <stdbool.h>
#include <sys/types.h>

bool warnused_valid(const char *level);
const char *warnused_missing(void);
int warnused_set(dev_t dev, const char *level);
const char *warnused_refusal(int err);

#endif /* WARNUSED_H */
