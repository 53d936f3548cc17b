// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <libmount.h>

#include "follow.h"
#include "tool.h"
#include "wakeup.h"

/* Has @fd be part of @follow's; 0, or -1, also if it is none. */
int wakeup_add(struct follow *follow, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 ? -1 : epoll_ctl(follow->fd, EPOLL_CTL_ADD, fd, &event);
}

/* Has all paths looked up again in @seconds at most: nothing tells of what is missing. */
void wakeup_later(struct follow *follow, time_t seconds)
{
	struct itimerspec time = { .it_value.tv_sec = seconds }, before = { };

	if (follow->timer < 0) {
		follow->timer = timerfd_create(CLOCK_MONOTONIC,
					       TFD_CLOEXEC | TFD_NONBLOCK);
		wakeup_add(follow, follow->timer);
	}
	timerfd_gettime(follow->timer, &before);
	if ((before.it_value.tv_sec || before.it_value.tv_nsec) &&
	    before.it_value.tv_sec < seconds)
		return;
	timerfd_settime(follow->timer, 0, &time, NULL);
}

/* Takes what is there to be read of @fd; false if there is nothing. */
bool wakeup_drain(int fd)
{
	char buf[4096];
	bool any = false;

	while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
		any = true;
	return any;
}

/* Exit status, after saying what is wrong. */
int wakeup_open(struct follow *follow)
{
	follow->parents = -1;
	follow->timer = -1;
	follow->fd = epoll_create1(EPOLL_CLOEXEC);
	follow->monitor = mnt_new_monitor();
	if (follow->fd < 0 || !follow->monitor ||
	    mnt_monitor_enable_kernel(follow->monitor, 1) ||
	    wakeup_add(follow, mnt_monitor_get_fd(follow->monitor))) {
		error("the mount table cannot be watched: %s", error_text(errno));
		return STATUS_ERROR;
	}
	return STATUS_OK;
}

void wakeup_close(struct follow *follow)
{
	if (follow->timer >= 0)
		close(follow->timer);
	if (follow->parents >= 0)
		close(follow->parents);
	mnt_unref_monitor(follow->monitor);
	if (follow->fd >= 0)
		close(follow->fd);
}
