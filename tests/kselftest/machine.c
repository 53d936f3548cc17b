// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to the machine while triggers are armed: memory and the mount run
 * full, CPUs come and go, blocks are swapped out and in, somebody switches the
 * probes off. The count stays exact as far as the probes are there.
 */
#include "race.h"
#include "harness.h"

#include <sys/swap.h>

FIXTURE(mount) {
	struct scratch m;
	struct noise reader, amid, registering;
	int fd[4];
	int efd[64];
	int most;
	int leaving;		/* the CPU that is taken away */
};

static int set_online(int cpu, bool online)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	return -write_text(path, online ? "1" : "0");
}

static void all_cpus_online(void)
{
	int cpu;

	for (cpu = 1; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++)
		set_online(cpu, true);
}

static const char kprobes[] = "/sys/kernel/debug/kprobes/enabled";

static int switch_kprobes(void *arg, int number)
{
	return -write_text(kprobes, number & 1 ? "1" : "0");
}

static void all_probes_on(void)
{
	switch_kprobes(NULL, 1);
	write_text("/proc/sys/kernel/ftrace_enabled", "1");
}

FIXTURE_SETUP(mount)
{
	char name[16];
	int i;

	/* a test that took too long has left without its teardown */
	all_cpus_online();
	all_probes_on();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=2000"));
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		self->fd[i] = open_file(&self->m, name);
		ASSERT_LE(0, self->fd[i]);
	}
	noise_start(&self->reader, read_files, &self->m, -1);
}

FIXTURE_TEARDOWN(mount)
{
	EXPECT_EQ(0, noise_stop(&self->amid));
	EXPECT_EQ(0, noise_stop(&self->registering));
	EXPECT_EQ(0, noise_stop(&self->reader));
	/* whoever comes next may want all CPUs, and all probes */
	all_cpus_online();
	all_probes_on();
	scratch_end(&self->m);
}

static int append_some(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return append_blocks(self->fd[number], &self->m, self->most);
}

static int empty_one(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int fd = self->fd[number];

	return ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static race_part *const fill[] = { append_some, append_some, append_some, append_some };
static race_part *const drain[] = { empty_one, empty_one, empty_one, empty_one };

/* ---- a full mount ---- */

static int append_until_full(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int error = append_blocks(self->fd[number], &self->m, 3000), i;

	/* and once more, each time in vain */
	for (i = 0; i < 20 && error == -ENOSPC; i++)
		error = append_blocks(self->fd[number], &self->m, 1);
	return error == -ENOSPC ? 0 : error ?: -EFBIG;
}

/*
 * Who is refused counts nothing, and what the last CPU that got a block sees is
 * the sum: tw_check_refill() makes usage be summed up when the pool is used up.
 */
TEST_F_TIMEOUT(mount, writers_on_all_cpus_that_end_in_a_full_mount_are_each_told_once, 120)
{
	static race_part *const until_full[] = {
		append_until_full, append_until_full, append_until_full, append_until_full,
	};
	/* up to 6.6 the kernel compares and then counts: each other writer may get one more */
	long long used, most = kernel_up_to(6, 6) ? 2003 : 2000;
	int round, i;

	/* the last blocks of all */
	for (i = 0; i < 64; i++) {
		self->efd[i] = listen_blocks(&self->m, 2000 - i / 2, i & 1 ? "rising" : "");
		ASSERT_LE(0, self->efd[i]);
	}
	ROUNDS(3, 20) {
		ASSERT_EQ(0, race(self, 4, until_full));
		used = scratch_used(&self->m);
		ASSERT_LE(2000, used);
		ASSERT_GE(most, used);
		for (i = 0; i < 64; i++) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, trigger %d", round, i);
		}
		ASSERT_EQ(0, race(self, 4, drain));
		for (i = 0; i < 64; i++) {
			ASSERT_SIGNALS(self->efd[i], !(i & 1)) TH_LOG("round %d, trigger %d", round, i);
		}
	}
}

/* ---- a memory cgroup that is full ---- */

