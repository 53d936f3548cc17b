// SPDX-License-Identifier: GPL-2.0
/* Levels of inodes: to the inode, whatever takes it or gives it back. */
#include <linux/fs.h>
#include <sys/xattr.h>

#include "client.h"
#include "race.h"
#include "harness.h"

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT	(1 << 2)
#endif

#define INODES	1000

FIXTURE(mount) {
	struct scratch m;
};

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000,nr_inodes=1000"));
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

/* as statvfs(2) has it */
static long used_inodes(const struct scratch *m)
{
	struct statvfs v;

	return statvfs(m->path, &v) ? -errno : (long)(v.f_files - v.f_ffree);
}

static int listen_inodes(const struct scratch *m, long inodes, const char *words)
{
	char args[128];

	snprintf(args, sizeof(args), "%ld %s", inodes, words);
	return listen_to(m, TMPFSWARN_USED_INODES, args);
}

#define LISTEN(inodes, words) ({					\
	int _efd = listen_inodes(&self->m, inodes, words);		\
									\
	ASSERT_LE(0, _efd);						\
	_efd;								\
})

#define USED()	used_inodes(&self->m)

/* ---- calls ---- */

/*
 * A call on what has the number @n. What it needs was made before by @ready, and it gives back
 * what @take has taken. They return 0 or a negative errno.
 */
struct call {
	const char *name;
	int (*ready)(const struct scratch *m, int n);
	int (*take)(const struct scratch *m, int n);
	int (*give)(const struct scratch *m, int n);
};

static const char *numbered(const struct scratch *m, const char *name, int n)
{
	static __thread char path[4][160];
	static __thread unsigned int turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s%d", m->path, name, n);
	return p;
}

#define RESULT(call)	((call) < 0 ? -errno : 0)

static int make(const struct scratch *m, const char *name, int n)
{
	int fd = open(numbered(m, name, n), O_CREAT | O_EXCL | O_WRONLY, 0600);

	return fd < 0 ? -errno : RESULT(close(fd));
}

static int take_creat(const struct scratch *m, int n)
{
	return make(m, "creat", n);
}

static int give_creat(const struct scratch *m, int n)
{
	return RESULT(unlink(numbered(m, "creat", n)));
}

static int take_mkdir(const struct scratch *m, int n)
{
	return RESULT(mkdir(numbered(m, "dir", n), 0700));
}

static int give_mkdir(const struct scratch *m, int n)
{
	return RESULT(rmdir(numbered(m, "dir", n)));
}

static int take_mknod(const struct scratch *m, int n)
{
	return RESULT(mknod(numbered(m, "fifo", n), S_IFIFO | 0600, 0));
}

static int give_mknod(const struct scratch *m, int n)
{
	return RESULT(unlink(numbered(m, "fifo", n)));
}

static int take_symlink(const struct scratch *m, int n)
{
	return RESULT(symlink("nowhere", numbered(m, "symlink", n)));
}

static int give_symlink(const struct scratch *m, int n)
{
	return RESULT(unlink(numbered(m, "symlink", n)));
}

static int ready_link(const struct scratch *m, int n)
{
	return access(numbered(m, "target", 0), F_OK) ? make(m, "target", 0) : 0;
}

static int take_link(const struct scratch *m, int n)
{
	return RESULT(link(numbered(m, "target", 0), numbered(m, "link", n)));
}

static int give_link(const struct scratch *m, int n)
{
	return RESULT(unlink(numbered(m, "link", n)));
}

/* over a link of another file, which takes that away */
static int ready_over(const struct scratch *m, int n)
{
	int error = ready_link(m, n);

	return error ?: make(m, "moved", n);
}

static int take_over(const struct scratch *m, int n)
{
	return RESULT(link(numbered(m, "target", 0), numbered(m, "over", n)));
}

static int give_over(const struct scratch *m, int n)
{
	return RESULT(rename(numbered(m, "moved", n), numbered(m, "over", n)));
}

static int tmpfiles[INODES];

static int take_tmpfile(const struct scratch *m, int n)
{
	tmpfiles[n] = open(m->path, O_TMPFILE | O_RDWR, 0600);
	return RESULT(tmpfiles[n]);
}

static int give_tmpfile(const struct scratch *m, int n)
{
	return RESULT(close(tmpfiles[n]));
}

