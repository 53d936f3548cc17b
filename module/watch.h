/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Watching: a threshold is notified from when it is added until it is removed.
 */
#ifndef TW_WATCH_H
#define TW_WATCH_H

struct tw_level;
struct tw_threshold;

int tw_watch_begin(struct tw_threshold *threshold);
void tw_watch_move(struct tw_threshold *threshold, const struct tw_level *level);
void tw_watch_end(struct tw_threshold *threshold);

#endif /* TW_WATCH_H */
