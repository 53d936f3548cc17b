// SPDX-License-Identifier: GPL-2.0
/* Who may register with /dev/tmpfswarn. */
#include "client.h"
#include "harness.h"

#include <linux/capability.h>
#include <sys/fsuid.h>

FIXTURE(mount) {
	struct scratch m;
	int device;		/* of another than who uses it */
	int fd;			/* of the mount */
	int socket[2];
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->fd = open(self->m.path, O_PATH);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->socket));
	self->device = device_open();
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN(mount)
{
	close(self->device);
	scratch_end(&self->m);
}

typedef FIXTURE_DATA(mount) shared;

/* ---- as an ordinary user ---- */

static int watch_and_cross(void *arg)
{
	shared *self = arg;
	int device = device_listen(&self->m, "40k");
	struct record r;

	NEED(device >= 0);
	NEED_NEXT(device, "state");
	NEED(scratch_use(&self->m, 10) == 0);
	NEED_NEXT(device, "up");
	NEED(record_none(device));
	return 0;
}

TEST_F(mount, an_ordinary_user_watches_and_is_told)
{
	EXPECT_EQ(0, as_user(USER, watch_and_cross, self));
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
}

static int use_the_shell(void *arg)
{
	shared *self = arg;
	static char script[] =
		"exec 3<>/dev/tmpfswarn 4<\"$0\" || exit 2\n"
		"echo '4 1% hyst=5% tag=shm' >&3 || exit 3\n"
		"read -r record <&3\n"
		"case $record in\n"
		"'event=state tag=shm level=1% '*' state=below') ;;\n"
		"*) exit 4; esac\n"
		"dd if=/dev/zero of=\"$0/by_shell\" bs=64k count=1 2>/dev/null\n"
		"read -r record <&3\n"
		"case $record in\n"
		"'event=up tag=shm '*' crossings=1'*) ;;\n"
		"*) echo \"# $record\"; exit 5; esac\n"
		"echo forget shm >&3 || exit 6\n"
		"read -r record <&3 && exit 7\n"
		"exit 0\n";

	execl("/bin/sh", "sh", "-c", script, self->m.path, (char *)NULL);
	return 1;
}

TEST_F(mount, the_shell_of_an_ordinary_user_watches_and_reads_with_its_read)
{
	EXPECT_EQ(0, as_user(USER, use_the_shell, self));
}

/* the directory is closed to him: the right is the open file */
TEST_F(mount, who_was_given_an_open_file_may_watch_a_mount_that_he_cannot_reach)
{
	static char text[32];
	struct record r;
	int pair[2];
	pid_t child;

	ASSERT_EQ(0, chmod(self->m.path, 0700));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	child = fork();
	if (child == 0) {
		int fd = receive_fd(pair[1]), device;

		if (!become(USER) || access(self->m.path, R_OK) == 0)
			_exit(1);
		device = device_open();
		snprintf(text, sizeof(text), "%d 40k", fd);
		if (device_put(device, text) || send_fd(pair[1], device))
			_exit(2);
		_exit(0);
	}
	ASSERT_EQ(0, send_fd(pair[0], self->fd));
	close(self->device);
	/* and reading is for whoever has the listener, though its user is gone */
	self->device = receive_fd(pair[0]);
	ASSERT_EQ(0, ended(child));
	ASSERT_EQ(0, fcntl(self->device, F_SETFL, O_NONBLOCK));
	EXPECT_NEXT(self->device, "state");
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_NEXT(self->device, "up");
}

/* ---- whose credentials ---- */

static int is_refused(void *arg)
{
	shared *self = arg;
	char text[32];
	struct record r;

	snprintf(text, sizeof(text), "%d 40k", self->fd);
	NEED(device_put(self->device, text) == -EPERM);
	NEED(device_put(self->device, "forget first") == -EPERM);
	NEED_NEXT(self->device, "state");
	return 0;
}

static int is_accepted(void *arg)
{
	shared *self = arg;
	char text[32];

	snprintf(text, sizeof(text), "%d 40k", self->fd);
	NEED(device_put(self->device, text) == 0);
	return 0;
}

#define REGISTER_FIRST() \
	ASSERT_EQ(0, device_register(self->device, &self->m, "80k tag=first"))

TEST_F(mount, another_user_than_who_opened_it_reads_and_may_not_write)
{
	REGISTER_FIRST();
	EXPECT_EQ(0, as_user(USER, is_refused, self));
}

static int open_and_send(void *arg)
{
	shared *self = arg;
	int device = device_listen(&self->m, "80k tag=first");

	NEED(device >= 0);
	NEED(send_fd(self->socket[1], device) == 0);
	NEED(hear(self->socket[1]));
	return 0;
}

