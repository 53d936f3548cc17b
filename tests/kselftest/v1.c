// SPDX-License-Identifier: GPL-2.0
/* Programs written for a cgroup v1 memory directory, with ours in its place. */
#include "race.h"
#include "harness.h"

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

TEST_F(mount, its_names_are_files_and_no_links)
{
	static const char *const names[] = {
		TMPFSWARN_V1_EVENT_CONTROL, TMPFSWARN_V1_USAGE, TMPFSWARN_V1_LIMIT,
		TMPFSWARN_V1_PRESSURE_LEVEL, TMPFSWARN_V1_OOM_CONTROL, TMPFSWARN_V1_FAILCNT,
		TMPFSWARN_V1_MAX_USAGE,
	};
	char path[200];
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s", self->dir, names[i]);
		fd = open(path, (i ? O_RDONLY : O_WRONLY) | O_NOFOLLOW | O_CLOEXEC);
		EXPECT_LE(0, fd) TH_LOG("%s: %s", names[i], strerror(errno));
		close(fd);
	}
}

/* what all of these clients do; the way of writing is theirs */
static int v1_register(const char *dir, const char *resource, const char *args, int flags,
		       size_t extra, bool close_control)
{
	char path[200], text[64];
	int efd = listener(), cfd, fd, n;

	snprintf(path, sizeof(path), "%s/%s", dir, resource);
	cfd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
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
	/* and without a limit there is space */
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=0"));
	EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 0\n");
}

TEST_F(mount, what_is_written_to_oom_control_means_nothing)
{
	static const char *const good[] = { "0", "1", "0\n", "1\n", " 1 " };
	static const char *const bad[] = { "", "\n", "2", "-1", "01", "1 0", "on", "0x1", "11" };
	char text[TMPFSWARN_WRITE_MAX + 1];
	unsigned int i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		EXPECT_EQ(0, put(&self->m, TMPFSWARN_V1_OOM_CONTROL, good[i])) TH_LOG("%s", good[i]);
		EXPECT_TEXT(TMPFSWARN_V1_OOM_CONTROL, "oom_kill_disable 0\nunder_oom 0\n");
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_V1_OOM_CONTROL, bad[i])) TH_LOG("%s", bad[i]);
	memset(text, ' ', sizeof(text));
	text[0] = '1';
	EXPECT_EQ(0, put_bytes(&self->m, TMPFSWARN_V1_OOM_CONTROL, text, sizeof(text) - 1));
	EXPECT_EQ(-EINVAL, put_bytes(&self->m, TMPFSWARN_V1_OOM_CONTROL, text, sizeof(text)));
	EXPECT_EQ(-EFAULT, put_bytes(&self->m, TMPFSWARN_V1_OOM_CONTROL, NULL, 1));
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

static int is_refused(void *arg, int number)
{
	return refuse(arg) == ENOSPC ? 0 : -EBADMSG;
}

static long long number_of(const struct scratch *m, const char *file)
{
	char *text = slurp(m, file);
	long long number = text ? atoll(text) : -errno;

	free(text);
	return number;
}

/* whether what is left of a reset is what was refused after that, and before; others may reset, too */
static int reset_and_read(void *arg, int number)
{
	const struct scratch *m = arg;
	long long before, left;
	int err;

	before = number_of(m, TMPFSWARN_REFUSED);
	err = put(m, TMPFSWARN_V1_FAILCNT, "0");
	if (err)
		return err;
	left = number_of(m, TMPFSWARN_V1_FAILCNT);
	return left >= 0 && left <= number_of(m, TMPFSWARN_REFUSED) - before ? 0 : -EBADMSG;
}

