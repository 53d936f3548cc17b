// SPDX-License-Identifier: GPL-2.0
/* toggle FILE BYTES NUMBER: has FILE so many bytes, and none again, so many times. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long i;
	int fd;

	if (argc != 4)
		return 2;
	fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	for (i = atol(argv[3]); i; i--) {
		if (fallocate(fd, 0, 0, atol(argv[2])) || ftruncate(fd, 0)) {
			perror(argv[1]);
			return 1;
		}
	}
	return 0;
}
