// SPDX-License-Identifier: GPL-2.0
/*
 * Near a level the CPUs are given credit for what is left, and usage is summed up
 * only when one is used up: the very block that reaches the level is told all
 * the same, wherever it was allocated, and none before it. So is the very block whose
 * free brings usage below a level.
 */
#include "race.h"
#include "harness.h"

#define WRITERS	4

/* beyond the blocks before a level in which there is credit, on up to 8 CPUs */
#define FAR	600

FIXTURE(mount) {
	struct scratch m;
	long cpus;
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=20000"));
	self->cpus = sysconf(_SC_NPROCESSORS_ONLN);
}

FIXTURE_TEARDOWN(mount)
{
	scratch_end(&self->m);
}

/* the first so many blocks of the file are left */
static int keep(int fd, const struct scratch *m, long long blocks)
{
	return ftruncate(fd, blocks * m->block) || lseek(fd, 0, SEEK_END) < 0 ? -errno : 0;
}

static int empty(int fd)
{
	return ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

TEST_F_TIMEOUT(mount, a_writer_that_changes_its_cpu_is_told_at_the_very_block, 400)
{
	int efd = listen_blocks(&self->m, FAR, "rising");
	int fd = open_file(&self->m, "file"), round, i;

	ASSERT_LE(0, efd);
	for (round = 0; round < 5; round++) {
		for (i = 1; i < FAR; i++) {
			run_on((i * (round + 1)) % self->cpus);
			ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
			ASSERT_FALSE(readable(efd, 0)) TH_LOG("told at block %d", i);
		}
		run_on(round % self->cpus);
		ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
		ASSERT_SIGNALS(efd, 1);
		ASSERT_EQ(0, empty(fd));
	}
}

TEST_F_TIMEOUT(mount, writes_of_many_blocks_are_told_at_the_very_block, 400)
{
	int efd = listen_blocks(&self->m, FAR, "rising");
	int fd = open_file(&self->m, "file"), size, used;

	ASSERT_LE(0, efd);
	for (size = 2; size < 100; size += 7) {
		for (used = 0; used + size < FAR; used += size) {
			run_on(used % self->cpus);
			ASSERT_EQ(0, fallocate(fd, 0, used * self->m.block, size * self->m.block));
			ASSERT_FALSE(readable(efd, 0)) TH_LOG("told at block %d", used);
		}
		ASSERT_EQ(0, fallocate(fd, 0, used * self->m.block, (FAR - 1 - used) * self->m.block));
		EXPECT_FALSE(readable(efd, 0)) TH_LOG("told one block before, by %d", size);
		ASSERT_EQ(0, fallocate(fd, 0, 0, FAR * self->m.block));
		ASSERT_SIGNALS(efd, 1);
		ASSERT_EQ(0, empty(fd));
	}
}

TEST_F_TIMEOUT(mount, a_trigger_registered_near_by_is_told_at_the_very_block, 400)
{
	int first = listen_blocks(&self->m, FAR, "rising");
	int fd = open_file(&self->m, "file"), used = FAR - 100, near, distance;

	ASSERT_LE(0, first);
	/* credit for what is left to the first one is out */
	ASSERT_EQ(0, append_blocks(fd, &self->m, used));
	for (distance = 1; distance < 8; distance++) {
		int i;

		near = listen_blocks(&self->m, used + distance, "rising");
		ASSERT_LE(0, near);
		for (i = 0; i < distance; i++) {
			run_on((i + distance) % self->cpus);
			ASSERT_FALSE(readable(near, 0));
			ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
		}
		ASSERT_SIGNALS(near, 1);
		used += distance;
		close(near);
	}
	ASSERT_SIGNALS(first, 0);
	ASSERT_EQ(0, append_blocks(fd, &self->m, FAR - used - 1));
	ASSERT_SIGNALS(first, 0);
	ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
	ASSERT_SIGNALS(first, 1);
}

TEST_F_TIMEOUT(mount, a_level_moved_by_a_write_or_a_remount_is_told_at_the_very_block, 400)
{
	int moved = rfc_listen(&self->m), percent = listen_to(&self->m, "used_bytes", "10% rising");
	int fd = open_file(&self->m, "file"), i;
	char text[64];

	ASSERT_LE(0, moved);
	ASSERT_LE(0, percent);
	ASSERT_EQ(0, put(&self->m, "warn_used_blocks", "600"));
	ASSERT_EQ(0, append_blocks(fd, &self->m, 550));
	/* 10 % are 556 blocks from now on, not 2,000 */
	ASSERT_EQ(0, scratch_remount(&self->m, "nr_blocks=5560"));
	for (i = 551; i < 556; i++) {
		run_on(i % self->cpus);
		ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
		ASSERT_FALSE(readable(percent, 0)) TH_LOG("told at block %d", i);
	}
	ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
	ASSERT_SIGNALS(percent, 1);

	for (i = 556; i < 590; i += 2) {
		snprintf(text, sizeof(text), "%d", i + 2);
		ASSERT_EQ(0, put(&self->m, "warn_used_blocks", text));
		ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
		ASSERT_FALSE(readable(moved, 0)) TH_LOG("told at block %d", i + 1);
		run_on(i / 2 % self->cpus);
		ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
		ASSERT_SIGNALS(moved, 1);
	}
}

/* ---- frees ---- */

TEST_F_TIMEOUT(mount, a_freer_that_changes_its_cpu_is_told_at_the_very_block, 400)
{
	int level = 5, efd = listen_blocks(&self->m, level, "falling");
	int fd = open_file(&self->m, "file"), round, i;

	ASSERT_LE(0, efd);
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, append_blocks(fd, &self->m, FAR));
		for (i = FAR - 1; i >= level; i--) {
			run_on((i * (round + 1)) % self->cpus);
			ASSERT_EQ(0, keep(fd, &self->m, i));
			ASSERT_FALSE(readable(efd, 0)) TH_LOG("told at block %d", i);
		}
		run_on(round % self->cpus);
		ASSERT_EQ(0, keep(fd, &self->m, level - 1));
		ASSERT_SIGNALS(efd, 1);
		ASSERT_EQ(0, empty(fd));
		ASSERT_SIGNALS(efd, 0);
	}
}

