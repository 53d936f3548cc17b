/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notification: calls those who wait for the crossings that a check has found.
 */
#ifndef TW_NOTIFY_H
#define TW_NOTIFY_H

#include <linux/types.h>

struct tw_gauge;
struct tw_threshold;

bool tw_notify_some(struct tw_gauge *gauge);
void tw_notify_all(struct tw_gauge *gauge);
void tw_notify_wait(struct tw_gauge *gauge, const struct tw_threshold *threshold);

#endif /* TW_NOTIFY_H */
