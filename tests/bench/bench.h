/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is shared by the benchmarks that run inside the virtual machine.
 *
 * They are started on a machine of one processor with the instruction clock:
 * its time stamp counter goes up by one for each instruction, and jumps over
 * the time in which there is nothing to do. All results are lines of JSON:
 * the case, the hook that it was measured with, what was measured, the value.
 *
 * Nothing here goes on after an error: a benchmark with a step missing would
 * measure something else.
 */
#ifndef BENCH_H
#define BENCH_H

#include <x86intrin.h>

#include "scratch.h"

/* the page: mm/shmem.c allocates one for each block */
#define PAGE		4096

/* what a watched mount holds, in blocks, so that none of it is near to being empty */
#define FLOOR		1024

/* a level that nothing here comes near */
#define FAR		(1LL << 18)

#define SOME		100
#define MANY		10000

/* parameters of the module with room for that many mounts and triggers */
#define LIMITS		"max_mounts=20000 max_triggers=65536 max_mount_triggers=16384"

/* a file to be written, on a tmpfs of its own unless it is a memfd */
struct place {
	struct scratch mount;
	int fd;
	int shift;	/* blocks of another file that are written before each run */
};

/* all are there as long as the machine is: what is compared was done in the same place */
extern struct place watched, other, memfd;

/* in instructions */
struct cost {
	double write;		/* one page */
	double fallocate;
	double truncate_one;	/* a file of one page, to nothing */
	double truncate_run;	/* of 64 */
};

/* report.c */
#define fail(...)	fail_at(__FILE__, __LINE__, __VA_ARGS__)
void fail_at(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void result(const char *of, const char *hook, const char *what, double value);
void lack(const char *hook, const char *why);
void quiesce(void);
void run_as(int policy);

static inline uint64_t instructions(void)
{
	return __rdtsc();
}

/* place.c */
void place_mount(struct place *place);
void place_memfd(struct place *place);
void place_shown(struct place *place);
void place_file(const char *path);
void place_use(struct place *place, long blocks);
void place_append(struct place *place, long blocks);
void place_empty(struct place *place);
void place_end(struct place *place);
double middle(double *values, int count);
double least(double *values, int count);
struct cost place_cost(struct place *place);
void place_measure(struct place *place, const char *of, const char *hook);
void place_measure_file(struct place *place, const char *of, const char *hook);

/* module.c */
#define HOOKS		2
extern const char *const hooks[HOOKS];
bool hook_insert(const char *hook, const char *parameters);
void plain_insert(const char *parameters);
void hook_remove(void);
double kernel_memory(void);

/* peer.c: a BPF program that does the same */
struct peer;

extern const char *const peers[HOOKS];
struct peer *peer_start(const char *hook);
void peer_watch(struct peer *peer, struct place *place, long long level);
void peer_forget(struct peer *peer, struct place *place);
int peer_fd(struct peer *peer);
long long peer_take(struct peer *peer);
void peer_end(struct peer *peer);

/* listener.c: one level of the place "watched", told by the module or by a peer */
struct listener {
	const char *hook;
	struct peer *peer;	/* NULL: by the module */
	bool device;		/* by its device; else by an eventfd */
	int triggers;		/* of the device: so many on the level */
	int fd;
};

bool listener_open(struct listener *listener, const char *hook);
void listener_watch(struct listener *listener, long long level);
void listener_forget(struct listener *listener);
bool listener_told(struct listener *listener);
long long listener_take(struct listener *listener);
void listener_close(struct listener *listener);

/* triggers.c */
void triggers_add(struct place *place, int *efds, int count, long long level);
void triggers_close(int *efds, int count);

/* the benchmarks */
void base(void);
void pages(void);
void triggers(void);
void mounts(void);
void crossing(void);
void spikes(void);
void poller(void);
void inodes(void);
void refusals(void);
void peaks(void);

#endif
