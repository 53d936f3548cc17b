// SPDX-License-Identifier: GPL-2.0
/* System calls that a mount has refused: each is told once, to its task, with what was short. */
#include <setjmp.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "client.h"
#include "race.h"
#include "ring.h"
#include "harness.h"

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT	(1 << 2)
#endif

#define BLOCKS	100
#define INODES	20

FIXTURE(mount) {
	struct scratch m;
	int efd;
	int device;
	int fd;
};

/* full: of blocks or, in the same directory, of inodes; @name is where */
static int fill_inodes(const struct scratch *m)
{
	char name[160];
	int i;

	for (i = 0; i < INODES; i++) {
		snprintf(name, sizeof(name), "%s/inode%d", m->path, i);
		if (mknod(name, S_IFIFO | 0600, 0))
			return errno == ENOSPC ? 0 : -errno;
	}
	return -EOVERFLOW;
}

/* as x86 has them if that is off: no place can be taken from there */
static bool probes_are_breakpoints(void)
{
	char *text = slurp_path("/proc/sys/debug/kprobes-optimization");
	bool off = text && text[0] == '0';

	free(text);
	return off;
}

FIXTURE_SETUP(mount)
{
	char hook[64] = "";
	struct record r;

	self->fd = self->efd = self->device = -1;
	ASSERT_TRUE(value_in(ROOM "/" TMPFSWARN_STATS, "hook_refused", hook, sizeof(hook)));
	if (!strcmp(hook, "none") && probes_are_breakpoints())
		SKIP(return, "refusals cannot be watched here");
	ASSERT_STRNE("none", hook);
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=100,nr_inodes=20"));
	self->fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0600);
	ASSERT_LE(0, self->fd);
	self->efd = listen_to(&self->m, TMPFSWARN_REFUSED, "");
	ASSERT_LE(0, self->efd);
	self->device = device_open();
	ASSERT_EQ(0, device_register(self->device, &self->m, "refused"));
	EXPECT_NEXT_SOON(self->device, "state");
	EXPECT_STREQ("refused", r.tag);
	EXPECT_STREQ("refused", record_field(&r, "level"));
	EXPECT_STREQ("", record_field(&r, "state"));
	EXPECT_EQ(BLOCKS * self->m.block, record_number(&r, "size"));
	EXPECT_EQ(0, r.used);
}

FIXTURE_TEARDOWN(mount)
{
	if (self->fd < 0 && self->efd < 0)
		return;
	close(self->fd);
	close(self->efd);
	close(self->device);
	scratch_end(&self->m);
}

/* nothing was told, by either interface */
#define NO_REFUSAL() do {						\
	EXPECT_SIGNALS(self->efd, 0);					\
	EXPECT_TRUE(record_none(self->device));				\
} while (0)

/* one refusal, for that cause, of this task */
#define REFUSED(why, how_much) do {					\
	struct record r;						\
									\
	EXPECT_SIGNALS(self->efd, 1);					\
	EXPECT_NEXT(self->device, "refused");				\
	EXPECT_STREQ(why, record_field(&r, "cause"));			\
	EXPECT_EQ((long long)(how_much), record_number(&r, "asked"));	\
	EXPECT_EQ(1, r.crossings);					\
	EXPECT_EQ(getpid(), r.pid);					\
	EXPECT_STREQ("refused", record_field(&r, "comm"));		\
	EXPECT_TRUE(record_sound(r.line)) TH_LOG("%s", r.line);		\
	NO_REFUSAL();							\
} while (0)

/* where it is not known what was asked */
#define UNKNOWN	-1

#define EXPECT_ERROR(error, call) do {					\
	errno = 0;							\
	EXPECT_EQ(-1, call);						\
	EXPECT_EQ(error, errno);					\
} while (0)

/* ---- blocks ---- */

TEST_F(mount, a_write_at_the_end_is_one_refusal)
{
	struct record r;
	char byte = 1;

	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	NO_REFUSAL();
	EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
	REFUSED("size", 1);
	EXPECT_ERROR(ENOSPC, pwrite(self->fd, self, sizeof(*self), BLOCKS * self->m.block));
	REFUSED("size", sizeof(*self));
	/* with all that the record has */
	EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
	EXPECT_SIGNALS(self->efd, 1);
	EXPECT_NEXT(self->device, "refused");
	EXPECT_EQ(BLOCKS * self->m.block, r.used);
	EXPECT_EQ(BLOCKS * self->m.block, record_number(&r, "size"));
	/* and it goes on after there was space again */
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	ASSERT_EQ(1, pwrite(self->fd, &byte, 1, 0));
	NO_REFUSAL();
}

TEST_F(mount, a_write_that_returns_what_it_could_is_none)
{
	static char bytes[2 * 65536];
	long most = 2 * self->m.block;

	ASSERT_GE(sizeof(bytes), most);
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS - 1));
	EXPECT_EQ(self->m.block, write(self->fd, bytes, most));
	NO_REFUSAL();
	/* what is left of it is */
	EXPECT_ERROR(ENOSPC, write(self->fd, bytes, self->m.block));
	REFUSED("size", self->m.block);
}

TEST_F(mount, the_last_block_is_no_refusal)
{
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS - 1));
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 1));
	EXPECT_EQ(BLOCKS, scratch_used(&self->m));
	NO_REFUSAL();
	EXPECT_EQ(0, usage_of(&self->m, "refused"));
}

TEST_F(mount, a_fallocate_of_more_than_is_free_is_one_and_takes_nothing)
{
	long block = self->m.block;

	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS / 2));
	EXPECT_ERROR(ENOSPC, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, BLOCKS * block, BLOCKS * block));
	REFUSED("size", BLOCKS * block);
	EXPECT_EQ(BLOCKS / 2, scratch_used(&self->m));
	/* and of more than the mount is large, which is refused by another line of the kernel */
	EXPECT_ERROR(ENOSPC, fallocate(self->fd, 0, 0, (BLOCKS + 1) * block));
	REFUSED("size", (BLOCKS + 1) * block);
	EXPECT_EQ(0, fallocate(self->fd, 0, 0, BLOCKS * block));
	EXPECT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0,
			       2 * BLOCKS * block));
	NO_REFUSAL();
}

static sigjmp_buf after_bus;

static void on_bus(int signal)
{
	siglongjmp(after_bus, 1);
}

/* whether it has ended in SIGBUS */
static bool store(char *at)
{
	volatile bool bus = true;

	signal(SIGBUS, on_bus);
	if (!sigsetjmp(after_bus, 1)) {
		*(volatile char *)at = 1;
		bus = false;
	}
	signal(SIGBUS, SIG_DFL);
	return bus;
}

TEST_F(mount, a_store_that_ends_in_sigbus_is_one_refusal)
{
	long block = self->m.block;
	char *map;

	ASSERT_EQ(0, ftruncate(self->fd, 2 * BLOCKS * block));
	map = mmap(NULL, 2 * BLOCKS * block, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, fallocate(self->fd, 0, 0, (BLOCKS - 1) * block));
	EXPECT_FALSE(store(map + (BLOCKS - 1) * block));
	NO_REFUSAL();
	EXPECT_TRUE(store(map + BLOCKS * block));
	REFUSED("size", block);
	EXPECT_TRUE(store(map + (2 * BLOCKS - 1) * block));
	REFUSED("size", block);
	/* one in a system call is that call's error, which is another */
	EXPECT_ERROR(EFAULT, pipe((int *)(map + BLOCKS * block)));
	NO_REFUSAL();
	munmap(map, 2 * BLOCKS * block);
}

TEST_F(mount, other_calls_that_write_are_one_each)
{
	long block = self->m.block;
	char *bytes = calloc(2, block);
	struct iovec iov = { bytes, 2 * block };
	int pipes[2], other;

	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	EXPECT_ERROR(ENOSPC, writev(self->fd, &iov, 1));
	REFUSED("size", UNKNOWN);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(block, write(pipes[1], bytes, block));
	EXPECT_ERROR(ENOSPC, splice(pipes[0], NULL, self->fd, NULL, block, 0));
	REFUSED("size", UNKNOWN);
	other = open("/proc/self/exe", O_RDONLY);
	ASSERT_LE(0, other);
	EXPECT_ERROR(ENOSPC, sendfile(self->fd, other, NULL, block));
	REFUSED("size", UNKNOWN);
	close(other);
	close(pipes[0]);
	close(pipes[1]);
	free(bytes);
}

