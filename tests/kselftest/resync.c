// SPDX-License-Identifier: GPL-2.0
/*
 * What no probe has seen is told all the same, within the bound, with nobody allocating
 * or freeing meanwhile; and what is seen is never told by way of that.
 */
#include "race.h"
#include "harness.h"

/* in ms: three seconds are promised; the machine may be a slow one */
#define PROMISED	3000

#define LEVEL		100

static const char kprobes[] = "/sys/kernel/debug/kprobes/enabled";

FIXTURE(mount) {
	struct scratch m;
	long long resyncs;
	int fd[4];
	int fault;		/* the block that is touched */
	char *map;
};

static int reload(const char *parameters)
{
	if (!module_file())
		return 0;
	if (!EVENTUALLY(module_remove() == 0))
		return -EBUSY;
	return module_insert(parameters);
}

FIXTURE_SETUP(mount)
{
	char name[16];
	int i;

	write_text(kprobes, "1");
	speed_up();
	/* by ftrace there is nothing that could be switched off */
	ASSERT_EQ(0, reload("hook=kprobe"));
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=2000"));
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		self->fd[i] = open_file(&self->m, name);
		ASSERT_LE(0, self->fd[i]);
	}
	self->resyncs = stat_of("resyncs");
	ASSERT_LE(0, self->resyncs);
}

FIXTURE_TEARDOWN(mount)
{
	write_text(kprobes, "1");
	speed_up();
	scratch_end(&self->m);
	/* at once, while another pass is due: none may come */
	EXPECT_EQ(0, reload(""));
}

static int empty(int fd)
{
	return ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

/* does the module see allocations, or frees, by kprobes? */
static bool by_kprobe(const char *key)
{
	char kind[32] = "";

	value_in(ROOM "/" TMPFSWARN_STATS, key, kind, sizeof(kind));
	return strstr(kind, "probe");
}

static bool told_within_the_bound(int efd)
{
	long long begun = now_ms();

	if (!readable(efd, BOUND))
		return false;
	return now_ms() - begun <= PROMISED;
}

/*
 * Three times, since a moment after the probes have been armed usage is compared in any
 * case: the first time that may be what tells.
 */
TEST_F_TIMEOUT(mount, what_is_crossed_with_the_probes_off_is_told_within_the_bound, 120)
{
	int rising = listen_blocks(&self->m, LEVEL, "rising");
	int falling = listen_blocks(&self->m, LEVEL, "falling"), round, unseen;

	ASSERT_LE(0, rising);
	ASSERT_LE(0, falling);
	for (round = 0; round < 3; round++) {
		self->resyncs = stat_of("resyncs");
		unseen = 0;
		if (write_text(kprobes, "0"))
			SKIP(return, "kprobes cannot be switched off");
		ASSERT_EQ(0, append_blocks(self->fd[0], &self->m, LEVEL));
		/* by ftrace it is seen */
		if (by_kprobe("hook_kind")) {
			EXPECT_FALSE(readable(rising, 0));
			unseen++;
		}
		EXPECT_TRUE(told_within_the_bound(rising));
		EXPECT_SIGNALS(rising, 1);
		ASSERT_EQ(0, empty(self->fd[0]));
		if (by_kprobe("hook_free_kind")) {
			EXPECT_FALSE(readable(falling, 0));
			unseen++;
		}
		EXPECT_TRUE(told_within_the_bound(falling));
		EXPECT_SIGNALS(falling, 1);
		EXPECT_SIGNALS(rising, 0);

		/* once, and on from there */
		ASSERT_EQ(0, write_text(kprobes, "1"));
		ASSERT_EQ(0, append_blocks(self->fd[0], &self->m, LEVEL));
		EXPECT_SIGNALS(rising, 1);
		ASSERT_EQ(0, empty(self->fd[0]));
		EXPECT_SIGNALS(falling, 1);
	}
	EXPECT_EQ(self->resyncs + unseen, stat_of("resyncs"));
}

/*
 * Who crosses right after a pass has two of them to wait for, since one alone cannot
 * tell it from a race. By the third round nothing but a pass tells.
 */
TEST_F_TIMEOUT(mount, one_pass_alone_puts_nothing_right, 120)
{
	int rising = listen_blocks(&self->m, LEVEL, "rising");
	int falling = listen_blocks(&self->m, LEVEL, "falling"), round;
	int other = listen_blocks(&self->m, 10 * LEVEL, "rising");

	ASSERT_LE(0, rising);
	ASSERT_LE(0, falling);
	ASSERT_LE(0, other);
	if (!by_kprobe("hook_kind") || write_text(kprobes, "0"))
		SKIP(return, "the hook is no kprobe, or cannot be switched off");
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, append_blocks(self->fd[0], &self->m, LEVEL));
		ASSERT_TRUE(readable(rising, BOUND));
		ASSERT_SIGNALS(rising, 1);
		/* a pass has just been */
		ASSERT_EQ(0, append_blocks(self->fd[1], &self->m, 9 * LEVEL));
		if (round == 2)
			EXPECT_FALSE(readable(other, 1500));
		ASSERT_TRUE(readable(other, BOUND));
		ASSERT_SIGNALS(other, 1);
		ASSERT_EQ(0, empty(self->fd[0]));
		ASSERT_EQ(0, empty(self->fd[1]));
		ASSERT_TRUE(readable(falling, BOUND));
		ASSERT_SIGNALS(falling, 1);
	}
	ASSERT_EQ(0, write_text(kprobes, "1"));
}

