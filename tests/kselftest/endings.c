// SPDX-License-Identifier: GPL-2.0
/*
 * What ends registrations against what signals them, against each other, and
 * against new ones. Each must end once: told exactly one farewell where the mount
 * goes, none where the eventfd does, and nothing left behind.
 */
#include "race.h"
#include "harness.h"

#include <linux/mount.h>
#include <sys/inotify.h>

#define MANY	200

FIXTURE(mount) {
	struct scratch m;
	struct noise reader, failing, registering;
	long long others;	/* triggers of somebody else */
	int fd;
	int efd[MANY];
	int error[MANY];
	int control;
	int resource;
};

static void new_mount(struct __test_metadata *_metadata, FIXTURE_DATA(mount) *self)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->fd = open_file(&self->m, "file");
	ASSERT_LE(0, self->fd);
}

/* whether allocations that may wait are made to fail, too, and nothing is said of any */
static bool failslab_waits_and_is_silent(bool on)
{
	return write_text("/sys/kernel/debug/failslab/ignore-gfp-wait", on ? "0" : "1") == 0 &&
	       write_text("/sys/kernel/debug/failslab/verbose", on ? "0" : "2") == 0;
}

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	self->others = stat_of("triggers");
	new_mount(_metadata, self);
	noise_start(&self->reader, read_files, &self->m, 3);
}

FIXTURE_TEARDOWN(mount)
{
	EXPECT_EQ(0, noise_stop(&self->failing));
	EXPECT_EQ(0, noise_stop(&self->registering));
	EXPECT_EQ(0, noise_stop(&self->reader));
	failslab_waits_and_is_silent(false);
	speed_up();
	close(self->fd);
	scratch_end(&self->m);
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == self->others));
}

static const char *const words[] = { "both", "once", "rising", "falling now", "both now" };

static void register_many(struct __test_metadata *_metadata, FIXTURE_DATA(mount) *self)
{
	int i;

	for (i = 0; i < MANY; i++) {
		self->efd[i] = listen_blocks(&self->m, 10, words[i % 5]);
		ASSERT_LE(0, self->efd[i]);
	}
}

/* past the level and back */
static int cross(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int error = append_blocks(self->fd, &self->m, 10);

	if (ftruncate(self->fd, 0) || lseek(self->fd, 0, SEEK_SET))
		error = -errno;
	return error;
}

/*
 * By the second and the third part, the even ones and the odd ones. The last are the first: a
 * crossing and an umount come from the other end, so that they meet.
 */
static int close_half(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int i;

	for (i = MANY - 2 + number % 2; i >= 0; i -= 2)
		close(self->efd[i]);
	return 0;
}

static int umount_it(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return scratch_umount(&self->m);
}

/*
 * tw_watch_end(): tw_notify_wait() waits for a signal under way. One that asks for
 * once may be ended by its close and by its crossing: tw_trigger_claim() lets one of them.
 */
TEST_F_TIMEOUT(mount, eventfds_closed_against_a_crossing_end_and_others_count_on, 120)
{
	static race_part *const parts[] = { cross, close_half, close_half };
	int both = listen_blocks(&self->m, 10, "both"), round;
	long long sent, crossings;

	ASSERT_LE(0, both);
	sent = stat_of("signals");
	crossings = stat_of("crossings");
	ROUNDS(5, 60) {
		register_many(_metadata, self);
		ASSERT_EQ(0, race(self, 3, parts));
		ASSERT_SIGNALS(both, 2);
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	}
	/* no farewell among them */
	EXPECT_EQ(stat_of("crossings") - crossings, stat_of("signals") - sent);
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == self->others + 1));
}

/* the second part: the last reference */
static int close_first(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	close(self->efd[0]);
	return 0;
}

/*
 * One eventfd with many registrations, which one work ends while they are signalled: the
 * next to be told is free before it is told if tw_watch_end() does not take it off
 * the list, and while it is told if it does not wait.
 */
TEST_F_TIMEOUT(mount, an_eventfd_registered_often_and_closed_against_a_crossing_ends_all, 120)
{
	static race_part *const parts[] = { cross, close_first };
	int both = listen_blocks(&self->m, 10, "both"), round, i;

	ASSERT_LE(0, both);
	ROUNDS(5, 60) {
		self->efd[0] = listener();
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(0, control(&self->m, self->efd[0], TMPFSWARN_USED_BYTES,
					     i & 1 ? "40k once" : "40k"));
		ASSERT_EQ(0, race(self, 2, parts));
		ASSERT_SIGNALS(both, 2);
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	}
}