TEST_F(mount, a_long_symlink_needs_a_block)
{
	char target[1000];

	memset(target, 'x', sizeof(target));
	target[sizeof(target) - 1] = '\0';
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	EXPECT_ERROR(ENOSPC, symlink(target, scratch_path(&self->m, "symlink")));
	REFUSED("size", UNKNOWN);
}

TEST_F(mount, huge_pages_that_cannot_be_had_are_none)
{
	char options[64], *bytes;
	struct scratch m;
	struct record r;
	int device, fd;

	snprintf(options, sizeof(options), "nr_blocks=%ld,huge=always", 520L);
	if (scratch_mount(&m, options))
		SKIP(return, "no huge pages for tmpfs");
	device = device_listen(&m, "refused");
	ASSERT_LE(0, device);
	EXPECT_NEXT_SOON(device, "state");
	fd = open(scratch_path(&m, "file"), O_RDWR | O_CREAT, 0600);
	bytes = calloc(600, m.block);
	/* the second one must be of small pages, of which there are some */
	EXPECT_EQ(520 * m.block, write(fd, bytes, 600 * m.block));
	EXPECT_TRUE(record_none(device));
	EXPECT_ERROR(ENOSPC, write(fd, bytes, 600 * m.block));
	EXPECT_NEXT(device, "refused");
	EXPECT_EQ(1, r.crossings);
	EXPECT_STREQ("size", record_field(&r, "cause"));
	EXPECT_TRUE(record_none(device));
	free(bytes);
	close(fd);
	close(device);
	scratch_end(&m);
}

/*
 * Full, with what is made free where one more is asked for: what a huge page has beyond the end of
 * its file. Or, where there are no huge pages, with one block left.
 */
static bool fill_but_one(const struct scratch *m, int fd, bool huge)
{
	int tail = open(scratch_path(m, "tail"), O_RDWR | O_CREAT, 0600);
	bool good = !huge || (pwrite(tail, "", 1, 0) == 1 && scratch_used(m) >= 512 &&
			      !scratch_remount(m, "huge=never"));

	close(tail);
	return good && !fallocate(fd, 0, 0, (520 - !huge - scratch_used(m)) * m->block);
}

/* One that was pending before says nothing of a fault that is had at the second try. */
TEST_F(mount, a_blocked_sigbus_is_no_refusal)
{
	struct scratch m;
	struct record r;
	int device, fd;
	sigset_t set;
	bool huge;
	char *map;

	huge = !scratch_mount(&m, "nr_blocks=520,huge=always");
	if (!huge)
		ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=520"));
	device = device_listen(&m, "refused");
	ASSERT_LE(0, device);
	EXPECT_NEXT_SOON(device, "state");
	fd = open(scratch_path(&m, "file"), O_RDWR | O_CREAT, 0600);
	if (!fill_but_one(&m, fd, huge))
		SKIP(return, "the kernel had no huge page");
	ASSERT_EQ(0, ftruncate(fd, 1024 * m.block));
	map = mmap(NULL, 1024 * m.block, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	ASSERT_EQ(0, syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGBUS));
	*(volatile char *)(map + 1023 * m.block) = 1;
	EXPECT_TRUE(record_none(device));
	signal(SIGBUS, SIG_IGN);
	ASSERT_EQ(0, sigprocmask(SIG_UNBLOCK, &set, NULL));
	signal(SIGBUS, SIG_DFL);
	munmap(map, 1024 * m.block);
	close(fd);
	close(device);
	scratch_end(&m);
}

/* It makes space, too, but nobody is refused any. */
TEST_F(mount, who_wants_memory_and_not_blocks_is_refused_none)
{
	int device, efd, fd;
	struct scratch m;
	struct record r;

	if (scratch_mount(&m, "nr_blocks=600,huge=always"))
		SKIP(return, "no huge pages for tmpfs");
	device = device_listen(&m, "refused");
	ASSERT_LE(0, device);
	EXPECT_NEXT_SOON(device, "state");
	efd = listen_blocks(&m, 500, "falling");
	ASSERT_LE(0, efd);
	fd = open(scratch_path(&m, "file"), O_RDWR | O_CREAT, 0600);
	ASSERT_EQ(1, write(fd, "", 1));
	if (scratch_used(&m) < 512)
		SKIP(return, "the kernel had no huge page");
	/* all but the first one of its pages are beyond the end of the file */
	ASSERT_EQ(0, write_text("/proc/sys/vm/drop_caches", "2"));
	EXPECT_EQ(1, scratch_used(&m));
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_TRUE(record_none(device));
	EXPECT_EQ(0, usage_of(&m, "refused"));
	close(fd);
	close(efd);
	close(device);
	scratch_end(&m);
}

#define INTERRUPTS	300

static volatile sig_atomic_t interrupts;

static void on_interrupt(int number)
{
	interrupts++;
}

/* arm64 forgets the number of a call that returns with a signal pending */
TEST_F(mount, a_call_that_a_signal_interrupts_is_one_refusal)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { };
	const struct sigaction action = { .sa_handler = on_interrupt };
	long long times = 0, most;
	char byte = 1;

	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	NO_REFUSAL();
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
	for (most = 100000000; interrupts < INTERRUPTS && times < most; times++) {
		if (pwrite(self->fd, &byte, 1, BLOCKS * self->m.block) != -1 || errno != ENOSPC)
			break;
	}
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	EXPECT_LE(INTERRUPTS, interrupts);
	EXPECT_EQ(times, record_sum(self->device));
	EXPECT_SIGNALS(self->efd, times);
}

/* ---- inodes ---- */

