// SPDX-License-Identifier: GPL-2.0
/* limit PID FILES: lets a process have so many open files from now on. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
	struct rlimit limit;

	if (argc != 3)
		return 2;
	limit.rlim_cur = strtoul(argv[2], NULL, 10);
	limit.rlim_max = 4096;
	if (!prlimit(atoi(argv[1]), RLIMIT_NOFILE, &limit, NULL))
		return 0;
	perror(argv[1]);
	return 1;
}
