// SPDX-License-Identifier: GPL-2.0
/* churn DIRECTORY: has a proc mounted there, and unmounted, all the time. */
#include <stdio.h>
#include <sys/mount.h>

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	while (!mount("none", argv[1], "proc", 0, NULL) && !umount2(argv[1], MNT_DETACH))
		;
	perror(argv[1]);
	return 1;
}
