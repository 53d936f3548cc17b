// SPDX-License-Identifier: GPL-2.0
/*
 * Thousands of triggers of one eventfd, or of as many, and thousands of percentages: each is
 * counted as one alone would be, and none costs more than it does among few.
 */
#include "race.h"
#include "harness.h"

#define FEW	500
#define MANY	8000
#define MOST	16384	/* the parameter max_mount_triggers */

/* what one among MANY may cost, in those that one among FEW does */
#define LINEAR	3

FIXTURE(mount) {
	struct scratch m;
	struct noise writer[2], remounts, registering;
	long long others;	/* triggers of somebody else */
	int fd;
	int efd[MANY];
	char *cpus;		/* those of works, if a test has changed that */
};

/* all but the first CPU: those that are emulated take turns, so that nobody is in time */
static int others_online(bool on)
{
	char path[64];
	int cpu, error = 0;

	for (cpu = 1; cpu < sysconf(_SC_NPROCESSORS_CONF) && !error; cpu++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
		error = write_text(path, on ? "1" : "0");
	}
	return error;
}

/* where those run that are bound to no CPU, such as that of a remount */
static const char work_cpus[] = "/sys/devices/virtual/workqueue/cpumask";

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	self->others = stat_of("triggers");
	memset(self->efd, -1, sizeof(self->efd));
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->fd = open_file(&self->m, "file");
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(mount)
{
	int i;

	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, noise_stop(&self->writer[i]));
	EXPECT_EQ(0, noise_stop(&self->remounts));
	EXPECT_EQ(0, noise_stop(&self->registering));
	if (realtime_kernel())
		EXPECT_EQ(0, others_online(true));
	if (self->cpus)
		EXPECT_EQ(0, write_text(work_cpus, self->cpus));
	close(self->fd);
	for (i = 0; i < MANY && self->efd[i] >= 0; i++)
		close(self->efd[i]);
	scratch_end(&self->m);
	EXPECT_TRUE(EVENTUALLY(stat_of("triggers") == self->others));
}

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

struct controls {
	int control;
	int resource;
};

static struct controls controls_open(const struct scratch *m)
{
	return (struct controls){
		.control = open_control(m, TMPFSWARN_EVENT_CONTROL),
		.resource = open_control(m, TMPFSWARN_USED_BYTES),
	};
}

static void controls_close(struct controls *controls)
{
	close(controls->control);
	close(controls->resource);
}

/* so many triggers of one eventfd */
static int add(const struct scratch *m, int efd, int count, const char *args)
{
	struct controls controls = controls_open(m);
	int i, error = 0;

	for (i = 0; i < count && !error; i++)
		error = control_open(controls.control, controls.resource, efd, args);
	controls_close(&controls);
	return error;
}

/* percentages from that on, in hundredths, each one of these more than the one before */
static int add_percent(const struct scratch *m, int efd, int count, int from, const char *words)
{
	struct controls controls = controls_open(m);
	int i, error = 0;
	char args[64];

	for (i = 0; i < count && !error; i++) {
		snprintf(args, sizeof(args), "%d.%02d%% %s", (from + i % 5000) / 100,
			 (from + i % 5000) % 100, words);
		error = control_open(controls.control, controls.resource, efd, args);
	}
	controls_close(&controls);
	return error;
}

static int up(FIXTURE_DATA(mount) *self, long long blocks)
{
	return append_blocks(self->fd, &self->m, blocks);
}

static int down(FIXTURE_DATA(mount) *self)
{
	if (ftruncate(self->fd, 0) || lseek(self->fd, 0, SEEK_SET))
		return -errno;
	return 0;
}

/* the shortest of some writes of a block each that cross, in us; the mount is empty */
static long long crossing_time(FIXTURE_DATA(mount) *self)
{
	long long best = LLONG_MAX, start, took;
	char *block = calloc(1, self->m.block);
	int i;

	for (i = 0; i < 5; i++) {
		if (up(self, 9))
			break;
		start = now_us();
		if (write(self->fd, block, self->m.block) != self->m.block)
			break;
		took = now_us() - start;
		best = took < best ? took : best;
		if (down(self))
			break;
	}
	free(block);
	return i == 5 ? best : -1;
}