TEST_F(mount, failcnt_loses_nothing_and_doubles_nothing_where_it_is_reset_meanwhile)
{
	int efd = oom_register(self->dir, O_RDONLY, ""), round;
	long long before, after, then, left, all;
	struct noise writers[2], resetter;

	ASSERT_LE(0, efd);
	USE(1000);
	for (round = 0; round < 2; round++)
		noise_start(&writers[round], is_refused, &self->m, round);
	ROUNDS(100, 1000) {
		before = number_of(&self->m, TMPFSWARN_REFUSED);
		ASSERT_EQ(0, put(&self->m, TMPFSWARN_V1_FAILCNT, "0"));
		after = number_of(&self->m, TMPFSWARN_REFUSED);
		then = number_of(&self->m, TMPFSWARN_REFUSED);
		left = number_of(&self->m, TMPFSWARN_V1_FAILCNT);
		ASSERT_GE(left, then - after);
		ASSERT_LE(left, number_of(&self->m, TMPFSWARN_REFUSED) - before);
	}
	noise_start(&resetter, reset_and_read, &self->m, 2);
	ROUNDS(100, 1000)
		ASSERT_EQ(0, reset_and_read(&self->m, 0));
	EXPECT_EQ(0, noise_stop(&resetter));
	EXPECT_EQ(0, noise_stop(&writers[0]));
	EXPECT_EQ(0, noise_stop(&writers[1]));
	all = writers[0].steps + writers[1].steps;
	EXPECT_EQ(all, number_of(&self->m, TMPFSWARN_REFUSED));
	EXPECT_SIGNALS(efd, all);
	/* and it stays what it is while nobody is registered */
	EXPECT_EQ(0, put(&self->m, TMPFSWARN_V1_FAILCNT, "0"));
	EXPECT_EQ(ENOSPC, refuse(&self->m));
	EXPECT_TEXT(TMPFSWARN_V1_FAILCNT, "1\n");
	close(efd);
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	EXPECT_EQ(ENOSPC, refuse(&self->m));
	EXPECT_TEXT(TMPFSWARN_V1_FAILCNT, "1\n");
}

/* ---- memory.max_usage_in_bytes ---- */

static long long most(const struct scratch *m)
{
	char *text = slurp(m, TMPFSWARN_V1_MAX_USAGE);
	long long bytes = text ? atoll(text) : -errno;

	free(text);
	return bytes % m->block ? -EIO : bytes / m->block;
}

#define FORGET()	ASSERT_EQ(0, put(&self->m, TMPFSWARN_V1_MAX_USAGE, "0"))

TEST_F(mount, max_usage_is_the_most_that_was_used_since_it_was_written)
{
	/* nobody has asked yet */
	USE(20);
	USE(10);
	EXPECT_EQ(10, most(&self->m));
	EXPECT_EQ(0, trigger_count(&self->m));
	FORGET();
	EXPECT_EQ(10, most(&self->m));
	EXPECT_EQ(1, trigger_count(&self->m));
	USE(11);
	EXPECT_EQ(11, most(&self->m));
	USE(500);
	USE(499);
	EXPECT_EQ(500, most(&self->m));
	USE(500);
	EXPECT_EQ(500, most(&self->m));
	USE(501);
	USE(0);
	EXPECT_EQ(501, most(&self->m));
	FORGET();
	EXPECT_EQ(0, most(&self->m));
	USE(1000);
	EXPECT_EQ(ENOSPC, refuse(&self->m));
	USE(7);
	EXPECT_EQ(1000, most(&self->m));
	FORGET();
	EXPECT_EQ(7, most(&self->m));
	EXPECT_EQ(1, trigger_count(&self->m));
}

TEST_F(mount, max_usage_is_to_the_block_whatever_is_taken_at_a_time)
{
	int fd = open(scratch_path(&self->m, "another"), O_RDWR | O_CREAT, 0600);
	long long expected = 0;
	int i;

	ASSERT_LE(0, fd);
	FORGET();
	srandom(1);
	for (i = 0; i < 300; i++) {
		long blocks = 1 + random() % (i % 10 ? 40 : 1000);

		ASSERT_EQ(0, ftruncate(fd, 0));
		ASSERT_EQ(0, fallocate(fd, 0, 0, blocks * self->m.block));
		expected = expected > blocks ? expected : blocks;
		ASSERT_EQ(expected, most(&self->m)) TH_LOG("round %d, %ld blocks", i, blocks);
		if (i % 30 == 29) {
			FORGET();
			expected = blocks;
		}
	}
}

struct taker {
	const struct scratch *m;
	int number;
	pthread_t thread;
};

static void *take_200(void *arg)
{
	struct taker *taker = arg;
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/taker%d", taker->m->path, taker->number);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	append_blocks(fd, taker->m, 200);
	close(fd);
	return NULL;
}

TEST_F(mount, max_usage_is_what_several_have_taken_together)
{
	struct taker takers[4];
	int round, i;

	for (round = 0; round < 10; round++) {
		FORGET();
		for (i = 0; i < 4; i++) {
			takers[i] = (struct taker){ .m = &self->m, .number = i };
			ASSERT_EQ(0, pthread_create(&takers[i].thread, NULL, take_200, &takers[i]));
		}
		for (i = 0; i < 4; i++)
			pthread_join(takers[i].thread, NULL);
		ASSERT_EQ(800, scratch_used(&self->m));
		for (i = 0; i < 4; i++) {
			char path[200];

			snprintf(path, sizeof(path), "%s/taker%d", self->m.path, i);
			ASSERT_EQ(0, truncate(path, 0));
		}
		EXPECT_EQ(800, most(&self->m));
	}
}

