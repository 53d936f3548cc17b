// SPDX-License-Identifier: GPL-2.0
/*
 * What others may not do to the machine through the module: users, root of a
 * user namespace, clients with large numbers. MOUNTS=20000 says how many mounts
 * such a root makes.
 */
#include "scratch.h"
#include "memory.h"
#include "harness.h"

#include <dirent.h>
#include <linux/mount.h>
#include <time.h>

#define NOBODY	65534

static const char *const files[] = {
	TMPFSWARN_USAGE, TMPFSWARN_USED_BYTES, TMPFSWARN_PRESSURE_LEVEL, TMPFSWARN_EVENT_CONTROL,
	TMPFSWARN_WARN_USED, TMPFSWARN_WARN_USED_EFD, TMPFSWARN_TRIGGERS, TMPFSWARN_USED_INODES,
	TMPFSWARN_V1_EVENT_CONTROL, TMPFSWARN_V1_USAGE, TMPFSWARN_V1_LIMIT,
	TMPFSWARN_V1_PRESSURE_LEVEL, TMPFSWARN_REFUSED, TMPFSWARN_V1_OOM_CONTROL,
	TMPFSWARN_V1_FAILCNT, TMPFSWARN_V1_MAX_USAGE, "../" TMPFSWARN_STATS, "", "..",
};

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return good;
}

static bool become_nobody(void)
{
	/* to be told apart from root by /proc, too */
	return setgid(NOBODY) == 0 && setuid(NOBODY) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

/* an ordinary user, who is root in a user namespace of his own */
static bool become_root_of_a_namespace(void)
{
	return become_nobody() && unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
		write_file("/proc/self/setgroups", "deny") &&
		write_file("/proc/self/uid_map", "0 65534 1") &&
		write_file("/proc/self/gid_map", "0 65534 1") && getuid() == 0;
}

static bool namespaces_allowed(void)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(become_root_of_a_namespace() ? 0 : 1);
	return waitpid(child, &status, 0) == child && status == 0;
}

FIXTURE(mount) {
	struct scratch m;
	mode_t debugfs;
};

/* with debugfs itself opened to all, as some administrators do */
FIXTURE_SETUP(mount)
{
	struct stat st;

	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	ASSERT_EQ(0, chmod(self->m.path, 0777));
	ASSERT_EQ(0, stat("/sys/kernel/debug", &st));
	self->debugfs = st.st_mode & 07777;
	ASSERT_EQ(0, chmod("/sys/kernel/debug", 0755));
}

FIXTURE_TEARDOWN(mount)
{
	chmod("/sys/kernel/debug", self->debugfs);
	scratch_end(&self->m);
}

/* ---- who may what ---- */

/* The number of the first thing that was possible, 0 if none was. */
static int try_everything(const struct scratch *m)
{
	unsigned int i;
	char path[200];
	struct stat st;

	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_PATH };
		unsigned int j;

		snprintf(path, sizeof(path), "%s/%s", m->dir, files[i]);
		for (j = 0; j < 4; j++) {
			/* a directory may be named by who can see its parent */
			if (modes[j] == O_PATH && !strcmp(files[i], ".."))
				continue;
			if (open(path, modes[j]) >= 0 || errno != EACCES)
				return 10 * i + j + 1;
		}
		if (stat(path, &st) == 0 || errno != EACCES)
			return 10 * i + 5;
		if (chmod(path, 0777) == 0 || errno != EACCES)
			return 10 * i + 6;
		if (truncate(path, 0) == 0 || errno != EACCES)
			return 10 * i + 7;
	}
	if (opendir(ROOM) || errno != EACCES)
		return 200;
	if (chmod(ROOM, 0777) == 0 || errno != EPERM)
		return 201;
	if (mount("debugfs", m->path, "debugfs", 0, NULL) == 0 || errno != EPERM)
		return 202;
	return 0;
}

TEST_F(mount, root_of_a_user_namespace_can_open_list_and_change_nothing)
{
	pid_t child;
	int status;

	if (!namespaces_allowed())
		SKIP(return, "a user may not make a user namespace");
	child = fork();
	if (child == 0)
		_exit(become_root_of_a_namespace() ? try_everything(&self->m) : 255);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("attempt %d", WEXITSTATUS(status));
	EXPECT_EQ(0, trigger_count(&self->m));
}

