// SPDX-License-Identifier: GPL-2.0
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

	if (queue)
		return queue;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return NULL;
	queue->name = strdup(name);
	if (!queue->name) {
		free(queue);
		return NULL;
	}
	TAILQ_INIT(&queue->jobs);
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

/* The one that is to be run next; or NULL. */
struct job *queue_next(const struct queue *queue)
{
	struct job *job;

	TAILQ_FOREACH(job, &queue->jobs, next) {
		if (!job->late)
			break;
	}
	return job;
}

void queue_drop_job(struct queue *queue, struct job *job)
{
	TAILQ_REMOVE(&queue->jobs, job, next);
	job_free(job);
}

/* One in which nothing waits or runs. */
void queue_free(struct queue *queue)
{
	LIST_REMOVE(queue, next);
	free(queue->name);
	free(queue);
}