TEST_F(mount, max_usage_takes_nothing_from_levels_and_tells_nobody)
{
	char level[32], *text;
	int efd;

	FORGET();
	snprintf(level, sizeof(level), "%ld", 10 * self->m.block);
	efd = v1_register(self->dir, "memory.usage_in_bytes", level, O_WRONLY, 0, true);
	ASSERT_LE(0, efd);
	USE(9);
	EXPECT_SIGNALS(efd, 0);
	USE(10);
	EXPECT_SIGNALS(efd, 1);
	USE(900);
	EXPECT_SIGNALS(efd, 0);
	USE(9);
	EXPECT_SIGNALS(efd, 1);
	text = slurp(&self->m, TMPFSWARN_TRIGGERS);
	EXPECT_EQ(text, strstr(text, "resource=memory.max_usage_in_bytes level=0 blocks=901 direction=rising hyst=0 once=0 state=below fired=0 to=nobody "))
		TH_LOG("%s", text);
	free(text);
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 1);
}

TEST_F(mount, off_ends_max_usage)
{
	int round;

	/* also where there is nothing to end */
	EXPECT_EQ(0, put(&self->m, TMPFSWARN_V1_MAX_USAGE, "off"));
	for (round = 0; round < 3; round++) {
		FORGET();
		USE(20);
		USE(10);
		EXPECT_EQ(20, most(&self->m));
		EXPECT_EQ(1, trigger_count(&self->m));
		EXPECT_EQ(0, put(&self->m, TMPFSWARN_V1_MAX_USAGE, round ? "off" : " off\n"));
		EXPECT_EQ(0, trigger_count(&self->m));
		EXPECT_EQ(0, stat_of("triggers"));
		EXPECT_EQ(10, most(&self->m));
	}
	/* what is no word of ours is what it is in cgroup v1 */
	EXPECT_EQ(0, put(&self->m, TMPFSWARN_V1_MAX_USAGE, "offset"));
	EXPECT_EQ(1, trigger_count(&self->m));
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == 0));
}

/* the mount may be gone */
static int put_max_usage(const struct scratch *m, const char *text)
{
	int err = put(m, TMPFSWARN_V1_MAX_USAGE, text);

	return err == -ENOENT || err == -ENODEV ? 0 : err;
}

static int begin_max_usage(void *arg, int number)
{
	return put_max_usage(arg, "0");
}

static int end_max_usage(void *arg, int number)
{
	return put_max_usage(arg, "off");
}

static int end_mount(void *arg, int number)
{
	return scratch_umount(arg);
}

static int take_and_give_back(void *arg, int number)
{
	return scratch_use(arg, 50) ?: scratch_use(arg, 0);
}

TEST_F(mount, max_usage_begins_and_ends_while_others_write)
{
	race_part *const parts[5] = {
		begin_max_usage, end_max_usage, end_max_usage, take_and_give_back,
	};
	int round;

	ROUNDS(50, 200) {
		ASSERT_EQ(0, race(&self->m, 4, parts));
		ASSERT_LE(trigger_count(&self->m), 1);
	}
	EXPECT_EQ(0, end_max_usage(&self->m, 0));
	EXPECT_EQ(0, trigger_count(&self->m));
	FORGET();
	USE(30);
	USE(0);
	EXPECT_EQ(30, most(&self->m));
}

TEST_F(mount, max_usage_ends_as_the_mount_does)
{
	race_part *const parts[4] = { begin_max_usage, end_max_usage, end_mount };
	int round;

	ROUNDS(10, 50) {
		ASSERT_EQ(0, begin_max_usage(&self->m, 0));
		ASSERT_EQ(0, race(&self->m, 3, parts));
		ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == 0));
		scratch_end(&self->m);
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	}
}

TEST_F(mount, the_end_of_max_usage_is_no_signal)
{
	long long sent = stat_of("signals");

	ASSERT_LE(0, sent);
	FORGET();
	USE(5);
	EXPECT_EQ(1, trigger_count(&self->m));
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == 0));
	EXPECT_EQ(sent, stat_of("signals"));
}

TEST_F(mount, max_usage_ends_with_the_limit)
{
	FORGET();
	USE(10);
	ASSERT_EQ(0, scratch_remount(&self->m, "size=0"));
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	EXPECT_EQ(0, most(&self->m));
	EXPECT_EQ(-EOPNOTSUPP, put(&self->m, TMPFSWARN_V1_MAX_USAGE, "0"));
}

TEST_HARNESS_MAIN
