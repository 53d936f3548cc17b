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
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "event.h"
#include "exec.h"
#include "level.h"
#include "target.h"
#include "tool.h"

const char watch_help[] =
"Usage: tmpfswarn watch [OPTION...] PATH LEVEL... [PATH LEVEL...]\n"
"\n"
"Prints a line each time the tmpfs that PATH is on fills to a LEVEL (up) or\n"
"falls below it (down). LEVEL: 80%, 99.5%, 512M, 2Gi, or low, medium, critical.\n"
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
"  -t, --timeout SECONDS  end after so long, with exit status 2\n"
"  -e, --exec COMMAND     run COMMAND with /bin/sh for each event, with\n"
"                         TMPFSWARN_PATH, _DEVICE, _LEVEL, _DIRECTION (up, down),\n"
"                         _USED, _SIZE (bytes) and _TIME in its environment\n"
"  -j, --json             one JSON object a line, numbers in bytes\n"
"  -h, --help             this text\n"
"\n"
"Exit status: 0 all told, or ended by SIGINT, SIGTERM or a closed standard\n"
"output; 1 error; 2 timeout; 3 all the mounts or the module went away\n";

enum {
	OPTION_RISING = 256,
	OPTION_FALLING,
	OPTION_BOTH,
	OPTION_HYSTERESIS,
	OPTION_ONCE,
};

