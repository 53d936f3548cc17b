// SPDX-License-Identifier: GPL-2.0
/* Rings of io_uring that wait for registered eventfds and listeners, close and signal them. */
#include "client.h"
#include "race.h"
#include "ring.h"
#include "harness.h"
#include "wakeup.h"

TEST_F_TIMEOUT(mount, a_read_in_a_ring_gets_the_count_of_the_crossing, 60)
{
	int efd = eventfd(0, EFD_CLOEXEC);
	struct io_uring_sqe *entry;
	struct ring ring;
	uint64_t count;
	int i;

	RING(&ring, 2 * MANY);
	ASSERT_EQ(0, control(&self->m, efd, TMPFSWARN_USED_BYTES, "40k rising"));
	for (i = 0; i < 20; i++) {
		count = 0;
		entry = ring_entry(&ring, IORING_OP_READ, efd);
		entry->addr = (unsigned long)&count;
		entry->len = sizeof(count);
		ASSERT_EQ(0, ring_enter(&ring, 0));
		USE(10);
		ASSERT_EQ(0, ring_enter(&ring, 1));
		ASSERT_EQ(8, ring_result(&ring));
		ASSERT_EQ(1, count);
		USE(0);
	}
	close(ring.fd);
}

/*
 * Both of a link run in the ring's task when the first is woken. The ring holds
 * the file of the first, which so outlives its close.
 */
TEST_F_TIMEOUT(mount, polls_in_a_ring_close_and_signal_other_registered_eventfds, 120)
{
	static const uint64_t one = 1;
	struct io_uring_sqe *entry;
	struct ring ring;
	int round, i;

	RING(&ring, 2 * MANY);
	for (i = 0; i < MANY; i += 2)
		self->other[i] = LISTEN(10, "rising");
	ROUNDS(5, 60) {
		for (i = 0; i < MANY; i++) {
			self->efd[i] = LISTEN(10, i & 2 ? "once" : "rising");
			entry = ring_entry(&ring, IORING_OP_POLL_ADD, self->efd[i]);
			entry->poll_events = POLLIN;
			entry->flags = IOSQE_IO_LINK;
			if (i & 1) {
				/* closed by the next one, in the moment it is told */
				ring_entry(&ring, IORING_OP_CLOSE, self->efd[i - 1]);
			} else {
				entry = ring_entry(&ring, IORING_OP_WRITE, self->other[i]);
				entry->addr = (unsigned long)&one;
				entry->len = sizeof(one);
			}
		}
		ASSERT_EQ(0, ring_enter(&ring, 0));
		USE(10);
		ASSERT_EQ(0, ring_enter(&ring, 2 * MANY));
		for (i = 0; i < 2 * MANY; i++) {
			ASSERT_LE(0, ring_result(&ring)) TH_LOG("round %d, result %d", round, i);
		}
		for (i = 0; i < MANY; i += 2) {
			ASSERT_SIGNALS_SOON(self->other[i], 2) TH_LOG("round %d, other %d", round, i);
		}
		for (i = 1; i < MANY; i += 2) {
			ASSERT_SIGNALS(self->efd[i], 1) TH_LOG("round %d, eventfd %d", round, i);
			close(self->efd[i]);
		}
		EXPECT_TRIGGERS(1 + MANY / 2);
		USE(0);
		ASSERT_SIGNALS(self->both, 2);
	}
	close(ring.fd);
}

