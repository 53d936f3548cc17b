// SPDX-License-Identifier: GPL-2.0
/* No crossing lost, none doubled, with any number of writers on any CPUs. */
#include "scratch.h"
#include "harness.h"

#include <stdatomic.h>

#define WRITERS	4

FIXTURE(mount) {
	struct scratch m;
};

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "size=64M"));
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

struct work;

struct writer {
	struct work *work;
	pthread_t thread;
	int number;
	int fd;
	int error;
	atomic_int done;	/* rounds, of those that go on until they are stopped */
};

/* what the threads of a test share */
struct work {
	const struct scratch *m;
	int rounds;
	int blocks;		/* that each writes in a round */
	atomic_bool stop;
	pthread_barrier_t barrier;
	struct writer writer[WRITERS];
};

static void start(struct work *work, const struct scratch *m, void *(*job)(void *))
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char name[16];
	int i;

	work->m = m;
	pthread_barrier_init(&work->barrier, NULL, WRITERS);
	for (i = 0; i < WRITERS; i++) {
		struct writer *w = &work->writer[i];
		cpu_set_t set;

		w->work = work;
		w->number = i;
		snprintf(name, sizeof(name), "writer%d", i);
		w->fd = open(scratch_path(m, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		pthread_create(&w->thread, NULL, job, w);
		CPU_ZERO(&set);
		CPU_SET(i % cpus, &set);
		pthread_setaffinity_np(w->thread, sizeof(set), &set);
	}
}

/* the first error of any of them */
static int join(struct work *work)
{
	int i, error = 0;

	for (i = 0; i < WRITERS; i++) {
		pthread_join(work->writer[i].thread, NULL);
		close(work->writer[i].fd);
		if (!error)
			error = work->writer[i].error;
	}
	pthread_barrier_destroy(&work->barrier);
	return error;
}

static void *fill_once(void *arg)
{
	struct writer *w = arg;

	w->error = append_blocks(w->fd, w->work->m, w->work->blocks);
	return NULL;
}

/* all fill, and when all have, all truncate, and so on */
static void *fill_and_truncate(void *arg)
{
	struct writer *w = arg;
	int i;

	for (i = 0; i < w->work->rounds; i++) {
		if (!w->error)
			w->error = append_blocks(w->fd, w->work->m, w->work->blocks);
		pthread_barrier_wait(&w->work->barrier);
		if (ftruncate(w->fd, 0) || lseek(w->fd, 0, SEEK_SET))
			w->error = -errno;
		pthread_barrier_wait(&w->work->barrier);
	}
	return NULL;
}

/* each on its own, now more now less, until told to stop */
static void *come_and_go(void *arg)
{
	struct writer *w = arg;
	unsigned int seed = w->number + 1;

	while (!w->work->stop && !w->error) {
		w->error = append_blocks(w->fd, w->work->m, 1 + rand_r(&seed) % w->work->blocks);
		if (ftruncate(w->fd, 0) || lseek(w->fd, 0, SEEK_SET))
			w->error = -errno;
		w->done++;
	}
	return NULL;
}

/* true when each of them has come and gone so often again, within a minute */
static bool all_go_on(struct work *work, int rounds)
{
	long long end = now_ms() + 60000;
	int i, from[WRITERS];

	for (i = 0; i < WRITERS; i++)
		from[i] = work->writer[i].done;
	for (i = 0; i < WRITERS; i++) {
		while (work->writer[i].done < from[i] + rounds) {
			if (now_ms() > end)
				return false;
			usleep(1000);
		}
	}
	return true;
}

TEST_F_TIMEOUT(mount, four_writers_pass_a_thousand_levels_and_each_counts_one, 400)
{
	enum { LEVELS = 1000 };
	struct work work = {};
	long long blocks = scratch_blocks(&self->m);
	int efd[LEVELS], i;

	for (i = 0; i < LEVELS; i++) {
		efd[i] = listen_blocks(&self->m, blocks / LEVELS * (i + 1), i & 1 ? "rising" : "");
		ASSERT_LE(0, efd[i]);
	}
	work.blocks = blocks / WRITERS;
	start(&work, &self->m, fill_once);
	ASSERT_EQ(0, join(&work));
	for (i = 0; i < LEVELS; i++)
		ASSERT_SIGNALS(efd[i], 1);
}

TEST_F_TIMEOUT(mount, four_truncaters_pass_a_thousand_levels_and_each_counts_one, 400)
{
	enum { LEVELS = 1000 };
	struct work work = {};
	long long blocks = scratch_blocks(&self->m);
	int efd[LEVELS], i;

	work.blocks = blocks / WRITERS;
	work.rounds = 1;
	for (i = 0; i < LEVELS; i++) {
		efd[i] = listen_blocks(&self->m, blocks / LEVELS * (i + 1), i & 1 ? "falling" : "");
		ASSERT_LE(0, efd[i]);
	}
	start(&work, &self->m, fill_and_truncate);
	ASSERT_EQ(0, join(&work));
	for (i = 0; i < LEVELS; i++)
		ASSERT_SIGNALS(efd[i], i & 1 ? 1 : 2);
}

static void rounds(struct __test_metadata *_metadata, const struct scratch *m,
		   int level, int blocks, int rounds)
{
	struct work work = { .blocks = blocks, .rounds = rounds };
	int rising = listen_blocks(m, level, "rising");
	int falling = listen_blocks(m, level, "falling");
	int both = listen_blocks(m, level, "both");
	int hyst = listen_to(m, "used_bytes", ({
		static char args[64];

		snprintf(args, sizeof(args), "%lld rising hyst=%lld",
			 (long long)level * m->block, (long long)level * m->block);
		args;
	}));

	ASSERT_LE(0, hyst);
	start(&work, m, fill_and_truncate);
	ASSERT_EQ(0, join(&work));
	ASSERT_EQ(0, scratch_used(m));
	EXPECT_SIGNALS(rising, rounds) TH_LOG("level %d", level);
	EXPECT_SIGNALS(falling, rounds) TH_LOG("level %d", level);
	EXPECT_SIGNALS(both, 2 * rounds) TH_LOG("level %d", level);
	EXPECT_SIGNALS(hyst, rounds) TH_LOG("level %d", level);
	close(rising);
	close(falling);
	close(both);
	close(hyst);
}

TEST_F_TIMEOUT(mount, four_writers_fill_and_empty_past_a_level_and_each_round_counts_one, 400)
{
	rounds(_metadata, &self->m, 200, 100, often(20, 50));
	rounds(_metadata, &self->m, 400, 100, often(20, 50));
}

TEST_F_TIMEOUT(mount, four_writers_of_one_block_pass_a_level_of_few_and_each_round_counts_one, 400)
{
	rounds(_metadata, &self->m, 1, 1, often(200, 500));
	rounds(_metadata, &self->m, 2, 1, often(200, 500));
	rounds(_metadata, &self->m, 3, 1, often(200, 500));
	rounds(_metadata, &self->m, 4, 1, often(200, 500));
}

TEST_F_TIMEOUT(mount, a_level_that_only_rising_triggers_watch_counts_each_round, 400)
{
	struct work work = { .blocks = 1, .rounds = 500 };
	int rising = listen_blocks(&self->m, 4, "rising");

	ASSERT_LE(0, rising);
	start(&work, &self->m, fill_and_truncate);
	ASSERT_EQ(0, join(&work));
	EXPECT_SIGNALS(rising, 500);
}

TEST_F_TIMEOUT(mount, a_level_that_only_falling_triggers_watch_counts_each_round, 400)
{
	struct work work = { .blocks = 1, .rounds = 500 };
	int falling = listen_blocks(&self->m, 4, "falling");

	ASSERT_LE(0, falling);
	start(&work, &self->m, fill_and_truncate);
	ASSERT_EQ(0, join(&work));
	EXPECT_SIGNALS(falling, 500);
}

/*
 * Writers come and go as they like, so nobody knows how many crossings there
 * are. But a both trigger that was told at registration where usage stood must
 * in the end have counted an odd number above its level and an even one below.
 */
TEST_F_TIMEOUT(mount, triggers_registered_amid_the_traffic_never_lose_their_side, 400)
{
	enum { TRIGGERS = 150 };
	struct work work = { .blocks = 20 };
	int efd[TRIGGERS], level[TRIGGERS], i;
	long long used, count, told = 0;

	start(&work, &self->m, come_and_go);
	for (i = 0; i < TRIGGERS; i++) {
		level[i] = 1 + i % 60;
		efd[i] = listen_blocks(&self->m, level[i], "both now");
		ASSERT_LE(0, efd[i]);
		if (i % 3 == 0)
			usleep(1000);
	}
	EXPECT_TRUE(all_go_on(&work, 20));
	work.stop = true;
	ASSERT_EQ(0, join(&work));
	used = scratch_used(&self->m);
	ASSERT_EQ(0, used);
	for (i = 0; i < TRIGGERS; i++) {
		/* usage is nothing now: an even count. RT may take its time */
		count = signals(efd[i], 0);
		if (realtime_kernel() && (count & 1))
			count += signals_soon(efd[i], 1);
		EXPECT_EQ(0, count % 2) TH_LOG("level %d: %lld", level[i], count);
		told += count;
	}
	/* each round begins and ends below its blocks */
	EXPECT_LE(TRIGGERS, told);
	/* and they go on from there */
	ASSERT_EQ(0, scratch_use(&self->m, 60));
	for (i = 0; i < TRIGGERS; i++)
		ASSERT_SIGNALS(efd[i], 1);
}

TEST_F_TIMEOUT(mount, rising_and_falling_at_one_level_never_differ_by_more_than_one, 400)
{
	struct work work = { .blocks = 3 };
	int rising[8], falling[8], i;

	for (i = 0; i < 8; i++) {
		rising[i] = listen_blocks(&self->m, i + 1, "rising");
		falling[i] = listen_blocks(&self->m, i + 1, "falling");
		ASSERT_LE(0, falling[i]);
	}
	start(&work, &self->m, come_and_go);
	EXPECT_TRUE(all_go_on(&work, 50));
	work.stop = true;
	ASSERT_EQ(0, join(&work));
	ASSERT_EQ(0, scratch_used(&self->m));
	for (i = 0; i < 8; i++) {
		long long up = signals(rising[i], 0), down = signals(falling[i], up);

		if (realtime_kernel())
			up += signals(rising[i], 0);
		EXPECT_EQ(up, down) TH_LOG("level %d", i + 1);
		/* as many as each writer reaches alone */
		if (i < work.blocks)
			EXPECT_LT(0, up) TH_LOG("level %d", i + 1);
	}
}

TEST_F_TIMEOUT(mount, remounts_amid_the_traffic_keep_every_percentage_on_its_side, 400)
{
	struct work work = { .blocks = 40 };
	long long told = 0;
	int efd[10], i;

	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=200"));
	for (i = 0; i < 10; i++) {
		char args[32];

		snprintf(args, sizeof(args), "%d%% both now", 5 * (i + 1));
		efd[i] = listen_to(&self->m, "used_bytes", args);
		ASSERT_LE(0, efd[i]);
	}
	start(&work, &self->m, come_and_go);
	for (i = 0; i < 300; i++) {
		char options[32];

		snprintf(options, sizeof(options), "nr_blocks=%d", 200 + 37 * (i % 7));
		ASSERT_EQ(0, scratch_remount(&self->m, options));
		usleep(1000);
	}
	EXPECT_TRUE(all_go_on(&work, 20));
	work.stop = true;
	ASSERT_EQ(0, join(&work));
	ASSERT_EQ(0, scratch_used(&self->m));
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=1000"));
	for (i = 0; i < 10; i++) {
		long long count = 0;

		/* what a remount crosses is told a little later */
		EXPECT_TRUE(EVENTUALLY((count += signals(efd[i], 0), count % 2 == 0)))
			TH_LOG("level %d%%: %lld", 5 * (i + 1), count);
		told += count;
	}
	EXPECT_LT(0, told);
	ASSERT_EQ(0, scratch_use(&self->m, 500));
	for (i = 0; i < 10; i++)
		EXPECT_SIGNALS(efd[i], 1);
}

static void *register_and_close(void *arg)
{
	struct writer *w = arg;
	static const char *const words[] = { "", "rising", "falling now", "once", "both now" };
	unsigned int seed = w->number + 1;

	while (!w->work->stop) {
		int efd = listen_blocks(w->work->m, 1 + rand_r(&seed) % 40,
					words[rand_r(&seed) % 5]);

		if (efd < 0) {
			w->error = efd;
			break;
		}
		if (rand_r(&seed) % 4 == 0)
			sched_yield();
		close(efd);
	}
	return NULL;
}

TEST_F_TIMEOUT(mount, others_that_register_and_close_do_not_disturb_the_count, 400)
{
	struct work work = { .blocks = 10, .rounds = 100 }, noise = {};
	int both = listen_blocks(&self->m, 35, "both");

	ASSERT_LE(0, both);
	start(&noise, &self->m, register_and_close);
	start(&work, &self->m, fill_and_truncate);
	ASSERT_EQ(0, join(&work));
	noise.stop = true;
	ASSERT_EQ(0, join(&noise));
	EXPECT_SIGNALS(both, 200);
	EXPECT_TRUE(EVENTUALLY(trigger_count(&self->m) == 1));
}

static void *read_everything(void *arg)
{
	static const char *const files[] = {
		"usage", "used_bytes", "pressure_level", "triggers", "warn_used_blocks",
		"memory.limit_in_bytes", "../stats",
	};
	struct writer *w = arg;
	unsigned int i = w->number;

	while (!w->work->stop)
		free(slurp(w->work->m, files[i++ % 7]));
	return NULL;
}

TEST_F_TIMEOUT(mount, readers_of_every_file_do_not_disturb_the_count, 400)
{
	struct work work = { .blocks = 10, .rounds = 100 }, noise = {};
	int both = listen_blocks(&self->m, 35, "both");

	ASSERT_LE(0, both);
	start(&noise, &self->m, read_everything);
	start(&work, &self->m, fill_and_truncate);
	ASSERT_EQ(0, join(&work));
	noise.stop = true;
	ASSERT_EQ(0, join(&noise));
	EXPECT_SIGNALS(both, 200);
}

/*
 * Each thread a mount of its own, again and again, while all is read. A wrong
 * number of signals is told as an error of 1000 and more.
 */
static void *mount_and_umount(void *arg)
{
	struct writer *w = arg;
	struct scratch m;
	int i;

	for (i = 0; i < often(8, 20) && !w->error; i++) {
		int efd, fd, told;

		snprintf(m.path, sizeof(m.path), "%.80s/m%d", w->work->m->path, w->number);
		mkdir(m.path, 0700);
		if (mount("scratch", m.path, "tmpfs", 0, "nr_blocks=100")) {
			w->error = -errno;
			break;
		}
		w->error = scratch_adopt(&m, m.path);
		if (w->error)
			break;
		efd = listen_blocks(&m, 10, "both");
		fd = open(scratch_path(&m, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (efd < 0 || fd < 0 || append_blocks(fd, &m, 10) || ftruncate(fd, 0))
			w->error = -EIO;
		close(fd);
		if (scratch_umount(&m))
			w->error = -EBUSY;
		told = w->error ? 3 : signals_soon(efd, 3);
		if (told != 3)
			w->error = 1000 + told;
		close(efd);
	}
	return NULL;
}

TEST_F_TIMEOUT(mount, mounts_that_come_and_go_on_all_cpus_are_each_told_right, 400)
{
	struct work work = {}, noise = {};

	start(&noise, &self->m, read_everything);
	start(&work, &self->m, mount_and_umount);
	EXPECT_EQ(0, join(&work));
	noise.stop = true;
	ASSERT_EQ(0, join(&noise));
}

static void *write_many(void *arg)
{
	struct writer *w = arg;
	int i;

	for (i = 0; i < w->work->rounds && !w->error; i++)
		w->error = listen_blocks(w->work->m, 10, "rising") < 0 ? -EIO : 0;
	return NULL;
}

TEST_F_TIMEOUT(mount, four_clients_registering_at_once_are_all_registered, 60)
{
	struct work work = { .rounds = 100 };

	start(&work, &self->m, write_many);
	ASSERT_EQ(0, join(&work));
	EXPECT_EQ(400, trigger_count(&self->m));
	ASSERT_EQ(0, scratch_use(&self->m, 10));
	EXPECT_EQ(1, trigger_number(&self->m, 0, "fired"));
	EXPECT_EQ(1, trigger_number(&self->m, 399, "fired"));
}

TEST_HARNESS_MAIN
