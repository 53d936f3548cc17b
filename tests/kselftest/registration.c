// SPDX-License-Identifier: GPL-2.0
/* What may be written to event_control, and what every refusal leaves behind. */
#include "scratch.h"
#include "harness.h"

#include <dirent.h>
#include <ftw.h>

FIXTURE(mount) {
	struct scratch m;
	int efd;
	int cfd;
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->efd = listener();
	self->cfd = open(strcat(strcpy((char[160]){}, self->m.dir), "/used_bytes"), O_RDONLY);
	ASSERT_LE(0, self->cfd);
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

/* "<efd> <cfd> <level>" with ten blocks for a level, and what stands around it */
static int write_around(const struct scratch *m, int efd, int cfd, const char *before,
			const char *after, size_t after_size)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%s%d %d %lld", before, efd, cfd, 10LL * m->block);

	memcpy(text + n, after, after_size);
	return put_bytes(m, TMPFSWARN_EVENT_CONTROL, text, n + after_size);
}

/* true when a crossing of ten blocks is told, and nothing before it */
static bool works(const struct scratch *m, int efd)
{
	return signals(efd, 0) == 0 && scratch_use(m, 9) == 0 && signals(efd, 0) == 0 &&
		scratch_use(m, 10) == 0 && signals(efd, 1) == 1;
}

