// SPDX-License-Identifier: GPL-2.0
/* One directory for each superblock, however it is mounted and remounted. */
#include "scratch.h"
#include "harness.h"

#include <dirent.h>

FIXTURE(mount) {
	struct scratch m;
	char second[64];
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000,nr_inodes=100"));
	strcpy(self->second, "/tmp/tmpfswarn.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->second));
}

FIXTURE_TEARDOWN(mount)
{
	umount2(self->second, MNT_DETACH);
	rmdir(self->second);
	scratch_end(&self->m);
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))
#define REMOUNT(options) ASSERT_EQ(0, scratch_remount(&self->m, options))
#define LISTEN(args) ({							\
	int _efd = listen_to(&self->m, TMPFSWARN_USED_BYTES, args);	\
									\
	ASSERT_LE(0, _efd);						\
	_efd;								\
})

/* ---- what is said of a mount ---- */

static void expect_usage_of_statvfs(struct __test_metadata *_metadata, const struct scratch *m)
{
	struct statvfs v;
	long long used, limit;
	char path[160], *text;

	ASSERT_EQ(0, statvfs(m->path, &v));
	used = (long long)(v.f_blocks - v.f_bfree) * v.f_bsize;
	EXPECT_EQ((long long)v.f_blocks * v.f_bsize, usage_of(m, "size"));
	EXPECT_EQ(used, usage_of(m, "used"));
	EXPECT_EQ((long long)v.f_bfree * v.f_bsize, usage_of(m, "free"));
	EXPECT_EQ(v.f_files, usage_of(m, "inodes"));
	EXPECT_EQ(v.f_files - v.f_ffree, usage_of(m, "inodes_used"));
	EXPECT_EQ(v.f_ffree, usage_of(m, "inodes_free"));

	text = slurp(m, TMPFSWARN_USED_BYTES);
	snprintf(path, sizeof(path), "%lld\n", used);
	EXPECT_STREQ(path, text);
	free(text);
	text = slurp(m, TMPFSWARN_V1_USAGE);
	EXPECT_STREQ(path, text);
	free(text);
	text = slurp(m, TMPFSWARN_V1_LIMIT);
	limit = (long long)v.f_blocks * v.f_bsize;
	snprintf(path, sizeof(path), "%lld\n", limit);
	if (limit)
		EXPECT_STREQ(path, text);
	free(text);
}

TEST_F(mount, usage_says_what_statvfs_says_byte_for_byte)
{
	char name[16];
	int i;

	for (i = 0; i <= 1000; i += 37) {
		USE(i);
		expect_usage_of_statvfs(_metadata, &self->m);
	}
	for (i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		close(open(scratch_path(&self->m, name), O_WRONLY | O_CREAT, 0600));
	}
	expect_usage_of_statvfs(_metadata, &self->m);
	USE(3);
	REMOUNT("nr_blocks=77,nr_inodes=200");
	expect_usage_of_statvfs(_metadata, &self->m);
}

TEST_F(mount, usage_says_zero_where_there_is_no_limit)
{
	struct scratch m;

	ASSERT_EQ(0, scratch_mount(&m, "size=0,nr_inodes=0"));
	expect_usage_of_statvfs(_metadata, &m);
	EXPECT_EQ(0, usage_of(&m, "inodes"));
	EXPECT_EQ(0, usage_of(&m, "size"));
	scratch_end(&m);
	ASSERT_EQ(0, scratch_mount(&m, "size=1G,nr_inodes=0"));
	expect_usage_of_statvfs(_metadata, &m);
	scratch_end(&m);
}

TEST_F(mount, used_bytes_can_be_read_again_after_lseek)
{
	char path[160], text[64];
	int fd, i;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/used_bytes", self->m.dir);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	for (i = 0; i < 20; i++) {
		USE(i);
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		n = read(fd, text, sizeof(text) - 1);
		ASSERT_LT(0, n);
		text[n] = '\0';
		EXPECT_EQ(i * self->m.block, atoll(text));
		EXPECT_EQ('\n', text[n - 1]);
		EXPECT_EQ(0, read(fd, text, sizeof(text)));
	}
}

TEST_F(mount, used_bytes_can_be_read_byte_by_byte)
{
	char path[160], text[64] = "", want[64];
	int fd, n = 0;

	USE(123);
	snprintf(path, sizeof(path), "%s/used_bytes", self->m.dir);
	snprintf(want, sizeof(want), "%ld\n", 123 * self->m.block);
	fd = open(path, O_RDONLY);
	while (n < 60 && read(fd, text + n, 1) == 1)
		n++;
	EXPECT_STREQ(want, text);
}

/* ---- one superblock, one directory ---- */

