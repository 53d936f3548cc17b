// SPDX-License-Identifier: GPL-2.0
/*
 * Near a level the CPUs are given credit for what is left, and usage is summed up
 * only when one is used up: the very block that reaches the level is told all
 * the same, wherever it was allocated, and none before it.
 */
#include "race.h"
#include "kselftest_harness.h"

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

struct crew {
	const struct scratch *m;
	pthread_barrier_t barrier;
	int level;
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

static void fill_together(struct __test_metadata *_metadata, const struct scratch *m,
			  int level, int rounds)
{
	struct crew crew = { .m = m, .level = level, .rounds = rounds };
	char name[16];
	int i;

	crew.efd = listen_blocks(m, level, "rising");
	ASSERT_LE(0, crew.efd);
	pthread_barrier_init(&crew.barrier, NULL, WRITERS);
	for (i = 0; i < WRITERS; i++) {
		struct member *member = &crew.member[i];

		member->crew = &crew;
		member->number = i;
		snprintf(name, sizeof(name), "writer%d", i);
		member->fd = open_file(m, name);
		ASSERT_EQ(0, pthread_create(&member->thread, NULL, fill_to_the_level, member));
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
	fill_together(_metadata, &self->m, 2, 100);
	fill_together(_metadata, &self->m, 5, 100);
	fill_together(_metadata, &self->m, 37, 100);
	fill_together(_metadata, &self->m, 250, 50);
	fill_together(_metadata, &self->m, FAR, 20);
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

TEST_F_TIMEOUT(mount, usage_that_comes_and_goes_just_below_a_level_is_never_told, 400)
{
	struct visitor visitor[WRITERS] = {};
	int most = 30, level = WRITERS * most + 1, i, fd;
	int efd = listen_blocks(&self->m, level, "");
	char name[16];

	ASSERT_LE(0, efd);
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
	EXPECT_SIGNALS(efd, 0);
	/* and all that was paid has not made it late */
	fd = open_file(&self->m, "file");
	ASSERT_EQ(0, append_blocks(fd, &self->m, level - 1));
	EXPECT_SIGNALS(efd, 0);
	ASSERT_EQ(0, append_blocks(fd, &self->m, 1));
	EXPECT_SIGNALS(efd, 1);
}

TEST_HARNESS_MAIN
