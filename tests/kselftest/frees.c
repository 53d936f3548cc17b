// SPDX-License-Identifier: GPL-2.0
/*
 * Frees, by many at once, beside others' probes of the same function, and while the module is
 * removed.
 */
#include <sched.h>

#include "race.h"
#include "harness.h"

/*
 * With EACH more than a kretprobe has instances, and each at it for about a time slice: whose ends
 * is off its processor at the next place where the kernel may sleep, and one is in the function
 * that frees. On the emulated processors of tests/vm that has not been seen to exhaust them.
 */
#define MOST	3000
#define MANY	often(100, MOST)
#define LOOPS	often(30, 200)

/* those that truncate while the module comes and goes */
#define FEW	30
#define FEWER	often(8, FEW)

FIXTURE(mount) {
	struct scratch m;
	int fd[2];
	int efd;
	long long resyncs;	/* what was found by those has been lost */
	pthread_t thread[MOST];
	int threads;
	pthread_barrier_t begin;
	pthread_barrier_t end;
	atomic_bool stop;
	atomic_int errors;
	atomic_long loops;
	atomic_bool truncating;
	atomic_bool amid;	/* when it was written */
	atomic_bool written;
};

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=10000"));
	self->fd[0] = open_file(&self->m, "a");
	self->fd[1] = open_file(&self->m, "b");
	ASSERT_LE(0, self->fd[0]);
	ASSERT_LE(0, self->fd[1]);
	self->efd = -1;
	self->resyncs = stat_of("resyncs");
	ASSERT_LE(0, self->resyncs);
}

FIXTURE_TEARDOWN(mount)
{
	speed_up();
	write_text("/sys/kernel/debug/tracing/current_tracer", "nop");
	write_text("/sys/kernel/debug/tracing/set_ftrace_filter", "");
	close(self->efd);
	close(self->fd[0]);
	close(self->fd[1]);
	scratch_end(&self->m);
	if (module_file() && access(ROOM, F_OK))
		module_insert("");
}

/* one page in, one page out */
static int in_and_out(int fd)
{
	if (pwrite(fd, "", 1, 0) != 1 || ftruncate(fd, 0))
		return -errno;
	return 0;
}

struct one {
	FIXTURE_DATA(mount) *self;
	int fd;
};

static void *storm(void *arg)
{
	struct one one = *(struct one *)arg;
	FIXTURE_DATA(mount) *self = one.self;
	int i;

	free(arg);
	for (;;) {
		pthread_barrier_wait(&self->begin);
		if (self->stop)
			break;
		for (i = 0; i < LOOPS; i++) {
			if (in_and_out(one.fd))
				self->errors++;
		}
		pthread_barrier_wait(&self->end);
	}
	close(one.fd);
	return NULL;
}

/* open(number) gives the file of each */
static int storm_start(FIXTURE_DATA(mount) *self, int (*open_one)(FIXTURE_DATA(mount) *self, int i))
{
	pthread_attr_t attr;
	int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	self->threads = MANY;
	pthread_barrier_init(&self->begin, NULL, self->threads + 1);
	pthread_barrier_init(&self->end, NULL, self->threads + 1);
	for (i = 0; i < self->threads; i++) {
		struct one *one = malloc(sizeof(*one));

		one->self = self;
		one->fd = open_one(self, i);
		if (one->fd < 0 || pthread_create(&self->thread[i], &attr, storm, one))
			return -1;
	}
	return 0;
}

static void storm_end(FIXTURE_DATA(mount) *self)
{
	int i;

	self->stop = true;
	pthread_barrier_wait(&self->begin);
	for (i = 0; i < self->threads; i++)
		pthread_join(self->thread[i], NULL);
}

static int open_memfd(FIXTURE_DATA(mount) *self, int i)
{
	return memfd_create("storm", 0);
}

static int open_watched(FIXTURE_DATA(mount) *self, int i)
{
	char name[16];

	snprintf(name, sizeof(name), "many%d", i);
	return open_file(&self->m, name);
}

/* a kretprobe for all of them would have too few instances */
TEST_F_TIMEOUT(mount, a_fall_is_seen_beside_thousands_that_truncate_memfds, 240)
{
	int round;

	self->efd = listen_blocks(&self->m, 1, "both");
	ASSERT_LE(0, self->efd);
	ASSERT_EQ(0, storm_start(self, open_memfd));
	ROUNDS(1, 20) {
		int i;

		pthread_barrier_wait(&self->begin);
		for (i = 0; i < 20; i++) {
			ASSERT_EQ(0, in_and_out(self->fd[0]));
			EXPECT_SIGNALS_SOON(self->efd, 2) TH_LOG("round %d", round);
		}
		pthread_barrier_wait(&self->end);
	}
	storm_end(self);
	EXPECT_EQ(0, self->errors);
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
}