static int limit_myself(const char *group)
{
	char path[160];
	int error;

	snprintf(path, sizeof(path), "%s/memory.swap.max", group);
	write_text(path, "0");
	snprintf(path, sizeof(path), "%s/memory.max", group);
	error = write_text(path, "2M");
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	return error ?: write_text(path, "0");
}

/* a child of four threads that are killed amid their writing */
static pid_t start_writers_without_memory(FIXTURE_DATA(mount) *self, const char *group)
{
	pid_t child = fork();

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (limit_myself(group))
			_exit(2);
		self->most = 3000;
		race(self, 4, fill);
		_exit(3);
	}
	return child;
}

/*
 * The killed leave blocks counted, or counted and taken back: a both trigger
 * that was told where usage stood has told an odd number of times if usage is
 * past its level in the end, wherever the killing met them.
 */
TEST_F_TIMEOUT(mount, writers_on_all_cpus_killed_for_want_of_memory_leave_each_on_its_side, 120)
{
	char mnt[] = "/tmp/tmpfswarn.XXXXXX", group[64], path[96];
	int round, i, status, killed = 0;
	long long used;

	ASSERT_NE(NULL, mkdtemp(mnt));
	if (mount("cgroup", mnt, "cgroup2", 0, NULL)) {
		rmdir(mnt);
		SKIP(return, "the kernel has no cgroup v2");
	}
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", mnt);
	if (write_text(path, "+memory")) {
		umount2(mnt, MNT_DETACH);
		rmdir(mnt);
		SKIP(return, "the kernel has no memory controller in cgroup v2");
	}
	for (i = 0; i < 64; i++) {
		self->efd[i] = listen_blocks(&self->m, 1 + 12 * i, "both now");
		ASSERT_LE(0, self->efd[i]);
	}
	ROUNDS(1, 3) {
		snprintf(group, sizeof(group), "%s/race%d", mnt, round);
		ASSERT_EQ(0, mkdir(group, 0700));
		pid_t child = start_writers_without_memory(self, group);

		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status)) TH_LOG("exit status %d", WEXITSTATUS(status));
		killed += WTERMSIG(status) == SIGKILL;
		used = scratch_used(&self->m);
		ASSERT_LT(0, used);
		for (i = 0; i < 64; i++) {
			int past = used >= 1 + 12 * i, told = signals(self->efd[i], past);

			/* up to 6.5 what is counted and taken back is found a little later */
			if (kernel_up_to(6, 5))
				EVENTUALLY((told += signals(self->efd[i], 0), (told & 1) == past));
			ASSERT_EQ(past, told & 1)
				TH_LOG("level %d of %lld", 1 + 12 * i, used);
		}
		ASSERT_EQ(0, race(self, 4, drain));
		for (i = 0; i < 64; i++)
			ASSERT_SIGNALS(self->efd[i], used >= 1 + 12 * i);
		rmdir(group);
	}
	EXPECT_EQ(round, killed);
	umount2(mnt, MNT_DETACH);
	rmdir(mnt);
}

/* ---- CPUs that come and go ---- */

/* one after the other, off and on */
static int switch_cpu(void *arg, int number)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	return set_online(1 + number / 2 % (cpus - 1), number & 1);
}

/* usage goes up and down past levels that are near to each other and far */
static void cross_amid(struct __test_metadata *_metadata, FIXTURE_DATA(mount) *self,
		       race_part *step, int times)
{
	static const int levels[] = { 1, 2, 33, 129, 400, 800, 1100, 1200 };
	int round, i;

	for (i = 0; i < 8; i++) {
		self->efd[i] = listen_blocks(&self->m, levels[i], i & 1 ? "both" : "rising");
		ASSERT_LE(0, self->efd[i]);
	}
	noise_start(&self->amid, step, self, -1);
	ROUNDS(5, 400) {
		/* one after the other: who writes goes from CPU to CPU by itself */
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, append_blocks(self->fd[i], &self->m, 300));
		for (i = 0; i < 8; i++) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, level %d", round, levels[i]);
		}
		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, empty_one(self, i));
		for (i = 0; i < 8; i++) {
			ASSERT_SIGNALS(self->efd[i], i & 1) TH_LOG("round %d, level %d", round, levels[i]);
		}
	}
	while (self->amid.steps < times && !self->amid.error)
		usleep(1000);
	EXPECT_EQ(0, noise_stop(&self->amid));
}

