// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "level.h"
#include "target.h"
#include "tool.h"

const char wait_help[] =
"Usage: tmpfswarn wait [OPTION...] PATH LEVEL\n"
"\n"
"Returns when usage of the tmpfs that PATH is on has reached LEVEL: at once if\n"
"it has already. LEVEL: 80%, 99.5%, 512M, 2Gi, or low, medium, critical.\n"
"Prints nothing.\n"
"\n"
"      --falling          return when usage is below LEVEL instead\n"
"  -t, --timeout SECONDS  wait no longer than that; 0 only looks\n"
"  -h, --help             this text\n"
"\n"
"Exit status: 0 reached; 1 error; 2 timeout; 3 the mount or the module went away\n";

enum {
	OPTION_FALLING = 256,
};

static const struct option options[] = {
	{ "falling", no_argument, NULL, OPTION_FALLING },
	{ "timeout", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* Waits for @trigger or its target's sentinel. */
static int wait_event(struct trigger *trigger, const struct timespec *timeout)
{
	struct target *target = trigger->target;
	struct pollfd polls[] = {
		{ .fd = trigger->efd, .events = POLLIN },
		{ .fd = target->sentinel.efd, .events = POLLIN },
	};
	uint64_t crossings;
	int nr, err;

	do {
		nr = ppoll(polls, 2, timeout, NULL);
		if (nr < 0) {
			error("poll: %s", strerror(errno));
			return STATUS_ERROR;
		}
		if (!nr)
			return STATUS_TIMEOUT;
		if (polls[1].revents) {
			if (target_read_last(trigger))
				return STATUS_OK;
			error("%s: %s", target->name, target_gone());
			return STATUS_GONE;
		}
		err = target_read(trigger, &crossings);
		if (err && err != -ENODEV) {
			error("%s: %s", target->name, strerror(-err));
			return STATUS_ERROR;
		}
	} while (!crossings);
	return STATUS_OK;
}

int wait_main(int argc, char **argv)
{
	enum direction direction = DIRECTION_RISING;
	struct trigger trigger = { .efd = -1 };
	struct target target = { .triggers = &trigger, .nr_triggers = 1 };
	double seconds = -1;
	struct timespec timeout;
	int c, status;

	while ((c = getopt_long(argc, argv, ":t:h", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_FALLING:
			direction = DIRECTION_FALLING;
			break;
		case 't':
			status = seconds_parse("wait", optarg, &seconds);
			if (status)
				return status;
			break;
		case 'h':
			fputs(wait_help, stdout);
			return STATUS_OK;
		default:
			return option_error(c, argv);
		}
	}
	argv += optind;
	argc -= optind;
	if (argc < 2)
		return usage_error("wait", "needs a PATH and a LEVEL");
	if (argc > 2)
		return operand_error("wait", argv[2]);
	status = level_check("wait", argv[1]);
	if (status)
		return status;

	target.path = argv[0];
	trigger.level = argv[1];
	status = target_open(&target, direction, NULL);
	if (status)
		return status;
	if (trigger.above != (direction == DIRECTION_FALLING))
		return STATUS_OK;
	timeout.tv_sec = seconds;
	timeout.tv_nsec = (seconds - timeout.tv_sec) * 1e9;
	return wait_event(&trigger, seconds < 0 ? NULL : &timeout);
}