TEST_F_TIMEOUT(mount, a_percentage_moved_with_the_probes_off_is_told_within_the_bound, 120)
{
	int efd = listen_to(&self->m, "used_bytes", "10% rising");

	ASSERT_LE(0, efd);
	ASSERT_EQ(0, append_blocks(self->fd[0], &self->m, LEVEL));
	if (write_text(kprobes, "0"))
		SKIP(return, "kprobes cannot be switched off");
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
	EXPECT_TRUE(told_within_the_bound(efd));
	EXPECT_SIGNALS(efd, 1);
	ASSERT_EQ(0, write_text(kprobes, "1"));
}

/* where ftrace is to be had that sees it all the same */
TEST_F_TIMEOUT(mount, a_limit_taken_away_with_the_probes_off_is_the_end, 120)
{
	int efd = listen_blocks(&self->m, 10, "");

	ASSERT_LE(0, efd);
	if (write_text(kprobes, "0"))
		SKIP(return, "kprobes cannot be switched off");
	EXPECT_EQ(0, scratch_remount(&self->m, "size=0"));
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	ASSERT_EQ(0, write_text(kprobes, "1"));
}

TEST_F_TIMEOUT(mount, each_of_many_mounts_is_put_right, 120)
{
	struct scratch m[20];
	int efd[20], i;

	if (!by_kprobe("hook_kind"))
		SKIP(return, "allocations are not seen by kprobes");
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, scratch_mount(&m[i], "nr_blocks=200"));
		efd[i] = listen_blocks(&m[i], LEVEL, "rising");
		ASSERT_LE(0, efd[i]);
	}
	EXPECT_EQ(0, write_text(kprobes, "0"));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, scratch_use(&m[i], LEVEL));
	for (i = 0; i < 20; i++)
		EXPECT_TRUE(told_within_the_bound(efd[i])) TH_LOG("mount %d", i);
	EXPECT_EQ(0, write_text(kprobes, "1"));
	for (i = 0; i < 20; i++) {
		EXPECT_SIGNALS(efd[i], 1);
		scratch_end(&m[i]);
	}
}

/*
 * What is put right needs no process. What has been crossed before leaves credit, which a check
 * that the hook asks for would be covered by.
 */
TEST_F_TIMEOUT(mount, what_is_crossed_unseen_while_discovery_is_held_up_is_told_within_the_bound, 120)
{
	int rising = listen_blocks(&self->m, LEVEL, "rising"), other;
	struct held_room held = {};

	ASSERT_LE(0, rising);
	if (!by_kprobe("hook_kind"))
		SKIP(return, "allocations are not seen by kprobes");
	ASSERT_EQ(0, append_blocks(self->fd[0], &self->m, LEVEL));
	ASSERT_SIGNALS(rising, 1);
	ASSERT_EQ(0, empty(self->fd[0]));
	if (!hold_up(&held))
		SKIP(return, "the kernel has no userfaultfd");
	/* this one is what the work waits with */
	other = superblock(NULL);
	EXPECT_LE(0, other);
	EXPECT_EQ(0, write_text(kprobes, "0"));
	EXPECT_EQ(0, append_blocks(self->fd[0], &self->m, LEVEL));
	EXPECT_TRUE(told_within_the_bound(rising));
	EXPECT_SIGNALS(rising, 1);
	EXPECT_EQ(0, write_text(kprobes, "1"));
	let_go(&held);
	close(other);
}

