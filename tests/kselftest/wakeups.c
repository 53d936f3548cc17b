// SPDX-License-Identifier: GPL-2.0
/*
 * Who waits for an eventfd may do more than read it: sets of sets of epoll, and
 * what the kernel itself calls with the eventfd's wait queue locked, from the very
 * signal, as KVM's irqfds: a poll by aio, which signals another eventfd there, or
 * drops the last reference to this one.
 */
#include "race.h"
#include "harness.h"
#include "wakeup.h"

#include <linux/aio_abi.h>

static int soon(void)
{
	return realtime_kernel() ? BOUND : 0;
}

/* ---- epoll ---- */

static int watch_in(int set, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

TEST_F(mount, sets_of_sets_as_deep_as_the_kernel_allows_are_all_woken)
{
	int set[32], depth, i, efd = LISTEN(10, "rising");

	set[0] = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_EQ(0, watch_in(set[0], efd));
	for (depth = 1; depth < 32; depth++) {
		set[depth] = epoll_create1(EPOLL_CLOEXEC);
		if (watch_in(set[depth], set[depth - 1]))
			break;
	}
	EXPECT_LE(4, depth);
	ASSERT_LT(depth, 32);
	for (i = 0; i < depth; i++)
		EXPECT_FALSE(readable(set[i], 0));
	USE(10);
	for (i = 0; i < depth; i++) {
		EXPECT_TRUE(readable(set[i], soon())) TH_LOG("depth %d", i);
	}
	EXPECT_SIGNALS(efd, 1);
	/* while they watch it still */
	close(efd);
	EXPECT_TRIGGERS(1);
}

TEST_F_TIMEOUT(mount, as_many_sets_as_the_kernel_allows_are_all_woken, 120)
{
	int set[2048], sets, i, efd = LISTEN(10, "rising");

	for (sets = 0; sets < 2048; sets++) {
		set[sets] = epoll_create1(EPOLL_CLOEXEC);
		if (watch_in(set[sets], efd))
			break;
	}
	EXPECT_LE(500, sets);
	USE(10);
	for (i = 0; i < sets; i++) {
		ASSERT_TRUE(readable(set[i], soon())) TH_LOG("set %d", i);
	}
	EXPECT_SIGNALS(efd, 1);
	EXPECT_SIGNALS(self->both, 1);
	close(efd);
	EXPECT_TRIGGERS(1);
}

static int add_and_delete(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int set = epoll_create1(EPOLL_CLOEXEC), i, error = 0;

	for (i = 0; i < MANY && !error; i++)
		error = watch_in(set, self->efd[i]);
	for (i = 0; i < MANY && !error; i += 2)
		error = epoll_ctl(set, EPOLL_CTL_DEL, self->efd[i], NULL) ? -errno : 0;
	close(set);
	return error;
}

/* The eventfd's wait queue has its own lock, inside of mount->tell_lock. */
TEST_F_TIMEOUT(mount, sets_that_come_and_go_amid_crossings_disturb_no_count, 120)
{
	int round, i;

	for (i = 0; i < MANY; i++)
		self->efd[i] = LISTEN(10, "both");
	for (i = 0; i < 2; i++)
		noise_start(&self->noise[i], add_and_delete, self, 2 + i);
	ROUNDS(5, 200) {
		USE(10);
		for (i = 0; i < MANY; i++)
			ASSERT_SIGNALS(self->efd[i], 1);
		USE(0);
		for (i = 0; i < MANY; i++)
			ASSERT_SIGNALS(self->efd[i], 1);
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, noise_stop(&self->noise[i]));
}

/* ---- a thread that is woken, and closes and signals others ---- */

static int close_and_signal_when_woken(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	uint64_t one = 1;
	int i;

	if (!readable(self->efd[0], BOUND))
		return -ETIMEDOUT;
	/* of those that are being told just now */
	for (i = MANY - number; i > 0; i -= 2)
		close(self->efd[i]);
	for (i = number; i < MANY; i += 2) {
		if (write(self->other[i], &one, sizeof(one)) < 0)
			return -errno;
	}
	return 0;
}

static int rise(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return scratch_use(&self->m, 10);
}

/*
 * As close against crossing, in the moment of the signal: remove_wait_queue() and
 * tw_notify_wait() in tw_watch_end().
 */
TEST_F_TIMEOUT(mount, clients_that_close_and_signal_others_when_woken_disturb_no_count, 120)
{
	static race_part *const parts[] = {
		rise, close_and_signal_when_woken, close_and_signal_when_woken,
	};
	int round, i;

	for (i = 1; i < MANY; i++)
		self->other[i] = LISTEN(10, "rising");
	ROUNDS(5, 100) {
		for (i = 0; i < MANY; i++)
			self->efd[i] = LISTEN(10, i & 2 ? "once" : "both");
		ASSERT_EQ(0, race(self, 3, parts));
		for (i = 1; i < MANY; i++) {
			ASSERT_SIGNALS_SOON(self->other[i], 2) TH_LOG("round %d, other %d", round, i);
		}
		ASSERT_SIGNALS(self->both, 1);
		USE(0);
		ASSERT_SIGNALS(self->both, 1);
		ASSERT_SIGNALS(self->efd[0], 2);
		close(self->efd[0]);
		EXPECT_TRIGGERS(MANY);
	}
}

/* ---- aio ---- */

static int poll_by_aio(aio_context_t aio, int fd, int result_fd)
{
	struct iocb iocb = {
		.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = fd, .aio_buf = POLLIN,
		.aio_flags = result_fd >= 0 ? IOCB_FLAG_RESFD : 0, .aio_resfd = result_fd,
	}, *list[] = { &iocb };

	return syscall(SYS_io_submit, aio, 1, list) == 1 ? 0 : -errno;
}

/* true when so many are complete within the bound, and no more */
static bool completed(aio_context_t aio, int want)
{
	struct timespec bound = { .tv_sec = BOUND / 1000 }, none = {};
	struct io_event event[MANY + 1];

	return syscall(SYS_io_getevents, aio, want, want, event, &bound) == want &&
	       syscall(SYS_io_getevents, aio, 0, 1, event, &none) == 0;
}

#define AIO() ({							\
	aio_context_t _aio = 0;						\
									\
	if (syscall(SYS_io_setup, 2 * MANY, &_aio))			\
		SKIP(return, "no asynchronous polls: %s", strerror(errno)); \
	_aio;								\
})