/* Can the function that frees have its caller sent elsewhere? By ftrace, where it does not allocate as well. */
static bool redirectable(void)
{
	char hook[64] = "", hook_free[64] = "", kind[32] = "";

	value_in(ROOM "/stats", "hook", hook, sizeof(hook));
	value_in(ROOM "/stats", "hook_free", hook_free, sizeof(hook_free));
	value_in(ROOM "/stats", "hook_kind", kind, sizeof(kind));
	return !access("/sys/kernel/debug/tracing/available_filter_functions", R_OK) &&
	       (strcmp(hook, hook_free) || !strcmp(kind, "ftrace"));
}

/* all of them through the watched mount: a wrapper has nothing that could run out */
TEST_F_TIMEOUT(mount, thousands_that_truncate_on_a_watched_mount_leave_it_below, 240)
{
	long long told = 0;
	int round;

	if (!redirectable())
		SKIP(return, "frees are seen by a kretprobe, whose instances run out");
	self->efd = listen_blocks(&self->m, 1, "both");
	ASSERT_LE(0, self->efd);
	ASSERT_EQ(0, storm_start(self, open_watched));
	ROUNDS(1, 20) {
		bool even;

		pthread_barrier_wait(&self->begin);
		pthread_barrier_wait(&self->end);
		ASSERT_EQ(0, scratch_used(&self->m));
		even = EVENTUALLY((told += signals(self->efd, 0), told % 2 == 0));
		EXPECT_TRUE(even) TH_LOG("round %d: a fall was lost", round);
		if (!even)
			told++;
	}
	storm_end(self);
	EXPECT_EQ(0, self->errors);
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
	EXPECT_LT(0, told);
}

static void *write_amid(void *arg)
{
	FIXTURE_DATA(mount) *self = arg;
	struct sched_param param = { .sched_priority = 10 };

	prctl(PR_SET_TIMERSLACK, 1);
	run_on(0);
	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param))
		self->errors++;
	for (;;) {
		struct timespec wait = { 0, 1 + random() % 1000000 };

		pthread_barrier_wait(&self->begin);
		if (self->stop)
			return NULL;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
		self->amid = self->truncating;
		if (pwrite(self->fd[1], "", 1, 0) != 1)
			self->errors++;
		self->written = true;
		pthread_barrier_wait(&self->end);
	}
}

#define ENOUGH	5

/*
 * One CPU. The other, more urgent, writes the page that reaches the level before the
 * truncated one has been counted: a decision at the truncate's beginning knew of no level. It
 * comes at some time while there is one truncate after the other, since a timer may be as coarse as
 * a tick; others' probes, which come after the module's, make the most of each that time.
 */
TEST_F_TIMEOUT(mount, a_fall_is_notified_though_usage_came_up_amid_the_truncate, 120)
{
	int round, both = 0;
	pthread_t writer;
	char function[64];

	if (realtime_kernel())
		SKIP(return, "there a notification may come after the system call");
	ASSERT_EQ(0, ftruncate(self->fd[0], 0));
	ASSERT_EQ(1, pwrite(self->fd[0], "", 1, 0));
	ASSERT_TRUE(value_in(ROOM "/stats", "hook_free", function, sizeof(function)));
	ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
	slow_down(function);
	self->efd = listen_blocks(&self->m, 2, "both");
	ASSERT_LE(0, self->efd);
	pthread_barrier_init(&self->begin, NULL, 2);
	pthread_barrier_init(&self->end, NULL, 2);
	run_on(0);
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_amid, self));
	ROUNDS_UNTIL(both >= ENOUGH, 20, 3000) {
		long long told;
		bool before;

		self->written = false;
		pthread_barrier_wait(&self->begin);
		do {
			self->truncating = true;
			ASSERT_EQ(0, ftruncate(self->fd[0], 0));
			before = self->written;
			self->truncating = false;
			if (before)
				break;
			ASSERT_EQ(1, pwrite(self->fd[0], "", 1, 0));
		} while (!self->written);
		told = signals(self->efd, 0);
		if (before) {
			ASSERT_TRUE(told == 0 || told == 2) TH_LOG("round %d: %lld", round, told);
			both += told == 2 && self->amid;
		}
		pthread_barrier_wait(&self->end);
		signals(self->efd, 0);
		ASSERT_EQ(0, ftruncate(self->fd[1], 0));
		signals(self->efd, 0);
		ASSERT_EQ(1, pwrite(self->fd[0], "", 1, 0));
		ASSERT_EQ(0, signals(self->efd, 0));
	}
	TH_LOG("%d of %d rounds met", both, round);
	EXPECT_LT(0, both);
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
	speed_up();
	self->stop = true;
	pthread_barrier_wait(&self->begin);
	pthread_join(writer, NULL);
	EXPECT_EQ(0, self->errors);
}

