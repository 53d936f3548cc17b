// SPDX-License-Identifier: GPL-2.0
/*
 * What changes the levels of a mount against a crossing of that very level. Each
 * race is made so that what is told is the same whichever comes first, while
 * others read all there is to read.
 */
#include "race.h"
#include "harness.h"

#define TRIGGERS	32

FIXTURE(mount) {
	struct scratch m;
	struct noise reader, remounts;
	int fd;
	/* registered or changed by the parts */
	int efd[4 * TRIGGERS];
	const char *text;
	int most;
};

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->fd = open_file(&self->m, "file");
	ASSERT_LE(0, self->fd);
	noise_start(&self->reader, read_files, &self->m, 3);
}

FIXTURE_TEARDOWN(mount)
{
	EXPECT_EQ(0, noise_stop(&self->remounts));
	EXPECT_EQ(0, noise_stop(&self->reader));
	close(self->fd);
	scratch_end(&self->m);
}

static int resize_file(int fd, const struct scratch *m, long long blocks)
{
	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		return -errno;
	return append_blocks(fd, m, blocks);
}

/* ---- registering against a crossing of that very level ---- */

/* from 9 blocks to 10, in a moment */
static int write_one(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return append_blocks(self->fd, &self->m, 1);
}

static int free_all(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return ftruncate(self->fd, 0) || lseek(self->fd, 0, SEEK_SET) ? -errno : 0;
}

/* the second and the third part */
static int register_some(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int i;

	for (i = (number - 1) * TRIGGERS; i < number * TRIGGERS; i++) {
		self->efd[i] = listen_blocks(&self->m, 10, self->text);
		if (self->efd[i] < 0)
			return self->efd[i];
	}
	return 0;
}

/*
 * tw_threshold_place(): what is waited for is widened before usage is summed up, with
 * a full barrier between, all under gauge->lock. So either the sum has the block
 * and "now" tells it, or the hook of that block asks for a check.
 */
TEST_F_TIMEOUT(mount, a_trigger_registered_while_usage_rises_past_it_is_told_once, 120)
{
	static race_part *const parts[] = { write_one, register_some, register_some };
	char state[16];
	int round, i;

	self->text = "rising now";
	ROUNDS(5, 100) {
		ASSERT_EQ(0, resize_file(self->fd, &self->m, 9));
		ASSERT_EQ(0, race(self, 3, parts));
		for (i = 0; i < 2 * TRIGGERS; i++) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, trigger %d", round, i);
			ASSERT_TRUE(trigger_field(&self->m, i, "state", state, sizeof(state)));
			ASSERT_STREQ("above", state);
		}
		for (i = 0; i < 2 * TRIGGERS; i++)
			close(self->efd[i]);
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	}
}

/* The same barrier, paired with that of tw_check_free(). */
TEST_F_TIMEOUT(mount, a_trigger_registered_while_usage_falls_past_it_is_told_once, 120)
{
	static race_part *const parts[] = { free_all, register_some, register_some };
	int round, i;

	self->text = "falling now";
	ROUNDS(5, 100) {
		ASSERT_EQ(0, resize_file(self->fd, &self->m, 10));
		ASSERT_EQ(0, race(self, 3, parts));
		for (i = 0; i < 2 * TRIGGERS; i++) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, trigger %d", round, i);
			close(self->efd[i]);
		}
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	}
}

/*
 * The first trigger of a mount makes the mount known to the hook and the hook
 * itself appear: tw_gauge_watch() waits, with synchronize_rcu(), until every
 * handler that has not found the mount has ended, before usage is summed up.
 */
TEST_F_TIMEOUT(mount, the_first_trigger_of_a_mount_registered_while_usage_passes_it_is_told_once, 120)
{
	static race_part *const parts[] = { write_one, register_some };
	struct scratch held = self->m, *m = &self->m;
	int fd = self->fd, round, i;

	self->text = "rising now";
	ROUNDS(5, 40) {
		ASSERT_EQ(0, scratch_mount(m, "nr_blocks=1000"));
		self->fd = open_file(m, "file");
		ASSERT_EQ(0, append_blocks(self->fd, m, 9));
		ASSERT_EQ(0, race(self, 2, parts));
		for (i = 0; i < TRIGGERS; i++) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, trigger %d", round, i);
			close(self->efd[i]);
		}
		close(self->fd);
		scratch_end(m);
	}
	self->m = held;
	self->fd = fd;
}

