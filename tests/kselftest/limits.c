// SPDX-License-Identifier: GPL-2.0
/* The limits of the module's parameters. Reloads the module: needs TMPFSWARN_KO. */
#include "scratch.h"
#include "harness.h"

#include <linux/mount.h>
#include <sys/klog.h>

FIXTURE(limit) {
	bool changed;
};

FIXTURE_SETUP(limit)
{
	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
}

FIXTURE_TEARDOWN(limit)
{
	if (self->changed) {
		module_remove();
		module_insert("");
	}
}

/* load with these parameters; what was loaded is put back in the teardown */
#define RELOAD(parameters) do {						\
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));			\
	self->changed = true;						\
	ASSERT_EQ(0, module_insert(parameters));			\
} while (0)

/* how many lines of the kernel log after the mark speak of it */
static int log_lines(const char *mark, const char *text)
{
	static char log[1 << 20];
	int n = klogctl(3, log, sizeof(log) - 1), count = 0;
	char *at;

	if (n < 0)
		return -errno;
	log[n] = '\0';
	at = strstr(log, mark);
	while (at && (at = strchr(at, '\n'))) {
		char *end = strchr(++at, '\n');

		if (end)
			*end = '\0';
		count += strstr(at, "tmpfswarn") && strstr(at, text);
		if (end)
			*end = '\n';
	}
	return count;
}

static char *mark_log(void)
{
	static char mark[64];
	static int number;
	int fd = open("/dev/kmsg", O_WRONLY);

	snprintf(mark, sizeof(mark), "limits test %d mark %d", getpid(), number++);
	if (fd >= 0 && write(fd, mark, strlen(mark)) < 0)
		mark[0] = '\0';
	close(fd);
	return mark;
}

TEST_F_TIMEOUT(limit, the_parameters_cannot_be_changed_while_loaded, 120)
{
	static const char *const names[] = {
		"max_mounts", "max_mount_triggers", "max_triggers",
		"pressure_low", "pressure_medium", "pressure_critical",
	};
	char path[128];
	struct stat st;
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "/sys/module/tmpfswarn/parameters/%s", names[i]);
		ASSERT_EQ(0, stat(path, &st)) TH_LOG("%s", names[i]);
		EXPECT_EQ(0444, st.st_mode & 07777) TH_LOG("%s", names[i]);
	}
}

TEST_F_TIMEOUT(limit, triggers_of_a_mount_end_with_enospc_said_once, 120)
{
	struct scratch m, other;
	char *mark;
	int efd[5], i;

	RELOAD("max_mount_triggers=4");
	mark = mark_log();
	ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=1000"));
	ASSERT_EQ(0, scratch_mount(&other, "nr_blocks=1000"));
	for (i = 0; i < 3; i++)
		ASSERT_LE(0, efd[i] = listen_blocks(&m, 10 + i, "rising"));
	ASSERT_LE(0, efd[3] = rfc_listen(&m));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(-ENOSPC, listen_blocks(&m, 10, ""));
		EXPECT_EQ(-ENOSPC, rfc_listen(&m));
	}
	EXPECT_EQ(4, trigger_count(&m));
	EXPECT_EQ(1, log_lines(mark, "max_mount_triggers"));

	/* the limit is each mount's own, and those registered work on */
	EXPECT_LE(0, listen_blocks(&other, 10, ""));
	ASSERT_EQ(0, scratch_use(&m, 10));
	EXPECT_SIGNALS(efd[0], 1);

	/* a place that is given back can be taken */
	close(efd[1]);
	ASSERT_TRUE(EVENTUALLY(trigger_count(&m) == 3));
	ASSERT_LE(0, efd[1] = listen_blocks(&m, 20, "rising once"));
	EXPECT_EQ(-ENOSPC, listen_blocks(&m, 10, ""));
	ASSERT_EQ(0, scratch_use(&m, 20));
	EXPECT_SIGNALS(efd[1], 1);
	ASSERT_TRUE(EVENTUALLY(trigger_count(&m) == 3));
	EXPECT_LE(0, listen_blocks(&m, 30, ""));
	EXPECT_EQ(1, log_lines(mark, "max_mount_triggers"));
	scratch_end(&other);
	scratch_end(&m);
}

