// SPDX-License-Identifier: GPL-2.0
/*
 * Triggers: what one costs that is registered, removed, or just there.
 */
#include "bench.h"

#define TRIALS	32

static int make_eventfd(void)
{
	int efd = listener();

	if (efd < 0)
		fail("eventfd: %m");
	return efd;
}

static void add(struct place *place, int efd, long long level)
{
	char args[64];
	int error;

	snprintf(args, sizeof(args), "%lld rising", level * PAGE);
	error = control(&place->mount, efd, TMPFSWARN_USED_BYTES, args);
	if (error)
		fail("registering: %s", strerror(-error));
}

/* One for each of so many new eventfds, at levels from one on, in blocks, upward. */
void triggers_add(struct place *place, int *efds, int count, long long level)
{
	int i;

	for (i = 0; i < count; i++) {
		efds[i] = make_eventfd();
		add(place, efds[i], level + i * 16LL);
	}
}

void triggers_close(int *efds, int count)
{
	long long left = stat_of("triggers") - count;
	int i;

	for (i = 0; i < count; i++)
		close(efds[i]);
	if (!EVENTUALLY(stat_of("triggers") == left))
		fail("%lld triggers are left of %lld", stat_of("triggers") - left, left + count);
}

/* The number of triggers as stats says it; made to be cheap. */
static long count_triggers(int stats)
{
	char text[1024], *line;
	ssize_t n = pread(stats, text, sizeof(text) - 1, 0);

	if (n < 0)
		fail("stats: %m");
	text[n] = '\0';
	line = strstr(text, "\ntriggers ");
	if (!line)
		fail("stats has no line for triggers");
	return atol(line + strlen("\ntriggers "));
}

/* One more trigger and its end, with count there. */
static void register_and_remove(struct place *place, int count, const char *hook)
{
	double registering[TRIALS], closing[TRIALS], gone[TRIALS];
	char text[64], of[32], path[160];
	int i, efd, used, control, stats;
	uint64_t begin, closed;
	long long end;

	snprintf(path, sizeof(path), "%s/%s", place->mount.dir, TMPFSWARN_USED_BYTES);
	used = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s", place->mount.dir, TMPFSWARN_EVENT_CONTROL);
	control = open(path, O_WRONLY | O_CLOEXEC);
	stats = open(ROOM "/" TMPFSWARN_STATS, O_RDONLY | O_CLOEXEC);
	if (used < 0 || control < 0 || stats < 0)
		fail("open: %m");
	quiesce();
	for (i = 0; i < TRIALS; i++) {
		efd = make_eventfd();
		snprintf(text, sizeof(text), "%d %d %lld rising", efd, used,
			 (FAR + i * 100 + 8) * PAGE);
		begin = instructions();
		if (write(control, text, strlen(text)) < 0)
			fail("registering: %m");
		registering[i] = instructions() - begin;
		usleep(1000);

		end = now_ms() + BOUND;
		begin = instructions();
		close(efd);
		closed = instructions();
		/* whoever ends it needs the processor; asking costs a little, too */
		while (count_triggers(stats) > count && now_ms() < end)
			sched_yield();
		gone[i] = instructions() - begin;
		closing[i] = closed - begin;
		if (count_triggers(stats) != count)
			fail("%ld triggers are left", count_triggers(stats));
		quiesce();
	}
	close(stats);
	close(control);
	close(used);
	snprintf(of, sizeof(of), "%d triggers", count);
	result(of, hook, "register", middle(registering, TRIALS));
	result(of, hook, "close", middle(closing, TRIALS));
	result(of, hook, "gone", middle(gone, TRIALS));
}

void triggers(void)
{
	static int efds[MANY];
	double memory;
	int i, j;

	for (i = 0; i < HOOKS; i++) {
		if (!hook_insert(hooks[i], LIMITS))
			continue;
		place_shown(&watched);
		triggers_add(&watched, efds, 1, FAR);
		register_and_remove(&watched, 1, hooks[i]);
		triggers_add(&watched, efds + 1, SOME - 1, FAR + 16);
		place_measure(&watched, "100 triggers", hooks[i]);

		/* the eventfds are not the module's, and not counted */
		for (j = SOME; j < MANY; j++)
			efds[j] = make_eventfd();
		memory = kernel_memory();
		for (j = SOME; j < MANY; j++)
			add(&watched, efds[j], FAR + j * 16LL);
		result("trigger", hooks[i], "bytes", (kernel_memory() - memory) / (MANY - SOME));
		place_measure(&watched, "10000 triggers", hooks[i]);
		register_and_remove(&watched, MANY, hooks[i]);
		triggers_close(efds, MANY);
		hook_remove();
	}
}