TEST_F(mount, what_makes_an_inode_is_one_where_there_are_none)
{
	char path[160], file[160], unnamed[32];
	int fd = open(self->m.path, O_TMPFILE | O_RDWR, 0600);

	ASSERT_LE(0, fd);
	snprintf(unnamed, sizeof(unnamed), "/proc/self/fd/%d", fd);
	snprintf(path, sizeof(path), "%s/more", self->m.path);
	snprintf(file, sizeof(file), "%s/file", self->m.path);
	ASSERT_EQ(0, fill_inodes(&self->m));
	REFUSED("inodes", 1);
	EXPECT_ERROR(ENOSPC, open(path, O_CREAT | O_RDWR, 0600));
	REFUSED("inodes", 1);
	EXPECT_ERROR(ENOSPC, mkdir(path, 0700));
	REFUSED("inodes", 1);
	EXPECT_ERROR(ENOSPC, symlink("nowhere", path));
	REFUSED("inodes", 1);
	EXPECT_ERROR(ENOSPC, open(self->m.path, O_TMPFILE | O_RDWR, 0600));
	REFUSED("inodes", 1);
	EXPECT_ERROR(ENOSPC, link(file, path));
	REFUSED("inodes", 1);
	EXPECT_ERROR(ENOSPC, syscall(SYS_renameat2, AT_FDCWD, file, AT_FDCWD, path,
				     RENAME_WHITEOUT));
	REFUSED("inodes", 1);
	/* other errors are others */
	EXPECT_ERROR(EEXIST, open(file, O_CREAT | O_EXCL, 0600));
	NO_REFUSAL();
	/* the first link to a file without any takes none */
	EXPECT_EQ(0, linkat(AT_FDCWD, unnamed, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
	NO_REFUSAL();
	/* and the last one that there is is had */
	close(fd);
	ASSERT_EQ(0, unlink(path));
	EXPECT_EQ(0, mkdir(path, 0700));
	NO_REFUSAL();
}

TEST_F(mount, without_a_limit_on_inodes_none_are_short)
{
	struct scratch m;
	struct record r;
	int device, fd;

	ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=10,nr_inodes=0"));
	device = device_listen(&m, "refused");
	ASSERT_LE(0, device);
	EXPECT_NEXT_SOON(device, "state");
	EXPECT_EQ(0, mkdir(scratch_path(&m, "directory"), 0700));
	fd = open(scratch_path(&m, "file"), O_RDWR | O_CREAT, 0600);
	ASSERT_EQ(0, append_blocks(fd, &m, 10));
	EXPECT_TRUE(record_none(device));
	EXPECT_ERROR(ENOSPC, write(fd, "", 1));
	EXPECT_NEXT(device, "refused");
	EXPECT_STREQ("size", record_field(&r, "cause"));
	EXPECT_TRUE(record_none(device));
	close(fd);
	close(device);
	scratch_end(&m);
}

/* which only a remount can do to a mount that has one */
TEST_F(mount, without_a_limit_on_blocks_inodes_are_short_still)
{
	struct record r;

	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	ASSERT_EQ(0, scratch_remount(&self->m, "size=0"));
	EXPECT_EQ(1, pwrite(self->fd, "", 1, BLOCKS * self->m.block));
	NO_REFUSAL();
	ASSERT_EQ(0, fill_inodes(&self->m));
	REFUSED("inodes", 1);
	EXPECT_EQ(1, usage_of(&self->m, "refused"));
}

TEST_F(mount, used_and_size_are_inodes_where_these_were_short)
{
	struct record r;

	ASSERT_EQ(0, fill_inodes(&self->m));
	EXPECT_NEXT(self->device, "refused");
	EXPECT_EQ(INODES, r.used);
	EXPECT_EQ(INODES, record_number(&r, "size"));
}

TEST_F(mount, an_xattr_that_does_not_fit_is_one)
{
	static char value[30000];
	const char *path = scratch_path(&self->m, "file");
	struct statvfs before, after;

	ASSERT_EQ(0, statvfs(self->m.path, &before));
	if (setxattr(path, "trusted.test", value, 4000, 0))
		SKIP(return, "no xattrs");
	ASSERT_EQ(0, statvfs(self->m.path, &after));
	if (after.f_ffree == before.f_ffree)
		SKIP(return, "no limit on xattrs");
	NO_REFUSAL();
	EXPECT_ERROR(ENOSPC, setxattr(path, "trusted.more", value, sizeof(value), 0));
	REFUSED("inodes", UNKNOWN);
	EXPECT_EQ(0, removexattr(path, "trusted.test"));
	NO_REFUSAL();
}

/* ---- who, and how many ---- */

#define WRITERS	4
#define TIMES	250

static int fail_often(void *arg, int number)
{
	const struct scratch *m = arg;
	int fd = open(scratch_path(m, "file"), O_RDWR), i, err = 0;
	char name[160], byte = 1;

	snprintf(name, sizeof(name), "%s/more", m->path);
	for (i = 0; i < TIMES && !err; i++) {
		if (number & 1 ? !mkdir(name, 0700) : pwrite(fd, &byte, 1, BLOCKS * m->block) >= 0)
			err = -EBADMSG;
		else if (errno != ENOSPC)
			err = -errno;
	}
	close(fd);
	return err;
}

TEST_F(mount, refusals_of_several_tasks_add_up)
{
	race_part *const parts[WRITERS + 1] = { fail_often, fail_often, fail_often, fail_often };
	long long sum;

	ASSERT_EQ(0, fill_inodes(&self->m));
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	REFUSED("inodes", 1);
	ASSERT_EQ(0, race(&self->m, WRITERS, parts));
	EXPECT_SIGNALS_SOON(self->efd, WRITERS * TIMES);
	sum = record_sum(self->device);
	EXPECT_EQ(WRITERS * TIMES, sum);
	EXPECT_EQ(WRITERS * TIMES + 1, usage_of(&self->m, "refused"));
}

/* each in a directory of its own, or they would wait for each other */
static int make_in_own_directory(void *arg, int number)
{
	const struct scratch *m = arg;
	char name[160];

	snprintf(name, sizeof(name), "%s/dir%d/last", m->path, number);
	return mkdir(name, 0700) && errno != ENOSPC ? -errno : 0;
}

TEST_F(mount, of_four_that_want_the_last_inode_three_are_refused)
{
	race_part *const parts[WRITERS + 1] = {
		make_in_own_directory, make_in_own_directory, make_in_own_directory,
		make_in_own_directory,
	};
	char name[160];
	int round, i, made;

	for (i = 0; i < WRITERS; i++) {
		snprintf(name, sizeof(name), "%s/dir%d", self->m.path, i);
		ASSERT_EQ(0, mkdir(name, 0700));
	}
	ASSERT_EQ(0, fill_inodes(&self->m));
	REFUSED("inodes", 1);
	ASSERT_EQ(0, unlink(scratch_path(&self->m, "inode0")));
	ROUNDS(100, 300) {
		ASSERT_EQ(0, race(&self->m, WRITERS, parts));
		for (i = made = 0; i < WRITERS; i++) {
			snprintf(name, sizeof(name), "%s/dir%d/last", self->m.path, i);
			made += !rmdir(name);
		}
		ASSERT_EQ(1, made);
		ASSERT_SIGNALS(self->efd, WRITERS - 1) TH_LOG("round %d", round);
	}
	EXPECT_EQ((WRITERS - 1) * round, record_sum(self->device));
}

static int write_in_own_file(void *arg, int number)
{
	const struct scratch *m = arg;
	char name[160], byte = 1;
	int fd, err = 0;

	snprintf(name, sizeof(name), "%s/file%d", m->path, number);
	fd = open(name, O_RDWR);
	if (pwrite(fd, &byte, 1, 0) != 1 && errno != ENOSPC)
		err = -errno;
	close(fd);
	return err;
}

TEST_F(mount, of_four_that_want_the_last_block_all_others_are_refused)
{
	race_part *const parts[WRITERS + 1] = {
		write_in_own_file, write_in_own_file, write_in_own_file, write_in_own_file,
	};
	/* up to 6.6 the kernel compares and then counts: each other writer may get one more */
	const int most = kernel_up_to(6, 6) ? WRITERS : 1;
	int files[WRITERS], round, i, made, refused = 0;
	char name[160];
	struct stat st;

	for (i = 0; i < WRITERS; i++) {
		snprintf(name, sizeof(name), "%s/file%d", self->m.path, i);
		files[i] = open(name, O_RDWR | O_CREAT, 0600);
		ASSERT_LE(0, files[i]);
	}
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS - 1));
	ROUNDS(100, 300) {
		ASSERT_EQ(0, race(&self->m, WRITERS, parts));
		for (i = made = 0; i < WRITERS; i++) {
			ASSERT_EQ(0, fstat(files[i], &st));
			made += st.st_blocks > 0;
			ASSERT_EQ(0, ftruncate(files[i], 0));
		}
		ASSERT_TRUE(made >= 1 && made <= most) TH_LOG("%d made", made);
		ASSERT_SIGNALS(self->efd, WRITERS - made) TH_LOG("round %d", round);
		refused += WRITERS - made;
	}
	EXPECT_EQ(refused, record_sum(self->device));
	for (i = 0; i < WRITERS; i++)
		close(files[i]);
}

/* as the part is called, in a process of its own */
static int fails_as_a_user(void *arg)
{
	const struct scratch *m = arg;
	char name[160], byte = 1;
	int fd;

	snprintf(name, sizeof(name), "%s/file", m->path);
	fd = open(name, O_RDWR);
	NEED(fd >= 0);
	prctl(PR_SET_NAME, "refused one");
	NEED(pwrite(fd, &byte, 1, BLOCKS * m->block) == -1 && errno == ENOSPC);
	return 0;
}

TEST_F(mount, a_refusal_is_that_of_the_task_that_asked)
{
	struct record r;
	pid_t child;

	ASSERT_EQ(0, chmod(scratch_path(&self->m, "file"), 0666));
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	child = start_as(USER, fails_as_a_user, &self->m);
	ASSERT_LT(0, child);
	EXPECT_EQ(0, ended(child));
	EXPECT_NEXT(self->device, "refused");
	EXPECT_EQ(child, r.pid);
	EXPECT_EQ(USER, record_number(&r, "uid"));
	EXPECT_STREQ("refused one", record_field(&r, "comm"));
}

/* on a device of that user's, or a new one if it is -1; that */
static int register_as(uid_t uid, int device, const struct scratch *m)
{
	int err = 0;

	if (setresuid(uid, uid, 0))
		return -errno;
	if (device < 0)
		device = device_listen(m, "refused");
	else
		err = device_register(device, m, "refused");
	if (setresuid(0, 0, 0))
		return -errno;
	return err ?: device;
}

/* that user's, who is told of his own tasks */
static int device_of_user(uid_t uid, const struct scratch *m)
{
	return register_as(uid, -1, m);
}

