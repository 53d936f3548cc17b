// SPDX-License-Identifier: GPL-2.0
/* When a trigger signals: to the block, and once for each crossing. */
#include "scratch.h"
#include "harness.h"

FIXTURE(mount) {
	struct scratch m;
};

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))
#define LISTEN(blocks, words) ({					\
	int _efd = listen_blocks(&self->m, blocks, words);		\
									\
	ASSERT_LE(0, _efd);						\
	_efd;								\
})

TEST_F(mount, with_no_word_it_signals_up_at_the_level_and_down_below_it)
{
	int efd = LISTEN(10, "");

	EXPECT_SIGNALS(efd, 0);
	USE(9);
	EXPECT_SIGNALS(efd, 0);
	USE(10);
	EXPECT_SIGNALS(efd, 1);
	USE(11);
	EXPECT_SIGNALS(efd, 0);
	USE(10);
	EXPECT_SIGNALS(efd, 0);
	USE(9);
	EXPECT_SIGNALS(efd, 1);
	USE(0);
	EXPECT_SIGNALS(efd, 0);
}

TEST_F(mount, with_no_word_nothing_is_signalled_at_registration)
{
	int above, below;

	USE(20);
	above = LISTEN(10, "");
	below = LISTEN(30, "");
	EXPECT_SIGNALS(above, 0);
	EXPECT_SIGNALS(below, 0);
	USE(21);
	EXPECT_SIGNALS(above, 0);
	USE(9);
	EXPECT_SIGNALS(above, 1);
	USE(30);
	EXPECT_SIGNALS(above, 1);
	EXPECT_SIGNALS(below, 1);
}

TEST_F(mount, both_is_the_same_as_no_word)
{
	int efd = LISTEN(10, "both");

	USE(10);
	EXPECT_SIGNALS(efd, 1);
	USE(9);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, rising_signals_on_each_way_up_and_never_on_the_way_down)
{
	int efd = LISTEN(10, "rising");
	int i;

	for (i = 0; i < 3; i++) {
		USE(9);
		EXPECT_SIGNALS(efd, 0);
		USE(10);
		EXPECT_SIGNALS(efd, 1);
		USE(40);
		EXPECT_SIGNALS(efd, 0);
		USE(10);
		EXPECT_SIGNALS(efd, 0);
	}
}

TEST_F(mount, falling_signals_on_each_way_down_and_never_on_the_way_up)
{
	int efd = LISTEN(10, "falling");
	int i;

	for (i = 0; i < 3; i++) {
		USE(10);
		EXPECT_SIGNALS(efd, 0);
		USE(40);
		EXPECT_SIGNALS(efd, 0);
		USE(10);
		EXPECT_SIGNALS(efd, 0);
		USE(9);
		EXPECT_SIGNALS(efd, 1);
		USE(0);
		EXPECT_SIGNALS(efd, 0);
	}
}

TEST_F(mount, each_crossing_adds_one_to_the_counter)
{
	int efd = LISTEN(10, "both");
	int i;

	for (i = 0; i < 50; i++) {
		USE(10);
		USE(9);
	}
	EXPECT_SIGNALS(efd, 100);
	EXPECT_EQ(100, trigger_number(&self->m, 0, "fired"));
}

TEST_F(mount, a_level_of_one_block_and_of_the_whole_mount_work)
{
	int first = LISTEN(1, "both");
	int last = LISTEN(1000, "both");

	USE(1);
	EXPECT_SIGNALS(first, 1);
	USE(999);
	EXPECT_SIGNALS(last, 0);
	USE(1000);
	EXPECT_SIGNALS(last, 1);
	USE(999);
	EXPECT_SIGNALS(last, 1);
	EXPECT_SIGNALS(first, 0);
	USE(0);
	EXPECT_SIGNALS(first, 1);
}

