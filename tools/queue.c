// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "delay.h"
#include "queue.h"

struct queues queues = LIST_HEAD_INITIALIZER(queues);

/* of units, which those of several sections may start */
static struct rests queues_alike = { .all = LIST_HEAD_INITIALIZER(queues_alike.all) };

void job_free(struct job *job)
{
	free(job->command);
	free((char *)job->target.path);
	free((char *)job->target.name);
	free((char *)job->event.level);
	free((char *)job->event.cgroup_path);
	free(job);
}

/* NULL if there is no memory. */
struct job *job_new(const char *command, const struct event *event)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->event = *event;
	job->event.target = &job->target;
	job->event.trigger = NULL;
	memcpy(job->target.device, event->target->device,
	       sizeof(job->target.device));
	job->command = strdup(command);
	job->target.path = strdup(event->target->path);
	job->target.name = strdup(event->target->name);
	job->event.level = strdup(event->level);
	if (event->cgroup_path)
		job->event.cgroup_path = strdup(event->cgroup_path);
	if (job->command && job->target.path && job->target.name &&
	    job->event.level)
		return job;
	job_free(job);
	return NULL;
}

/* NULL if there is none. */
struct queue *queue_find(const char *name)
{
	struct queue *queue;

	LIST_FOREACH(queue, &queues, next) {
		if (!strcmp(queue->name, name))
			break;
	}
	return queue;
}

/* NULL if there is no memory. */
struct queue *queue_get(const char *name)
{
	struct queue *queue = queue_find(name);

	if (queue) {
		queue->dropped = false;
		return queue;
	}
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return NULL;
	queue->name = strdup(name);
	if (!queue->name) {
		free(queue);
		return NULL;
	}
	TAILQ_INIT(&queue->jobs);
	LIST_INIT(&queue->own.all);
	queue->rests = &queue->own;
	LIST_INSERT_HEAD(&queues, queue, next);
	return queue;
}

/* The one that waits for the same level as @event; or NULL. */
struct job *queue_find_job(const struct queue *queue, const struct event *event)
{
	struct job *job;

	TAILQ_FOREACH(job, &queue->jobs, next) {
		if (!strcmp(job->target.path, event->target->path) &&
		    !strcmp(job->target.device, event->target->device) &&
		    !strcmp(job->event.level, event->level))
			break;
	}
	return job;
}

static bool job_waits(const struct job *job)
{
	return !job->late && !job->over;
}

/* Is there one to be run, now or later? */
bool queue_waits(const struct queue *queue)
{
	const struct job *job;

	TAILQ_FOREACH(job, &queue->jobs, next) {
		if (job_waits(job))
			break;
	}
	return job;
}

/* What @job has to wait for others of. */
static const char *queue_of(const struct queue *queue, const struct job *job)
{
	return queue->alike ? job->command : job->target.path;
}

static int rest_compare(const void *a, const void *b)
{
	const struct rest *one = a, *other = b;

	return strcmp(one->of, other->of);
}

/* NULL if it was never run, or long ago. */
static struct rest *queue_find_rest(const struct queue *queue, const char *of)
{
	struct rest key = { .of = (char *)of };
	struct rest **found = tfind(&key, &queue->rests->by_name, rest_compare);

	return found ? *found : NULL;
}

static double queue_until(const struct queue *queue, const struct job *job)
{
	const struct rest *rest = queue_find_rest(queue, queue_of(queue, job));

	return rest && rest->until > queue->until ? rest->until : queue->until;
}

/* When the first may be run, INFINITY if there is none: of a queue that is idle. */
double queue_due(const struct queue *queue)
{
	const struct job *job;
	double due = INFINITY;

	TAILQ_FOREACH(job, &queue->jobs, next) {
		if (job_waits(job) && queue_until(queue, job) < due)
			due = queue_until(queue, job);
	}
	return due;
}

