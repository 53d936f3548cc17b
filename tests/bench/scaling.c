// SPDX-License-Identifier: GPL-2.0
/*
 * scaling ROUNDS: what writers on several processors get done while the mounts that
 * they write are watched, against what they get done while nothing is armed.
 *
 * Rounds of both kinds alternate, and each is compared with the one beside it:
 * a machine that is busy with other things is so in both. Which of the two comes
 * first alternates as well.
 */
#include "bench.h"

#define WRITERS		4
#define MAX_ROUNDS	100
#define ROUND_US	100000
#define WARM_UP_US	50000

static const struct {
	int writers;
	bool separate;		/* each on a mount of its own */
} layouts[] = { { 1, false }, { 2, false }, { 4, false }, { 2, true }, { 4, true } };

struct writer {
	struct place *place;
	int cpu;
	pthread_t thread;
	volatile unsigned long pages;
} __attribute__((aligned(64)));

static struct place places[WRITERS];
static struct writer writers[WRITERS];
static volatile bool over;

static void *write_on(void *context)
{
	static const char page[PAGE];
	struct writer *writer = context;
	char name[32];
	cpu_set_t set;
	int fd;

	CPU_ZERO(&set);
	CPU_SET(writer->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity: %m");
	snprintf(name, sizeof(name), "of-%d", writer->cpu);
	fd = open(scratch_path(&writer->place->mount, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		fail("open: %m");
	while (!over) {
		if (write(fd, page, PAGE) != PAGE)
			fail("write: %m");
		writer->pages++;
		if (writer->pages % 64 == 0 && (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET)))
			fail("truncate: %m");
	}
	ftruncate(fd, 0);
	close(fd);
	return NULL;
}

static unsigned long pages_of(int count)
{
	unsigned long sum = 0;

	while (count--)
		sum += writers[count].pages;
	return sum;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Pages in a second. */
static double work(int count, bool separate)
{
	double begin, rate;
	unsigned long first;
	int i;

	over = false;
	for (i = 0; i < count; i++) {
		writers[i].place = &places[separate ? i : 0];
		writers[i].cpu = i;
		writers[i].pages = 0;
		if (pthread_create(&writers[i].thread, NULL, write_on, &writers[i]))
			fail("pthread_create: %m");
	}
	/* all have begun, and the emulator has translated what is new */
	usleep(WARM_UP_US);
	first = pages_of(count);
	begin = seconds();
	usleep(ROUND_US);
	rate = (pages_of(count) - first) / (seconds() - begin);
	over = true;
	for (i = 0; i < count; i++)
		pthread_join(writers[i].thread, NULL);
	return rate;
}

static double work_stock(int count, bool separate)
{
	if (!EVENTUALLY(stat_of("armed") == 0))
		fail("the module stays armed");
	return work(count, separate);
}

static double work_armed(int count, bool separate)
{
	int efds[WRITERS], i;
	double rate;

	for (i = 0; i < WRITERS; i++)
		triggers_add(&places[i], &efds[i], 1, FAR);
	rate = work(count, separate);
	triggers_close(efds, WRITERS);
	return rate;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *hook, int count, bool separate, int rounds)
{
	double ratios[MAX_ROUNDS], stock, armed;
	char of[32];
	int i;

	for (i = 0; i < rounds; i++) {
		if (i % 2) {
			armed = work_armed(count, separate);
			stock = work_stock(count, separate);
		} else {
			stock = work_stock(count, separate);
			armed = work_armed(count, separate);
		}
		ratios[i] = armed / stock;
	}
	qsort(ratios, rounds, sizeof(*ratios), compare);
	snprintf(of, sizeof(of), "%d on %s", count, separate ? "separate mounts" : "one mount");
	result(of, hook, "median", ratios[rounds / 2]);
	result(of, hook, "lower", ratios[rounds / 4]);
	result(of, hook, "upper", ratios[rounds - 1 - rounds / 4]);
}

int main(int argc, char **argv)
{
	int rounds = argc == 2 ? atoi(argv[1]) : 0;
	unsigned int i, j;

	if (rounds < 1 || rounds > MAX_ROUNDS)
		fail("how many rounds?");
	for (i = 0; i < WRITERS; i++) {
		place_mount(&places[i]);
		place_use(&places[i], FLOOR);
	}
	sleep(5);
	for (i = 0; i < HOOKS; i++) {
		if (!hook_insert(hooks[i], ""))
			continue;
		for (j = 0; j < WRITERS; j++)
			place_shown(&places[j]);
		for (j = 0; j < sizeof(layouts) / sizeof(*layouts); j++)
			measure(hooks[i], layouts[j].writers, layouts[j].separate, rounds);
		hook_remove();
	}
	for (i = 0; i < WRITERS; i++)
		place_end(&places[i]);
	return 0;
}