TEST_F(mount, nothing_behind_the_level_is_accepted)
{
	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", "", 0));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, a_trailing_nul_is_accepted)
{
	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", "", 1));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, a_trailing_newline_is_accepted)
{
	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", "\n", 1));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, a_trailing_newline_and_nul_are_accepted)
{
	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", "\n", 2));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, a_trailing_space_is_accepted)
{
	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", " ", 1));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, white_space_around_the_whole_is_ignored)
{
	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, " \t\n ", " \t\n\r ", 5));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, what_follows_a_nul_is_ignored)
{
	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", "\0junk", 5));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, white_space_of_any_kind_separates_the_words)
{
	static const char words[] = " \t rising\n\tonce  now ";

	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", words, sizeof(words)));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, opening_with_creat_and_trunc_works)
{
	char path[160], text[64];
	int fd;

	snprintf(path, sizeof(path), "%s/event_control", self->m.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	ASSERT_LE(0, fd);
	snprintf(text, sizeof(text), "%d %d %lld", self->efd, self->cfd, 10LL * self->m.block);
	ASSERT_EQ(strlen(text), write(fd, text, strlen(text)));
	close(fd);
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, one_open_event_control_takes_many_writes)
{
	char path[160], text[64];
	int fd, i;

	snprintf(path, sizeof(path), "%s/event_control", self->m.dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	for (i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "%d %d %lld", self->efd, self->cfd,
			 (10LL + i) * self->m.block);
		ASSERT_EQ(strlen(text) + 1, write(fd, text, strlen(text) + 1));
	}
	EXPECT_EQ(5, trigger_count(&self->m));
	ASSERT_EQ(0, scratch_use(&self->m, 20));
	EXPECT_SIGNALS(self->efd, 5);
}

TEST_F(mount, the_control_fd_may_be_closed_straight_away)
{
	ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", "", 0));
	close(self->cfd);
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, a_control_fd_opened_through_a_link_counts_as_the_file)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/memory.usage_in_bytes", self->m.dir);
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, write_around(&self->m, self->efd, fd, "", "", 0));
	EXPECT_TRUE(works(&self->m, self->efd));
}

TEST_F(mount, one_eventfd_registered_many_times_is_signalled_for_each)
{
	int i;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, write_around(&self->m, self->efd, self->cfd, "", "", 0));
	EXPECT_EQ(100, trigger_count(&self->m));
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_SIGNALS(self->efd, 100);
}

TEST_F(mount, the_longest_write_is_accepted_and_a_longer_one_refused)
{
	char text[TMPFSWARN_WRITE_MAX + 2];
	int n;

	n = snprintf(text, sizeof(text), "%d %d 10", self->efd, self->cfd);
	memset(text + n, ' ', sizeof(text) - n);
	ASSERT_EQ(0, put_bytes(&self->m, TMPFSWARN_EVENT_CONTROL, text, TMPFSWARN_WRITE_MAX));
	EXPECT_EQ(1, trigger_count(&self->m));
	EXPECT_EQ(-EINVAL, put_bytes(&self->m, TMPFSWARN_EVENT_CONTROL, text,
				     TMPFSWARN_WRITE_MAX + 1));
	memset(text + n, 0, sizeof(text) - n);
	EXPECT_EQ(-EINVAL, put_bytes(&self->m, TMPFSWARN_EVENT_CONTROL, text,
				     TMPFSWARN_WRITE_MAX + 1));
	EXPECT_EQ(1, trigger_count(&self->m));
}

TEST_F(mount, a_registration_is_listed_as_it_was_made)
{
	char value[64], args[64];

	snprintf(args, sizeof(args), "%lld rising once hyst=12.5%%", 10LL * self->m.block);
	ASSERT_EQ(0, control(&self->m, self->efd, "used_bytes", args));
	ASSERT_EQ(0, control(&self->m, self->efd, "pressure_level", "medium,hierarchy"));
	ASSERT_EQ(0, control(&self->m, self->efd, "used_bytes", "80.05% falling"));
	ASSERT_EQ(0, control(&self->m, self->efd, "used_bytes", "-1"));
	ASSERT_EQ(4, trigger_count(&self->m));

#define EXPECT_FIELD(index, key, want) do {						\
		ASSERT_TRUE(trigger_field(&self->m, index, key, value, sizeof(value)));	\
		EXPECT_STREQ(want, value);						\
	} while (0)
	EXPECT_FIELD(0, "resource", "used_bytes");
	EXPECT_EQ(10LL * self->m.block, trigger_number(&self->m, 0, "level"));
	EXPECT_EQ(10, trigger_number(&self->m, 0, "blocks"));
	EXPECT_FIELD(0, "direction", "rising");
	EXPECT_FIELD(0, "hyst", "12.50%");
	EXPECT_FIELD(0, "once", "1");
	EXPECT_FIELD(0, "state", "below");
	EXPECT_FIELD(0, "fired", "0");
	EXPECT_EQ(getpid(), trigger_number(&self->m, 0, "pid"));
	EXPECT_FIELD(0, "comm", "registration");

	EXPECT_FIELD(1, "resource", "pressure_level");
	EXPECT_FIELD(1, "level", "medium");
	EXPECT_FIELD(1, "direction", "rising");
	EXPECT_FIELD(1, "once", "0");

	EXPECT_FIELD(2, "level", "80.05%");
	EXPECT_EQ(801, trigger_number(&self->m, 2, "blocks"));
	EXPECT_FIELD(2, "direction", "falling");
	EXPECT_FIELD(2, "hyst", "0");

	EXPECT_FIELD(3, "level", "-1");
	EXPECT_FIELD(3, "blocks", "-");
	EXPECT_FIELD(3, "direction", "both");

	/* the first is gone with its one signal */
	ASSERT_EQ(0, scratch_use(&self->m, 900));
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 3));
	EXPECT_FIELD(0, "state", "above");
	EXPECT_FIELD(0, "fired", "1");
	EXPECT_FIELD(1, "state", "above");
	EXPECT_FIELD(1, "fired", "0");
	EXPECT_FIELD(2, "state", "below");
}

static void *register_ten_blocks(void *arg)
{
	struct scratch *m = arg;

	return (void *)(long)listen_blocks(m, 10, "");
}

