// SPDX-License-Identifier: GPL-2.0
/*
 * Three programs that wait for memory.oom_control of a cgroup v1 directory, by their system
 * calls:
 *
 *	containerd	the OOMEvent of containerd's cgroups and the loop of its shim
 *	write-only	opens memory.oom_control for writing, and blocks in read(2)
 *	newline		the oom of Cloud Foundry's warden: writes a newline, and select(2)
 */
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

static void check(int good, const char *what)
{
	if (!good) {
		perror(what);
		exit(EXIT_FAILURE);
	}
}

static int open_in(const char *dir, const char *name, int flags)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags, 0700);
	check(fd >= 0, path);
	return fd;
}

static int exists(const char *dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return !access(path, W_OK);
}

static void write_to(int fd, const char *text)
{
	check(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "cgroup.event_control");
}

static int containerd_register(const char *dir)
{
	char text[32];
	int efd = eventfd(0, EFD_CLOEXEC), oom, control;

	oom = open_in(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	snprintf(text, sizeof(text), "%d %d %s", efd, oom, "");
	control = open_in(dir, "cgroup.event_control", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
	write_to(control, text);
	close(control);
	close(oom);
	return efd;
}

static int containerd_wait(const char *dir, int efd)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN | EPOLLHUP };
	struct stat stat_;

	check(!epoll_ctl(epoll, EPOLL_CTL_ADD, efd, &event), "epoll_ctl");
	check(epoll_wait(epoll, &event, 1, -1) == 1, "epoll_wait");
	close(epoll);
	return !stat(dir, &stat_);
}

static int write_only_register(const char *dir)
{
	char text[32];
	int control = open_in(dir, "cgroup.event_control", O_WRONLY);
	int oom = open_in(dir, "memory.oom_control", O_WRONLY);
	int efd = eventfd(0, 0);

	snprintf(text, sizeof(text), "%d %d", efd, oom);
	write_to(control, text);
	return efd;
}

static int newline_register(const char *dir)
{
	char text[32];
	int efd = eventfd(0, 0);
	int oom = open_in(dir, "memory.oom_control", O_RDONLY);
	int control = open_in(dir, "cgroup.event_control", O_WRONLY);

	snprintf(text, sizeof(text), "%d %d\n", efd, oom);
	write_to(control, text);
	return efd;
}

static int newline_wait(const char *dir, int efd)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(efd, &set);
	check(select(efd + 1, &set, NULL, NULL, NULL) == 1, "select");
	return exists(dir, "cgroup.event_control");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*register_)(const char *dir);
		int (*wait)(const char *dir, int efd);
	} programs[] = {
		{ "containerd", containerd_register, containerd_wait },
		{ "write-only", write_only_register, NULL },
		{ "newline", newline_register, newline_wait },
	};
	int efd = -1, there = 1;
	uint64_t count;
	size_t i;

	if (argc != 3) {
		fprintf(stderr, "Usage: %s PROGRAM DIRECTORY\n", argv[0]);
		return EXIT_FAILURE;
	}
	setbuf(stdout, NULL);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (!strcmp(argv[1], programs[i].name))
			break;
	}
	check(i < sizeof(programs) / sizeof(programs[0]), argv[1]);
	efd = programs[i].register_(argv[2]);
	check(efd >= 0, "eventfd");
	while (there) {
		if (programs[i].wait)
			there = programs[i].wait(argv[2], efd);
		check(read(efd, &count, sizeof(count)) == sizeof(count), "read");
		if (!programs[i].wait)
			there = exists(argv[2], "cgroup.event_control");
		printf("%s: %llu\n", there ? "out of memory" : "the cgroup is gone",
		       (unsigned long long)count);
	}
	return EXIT_SUCCESS;
}
