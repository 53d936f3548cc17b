// SPDX-License-Identifier: GPL-2.0
/* What /dev/tmpfswarn refuses, with which errno, and that nothing is changed by it. */
#include "client.h"
#include "harness.h"

/* Somebody is registered before each refusal and must be there unchanged after it, and be told. */
FIXTURE(refusal) {
	struct scratch m;
	int device;
	int refused;	/* the listener that is */
	int fd;		/* of the mount */
	char *before;
};

FIXTURE_SETUP(refusal)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->device = device_listen(&self->m, "40k");
	ASSERT_LE(0, self->device);
	self->refused = device_open();
	self->fd = open(self->m.path, O_PATH);
	self->before = slurp(&self->m, TMPFSWARN_TRIGGERS);
	ASSERT_NE(NULL, self->before);
}

FIXTURE_TEARDOWN(refusal)
{
	free(self->before);
	close(self->device);
	scratch_end(&self->m);
}

static bool unchanged(const struct scratch *m, const char *before, int device, int refused)
{
	char *after = slurp(m, TMPFSWARN_TRIGGERS);
	bool same = after && strcmp(before, after) == 0;

	free(after);
	return same && record_none(refused) && !strcmp(record_next(device).event, "state") &&
	       record_none(device) && scratch_use(m, 10) == 0 &&
	       !strcmp(record_next(device).event, "up") && record_none(refused);
}

#define EXPECT_UNCHANGED() \
	EXPECT_TRUE(unchanged(&self->m, self->before, self->device, self->refused))

/* %F stands for the number of the mount's fd */
static int write_with(int device, int fd, const char *from)
{
	char text[400], *to = text;

	for (; *from; from++) {
		if (from[0] == '%' && from[1] == 'F')
			to += sprintf(to, "%d", (from++, fd));
		else
			*to++ = *from;
	}
	*to = '\0';
	return device_put(device, text);
}

TEST_F(refusal, what_is_not_in_the_grammar_is_einval)
{
	static const char *const table[] = {
		" ", "\n", "x", "%F", "%F ", "%F x", "x 40k", "%F,40k", "%F  40k", "%F\t40k",
		"%F\n40k", "%Fx 40k", "-%F 40k", "+%F 40k", "0x%F 40k", "%F.0 40k", "- 40k",
		"-1 40k", "%F k", "%F -", "%F -2", "%F -1x", "%F +10", "%F 0x10", "%F 10x",
		"%F 10kk", "%F 10ki", "%F 10KiB", "%F 10 k", "%F 10p", "%F 1.5m", "%F .5%",
		"%F 1.234%", "%F 10%%", "%F %", "%F -1%", "%F 1e3", "%F high", "%F LOW",
		"%F lowest", "%F low medium",
		"%F 10 upward", "%F 10 RISING", "%F 10 risin", "%F 10 rising,once",
		"%F 10 rising falling", "%F 10 both rising", "%F 10 10", "%F 10 hyst",
		"%F 10 hyst=", "%F 10 hyst=x", "%F 10 hyst=-1", "%F 10 hyst=101%",
		"%F 10 hyst=5 hyst=6", "%F 10 once=1", "%F 10 now!", "%F rising", "%F rising 10",
		"%F 10 \x80", "%F %F 10",
		"%F 10 tag", "%F 10 tag=", "%F 10 tag= x", "%F 10 tag=a b", "%F 10 tag=a tag=b",
		"%F 10 tag=\x01", "%F 10 tag=a\x7f", "%F 10 TAG=a", "tag=a %F 10", "%F tag=a 10",
		"%F tag=a", "forget", "forget ", "forgets a", "FORGET a", "forget a b",
		"forget tag=a b", "%F forget a", "forget \x01",
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		EXPECT_EQ(-EINVAL, write_with(self->refused, self->fd, table[i]))
			TH_LOG("'%s'", table[i]);
		/* of what is refused the rest of the record is not believed either */
		EXPECT_EQ(-EINVAL, write_with(self->device, self->fd, table[i]))
			TH_LOG("'%s' beside others", table[i]);
	}
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_level_that_no_size_can_reach_is_einval)
{
	static const char *const table[] = {
		"%F 100.01%", "%F 101%", "%F 18446744073709551696%", "%F 18446744073709551616",
		"%F 18014398509481984k", "%F 16777216T", "%F 99999999999999999999999k",
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++)
		EXPECT_EQ(-EINVAL, write_with(self->refused, self->fd, table[i]))
			TH_LOG("'%s'", table[i]);
	EXPECT_UNCHANGED();
}