/* its first link takes nothing; it goes with the last close of a file that was unlinked */
static int take_linked(const struct scratch *m, int n)
{
	char path[64];

	tmpfiles[n] = open(m->path, O_TMPFILE | O_RDWR, 0600);
	if (tmpfiles[n] < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", tmpfiles[n]);
	return RESULT(linkat(AT_FDCWD, path, AT_FDCWD, numbered(m, "linked", n), AT_SYMLINK_FOLLOW));
}

static int give_linked(const struct scratch *m, int n)
{
	if (unlink(numbered(m, "linked", n)))
		return -errno;
	return RESULT(close(tmpfiles[n]));
}

static int ready_whiteout(const struct scratch *m, int n)
{
	return make(m, "from", n);
}

static int take_whiteout(const struct scratch *m, int n)
{
	return RESULT(syscall(SYS_renameat2, AT_FDCWD, numbered(m, "from", n), AT_FDCWD,
			      numbered(m, "to", n), RENAME_WHITEOUT));
}

static int give_whiteout(const struct scratch *m, int n)
{
	return RESULT(unlink(numbered(m, "from", n)));
}

/* two files, the second of which is the first's after that: an inode that is renamed over */
static int ready_rename(const struct scratch *m, int n)
{
	return make(m, "first", n);
}

static int take_rename(const struct scratch *m, int n)
{
	return make(m, "second", n);
}

static int give_rename(const struct scratch *m, int n)
{
	return RESULT(rename(numbered(m, "first", n), numbered(m, "second", n)));
}

/* from Linux 6.6 on it takes from the same account, 1,024 bytes are an inode of it */
static int ready_xattr(const struct scratch *m, int n)
{
	return make(m, "xattr", n);
}

static int take_xattr(const struct scratch *m, int n)
{
	static const char value[2000];

	return RESULT(setxattr(numbered(m, "xattr", n), "trusted.large", value, sizeof(value), 0));
}

static int give_xattr(const struct scratch *m, int n)
{
	return RESULT(removexattr(numbered(m, "xattr", n), "trusted.large"));
}

/* it goes with its file */
static int ready_with(const struct scratch *m, int n)
{
	return make(m, "with", n);
}

static int take_with(const struct scratch *m, int n)
{
	static const char value[1500];

	return RESULT(setxattr(numbered(m, "with", n), "trusted.large", value, sizeof(value), 0));
}

static int give_with(const struct scratch *m, int n)
{
	return RESULT(unlink(numbered(m, "with", n)));
}

static const struct call calls[] = {
	{ "creat", NULL, take_creat, give_creat },
	{ "mkdir", NULL, take_mkdir, give_mkdir },
	{ "mknod", NULL, take_mknod, give_mknod },
	{ "symlink", NULL, take_symlink, give_symlink },
	{ "link", ready_link, take_link, give_link },
	{ "rename over a link", ready_over, take_over, give_over },
	{ "O_TMPFILE", NULL, take_tmpfile, give_tmpfile },
	{ "O_TMPFILE and link", NULL, take_linked, give_linked },
	{ "rename with whiteout", ready_whiteout, take_whiteout, give_whiteout },
	{ "rename over an inode", ready_rename, take_rename, give_rename },
	{ "setxattr", ready_xattr, take_xattr, give_xattr },
	{ "setxattr, unlinked", ready_with, take_with, give_with },
};

#define CALLS	(sizeof(calls) / sizeof(*calls))

/* what may be opened, where it was not, is closed all the same */
static void close_tmpfiles(void)
{
	int n;

	for (n = 0; n < INODES; n++) {
		if (tmpfiles[n] > 0)
			close(tmpfiles[n]);
		tmpfiles[n] = 0;
	}
}

/* an eventfd at each level that there can be */
struct levels {
	int epoll;
	int efd[INODES + 1];
};

/*
 * Each level that was passed has been signalled once, by now, and no other; but twice those up
 * to @peak that were passed there and back.
 */
static void expect_signalled(struct __test_metadata *_metadata, const struct scratch *m,
			     const char *name, const struct levels *levels, long before, long peak)
{
	long after = used_inodes(m), level, low = before, high = after;
	struct epoll_event event;
	char text[32], *shown;

	if (low > high) {
		low = after;
		high = before;
	}
	snprintf(text, sizeof(text), "%ld\n", after);
	shown = slurp(m, TMPFSWARN_USED_INODES);
	EXPECT_STREQ(text, shown);
	free(shown);
	for (level = low + 1; level <= high; level++)
		EXPECT_SIGNALS(levels->efd[level], 1) TH_LOG("%s: %ld to %ld, level %ld", name, before,
							   after, level);
	while (epoll_wait(levels->epoll, &event, 1, 0) == 1) {
		uint64_t count = 0;

		EXPECT_EQ(sizeof(count), read(levels->efd[event.data.u32], &count, sizeof(count)));
		EXPECT_TRUE(event.data.u32 > high && event.data.u32 <= peak && count == 2)
			TH_LOG("%s: %ld to %ld, level %u: %llu", name, before, after,
			       event.data.u32, (unsigned long long)count);
	}
}

static void listen_everywhere(struct __test_metadata *_metadata, const struct scratch *m,
			      struct levels *levels)
{
	int level;

	levels->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, levels->epoll);
	for (level = 1; level <= INODES; level++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = level };

		levels->efd[level] = listen_inodes(m, level, "");
		ASSERT_LE(0, levels->efd[level]);
		ASSERT_EQ(0, epoll_ctl(levels->epoll, EPOLL_CTL_ADD, levels->efd[level], &event));
	}
}