/* ---- a level moved against a crossing ---- */

static int move_level(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return put(&self->m, TMPFSWARN_WARN_USED, self->text);
}

/*
 * From 9 blocks to 10 while the level goes from 20 to 10: told by whoever is
 * later. And up again, never told, or told at 10 before it moved; then at 20.
 * tw_watch_move() takes the threshold from its old place and puts it to the new one in
 * one section of gauge->lock, and checks usage there after a barrier.
 */
TEST_F_TIMEOUT(mount, a_level_moved_to_where_usage_just_gets_is_told_once, 120)
{
	static race_part *const parts[] = { write_one, move_level };
	int round, i;

	for (i = 0; i < TRIGGERS; i++) {
		self->efd[i] = rfc_listen(&self->m);
		ASSERT_LE(0, self->efd[i]);
	}
	ROUNDS(5, 150) {
		ASSERT_EQ(0, resize_file(self->fd, &self->m, 9));
		ASSERT_EQ(0, put(&self->m, TMPFSWARN_WARN_USED, "20"));
		self->text = "10";
		ASSERT_EQ(0, race(self, 2, parts));
		for (i = 0; i < TRIGGERS; i++) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, trigger %d", round, i);
		}

		/* away from it: told by the write if that is first, but never twice */
		ASSERT_EQ(0, resize_file(self->fd, &self->m, 9));
		self->text = "20";
		ASSERT_EQ(0, race(self, 2, parts));
		for (i = 0; i < TRIGGERS; i++) {
			ASSERT_GE(1, signals(self->efd[i], 0)) TH_LOG("round %d, trigger %d", round, i);
		}
		ASSERT_EQ(0, append_blocks(self->fd, &self->m, 9));
		for (i = 0; i < TRIGGERS; i++)
			ASSERT_SIGNALS(self->efd[i], 0);
		ASSERT_EQ(0, append_blocks(self->fd, &self->m, 1));
		for (i = 0; i < TRIGGERS; i++)
			ASSERT_SIGNALS(self->efd[i], 1);
	}
}

/* ---- remount against crossings ---- */

static int remount(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return scratch_remount(&self->m, self->text);
}

/*
 * 10 % go from 100 blocks to 50 while usage goes from 49 to 51 or 50. Whoever
 * counts later sees the other's doing: the hook compares max_blocks with what the
 * thresholds know, after its barrier, and tw_threshold_resize() has one before usage is
 * summed up; a remount that comes last is checked by tw_discovery_scan_one().
 */
TEST_F_TIMEOUT(mount, a_percentage_moved_by_a_remount_to_where_usage_just_gets_is_told_once, 120)
{
	static race_part *const parts[] = { write_one, remount };
	int round, i;

	for (i = 0; i < TRIGGERS; i++) {
		self->efd[i] = listen_to(&self->m, TMPFSWARN_USED_BYTES, i & 1 ? "10% rising" : "10%");
		ASSERT_LE(0, self->efd[i]);
	}
	ROUNDS(5, 60) {
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
		ASSERT_EQ(0, resize_file(self->fd, &self->m, 49));
		/* on its side: nothing, until the remount has been looked at */
		for (i = 0; i < TRIGGERS; i += 2)
			ASSERT_SIGNALS_SOON(self->efd[i], round ? 1 : 0);
		self->text = "nr_blocks=500";
		ASSERT_EQ(0, race(self, 2, parts));
		for (i = 0; i < TRIGGERS; i++) {
			ASSERT_SIGNALS_SOON(self->efd[i], 1) TH_LOG("round %d, trigger %d", round, i);
		}
		for (i = 0; i < TRIGGERS; i++) {
			ASSERT_SIGNALS(self->efd[i], 0) TH_LOG("round %d, trigger %d", round, i);
		}
	}
}

