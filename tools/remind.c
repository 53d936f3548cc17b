// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "remind.h"

/* in seconds */
#define DAY	86400.0

static const char *const names[] = {
	[REMIND_ONCE] = "once",
	[REMIND_DAILY] = "daily",
	[REMIND_DIMINISHING] = "diminishing",
};

/* Seconds of CLOCK_BOOTTIME. */
double remind_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* False if @text is none. */
bool remind_parse(const char *text, enum remind *remind)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!strcmp(text, names[i])) {
			*remind = i;
			return true;
		}
	}
	return false;
}

const char *remind_name(enum remind remind)
{
	return names[remind];
}

/* When it is told again, INFINITY for never: each time a day later, or after twice as long. */
double remind_until(const struct reminder *reminder, enum remind remind)
{
	if (!reminder->on || remind == REMIND_ONCE)
		return INFINITY;
	return reminder->told +
	       (remind == REMIND_DAILY ? DAY : ldexp(DAY, reminder->nr));
}

/* It was told that a level is reached, if @up, or left. */
void remind_told(struct reminder *reminder, bool up, double now)
{
	*reminder = (struct reminder){ .on = up, .told = now };
}

/* It was told again. */
void remind_again(struct reminder *reminder, double now)
{
	reminder->nr++;
	reminder->told = now;
}
