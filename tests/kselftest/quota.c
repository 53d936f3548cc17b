// SPDX-License-Identifier: GPL-2.0
/* How much each user may register with /dev/tmpfswarn, all of them, and what is kept meanwhile. */
#include "client.h"
#include "harness.h"

#define PARAMETER	"/sys/module/" TMPFSWARN_NAME "/parameters/max_user_triggers"

FIXTURE(mount) {
	struct scratch m;
	int device;		/* root's */
	int socket[2];
	char *limit;
	bool reloaded;
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->socket));
	self->limit = slurp_path(PARAMETER);
	ASSERT_NE(NULL, self->limit);
	self->device = device_open();
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN(mount)
{
	close(self->device);
	scratch_end(&self->m);
	write_text(PARAMETER, self->limit);
	free(self->limit);
	if (self->reloaded) {
		EXPECT_TRUE(EVENTUALLY(module_remove() == 0));
		EXPECT_EQ(0, module_insert(""));
	}
}

typedef FIXTURE_DATA(mount) shared;

static bool set_limit(int triggers)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", triggers);
	return write_text(PARAMETER, text) == 0;
}

#define NEED_REGISTERED(device) \
	NEED(device_register(device, &self->m, "400k") == 0)
#define NEED_REFUSED(device) \
	NEED(device_register(device, &self->m, "400k") == -EDQUOT)

static void drain(int device)
{
	while (!record_left(device).error)
		;
}

static int reach_the_limit(void *arg)
{
	shared *self = arg;
	int one = device_open(), other = device_open(), i;

	for (i = 0; i < 3; i++)
		NEED_REGISTERED(one);
	for (i = 0; i < 2; i++)
		NEED_REGISTERED(other);
	NEED_REFUSED(one);
	NEED_REFUSED(other);
	NEED_REFUSED(device_open());
	/* what has ended counts until it was read, to the end */
	NEED(device_forget(other, "400k") == 0);
	NEED_REFUSED(one);
	drain(other);
	NEED(EVENTUALLY(device_register(one, &self->m, "400k") == 0));
	NEED_REGISTERED(one);
	NEED_REFUSED(other);
	/* and nothing does after the last close, read or not */
	close(one);
	for (i = 0; i < 5; i++)
		NEED(EVENTUALLY(device_register(other, &self->m, "400k") == 0));
	NEED_REFUSED(other);
	/* root lets more in while it runs, and fewer: who is there stays */
	NEED(say(self->socket[1]) && hear(self->socket[1]));
	NEED_REGISTERED(other);
	NEED_REFUSED(other);
	NEED(say(self->socket[1]) && hear(self->socket[1]));
	NEED_REFUSED(other);
	NEED(trigger_count(&self->m) == 6 || access(self->m.dir, F_OK));
	NEED(scratch_use(&self->m, 100) == 0);
	drain(other);
	NEED(device_forget(other, "400k") == 0);
	NEED(EVENTUALLY(device_register(other, &self->m, "400k") == 0));
	NEED_REFUSED(other);
	return 0;
}

static int register_one(void *arg)
{
	shared *self = arg;

	NEED(device_listen(&self->m, "400k") >= 0);
	return 0;
}

TEST_F(mount, each_user_has_as_many_triggers_as_the_parameter_says_and_root_any_number)
{
	pid_t child;
	int i;

	ASSERT_TRUE(set_limit(5));
	child = start_as(USER, reach_the_limit, self);
	ASSERT_TRUE(hear(self->socket[0]));
	EXPECT_EQ(0, as_user(USER + 1, register_one, self));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, device_register(self->device, &self->m, "400k"));
	close(self->device);
	self->device = -1;
	ASSERT_TRUE(set_limit(6));
	ASSERT_TRUE(say(self->socket[0]));
	ASSERT_TRUE(hear(self->socket[0]));
	ASSERT_TRUE(set_limit(1));
	ASSERT_TRUE(say(self->socket[0]));
	EXPECT_EQ(0, ended(child));
}

static int in_namespaces_of_his_own(void *arg)
{
	shared *self = arg;
	int device = device_open();

	NEED_REGISTERED(device);
	if (!become_root_of_a_namespace(0))
		return 4;
	device = device_open();
	NEED_REGISTERED(device);
	NEED(become_root_of_a_namespace(0));
	device = device_open();
	NEED_REGISTERED(device);
	NEED_REFUSED(device);
	return 0;
}

TEST_F(mount, a_user_gets_no_more_by_making_user_namespaces)
{
	int result;

	ASSERT_TRUE(set_limit(3));
	result = as_user(USER, in_namespaces_of_his_own, self);
	if (result == 4)
		SKIP(return, "a user may not make a user namespace");
	EXPECT_EQ(0, result);
}

static int in_a_namespace_of_roots(void *arg)
{
	shared *self = arg;
	int device;

	if (!become_root_of_a_namespace(0))
		return 4;
	device = device_open();
	NEED_REGISTERED(device);
	NEED_REGISTERED(device);
	NEED_REFUSED(device);
	/* one in there is of the same */
	NEED(become_root_of_a_namespace(0));
	device = device_open();
	NEED_REFUSED(device);
	NEED(say(self->socket[1]));
	return hear(self->socket[1]) ? 0 : 1;
}

