// SPDX-License-Identifier: GPL-2.0
/*
 * What is reported, one thing a line.
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
