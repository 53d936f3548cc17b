// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts: what many of them cost, in memory and for each page.
 */
#include "bench.h"

/* Mounts without a mount point, each as long as its descriptor. */
static void make_mounts(int *fds, int count)
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

/* By root of a user namespace, whose mounts are the only ones that can be hidden. */
static pid_t make_mounts_of_another(int *fds, int count)
{
	int ready[2];
	pid_t child;
	char byte;

	if (pipe(ready) || (child = fork()) < 0)
		fail("fork: %m");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
		    write_text("/proc/self/uid_map", "0 0 1"))
			fail("a user namespace: %m");
		make_mounts(fds, count);
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		fail("no mounts of a user namespace");
	close(ready[0]);
	return child;
}

/* What the module takes at insmod, in bytes. */
static double memory_of_module(const char *parameters)
{
	double before = kernel_memory(), with;

	plain_insert(parameters);
	with = kernel_memory();
	hook_remove();
	return with - before;
}

/* One of count mounts is watched, and written. */
static void measure_pages(const char *hook, int count)
{
	char of[32], without[32];
	int efd;

	/* the first is not counted: free memory is in pieces after so many were made */
	place_cost(&watched);
	snprintf(without, sizeof(without), "no module, %d mounts", count);
	if (hook == hooks[0])
		place_measure(&watched, without, "none");
	if (!hook_insert(hook, LIMITS))
		return;
	if (stat_of("mounts") < count)
		fail("%lld mounts are shown of %d", stat_of("mounts"), count);
	place_shown(&watched);
	triggers_add(&watched, &efd, 1, FAR);
	snprintf(of, sizeof(of), "%d mounts", count);
	place_measure(&watched, of, hook);
	triggers_close(&efd, 1);
	hook_remove();
}

void mounts(void)
{
	static int fds[MANY];
	double alone, hidden, shown;
	pid_t another;
	int i;

	/* with the two places; they are made while the module is not there to look at each */
	make_mounts(fds, SOME - 2);
	for (i = 0; i < HOOKS; i++)
		measure_pages(hooks[i], SOME);

	/* what the pages were in is given back */
	sleep(10);
	alone = memory_of_module(LIMITS " max_mounts=1");
	another = make_mounts_of_another(fds + SOME - 2, MANY - SOME);
	hidden = memory_of_module(LIMITS " max_mounts=1");
	shown = memory_of_module(LIMITS);
	result("mount hidden", "any", "bytes", (hidden - alone) / (MANY - SOME));
	result("mount shown", "any", "bytes", (shown - hidden) / (MANY - SOME - 1));
	for (i = 0; i < HOOKS; i++)
		measure_pages(hooks[i], MANY);
	kill(another, SIGKILL);
	waitpid(another, NULL, 0);
	for (i = 0; i < SOME - 2; i++)
		close(fds[i]);
}