TEST_F_TIMEOUT(mount, each_call_signals_the_levels_that_it_passes_and_no_other, 300)
{
	long long missed = stat_of("missed"), resyncs = stat_of("resyncs");
	struct levels levels;
	long before;
	int n, i;

	listen_everywhere(_metadata, &self->m, &levels);
	for (n = 0; USED() < INODES - 40; n++) {
		for (i = 0; i < CALLS; i++) {
			before = USED();
			if (calls[i].ready)
				ASSERT_EQ(0, calls[i].ready(&self->m, 2 * n + i % 2));
			expect_signalled(_metadata, &self->m, calls[i].name, &levels, before, 0);
			before = USED();
			ASSERT_EQ(0, calls[i].take(&self->m, 2 * n + i % 2)) TH_LOG("%s", calls[i].name);
			expect_signalled(_metadata, &self->m, calls[i].name, &levels, before, 0);
		}
	}
	while (n--) {
		for (i = 0; i < CALLS; i++) {
			before = USED();
			ASSERT_EQ(0, calls[i].give(&self->m, 2 * n + i % 2)) TH_LOG("%s", calls[i].name);
			EXPECT_GE(before, USED());
			expect_signalled(_metadata, &self->m, calls[i].name, &levels, before, 0);
		}
	}
	EXPECT_EQ(missed, stat_of("missed"));
	EXPECT_EQ(resyncs, stat_of("resyncs"));
}

/* 10,000 with EACH, and a second of them otherwise */
TEST_F_TIMEOUT(mount, after_each_random_call_the_count_is_that_of_statvfs, 300)
{
	/* more than what a value takes with its name */
	const long most = 4;
	static char taken[CALLS][INODES / 10];
	static const char value[3000];
	struct levels levels;
	long long until;
	long before;
	int i, n, round;

	memset(taken, 0, sizeof(taken));
	listen_everywhere(_metadata, &self->m, &levels);
	srand(13);
	until = now_ms() + often(1000, realtime_kernel() ? 20000 : 200000);
	for (round = 0; round < 10000 && (round < 300 || now_ms() < until); round++) {
		char *state;
		int error;

		i = rand() % CALLS;
		n = rand() % (INODES / 10);
		state = &taken[i][n];
		/* the two that open files share their table */
		if (calls[i].take == take_linked)
			n += INODES / 10;
		before = USED();
		if (calls[i].take == take_xattr && *state == 2 && rand() % 2) {
			/* the new one is taken before the old one is given back */
			error = RESULT(setxattr(numbered(&self->m, "xattr", n), "trusted.large", value,
						rand() % sizeof(value), 0));
			EXPECT_TRUE(error == 0 || error == -ENOSPC);
			expect_signalled(_metadata, &self->m, "replace", &levels, before, before + most);
			continue;
		}
		switch (*state) {
		case 0:
			error = calls[i].ready ? calls[i].ready(&self->m, n) : 0;
			break;
		case 1:
			error = calls[i].take(&self->m, n);
			break;
		default:
			error = calls[i].give(&self->m, n);
			break;
		}
		/* what is left by others is taken over, and there may be no inode */
		if (!error || error == -EEXIST)
			*state = (*state + 1) % 3;
		else if (error == -ENOENT)
			*state = 0;
		else
			EXPECT_EQ(-ENOSPC, error) TH_LOG("%s %d %d", calls[i].name, n, *state);
		/* a whiteout is made before the file that is renamed over goes */
		expect_signalled(_metadata, &self->m, calls[i].name, &levels, before,
				 calls[i].take == take_whiteout ? before + 1 : 0);
		if (_metadata->exit_code)
			break;
	}
	printf("# %d calls\n", round);
	close_tmpfiles();
}

