/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: what becomes of a registration.
 */
#ifndef EVENT_H
#define EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

/* for the name of a task or a kernel thread */
#define EVENT_COMM_SIZE	64

/* for a cause, and the word before it */
#define EVENT_CAUSE_SIZE	32
#define EVENT_WHAT_SIZE		80

/* reasons for which a target is gone */
#define EVENT_UNMOUNTED	"unmounted"
#define EVENT_UNLIMITED	"has no limit any more"

struct target;
struct trigger;

/**
 * struct event - a crossing or a refusal, the end of a target, or its begin
 * @target: where
 * @gone: what has gone away, and what follows is not set; or NULL
 * @ready: its levels have been registered, and what follows is not set
 * @trigger: which level
 * @state: no crossing: the level was registered anew, with usage at it or more
 *	if @up; follow_next() tells nobody
 * @late: was read so late that only @crossings, and @up of the last of them, are
 *	of the crossing; what else is set is of when it was read
 * @outdated: the level is for another size than the mount has: nobody is told
 * @level: as typed
 * @up: usage has reached it, or else fallen below it; not set for a refusal
 * @crossings: of this level since the event before, of which this is the last;
 *	or refusals; none of a reminder
 * @reminder: usage has been there for long, which is told for the so manieth time
 *	again; 0 of all else
 * @cause: of a refusal; "" if it is not known
 * @asked: how much was asked for then, in what event_is_of_inodes() says; 0 if
 *	that is not known
 * @used: bytes, or inodes if event_is_of_inodes()
 * @size: likewise; 0 if it is too late to know, or there is no limit
 * @time: of the crossing
 * @who: it is known who crossed, and what follows is set
 * @pid: of the process, 0 if it is none of our pid namespace
 * @uid: its user
 * @comm: its name
 * @cgroup: the id of its cgroup, 0 if not known
 * @cgroup_path: where that is below the cgroup2 mount, or NULL; valid until the
 *	next event is taken
 */
struct event {
	struct target *target;
	const char *gone;
	bool ready;
	struct trigger *trigger;
	bool state;
	bool late;
	bool outdated;
	const char *level;
	bool up;
	uint64_t crossings;
	unsigned int reminder;
	char cause[EVENT_CAUSE_SIZE];
	uint64_t asked;
	uint64_t used;
	uint64_t size;
	struct timespec time;
	bool who;
	pid_t pid;
	uid_t uid;
	char comm[EVENT_COMM_SIZE];
	uint64_t cgroup;
	const char *cgroup_path;
};

void event_write_bytes(FILE *file, uint64_t used, uint64_t size);
void event_write_inodes(FILE *file, uint64_t used, uint64_t inodes);
void event_write(FILE *file, const struct event *event);
char *event_text(const struct event *event);
bool event_is_crossing(const struct event *event);
bool event_is_refusal(const struct event *event);
bool event_is_of_inodes(const struct event *event);
const char *event_what(char buf[EVENT_WHAT_SIZE], const struct event *event);
void event_print_ready(const struct target *target, bool json);
void event_print(const struct event *event, bool json);

#endif /* EVENT_H */