TEST_F(mount, the_pid_listed_is_that_of_the_process_not_of_the_thread)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		pthread_t thread;
		char *text;

		prctl(PR_SET_NAME, "two words");
		pthread_create(&thread, NULL, register_ten_blocks, &self->m);
		pthread_join(thread, NULL);
		text = slurp(&self->m, TMPFSWARN_TRIGGERS);
		_exit(text && strstr(text, " comm=two words\n") &&
		      trigger_number(&self->m, 0, "pid") == getpid() ? 0 : 1);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(mount, suffixes_are_powers_of_1024)
{
	static const struct {
		const char *text;
		unsigned long long bytes;
	} table[] = {
		{ "0", 0 }, { "1", 1 }, { "65536", 65536 }, { "0065536", 65536 },
		{ "64k", 65536 }, { "64K", 65536 }, { "64Ki", 65536 },
		{ "4828488Ki", 4828488ULL << 10 },
		{ "3m", 3 << 20 }, { "3M", 3 << 20 }, { "3Mi", 3 << 20 },
		{ "2g", 2ULL << 30 }, { "2G", 2ULL << 30 }, { "2Gi", 2ULL << 30 },
		{ "5t", 5ULL << 40 }, { "5T", 5ULL << 40 }, { "5Ti", 5ULL << 40 },
		{ "9223372036854775807", 9223372036854775807ULL },
		{ "18446744073709551615", 18446744073709551615ULL },
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char value[64];
		unsigned long long blocks = table[i].bytes / self->m.block +
			!!(table[i].bytes % self->m.block);
		int efd = listen_to(&self->m, "used_bytes", table[i].text);

		ASSERT_LE(0, efd) TH_LOG("%s", table[i].text);
		ASSERT_TRUE(trigger_field(&self->m, 0, "level", value, sizeof(value)));
		EXPECT_EQ(table[i].bytes, strtoull(value, NULL, 10)) TH_LOG("%s", table[i].text);
		ASSERT_TRUE(trigger_field(&self->m, 0, "blocks", value, sizeof(value)));
		EXPECT_EQ(blocks, strtoull(value, NULL, 10)) TH_LOG("%s", table[i].text);
		close(efd);
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	}
}

TEST_F(mount, a_percentage_is_rounded_up_to_a_whole_block)
{
	static const struct {
		const char *text;
		int blocks;	/* of 1000 */
	} table[] = {
		{ "0%", 0 }, { "0.01%", 1 }, { "0.1%", 1 }, { "0.11%", 2 }, { "50%", 500 },
		{ "50.0%", 500 }, { "50.00%", 500 }, { "50.01%", 501 }, { "99.95%", 1000 },
		{ "99.9%", 999 }, { "100%", 1000 }, { "100.00%", 1000 }, { "007%", 70 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		int efd = listen_to(&self->m, "used_bytes", table[i].text);

		ASSERT_LE(0, efd) TH_LOG("%s", table[i].text);
		EXPECT_EQ(table[i].blocks, trigger_number(&self->m, 0, "blocks"))
			TH_LOG("%s", table[i].text);
		close(efd);
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	}
}

/* ---- refusals ---- */

/*
 * Somebody is registered before each refusal and must be there unchanged after
 * it, and be told.
 */
FIXTURE(refusal) {
	struct scratch m;
	int efd;	/* of the one registered */
	int other;	/* for the one refused */
	int cfd;
	char *before;
};

FIXTURE_SETUP(refusal)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	ASSERT_EQ(0, put(&self->m, TMPFSWARN_WARN_USED, "20"));
	self->cfd = open(strcat(strcpy((char[160]){}, self->m.dir), "/used_bytes"), O_RDONLY);
	ASSERT_LE(0, self->cfd);
	self->efd = listen_blocks(&self->m, 10, "");
	ASSERT_LE(0, self->efd);
	self->other = listener();
	self->before = slurp(&self->m, TMPFSWARN_TRIGGERS);
	ASSERT_NE(NULL, self->before);
}

FIXTURE_TEARDOWN(refusal)
{
	free(self->before);
	scratch_end(&self->m);
}

/* what was registered is as it was, and nothing came to the one refused */
static bool unchanged(const struct scratch *m, const char *before, int efd, int other)
{
	char *after = slurp(m, TMPFSWARN_TRIGGERS);
	char *level = slurp(m, TMPFSWARN_WARN_USED);
	bool same = after && level && strcmp(before, after) == 0 && strcmp(level, "20\n") == 0;

	free(after);
	free(level);
	return same && signals(efd, 0) == 0 && scratch_use(m, 10) == 0 &&
		signals(efd, 1) == 1 && signals(other, 0) == 0;
}

#define EXPECT_UNCHANGED() \
	EXPECT_TRUE(unchanged(&self->m, self->before, self->efd, self->other))

static int write_numbers(const struct scratch *m, const char *efd, const char *cfd,
			 const char *args)
{
	char text[400];

	snprintf(text, sizeof(text), "%s %s %s", efd, cfd, args);
	return put(m, TMPFSWARN_EVENT_CONTROL, text);
}