TEST_F_TIMEOUT(mount, frees_of_many_blocks_are_told_at_the_very_block, 400)
{
	int level = 40, efd = listen_blocks(&self->m, level, "falling");
	int fd = open_file(&self->m, "file"), size, used;

	ASSERT_LE(0, efd);
	for (size = 2; size < 100; size += 7) {
		unsigned int seed = size;

		ASSERT_EQ(0, fallocate(fd, 0, 0, FAR * self->m.block));
		for (used = FAR; used > level;) {
			used -= 1 + rand_r(&seed) % size;
			if (used < level)
				used = level;
			run_on(used % self->cpus);
			ASSERT_EQ(0, keep(fd, &self->m, used));
			ASSERT_FALSE(readable(efd, 0)) TH_LOG("told at block %d, by %d", used, size);
		}
		ASSERT_EQ(0, keep(fd, &self->m, level - 1 - size % 3));
		ASSERT_SIGNALS(efd, 1);
	}
}

TEST_F_TIMEOUT(mount, falling_levels_next_to_each_other_are_each_told_at_the_very_block, 400)
{
	int fd = open_file(&self->m, "file"), efd[16], round, used, i;

	for (i = 0; i < 16; i++) {
		efd[i] = listen_blocks(&self->m, 100 + i, "falling");
		ASSERT_LE(0, efd[i]);
	}
	for (round = 0; round < 5; round++) {
		ASSERT_EQ(0, append_blocks(fd, &self->m, 300));
		for (used = 299; used >= 95; used--) {
			run_on((used / (round + 1)) % self->cpus);
			ASSERT_EQ(0, keep(fd, &self->m, used));
			for (i = 0; i < 16; i++)
				ASSERT_SIGNALS(efd[i], used == 99 + i) TH_LOG("level %d, block %d",
									      100 + i, used);
		}
		ASSERT_EQ(0, empty(fd));
	}
}

/*
 * What a CPU may free is not what it was before another one has freed more than was left, and
 * has had usage summed up for that. The allocation is made while there is credit for it, so that
 * no sum takes from this CPU what it has left. On up to 16 CPUs that is more than is freed then.
 */
