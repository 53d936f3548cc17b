// SPDX-License-Identifier: GPL-2.0
/* What is read from /dev/tmpfswarn: in pieces of any size, and when there is something. */
#include "client.h"
#include "harness.h"

#include <sys/uio.h>

FIXTURE(mount) {
	struct scratch m;
	int device;
};

FIXTURE_SETUP(mount)
{
	ASSERT_EQ(0, scratch_mount(&self->m, "nr_blocks=1000"));
	self->device = device_open();
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN(mount)
{
	close(self->device);
	scratch_end(&self->m);
}

#define USE(blocks)	ASSERT_EQ(0, scratch_use(&self->m, blocks))
#define REGISTER(args)	ASSERT_EQ(0, device_register(self->device, &self->m, args))
#define NEXT(event)	EXPECT_NEXT(self->device, event)
#define NO_MORE()	EXPECT_TRUE(record_none(self->device))

static int events_of(int device)
{
	struct pollfd p = { .fd = device, .events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

#define WRITABLE	(POLLOUT | POLLWRNORM)
#define READABLE	(POLLIN | POLLRDNORM)

/* ---- in which pieces ---- */

/* all that is there, in pieces of that size; the length */
static ssize_t read_pieces(int device, char *text, size_t size, size_t piece)
{
	ssize_t length = 0, n;

	while (length + piece <= size) {
		n = read(device, text + length, piece);
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? length : -1;
		length += n;
	}
	return -1;
}

/* one digit is as good as another: two listeners may have been told at different times */
static void without_time(char *text, size_t size)
{
	char *at, *end = text + size;

	for (at = text; (at = memmem(at, end - at, " time=", 6)); ) {
		for (at += 6; at < end && *at != ' ' && *at != '\n'; at++)
			*at = *at == '.' ? '.' : 't';
	}
}

TEST_F(mount, pieces_of_1_to_100_bytes_have_the_same_bytes_as_one)
{
	int whole = device_open(), piece;
	char one[8192], other[8192];
	ssize_t length;

	REGISTER("40k tag=of_some_length");
	ASSERT_EQ(0, device_register(whole, &self->m, "40k tag=of_some_length"));
	for (piece = 1; piece <= 100; piece++) {
		USE(10);
		USE(9);
		USE(11);
		USE(8);
		ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 1, "fired") == 4 * piece));
		length = read_pieces(whole, one, sizeof(one), 4096);
		ASSERT_LT(0, length);
		EXPECT_TRUE(records_sound(one, length));
		ASSERT_EQ(length, read_pieces(self->device, other, sizeof(other), piece))
			TH_LOG("pieces of %d", piece);
		EXPECT_TRUE(records_sound(other, length)) TH_LOG("pieces of %d", piece);
		without_time(one, length);
		without_time(other, length);
		EXPECT_EQ(0, memcmp(one, other, length)) TH_LOG("pieces of %d", piece);
	}
	close(whole);
}

TEST_F(mount, as_many_whole_lines_are_read_as_fit)
{
	char text[4096];
	ssize_t n;
	int i;

	REGISTER("40k");
	for (i = 0; i < 3; i++) {
		USE(10);
		USE(9);
	}
	ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 0, "fired") == 6));
	n = read(self->device, text, 300);
	ASSERT_LT(150, n);
	EXPECT_TRUE(records_sound(text, n));
	/* a line that was begun is gone on with, and others follow as far as they fit */
	ASSERT_EQ(10, read(self->device, text, 10));
	n = read(self->device, text + 10, sizeof(text) - 10);
	ASSERT_LT(0, n);
	EXPECT_TRUE(records_sound(text, 10 + n));
	NO_MORE();
}

TEST_F(mount, a_buffer_that_cannot_be_written_loses_nothing)
{
	long page = sysconf(_SC_PAGESIZE);
	char *at = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char text[1024];
	ssize_t n, more;

	ASSERT_EQ(0, munmap(at + page, page));
	REGISTER("40k");
	USE(10);
	ASSERT_TRUE(readable(self->device, BOUND));
	EXPECT_EQ(-1, read(self->device, at + page, 200));
	EXPECT_EQ(EFAULT, errno);
	n = read(self->device, at + page - 20, 200);
	if (n < 0) {
		EXPECT_EQ(EFAULT, errno);
		n = 0;
	}
	EXPECT_GE(20, n);
	memcpy(text, at + page - 20, n);
	ASSERT_TRUE(EVENTUALLY(trigger_number(&self->m, 0, "fired") == 1));
	more = read(self->device, text + n, sizeof(text) - n);
	ASSERT_LT(0, more);
	EXPECT_TRUE(records_sound(text, n + more));
	EXPECT_EQ(0, memcmp(text, "event=state ", 12));
	EXPECT_NE(NULL, memmem(text, n + more, "\nevent=up ", 10));
	NO_MORE();
}

TEST_F(mount, a_read_of_several_buffers_fills_them_in_turn)
{
	char text[600];
	struct iovec part[] = {
		{ text, 7 }, { text + 7, 0 }, { text + 7, 50 }, { text + 57, sizeof(text) - 57 },
	};
	ssize_t n;

	REGISTER("40k");
	n = readv(self->device, part, 4);
	ASSERT_LT(57, n);
	EXPECT_TRUE(records_sound(text, n));
}