/*
 * What completes a poll is called from the signal. It may not signal there, see
 * eventfd_signal_allowed(), which asks the task: the module signals with
 * interrupts off or from a thread, so that is its own, and no signal of its is
 * lost for one that it has interrupted.
 */
TEST_F_TIMEOUT(mount, a_poll_that_signals_another_registered_eventfd_counts_on_both, 120)
{
	aio_context_t aio = AIO();
	int round, i;

	for (i = 0; i < MANY; i++) {
		self->efd[i] = LISTEN(10, "rising");
		self->other[i] = LISTEN(10, "rising");
	}
	ROUNDS(5, 100) {
		for (i = 0; i < MANY; i++)
			ASSERT_EQ(0, poll_by_aio(aio, self->efd[i], self->other[i]));
		USE(10);
		for (i = 0; i < MANY; i++) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, eventfd %d", round, i);
			ASSERT_SIGNALS_SOON(self->other[i], 2) TH_LOG("round %d, other %d", round, i);
		}
		ASSERT_TRUE(completed(aio, MANY));
		USE(0);
	}
	syscall(SYS_io_destroy, aio);
}

/*
 * The poll is the last to hold the eventfd, and lets go of it from the signal. A
 * file is closed later than that, fput(), so the trigger is not ended with its
 * own wait queue locked.
 */
TEST_F_TIMEOUT(mount, a_signal_that_drops_the_last_reference_to_its_eventfd_ends_the_trigger, 120)
{
	static const char *const words[] = { "rising", "once", "both", "now" };
	aio_context_t aio = AIO();
	int round, i;

	ROUNDS(5, 100) {
		for (i = 0; i < MANY; i++) {
			self->efd[i] = LISTEN(10, words[i % 4]);
			ASSERT_EQ(0, poll_by_aio(aio, self->efd[i], -1));
			close(self->efd[i]);
		}
		ASSERT_EQ(MANY + 1, trigger_count(&self->m));
		USE(10);
		ASSERT_TRUE(completed(aio, MANY));
		EXPECT_TRIGGERS(1);
		ASSERT_SIGNALS(self->both, 1);
		USE(0);
		ASSERT_SIGNALS(self->both, 1);
	}
	syscall(SYS_io_destroy, aio);
}

TEST_F_TIMEOUT(mount, a_farewell_that_drops_the_last_reference_to_its_eventfd_does_no_harm, 120)
{
	long long others = stat_of("triggers") - 1;
	aio_context_t aio = AIO();
	int round, i;

	ROUNDS(5, 20) {
		for (i = 0; i < MANY; i++) {
			self->efd[i] = LISTEN(10, "");
			ASSERT_EQ(0, poll_by_aio(aio, self->efd[i], i & 1 ? self->both : -1));
			close(self->efd[i]);
		}
		ASSERT_EQ(0, scratch_umount(&self->m));
		ASSERT_TRUE(completed(aio, MANY));
		/* the first time its own farewell, too */
		ASSERT_SIGNALS_SOON(self->both, MANY / 2 + !round);
		EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == others));
		rmdir(self->m.path);
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	}
	syscall(SYS_io_destroy, aio);
}

TEST_HARNESS_MAIN