TEST_F_TIMEOUT(limit, triggers_in_all_end_with_enospc_said_once, 120)
{
	struct scratch m, other;
	char *mark;
	int i, efd = -1;

	RELOAD("max_triggers=6");
	mark = mark_log();
	ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=1000"));
	ASSERT_EQ(0, scratch_mount(&other, "nr_blocks=1000"));
	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, efd = listen_blocks(&m, 10, ""));
		ASSERT_LE(0, listen_blocks(&other, 10, ""));
	}
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(-ENOSPC, listen_blocks(&m, 10, ""));
		EXPECT_EQ(-ENOSPC, rfc_listen(&other));
	}
	EXPECT_EQ(6, stat_of("triggers"));
	EXPECT_EQ(1, log_lines(mark, "max_triggers"));
	close(efd);
	ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == 5));
	EXPECT_LE(0, listen_blocks(&other, 10, ""));
	EXPECT_EQ(-ENOSPC, listen_blocks(&other, 10, ""));
	/* a mount that goes gives its places back */
	ASSERT_EQ(0, scratch_umount(&other));
	ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == 2));
	for (i = 0; i < 4; i++)
		EXPECT_LE(0, listen_blocks(&m, 10, ""));
	scratch_end(&other);
	scratch_end(&m);
}

/* ---- mounts of users who are root of namespaces of their own ---- */

#define USER	65534

/*
 * A child that makes mounts when it is told to. They are superblocks alone, each as long
 * as its descriptor, so that no number of them takes its time.
 */
struct user {
	pid_t child;
	int order, done;
};

/*
 * Of @uid, in a user namespace that its parent maps; if @deep, as another user of that one
 * in one that this one makes.
 */
static bool become_root_of_a_namespace(uid_t uid, bool deep, int order, int done)
{
	long long good = 1;
	char byte;

	if (uid && (setgid(uid) || setuid(uid) || prctl(PR_SET_DUMPABLE, 1)))
		return false;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
	    write(done, &good, sizeof(good)) != sizeof(good) || read(order, &byte, 1) != 1)
		return false;
	return !deep || (setuid(1) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0 &&
			 unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
			 write_text("/proc/self/uid_map", "0 1 1") == 0);
}

