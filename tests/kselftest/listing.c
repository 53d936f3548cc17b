// SPDX-License-Identifier: GPL-2.0
/* What /dev/tmpfswarn lists to who opens it for reading alone, and to whom. */
#include "client.h"
#include "harness.h"

#define STATS	ROOM "/" TMPFSWARN_STATS

FIXTURE(mount) {
	struct scratch m;
	int efd;
	int device;	/* root's */
	int user;	/* the ordinary user's */
	int socket[2];
	pid_t child;
};

typedef FIXTURE_DATA(mount) shared;

/* who registers and stays */
static int register_two(void *arg)
{
	shared *self = arg;
	int device = device_listen(&self->m, "1% rising once tag=mine");

	NEED(device >= 0);
	NEED(device_register(device, &self->m, "critical hyst=4k") == 0);
	NEED(send_fd(self->socket[1], device) == 0);
	close(device);
	hear(self->socket[1]);
	return 0;
}

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->socket));
	self->efd = listen_blocks(&self->m, 10, "falling");
	ASSERT_LE(0, self->efd);
	self->device = device_listen(&self->m, "80k tag=roots");
	ASSERT_LE(0, self->device);
	self->child = start_as(USER, register_two, self);
	self->user = receive_fd(self->socket[0]);
	ASSERT_LE(0, self->user);
}

FIXTURE_TEARDOWN(mount)
{
	close(self->efd);
	close(self->device);
	close(self->user);
	say(self->socket[0]);
	ended(self->child);
	scratch_end(&self->m);
}

/* the line of this text that has the other one; until the next call */
static const char *line_with(const char *text, const char *word)
{
	static char line[400];
	const char *at = text ? strstr(text, word) : NULL;

	if (!at)
		return "";
	while (at > text && at[-1] != '\n')
		at--;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

/* line by line: each begins with the same word as in the other, as far as there are such */
static bool same_keys(const char *one, const char *other)
{
	while (*one && *other) {
		size_t length = strcspn(one, " ");

		if (strncmp(one, other, length + 1))
			return false;
		one = strchr(one, '\n') + 1;
		other = strchr(other, '\n') + 1;
	}
	return !*one;
}

TEST_F(mount, root_is_told_the_figures_of_stats_first)
{
	char *text = listing(), *stats = slurp_path(STATS), value[128], in_stats[128];
	static const char *const keys[] = {
		"version", "hook", "hook_kind", "hook_free", "hook_free_kind", "armed", "mounts",
		"mounts_hidden", "triggers", "missed",
	};
	unsigned int i;

	ASSERT_NE(NULL, text);
	ASSERT_NE(NULL, stats);
	EXPECT_TRUE(same_keys(stats, text)) TH_LOG("%s", text);
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		ASSERT_TRUE(value_in(TMPFSWARN_DEVICE, keys[i], value, sizeof(value)))
			TH_LOG("%s", keys[i]);
		ASSERT_TRUE(value_in(STATS, keys[i], in_stats, sizeof(in_stats)));
		EXPECT_STREQ(in_stats, value) TH_LOG("%s", keys[i]);
	}
	free(text);
	free(stats);
}

/* from "dev=" to "comm=", each key in its place */
static bool line_sound(const char *line)
{
	static const char *const keys[] = {
		"dev=", "resource=", "level=", "blocks=", "direction=", "hyst=", "once=",
		"state=", "fired=", "to=", "uid=", "pid=", "comm=",
	};
	unsigned int i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (!line || strncmp(line, keys[i], strlen(keys[i])))
			return false;
		line = strchr(line, ' ');
		line = line ? line + 1 : NULL;
	}
	return true;
}

TEST_F(mount, root_is_listed_each_mount_with_its_usage)
{
	char want[200];

	ASSERT_EQ(0, scratch_use(&self->m, 7));
	snprintf(want, sizeof(want), "dev=%u:%u size=%ld used=%ld free=%ld inodes=",
		 major(self->m.dev), minor(self->m.dev), 1000 * self->m.block,
		 7 * self->m.block, 993 * self->m.block);
	EXPECT_EQ(1, listed(want)) TH_LOG("%s", want);
}

TEST_F(mount, root_is_listed_all_triggers_of_both_interfaces)
{
	char *text = listing(), want[200], dev[32];
	const char *line;

	ASSERT_NE(NULL, text);
	snprintf(dev, sizeof(dev), "dev=%u:%u ", major(self->m.dev), minor(self->m.dev));
	snprintf(want, sizeof(want), "%sresource=", dev);
	EXPECT_EQ(4, listed(want));
#define EXPECT_LINE(mark, ...) do {						\
	line = line_with(text, mark);						\
	EXPECT_TRUE(line_sound(line)) TH_LOG("'%s'", line);			\
	snprintf(want, sizeof(want), __VA_ARGS__);				\
	EXPECT_NE(NULL, strstr(line, want)) TH_LOG("'%s' has no '%s'", line, want); \
} while (0)
	EXPECT_LINE("to=eventfd", "%sresource=used_bytes level=40960 blocks=10 direction=falling "
		    "hyst=0 once=0 state=below fired=0 to=eventfd uid=0 pid=%d comm=listing",
		    dev, getpid());
	EXPECT_LINE("level=81920", "%sresource=used_bytes level=81920 blocks=20 direction=both "
		    "hyst=0 once=0 state=below fired=0 to=listener uid=0 pid=%d comm=listing",
		    dev, getpid());
	EXPECT_LINE("level=1%", "%sresource=used_bytes level=1%% blocks=10 direction=rising "
		    "hyst=0 once=1 state=below fired=0 to=listener uid=%d pid=%d comm=listing",
		    dev, USER, self->child);
	EXPECT_LINE("level=critical", "%sresource=pressure_level level=critical blocks=950 "
		    "direction=rising hyst=4096 once=0 state=below fired=0 to=listener uid=%d "
		    "pid=%d comm=listing", dev, USER, self->child);
	free(text);
}

