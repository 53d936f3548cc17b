// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cgroup.h"
#include "event.h"
#include "exec.h"
#include "follow.h"
#include "interface.h"
#include "level.h"
#include "memory.h"
#include "tool.h"

const char watch_help[] =
"Usage: tmpfswarn watch [OPTION...] PATH LEVEL... [PATH LEVEL...]\n"
"\n"
"Prints a line each time the tmpfs that PATH is on fills to a LEVEL (up) or\n"
"falls below it (down). LEVEL: 80%, 99.5%, 512M, 2Gi, or low, medium, critical;\n"
"free:200M, free:5% is reached when no more than that is left.\n"
"The line \"watching PATH: ...\" says that it is ready and where usage is now.\n"
"\n"
"      --rising           tell of up only\n"
"      --falling          tell of down only\n"
"      --both             tell of both (default)\n"
"      --hysteresis AMOUNT\n"
"                         after telling of a level, tell of it again only when\n"
"                         usage has in between gone back by AMOUNT: 5%, 16M\n"
"  -n, --count N          end after N events\n"
"      --once             tell of each level once, end when all have been told\n"
"      --follow           watch PATH again whenever another tmpfs is mounted there\n"
"  -t, --timeout SECONDS  end after so long, with exit status 2\n"
"  -e, --exec COMMAND     run COMMAND with /bin/sh for each event, with\n"
"                         TMPFSWARN_PATH, _DEVICE, _LEVEL, _DIRECTION (up, down),\n"
"                         _USED, _SIZE (bytes), _TIME and _CROSSINGS in its\n"
"                         environment, and where it is known who crossed, _PID,\n"
"                         _UID, _COMM, _CGROUP (id) and _CGROUP_PATH\n"
"  -j, --json             one JSON object a line, numbers in bytes\n"
"      --cgroup PATH      say what memory this cgroup leaves, not our own\n"
"      --interface NAME   device, debugfs or auto, the first that can be used\n"
"  -h, --help             this text\n"
"\n"
"Exit status: 0 all told, or ended by SIGINT, SIGTERM or a closed standard\n"
"output; 1 error; 2 timeout; 3 no PATH leads to its mount any more, or the\n"
"module went away\n";