/* What completes in the ring signals an eventfd that is registered, and polled there. */
TEST_F_TIMEOUT(mount, a_ring_that_signals_the_registered_eventfd_that_it_polls_counts_once_more, 60)
{
	int efd = LISTEN(10, "rising"), i;
	struct io_uring_sqe *entry;
	struct ring ring;

	RING(&ring, 2 * MANY);
	ASSERT_EQ(0, syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_EVENTFD, &efd, 1));
	for (i = 0; i < 20; i++) {
		entry = ring_entry(&ring, IORING_OP_POLL_ADD, efd);
		entry->poll_events = POLLIN;
		ASSERT_EQ(0, ring_enter(&ring, 0));
		USE(10);
		ASSERT_EQ(0, ring_enter(&ring, 1));
		EXPECT_EQ(POLLIN, ring_result(&ring));
		EXPECT_SIGNALS_SOON(efd, 2);
		USE(0);
	}
	close(efd);
	/* the ring holds its context, but no file */
	EXPECT_TRIGGERS(1);
	close(ring.fd);
}

/* a listener that blocks, as most do in a ring */
static int blocking_listener(const struct scratch *m)
{
	int device = device_listen(m, "40k both");

	return device < 0 || fcntl(device, F_SETFL, 0) ? -1 : device;
}

static void ring_read(struct ring *ring, int fd, char *text, size_t size)
{
	struct io_uring_sqe *entry = ring_entry(ring, IORING_OP_READ, fd);

	entry->addr = (unsigned long)text;
	entry->len = size;
	entry->off = -1;
}

TEST_F_TIMEOUT(mount, a_read_in_a_ring_gets_the_records_of_a_listener, 60)
{
	int device = blocking_listener(&self->m), i, n;
	char text[RECORD_MAX];
	struct ring ring;

	RING(&ring, 2 * MANY);
	ASSERT_LE(0, device);
	ring_read(&ring, device, text, sizeof(text));
	ASSERT_EQ(0, ring_enter(&ring, 1));
	n = ring_result(&ring);
	ASSERT_LT(0, n);
	EXPECT_TRUE(records_sound(text, n));
	for (i = 0; i < 20; i++) {
		ring_read(&ring, device, text, sizeof(text));
		ASSERT_EQ(0, ring_enter(&ring, 0));
		EXPECT_EQ(-ENOENT, ring_result(&ring));
		USE(i & 1 ? 9 : 10);
		ASSERT_EQ(0, ring_enter(&ring, 1));
		n = ring_result(&ring);
		ASSERT_LT(0, n);
		ASSERT_TRUE(records_sound(text, n));
		EXPECT_EQ(0, strncmp(text, i & 1 ? "event=down " : "event=up ", 9));
	}
	/* the end is a result as well, of no bytes */
	ring_read(&ring, device, text, sizeof(text));
	ASSERT_EQ(0, ring_enter(&ring, 0));
	ASSERT_EQ(0, device_forget(device, "40k"));
	ASSERT_EQ(0, ring_enter(&ring, 1));
	EXPECT_EQ(0, ring_result(&ring));
	close(device);
	close(ring.fd);
}

TEST_F_TIMEOUT(mount, a_ring_that_goes_with_reads_under_way_takes_its_listeners_with_it, 60)
{
	char text[8][RECORD_MAX];
	struct ring ring;
	int round, i;

	ROUNDS(3, 30) {
		RING(&ring, 2 * MANY);
		for (i = 0; i < 8; i++) {
			self->efd[i] = blocking_listener(&self->m);
			ASSERT_LT(0, read(self->efd[i], text[i], sizeof(text[i])));
			ring_read(&ring, self->efd[i], text[i], sizeof(text[i]));
		}
		ASSERT_EQ(0, ring_enter(&ring, 0));
		/* the ring has the last reference */
		for (i = 0; i < 8; i++)
			close(self->efd[i]);
		EXPECT_EQ(9, trigger_count(&self->m));
		if (round & 1)
			USE(10);
		munmap(ring.entries, ring.p.sq_entries * sizeof(*ring.entries));
		munmap(ring.queues, ring.p.cq_off.cqes +
				    ring.p.cq_entries * sizeof(struct io_uring_cqe));
		close(ring.fd);
		EXPECT_TRIGGERS(1);
		USE(0);
	}
}

TEST_HARNESS_MAIN
