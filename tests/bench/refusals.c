// SPDX-License-Identifier: GPL-2.0
/*
 * What a write(2) costs that a full mount refuses, and an empty file where refusals are watched.
 */
#include "bench.h"

#define RUNS		60
#define WARM_UP		20
#define RUN_CALLS	64

static int full = -1;

/* a byte behind the last block that there was */
static void one_refusal(const char *path)
{
	if (pwrite(full, "", 1, 1LL << 40) != -1 || errno != ENOSPC)
		fail("pwrite: %m");
}

static void measure_calls(void (*one)(const char *path), const char *of, const char *hook,
			  const char *what)
{
	const char *path = scratch_path(&watched.mount, "empty");
	double runs[RUNS];
	uint64_t begin;
	int i, n;

	quiesce();
	for (i = -WARM_UP; i < RUNS; i++) {
		begin = instructions();
		for (n = 0; n < RUN_CALLS; n++)
			one(path);
		if (i >= 0)
			runs[i] = (double)(instructions() - begin) / RUN_CALLS;
	}
	result(of, hook, what, middle(runs, RUNS));
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
	int efd;

	if (!hook_insert(hook, LIMITS))
		return;
	place_shown(&watched);
	fill();
	measure_calls(one_refusal, "refusals, loaded", hook, "refused write");
	efd = listen_to(&watched.mount, TMPFSWARN_REFUSED, "");
	if (efd < 0)
		fail("registering: %s", strerror(-efd));
	measure_calls(place_file, "refusals, watched", hook, "empty file");
	if (readable(efd, 0))
		fail("%s: told of a refusal that was none", hook);
	measure_calls(one_refusal, "refusals, watched", hook, "refused write");
	if (!readable(efd, 0))
		fail("%s: not told of a refusal", hook);
	triggers_close(&efd, 1);
	empty();
	hook_remove();
}

void refusals(void)
{
	int i;

	fill();
	measure_calls(place_file, "refusals, no module", "none", "empty file");
	measure_calls(one_refusal, "refusals, no module", "none", "refused write");
	empty();
	for (i = 0; i < HOOKS; i++)
		measure(hooks[i]);
}