/* ---- nothing to put right ---- */

static int come_and_go(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int fd = self->fd[number];
	long long end = now_ms() + often(5000, 10000);
	int error = 0;

	while (!error && now_ms() < end) {
		error = append_blocks(fd, &self->m, 1);
		if (!error)
			error = empty(fd);
	}
	return error;
}

/*
 * Who has counted and not asked for a check yet is no disagreement, however long that
 * takes him: here the two are far apart, and each block crosses a level, so that most passes find
 * somebody there.
 */
TEST_F_TIMEOUT(mount, writers_that_cross_all_the_time_are_never_put_right, 120)
{
	static race_part *const all[] = { come_and_go, come_and_go, come_and_go, come_and_go };
	int efd[4], i;
	char hook[64];

	for (i = 0; i < 4; i++) {
		efd[i] = listen_blocks(&self->m, i + 1, "both");
		ASSERT_LE(0, efd[i]);
	}
	ASSERT_TRUE(value_in(ROOM "/" TMPFSWARN_STATS, "hook", hook, sizeof(hook)));
	slow_down(hook);
	EXPECT_EQ(0, race(self, 4, all));
	speed_up();
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, signals(efd[i], 0) % 2);
}

/* ---- nothing is left ---- */

/*
 * Loading adds a threshold for the selftest, so a pass is due 750 to 1750 ms later: timers are
 * rounded to whole seconds. It is later than the module's end, which takes a second, in some
 * quarters of a second at least.
 */
TEST_F_TIMEOUT(mount, no_pass_comes_when_the_module_has_gone, 120)
{
	int quarter;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	for (quarter = 0; quarter < 4; quarter++) {
		while (now_ms() % 1000 / 250 != quarter)
			usleep(1000);
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		/* the kernel says so if one comes by then */
		usleep(2000000);
	}
	ASSERT_EQ(0, module_insert(""));
}

/* ---- what is counted and taken back ---- */

static int touch(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	self->map[self->fault * self->m.block] = 1;
	return 0;
}

/*
 * Of those who fault one block in at the same time one is too late, and up to 6.5 has counted
 * it by then, and takes it back. What another one's check saw meanwhile is told, but does
 * not stay.
 */
TEST_F_TIMEOUT(mount, a_block_that_several_fault_in_leaves_each_level_on_its_side, 120)
{
	static race_part *const all[] = { touch, touch, touch, touch };
	long long told = 0, used;
	int round, efd, wrong = 0;

	ASSERT_EQ(0, ftruncate(self->fd[0], 1000 * self->m.block));
	self->map = mmap(NULL, 1000 * self->m.block, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->fd[0], 0);
	ASSERT_NE(MAP_FAILED, self->map);
	/* between the counting and the taking back */
	slow_down("shmem_add_to_page_cache");
	ROUNDS(30, 100) {
		self->fault = round;
		/* one block will be there, and not two */
		efd = listen_blocks(&self->m, round + 2, "both");
		ASSERT_LE(0, efd);
		ASSERT_EQ(0, race(self, 4, all));
		used = scratch_used(&self->m);
		ASSERT_EQ(round + 1, used);
		told = signals(efd, 0);
		wrong += told != 0;
		if (told & 1) {
			EXPECT_TRUE(told_within_the_bound(efd)) TH_LOG("round %d", round);
			told += signals(efd, 1);
		}
		ASSERT_EQ(0, told % 2) TH_LOG("round %d", round);
		close(efd);
	}
	speed_up();
	printf("# %d of %d rounds told of what was taken back\n", wrong, round);
	munmap(self->map, 1000 * self->m.block);
}

TEST_HARNESS_MAIN
