// SPDX-License-Identifier: GPL-2.0
/*
 * Places: files on a tmpfs, and what a page costs there.
 */
#include "bench.h"

/*
 * A run is as long as the last blocks before a level that are of interest, and
 * short against the distance of two ticks of the timer, so that most runs have
 * none in them. What is done once in a number of pages (the lists of free and of
 * new pages are worked off in batches) is in some runs and not in others, so
 * it takes many.
 */
#define RUN_PAGES	64
#define RUNS		96
#define WARM_UP		24

#define FILE_RUNS	512
#define FILE_WARM_UP	256

static const char page[PAGE];

struct place watched, other, memfd;

void place_mount(struct place *place)
{
	char *path = place->mount.path;

	memset(place, 0, sizeof(*place));
	strcpy(path, "/tmp/bench.XXXXXX");
	if (!mkdtemp(path) || mount("bench", path, "tmpfs", 0, "size=1T"))
		fail("mount: %m");
	place->fd = open(scratch_path(&place->mount, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (place->fd < 0)
		fail("open: %m");
}

void place_memfd(struct place *place)
{
	memset(place, 0, sizeof(*place));
	place->fd = memfd_create("bench", MFD_CLOEXEC);
	if (place->fd < 0)
		fail("memfd_create: %m");
}

/* The module has been inserted: its directory of the mount. */
void place_shown(struct place *place)
{
	int error = scratch_adopt(&place->mount, place->mount.path);

	if (error)
		fail("%s is not shown: %s", place->mount.path, strerror(-error));
}

/* creat(2), close(2) and unlink(2) of an empty file. */
void place_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

	if (fd < 0)
		fail("open: %m");
	if (close(fd) || unlink(path))
		fail("unlink: %m");
}

/* Another file has so many blocks. */
void place_use(struct place *place, long blocks)
{
	int fd = open(scratch_path(&place->mount, "floor"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, 0) ||
	    (blocks && fallocate(fd, 0, 0, blocks * PAGE)))
		fail("fallocate: %m");
	close(fd);
}

void place_empty(struct place *place)
{
	if (ftruncate(place->fd, 0) || lseek(place->fd, 0, SEEK_SET))
		fail("truncate: %m");
}

static void write_pages(int fd, int pages)
{
	while (pages--) {
		if (write(fd, page, PAGE) != PAGE)
			fail("write: %m");
	}
}

void place_append(struct place *place, long blocks)
{
	write_pages(place->fd, blocks);
}

void place_end(struct place *place)
{
	close(place->fd);
	if (place->mount.path[0] && umount(place->mount.path))
		fail("umount: %m");
	rmdir(place->mount.path);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The mean of the middle half: without what the timer's ticks have added. */
double middle(double *values, int count)
{
	double sum = 0;
	int i;

	qsort(values, count, sizeof(*values), compare);
	for (i = count / 4; i < count - count / 4; i++)
		sum += values[i];
	return sum / (count - 2 * (count / 4));
}

/* For what happens once, and most times takes just as long; sometimes the timer ticks. */
double least(double *values, int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[0];
}

static void fallocate_pages(int fd, int pages)
{
	int i;

	for (i = 0; i < pages; i++) {
		if (fallocate(fd, 0, (off_t)i * PAGE, PAGE))
			fail("fallocate: %m");
	}
}

/*
 * Writes the blocks of place->shift anew, one by one. A CPU counts less than 32
 * blocks, the batch on so few CPUs, for itself; that a multiple of it and more
 * is freed at once brings all that to the shared part of the counter, and the
 * remainder of the shift is then what it has for itself.
 */
static void shift(struct place *place)
{
	int fd = open(scratch_path(&place->mount, "shift"),
		      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		fail("open: %m");
	write_pages(fd, place->shift);
	close(fd);
}

struct run {
	double allocate;	/* each page */
	double truncate;	/* all at once */
};

static struct run measure(struct place *place, void (*allocate)(int fd, int pages), int pages)
{
	double allocating[RUNS], truncating[RUNS];
	uint64_t begin, between, end;
	int i;

	for (i = -WARM_UP; i < RUNS; i++) {
		if (place->shift)
			shift(place);
		begin = instructions();
		allocate(place->fd, pages);
		between = instructions();
		if (ftruncate(place->fd, 0))
			fail("truncate: %m");
		end = instructions();
		if (lseek(place->fd, 0, SEEK_SET))
			fail("lseek: %m");
		if (i < 0)
			continue;
		allocating[i] = (double)(between - begin) / pages;
		truncating[i] = end - between;
	}
	return (struct run){ middle(allocating, RUNS), middle(truncating, RUNS) };
}

struct cost place_cost(struct place *place)
{
	struct cost cost;
	struct run run;

	quiesce();
	run = measure(place, write_pages, RUN_PAGES);
	cost.write = run.allocate;
	cost.truncate_run = run.truncate;
	cost.fallocate = measure(place, fallocate_pages, RUN_PAGES).allocate;
	cost.truncate_one = measure(place, write_pages, 1).truncate;
	return cost;
}

void place_measure(struct place *place, const char *of, const char *hook)
{
	struct cost cost = place_cost(place);

	result(of, hook, "write", cost.write);
	result(of, hook, "fallocate", cost.fallocate);
	result(of, hook, "truncate one", cost.truncate_one);
	result(of, hook, "truncate run", cost.truncate_run);
}

/* What an empty file costs who makes it and takes it away. */
void place_measure_file(struct place *place, const char *of, const char *hook)
{
	const char *path = scratch_path(&place->mount, "empty");
	double runs[FILE_RUNS];
	uint64_t begin;
	int i;

	quiesce();
	for (i = -FILE_WARM_UP; i < FILE_RUNS; i++) {
		begin = instructions();
		place_file(path);
		if (i >= 0)
			runs[i] = instructions() - begin;
	}
	/* batches of RCU and of the slabs fall into most of them */
	result(of, hook, "empty file", least(runs, FILE_RUNS));
}
