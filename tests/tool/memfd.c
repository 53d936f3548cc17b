// SPDX-License-Identifier: GPL-2.0
/* memfd COMMAND ARGUMENT...: runs it with a memfd as standard input. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd = memfd_create("memfd", 0);

	if (argc < 2 || fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		return 125;
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 126;
}
