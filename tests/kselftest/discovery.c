// SPDX-License-Identifier: GPL-2.0
/*
 * Mounts that come and go while something is in the way: an umount that takes long, a
 * directory that somebody holds up, kprobes that are off. Nobody else's is delayed by
 * it, and none is missed.
 */
#include "race.h"
#include "harness.h"

#include <dirent.h>
#include <linux/mount.h>

/* ms within which a mount appears and a farewell comes; that a slow umount is not over decides */
#define SOON		2000

/* files, which an umount throws away in some hundred ms: as many as can be made in a while */
#define FILES		100000
#define WHILE		often(1500, 6000)

static const char kprobes[] = "/sys/kernel/debug/kprobes/enabled";

FIXTURE(mount) {
	struct scratch m;
	bool changed;
};

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
}

FIXTURE_TEARDOWN(mount)
{
	write_text(kprobes, "1");
	speed_up();
	scratch_end(&self->m);
	if (self->changed && access(ROOM, F_OK))
		module_insert("");
}

/* one that comes and goes without anybody having had it */
static int come_and_go(void)
{
	int fs = syscall(SYS_fsopen, "tmpfs", 0), error = 0;

	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		error = -errno;
	close(fs);
	return error;
}

static char *directory_of(dev_t dev, const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), ROOM "/%u:%u%s", major(dev), minor(dev), file);
	return path;
}

/* ---- an umount that takes long ---- */

struct slow {
	struct scratch m;
	pthread_t thread;
	atomic_bool over;
	int error;
};

static void *umount_slowly(void *arg)
{
	struct slow *slow = arg;

	slow->error = scratch_umount(&slow->m);
	slow->over = true;
	return NULL;
}

static void slow_mount(struct __test_metadata *_metadata, struct slow *slow)
{
	long long begun;
	char name[16];
	int i;

	memset(slow, 0, sizeof(*slow));
	begun = now_ms();
	ASSERT_EQ(0, scratch_mount(&slow->m, "nr_inodes=0,nr_blocks=1000"));
	for (i = 0; i < FILES && now_ms() < begun + WHILE; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ASSERT_EQ(0, mknod(scratch_path(&slow->m, name), S_IFREG | 0600, 0));
	}
}

static void slow_start(struct __test_metadata *_metadata, struct slow *slow)
{
	ASSERT_EQ(0, pthread_create(&slow->thread, NULL, umount_slowly, slow));
	usleep(20000);
	ASSERT_FALSE(slow->over);
}

static void slow_end(struct __test_metadata *_metadata, struct slow *slow)
{
	pthread_join(slow->thread, NULL);
	EXPECT_EQ(0, slow->error);
	EXPECT_TRUE(EVENTUALLY(access(slow->m.dir, F_OK) != 0));
	scratch_end(&slow->m);
}

TEST_F_TIMEOUT(mount, an_umount_that_takes_long_delays_no_other_mounts, 600)
{
	int gone = listen_blocks(&self->m, 10, ""), half, fd;
	struct scratch other;
	struct slow slow;
	long long begun;
	dev_t dev;

	ASSERT_LE(0, gone);
	ASSERT_EQ(0, scratch_mount(&other, "nr_blocks=1000"));
	ASSERT_EQ(0, scratch_use(&other, 400));
	half = listen_to(&other, TMPFSWARN_USED_BYTES, "50%");
	ASSERT_LE(0, half);
	slow_mount(_metadata, &slow);
	slow_start(_metadata, &slow);

	begun = now_ms();
	fd = superblock(&dev);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(EVENTUALLY(access(directory_of(dev, ""), F_OK) == 0));
	TH_LOG("a mount was shown after %lld ms", now_ms() - begun);
	EXPECT_GE(SOON, now_ms() - begun);
	EXPECT_FALSE(slow.over);

	begun = now_ms();
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_TRUE(readable(gone, BOUND));
	TH_LOG("a farewell came after %lld ms", now_ms() - begun);
	EXPECT_GE(SOON, now_ms() - begun);
	EXPECT_FALSE(slow.over);

	begun = now_ms();
	ASSERT_EQ(0, scratch_remount(&other, "nr_blocks=700"));
	EXPECT_TRUE(readable(half, BOUND));
	TH_LOG("a remount was told after %lld ms", now_ms() - begun);
	EXPECT_GE(SOON, now_ms() - begun);
	EXPECT_FALSE(slow.over);

	slow_end(_metadata, &slow);
	close(fd);
	scratch_end(&other);
}

