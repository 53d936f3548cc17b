// SPDX-License-Identifier: GPL-2.0
/* Who crossed: told of whom, and to whom. */
#include "client.h"
#include "race.h"
#include "harness.h"

#include <linux/capability.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

FIXTURE(mount) {
	struct scratch m;
	int device;
	int fd;			/* of a file of the mount */
	int socket[2];
};

typedef FIXTURE_DATA(mount) shared;

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->socket));
	self->fd = open(scratch_path(&self->m, "file"), O_RDWR | O_CREAT, 0666);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fchmod(self->fd, 0666));
	self->device = device_listen(&self->m, "40k");
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN(mount)
{
	close(self->device);
	close(self->fd);
	scratch_end(&self->m);
}

/* Before 6.6 the kernel does not say how much was allocated, and so not whose blocks crossed. */
#define NEEDS_NAMES() do {							\
	if (kernel_up_to(6, 5))						\
		SKIP(return, "the kernel does not say who it was");		\
} while (0)

/* over the level and back, a block at a time */
static int go_over(void *arg)
{
	shared *self = arg;
	int i;

	for (i = 1; i <= 10; i++)
		NEED(pwrite(self->fd, "", 1, (i - 1) * self->m.block) == 1);
	return 0;
}

static int go_back(void *arg)
{
	shared *self = arg;
	int i;

	for (i = 9; i >= 0; i--)
		NEED(ftruncate(self->fd, i * self->m.block) == 0);
	return 0;
}

static int go_over_and_back(void *arg)
{
	return go_over(arg) || go_back(arg);
}

/* the name as /proc has it */
static void name_of(pid_t pid, char *name, size_t size)
{
	char path[32], *text, *at;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	text = slurp_path(path);
	at = text ? strstr(text, "Name:\t") : NULL;
	snprintf(name, size, "%.*s", at ? (int)strcspn(at + 6, "\n") : 0, at ? at + 6 : "");
	free(text);
}

TEST_F(mount, the_own_task_is_named_with_its_pid_uid_and_name)
{
	static const char *const names[] = {
		"crossers", "two words", "a\\b\nc", "=pid=1 uid=2", "",
	};
	unsigned int i;
	char name[64];
	struct record r;

	NEEDS_NAMES();
	EXPECT_NEXT(self->device, "state");
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		prctl(PR_SET_NAME, names[i]);
		name_of(getpid(), name, sizeof(name));
		EXPECT_EQ(0, go_over(self));
		EXPECT_NEXT(self->device, "up");
		EXPECT_EQ(getpid(), r.pid) TH_LOG("%s", r.line);
		EXPECT_EQ(0, record_number(&r, "uid"));
		EXPECT_LT(0, record_number(&r, "cgroup"));
		EXPECT_STREQ(name, record_field(&r, "comm"));
		EXPECT_EQ(0, go_back(self));
		EXPECT_NEXT(self->device, "down");
		EXPECT_EQ(getpid(), r.pid) TH_LOG("%s", r.line);
		EXPECT_STREQ(name, record_field(&r, "comm"));
	}
}

static void *cross_in_thread(void *arg)
{
	prctl(PR_SET_NAME, "a thread");
	return (void *)(long)go_over(arg);
}

TEST_F(mount, a_thread_is_named_by_its_process)
{
	pthread_t thread;
	struct record r;

	NEEDS_NAMES();
	EXPECT_NEXT(self->device, "state");
	ASSERT_EQ(0, pthread_create(&thread, NULL, cross_in_thread, self));
	pthread_join(thread, NULL);
	EXPECT_NEXT(self->device, "up");
	EXPECT_EQ(getpid(), r.pid) TH_LOG("%s", r.line);
}

