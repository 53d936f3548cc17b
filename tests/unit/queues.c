// SPDX-License-Identifier: GPL-2.0
/*
 * Stress of tools/exec.c: events at random for some paths and levels, faster
 * than commands run. What the commands found is compared with what was told.
 * TAP on stdout.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event.h"
#include "exec.h"
#include "target.h"
#include "text.h"
#include "tool.h"

#define PATHS	4
#define LEVELS	5
#define EVENTS	20000

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
static int errors;

void error(const char *format, ...)
{
	va_list args;

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

	which->told += event.crossings;
	which->up = event.up;
	last_told[path] = level;
	if (exec_add(&event))
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

int main(void)
{
	char name[] = "/tmp/queues.XXXXXX", command[256];
	bool counted = true, latest = true, alone;
	FILE *file = fdopen(mkstemp(name), "r");
	int i, j, failed;

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
	puts("TAP version 13\n1..4");
	if (!file || exec_open(command, 60))
		return 1;
	srandom(1);
	for (i = 0; i < EVENTS; i++) {
		tell();
		exec_run();
		if (!(random() % 1000))
			usleep(random() % 10000);
	}
	while (!exec_is_idle()) {
		usleep(1000);
		exec_run();
	}
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
	return failed;
}
