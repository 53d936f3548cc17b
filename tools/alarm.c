// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alarm.h"

/* Waits for nothing. */
void alarm_clear(struct alarm *alarm)
{
	free((char *)alarm->event.cgroup_path);
	alarm->event.cgroup_path = NULL;
	alarm->waits = false;
}

/**
 * alarm_take() - take a crossing
 * @alarm: of its level
 * @event: the crossing
 * @hold: for how long it must be so to be told
 * @now: the time
 *
 * Return: true if it is to be told now.
 */
bool alarm_take(struct alarm *alarm, const struct event *event, double hold,
		double now)
{
	alarm_clear(alarm);
	if (hold <= 0) {
		alarm->told = event->up;
		return true;
	}
	/* it was elsewhere for too short a time */
	if (event->up == alarm->told)
		return false;
	/* if it waited already, it was there and back in between */
	alarm->event = *event;
	if (event->cgroup_path)
		alarm->event.cgroup_path = strdup(event->cgroup_path);
	alarm->since = now;
	alarm->waits = true;
	return false;
}

/* True if its event is to be told now; alarm_clear() is to follow. */
bool alarm_is_due(struct alarm *alarm, double hold, double now)
{
	if (!alarm->waits || now < alarm->since + hold)
		return false;
	alarm->told = alarm->event.up;
	return true;
}

double alarm_until(const struct alarm *alarm, double hold)
{
	return alarm->waits ? alarm->since + hold : INFINITY;
}