static int directories(void)
{
	DIR *dir = opendir(ROOM);
	struct dirent *entry;
	int count = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		count += strchr(entry->d_name, ':') != NULL;
	closedir(dir);
	return count;
}

TEST_F(mount, the_directory_is_named_by_st_dev)
{
	struct stat st;
	char name[128];

	ASSERT_EQ(0, stat(self->m.path, &st));
	snprintf(name, sizeof(name), ROOM "/%u:%u", major(st.st_dev), minor(st.st_dev));
	EXPECT_EQ(0, access(name, F_OK));
}

TEST_F(mount, every_tmpfs_mounted_has_a_directory)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[4096], number[32], name[128];
	int seen = 0;

	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, " - tmpfs ") || sscanf(line, "%*d %*d %31s", number) != 1)
			continue;
		snprintf(name, sizeof(name), ROOM "/%s", number);
		EXPECT_EQ(0, access(name, F_OK)) TH_LOG("%s", line);
		seen++;
	}
	fclose(f);
	EXPECT_LT(0, seen);
}

TEST_F(mount, a_mount_appears_and_vanishes_in_the_list_and_in_stats)
{
	int before;
	struct scratch m;

	ASSERT_TRUE(EVENTUALLY(directories() == stat_of("mounts")));
	before = directories();
	ASSERT_EQ(0, scratch_mount(&m, "nr_blocks=10"));
	EXPECT_EQ(before + 1, directories());
	EXPECT_EQ(before + 1, stat_of("mounts"));
	ASSERT_EQ(0, scratch_umount(&m));
	EXPECT_TRUE(EVENTUALLY(directories() == before));
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") == before));
	scratch_end(&m);
}

TEST_F(mount, a_bind_mount_shares_the_directory_and_the_triggers)
{
	int before, efd, fd;
	struct scratch bind;

	before = directories();
	efd = listen_blocks(&self->m, 10, "rising");
	ASSERT_EQ(0, mount(self->m.path, self->second, NULL, MS_BIND, NULL));
	ASSERT_EQ(0, scratch_adopt(&bind, self->second));
	EXPECT_STREQ(self->m.dir, bind.dir);
	fd = open(scratch_path(&bind, "file"), O_WRONLY | O_CREAT, 0600);
	ASSERT_EQ(0, append_blocks(fd, &bind, 10));
	close(fd);
	EXPECT_SIGNALS(efd, 1);
	EXPECT_EQ(before, directories());

	/* the first mount point goes, the superblock stays */
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_EQ(0, access(self->m.dir, F_OK));
	EXPECT_EQ(1, trigger_count(&bind));
	ASSERT_EQ(0, truncate(scratch_path(&bind, "file"), 0));
	ASSERT_EQ(0, scratch_use(&bind, 10));
	EXPECT_SIGNALS(efd, 1);

	/* the last one goes */
	ASSERT_EQ(0, umount2(self->second, 0));
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_NE(0, access(self->m.dir, F_OK));
}

TEST_F(mount, a_mount_in_another_namespace_is_seen_and_shares)
{
	int efd = listen_blocks(&self->m, 10, "rising"), go[2], status;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (child == 0) {
		close(go[1]);
		if (unshare(CLONE_NEWNS) || read(go[0], &byte, 1) != 1)
			_exit(1);
		/* here it is mounted still */
		_exit(scratch_use(&self->m, 10) ? 2 : 0);
	}
	/* the child has its copy as soon as it waits; the order does not matter */
	ASSERT_TRUE(EVENTUALLY(({
		char mine[64] = "", its[64] = "", path[64];

		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", child);
		readlink("/proc/self/ns/mnt", mine, sizeof(mine) - 1);
		readlink(path, its, sizeof(its) - 1);
		its[0] && strcmp(mine, its);
	})));
	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS(efd, 0);
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	/* one for the crossing, and the farewell: the namespace went with the child */
	EXPECT_SIGNALS_SOON(efd, 2);
	EXPECT_NE(0, access(self->m.dir, F_OK));
}