TEST_F_TIMEOUT(mount, a_farewell_does_not_wait_until_the_files_of_its_own_mount_are_thrown_away, 600)
{
	struct slow slow;
	int efd;

	slow_mount(_metadata, &slow);
	efd = listen_blocks(&slow.m, 10, "both");
	ASSERT_LE(0, efd);
	slow_start(_metadata, &slow);
	EXPECT_TRUE(readable(efd, BOUND));
	EXPECT_FALSE(slow.over);
	slow_end(_metadata, &slow);
	EXPECT_SIGNALS(efd, 1);
}

/* ---- a directory is whole or not there ---- */

TEST_F_TIMEOUT(mount, whoever_finds_a_directory_finds_all_its_files, 300)
{
	int count = often(500, 4000), fds[4000], i;
	long long end;
	dev_t dev;

	for (i = 0; i < count; i++) {
		int fd;

		end = now_ms() + BOUND;
		fds[i] = superblock(&dev);
		ASSERT_LE(0, fds[i]);
		while (access(directory_of(dev, ""), F_OK) && now_ms() < end)
			;
		fd = open(directory_of(dev, "/" TMPFSWARN_EVENT_CONTROL), O_WRONLY);
		ASSERT_LE(0, fd) TH_LOG("mount %d: %s", i, strerror(errno));
		close(fd);
	}
	for (i = 0; i < count; i++)
		close(fds[i]);
	/* so many are no matter of the next test, where checkers slow it all down */
	end = now_ms() + 6 * BOUND;
	while (!access(directory_of(dev, ""), F_OK) && now_ms() < end)
		usleep(10000);
}

/* ---- while somebody holds up the work ---- */

/*
 * A few more than the ring has room for, and one with which the work waits: so a scan, which is
 * for those few, soon comes to others that are in the ring still.
 */
#define TOO_MANY	(1024 + 1 + 10)

TEST_F_TIMEOUT(mount, mounts_that_come_while_it_is_held_up_are_all_shown, 120)
{
	static dev_t dev[TOO_MANY];
	static int fds[TOO_MANY];
	struct held_room held = {};
	int i;

	if (!hold_up(&held))
		SKIP(return, "the kernel has no userfaultfd");
	for (i = 0; i < TOO_MANY; i++) {
		fds[i] = superblock(&dev[i]);
		ASSERT_LE(0, fds[i]);
		/* nothing has come after the first when the work takes it */
		if (!i)
			usleep(50000);
	}
	/* to look for one would be to wait behind the work */
	let_go(&held);
	for (i = 0; i < TOO_MANY; i++)
		EXPECT_TRUE(EVENTUALLY(access(directory_of(dev[i], ""), F_OK) == 0)) TH_LOG("%d", i);
	for (i = 0; i < TOO_MANY; i++)
		close(fds[i]);
	for (i = 0; i < TOO_MANY; i++)
		EXPECT_TRUE(EVENTUALLY(access(directory_of(dev[i], ""), F_OK) != 0)) TH_LOG("%d", i);
	EXPECT_EQ(0, stat_of("mounts_hidden"));
}

#define OTHERS		200

/*
 * What is in the ring must leave it: it would be used when it is free, and fill it for ever; and
 * be taken for a mount when there is something of another kind.
 */
TEST_F_TIMEOUT(mount, mounts_that_come_and_go_while_it_is_held_up_leave_nothing, 120)
{
	long long there = stat_of("mounts");
	struct held_room held = {};
	int i, fds[3], others[OTHERS];
	dev_t dev;

	if (!hold_up(&held))
		SKIP(return, "the kernel has no userfaultfd");
	/* this one is what the work waits with */
	fds[0] = superblock(&dev);
	ASSERT_LE(0, fds[0]);
	usleep(50000);
	for (i = 0; i < TOO_MANY; i++)
		ASSERT_EQ(0, come_and_go());
	/* the kernel frees them a little later */
	usleep(300000);
	for (i = 0; i < OTHERS; i++) {
		others[i] = superblock_of("ramfs", NULL);
		ASSERT_LE(0, others[i]);
	}
	let_go(&held);
	for (i = 1; i < 3; i++) {
		fds[i] = superblock(&dev);
		ASSERT_LE(0, fds[i]);
		EXPECT_TRUE(EVENTUALLY(access(directory_of(dev, ""), F_OK) == 0));
	}
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") == there + 3));
	for (i = 0; i < 3; i++)
		close(fds[i]);
	for (i = 0; i < OTHERS; i++)
		close(others[i]);
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") == there));
}

/*
 * A directory of the same name is removed first, though the work finds both at once. It takes
 * some of those that come at a time: there are others behind, so that this one is among them.
 */