TEST_F(mount, who_may_not_know_the_task_is_not_told_what_it_has_asked_for)
{
	struct record r;
	pid_t child;
	int device;

	ASSERT_EQ(0, chmod(scratch_path(&self->m, "file"), 0666));
	device = device_of_user(USER, &self->m);
	ASSERT_LE(0, device);
	EXPECT_NEXT_SOON(device, "state");
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	EXPECT_ERROR(ENOSPC, write(self->fd, "", 1));
	REFUSED("size", 1);
	EXPECT_NEXT(device, "refused");
	EXPECT_STREQ("size", record_field(&r, "cause"));
	EXPECT_EQ(UNKNOWN, record_number(&r, "asked"));
	EXPECT_EQ(BLOCKS * self->m.block, r.used);
	EXPECT_STREQ("", record_field(&r, "comm"));
	EXPECT_TRUE(record_sound(r.line)) TH_LOG("%s", r.line);
	/* of his own he is */
	child = start_as(USER, fails_as_a_user, &self->m);
	ASSERT_LT(0, child);
	EXPECT_EQ(0, ended(child));
	EXPECT_NEXT(device, "refused");
	EXPECT_STREQ("size", record_field(&r, "cause"));
	EXPECT_EQ(1, record_number(&r, "asked"));
	EXPECT_EQ(child, r.pid);
	close(device);
}

#define OVERCOMMIT	"/proc/sys/vm/overcommit_"

/* how memory was promised before */
struct promises {
	char policy[16];
	char ratio[16];
};

/* Has no page left that may be promised, even to root. */
static int promise_all(struct promises *before, long block)
{
	char *policy = slurp_path(OVERCOMMIT "memory"), *ratio = slurp_path(OVERCOMMIT "ratio");
	int err;
	long size;

	snprintf(before->policy, sizeof(before->policy), "%s", policy);
	snprintf(before->ratio, sizeof(before->ratio), "%s", ratio);
	free(policy);
	free(ratio);
	/* nothing but what is there now */
	err = write_text("/proc/sys/vm/admin_reserve_kbytes", "0") ?:
	      write_text(OVERCOMMIT "ratio", "0") ?: write_text(OVERCOMMIT "memory", "2");
	/* some is held by swap: until no page is left */
	for (size = 1 << 30; !err && size >= block; ) {
		if (mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		    MAP_FAILED)
			size /= 2;
	}
	return err;
}

static void promise_as_before(const struct promises *before)
{
	write_text(OVERCOMMIT "memory", before->policy);
	write_text(OVERCOMMIT "ratio", before->ratio);
}

static bool sees_what_may_not_be_promised(void)
{
	char hook[64] = "";

	value_in(ROOM "/" TMPFSWARN_STATS, "hook_refused", hook, sizeof(hook));
	return !strcmp(hook, "shmem_unused_huge_shrink");
}

TEST_F(mount, memory_that_may_not_be_promised_is_another_cause)
{
	struct promises before;
	struct record r;
	char byte = 1;
	int device;

	if (!sees_what_may_not_be_promised())
		SKIP(return, "no huge pages: it is not seen");
	device = device_of_user(USER, &self->m);
	ASSERT_LE(0, device);
	EXPECT_NEXT_SOON(device, "state");
	ASSERT_EQ(1, pwrite(self->fd, &byte, 1, 0));
	ASSERT_EQ(0, promise_all(&before, self->m.block));
	EXPECT_ERROR(ENOSPC, pwrite(self->fd, &byte, 1, self->m.block));
	promise_as_before(&before);
	REFUSED("overcommit", 1);
	/* which is nobody else's business */
	EXPECT_NEXT(device, "refused");
	EXPECT_STREQ("", record_field(&r, "cause"));
	EXPECT_EQ(UNKNOWN, record_number(&r, "asked"));
	EXPECT_TRUE(record_sound(r.line)) TH_LOG("%s", r.line);
	close(device);
}

static int exceeds_quota(void *arg)
{
	const struct scratch *m = arg;
	char name[160], byte = 1;
	int fd;

	snprintf(name, sizeof(name), "%s/of-user", m->path);
	fd = open(name, O_RDWR | O_CREAT, 0600);
	NEED(fd >= 0);
	NEED(pwrite(fd, &byte, 1, 0) == 1);
	NEED(pwrite(fd, &byte, 1, m->block) == -1 && errno == EDQUOT);
	snprintf(name, sizeof(name), "%s/more-of-user", m->path);
	NEED(mkdir(name, 0700) == -1 && errno == EDQUOT);
	return 0;
}

/* with a block and an inode for each user */
static int mount_with_quota(struct scratch *m, long block)
{
	char options[128];

	snprintf(options, sizeof(options),
		 "mode=1777,usrquota,usrquota_block_hardlimit=%ld,usrquota_inode_hardlimit=1", block);
	return scratch_mount(m, options);
}

TEST_F(mount, a_quota_is_another_cause)
{
	struct scratch m;
	struct record r;
	int device;

	if (mount_with_quota(&m, self->m.block))
		SKIP(return, "no quotas for tmpfs");
	device = device_listen(&m, "refused");
	EXPECT_NEXT_SOON(device, "state");
	EXPECT_EQ(0, as_user(USER, exceeds_quota, &m));
	EXPECT_NEXT(device, "refused");
	EXPECT_STREQ("quota", record_field(&r, "cause"));
	EXPECT_EQ(1, record_number(&r, "asked"));
	EXPECT_NEXT(device, "refused");
	EXPECT_STREQ("quota", record_field(&r, "cause"));
	EXPECT_EQ(1, record_number(&r, "asked"));
	EXPECT_TRUE(record_none(device));
	close(device);
	scratch_end(&m);
}

struct fault_elsewhere {
	const struct scratch *m;
	off_t hole;
};

/*
 * A write(2) to the device that is refused for the user's limit, of a text whose end is in a page
 * that the mount is asked for meanwhile, and has.
 */
