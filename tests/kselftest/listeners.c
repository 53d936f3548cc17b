// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners of /dev/tmpfswarn under fire: read, closed, forgotten and gone against
 * crossings, read by many, by none, and thousands of them.
 */
#include "client.h"
#include "race.h"
#include "harness.h"

#define READERS	4

FIXTURE(mount) {
	struct scratch m;
	struct noise noise[READERS];
	int fd;
	int device;		/* of the parts */
	int other;
	atomic_llong sum;	/* of the crossings that the readers were told */
};

typedef FIXTURE_DATA(mount) shared;

FIXTURE_SETUP(mount)
{
	raise_fd_limit();
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->fd = open_file(&self->m, "file");
	ASSERT_LE(0, self->fd);
	self->device = -1;
}

FIXTURE_TEARDOWN(mount)
{
	int i;

	for (i = 0; i < READERS; i++)
		EXPECT_EQ(0, noise_stop(&self->noise[i]));
	speed_up();
	close(self->device);
	close(self->fd);
	scratch_end(&self->m);
}

/* over 10 blocks and back: two crossings of each that watches both ways */
static int go_over_and_back(void *arg, int number)
{
	shared *self = arg;

	return fallocate(self->fd, 0, 0, 10 * self->m.block) || ftruncate(self->fd, 0) ? -errno : 0;
}

static int go_over(void *arg, int number)
{
	shared *self = arg;

	return fallocate(self->fd, 0, 0, 10 * self->m.block) ? -errno : 0;
}

/* the sum of a text of whole records, or -EBADMSG */
static long long sum_of(const char *text, size_t size)
{
	const char *at, *end = text + size;
	long long sum = 0;

	if (!records_sound(text, size))
		return -EBADMSG;
	for (at = text; (at = memmem(at, end - at, " crossings=", 11)); at += 11)
		sum += atoll(at + 11);
	return sum;
}

/* a step: what is there now, in one read with a big buffer */
static int read_some(void *arg, int number)
{
	static __thread char text[16384];
	shared *self = arg;
	ssize_t n = read(self->device, text, sizeof(text));
	long long sum;

	if (n <= 0) {
		usleep(100);
		return n == 0 || errno == EAGAIN ? 0 : -errno;
	}
	sum = sum_of(text, n);
	if (sum < 0) {
		printf("# torn: '%.*s'\n", (int)n, text);
		return sum;
	}
	self->sum += sum;
	return 0;
}

/* all that the readers have left */
static long long rest_of(shared *self)
{
	long long rest = record_sum(self->device);

	return rest < 0 ? rest : self->sum + rest;
}

static long long crossings_told(shared *self, int readers, int rounds)
{
	int i;

	self->device = device_listen(&self->m, "40k both");
	if (self->device < 0)
		return self->device;
	for (i = 0; i < readers; i++)
		noise_start(&self->noise[i], read_some, self, i + 1);
	run_on(0);
	for (i = 0; i < rounds; i++) {
		int error = go_over_and_back(self, i);

		if (error)
			return error;
	}
	for (i = 0; i < readers; i++) {
		int error = noise_stop(&self->noise[i]);

		if (error)
			return error;
	}
	return rest_of(self);
}

TEST_F_TIMEOUT(mount, a_reader_against_crossings_is_told_each_of_them, 600)
{
	int rounds = often(3000, 30000);

	EXPECT_EQ(2LL * rounds, crossings_told(self, 1, rounds));
}

TEST_F_TIMEOUT(mount, several_readers_of_one_open_file_share_whole_records_and_all_crossings, 600)
{
	int rounds = often(3000, 30000);

	EXPECT_EQ(2LL * rounds, crossings_told(self, READERS, rounds));
}

/* a byte at a time by two: which of them has a byte is chance, but each byte is had once */
static int read_bytes(void *arg, int number)
{
	shared *self = arg;
	char bytes[3];
	ssize_t n = read(self->device, bytes, 1 + number % 3);

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	self->sum += n;
	return 0;
}

