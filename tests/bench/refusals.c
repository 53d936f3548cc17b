// SPDX-License-Identifier: GPL-2.0
/*
 * What a write(2) costs that a full mount refuses, and an empty file where refusals are watched.
 */
#include "bench.h"

#define RUNS		60
#define WARM_UP		20
#define RUN_CALLS	64

/* what ordinary users may have for refusals of a mount, all together */
#define OTHERS		32

static int full = -1;

/* a byte behind the last block that there was */
static void one_refusal(void)
{
	if (pwrite(full, "", 1, 1LL << 40) != -1 || errno != ENOSPC)
		fail("pwrite: %m");
}

static void measure_refusals(const char *of, const char *hook)
{
	double runs[RUNS];
	uint64_t begin;
	int i, n;

	quiesce();
	for (i = -WARM_UP; i < RUNS; i++) {
		begin = instructions();
		for (n = 0; n < RUN_CALLS; n++)
			one_refusal();
		if (i >= 0)
			runs[i] = (double)(instructions() - begin) / RUN_CALLS;
	}
	result(of, hook, "refused write", middle(runs, RUNS));
}

/* Whose registrations cost him who is refused the most: each with a file of the device. */
static void measure_with_others(const char *hook)
{
	int on = open(watched.mount.path, O_PATH | O_CLOEXEC), devices[OTHERS], i;

	for (i = 0; i < OTHERS; i++) {
		devices[i] = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC);
		if (devices[i] < 0 || dprintf(devices[i], "%d refused", on) < 0)
			fail(TMPFSWARN_DEVICE ": %m");
	}
	measure_refusals("refusals, others", hook);
	for (i = 0; i < OTHERS; i++)
		close(devices[i]);
	close(on);
}

/* The others want a mount without end, of which there is no memory to fill it. */
static void resize(const char *options)
{
	int error = scratch_remount(&watched.mount, options);

	if (error)
		fail("remount of %s with %s: %s", watched.mount.path, options, strerror(-error));
}

static void fill(void)
{
	struct statvfs v;

	resize("size=16m");
	full = open(scratch_path(&watched.mount, "full"), O_CREAT | O_WRONLY, 0600);
	if (full < 0 || fstatvfs(full, &v) || fallocate(full, 0, 0, v.f_bfree * v.f_frsize))
		fail("filling: %m");
}

static void empty(void)
{
	close(full);
	if (unlink(scratch_path(&watched.mount, "full")))
		fail("unlink: %m");
	resize("size=1T");
}

static void measure(const char *hook)
{
	char options[64];
	int efd;

	if (!hook_insert(hook, LIMITS))
		return;
	place_shown(&watched);
	fill();
	measure_refusals("refusals, loaded", hook);
	efd = listen_to(&watched.mount, TMPFSWARN_REFUSED, "");
	if (efd < 0)
		fail("registering: %s", strerror(-efd));
	place_measure_file(&watched, "refusals, watched", hook);
	snprintf(options, sizeof(options), "nr_inodes=%lld",
		 usage_of(&watched.mount, "inodes_used") + SOME);
	resize(options);
	place_measure_file(&watched, "refusals, few inodes", hook);
	resize("nr_inodes=1m");
	if (readable(efd, 0))
		fail("%s: told of a refusal that was none", hook);
	measure_refusals("refusals, watched", hook);
	if (!readable(efd, 0))
		fail("%s: not told of a refusal", hook);
	measure_with_others(hook);
	triggers_close(&efd, 1);
	empty();
	hook_remove();
}

void refusals(void)
{
	int i;

	fill();
	place_measure_file(&watched, "refusals, no module", "none");
	measure_refusals("refusals, no module", "none");
	empty();
	for (i = 0; i < HOOKS; i++)
		measure(hooks[i]);
}
