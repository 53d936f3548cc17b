// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "exec.h"
#include "follow.h"
#include "interface.h"
#include "level.h"
#include "memory.h"
#include "note.h"
#include "output.h"
#include "signals.h"
#include "tool.h"
#include "watch.h"

const char watch_help[] =
"Usage: tmpfswarn watch [OPTION...] PATH LEVEL... [PATH LEVEL...]\n"
"\n"
"Prints a line each time the tmpfs that PATH is on fills to a LEVEL (up) or\n"
"falls below it (down). LEVEL: 80%, 99.5%, 512M, 2Gi, or low, medium, critical;\n"
"free:200M, free:5% is reached when no more than that is left; inodes:90%,\n"
"inodes:100000 when so many inodes are used. With \"refused\" among the LEVELs it\n"
"tells of each system call that the mount refuses, by \"No space left on device\".\n"
"The line \"watching PATH: ...\" says that it is ready and where usage is now.\n"
"PATH may be the number of a mount, as list has it: 0:24.\n"
"\n"
"      --rising           tell of up only\n"
"      --falling          tell of down only\n"
"      --both             tell of both (default)\n"
"      --hysteresis AMOUNT\n"
"                         after telling of a level, tell of it again only when\n"
"                         usage has in between gone back by AMOUNT: 5%, 16M\n"
"  -n, --count N          end after N events\n"
"      --once             tell of each level once, end when all have been told\n"
"      --follow           watch PATH again when another tmpfs is mounted there\n"
"  -t, --timeout TIME     end after so long, with exit status 2: 30, 5m, 2h\n"
"  -e, --exec COMMAND     run COMMAND with /bin/sh for each event, one at a time\n"
"                         for each PATH; what comes meanwhile is one event for\n"
"                         each LEVEL, the latest. Its output is on standard\n"
"                         error. It has\n"
"                         TMPFSWARN_PATH, _DEVICE, _LEVEL, _RESOURCE (bytes,\n"
"                         inodes, refused), _USED, _SIZE (bytes, or inodes), _TIME\n"
"                         and _CROSSINGS in its environment; _DIRECTION (up, down)\n"
"                         or, for refused and where known, _CAUSE and _ASKED; and\n"
"                         where it is known who it was, _PID, _UID, _COMM, _CGROUP\n"
"                         (id) and _CGROUP_PATH\n"
"      --latest           run it for the latest event alone of what comes while it\n"
"                         runs, whatever its LEVEL; it counts the crossings of all\n"
"      --exec-timeout TIME\n"
"                         end a command that takes longer (5m; 0: never)\n"
"  -j, --json             one JSON object a line, numbers in bytes or inodes\n"
"      --cgroup PATH      say what memory this cgroup leaves, not our own\n"
"      --interface NAME   device, debugfs or auto, the first that can be used\n"
"  -h, --help             this text\n"
"\n"
"Exit status: 0 all told, or nobody reads on; 1 error; 2 timeout; 3 no PATH\n"
"leads to its mount any more, that has no limit any more, or the module went away\n";

enum {
	OPTION_RISING = 256,
	OPTION_FALLING,
	OPTION_BOTH,
	OPTION_HYSTERESIS,
	OPTION_ONCE,
	OPTION_FOLLOW,
	OPTION_LATEST,
	OPTION_EXEC_TIMEOUT,
	OPTION_INTERFACE,
	OPTION_CGROUP,
};

static const struct option options[] = {
	{ "rising", no_argument, NULL, OPTION_RISING },
	{ "falling", no_argument, NULL, OPTION_FALLING },
	{ "both", no_argument, NULL, OPTION_BOTH },
	{ "hysteresis", required_argument, NULL, OPTION_HYSTERESIS },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "follow", no_argument, NULL, OPTION_FOLLOW },
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "cgroup", required_argument, NULL, OPTION_CGROUP },
	{ "count", required_argument, NULL, 'n' },
	{ "timeout", required_argument, NULL, 't' },
	{ "exec", required_argument, NULL, 'e' },
	{ "latest", no_argument, NULL, OPTION_LATEST },
	{ "exec-timeout", required_argument, NULL, OPTION_EXEC_TIMEOUT },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static int watch_run(struct watch *watch)
{
	struct follow *follow = &watch->follow;
	int status;
	size_t i;

	watch->polls[POLL_SIGNAL].fd = signals_open();
	if (watch->polls[POLL_SIGNAL].fd < 0 || output_queue(watch->command)) {
		error("%s", error_text(errno));
		return STATUS_ERROR;
	}
	if (watch->command) {
		status = exec_open(watch->exec_timeout, false);
		if (status)
			return status;
		if (watch->latest)
			exec_latest();
	}
	note_request(&follow->request);
	status = follow_begin(follow);
	if (status)
		return status;
	for (i = 0; i < follow->nr_targets; i++)
		event_print_ready(follow->targets[i], watch->json);
	status = loop_run(watch);
	return watch->signal ? signals_die(watch->signal) : status;
}

