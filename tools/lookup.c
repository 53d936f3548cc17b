// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "lookup.h"

/* from 5.12 on */
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED	0x20
#endif

/* in milliseconds, see lookup_open() */
#define PATIENCE	2000

/* Says what has become of it, with the file descriptor or an errno. */
static void lookup_answer(int socket, int fd, int err)
{
	char control[CMSG_SPACE(sizeof(fd))] = { };
	struct iovec iov = { .iov_base = &err, .iov_len = sizeof(err) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	sendmsg(socket, &message, MSG_NOSIGNAL);
}

/* The file descriptor, or -1 and errno. */
static int lookup_wait(int socket, int patience)
{
	struct pollfd poll_ = { .fd = socket, .events = POLLIN };
	char control[CMSG_SPACE(sizeof(int))];
	int err, fd = -1;
	struct iovec iov = { .iov_base = &err, .iov_len = sizeof(err) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;

	if (poll(&poll_, 1, patience) != 1 ||
	    recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof(err)) {
		errno = ETIMEDOUT;
		return -1;
	}
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	errno = err;
	return fd;
}

/*
 * In a process of its own, which may hang as long as it likes: nobody waits for
 * it, it holds nothing of ours, and signals end it.
 */
static void lookup_go(lookup_function *function, const void *data, int socket)
{
	pid_t pid = fork();
	sigset_t signals;
	int fd;

	if (pid)
		_exit(pid < 0);
	sigemptyset(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	dup2(socket, STDIN_FILENO);
	syscall(SYS_close_range, STDIN_FILENO + 1, ~0U, 0);
	fd = function(data);
	lookup_answer(STDIN_FILENO, fd, fd < 0 ? errno : 0);
	_exit(0);
}

/**
 * lookup_call() - open something where a file system may not answer
 * @function: is called with @data in another process: a file descriptor, or -1
 *	and errno
 * @data: for it
 * @patience: for how long that may take, in milliseconds
 *
 * Return: a file descriptor, or -1 and errno, ETIMEDOUT if it took longer.
 */
int lookup_call(lookup_function *function, const void *data, int patience)
{
	int sockets[2], fd, err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -1;
	pid = fork();
	if (!pid)
		lookup_go(function, data, sockets[1]);
	err = errno;
	close(sockets[1]);
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		fd = lookup_wait(sockets[0], patience);
		err = errno;
	} else {
		fd = -1;
	}
	close(sockets[0]);
	errno = err;
	return fd;
}

static int lookup_path(const void *data)
{
	return open(data, O_PATH | O_CLOEXEC);
}

/* True if @path is another one in another process. */
static bool lookup_is_own(const char *path)
{
	static const char *const own[] = {
		"/proc/self/", "/proc/thread-self/", "/dev/fd/", "/dev/std",
	};
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (!strncmp(path, own[i], strlen(own[i])))
			return true;
	}
	return false;
}

/**
 * lookup_open_within() - open a path with O_PATH, without a hang
 * @path: which
 * @patience: for how long a file system on the way may not answer, in
 *	milliseconds
 *
 * As far as the kernel can tell from its caches no automount is triggered.
 *
 * Return: a file descriptor, or -1 and errno, ETIMEDOUT if it took longer.
 */
int lookup_open_within(const char *path, int patience)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_CACHED,
	};
	int fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd >= 0 ||
	    (errno != EAGAIN && errno != EINVAL && errno != ENOSYS))
		return fd;
	return lookup_is_own(path) ? lookup_path(path) :
				     lookup_call(lookup_path, path, patience);
}

/* The same for what has a second chance, or is not what the user waits for. */
int lookup_open(const char *path)
{
	return lookup_open_within(path, PATIENCE);
}

/* Is @fd on the mount @dev? Of what else it may be on no server is asked, which may hang. */
bool lookup_is_on(int fd, dev_t dev)
{
	struct statx statx_;

	return !statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &statx_) &&
	       makedev(statx_.stx_dev_major, statx_.stx_dev_minor) == dev;
}
