// SPDX-License-Identifier: GPL-2.0
/* The interface of the 2015 RFC: warn_used_blocks and warn_used_blocks_efd. */
#include "scratch.h"
#include "harness.h"

FIXTURE(mount) {
	struct scratch m;
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=4000"));
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))
#define WARN_AT(text)	ASSERT_EQ(0, put(&self->m, TMPFSWARN_WARN_USED, text))
#define LISTEN() ({							\
	int _efd = rfc_listen(&self->m);				\
									\
	ASSERT_LE(0, _efd);						\
	_efd;								\
})

TEST_F(mount, the_client_of_the_rfc_is_woken)
{
	char path[160];
	int status;
	pid_t child;

	snprintf(path, sizeof(path), "%s/warn_used_blocks_efd", self->m.dir);
	WARN_AT("1k");
	child = fork();
	if (child == 0) {
		char buf[10];
		uint64_t u;
		int efd = eventfd(0, 0), fd = open(path, O_WRONLY);

		snprintf(buf, sizeof(buf), "%d", efd);
		if (write(fd, buf, strlen(buf)) != (ssize_t)strlen(buf))
			_exit(1);
		close(fd);
		_exit(read(efd, &u, sizeof(u)) == sizeof(u) && u == 1 ? 0 : 2);
	}
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	USE(1023);
	EXPECT_EQ(0, waitpid(child, &status, WNOHANG));
	USE(1024);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(mount, the_number_may_end_with_a_newline_or_nul)
{
	char text[16];
	int efd = listener(), n;

	n = snprintf(text, sizeof(text), "%d\n", efd);
	EXPECT_EQ(0, put_bytes(&self->m, TMPFSWARN_WARN_USED_EFD, text, n));
	n = snprintf(text, sizeof(text), "%d", efd);
	EXPECT_EQ(0, put_bytes(&self->m, TMPFSWARN_WARN_USED_EFD, text, n + 1));
	EXPECT_EQ(2, trigger_count(&self->m));
	EXPECT_EQ(0, put_bytes(&self->m, TMPFSWARN_WARN_USED, "10\n", 3));
	EXPECT_EQ(0, put_bytes(&self->m, TMPFSWARN_WARN_USED, "20\0", 3));
	EXPECT_EQ(20, trigger_number(&self->m, 0, "blocks"));
}

TEST_F(mount, it_signals_each_time_the_level_is_reached_from_below_and_not_above_it)
{
	int efd, i;

	WARN_AT("10");
	efd = LISTEN();
	for (i = 0; i < 3; i++) {
		USE(9);
		EXPECT_SIGNALS(efd, 0);
		USE(10);
		EXPECT_SIGNALS(efd, 1);
		USE(100);
		EXPECT_SIGNALS(efd, 0);
	}
}

TEST_F(mount, registering_where_the_level_is_reached_signals_at_once)
{
	int reached, not_reached;

	USE(10);
	WARN_AT("10");
	reached = LISTEN();
	EXPECT_SIGNALS(reached, 1);
	WARN_AT("11");
	not_reached = LISTEN();
	EXPECT_SIGNALS(reached, 0);
	EXPECT_SIGNALS(not_reached, 0);
	USE(11);
	EXPECT_SIGNALS(reached, 1);
	EXPECT_SIGNALS(not_reached, 1);
}

TEST_F(mount, registering_with_no_level_waits_for_one)
{
	char value[32];
	int efd = LISTEN();

	USE(100);
	EXPECT_SIGNALS(efd, 0);
	ASSERT_TRUE(trigger_field(&self->m, 0, "state", value, sizeof(value)));
	EXPECT_STREQ("off", value);
	ASSERT_TRUE(trigger_field(&self->m, 0, "blocks", value, sizeof(value)));
	EXPECT_STREQ("-", value);
	ASSERT_TRUE(trigger_field(&self->m, 0, "level", value, sizeof(value)));
	EXPECT_STREQ("0", value);
	ASSERT_TRUE(trigger_field(&self->m, 0, "resource", value, sizeof(value)));
	EXPECT_STREQ("warn_used_blocks", value);
	WARN_AT("101");
	EXPECT_SIGNALS(efd, 0);
	USE(101);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, a_level_that_is_reached_when_written_signals_all_at_once)
{
	int first = LISTEN(), second = LISTEN();

	USE(100);
	WARN_AT("100");
	EXPECT_SIGNALS(first, 1);
	EXPECT_SIGNALS(second, 1);
	/* each write that sets a level that is reached */
	WARN_AT("50");
	EXPECT_SIGNALS(first, 1);
	WARN_AT("50");
	EXPECT_SIGNALS(first, 1);
	EXPECT_SIGNALS(second, 2);
}

TEST_F(mount, writing_a_level_moves_those_registered)
{
	int efd;

	WARN_AT("10");
	efd = LISTEN();
	WARN_AT("20");
	USE(19);
	EXPECT_SIGNALS(efd, 0);
	USE(20);
	EXPECT_SIGNALS(efd, 1);
	WARN_AT("30");
	EXPECT_SIGNALS(efd, 0);
	USE(30);
	EXPECT_SIGNALS(efd, 1);
	USE(5);
	WARN_AT("6");
	USE(6);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, no_level_means_no_signal)
{
	static const char *const none[] = { "0", "", " ", "\n", "0\n", "0%" };
	char value[32];
	unsigned int i;
	int efd;

	WARN_AT("10");
	efd = LISTEN();
	for (i = 0; i < sizeof(none) / sizeof(*none); i++) {
		int error = put(&self->m, TMPFSWARN_WARN_USED, none[i]);

		/* a write of no bytes at all never reaches a file */
		ASSERT_EQ(0, error) TH_LOG("'%s'", none[i]);
		if (none[i][0]) {
			ASSERT_TRUE(trigger_field(&self->m, 0, "state", value, sizeof(value)));
			ASSERT_STREQ("off", value) TH_LOG("'%s'", none[i]);
			USE(100);
			USE(0);
			ASSERT_SIGNALS(efd, 0);
		}
		WARN_AT("10");
		USE(10);
		ASSERT_SIGNALS(efd, 1);
		USE(0);
	}
}

TEST_F(mount, the_level_reads_back_and_is_none_at_first)
{
	static const struct {
		const char *written, *read;
	} table[] = {
		{ "1234", "1234\n" }, { "2k", "2048\n" }, { "2K\n", "2048\n" },
		{ " 5 ", "5\n" }, { "80%", "80%\n" }, { "99.95%", "99.95%\n" }, { "0", "0\n" },
		{ "1m", "1048576\n" }, { "1G", "1073741824\n" },
	};
	unsigned int i;
	char *text = slurp(&self->m, TMPFSWARN_WARN_USED);

	EXPECT_STREQ("0\n", text);
	free(text);
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		WARN_AT(table[i].written);
		text = slurp(&self->m, TMPFSWARN_WARN_USED);
		EXPECT_STREQ(table[i].read, text) TH_LOG("'%s'", table[i].written);
		free(text);
	}
}

