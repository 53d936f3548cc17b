/* SPDX-License-Identifier: GPL-2.0 */
/* A ring of io_uring. */
#ifndef RING_H
#define RING_H

#include <linux/io_uring.h>

#include "scratch.h"

struct ring {
	int fd;
	char *queues;
	struct io_uring_sqe *entries;
	struct io_uring_params p;
	unsigned int queued;
};

static inline int ring_make(struct ring *ring, unsigned int entries)
{
	struct io_uring_params *p = &ring->p;

	*ring = (struct ring){};
	ring->fd = syscall(SYS_io_uring_setup, entries, p);
	if (ring->fd < 0)
		return -errno;
	ring->queues = mmap(NULL, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
			    PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, p->sq_entries * sizeof(*ring->entries),
			     PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->queues == MAP_FAILED || ring->entries == MAP_FAILED ? -errno : 0;
}

#define RING(ring, entries) do {					\
	int _error = ring_make(ring, entries);				\
									\
	if (_error)							\
		SKIP(return, "no io_uring: %s", strerror(-_error));	\
} while (0)

static inline struct io_uring_sqe *ring_entry(struct ring *ring, int opcode, int fd)
{
	unsigned int *tail = (void *)(ring->queues + ring->p.sq_off.tail);
	unsigned int *array = (void *)(ring->queues + ring->p.sq_off.array);
	unsigned int i = *tail & (ring->p.sq_entries - 1);

	array[i] = i;
	ring->entries[i] = (struct io_uring_sqe){ .opcode = opcode, .fd = fd };
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ring->queued++;
	return &ring->entries[i];
}

static inline int ring_enter(struct ring *ring, unsigned int wait)
{
	unsigned int queued = ring->queued;

	ring->queued = 0;
	return syscall(SYS_io_uring_enter, ring->fd, queued, wait, wait ? IORING_ENTER_GETEVENTS : 0,
		       NULL, 0) == queued ? 0 : -errno;
}

/* the result of the next one that is complete; only after ring_enter() */
static inline int ring_result(struct ring *ring)
{
	unsigned int *head = (void *)(ring->queues + ring->p.cq_off.head);
	unsigned int tail = __atomic_load_n((unsigned int *)(ring->queues + ring->p.cq_off.tail),
					    __ATOMIC_ACQUIRE);
	struct io_uring_cqe *cqe = (void *)(ring->queues + ring->p.cq_off.cqes);
	int result;

	if (*head == tail)
		return -ENOENT;
	result = cqe[*head & (ring->p.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

#endif
