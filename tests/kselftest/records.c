// SPDX-License-Identifier: GPL-2.0
/* What the records of /dev/tmpfswarn say, and how they end: with the mount, with the listener. */
#include "client.h"
#include "harness.h"

FIXTURE(mount) {
	struct scratch m;
	int device;
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->device = device_open();
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN(mount)
{
	close(self->device);
	scratch_end(&self->m);
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))
#define REGISTER(args)	ASSERT_EQ(0, device_register(self->device, &self->m, args))
#define NEXT(event)	EXPECT_NEXT(self->device, event)
#define NO_MORE()	EXPECT_TRUE(record_none(self->device))

/* ---- what is told ---- */

TEST_F(mount, the_state_of_usage_answers_each_registration)
{
	char dev[32];
	struct record r;

	snprintf(dev, sizeof(dev), "%u:%u", major(self->m.dev), minor(self->m.dev));
	USE(9);
	REGISTER("40k");
	NEXT("state");
	EXPECT_STREQ("below", record_field(&r, "state"));
	EXPECT_EQ(9 * self->m.block, r.used);
	EXPECT_EQ(1000 * self->m.block, record_number(&r, "size"));
	EXPECT_STREQ(dev, record_field(&r, "dev"));
	EXPECT_STREQ("40k", r.tag);
	EXPECT_STREQ("40960", record_field(&r, "level"));
	USE(10);
	NEXT("up");
	REGISTER("1% tag=percentage falling");
	NEXT("state");
	EXPECT_STREQ("above", record_field(&r, "state"));
	EXPECT_EQ(10 * self->m.block, r.used);
	EXPECT_STREQ("1%", record_field(&r, "level"));
	NO_MORE();
}

TEST_F(mount, a_crossing_is_readable_when_the_write_that_made_it_has_returned)
{
	int fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0600), i;
	int soon = realtime_kernel() ? BOUND : 0;
	struct record r;

	REGISTER("40k");
	NEXT("state");
	ASSERT_EQ(0, append_blocks(fd, &self->m, 9));
	for (i = 0; i < 100; i++) {
		EXPECT_FALSE(readable(self->device, 0));
		ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
		ASSERT_TRUE(readable(self->device, soon));
		NEXT("up");
		EXPECT_EQ(10 * self->m.block, r.used);
		ASSERT_EQ(0, ftruncate(fd, 9 * self->m.block));
		lseek(fd, 0, SEEK_END);
		ASSERT_TRUE(readable(self->device, soon));
		NEXT("down");
		EXPECT_EQ(9 * self->m.block, r.used);
	}
	close(fd);
}

/* each in the same system call, at the end of which usage is far beyond */
TEST_F(mount, used_is_the_usage_that_crossed_and_not_one_read_later)
{
	static char bytes[100 * 65536];
	int fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0600), i;
	char args[64];
	struct record r;

	for (i = 10; i <= 50; i += 10) {
		snprintf(args, sizeof(args), "%d tag=%d", i * (int)self->m.block, i);
		REGISTER(args);
		NEXT("state");
	}
	ASSERT_EQ(100 * self->m.block, write(fd, bytes, 100 * self->m.block));
	for (i = 10; i <= 50; i += 10) {
		NEXT("up");
		EXPECT_EQ(i, atoi(r.tag));
		EXPECT_EQ(i * self->m.block, r.used);
		EXPECT_EQ(1, r.crossings);
	}
	NO_MORE();
	close(fd);
}

TEST_F(mount, size_is_that_of_the_moment_after_a_remount)
{
	struct record r;

	REGISTER("10% tag=p");
	NEXT("state");
	USE(60);
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=500"));
	EXPECT_NEXT_SOON(self->device, "up");
	EXPECT_EQ(500 * self->m.block, record_number(&r, "size"));
	EXPECT_EQ(60 * self->m.block, r.used);
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=2000"));
	EXPECT_NEXT_SOON(self->device, "down");
	EXPECT_EQ(2000 * self->m.block, record_number(&r, "size"));
}