/* itself as root, and user 1000 as the first */
static bool map_users(pid_t child, uid_t uid)
{
	char path[64], map[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	snprintf(map, sizeof(map), "0 %d 1\n1 %d 1", uid, 1000);
	if (write_text(path, map))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/gid_map", child);
	snprintf(map, sizeof(map), "0 %d 1", uid);
	return write_text(path, map) == 0;
}

/* "+" for one more, "-" for the newest less; the answer is its st_dev, or -errno */
static void serve(int order, int done)
{
	int fds[600], count = 0;
	char what;

	while (read(order, &what, 1) == 1) {
		long long answer = 0;
		struct stat st;

		if (what == '+') {
			int fs = syscall(SYS_fsopen, "tmpfs", 0);

			answer = -ENFILE;
			if (fs >= 0 && count < 600 &&
			    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
				fds[count] = syscall(SYS_fsmount, fs, 0, 0);
			else
				fds[count] = -1;
			if (fds[count] < 0 || fstat(fds[count], &st))
				answer = -errno;
			else
				answer = st.st_dev, count++;
			close(fs);
		} else if (count) {
			close(fds[--count]);
		}
		if (write(done, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

static bool user_start(struct user *user, uid_t uid, bool deep)
{
	int order[2], done[2];
	long long good = 0;

	if (pipe(order) || pipe(done))
		return false;
	user->child = fork();
	if (user->child == 0) {
		close(order[1]);
		close(done[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		raise_fd_limit();
		good = become_root_of_a_namespace(uid, deep, order[0], done[1]);
		if (write(done[1], &good, sizeof(good)) == sizeof(good) && good)
			serve(order[0], done[1]);
		_exit(1);
	}
	close(order[0]);
	close(done[1]);
	user->order = order[1];
	user->done = done[0];
	return read(user->done, &good, sizeof(good)) == sizeof(good) && good &&
		map_users(user->child, uid) && write(user->order, "", 1) == 1 &&
		read(user->done, &good, sizeof(good)) == sizeof(good) && good;
}

static long long user_do(struct user *user, char what)
{
	long long answer;

	if (write(user->order, &what, 1) != 1 ||
	    read(user->done, &answer, sizeof(answer)) != sizeof(answer))
		return -EPIPE;
	return answer;
}

static void user_end(struct user *user)
{
	/* others' children have the pipes, too */
	kill(user->child, SIGKILL);
	waitpid(user->child, NULL, 0);
	close(user->order);
	close(user->done);
}

static bool shown(long long dev)
{
	char path[96];

	snprintf(path, sizeof(path), ROOM "/%u:%u/" TMPFSWARN_EVENT_CONTROL, major(dev), minor(dev));
	return access(path, F_OK) == 0;
}

#define MAKE(user) ({							\
	long long _dev = user_do(user, '+');				\
									\
	ASSERT_LT(0, _dev);						\
	_dev;								\
})
#define DROP(user)	ASSERT_EQ(0, user_do(user, '-'))
#define EXPECT_MOUNTS(visible, invisible) do {				\
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") == (visible) &&	\
			       stat_of("mounts_hidden") == (invisible)))	\
		TH_LOG("%lld shown, %lld hidden", stat_of("mounts"),	\
		       stat_of("mounts_hidden"));			\
} while (0)

TEST_F_TIMEOUT(limit, mounts_of_a_user_beyond_the_limit_are_hidden_and_said_once, 120)
{
	long long there, dev[6];
	struct user user;
	char *mark;
	int i;

	RELOAD("max_mounts=2");
	mark = mark_log();
	there = stat_of("mounts");
	if (!user_start(&user, USER, false))
		SKIP(return, "a user may not make a user namespace");
	for (i = 0; i < 6; i++) {
		dev[i] = MAKE(&user);
		EXPECT_MOUNTS(there + (i < 2 ? i + 1 : 2), i < 2 ? 0 : i - 1);
		/* it is counted a moment before */
		EXPECT_TRUE(EVENTUALLY(shown(dev[i]) == (i < 2)));
	}
	EXPECT_EQ(1, log_lines(mark, "max_mounts"));
	/* the newest go first, which are hidden */
	DROP(&user);
	EXPECT_MOUNTS(there + 2, 3);
	for (i = 0; i < 3; i++)
		DROP(&user);
	EXPECT_MOUNTS(there + 2, 0);
	dev[2] = MAKE(&user);
	EXPECT_MOUNTS(there + 2, 1);
	user_end(&user);
	EXPECT_MOUNTS(there, 0);
	EXPECT_EQ(1, log_lines(mark, "max_mounts"));
}

TEST_F_TIMEOUT(limit, a_hidden_mount_is_shown_when_another_of_its_user_has_gone, 120)
{
	struct user first, second;
	long long there, dev;

	RELOAD("max_mounts=1");
	there = stat_of("mounts");
	if (!user_start(&first, USER, false) || !user_start(&second, USER, false))
		SKIP(return, "a user may not make a user namespace");
	MAKE(&first);
	EXPECT_MOUNTS(there + 1, 0);
	dev = MAKE(&second);
	EXPECT_MOUNTS(there + 1, 1);
	EXPECT_FALSE(shown(dev));
	DROP(&first);
	EXPECT_MOUNTS(there + 1, 0);
	EXPECT_TRUE(EVENTUALLY(shown(dev)));
	user_end(&first);
	user_end(&second);
	EXPECT_MOUNTS(there, 0);
}

TEST_F_TIMEOUT(limit, many_mounts_of_a_user_hide_no_other_users_and_none_of_roots, 120)
{
	long long there, dev;
	struct user many, other;
	struct scratch m;
	int i;

	RELOAD("max_mounts=5");
	there = stat_of("mounts");
	if (!user_start(&many, USER, false) || !user_start(&other, USER - 1, false))
		SKIP(return, "a user may not make a user namespace");
	for (i = 0; i < 500; i++)
		MAKE(&many);
	EXPECT_MOUNTS(there + 5, 495);
	ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=100"));
	EXPECT_LE(0, listen_blocks(&m, 10, ""));
	dev = MAKE(&other);
	EXPECT_TRUE(EVENTUALLY(shown(dev)));
	EXPECT_MOUNTS(there + 7, 495);
	user_end(&many);
	EXPECT_MOUNTS(there + 2, 0);
	user_end(&other);
	scratch_end(&m);
}

TEST_F_TIMEOUT(limit, a_namespace_in_a_namespace_counts_for_who_made_the_outer_one, 120)
{
	struct user user, deep;
	long long there;

	RELOAD("max_mounts=2");
	there = stat_of("mounts");
	if (!user_start(&user, USER, false) || !user_start(&deep, USER, true))
		SKIP(return, "a user may not make a user namespace");
	MAKE(&user);
	MAKE(&user);
	MAKE(&deep);
	EXPECT_MOUNTS(there + 2, 1);
	user_end(&user);
	user_end(&deep);
	EXPECT_MOUNTS(there, 0);
}

/* who can be many owners gets no more than 16 of them would */
TEST_F_TIMEOUT(limit, there_is_room_for_sixteen_owners_and_one_that_goes_makes_room, 120)
{
	struct user user[18];
	long long there;
	int i;

	RELOAD("max_mounts=1");
	there = stat_of("mounts");
	for (i = 0; i < 18; i++) {
		if (!user_start(&user[i], 0, false))
			SKIP(return, "root may not make a user namespace");
		MAKE(&user[i]);
		EXPECT_MOUNTS(there + (i < 16 ? i + 1 : 16), i < 16 ? 0 : i - 15);
	}
	user_end(&user[3]);
	EXPECT_MOUNTS(there + 16, 1);
	user_end(&user[4]);
	EXPECT_MOUNTS(there + 16, 0);
	user_end(&user[5]);
	EXPECT_MOUNTS(there + 15, 0);
	for (i = 0; i < 18; i++) {
		if (i < 3 || i > 5)
			user_end(&user[i]);
	}
	EXPECT_MOUNTS(there, 0);
}

/* as who runs containers does: they are told apart, though all of one maker */
TEST_F_TIMEOUT(limit, namespaces_that_root_has_made_count_each_for_itself, 120)
{
	struct user one, another;
	long long there;

	RELOAD("max_mounts=2");
	there = stat_of("mounts");
	if (!user_start(&one, 0, false) || !user_start(&another, 0, false))
		SKIP(return, "root may not make a user namespace");
	MAKE(&one);
	MAKE(&one);
	MAKE(&one);
	MAKE(&another);
	EXPECT_MOUNTS(there + 3, 1);
	user_end(&one);
	user_end(&another);
	EXPECT_MOUNTS(there, 0);
}

TEST_F_TIMEOUT(limit, mounts_of_a_user_there_at_insmod_are_counted_as_well, 120)
{
	struct user user;
	long long there;
	int i;

	if (!user_start(&user, USER, false))
		SKIP(return, "a user may not make a user namespace");
	there = stat_of("mounts");
	for (i = 0; i < 400; i++)
		MAKE(&user);
	/* and once more: they are hidden when the module goes */
	for (i = 0; i < 2; i++) {
		RELOAD("max_mounts=300");
		EXPECT_EQ(there + 300, stat_of("mounts"));
		EXPECT_EQ(100, stat_of("mounts_hidden"));
	}
	user_end(&user);
	/* of so many directories some may be there for long, where checkers slow it all down */
	for (i = 0; i < 5 && !EVENTUALLY(stat_of("mounts") == there); i++)
		;
	EXPECT_MOUNTS(there, 0);
	/* and it starts from nothing again */
	ASSERT_TRUE(user_start(&user, USER, false));
	MAKE(&user);
	EXPECT_MOUNTS(there + 1, 0);
	user_end(&user);
}

/* Those hidden come and go while one that is shown does: the count comes to be right. */
TEST_F_TIMEOUT(limit, mounts_that_come_and_go_by_hundreds_at_the_limit_leave_no_count, 120)
{
	struct user user[3];
	long long there;
	int i, round;

	RELOAD("max_mounts=3");
	there = stat_of("mounts");
	for (i = 0; i < 3; i++) {
		if (!user_start(&user[i], USER, false))
			SKIP(return, "a user may not make a user namespace");
	}
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 3; i++) {
			MAKE(&user[(i + round) % 3]);
			MAKE(&user[(i + round) % 3]);
			DROP(&user[i]);
		}
	}
	/* three of each round stay */
	EXPECT_MOUNTS(there + 3, 297);
	for (i = 0; i < 3; i++)
		user_end(&user[i]);
	EXPECT_MOUNTS(there, 0);
}

TEST_F_TIMEOUT(limit, the_pressure_levels_are_those_of_the_parameters, 120)
{
	struct scratch m;
	char path[160];
	int low, critical;

	RELOAD("pressure_low=10 pressure_medium=20 pressure_critical=30");
	ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=1000"));
	snprintf(path, sizeof(path), "%s/pressure_level", m.dir);
	EXPECT_EQ(100 * m.block, number_in(path, "low"));
	EXPECT_EQ(200 * m.block, number_in(path, "medium"));
	EXPECT_EQ(300 * m.block, number_in(path, "critical"));
	ASSERT_LE(0, low = listen_to(&m, "pressure_level", "low"));
	ASSERT_LE(0, critical = listen_to(&m, "pressure_level", "critical"));
	ASSERT_EQ(0, scratch_use(&m, 100));
	EXPECT_SIGNALS(low, 1);
	ASSERT_EQ(0, scratch_use(&m, 299));
	EXPECT_SIGNALS(critical, 0);
	ASSERT_EQ(0, scratch_use(&m, 300));
	EXPECT_SIGNALS(critical, 1);
	scratch_end(&m);
}

TEST_F_TIMEOUT(limit, parameters_that_make_no_sense_are_refused, 120)
{
	static const char *const table[] = {
		"pressure_low=101", "pressure_critical=0", "pressure_medium=x", "max_mounts=x",
		"max_triggers=-1",
	};
	unsigned int i;

	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	self->changed = true;
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		EXPECT_GT(0, module_insert(table[i])) TH_LOG("%s", table[i]);
		EXPECT_NE(0, access(ROOM, F_OK)) TH_LOG("%s", table[i]);
		module_remove();
	}
}

TEST_HARNESS_MAIN