/* what cgroup.id of bpf is, for who has the directory */
static long long cgroup_id(const char *path)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[64];
	} h = { .handle.handle_bytes = 64 };
	uint64_t id;
	int mount_id;

	if (name_to_handle_at(AT_FDCWD, path, &h.handle, &mount_id, 0))
		return -errno;
	memcpy(&id, h.handle.f_handle, sizeof(id));
	return id;
}

TEST_F(mount, the_cgroup_is_that_of_the_directory)
{
	char root[] = "/tmp/cgroup.XXXXXX", group[64], path[100];
	struct record r;
	struct stat st;

	NEEDS_NAMES();
	ASSERT_NE(NULL, mkdtemp(root));
	if (mount("cgroup", root, "cgroup2", 0, NULL)) {
		rmdir(root);
		SKIP(return, "no cgroup2: %s", strerror(errno));
	}
	snprintf(group, sizeof(group), "%s/crossers", root);
	ASSERT_EQ(0, mkdir(group, 0755));
	ASSERT_EQ(0, stat(group, &st));
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	EXPECT_NEXT(self->device, "state");
	EXPECT_EQ(0, write_text(path, "0"));
	EXPECT_EQ(0, go_over(self));
	EXPECT_NEXT(self->device, "up");
	EXPECT_EQ(cgroup_id(group), record_number(&r, "cgroup")) TH_LOG("%s", r.line);
	if (sizeof(long) == 8)
		EXPECT_EQ(st.st_ino, record_number(&r, "cgroup"));
	snprintf(path, sizeof(path), "%s/cgroup.procs", root);
	EXPECT_EQ(0, write_text(path, "0"));
	EXPECT_EQ(0, go_back(self));
	EXPECT_NEXT(self->device, "down");
	EXPECT_EQ(cgroup_id(root), record_number(&r, "cgroup"));
	rmdir(group);
	umount2(root, 0);
	rmdir(root);
}

/* told of, but by nobody: no system call of a task went over it */
TEST_F(mount, a_crossing_that_a_remount_has_made_names_nobody)
{
	struct record r;

	ASSERT_EQ(0, device_register(self->device, &self->m, "2% tag=p"));
	ASSERT_EQ(0, go_over(self));
	EXPECT_NEXT(self->device, "state");
	EXPECT_NEXT(self->device, "state");
	EXPECT_NEXT(self->device, "up");
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=500"));
	EXPECT_NEXT_SOON(self->device, "up");
	EXPECT_STREQ("p", r.tag);
	EXPECT_FALSE(record_names_somebody(&r)) TH_LOG("%s", r.line);
}

/* found by its check or by that of the remount, whichever is first: it is not what has crossed */
TEST_F_TIMEOUT(mount, a_block_written_right_after_a_remount_has_not_crossed_what_that_has, 120)
{
	struct record r;
	int i;

	ASSERT_EQ(0, device_register(self->device, &self->m, "10% tag=p"));
	EXPECT_NEXT(self->device, "state");
	EXPECT_NEXT(self->device, "state");
	ASSERT_EQ(0, go_over(self));
	EXPECT_NEXT(self->device, "up");
	ASSERT_LE(0, lseek(self->fd, 0, SEEK_END));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=20"));
		ASSERT_EQ(0, append_blocks(self->fd, &self->m, 1));
		EXPECT_NEXT_SOON(self->device, "up");
		EXPECT_STREQ("p", r.tag);
		EXPECT_FALSE(record_names_somebody(&r)) TH_LOG("%d: %s", i, r.line);
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
		EXPECT_NEXT_SOON(self->device, "down");
		EXPECT_FALSE(record_names_somebody(&r)) TH_LOG("%d: %s", i, r.line);
		ASSERT_EQ(0, ftruncate(self->fd, 10 * self->m.block));
		ASSERT_LE(0, lseek(self->fd, 0, SEEK_END));
	}
}

