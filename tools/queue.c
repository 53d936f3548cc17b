// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "queue.h"

struct queues queues = LIST_HEAD_INITIALIZER(queues);

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
	LIST_INIT(&queue->failures);
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

/* NULL if the last command of @path has not failed. */
struct failure *queue_failure(const struct queue *queue, const char *path)
{
	struct failure *failure;

	LIST_FOREACH(failure, &queue->failures, next) {
		if (!strcmp(failure->path, path))
			break;
	}
	return failure;
}

static double queue_until(const struct queue *queue, const struct job *job)
{
	const struct failure *failure = queue_failure(queue, job->target.path);

	return failure && failure->until > queue->until ? failure->until :
							  queue->until;
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

static void queue_forget(struct failure *failure)
{
	LIST_REMOVE(failure, next);
	free(failure->path);
	free(failure);
}

/* What comes next of @path may fail likewise: it waits, each time for longer. */
void queue_fail(struct queue *queue, const char *path, double now)
{
	struct failure *failure, *following;

	/* of what is gone nothing says that it succeeds */
	for (failure = LIST_FIRST(&queue->failures); failure; failure = following) {
		following = LIST_NEXT(failure, next);
		if (now > failure->until + QUEUE_DELAY_MAX)
			queue_forget(failure);
	}
	failure = queue_failure(queue, path);
	if (!failure) {
		failure = calloc(1, sizeof(*failure));
		if (failure)
			failure->path = strdup(path);
		if (!failure || !failure->path) {
			free(failure);
			return;
		}
		LIST_INSERT_HEAD(&queue->failures, failure, next);
	}
	failure->delay = !failure->delay ? QUEUE_DELAY :
			 failure->delay < QUEUE_DELAY_MAX / 2 ?
			 2 * failure->delay : QUEUE_DELAY_MAX;
	failure->until = now + failure->delay;
}

/* Nothing of @path waits for a failure any more, NULL for all. */
void queue_forgive(struct queue *queue, const char *path)
{
	struct failure *failure, *following;

	for (failure = LIST_FIRST(&queue->failures); failure; failure = following) {
		following = LIST_NEXT(failure, next);
		if (!path || !strcmp(failure->path, path))
			queue_forget(failure);
	}
}

void queue_drop_job(struct queue *queue, struct job *job)
{
	TAILQ_REMOVE(&queue->jobs, job, next);
	job_free(job);
}

/* One in which nothing waits or runs. */
void queue_free(struct queue *queue)
{
	queue_forgive(queue, NULL);
	LIST_REMOVE(queue, next);
	free(queue->name);
	free(queue);
}
