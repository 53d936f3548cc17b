// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of what is told of crossings, when, and when again. TAP on stdout.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alarm.h"
#include "remind.h"

/**
 * struct step - a crossing, or only a time
 * @at: when
 * @way: 'u' up, 'd' down, or ' '
 * @tells: what is told then, likewise
 */
struct step {
	double at;
	char way;
	char tells;
};

#define STEPS	8

static const struct row {
	const char *name;
	double hold;
	struct step steps[STEPS];
} rows[] = {
	{ "without For= each crossing is told at once", 0,
	  { { 1, 'u', 'u' }, { 2, 'd', 'd' }, { 3, 'u', 'u' }, { 4, 'u', 'u' } } },
	{ "what is so for long enough is told, once", 10,
	  { { 1, 'u', ' ' }, { 10.9, ' ', ' ' }, { 11, ' ', 'u' }, { 30, ' ', ' ' } } },
	{ "what is so for too short a time is not told", 10,
	  { { 1, 'u', ' ' }, { 10, 'd', ' ' }, { 30, ' ', ' ' } } },
	{ "what was there and back in between begins anew", 10,
	  { { 1, 'u', ' ' }, { 8, 'd', ' ' }, { 9, 'u', ' ' }, { 18.9, ' ', ' ' }, { 19, ' ', 'u' } } },
	{ "so it does where the way there was not told", 10,
	  { { 1, 'u', ' ' }, { 9, 'u', ' ' }, { 18.9, ' ', ' ' }, { 19, ' ', 'u' } } },
	{ "after it was told, a short absence is none", 10,
	  { { 1, 'u', ' ' }, { 11, ' ', 'u' }, { 12, 'd', ' ' }, { 13, 'u', ' ' }, { 90, ' ', ' ' } } },
	{ "a long one is told, and so is the return", 10,
	  { { 1, 'u', ' ' }, { 11, ' ', 'u' }, { 12, 'd', ' ' }, { 22, ' ', 'd' }, { 23, 'u', ' ' }, { 33, ' ', 'u' } } },
};

#define ROWS	(sizeof(rows) / sizeof(*rows))

static bool test(const struct row *row)
{
	struct alarm alarm = { };
	size_t i;

	for (i = 0; i < STEPS && row->steps[i].at; i++) {
		const struct step *step = &row->steps[i];
		struct event event = { .up = step->way == 'u', .cgroup_path = "/a" };
		char told = ' ';

		if (step->way != ' ' && alarm_take(&alarm, &event, row->hold, step->at))
			told = step->way;
		if (alarm_until(&alarm, row->hold) <= step->at &&
		    alarm_is_due(&alarm, row->hold, step->at)) {
			told = alarm.event.up ? 'u' : 'd';
			if (strcmp(alarm.event.cgroup_path, "/a"))
				return false;
			alarm_clear(&alarm);
		}
		if (told != step->tells) {
			printf("# at %g: '%c' instead of '%c'\n", step->at, told, step->tells);
			return false;
		}
	}
	alarm_clear(&alarm);
	return isinf(alarm_until(&alarm, row->hold));
}

/* ---- reminders ---- */

#define DAY	86400.0

#define REMINDERS	5

/* what is told at 1000 is told again so many days later */
static const struct {
	const char *name;
	enum remind remind;
	double days[REMINDERS];
} kinds[] = {
	{ "once", REMIND_ONCE, { INFINITY, INFINITY, INFINITY, INFINITY, INFINITY } },
	{ "daily", REMIND_DAILY, { 1, 2, 3, 4, 5 } },
	{ "diminishing", REMIND_DIMINISHING, { 1, 3, 7, 15, 31 } },
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))

static bool test_reminders(size_t kind)
{
	struct reminder reminder = { };
	enum remind remind;
	bool good;
	size_t i;

	good = remind_parse(kinds[kind].name, &remind) && remind == kinds[kind].remind &&
	       !strcmp(remind_name(remind), kinds[kind].name) &&
	       isinf(remind_until(&reminder, remind));
	remind_told(&reminder, true, 1000);
	for (i = 0; i < REMINDERS && good; i++) {
		double until = remind_until(&reminder, remind);

		good = until == 1000 + kinds[kind].days[i] * DAY;
		if (!good)
			printf("# reminder %zu: after %g days\n", i, (until - 1000) / DAY);
		remind_again(&reminder, until);
		good &= reminder.nr == i + 1;
	}
	/* and anew when it was told anew, or not at all any more */
	remind_told(&reminder, true, 5000);
	good &= remind_until(&reminder, remind) == 5000 + kinds[kind].days[0] * DAY;
	remind_told(&reminder, false, 6000);
	return good && isinf(remind_until(&reminder, remind));
}

int main(void)
{
	int failed = 0;
	size_t i;

	printf("TAP version 13\n1..%zu\n", ROWS + KINDS);
	for (i = 0; i < ROWS; i++) {
		bool good = test(&rows[i]);

		printf("%sok %zu - %s\n", good ? "" : "not ", i + 1, rows[i].name);
		failed |= !good;
	}
	for (i = 0; i < KINDS; i++) {
		bool good = test_reminders(i);

		printf("%sok %zu - what is so for days is told again: %s\n", good ? "" : "not ", ROWS + i + 1, kinds[i].name);
		failed |= !good;
	}
	return failed;
}
