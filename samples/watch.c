// SPDX-License-Identifier: 0BSD
// watch MOUNT LEVEL: prints a record each time that usage of a tmpfs passes the level
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: watch MOUNT LEVEL");
	int mount = open(argv[1], O_PATH | O_CLOEXEC);
	if (mount < 0)
		err(1, "%s", argv[1]);
	int device = open("/dev/tmpfswarn", O_RDWR | O_CLOEXEC);
	if (device < 0 || dprintf(device, "%d %s", mount, argv[2]) < 0)
		err(1, "/dev/tmpfswarn");
	close(mount); // while it is open, nobody can unmount it
	char records[4096]; // whole lines, as many as fit
	for (ssize_t len; (len = read(device, records, sizeof(records)));) // 0: the mount is gone
		if (len < 0 || write(STDOUT_FILENO, records, len) != len)
			err(1, "cannot pass the records on");
}
