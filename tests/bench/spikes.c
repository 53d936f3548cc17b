// SPDX-License-Identifier: GPL-2.0
/*
 * Spikes: usage that goes past a level and back, and who has seen it.
 */
#include "bench.h"

#define SPIKES		1000
#define HEIGHT		16		/* blocks, with the level in the middle */
#define LEVEL		(FLOOR + HEIGHT / 2)
#define STAY_US		500

/* what polls beside it */
static struct watch {
	const char *name;
	long interval_us;
	pthread_t thread;
	int seen;
} watches[] = {
	{ .name = "10 ms", .interval_us = 10000 },
	{ .name = "100 ms", .interval_us = 100000 },
	{ .name = "1 s", .interval_us = 1000000 },
};

#define WATCHES	(sizeof(watches) / sizeof(*watches))

static volatile int spike;
static volatile bool over;
static uint64_t longest;

static void *poll_usage(void *context)
{
	struct watch *watch = context;
	int last = -1;

	watch->seen = 0;
	while (!over) {
		usleep(watch->interval_us);
		if (scratch_used(&watched.mount) >= LEVEL && last != spike) {
			last = spike;
			watch->seen++;
		}
	}
	return NULL;
}

/* At times that are the same in each run, some ten milliseconds from each other. */
static void make_spikes(void)
{
	unsigned int seed = 1;
	uint64_t begin;

	for (spike = 0; spike < SPIKES; spike++) {
		usleep(5000 + rand_r(&seed) % 50000);
		begin = instructions();
		place_append(&watched, HEIGHT);
		usleep(STAY_US);
		place_empty(&watched);
		begin = instructions() - begin;
		if (begin > longest)
			longest = begin;
	}
}

static void count(const char *hook, bool with_watches)
{
	struct listener listener;
	unsigned int i;

	if (!listener_open(&listener, hook))
		return;
	listener_watch(&listener, LEVEL);
	over = false;
	for (i = 0; with_watches && i < WATCHES; i++) {
		if (pthread_create(&watches[i].thread, NULL, poll_usage, &watches[i]))
			fail("pthread_create: %m");
	}
	make_spikes();
	over = true;
	result("spikes", hook, "seen", listener_told(&listener) ? listener_take(&listener) : 0);
	for (i = 0; with_watches && i < WATCHES; i++) {
		pthread_join(watches[i].thread, NULL);
		result("spikes", watches[i].name, "seen", watches[i].seen);
	}
	listener_forget(&listener);
	listener_close(&listener);
}

void spikes(void)
{
	int i;

	for (i = 0; i < HOOKS; i++)
		count(hooks[i], i == 0);
	for (i = 0; i < HOOKS; i++)
		count(peers[i], false);
	/* of the instruction clock a million are a millisecond */
	result("spikes", "any", "longest", longest / 1e6);
}