TEST_F(mount, the_time_is_that_of_the_crossing)
{
	long long before, after, last = 0;
	struct record r;
	int i;

	before = now_nanoseconds();
	REGISTER("40k");
	after = now_nanoseconds();
	NEXT("state");
	for (i = 0; i < 10; i++) {
		EXPECT_LE(before, record_nanoseconds(&r));
		EXPECT_GE(after, record_nanoseconds(&r));
		EXPECT_LT(last, record_nanoseconds(&r));
		last = record_nanoseconds(&r);
		before = now_nanoseconds();
		USE(i & 1 ? 9 : 10);
		/* an RT kernel may not have looked yet */
		if (realtime_kernel())
			readable(self->device, BOUND);
		after = now_nanoseconds();
		/* what is read later was told then */
		usleep(2000);
		NEXT(i & 1 ? "down" : "up");
	}
}

TEST_F(mount, crossings_beyond_the_records_are_added_up_in_the_last_of_them)
{
	long long sum = 0, time = 0;
	struct record r = {}, last = {};
	int i, records = 0;

	REGISTER("40k");
	NEXT("state");
	for (i = 0; i < 20; i++) {
		USE(10);
		USE(9 - i % 5);
	}
	/* on RT they are not told before */
	ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 0, "fired") == 40));
	while (r = record_left(self->device), !r.error) {
		EXPECT_LE(time, record_nanoseconds(&r));
		EXPECT_EQ(records < RECORDS - 1 ? 1 : 41 - RECORDS, r.crossings);
		time = record_nanoseconds(&r);
		sum += r.crossings;
		records++;
		last = r;
	}
	EXPECT_EQ(-EAGAIN, r.error);
	EXPECT_EQ(RECORDS, records);
	EXPECT_EQ(40, sum);
	EXPECT_STREQ("down", last.event);
	EXPECT_EQ((9 - 19 % 5) * self->m.block, last.used);
	/* and those that were read serve again */
	USE(10);
	NEXT("up");
	EXPECT_EQ(1, r.crossings);
}

TEST_F(mount, one_trigger_that_is_full_takes_nothing_from_another)
{
	long long sum = 0;
	struct record r;
	int i, others = 0;

	REGISTER("40k tag=busy");
	REGISTER("80k tag=quiet");
	for (i = 0; i < 20; i++) {
		USE(10);
		USE(9);
	}
	USE(20);
	ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 1, "fired") == 1));
	while (r = record_left(self->device), !r.error) {
		if (r.crossings < 0)
			continue;
		if (!strcmp(r.tag, "busy"))
			sum += r.crossings;
		else
			others += r.crossings == 1 && r.used == 20 * self->m.block;
	}
	EXPECT_EQ(41, sum);
	EXPECT_EQ(1, others);
}

/* ---- the mount's end ---- */

TEST_F(mount, umount_is_not_busy_and_each_registration_is_told_that_it_is_gone)
{
	struct record r;

	REGISTER("40k tag=a");
	REGISTER("44k tag=b");
	NEXT("state");
	NEXT("state");
	USE(10);
	ASSERT_EQ(0, scratch_umount(&self->m));
	NEXT("up");
	EXPECT_NEXT_SOON(self->device, "gone");
	EXPECT_STREQ("a", r.tag);
	EXPECT_EQ(1000 * self->m.block, record_number(&r, "size"));
	EXPECT_NEXT_SOON(self->device, "gone");
	EXPECT_STREQ("b", r.tag);
	/* the files that went with it are no crossing */
	r = record_next_soon(self->device);
	EXPECT_EQ(-ENODATA, r.error);
	EXPECT_EQ(-ENOENT, device_forget(self->device, "a"));
}

TEST_F(mount, a_remount_that_takes_the_limit_away_is_the_end)
{
	struct record r;

	REGISTER("40k");
	NEXT("state");
	USE(10);
	ASSERT_EQ(0, scratch_remount(&self->m, "size=0"));
	NEXT("up");
	EXPECT_NEXT_SOON(self->device, "gone");
	/* which says that it is not the mount's */
	EXPECT_EQ(0, record_number(&r, "size"));
	r = record_next_soon(self->device);
	EXPECT_EQ(-ENODATA, r.error);
	EXPECT_EQ(-EOPNOTSUPP, device_register(self->device, &self->m, "40k"));
}