static int is_refused_elsewhere(void *arg)
{
	const struct fault_elsewhere *fault = arg;
	int device = device_open(), fd = open(scratch_path(fault->m, "file"), O_RDWR);
	long block = fault->m->block;
	char text[32], *pages;
	int length, dir;

	dir = open(fault->m->path, O_PATH);
	NEED(device >= 0 && fd >= 0 && dir >= 0);
	pages = mmap(NULL, 2 * block, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(pages != MAP_FAILED);
	NEED(mmap(pages + block, block, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		  fault->hole) != MAP_FAILED);
	length = snprintf(text, sizeof(text), "%d 80%%", dir);
	memcpy(pages + block - length, text, length);
	NEED(write(device, pages + block - length, length + 1) == -1 && errno == EDQUOT);
	return 0;
}

#define USERS_LIMIT	"/sys/module/" TMPFSWARN_NAME "/parameters/max_user_triggers"

/* The user's limit is no quota of the mount, which has given him what he has asked for. */
TEST_F(mount, an_edquot_of_something_else_is_no_refusal)
{
	struct fault_elsewhere fault;
	char *limit = slurp_path(USERS_LIMIT);
	struct scratch m;
	struct record r;
	int device, fd;
	bool huge;

	huge = !scratch_mount(&m, "nr_blocks=520,huge=always");
	if (!huge)
		ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=520"));
	device = device_listen(&m, "refused");
	ASSERT_LE(0, device);
	EXPECT_NEXT_SOON(device, "state");
	fd = open(scratch_path(&m, "file"), O_RDWR | O_CREAT, 0600);
	if (!fill_but_one(&m, fd, huge))
		SKIP(return, "the kernel had no huge page");
	ASSERT_EQ(0, ftruncate(fd, 1024 * m.block));
	ASSERT_EQ(0, fchmod(fd, 0666));
	fault = (struct fault_elsewhere){ .m = &m, .hole = 1023 * m.block };
	ASSERT_EQ(0, write_text(USERS_LIMIT, "0"));
	EXPECT_EQ(0, as_user(USER, is_refused_elsewhere, &fault));
	ASSERT_EQ(0, write_text(USERS_LIMIT, limit));
	EXPECT_TRUE(record_none(device)) TH_LOG("%s", record_next(device).line);
	EXPECT_EQ(0, usage_of(&m, "refused"));
	/* which is not since nothing is seen there */
	EXPECT_ERROR(ENOSPC, fallocate(fd, 0, 0, 1024 * m.block));
	EXPECT_NEXT(device, "refused");
	free(limit);
	close(fd);
	close(device);
	scratch_end(&m);
}

/* as many as a mount has places, each with one on more mounts than were once allowed in all */
#define PLACES	64
#define HELD	5

/* One call that each of the mounts refuses something, which says so, and stays. */
static int fails_and_stays(const int *files, long long end, int said, int stay)
{
	struct iocb requests[HELD + 2] = { }, *all[HELD + 2];
	aio_context_t context = 0;
	char byte = 1;
	int i;

	for (i = 0; i < HELD + 2; i++) {
		requests[i].aio_lio_opcode = i <= HELD ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		requests[i].aio_fildes = i < HELD ? files[i] : i == HELD ? said : stay;
		requests[i].aio_buf = (unsigned long)&byte;
		requests[i].aio_nbytes = 1;
		requests[i].aio_offset = i < HELD ? end : 0;
		all[i] = &requests[i];
	}
	if (syscall(SYS_io_setup, HELD + 2, &context))
		return 1;
	return syscall(SYS_io_submit, context, HELD + 2, all) != HELD + 2;
}

TEST_F_TIMEOUT(mount, who_takes_all_places_of_some_mounts_takes_none_of_another, 120)
{
	int said[2], stay[2], devices[HELD], files[HELD], i;
	struct scratch held[HELD];
	pid_t children[PLACES];
	struct record r;
	char byte = 1;

	ASSERT_EQ(0, pipe(said));
	ASSERT_EQ(0, pipe(stay));
	for (i = 0; i < HELD; i++) {
		/* the root directory and this file */
		ASSERT_EQ(0, scratch_mount(&held[i], "nr_blocks=100,nr_inodes=2"));
		files[i] = open(scratch_path(&held[i], "file"), O_RDWR | O_CREAT, 0600);
		ASSERT_LE(0, files[i]);
		devices[i] = device_listen(&held[i], "refused");
		ASSERT_LE(0, devices[i]);
		EXPECT_NEXT_SOON(devices[i], "state");
		ASSERT_EQ(0, append_blocks(files[i], &held[i], BLOCKS));
	}
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	for (i = 0; i < PLACES; i++) {
		children[i] = fork();
		ASSERT_LE(0, children[i]);
		if (!children[i]) {
			close(stay[1]);
			_exit(fails_and_stays(files, BLOCKS * self->m.block, said[1], stay[0]));
		}
	}
	close(said[1]);
	for (i = 0; i < PLACES; i++)
		ASSERT_EQ(1, read(said[0], &byte, 1));
	/* told when it returns: what it has asked for is known then, and only then */
	EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
	REFUSED("size", 1);
	EXPECT_ERROR(ENOSPC, pwrite(files[0], &byte, 1, BLOCKS * self->m.block));
	EXPECT_NEXT(devices[0], "refused");
	EXPECT_STREQ("size", record_field(&r, "cause"));
	EXPECT_EQ(UNKNOWN, record_number(&r, "asked"));
	record_sum(devices[0]);
	/* so are calls that are some jiffies apart */
	for (i = 0; i < 3; i++) {
		usleep(100000);
		EXPECT_ERROR(ENOSPC, mkdir(scratch_path(&held[0], "directory"), 0700));
		EXPECT_NEXT(devices[0], "refused");
		EXPECT_STREQ("inodes", record_field(&r, "cause"));
		EXPECT_EQ(1, record_number(&r, "asked"));
		EXPECT_EQ(1, r.crossings);
	}
	/* and what there is they have */
	ASSERT_EQ(0, scratch_remount(&held[0], "nr_blocks=101,nr_inodes=3"));
	EXPECT_EQ(1, pwrite(files[0], &byte, 1, BLOCKS * self->m.block));
	EXPECT_EQ(0, mkdir(scratch_path(&held[0], "directory"), 0700));
	EXPECT_TRUE(record_none(devices[0]));
	ASSERT_EQ(0, ftruncate(files[0], BLOCKS * self->m.block));
	ASSERT_EQ(0, scratch_remount(&held[0], "nr_blocks=100,nr_inodes=3"));
	close(stay[1]);
	for (i = 0; i < PLACES; i++)
		EXPECT_EQ(0, ended(children[i]));
	/* and the places are free again; what io_submit(2) was refused is told to its caller alone */
	EXPECT_ERROR(ENOSPC, pwrite(files[0], &byte, 1, BLOCKS * self->m.block));
	EXPECT_NEXT(devices[0], "refused");
	EXPECT_EQ(1, record_number(&r, "asked"));
	EXPECT_EQ(1, r.crossings);
	for (i = 0; i < HELD; i++) {
		EXPECT_TRUE(record_none(devices[i]));
		close(devices[i]);
		close(files[i]);
		scratch_end(&held[i]);
	}
	close(stay[0]);
	close(said[0]);
}

struct place_taker {
	const struct scratch *m;
	int said, stay[2];
};

static int takes_places(void *arg)
{
	const struct place_taker *taker = arg;
	int files[HELD], i;

	files[0] = open(scratch_path(taker->m, "file"), O_RDWR);
	NEED(files[0] >= 0);
	for (i = 1; i < HELD; i++)
		files[i] = files[0];
	close(taker->stay[1]);
	return fails_and_stays(files, BLOCKS * taker->m->block, taker->said, taker->stay[0]);
}

/* but for root, who may do worse */
TEST_F_TIMEOUT(mount, a_user_does_not_take_all_places_of_a_mount, 120)
{
	struct place_taker taker = { .m = &self->m };
	struct scratch *m = &self->m;
	pid_t children[PLACES];
	int said[2], i;
	char byte;

	ASSERT_EQ(0, pipe(said));
	ASSERT_EQ(0, pipe(taker.stay));
	taker.said = said[1];
	ASSERT_EQ(0, chmod(scratch_path(m, "file"), 0666));
	ASSERT_EQ(0, append_blocks(self->fd, m, BLOCKS));
	for (i = 0; i < PLACES; i++) {
		children[i] = start_as(USER, takes_places, &taker);
		ASSERT_LE(0, children[i]);
	}
	for (i = 0; i < PLACES; i++)
		ASSERT_EQ(1, read(said[0], &byte, 1));
	/* of those without a place it was told at once */
	record_sum(self->device);
	signals(self->efd, PLACES);
	/* of others it is still told when they return */
	EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
	REFUSED("size", 1);
	EXPECT_EQ(0, as_user(USER + 1, fails_as_a_user, m));
	EXPECT_SIGNALS(self->efd, 1);
	EXPECT_EQ(1, record_sum(self->device));
	close(taker.stay[1]);
	for (i = 0; i < PLACES; i++)
		EXPECT_EQ(0, ended(children[i]));
	close(taker.stay[0]);
	close(said[0]);
	close(said[1]);
}

struct holder {
	int files[HELD];
	long long end;
	int said[2], stay[2];
	int result;
	pthread_t thread;
};

static void *hold(void *arg)
{
	struct holder *holder = arg;

	holder->result = fails_and_stays(holder->files, holder->end, holder->said[1],
					 holder->stay[0]);
	return NULL;
}

static int mount_and_register(const char *path, int device)
{
	int fd, err;
	char text[32];

	if (mount("scratch", path, "tmpfs", 0, "nr_blocks=100"))
		return -errno;
	fd = open(path, O_PATH | O_CLOEXEC);
	snprintf(text, sizeof(text), "%d refused", fd);
	err = device_put(device, text);
	close(fd);
	return err;
}

/* more of them than are shown: one */
static int holds_a_mount(void *arg)
{
	const struct scratch *m = arg;
	struct holder holder = { .end = BLOCKS * m->block };
	char path[160], name[200], byte;
	int device, file, i;

	if (!become_root_of_a_namespace(CLONE_NEWNS))
		return 4;
	device = device_open();
	snprintf(path, sizeof(path), "%s/mount", m->path);
	snprintf(name, sizeof(name), "%s/file", path);
	NEED(mkdir(path, 0700) == 0);
	NEED(mount_and_register(path, device) == 0);
	file = open(name, O_RDWR | O_CREAT, 0600);
	NEED(append_blocks(file, m, BLOCKS) == 0);
	for (i = 0; i < HELD; i++)
		holder.files[i] = file;
	NEED(pipe(holder.said) == 0 && pipe(holder.stay) == 0);
	NEED(pthread_create(&holder.thread, NULL, hold, &holder) == 0);
	NEED(read(holder.said[0], &byte, 1) == 1);
	/* for the last time, though the call that has written to it has not returned */
	close(file);
	NEED(umount(path) == 0);
	/* far longer than it takes to let go of one that nothing keeps */
	sleep(3);
	NEED(mount_and_register(path, device) == -EDQUOT);
	NEED(umount(path) == 0);
	close(holder.stay[1]);
	pthread_join(holder.thread, NULL);
	NEED(holder.result == 0);
	NEED(EVENTUALLY(mount_and_register(path, device) == 0 || umount(path)));
	NEED(umount(path) == 0);
	return 0;
}

/* Or who holds calls on many, one after the other, would have no limit. */
TEST_F(mount, a_mount_that_a_call_keeps_is_its_owners_still)
{
	int result;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	close(self->device);
	self->device = -1;
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	ASSERT_EQ(0, module_insert("max_mounts=1"));
	result = as_user(USER, holds_a_mount, &self->m);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	ASSERT_EQ(0, module_insert(""));
	if (result == 4)
		SKIP(return, "a user may not make these namespaces");
	EXPECT_EQ(0, result);
}

/* It has been refused something, and neither its place nor its task is waited for. */
TEST_F_TIMEOUT(mount, the_module_goes_while_refused_calls_have_not_returned, 120)
{
	int said[2], stay[2], files[HELD], round, i;
	pid_t child;
	char byte;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	for (i = 0; i < HELD; i++)
		files[i] = self->fd;
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(0, pipe(said));
		ASSERT_EQ(0, pipe(stay));
		/* an open device keeps the module there, in the child, too */
		close(self->device);
		self->device = -1;
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			close(stay[1]);
			_exit(fails_and_stays(files, BLOCKS * self->m.block, said[1], stay[0]));
		}
		ASSERT_EQ(1, read(said[0], &byte, 1));
		EXPECT_SIGNALS(self->efd, 0);
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		EXPECT_SIGNALS(self->efd, 1);
		close(self->efd);
		/* back before it returns, or after that */
		if (round) {
			close(stay[1]);
			EXPECT_EQ(0, ended(child));
		}
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
		if (!round) {
			close(stay[1]);
			EXPECT_EQ(0, ended(child));
		}
		self->efd = listen_to(&self->m, TMPFSWARN_REFUSED, "");
		ASSERT_LE(0, self->efd);
		EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
		EXPECT_SIGNALS(self->efd, 1);
		close(said[0]);
		close(said[1]);
		close(stay[0]);
	}
}