static int write_fds(const struct scratch *m, int efd, int cfd, const char *args)
{
	char e[16], c[16];

	snprintf(e, sizeof(e), "%d", efd);
	snprintf(c, sizeof(c), "%d", cfd);
	return write_numbers(m, e, c, args);
}

TEST_F(refusal, an_event_fd_that_is_not_open_is_ebadf)
{
	EXPECT_EQ(-EBADF, write_fds(&self->m, 999, self->cfd, "10"));
	EXPECT_EQ(-EBADF, write_fds(&self->m, 2147483647, self->cfd, "10"));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_control_fd_that_is_not_open_is_ebadf)
{
	EXPECT_EQ(-EBADF, write_fds(&self->m, self->other, 999, "10"));
	EXPECT_EQ(-EBADF, write_fds(&self->m, self->other, 2147483647, "10"));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_number_beyond_an_int_never_names_a_low_fd)
{
	char big[32], e[16], c[16];

	snprintf(e, sizeof(e), "%d", self->other);
	snprintf(c, sizeof(c), "%d", self->cfd);
	snprintf(big, sizeof(big), "%lld", (1LL << 32) + self->other);
	EXPECT_EQ(-EBADF, write_numbers(&self->m, big, c, "10"));
	EXPECT_EQ(-EBADF, put(&self->m, TMPFSWARN_WARN_USED_EFD, big));
	snprintf(big, sizeof(big), "%lld", (1LL << 32) + self->cfd);
	EXPECT_EQ(-EBADF, write_numbers(&self->m, e, big, "10"));
	EXPECT_EQ(-EBADF, write_numbers(&self->m, "18446744073709551615", c, "10"));
	EXPECT_EQ(-EINVAL, write_numbers(&self->m, "18446744073709551616", c, "10"));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, an_event_fd_of_another_kind_is_einval)
{
	int pair[2], null = open("/dev/null", O_RDWR), path = open("/", O_PATH), error;

	ASSERT_EQ(0, pipe(pair));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, null, self->cfd, "10"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, pair[1], self->cfd, "10"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->cfd, self->cfd, "10"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, epoll_create1(0), self->cfd, "10"));
	error = write_fds(&self->m, path, self->cfd, "10");
	EXPECT_TRUE(error == -EBADF || error == -EINVAL);
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_control_fd_that_is_no_resource_file_is_einval)
{
	static const char *const files[] = {
		TMPFSWARN_USAGE, TMPFSWARN_TRIGGERS, TMPFSWARN_WARN_USED, TMPFSWARN_V1_LIMIT,
		TMPFSWARN_V1_FAILCNT, TMPFSWARN_V1_MAX_USAGE,
	};
	char path[160];
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", self->m.dir, files[i]);
		fd = open(path, O_RDONLY);
		ASSERT_LE(0, fd) TH_LOG("%s", files[i]);
		EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, fd, "10"))
			TH_LOG("%s", files[i]);
		close(fd);
	}
	fd = open(ROOM "/" TMPFSWARN_STATS, O_RDONLY);
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, fd, "10"));
	fd = open("/dev/null", O_RDONLY);
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, fd, "10"));
	fd = open(scratch_path(&self->m, "used_bytes"), O_RDWR | O_CREAT, 0600);
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, fd, "10"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, self->other, "10"));
	fd = open(self->m.dir, O_RDONLY | O_DIRECTORY);
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, fd, "10"));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_resource_file_of_another_mount_is_einval)
{
	static const struct {
		const char *name, *args;
	} files[] = {
		{ TMPFSWARN_USED_BYTES, "10" }, { TMPFSWARN_USED_INODES, "10" },
		{ TMPFSWARN_REFUSED, "" }, { TMPFSWARN_V1_OOM_CONTROL, "" },
		{ TMPFSWARN_PRESSURE_LEVEL, "low" },
	};
	struct scratch second;
	char path[160];
	size_t i;
	int fd;

	ASSERT_EQ(0, scratch_mount(&second, "nr_blocks=100"));
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", second.dir, files[i].name);
		fd = open(path, O_RDONLY);
		EXPECT_LE(0, fd);
		EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, fd, files[i].args))
			TH_LOG("%s", files[i].name);
		EXPECT_EQ(0, trigger_count(&second));
		close(fd);
	}
	EXPECT_UNCHANGED();
	scratch_end(&second);
}