static int use_what_is_passed(const struct scratch *m, int cfd, int ctl, bool (*become)(void))
{
	int efd = listener(), n;
	char text[64];

	if (!become())
		return 1;
	if (pread(cfd, text, sizeof(text), 0) <= 0)
		return 2;
	n = snprintf(text, sizeof(text), "%d %d %ld rising", efd, cfd, 10 * m->block);
	if (write(ctl, text, n) != n)
		return 3;
	if (scratch_use(m, 10) || signals(efd, 1) != 1)
		return 4;
	/* and that is all: the way to the next one stays closed */
	return try_everything(m) ? 5 : 0;
}

/*
 * As with any file it is open(2) that asks who opens: a service of root's may
 * hand the files of one mount to a client that has no rights of its own.
 */
TEST_F(mount, an_open_file_passed_on_works_for_whoever_has_it)
{
	static bool (*const becomes[])(void) = { become_nobody, become_root_of_a_namespace };
	int i, status, cfd, ctl;
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", self->m.dir, TMPFSWARN_USED_BYTES);
	cfd = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "%s/%s", self->m.dir, TMPFSWARN_EVENT_CONTROL);
	ctl = open(path, O_WRONLY);
	ASSERT_LE(0, cfd);
	ASSERT_LE(0, ctl);
	for (i = 0; i < (namespaces_allowed() ? 2 : 1); i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(use_what_is_passed(&self->m, cfd, ctl, becomes[i]));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(0, status) TH_LOG("%d: step %d", i, WEXITSTATUS(status));
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
		ASSERT_EQ(0, unlink(scratch_path(&self->m, "filler")));
	}
}

/* ---- very many mounts ---- */

/* Makes them, says so, and waits for the pipe to be closed. */
static void hold_mounts(int count, int ready, int end)
{
	char path[64], c = 0;
	int i;

	if (!become_root_of_a_namespace() ||
	    mount("scratch", "/tmp", "tmpfs", 0, "nr_inodes=0"))
		_exit(1);
	for (i = 1; i < count; i++) {
		snprintf(path, sizeof(path), "/tmp/%d", i);
		if (mkdir(path, 0700) || mount("scratch", path, "tmpfs", 0, "nr_blocks=10"))
			_exit(2);
	}
	if (write(ready, &c, 1) != 1 || read(end, &c, 1) < 0)
		_exit(3);
	_exit(0);
}

static double taken_at_insmod(const char *parameters)
{
	struct memory before = memory_settled(), after;

	if (module_insert(parameters))
		return -1;
	after = memory_settled();
	if (!EVENTUALLY(module_remove() == 0))
		return -1;
	return 1024.0 * (after.slab - before.slab + after.vmalloc - before.vmalloc +
			 after.percpu - before.percpu);
}

TEST_F_TIMEOUT(mount, mounts_beyond_the_limit_cost_the_module_nothing, 3000)
{
	int count = memory_is_kept() ? 300 : 3000, most, ready[2], end[2], status;
	double alone, hidden, shown;
	char limit[40];
	pid_t child;
	char c;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	if (!namespaces_allowed())
		SKIP(return, "a user may not make a user namespace");
	if (getenv("MOUNTS") && *getenv("MOUNTS"))
		count = atoi(getenv("MOUNTS"));
	most = count / 3;
	ASSERT_LT(0, most);
	snprintf(limit, sizeof(limit), "max_mounts=%d", most);
	ASSERT_TRUE(EVENTUALLY(module_remove() == 0));
	/* the first insmod leaves behind what the kernel makes once */
	taken_at_insmod("max_mounts=0");
	alone = taken_at_insmod("max_mounts=0");
	ASSERT_EQ(0, module_insert(limit));
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(end));
	child = fork();
	if (child == 0) {
		close(end[1]);
		close(ready[0]);
		hold_mounts(count, ready[1], end[0]);
	}
	close(ready[1]);
	close(end[0]);
	EXPECT_EQ(1, read(ready[0], &c, 1));
	EXPECT_TRUE(EVENTUALLY(stat_of("mounts") >= most &&
			       stat_of("mounts_hidden") == count - most));
	/* those of others are shown, and work as ever */
	EXPECT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	EXPECT_LE(0, listen_blocks(&self->m, 10, ""));

	EXPECT_TRUE(EVENTUALLY(module_remove() == 0));
	hidden = taken_at_insmod("max_mounts=0");
	shown = taken_at_insmod(limit);
	close(end[1]);
	waitpid(child, &status, 0);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, module_insert(""));

	printf("# the module takes %.0f bytes, and with %d mounts %.1f for each not shown, %.0f for each shown\n",
	       alone, count, (hidden - alone) / count, (shown - hidden) / most);
	ASSERT_TRUE(alone != -1 && hidden != -1 && shown != -1);
	if (memory_is_kept())
		SKIP(return, "this kernel keeps freed memory back to check it");
	ASSERT_LT(0, shown);
	/* what the rest of the kernel may come and go by */
	EXPECT_GE(512 << 10, hidden - alone);
	/* with lockdep each inode and dentry is larger by its locks */
	EXPECT_GE(access("/proc/lockdep", F_OK) ? 20000 : 24000, (shown - hidden) / most);
}