/* ---- one crossing seen by many ---- */

static int append_some(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	char name[16];
	int fd, error;

	snprintf(name, sizeof(name), "part%d", number);
	fd = open_file(&self->m, name);
	error = append_blocks(fd, &self->m, self->most);
	close(fd);
	return error;
}

static int remove_some(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	char name[16];

	snprintf(name, sizeof(name), "part%d", number);
	return unlink(scratch_path(&self->m, name)) ? -errno : 0;
}

/*
 * Four CPUs see usage past the levels at once; tw_threshold_cross() moves each threshold
 * under gauge->lock, and takes one that asks for once away in the same section.
 */
TEST_F_TIMEOUT(mount, once_is_once_however_many_cpus_are_past_it, 120)
{
	static race_part *const up[] = { append_some, append_some, append_some, append_some };
	static race_part *const down[] = { remove_some, remove_some, remove_some, remove_some };
	int round, i, both = listen_blocks(&self->m, 40, "");

	ASSERT_LE(0, both);
	self->most = 25;
	ROUNDS(5, 60) {
		for (i = 0; i < 2 * TRIGGERS; i++) {
			self->efd[i] = listen_blocks(&self->m, 1 + i, "once");
			ASSERT_LE(0, self->efd[i]);
		}
		ASSERT_EQ(0, race(self, 4, up));
		ASSERT_SIGNALS(both, 1);
		ASSERT_EQ(0, race(self, 4, down));
		ASSERT_SIGNALS(both, 1);
		for (i = 0; i < 2 * TRIGGERS; i++) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, trigger %d", round, i);
		}
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
		for (i = 0; i < 2 * TRIGGERS; i++)
			close(self->efd[i]);
	}
}

/* ---- telling against returning ---- */

#define AT_ONCE	32	/* TW_CHECK_BATCH of check.c */
#define WAITING	200

/* and leaves discovery the mount for a moment: it checks when no remount is under way */
static int remount_as_it_is(void *arg, int number)
{
	int error = scratch_remount(arg, "nr_blocks=1000");

	usleep(500);
	return error;
}

/*
 * After a remount discovery checks usage, too, and may do so between a block's
 * being counted and the hook of it: then it is that check which finds the
 * crossing. tw_gauge_set_bounds() makes the hook ask for one all the same as long as
 * crossings are told, and that, in tw_check(), waits in tw_notify_all() for
 * tell_lock.
 */
TEST_F_TIMEOUT(mount, a_crossing_that_a_remount_has_found_is_told_before_the_write_returns, 300)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int efd = listener(), round, i, epoll[WAITING];

	/* as many as one check finds at once: what it leaves would be found by that of the hook */
	for (i = 0; i < AT_ONCE; i++)
		ASSERT_EQ(0, control(&self->m, efd, TMPFSWARN_USED_BYTES, "40k both"));
	/* telling takes more than a turn of a CPU */
	for (i = 0; i < WAITING; i++) {
		epoll[i] = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_EQ(0, epoll_ctl(epoll[i], EPOLL_CTL_ADD, efd, &event));
	}
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 9));
	run_on(0);
	/*
	 * Without these, between the counting of a block and the hook of it, the race
	 * is lost too seldom to be seen: from 6.6 on a quota is charged there.
	 */
	slow_down("__dquot_alloc_space");
	noise_start(&self->remounts, remount_as_it_is, &self->m, 1);
	ROUNDS(20, 2000) {
		EXPECT_EQ(0, write_one(self, 0));
		EXPECT_SIGNALS(efd, AT_ONCE) TH_LOG("round %d, up", round);
		EXPECT_EQ(0, ftruncate(self->fd, 9 * self->m.block));
		EXPECT_SIGNALS(efd, AT_ONCE) TH_LOG("round %d, down", round);
		lseek(self->fd, 0, SEEK_END);
		if (_metadata->exit_code)
			break;
	}
	EXPECT_EQ(0, noise_stop(&self->remounts));
	speed_up();
	for (i = 0; i < WAITING; i++)
		close(epoll[i]);
	close(efd);
}

TEST_HARNESS_MAIN