/* %E and %C stand for the numbers of the two fds */
TEST_F(refusal, what_is_not_in_the_grammar_is_einval)
{
	static const char *const table[] = {
		"", " ", "\n", "x", "%E", "%E ", "%E x 10", "x %C 10", "%E,%C,10",
		"%E  %C 10", "%E\t%C 10", "%E\n%C 10", "%E %C  10", "%E %C\t10", "%E %Cx 10",
		"%Ex %C 10", "-%E %C 10", "%E -%C 10", "+%E %C 10", "0x%E %C 10", "%E.0 %C 10",
		"- %C 10", "%E - 10",
		"%E %C", "%E %C ", "%E %C k", "%E %C x", "%E %C low", "%E %C -", "%E %C -2",
		"%E %C -1x", "%E %C -10", "%E %C +10", "%E %C 0x10", "%E %C 10x", "%E %C 10kk",
		"%E %C 10ki", "%E %C 10kI", "%E %C 10KiB", "%E %C 10kB", "%E %C 10Kib",
		"%E %C 10 k",
		"%E %C 10p", "%E %C 10e", "%E %C 1.5m", "%E %C 1.5", "%E %C .5%", "%E %C 1.%",
		"%E %C 1.234%", "%E %C 10%%", "%E %C 10 %", "%E %C 10%k", "%E %C 10k%", "%E %C %",
		"%E %C -1%", "%E %C -1k", "%E %C 1,5%", "%E %C 10,default", "%E %C 1e3",
		"%E %C 10 upward", "%E %C 10 RISING", "%E %C 10 risin", "%E %C 10 risings",
		"%E %C 10 rising,once", "%E %C 10 rising falling", "%E %C 10 both rising",
		"%E %C 10 10", "%E %C 10 hyst", "%E %C 10 hyst=", "%E %C 10 hyst=x",
		"%E %C 10 hyst=-1", "%E %C 10 hyst=101%", "%E %C 10 hyst= 5", "%E %C 10 hyst =5",
		"%E %C 10 hyst=5x", "%E %C 10 hyst=5 hyst=6", "%E %C 10 hyst=99999999999999999999",
		"%E %C 10 once=1", "%E %C 10 now!", "%E %C rising", "%E %C rising 10",
		"%E %C 10 \x80",
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char text[200], *to = text;
		const char *from;

		for (from = table[i]; *from; from++) {
			if (from[0] == '%' && (from[1] == 'E' || from[1] == 'C'))
				to += sprintf(to, "%d", *++from == 'E' ? self->other : self->cfd);
			else
				*to++ = *from;
		}
		*to = '\0';
		EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_EVENT_CONTROL, text))
			TH_LOG("'%s'", table[i]);
		/* the same with the NUL that C programs send */
		EXPECT_EQ(-EINVAL, put_bytes(&self->m, TMPFSWARN_EVENT_CONTROL, text,
					     strlen(text) + 1)) TH_LOG("'%s' with a NUL", table[i]);
	}
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_level_that_no_size_can_reach_is_einval)
{
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, self->cfd, "100.01%"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, self->cfd, "101%"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, self->cfd, "18446744073709551696%"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, self->cfd, "18446744073709551616"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, self->cfd, "18014398509481984k"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, self->cfd, "16777216T"));
	EXPECT_EQ(-EINVAL, write_fds(&self->m, self->other, self->cfd, "99999999999999999999999k"));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, an_empty_write_changes_nothing)
{
	int error = put_bytes(&self->m, TMPFSWARN_EVENT_CONTROL, "", 0);

	EXPECT_TRUE(error == 0 || error == -EINVAL);
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_bad_pointer_is_efault)
{
	EXPECT_EQ(-EFAULT, put_bytes(&self->m, TMPFSWARN_EVENT_CONTROL, (void *)8, 20));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_pressure_level_that_is_not_named_is_einval)
{
	static const char *const table[] = {
		"", "high", "crit", "criticall", "CRITICAL", "low medium", "80%", "10", "-1",
		"low,", "low,default,local", "low,nonsense", "low, default", ",default",
		"low ,default", "low,default rising falling",
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		EXPECT_EQ(-EINVAL, control(&self->m, self->other, "pressure_level", table[i]))
			TH_LOG("'%s'", table[i]);
	}
	EXPECT_UNCHANGED();
}

