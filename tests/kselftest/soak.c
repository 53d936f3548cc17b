// SPDX-License-Identifier: GPL-2.0
/*
 * soak [REGISTRATIONS [MOUNTS [LOADS [LISTENERS]]]]: do each so many times and see that
 * the kernel's memory is as before. 0 leaves one out; LOADS needs TMPFSWARN_KO.
 */
#include "scratch.h"
#include "memory.h"

/*
 * What the rest of the kernel may come and go by: half-filled slabs, the stacks
 * of worker threads. The smallest thing that could be leaked in each round is
 * more: 30,000 x 64 bytes are 1.8 MiB, 10,000 directory entries 2 MiB,
 * 100 copies of the module 5 MiB.
 */
#define SLACK	1024

static struct scratch mount_point;

static int register_and_close(int round)
{
	static const char *const words[] = { "", "rising", "falling now", "once", "hyst=10%" };
	struct scratch *m = &mount_point;
	long long end = now_ms() + BOUND;
	int efd;

	/* they end a little after the close: the limit may be met */
	do {
		efd = round % 10 == 9 ? rfc_listen(m) :
			listen_blocks(m, 1 + round % 100, words[round % 5]);
		if (efd == -ENOSPC)
			usleep(1000);
	} while (efd == -ENOSPC && now_ms() < end);
	if (efd < 0)
		return efd;
	if (round % 1000 == 0) {
		if (scratch_use(m, 200) || scratch_use(m, 0))
			return -EIO;
	}
	close(efd);
	return 0;
}

/* read to the end, in part, or not at all */
static int listen_and_close(int round)
{
	static const char *const words[] = { "", "once now", "hyst=10%" };
	struct scratch *m = &mount_point;
	int device = open(TMPFSWARN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int fd = open(m->path, O_PATH | O_CLOEXEC), error = 0;
	char text[4096];

	if (device < 0 || fd < 0 ||
	    dprintf(device, "%d %d %s", fd, round % 100 * 4096, words[round % 3]) < 0)
		error = -errno;
	close(fd);
	if (!error && round % 1000 == 0 && (scratch_use(m, 200) || scratch_use(m, 0)))
		error = -EIO;
	if (!error && round % 4 && read(device, text, round % 2 ? sizeof(text) : 1) < 1)
		error = -EBADMSG;
	close(device);
	return error;
}

static int mount_and_umount(int round)
{
	struct scratch m;
	int efd = -1, error = 0;

	if (round % 2) {
		char path[] = "/tmp/tmpfswarn.XXXXXX";

		if (!mkdtemp(path))
			return -errno;
		if (mount("scratch", path, "tmpfs", 0, "nr_blocks=10") || umount2(path, 0))
			error = -errno;
		rmdir(path);
		return error;
	}
	error = scratch_mount(&m, "nr_blocks=10");
	if (!error) {
		efd = listen_blocks(&m, 1, "rising");
		if (efd < 0)
			error = efd;
		else
			error = scratch_use(&m, 1);
	}
	if (!error)
		error = scratch_umount(&m);
	if (!error && signals_soon(efd, 2) != 2)
		error = -EBADMSG;
	if (efd >= 0)
		close(efd);
	rmdir(m.path);
	return error;
}

static int load_and_remove(int round)
{
	int error, efd;

	if (!EVENTUALLY(module_remove() == 0))
		return -EBUSY;
	error = module_insert("");
	if (error)
		return error;
	if (!EVENTUALLY(scratch_shown(&mount_point)))
		return -ETIMEDOUT;
	/* left to the next removal; the eventfd is closed before or after it */
	efd = listen_blocks(&mount_point, 1, "");
	if (efd < 0)
		return efd;
	if (round % 2 && scratch_use(&mount_point, round % 4))
		return -EIO;
	close(efd);
	return 0;
}

static bool flat(const char *what, long before, long after)
{
	printf("# %s: %ld KiB before, %ld KiB after\n", what, before, after);
	return after - before <= SLACK;
}

static bool soak(int number, const char *name, int rounds, int (*round)(int))
{
	struct memory before, after;
	bool is_flat = true;
	int i, error = 0;

	if (!rounds) {
		printf("ok %d %s # SKIP not asked for\n", number, name);
		return true;
	}
	if (round == load_and_remove && !module_file()) {
		printf("ok %d %s # SKIP TMPFSWARN_KO does not name the module's file\n",
		       number, name);
		return true;
	}
	for (i = 0; i < rounds / 10 && !error; i++)
		error = round(i);
	before = memory_settled();
	for (i = 0; i < rounds && !error; i++)
		error = round(i);
	after = memory_settled();

	printf("# %d rounds%s\n", i, error ? "" : ", after a tenth of that to warm up");
	is_flat &= flat("Slab", before.slab, after.slab);
	is_flat &= flat("VmallocUsed", before.vmalloc, after.vmalloc);
	is_flat &= flat("Percpu", before.percpu, after.percpu);
	if (error) {
		printf("# round %d: %s\n", i, strerror(-error));
		printf("not ok %d %s\n", number, name);
		return false;
	}
	if (memory_is_kept()) {
		printf("ok %d %s # SKIP this kernel keeps freed memory back to check it\n",
		       number, name);
		return true;
	}
	printf("%sok %d %s\n", is_flat ? "" : "not ", number, name);
	return is_flat;
}

int main(int argc, char **argv)
{
	/* 64 bytes lost in each of 17,000 are more than SLACK */
	int rounds[4] = {
		often(17000, 100000), 10000, often(50, 200), often(17000, 100000),
	};
	bool good = true;
	int i, error;

	for (i = 0; i < 4 && i + 1 < argc; i++)
		rounds[i] = atoi(argv[i + 1]);
	setbuf(stdout, NULL);
	printf("TAP version 13\n1..4\n");
	error = scratch_mount(&mount_point, "nr_blocks=1000");
	if (error) {
		printf("Bail out! no scratch mount: %s\n", strerror(-error));
		return 1;
	}
	good &= soak(1, "registering_and_closing_leaves_no_memory_behind", rounds[0],
		     register_and_close);
	good &= soak(2, "mounting_and_umounting_leaves_no_memory_behind", rounds[1],
		     mount_and_umount);
	good &= soak(3, "loading_and_removing_leaves_no_memory_behind", rounds[2],
		     load_and_remove);
	good &= soak(4, "listening_and_closing_leaves_no_memory_behind", rounds[3],
		     listen_and_close);
	scratch_end(&mount_point);
	return good ? 0 : 1;
}
