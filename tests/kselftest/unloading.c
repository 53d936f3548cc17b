// SPDX-License-Identifier: GPL-2.0
/*
 * Removing the module against all that it is used for. What was registered hears
 * one farewell, and a crossing at most before that. Needs its file in
 * TMPFSWARN_KO.
 */
#include "race.h"
#include "harness.h"

#define MANY	150

FIXTURE(module) {
	struct scratch m;
	int fd;
	int efd[MANY];
	int error[MANY];
	atomic_bool removed;
	atomic_int tried;
	struct noise reader[2];
};

FIXTURE_SETUP(module)
{
	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->fd = open_file(&self->m, "file");
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(module)
{
	int i;

	if (!module_file())
		return;
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, noise_stop(&self->reader[i]));
	close(self->fd);
	scratch_end(&self->m);
	if (access(ROOM, F_OK))
		module_insert("");
}

static void insert(struct __test_metadata *_metadata, FIXTURE_DATA(module) *self)
{
	ASSERT_NE(0, access(ROOM, F_OK));
	ASSERT_EQ(0, module_insert(""));
	ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	ASSERT_EQ(0, trigger_count(&self->m));
	ASSERT_EQ(0, stat_of("triggers"));
	self->removed = false;
}

/* the first part; a file that others have just open holds the module */
static int remove_module(void *arg, int number)
{
	FIXTURE_DATA(module) *self = arg;
	int error = EVENTUALLY(module_remove() == 0) ? 0 : -EBUSY;

	self->removed = true;
	return error;
}

static int close_half(void *arg, int number)
{
	FIXTURE_DATA(module) *self = arg;
	int i;

	for (i = number % 2; i < MANY; i += 2)
		close(self->efd[i]);
	return 0;
}

/*
 * As against an umount, see tw_trigger_end_all(); and tw_exit() waits, with
 * tw_trigger_flush(), for the works of those that their eventfds have ended, and,
 * with rcu_barrier() in tw_mount_exit(), for the last mount to be freed.
 */
TEST_F_TIMEOUT(module, eventfds_closed_against_its_removal_end_and_others_hear_one_farewell, 120)
{
	static race_part *const parts[] = { remove_module, close_half, close_half };
	int round, i, copy[MANY];

	ROUNDS(2, 8) {
		for (i = 0; i < MANY; i++) {
			self->efd[i] = listen_blocks(&self->m, 10, i & 1 ? "both" : "once");
			ASSERT_LE(0, self->efd[i]);
			copy[i] = i % 4 ? -1 : dup(self->efd[i]);
		}
		ASSERT_EQ(0, race(self, 3, parts));
		for (i = 0; i < MANY; i += 4) {
			ASSERT_SIGNALS(copy[i], 1) TH_LOG("round %d, trigger %d", round, i);
			close(copy[i]);
		}
		insert(_metadata, self);
	}
}

/* by two parts, until the module is gone or there are enough */
static int register_half(void *arg, int number)
{
	FIXTURE_DATA(module) *self = arg;
	int i;

	for (i = number % 2; i < MANY && !self->removed; i += 2) {
		self->error[i] = control(&self->m, self->efd[i], TMPFSWARN_USED_BYTES, "40k now");
		self->tried++;
	}
	return 0;
}

/* amid these, wherever that is: left to itself it comes before all of them on some kernels */
static int remove_amid(void *arg, int number)
{
	FIXTURE_DATA(module) *self = arg;
	int before = random() % MANY;

	while (self->tried < before)
		sched_yield();
	return remove_module(arg, number);
}

/*
 * Whoever writes has the file open, which holds the module; so it is registered
 * before the removal begins. tw_debugfs_exit() waits for an open() under way.
 */
TEST_F_TIMEOUT(module, a_registration_against_its_removal_is_refused_or_hears_one_farewell, 120)
{
	static race_part *const parts[] = { remove_amid, register_half, register_half };
	int round, i, accepted = 0;

	ROUNDS_UNTIL(accepted, 4, 4) {
		for (i = 0; i < MANY; i++) {
			self->efd[i] = listener();
			self->error[i] = -ENOENT;
		}
		self->tried = 0;
		ASSERT_EQ(0, race(self, 3, parts));
		for (i = 0; i < MANY; i++) {
			int error = self->error[i];

			ASSERT_TRUE(!error || error == -ENOENT || error == -ENODEV || error == -ENXIO)
				TH_LOG("error %d", error);
			ASSERT_SIGNALS(self->efd[i], !error) TH_LOG("round %d, trigger %d", round, i);
			accepted += !error;
			close(self->efd[i]);
		}
		insert(_metadata, self);
	}
	EXPECT_LT(0, accepted);
}

static int fill(void *arg, int number)
{
	FIXTURE_DATA(module) *self = arg;

	return append_blocks(self->fd, &self->m, MANY);
}

