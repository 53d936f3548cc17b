// SPDX-License-Identifier: GPL-2.0
/* All the ways in which a tmpfs gains and loses blocks. */
#include "race.h"
#include "harness.h"

#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/uio.h>

FIXTURE(mount) {
	struct scratch m;
	int rising;	/* at ten blocks */
	int falling;	/* below ten blocks */
	int fd;		/* of a file with nine */
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->fd = open(scratch_path(&self->m, "nine"), O_RDWR | O_CREAT, 0600);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 9));
	self->rising = listen_blocks(&self->m, 10, "rising");
	self->falling = listen_blocks(&self->m, 10, "falling");
	ASSERT_LE(0, self->rising);
	ASSERT_LE(0, self->falling);
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

#define BLOCK	(self->m.block)

/* usage is so many blocks, and this is all that was told on the way there */
#define EXPECT_NOW(blocks, up, down) do {				\
	EXPECT_EQ(blocks, scratch_used(&self->m));			\
	EXPECT_SIGNALS(self->rising, up);				\
	EXPECT_SIGNALS(self->falling, down);				\
} while (0)

TEST_F(mount, a_write_of_one_byte_takes_a_block)
{
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 9 * BLOCK));
	EXPECT_NOW(10, 1, 0);
}

TEST_F(mount, writing_over_what_is_there_takes_none)
{
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 5));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 9 * BLOCK - 1));
	EXPECT_NOW(9, 0, 0);
}

TEST_F(mount, a_write_far_behind_the_end_takes_one_block)
{
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 1LL << 40));
	EXPECT_NOW(10, 1, 0);
}

TEST_F(mount, truncating_to_a_larger_size_takes_none)
{
	ASSERT_EQ(0, ftruncate(self->fd, 500 * BLOCK));
	EXPECT_NOW(9, 0, 0);
}

TEST_F(mount, truncating_gives_blocks_back_at_once)
{
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 11));
	EXPECT_NOW(20, 1, 0);
	ASSERT_EQ(0, ftruncate(self->fd, 10 * BLOCK));
	EXPECT_NOW(10, 0, 0);
	ASSERT_EQ(0, ftruncate(self->fd, 10 * BLOCK - 1));
	EXPECT_NOW(10, 0, 0);
	ASSERT_EQ(0, ftruncate(self->fd, 9 * BLOCK));
	EXPECT_NOW(9, 0, 1);
}

TEST_F(mount, opening_with_trunc_gives_blocks_back)
{
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 1));
	EXPECT_NOW(10, 1, 0);
	close(open(scratch_path(&self->m, "nine"), O_WRONLY | O_TRUNC));
	EXPECT_NOW(0, 0, 1);
}

TEST_F(mount, reading_a_hole_takes_none)
{
	char byte;

	ASSERT_EQ(0, ftruncate(self->fd, 500 * BLOCK));
	ASSERT_EQ(1, pread(self->fd, &byte, 1, 300 * BLOCK));
	EXPECT_NOW(9, 0, 0);
}

TEST_F(mount, fallocate_takes_blocks)
{
	ASSERT_EQ(0, fallocate(self->fd, 0, 20 * BLOCK, 1));
	EXPECT_NOW(10, 1, 0);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 100 * BLOCK, 50 * BLOCK));
	EXPECT_NOW(60, 0, 0);
}

TEST_F(mount, fallocate_over_what_is_there_takes_none)
{
	ASSERT_EQ(0, fallocate(self->fd, 0, 0, 9 * BLOCK));
	EXPECT_NOW(9, 0, 0);
}

TEST_F(mount, a_fallocate_that_fails_leaves_usage_and_state_right)
{
	long long up;

	ASSERT_EQ(-1, fallocate(self->fd, 0, 0, 1001 * BLOCK));
	EXPECT_EQ(ENOSPC, errno);
	EXPECT_EQ(9, scratch_used(&self->m));
	/* it may have passed the level on its way, up as often as down */
	up = signals(self->rising, 0);
	EXPECT_SIGNALS(self->falling, up);
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_NOW(10, 1, 0);
	ASSERT_EQ(0, scratch_use(&self->m, 9));
	EXPECT_NOW(9, 0, 1);
}

TEST_F(mount, punching_a_hole_gives_blocks_back)
{
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 11));
	EXPECT_NOW(20, 1, 0);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       3 * BLOCK, 10 * BLOCK));
	EXPECT_NOW(10, 0, 0);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, BLOCK));
	EXPECT_NOW(9, 0, 1);
	/* the part of a block is zeroed, not given back */
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       BLOCK, BLOCK / 2));
	EXPECT_NOW(9, 0, 0);
}

