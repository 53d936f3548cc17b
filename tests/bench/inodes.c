// SPDX-License-Identifier: GPL-2.0
/*
 * What one empty file costs who makes it and takes it away.
 */
#include "bench.h"

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
	place_measure_file(&watched, "inodes, loaded", hook);
	triggers_add(&watched, &efd, 1, FAR);
	place_measure_file(&watched, "inodes, blocks watched", hook);
	triggers_close(&efd, 1);
	efd = watch_inodes("90%");
	place_measure_file(&other, "inodes, other mount", hook);
	place_measure_file(&watched, "inodes, far", hook);
	if (readable(efd, 0))
		fail("%s: told of a crossing that was none", hook);
	triggers_close(&efd, 1);
	/* up with each file that is made, and down when it goes */
	snprintf(level, sizeof(level), "%lld", usage_of(&watched.mount, "inodes_used") + 1);
	efd = watch_inodes(level);
	place_measure_file(&watched, "inodes, crossing", hook);
	if (!readable(efd, 0))
		fail("%s: not told of a crossing", hook);
	triggers_close(&efd, 1);
	hook_remove();
}

void inodes(void)
{
	int i;

	place_measure_file(&watched, "inodes, no module", "none");
	for (i = 0; i < HOOKS; i++)
		measure(hooks[i]);
}