/*
 * Usage rises past one level after the other while the module goes: up to some
 * level all have told a crossing, and none above it. tw_mount_unhook() ends what
 * looks under gauge->lock, and tw_watch_end() tells what was found before that.
 */
TEST_F_TIMEOUT(module, crossings_against_its_removal_are_told_up_to_some_level, 120)
{
	static race_part *const parts[] = { remove_module, fill };
	int round, i, crossed = 0;

	ROUNDS(2, 8) {
		bool more = true;

		for (i = 0; i < MANY; i++) {
			self->efd[i] = listen_blocks(&self->m, i + 1, i % 3 ? "rising" : "once");
			ASSERT_LE(0, self->efd[i]);
		}
		ASSERT_EQ(0, race(self, 2, parts));
		for (i = 0; i < MANY; i++) {
			long long told = signals_soon(self->efd[i], 1);

			close(self->efd[i]);
			/* one that asks for once, the farewell or its crossing */
			if (i % 3 == 0) {
				ASSERT_EQ(1, told) TH_LOG("round %d, level %d", round, i + 1);
				continue;
			}
			ASSERT_TRUE(told == 1 || (told == 2 && more))
				TH_LOG("round %d, level %d: %lld", round, i + 1, told);
			more = told == 2;
			crossed += more;
		}
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		lseek(self->fd, 0, SEEK_SET);
		insert(_metadata, self);
	}
	printf("# %d crossings before the end in %d rounds\n", crossed, round);
}

static int cross_often(void *arg, int number)
{
	FIXTURE_DATA(module) *self = arg;
	int error = 0, i;

	for (i = 0; i < 3 || (i < 100 && !self->removed); i++) {
		if (!error)
			error = append_blocks(self->fd, &self->m, 2);
		if (ftruncate(self->fd, 0) || lseek(self->fd, 0, SEEK_SET))
			error = -errno;
	}
	return error;
}

/* user space signals it, too: its wait queue is long, and locked for long */
static int write_often(void *arg, int number)
{
	FIXTURE_DATA(module) *self = arg;
	uint64_t one = 1;
	int i;

	for (i = 0; i < 5 || (i < 200 && !self->removed); i++) {
		if (write(self->efd[0], &one, sizeof(one)) < 0)
			return -errno;
	}
	return 0;
}

/*
 * tw_notify_wait(): a trigger is not freed while it is told, however long that
 * takes. Those that ask for once have nothing more to be told, and are freed at
 * once after that.
 */
TEST_F_TIMEOUT(module, an_eventfd_signalled_by_all_sides_against_its_removal_does_no_harm, 120)
{
	static race_part *const parts[] = { remove_module, cross_often, write_often };
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int round, i, epoll[60];

	ROUNDS(2, 8) {
		self->efd[0] = listener();
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(0, control(&self->m, self->efd[0], TMPFSWARN_USED_BYTES,
					     i & 1 ? "8k once" : "8k"));
		for (i = 0; i < 60; i++) {
			epoll[i] = epoll_create1(EPOLL_CLOEXEC);
			ASSERT_EQ(0, epoll_ctl(epoll[i], EPOLL_CTL_ADD, self->efd[0], &event));
		}
		ASSERT_EQ(0, race(self, 3, parts));
		EXPECT_LE(MANY, signals(self->efd[0], MANY));
		close(self->efd[0]);
		for (i = 0; i < 60; i++)
			close(epoll[i]);
		insert(_metadata, self);
	}
}

/*
 * debugfs holds the module for each file that is open; what is read is right or
 * the file is gone.
 */
TEST_F_TIMEOUT(module, readers_of_its_files_hold_it_or_find_it_gone, 120)
{
	static race_part *const parts[] = { remove_module, cross_often };
	int round, i;

	for (i = 0; i < 2; i++)
		noise_start(&self->reader[i], read_files, &self->m, 2 + i);
	ROUNDS(2, 8) {
		int efd = listen_blocks(&self->m, 2, "both");

		ASSERT_LE(0, efd);
		ASSERT_EQ(0, race(self, 2, parts));
		EXPECT_LE(1, signals_soon(efd, 1));
		close(efd);
		insert(_metadata, self);
	}
}

/*
 * The probes go a second after the last user. Where kprobes alone see blocks the end of
 * the module is sooner than that up to 6.1; later kernels may take longer.
 */
TEST_F_TIMEOUT(module, nothing_disarms_when_it_has_gone, 120)
{
	int efd;

	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	ASSERT_EQ(0, module_insert("hook=kprobe"));
	ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	efd = listen_blocks(&self->m, 10, "both");
	ASSERT_LE(0, efd);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	EXPECT_SIGNALS(efd, 1);
	close(efd);
	/* the kernel says so if something comes by then */
	usleep(1500000);
	insert(_metadata, self);
}

TEST_HARNESS_MAIN