TEST_F(mount, the_stream_has_no_position)
{
	char byte;

	REGISTER("40k");
	EXPECT_EQ(-1, lseek(self->device, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(self->device, &byte, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
}

/* ---- when there is something ---- */

TEST_F(mount, with_nothing_to_read_a_read_that_may_not_wait_is_eagain)
{
	int blocking = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC);
	char text[RECORD_MAX];
	struct iovec part = { text, sizeof(text) };

	/* before anything is registered, and after all was read */
	NO_MORE();
	EXPECT_EQ(WRITABLE, events_of(self->device));
	EXPECT_EQ(-1, preadv2(blocking, &part, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, device_register(blocking, &self->m, "40k"));
	ASSERT_LT(0, preadv2(blocking, &part, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(-1, preadv2(blocking, &part, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	USE(10);
	ASSERT_TRUE(readable(blocking, BOUND));
	EXPECT_LT(0, preadv2(blocking, &part, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(0, memcmp(text, "event=up ", 9));
	/* the flag of the file may be set later, too */
	ASSERT_EQ(0, fcntl(blocking, F_SETFL, O_NONBLOCK));
	EXPECT_TRUE(record_none(blocking));
	close(blocking);
}

static void *read_once(void *arg)
{
	static char text[RECORD_MAX];
	ssize_t n = read(*(int *)arg, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return n >= 0 ? text : NULL;
}

TEST_F(mount, who_waits_in_read_is_woken_by_the_crossing_and_by_the_end)
{
	int blocking = open(TMPFSWARN_DEVICE, O_RDWR | O_CLOEXEC);
	char text[RECORD_MAX];
	pthread_t reader;
	void *got;

	ASSERT_EQ(0, device_register(blocking, &self->m, "40k"));
	ASSERT_LT(0, read(blocking, text, sizeof(text)));
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_once, &blocking));
	usleep(10000);
	USE(10);
	ASSERT_EQ(0, pthread_join(reader, &got));
	ASSERT_NE(NULL, got);
	EXPECT_EQ(0, memcmp(got, "event=up ", 9));
	/* the last one is forgotten: there will be nothing more */
	ASSERT_EQ(0, pthread_create(&reader, NULL, read_once, &blocking));
	usleep(10000);
	ASSERT_EQ(0, device_forget(blocking, "40k"));
	ASSERT_EQ(0, pthread_join(reader, &got));
	EXPECT_STREQ("", (char *)got);
	close(blocking);
}

TEST_F(mount, when_all_has_ended_and_was_read_there_is_an_end_of_file)
{
	struct record r;
	char byte;

	REGISTER("40k once tag=a");
	REGISTER("44k tag=b");
	NEXT("state");
	NEXT("state");
	USE(10);
	NEXT("up");
	NO_MORE();
	EXPECT_EQ(0, events_of(self->device) & POLLHUP);
	USE(11);
	/* over, but not read */
	ASSERT_EQ(0, device_forget(self->device, "b"));
	NEXT("up");
	EXPECT_STREQ("b", r.tag);
	/* the one with once ends in its own time */
	ASSERT_TRUE(readable(self->device, BOUND));
	EXPECT_EQ(READABLE | POLLHUP, events_of(self->device) & (READABLE | POLLHUP));
	EXPECT_EQ(0, read(self->device, &byte, 1));
	EXPECT_EQ(0, read(self->device, &byte, 1));
	/* and on again */
	REGISTER("48k");
	NEXT("state");
	NO_MORE();
	EXPECT_EQ(WRITABLE, events_of(self->device));
	USE(12);
	NEXT("up");
}

/* who sleeps is woken by a kworker: one edge may be told twice, and none is left out */
static bool edge_is_told(int epoll)
{
	struct epoll_event got;
	int told = epoll_wait(epoll, &got, 1, BOUND), more = 0;

	while (epoll_wait(epoll, &got, 1, 50) == 1)
		more++;
	return told == 1 && more <= 1;
}

TEST_F(mount, an_epoll_set_tells_a_level_until_it_is_read_and_each_edge)
{
	struct epoll_event level = { .events = EPOLLIN }, edge = { .events = EPOLLIN | EPOLLET };
	int levels = epoll_create1(0), edges = epoll_create1(0);
	struct epoll_event got;
	struct record r;

	REGISTER("40k");
	NEXT("state");
	ASSERT_EQ(0, epoll_ctl(levels, EPOLL_CTL_ADD, self->device, &level));
	ASSERT_EQ(0, epoll_ctl(edges, EPOLL_CTL_ADD, self->device, &edge));
	EXPECT_EQ(0, epoll_wait(levels, &got, 1, 20));
	EXPECT_EQ(0, epoll_wait(edges, &got, 1, 20));
	USE(10);
	EXPECT_EQ(1, epoll_wait(levels, &got, 1, BOUND));
	EXPECT_EQ(1, epoll_wait(levels, &got, 1, 0));
	EXPECT_TRUE(edge_is_told(edges));
	/* each record is an edge, though the one before is unread */
	USE(9);
	EXPECT_TRUE(edge_is_told(edges));
	NEXT("up");
	EXPECT_EQ(1, epoll_wait(levels, &got, 1, 0));
	NEXT("down");
	EXPECT_EQ(0, epoll_wait(levels, &got, 1, 0));
	/* and so is the end */
	ASSERT_EQ(0, device_forget(self->device, "40k"));
	EXPECT_EQ(1, epoll_wait(levels, &got, 1, BOUND));
	EXPECT_TRUE(got.events & EPOLLHUP);
	EXPECT_TRUE(edge_is_told(edges));
}

TEST_HARNESS_MAIN
