// SPDX-License-Identifier: GPL-2.0
/*
 * For LD_PRELOAD: CLOCK_BOOTTIME, and the absolute timers of it, go 43,200 times as fast
 * from the start of the program on, a day in two seconds. All other clocks are as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SPEED	43200
#define SECOND	1000000000LL

/* which is of that clock, -1 if none */
static int timer = -1;

static long long nanoseconds(const struct timespec *time)
{
	return time->tv_sec * SECOND + time->tv_nsec;
}

static long long now(void)
{
	struct timespec time;

	syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &time);
	return nanoseconds(&time);
}

static long long begin(void)
{
	static long long begun;

	if (!begun)
		begun = now();
	return begun;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
	long long fast;

	if (clock != CLOCK_BOOTTIME)
		return syscall(SYS_clock_gettime, clock, time);
	fast = begin() + (now() - begin()) * SPEED;
	time->tv_sec = fast / SECOND;
	time->tv_nsec = fast % SECOND;
	return 0;
}

int timerfd_create(clockid_t clock, int flags)
{
	int fd = syscall(SYS_timerfd_create, clock, flags);

	if (clock == CLOCK_BOOTTIME)
		timer = fd;
	return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	struct itimerspec time = *new;

	if (fd == timer && flags & TFD_TIMER_ABSTIME && nanoseconds(&new->it_value)) {
		long long slow = begin() + (nanoseconds(&new->it_value) - begin()) / SPEED;

		time.it_value.tv_sec = slow / SECOND;
		time.it_value.tv_nsec = slow % SECOND;
	}
	return syscall(SYS_timerfd_settime, fd, flags, &time, old);
}
