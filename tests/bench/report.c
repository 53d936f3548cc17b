// SPDX-License-Identifier: GPL-2.0
/*
 * What is reported, one thing a line; and how not to be disturbed.
 */
#include "bench.h"

#include <stdarg.h>

void fail_at(const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("@fault %s:%d: ", file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

void result(const char *of, const char *hook, const char *what, double value)
{
	printf("{\"case\": \"%s\", \"hook\": \"%s\", \"what\": \"%s\", \"value\": %.4f}\n",
	       of, hook, what, value);
	fflush(stdout);
}

/* The hook cannot be had on this kernel. */
void lack(const char *hook, const char *why)
{
	printf("{\"hook\": \"%s\", \"lack\": \"%s\"}\n", hook, why);
	fflush(stdout);
}

/* What works on its own time gets some: it costs none where there is nothing to do. */
void quiesce(void)
{
	sleep(1);
}

/*
 * Who of two runs first when one wakes the other is left to chance between
 * ordinary ones: with SCHED_FIFO nobody comes before the caller, with
 * SCHED_IDLE everybody does.
 */
void run_as(int policy)
{
	struct sched_param param = { .sched_priority = policy == SCHED_FIFO };

	if (sched_setscheduler(0, policy, &param))
		fail("sched_setscheduler: %m");
}