static const struct option options[] = {
	{ "rising", no_argument, NULL, OPTION_RISING },
	{ "falling", no_argument, NULL, OPTION_FALLING },
	{ "both", no_argument, NULL, OPTION_BOTH },
	{ "hysteresis", required_argument, NULL, OPTION_HYSTERESIS },
	{ "once", no_argument, NULL, OPTION_ONCE },
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
 * @direction: of the crossings to tell of
 * @hysteresis: amount, or NULL
 * @command: to run for each event, or NULL
 * @timeout: in seconds, negative for none
 * @count: events still to tell, UINT64_MAX for no limit
 * @once: each level once
 * @json: how to print
 * @targets: what to watch
 * @nr_targets: how many
 * @live: triggers that may still be signalled; a target that is gone has none
 * @polls: what to wait for; @polls[POLL_EVENTS] is an epoll set
 * @done: nothing more is to be told, only commands to be run
 * @status: to exit with
 */
struct watch {
	enum direction direction;
	const char *hysteresis;
	const char *command;
	double timeout;
	uint64_t count;
	bool once;
	bool json;
	struct target *targets;
	size_t nr_targets;
	size_t live;
	struct pollfd polls[POLLS];
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

static void watch_tell(struct watch *watch, struct trigger *trigger)
{
	struct event event = {
		.target = trigger->target,
		.level = trigger->level,
		.used = trigger->target->usage.used,
		.size = trigger->target->usage.size,
	};
	int status = STATUS_OK;

	if (watch->direction == DIRECTION_BOTH)
		trigger->above = !trigger->above;
	else
		trigger->above = watch->direction == DIRECTION_RISING;
	event.up = trigger->above;
	clock_gettime(CLOCK_REALTIME, &event.time);

	event_print(&event, watch->json);
	if (!watch_flush(watch))
		return;
	if (watch->command)
		status = exec_add(&event);
	if (status) {
		watch_end(watch, status);
		return;
	}
	if (watch->once) {
		target_forget(trigger);
		watch->live--;
	}
	if (!--watch->count || !watch->live)
		watch_end(watch, STATUS_OK);
}

static void watch_tell_all(struct watch *watch, struct trigger *trigger,
			   uint64_t crossings)
{
	while (crossings-- && !watch->done && trigger->efd >= 0)
		watch_tell(watch, trigger);
}

/* The sentinel of @target was signalled. */
static void watch_gone(struct watch *watch, struct target *target)
{
	bool lost = false;
	size_t i;

	for (i = 0; i < target->nr_triggers; i++) {
		struct trigger *trigger = &target->triggers[i];

		watch_tell_all(watch, trigger, target_read_last(trigger));
		if (trigger->efd >= 0) {
			watch->live--;
			lost = true;
		}
	}
	target_close(target);
	/* with --once, all of its levels may have been told before */
	if (watch->done || !lost)
		return;
	event_print_gone(target, watch->json);
	if (watch_flush(watch) && !watch->live)
		watch_end(watch, STATUS_GONE);
}

static void watch_read(struct watch *watch)
{
	struct epoll_event events[64];
	int nr, i, err;

	nr = epoll_wait(watch->polls[POLL_EVENTS].fd, events, 64, 0);
	for (i = 0; i < nr && !watch->done; i++) {
		struct trigger *trigger = events[i].data.ptr;
		uint64_t crossings;

		/* closed since, by one before it in @events */
		if (trigger->efd < 0)
			continue;
		if (!trigger->level) {
			watch_gone(watch, trigger->target);
			continue;
		}
		err = target_read(trigger, &crossings);
		if (err && err != -ENODEV) {
			error("%s: %s", trigger->target->name, strerror(-err));
			watch_end(watch, STATUS_ERROR);
		}
		watch_tell_all(watch, trigger, crossings);
	}
}

static int watch_loop(struct watch *watch)
{
	struct pollfd *polls = watch->polls;

	for (;;) {
		if (watch->command)
			exec_run(watch->command);
		if (watch->done && (!watch->command || exec_is_idle()))
			return watch->status;

		polls[POLL_EVENTS].events =
			watch->done || exec_is_behind() ? 0 : POLLIN;
		if (watch->done)
			polls[POLL_TIMER].fd = -1;
		if (poll(polls, POLLS, -1) < 0) {
			error("poll: %s", strerror(errno));
			return STATUS_ERROR;
		}
		if (polls[POLL_SIGNAL].revents)
			watch_signal(watch);
		if (polls[POLL_EVENTS].revents && !watch->done)
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

static int watch_add(struct watch *watch, struct trigger *trigger)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = trigger };

	return epoll_ctl(watch->polls[POLL_EVENTS].fd, EPOLL_CTL_ADD,
			 trigger->efd, &event);
}

static int watch_add_targets(struct watch *watch)
{
	size_t i, j;

	for (i = 0; i < watch->nr_targets; i++) {
		struct target *target = &watch->targets[i];

		for (j = 0; j < target->nr_triggers; j++) {
			if (watch_add(watch, &target->triggers[j]))
				return -1;
			watch->live++;
		}
		if (watch_add(watch, &target->sentinel))
			return -1;
	}
	return 0;
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

	watch->polls[POLL_EVENTS].fd = epoll_create1(EPOLL_CLOEXEC);
	watch->polls[POLL_TIMER].fd = timerfd_create(CLOCK_MONOTONIC,
						     TFD_CLOEXEC);
	for (i = 0; i < POLL_STDOUT; i++) {
		watch->polls[i].events = POLLIN;
		if (watch->polls[i].fd < 0)
			return -1;
	}
	watch->polls[POLL_STDOUT].fd = STDOUT_FILENO;

	if (watch->timeout >= 0) {
		time.it_value.tv_sec = watch->timeout;
		time.it_value.tv_nsec =
			(watch->timeout - time.it_value.tv_sec) * 1e9;
		/* a time of 0 would stop the clock */
		if (!time.it_value.tv_sec && !time.it_value.tv_nsec)
			time.it_value.tv_nsec = 1;
	}
	if (timerfd_settime(watch->polls[POLL_TIMER].fd, 0, &time, NULL))
		return -1;
	return watch_add_targets(watch);
}

static int watch_run(struct watch *watch)
{
	int status;
	size_t i;

	if (watch_set_up_signals(watch)) {
		error("%s", strerror(errno));
		return STATUS_ERROR;
	}
	for (i = 0; i < watch->nr_targets; i++) {
		status = target_open(&watch->targets[i], watch->direction,
				     watch->hysteresis);
		if (status)
			return status;
	}
	if (watch_set_up(watch)) {
		error("%s", strerror(errno));
		return STATUS_ERROR;
	}
	for (i = 0; i < watch->nr_targets; i++)
		event_print_ready(&watch->targets[i], watch->json);
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
	watch->targets = target--;
	for (i = 0; i < argc; i++) {
		if (!level_is_meant(argv[i])) {
			*++target = (struct target){
				.path = argv[i],
				.triggers = trigger,
				.dir = -1,
			};
			watch->nr_targets++;
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
			watch.hysteresis = optarg;
			break;
		case OPTION_ONCE:
			watch.once = true;
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
	watch.direction = direction ? direction : DIRECTION_BOTH;
	status = watch_operands(&watch, argc - optind, argv + optind);
	return status ? status : watch_run(&watch);
}