TEST_F_TIMEOUT(mount, readers_of_few_bytes_have_each_byte_once, 600)
{
	long long bytes = 0, rest = 0;
	int whole, i, rounds = often(500, 5000), fired;
	char text[4096];
	ssize_t n;

	whole = device_listen(&self->m, "40k both");
	self->device = device_listen(&self->m, "40k both");
	ASSERT_LE(0, self->device);
	for (i = 0; i < 2; i++)
		noise_start(&self->noise[i], read_bytes, self, i + 1);
	for (fired = 2, i = 0; i < rounds; i++, fired += 2) {
		ASSERT_EQ(0, go_over_and_back(self, i));
		/* none of them is added to another, so that both have the same bytes */
		if (realtime_kernel())
			ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 0, "fired") == fired &&
					       trigger_number(&self->m, 1, "fired") == fired));
		while ((n = read(whole, text, sizeof(text))) > 0)
			bytes += n;
		if (i % 3 == 2)
			ASSERT_TRUE(EVENTUALLY(!readable(self->device, 0)));
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, noise_stop(&self->noise[i]));
	while ((n = read(self->device, text, sizeof(text))) > 0)
		rest += n;
	EXPECT_EQ(bytes, self->sum + rest);
	close(whole);
}

struct reader {
	pthread_t thread;
	int device;
	char *text;
	size_t size;
	ssize_t length;		/* once it has read */
};

static void *read_once(void *arg)
{
	struct reader *reader = arg;

	reader->length = read(reader->device, reader->text, reader->size);
	return NULL;
}

/* one waits for the page that it reads into, amid a record; nobody else has a part of that */
TEST_F(mount, a_reader_waits_for_another_who_is_reading_a_record)
{
	struct uffdio_register page = {};
	int faults = missing_page(&page), i;
	char text[4096] = "";
	struct reader reader[2] = {
		{ .text = (char *)(uintptr_t)page.range.start, .size = sizeof(text) - 1 },
		{ .text = text, .size = sizeof(text) - 1 },
	};

	if (faults < 0)
		SKIP(return, "the kernel has no userfaultfd");
	self->device = device_listen(&self->m, "40k both");
	ASSERT_LE(0, self->device);
	ASSERT_EQ(0, fcntl(self->device, F_SETFL, 0));
	for (i = 0; i < 2; i++) {
		reader[i].device = self->device;
		ASSERT_EQ(0, pthread_create(&reader[i].thread, NULL, read_once, &reader[i]));
		if (i == 0)
			ASSERT_TRUE(readable(faults, BOUND));
	}
	usleep(200000);
	EXPECT_EQ(0, reader[1].length);
	fill_page(faults, &page);
	pthread_join(reader[0].thread, NULL);
	EXPECT_EQ(0, go_over(self, 0));
	pthread_join(reader[1].thread, NULL);
	EXPECT_EQ(0, strncmp(reader[0].text, "event=state ", 12));
	EXPECT_EQ(0, strncmp(reader[1].text, "event=up ", 9));
	close(faults);
}

/* ---- what ends against a crossing ---- */

static int close_device(void *arg, int number)
{
	shared *self = arg;

	return close(self->device) ? -errno : 0;
}

TEST_F_TIMEOUT(mount, a_close_against_crossings_ends_all_that_was_registered, 120)
{
	static race_part *const parts[] = { go_over_and_back, close_device, go_over_and_back };
	int round, i;

	ROUNDS(10, 300) {
		self->device = device_open();
		for (i = 0; i < 16; i++)
			ASSERT_EQ(0, device_register(self->device, &self->m,
						     i & 1 ? "40k once" : "20k"));
		ASSERT_EQ(0, race(self, 3, parts));
		self->device = -1;
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0)) TH_LOG("round %d", round);
	}
}

static int forget_tag(void *arg, int number)
{
	shared *self = arg;
	int error = device_forget(self->device, "a");

	/* the crossing may have been first, and the end of once */
	return error == -ENOENT ? 0 : error;
}

static int read_bursts(void *arg, int number)
{
	int i, error = 0;

	for (i = 0; i < 20 && !error; i++)
		error = read_some(arg, i);
	return error;
}

