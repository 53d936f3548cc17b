// SPDX-License-Identifier: GPL-2.0
/*
 * Unit tests of what is told of crossings, and when. TAP on stdout.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alarm.h"

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

int main(void)
{
	int failed = 0;
	size_t i;

	printf("TAP version 13\n1..%zu\n", ROWS);
	for (i = 0; i < ROWS; i++) {
		bool good = test(&rows[i]);

		printf("%sok %zu - %s\n", good ? "" : "not ", i + 1, rows[i].name);
		failed |= !good;
	}
	return failed;
}