/* a superblock that lasts as long as its descriptor */
static int superblock(void)
{
	int fs = syscall(SYS_fsopen, "tmpfs", 0), fd = -1;

	if (fs >= 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = syscall(SYS_fsmount, fs, 0, 0);
	close(fs);
	return fd;
}

/* us that each of so many takes to come and to go, until the module has done with it */
static double turn_of_a_mount(int count)
{
	long long there = stat_of("mounts");
	int i, fds[1000];
	struct timespec t[2];

	clock_gettime(CLOCK_MONOTONIC, &t[0]);
	for (i = 0; i < count; i++)
		fds[i] = superblock();
	if (!EVENTUALLY(stat_of("mounts") == there + count))
		return -1;
	for (i = 0; i < count; i++)
		close(fds[i]);
	if (!EVENTUALLY(stat_of("mounts") == there))
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &t[1]);
	return ((t[1].tv_sec - t[0].tv_sec) * 1e6 + (t[1].tv_nsec - t[0].tv_nsec) / 1e3) / count;
}

#define OTHERS	5000

TEST_F_TIMEOUT(mount, a_mount_beside_thousands_of_others_costs_as_much_as_beside_few, 1200)
{
	static int fds[OTHERS];
	double few, many;
	int i;

	raise_fd_limit();
	write_file("/proc/sys/user/max_mnt_namespaces", "65536");
	/* the first are what the kernel makes once */
	turn_of_a_mount(500);
	few = turn_of_a_mount(1000);
	for (i = 0; i < OTHERS; i++)
		ASSERT_LE(0, fds[i] = superblock());
	ASSERT_TRUE(EVENTUALLY(stat_of("mounts") > OTHERS));
	many = turn_of_a_mount(1000);
	for (i = 0; i < OTHERS; i++)
		close(fds[i]);
	printf("# a mount takes %.0f us to come and go beside few, %.0f beside %d\n", few, many,
	       OTHERS);
	ASSERT_LT(0, few);
	ASSERT_LT(0, many);
	EXPECT_GE(1.5, many / few);
}

/* ---- back and forth over a level ---- */

#define TURNS	2000

static long long cpu_ms(void)
{
	long long user = 0, nice = 0, system = 0, irq = 0, softirq = 0;
	char *text = slurp_path("/proc/stat");

	if (sscanf(text, "cpu %lld %lld %lld %*d %*d %lld %lld", &user, &nice, &system, &irq,
		   &softirq) != 5)
		user = -1;
	free(text);
	return (user + nice + system + irq + softirq) * 1000 / sysconf(_SC_CLK_TCK);
}

struct cost {
	double wall, system;	/* us for each turn */
};

/* a user goes from 99 blocks to 101 and back, as fast as he can */
static struct cost oscillate(const struct scratch *m)
{
	long long begun, cpu;
	struct timespec t[2];
	struct cost cost;
	int status, i;
	pid_t child;

	scratch_use(m, 99);
	chmod(scratch_path(m, "filler"), 0666);
	cpu = cpu_ms();
	clock_gettime(CLOCK_MONOTONIC, &t[0]);
	child = fork();
	if (child == 0) {
		int fd = become_nobody() ? open(scratch_path(m, "filler"), O_WRONLY) : -1;

		for (i = 0; i < TURNS; i++) {
			if (pwrite(fd, "two blocks", 10, 99 * m->block) != 10 ||
			    pwrite(fd, "two blocks", 10, 100 * m->block) != 10 ||
			    ftruncate(fd, 99 * m->block))
				_exit(1);
		}
		_exit(0);
	}
	waitpid(child, &status, 0);
	clock_gettime(CLOCK_MONOTONIC, &t[1]);
	begun = (t[1].tv_sec - t[0].tv_sec) * 1000000000LL + t[1].tv_nsec - t[0].tv_nsec;
	cost.wall = status ? -1 : begun / 1e3 / TURNS;
	cost.system = (cpu_ms() - cpu) * 1e3 / TURNS;
	return cost;
}

