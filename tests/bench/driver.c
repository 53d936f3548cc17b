// SPDX-License-Identifier: GPL-2.0
/*
 * driver [NAME...]: the benchmarks of these names, or all.
 */
#include "bench.h"

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
	{ "inodes", inodes },
	{ "refusals", refusals },
	{ "peaks", peaks },
};

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
	place_mount(&watched);
	place_use(&watched, FLOOR);
	place_mount(&other);
	place_memfd(&memfd);
	base();
	for (i = 0; i < sizeof(benchmarks) / sizeof(*benchmarks); i++) {
		if (chosen(benchmarks[i].name, argc, argv))
			benchmarks[i].run();
	}
	return 0;
}