/*
 * Both want the same triggers: who claims one with tw_trigger_claim() ends it. The even
 * ones are closed, the odd ones hear one farewell.
 */
TEST_F_TIMEOUT(mount, eventfds_closed_against_the_umount_end_and_others_hear_one_farewell, 120)
{
	static race_part *const parts[] = { umount_it, close_half, close_half };
	int round, i, copy[MANY];

	ROUNDS(5, 30) {
		for (i = 0; i < MANY; i++) {
			self->efd[i] = listen_blocks(&self->m, 10, "both");
			ASSERT_LE(0, self->efd[i]);
			copy[i] = i % 4 ? -1 : dup(self->efd[i]);
		}
		close(self->fd);
		ASSERT_EQ(0, race(self, 3, parts));
		for (i = 0; i < MANY; i += 4) {
			ASSERT_SIGNALS_SOON(copy[i], 1) TH_LOG("round %d, trigger %d", round, i);
		}
		ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == self->others));
		for (i = 0; i < MANY; i += 4) {
			ASSERT_SIGNALS(copy[i], 0);
			close(copy[i]);
		}
		rmdir(self->m.path);
		new_mount(_metadata, self);
	}
}

/* by two parts, through files that were open before; each a half */
static int register_half(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int i;

	for (i = number % 2; i < MANY; i += 2)
		self->error[i] = control_open(self->control, self->resource, self->efd[i], "40k now");
	return 0;
}

/*
 * Registration looks at gauge->sbinfo under mount->mutex and, in
 * tw_watch_possible(), under gauge->lock, where tw_gauge_unhook() clears it; and
 * tw_trigger_end_all() takes the mutex after that. So it is refused, or ended.
 */
TEST_F_TIMEOUT(mount, a_registration_against_the_umount_is_refused_or_hears_one_farewell, 120)
{
	static race_part *const parts[] = { umount_it, register_half, register_half };
	int round, i, first, accepted = 0, refused = 0;

	ROUNDS_UNTIL(accepted && refused, 5, 40) {
		/* with the probes armed a registration takes as little as an umount */
		first = listen_blocks(&self->m, 10, "");
		ASSERT_LE(0, first);
		self->control = open_control(&self->m, TMPFSWARN_EVENT_CONTROL);
		self->resource = open_control(&self->m, TMPFSWARN_USED_BYTES);
		ASSERT_LE(0, self->control);
		ASSERT_LE(0, self->resource);
		for (i = 0; i < MANY; i++)
			self->efd[i] = listener();
		close(self->fd);
		ASSERT_EQ(0, race(self, 3, parts));
		for (i = 0; i < MANY; i++) {
			if (self->error[i]) {
				ASSERT_EQ(-ENODEV, self->error[i]);
				refused++;
			} else {
				ASSERT_SIGNALS_SOON(self->efd[i], 1)
					TH_LOG("round %d, trigger %d", round, i);
				accepted++;
			}
		}
		ASSERT_SIGNALS_SOON(first, 1);
		close(first);
		ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == self->others));
		for (i = 0; i < MANY; i++) {
			ASSERT_SIGNALS(self->efd[i], 0);
			close(self->efd[i]);
		}
		close(self->control);
		close(self->resource);
		rmdir(self->m.path);
		new_mount(_metadata, self);
	}
	EXPECT_LT(0, accepted);
	EXPECT_LT(0, refused);
}

/* ---- two umounts and a mount ---- */

struct three {
	struct scratch m[3];
	bool reused;
};

static int umount_one(void *arg, int number)
{
	struct three *three = arg;

	return scratch_umount(&three->m[number]);
}

/* until it gets the number of one of those that go, for some tries */
static int mount_third(void *arg, int number)
{
	struct three *three = arg;
	struct scratch *m = &three->m[2];
	struct stat st;
	int i;

	for (i = 0; i < 200; i++) {
		if (mount("third", m->path, "tmpfs", 0, "nr_blocks=30") || stat(m->path, &st))
			return -errno;
		three->reused = st.st_dev == three->m[0].dev || st.st_dev == three->m[1].dev;
		if (three->reused)
			break;
		if (umount2(m->path, 0))
			return -errno;
	}
	if (!three->reused && mount("third", m->path, "tmpfs", 0, "nr_blocks=30"))
		return -errno;
	return 0;
}

