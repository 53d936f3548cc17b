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

/* What an ordinary user may have without asking root: max_user_triggers. */
#define USER_TRIGGERS	128

/* What a write pays that crosses all of them, through so many listeners. */
static double measure_user(int listeners, bool crosses)
{
	struct listener all[USER_TRIGGERS] = { };
	double took[TRIALS];
	int i, j;

	for (i = 0; i < listeners; i++) {
		all[i].device = true;
		all[i].triggers = USER_TRIGGERS / listeners;
		listener_watch(&all[i], FLOOR + DISTANCE + !crosses);
	}
	for (i = 0; i < TRIALS; i++) {
		took[i] = write_last();
		for (j = 0; j < listeners; j++) {
			if (listener_told(&all[j]) != crosses)
				fail("%s", crosses ? "not told of a crossing" : "told of none");
			if (crosses && listener_take(&all[j]) != all[j].triggers)
				fail("not told once of each crossing");
		}
		place_empty(&watched);
		usleep(1000);
	}
	for (i = 0; i < listeners; i++)
		listener_forget(&all[i]);
	return least(took, TRIALS);
}

static void measure_users(const char *hook)
{
	struct listener listener;

	if (!listener_open(&listener, hook))
		return;
	result("crossing, user", hook, "one listener", measure_user(1, true) - measure_user(1, false));
	result("crossing, user", hook, "a listener each",
	       measure_user(USER_TRIGGERS, true) - measure_user(USER_TRIGGERS, false));
	listener_close(&listener);
}

static void measure(const char *of, const char *hook, bool device)
{
	struct listener listener;

	if (!listener_open(&listener, hook))
		return;
	listener.device = device;
	listener.triggers = 1;
	result(of, hook, "extra", measure_write(&listener, true) - measure_write(&listener, false));
	result(of, hook, "reader", measure_reader(&listener));
	listener_close(&listener);
}

void crossing(void)
{
	int i;

	for (i = 0; i < HOOKS; i++)
		measure("crossing", hooks[i], false);
	for (i = 0; i < HOOKS; i++)
		measure("crossing, device", hooks[i], true);
	for (i = 0; i < HOOKS; i++)
		measure_users(hooks[i]);
	for (i = 0; i < HOOKS; i++)
		measure("crossing", peers[i], false);
}
