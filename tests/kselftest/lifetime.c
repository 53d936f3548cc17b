// SPDX-License-Identifier: GPL-2.0
/* How registrations end: with their eventfd, or with their mount. */
#include "client.h"
#include "race.h"
#include "harness.h"

FIXTURE(mount) {
	struct scratch m;
};

FIXTURE_SETUP(mount)
{
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
#define EXPECT_TRIGGERS(count)	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == (count)))

/* a child that does its part and then waits to be killed; returns when it has */
static pid_t start_child(int (*part)(const struct scratch *m, int fd),
			 const struct scratch *m, int fd)
{
	int ready[2];
	pid_t child;
	char byte;

	if (pipe(ready))
		return -1;
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (part(m, fd) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		child = -1;
	close(ready[0]);
	return child;
}

static int register_five(const struct scratch *m, int unused)
{
	int i;

	for (i = 0; i < 5; i++) {
		if (listen_blocks(m, 10 + i, "") < 0)
			return -1;
	}
	return rfc_listen(m) < 0 ? -1 : 0;
}

static int just_wait(const struct scratch *m, int unused)
{
	return 0;
}

/* ---- with the eventfd ---- */

TEST_F(mount, closing_the_eventfd_ends_its_registrations)
{
	int efd = LISTEN(10, ""), other = LISTEN(20, "");

	ASSERT_EQ(0, control(&self->m, efd, "used_bytes", "50%"));
	ASSERT_EQ(0, control(&self->m, efd, "pressure_level", "low"));
	EXPECT_EQ(4, trigger_count(&self->m));
	close(efd);
	EXPECT_TRIGGERS(1);
	USE(20);
	EXPECT_SIGNALS(other, 1);
	close(other);
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, a_client_killed_takes_its_registrations_with_it)
{
	int mine = LISTEN(10, ""), status;
	pid_t child = start_child(register_five, &self->m, -1);

	ASSERT_LT(0, child);
	EXPECT_EQ(7, trigger_count(&self->m));
	EXPECT_EQ(child, trigger_number(&self->m, 1, "pid"));
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRIGGERS(1);
	USE(10);
	EXPECT_SIGNALS(mine, 1);
}

TEST_F(mount, a_client_that_exits_takes_its_registrations_with_it)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(register_five(&self->m, -1) ? 1 : 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, a_client_killed_while_it_reads_takes_its_registration_with_it)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		int efd = eventfd(0, 0);
		uint64_t count;

		control(&self->m, efd, "used_bytes", "50%");
		_exit(read(efd, &count, 8));
	}
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, a_duplicate_of_the_eventfd_keeps_the_registration)
{
	int efd = LISTEN(10, "rising"), copy = dup(efd);

	close(efd);
	USE(10);
	EXPECT_SIGNALS(copy, 1);
	EXPECT_EQ(1, trigger_count(&self->m));
	close(copy);
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, a_child_that_inherited_the_eventfd_keeps_the_registration)
{
	int efd = LISTEN(10, "rising"), status;
	pid_t child = start_child(just_wait, &self->m, -1);

	ASSERT_LT(0, child);
	close(efd);
	USE(10);
	EXPECT_EQ(1, trigger_count(&self->m));
	EXPECT_EQ(1, trigger_number(&self->m, 0, "fired"));
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, the_registration_outlives_the_process_that_wrote_it)
{
	int efd = listener(), status;
	pid_t child = fork();

	if (child == 0)
		_exit(control(&self->m, efd, "used_bytes", "1%") ? 1 : 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, trigger_count(&self->m));
	EXPECT_EQ(child, trigger_number(&self->m, 0, "pid"));
	USE(10);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, an_eventfd_on_its_way_through_a_socket_stays_registered)
{
	int efd = LISTEN(10, "rising"), pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, send_fd(pair[0], efd));
	close(efd);
	USE(10);
	EXPECT_EQ(1, trigger_count(&self->m));
	efd = receive_fd(pair[1]);
	ASSERT_LE(0, efd);
	EXPECT_SIGNALS(efd, 1);
	USE(0);
	USE(10);
	EXPECT_SIGNALS(efd, 1);
	close(efd);
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, an_eventfd_passed_to_another_process_is_told_there)
{
	int pair[2], status;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	child = fork();
	if (child == 0) {
		int efd;

		close(pair[0]);
		efd = receive_fd(pair[1]);
		if (efd < 0 || send(pair[1], "", 1, 0) != 1)
			_exit(1);
		_exit(signals_soon(efd, 1) == 1 ? 0 : 2);
	} else {
		int efd = LISTEN(10, "rising");
		char byte;

		close(pair[1]);
		ASSERT_EQ(0, send_fd(pair[0], efd));
		close(efd);
		ASSERT_EQ(1, read(pair[0], &byte, 1));
		USE(10);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, an_eventfd_dropped_in_a_socket_ends_its_registration)
{
	int efd = LISTEN(10, "rising"), pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, send_fd(pair[0], efd));
	close(efd);
	EXPECT_EQ(1, trigger_count(&self->m));
	close(pair[0]);
	close(pair[1]);
	EXPECT_TRIGGERS(0);
}