TEST_F(mount, a_write_fault_takes_a_block)
{
	char *map;

	ASSERT_EQ(0, ftruncate(self->fd, 100 * BLOCK));
	map = mmap(NULL, 100 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_NOW(9, 0, 0);
	*(volatile char *)(map + 50 * BLOCK) = 1;
	EXPECT_NOW(10, 1, 0);
	ASSERT_EQ(0, madvise(map, 100 * BLOCK, MADV_REMOVE));
	EXPECT_NOW(0, 0, 1);
}

TEST_F(mount, a_read_fault_is_counted_as_statvfs_counts_it)
{
	volatile char *map, byte;
	long long used;

	ASSERT_EQ(0, ftruncate(self->fd, 100 * BLOCK));
	map = mmap(NULL, 100 * BLOCK, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	byte = map[50 * BLOCK];
	(void)byte;
	used = scratch_used(&self->m);
	ASSERT_TRUE(used >= 9);
	EXPECT_SIGNALS(self->rising, used >= 10);
	EXPECT_SIGNALS(self->falling, 0);
}

TEST_F(mount, a_private_mapping_changed_takes_none)
{
	char *map = mmap(NULL, 9 * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, 0);

	ASSERT_NE(MAP_FAILED, map);
	*(volatile char *)map = 1;
	EXPECT_NOW(9, 0, 0);
}

TEST_F(mount, mapping_with_populate_takes_all_at_once)
{
	ASSERT_EQ(0, ftruncate(self->fd, 100 * BLOCK));
	ASSERT_NE(MAP_FAILED, mmap(NULL, 100 * BLOCK, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_POPULATE, self->fd, 0));
	EXPECT_NOW(100, 1, 0);
}

TEST_F(mount, a_write_fault_on_a_full_mount_is_sigbus_and_no_signal)
{
	volatile char *map;
	pid_t child;
	int status;

	ASSERT_EQ(0, scratch_use(&self->m, 1000));
	EXPECT_NOW(1000, 1, 0);
	ASSERT_EQ(0, ftruncate(self->fd, 100 * BLOCK));
	map = mmap(NULL, 100 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	child = fork();
	if (child == 0) {
		signal(SIGBUS, SIG_DFL);
		map[50 * BLOCK] = 1;
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	EXPECT_NOW(1000, 0, 0);
}

TEST_F(mount, a_file_without_a_name_counts_until_it_is_closed)
{
	int fd = open(self->m.path, O_TMPFILE | O_RDWR, 0600);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
	EXPECT_NOW(10, 1, 0);
	close(fd);
	EXPECT_TRUE(EVENTUALLY(scratch_used(&self->m) == 9));
	EXPECT_NOW(9, 0, 1);
}

TEST_F(mount, an_unlinked_file_counts_until_it_is_closed)
{
	int fd = open(scratch_path(&self->m, "gone"), O_RDWR | O_CREAT, 0600);

	ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
	EXPECT_NOW(10, 1, 0);
	ASSERT_EQ(0, unlink(scratch_path(&self->m, "gone")));
	EXPECT_NOW(10, 0, 0);
	ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
	EXPECT_NOW(11, 0, 0);
	close(fd);
	EXPECT_NOW(9, 0, 1);
}

TEST_F(mount, unlinking_a_closed_file_gives_its_blocks_back)
{
	int fd = open(scratch_path(&self->m, "gone"), O_RDWR | O_CREAT, 0600);

	ASSERT_EQ(0, append_blocks(fd, &self->m, 5));
	close(fd);
	EXPECT_NOW(14, 1, 0);
	ASSERT_EQ(0, unlink(scratch_path(&self->m, "gone")));
	EXPECT_NOW(9, 0, 1);
}

TEST_F(mount, renaming_over_a_file_gives_its_blocks_back)
{
	int fd = open(scratch_path(&self->m, "first"), O_RDWR | O_CREAT, 0600);
	char from[160];

	ASSERT_EQ(0, append_blocks(fd, &self->m, 2));
	close(fd);
	EXPECT_NOW(11, 1, 0);
	snprintf(from, sizeof(from), "%s/first", self->m.path);
	ASSERT_EQ(0, rename(from, scratch_path(&self->m, "nine")));
	close(self->fd);
	EXPECT_NOW(2, 0, 1);
}

TEST_F(mount, a_long_symlink_takes_a_block)
{
	char target[1001];

	memset(target, 'x', 1000);
	target[1000] = '\0';
	ASSERT_EQ(0, symlink(target, scratch_path(&self->m, "link")));
	EXPECT_NOW(10, 1, 0);
	ASSERT_EQ(0, unlink(scratch_path(&self->m, "link")));
	EXPECT_NOW(9, 0, 1);
}

TEST_F(mount, directories_and_empty_files_take_none)
{
	char name[16];
	int i;

	for (i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		ASSERT_EQ(0, mkdir(scratch_path(&self->m, name), 0700));
		snprintf(name, sizeof(name), "f%d", i);
		close(open(scratch_path(&self->m, name), O_WRONLY | O_CREAT, 0600));
	}
	EXPECT_NOW(9, 0, 0);
}

TEST_F(mount, sendfile_and_copy_file_range_and_splice_take_blocks)
{
	int fd = open(scratch_path(&self->m, "copy"), O_RDWR | O_CREAT, 0600);
	int pair[2];
	loff_t from = 0;
	off_t start = 0;

	ASSERT_EQ(BLOCK, sendfile(fd, self->fd, &start, BLOCK));
	EXPECT_NOW(10, 1, 0);
	ASSERT_EQ(BLOCK, copy_file_range(self->fd, &from, fd, NULL, BLOCK, 0));
	EXPECT_NOW(11, 0, 0);
	ASSERT_EQ(0, ftruncate(fd, 0));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	EXPECT_NOW(9, 0, 1);
	ASSERT_EQ(0, pipe(pair));
	ASSERT_EQ(100, write(pair[1], self, 100));
	ASSERT_EQ(100, splice(pair[0], NULL, fd, NULL, 100, 0));
	EXPECT_NOW(10, 1, 0);
}

TEST_F(mount, a_child_writing_through_an_inherited_fd_is_told_to_the_parent)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(append_blocks(self->fd, &self->m, 1) ? 1 : 0);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_NOW(10, 1, 0);
}

TEST_F(mount, a_program_run_from_the_mount_works_as_ever)
{
	int in = open("/proc/self/exe", O_RDONLY), status;
	int out = open(scratch_path(&self->m, "program"), O_WRONLY | O_CREAT, 0700);
	char list[] = "-l", *argv[] = { "program", list, NULL };
	ssize_t sent;
	pid_t child;

	while ((sent = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	ASSERT_EQ(0, sent);
	close(out);
	EXPECT_SIGNALS(self->rising, 1);
	child = fork();
	if (child == 0) {
		close(2);
		execv(scratch_path(&self->m, "program"), argv);
		_exit(1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 1);
	ASSERT_EQ(0, unlink(scratch_path(&self->m, "program")));
	EXPECT_TRUE(EVENTUALLY(scratch_used(&self->m) == 9));
	EXPECT_SIGNALS(self->falling, 1);
}

TEST_F(mount, memory_that_is_no_mount_signals_nothing)
{
	long size = 100 * BLOCK;
	int memfd = syscall(SYS_memfd_create, "anonymous", 0);
	int shm = shmget(IPC_PRIVATE, size, 0600);
	char *at, *shared;

	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, append_blocks(memfd, &self->m, 100));
	shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, shared);
	memset(shared, 1, size);
	if (shm >= 0) {
		at = shmat(shm, NULL, 0);
		shmctl(shm, IPC_RMID, NULL);
		ASSERT_NE((void *)-1, at);
		memset(at, 1, size);
		shmdt(at);
	}
	munmap(shared, size);
	close(memfd);
	EXPECT_NOW(9, 0, 0);
}

/* ---- huge pages ---- */

static long huge_page_size(void)
{
	char *text = slurp_path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
	long size = text ? atol(text) : 0;

	free(text);
	return size;
}

TEST(a_huge_page_counts_all_its_blocks)
{
	long size = huge_page_size(), many, got;
	struct scratch m;
	int rising, falling, edge, beyond, fd, error;

	if (!size)
		SKIP(return, "the kernel has no transparent huge pages");
	error = scratch_mount(&m, "size=256M,huge=always");
	if (error == -EINVAL)
		SKIP(return, "this tmpfs has no huge pages");
	ASSERT_EQ(0, error);
	many = size / m.block;
	if (many * m.block * 2 > 256L << 20) {
		scratch_end(&m);
		SKIP(return, "a huge page of %ld MiB is too large here", size >> 20);
	}
	rising = listen_blocks(&m, 2, "rising");
	falling = listen_blocks(&m, 2, "falling");
	edge = listen_blocks(&m, many, "rising");
	beyond = listen_blocks(&m, many + 1, "both");
	ASSERT_LE(0, beyond);
	fd = open(scratch_path(&m, "file"), O_RDWR | O_CREAT, 0600);
	ASSERT_EQ(0, ftruncate(fd, 2 * size));
	ASSERT_EQ(0, append_blocks(fd, &m, 1));
	got = scratch_used(&m);
	if (got == 1) {
		scratch_end(&m);
		SKIP(return, "the kernel had no huge page to give");
	}
	/* newer kernels may choose a smaller folio; what statvfs says is right */
	ASSERT_LE(2, got);
	EXPECT_SIGNALS(rising, 1);
	EXPECT_SIGNALS(edge, got >= many);
	EXPECT_SIGNALS(beyond, 0);
	ASSERT_EQ(m.block, pwrite(fd, (char[65536]){}, m.block, size));
	EXPECT_SIGNALS(beyond, scratch_used(&m) > many);
	/* in the middle of a huge page: it is split, or kept whole */
	ASSERT_EQ(0, ftruncate(fd, size + 3 * m.block));
	ASSERT_EQ(0, ftruncate(fd, size));
	EXPECT_EQ(got, scratch_used(&m));
	EXPECT_SIGNALS(falling, 0);
	ASSERT_EQ(0, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       0, size - m.block));
	EXPECT_SIGNALS(falling, scratch_used(&m) < 2);
	ASSERT_EQ(0, ftruncate(fd, 0));
	EXPECT_EQ(0, scratch_used(&m));
	EXPECT_EQ(1, trigger_number(&m, 0, "fired"));
	EXPECT_EQ(1, trigger_number(&m, 1, "fired"));
	scratch_end(&m);
}

/* ---- what huge pages have beyond the ends of files ---- */

#define TAILS	4
#define TAIL_LAST	"tail3"

/* for so long from when space was made the caller is deferred, with some to spare; in ms */
#define DEFERRED	400

/* What a task writes up to a page that is missing, in whose fault it then stays. */
struct writer {
	const struct scratch *m;
	char name[16];
	struct held_page held;
	char *text;
	long have;		/* bytes before that page */
	long long begin;	/* in the file */
	pthread_t thread;
	atomic_llong written;	/* 0 until it has returned */
};

FIXTURE(tails) {
	struct scratch m;
	long long huge;		/* bytes of a huge page */
	long long blocks;	/* of the mount, full of them; each has a file of one byte */
	long long deferrals;
	long long resyncs;
	int full;		/* both ways, at the size */
	int below;		/* one block less */
	int fd;			/* of an empty file */
	struct writer writer;
	pthread_t thread[4];
	atomic_bool stop;
	atomic_long loops;
};

static int make_tail(const struct scratch *m, int i)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "tail%d", i);
	fd = open(scratch_path(m, name), O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, "", 1) != 1)
		return -errno;
	close(fd);
	return 0;
}