TEST_F(mount, the_triggers_of_debugfs_say_who_is_told_and_whose_they_are)
{
	char value[32];
	int i, listeners = 0;

	ASSERT_EQ(4, trigger_count(&self->m));
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(trigger_field(&self->m, i, "to", value, sizeof(value)));
		listeners += strcmp(value, "listener") == 0;
		ASSERT_TRUE(trigger_field(&self->m, i, "uid", value, sizeof(value)));
		EXPECT_EQ(i < 2 ? 0 : USER, atoi(value));
	}
	EXPECT_EQ(3, listeners);
}

TEST_F(mount, what_is_listed_follows_usage_and_ends_with_the_trigger)
{
	ASSERT_EQ(0, scratch_use(&self->m, 20));
	EXPECT_TRUE(EVENTUALLY(listed("level=81920 blocks=20 direction=both hyst=0 once=0 "
				      "state=above fired=1") == 1));
	/* the one with once */
	EXPECT_TRUE(EVENTUALLY(listed("level=1%") == 0));
	ASSERT_EQ(0, device_forget(self->device, "roots"));
	EXPECT_TRUE(EVENTUALLY(listed("level=81920") == 0));
	close(self->user);
	self->user = -1;
	EXPECT_TRUE(EVENTUALLY(listed("level=critical") == 0));
	EXPECT_EQ(1, listed(" to="));
}

TEST_F(mount, a_listing_ends_and_is_the_same_in_small_pieces)
{
	int pieces = open(TMPFSWARN_DEVICE, O_RDONLY | O_CLOEXEC);
	char *text = listing(), *other;
	ssize_t n = 0, length = 0;

	ASSERT_NE(NULL, text);
	other = calloc(1, strlen(text) + 8);
	while (length <= strlen(text) && (n = read(pieces, other + length, 7)) > 0)
		length += n;
	EXPECT_EQ(0, n);
	EXPECT_STREQ(text, other);
	EXPECT_EQ(0, read(pieces, other, 7));
	close(pieces);
	free(text);
	free(other);
}

/* ---- to whom ---- */

/* what an ordinary user sees, whoever reads it */
static int sees_his_own_alone(char *text)
{
	static const char *const keys[] = {
		"version ", "hook ", "hook_kind ", "hook_free ", "hook_free_kind ", "triggers ",
	};
	char *line, *rest, want[16];
	unsigned int i = 0, own = 0;

	NEED(text);
	NEED(atoi(strstr(text, "\ntriggers ") + 10) == 2);
	snprintf(want, sizeof(want), " uid=%d ", USER);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (i < sizeof(keys) / sizeof(*keys)) {
			NEED(strncmp(line, keys[i], strlen(keys[i])) == 0 ||
			     !printf("# %s\n", line));
			i++;
			continue;
		}
		NEED((line_sound(line) && strstr(line, want)) || !printf("# %s\n", line));
		own++;
	}
	NEED(own == 2);
	return 0;
}

static int list_his_own(void *arg)
{
	return sees_his_own_alone(listing());
}

TEST_F(mount, an_ordinary_user_is_listed_his_own_and_told_no_figures_of_others)
{
	EXPECT_EQ(0, as_user(USER, list_his_own, self));
}

static int list_nothing(void *arg)
{
	char *text = listing();

	NEED(text);
	NEED(!strstr(text, " to="));
	NEED(strstr(text, "\ntriggers 0\n"));
	return 0;
}

TEST_F(mount, another_user_is_listed_nothing)
{
	EXPECT_EQ(0, as_user(USER + 1, list_nothing, self));
}

/* root there, but it is not his machine */
static int list_in_a_namespace(void *arg)
{
	char *text;

	if (!become_root_of_a_namespace(0))
		return 4;
	text = listing();
	NEED(text);
	NEED(!strstr(text, "\nmounts ") && !strstr(text, "level=81920"));
	NEED(!strstr(text, "to=eventfd"));
	/* containers may share a uid, but not a pid namespace */
	NEED(unshare(CLONE_NEWPID) == 0);
	return as_user(0, list_nothing, NULL);
}

TEST_F(mount, root_of_a_container_is_listed_nothing_of_others)
{
	int result = as_user(USER, list_in_a_namespace, self);

	if (result == 4)
		SKIP(return, "a user may not make a user namespace");
	EXPECT_EQ(0, result);
}

static int open_listing(void *arg)
{
	shared *self = arg;
	int fd = open(TMPFSWARN_DEVICE, O_RDONLY | O_CLOEXEC);

	NEED(fd >= 0);
	NEED(send_fd(self->socket[1], fd) == 0);
	return 0;
}

static char *read_all(int fd)
{
	static char text[65536];
	ssize_t length = 0, n;

	while ((n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += n;
	text[length] = '\0';
	return n < 0 ? NULL : text;
}

static int reads_all(void *arg)
{
	char *text = read_all(*(int *)arg);

	NEED(text);
	NEED(strstr(text, "\nmounts ") && strstr(text, "to=eventfd uid=0"));
	return 0;
}

TEST_F(mount, who_opened_it_decides_what_is_listed_and_not_who_reads_it)
{
	int fd = open(TMPFSWARN_DEVICE, O_RDONLY | O_CLOEXEC);

	EXPECT_EQ(0, as_user(USER, reads_all, &fd));
	close(fd);
	ASSERT_EQ(0, as_user(USER, open_listing, self));
	fd = receive_fd(self->socket[0]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sees_his_own_alone(read_all(fd)));
	close(fd);
}

TEST_HARNESS_MAIN