TEST_F(mount, a_level_between_two_blocks_is_reached_by_the_block_that_covers_it)
{
	char args[64];
	int efd;

	snprintf(args, sizeof(args), "%lld", 10LL * self->m.block + 1);
	efd = listen_to(&self->m, "used_bytes", args);
	ASSERT_LE(0, efd);
	USE(10);
	EXPECT_SIGNALS(efd, 0);
	USE(11);
	EXPECT_SIGNALS(efd, 1);
	USE(10);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, a_level_beyond_the_size_and_the_largest_level_stay_silent)
{
	int beyond = LISTEN(1001, "");
	int largest = listen_to(&self->m, "used_bytes", "-1");
	int largest_now = listen_to(&self->m, "used_bytes", "-1 now rising");
	int huge = listen_to(&self->m, "used_bytes", "18446744073709551615 now rising");

	ASSERT_LE(0, largest);
	ASSERT_LE(0, largest_now);
	ASSERT_LE(0, huge);
	USE(1000);
	USE(0);
	EXPECT_SIGNALS(beyond, 0);
	EXPECT_SIGNALS(largest, 0);
	EXPECT_SIGNALS(largest_now, 0);
	EXPECT_SIGNALS(huge, 0);
}

TEST_F(mount, a_level_of_nothing_is_always_reached)
{
	int both = LISTEN(0, "");
	int now = LISTEN(0, "now rising");
	int falling = LISTEN(0, "now falling");

	EXPECT_SIGNALS(now, 1);
	USE(10);
	USE(0);
	EXPECT_SIGNALS(both, 0);
	EXPECT_SIGNALS(now, 0);
	EXPECT_SIGNALS(falling, 0);
}

TEST_F(mount, a_percentage_signals_at_its_block)
{
	int half = listen_to(&self->m, "used_bytes", "50% rising");
	int odd = listen_to(&self->m, "used_bytes", "50.01% rising");
	int full = listen_to(&self->m, "used_bytes", "100% rising");

	ASSERT_LE(0, half);
	ASSERT_LE(0, odd);
	ASSERT_LE(0, full);
	USE(499);
	EXPECT_SIGNALS(half, 0);
	USE(500);
	EXPECT_SIGNALS(half, 1);
	EXPECT_SIGNALS(odd, 0);
	USE(501);
	EXPECT_SIGNALS(odd, 1);
	USE(999);
	EXPECT_SIGNALS(full, 0);
	USE(1000);
	EXPECT_SIGNALS(full, 1);
}

TEST_F(mount, now_signals_at_registration_where_the_level_is_past)
{
	int rising, both, falling, not_yet, not_below;

	USE(10);
	rising = LISTEN(10, "rising now");
	both = LISTEN(10, "now");
	falling = LISTEN(11, "now falling");
	not_yet = LISTEN(11, "rising now");
	not_below = LISTEN(10, "falling now");
	EXPECT_SIGNALS(rising, 1);
	EXPECT_SIGNALS(both, 1);
	EXPECT_SIGNALS(falling, 1);
	EXPECT_SIGNALS(not_yet, 0);
	EXPECT_SIGNALS(not_below, 0);

	/* and from there on as without it */
	USE(11);
	EXPECT_SIGNALS(rising, 0);
	EXPECT_SIGNALS(both, 0);
	EXPECT_SIGNALS(not_yet, 1);
	USE(9);
	EXPECT_SIGNALS(rising, 0);
	EXPECT_SIGNALS(both, 1);
	EXPECT_SIGNALS(falling, 1);
	EXPECT_SIGNALS(not_below, 1);
	USE(10);
	EXPECT_SIGNALS(rising, 1);
}

TEST_F(mount, both_now_is_silent_at_registration_below_the_level)
{
	int efd = LISTEN(10, "both now");

	EXPECT_SIGNALS(efd, 0);
	USE(10);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, once_signals_once_and_then_is_registered_no_more)
{
	int efd = LISTEN(10, "rising once");
	int other = LISTEN(10, "rising");

	USE(10);
	EXPECT_SIGNALS(efd, 1);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	USE(0);
	USE(10);
	EXPECT_SIGNALS(other, 2);
	EXPECT_SIGNALS(efd, 0);
	/* no farewell either: it had its last signal */
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(other, 1);
	EXPECT_SIGNALS(efd, 0);
}

TEST_F(mount, once_and_again_at_once_signals_once)
{
	int efd = LISTEN(10, "both once");
	int i;

	for (i = 0; i < 20; i++) {
		USE(10);
		USE(9);
	}
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
}

TEST_F(mount, once_and_now_past_the_level_signals_and_is_gone)
{
	int efd;

	USE(10);
	efd = LISTEN(10, "rising once now");
	EXPECT_SIGNALS(efd, 1);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	USE(0);
	USE(20);
	EXPECT_SIGNALS(efd, 0);
}