TEST_F(mount, a_whiteout_of_overlayfs_is_seen)
{
	static const char *const dirs[] = { "lower", "upper", "work", "merged" };
	char options[512], path[160];
	long before;
	int i, efd;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, mkdir(scratch_path(&self->m, dirs[i]), 0700));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, make(&self->m, "lower/", i));
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 self->m.path, self->m.path, self->m.path);
	snprintf(path, sizeof(path), "%s/merged", self->m.path);
	if (mount("overlay", path, "overlay", 0, options))
		SKIP(return, "no overlayfs: %s", strerror(errno));
	for (i = 0; i < 10; i++) {
		before = USED();
		efd = LISTEN(before + 1, "");
		EXPECT_EQ(0, unlink(numbered(&self->m, "merged/", i)));
		EXPECT_LT(before, USED());
		/* what it makes in its work directory on the way may come and go */
		EXPECT_EQ(1, signals(efd, 1) % 2);
		close(efd);
	}
	ASSERT_EQ(0, umount(path));
}

TEST_F(mount, a_call_that_fails_and_gives_back_leaves_each_level_as_it_was)
{
	char target[200];
	int efd, i;

	ASSERT_EQ(0, scratch_use(&self->m, 1000));
	efd = LISTEN(USED() + 1, "");
	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	/* it needs a block, which there is not, for its target, when it has its inode */
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(-1, symlink(target, numbered(&self->m, "long", 0)));
		EXPECT_EQ(ENOSPC, errno);
		EXPECT_SIGNALS(efd, 2);
	}
	ASSERT_EQ(0, make(&self->m, "creat", 0));
	EXPECT_SIGNALS(efd, 1);
	/* nor is there a change where there is no inode to be had */
	for (i = 1; make(&self->m, "creat", i) == 0; i++)
		continue;
	EXPECT_EQ(INODES, USED());
	efd = LISTEN(INODES, "");
	EXPECT_EQ(-ENOSPC, make(&self->m, "creat", i));
	EXPECT_EQ(-1, link(numbered(&self->m, "creat", 0), numbered(&self->m, "link", 0)));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_SIGNALS(efd, 0);
	ASSERT_EQ(0, unlink(numbered(&self->m, "creat", 0)));
	EXPECT_SIGNALS(efd, 1);
}

/* the allocations of this thread fail from the nth on that is written to what is returned */
static int fail_nth(void)
{
	if (write_text("/sys/kernel/debug/failslab/ignore-gfp-wait", "N") ||
	    write_text("/sys/kernel/debug/failslab/verbose", "0"))
		return -1;
	return open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
}

/*
 * Has each allocation of a call fail in turn, until it has enough. The call may do without, and is
 * undone then. What it takes and gives back is told there and back, or not at all: and nothing is
 * left to the resync.
 */
static void expect_failures_leave_no_trace(struct __test_metadata *_metadata,
					   const struct scratch *m, int fd, const char *name,
					   int (*take)(const struct scratch *m, int n),
					   int (*give)(const struct scratch *m, int n))
{
	int efd = listen_inodes(m, used_inodes(m) + 1, ""), error, n, failed = 0;
	long before = used_inodes(m);
	char text[16] = "0";

	ASSERT_LE(0, efd);
	/* until one is left over, which is said in what is read */
	for (n = 1; n < 1000 && text[0] == '0'; n++) {
		long long told;

		snprintf(text, sizeof(text), "%d", n);
		ASSERT_EQ(strlen(text), pwrite(fd, text, strlen(text), 0));
		error = take(m, 0);
		ASSERT_LT(0, pread(fd, text, sizeof(text), 0));
		ASSERT_EQ(1, pwrite(fd, "0", 1, 0));
		failed += error != 0;
		if (!error)
			ASSERT_EQ(0, give(m, 0));
		EXPECT_EQ(before, used_inodes(m)) TH_LOG("%s: allocation %d", name, n);
		told = signals(efd, 2);
		EXPECT_TRUE(told == 2 || (error && told == 0))
			TH_LOG("%s: allocation %d: %lld signals", name, n, told);
	}
	printf("# %s: %d allocations, %d of them needed\n", name, n - 2, failed);
	EXPECT_LT(1, failed) TH_LOG("%s", name);
	EXPECT_EQ(0, error) TH_LOG("%s", name);
	close(efd);
}