TEST_F(mount, each_namespace_that_root_has_made_is_a_user_of_its_own)
{
	pid_t children[2];
	size_t i;

	ASSERT_TRUE(set_limit(2));
	for (i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = start_as(0, in_a_namespace_of_roots, self);
		EXPECT_TRUE(hear(self->socket[0]));
	}
	for (i = 0; i < ARRAY_SIZE(children); i++)
		say(self->socket[0]);
	for (i = 0; i < ARRAY_SIZE(children); i++)
		EXPECT_EQ(0, ended(children[i]));
}

TEST_F(mount, the_limits_of_all_are_edquot_to_root_as_well)
{
	struct scratch second;
	struct record r;
	int i;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO is not set");
	close(self->device);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	self->reloaded = true;
	ASSERT_EQ(0, module_insert("max_mount_triggers=3 max_triggers=4"));
	ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	ASSERT_EQ(0, scratch_mount(&second, "nr_blocks=1000"));
	self->device = device_open();
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, device_register(self->device, &self->m, "40k"));
	EXPECT_EQ(-EDQUOT, device_register(self->device, &self->m, "40k"));
	EXPECT_EQ(0, device_register(self->device, &second, "40k"));
	EXPECT_EQ(-EDQUOT, device_register(self->device, &second, "40k"));
	EXPECT_EQ(-ENOSPC, listen_blocks(&second, 10, ""));
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	for (i = 0; i < 4; i++)
		EXPECT_NEXT(self->device, "state");
	for (i = 0; i < 3; i++)
		EXPECT_NEXT(self->device, "up");
	scratch_end(&second);
}

static int register_up_to(shared *self, struct scratch *m, int most)
{
	int device = device_open(), i;

	for (i = 0; i < most; i++)
		NEED(device_register(device, m, "400k") == 0);
	NEED(device_register(device, m, "400k") == -EDQUOT);
	NEED(say(self->socket[1]) && hear(self->socket[1]));
	return 0;
}

static int register_three(void *arg)
{
	shared *self = arg;

	return register_up_to(self, &self->m, 3);
}

static int register_none(void *arg)
{
	shared *self = arg;

	return register_up_to(self, &self->m, 0);
}

TEST_F(mount, ordinary_users_together_leave_root_most_of_a_mount_and_half_of_all)
{
	static const char *const parameters[] = {
		/* an eighth of the first, and half of the second: three */
		"max_mount_triggers=24", "max_triggers=6",
	};
	unsigned int i, j;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO is not set");
	self->reloaded = true;
	for (i = 0; i < 2; i++) {
		pid_t child, other;

		close(self->device);
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
		ASSERT_EQ(0, module_insert(parameters[i]));
		self->device = device_open();
		child = start_as(USER, register_three, self);
		ASSERT_TRUE(hear(self->socket[0]));
		/* nor is another one let in */
		other = start_as(USER + 1, register_none, self);
		ASSERT_TRUE(hear(self->socket[0]));
		for (j = 0; j < 3; j++)
			EXPECT_EQ(0, device_register(self->device, &self->m, "40k"));
		ASSERT_TRUE(say(self->socket[0]) && say(self->socket[0]));
		EXPECT_EQ(0, ended(child));
		EXPECT_EQ(0, ended(other));
	}
}

/* a mount and one more */
static int watch_two_mounts(void *arg)
{
	static const char *const names[] = { "one", "other" };
	shared *self = arg;
	int device, fd, i;
	char text[32];

	if (!become_root_of_a_namespace(CLONE_NEWNS))
		return 4;
	device = device_open();
	for (i = 0; i < 2; i++) {
		const char *path = scratch_path(&self->m, names[i]);

		NEED(mkdir(path, 0700) == 0);
		NEED(mount("scratch", path, "tmpfs", 0, "nr_blocks=100") == 0);
		fd = open(path, O_PATH);
		snprintf(text, sizeof(text), "%d 40k", fd);
		NEED(device_put(device, text) == (i ? -EDQUOT : 0));
	}
	return 0;
}

TEST_F(mount, a_mount_of_more_than_its_owner_is_shown_is_edquot)
{
	int result;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO is not set");
	close(self->device);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	self->reloaded = true;
	ASSERT_EQ(0, module_insert("max_mounts=1"));
	result = as_user(USER, watch_two_mounts, self);
	self->device = device_open();
	if (result == 4)
		SKIP(return, "a user may not make these namespaces");
	EXPECT_EQ(0, result);
}

TEST_F(mount, a_device_that_is_open_keeps_the_module)
{
	struct record r;
	int reading;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO is not set");
	ASSERT_EQ(0, device_register(self->device, &self->m, "40k"));
	EXPECT_EQ(-EWOULDBLOCK, module_remove());
	EXPECT_NEXT(self->device, "state");
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_NEXT(self->device, "up");
	close(self->device);
	reading = open(TMPFSWARN_DEVICE, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, reading);
	EXPECT_EQ(-EWOULDBLOCK, module_remove());
	close(reading);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	EXPECT_TRUE(EVENTUALLY(access(TMPFSWARN_DEVICE, F_OK) != 0));
	ASSERT_EQ(0, module_insert(""));
	EXPECT_TRUE(EVENTUALLY(access(TMPFSWARN_DEVICE, F_OK) == 0));
	ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	self->device = device_listen(&self->m, "40k");
	EXPECT_NEXT(self->device, "state");
}

TEST_HARNESS_MAIN