TEST_F_TIMEOUT(mount, an_allocation_renews_no_credit_for_frees, 400)
{
	int falling = listen_blocks(&self->m, 100, "falling");
	int rising = listen_blocks(&self->m, 160, "rising");
	int fd = open_file(&self->m, "file"), round, i;

	ASSERT_LE(0, falling);
	ASSERT_LE(0, rising);
	for (round = 0; round < 2 * self->cpus; round++) {
		int here = round % self->cpus, there = (round + 1) % self->cpus;

		run_on(here);
		ASSERT_EQ(0, append_blocks(fd, &self->m, 150));
		/* ends all credit: the next free has usage summed up */
		ASSERT_LE(0, listen_blocks(&self->m, 1000, "rising"));
		ASSERT_EQ(0, keep(fd, &self->m, 149));
		run_on(there);
		for (i = 148; i >= 101; i--)
			ASSERT_EQ(0, keep(fd, &self->m, i));
		run_on(here);
		ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
		ASSERT_EQ(0, keep(fd, &self->m, 100));
		ASSERT_SIGNALS(falling, 0);
		ASSERT_EQ(0, keep(fd, &self->m, 99));
		ASSERT_SIGNALS(falling, 1) TH_LOG("round %d", round);
		ASSERT_EQ(0, empty(fd));
		ASSERT_SIGNALS(rising, 0);
	}
}

TEST_F_TIMEOUT(mount, hysteresis_is_over_at_the_very_block, 400)
{
	int fd = open_file(&self->m, "file"), efd, i;
	char args[64];

	snprintf(args, sizeof(args), "%ld rising hyst=%ld", 400 * self->m.block,
		 300 * self->m.block);
	efd = listen_to(&self->m, "used_bytes", args);
	ASSERT_LE(0, efd);
	ASSERT_EQ(0, append_blocks(fd, &self->m, 400));
	ASSERT_SIGNALS(efd, 1);
	for (i = 399; i > 100; i--) {
		run_on(i % self->cpus);
		ASSERT_EQ(0, keep(fd, &self->m, i));
	}
	/* one block too few was freed, now and the next time */
	ASSERT_EQ(0, append_blocks(fd, &self->m, 299));
	ASSERT_SIGNALS(efd, 0);
	ASSERT_EQ(0, keep(fd, &self->m, 101));
	ASSERT_EQ(0, append_blocks(fd, &self->m, 350));
	ASSERT_SIGNALS(efd, 0);
	for (i = 450; i >= 100; i--) {
		run_on(i % self->cpus);
		ASSERT_EQ(0, keep(fd, &self->m, i));
	}
	ASSERT_EQ(0, append_blocks(fd, &self->m, 299));
	ASSERT_SIGNALS(efd, 0);
	ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
	ASSERT_SIGNALS(efd, 1);
}

TEST_F_TIMEOUT(mount, usage_between_two_levels_is_told_at_the_very_block_either_way, 400)
{
	int up = listen_blocks(&self->m, 120, "rising"), down = listen_blocks(&self->m, 100, "falling");
	int fd = open_file(&self->m, "file"), round, i, used = 110;
	unsigned int seed = 1;

	ASSERT_LE(0, up);
	ASSERT_LE(0, down);
	ASSERT_EQ(0, append_blocks(fd, &self->m, used));
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 100; i++) {
			int next = 100 + rand_r(&seed) % 20;

			run_on(rand_r(&seed) % self->cpus);
			ASSERT_EQ(0, next > used ? append_blocks(fd, &self->m, next - used) :
						   keep(fd, &self->m, next));
			used = next;
			ASSERT_FALSE(readable(up, 0)) TH_LOG("told at block %d", used);
			ASSERT_FALSE(readable(down, 0)) TH_LOG("told at block %d", used);
		}
		run_on(round % self->cpus);
		if (round & 1) {
			ASSERT_EQ(0, append_blocks(fd, &self->m, 119 - used));
			ASSERT_SIGNALS(up, 0);
			ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
			ASSERT_SIGNALS(up, 1);
		} else {
			ASSERT_EQ(0, keep(fd, &self->m, 100));
			ASSERT_SIGNALS(down, 0);
			ASSERT_EQ(0, keep(fd, &self->m, 99));
			ASSERT_SIGNALS(down, 1);
			ASSERT_EQ(0, append_blocks(fd, &self->m, 11));
		}
		used = 110;
		ASSERT_EQ(0, keep(fd, &self->m, used));
		ASSERT_SIGNALS(up, 0);
		ASSERT_SIGNALS(down, 0);
	}
}