TEST_F(refusal, what_is_no_level_for_the_rfc_is_einval)
{
	static const char *const table[] = {
		"x", "-1", "+5", "0x10", "5 6", "5x", "5kk", "5Ki", "5kB", "5t", "101%", "100.01%",
		"1.234%", "5.5", "%", "18446744073709551616", "18014398509481984k", "80 %",
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_WARN_USED, table[i]))
			TH_LOG("'%s'", table[i]);
	}
	EXPECT_UNCHANGED();
}

TEST_F(refusal, what_is_no_eventfd_for_the_rfc_is_refused)
{
	char text[64];

	EXPECT_EQ(-EBADF, put(&self->m, TMPFSWARN_WARN_USED_EFD, "999"));
	snprintf(text, sizeof(text), "%d", self->cfd);
	EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_WARN_USED_EFD, text));
	EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_WARN_USED_EFD, "x"));
	EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_WARN_USED_EFD, " "));
	EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_WARN_USED_EFD, "-1"));
	snprintf(text, sizeof(text), "%d 10", self->other);
	EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_WARN_USED_EFD, text));
	snprintf(text, sizeof(text), "%dx", self->other);
	EXPECT_EQ(-EINVAL, put(&self->m, TMPFSWARN_WARN_USED_EFD, text));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_write_longer_than_the_longest_is_einval_at_every_file)
{
	char text[5000];

	memset(text, ' ', sizeof(text));
	text[0] = '5';
	EXPECT_EQ(-EINVAL, put_bytes(&self->m, TMPFSWARN_EVENT_CONTROL, text, sizeof(text)));
	EXPECT_EQ(-EINVAL, put_bytes(&self->m, TMPFSWARN_WARN_USED, text, sizeof(text)));
	EXPECT_EQ(-EINVAL, put_bytes(&self->m, TMPFSWARN_WARN_USED_EFD, text, sizeof(text)));
	EXPECT_UNCHANGED();
}

/* ---- a mount without a size ---- */

FIXTURE(unlimited) {
	struct scratch m;
};

FIXTURE_SETUP(unlimited)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "size=0"));
}

FIXTURE_TEARDOWN(unlimited)
{
	scratch_end(&self->m);
}

TEST_F(unlimited, registering_is_eopnotsupp)
{
	EXPECT_EQ(-EOPNOTSUPP, listen_to(&self->m, "used_bytes", "4096"));
	EXPECT_EQ(-EOPNOTSUPP, listen_to(&self->m, "used_bytes", "80%"));
	EXPECT_EQ(-EOPNOTSUPP, listen_to(&self->m, "used_bytes", "-1"));
	EXPECT_EQ(-EOPNOTSUPP, listen_to(&self->m, "pressure_level", "low"));
	EXPECT_EQ(-EOPNOTSUPP, rfc_listen(&self->m));
	EXPECT_EQ(0, trigger_count(&self->m));
}

TEST_F(unlimited, bad_grammar_is_refused_too)
{
	EXPECT_GT(0, listen_to(&self->m, "used_bytes", "nonsense"));
	EXPECT_EQ(0, trigger_count(&self->m));
}

TEST_F(unlimited, usage_says_zero_as_statvfs_does)
{
	int fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0600);
	char *text;

	ASSERT_EQ(0, append_blocks(fd, &self->m, 10));
	EXPECT_EQ(0, usage_of(&self->m, "size"));
	EXPECT_EQ(0, usage_of(&self->m, "used"));
	EXPECT_EQ(0, usage_of(&self->m, "free"));
	text = slurp(&self->m, "used_bytes");
	EXPECT_STREQ("0\n", text);
}

/* ---- modes ---- */

static const char *wrong_mode;

