// SPDX-License-Identifier: GPL-2.0
/*
 * Stress of tools/exec.c: events at random for some paths and levels, faster
 * than commands run, as watch has them and, in a process of its own, as the
 * service does, of which commands for "up" are held back at "down". What the
 * commands found is compared with what was told. TAP on stdout.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event.h"
#include "exec.h"
#include "target.h"
#include "text.h"
#include "tool.h"

#define PATHS	4
#define LEVELS	5
#define EVENTS	20000
#define SERVICE_EVENTS	100000

/**
 * struct known - of a level of a path
 * @told: crossings
 * @found: those that commands were run for
 * @up: the latest event told
 * @found_up: that of the last command
 */
struct known {
	uint64_t told;
	uint64_t found;
	bool up;
	bool found_up;
};

static struct target targets[PATHS];
static char paths[PATHS][16], levels[LEVELS][16];
static struct known known[PATHS][LEVELS];
static int last_told[PATHS], last_found[PATHS];
static char command[256];
static int errors, commands;

/* it is the service, which says more */
static bool service;

void error(const char *format, ...)
{
	va_list args;

	if (service)
		return;
	errors++;
	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

const char *error_text(int err)
{
	return strerror(err);
}

/* what is told is levels alone here */
bool event_is_refusal(const struct event *event)
{
	return !event;
}

const char *event_what(char buf[EVENT_WHAT_SIZE], const struct event *event)
{
	snprintf(buf, EVENT_WHAT_SIZE, "%s %s", event->up ? "up" : "down", event->level);
	return buf;
}

const char *level_resource_name(const char *text)
{
	return text;
}

const char *text_utc_time(char buf[TEXT_SIZE], const struct timespec *time)
{
	snprintf(buf, TEXT_SIZE, "%ld", (long)time->tv_sec);
	return buf;
}

static void tell(void)
{
	int path = random() % PATHS, level = random() % LEVELS;
	struct known *which = &known[path][level];
	struct event event = {
		.target = &targets[path],
		.level = levels[level],
		.up = random() & 1,
		.crossings = 1 + random() % 3,
		.cgroup = 1,
		.cgroup_path = random() & 1 ? "/some.slice" : NULL,
	};

	which->up = event.up;
	last_told[path] = level;
	if (service && !event.up) {
		exec_hold(event.target->path, &event, true);
		return;
	}
	which->told += event.crossings;
	if (exec_add(event.target->path, command, &event))
		exit(1);
}

/* False if two commands of a path have run at a time, or a line is none. */
static bool read_found(FILE *file)
{
	bool running[PATHS] = { };
	unsigned long long crossings;
	char word[8], way[8];
	int path, level;

	while (fscanf(file, "%7s p%d l%d %7s %llu\n", word, &path, &level, way,
		      &crossings) == 5) {
		struct known *which = &known[path][level];

		if (running[path] == !strcmp(word, "begin"))
			return false;
		running[path] = !running[path];
		if (!running[path])
			continue;
		commands++;
		which->found += crossings;
		which->found_up = !strcmp(way, "up");
		last_found[path] = level;
	}
	return feof(file);
}

static int result(int number, bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", number, name);
	return !good;
}

static void wait_until_idle(void)
{
	while (!exec_is_idle()) {
		usleep(1000);
		exec_run();
	}
}

static void stress(int events)
{
	int i;

	for (i = 0; i < events; i++) {
		tell();
		/* the service reads what has come before it runs any */
		if (!service || !(i % 64))
			exec_run();
		if (!(random() % 1000))
			usleep(random() % 10000);
	}
	wait_until_idle();
}

/* All levels are reached and left before more than one command of a path has begun. */
static void reach_and_leave(void)
{
	int i;

	for (i = 0; i < PATHS * LEVELS; i++) {
		struct event event = {
			.target = &targets[i / LEVELS],
			.level = levels[i % LEVELS],
			.up = true,
			.crossings = 1,
		};

		known[i / LEVELS][i % LEVELS].told++;
		known[i / LEVELS][i % LEVELS].up = false;
		exec_add(event.target->path, command, &event);
	}
	exec_run();
	for (i = 0; i < PATHS * LEVELS; i++) {
		struct event event = {
			.target = &targets[i / LEVELS],
			.level = levels[i % LEVELS],
		};

		exec_hold(event.target->path, &event, true);
	}
	wait_until_idle();
}

/* As the service has them: the number of what is wrong. */
static int stress_service(FILE *file)
{
	int i, j, wrong = 0, before;

	service = true;
	if (exec_open(60, true))
		return 1;
	stress(SERVICE_EVENTS);
	if (!read_found(file))
		return 2;
	before = commands;
	reach_and_leave();
	clearerr(file);
	if (!read_found(file) || commands > before + PATHS)
		return 4;
	for (i = 0; i < PATHS; i++) {
		for (j = 0; j < LEVELS; j++) {
			const struct known *which = &known[i][j];

			/* what is held back at the end has not been found */
			if (!which->found || (which->up ? which->found != which->told :
							  which->found > which->told))
				wrong = 3;
		}
	}
	return wrong;
}

int main(void)
{
	char name[] = "/tmp/queues.XXXXXX";
	bool counted = true, latest = true, alone;
	FILE *file = fdopen(mkstemp(name), "r");
	int i, j, failed, status = 1;
	pid_t pid;

	for (i = 0; i < PATHS; i++) {
		snprintf(paths[i], sizeof(paths[i]), "p%d", i);
		targets[i].path = paths[i];
		targets[i].name = paths[i];
	}
	for (i = 0; i < LEVELS; i++)
		snprintf(levels[i], sizeof(levels[i]), "l%d", i);
	snprintf(command, sizeof(command),
		 "x=\"$TMPFSWARN_PATH $TMPFSWARN_LEVEL $TMPFSWARN_DIRECTION $TMPFSWARN_CROSSINGS\"; echo begin $x >>%s; echo end $x >>%s",
		 name, name);
	puts("TAP version 13\n1..5");
	fflush(stdout);
	srandom(1);
	pid = fork();
	if (!pid)
		_exit(file ? stress_service(file) : 1);
	waitpid(pid, &status, 0);
	if (!file || truncate(name, 0) || exec_open(60, false))
		return 1;
	rewind(file);
	stress(EVENTS);
	alone = read_found(file);
	for (i = 0; i < PATHS; i++) {
		for (j = 0; j < LEVELS; j++) {
			counted &= known[i][j].told == known[i][j].found;
			latest &= known[i][j].up == known[i][j].found_up;
		}
		latest &= last_told[i] == last_found[i];
	}
	unlink(name);
	fclose(file);
	failed = result(1, alone, "one command of a path runs at a time");
	failed |= result(2, counted, "every crossing is counted once");
	failed |= result(3, latest, "the last command has the latest event, of each level and of each path");
	failed |= result(4, !errors, "nothing goes wrong");
	failed |= result(5, !status, "of the service every crossing up is counted once, and none is acted on that is no longer so");
	return failed;
}