/* false where the mount could not be filled with as many huge pages */
static bool tails_made(FIXTURE_DATA(tails) *self)
{
	int i;

	for (i = 0; i < self->blocks * self->m.block / self->huge; i++) {
		if (make_tail(&self->m, i))
			return false;
	}
	return scratch_used(&self->m) == self->blocks;
}

FIXTURE_SETUP(tails)
{
	char options[64], symbol[64];
	int error;

	/* without ftrace each probe is a breakpoint */
	if (access("/proc/sys/kernel/ftrace_enabled", F_OK) ||
	    !value_in(ROOM "/" TMPFSWARN_STATS, "hook_shrink", symbol, sizeof(symbol)) ||
	    !strcmp(symbol, "none"))
		SKIP(return, "on this kernel nothing can be deferred");
	self->huge = huge_page_size();
	if (!self->huge || self->huge > 4 << 20)
		SKIP(return, "no huge pages that fit");
	snprintf(options, sizeof(options), "size=%lld,huge=always", TAILS * self->huge);
	error = scratch_mount(&self->m, options);
	if (error == -EINVAL)
		SKIP(return, "this tmpfs has no huge pages");
	ASSERT_EQ(0, error);
	self->blocks = scratch_blocks(&self->m);
	self->full = listen_to(&self->m, "used_bytes", "100% both");
	self->below = listen_blocks(&self->m, self->blocks - 1, "both");
	ASSERT_LE(0, self->full);
	ASSERT_LE(0, self->below);
	if (!tails_made(self)) {
		scratch_end(&self->m);
		SKIP(return, "the kernel gives one byte no huge page, or had too few");
	}
	EXPECT_SIGNALS(self->full, 1);
	EXPECT_SIGNALS(self->below, 1);
	/* when the hook was armed, a check was to follow a moment later */
	usleep(500000);
	self->fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0600);
	ASSERT_LE(0, self->fd);
	self->deferrals = stat_of("deferrals");
	self->resyncs = stat_of("resyncs");
	ASSERT_LE(0, self->resyncs);
	self->writer.m = &self->m;
	strcpy(self->writer.name, "writer");
}