/* ---- all at once ---- */

struct crew {
	const struct scratch *m;
	pthread_barrier_t barrier;
	int level;
	int floor;		/* of another file, when the level is fallen past */
	int rounds;
	int efd;
	/* what the rounds have found, by the first of them */
	int early;
	int wrong;
	struct member {
		struct crew *crew;
		pthread_t thread;
		int number;
		int fd;
		int error;
	} member[WRITERS];
};

/* How many blocks each writes in a round, so that all are one short of the level. */
static int part(const struct crew *crew, int number, int round)
{
	unsigned int seed = 7919 * round + 1;
	int left = crew->level - 1, mine = 0, i;

	for (i = 0; i <= number; i++) {
		mine = i == WRITERS - 1 ? left : rand_r(&seed) % (2 * left / (WRITERS - i) + 1);
		if (mine > left)
			mine = left;
		left -= mine;
	}
	return mine;
}

static void *fill_to_the_level(void *arg)
{
	struct member *self = arg;
	struct crew *crew = self->crew;
	int round;

	run_on(self->number % sysconf(_SC_NPROCESSORS_ONLN));
	for (round = 0; round < crew->rounds; round++) {
		pthread_barrier_wait(&crew->barrier);
		if (!self->error)
			self->error = append_blocks(self->fd, crew->m, part(crew, self->number, round));
		pthread_barrier_wait(&crew->barrier);
		/* one after the other has the last block to write */
		if (self->number == round % WRITERS) {
			crew->early += readable(crew->efd, 0);
			if (!self->error)
				self->error = append_blocks(self->fd, crew->m, 1);
			crew->wrong += signals(crew->efd, 1) != 1;
		}
		pthread_barrier_wait(&crew->barrier);
		if (!self->error)
			self->error = empty(self->fd);
	}
	return NULL;
}

/* The other way: level - 1 blocks are freed by all, in steps, and then the one that tells. */
static void *free_to_the_level(void *arg)
{
	struct member *self = arg;
	struct crew *crew = self->crew;
	unsigned int seed = self->number + 1;
	int round, left, mine;

	run_on(self->number % sysconf(_SC_NPROCESSORS_ONLN));
	for (round = 0; round < crew->rounds; round++) {
		mine = self->number == round % WRITERS;
		left = part(crew, self->number, round) + mine;
		if (!self->error)
			self->error = append_blocks(self->fd, crew->m, left);
		pthread_barrier_wait(&crew->barrier);
		while (left > mine && !self->error) {
			left -= 1 + rand_r(&seed) % 4;
			if (left < mine)
				left = mine;
			self->error = keep(self->fd, crew->m, left);
		}
		pthread_barrier_wait(&crew->barrier);
		/* one after the other has the last block to free */
		if (mine) {
			crew->early += readable(crew->efd, 0);
			if (!self->error)
				self->error = empty(self->fd);
			crew->wrong += signals(crew->efd, 1) != 1;
		}
		pthread_barrier_wait(&crew->barrier);
	}
	return NULL;
}

static void work_together(struct __test_metadata *_metadata, const struct scratch *m,
			  void *(*job)(void *), int level, int rounds)
{
	struct crew crew = { .m = m, .level = level, .rounds = rounds };
	bool freeing = job == free_to_the_level;
	char name[16];
	int i;

	crew.floor = freeing ? 300 : 0;
	ASSERT_EQ(0, scratch_use(m, crew.floor));
	crew.efd = listen_blocks(m, freeing ? crew.floor + 1 : level,
				 freeing ? "falling" : "rising");
	ASSERT_LE(0, crew.efd);
	pthread_barrier_init(&crew.barrier, NULL, WRITERS);
	for (i = 0; i < WRITERS; i++) {
		struct member *member = &crew.member[i];

		member->crew = &crew;
		member->number = i;
		snprintf(name, sizeof(name), "writer%d", i);
		member->fd = open_file(m, name);
		ASSERT_EQ(0, pthread_create(&member->thread, NULL, job, member));
	}
	for (i = 0; i < WRITERS; i++) {
		pthread_join(crew.member[i].thread, NULL);
		close(crew.member[i].fd);
		EXPECT_EQ(0, crew.member[i].error);
	}
	EXPECT_EQ(0, crew.early) TH_LOG("level %d", level);
	EXPECT_EQ(0, crew.wrong) TH_LOG("level %d", level);
	close(crew.efd);
}

