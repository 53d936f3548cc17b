// SPDX-License-Identifier: GPL-2.0
/* Very many of all that has to do with listeners, and who is not to be named. */
#include "client.h"
#include "memory.h"
#include "race.h"
#include "harness.h"

#define LISTENERS	1000
#define WRITERS		4

FIXTURE(mount) {
	struct scratch m;
	struct noise noise[WRITERS];
	int fd[WRITERS];
	int device[LISTENERS];
	int mounts_fd;
};

typedef FIXTURE_DATA(mount) shared;

FIXTURE_SETUP(mount)
{
	char name[16];
	int i;

	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	for (i = 0; i < WRITERS; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		self->fd[i] = open_file(&self->m, name);
		ASSERT_LE(0, self->fd[i]);
	}
}

FIXTURE_TEARDOWN(mount)
{
	int i;

	for (i = 0; i < WRITERS; i++) {
		EXPECT_EQ(0, noise_stop(&self->noise[i]));
		close(self->fd[i]);
	}
	scratch_end(&self->m);
}

static int go_over_and_back(shared *self, int blocks)
{
	return fallocate(self->fd[0], 0, 0, blocks * self->m.block) || ftruncate(self->fd[0], 0) ?
		-errno : 0;
}

TEST_F_TIMEOUT(mount, a_thousand_listeners_are_each_told_of_each_crossing, 300)
{
	struct record r;
	int i;

	for (i = 0; i < LISTENERS; i++) {
		self->device[i] = device_listen_blocks(&self->m, 10 + i % 10, "both");
		ASSERT_LE(0, self->device[i]) TH_LOG("listener %d", i);
	}
	ASSERT_EQ(0, go_over_and_back(self, 30));
	for (i = 0; i < LISTENERS; i++) {
		EXPECT_NEXT(self->device[i], "state");
		EXPECT_NEXT(self->device[i], "up");
		EXPECT_EQ((10 + i % 10) * self->m.block, r.used);
		EXPECT_NEXT(self->device[i], "down");
		if (_metadata->exit_code)
			break;
	}
	/* every other one goes, and the others have the rest */
	for (i = 0; i < LISTENERS; i += 2)
		close(self->device[i]);
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == LISTENERS / 2));
	ASSERT_EQ(0, go_over_and_back(self, 30));
	close(self->fd[0]);
	self->fd[0] = -1;
	for (i = 1; i < WRITERS; i++) {
		close(self->fd[i]);
		self->fd[i] = -1;
	}
	ASSERT_EQ(0, scratch_umount(&self->m));
	for (i = 1; i < LISTENERS; i += 2) {
		EXPECT_NEXT(self->device[i], "up");
		EXPECT_NEXT(self->device[i], "down");
		EXPECT_NEXT_SOON(self->device[i], "gone");
		/* the trigger ends after it */
		EXPECT_EQ(-ENODATA, record_next_soon(self->device[i]).error);
		close(self->device[i]);
		if (_metadata->exit_code)
			break;
	}
}

/* EACH makes it a million */
TEST_F_TIMEOUT(mount, a_listener_that_is_never_read_counts_all_crossings_and_takes_no_memory, 1000)
{
	int device = device_listen(&self->m, "40k both"), rounds = often(10000, 500000), i;
	struct memory before = {}, after = {};

	ASSERT_LE(0, device);
	ASSERT_EQ(0, go_over_and_back(self, 10));
	if (!memory_is_kept())
		before = memory_settled();
	for (i = 1; i < rounds; i++)
		ASSERT_EQ(0, go_over_and_back(self, 10));
	if (!memory_is_kept())
		after = memory_settled();
	/* 64 bytes for each would be more than that */
	EXPECT_GE(before.slab + 512, after.slab);
	EXPECT_GE(before.vmalloc + 64, after.vmalloc);
	ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 0, "fired") == 2LL * rounds));
	EXPECT_EQ(2LL * rounds, record_sum(device));
	close(device);
}

/* ---- writers on all processors ---- */

static int come_and_go(void *arg, int number)
{
	shared *self = arg;
	int fd = self->fd[number % WRITERS], error;
	unsigned int seed = number;

	if (ftruncate(fd, 0))
		return -errno;
	lseek(fd, 0, SEEK_SET);
	error = append_blocks(fd, &self->m, 1 + rand_r(&seed) % 4);
	return error ? error : 0;
}

