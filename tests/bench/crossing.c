// SPDX-License-Identifier: GPL-2.0
/*
 * Crossings: what the one who crosses a level pays, and when a reader runs.
 */
#include "bench.h"

#include <semaphore.h>

#define TRIALS	32

/* a level is so many blocks above what the mount holds */
#define DISTANCE	8

struct reader {
	struct listener *listener;
	sem_t heard;
	uint64_t when;
};

/* The last of DISTANCE blocks, written one by one. */
static double write_last(void)
{
	uint64_t begin;

	place_append(&watched, DISTANCE - 1);
	begin = instructions();
	place_append(&watched, 1);
	return instructions() - begin;
}

/* What the last write takes when the level is past it, or not. */
static double measure_write(struct listener *listener, bool crosses)
{
	double took[TRIALS];
	int i;

	listener_watch(listener, FLOOR + DISTANCE + !crosses);
	for (i = 0; i < TRIALS; i++) {
		took[i] = write_last();
		/* no later than its return */
		if (listener_told(listener) != crosses)
			fail("%s: %s", listener->hook, crosses ? "not told of a crossing" : "told of none");
		if (crosses && listener_take(listener) != 1)
			fail("%s: told more than once of a crossing", listener->hook);
		place_empty(&watched);
		usleep(1000);
	}
	listener_forget(listener);
	return least(took, TRIALS);
}

static void *read_on(void *context)
{
	struct reader *reader = context;
	int i;

	run_as(SCHED_FIFO);
	for (i = 0; i < TRIALS; i++) {
		listener_take(reader->listener);
		reader->when = instructions();
		sem_post(&reader->heard);
	}
	return NULL;
}

/* From the start of the write to a reader that slept having been told. */
static double measure_reader(struct listener *listener)
{
	struct reader reader = { .listener = listener };
	double took[TRIALS];
	pthread_t thread;
	uint64_t begin;
	int i;

	listener_watch(listener, FLOOR + DISTANCE);
	sem_init(&reader.heard, 0, 0);
	if (pthread_create(&thread, NULL, read_on, &reader))
		fail("pthread_create: %m");
	for (i = 0; i < TRIALS; i++) {
		usleep(1000);
		place_append(&watched, DISTANCE - 1);
		begin = instructions();
		place_append(&watched, 1);
		sem_wait(&reader.heard);
		took[i] = reader.when - begin;
		place_empty(&watched);
	}
	pthread_join(thread, NULL);
	sem_destroy(&reader.heard);
	listener_forget(listener);
	return least(took, TRIALS);
}

static void measure(const char *hook)
{
	struct listener listener;

	if (!listener_open(&listener, hook))
		return;
	result("crossing", hook, "extra", measure_write(&listener, true) - measure_write(&listener, false));
	result("crossing", hook, "reader", measure_reader(&listener));
	listener_close(&listener);
}

void crossing(void)
{
	int i;

	for (i = 0; i < HOOKS; i++)
		measure(hooks[i]);
	for (i = 0; i < HOOKS; i++)
		measure(peers[i]);
}