/* ---- what it costs ---- */

/* With a thread that notifies, all that the write takes is the moving. */
TEST_F_TIMEOUT(mount, a_crossing_costs_a_trigger_as_much_among_many_of_one_eventfd_as_among_few, 300)
{
	long long few, many;
	int one = listener();

	ASSERT_EQ(0, add(&self->m, one, 1, "40k"));
	printf("# 1 trigger: %lld us\n", crossing_time(self));
	self->efd[0] = listener();
	ASSERT_EQ(0, add(&self->m, self->efd[0], FEW, "40k"));
	few = crossing_time(self);
	ASSERT_EQ(0, add(&self->m, self->efd[0], MANY - FEW, "40k"));
	many = crossing_time(self);
	printf("# %d triggers of one eventfd: %lld us; %d: %lld us\n", FEW, few, MANY, many);
	ASSERT_LT(0, few);
	EXPECT_GT(LINEAR * few * (MANY / FEW), many);
	close(one);
}

TEST_F_TIMEOUT(mount, a_crossing_costs_a_trigger_as_much_among_many_eventfds_as_among_few, 300)
{
	long long few = 0, many;
	int i;

	for (i = 0; i < MANY; i++) {
		if (i == FEW)
			few = crossing_time(self);
		self->efd[i] = listen_blocks(&self->m, 10, "");
		ASSERT_LE(0, self->efd[i]);
	}
	many = crossing_time(self);
	printf("# %d eventfds: %lld us; %d: %lld us\n", FEW, few, MANY, many);
	ASSERT_LT(0, few);
	EXPECT_GT(LINEAR * few * (MANY / FEW), many);
}

/* from close(2) until all of its triggers have ended, in us */
static long long close_time(struct __test_metadata *_metadata, FIXTURE_DATA(mount) *self, int count)
{
	int efd = listener();
	long long start;

	ASSERT_EQ(0, add(&self->m, efd, count, "40k"));
	ASSERT_EQ(self->others + count, stat_of("triggers"));
	start = now_us();
	close(efd);
	printf("# close(2) itself with %d triggers: %lld us\n", count, now_us() - start);
	while (stat_of("triggers") != self->others && now_us() - start < 60000000)
		sched_yield();
	ASSERT_EQ(self->others, stat_of("triggers"));
	return now_us() - start;
}

TEST_F_TIMEOUT(mount, an_eventfd_with_many_triggers_ends_in_a_time_that_grows_as_they_do, 300)
{
	long long few = close_time(_metadata, self, FEW), many = close_time(_metadata, self, MANY);

	printf("# the end of %d triggers: %lld us; of %d: %lld us\n", FEW, few, MANY, many);
	EXPECT_GT(LINEAR * few * (MANY / FEW), many);
}

/* ---- counting ---- */

/* More than a batch of thresholds is moved, and of crossings notified, by one call. */
TEST_F_TIMEOUT(mount, each_of_many_triggers_of_one_eventfd_counts_each_crossing_of_one_writer, 300)
{
	int i, rounds = often(3, 10);

	self->efd[0] = listener();
	ASSERT_EQ(0, add(&self->m, self->efd[0], MANY, "40k"));
	ASSERT_EQ(0, up(self, 9));
	ASSERT_SIGNALS(self->efd[0], 0);
	ASSERT_EQ(0, up(self, 1));
	ASSERT_SIGNALS(self->efd[0], MANY);
	ASSERT_EQ(0, down(self));
	ASSERT_SIGNALS(self->efd[0], MANY);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, up(self, 20));
		ASSERT_EQ(0, down(self));
	}
	ASSERT_SIGNALS(self->efd[0], 2LL * rounds * MANY);
}

/* one call passes all of them: a batch ends in the middle of levels, not only of triggers */
TEST_F_TIMEOUT(mount, each_of_many_levels_that_one_call_passes_is_counted, 300)
{
	int i;

	self->efd[0] = listener();
	ASSERT_EQ(0, add_percent(&self->m, self->efd[0], 5000, 100, "both"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, fallocate(self->fd, 0, 0, 900 * self->m.block));
		ASSERT_SIGNALS(self->efd[0], 5000);
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		ASSERT_SIGNALS(self->efd[0], 5000);
	}
}

