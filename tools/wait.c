// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "event.h"
#include "follow.h"
#include "interface.h"
#include "level.h"
#include "tool.h"

const char wait_help[] =
"Usage: tmpfswarn wait [OPTION...] PATH LEVEL\n"
"\n"
"Returns when usage of the tmpfs that PATH is on has reached LEVEL: at once if\n"
"it has already. LEVEL: 80%, 99.5%, 512M, 2Gi, or low, medium, critical;\n"
"free:200M, free:5% is reached when no more than that is left; inodes:90%,\n"
"inodes:100000 when so many inodes are used. With \"refused\" in place of LEVEL it\n"
"returns when the mount has refused a system call, by \"No space left on device\".\n"
"Prints nothing. PATH may be the number of a mount, as list has it: 0:24.\n"
"\n"
"      --falling          return when usage is below LEVEL instead\n"
"      --follow           wait for a tmpfs to be mounted on PATH, or again\n"
"  -t, --timeout TIME     wait no longer than that: 30, 5m, 2h; 0 only looks\n"
"      --interface NAME   device, debugfs or auto, the first that can be used\n"
"  -h, --help             this text\n"
"\n"
"Exit status: 0 reached; 1 error; 2 timeout; 3 PATH does not lead to\n"
"the mount any more, that has no limit any more, or the module went away\n";

enum {
	OPTION_FALLING = 256,
	OPTION_FOLLOW,
	OPTION_INTERFACE,
};

static const struct option options[] = {
	{ "falling", no_argument, NULL, OPTION_FALLING },
	{ "follow", no_argument, NULL, OPTION_FOLLOW },
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "timeout", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* True if usage is where it is waited for, of a target just registered. */
static bool wait_is_over(const struct follow *follow)
{
	const struct target *target = follow->targets[0];

	return target->state == TARGET_WATCHED &&
	       target->triggers->above !=
		       (follow->request.direction == DIRECTION_FALLING);
}

/* What is left of @seconds since @begin, 0 if nothing. */
static struct timespec wait_rest(const struct timespec *begin, double seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds -= now.tv_sec - begin->tv_sec +
		   (now.tv_nsec - begin->tv_nsec) / 1e9;
	if (seconds < 0)
		seconds = 0;
	now.tv_sec = seconds;
	now.tv_nsec = (seconds - now.tv_sec) * 1e9;
	return now;
}

/* Waits for the first event, no longer than @seconds if not negative; exit status. */
static int wait_event(struct follow *follow, double seconds)
{
	struct pollfd poll = { .fd = follow->fd, .events = POLLIN };
	struct timespec begin, rest;
	struct event event;
	int nr;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	/* registering may have read it already */
	while ((nr = follow_next(follow, &event)) >= 0) {
		if (nr && event.gone) {
			event_print(&event, false);
			if (follow_is_over(follow))
				return STATUS_GONE;
		} else if (nr && (!event.ready || wait_is_over(follow))) {
			return STATUS_OK;
		}
		rest = wait_rest(&begin, seconds);
		/* there may be more, for as long as mounts come and go */
		if (nr || (follow->look &&
			   (seconds < 0 || rest.tv_sec || rest.tv_nsec)))
			continue;
		nr = ppoll(&poll, 1, seconds < 0 ? NULL : &rest, NULL);
		if (nr < 0) {
			error("poll: %s", strerror(errno));
			return STATUS_ERROR;
		}
		if (!nr)
			return STATUS_TIMEOUT;
	}
	return STATUS_ERROR;
}

int wait_main(int argc, char **argv)
{
	struct trigger trigger = { };
	struct target target = { .triggers = &trigger, .nr_triggers = 1 };
	struct target *targets[] = { &target };
	struct follow follow = {
		.request.direction = DIRECTION_RISING,
		.targets = targets,
		.nr_targets = 1,
	};
	double seconds = -1;
	int c, status;

	while ((c = getopt_long(argc, argv, ":t:h", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_FALLING:
			follow.request.direction = DIRECTION_FALLING;
			break;
		case OPTION_FOLLOW:
			follow.again = true;
			break;
		case OPTION_INTERFACE:
			status = interface_parse("wait", optarg,
						 &follow.interface);
			if (status)
				return status;
			break;
		case 't':
			status = duration_parse("wait", "--timeout", optarg,
						&seconds);
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
	if (argc == 3 && level_is_apart(2, argv + 1))
		return usage_error("wait", "%s %s: not a level, write %s%s",
				   argv[1], argv[2], argv[1], argv[2]);
	if (argc > 2)
		return operand_error("wait", argv[2]);
	status = level_check("wait", argv[1]);
	if (status)
		return status;
	if (level_resource(argv[1]) == RESOURCE_REFUSED &&
	    follow.request.direction == DIRECTION_FALLING)
		return usage_error("wait", "--falling: needs a LEVEL, not %s",
				   argv[1]);

	target.path = argv[0];
	trigger.level = argv[1];
	status = follow_begin(&follow);
	if (status)
		return status;
	if (wait_is_over(&follow))
		return STATUS_OK;
	return wait_event(&follow, seconds);
}
