// SPDX-License-Identifier: GPL-2.0
/* All the ways in which a tmpfs gains and loses blocks. */
#include "scratch.h"
#include "kselftest_harness.h"

#include <sys/sendfile.h>
#include <sys/shm.h>

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
