/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The subcommand watch: its arguments are in watch.c, and what it does once all
 * is registered in loop.c.
 */
#ifndef WATCH_H
#define WATCH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "follow.h"

enum {
	POLL_EVENTS,
	POLL_SIGNAL,
	POLL_TIMER,
	POLL_STDOUT,
	POLLS,
};

/**
 * struct watch - all that watch knows
 * @follow: what to watch, and which crossings to tell of
 * @command: to run for each event, or NULL
 * @latest: of what comes while that runs, for the last event alone
 * @exec_timeout: bound for each, in seconds, 0 for none
 * @timeout: in seconds, negative for none
 * @count: events still to tell, UINT64_MAX for no limit
 * @bounded: it has been said how many are to be told
 * @json: how to print
 * @polls: what to wait for
 * @more: there may be events that were read already
 * @done: nothing more is to be told, only commands and output may be waited for
 * @hurried: not even the latter
 * @signal: to die of, 0 for none
 * @status: to exit with
 */
struct watch {
	struct follow follow;
	const char *command;
	bool latest;
	double exec_timeout;
	double timeout;
	uint64_t count;
	bool bounded;
	bool json;
	struct pollfd polls[POLLS];
	bool more;
	bool done;
	bool hurried;
	int signal;
	int status;
};

int loop_run(struct watch *watch);

#endif /* WATCH_H */