/*
 * What comes and goes is one work item on an ordered queue,
 * tw_discovery_work_fn(), which removes the directories of those that went before
 * it makes new ones; those that went are queued before their number is free.
 */
TEST_F_TIMEOUT(mount, two_umounts_and_a_mount_of_the_same_number_are_told_apart, 120)
{
	static race_part *const parts[] = { umount_one, umount_one, mount_third };
	struct three three;
	int round, i, efd[2][20], reused = 0;

	ROUNDS_UNTIL(reused, 5, 60) {
		ASSERT_EQ(0, scratch_mount(&three.m[0], "nr_blocks=10"));
		ASSERT_EQ(0, scratch_mount(&three.m[1], "nr_blocks=20"));
		strcpy(three.m[2].path, "/tmp/tmpfswarn.XXXXXX");
		ASSERT_NE(NULL, mkdtemp(three.m[2].path));
		for (i = 0; i < 20; i++) {
			efd[0][i] = listen_blocks(&three.m[0], 5, "");
			efd[1][i] = listen_blocks(&three.m[1], 5, "");
			ASSERT_LE(0, efd[1][i]);
		}
		ASSERT_EQ(0, race(&three, 3, parts));
		ASSERT_EQ(0, scratch_adopt(&three.m[2], three.m[2].path));
		EXPECT_EQ(30 * three.m[2].block, usage_of(&three.m[2], "size"));
		EXPECT_EQ(0, trigger_count(&three.m[2]));
		for (i = 0; i < 20; i++) {
			ASSERT_SIGNALS_SOON(efd[0][i], 1) TH_LOG("round %d", round);
			ASSERT_SIGNALS_SOON(efd[1][i], 1) TH_LOG("round %d", round);
			close(efd[0][i]);
			close(efd[1][i]);
		}
		i = listen_blocks(&three.m[2], 1, "");
		ASSERT_LE(0, i);
		ASSERT_EQ(0, scratch_use(&three.m[2], 1));
		ASSERT_SIGNALS(i, 1);
		close(i);
		reused += three.reused;
		for (i = 0; i < 3; i++)
			scratch_end(&three.m[i]);
	}
	EXPECT_LT(0, reused) TH_LOG("the kernel never used a number again");
}

/* ---- an umount and a remount of another ---- */

struct two {
	struct scratch *older;
	struct scratch newer;
	int last;		/* file of the newer, which is umounted but for that */
};

static int end_newer(void *arg, int number)
{
	struct two *two = arg;

	return close(two->last);
}

static int shrink_older(void *arg, int number)
{
	struct two *two = arg;

	return scratch_remount(two->older, "nr_blocks=60");
}

/*
 * A scan would wait for the one that goes, which comes before the other in the
 * kernel's list. What a remount asks for must not.
 */
TEST_F_TIMEOUT(mount, a_remount_is_seen_while_another_mount_goes, 120)
{
	static race_part *const parts[] = { end_newer, shrink_older };
	struct two two = { .older = &self->m };
	int both = listen_to(&self->m, TMPFSWARN_USED_BYTES, "50% both"), round, i;
	char name[16];

	ASSERT_LE(0, both);
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 40));
	ROUNDS(10, 60) {
		ASSERT_EQ(0, scratch_mount(&two.newer, ""));
		/* so that it takes its time */
		for (i = 0; i < 200; i++) {
			snprintf(name, sizeof(name), "file%d", i);
			close(open_file(&two.newer, name));
		}
		two.last = open_file(&two.newer, name);
		ASSERT_EQ(0, umount2(two.newer.path, MNT_DETACH));
		ASSERT_EQ(0, race(&two, 2, parts));
		ASSERT_SIGNALS_SOON(both, 1) TH_LOG("round %d", round);
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
		ASSERT_SIGNALS_SOON(both, 1);
		rmdir(two.newer.path);
	}
}

/* ---- a mount that fails ---- */

static int mount_wrongly(void *arg, int number)
{
	static const char *const options[] = {
		"mpol=nonsense", "uid=nobody", "nr_inodes=x", "size=1m,nr_blocks=-", "mode=9", "gone",
	};

	return mount("fails", "/mnt", "tmpfs", 0, options[number % 6]) ? 0 : -EEXIST;
}

