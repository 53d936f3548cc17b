// SPDX-License-Identifier: GPL-2.0
/* Programs written for a cgroup v1 memory directory, with ours in its place. */
#include "scratch.h"
#include "kselftest_harness.h"

FIXTURE(mount) {
	struct scratch m;
	char dir[160];
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	strcpy(self->dir, self->m.dir);
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))

/* what all of these clients do; the way of writing is theirs */
static int v1_register(const char *dir, const char *resource, const char *args, int flags,
		       size_t extra, bool close_control)
{
	char path[200], text[64];
	int efd = listener(), cfd, fd, n;

	snprintf(path, sizeof(path), "%s/%s", dir, resource);
	cfd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/cgroup.event_control", dir);
	fd = open(path, flags, 0700);
	if (cfd < 0 || fd < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%d %d %s", efd, cfd, args) + extra;
	if (write(fd, text, n) != n)
		return -errno;
	close(fd);
	if (close_control)
		close(cfd);
	return efd;
}

TEST_F(mount, cgroup_event_listener_of_the_kernel_tree_is_served)
{
	char level[32];
	int efd;

	snprintf(level, sizeof(level), "%ld", 10 * self->m.block);
	efd = v1_register(self->dir, "memory.usage_in_bytes", level, O_WRONLY, 1, false);
	ASSERT_LE(0, efd);
	USE(9);
	EXPECT_SIGNALS(efd, 0);
	USE(10);
	EXPECT_SIGNALS(efd, 1);
	USE(9);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, go_programs_are_served)
{
	char level[32];
	int threshold, pressure;

	/* os.WriteFile(), as containerd's cgroups does it */
	snprintf(level, sizeof(level), "%ld", 10 * self->m.block);
	threshold = v1_register(self->dir, "memory.usage_in_bytes", level,
				O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0, true);
	pressure = v1_register(self->dir, "memory.pressure_level", "critical,hierarchy",
			       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0, true);
	ASSERT_LE(0, threshold);
	ASSERT_LE(0, pressure);
	USE(10);
	EXPECT_SIGNALS(threshold, 1);
	USE(949);
	EXPECT_SIGNALS(pressure, 0);
	USE(950);
	EXPECT_SIGNALS(pressure, 1);
}

TEST_F(mount, a_path_relative_to_the_memory_hierarchy_leads_here)
{
	char dir[200];
	struct stat st;

	/* /sys/fs/cgroup/memory need not exist for this: two directories of sysfs */
	snprintf(dir, sizeof(dir), "/sys/fs/../kernel/debug/tmpfswarn/%u:%u",
		 major(self->m.dev), minor(self->m.dev));
	EXPECT_EQ(0, stat(dir, &st));
	EXPECT_LE(0, v1_register(dir, "memory.pressure_level", "low", O_WRONLY, 0, true));
	EXPECT_EQ(1, trigger_count(&self->m));
}

TEST_F(mount, the_limit_is_the_size_of_the_mount)
{
	char *text = slurp(&self->m, "memory.limit_in_bytes");

	EXPECT_EQ(1000 * self->m.block, atoll(text));
	free(text);
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=2000"));
	text = slurp(&self->m, "memory.limit_in_bytes");
	EXPECT_EQ(2000 * self->m.block, atoll(text));
	free(text);
}

TEST_F(mount, usage_by_its_v1_name_is_the_usage)
{
	char *text;

	USE(123);
	text = slurp(&self->m, "memory.usage_in_bytes");
	EXPECT_EQ(123 * self->m.block, atoll(text));
	free(text);
}

TEST_F(mount, the_largest_level_is_minus_one)
{
	int efd = v1_register(self->dir, "memory.usage_in_bytes", "-1", O_WRONLY, 0, true);

	ASSERT_LE(0, efd);
	USE(1000);
	EXPECT_SIGNALS(efd, 0);
}

TEST_F(mount, event_control_is_gone_by_lstat_after_the_last_wake_up)
{
	char path[200];
	struct stat st;
	int efd;

	efd = v1_register(self->dir, "memory.pressure_level", "critical", O_WRONLY, 0, false);
	ASSERT_LE(0, efd);
	snprintf(path, sizeof(path), "%s/cgroup.event_control", self->dir);
	USE(950);
	EXPECT_SIGNALS(efd, 1);
	EXPECT_EQ(0, lstat(path, &st));
	EXPECT_EQ(0, access(path, W_OK));
	ASSERT_EQ(0, scratch_umount(&self->m));
	ASSERT_TRUE(readable(efd, BOUND));
	EXPECT_EQ(-1, lstat(path, &st));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_SIGNALS(efd, 1);
}

/* ---- memory.oom_control, memory.failcnt ---- */

/* as v1_register(), with memory.oom_control opened in one of the ways there are */
static int oom_register(const char *dir, int mode, const char *end)
{
	char path[200], text[64];
	int efd = listener(), oom, fd, n;

	snprintf(path, sizeof(path), "%s/memory.oom_control", dir);
	oom = open(path, mode | O_CLOEXEC | O_NOFOLLOW);
	snprintf(path, sizeof(path), "%s/cgroup.event_control", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (oom < 0 || fd < 0)
		return -errno;
	n = snprintf(text, sizeof(text), "%d %d%s", efd, oom, end);
	if (write(fd, text, n) != n)
		return -errno;
	close(fd);
	close(oom);
	return efd;
}

/* a write of one byte more than there is space for */
static int refuse(const struct scratch *m)
{
	int fd = open(scratch_path(m, "filler"), O_WRONLY | O_CLOEXEC), error;

	error = pwrite(fd, "", 1, 1000 * m->block) < 0 ? errno : 0;
	close(fd);
	return error;
}

TEST_F(mount, oom_control_is_signalled_at_a_refusal_and_not_by_the_last_block)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	static const char *const ends[] = { "", " ", "\n" };
	int efd[9], i;

	for (i = 0; i < 9; i++) {
		efd[i] = oom_register(self->dir, modes[i / 3], ends[i % 3]);
		ASSERT_LE(0, efd[i]) TH_LOG("%d", i);
	}
	EXPECT_EQ(9, trigger_count(&self->m));
	USE(999);
	USE(1000);
	for (i = 0; i < 9; i++)
		EXPECT_SIGNALS(efd[i], 0);
	EXPECT_EQ(ENOSPC, refuse(&self->m));
	EXPECT_EQ(ENOSPC, refuse(&self->m));
	for (i = 0; i < 9; i++)
		EXPECT_SIGNALS(efd[i], 2);
	ASSERT_EQ(0, scratch_umount(&self->m));
	for (i = 0; i < 9; i++)
		EXPECT_SIGNALS_SOON(efd[i], 1);
}

TEST_F(mount, oom_control_takes_no_level)
{
	EXPECT_EQ(-EINVAL, oom_register(self->dir, O_RDONLY, " 80%"));
	EXPECT_EQ(-EINVAL, oom_register(self->dir, O_RDONLY, " rising"));
	EXPECT_LE(0, oom_register(self->dir, O_RDONLY, " once"));
	EXPECT_EQ(1, trigger_count(&self->m));
}

#define EXPECT_TEXT(file, expected) do {				\
	char *found = slurp(&self->m, file);				\
									\
	EXPECT_STREQ(expected, found);					\
	free(found);							\
} while (0)