TEST_F(mount, an_eventfd_in_an_epoll_set_is_waited_for_and_ends_when_closed)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET }, got;
	int efd = LISTEN(10, "rising"), epoll = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, efd, &event));
	EXPECT_EQ(0, epoll_wait(epoll, &got, 1, 0));
	USE(10);
	EXPECT_EQ(1, epoll_wait(epoll, &got, 1, realtime_kernel() ? BOUND : 0));
	/* edge-triggered, unread: each signal is an edge */
	EXPECT_EQ(0, epoll_wait(epoll, &got, 1, 0));
	USE(0);
	USE(10);
	EXPECT_EQ(1, epoll_wait(epoll, &got, 1, realtime_kernel() ? BOUND : 0));
	close(efd);
	EXPECT_TRIGGERS(0);
	EXPECT_EQ(0, epoll_wait(epoll, &got, 1, 0));
}

TEST_F(mount, a_client_blocked_in_read_is_woken_by_the_crossing)
{
	int status, started[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(started));
	child = fork();
	if (child == 0) {
		int efd = eventfd(0, 0);
		uint64_t count;

		if (control(&self->m, efd, "used_bytes", "1%") || write(started[1], "", 1) != 1)
			_exit(1);
		_exit(read(efd, &count, 8) == 8 && count == 1 ? 0 : 2);
	}
	ASSERT_EQ(1, read(started[0], &byte, 1));
	USE(10);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F_TIMEOUT(mount, registering_and_closing_a_thousand_times_leaves_nothing, 120)
{
	int i;

	for (i = 0; i < 1000; i++)
		close(LISTEN(1 + i % 100, i & 1 ? "" : "rising"));
	EXPECT_TRIGGERS(0);
}

/* ---- with the mount ---- */

TEST_F(mount, umount_is_not_busy_with_triggers_and_open_files)
{
	char path[160];
	int used, controls, efd = LISTEN(10, "");

	snprintf(path, sizeof(path), "%s/used_bytes", self->m.dir);
	used = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "%s/event_control", self->m.dir);
	controls = open(path, O_WRONLY);
	ASSERT_LE(0, used);
	ASSERT_LE(0, controls);
	ASSERT_LE(0, rfc_listen(&self->m));
	EXPECT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 1);
}

struct held {
	struct uffdio_register page;
	int fd;
};

static void *list_to_missing_page(void *arg)
{
	struct held *held = arg;

	return (void *)syscall(SYS_getdents64, held->fd, (void *)(uintptr_t)held->page.range.start,
			       (size_t)held->page.range.len);
}

/* Whoever lists the directory just then has its i_rwsem, which its removal waits for. */
TEST_F(mount, the_directory_is_gone_before_the_farewell_is_readable)
{
	static struct held held;
	int faults = missing_page(&held.page), efd = LISTEN(10, "");
	pthread_t lister;
	void *length;

	if (faults < 0)
		SKIP(return, "the kernel has no userfaultfd");
	held.fd = open(self->m.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, held.fd);
	ASSERT_EQ(0, pthread_create(&lister, NULL, list_to_missing_page, &held));
	ASSERT_TRUE(readable(faults, BOUND));
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_FALSE(readable(efd, 200));
	fill_page(faults, &held.page);
	ASSERT_TRUE(readable(efd, BOUND));
	EXPECT_EQ(-1, access(self->m.dir, F_OK));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_SIGNALS(efd, 1);
	pthread_join(lister, &length);
	EXPECT_LT(0, (intptr_t)length);
}

TEST_F(mount, a_client_blocked_in_read_finds_the_directory_gone)
{
	char path[160];
	int status;
	pid_t child;

	snprintf(path, sizeof(path), "%s/event_control", self->m.dir);
	child = fork();
	if (child == 0) {
		int efd = eventfd(0, 0);
		uint64_t count;

		control(&self->m, efd, "used_bytes", "1%");
		if (read(efd, &count, 8) != 8 || count != 1)
			_exit(1);
		_exit(access(path, F_OK) == -1 && errno == ENOENT ? 0 : 2);
	}
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	ASSERT_EQ(0, scratch_umount(&self->m));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(mount, every_registration_has_its_own_farewell)
{
	int efd = LISTEN(10, ""), i;
	int rfc = rfc_listen(&self->m);

	ASSERT_LE(0, rfc);
	for (i = 0; i < 9; i++)
		ASSERT_EQ(0, control(&self->m, efd, "used_bytes", i & 1 ? "50%" : "-1"));
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 10);
	EXPECT_SIGNALS_SOON(rfc, 1);
	EXPECT_FALSE(readable(efd, 100));
}