/* a loop device on a file of the mount, -1 if there can be none */
static int loop_on(int file, char *path, size_t size)
{
	int control, number, device;

	if (system("modprobe loop") && errno == ECHILD)
		return -1;
	control = open("/dev/loop-control", O_RDWR);
	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	if (number < 0)
		return -1;
	snprintf(path, size, "/dev/loop%d", number);
	device = open(path, O_RDWR | O_DIRECT);
	if (device >= 0 && ioctl(device, LOOP_SET_FD, file)) {
		close(device);
		device = -1;
	}
	return device;
}

TEST_F(mount, of_a_kernel_thread_it_is_told_by_its_name)
{
	long block = self->m.block;
	char path[32], *bytes;
	struct record r;
	int loop, other;

	/* nothing of it is there yet, and nothing is left */
	ASSERT_EQ(0, ftruncate(self->fd, 64 * block));
	loop = loop_on(self->fd, path, sizeof(path));
	if (loop < 0)
		SKIP(return, "no loop devices");
	other = open(scratch_path(&self->m, "other"), O_RDWR | O_CREAT, 0600);
	ASSERT_EQ(0, append_blocks(other, &self->m, BLOCKS - scratch_used(&self->m)));
	bytes = aligned_alloc(block, block);
	memset(bytes, 1, block);
	EXPECT_EQ(-1, pwrite(loop, bytes, block, 0));
	EXPECT_NEXT_SOON(self->device, "refused");
	EXPECT_STREQ("size", record_field(&r, "cause"));
	EXPECT_NE(getpid(), r.pid);
	EXPECT_TRUE(!strncmp("kworker", record_field(&r, "comm"), 7) ||
		    !strncmp("loop", record_field(&r, "comm"), 4)) TH_LOG("%s", r.line);
	EXPECT_TRUE(record_none(self->device));
	ioctl(loop, LOOP_CLR_FD, 0);
	close(loop);
	close(other);
	free(bytes);
}

/* ---- a worker of io_uring, which never returns to user mode either ---- */

/* what the entry comes to there, which is the only one */
static int worker_result(struct ring *ring, struct io_uring_sqe *entry)
{
	int err;

	entry->flags = IOSQE_ASYNC;
	err = ring_enter(ring, 1);
	return err ?: ring_result(ring);
}

static int worker_write(struct ring *ring, int fd, long long offset)
{
	struct io_uring_sqe *entry = ring_entry(ring, IORING_OP_WRITE, fd);

	entry->addr = (unsigned long)"";
	entry->len = 1;
	entry->off = offset;
	return worker_result(ring, entry);
}

static int worker_fallocate(struct ring *ring, int fd, long long size)
{
	struct io_uring_sqe *entry = ring_entry(ring, IORING_OP_FALLOCATE, fd);

	entry->addr = size;
	return worker_result(ring, entry);
}

/* 0 if it has made that file */
static int worker_create(struct ring *ring, const char *path)
{
	struct io_uring_sqe *entry = ring_entry(ring, IORING_OP_OPENAT, AT_FDCWD);
	int fd;

	entry->addr = (unsigned long)path;
	entry->len = 0600;
	entry->open_flags = O_CREAT | O_EXCL | O_RDWR;
	fd = worker_result(ring, entry);
	return fd < 0 ? fd : close(fd);
}

/* Told at once, and again where it is tried again a moment later; what is refused within a jiffy is one. */
#define AT_ONCE(device, why, how_much) do {				\
	struct record r;						\
									\
	EXPECT_NEXT_SOON(device, "refused");				\
	EXPECT_STREQ(why, record_field(&r, "cause"));			\
	EXPECT_EQ((long long)(how_much), record_number(&r, "asked"));	\
	EXPECT_TRUE(record_sound(r.line)) TH_LOG("%s", r.line);		\
	usleep(100000);							\
	/* what is tried once is one */					\
	if ((how_much) == UNKNOWN)					\
		record_sum(device);					\
	EXPECT_TRUE(record_none(device));				\
} while (0)

TEST_F(mount, of_a_worker_it_is_told_at_once)
{
	long long block = self->m.block;
	struct ring ring;
	char path[160];

	RING(&ring, 4);
	snprintf(path, sizeof(path), "%s/of-worker", self->m.path);
	/* what there is it has, though few inodes are left */
	EXPECT_EQ(0, worker_create(&ring, path));
	EXPECT_EQ(1, worker_write(&ring, self->fd, 0));
	NO_REFUSAL();
	EXPECT_EQ(-ENOSPC, worker_fallocate(&ring, self->fd, (BLOCKS + 1) * block));
	/* of which 32-bit kernels are not asked */
	if (sizeof(long) == 8)
		AT_ONCE(self->device, "size", (BLOCKS + 1) * block);
	/* over the first block again */
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	EXPECT_EQ(-ENOSPC, worker_write(&ring, self->fd, BLOCKS * block));
	AT_ONCE(self->device, "size", UNKNOWN);
	EXPECT_LE(1, signals(self->efd, 1));
	ASSERT_EQ(0, fill_inodes(&self->m));
	REFUSED("inodes", 1);
	ASSERT_EQ(0, unlink(path));
	EXPECT_EQ(0, worker_create(&ring, path));
	NO_REFUSAL();
	snprintf(path, sizeof(path), "%s/more-of-worker", self->m.path);
	EXPECT_EQ(-ENOSPC, worker_create(&ring, path));
	AT_ONCE(self->device, "inodes", 1);
	close(ring.fd);
}

TEST_F(mount, of_a_worker_memory_that_may_not_be_promised_is_told_at_once)
{
	struct promises before;
	struct scratch m;
	struct ring ring;
	struct record r;
	int device, fd;

	if (!sees_what_may_not_be_promised())
		SKIP(return, "no huge pages: it is not seen");
	RING(&ring, 4);
	/* nothing but that can be short there */
	ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=0"));
	device = device_listen(&m, "refused");
	ASSERT_LE(0, device);
	EXPECT_NEXT_SOON(device, "state");
	fd = open(scratch_path(&m, "file"), O_RDWR | O_CREAT, 0600);
	EXPECT_EQ(0, fallocate(fd, 0, 0, m.block));
	/* the worker is there before */
	EXPECT_EQ(1, worker_write(&ring, fd, 0));
	EXPECT_TRUE(record_none(device));
	ASSERT_EQ(0, promise_all(&before, m.block));
	EXPECT_EQ(-ENOSPC, worker_write(&ring, fd, m.block));
	AT_ONCE(device, "overcommit", UNKNOWN);
	EXPECT_ERROR(ENOSPC, pwrite(fd, "", 1, m.block));
	promise_as_before(&before);
	EXPECT_NEXT(device, "refused");
	EXPECT_STREQ("overcommit", record_field(&r, "cause"));
	EXPECT_EQ(1, record_number(&r, "asked"));
	EXPECT_TRUE(record_none(device));
	close(ring.fd);
	close(fd);
	close(device);
	scratch_end(&m);
}