FIXTURE_TEARDOWN(tails)
{
	close(self->fd);
	scratch_end(&self->m);
	if (module_file() && access(ROOM, F_OK))
		module_insert("");
}

/*
 * @have bytes and the one after them, which is missing. It is the first of a huge page of the
 * file: the kernel may want the text of a whole one there before it writes any of it.
 */
static bool writer_prepare(struct writer *writer, long have, long long huge)
{
	writer->have = have;
	writer->begin = (have + huge - 1) / huge * huge - have;
	writer->text = mmap(NULL, have + getpagesize(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* first, or a huge page with the text would fill it */
	if (!hold_page(&writer->held, writer->text + have))
		return false;
	memset(writer->text, 'x', have);
	return true;
}

static void *write_and_stay(void *arg)
{
	struct writer *writer = arg;
	int fd = open(scratch_path(writer->m, writer->name), O_RDWR | O_CREAT, 0600);
	long long written = pwrite(fd, writer->text, writer->have + 1, writer->begin);

	writer->written = written < 0 ? -errno : written;
	close(fd);
	return NULL;
}

/* true when it has written all that there is, and waits for the rest */
static bool writer_start(struct writer *writer)
{
	writer->written = 0;
	return !pthread_create(&writer->thread, NULL, write_and_stay, writer) &&
	       readable(writer->held.faults, BOUND);
}

static void writer_end(struct writer *writer)
{
	let_go_page(&writer->held);
	pthread_join(writer->thread, NULL);
}

/* what the call has left crossed is told, once, and nothing else is */
#define EXPECT_TOLD_OF(call) do {							\
	long long _was = scratch_used(&self->m), _is;					\
											\
	ASSERT_EQ(0, call);								\
	_is = scratch_used(&self->m);							\
	EXPECT_SIGNALS(self->full, (_was < self->blocks) != (_is < self->blocks));	\
	EXPECT_SIGNALS(self->below, (_was < self->blocks - 1) != (_is < self->blocks - 1));	\
} while (0)

/* What is written then is had from behind the ends of these, page by page, within one call. */
TEST_F(tails, what_a_full_mount_gives_back_and_takes_within_one_call_is_no_crossing)
{
	long long written, size = TAILS * self->huge, begin = now_ms();
	char *text = calloc(1, size);

	ASSERT_NE(NULL, text);
	written = write(self->fd, text, size);
	if (now_ms() - begin >= DEFERRED)
		SKIP(return, "the machine is too slow");
	EXPECT_LT(size / 2, written);
	EXPECT_EQ(self->blocks, scratch_used(&self->m));
	EXPECT_SIGNALS(self->full, 0);
	EXPECT_SIGNALS(self->below, 0);
	EXPECT_LT(self->deferrals, stat_of("deferrals"));
	/* in calls of their own they are told of at once, as ever */
	EXPECT_TOLD_OF(ftruncate(self->fd, written / 2));
	EXPECT_GT(self->blocks - 1, scratch_used(&self->m));
	EXPECT_LT(0, pwrite(self->fd, text, size, written / 2));
	EXPECT_EQ(self->blocks, scratch_used(&self->m));
	EXPECT_SIGNALS(self->full, 1);
	EXPECT_SIGNALS(self->below, 1);
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
	free(text);
}

TEST_F(tails, what_is_left_of_it_when_the_call_returns_is_told_by_then)
{
	int i, down = 0;

	for (i = 0; i < (TAILS - 1) * self->huge / self->m.block; i++) {
		bool was = scratch_used(&self->m) == self->blocks;

		EXPECT_TOLD_OF(append_blocks(self->fd, &self->m, 1));
		down += was && scratch_used(&self->m) < self->blocks;
	}
	EXPECT_LT(0, down);
	EXPECT_LT(self->deferrals, stat_of("deferrals"));
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
}

TEST_F(tails, a_write_fault_is_told_of_when_it_returns)
{
	volatile char *map;

	ASSERT_EQ(0, ftruncate(self->fd, self->m.block));
	map = mmap(NULL, self->m.block, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	map[0] = 1;
	EXPECT_GT(self->blocks - 1, scratch_used(&self->m));
	EXPECT_SIGNALS(self->full, 1);
	EXPECT_SIGNALS(self->below, 1);
	EXPECT_LT(self->deferrals, stat_of("deferrals"));
	munmap((void *)map, self->m.block);
}

TEST_F(tails, another_task_is_told_of_what_it_crosses_meanwhile)
{
	int i;

	if (!writer_prepare(&self->writer, self->m.block, self->huge))
		SKIP(return, "the kernel has no userfaultfd");
	ASSERT_TRUE(writer_start(&self->writer));
	EXPECT_GT(self->blocks - 1, scratch_used(&self->m));
	/* not yet, and then by who frees something first */
	EXPECT_SIGNALS(self->full, 0);
	EXPECT_SIGNALS(self->below, 0);
	ASSERT_EQ(0, truncate(scratch_path(&self->m, TAIL_LAST), 0));
	EXPECT_SIGNALS(self->full, 1);
	EXPECT_SIGNALS(self->below, 1);
	for (i = 0; i < self->huge / self->m.block; i++)
		EXPECT_TOLD_OF(append_blocks(self->fd, &self->m, 1));
	EXPECT_TOLD_OF(ftruncate(self->fd, 0));
	EXPECT_EQ(0, self->writer.written);
	writer_end(&self->writer);
	EXPECT_EQ(self->writer.have + 1, self->writer.written);
	EXPECT_GT(self->blocks - 1, scratch_used(&self->m));
	EXPECT_SIGNALS(self->full, 0);
	EXPECT_SIGNALS(self->below, 0);
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
}

/* One page is allocated, and then 90, in one call, which waits for a page after each of these. */
#define FIRST	1
#define LATER	90

static void *fault_and_stay(void *arg)
{
	struct writer *writer = arg;
	int fd = open(scratch_path(writer->m, writer->name), O_RDWR | O_CREAT, 0600);
	long page = writer->m->block;
	char *map = mmap(NULL, writer->have, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct iovec from = { writer->text, writer->have };
	struct iovec to[2] = { { map, FIRST * page }, { map + FIRST * page, LATER * page } };
	long long written = ftruncate(fd, writer->have);

	written = process_vm_writev(getpid(), &from, 1, to, 2, 0);
	writer->written = written < 0 ? -errno : written;
	munmap(map, writer->have);
	close(fd);
	return NULL;
}

/* true when it has allocated the first page, and waits */
static bool start_in_two(FIXTURE_DATA(tails) *self, struct held_page *first)
{
	struct writer *writer = &self->writer;
	long page = self->m.block;

	writer->have = (FIRST + LATER) * page;
	writer->text = mmap(NULL, writer->have, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* from here on pages, no huge ones */
	if (scratch_remount(&self->m, "huge=never") || !hold_page(first, writer->text) ||
	    !hold_page(&writer->held, writer->text + FIRST * page))
		return false;
	memset(writer->text + (FIRST + 1) * page, 'x', (LATER - 1) * page);
	return !pthread_create(&writer->thread, NULL, fault_and_stay, writer) &&
	       readable(first->faults, BOUND);
}

/*
 * The other one has been given credit, and writes within that: it is not good any more once
 * the first has allocated what it is not yet checked for.
 */
TEST_F(tails, another_task_is_told_of_what_both_cross_together)
{
	struct writer *writer = &self->writer;
	long long begin = now_ms();
	struct held_page first;
	int level, i;

	run_on(0);
	if (!start_in_two(self, &first))
		SKIP(return, "the kernel has no userfaultfd or no process_vm_writev()");
	run_on(1 % sysconf(_SC_NPROCESSORS_ONLN));
	EXPECT_GT(self->blocks - 200, scratch_used(&self->m));
	level = listen_blocks(&self->m, scratch_used(&self->m) + 100, "both");
	ASSERT_LE(0, level);
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 1));
	let_go_page(&first);
	ASSERT_TRUE(readable(writer->held.faults, BOUND));
	if (now_ms() - begin >= DEFERRED) {
		writer_end(writer);
		SKIP(return, "the machine is too slow");
	}
	for (i = LATER + 2; i < 100; i++)
		ASSERT_EQ(0, append_blocks(self->fd, &self->m, 1));
	EXPECT_SIGNALS(level, 0);
	ASSERT_EQ(0, append_blocks(self->fd, &self->m, 1));
	EXPECT_SIGNALS(level, 1);
	EXPECT_EQ(0, writer->written);
	writer_end(writer);
	EXPECT_EQ(writer->have, writer->written);
	EXPECT_SIGNALS(level, 0);
}

/* It has its space, and a second later allocates what crosses another level. */
TEST_F(tails, a_call_that_goes_on_for_long_is_told_of_at_once)
{
	struct writer *writer = &self->writer;
	struct held_page first;
	int level;

	if (!start_in_two(self, &first))
		SKIP(return, "the kernel has no userfaultfd or no process_vm_writev()");
	level = listen_blocks(&self->m, scratch_used(&self->m) + LATER / 2, "both");
	ASSERT_LE(0, level);
	sleep(1);
	let_go_page(&first);
	ASSERT_TRUE(readable(writer->held.faults, BOUND));
	EXPECT_SIGNALS(level, 1);
	EXPECT_EQ(0, writer->written);
	writer_end(writer);
	EXPECT_SIGNALS(level, 0);
}

TEST_F_TIMEOUT(tails, a_call_that_does_not_return_is_told_of_by_the_resync, 60)
{
	if (!writer_prepare(&self->writer, self->m.block, self->huge))
		SKIP(return, "the kernel has no userfaultfd");
	ASSERT_TRUE(writer_start(&self->writer));
	EXPECT_SIGNALS(self->full, 0);
	EXPECT_TRUE(readable(self->full, 3500));
	EXPECT_SIGNALS_SOON(self->full, 1);
	EXPECT_SIGNALS_SOON(self->below, 1);
	EXPECT_EQ(0, self->writer.written);
	writer_end(&self->writer);
	EXPECT_SIGNALS(self->full, 0);
	EXPECT_SIGNALS(self->below, 0);
}

/* More than have a place among those that are deferred: the others are checked at once. */
#define PLACES		8
#define WRITERS		(PLACES + 4)

TEST_F_TIMEOUT(tails, no_more_than_have_a_place_are_deferred, 120)
{
	static struct writer writers[WRITERS];
	char options[64];
	int i;

	/* a huge page for each, of which he takes all that its file does not need, with the last */
	snprintf(options, sizeof(options), "size=%lld", WRITERS * self->huge);
	ASSERT_EQ(0, scratch_remount(&self->m, options));
	self->blocks = scratch_blocks(&self->m);
	if (!tails_made(self))
		SKIP(return, "the kernel had too few huge pages");
	ASSERT_EQ(0, scratch_remount(&self->m, "huge=never"));
	for (i = 0; i < WRITERS; i++) {
		writers[i].m = &self->m;
		snprintf(writers[i].name, sizeof(writers[i].name), "writer%d", i);
		if (!writer_prepare(&writers[i], self->huge - 2 * self->m.block, self->huge))
			SKIP(return, "the kernel has no userfaultfd");
	}
	for (i = 0; i < WRITERS; i++) {
		ASSERT_TRUE(writer_start(&writers[i])) TH_LOG("writer %d", i);
		EXPECT_EQ(self->deferrals + (i < PLACES ? i + 1 : PLACES), stat_of("deferrals"));
	}
	for (i = 0; i < WRITERS; i++)
		writer_end(&writers[i]);
	/* both were told as often as they are where usage is now */
	EXPECT_EQ(scratch_used(&self->m) < self->blocks, signals(self->full, 0) % 2);
	EXPECT_EQ(scratch_used(&self->m) < self->blocks - 1, signals(self->below, 0) % 2);
}

TEST_F(tails, who_is_killed_in_such_a_call_is_told_of)
{
	pid_t child = fork();
	int status;

	ASSERT_LE(0, child);
	if (!child) {
		if (writer_prepare(&self->writer, self->m.block, self->huge))
			write_and_stay(&self->writer);
		_exit(0);
	}
	if (!EVENTUALLY(scratch_used(&self->m) < self->blocks - 1)) {
		waitpid(child, &status, 0);
		SKIP(return, "the kernel has no userfaultfd");
	}
	EXPECT_SIGNALS(self->full, 0);
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_GT(self->blocks - 1, scratch_used(&self->m));
	EXPECT_SIGNALS(self->full, 1);
	EXPECT_SIGNALS(self->below, 1);
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
}

TEST_F_TIMEOUT(tails, the_module_goes_while_a_task_is_in_such_a_call, 120)
{
	int round;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	for (round = 0; round < 3; round++) {
		if (!writer_prepare(&self->writer, self->m.block, self->huge))
			SKIP(return, "the kernel has no userfaultfd");
		ASSERT_TRUE(writer_start(&self->writer));
		EXPECT_LT(self->deferrals, stat_of("deferrals"));
		close(self->full);
		close(self->below);
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		EXPECT_EQ(0, self->writer.written);
		/* back before it returns, or after that */
		if (round == 1)
			writer_end(&self->writer);
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
		if (round != 1)
			writer_end(&self->writer);
		EXPECT_EQ(self->writer.have + 1, self->writer.written);
		EXPECT_EQ(0, unlink(scratch_path(&self->m, self->writer.name)));
		self->full = listen_to(&self->m, "used_bytes", "100% both");
		self->below = listen_blocks(&self->m, self->blocks - 1, "both");
		ASSERT_LE(0, self->full);
		ASSERT_LE(0, self->below);
		self->deferrals = stat_of("deferrals");
		ASSERT_TRUE(tails_made(self));
		EXPECT_SIGNALS(self->full, 1);
		EXPECT_SIGNALS(self->below, 1);
	}
}

/* a huge page that reaches beyond the end, if there is one, and then all that there is */
static void *fill_all_along(void *arg)
{
	FIXTURE_DATA(tails) *self = arg;
	char *text = calloc(1, 3 * self->huge);
	int i = self->loops++ % 4, fd;
	char name[16];

	snprintf(name, sizeof(name), "filler%d", i);
	fd = open(scratch_path(&self->m, name), O_RDWR | O_CREAT, 0600);
	while (!self->stop) {
		make_tail(&self->m, i);
		pwrite(fd, text, 3 * self->huge, 0);
		ftruncate(fd, 0);
		self->loops++;
	}
	close(fd);
	free(text);
	return NULL;
}

TEST_F_TIMEOUT(tails, the_module_goes_under_those_who_fill_the_mount, 240)
{
	long long deferrals = 0;
	int round, i;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	close(self->full);
	close(self->below);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&self->thread[i], NULL, fill_all_along, self));
	ROUNDS(2, 20) {
		long loops = self->loops;

		self->full = listen_to(&self->m, "used_bytes", "100% both");
		ASSERT_LE(0, self->full);
		ASSERT_TRUE(EVENTUALLY(self->loops > loops + 8));
		deferrals += stat_of("deferrals");
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0)) TH_LOG("round %d", round);
		close(self->full);
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	}
	self->stop = true;
	for (i = 0; i < 4; i++)
		pthread_join(self->thread[i], NULL);
	EXPECT_LT(0, deferrals);
}