TEST_F(mount, a_call_that_fails_for_want_of_memory_is_no_crossing)
{
	long long resyncs = stat_of("resyncs");
	int fd = fail_nth();

	if (fd < 0)
		SKIP(return, "the kernel has no failslab");
	ASSERT_EQ(0, ready_link(&self->m, 0));
	expect_failures_leave_no_trace(_metadata, &self->m, fd, "mkdir", take_mkdir, give_mkdir);
	expect_failures_leave_no_trace(_metadata, &self->m, fd, "symlink", take_symlink,
				       give_symlink);
	expect_failures_leave_no_trace(_metadata, &self->m, fd, "link", take_link, give_link);
	EXPECT_EQ(resyncs, stat_of("resyncs"));
	close(fd);
}

/* ---- at once ---- */

struct writers {
	const struct scratch *m;
	int efd;
	atomic_int made;
	atomic_int told;
};

static int make_one(void *arg, int number)
{
	struct writers *w = arg;
	int error = make(w->m, "writer", number);

	if (error)
		return error == -ENOSPC ? 0 : error;
	atomic_fetch_add(&w->made, 1);
	/* readable when the call returns that has had it */
	if (readable(w->efd, realtime_kernel() ? BOUND : 0))
		atomic_fetch_add(&w->told, 1);
	return 0;
}

TEST_F(mount, of_four_writers_on_the_last_inode_one_has_it_and_is_told)
{
	race_part *const parts[] = { make_one, make_one, make_one, make_one };
	long long missed = stat_of("missed");
	struct writers w = { .m = &self->m };
	int round, i;

	for (i = 0; USED() < INODES - 1; i++)
		ASSERT_EQ(0, make(&self->m, "filler", i));
	w.efd = LISTEN(INODES, "");
	ROUNDS(300, 3000) {
		atomic_store(&w.made, 0);
		atomic_store(&w.told, 0);
		ASSERT_EQ(0, race(&w, 4, parts));
		ASSERT_EQ(1, atomic_load(&w.made));
		ASSERT_EQ(1, atomic_load(&w.told));
		ASSERT_SIGNALS(w.efd, 1);
		for (i = 0; i < 4; i++)
			unlink(numbered(&self->m, "writer", i));
		ASSERT_SIGNALS(w.efd, 1);
	}
	EXPECT_EQ(missed, stat_of("missed"));
}

TEST_F(mount, of_four_writers_who_cross_together_the_last_one_is_told)
{
	race_part *const parts[] = { make_one, make_one, make_one, make_one };
	struct writers w = { .m = &self->m };
	int round, i;

	w.efd = LISTEN(USED() + 4, "");
	ROUNDS(300, 3000) {
		atomic_store(&w.told, 0);
		ASSERT_EQ(0, race(&w, 4, parts));
		ASSERT_LE(1, atomic_load(&w.told));
		ASSERT_SIGNALS(w.efd, 1);
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, unlink(numbered(&self->m, "writer", i)));
		ASSERT_SIGNALS(w.efd, 1);
	}
}

/* makes and takes away until it is stopped; on both sides of levels that others wait for */
static int come_and_go(void *arg, int number)
{
	const struct scratch *m = arg;
	int error = make(m, "going", number);

	return error ?: RESULT(unlink(numbered(m, "going", number)));
}

TEST_F(mount, what_goes_up_comes_down_whoever_counts_at_once)
{
	race_part *const parts[] = { come_and_go, come_and_go, come_and_go, come_and_go };
	long base = USED();
	int up[4], down[4], round, i;

	for (i = 0; i < 4; i++) {
		up[i] = LISTEN(base + 1 + i, "rising");
		down[i] = LISTEN(base + 1 + i, "falling");
	}
	ROUNDS(300, 3000)
		ASSERT_EQ(0, race(&self->m, 4, parts));
	for (i = 0; i < 4; i++) {
		long long ups = signals(up[i], 0);

		EXPECT_EQ(ups, signals(down[i], ups)) TH_LOG("level %d", i);
	}
	EXPECT_EQ(base, USED());
}

/* ---- remounts ---- */

