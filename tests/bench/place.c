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

void place_append(struct place *place, long blocks)
{
	while (blocks--) {
		if (write(place->fd, page, PAGE) != PAGE)
			fail("write: %m");
	}
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

static void write_pages(int fd)
{
	int i;

	for (i = 0; i < RUN_PAGES; i++) {
		if (write(fd, page, PAGE) != PAGE)
			fail("write: %m");
	}
}

static void fallocate_pages(int fd)
{
	int i;

	for (i = 0; i < RUN_PAGES; i++) {
		if (fallocate(fd, 0, (off_t)i * PAGE, PAGE))
			fail("fallocate: %m");
	}
}

static double measure(struct place *place, void (*allocate)(int fd))
{
	double took[RUNS];
	uint64_t begin;
	int i;

	for (i = -WARM_UP; i < RUNS; i++) {
		begin = instructions();
		allocate(place->fd);
		if (i >= 0)
			took[i] = (double)(instructions() - begin) / RUN_PAGES;
		place_empty(place);
	}
	return middle(took, RUNS);
}

struct cost place_cost(struct place *place)
{
	struct cost cost;

	quiesce();
	cost.write = measure(place, write_pages);
	cost.fallocate = measure(place, fallocate_pages);
	return cost;
}

void place_measure(struct place *place, const char *of, const char *hook)
{
	struct cost cost = place_cost(place);

	result(of, hook, "write", cost.write);
	result(of, hook, "fallocate", cost.fallocate);
}