TEST_F_TIMEOUT(mount, going_back_and_forth_over_a_level_costs_its_writer_most, 600)
{
	struct cost far, near, damped, many;
	int efd, i, last;

	ASSERT_LE(0, efd = listen_to(&self->m, "used_bytes", "90%"));
	oscillate(&self->m);
	far = oscillate(&self->m);
	close(efd);

	ASSERT_LE(0, efd = listen_blocks(&self->m, 100, ""));
	near = oscillate(&self->m);
	EXPECT_SIGNALS(efd, 2 * TURNS);
	close(efd);

	ASSERT_LE(0, efd = listen_blocks(&self->m, 100, "hyst=50%"));
	damped = oscillate(&self->m);
	EXPECT_SIGNALS(efd, 1);
	close(efd);

	ASSERT_LE(0, efd = listener());
	for (i = 0; i < 100; i++) {
		ASSERT_LE(0, last = listen_blocks(&self->m, 100, ""));
	}
	many = oscillate(&self->m);
	EXPECT_SIGNALS(last, 2 * TURNS);

	printf("# a turn of its writer, and of all processors: far %.1f us, %.1f us; one level %.2f, %.2f of it; with a hysteresis %.2f, %.2f; 100 levels %.1f, %.1f\n",
	       far.wall, far.system, near.wall / far.wall, near.system / far.system,
	       damped.wall / far.wall, damped.system / far.system, many.wall / far.wall,
	       many.system / far.system);
	/* six calls of which two cross; the figures are the machine's, the bounds are loose */
	ASSERT_LT(0, far.wall);
	EXPECT_GE(10, near.wall / far.wall);
	EXPECT_GE(10, damped.wall / far.wall);
	EXPECT_GE(300, many.wall / far.wall);
}

TEST_F(mount, a_counter_that_is_full_says_so_and_ends_as_any_other)
{
	int efd = listen_blocks(&self->m, 10, "");
	struct pollfd p = { .fd = efd, .events = POLLIN | POLLOUT };
	uint64_t count = UINT64_MAX - 1, one = 1;
	int i;

	ASSERT_LE(0, efd);
	ASSERT_EQ(8, write(efd, &count, 8));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, scratch_use(&self->m, 10));
		ASSERT_EQ(0, scratch_use(&self->m, 9));
	}
	ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 0, "fired") == 200));
	ASSERT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLIN | POLLERR, p.revents);
	EXPECT_EQ(-1, write(efd, &one, 8));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(8, read(efd, &count, 8));
	EXPECT_EQ(UINT64_MAX, count);

	/* it counts again, and the farewell finds it full once more */
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_SIGNALS(efd, 1);
	count = UINT64_MAX - 1;
	ASSERT_EQ(8, write(efd, &count, 8));
	ASSERT_EQ(0, scratch_use(&self->m, 9));
	ASSERT_EQ(0, scratch_umount(&self->m));
	ASSERT_TRUE(EVENTUALLY(access(self->m.dir, F_OK) != 0));
	ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == 0));
	ASSERT_EQ(8, read(efd, &count, 8));
	EXPECT_EQ(UINT64_MAX, count);
}

/* ---- who pays ---- */

FIXTURE(cgroup) {
	struct scratch m;
	char root[32];
	char dir[64];
};