/* ---- swap ---- */

static long long swap_free(void)
{
	char *text = slurp_path("/proc/meminfo");
	char *line = text ? strstr(text, "SwapFree:") : NULL;
	long long kib = line ? atoll(line + 9) : 0;

	free(text);
	return kib;
}

TEST_F(mount, blocks_that_are_swapped_out_and_in_stay_counted)
{
	long size = 500 * BLOCK;
	long long before = swap_free();
	volatile char *map, sum = 0;
	int i;

	if (!before)
		SKIP(return, "no swap device is in use");
	ASSERT_EQ(0, ftruncate(self->fd, size));
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	for (i = 0; i < 500; i++)
		map[i * BLOCK] = i;
	EXPECT_NOW(500, 1, 0);
	for (i = 0; i < 20 && swap_free() > before - size / 2048; i++)
		ASSERT_EQ(0, madvise((void *)map, size, MADV_PAGEOUT));
	ASSERT_LT(swap_free(), before) TH_LOG("the kernel swapped nothing out");
	EXPECT_NOW(500, 0, 0);
	for (i = 0; i < 250; i++)
		sum += map[i * BLOCK];
	EXPECT_NOW(500, 0, 0);
	munmap((void *)map, size);

	/* what is out and what is in again are given back alike */
	ASSERT_EQ(0, ftruncate(self->fd, 10 * BLOCK));
	EXPECT_NOW(10, 0, 0);
	ASSERT_EQ(0, ftruncate(self->fd, 9 * BLOCK));
	EXPECT_NOW(9, 0, 1);
}

TEST_F(mount, truncating_what_is_swapped_out_is_told)
{
	long size = 100 * BLOCK;
	long long before = swap_free();
	char *map;
	int i;

	if (!before)
		SKIP(return, "no swap device is in use");
	ASSERT_EQ(0, ftruncate(self->fd, size));
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	memset(map, 1, size);
	EXPECT_NOW(100, 1, 0);
	for (i = 0; i < 20 && swap_free() > before - size / 2048; i++)
		ASSERT_EQ(0, madvise(map, size, MADV_PAGEOUT));
	ASSERT_LT(swap_free(), before) TH_LOG("the kernel swapped nothing out");
	munmap(map, size);
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	EXPECT_NOW(0, 0, 1);
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_NOW(10, 1, 0);
}

TEST_HARNESS_MAIN
