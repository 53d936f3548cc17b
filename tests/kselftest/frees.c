// SPDX-License-Identifier: GPL-2.0
/*
 * Frees, by many at once, beside others' probes of the same function, and while the module is
 * removed.
 */
#include <sched.h>

#include "race.h"
#include "kselftest_harness.h"

#define MANY	3000
/* those that truncate while the module comes and goes */
#define FEW	30

FIXTURE(mount) {
	struct scratch m;
	int fd[2];
	int efd;
	int many[MANY];
	pthread_t thread[MANY];
	int threads;
	pthread_barrier_t begin;
	pthread_barrier_t end;
	atomic_bool stop;
	atomic_int errors;
	atomic_long loops;
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
}

FIXTURE_TEARDOWN(mount)
{
	speed_up();
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

	free(arg);
	for (;;) {
		pthread_barrier_wait(&self->begin);
		if (self->stop)
			break;
		if (in_and_out(one.fd))
			self->errors++;
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
	pthread_barrier_init(&self->begin, NULL, MANY + 1);
	pthread_barrier_init(&self->end, NULL, MANY + 1);
	for (i = 0; i < MANY; i++) {
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
	for (i = 0; i < MANY; i++)
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
	ROUNDS(20, 100) {
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
}

/* all of them through the watched mount: a wrapper has nothing that could run out */
TEST_F_TIMEOUT(mount, thousands_that_truncate_on_a_watched_mount_leave_it_below, 240)
{
	char kind[32];
	long long told = 0;
	int round;

	if (!value_in(ROOM "/stats", "hook_free_kind", kind, sizeof(kind)) ||
	    !strcmp(kind, "kretprobe"))
		SKIP(return, "frees are seen by a kretprobe, whose instances run out");
	self->efd = listen_blocks(&self->m, 1, "both");
	ASSERT_LE(0, self->efd);
	ASSERT_EQ(0, storm_start(self, open_watched));
	ROUNDS(20, 100) {
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
		struct timespec wait = { 0, 1000 + random() % 9000 };

		pthread_barrier_wait(&self->begin);
		if (self->stop)
			return NULL;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
		if (pwrite(self->fd[1], "", 1, 0) != 1)
			self->errors++;
		self->written = true;
		pthread_barrier_wait(&self->end);
	}
}

/*
 * One CPU. The other, more urgent, writes the page that reaches the level before the
 * truncated one has been counted: a decision at the truncate's beginning knew of no level.
 */
TEST_F_TIMEOUT(mount, a_fall_is_notified_though_usage_came_up_amid_the_truncate, 120)
{
	int round, both = 0;
	pthread_t writer;

	if (realtime_kernel())
		SKIP(return, "there a notification may come after the system call");
	ASSERT_EQ(0, ftruncate(self->fd[0], 0));
	ASSERT_EQ(1, pwrite(self->fd[0], "", 1, 0));
	self->efd = listen_blocks(&self->m, 2, "both");
	ASSERT_LE(0, self->efd);
	pthread_barrier_init(&self->begin, NULL, 2);
	pthread_barrier_init(&self->end, NULL, 2);
	run_on(0);
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_amid, self));
	ROUNDS(200, 3000) {
		long long told;
		bool before;

		self->written = false;
		pthread_barrier_wait(&self->begin);
		ASSERT_EQ(0, ftruncate(self->fd[0], 0));
		before = self->written;
		told = signals(self->efd, 0);
		if (before) {
			ASSERT_TRUE(told == 0 || told == 2) TH_LOG("round %d: %lld", round, told);
			both += told == 2;
		}
		pthread_barrier_wait(&self->end);
		signals(self->efd, 0);
		ASSERT_EQ(0, ftruncate(self->fd[1], 0));
		signals(self->efd, 0);
		ASSERT_EQ(1, pwrite(self->fd[0], "", 1, 0));
		ASSERT_EQ(0, signals(self->efd, 0));
	}
	TH_LOG("%d of %d rounds met", both, round);
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
	for (i = 0; i < FEW; i++) {
		struct one *one = malloc(sizeof(*one));

		one->self = self;
		one->fd = open_watched(self, i);
		ASSERT_LE(0, one->fd);
		ASSERT_EQ(0, pthread_create(&self->thread[i], NULL, truncate_all_along, one));
	}
	ROUNDS(3, 20) {
		long loops;

		self->efd = listen_blocks(&self->m, 1, "both");
		ASSERT_LE(0, self->efd);
		/* with so many, usage may stay on one side of the level */
		loops = self->loops;
		ASSERT_TRUE(EVENTUALLY(self->loops > loops + 10 * FEW));
		ASSERT_TRUE(EVENTUALLY(module_remove() == 0)) TH_LOG("round %d", round);
		close(self->efd);
		ASSERT_EQ(0, module_insert(""));
		ASSERT_TRUE(EVENTUALLY(scratch_shown(&self->m)));
	}
	self->efd = -1;
	self->stop = true;
	for (i = 0; i < FEW; i++)
		pthread_join(self->thread[i], NULL);
	EXPECT_EQ(0, self->errors);
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
}

TEST_HARNESS_MAIN