static int worker_exceeds_quota(void *arg)
{
	const struct scratch *m = arg;
	struct ring ring;
	char name[160];
	int fd;

	NEED(ring_make(&ring, 4) == 0);
	snprintf(name, sizeof(name), "%s/of-user", m->path);
	fd = open(name, O_RDWR | O_CREAT, 0600);
	NEED(fd >= 0);
	NEED(worker_write(&ring, fd, 0) == 1);
	NEED(worker_write(&ring, fd, m->block) == -EDQUOT);
	return 0;
}

TEST_F(mount, of_a_worker_a_quota_is_told_at_once)
{
	struct scratch m;
	struct ring ring;
	struct record r;
	int device;

	if (mount_with_quota(&m, self->m.block))
		SKIP(return, "no quotas for tmpfs");
	RING(&ring, 4);
	close(ring.fd);
	device = device_listen(&m, "refused");
	EXPECT_NEXT_SOON(device, "state");
	EXPECT_EQ(0, as_user(USER, worker_exceeds_quota, &m));
	AT_ONCE(device, "quota", UNKNOWN);
	close(device);
	scratch_end(&m);
}

/* ---- the trigger ---- */

TEST_F(mount, once_is_told_once)
{
	int once = listen_to(&self->m, TMPFSWARN_REFUSED, "once");
	struct record r;
	char byte = 1;
	int i;

	ASSERT_LE(0, once);
	ASSERT_EQ(0, device_register(self->device, &self->m, "refused once tag=one"));
	EXPECT_NEXT_SOON(self->device, "state");
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	/* the work that ends it may come late */
	for (i = 0; i < 50; i++)
		EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
	EXPECT_SIGNALS(self->efd, 50);
	EXPECT_SIGNALS(once, 1);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 2));
	EXPECT_EQ(51, record_sum(self->device));
	close(once);
}

TEST_F(mount, the_mounts_end_is_told)
{
	struct record r;

	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(self->efd, 1);
	EXPECT_NEXT_SOON(self->device, "gone");
	EXPECT_EQ(BLOCKS * self->m.block, record_number(&r, "size"));
}

TEST_F(mount, a_level_or_a_side_is_none_of_it)
{
	static const char * const wrong[] = {
		"refused 80%", "refused rising", "refused both", "refused hyst=1", "refused now",
		"refused:1", "refusedonce", "refused,local", "refused once tag=",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT_EQ(-EINVAL, device_register(self->device, &self->m, wrong[i])) TH_LOG("%s", wrong[i]);
	EXPECT_EQ(-EINVAL, listen_to(&self->m, TMPFSWARN_REFUSED, "80%"));
	EXPECT_EQ(-EINVAL, listen_to(&self->m, TMPFSWARN_REFUSED, "rising"));
	EXPECT_EQ(-EINVAL, listen_to(&self->m, TMPFSWARN_REFUSED, "once tag=x"));
	EXPECT_EQ(2, trigger_count(&self->m));
}

TEST_F(mount, many_triggers_are_all_told)
{
	int efds[100], i;
	char byte = 1;

	for (i = 0; i < 100; i++) {
		efds[i] = listen_to(&self->m, TMPFSWARN_REFUSED, "");
		ASSERT_LE(0, efds[i]);
	}
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
	for (i = 0; i < 100; i++) {
		EXPECT_SIGNALS(efds[i], 1);
		close(efds[i]);
	}
	REFUSED("size", 1);
}

/* as the limits are on those of ordinary users, on those of one, and on their further ones */
#define OF_USERS	32
#define OF_USER		8
#define FURTHER		16

static int registers_all_of_one(void *arg)
{
	const struct scratch *m = arg;
	int device = device_open(), i;

	NEED(device >= 0);
	for (i = 0; i < OF_USER; i++)
		NEED(device_register(device, m, "refused") == 0);
	NEED(device_register(device, m, "refused") == -EDQUOT);
	/* a level is another thing */
	NEED(device_register(device, m, "80%") == 0);
	NEED(device_forget(device, "refused") == 0);
	NEED(EVENTUALLY(device_register(device, m, "refused") == 0));
	return 0;
}

TEST_F(mount, an_ordinary_user_has_few_and_root_as_many_as_he_likes)
{
	int i;

	EXPECT_EQ(0, as_user(USER, registers_all_of_one, &self->m));
	for (i = 0; i < OF_USER; i++)
		EXPECT_EQ(0, device_register(self->device, &self->m, "refused"));
}

/* Few users with all that they may have leave some for many others. */
TEST_F(mount, ordinary_users_have_few_together_and_each_has_one)
{
	int devices[OF_USERS], users = 0, all, err;
	char mark[64];

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	snprintf(mark, sizeof(mark), "refused test %d", getpid());
	ASSERT_EQ(0, write_text("/dev/kmsg", mark));
	close(self->device);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	ASSERT_EQ(0, module_insert(""));
	ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	self->device = device_open();
	for (all = 0; all < OF_USERS; users++) {
		devices[users] = device_of_user(USER + users, &self->m);
		ASSERT_LE(0, devices[users]) TH_LOG("%d users, %d registrations", users, all);
		all++;
		while ((err = register_as(USER + users, devices[users], &self->m)) >= 0)
			all++;
		ASSERT_EQ(-EDQUOT, err);
		EXPECT_TRUE(all <= FURTHER || all == FURTHER + users - 1)
			TH_LOG("%d users, %d registrations", users + 1, all);
	}
	EXPECT_EQ(OF_USERS, all);
	EXPECT_EQ(OF_USERS - FURTHER + FURTHER / OF_USER, users);
	EXPECT_EQ(-EDQUOT, device_of_user(USER + users, &self->m));
	EXPECT_EQ(1, in_log(mark, "triggers for refusals"));
	EXPECT_EQ(0, device_register(self->device, &self->m, "refused"));
	close(devices[0]);
	ASSERT_TRUE(EVENTUALLY((err = device_of_user(USER + users, &self->m)) >= 0));
	close(err);
	while (--users)
		close(devices[users]);
}

/* of a full one */
static bool counts(const struct scratch *m, int fd)
{
	long long before = usage_of(m, "refused");

	return write(fd, "", 1) == -1 && errno == ENOSPC && usage_of(m, "refused") > before;
}

TEST_F(mount, it_counts_while_somebody_asks)
{
	struct scratch another;
	long long before;
	char byte = 1;
	int device;

	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
	EXPECT_EQ(1, usage_of(&self->m, "refused"));
	/* for which the probes stay */
	ASSERT_EQ(0, scratch_mount(&another, "nr_blocks=10"));
	device = device_listen(&another, "refused");
	ASSERT_LE(0, device);
	close(self->efd);
	ASSERT_EQ(0, device_forget(self->device, "refused"));
	/* the last one may be ending still */
	ASSERT_TRUE(EVENTUALLY(!trigger_count(&self->m) && !counts(&self->m, self->fd)));
	before = usage_of(&self->m, "refused");
	self->efd = listen_to(&self->m, TMPFSWARN_REFUSED, "");
	EXPECT_TRUE(counts(&self->m, self->fd));
	EXPECT_EQ(before + 1, usage_of(&self->m, "refused"));
	close(device);
	scratch_end(&another);
	EXPECT_SIGNALS(self->efd, 1);
}

/* ---- amid other things ---- */

/* what writers were refused while somebody remounts */
struct crowded {
	struct scratch *m;
	_Atomic long long refused;
	_Atomic int writing;
	int remounts;
};

/* writes to the end of a file of its own that is emptied when that is refused */
static int write_until_refused(void *arg, int number)
{
	struct crowded *crowded = arg;
	char name[160], byte = 1;
	int fd, err = 0, i;
	long long at = 0;

	snprintf(name, sizeof(name), "%s/file%d", crowded->m->path, number);
	fd = open(name, O_RDWR);
	if (fd < 0)
		err = -errno;
	for (i = 0; i < often(3000, 30000) && !err; i++) {
		if (pwrite(fd, &byte, 1, at) == 1) {
			at += crowded->m->block;
			continue;
		}
		err = errno == ENOSPC ? 0 : -errno;
		atomic_fetch_add(&crowded->refused, 1);
		if (!err && i % 2) {
			err = ftruncate(fd, 0) ? -errno : 0;
			at = 0;
		}
	}
	close(fd);
	atomic_fetch_sub(&crowded->writing, 1);
	return err;
}

static int remount_meanwhile(void *arg, int number)
{
	struct crowded *crowded = arg;
	int error;

	while (atomic_load(&crowded->writing)) {
		error = scratch_remount(crowded->m, crowded->remounts++ % 2 ?
					"nr_blocks=50,nr_inodes=20" : "nr_blocks=100,nr_inodes=30");
		/* there may be more used than that */
		if (error && error != -EINVAL)
			return error;
	}
	return 0;
}

/* Whatever the size is by the time the call returns. */
TEST_F(mount, while_somebody_remounts_none_is_lost_or_told_twice)
{
	race_part *const parts[WRITERS + 2] = {
		write_until_refused, write_until_refused, write_until_refused,
		write_until_refused, remount_meanwhile,
	};
	struct crowded crowded = { .m = &self->m, .writing = WRITERS };
	char name[160];
	int i;

	for (i = 0; i < WRITERS; i++) {
		snprintf(name, sizeof(name), "%s/file%d", self->m.path, i);
		ASSERT_EQ(0, mknod(name, S_IFREG | 0600, 0));
	}
	ASSERT_EQ(0, race(&crowded, WRITERS + 1, parts));
	EXPECT_LT(0, crowded.refused);
	EXPECT_LT(1, crowded.remounts);
	EXPECT_SIGNALS_SOON(self->efd, crowded.refused);
	EXPECT_EQ(crowded.refused, record_sum(self->device));
	EXPECT_EQ(crowded.refused, usage_of(&self->m, "refused"));
}

/* more than there are places, each for a moment */
#define KILLED	(2 * PLACES)

/* One that is killed is told of, or its call was not refused yet. It keeps no place. */
TEST_F_TIMEOUT(mount, who_is_killed_in_a_refused_call_leaves_its_place, 120)
{
	_Atomic long long *returned = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long long refused;
	char byte = 1;
	pid_t child;
	int i;

	ASSERT_NE(MAP_FAILED, returned);
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	for (i = 0; i < KILLED; i++) {
		long long before = *returned;

		child = fork();
		ASSERT_LE(0, child);
		while (!child) {
			if (pwrite(self->fd, &byte, 1, BLOCKS * self->m.block) != -1)
				_exit(1);
			atomic_fetch_add(returned, 1);
		}
		while (atomic_load(returned) == before)
			usleep(1);
		usleep(i * 7 % 100);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, NULL, 0));
	}
	refused = usage_of(&self->m, "refused");
	EXPECT_LE(*returned, refused);
	EXPECT_GE(*returned + KILLED, refused);
	EXPECT_EQ(refused, record_sum(self->device));
	EXPECT_SIGNALS(self->efd, refused);
	/* what was asked for is known to who has a place */
	for (i = 0; i < 2; i++) {
		EXPECT_ERROR(ENOSPC, write(self->fd, &byte, 1));
		REFUSED("size", 1);
	}
	munmap(returned, getpagesize());
}