/* the same where the check of the remount is held up, so that the one of the write is first */
TEST_F(mount, a_block_that_finds_what_a_remount_has_crossed_has_not_crossed_it)
{
	struct held_room held = {};
	struct record r;
	int other;

	ASSERT_EQ(0, device_register(self->device, &self->m, "10% tag=p"));
	EXPECT_NEXT(self->device, "state");
	EXPECT_NEXT(self->device, "state");
	ASSERT_EQ(0, go_over(self));
	EXPECT_NEXT(self->device, "up");
	ASSERT_LE(0, lseek(self->fd, 0, SEEK_END));
	if (!hold_up(&held))
		SKIP(return, "the kernel has no userfaultfd");
	/* this one is what the work waits with */
	other = superblock(NULL);
	EXPECT_LE(0, other);
	usleep(50000);
	EXPECT_EQ(0, scratch_remount(&self->m, "nr_blocks=20"));
	EXPECT_TRUE(record_none(self->device));
	EXPECT_EQ(0, append_blocks(self->fd, &self->m, 1));
	EXPECT_NEXT(self->device, "up");
	EXPECT_STREQ("p", r.tag);
	EXPECT_FALSE(record_names_somebody(&r)) TH_LOG("%s", r.line);
	EXPECT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
	EXPECT_TRUE(record_none(self->device));
	EXPECT_EQ(0, ftruncate(self->fd, 10 * self->m.block));
	EXPECT_NEXT(self->device, "down");
	EXPECT_STREQ("p", r.tag);
	EXPECT_FALSE(record_names_somebody(&r)) TH_LOG("%s", r.line);
	let_go(&held);
	close(other);
}

TEST_F(mount, nobody_is_named_where_the_kernel_does_not_say_who_it_was)
{
	struct record r;

	if (!kernel_up_to(6, 5))
		SKIP(return, "it does");
	EXPECT_EQ(0, go_over_and_back(self));
	EXPECT_NEXT(self->device, "state");
	EXPECT_NEXT(self->device, "up");
	EXPECT_FALSE(record_names_somebody(&r)) TH_LOG("%s", r.line);
	EXPECT_NEXT(self->device, "down");
	EXPECT_FALSE(record_names_somebody(&r)) TH_LOG("%s", r.line);
}

/* an open loop device on the file, or a negative errno */
static int loop_open(int file)
{
	char path[32];
	int control, number, loop, error;

	if (access("/dev/loop-control", F_OK))
		system("modprobe loop 2>/dev/null");
	control = open("/dev/loop-control", O_RDWR);
	if (control < 0)
		return -errno;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	loop = open(path, O_RDWR);
	if (loop < 0)
		return -errno;
	if (ioctl(loop, LOOP_SET_FD, file) == 0)
		return loop;
	error = errno;
	close(loop);
	return -error;
}

/* what a task writes to the device, one of the kernel's writes to the file */
TEST_F(mount, a_thread_of_the_kernel_is_named_as_what_it_is)
{
	char *text = calloc(10, self->m.block), path[32], *line;
	struct record r;
	int loop;

	NEEDS_NAMES();
	ASSERT_EQ(0, ftruncate(self->fd, 20 * self->m.block));
	loop = loop_open(self->fd);
	if (loop < 0)
		SKIP(return, "no loop device: %s", strerror(-loop));
	EXPECT_EQ(10 * self->m.block, pwrite(loop, text, 10 * self->m.block, 0));
	EXPECT_EQ(0, fsync(loop));
	EXPECT_NEXT(self->device, "state");
	EXPECT_NEXT_SOON(self->device, "up");
	EXPECT_LT(0, r.pid) TH_LOG("%s", r.line);
	EXPECT_NE(getpid(), r.pid);
	EXPECT_EQ(0, record_number(&r, "uid"));
	EXPECT_TRUE(!strncmp(record_field(&r, "comm"), "kworker/", 8) ||
		    !strncmp(record_field(&r, "comm"), "loop", 4)) TH_LOG("%s", r.line);
	/* it has no command line */
	snprintf(path, sizeof(path), "/proc/%lld/cmdline", (long long)r.pid);
	line = slurp_path(path);
	EXPECT_STREQ("", line ? line : "");
	free(line);
	EXPECT_EQ(0, ioctl(loop, LOOP_CLR_FD));
	close(loop);
	free(text);
}