/*
 * A CPU's part of the counter is folded into the shared one when it goes, and its
 * credit from the pool is lost: that only makes a check earlier. What bounds the
 * parts is of all CPUs present, tw_blocks_cpu_comes().
 */
TEST_F_TIMEOUT(mount, cpus_that_go_and_come_disturb_no_count, 120)
{
	if (access("/sys/devices/system/cpu/cpu1/online", F_OK))
		SKIP(return, "no CPU can be taken away");
	cross_amid(_metadata, self, switch_cpu, 8);
}

static int take_cpu_away(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	/* noise_start() waits for the first step */
	if (number == 1)
		return set_online(self->leaving, false);
	usleep(1000);
	return 0;
}

/*
 * Between the moment when a CPU is no longer online and the one when its part is
 * folded, the blocks it has counted are, up to 6.2, in nobody's sum but
 * tw_compat_sum()'s. Whoever looks in between without them sees usage fall to the level.
 */
TEST_F_TIMEOUT(mount, a_cpu_that_goes_takes_no_blocks_along, 120)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	int round, efd;

	if (cpus < 2 || access("/sys/devices/system/cpu/cpu1/online", F_OK))
		SKIP(return, "no CPU can be taken away");
	ROUNDS(6, 12) {
		self->leaving = 1 + round % (cpus - 1);
		run_on(self->leaving);
		ASSERT_EQ(0, append_blocks(self->fd[0], &self->m, 20));
		run_on(0);
		efd = listen_blocks(&self->m, 20, "falling");
		ASSERT_LE(0, efd);
		/* from a third one, where there is one */
		noise_start(&self->amid, take_cpu_away, self,
			    cpus > 2 ? 1 + self->leaving % (cpus - 1) : 0);
		while (self->amid.steps < 2 && !self->amid.error) {
			ASSERT_EQ(0, append_blocks(self->fd[1], &self->m, 1));
			ASSERT_EQ(0, empty_one(self, 1));
		}
		EXPECT_EQ(0, noise_stop(&self->amid));
		ASSERT_EQ(0, set_online(self->leaving, true));
		ASSERT_SIGNALS(efd, 0) TH_LOG("round %d, cpu %d", round, self->leaving);
		close(efd);
		ASSERT_EQ(0, empty_one(self, 0));
	}
}

/* ---- swap ---- */

static int page_out(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	size_t size = 300 * self->m.block;
	void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, self->fd[number % 4], 0);

	if (map == MAP_FAILED)
		return -errno;
	/* from 5.4 on; a part of it may be in use or gone just now */
	madvise(map, size, 21 /* MADV_PAGEOUT */);
	munmap(map, size);
	return 0;
}

static int page_out_and_swap_off(void *arg, int number)
{
	page_out(arg, number);
	if (number % 5)
		return 0;
	/* all of it has to be read in, while others write and free */
	if (swapoff("/dev/ram0") && errno != EINVAL)
		return -errno;
	return swapon("/dev/ram0", 0) ? -errno : 0;
}

/*
 * A block that is swapped out is still counted, and one that comes back is no
 * allocation: the hook is told a negative number then, tw_compat_allocated(), or
 * sees from the inode that nothing is freed, tw_compat_freeing().
 */
TEST_F_TIMEOUT(mount, blocks_swapped_out_and_in_and_swapoff_are_no_crossing, 120)
{
	char *swaps = slurp_path("/proc/swaps");

	if (!swaps || !strstr(swaps, "/dev/ram0 "))
		SKIP(return, "/dev/ram0 is not swapped to");
	free(swaps);
	cross_amid(_metadata, self, page_out_and_swap_off, 10);
}

/* ---- probes switched off and on from outside ---- */

