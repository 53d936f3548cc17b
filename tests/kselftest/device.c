// SPDX-License-Identifier: GPL-2.0
/* What may be registered with /dev/tmpfswarn, and what it is told of. */
#include "client.h"
#include "harness.h"

FIXTURE(mount) {
	struct scratch m;
	int device;
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->device = device_open();
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN(mount)
{
	close(self->device);
	scratch_end(&self->m);
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))
#define REGISTER(args)	ASSERT_EQ(0, device_register(self->device, &self->m, args))
#define NEXT(event)	EXPECT_NEXT(self->device, event)
#define NO_MORE()	EXPECT_TRUE(record_none(self->device))

TEST(the_device_is_a_node_that_everybody_may_open)
{
	char *number = slurp_path("/sys/class/" TMPFSWARN_NAME "/" TMPFSWARN_NAME "/dev"), want[32];
	struct stat st;

	ASSERT_EQ(0, stat(TMPFSWARN_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0666, st.st_mode & 07777);
	ASSERT_NE(NULL, number);
	snprintf(want, sizeof(want), "%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
	EXPECT_STREQ(want, number);
	free(number);
}

/* ---- what names the mount ---- */

/* the mount of this fd is told of, though the fd is closed */
static bool names_the_mount(const struct scratch *m, int fd)
{
	int device = device_open();
	char text[64], want[32];
	struct record r;
	bool good;

	snprintf(text, sizeof(text), "%d 100%%", fd);
	snprintf(want, sizeof(want), "%u:%u", major(m->dev), minor(m->dev));
	good = fd >= 0 && device_put(device, text) == 0;
	close(fd);
	r = record_next(device);
	good = good && strcmp(r.event, "state") == 0 && strcmp(record_field(&r, "dev"), want) == 0;
	close(device);
	return good;
}

TEST_F(mount, any_open_file_of_the_mount_names_it)
{
	const char *path = scratch_path(&self->m, "file");

#define EXPECT_NAMED(fd) EXPECT_TRUE(names_the_mount(&self->m, fd))
	EXPECT_NAMED(open(path, O_RDWR | O_CREAT, 0600));
	EXPECT_NAMED(open(path, O_RDONLY));
	EXPECT_NAMED(open(path, O_WRONLY));
	EXPECT_NAMED(open(path, O_PATH));
	EXPECT_NAMED(open(self->m.path, O_RDONLY | O_DIRECTORY));
	EXPECT_NAMED(open(self->m.path, O_PATH));
	EXPECT_NAMED(open(self->m.path, O_RDWR | O_TMPFILE, 0600));
	ASSERT_EQ(0, symlink("nowhere", scratch_path(&self->m, "link")));
	EXPECT_NAMED(open(scratch_path(&self->m, "link"), O_PATH | O_NOFOLLOW));
	/* what fstatfs(2) says of these is of the mount, too, whatever they are */
	ASSERT_EQ(0, mkfifo(scratch_path(&self->m, "fifo"), 0600));
	EXPECT_NAMED(open(scratch_path(&self->m, "fifo"), O_RDWR));
	ASSERT_EQ(0, mknod(scratch_path(&self->m, "null"), S_IFCHR | 0600, makedev(1, 3)));
	EXPECT_NAMED(open(scratch_path(&self->m, "null"), O_RDWR));
}

TEST_F(mount, a_file_that_was_deleted_and_a_bind_mount_name_it_as_well)
{
	int fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0600);
	char bound[] = "/tmp/tmpfswarn.XXXXXX";

	ASSERT_EQ(0, unlink(scratch_path(&self->m, "file")));
	EXPECT_NAMED(fd);
	ASSERT_NE(NULL, mkdtemp(bound));
	ASSERT_EQ(0, mount(self->m.path, bound, NULL, MS_BIND, NULL));
	EXPECT_NAMED(open(bound, O_RDONLY | O_DIRECTORY));
	EXPECT_EQ(0, umount2(bound, 0));
	rmdir(bound);
}

TEST_F(mount, the_fd_may_be_closed_straight_away_and_the_mount_is_not_busy)
{
	struct record r;

	REGISTER("40k");
	USE(10);
	NEXT("state");
	NEXT("up");
	EXPECT_EQ(0, scratch_umount(&self->m));
	EXPECT_NEXT_SOON(self->device, "gone");
}

TEST_F(mount, a_mount_is_watched_from_the_moment_that_it_is_there)
{
	char path[] = "/tmp/tmpfswarn.XXXXXX", text[32];
	struct record r;
	int i, fd;

	ASSERT_NE(NULL, mkdtemp(path));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, mount("scratch", path, "tmpfs", 0, "nr_blocks=100"));
		fd = open(path, O_PATH);
		snprintf(text, sizeof(text), "%d 40k", fd);
		EXPECT_EQ(0, device_put(self->device, text));
		close(fd);
		NEXT("state");
		EXPECT_EQ(0, umount2(path, 0));
		EXPECT_NEXT_SOON(self->device, "gone");
	}
	rmdir(path);
}