enum {
	OPTION_RISING = 256,
	OPTION_FALLING,
	OPTION_BOTH,
	OPTION_HYSTERESIS,
	OPTION_ONCE,
	OPTION_FOLLOW,
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
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

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
 * @timeout: in seconds, negative for none
 * @count: events still to tell, UINT64_MAX for no limit
 * @json: how to print
 * @polls: what to wait for
 * @more: there may be events that were read already
 * @done: nothing more is to be told, only commands to be run
 * @status: to exit with
 */
struct watch {
	struct follow follow;
	const char *command;
	double timeout;
	uint64_t count;
	bool json;
	struct pollfd polls[POLLS];
	bool more;
	bool done;
	int status;
};

static void watch_end(struct watch *watch, int status)
{
	if (!watch->done)
		watch->status = status;
	watch->done = true;
}

static void watch_signal(struct watch *watch)
{
	struct signalfd_siginfo info;

	if (read(watch->polls[POLL_SIGNAL].fd, &info, sizeof(info)) !=
	    sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		return;
	/* whoever ends watch does not want to wait for commands */
	watch->command = NULL;
	watch_end(watch, STATUS_OK);
}

/*
 * Puts out what was printed. A reader that has stopped, or a terminal that was
 * told to, must not keep a signal or the timeout from ending watch: so write(2)
 * is called only when it does not block. False if watch is to end.
 */
static bool watch_flush(struct watch *watch)
{
	struct pollfd polls[] = {
		{ .fd = STDOUT_FILENO, .events = POLLOUT },
		watch->polls[POLL_SIGNAL],
		watch->polls[POLL_TIMER],
	};
	int status;

	while (!watch->done && poll(polls, 3, -1) > 0) {
		if (polls[0].revents) {
			if (output_flush(&status))
				return true;
			watch_end(watch, status);
		} else if (polls[1].revents) {
			watch_signal(watch);
		} else {
			watch_end(watch, STATUS_TIMEOUT);
		}
	}
	/* or exit(3) would try once more */
	__fpurge(stdout);
	watch_end(watch, STATUS_ERROR);
	return false;
}

static void watch_tell(struct watch *watch, struct event *event)
{
	int status = STATUS_OK;

	if (event->cgroup && (watch->json || watch->command))
		event->cgroup_path = cgroup_path(event->cgroup, event->pid);
	event_print(event, watch->json);
	if (!watch_flush(watch))
		return;
	if (watch->command && event_is_crossing(event))
		status = exec_add(event);
	if (status) {
		watch_end(watch, status);
		return;
	}
	if (event_is_crossing(event) && !--watch->count)
		watch_end(watch, STATUS_OK);
	else if (follow_is_over(&watch->follow))
		watch_end(watch, event->gone ? STATUS_GONE : STATUS_OK);
}

/* One event at a time, so that a signal or the timeout comes in between. */
static void watch_read(struct watch *watch)
{
	struct event event;
	int nr = follow_next(&watch->follow, &event);

	watch->more = nr > 0;
	if (nr > 0)
		watch_tell(watch, &event);
	else if (nr < 0)
		watch_end(watch, STATUS_ERROR);
}

static int watch_loop(struct watch *watch)
{
	struct pollfd *polls = watch->polls;

	/* registering may have read some */
	watch->more = true;
	for (;;) {
		bool reads;

		if (watch->command)
			exec_run(watch->command);
		if (watch->done && (!watch->command || exec_is_idle()))
			return watch->status;

		reads = !watch->done && !exec_is_behind();
		polls[POLL_EVENTS].fd = reads ? watch->follow.fd : -1;
		if (watch->done)
			polls[POLL_TIMER].fd = -1;
		if (poll(polls, POLLS, reads && watch->more ? 0 : -1) < 0) {
			error("poll: %s", strerror(errno));
			return STATUS_ERROR;
		}
		if (polls[POLL_SIGNAL].revents)
			watch_signal(watch);
		if ((polls[POLL_EVENTS].revents || (reads && watch->more)) &&
		    !watch->done)
			watch_read(watch);
		if (polls[POLL_TIMER].revents)
			watch_end(watch, STATUS_TIMEOUT);
		/* the reader of a pipe has closed it, a terminal is gone */
		if (polls[POLL_STDOUT].revents) {
			polls[POLL_STDOUT].fd = -1;
			watch_end(watch, STATUS_OK);
		}
	}
}

/*
 * Signals, before anything is registered: whoever has seen a registration may
 * send one.
 */
static int watch_set_up_signals(struct watch *watch)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
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
	watch->polls[POLL_SIGNAL].fd = signalfd(-1, &signals, SFD_CLOEXEC);
	return watch->polls[POLL_SIGNAL].fd < 0 ? -1 : 0;
}

/* All else that is waited for, before the first thing happens. */
static int watch_set_up(struct watch *watch)
{
	struct itimerspec time = { };
	int i;

	watch->polls[POLL_TIMER].fd = timerfd_create(CLOCK_MONOTONIC,
						     TFD_CLOEXEC);
	if (watch->polls[POLL_TIMER].fd < 0)
		return -1;
	for (i = 0; i < POLL_STDOUT; i++)
		watch->polls[i].events = POLLIN;
	watch->polls[POLL_STDOUT].fd = STDOUT_FILENO;

	if (watch->timeout >= 0) {
		time.it_value.tv_sec = watch->timeout;
		time.it_value.tv_nsec =
			(watch->timeout - time.it_value.tv_sec) * 1e9;
		/* a time of 0 would stop the clock */
		if (!time.it_value.tv_sec && !time.it_value.tv_nsec)
			time.it_value.tv_nsec = 1;
	}
	return timerfd_settime(watch->polls[POLL_TIMER].fd, 0, &time, NULL);
}

static int watch_run(struct watch *watch)
{
	struct follow *follow = &watch->follow;
	int status;
	size_t i;

	if (watch_set_up_signals(watch)) {
		error("%s", strerror(errno));
		return STATUS_ERROR;
	}
	status = follow_begin(follow);
	if (status)
		return status;
	if (watch_set_up(watch)) {
		error("%s", strerror(errno));
		return STATUS_ERROR;
	}
	for (i = 0; i < follow->nr_targets; i++)
		event_print_ready(&follow->targets[i], watch->json);
	if (!watch_flush(watch))
		return watch->status;
	return watch_loop(watch);
}

/* PATH LEVEL... [PATH LEVEL...]: the levels share one array. */
static int watch_operands(struct watch *watch, int argc, char **argv)
{
	struct trigger *trigger = calloc(argc + 1, sizeof(*trigger));
	struct target *target = calloc(argc + 1, sizeof(*target));
	int i, status;

	if (!trigger || !target) {
		error("out of memory");
		return STATUS_ERROR;
	}
	if (!argc)
		return usage_error("watch", "needs a PATH and a LEVEL");
	if (level_is_meant(argv[0]))
		return usage_error("watch",
				   "%s: a PATH must come before a LEVEL (./%s if it is one)",
				   argv[0], argv[0]);
	watch->follow.targets = target--;
	for (i = 0; i < argc; i++) {
		if (!level_is_meant(argv[i])) {
			*++target = (struct target){
				.path = argv[i],
				.triggers = trigger,
				.fd = -1,
			};
			watch->follow.nr_targets++;
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
	struct watch watch = { .count = UINT64_MAX, .timeout = -1 };
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
			break;
		case OPTION_FOLLOW:
			watch.follow.again = true;
			break;
		case OPTION_INTERFACE:
			status = interface_parse("watch", optarg,
						 &watch.follow.interface);
			if (status)
				return status;
			break;
		case OPTION_CGROUP:
			status = memory_option("watch", optarg);
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
			break;
		case 't':
			status = seconds_parse("watch", optarg, &watch.timeout);
			if (status)
				return status;
			break;
		case 'e':
			watch.command = optarg;
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
	watch.follow.request.direction = direction ? direction : DIRECTION_BOTH;
	status = watch_operands(&watch, argc - optind, argv + optind);
	return status ? status : watch_run(&watch);
}