TEST_F(mount, a_lazy_umount_is_the_end_when_the_last_file_is_closed)
{
	int fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0600);
	struct record r;

	REGISTER("40k");
	NEXT("state");
	ASSERT_EQ(0, umount2(self->m.path, MNT_DETACH));
	ASSERT_EQ(0, append_blocks(fd, &self->m, 10));
	NEXT("up");
	NO_MORE();
	close(fd);
	EXPECT_NEXT_SOON(self->device, "gone");
}

TEST_F(mount, what_was_crossed_before_the_end_is_kept_whatever_is_unread)
{
	int i;

	REGISTER("40k");
	for (i = 0; i < 10; i++) {
		USE(10);
		USE(9);
	}
	ASSERT_EQ(0, scratch_umount(&self->m));
	ASSERT_TRUE(EVENTUALLY(access(self->m.dir, F_OK)));
	EXPECT_EQ(20, record_sum(self->device));
}

/* ---- the listener's end ---- */

#define EXPECT_TRIGGERS(count)	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == (count)))

TEST_F(mount, the_last_close_ends_all_that_a_listener_has_registered)
{
	int copy = dup(self->device);
	struct record r;

	REGISTER("40k");
	REGISTER("low");
	close(self->device);
	self->device = copy;
	USE(10);
	NEXT("state");
	NEXT("state");
	NEXT("up");
	EXPECT_TRIGGERS(2);
	close(copy);
	self->device = -1;
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, a_child_that_inherited_the_listener_keeps_it)
{
	struct record r;
	int pair[2];
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	REGISTER("40k");
	child = fork();
	if (child == 0) {
		close(pair[0]);
		r = record_next(self->device);
		if (strcmp(r.event, "state") || !hear(pair[1]))
			_exit(1);
		r = record_next(self->device);
		_exit(strcmp(r.event, "up") != 0);
	}
	close(self->device);
	self->device = -1;
	USE(10);
	EXPECT_EQ(1, trigger_count(&self->m));
	EXPECT_TRUE(say(pair[0]));
	EXPECT_EQ(0, ended(child));
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, a_listener_on_its_way_through_a_socket_stays_and_ends_when_dropped_there)
{
	struct record r;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	REGISTER("40k");
	ASSERT_EQ(0, send_fd(pair[0], self->device));
	close(self->device);
	USE(10);
	EXPECT_EQ(1, trigger_count(&self->m));
	self->device = receive_fd(pair[1]);
	NEXT("state");
	NEXT("up");
	ASSERT_EQ(0, send_fd(pair[0], self->device));
	close(self->device);
	self->device = -1;
	close(pair[0]);
	close(pair[1]);
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, a_client_killed_while_it_reads_takes_its_registrations_with_it)
{
	int status, i;
	pid_t child;

	for (i = 0; i < 10; i++) {
		child = fork();
		if (child == 0) {
			char text[RECORD_MAX];
			int device = open(TMPFSWARN_DEVICE, O_RDWR);

			device_register(device, &self->m, "40k");
			while (read(device, text, sizeof(text)) > 0)
				;
			_exit(1);
		}
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
		usleep(i * 500);
		kill(child, SIGKILL);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_TRIGGERS(0);
	}
}

static void on_alarm(int signal)
{
}

TEST_F(mount, a_signal_interrupts_a_read_that_waits)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct itimerspec soon = { .it_value.tv_nsec = 20000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer;
	char byte;

	ASSERT_EQ(0, sigaction(SIGUSR1, &act, NULL));
	ASSERT_EQ(0, fcntl(self->device, F_SETFL, 0));
	ASSERT_EQ(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
	ASSERT_EQ(0, timer_settime(timer, 0, &soon, NULL));
	EXPECT_EQ(-1, read(self->device, &byte, 1));
	EXPECT_EQ(EINTR, errno);
}

TEST_HARNESS_MAIN