/* ---- to whom ---- */

static int watch_others(void *arg)
{
	shared *self = arg;
	int device = device_listen(&self->m, "40k");
	struct record r;
	pid_t child;
	int i;

	NEED(device >= 0);
	NEED_NEXT(device, "state");
	/* root's */
	NEED(say(self->socket[1]) && hear(self->socket[1]));
	NEED_NEXT(device, "up");
	NEED(!record_names_somebody(&r) && !strstr(r.line, "comm="));
	NEED_NEXT(device, "down");
	NEED(!record_names_somebody(&r));
	/* that of another of his own tasks */
	child = start_as(USER, go_over_and_back, self);
	NEED(ended(child) == 0);
	NEED_NEXT(device, "up");
	NEED(r.pid == child && record_number(&r, "uid") == USER);
	NEED_NEXT(device, "down");
	NEED(r.pid == child);
	/* that of one who is his and may become another, and of one who may do so again */
	for (i = 0; i < 2; i++) {
		NEED(say(self->socket[1]) && hear(self->socket[1]));
		NEED_NEXT(device, "up");
		NEED(!record_names_somebody(&r));
		NEED_NEXT(device, "down");
		NEED(!record_names_somebody(&r));
	}
	return 0;
}

static int with_the_real_uid_alone(void *arg)
{
	NEED(setresuid(USER, 0, 0) == 0);
	return go_over_and_back(arg);
}

static int with_the_saved_uid_of_another(void *arg)
{
	NEED(setresuid(USER, USER, 0) == 0);
	return go_over_and_back(arg);
}

TEST_F(mount, an_ordinary_user_is_told_of_his_own_tasks_alone)
{
	pid_t child;

	NEEDS_NAMES();
	child = start_as(USER, watch_others, self);
	ASSERT_TRUE(hear(self->socket[0]));
	EXPECT_EQ(0, go_over_and_back(self));
	ASSERT_TRUE(say(self->socket[0]));
	ASSERT_TRUE(hear(self->socket[0]));
	EXPECT_EQ(0, as_user(0, with_the_real_uid_alone, self));
	ASSERT_TRUE(say(self->socket[0]));
	ASSERT_TRUE(hear(self->socket[0]));
	EXPECT_EQ(0, as_user(0, with_the_saved_uid_of_another, self));
	ASSERT_TRUE(say(self->socket[0]));
	EXPECT_EQ(0, ended(child));
}

TEST_F(mount, root_is_told_of_all_tasks)
{
	struct record r;
	pid_t child;

	NEEDS_NAMES();
	child = start_as(USER, go_over, self);
	ASSERT_EQ(0, ended(child));
	EXPECT_NEXT(self->device, "state");
	EXPECT_NEXT(self->device, "up");
	EXPECT_EQ(child, r.pid) TH_LOG("%s", r.line);
	EXPECT_EQ(USER, record_number(&r, "uid"));
	EXPECT_STREQ("crossers", record_field(&r, "comm"));
}

static bool set_ptrace(bool allowed)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(1u << CAP_SYS_PTRACE);
	data[0].effective |= (unsigned int)allowed << CAP_SYS_PTRACE;
	return syscall(SYS_capset, &header, data) == 0;
}

static int watch_without_ptrace(void *arg)
{
	shared *self = arg;
	struct record r;
	int device;

	NEED(set_ptrace(false));
	device = device_listen(&self->m, "40k");
	NEED(device >= 0);
	/* of what was opened with less, none becomes more */
	NEED(set_ptrace(true));
	NEED_NEXT(device, "state");
	NEED(as_user(USER, go_over, self) == 0);
	NEED_NEXT(device, "up");
	NEED(!record_names_somebody(&r));
	NEED(go_back(self) == 0);
	NEED_NEXT(device, "down");
	NEED(r.pid == getpid());
	return 0;
}

