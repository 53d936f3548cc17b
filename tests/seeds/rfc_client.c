// SPDX-License-Identifier: GPL-2.0
/*
 * The client of "[RFC] shmem: Add eventfd notification on utlilization level"
 * (Krzysztof Kozlowski, linux-mm, 11 February 2015), by its system calls:
 * open(O_WRONLY), a write of the eventfd's number without a newline, close,
 * a blocking read.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>

static void check(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	char buf[12];
	uint64_t u;
	int efd, fd;

	if (argc != 2) {
		fprintf(stderr, "Usage: %s PATH\n", argv[0]);
		return EXIT_FAILURE;
	}
	setbuf(stdout, NULL);
	efd = eventfd(0, 0);
	check(efd >= 0, "eventfd");
	fd = open(argv[1], O_WRONLY);
	check(fd >= 0, argv[1]);
	snprintf(buf, sizeof(buf), "%d", efd);
	check(write(fd, buf, strlen(buf)) == (ssize_t)strlen(buf), "write");
	close(fd);

	printf("Waiting for usage notification:\n");
	check(read(efd, &u, sizeof(u)) == sizeof(u), "read");
	printf("Usage threshold reached: %llu\n", (unsigned long long)u);
	return EXIT_SUCCESS;
}