/* PATH LEVEL... [PATH LEVEL...]: the levels share one array. */
static int watch_operands(struct watch *watch, int argc, char **argv)
{
	struct trigger *trigger = calloc(argc + 1, sizeof(*trigger));
	struct target *target = calloc(argc + 1, sizeof(*target));
	struct target **targets = calloc(argc + 1, sizeof(*targets));
	int i, status;

	if (!trigger || !target || !targets) {
		error("out of memory");
		return STATUS_ERROR;
	}
	if (!argc)
		return usage_error("watch", "needs a PATH and a LEVEL");
	if (level_is_meant(argv[0]))
		return usage_error("watch",
				   "%s: a PATH must come before a LEVEL (./%s if it is one)",
				   argv[0], argv[0]);
	watch->follow.targets = targets;
	target--;
	for (i = 0; i < argc; i++) {
		if (level_is_apart(argc - i, argv + i))
			return usage_error("watch", "%s %s: not a level, write %s%s",
					   argv[i], argv[i + 1], argv[i], argv[i + 1]);
		if (!level_is_meant(argv[i])) {
			*++target = (struct target){
				.path = argv[i],
				.triggers = trigger,
				.fd = -1,
			};
			targets[watch->follow.nr_targets++] = target;
			if (i + 1 == argc || !level_is_meant(argv[i + 1]))
				return usage_error("watch",
						   "%s: needs a LEVEL behind it, %s",
						   argv[i], LEVEL_FORMS);
			continue;
		}
		status = level_check("watch", argv[i]);
		if (status)
			return status;
		trigger->level = argv[i];
		trigger++;
		target->nr_triggers++;
	}
	return STATUS_OK;
}

int watch_main(int argc, char **argv)
{
	struct watch watch = {
		.exec_timeout = -1,
		.timeout = -1,
		.count = UINT64_MAX,
	};
	unsigned int direction = 0;
	int c, status;
	char *end;

	while ((c = getopt_long(argc, argv, ":n:t:e:jh", options, NULL)) >= 0) {
		switch (c) {
		case OPTION_RISING:
			direction |= DIRECTION_RISING;
			break;
		case OPTION_FALLING:
			direction |= DIRECTION_FALLING;
			break;
		case OPTION_BOTH:
			direction |= DIRECTION_BOTH;
			break;
		case OPTION_HYSTERESIS:
			if (!level_is_amount(optarg))
				return usage_error("watch",
						   "--hysteresis %s: not an amount, such as 5%% or 16M",
						   optarg);
			watch.follow.request.hysteresis = optarg;
			break;
		case OPTION_ONCE:
			watch.follow.request.once = true;
			watch.bounded = true;
			break;
		case OPTION_FOLLOW:
			watch.follow.again = true;
			break;
		case OPTION_CGROUP:
			status = memory_option("watch", optarg);
			if (status)
				return status;
			break;
		case OPTION_INTERFACE:
			status = interface_parse("watch", optarg,
						 &watch.follow.interface);
			if (status)
				return status;
			break;
		case 'n':
			errno = 0;
			watch.count = strtoull(optarg, &end, 10);
			if (*optarg < '0' || *optarg > '9' || *end || errno ||
			    !watch.count)
				return usage_error("watch",
						   "--count %s: not a number from 1 on",
						   optarg);
			watch.bounded = true;
			break;
		case 't':
			status = duration_parse("watch", "--timeout", optarg,
						&watch.timeout);
			if (status)
				return status;
			break;
		case 'e':
			watch.command = optarg;
			break;
		case OPTION_LATEST:
			watch.latest = true;
			break;
		case OPTION_EXEC_TIMEOUT:
			status = duration_parse("watch", "--exec-timeout",
						optarg, &watch.exec_timeout);
			if (status)
				return status;
			break;
		case 'j':
			watch.json = true;
			break;
		case 'h':
			fputs(watch_help, stdout);
			return STATUS_OK;
		default:
			return option_error(c, argv);
		}
	}
	if (watch.latest && !watch.command)
		return usage_error("watch", "--latest: needs --exec");
	if (watch.exec_timeout < 0)
		watch.exec_timeout = EXEC_TIMEOUT;
	else if (!watch.command)
		return usage_error("watch", "--exec-timeout: needs --exec");
	watch.follow.request.direction = direction ? direction : DIRECTION_BOTH;
	status = watch_operands(&watch, argc - optind, argv + optind);
	return status ? status : watch_run(&watch);
}