TEST_F(mount, an_eventfd_of_a_once_can_be_registered_again)
{
	int efd = LISTEN(10, "rising once");
	int i;

	for (i = 0; i < 10; i++) {
		USE(10);
		ASSERT_SIGNALS(efd, 1);
		USE(0);
		ASSERT_EQ(0, control(&self->m, efd, "used_bytes", "10 rising once"));
		/* ten bytes: the first block */
		USE(1);
		ASSERT_SIGNALS(efd, 1);
		USE(0);
		ASSERT_EQ(0, control(&self->m, efd, "used_bytes", "1% rising once"));
	}
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
}

static int listen_hyst(const struct scratch *m, long long level, long long back, const char *words)
{
	char text[64];

	snprintf(text, sizeof(text), "%s hyst=%lld", words, back * m->block);
	return listen_blocks(m, level, text);
}

TEST_F(mount, rising_with_hysteresis_rearms_when_usage_has_gone_back_so_far)
{
	int efd = listen_hyst(&self->m, 100, 10, "rising");

	ASSERT_LE(0, efd);
	USE(100);
	EXPECT_SIGNALS(efd, 1);
	USE(91);
	USE(100);
	EXPECT_SIGNALS(efd, 0);
	USE(90);
	EXPECT_SIGNALS(efd, 0);
	USE(99);
	EXPECT_SIGNALS(efd, 0);
	USE(100);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, falling_with_hysteresis_rearms_when_usage_has_gone_up_so_far)
{
	int efd = listen_hyst(&self->m, 100, 10, "falling");

	ASSERT_LE(0, efd);
	USE(200);
	USE(100);
	EXPECT_SIGNALS(efd, 0);
	USE(99);
	EXPECT_SIGNALS(efd, 1);
	USE(109);
	USE(99);
	EXPECT_SIGNALS(efd, 0);
	USE(110);
	EXPECT_SIGNALS(efd, 0);
	USE(99);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, both_with_hysteresis_goes_up_at_the_level_and_down_so_far_below_it)
{
	int efd = listen_hyst(&self->m, 100, 10, "both");

	ASSERT_LE(0, efd);
	USE(99);
	EXPECT_SIGNALS(efd, 0);
	USE(100);
	EXPECT_SIGNALS(efd, 1);
	USE(91);
	EXPECT_SIGNALS(efd, 0);
	USE(100);
	EXPECT_SIGNALS(efd, 0);
	USE(90);
	EXPECT_SIGNALS(efd, 1);
	USE(99);
	EXPECT_SIGNALS(efd, 0);
	USE(100);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, hysteresis_holds_back_only_after_a_signal)
{
	int rising, falling;

	/* both within their band, neither has signalled */
	USE(95);
	rising = listen_hyst(&self->m, 100, 10, "rising");
	falling = listen_hyst(&self->m, 90, 10, "falling");
	ASSERT_LE(0, rising);
	ASSERT_LE(0, falling);
	USE(100);
	EXPECT_SIGNALS(rising, 1);
	USE(89);
	EXPECT_SIGNALS(falling, 1);
}

TEST_F(mount, hysteresis_as_large_as_the_level_goes_back_when_the_mount_is_empty)
{
	int same = listen_hyst(&self->m, 100, 100, "rising");
	int more = listen_hyst(&self->m, 100, 5000, "both");

	ASSERT_LE(0, same);
	ASSERT_LE(0, more);
	USE(100);
	EXPECT_SIGNALS(same, 1);
	EXPECT_SIGNALS(more, 1);
	USE(1);
	USE(100);
	EXPECT_SIGNALS(same, 0);
	EXPECT_SIGNALS(more, 0);
	USE(0);
	EXPECT_SIGNALS(more, 1);
	USE(100);
	EXPECT_SIGNALS(same, 1);
	EXPECT_SIGNALS(more, 1);
}

TEST_F(mount, hysteresis_may_be_a_percentage_or_nothing)
{
	int percent = listen_to(&self->m, "used_bytes", "50% rising hyst=10%");
	int nothing = listen_to(&self->m, "used_bytes", "50% rising hyst=0");

	ASSERT_LE(0, percent);
	ASSERT_LE(0, nothing);
	USE(500);
	EXPECT_SIGNALS(percent, 1);
	EXPECT_SIGNALS(nothing, 1);
	USE(499);
	USE(500);
	EXPECT_SIGNALS(percent, 0);
	EXPECT_SIGNALS(nothing, 1);
	USE(401);
	USE(500);
	EXPECT_SIGNALS(percent, 0);
	USE(400);
	USE(500);
	EXPECT_SIGNALS(percent, 1);
}

