// SPDX-License-Identifier: GPL-2.0
/*
 * What one page costs its writer.
 */
#include "bench.h"

/* what the watched mount holds, so that none of it is near to being empty */
#define FLOOR		1024

#define MANY		10000
#define SOME		100
#define LIMITS		"max_mounts=20000 max_triggers=65536 max_mount_triggers=16384"

static int efds[MANY];

/* The module is there, with no trigger yet. */
static void with_triggers(const char *hook, struct place *watched, struct place *other,
			  struct place *memfd)
{
	place_shown(watched);
	place_shown(other);
	place_measure(watched, "loaded", hook);

	triggers_add(watched, efds, 1, FAR);
	place_use(watched, 0);
	place_measure(watched, "empty", hook);
	place_use(watched, FLOOR);
	place_measure(other, "other mount", hook);
	place_measure(memfd, "memfd", hook);
	place_measure(watched, "far", hook);
	triggers_add(watched, efds + 1, SOME - 1, FAR + 16);
	place_measure(watched, "100 triggers", hook);
	triggers_add(watched, efds + SOME, MANY - SOME, FAR + SOME * 16);
	place_measure(watched, "10000 triggers", hook);
	triggers_close(efds, MANY);

	/* the last block of a run is the last before the level */
	triggers_add(watched, efds, 1, scratch_used(&watched->mount) + 65);
	place_measure(watched, "near", hook);
	if (readable(efds[0], 0))
		fail("a level was crossed that should not have been");
	triggers_close(efds, 1);

	triggers_add(watched, efds, 1, FLOOR / 2);
	place_measure(watched, "past", hook);
	triggers_close(efds, 1);
}

/* Mounts without a mount point, each as long as its descriptor. */
static void add_mounts(int *fds, int count)
{
	/* each is in a namespace of its own until it is moved to a place */
	static const char limit[] = "/proc/sys/user/max_mnt_namespaces";
	int fd = open(limit, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "65536", 5) != 5)
		fail("%s: %m", limit);
	close(fd);
	while (count--) {
		int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

		if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
			fail("fsconfig: %m");
		*fds = fsmount(fs, FSMOUNT_CLOEXEC, 0);
		if (*fds++ < 0)
			fail("fsmount: %m");
		close(fs);
	}
}

/* One of count mounts is watched, and written. */
static void with_mounts(const char *hook, int count, struct place *watched)
{
	char of[32];

	if (!hook_insert(hook, LIMITS))
		return;
	if (stat_of("mounts") < count)
		fail("%lld mounts are shown of %d", stat_of("mounts"), count);
	place_shown(watched);
	triggers_add(watched, efds, 1, FAR);
	snprintf(of, sizeof(of), "%d mounts", count);
	place_measure(watched, of, hook);
	triggers_close(efds, 1);
	hook_remove();
}

void pages(void)
{
	static int mounts[MANY];
	struct place watched, other, memfd;
	int i;

	place_mount(&watched);
	place_mount(&other);
	place_memfd(&memfd);
	place_use(&watched, FLOOR);
	place_measure(&watched, "no module", "none");
	place_measure(&memfd, "no module, memfd", "none");
	for (i = 0; i < HOOKS; i++) {
		if (!hook_insert(hooks[i], LIMITS))
			continue;
		with_triggers(hooks[i], &watched, &other, &memfd);
		hook_remove();
	}

	/* they are made while the module is not there to look at each */
	add_mounts(mounts, SOME - 2);
	for (i = 0; i < HOOKS; i++)
		with_mounts(hooks[i], SOME, &watched);
	add_mounts(mounts + SOME - 2, MANY - SOME);
	for (i = 0; i < HOOKS; i++)
		with_mounts(hooks[i], MANY, &watched);
	for (i = 0; i < MANY - 2; i++)
		close(mounts[i]);
	place_end(&memfd);
	place_end(&other);
	place_end(&watched);
}