/* It is stopped where the call is left, which has its result by then. */
TEST_F(mount, one_that_is_traced_is_told_of_once)
{
	int status, stops = 0, i;
	struct record r;
	char byte = 1;
	pid_t child;

	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		for (i = 0; i < 10; i++) {
			if (write(self->fd, &byte, 1) != -1 || errno != ENOSPC)
				_exit(1);
		}
		_exit(0);
	}
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		ASSERT_EQ(0, ptrace(PTRACE_SYSCALL, child, NULL, NULL));
		stops++;
	}
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
	EXPECT_LT(20, stops);
	EXPECT_SIGNALS(self->efd, 10);
	EXPECT_NEXT(self->device, "refused");
	EXPECT_EQ(child, r.pid);
	EXPECT_EQ(1, record_number(&r, "asked"));
	EXPECT_EQ(10, r.crossings + record_sum(self->device));
}

#ifdef __x86_64__
/* by the entry of 32-bit programs, where write(2) has another number */
static long write_32(int fd, const char *byte)
{
	long result;

	asm volatile("int $0x80" : "=a" (result)
		     : "a" (4), "b" ((long)fd), "c" (byte), "d" (1L)
		     : "r8", "r9", "r10", "r11", "memory");
	return result;
}

static void on_segv(int signal)
{
	_exit(1);
}

TEST_F(mount, of_a_32_bit_call_it_is_not_said_what_it_has_asked_for)
{
	struct record r;
	pid_t child;
	char *byte;

	byte = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	ASSERT_NE(MAP_FAILED, byte);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		signal(SIGSEGV, on_segv);
		_exit(write_32(self->fd, byte) != 1);
	}
	if (ended(child))
		SKIP(return, "no 32-bit calls here");
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	EXPECT_EQ(-ENOSPC, write_32(self->fd, byte));
	EXPECT_SIGNALS(self->efd, 1);
	EXPECT_NEXT(self->device, "refused");
	EXPECT_STREQ("size", record_field(&r, "cause"));
	EXPECT_EQ(UNKNOWN, record_number(&r, "asked"));
	EXPECT_EQ(getpid(), r.pid);
	munmap(byte, getpagesize());
}
#endif

/* ---- for long ---- */

#define REFUSERS	3

typedef FIXTURE_DATA(mount) shared;

static int is_refused(void *arg, int number)
{
	const shared *self = arg;

	return pwrite(self->fd, "", 1, BLOCKS * self->m.block) == -1 && errno == ENOSPC ?
		0 : -EBADMSG;
}

static int register_for_refusals(void *arg, int number)
{
	const shared *self = arg;
	int efd = listen_to(&self->m, TMPFSWARN_REFUSED, number & 1 ? "once" : "");

	if (efd < 0)
		return efd;
	close(efd);
	return 0;
}

/* the same while the module goes, with whatever error the file system has then */
static int register_where_it_can(void *arg, int number)
{
	register_for_refusals(arg, number);
	return 0;
}

TEST_F_TIMEOUT(mount, what_is_counted_is_what_was_refused_for_as_long_as_it_goes_on, 300)
{
	struct noise refusers[REFUSERS] = { }, registering;
	long long before, refused;
	int round, rounds, i;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, BLOCKS));
	/* an open device keeps the module there */
	close(self->device);
	self->device = -1;
	for (round = 0, rounds = often(2, 10); round < rounds; round++) {
		before = usage_of(&self->m, "refused");
		for (i = 0; i < REFUSERS; i++)
			noise_start(&refusers[i], is_refused, self, i);
		noise_start(&registering, register_for_refusals, self, REFUSERS);
		for (i = 0; i < 20 || (refusers[0].steps < 2000 && i < 200); i++)
			usleep(50000);
		EXPECT_EQ(0, noise_stop(&registering));
		EXPECT_LE(5, registering.steps);
		for (i = refused = 0; i < REFUSERS; i++) {
			EXPECT_EQ(0, noise_stop(&refusers[i]));
			refused += refusers[i].steps;
		}
		EXPECT_LE(2000, refused);
		EXPECT_EQ(refused, usage_of(&self->m, "refused") - before);
		EXPECT_SIGNALS(self->efd, refused);
		if (round + 1 == rounds)
			break;
		/* and under them the module goes, and comes */
		for (i = 0; i < REFUSERS; i++)
			noise_start(&refusers[i], is_refused, self, i);
		noise_start(&registering, register_where_it_can, self, REFUSERS);
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		close(self->efd);
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
		EXPECT_EQ(0, noise_stop(&registering));
		for (i = 0; i < REFUSERS; i++)
			EXPECT_EQ(0, noise_stop(&refusers[i]));
		self->efd = listen_to(&self->m, TMPFSWARN_REFUSED, "");
		ASSERT_LE(0, self->efd);
	}
}

TEST_HARNESS_MAIN