static int check_mode(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static const struct {
		const char *name;
		mode_t mode;
	} table[] = {
		{ TMPFSWARN_STATS, 0400 }, { TMPFSWARN_USAGE, 0400 },
		{ TMPFSWARN_USED_BYTES, 0400 }, { TMPFSWARN_PRESSURE_LEVEL, 0400 },
		{ TMPFSWARN_EVENT_CONTROL, 0200 }, { TMPFSWARN_WARN_USED, 0600 },
		{ TMPFSWARN_WARN_USED_EFD, 0200 }, { TMPFSWARN_TRIGGERS, 0400 },
		{ TMPFSWARN_USED_INODES, 0400 }, { TMPFSWARN_REFUSED, 0400 },
		{ TMPFSWARN_V1_EVENT_CONTROL, 0200 }, { TMPFSWARN_V1_USAGE, 0400 },
		{ TMPFSWARN_V1_LIMIT, 0400 }, { TMPFSWARN_V1_PRESSURE_LEVEL, 0400 },
		{ TMPFSWARN_V1_OOM_CONTROL, 0600 }, { TMPFSWARN_V1_FAILCNT, 0600 },
		{ TMPFSWARN_V1_MAX_USAGE, 0600 },
	};
	struct stat target;
	unsigned int i;

	if (type == FTW_D) {
		if (st->st_uid || (st->st_mode & 077))
			wrong_mode = strdup(path);
		return 0;
	}
	if (stat(path, &target)) {
		/* another mount may go away while we look */
		if (errno != ENOENT)
			wrong_mode = strdup(path);
		return 0;
	}
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (strcmp(path + ftw->base, table[i].name) == 0 &&
		    (target.st_mode & 07777) == table[i].mode && target.st_uid == 0)
			return 0;
	}
	wrong_mode = strdup(path);
	return 0;
}

TEST_F(mount, every_file_has_its_mode_and_nothing_is_for_others)
{
	nftw(ROOM, check_mode, 20, FTW_PHYS);
	EXPECT_EQ(NULL, wrong_mode) TH_LOG("%s", wrong_mode);
}

TEST_F(mount, the_directory_has_the_files_of_the_contract_and_no_others)
{
	static const char *const files[] = {
		TMPFSWARN_USAGE, TMPFSWARN_USED_BYTES, TMPFSWARN_USED_INODES, TMPFSWARN_PRESSURE_LEVEL,
		TMPFSWARN_EVENT_CONTROL, TMPFSWARN_WARN_USED, TMPFSWARN_WARN_USED_EFD,
		TMPFSWARN_REFUSED, TMPFSWARN_TRIGGERS,
		TMPFSWARN_V1_EVENT_CONTROL, TMPFSWARN_V1_USAGE,
		TMPFSWARN_V1_LIMIT, TMPFSWARN_V1_PRESSURE_LEVEL,
		TMPFSWARN_V1_OOM_CONTROL, TMPFSWARN_V1_FAILCNT, TMPFSWARN_V1_MAX_USAGE,
	};
	unsigned int i, count = 0;
	DIR *dir = opendir(self->m.dir);
	struct dirent *entry;

	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	EXPECT_EQ(sizeof(files) / sizeof(*files), count);
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		EXPECT_EQ(0, faccessat(dirfd(dir), files[i], F_OK, 0)) TH_LOG("%s", files[i]);
	}
	closedir(dir);
}

/* with debugfs itself opened to all, as some administrators do */
TEST_F(mount, an_ordinary_user_can_open_nothing)
{
	static const char *const files[] = {
		"used_bytes", "usage", "pressure_level", "event_control", "warn_used_blocks",
		"warn_used_blocks_efd", "triggers", "cgroup.event_control", "memory.usage_in_bytes",
		"memory.limit_in_bytes", "memory.pressure_level", "used_inodes", "refused",
		"memory.oom_control", "memory.failcnt", "memory.max_usage_in_bytes", "../stats",
	};
	struct stat debugfs;
	int status;
	pid_t child;

	ASSERT_EQ(0, stat("/sys/kernel/debug", &debugfs));
	ASSERT_EQ(0, chmod("/sys/kernel/debug", 0755));
	child = fork();
	if (child == 0) {
		unsigned int i;
		char path[200];

		if (setgid(65534) || setuid(65534))
			_exit(1);
		for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
			snprintf(path, sizeof(path), "%s/%s", self->m.dir, files[i]);
			if (open(path, O_RDONLY) >= 0 || errno != EACCES)
				_exit(2);
			if (open(path, O_WRONLY) >= 0 || errno != EACCES)
				_exit(3);
		}
		_exit(0);
	}
	waitpid(child, &status, 0);
	chmod("/sys/kernel/debug", debugfs.st_mode & 07777);
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