static int oscillate(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int fd = open_file(&self->m, number & 1 ? "odd" : "even"), error;

	if (fd < 0)
		return -errno;
	error = append_blocks(fd, &self->m, 10);
	if (ftruncate(fd, 0))
		error = -errno;
	close(fd);
	return error;
}

/* the sum of how often the triggers have fired; -1 if one has gone up and not come down */
static long long all_fired(const struct scratch *m)
{
	char *text = slurp(m, TMPFSWARN_TRIGGERS), *line;
	long long sum = 0, fired;

	for (line = text; line && (line = strstr(line, " fired=")); line++) {
		fired = atoll(line + strlen(" fired="));
		sum = fired % 2 || sum < 0 ? -1 : sum + fired;
	}
	free(text);
	return sum;
}

/*
 * Where several cross at once a batch may end between their crossings, so that some triggers
 * see one more than others; but each that went up came down, and was counted.
 */
TEST_F_TIMEOUT(mount, each_of_many_triggers_and_several_writers_goes_up_as_often_as_down, 300)
{
	long long end = now_ms() + often(3000, 10000), fired;

	self->efd[0] = listener();
	ASSERT_EQ(0, add(&self->m, self->efd[0], FEW, "40k both"));
	noise_start(&self->writer[0], oscillate, self, 1);
	noise_start(&self->writer[1], oscillate, self, 2);
	while (now_ms() < end)
		ASSERT_EQ(0, oscillate(self, 1));
	ASSERT_EQ(0, noise_stop(&self->writer[0]));
	ASSERT_EQ(0, noise_stop(&self->writer[1]));
	if (realtime_kernel())
		usleep(500000);
	fired = all_fired(&self->m);
	EXPECT_LT(2 * FEW, fired);
	EXPECT_SIGNALS(self->efd[0], fired);
	ASSERT_EQ(0, up(self, 10));
	EXPECT_SIGNALS(self->efd[0], FEW);
	ASSERT_EQ(0, down(self));
	EXPECT_SIGNALS(self->efd[0], FEW);
}

/* ---- ends ---- */

/* All that fire end in one work; what they share with others goes on. */
TEST_F_TIMEOUT(mount, thousands_that_ask_for_once_signal_once_and_end, 300)
{
	self->efd[0] = listener();
	ASSERT_EQ(0, add(&self->m, self->efd[0], MANY - 1, "40k once"));
	ASSERT_EQ(0, add(&self->m, self->efd[0], 1, "40k"));
	ASSERT_EQ(0, up(self, 10));
	ASSERT_SIGNALS(self->efd[0], MANY);
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	ASSERT_EQ(0, down(self));
	ASSERT_SIGNALS(self->efd[0], 1);
	/* the object of the eventfd serves on when all of its triggers have ended */
	ASSERT_EQ(0, add(&self->m, self->efd[0], FEW, "40k once now"));
	ASSERT_EQ(0, up(self, 10));
	ASSERT_SIGNALS(self->efd[0], FEW + 1);
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
}

/* a step: how long the longest registration has taken is in registering_us */
static long long registering_us;

static int register_timed(void *arg, int number)
{
	long long start = now_us();
	int error = register_and_close(arg, number);

	start = now_us() - start;
	if (start > registering_us)
		registering_us = start;
	return error;
}

TEST_F_TIMEOUT(mount, while_an_eventfd_with_many_triggers_ends_others_register, 300)
{
	int efd = listener();
	long long start, took;

	ASSERT_EQ(0, add(&self->m, efd, MANY, "40k"));
	registering_us = 0;
	noise_start(&self->registering, register_timed, &self->m, 1);
	start = now_us();
	close(efd);
	ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) < FEW));
	took = now_us() - start;
	ASSERT_EQ(0, noise_stop(&self->registering));
	printf("# all ended in %lld us, the longest registration took %lld us\n", took, registering_us);
	EXPECT_GT(took, registering_us);
}

static int umount_it(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return scratch_umount(&self->m);
}

/* the second part: the last reference */
static int close_it(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	close(self->efd[0]);
	self->efd[0] = -1;
	return 0;
}

/* past the level and back */
static int cross(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;
	int error = up(self, 10);

	return error ?: down(self);
}