TEST_F(mount, signals_not_yet_read_are_kept_when_the_farewell_comes)
{
	int efd = LISTEN(10, "both"), i;

	for (i = 0; i < 3; i++) {
		USE(10);
		USE(0);
	}
	ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 0, "fired") == 6));
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 7);
}

TEST_F_TIMEOUT(mount, files_that_go_with_the_umount_are_no_crossing, 120)
{
	int falling, both, hyst, i;

	for (i = 0; i < 20; i++) {
		falling = LISTEN(10, "falling");
		both = LISTEN(10, "both");
		hyst = listen_to(&self->m, "used_bytes", "50% both hyst=40%");
		ASSERT_LE(0, hyst);
		USE(700);
		ASSERT_SIGNALS(falling, 0);
		ASSERT_SIGNALS(both, 1);
		ASSERT_SIGNALS(hyst, 1);
		ASSERT_EQ(0, scratch_umount(&self->m));
		ASSERT_SIGNALS_SOON(falling, 1);
		ASSERT_SIGNALS_SOON(both, 1);
		ASSERT_SIGNALS_SOON(hyst, 1);
		ASSERT_TRUE(EVENTUALLY(access(self->m.dir, F_OK) != 0));
		EXPECT_FALSE(readable(falling, 1));
		EXPECT_FALSE(readable(both, 1));
		close(falling);
		close(both);
		close(hyst);
		rmdir(self->m.path);
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	}
}

TEST_F_TIMEOUT(mount, a_crossing_right_before_the_umount_is_told_as_well, 120)
{
	int i, efd;

	for (i = 0; i < 50; i++) {
		efd = LISTEN(10, "rising");
		USE(10);
		ASSERT_EQ(0, scratch_umount(&self->m));
		ASSERT_SIGNALS_SOON(efd, 2);
		close(efd);
		rmdir(self->m.path);
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	}
}

TEST_F(mount, a_lazy_umount_keeps_the_triggers_until_the_last_file_is_closed)
{
	int efd = LISTEN(10, "rising");
	int fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0600);

	ASSERT_EQ(0, umount2(self->m.path, MNT_DETACH));
	ASSERT_EQ(0, append_blocks(fd, &self->m, 10));
	EXPECT_SIGNALS(efd, 1);
	EXPECT_EQ(0, access(self->m.dir, F_OK));
	EXPECT_EQ(1, trigger_count(&self->m));
	close(fd);
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_NE(0, access(self->m.dir, F_OK));
}

TEST_F(mount, files_held_open_across_the_umount_say_enodev)
{
	static const struct {
		const char *name;
		int flags;
		const char *text;	/* what is written, if it is no number of an eventfd */
	} table[] = {
		{ TMPFSWARN_USAGE, O_RDONLY }, { TMPFSWARN_USED_BYTES, O_RDONLY },
		{ TMPFSWARN_USED_INODES, O_RDONLY }, { TMPFSWARN_REFUSED, O_RDONLY },
		{ TMPFSWARN_V1_OOM_CONTROL, O_RDWR, "0" }, { TMPFSWARN_V1_FAILCNT, O_RDWR },
		{ TMPFSWARN_V1_MAX_USAGE, O_RDWR },
		{ TMPFSWARN_PRESSURE_LEVEL, O_RDONLY }, { TMPFSWARN_TRIGGERS, O_RDONLY },
		{ TMPFSWARN_WARN_USED, O_RDWR }, { TMPFSWARN_WARN_USED_EFD, O_WRONLY },
		{ TMPFSWARN_EVENT_CONTROL, O_WRONLY }, { TMPFSWARN_V1_LIMIT, O_RDONLY },
		{ TMPFSWARN_V1_USAGE, O_RDONLY }, { TMPFSWARN_V1_EVENT_CONTROL, O_WRONLY },
	};
	enum { FILES = sizeof(table) / sizeof(*table) };
	char path[160], number[16], both[64];
	int fd[FILES], i, efd = LISTEN(10, "");

	for (i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", self->m.dir, table[i].name);
		fd[i] = open(path, table[i].flags);
		ASSERT_LE(0, fd[i]) TH_LOG("%s", table[i].name);
	}
	snprintf(number, sizeof(number), "%d", efd);
	snprintf(both, sizeof(both), "%d %d 50%%", efd, fd[1]);
	ASSERT_EQ(0, scratch_umount(&self->m));
	ASSERT_SIGNALS_SOON(efd, 1);
	for (i = 0; i < FILES; i++) {
		if (table[i].flags != O_WRONLY) {
			char answer[64];

			EXPECT_EQ(-1, pread(fd[i], answer, sizeof(answer), 0))
				TH_LOG("%s", table[i].name);
			EXPECT_EQ(ENODEV, errno) TH_LOG("%s", table[i].name);
		}
		if (table[i].flags != O_RDONLY) {
			const char *text = table[i].text ?:
				strstr(table[i].name, "event_control") ? both : number;

			EXPECT_EQ(-1, write(fd[i], text, strlen(text)))
				TH_LOG("%s", table[i].name);
			EXPECT_EQ(ENODEV, errno) TH_LOG("%s", table[i].name);
		}
	}
	EXPECT_SIGNALS(efd, 0);
	for (i = 0; i < FILES; i++)
		close(fd[i]);
}

