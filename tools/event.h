/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: what watch tells.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct target;

/**
 * struct event - a crossing
 * @target: where
 * @level: which
 * @up: usage has reached it, or else fallen below it
 * @used: bytes, when the crossing was read
 * @size: bytes, likewise
 * @time: likewise
 */
struct event {
	const struct target *target;
	const char *level;
	bool up;
	uint64_t used;
	uint64_t size;
	struct timespec time;
};

void event_print_ready(const struct target *target, bool json);
void event_print(const struct event *event, bool json);
void event_print_gone(const struct target *target, bool json);

#endif /* EVENT_H */