static int switch_ftrace_off(void *arg, int number)
{
	int error = write_text("/proc/sys/kernel/ftrace_enabled", "0");

	/* from 7.3 on nobody can, whatever is there */
	return error == (kernel_up_to(7, 2) ? EBUSY : EOPNOTSUPP) ? 0 : -EEXIST;
}

/* tw_discovery_keep_ftrace() holds an ftrace_ops that is permanent. */
TEST_F_TIMEOUT(mount, ftrace_that_somebody_tries_to_switch_off_disturbs_no_count, 120)
{
	int error = write_text("/proc/sys/kernel/ftrace_enabled", "1");

	if (error)
		SKIP(return, "ftrace cannot be switched off: %s", strerror(error));
	cross_amid(_metadata, self, switch_ftrace_off, 20);
}

/* refused where kprobes are off, and needed */
static int register_or_be_refused(void *arg, int number)
{
	int err = register_and_close(arg, number);

	return err == -EIO ? 0 : err;
}

/*
 * While they are off nothing is seen. Once they are on, the next crossing puts
 * every trigger on its side: tw_threshold_cross() counts from the side where a threshold
 * is, not from what was seen last.
 */
TEST_F_TIMEOUT(mount, kprobes_switched_off_and_on_lose_crossings_but_no_side, 120)
{
	long long told[64] = {};
	int round, i;

	if (access(kprobes, W_OK))
		SKIP(return, "there is no %s", kprobes);
	for (i = 0; i < 64; i++) {
		self->efd[i] = listen_blocks(&self->m, 1 + i, "both now");
		ASSERT_LE(0, self->efd[i]);
	}
	self->most = 20;
	noise_start(&self->amid, switch_kprobes, self, 1);
	noise_start(&self->registering, register_or_be_refused, &self->m, 2);
	ROUNDS(3, 100) {
		ASSERT_EQ(0, race(self, 4, fill));
		ASSERT_EQ(0, race(self, 4, drain));
		for (i = 0; i < 64; i++)
			told[i] += signals(self->efd[i], 0);
	}
	EXPECT_EQ(0, noise_stop(&self->amid));
	EXPECT_EQ(0, noise_stop(&self->registering));
	EXPECT_EQ(0, switch_kprobes(NULL, 1));
	/* one round that is seen; then all are below, and go on from there */
	ASSERT_EQ(0, race(self, 4, fill));
	ASSERT_EQ(0, race(self, 4, drain));
	for (i = 0; i < 64; i++) {
		bool even = EVENTUALLY((told[i] += signals(self->efd[i], 0), told[i] % 2 == 0));

		EXPECT_TRUE(even) TH_LOG("level %d: %lld", 1 + i, told[i]);
		EXPECT_LE(told[i], 2 * (round + 1));
	}
	ASSERT_EQ(0, race(self, 4, fill));
	for (i = 0; i < 64; i++)
		ASSERT_SIGNALS(self->efd[i], 1);
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 64));
}

/* what is enabled while kprobes are switched off would stay disabled for good */
TEST_F_TIMEOUT(mount, who_registers_while_kprobes_are_off_is_refused_or_hears_all_later, 60)
{
	int i, efd;

	if (access(kprobes, W_OK))
		SKIP(return, "there is no %s", kprobes);
	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	ASSERT_EQ(0, switch_kprobes(NULL, 0));
	efd = listen_blocks(&self->m, 5, "both");
	ASSERT_EQ(0, switch_kprobes(NULL, 1));
	if (efd < 0) {
		EXPECT_EQ(-EIO, efd);
		EXPECT_EQ(0, stat_of("armed"));
		efd = listen_blocks(&self->m, 5, "both");
		ASSERT_LE(0, efd);
	}
	self->efd[0] = efd;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, append_blocks(self->fd[0], &self->m, 6));
		ASSERT_SIGNALS_SOON(efd, 1) TH_LOG("up %d", i);
		ASSERT_EQ(0, ftruncate(self->fd[0], 0));
		ASSERT_SIGNALS_SOON(efd, 1) TH_LOG("down %d", i);
	}
	close(efd);
}

TEST_HARNESS_MAIN
