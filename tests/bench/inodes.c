// SPDX-License-Identifier: GPL-2.0
/*
 * What one empty file costs who makes it and takes it away.
 */
#include "bench.h"

#define RUNS		512
#define WARM_UP		256

static void measure_files(struct place *place, const char *of, const char *hook)
{
	const char *path = scratch_path(&place->mount, "empty");
	double runs[RUNS];
	uint64_t begin;
	int i;

	quiesce();
	for (i = -WARM_UP; i < RUNS; i++) {
		begin = instructions();
		place_file(path);
		if (i >= 0)
			runs[i] = instructions() - begin;
	}
	/* batches of RCU and of the slabs fall into most of them */
	result(of, hook, "empty file", least(runs, RUNS));
}

static int watch_inodes(const char *level)
{
	int efd = listen_to(&watched.mount, TMPFSWARN_USED_INODES, level);

	if (efd < 0)
		fail("registering: %s", strerror(-efd));
	return efd;
}

static void measure(const char *hook)
{
	char level[32];
	int efd;

	if (!hook_insert(hook, LIMITS))
		return;
	place_shown(&watched);
	measure_files(&watched, "inodes, loaded", hook);
	triggers_add(&watched, &efd, 1, FAR);
	measure_files(&watched, "inodes, blocks watched", hook);
	triggers_close(&efd, 1);
	efd = watch_inodes("90%");
	measure_files(&other, "inodes, other mount", hook);
	measure_files(&watched, "inodes, far", hook);
	if (readable(efd, 0))
		fail("%s: told of a crossing that was none", hook);
	triggers_close(&efd, 1);
	/* up with each file that is made, and down when it goes */
	snprintf(level, sizeof(level), "%lld", usage_of(&watched.mount, "inodes_used") + 1);
	efd = watch_inodes(level);
	measure_files(&watched, "inodes, crossing", hook);
	if (!readable(efd, 0))
		fail("%s: not told of a crossing", hook);
	triggers_close(&efd, 1);
	hook_remove();
}

void inodes(void)
{
	int i;

	measure_files(&watched, "inodes, no module", "none");
	for (i = 0; i < HOOKS; i++)
		measure(hooks[i]);
}