static void new_mount(struct __test_metadata *_metadata, FIXTURE_DATA(mount) *self)
{
	rmdir(self->m.path);
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->fd = open_file(&self->m, "file");
	ASSERT_LE(0, self->fd);
}

/* Each trigger is claimed by one of the two; the object goes with the last, by its own work. */
TEST_F_TIMEOUT(mount, the_close_of_an_eventfd_with_many_triggers_against_the_umount_ends_each_once, 300)
{
	static race_part *const parts[] = { umount_it, close_it };
	int round, other = listener();

	ROUNDS(4, 20) {
		self->efd[0] = listener();
		ASSERT_EQ(0, add(&self->m, self->efd[0], FEW, "40k"));
		ASSERT_EQ(0, add(&self->m, other, FEW, "40k"));
		close(self->fd);
		ASSERT_EQ(0, race(self, 2, parts));
		ASSERT_SIGNALS_SOON(other, FEW);
		ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == self->others));
		new_mount(_metadata, self);
	}
	close(other);
}

/* Its only crossing, the close, and the umount: each may claim, and one does. */
TEST_F_TIMEOUT(mount, many_that_ask_for_once_closed_against_their_crossing_end_once, 300)
{
	static race_part *const parts[] = { cross, close_it };
	int round, both = listen_blocks(&self->m, 10, "both");

	ASSERT_LE(0, both);
	ROUNDS(4, 30) {
		self->efd[0] = listener();
		ASSERT_EQ(0, add(&self->m, self->efd[0], FEW, "40k once"));
		ASSERT_EQ(0, race(self, 2, parts));
		ASSERT_SIGNALS(both, 2);
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
	}
	close(both);
}

TEST_F_TIMEOUT(mount, the_umount_against_the_ends_of_many_that_asked_for_once_leaves_none, 300)
{
	static race_part *const parts[] = { umount_it };
	int round;

	ROUNDS(4, 20) {
		self->efd[0] = listener();
		ASSERT_EQ(0, add(&self->m, self->efd[0], FEW, "40k once"));
		ASSERT_EQ(0, add(&self->m, self->efd[0], FEW, "400k once"));
		ASSERT_EQ(0, up(self, 10));
		close(self->fd);
		ASSERT_EQ(0, race(self, 1, parts));
		/* those that have fired are not told of the end */
		ASSERT_SIGNALS_SOON(self->efd[0], 2 * FEW);
		ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == self->others));
		ASSERT_SIGNALS(self->efd[0], 0);
		close(self->efd[0]);
		self->efd[0] = -1;
		new_mount(_metadata, self);
	}
}

/* One eventfd on many mounts: its close ends all, a mount's end its own. */
TEST_F_TIMEOUT(mount, an_eventfd_on_several_mounts_hears_of_each_and_ends_on_all, 120)
{
	struct scratch more[3];
	int i;

	self->efd[0] = listener();
	ASSERT_EQ(0, add(&self->m, self->efd[0], FEW, "40k"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, scratch_mount(&more[i], "nr_blocks=1000"));
		ASSERT_EQ(0, add(&more[i], self->efd[0], 100, "40k"));
	}
	ASSERT_EQ(0, scratch_umount(&more[0]));
	ASSERT_SIGNALS_SOON(self->efd[0], 100);
	ASSERT_EQ(0, up(self, 10));
	ASSERT_SIGNALS(self->efd[0], FEW);
	close_it(self, 0);
	for (i = 1; i < 3; i++)
		EXPECT_TRUE(EVENTUALLY(trigger_count(&more[i]) == 0));
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	for (i = 0; i < 3; i++)
		scratch_end(&more[i]);
}

/* ---- percentages ---- */

static int remount(void *arg, int number)
{
	FIXTURE_DATA(mount) *self = arg;

	return scratch_remount(&self->m, number & 1 ? "nr_blocks=1000" : "nr_blocks=2000");
}

/*
 * A remount places all percentages anew, in batches; a write after it has them where they belong,
 * even if it finds that just begun.
 */