TEST_F_TIMEOUT(mount, a_number_used_again_while_it_is_held_up_is_shown_at_once, 120)
{
	struct held_room held = {};
	int first, gone, fds[10], i;
	dev_t old, dev;
	bool again = false;
	char mark[64];

	first = superblock(&dev);
	ASSERT_LE(0, first);
	gone = superblock(&old);
	ASSERT_LE(0, gone);
	ASSERT_TRUE(EVENTUALLY(access(directory_of(dev, ""), F_OK) == 0));
	ASSERT_TRUE(EVENTUALLY(access(directory_of(old, ""), F_OK) == 0));
	snprintf(mark, sizeof(mark), "discovery test %d mark", getpid());
	ASSERT_EQ(0, write_text("/dev/kmsg", mark));
	if (!hold_up(&held))
		SKIP(return, "the kernel has no userfaultfd");
	/* the work waits with its directory, and knows nothing of the others */
	close(first);
	usleep(50000);
	close(gone);
	for (i = 0; i < 10; i++) {
		fds[i] = superblock(&dev);
		EXPECT_LE(0, fds[i]);
		again |= dev == old;
	}
	let_go(&held);
	EXPECT_TRUE(again) TH_LOG("the kernel did not use the number again");
	/* what the old one has left says ENODEV */
	EXPECT_TRUE(EVENTUALLY(number_in(directory_of(old, "/" TMPFSWARN_USAGE), "size") > 0));
	/* or it would be shown a second later */
	EXPECT_EQ(0, in_log(mark, "is not shown"));
	for (i = 0; i < 10; i++)
		close(fds[i]);
}

/* ---- the rest ---- */

/* The check of a remount waits until it is over, and is not forgotten meanwhile. */
TEST_F_TIMEOUT(mount, each_of_many_remounts_that_take_their_time_is_told, 300)
{
	long long resyncs;
	int both, round;

	/* those that were there first come after the module's, and then there is another size */
	slow_down("shmem_reconfigure");
	if (module_file()) {
		self->changed = true;
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	}
	resyncs = stat_of("resyncs");
	ASSERT_EQ(0, scratch_use(&self->m, 400));
	both = listen_to(&self->m, TMPFSWARN_USED_BYTES, "50% both");
	ASSERT_LE(0, both);
	ROUNDS(20, 200) {
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=700"));
		ASSERT_SIGNALS_SOON(both, 1) TH_LOG("round %d", round);
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
		ASSERT_SIGNALS_SOON(both, 1) TH_LOG("round %d", round);
		/* what is forgotten would be told by that, after two seconds */
		ASSERT_EQ(resyncs, stat_of("resyncs"));
	}
	speed_up();
}

/* Whatever the parameter hook says: mounts are seen to come and go by ftrace. */
TEST_F_TIMEOUT(mount, a_mount_that_goes_while_kprobes_are_off_is_gone, 120)
{
	int efd = listen_blocks(&self->m, 10, "");
	struct scratch m;
	char *list;

	ASSERT_LE(0, efd);
	list = slurp_path("/sys/kernel/debug/kprobes/list");
	if (!list || strstr(list, "generic_shutdown_super"))
		SKIP(return, "the kernel has no ftrace for this");
	free(list);
	if (write_text(kprobes, "0"))
		SKIP(return, "there is no %s", kprobes);
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_NE(0, access(self->m.dir, F_OK));
	/* and one that comes is there */
	EXPECT_EQ(0, scratch_mount(&m, "nr_blocks=10"));
	ASSERT_EQ(0, write_text(kprobes, "1"));
	scratch_end(&m);
}

/* umounts beside an insmod, each of which takes its time and is the newest of all */
static int fill_and_go(void *arg, int number)
{
	int fd = superblock(NULL), i;
	char name[16];

	if (fd < 0)
		return fd;
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (mknodat(fd, name, S_IFREG | 0600, 0))
			return -errno;
	}
	close(fd);
	return 0;
}

/* tw_discovery_scan() begins again where the kernel has ended it at a mount that was going */
TEST_F_TIMEOUT(mount, mounts_are_all_found_at_insmod_while_others_go, 300)
{
	struct noise noise[2] = {};
	int fds[20], round, i;
	dev_t dev[20];

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	for (i = 0; i < 20; i++) {
		fds[i] = superblock(&dev[i]);
		ASSERT_LE(0, fds[i]);
	}
	self->changed = true;
	for (i = 0; i < 2; i++)
		noise_start(&noise[i], fill_and_go, NULL, 1 + i);
	ROUNDS(5, 30) {
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		ASSERT_EQ(0, module_insert(""));
		for (i = 0; i < 20; i++) {
			EXPECT_TRUE(access(directory_of(dev[i], ""), F_OK) == 0)
				TH_LOG("round %d, mount %d", round, i);
		}
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, noise_stop(&noise[i]));
	for (i = 0; i < 20; i++)
		close(fds[i]);
}

TEST_HARNESS_MAIN