TEST_F(mount, root_without_ptrace_when_it_opened_is_told_of_its_own_tasks_alone)
{
	NEEDS_NAMES();
	EXPECT_EQ(0, as_user(0, watch_without_ptrace, self));
}

/* ---- in a container ---- */

/* the first task of a pid namespace, in which it is root */
static int in_the_container(void *arg)
{
	shared *self = arg;
	char path[160], text[32], file[200];
	struct record r;
	int device, fd, pid;

	NEED(getpid() == 1 && getuid() == 0);
	snprintf(path, sizeof(path), "%s/own", self->m.path);
	NEED(mkdir(path, 0700) == 0 && mount("own", path, "tmpfs", 0, "nr_blocks=100") == 0);
	device = device_open();
	fd = open(path, O_PATH);
	snprintf(text, sizeof(text), "%d 40k tag=own", fd);
	NEED(device >= 0 && fd >= 0);
	NEED(device_put(device, text) == 0);
	close(fd);
	NEED_NEXT(device, "state");
	/* its own mount, and its own pids */
	snprintf(file, sizeof(file), "%s/file", path);
	pid = fork();
	if (pid == 0) {
		struct scratch own = { .block = self->m.block };

		_exit(append_blocks(open(file, O_RDWR | O_CREAT, 0600), &own, 10) ? 1 : 0);
	}
	NEED(ended(pid) == 0);
	NEED_NEXT(device, "up");
	NEED(strcmp(r.tag, "own") == 0 && r.pid == pid && pid < 100);
	NEED(record_number(&r, "uid") == 0);
	NEED(device_put(device, "forget own") == 0);

	/* the mount of the machine, of which it was given a file: it learns of nobody there */
	snprintf(text, sizeof(text), "%d 40k tag=given", self->fd);
	NEED(device_put(device, text) == 0);
	NEED_NEXT(device, "state");
	NEED(say(self->socket[1]) && hear(self->socket[1]));
	NEED_NEXT(device, "up");
	NEED(!record_names_somebody(&r));
	NEED_NEXT(device, "down");
	NEED(!record_names_somebody(&r));
	/* and is seen from there when it crosses itself */
	NEED(go_over_and_back(self) == 0);
	NEED_NEXT(device, "up");
	NEED(r.pid == 1 && record_number(&r, "uid") == 0);
	return 0;
}

/* both are of the same user, so that the pid namespace alone keeps them apart */
static int start_container(void *arg)
{
	shared *self = arg;
	int device = device_listen(&self->m, "40k");
	struct record r;
	pid_t child;

	if (!become_root_of_a_namespace(CLONE_NEWPID | CLONE_NEWNS))
		return 4;
	/* of the namespace that it has unshared, and still outside of the pids' */
	child = start_as(0, in_the_container, self);
	NEED(hear(self->socket[0]));
	NEED(go_over_and_back(self) == 0);
	NEED(say(self->socket[0]));
	NEED(ended(child) == 0);
	NEED_NEXT(device, "state");
	NEED_NEXT(device, "up");
	NEED(r.pid == getpid() && record_number(&r, "uid") == USER);
	NEED_NEXT(device, "down");
	NEED_NEXT(device, "up");
	NEED(r.pid == child && record_number(&r, "uid") == USER);
	return 0;
}

TEST_F(mount, a_container_is_told_of_its_own_tasks_by_its_own_pids_and_of_no_others)
{
	int result;

	NEEDS_NAMES();
	result = as_user(USER, start_container, self);
	if (result == 4)
		SKIP(return, "a user may not make these namespaces");
	EXPECT_EQ(0, result);
}

TEST_HARNESS_MAIN