TEST_F_TIMEOUT(mount, writers_on_all_cpus_end_on_the_very_block_round_after_round, 400)
{
	work_together(_metadata, &self->m, fill_to_the_level, 2, 100);
	work_together(_metadata, &self->m, fill_to_the_level, 5, 100);
	work_together(_metadata, &self->m, fill_to_the_level, 37, 100);
	work_together(_metadata, &self->m, fill_to_the_level, 250, 50);
	work_together(_metadata, &self->m, fill_to_the_level, FAR, 20);
}

TEST_F_TIMEOUT(mount, freers_on_all_cpus_end_on_the_very_block_round_after_round, 400)
{
	work_together(_metadata, &self->m, free_to_the_level, 2, 100);
	work_together(_metadata, &self->m, free_to_the_level, 5, 100);
	work_together(_metadata, &self->m, free_to_the_level, 37, 100);
	work_together(_metadata, &self->m, free_to_the_level, 250, 50);
	work_together(_metadata, &self->m, free_to_the_level, FAR, 20);
}

struct visitor {
	const struct scratch *m;
	pthread_t thread;
	long cpu;
	int fd;
	int most;
	int error;
};

/* allocates up to its most and frees, again and again */
static void *visit(void *arg)
{
	struct visitor *self = arg;
	unsigned int seed = self->fd;
	int i;

	run_on(self->cpu);
	for (i = 0; i < 200 && !self->error; i++) {
		self->error = append_blocks(self->fd, self->m, 1 + rand_r(&seed) % self->most);
		if (!self->error)
			self->error = empty(self->fd);
	}
	return NULL;
}

/* Each on a CPU of its own, up to @most blocks each. */
static void visit_together(struct __test_metadata *_metadata, FIXTURE_DATA(mount) *self, int most)
{
	struct visitor visitor[WRITERS] = {};
	char name[16];
	int i;

	for (i = 0; i < WRITERS; i++) {
		struct visitor *v = &visitor[i];

		snprintf(name, sizeof(name), "visitor%d", i);
		*v = (struct visitor){
			.m = &self->m, .most = most, .cpu = i % self->cpus,
			.fd = open_file(&self->m, name),
		};
		ASSERT_EQ(0, pthread_create(&v->thread, NULL, visit, v));
	}
	for (i = 0; i < WRITERS; i++) {
		pthread_join(visitor[i].thread, NULL);
		EXPECT_EQ(0, visitor[i].error);
		close(visitor[i].fd);
	}
}

TEST_F_TIMEOUT(mount, usage_that_comes_and_goes_just_below_a_level_is_never_told, 400)
{
	int most = 30, level = WRITERS * most + 1, fd;
	int efd = listen_blocks(&self->m, level, "");

	ASSERT_LE(0, efd);
	visit_together(_metadata, self, most);
	EXPECT_SIGNALS(efd, 0);
	/* and all that was charged has not made it late */
	fd = open_file(&self->m, "file");
	ASSERT_EQ(0, append_blocks(fd, &self->m, level - 1));
	EXPECT_SIGNALS(efd, 0);
	ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
	EXPECT_SIGNALS(efd, 1);
}

TEST_F_TIMEOUT(mount, usage_that_comes_and_goes_just_above_a_level_is_never_told, 400)
{
	int most = 30, level = 50, fd = open_file(&self->m, "file"), efd, rising;

	ASSERT_EQ(0, append_blocks(fd, &self->m, level));
	efd = listen_blocks(&self->m, level, "");
	rising = listen_blocks(&self->m, level + WRITERS * most + 1, "");
	ASSERT_LE(0, efd);
	ASSERT_LE(0, rising);
	visit_together(_metadata, self, most);
	EXPECT_SIGNALS(efd, 0);
	EXPECT_SIGNALS(rising, 0);
	/* and all that was charged has not made it late */
	ASSERT_EQ(0, keep(fd, &self->m, level - 1));
	EXPECT_SIGNALS(efd, 1);
	EXPECT_SIGNALS(rising, 0);
}

TEST_HARNESS_MAIN
