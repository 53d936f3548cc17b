// SPDX-License-Identifier: GPL-2.0
/*
 * automounter DIRECTORY ready|fail|hang: what systemd does for a .automount unit. Mounts autofs
 * on the directory, prints "ready", and when a path there is used for the first time mounts a
 * tmpfs of 4 MiB, says that it cannot, or does nothing. Then it waits to be killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <linux/auto_fs.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	union autofs_v5_packet_union packet;
	int pipes[2], root;
	char options[128];

	if (argc != 3 || pipe2(pipes, O_CLOEXEC))
		return 125;
	/* who is in the process group does not trigger it */
	setpgid(0, 0);
	snprintf(options, sizeof(options),
		 "fd=%d,pgrp=%d,minproto=5,maxproto=5,direct", pipes[1],
		 getpgrp());
	if (mount("automounter", argv[1], "autofs", 0, options))
		die("mount");
	root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		die(argv[1]);
	puts("ready");
	fflush(stdout);

	if (read(pipes[0], &packet, sizeof(packet)) <= 0)
		die("pipe");
	if (!strcmp(argv[2], "ready") &&
	    mount("automounted", argv[1], "tmpfs", 0, "size=4m"))
		die("tmpfs");
	puts("asked");
	fflush(stdout);
	if (strcmp(argv[2], "hang") &&
	    ioctl(root, !strcmp(argv[2], "ready") ? AUTOFS_IOC_READY :
						   AUTOFS_IOC_FAIL,
		  packet.v5_packet.wait_queue_token))
		die("ioctl");
	pause();
	return 0;
}