/* the module must not go while a task is in its wrapper, asleep or preempted */
static void *truncate_all_along(void *arg)
{
	struct one one = *(struct one *)arg;

	free(arg);
	while (!one.self->stop) {
		if (in_and_out(one.fd))
			one.self->errors++;
		one.self->loops++;
	}
	close(one.fd);
	return NULL;
}

TEST_F_TIMEOUT(mount, the_module_goes_under_those_who_truncate, 240)
{
	int round, i;

	if (!module_file())
		SKIP(return, "TMPFSWARN_KO does not name the module's file");
	self->threads = FEWER;
	for (i = 0; i < self->threads; i++) {
		struct one *one = malloc(sizeof(*one));

		one->self = self;
		one->fd = open_watched(self, i);
		ASSERT_LE(0, one->fd);
		ASSERT_EQ(0, pthread_create(&self->thread[i], NULL, truncate_all_along, one));
	}
	ROUNDS(1, 20) {
		long loops;

		self->efd = listen_blocks(&self->m, 1, "both");
		ASSERT_LE(0, self->efd);
		/* with so many, usage may stay on one side of the level */
		loops = self->loops;
		ASSERT_TRUE(EVENTUALLY(self->loops > loops + 10 * self->threads));
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0)) TH_LOG("round %d", round);
		close(self->efd);
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	}
	self->efd = -1;
	self->stop = true;
	for (i = 0; i < self->threads; i++)
		pthread_join(self->thread[i], NULL);
	EXPECT_EQ(0, self->errors);
}

/* each way of tracing the function, there first or later */
static const char *const tracers[] = { "nop", "function", "function_graph" };

static bool trace(const char *tracer, const char *function)
{
	return !write_text("/sys/kernel/debug/tracing/set_ftrace_filter", function) &&
	       !write_text("/sys/kernel/debug/tracing/current_tracer", tracer);
}

TEST_F_TIMEOUT(mount, frees_are_seen_beside_others_who_trace_the_same_function, 120)
{
	unsigned int before, after, i;
	char function[64];

	ASSERT_TRUE(value_in(ROOM "/stats", "hook_free", function, sizeof(function)));
	if (!trace("function", function))
		SKIP(return, "the kernel has no such tracer");
	for (before = 0; before < 3; before++) {
		for (after = 0; after < 3; after++) {
			ASSERT_TRUE(EVENTUALLY(stat_of("armed") == 0));
			ASSERT_TRUE(trace(tracers[before], function));
			self->efd = listen_blocks(&self->m, 1, "both");
			ASSERT_LE(0, self->efd);
			ASSERT_TRUE(trace(tracers[after], function));
			for (i = 0; i < 20; i++) {
				ASSERT_EQ(0, in_and_out(self->fd[0]));
				ASSERT_SIGNALS_SOON(self->efd, 2) TH_LOG("%s, %s, time %d",
					tracers[before], tracers[after], i);
			}
			close(self->efd);
		}
	}
	self->efd = -1;
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
}

TEST_F(mount, frees_are_seen_beside_others_probes_of_the_same_function)
{
	char function[64];
	int i;

	ASSERT_TRUE(value_in(ROOM "/stats", "hook_free", function, sizeof(function)));
	self->efd = listen_blocks(&self->m, 1, "both");
	ASSERT_LE(0, self->efd);
	if (!slow_down(function))
		SKIP(return, "there are no probes for others");
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, in_and_out(self->fd[0]));
		ASSERT_SIGNALS_SOON(self->efd, 2) TH_LOG("time %d", i);
	}
	close(self->efd);
	/* the other way round: they were there first */
	self->efd = listen_blocks(&self->m, 1, "both");
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, in_and_out(self->fd[0]));
		ASSERT_SIGNALS_SOON(self->efd, 2) TH_LOG("time %d", i);
	}
	speed_up();
	ASSERT_EQ(0, in_and_out(self->fd[0]));
	ASSERT_SIGNALS_SOON(self->efd, 2);
	EXPECT_EQ(self->resyncs, stat_of("resyncs"));
}

TEST_HARNESS_MAIN
