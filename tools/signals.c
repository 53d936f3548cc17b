// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "signals.h"

/**
 * signals_open() - have signals read from now on
 *
 * To be called before anything is registered: whoever has seen a registration
 * may send one. SIGCHLD is read, too.
 *
 * Return: a file descriptor, or -1.
 */
int signals_open(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action;
	sigset_t signals;
	size_t i;

	/* a parent that ignores it would have children reaped unseen */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	/* what nohup(1) or a shell has had ignored stays ignored */
	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		if (!sigaction(ends[i], NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&signals, ends[i]);
	}
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Is there one of this @number to be read? */
bool signals_pending(int number)
{
	sigset_t pending;

	return !sigpending(&pending) && sigismember(&pending, number) == 1;
}

/* The number of the next signal, 0 if there is none. */
int signals_read(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info) ?
	       (int)info.ssi_signo : 0;
}

/*
 * Dies of the signal. Returns, with what a shell makes of that, only where
 * this is the init process of a container, which no signal kills by default.
 */
int signals_die(int number)
{
	sigset_t signals;

	signal(number, SIG_DFL);
	raise(number);
	sigemptyset(&signals);
	sigaddset(&signals, number);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	return 128 + number;
}