TEST_F(mount, a_percentage_follows_a_remount_and_a_number_does_not)
{
	int percent = listen_to(&self->m, TMPFSWARN_USED_INODES, "50%");
	int number = LISTEN(300, "");
	int i;

	ASSERT_LE(0, percent);
	EXPECT_EQ(500, trigger_number(&self->m, 0, "inodes"));
	for (i = 0; USED() < 200; i++)
		ASSERT_EQ(0, make(&self->m, "creat", i));
	EXPECT_SIGNALS(percent, 0);
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_inodes=400"));
	EXPECT_SIGNALS_SOON(percent, 1);
	EXPECT_EQ(200, trigger_number(&self->m, 0, "inodes"));
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_inodes=402"));
	EXPECT_SIGNALS_SOON(percent, 1);
	ASSERT_EQ(0, make(&self->m, "creat", i));
	EXPECT_SIGNALS(percent, 1);
	/* the first call after it need not wait for anybody */
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_inodes=404"));
	ASSERT_EQ(0, make(&self->m, "creat", i + 1));
	EXPECT_EQ(202, USED());
	EXPECT_EQ(0, signals(percent, 0) % 2);
	EXPECT_SIGNALS(number, 0);
}

static int remount_two(void *arg, int number)
{
	static atomic_int turn;

	return scratch_remount(arg, atomic_fetch_add(&turn, 1) % 2 ? "nr_inodes=1000" : "nr_inodes=900");
}

TEST_F(mount, remounts_amid_calls_cross_no_level_that_is_a_number)
{
	struct noise noise = { };
	int above, below, round, i;

	for (i = 0; USED() < 500; i++)
		ASSERT_EQ(0, make(&self->m, "creat", i));
	above = LISTEN(550, "");
	below = LISTEN(490, "");
	noise_start(&noise, remount_two, &self->m, 1);
	ROUNDS(300, 3000)
		ASSERT_EQ(0, come_and_go(&self->m, 0));
	EXPECT_EQ(0, noise_stop(&noise));
	EXPECT_SIGNALS(above, 0);
	EXPECT_SIGNALS(below, 0);
}

TEST_F(mount, a_limit_taken_away_amid_calls_is_no_fall)
{
	struct noise noise = { };
	int round, i, device, efd;
	struct record r;

	/* so that whoever reads the count has read the limit some time before */
	slow_down("tw_inodes_used");
	ROUNDS(10, 300) {
		struct scratch m;

		ASSERT_EQ(0, scratch_mount(&m, "size=1m,nr_inodes=1000"));
		for (i = 0; i < 20; i++)
			ASSERT_EQ(0, make(&m, "creat", i));
		device = device_open();
		ASSERT_EQ(0, device_register(device, &m, "inodes:10 falling"));
		EXPECT_NEXT(device, "state");
		/* each of their calls is looked at */
		efd = listen_inodes(&m, used_inodes(&m) + 1, "");
		ASSERT_LE(0, efd);
		noise_start(&noise, come_and_go, &m, 1);
		usleep(1000);
		EXPECT_EQ(0, scratch_remount(&m, "nr_inodes=0"));
		EXPECT_EQ(0, noise_stop(&noise));
		EXPECT_NEXT_SOON(device, "gone");
		close(efd);
		close(device);
		scratch_end(&m);
	}
	speed_up();
}

TEST_F(mount, with_nr_inodes_0_the_levels_of_inodes_end_and_those_of_blocks_do_not)
{
	int inodes = LISTEN(100, "");
	int blocks = listen_blocks(&self->m, 10, "");

	ASSERT_LE(0, blocks);
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_inodes=0"));
	EXPECT_SIGNALS_SOON(inodes, 1);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	EXPECT_EQ(-EOPNOTSUPP, listen_inodes(&self->m, 100, ""));
	ASSERT_EQ(0, make(&self->m, "creat", 0));
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_SIGNALS(blocks, 1);
	EXPECT_SIGNALS(inodes, 0);
}

TEST_F(mount, with_size_0_the_levels_of_blocks_end_and_those_of_inodes_do_not)
{
	int blocks = listen_blocks(&self->m, 10, ""), inodes = LISTEN(USED() + 1, "");
	struct record r;
	int device = device_open();

	ASSERT_LE(0, blocks);
	ASSERT_EQ(0, device_register(device, &self->m, "50%"));
	EXPECT_NEXT(device, "state");
	ASSERT_EQ(0, device_register(device, &self->m, "inodes:50%"));
	EXPECT_NEXT(device, "state");
	ASSERT_EQ(0, scratch_remount(&self->m, "size=0"));
	EXPECT_SIGNALS_SOON(blocks, 1);
	EXPECT_NEXT_SOON(device, "gone");
	EXPECT_STREQ("50%", r.tag);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 2));
	EXPECT_EQ(-EOPNOTSUPP, listen_blocks(&self->m, 10, ""));
	EXPECT_SIGNALS(inodes, 0);
	ASSERT_EQ(0, make(&self->m, "creat", 0));
	EXPECT_SIGNALS(inodes, 1);
	EXPECT_LE(0, listen_to(&self->m, TMPFSWARN_USED_INODES, "10%"));
	EXPECT_TRUE(record_none(device));
	close(device);
}