TEST_F(mount, root_may_not_write_to_what_an_ordinary_user_has_opened)
{
	pid_t child = start_as(USER, open_and_send, self);

	close(self->device);
	self->device = receive_fd(self->socket[0]);
	ASSERT_LE(0, self->device);
	EXPECT_EQ(0, is_refused(self));
	EXPECT_TRUE(say(self->socket[0]));
	EXPECT_EQ(0, ended(child));
}

static int as_another_group(void *arg)
{
	NEED(setresgid(USER, USER, USER) == 0);
	return is_refused(arg);
}

TEST_F(mount, the_same_user_of_another_group_may_not_write)
{
	REGISTER_FIRST();
	EXPECT_EQ(0, as_user(0, as_another_group, self));
}

struct change {
	shared *self;
	const char *what;
};

/* one of the eight alone; the file system's ids follow the effective ones */
static bool change_one(const char *what)
{
	if (!strcmp(what, "uid"))
		return setresuid(USER, -1, -1) == 0;
	if (!strcmp(what, "euid"))
		return setresuid(-1, USER, -1) == 0 && setfsuid(0) == USER;
	if (!strcmp(what, "suid"))
		return setresuid(-1, -1, USER) == 0;
	if (!strcmp(what, "fsuid"))
		return setfsuid(USER) == 0;
	if (!strcmp(what, "gid"))
		return setresgid(USER, -1, -1) == 0;
	if (!strcmp(what, "egid"))
		return setresgid(-1, USER, -1) == 0 && setfsgid(0) == USER;
	if (!strcmp(what, "sgid"))
		return setresgid(-1, -1, USER) == 0;
	return setfsgid(USER) == 0;
}

static int refused_with_one_changed(void *arg)
{
	struct change *change = arg;
	shared *self = change->self;
	char text[32];

	NEED(change_one(change->what));
	snprintf(text, sizeof(text), "%d 40k", self->fd);
	NEED(device_put(self->device, text) == -EPERM);
	NEED(device_put(self->device, "forget first") == -EPERM);
	return 0;
}

TEST_F(mount, who_has_changed_any_of_his_user_and_group_ids_may_not_write)
{
	static const char * const ids[] = {
		"uid", "euid", "suid", "fsuid", "gid", "egid", "sgid", "fsgid",
	};
	struct change change = { .self = self };
	size_t i;

	REGISTER_FIRST();
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		change.what = ids[i];
		EXPECT_EQ(0, as_user(0, refused_with_one_changed, &change)) TH_LOG("%s", ids[i]);
	}
	EXPECT_EQ(0, as_user(0, is_accepted, self));
}

/* what it has it may use or not: what it cannot have again counts */
static bool give_up(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(1u << capability);
	data[0].permitted &= ~(1u << capability);
	return syscall(SYS_capset, &header, data) == 0;
}

static int open_and_send_with_less(void *arg)
{
	NEED(give_up(CAP_NET_RAW));
	return open_and_send(arg);
}

static int accepted_with_less(void *arg)
{
	NEED(give_up(CAP_NET_RAW));
	return is_accepted(arg);
}

TEST_F(mount, who_has_capabilities_that_the_opener_had_not_may_not_write)
{
	pid_t child;

	EXPECT_EQ(0, as_user(0, accepted_with_less, self));
	child = start_as(0, open_and_send_with_less, self);
	close(self->device);
	self->device = receive_fd(self->socket[0]);
	ASSERT_LE(0, self->device);
	EXPECT_EQ(0, is_refused(self));
	EXPECT_TRUE(say(self->socket[0]));
	EXPECT_EQ(0, ended(child));
}

static int in_another_namespace(void *arg)
{
	NEED(unshare(CLONE_NEWUSER) == 0);
	return is_refused(arg);
}

TEST_F(mount, the_same_user_in_another_user_namespace_may_not_write)
{
	REGISTER_FIRST();
	EXPECT_EQ(0, as_user(0, in_another_namespace, self));
}

static int in_a_child_and_a_program(void *arg)
{
	static char script[] = "echo \"$0 40k tag=inherited\" >&\"$1\"";
	char fd[16], device[16];
	shared *self = arg;
	struct record r;
	pid_t child;

	self->device = device_open();
	NEED(self->device >= 0);
	NEED(as_user(USER, is_accepted, self) == 0);
	snprintf(fd, sizeof(fd), "%d", self->fd);
	snprintf(device, sizeof(device), "%d", dup2(self->device, 9));
	child = fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", script, fd, device, (char *)NULL);
		_exit(1);
	}
	NEED(ended(child) == 0);
	NEED_NEXT(self->device, "state");
	NEED_NEXT(self->device, "state");
	NEED(strcmp(r.tag, "inherited") == 0);
	return 0;
}

TEST_F(mount, a_child_and_the_program_that_it_runs_may_write_with_the_same_credentials)
{
	EXPECT_EQ(0, as_user(USER, in_a_child_and_a_program, self));
}

TEST_HARNESS_MAIN
