// SPDX-License-Identifier: GPL-2.0
/* The limits of the module's parameters. Reloads the module: needs TMPFSWARN_KO. */
#include "scratch.h"
#include "kselftest_harness.h"

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

TEST_F_TIMEOUT(limit, mounts_beyond_the_limit_are_hidden_and_said_once, 120)
{
	char path[6][64], parameters[32], *mark;
	struct scratch one;
	long long there;
	int i;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		SKIP(return, "no mount namespace of its own");
	ASSERT_TRUE(EVENTUALLY(stat_of("mounts") >= 0));
	there = stat_of("mounts");
	snprintf(parameters, sizeof(parameters), "max_mounts=%lld", there + 2);
	RELOAD(parameters);
	mark = mark_log();
	ASSERT_TRUE(EVENTUALLY(stat_of("mounts") == there));
	for (i = 0; i < 6; i++) {
		strcpy(path[i], "/tmp/tmpfswarn.XXXXXX");
		ASSERT_NE(NULL, mkdtemp(path[i]));
		ASSERT_EQ(0, mount("scratch", path[i], "tmpfs", 0, "nr_blocks=100"));
		EXPECT_TRUE(EVENTUALLY(stat_of("mounts") + stat_of("mounts_hidden") ==
				       there + i + 1));
	}
	EXPECT_EQ(there + 2, stat_of("mounts"));
	EXPECT_EQ(4, stat_of("mounts_hidden"));
	EXPECT_EQ(1, log_lines(mark, "max_mounts"));

	/* with no trigger yet, the first of which makes it look for mounts anyhow */
	EXPECT_EQ(0, umount2(path[5], 0));
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts_hidden") == 3));
	/* where one that is shown goes there is room for one of those hidden */
	EXPECT_EQ(0, umount2(path[1], 0));
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts_hidden") == 2));
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") == there + 2));

	ASSERT_EQ(0, scratch_adopt(&one, path[0]));
	EXPECT_LE(0, listen_blocks(&one, 10, ""));

	for (i = 0; i < 6; i++) {
		if (i != 1 && i != 5)
			EXPECT_EQ(0, umount2(path[i], 0));
		rmdir(path[i]);
	}
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts_hidden") == 0));
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") == there));

	/* and with room again, a new one is shown */
	ASSERT_EQ(0, scratch_mount(&one, "nr_blocks=100"));
	scratch_end(&one);
}

/* a superblock that comes and goes without being mounted, which would take its time */
static int come_and_go(void)
{
	int fd = syscall(SYS_fsopen, "tmpfs", 0), error = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		error = -errno;
	close(fd);
	return error;
}

/* It counts the newest first, and then has all the others to look at. */
TEST_F_TIMEOUT(limit, one_that_goes_just_when_it_is_counted_is_hidden_no_more, 120)
{
	enum { SHOWN = 200 };
	char top[] = "/tmp/tmpfswarn.XXXXXX", path[64], parameters[32];
	long long there;
	int i;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		SKIP(return, "no mount namespace of its own");
	there = stat_of("mounts");
	snprintf(parameters, sizeof(parameters), "max_mounts=%lld", there + SHOWN);
	RELOAD(parameters);
	ASSERT_NE(NULL, mkdtemp(top));
	for (i = 0; i < SHOWN; i++) {
		snprintf(path, sizeof(path), "%s/%d", top, i);
		ASSERT_EQ(0, mkdir(path, 0700));
		ASSERT_EQ(0, mount("scratch", path, "tmpfs", 0, "nr_blocks=100"));
	}
	ASSERT_TRUE(EVENTUALLY(stat_of("mounts") == there + SHOWN));
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, come_and_go());
		usleep(5000);
		ASSERT_TRUE(EVENTUALLY(stat_of("mounts_hidden") == 0)) TH_LOG("round %d", i);
	}
	for (i = 0; i < SHOWN; i++) {
		snprintf(path, sizeof(path), "%s/%d", top, i);
		EXPECT_EQ(0, umount2(path, 0));
		rmdir(path);
	}
	rmdir(top);
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") == there));
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