TEST_F(mount, a_percentage_follows_a_remount)
{
	int efd;

	WARN_AT("50%");
	efd = LISTEN();
	USE(1999);
	EXPECT_SIGNALS(efd, 0);
	USE(2000);
	EXPECT_SIGNALS(efd, 1);
	USE(999);
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=2000"));
	USE(1000);
	EXPECT_SIGNALS(efd, 1);
}

TEST_F(mount, many_eventfds_share_one_mount)
{
	int efd[50], i;

	WARN_AT("10");
	for (i = 0; i < 50; i++)
		efd[i] = LISTEN();
	USE(10);
	for (i = 0; i < 50; i++)
		EXPECT_SIGNALS(efd[i], 1);
	for (i = 0; i < 25; i++)
		close(efd[i]);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 25));
	USE(0);
	USE(10);
	for (i = 25; i < 50; i++)
		EXPECT_SIGNALS(efd[i], 1);
}

TEST_F(mount, the_level_does_not_touch_what_event_control_registered)
{
	int other = listen_blocks(&self->m, 10, "");
	int efd = LISTEN();

	WARN_AT("20");
	USE(10);
	EXPECT_SIGNALS(other, 1);
	EXPECT_SIGNALS(efd, 0);
	WARN_AT("5");
	EXPECT_SIGNALS(efd, 1);
	EXPECT_SIGNALS(other, 0);
}

TEST_F(mount, the_farewell_comes_with_and_without_a_level)
{
	int efd = LISTEN();

	ASSERT_EQ(0, scratch_umount(&self->m));
	EXPECT_SIGNALS_SOON(efd, 1);
	EXPECT_NE(0, access(self->m.dir, F_OK));
}

TEST_HARNESS_MAIN