TEST_F(mount, a_mount_made_in_a_user_namespace_is_shown)
{
	int ready[2], go[2], status;
	struct scratch m = self->m;
	struct stat st;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	child = fork();
	if (child == 0) {
		close(go[1]);
		close(ready[0]);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
		    mount("scratch", self->second, "tmpfs", 0, "nr_blocks=10") ||
		    stat(self->second, &st))
			_exit(4);
		if (write(ready[1], &st.st_dev, sizeof(st.st_dev)) != sizeof(st.st_dev))
			_exit(1);
		_exit(read(go[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(ready[1]);
	if (read(ready[0], &m.dev, sizeof(m.dev)) != sizeof(m.dev)) {
		waitpid(child, &status, 0);
		SKIP(return, "no user namespaces here");
	}
	snprintf(m.dir, sizeof(m.dir), ROOM "/%u:%u", major(m.dev), minor(m.dev));
	EXPECT_TRUE(EVENTUALLY(scratch_shown(&m)));
	EXPECT_EQ(10LL * m.block, usage_of(&m, "size"));
	ASSERT_EQ(1, write(go[1], "", 1));
	waitpid(child, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_TRUE(EVENTUALLY(access(m.dir, F_OK) != 0));
}

TEST_F(mount, a_mount_that_fails_leaves_no_directory)
{
	int before, i;

	ASSERT_TRUE(EVENTUALLY(directories() == stat_of("mounts")));
	before = directories();
	for (i = 0; i < 20; i++)
		ASSERT_EQ(-1, mount("scratch", self->second, "tmpfs", 0, "nr_blocks=nonsense"));
	EXPECT_EQ(before, directories());
	/* and one made after them is shown as ever */
	ASSERT_EQ(0, mount("scratch", self->second, "tmpfs", 0, "nr_blocks=10"));
	EXPECT_TRUE(EVENTUALLY(directories() == before + 1));
	EXPECT_EQ(before + 1, stat_of("mounts"));
}

TEST_F(mount, a_read_only_mount_is_shown)
{
	struct scratch m;

	ASSERT_EQ(0, mount("scratch", self->second, "tmpfs", MS_RDONLY, "nr_blocks=10"));
	ASSERT_EQ(0, scratch_adopt(&m, self->second));
	EXPECT_EQ(10LL * m.block, usage_of(&m, "size"));
	EXPECT_LE(0, listen_to(&m, "used_bytes", "50%"));
}

/* ---- remounts ---- */

TEST_F(mount, a_percentage_follows_a_mount_that_grows)
{
	int efd = LISTEN("50% rising");

	USE(499);
	REMOUNT("nr_blocks=2000");
	USE(999);
	EXPECT_SIGNALS(efd, 0);
	USE(1000);
	EXPECT_SIGNALS(efd, 1);
	EXPECT_EQ(1000, trigger_number(&self->m, 0, "blocks"));
}

TEST_F(mount, a_percentage_follows_a_mount_that_shrinks_at_the_very_next_write)
{
	int efd = LISTEN("50% rising");

	USE(399);
	REMOUNT("nr_blocks=800");
	USE(400);
	EXPECT_SIGNALS(efd, 1);
	EXPECT_EQ(400, trigger_number(&self->m, 0, "blocks"));
}

TEST_F_TIMEOUT(mount, a_write_right_after_each_of_many_remounts_is_told_at_once, 120)
{
	char options[32];
	int efd = LISTEN("50% rising"), i;

	for (i = 0; i < 50; i++) {
		USE(350);
		REMOUNT("nr_blocks=1000");
		ASSERT_EQ(0, signals(efd, 0));
		snprintf(options, sizeof(options), "nr_blocks=%d", 702 + 2 * i);
		REMOUNT(options);
		USE(350 + i);
		ASSERT_EQ(0, signals(efd, 0)) TH_LOG("round %d", i);
		USE(351 + i);
		ASSERT_EQ(1, signals(efd, 1)) TH_LOG("round %d", i);
	}
}

TEST_F_TIMEOUT(mount, a_registration_right_after_each_of_many_remounts_keeps_the_others, 120)
{
	char options[32];
	int efd[50], i;

	for (i = 0; i < 50; i++) {
		snprintf(options, sizeof(options), "nr_blocks=%d", 1000 + 20 * (i % 2));
		REMOUNT(options);
		efd[i] = LISTEN("50% rising");
	}
	REMOUNT("nr_blocks=1000");
	USE(499);
	for (i = 0; i < 50; i++)
		EXPECT_SIGNALS(efd[i], 0);
	USE(500);
	for (i = 0; i < 50; i++)
		EXPECT_SIGNALS(efd[i], 1);
}

TEST_F(mount, a_level_in_bytes_stays_where_it_is)
{
	int efd = listen_blocks(&self->m, 500, "both");

	USE(499);
	REMOUNT("nr_blocks=600");
	REMOUNT("nr_blocks=5000");
	EXPECT_SIGNALS(efd, 0);
	USE(500);
	EXPECT_SIGNALS(efd, 1);
	REMOUNT("nr_blocks=500");
	REMOUNT("nr_blocks=9000");
	EXPECT_SIGNALS(efd, 0);
	USE(499);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, shrinking_past_a_percentage_is_a_crossing)
{
	int rising = LISTEN("50% rising");
	int falling = LISTEN("50% falling");
	int pressure = listen_to(&self->m, "pressure_level", "low");
	long long resyncs = stat_of("resyncs");

	USE(450);
	REMOUNT("nr_blocks=900");
	EXPECT_SIGNALS_SOON(rising, 1);
	EXPECT_SIGNALS(falling, 0);
	EXPECT_SIGNALS(pressure, 0);
	REMOUNT("nr_blocks=750");
	EXPECT_SIGNALS_SOON(pressure, 1);
	EXPECT_SIGNALS(rising, 0);
	/* by the remount itself */
	EXPECT_EQ(resyncs, stat_of("resyncs"));
}

/* more of them than are told of at a time */
TEST_F(mount, shrinking_past_many_percentages_is_a_crossing_of_each)
{
	int efds[100], i;

	for (i = 0; i < 100; i++)
		efds[i] = LISTEN("50% rising");
	USE(450);
	REMOUNT("nr_blocks=900");
	for (i = 0; i < 100; i++) {
		EXPECT_SIGNALS_SOON(efds[i], 1);
		close(efds[i]);
	}
}

TEST_F(mount, growing_away_from_a_percentage_is_a_crossing)
{
	int rising = LISTEN("50% rising");
	int falling = LISTEN("50% falling");

	USE(500);
	EXPECT_SIGNALS(rising, 1);
	REMOUNT("nr_blocks=1001");
	EXPECT_SIGNALS_SOON(falling, 1);
	EXPECT_SIGNALS(rising, 0);
	USE(501);
	EXPECT_SIGNALS(rising, 1);
	EXPECT_SIGNALS(falling, 0);
}

TEST_F(mount, a_hysteresis_in_percent_follows_too)
{
	int efd = LISTEN("50% rising hyst=10%");

	USE(500);
	EXPECT_SIGNALS(efd, 1);
	REMOUNT("nr_blocks=2000");
	/* now 1000, and back to 800 */
	USE(801);
	USE(1000);
	EXPECT_SIGNALS(efd, 1);	/* 500 was far enough back */
	USE(801);
	USE(1000);
	EXPECT_SIGNALS(efd, 0);
	USE(800);
	USE(1000);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, a_remount_that_is_refused_changes_nothing)
{
	int efd = LISTEN("50% both");

	USE(400);
	ASSERT_EQ(-EINVAL, scratch_remount(&self->m, "nr_blocks=399"));
	EXPECT_EQ(500, trigger_number(&self->m, 0, "blocks"));
	EXPECT_SIGNALS(efd, 0);
	USE(499);
	EXPECT_SIGNALS(efd, 0);
	USE(500);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, a_remount_read_only_and_back_keeps_the_triggers)
{
	int efd = LISTEN("50% both");

	ASSERT_EQ(0, mount(NULL, self->m.path, NULL, MS_REMOUNT | MS_RDONLY, NULL));
	EXPECT_EQ(1, trigger_count(&self->m));
	ASSERT_EQ(0, mount(NULL, self->m.path, NULL, MS_REMOUNT, NULL));
	USE(500);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, a_remount_that_takes_the_limit_away_ends_the_triggers_as_an_umount_does)
{
	int percent = LISTEN("50% rising"), bytes = LISTEN("100k both");
	int once = LISTEN("40k once"), told = LISTEN("40k both");
	int rfc, inodes, unset = rfc_listen(&self->m);
	long long mounts = stat_of("mounts");

	ASSERT_LE(0, unset);
	USE(400);
	EXPECT_SIGNALS(once, 1);
	EXPECT_SIGNALS(told, 1);
	EXPECT_SIGNALS(bytes, 1);
	ASSERT_EQ(0, put(&self->m, "warn_used_blocks", "900"));
	rfc = rfc_listen(&self->m);
	ASSERT_LE(0, rfc);
	inodes = listen_to(&self->m, TMPFSWARN_USED_INODES, "100");
	ASSERT_LE(0, inodes);
	REMOUNT("size=0");
	EXPECT_SIGNALS_SOON(percent, 1);
	/* so whoever looks after that knows that it is over */
	EXPECT_EQ(0, usage_of(&self->m, "size"));
	EXPECT_SIGNALS_SOON(bytes, 1);
	EXPECT_SIGNALS_SOON(told, 1);
	EXPECT_SIGNALS_SOON(rfc, 1);
	EXPECT_SIGNALS_SOON(unset, 1);
	/* it is not over for inodes */
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == 1));
	EXPECT_SIGNALS(inodes, 0);
	close(inodes);
	/* its only one was the crossing */
	EXPECT_SIGNALS(once, 0);
	ASSERT_EQ(0, truncate(scratch_path(&self->m, "filler"), 0));
	ASSERT_EQ(0, scratch_umount(&self->m));
	ASSERT_TRUE(EVENTUALLY(stat_of("mounts") == mounts - 1));
	EXPECT_SIGNALS(percent, 0);
	EXPECT_SIGNALS(told, 0);
	EXPECT_SIGNALS(rfc, 0);
}

TEST_HARNESS_MAIN