static void cross_amid(struct __test_metadata *_metadata, FIXTURE_DATA(mount) *self,
		       race_part *step, int steps)
{
	int both = listen_blocks(&self->m, 10, "both"), round;
	long long mounts = stat_of("mounts");

	ASSERT_LE(0, both);
	noise_start(&self->failing, step, self, 1);
	noise_start(&self->registering, register_and_close, &self->m, 2);
	ROUNDS(20, 400) {
		ASSERT_EQ(0, cross(self, 0));
		ASSERT_SIGNALS(both, 2);
	}
	while (self->failing.steps < steps && !self->failing.error)
		usleep(1000);
	EXPECT_EQ(0, noise_stop(&self->failing));
	EXPECT_EQ(0, noise_stop(&self->registering));
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") == mounts));
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
}

/* A superblock that does not become complete must not become an object. */
TEST_F_TIMEOUT(mount, mounts_with_wrong_options_amid_registrations_leave_nothing, 120)
{
	mkdir("/mnt", 0755);
	cross_amid(_metadata, self, mount_wrongly, 12);
}

/* the first, the second ... allocation of a mount(2) fails, on this thread alone */
static int mount_without_memory(void *arg, int number)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char nth[16];

	snprintf(nth, sizeof(nth), "%d", 1 + number % 40);
	if (fd < 0 || write(fd, nth, strlen(nth)) < 0)
		return -errno;
	if (mount("fails", "/mnt", "tmpfs", 0, "nr_blocks=7") == 0) {
		/* it was one that the kernel can do without, or too late */
		if (pwrite(fd, "0", 1, 0) < 0 || umount2("/mnt", 0))
			number = -errno;
	} else if (errno != ENOMEM && errno != ENOSPC) {
		/* mm/shmem.c says ENOSPC where there is no memory for the root */
		number = -errno;
	}
	close(fd);
	return number < 0 ? number : 0;
}

TEST_F_TIMEOUT(mount, mounts_that_find_no_memory_amid_registrations_leave_nothing, 300)
{
	if (access("/proc/thread-self/fail-nth", F_OK) || !failslab_waits_and_is_silent(true))
		SKIP(return, "the kernel cannot be made to fail an allocation");
	mkdir("/mnt", 0755);
	cross_amid(_metadata, self, mount_without_memory, 40);
}

/* the same, with a superblock alone; 1 if it came to be */
static int create_without_memory(int number)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), result;
	int fs = syscall(SYS_fsopen, "tmpfs", 0);
	char nth[16];

	snprintf(nth, sizeof(nth), "%d", 1 + number);
	if (fd < 0 || fs < 0 || write(fd, nth, strlen(nth)) < 0)
		return -errno;
	result = syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? 0 : 1;
	if (result && pwrite(fd, "0", 1, 0) < 0)
		result = -errno;
	close(fs);
	close(fd);
	return result;
}

/* Nor is it shown before it has its root: memory for that is looked for last, and here for long. */
TEST_F_TIMEOUT(mount, a_mount_that_finds_no_memory_is_never_shown, 120)
{
	int shown = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), number, result, failed = 0;
	long long mounts = stat_of("mounts");
	char events[4096];

	if (access("/proc/thread-self/fail-nth", F_OK) || !failslab_waits_and_is_silent(true))
		SKIP(return, "the kernel cannot be made to fail an allocation");
	ASSERT_LE(0, inotify_add_watch(shown, ROOM, IN_CREATE | IN_MOVED_TO));
	slow_down("__d_alloc");
	for (number = 0; number < 40; number++) {
		result = create_without_memory(number);
		ASSERT_LE(0, result);
		/* were it shown, that would take another moment, and so would its end */
		usleep(20000);
		ASSERT_TRUE(EVENTUALLY(stat_of("mounts") == mounts));
		if (!result) {
			failed++;
			EXPECT_EQ(-1, read(shown, events, sizeof(events)))
				TH_LOG("allocation %d", number + 1);
		}
		while (read(shown, events, sizeof(events)) > 0)
			;
	}
	speed_up();
	EXPECT_LT(0, failed);
	close(shown);
}

TEST_HARNESS_MAIN