/* nobody knows how many crossings there are, but all who watch one level have the same, in turn */
TEST_F_TIMEOUT(mount, all_listeners_of_a_level_are_told_the_same_crossings, 120)
{
	long long first = -1, until = now_ms() + often(1000, 5000);
	struct record r;
	int i;

	for (i = 0; i < 8; i++) {
		self->device[i] = device_listen(&self->m, "20k both");
		ASSERT_LE(0, self->device[i]);
	}
	for (i = 0; i < WRITERS; i++)
		noise_start(&self->noise[i], come_and_go, self, i);
	while (now_ms() < until)
		usleep(10000);
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(0, noise_stop(&self->noise[i]));
	for (i = 0; i < WRITERS; i++)
		ASSERT_EQ(0, ftruncate(self->fd[i], 0));
	for (i = 0; i < 8; i++) {
		long long fired = -1, sum = 0;
		const char *last = "down";
		char name[8] = "";

		/* the first of those that are left; usage is nothing, so an even number */
		ASSERT_TRUE(EVENTUALLY((fired = trigger_number(&self->m, 0, "fired")) % 2 == 0));
		while (r = record_left(self->device[i]), !r.error) {
			if (r.crossings < 0)
				continue;
			/* each is of the other direction than the one before, if none was added */
			if (r.crossings == 1)
				EXPECT_STRNE(last, r.event);
			snprintf(name, sizeof(name), "%s", r.event);
			last = name;
			sum += r.crossings;
		}
		if (i == 0)
			first = sum;
		EXPECT_STREQ("down", last);
		EXPECT_EQ(fired, sum) TH_LOG("listener %d", i);
		EXPECT_EQ(first, sum) TH_LOG("listener %d", i);
		close(self->device[i]);
	}
	EXPECT_LT(0, first);
}

/* ---- who was not it ---- */

/* another process, that root is told of, too: reads, overwrites, asks, and crosses nothing here */
static int be_innocent(void *arg)
{
	shared *self = arg;
	static char bytes[65536];
	struct statvfs v;

	NEED(prctl(PR_SET_NAME, "innocent") == 0);
	for (;;) {
		NEED(pwrite(self->fd[1], bytes, self->m.block, 0) == self->m.block);
		NEED(pread(self->fd[1], bytes, self->m.block, 0) == self->m.block);
		NEED(fstatvfs(self->fd[1], &v) == 0);
		/* what it crosses is of another mount */
		NEED(fallocate(self->mounts_fd, 0, 0, 20 * self->m.block) == 0);
		NEED(ftruncate(self->mounts_fd, 0) == 0);
	}
}

static int watch_those_who_cross(void *arg)
{
	shared *self = arg;
	int device = device_listen(&self->m, "40k both"), i, named = 0;
	struct record r;

	NEED(device >= 0);
	for (i = 0; i < often(300, 3000); i++) {
		NEED(go_over_and_back(self, 10) == 0);
		while (r = record_left(device), !r.error) {
			NEED(!record_names_somebody(&r) || r.pid == getpid() ||
			     !printf("# %s\n", r.line));
			named += record_names_somebody(&r);
		}
	}
	printf("# named in %d of %d\n", named, 2 * i);
	return 0;
}

TEST_F_TIMEOUT(mount, nobody_is_named_who_did_not_cross, 120)
{
	struct scratch second;
	pid_t child[3];
	int i;

	ASSERT_EQ(0, scratch_mount(&second, "nr_blocks=1000"));
	self->mounts_fd = open_file(&second, "file");
	ASSERT_EQ(0, append_blocks(self->fd[1], &self->m, 1));
		self->device[0] = device_listen(&second, "40k both");
	for (i = 0; i < 3; i++)
		child[i] = start_as(i & 1 ? USER + 1 : 0, be_innocent, self);
	EXPECT_EQ(0, watch_those_who_cross(self));
	for (i = 0; i < 3; i++) {
		kill(child[i], SIGKILL);
		/* ended by that, and not before by what it needed */
		EXPECT_EQ(-1, ended(child[i]));
	}
	close(self->device[0]);
	close(self->mounts_fd);
	scratch_end(&second);
}

/* ---- in a loop ---- */

static int register_and_close_for_three_seconds(void *arg)
{
	long long until = now_ms() + 3000;
	shared *self = arg;
	int i;

	for (i = 0; i < 2000 && now_ms() < until; i++) {
		int device = device_open();

		NEED(device >= 0);
		/* what was closed counts until it is released */
		NEED(EVENTUALLY(device_register(device, &self->m, "40k") == 0));
		NEED(i % 2 == 0 || device_forget(device, "40k") == 0);
		close(device);
		/* longer than the end of a trigger takes, shorter than a second */
		usleep(i % 10 * 30000);
	}
	return 0;
}

TEST_F_TIMEOUT(mount, a_user_who_registers_and_closes_has_the_kernel_patched_once_a_second, 120)
{
	long long armings, begin;

	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	armings = stat_of("armings");
	begin = now_ms();
	EXPECT_EQ(0, as_user(USER, register_and_close_for_three_seconds, self));
	EXPECT_LE(stat_of("armings") - armings, 1 + (now_ms() - begin) / 1000);
	EXPECT_LT(armings, stat_of("armings"));
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
}

TEST_HARNESS_MAIN