/* The one that is to be run next, at @now; or NULL. */
struct job *queue_next(const struct queue *queue, double now)
{
	struct job *job;

	TAILQ_FOREACH(job, &queue->jobs, next) {
		if (job_waits(job) && queue_until(queue, job) <= now)
			break;
	}
	return job;
}

static void queue_forget(struct queue *queue, struct rest *rest)
{
	tdelete(rest, &queue->rests->by_name, rest_compare);
	LIST_REMOVE(rest, next);
	free(rest->path);
	free(rest->of);
	free(rest);
}

/* NULL if there is no memory. */
static struct rest *queue_get_rest(struct queue *queue, const char *of)
{
	struct rest *rest = queue_find_rest(queue, of);

	if (rest)
		return rest;
	rest = calloc(1, sizeof(*rest));
	if (!rest)
		return NULL;
	rest->of = strdup(of);
	if (!rest->of ||
	    !tsearch(rest, &queue->rests->by_name, rest_compare)) {
		free(rest->of);
		free(rest);
		return NULL;
	}
	LIST_INSERT_HEAD(&queue->rests->all, rest, next);
	return rest;
}

/* @job has been started, and another queue is not to run the same. */
void queue_begun(struct queue *queue, const struct job *job, double now)
{
	struct rest *rest = queue->alike ? queue_get_rest(queue, job->command) : NULL;

	if (!rest)
		return;
	rest->ended = now;
	rest->until = now + queue->pause;
}

/*
 * @job has ended: what comes next of the same waits. It may fail likewise, and waits each
 * time for longer then.
 */
void queue_rest(struct queue *queue, const struct job *job, bool failed,
		double now)
{
	struct rest *rest = queue_get_rest(queue, queue_of(queue, job)), *following;

	if (!rest)
		return;
	/* without it no mount that goes has it forgiven */
	free(rest->path);
	rest->path = strdup(job->target.path);
	rest->ended = now;
	rest->delay = !failed ? 0 :
		      delay_after(rest->delay, QUEUE_DELAY, QUEUE_DELAY_MAX);
	rest->until = now + (rest->delay > queue->pause ? rest->delay : queue->pause);
	/* of what is gone nothing comes next */
	for (rest = LIST_FIRST(&queue->rests->all); rest; rest = following) {
		following = LIST_NEXT(rest, next);
		if (now > rest->until + QUEUE_DELAY_MAX)
			queue_forget(queue, rest);
	}
}

static void queue_forgive_one(struct queue *queue, struct rest *rest)
{
	rest->delay = 0;
	rest->until = rest->ended + queue->pause;
}

/* That commands have failed for @path, NULL for all, keeps none waiting any more. */
void queue_forgive(struct queue *queue, const char *path)
{
	struct rest *rest;

	if (path && !queue->alike) {
		rest = queue_find_rest(queue, path);
		if (rest)
			queue_forgive_one(queue, rest);
		return;
	}
	LIST_FOREACH(rest, &queue->rests->all, next) {
		if (!path || (rest->path && !strcmp(rest->path, path)))
			queue_forgive_one(queue, rest);
	}
}

/**
 * queue_pauses() - have commands wait for each other
 * @queue: which is new, or had the same before
 * @pause: between two for the same mount, in seconds
 * @alike: or between two of the same text, for whichever mount and in whichever queue
 */
void queue_pauses(struct queue *queue, double pause, bool alike)
{
	queue->pause = pause;
	queue->alike = alike;
	if (alike)
		queue->rests = &queues_alike;
}

void queue_drop_job(struct queue *queue, struct job *job)
{
	TAILQ_REMOVE(&queue->jobs, job, next);
	job_free(job);
}

/* One in which nothing waits or runs. */
void queue_free(struct queue *queue)
{
	while (!LIST_EMPTY(&queue->own.all))
		queue_forget(queue, LIST_FIRST(&queue->own.all));
	LIST_REMOVE(queue, next);
	free(queue->name);
	free(queue);
}