TEST_F(mount, now_with_hysteresis_waits_for_the_way_back)
{
	int efd;

	USE(100);
	efd = listen_hyst(&self->m, 100, 10, "rising now");
	ASSERT_LE(0, efd);
	EXPECT_SIGNALS(efd, 1);
	USE(91);
	USE(100);
	EXPECT_SIGNALS(efd, 0);
	USE(90);
	USE(100);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, several_triggers_on_one_eventfd_add_up)
{
	int efd = listener();
	char args[32];
	int i;

	for (i = 1; i <= 10; i++) {
		snprintf(args, sizeof(args), "%lld rising", (long long)i * self->m.block);
		ASSERT_EQ(0, control(&self->m, efd, "used_bytes", args));
	}
	USE(5);
	EXPECT_SIGNALS(efd, 5);
	USE(10);
	EXPECT_SIGNALS(efd, 5);
}

TEST_F(mount, one_large_write_signals_all_levels_it_passes)
{
	static char big[400 * 65536];
	int efd[40], i, fd;

	for (i = 0; i < 40; i++)
		efd[i] = LISTEN(10 * (i + 1), "rising");
	fd = open(scratch_path(&self->m, "big"), O_WRONLY | O_CREAT, 0600);
	ASSERT_EQ(395 * self->m.block, write(fd, big, 395 * self->m.block));
	for (i = 0; i < 39; i++)
		EXPECT_SIGNALS(efd[i], 1);
	EXPECT_SIGNALS(efd[39], 0);
}

TEST_F(mount, writes_refused_by_a_full_mount_signal_nothing)
{
	int rising = listen_to(&self->m, "used_bytes", "100% rising");
	int falling = listen_to(&self->m, "used_bytes", "100% falling");
	int beyond = LISTEN(1001, "");
	int i;

	USE(1000);
	EXPECT_SIGNALS(rising, 1);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(-ENOSPC, scratch_use(&self->m, 1001));
	EXPECT_SIGNALS(rising, 0);
	EXPECT_SIGNALS(falling, 0);
	EXPECT_SIGNALS(beyond, 0);
	USE(999);
	EXPECT_SIGNALS(falling, 1);
}

TEST_F(mount, another_mount_in_use_signals_nothing_here)
{
	struct scratch other;
	int here = LISTEN(10, ""), there;

	ASSERT_EQ(0, scratch_mount(&other, "nr_blocks=1000"));
	there = listen_blocks(&other, 10, "");
	EXPECT_LE(0, there);
	EXPECT_EQ(0, scratch_use(&other, 10));
	EXPECT_SIGNALS(there, 1);
	EXPECT_SIGNALS(here, 0);
	USE(10);
	EXPECT_SIGNALS(there, 0);
	EXPECT_SIGNALS(here, 1);
	scratch_end(&other);
}

TEST_F(mount, an_unread_signal_stays_readable_and_counts_on)
{
	int efd = LISTEN(10, "rising");

	USE(10);
	EXPECT_TRUE(readable(efd, realtime_kernel() ? BOUND : 0));
	USE(0);
	USE(10);
	EXPECT_TRUE(readable(efd, 0));
	EXPECT_SIGNALS(efd, 2);
	EXPECT_FALSE(readable(efd, 0));
}

TEST_F(mount, a_semaphore_eventfd_and_a_full_one_do_no_harm)
{
	int semaphore = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
	int full = eventfd(0, EFD_NONBLOCK);
	uint64_t most = UINT64_MAX - 1, count;
	int i;

	ASSERT_EQ(0, control(&self->m, semaphore, "used_bytes", "1%"));
	ASSERT_EQ(0, control(&self->m, full, "used_bytes", "1%"));
	ASSERT_EQ(8, write(full, &most, 8));
	for (i = 0; i < 3; i++) {
		USE(10);
		USE(0);
	}
	ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 0, "fired") == 6));
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(8, read(semaphore, &count, 8));
		EXPECT_EQ(1, count);
	}
	EXPECT_EQ(-1, read(semaphore, &count, 8));
	ASSERT_EQ(8, read(full, &count, 8));
	EXPECT_EQ(UINT64_MAX, count);
}

/*
 * A thousand levels at a thousand different blocks of 64 MiB. After each
 * write(2) of one block exactly the eventfd of the level just reached is
 * readable.
 */