static char *knob(const char *dir, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

FIXTURE_SETUP(cgroup)
{
	char *controllers;

	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	strcpy(self->root, "/tmp/cgroup.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	if (mount("cgroup2", self->root, "cgroup2", 0, NULL))
		SKIP(return, "no cgroup v2");
	controllers = slurp_path(knob(self->root, "cgroup.controllers"));
	if (!controllers || !strstr(controllers, "memory"))
		SKIP(return, "no memory controller for cgroup v2");
	snprintf(self->dir, sizeof(self->dir), "%s/abuse", self->root);
	ASSERT_TRUE(write_file(knob(self->root, "cgroup.subtree_control"), "+memory"));
	ASSERT_EQ(0, mkdir(self->dir, 0700));
}

FIXTURE_TEARDOWN(cgroup)
{
	if (self->dir[0])
		EVENTUALLY(rmdir(self->dir) == 0);
	umount2(self->root, MNT_DETACH);
	rmdir(self->root);
	scratch_end(&self->m);
}

struct registered {
	int count;
	int error;
	long long charged;	/* bytes, while all are there */
	long long left;		/* when they are gone */
	long long told;
};

static long long number_of(const char *path)
{
	char *text = slurp_path(path);
	long long number = text ? atoll(text) : -1;

	free(text);
	return number;
}

/* As many as there may be, on one eventfd, by a process in the cgroup. */
static void register_in_cgroup(const struct scratch *m, const char *dir, int count,
			       const char *limit, struct registered *r)
{
	int max = open(knob(dir, "memory.max"), O_WRONLY | O_CLOEXEC);
	int efd = listener(), n, i, cfd, ctl;
	char text[64], path[160];
	long long before;

	snprintf(path, sizeof(path), "%s/%s", m->dir, TMPFSWARN_USED_BYTES);
	cfd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/%s", m->dir, TMPFSWARN_EVENT_CONTROL);
	ctl = open(path, O_WRONLY | O_CLOEXEC);
	n = snprintf(text, sizeof(text), "%d %d %ld rising", efd, cfd, 10 * m->block);
	if (!write_file(knob(dir, "cgroup.procs"), "0"))
		_exit(1);
	/* what the first one arms, and the probe for it, is the module's */
	for (i = 0; i < 8; i++) {
		if (write(ctl, text, n) != n)
			_exit(2);
	}
	/* its own memory stays, so that at the limit it asks for none */
	if (mlockall(MCL_CURRENT))
		_exit(3);
	before = number_of(knob(dir, "memory.current"));
	if (limit && dprintf(max, "%lld", before + atoll(limit)) <= 0)
		_exit(3);
	while (i < count && !r->error) {
		if (write(ctl, text, n) == n)
			i++;
		else
			r->error = errno;
	}
	r->count = i;
	if (limit && write(max, "max", 3) != 3)
		_exit(3);
	r->charged = number_of(knob(dir, "memory.current")) - before;
	scratch_use(m, 10);
	r->told = signals_soon(efd, i);
	close(efd);
	if (!EVENTUALLY(trigger_count(m) == 0))
		_exit(4);
	EVENTUALLY((r->left = number_of(knob(dir, "memory.current")) - before) < r->charged / 4);
	_exit(0);
}

static int run_in_cgroup(const struct scratch *m, const char *dir, int count, const char *limit,
			 struct registered *result)
{
	struct registered *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	int status;

	if (child == 0)
		register_in_cgroup(m, dir, count, limit, shared);
	waitpid(child, &status, 0);
	*result = *shared;
	munmap(shared, sizeof(*shared));
	return status;
}

TEST_F_TIMEOUT(cgroup, triggers_are_charged_to_the_cgroup_of_who_registers_them, 120)
{
	struct registered r;

	ASSERT_EQ(0, run_in_cgroup(&self->m, self->dir, 10000, NULL, &r));
	EXPECT_EQ(0, r.error);
	EXPECT_EQ(10000, r.count);
	EXPECT_EQ(10000, r.told);
	printf("# %lld bytes are charged for each trigger; %lld are left when it is gone\n",
	       r.charged / r.count, r.left / r.count);
	/* no trigger is smaller than what it has to remember; with 32 bits that is less */
	EXPECT_LE(10000 * (sizeof(long) == 8 ? 256 : 192), r.charged);
	EXPECT_GT(r.charged / 4, r.left);
}

/* Refused, and not killed: who registers may have more to do. */
TEST_F_TIMEOUT(cgroup, a_cgroup_at_its_limit_is_refused_with_enomem_and_what_it_has_works_on, 120)
{
	struct registered r;
	char path[128];

	ASSERT_EQ(0, run_in_cgroup(&self->m, self->dir, 16000, "1000000", &r));
	EXPECT_EQ(ENOMEM, r.error);
	EXPECT_LT(100, r.count);
	EXPECT_GT(16000, r.count);
	EXPECT_EQ(r.count, r.told);
	snprintf(path, sizeof(path), "%s", knob(self->dir, "memory.events"));
	EXPECT_EQ(0, number_in(path, "oom_kill"));
	/* outside of it nothing is short */
	EXPECT_LE(0, listen_blocks(&self->m, 10, ""));
}

TEST_HARNESS_MAIN