TEST_F(refusal, an_fd_that_is_not_open_is_ebadf)
{
	char big[48];

	EXPECT_EQ(-EBADF, device_put(self->refused, "999 40k"));
	EXPECT_EQ(-EBADF, device_put(self->refused, "2147483647 40k"));
	/* and a number beyond an int never names a low one */
	snprintf(big, sizeof(big), "%lld 40k", (1LL << 32) + self->fd);
	EXPECT_EQ(-EBADF, device_put(self->refused, big));
	EXPECT_EQ(-EBADF, device_put(self->refused, "18446744073709551615 40k"));
	EXPECT_EQ(-EINVAL, device_put(self->refused, "18446744073709551616 40k"));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, an_fd_that_is_on_no_tmpfs_is_einval)
{
	int pair[2], fds[10], i, n = 0;

	ASSERT_EQ(0, pipe(pair));
	fds[n++] = pair[0];
	fds[n++] = open("/proc/self/status", O_RDONLY);
	fds[n++] = open("/proc", O_PATH);
	fds[n++] = open("/sys", O_RDONLY | O_DIRECTORY);
	fds[n++] = listener();
	fds[n++] = epoll_create1(0);
	fds[n++] = socket(AF_UNIX, SOCK_STREAM, 0);
	fds[n++] = open(strcat(strcpy((char[160]){}, self->m.dir), "/used_bytes"), O_RDONLY);
	for (i = 0; i < n; i++) {
		ASSERT_LE(0, fds[i]) TH_LOG("number %d", i);
		EXPECT_EQ(-EINVAL, write_with(self->refused, fds[i], "%F 40k"))
			TH_LOG("number %d", i);
	}
	EXPECT_UNCHANGED();
}

TEST_F(refusal, a_mount_that_keeps_no_count_is_eopnotsupp)
{
	struct scratch unlimited;

	ASSERT_EQ(0, scratch_mount(&unlimited, "size=0"));
	EXPECT_EQ(-EOPNOTSUPP, device_register(self->refused, &unlimited, "40k"));
	EXPECT_EQ(-EOPNOTSUPP, device_register(self->refused, &unlimited, "80%"));
	EXPECT_EQ(-EOPNOTSUPP, device_register(self->refused, &unlimited, "low"));
	EXPECT_EQ(0, trigger_count(&unlimited));
	EXPECT_UNCHANGED();
	scratch_end(&unlimited);
}

TEST_F(refusal, an_empty_write_and_a_bad_pointer_change_nothing)
{
	int n = write(self->refused, "", 0);

	EXPECT_TRUE(n == 0 || errno == EINVAL);
	EXPECT_EQ(-1, syscall(SYS_write, self->refused, 8L, 20L));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_UNCHANGED();
}

TEST_F(refusal, what_is_opened_for_reading_alone_cannot_register)
{
	int reading = open(TMPFSWARN_DEVICE, O_RDONLY);

	ASSERT_LE(0, reading);
	EXPECT_EQ(-EBADF, write_with(reading, self->fd, "%F 40k"));
	EXPECT_UNCHANGED();
}

TEST_F(refusal, the_device_is_no_file_of_event_control)
{
	EXPECT_EQ(-EINVAL, control(&self->m, self->refused, TMPFSWARN_USED_BYTES, "40k"));
	EXPECT_UNCHANGED();
}

TEST_HARNESS_MAIN