TEST_F_TIMEOUT(mount, a_thousand_levels_signal_each_at_its_own_block, 120)
{
	enum { LEVELS = 1000 };
	static int efd[LEVELS];
	struct epoll_event event, events[4];
	struct scratch big;
	long long blocks, step, used;
	int epoll = epoll_create1(0), fd, next = 0, i, n;

	ASSERT_EQ(0, scratch_mount(&big, "size=64M"));
	blocks = scratch_blocks(&big);
	ASSERT_EQ(64LL << 20, blocks * big.block);
	step = blocks / LEVELS;
	ASSERT_LE(1, step);
	for (i = 0; i < LEVELS; i++) {
		efd[i] = listen_blocks(&big, step * (i + 1), "rising");
		ASSERT_LE(0, efd[i]);
		event = (struct epoll_event){ .events = EPOLLIN, .data.u32 = i };
		ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, efd[i], &event));
	}
	fd = open(scratch_path(&big, "file"), O_WRONLY | O_CREAT, 0600);
	for (used = 1; used <= blocks; used++) {
		bool due = next < LEVELS && used == step * (next + 1);

		ASSERT_EQ(0, append_blocks(fd, &big, 1));
		n = epoll_wait(epoll, events, 4, due && realtime_kernel() ? BOUND : 0);
		ASSERT_EQ(due, n) TH_LOG("at block %lld, level %lld", used, step * (next + 1));
		if (due) {
			ASSERT_EQ(next, events[0].data.u32);
			ASSERT_SIGNALS(efd[next], 1);
			next++;
		}
	}
	EXPECT_EQ(LEVELS, next);
	EXPECT_EQ(blocks, scratch_used(&big));
	scratch_end(&big);
}

/* ---- pressure levels ---- */

TEST_F(mount, pressure_levels_read_as_bytes)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/pressure_level", self->m.dir);
	EXPECT_EQ(600LL * self->m.block, number_in(path, "low"));
	EXPECT_EQ(800LL * self->m.block, number_in(path, "medium"));
	EXPECT_EQ(950LL * self->m.block, number_in(path, "critical"));
}

TEST_F(mount, pressure_levels_signal_rising_at_their_percentage)
{
	int low = listen_to(&self->m, "pressure_level", "low");
	int medium = listen_to(&self->m, "pressure_level", "medium");
	int critical = listen_to(&self->m, "pressure_level", "critical");

	ASSERT_LE(0, low);
	ASSERT_LE(0, medium);
	ASSERT_LE(0, critical);
	USE(599);
	EXPECT_SIGNALS(low, 0);
	USE(600);
	EXPECT_SIGNALS(low, 1);
	USE(799);
	EXPECT_SIGNALS(medium, 0);
	USE(800);
	EXPECT_SIGNALS(medium, 1);
	USE(949);
	EXPECT_SIGNALS(critical, 0);
	USE(950);
	EXPECT_SIGNALS(critical, 1);
	USE(0);
	EXPECT_SIGNALS(low, 0);
	EXPECT_SIGNALS(medium, 0);
	EXPECT_SIGNALS(critical, 0);
}

TEST_F(mount, the_modes_of_cgroup_v1_mean_nothing_behind_a_pressure_level)
{
	static const char *const table[] = { "low,default", "low,hierarchy", "low,local" };
	unsigned int i;
	int efd[3];

	for (i = 0; i < 3; i++) {
		efd[i] = listen_to(&self->m, "pressure_level", table[i]);
		ASSERT_LE(0, efd[i]) TH_LOG("%s", table[i]);
	}
	USE(600);
	for (i = 0; i < 3; i++)
		EXPECT_SIGNALS(efd[i], 1);
}

TEST_F(mount, pressure_levels_take_the_words_too)
{
	int falling, now, both;

	USE(600);
	falling = listen_to(&self->m, "pressure_level", "low falling");
	now = listen_to(&self->m, "pressure_level", "low,default now once");
	both = listen_to(&self->m, "pressure_level", "low both hyst=10%");
	ASSERT_LE(0, falling);
	ASSERT_LE(0, now);
	ASSERT_LE(0, both);
	EXPECT_SIGNALS(now, 1);
	USE(599);
	EXPECT_SIGNALS(falling, 1);
	EXPECT_SIGNALS(both, 0);
	USE(500);
	EXPECT_SIGNALS(both, 1);
}

TEST_HARNESS_MAIN
