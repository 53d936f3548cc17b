// SPDX-License-Identifier: GPL-2.0
/*
 * A poller of statvfs(2): when it notices, and what it costs meanwhile; and what
 * a reader costs meanwhile that waits to be told.
 */
#include "bench.h"

#include <semaphore.h>

#define TRIALS		40
#define LEVEL		(FLOOR + 8)

/* for the cost of a wake-up: often, so that few instructions are enough */
#define OFTEN_US	1000

/* instructions, and so nanoseconds; half a tick of 250 Hz more than a number of ticks */
#define WINDOW		998000000
#define SHORT_WINDOW	246000000
#define WINDOWS		8

/* what the loop of spin() is not interrupted takes less than that */
#define GAP		500

struct poller {
	long interval_us;
	volatile bool over;
	volatile uint64_t noticed;
	unsigned int wakeups;
	sem_t told;
};

static void *poll_usage(void *context)
{
	struct poller *poller = context;

	while (!poller->over) {
		usleep(poller->interval_us);
		poller->wakeups++;
		if (scratch_used(&watched.mount) < LEVEL || poller->noticed)
			continue;
		poller->noticed = instructions();
		sem_post(&poller->told);
	}
	return NULL;
}

static void start(struct poller *poller, pthread_t *thread)
{
	sem_init(&poller->told, 0, 0);
	if (pthread_create(thread, NULL, poll_usage, poller))
		fail("pthread_create: %m");
}

static void stop(struct poller *poller, pthread_t thread)
{
	poller->over = true;
	pthread_join(thread, NULL);
	sem_destroy(&poller->told);
}

/* From a level being passed, at any time between two looks, to the look that sees it. */
static void measure_delay(long interval_us, const char *name)
{
	struct poller poller = { .interval_us = interval_us };
	double sum = 0, longest = 0, delay;
	unsigned int seed = 1;
	pthread_t thread;
	uint64_t begin;
	int i;

	start(&poller, &thread);
	for (i = 0; i < TRIALS; i++) {
		usleep(interval_us / 1000 * (rand_r(&seed) % 1000));
		begin = instructions();
		place_append(&watched, LEVEL - FLOOR);
		sem_wait(&poller.told);
		delay = (poller.noticed - begin) / 1e6;
		sum += delay;
		if (delay > longest)
			longest = delay;
		place_empty(&watched);
		poller.noticed = 0;
	}
	stop(&poller, thread);
	result("poller", name, "delay", sum / TRIALS);
	result("poller", name, "longest", longest);
}

/*
 * What all others take from a loop that runs when nobody else wants to: their
 * instructions, the interrupts, and the switches to and fro. It begins with the
 * end of an interruption, so that the same number of ticks are in each window.
 */
static double spin(uint64_t window)
{
	uint64_t begin, last, now;
	double lost = 0;

	run_as(SCHED_IDLE);
	begin = instructions();
	do {
		last = begin;
		begin = instructions();
	} while (begin - last <= GAP);
	for (last = begin; last - begin < window; last = now) {
		now = instructions();
		if (now - last > GAP)
			lost += now - last;
	}
	run_as(SCHED_OTHER);
	return lost;
}

/* The instructions of one look: of being woken, statvfs(2), and falling asleep. */
static double measure_wakeup(void)
{
	struct poller poller = { .interval_us = OFTEN_US };
	double without = spin(WINDOW), with;
	unsigned int wakeups;
	pthread_t thread;

	start(&poller, &thread);
	usleep(10 * OFTEN_US);
	wakeups = poller.wakeups;
	with = spin(WINDOW);
	wakeups = poller.wakeups - wakeups;
	stop(&poller, thread);
	return (with - without) / wakeups;
}

/* A minute of the window that is disturbed least by what else the kernel does. */
static double spin_least(void)
{
	double lost[WINDOWS];
	int i;

	for (i = 0; i < WINDOWS; i++)
		lost[i] = spin(SHORT_WINDOW);
	return least(lost, WINDOWS) * (60e9 / SHORT_WINDOW);
}

static void *read_once(void *context)
{
	listener_take(context);
	return NULL;
}

/* What a reader of ours takes while nothing happens, in the same way: of a minute. */
static void measure_reader(const char *hook)
{
	double without, with;
	pthread_t thread;
	struct listener listener;

	quiesce();
	without = spin_least();
	if (!listener_open(&listener, hook))
		return;
	listener_watch(&listener, LEVEL);
	if (pthread_create(&thread, NULL, read_once, &listener))
		fail("pthread_create: %m");
	quiesce();
	with = spin_least();
	result("reader", hook, "minute", with - without);
	place_append(&watched, LEVEL - FLOOR);
	pthread_join(thread, NULL);
	place_empty(&watched);
	listener_forget(&listener);
	listener_close(&listener);
}

void poller(void)
{
	static const struct {
		const char *name;
		long interval_us;
	} intervals[] = { { "10 ms", 10000 }, { "100 ms", 100000 }, { "1 s", 1000000 } };
	unsigned int i;

	result("poller", "any", "look", measure_wakeup());
	for (i = 0; i < sizeof(intervals) / sizeof(*intervals); i++)
		measure_delay(intervals[i].interval_us, intervals[i].name);
	for (i = 0; i < HOOKS; i++)
		measure_reader(hooks[i]);
}
