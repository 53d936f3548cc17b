/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queues of commands, see exec.h: what waits in them and what runs.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "event.h"
#include "target.h"

/**
 * struct job - a command for an event
 * @event: which; what it refers to is the job's own
 * @target: of @event; the names alone
 * @command: to be run
 * @late: it is no longer so, and it is run only if it is so again
 * @over: that was told, too, and it is run only if it is told again that it is so
 */
struct job {
	struct event event;
	struct target target;
	char *command;
	bool late;
	bool over;

	TAILQ_ENTRY(job) next;
};

/**
 * struct rest - a mount, or a unit, of which a command has ended
 * @of: see queue_of()
 * @path: for what it was, then
 * @ended: when, or when it has begun and has not ended
 * @delay: how long the next one waits as the last has failed, 0 if it has not
 * @until: when the next one may begin
 */
struct rest {
	char *of;
	char *path;
	double ended;
	double delay;
	double until;

	LIST_ENTRY(rest) next;
};

/**
 * struct rests - pauses, and those after failures
 * @all: in no order
 * @by_name: the same, by what they are of
 */
struct rests {
	LIST_HEAD(, rest) all;
	void *by_name;
};

/* the first pause after a command that failed, and the longest, in seconds */
#define QUEUE_DELAY	1
#define QUEUE_DELAY_MAX	300

enum stage {
	STAGE_IDLE,
	STAGE_RUNS,
	STAGE_TERMINATED,
	STAGE_KILLED,
};

/**
 * struct queue - commands of which one runs at a time
 * @name: of the queue; that of watch is the path as typed, which two targets may
 *	have
 * @pause: between two commands for the same mount, in seconds; 0 for none
 * @alike: or for the same unit, that is, of two commands alike, in whichever queue
 * @jobs: that wait, at most one for each level
 * @own: pauses of this queue
 * @rests: those, or the ones of all that are @alike
 * @dropped: there will be no more, and it goes when nothing runs
 * @running: whose command runs, NULL if none
 * @begun: when it was started
 * @stage: how far it is with that
 * @pid: of the shell, and the number of its process group
 * @over: the shell has ended, with @status, but not all of the group
 * @status: as of waitpid(2)
 * @until: when the next stage begins, or, without a command, the next is tried
 * @refused: since when fork(2) fails, 0 if it does not
 */
struct queue {
	char *name;
	double pause;
	bool alike;

	TAILQ_HEAD(, job) jobs;
	struct rests own;
	struct rests *rests;
	bool dropped;
	struct job *running;
	double begun;
	enum stage stage;
	pid_t pid;
	bool over;
	int status;
	double until;
	double refused;

	LIST_ENTRY(queue) next;
};

extern LIST_HEAD(queues, queue) queues;

struct queue *queue_find(const char *name);
struct queue *queue_get(const char *name);
void queue_free(struct queue *queue);
void queue_pauses(struct queue *queue, double pause, bool alike);
struct job *queue_find_job(const struct queue *queue, const struct event *event);
bool queue_waits(const struct queue *queue);
double queue_due(const struct queue *queue);
struct job *queue_next(const struct queue *queue, double now);
void queue_begun(struct queue *queue, const struct job *job, double now);
void queue_rest(struct queue *queue, const struct job *job, bool failed,
		double now);
void queue_forgive(struct queue *queue, const char *path);
void queue_drop_job(struct queue *queue, struct job *job);

struct job *job_new(const char *command, const struct event *event);
void job_free(struct job *job);

#endif /* QUEUE_H */