TEST_F(mount, a_mount_without_a_limit_on_inodes_is_refused_and_one_without_a_size_is_not)
{
	struct scratch m;
	int efd, device;

	ASSERT_EQ(0, scratch_mount(&m, "size=1m,nr_inodes=0"));
	EXPECT_EQ(-EOPNOTSUPP, listen_inodes(&m, 10, ""));
	EXPECT_EQ(-EOPNOTSUPP, listen_to(&m, TMPFSWARN_USED_INODES, "50%"));
	device = device_open();
	EXPECT_EQ(-EOPNOTSUPP, device_register(device, &m, "inodes:10"));
	close(device);
	efd = listen_blocks(&m, 1, "");
	EXPECT_LE(0, efd);
	close(efd);
	scratch_end(&m);

	ASSERT_EQ(0, scratch_mount(&m, "size=0,nr_inodes=10"));
	efd = listen_inodes(&m, 2, "");
	ASSERT_LE(0, efd);
	ASSERT_EQ(0, make(&m, "creat", 0));
	EXPECT_SIGNALS(efd, 1);
	close(efd);
	scratch_end(&m);
}

/* ---- what is written and told ---- */

TEST_F(mount, a_level_is_a_number_or_a_percentage)
{
	static const char *const bad[] = {
		"", "x", "101%", "1Ki", "1t", "1.5", "low", "inodes:5", "5 hyst=1Ki", "5 tag=x",
		"99999999999999999999",
	};
	unsigned int i;
	int efd;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_EQ(-EINVAL, listen_to(&self->m, TMPFSWARN_USED_INODES, bad[i])) TH_LOG("'%s'", bad[i]);
	EXPECT_LE(0, listen_to(&self->m, TMPFSWARN_USED_INODES, "-1"));
	efd = listen_to(&self->m, TMPFSWARN_USED_INODES, "1k once");
	EXPECT_LE(0, efd);
	EXPECT_EQ(1024, trigger_number(&self->m, 1, "inodes"));
	EXPECT_LE(0, listen_to(&self->m, TMPFSWARN_USED_INODES, "12.5% rising"));
	EXPECT_EQ(125, trigger_number(&self->m, 2, "inodes"));
}

TEST_F(mount, triggers_name_the_resource)
{
	char text[64];

	LISTEN(90, "falling hyst=5");
	EXPECT_TRUE(trigger_field(&self->m, 0, "resource", text, sizeof(text)));
	EXPECT_STREQ("used_inodes", text);
	EXPECT_TRUE(trigger_field(&self->m, 0, "level", text, sizeof(text)));
	EXPECT_STREQ("inodes:90", text);
	EXPECT_TRUE(trigger_field(&self->m, 0, "hyst", text, sizeof(text)));
	EXPECT_STREQ("5", text);
	EXPECT_EQ(90, trigger_number(&self->m, 0, "inodes"));
	EXPECT_EQ(1, listed("resource=used_inodes level=inodes:90 inodes=90 "));
}

TEST_F(mount, hysteresis_once_and_now_are_as_for_bytes)
{
	int hyst = LISTEN(USED() + 3, "rising hyst=2");
	int once = LISTEN(USED() + 3, "once");
	int now = LISTEN(1, "rising now");
	int i, round;

	EXPECT_SIGNALS(now, 1);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, make(&self->m, "creat", i));
	EXPECT_SIGNALS(hyst, 0);
	ASSERT_EQ(0, make(&self->m, "creat", 2));
	EXPECT_SIGNALS(hyst, 1);
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, give_creat(&self->m, 2));
		ASSERT_EQ(0, make(&self->m, "creat", 2));
	}
	EXPECT_SIGNALS(hyst, 0);
	ASSERT_EQ(0, give_creat(&self->m, 2));
	ASSERT_EQ(0, give_creat(&self->m, 1));
	ASSERT_EQ(0, make(&self->m, "creat", 1));
	ASSERT_EQ(0, make(&self->m, "creat", 2));
	EXPECT_SIGNALS(hyst, 1);
	EXPECT_SIGNALS(once, 1);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 2));
}