TEST_F_TIMEOUT(mount, a_file_of_a_mount_that_is_gone_is_no_control_fd_for_its_successor, 120)
{
	struct scratch next;
	char path[160], text[64];
	int old, efd = listener(), round;

	for (round = 0; round < 20; round++) {
		snprintf(path, sizeof(path), "%s/used_bytes", self->m.dir);
		old = open(path, O_RDONLY);
		ASSERT_LE(0, old);
		ASSERT_EQ(0, scratch_umount(&self->m));
		rmdir(self->m.path);
		ASSERT_EQ(0, scratch_mount(&next, "nr_blocks=1000"));
		self->m = next;
		snprintf(text, sizeof(text), "%d %d 50%%", efd, old);
		ASSERT_NE(0, put(&next, TMPFSWARN_EVENT_CONTROL, text));
		ASSERT_EQ(0, trigger_count(&next));
		ASSERT_EQ(-1, read(old, text, sizeof(text)));
		ASSERT_EQ(ENODEV, errno);
		close(old);
	}
}

TEST_F_TIMEOUT(mount, a_device_number_used_again_gets_a_directory_that_works, 120)
{
	int round, reused = 0, efd;
	dev_t last = self->m.dev;

	ROUNDS_UNTIL(reused, 50, 50) {
		efd = LISTEN(10, "rising");
		ASSERT_EQ(1, trigger_count(&self->m)) TH_LOG("round %d", round);
		USE(10);
		ASSERT_SIGNALS(efd, 1);
		ASSERT_EQ(0, scratch_umount(&self->m));
		rmdir(self->m.path);
		/* at once, while the directory of the old one may be there still */
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
		reused += self->m.dev == last;
		last = self->m.dev;
		ASSERT_EQ(0, trigger_count(&self->m)) TH_LOG("round %d", round);
		ASSERT_SIGNALS_SOON(efd, 1);
		close(efd);
	}
	EXPECT_LT(0, reused) TH_LOG("the kernel never used a number again");
}

TEST_F(mount, one_eventfd_on_two_mounts_hears_both_and_two_farewells)
{
	struct scratch other;
	int efd = LISTEN(10, "rising");

	ASSERT_EQ(0, scratch_mount(&other, "nr_blocks=1000"));
	EXPECT_EQ(0, control(&other, efd, "used_bytes", "1% rising"));
	USE(10);
	EXPECT_EQ(0, scratch_use(&other, 10));
	EXPECT_SIGNALS(efd, 2);
	EXPECT_EQ(0, scratch_umount(&other));
	EXPECT_SIGNALS_SOON(efd, 1);
	USE(0);
	USE(10);
	EXPECT_SIGNALS(efd, 1);
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 1);
	scratch_end(&other);
}

TEST_F_TIMEOUT(mount, closing_the_eventfd_while_the_mount_goes_does_no_harm, 120)
{
	int i, j, efd[20], status;
	pid_t child;

	for (i = 0; i < 25; i++) {
		for (j = 0; j < 20; j++)
			efd[j] = LISTEN(10, "both");
		ASSERT_EQ(0, scratch_use(&self->m, i & 1 ? 10 : 0));
		child = fork();
		if (child == 0) {
			/* the child has copies of the eventfds: let go of them first */
			for (j = 0; j < 20; j++)
				close(efd[j]);
			_exit(umount2(self->m.path, 0) ? 1 : 0);
		}
		for (j = 0; j < 20; j++)
			close(efd[j]);
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_EQ(0, status);
		rmdir(self->m.path);
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	}
	EXPECT_EQ(0, trigger_count(&self->m));
}

TEST_HARNESS_MAIN
