// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "event.h"
#include "interface.h"
#include "level.h"
#include "note.h"
#include "tool.h"

const char wait_help[] =
"Usage: tmpfswarn wait [OPTION...] PATH LEVEL\n"
"\n"
"Returns when usage of the tmpfs that PATH is on has reached LEVEL: at once if\n"
"it has already. LEVEL: 80%, 99.5%, 512M, 2Gi, or low, medium, critical.\n"
"Prints nothing. PATH may be the number of a mount, as list has it: 0:24.\n"
"\n"
"      --falling          return when usage is below LEVEL instead\n"
"  -t, --timeout SECONDS  wait no longer than that; 0 only looks\n"
"      --interface NAME   device, debugfs or auto, the first that can be used\n"
"  -h, --help             this text\n"
"\n"
"Exit status: 0 reached; 1 error; 2 timeout; 3 the mount or the module went away\n";

enum {
	OPTION_FALLING = 256,
	OPTION_INTERFACE,
};

static const struct option options[] = {
	{ "falling", no_argument, NULL, OPTION_FALLING },
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "timeout", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

/* Waits for the first event; exit status. */
static int wait_event(struct session *session, const struct timespec *timeout)
{
	struct pollfd poll = { .fd = session->fd, .events = POLLIN };
	struct event event;
	int nr;

	/* registering may have read it already */
	while (!(nr = session_next(session, &event))) {
		nr = ppoll(&poll, 1, timeout, NULL);
		if (nr < 0) {
			error("poll: %s", strerror(errno));
			return STATUS_ERROR;
		}
		if (!nr)
			return STATUS_TIMEOUT;
	}
	if (nr < 0)
		return STATUS_ERROR;
	if (!event.gone)
		return STATUS_OK;
	event_print(&event, false);
	return STATUS_GONE;
}

int wait_main(int argc, char **argv)
{
	struct request request = { .direction = DIRECTION_RISING };
	const struct interface *interface = NULL;
	struct trigger trigger = { };
	struct target target = { .triggers = &trigger, .nr_triggers = 1 };
	struct session *session;
	double seconds = -1;
	struct timespec timeout;
	int c, status;

	while ((c = getopt_long(argc, argv, ":t:h", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_FALLING:
			request.direction = DIRECTION_FALLING;
			break;
		case OPTION_INTERFACE:
			status = interface_parse("wait", optarg, &interface);
			if (status)
				return status;
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
	if (argc == 3 && level_is_apart(2, argv + 1))
		return usage_error("wait", "%s %s: not a level, write %s%s",
				   argv[1], argv[2], argv[1], argv[2]);
	if (argc > 2)
		return operand_error("wait", argv[2]);
	status = level_check("wait", argv[1]);
	if (status)
		return status;

	target.path = argv[0];
	trigger.level = argv[1];
	status = target_find(&target);
	if (status)
		return status;
	session = session_open(interface, &request, &target, 1);
	if (!session)
		return STATUS_ERROR;
	status = session_add(session, &target);
	if (status)
		return status;
	note_levels(&target, 1, &request);
	if (trigger.above != (request.direction == DIRECTION_FALLING))
		return STATUS_OK;
	timeout.tv_sec = seconds;
	timeout.tv_nsec = (seconds - timeout.tv_sec) * 1e9;
	return wait_event(session, seconds < 0 ? NULL : &timeout);
}