TEST_F(mount, the_device_tells_numbers_of_inodes_and_who_it_was)
{
	static const char *const bad[] = {
		"inodes", "inodes:", "inodes:x", "inodes:low", "inodes:101%", "inodes: 5", "inodes:5k5",
	};
	int device = device_open();
	struct record r;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_EQ(-EINVAL, device_register(device, &self->m, bad[i])) TH_LOG("'%s'", bad[i]);
	ASSERT_EQ(0, device_register(device, &self->m, "inodes:0.3%"));
	EXPECT_NEXT(device, "state");
	EXPECT_STREQ("inodes:0.3%", r.tag);
	EXPECT_STREQ("inodes:0.30%", record_field(&r, "level"));
	EXPECT_EQ(1, r.used);
	EXPECT_EQ(INODES, record_number(&r, "size"));
	ASSERT_EQ(0, make(&self->m, "creat", 0));
	EXPECT_TRUE(record_none(device));
	ASSERT_EQ(0, make(&self->m, "creat", 1));
	EXPECT_NEXT(device, "up");
	EXPECT_EQ(3, r.used);
	EXPECT_EQ(getpid(), r.pid);
	ASSERT_EQ(0, give_creat(&self->m, 1));
	EXPECT_NEXT(device, "down");
	EXPECT_EQ(2, r.used);
	EXPECT_EQ(getpid(), r.pid);
	ASSERT_EQ(0, link(numbered(&self->m, "creat", 0), numbered(&self->m, "link", 0)));
	EXPECT_NEXT(device, "up");
	EXPECT_EQ(getpid(), r.pid);
	ASSERT_EQ(0, give_link(&self->m, 0));
	EXPECT_NEXT(device, "down");
	EXPECT_EQ(getpid(), r.pid);
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_inodes=0"));
	EXPECT_NEXT_SOON(device, "gone");
	close(device);
}

/* ---- what it costs ---- */

/* is a callback of ftrace at the function; a kprobe at its entry is one, too */
static int is_probed(const char *function)
{
	char *text = slurp_path("/sys/kernel/debug/tracing/enabled_functions");
	char want[64];
	int probed;

	if (!text)
		return -1;
	snprintf(want, sizeof(want), "%s (", function);
	probed = !strncmp(text, want, strlen(want)) ||
		 (snprintf(want, sizeof(want), "\n%s (", function) && strstr(text, want));
	free(text);
	return probed;
}

TEST_F(mount, links_are_probed_while_a_level_of_inodes_is_registered_and_not_otherwise)
{
	int blocks = listen_blocks(&self->m, 10, ""), efd;

	ASSERT_LE(0, blocks);
	efd = LISTEN(10, "");
	if (is_probed("inc_nlink") != 1)
		SKIP(return, "the kernel does not say what is probed by ftrace");
	close(efd);
	EXPECT_TRUE(EVENTUALLY(is_probed("inc_nlink") == 0));
	EXPECT_TRUE(EVENTUALLY(is_probed("drop_nlink") == 0));
	EXPECT_TRUE(EVENTUALLY(is_probed("inode_init_owner") == 0));
	efd = LISTEN(10, "");
	EXPECT_EQ(1, is_probed("inc_nlink"));
	EXPECT_EQ(1, is_probed("shmem_destroy_inode"));
	close(efd);
	close(blocks);
}

/* who registers and closes a level of one kind, and another, in a loop */
TEST_F(mount, what_is_probed_for_the_other_kind_is_disarmed_all_the_same)
{
	long long until;
	int efd = LISTEN(10, "");

	if (is_probed("inc_nlink") != 1)
		SKIP(return, "the kernel does not say what is probed by ftrace");
	close(efd);
	until = now_ms() + BOUND;
	do {
		efd = listen_blocks(&self->m, 10, "");
		ASSERT_LE(0, efd);
		close(efd);
		usleep(50000);
	} while (is_probed("inc_nlink") && now_ms() < until);
	EXPECT_EQ(0, is_probed("inc_nlink"));
	efd = listen_blocks(&self->m, 10, "");
	ASSERT_LE(0, efd);
	EXPECT_TRUE(EVENTUALLY(is_probed("shmem_recalc_inode") == 1));
	close(efd);
	until = now_ms() + BOUND;
	do {
		efd = LISTEN(10, "");
		close(efd);
		usleep(50000);
	} while (is_probed("shmem_recalc_inode") && now_ms() < until);
	EXPECT_EQ(0, is_probed("shmem_recalc_inode"));
}

TEST_HARNESS_MAIN
