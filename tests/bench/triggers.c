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

struct files {
	int used;
	int control;
	int stats;
};

static int open_at(const char *dir, const char *name, int flags)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		fail("%s: %m", path);
	return fd;
}

/* What registering takes; the eventfd is returned. */
static int measure_register(const struct files *files, long long level, double *took)
{
	int efd = make_eventfd();
	uint64_t begin;
	char text[64];

	snprintf(text, sizeof(text), "%d %d %lld rising", efd, files->used, level * PAGE);
	begin = instructions();
	if (write(files->control, text, strlen(text)) < 0)
		fail("registering: %m");
	*took = instructions() - begin;
	return efd;
}

/*
 * What the caller of close(2) pays; when the trigger is really gone, which others
 * see to. Asking for that costs a little, too.
 */
static double measure_close(const struct files *files, int efd, int left, bool wait)
{
	long long end = now_ms() + BOUND;
	uint64_t begin;
	double took;

	run_as(wait ? SCHED_IDLE : SCHED_FIFO);
	begin = instructions();
	close(efd);
	while (wait && count_triggers(files->stats) > left && now_ms() < end)
		;
	took = instructions() - begin;
	run_as(SCHED_OTHER);
	quiesce();
	if (count_triggers(files->stats) != left)
		fail("%ld triggers are left", count_triggers(files->stats));
	return took;
}

/* One more trigger and its end, with count there. */
static void register_and_remove(struct place *place, int count, const char *hook)
{
	double registering[TRIALS], closing[TRIALS], gone[TRIALS];
	struct files files = {
		.used = open_at(place->mount.dir, TMPFSWARN_USED_BYTES, O_RDONLY),
		.control = open_at(place->mount.dir, TMPFSWARN_EVENT_CONTROL, O_WRONLY),
		.stats = open_at(ROOM, TMPFSWARN_STATS, O_RDONLY),
	};
	char of[32];
	int i, efd;

	quiesce();
	for (i = 0; i < TRIALS; i++) {
		efd = measure_register(&files, FAR + i * 100 + 8, &registering[i]);
		closing[i] = measure_close(&files, efd, count, false);
		efd = measure_register(&files, FAR + i * 100 + 8, &registering[i]);
		gone[i] = measure_close(&files, efd, count, true);
	}
	close(files.stats);
	close(files.control);
	close(files.used);
	snprintf(of, sizeof(of), "%d triggers", count);
	result(of, hook, "register", least(registering, TRIALS));
	result(of, hook, "close", least(closing, TRIALS));
	result(of, hook, "gone", least(gone, TRIALS));
}

/* The memory that one of the device's triggers takes with the records that it brings along. */
static double device_bytes(void)
{
	int on = open(watched.mount.path, O_PATH | O_CLOEXEC), i;
	int fd = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC);
	double memory = 0;

	for (i = 0; i < MANY; i++) {
		/* the first has what they have in common */
		if (i == 1)
			memory = kernel_memory();
		if (dprintf(fd, "%d %lld rising", on, (FAR + i * 16LL) * PAGE) < 0)
			fail(TMPFSWARN_DEVICE ": %m");
	}
	memory = kernel_memory() - memory;
	close(on);
	close(fd);
	if (!EVENTUALLY(stat_of("triggers") == 0))
		fail("%lld triggers are left", stat_of("triggers"));
	return memory / (MANY - 1);
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
		result("device trigger", hooks[i], "bytes", device_bytes());
		hook_remove();
	}
}