TEST_F(mount, one_listener_may_watch_several_mounts)
{
	struct scratch second;
	struct record r;
	char want[32];

	ASSERT_EQ(0, scratch_mount(&second, "nr_blocks=500"));
	REGISTER("40k rising tag=first");
	ASSERT_EQ(0, device_register(self->device, &second, "2% rising tag=second"));
	NEXT("state");
	NEXT("state");
	EXPECT_EQ(500 * second.block, record_number(&r, "size"));
	ASSERT_EQ(0, scratch_use(&second, 10));
	NEXT("up");
	EXPECT_STREQ("second", r.tag);
	snprintf(want, sizeof(want), "%u:%u", major(second.dev), minor(second.dev));
	EXPECT_STREQ(want, record_field(&r, "dev"));
	USE(10);
	NEXT("up");
	EXPECT_STREQ("first", r.tag);
	/* the other goes on */
	ASSERT_EQ(0, scratch_umount(&second));
	EXPECT_NEXT_SOON(self->device, "gone");
	EXPECT_STREQ("second", r.tag);
	NO_MORE();
	scratch_end(&second);
}

/* ---- levels, words ---- */

TEST_F(mount, a_level_comes_back_as_the_tag_and_as_it_is_listed)
{
	static const char *const table[][2] = {
		{ "0", "0" }, { "1", "1" }, { "65536", "65536" }, { "0065536", "65536" },
		{ "64k", "65536" }, { "64Ki", "65536" }, { "3m", "3145728" },
		{ "2G", "2147483648" }, { "5Ti", "5497558138880" },
		{ "18446744073709551615", NULL }, { "-1", "-1" },
		{ "0%", "0%" }, { "50%", "50%" }, { "50.00%", "50%" }, { "99.95%", NULL },
		{ "100%", "100%" }, { "low", "low" }, { "medium", "medium" },
		{ "critical", "critical" },
	};
	char value[64];
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const char *text = table[i][0], *level = table[i][1];
		struct record r;

		ASSERT_EQ(0, device_register(self->device, &self->m, text)) TH_LOG("%s", text);
		NEXT("state");
		EXPECT_STREQ(text, r.tag);
		EXPECT_STREQ(level ? level : text, record_field(&r, "level"));
		ASSERT_TRUE(trigger_field(&self->m, 0, "level", value, sizeof(value)));
		EXPECT_STREQ(value, record_field(&r, "level"));
		ASSERT_EQ(0, device_forget(self->device, text)) TH_LOG("%s", text);
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	}
}

TEST_F(mount, with_no_word_a_number_and_a_percentage_are_told_both_ways_and_a_name_upwards)
{
	struct record r;

	REGISTER("2400k tag=number");
	NEXT("state");
	USE(600);
	NEXT("up");
	USE(599);
	NEXT("down");
	ASSERT_EQ(0, device_forget(self->device, "number"));

	REGISTER("60% tag=percentage");
	NEXT("state");
	USE(600);
	NEXT("up");
	USE(599);
	NEXT("down");
	ASSERT_EQ(0, device_forget(self->device, "percentage"));

	REGISTER("low tag=name");
	NEXT("state");
	USE(600);
	NEXT("up");
	USE(599);
	NO_MORE();
}

TEST_F(mount, a_direction_is_told_alone_and_both_are_told_together)
{
	struct record r;

	REGISTER("40k rising tag=r");
	REGISTER("44k falling tag=f");
	REGISTER("low both tag=b");
	NEXT("state");
	NEXT("state");
	NEXT("state");
	USE(600);
	NEXT("up");
	EXPECT_STREQ("r", r.tag);
	NEXT("up");
	EXPECT_STREQ("b", r.tag);
	USE(599);
	NEXT("down");
	EXPECT_STREQ("b", r.tag);
	USE(10);
	NEXT("down");
	EXPECT_STREQ("f", r.tag);
	NO_MORE();
}

TEST_F(mount, once_is_told_once_and_is_over)
{
	struct record r;

	REGISTER("40k falling once tag=o");
	NEXT("state");
	USE(10);
	NO_MORE();
	USE(9);
	NEXT("down");
	r = record_next_soon(self->device);
	EXPECT_EQ(-ENODATA, r.error);
	EXPECT_EQ(0, trigger_count(&self->m));
	EXPECT_EQ(-ENOENT, device_forget(self->device, "o"));
}

TEST_F(mount, now_is_told_at_once_where_usage_is_past_the_level)
{
	struct record r;

	USE(10);
	REGISTER("40k rising now");
	NEXT("state");
	EXPECT_STREQ("above", record_field(&r, "state"));
	NEXT("up");
	EXPECT_EQ(1, r.crossings);
	EXPECT_EQ(10 * self->m.block, r.used);
	REGISTER("44k rising now");
	NEXT("state");
	NO_MORE();
	REGISTER("44k falling now once");
	NEXT("state");
	EXPECT_STREQ("below", record_field(&r, "state"));
	NEXT("down");
	NO_MORE();
}