TEST_F_TIMEOUT(mount, many_percentages_are_exact_at_once_after_a_remount, 300)
{
	int i;

	self->efd[0] = listener();
	self->efd[1] = listener();
	/* 10% to 60%: none is passed by 1 block, the last is 1200 of 2000 */
	ASSERT_EQ(0, add_percent(&self->m, self->efd[0], 5000, 1001, "rising"));
	ASSERT_EQ(0, add(&self->m, self->efd[1], 1, "10% both"));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=2000"));
		ASSERT_EQ(0, up(self, 199));
		EXPECT_SIGNALS(self->efd[1], 0);
		ASSERT_EQ(0, up(self, 1));
		EXPECT_SIGNALS(self->efd[1], 1);
		ASSERT_EQ(0, up(self, 1));
		EXPECT_SIGNALS(self->efd[0], 5);
		ASSERT_EQ(0, down(self));
		EXPECT_SIGNALS(self->efd[1], 1);
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
		ASSERT_EQ(0, up(self, 99));
		EXPECT_SIGNALS(self->efd[1], 0);
		ASSERT_EQ(0, up(self, 1));
		EXPECT_SIGNALS(self->efd[1], 1);
		ASSERT_EQ(0, up(self, 1));
		EXPECT_SIGNALS(self->efd[0], 10);
		ASSERT_EQ(0, down(self));
		EXPECT_SIGNALS(self->efd[1], 1);
		/* nor does a write pass a level where the size before had it */
		ASSERT_EQ(0, up(self, 99));
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=2000"));
		ASSERT_EQ(0, up(self, 1));
		EXPECT_SIGNALS(self->efd[1], 0);
		ASSERT_EQ(0, down(self));
		EXPECT_SIGNALS(self->efd[1], 0);
	}
}

struct placing {
	int triggers;		/* the file that lists them */
	long long blocks;	/* where the first of them will be */
	int efd;		/* told when it is */
};

/* a step; reads no more than the first line */
static int see_placing(void *arg, int number)
{
	const struct placing *placing = arg;
	uint64_t one = 1;
	char text[128];
	ssize_t n = pread(placing->triggers, text, sizeof(text) - 1, 0);
	const char *blocks;

	if (n < 0)
		return -errno;
	text[n] = '\0';
	blocks = strstr(text, " blocks=");
	if (!blocks || atoll(blocks + strlen(" blocks=")) != placing->blocks)
		return 0;
	return write(placing->efd, &one, sizeof(one)) < 0 ? -errno : 0;
}

/*
 * The size changes again while the work of a remount places them, and then a block is written: by a
 * thread that has taken the CPU from the work, so that the check of this block comes to the end of
 * the first size, and has to go on with the second.
 */
TEST_F_TIMEOUT(mount, a_block_written_while_many_percentages_are_placed_for_another_size_is_told, 300)
{
	static struct placing placing = { .blocks = 201 };
	struct sched_param fifo = { .sched_priority = 1 };
	int i;

	self->cpus = slurp_path(work_cpus);
	if (!self->cpus)
		SKIP(return, "there is no %s", work_cpus);
	placing.efd = listener();
	placing.triggers = open_control(&self->m, TMPFSWARN_TRIGGERS);
	ASSERT_LE(0, placing.triggers);
	ASSERT_EQ(0, write_text(work_cpus, "1"));
	self->efd[0] = listener();
	self->efd[1] = listener();
	ASSERT_EQ(0, add_percent(&self->m, self->efd[0], 5000, 1001, "rising"));
	ASSERT_EQ(0, add(&self->m, self->efd[1], 1, "10% both"));
	noise_start(&self->writer[0], see_placing, &placing, 1);
	run_on(0);
	ASSERT_EQ(0, pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, up(self, 99));
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=2000"));
		ASSERT_TRUE(readable(placing.efd, BOUND));
		ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
		ASSERT_EQ(0, up(self, 1));
		EXPECT_SIGNALS(self->efd[1], 1);
		ASSERT_EQ(0, down(self));
		EXPECT_SIGNALS(self->efd[1], 1);
		signals(placing.efd, 0);
	}
	EXPECT_SIGNALS(self->efd[0], 0);
	EXPECT_EQ(0, noise_stop(&self->writer[0]));
	close(placing.triggers);
	close(placing.efd);
}