TEST_F(mount, oom_control_has_two_lines_that_say_whether_there_is_no_space)
{
	EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 0\n");
	USE(999);
	EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 0\n");
	USE(1000);
	EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 1\n");
	USE(1);
	EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 0\n");
	/* the directory and the file */
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_inodes=2"));
	EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 1\n");
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_inodes=0"));
	EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 0\n");
}

TEST_F(mount, what_is_written_to_oom_control_means_nothing)
{
	static const char *const good[] = { "0", "1", "0\n", "1\n", " 1 " };
	static const char *const bad[] = { "", "\n", "2", "-1", "01", "1 0", "on", "0x1", "11" };
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		EXPECT_EQ(0, put(&self->m, TMPFSWARN_V1_OOM_CONTROL, good[i])) TH_LOG("%s", good[i]);
		EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 0\n");
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_V1_OOM_CONTROL, bad[i])) TH_LOG("%s", bad[i]);
	EXPECT_EQ(0, trigger_count(&self->m));
}

TEST_F(mount, failcnt_is_what_was_refused_since_it_was_written)
{
	int efd = oom_register(self->dir, O_RDONLY, "");

	ASSERT_LE(0, efd);
	USE(1000);
	EXPECT_TEXT(TMPFSWARN_V1_FAILCNT, "0\n");
	EXPECT_EQ(ENOSPC, refuse(&self->m));
	EXPECT_EQ(ENOSPC, refuse(&self->m));
	EXPECT_TEXT(TMPFSWARN_V1_FAILCNT, "2\n");
	EXPECT_EQ(0, put(&self->m, TMPFSWARN_V1_FAILCNT, "0"));
	EXPECT_TEXT(TMPFSWARN_V1_FAILCNT, "0\n");
	EXPECT_TEXT(TMPFSWARN_REFUSED, "2\n");
	EXPECT_EQ(ENOSPC, refuse(&self->m));
	EXPECT_TEXT(TMPFSWARN_V1_FAILCNT, "1\n");
	EXPECT_EQ(0, put(&self->m, TMPFSWARN_V1_FAILCNT, "whatever\n"));
	EXPECT_TEXT(TMPFSWARN_V1_FAILCNT, "0\n");
	EXPECT_SIGNALS(efd, 3);
}

TEST_HARNESS_MAIN