/* told once or not at all by each: by all of one tag the same, and by the others once */
TEST_F_TIMEOUT(mount, a_tag_forgotten_against_a_crossing_leaves_the_others_theirs, 120)
{
	static race_part *const parts[] = { go_over, forget_tag, read_bursts };
	int round, i;

	ROUNDS(10, 300) {
		self->device = device_open();
		self->sum = 0;
		for (i = 0; i < 16; i++)
			ASSERT_EQ(0, device_register(self->device, &self->m, i & 1 ? "40k tag=b" :
						     i & 2 ? "40k once tag=a" : "40k tag=a"));
		ASSERT_EQ(0, race(self, 3, parts));
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 8)) TH_LOG("round %d", round);
		EXPECT_TRUE(EVENTUALLY((self->sum = rest_of(self)) >= 8)) TH_LOG("round %d", round);
		EXPECT_GE(16, self->sum) TH_LOG("round %d", round);
		ASSERT_EQ(0, ftruncate(self->fd, 0));
		EXPECT_EQ(8, ({ readable(self->device, BOUND); record_sum(self->device); }))
			TH_LOG("round %d", round);
		close(self->device);
		self->device = -1;
		ASSERT_TRUE(EVENTUALLY(trigger_count(&self->m) == 0));
	}
}

static int umount_mount(void *arg, int number)
{
	shared *self = arg;

	return scratch_umount(&self->m);
}

/* through an fd that does not hold the mount, which one that is in use for a moment does */
static int register_and_read(void *arg, int number)
{
	shared *self = arg;
	char text[64];
	int i, error, device = device_open();

	for (i = 0; i < 20; i++) {
		int fd = open(self->m.path, O_PATH | O_CLOEXEC);

		snprintf(text, sizeof(text), "%d 40k tag=%d", fd, i);
		error = device_put(device, text);
		close(fd);
		/* when it is gone, the path is on the root of the machine, be that a tmpfs or not */
		if (error && error != -ENODEV && error != -EINVAL && error != -EOPNOTSUPP)
			return error;
		error = read_some(arg, i);
		if (error)
			return error;
	}
	close(device);
	return 0;
}

TEST_F_TIMEOUT(mount, an_umount_against_registering_and_reading_is_told_to_each, 120)
{
	static race_part *const parts[] = { umount_mount, register_and_read, read_bursts };
	int round, i, error;
	struct record r;

	close(self->fd);
	ROUNDS(5, 60) {
		int quiet = device_open(), gone = 0;

		self->device = device_open();
		for (i = 0; i < 8; i++) {
			ASSERT_EQ(0, device_register(self->device, &self->m, "40k"));
			ASSERT_EQ(0, device_register(quiet, &self->m, "40k"));
		}
		/* busy with the fd of another part, if not with ours */
		error = race(self, 3, parts);
		ASSERT_TRUE(error == 0 || error == -EBUSY) TH_LOG("%s", strerror(-error));
		if (error)
			ASSERT_EQ(0, scratch_umount(&self->m));
		for (i = 0; i < 16; i++) {
			r = record_next_soon(quiet);
			gone += !strcmp(r.event, "gone");
		}
		ASSERT_EQ(8, gone) TH_LOG("round %d", round);
		EXPECT_EQ(-ENODATA, record_next_soon(quiet).error);
		EXPECT_TRUE(EVENTUALLY(({
			while (!(r = record_left(self->device)).error)
				;
			r.error == -ENODATA;
		})));
		close(quiet);
		close(self->device);
		self->device = -1;
		rmdir(self->m.path);
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	}
	self->fd = open_file(&self->m, "file");
}

/* Whoever has been told has the trigger still to be ended, by another, whom it takes long here. */
TEST_F_TIMEOUT(mount, a_close_at_once_when_the_end_has_been_told_waits_for_the_trigger, 120)
{
	int round;

	close(self->fd);
	slow_down("tw_listener_del");
	ROUNDS(5, 20) {
		self->device = device_listen(&self->m, "40k");
		ASSERT_LE(0, self->device);
		/* where it began */
		ASSERT_EQ(0, record_next(self->device).error);
		ASSERT_EQ(0, scratch_umount(&self->m));
		ASSERT_TRUE(readable(self->device, BOUND));
		EXPECT_STREQ("gone", record_next(self->device).event);
		close(self->device);
		self->device = -1;
		ASSERT_TRUE(EVENTUALLY(stat_of("triggers") == 0)) TH_LOG("round %d", round);
		rmdir(self->m.path);
		ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	}
	speed_up();
	self->fd = open_file(&self->m, "file");
}

TEST_HARNESS_MAIN