/* Neither can a loop of remounts keep a writer from its end, nor is a level left where it was. */
TEST_F_TIMEOUT(mount, many_percentages_and_remounts_in_a_loop_leave_each_exact, 300)
{
	long long end, rising, longest = 0, start;

	self->efd[0] = listener();
	self->efd[1] = listener();
	self->efd[2] = listener();
	ASSERT_EQ(0, add_percent(&self->m, self->efd[0], MOST - 2, 5000, "falling"));
	ASSERT_EQ(0, add(&self->m, self->efd[1], 1, "1% rising"));
	ASSERT_EQ(0, add(&self->m, self->efd[2], 1, "1% falling"));
	noise_start(&self->remounts, remount, self, 1);
	noise_start(&self->writer[0], oscillate, self, 2);
	end = now_ms() + often(3000, 20000);
	while (now_ms() < end) {
		start = now_us();
		ASSERT_EQ(0, up(self, 30));
		ASSERT_EQ(0, down(self));
		if (now_us() - start > longest)
			longest = now_us() - start;
	}
	ASSERT_EQ(0, noise_stop(&self->writer[0]));
	ASSERT_EQ(0, noise_stop(&self->remounts));
	printf("# %d remounts; up and down took %lld us at most\n", self->remounts.steps, longest);
	EXPECT_GT(2000000, longest);
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
	ASSERT_EQ(0, up(self, 30));
	ASSERT_EQ(0, down(self));
	if (realtime_kernel())
		usleep(500000);
	rising = signals(self->efd[1], 0);
	EXPECT_LT(0, rising);
	EXPECT_EQ(rising, signals(self->efd[2], rising));
	EXPECT_SIGNALS(self->efd[0], 0);
	/* each where it belongs: 50% is 500 blocks, 99.99% is 1000 */
	ASSERT_EQ(0, fallocate(self->fd, 0, 0, 1000 * self->m.block));
	ASSERT_SIGNALS(self->efd[0], 0);
	ASSERT_EQ(0, ftruncate(self->fd, 0));
	ASSERT_SIGNALS(self->efd[0], MOST - 2);
}

/* ---- latency ---- */

/* the longest that a thread with the highest priority has overslept, in us */
static int sleep_on_time(void *arg, int number)
{
	static struct timespec next;
	long long *late = arg, now;

	if (!number)
		clock_gettime(CLOCK_MONOTONIC, &next);
	next.tv_nsec += 500000;
	if (next.tv_nsec >= 1000000000) {
		next.tv_nsec -= 1000000000;
		next.tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	now = now_us() - (next.tv_sec * 1000000LL + next.tv_nsec / 1000);
	if (now > *late)
		*late = now;
	if (now > 500)
		clock_gettime(CLOCK_MONOTONIC, &next);
	return 0;
}

/*
 * What the owner of a mount can do to who has to be in time: the hook of a write after each
 * remount finds thousands of percentages to be placed, on the same CPU.
 */
TEST_F_TIMEOUT(mount, remounts_with_thousands_of_percentages_delay_no_thread_of_high_priority, 300)
{
	struct sched_param fifo = { .sched_priority = 90 };
	struct noise timer;
	long long late = 0, none;
	long long end;
	int i = 0;

	if (!realtime_kernel())
		SKIP(return, "not with PREEMPT_RT");
	ASSERT_EQ(0, others_online(false));
	noise_start(&timer, sleep_on_time, &late, 0);
	ASSERT_EQ(0, pthread_setschedparam(timer.thread, SCHED_FIFO, &fifo));
	run_on(0);
	usleep(100000);
	for (late = 0, end = now_ms() + 3000; now_ms() < end; i++) {
		ASSERT_EQ(0, remount(self, i));
		ASSERT_EQ(0, cross(self, i));
	}
	none = late;
	self->efd[0] = listener();
	ASSERT_EQ(0, add_percent(&self->m, self->efd[0], MOST, 5000, "rising"));
	for (late = 0, end = now_ms() + 10000; now_ms() < end; i++) {
		ASSERT_EQ(0, remount(self, i));
		ASSERT_EQ(0, cross(self, i));
	}
	printf("# late by %lld us at most with %d percentages, by %lld us with none\n", late, MOST, none);
	EXPECT_GT(1000, late);
	EXPECT_EQ(0, noise_stop(&timer));
}

TEST_HARNESS_MAIN