TEST_F(mount, a_hysteresis_holds_back_until_usage_has_gone_that_far)
{
	struct record r;

	REGISTER("40k both hyst=20k");
	NEXT("state");
	USE(10);
	NEXT("up");
	USE(6);
	USE(10);
	NO_MORE();
	USE(5);
	NEXT("down");
	EXPECT_EQ(5 * self->m.block, r.used);
	USE(10);
	NEXT("up");
}

/* ---- tags ---- */

TEST_F(mount, a_tag_of_up_to_63_printable_bytes_comes_back)
{
	char words[] = "1% tag=!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
	char tag[TMPFSWARN_TAG_MAX + 2], args[128];
	struct record r;

	REGISTER(words);
	NEXT("state");
	EXPECT_STREQ(strchr(words, '=') + 1, r.tag);
	memset(tag, 'x', sizeof(tag));
	tag[TMPFSWARN_TAG_MAX] = '\0';
	snprintf(args, sizeof(args), "1%% tag=%s", tag);
	REGISTER(args);
	NEXT("state");
	EXPECT_STREQ(tag, r.tag);
	tag[TMPFSWARN_TAG_MAX] = 'x';
	tag[TMPFSWARN_TAG_MAX + 1] = '\0';
	snprintf(args, sizeof(args), "1%% tag=%s", tag);
	EXPECT_EQ(-EINVAL, device_register(self->device, &self->m, args));
	NO_MORE();
}

TEST_F(mount, forget_ends_all_of_its_tag_and_no_others)
{
	struct record r;

	REGISTER("40k tag=a");
	REGISTER("40k tag=ab");
	REGISTER("44k tag=a");
	REGISTER("44k");
	EXPECT_EQ(4, trigger_count(&self->m));
	EXPECT_EQ(-ENOENT, device_forget(self->device, "b"));
	EXPECT_EQ(-ENOENT, device_forget(self->device, "abc"));
	ASSERT_EQ(0, device_put(self->device, " forget a\n"));
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 2));
	EXPECT_EQ(-ENOENT, device_forget(self->device, "a"));
	while (r = record_left(self->device), !strcmp(r.event, "state"))
		;
	USE(10);
	NEXT("up");
	EXPECT_STREQ("ab", r.tag);
	USE(11);
	NEXT("up");
	EXPECT_STREQ("44k", r.tag);
	NO_MORE();
}

TEST_F(mount, a_tag_of_one_listener_is_not_anothers)
{
	int other = device_listen(&self->m, "40k tag=a");
	struct record r;

	ASSERT_LE(0, other);
	EXPECT_EQ(-ENOENT, device_forget(self->device, "a"));
	REGISTER("40k tag=a");
	ASSERT_EQ(0, device_forget(self->device, "a"));
	EXPECT_NEXT(other, "state");
	USE(10);
	EXPECT_NEXT(other, "up");
	close(other);
}

/* ---- what stands around it ---- */

TEST_F(mount, white_space_around_the_whole_and_all_from_a_nul_on_is_ignored)
{
	static const struct {
		const char *before, *after;
		size_t size;
	} table[] = {
		{ "", "", 0 }, { "", "\n", 1 }, { "", "", 1 }, { "", "\n", 2 }, { "", " ", 1 },
		{ " \t\n ", " \t\n\r ", 5 }, { "", "\0junk", 5 },
		{ "", " \t rising\n\tonce  ", 16 },
	};
	int fd = open(self->m.path, O_PATH);
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char text[128];
		struct record r;
		int n = sprintf(text, "%s%d 40k", table[i].before, fd);

		memcpy(text + n, table[i].after, table[i].size);
		n += table[i].size;
		ASSERT_EQ(n, write(self->device, text, n)) TH_LOG("number %d", i);
		NEXT("state");
		EXPECT_STREQ("40k", r.tag);
	}
}

TEST_F(mount, the_longest_write_is_accepted_and_a_longer_one_refused)
{
	int fd = open(self->m.path, O_PATH), n;
	char text[TMPFSWARN_WRITE_MAX + 2];

	memset(text, ' ', sizeof(text));
	n = sprintf(text, "%d 40k", fd);
	text[n] = ' ';
	EXPECT_EQ(TMPFSWARN_WRITE_MAX, write(self->device, text, TMPFSWARN_WRITE_MAX));
	EXPECT_EQ(-1, write(self->device, text, TMPFSWARN_WRITE_MAX + 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, trigger_count(&self->m));
}

TEST_F(mount, a_device_opened_for_writing_alone_registers_and_cannot_be_read)
{
	int device = open(TMPFSWARN_DEVICE, O_WRONLY | O_CLOEXEC);
	char byte;

	ASSERT_LE(0, device);
	EXPECT_EQ(0, device_register(device, &self->m, "40k"));
	EXPECT_EQ(1, trigger_count(&self->m));
	EXPECT_EQ(-1, read(device, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	close(device);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
}

TEST_HARNESS_MAIN
