/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Alarms: whether a level was told to be reached, and what is to be told when it
 * has been so for long enough.
 */
#ifndef ALARM_H
#define ALARM_H

#include <stdbool.h>

#include "event.h"

/**
 * struct alarm - of a level of a mount
 * @told: it was told to be reached last, rather than left
 * @waits: @event is to be told, unless it is no longer so by then
 * @since: when it came, as exec_now() has it
 * @event: which; the path of its cgroup is the alarm's own
 */
struct alarm {
	bool told;
	bool waits;
	double since;
	struct event event;
};

bool alarm_take(struct alarm *alarm, const struct event *event, double hold,
		double now);
bool alarm_is_due(struct alarm *alarm, double hold, double now);
double alarm_until(const struct alarm *alarm, double hold);
void alarm_clear(struct alarm *alarm);

#endif /* ALARM_H */
