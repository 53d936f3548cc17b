// SPDX-License-Identifier: GPL-2.0
/*
 * open(2) with O_PATH alone does not mount: that takes O_DIRECTORY. The call
 * returns when the daemon, systemd or automount(8), has mounted something. If
 * that hangs, nothing but SIGKILL ends the call: so a child makes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "automount.h"
#include "tool.h"

#define AUTOMOUNT_SECONDS	10

static void automount_open(const char *path)
{
	sigset_t signals;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&signals);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	_exit(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) < 0 ? errno : 0);
}

/* Has something mounted at @path; false after saying what is wrong. */
bool automount_trigger(const char *path)
{
	struct pollfd poll_ = { .fd = -1, .events = POLLIN };
	pid_t child;
	int status, err;

	/* a parent that ignores it would have the child reaped unseen */
	signal(SIGCHLD, SIG_DFL);
	child = fork();
	if (!child)
		automount_open(path);
	if (child > 0)
		poll_.fd = syscall(SYS_pidfd_open, child, 0);
	if (child < 0 || poll_.fd < 0) {
		error("%s: autofs, not mounted: %s", path, strerror(errno));
		return false;
	}
	if (poll(&poll_, 1, AUTOMOUNT_SECONDS * 1000) != 1) {
		kill(child, SIGKILL);
		error("%s: autofs, and its daemon has mounted nothing for %d seconds: see systemctl status, or automount(8)",
		      path, AUTOMOUNT_SECONDS);
		close(poll_.fd);
		return false;
	}
	close(poll_.fd);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		err = EINTR;
	else
		err = WEXITSTATUS(status);
	if (err)
		error("%s: autofs, and mounting has failed: %s", path,
		      strerror(err));
	return !err;
}
