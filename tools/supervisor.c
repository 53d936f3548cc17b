// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef WITHOUT_SERVICE
#include <systemd/sd-daemon.h>
#endif

#include "exec.h"
#include "supervisor.h"

#ifdef WITHOUT_SERVICE

void supervisor_ready(void)
{
}

void supervisor_reloading(void)
{
}

void supervisor_status(const char *text)
{
	(void)text;
}

void supervisor_stopping(void)
{
}

void supervisor_run(void)
{
}

double supervisor_until(void)
{
	return INFINITY;
}

#else

/* when the watchdog is to be told that all is well, INFINITY for never, and how often, in seconds */
static double until = INFINITY, every;

/* To be called before there are commands, which are not the service. */
void supervisor_ready(void)
{
	uint64_t microseconds;

	if (isinf(until) && sd_watchdog_enabled(0, &microseconds) > 0) {
		/* twice as often as it has to be */
		every = microseconds / 2e6;
		until = exec_now();
	}
	sd_notify(0, "READY=1");
}

void supervisor_reloading(void)
{
	/* the time is for Type=notify-reload */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)(exec_now() * 1e6));
}

/* What systemctl status shows; NULL for nothing. */
void supervisor_status(const char *text)
{
	sd_notifyf(0, "STATUS=%s", text ?: "");
}

void supervisor_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

/* To be called at least as often as supervisor_until() says. */
void supervisor_run(void)
{
	if (exec_now() < until)
		return;
	sd_notify(0, "WATCHDOG=1");
	until = exec_now() + every;
}

double supervisor_until(void)
{
	return until;
}

#endif
