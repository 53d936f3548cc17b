// SPDX-License-Identifier: GPL-2.0
/*
 * What one page costs its writer where the most that was used is asked for.
 */
#include "bench.h"

#define RUNS		96
#define WARM_UP		24
#define RUN_PAGES	64

static void ask(const char *what)
{
	int error = put(&watched.mount, TMPFSWARN_V1_MAX_USAGE, what);

	if (error)
		fail("%s to " TMPFSWARN_V1_MAX_USAGE ": %s", what, strerror(-error));
}

/* @again: with each run, all of which are the most that was used then */
static void measure_pages(const char *of, const char *hook, bool again)
{
	double runs[RUNS];
	uint64_t begin;
	int i;

	quiesce();
	for (i = -WARM_UP; i < RUNS; i++) {
		if (again)
			ask("0");
		begin = instructions();
		place_append(&watched, RUN_PAGES);
		if (i >= 0)
			runs[i] = (double)(instructions() - begin) / RUN_PAGES;
		place_empty(&watched);
	}
	result(of, hook, "write", middle(runs, RUNS));
}

static void measure(const char *hook)
{
	if (!hook_insert(hook, LIMITS))
		return;
	place_shown(&watched);
	ask("0");
	place_use(&watched, 2 * FLOOR);
	place_use(&watched, FLOOR);
	measure_pages("peak, below", hook, false);
	measure_pages("peak, new", hook, true);
	hook_remove();
}

void peaks(void)
{
	int i;

	measure_pages("peak, no module", "none", false);
	for (i = 0; i < HOOKS; i++)
		measure(hooks[i]);
}
