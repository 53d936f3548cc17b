// SPDX-License-Identifier: GPL-2.0
/*
 * driver [NAME...]: the benchmarks of these names, or all.
 */
#include "bench.h"

#include <stdarg.h>

static const struct benchmark {
	const char *name;
	void (*run)(void);
} benchmarks[] = {
	{ "pages", pages },
	{ "triggers", triggers },
	{ "mounts", mounts },
	{ "crossing", crossing },
	{ "spikes", spikes },
	{ "poller", poller },
};

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
	printf("{\"case\": \"%s\", \"hook\": \"%s\", \"what\": \"%s\", \"value\": %.2f}\n",
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

static bool chosen(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(name, argv[i]) == 0)
			return true;
	}
	return argc == 1;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	unsigned int i;

	if (setrlimit(RLIMIT_NOFILE, &files))
		fail("setrlimit: %m");
	if (prctl(PR_SET_TIMERSLACK, 1))
		fail("prctl: %m");
	/* a kernel has things to do in its first seconds */
	sleep(5);
	base();
	for (i = 0; i < sizeof(benchmarks) / sizeof(*benchmarks); i++) {
		if (chosen(benchmarks[i].name, argc, argv))
			benchmarks[i].run();
	}
	return 0;
}
