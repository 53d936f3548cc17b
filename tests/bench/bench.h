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

/* a level that nothing here comes near */
#define FAR		(1LL << 18)

/* a file to be written, on a tmpfs of its own unless it is a memfd */
struct place {
	struct scratch mount;
	int fd;
};

/* driver.c */
#define fail(...)	fail_at(__FILE__, __LINE__, __VA_ARGS__)
void fail_at(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void result(const char *of, const char *hook, const char *what, double value);
/* the hook cannot be had here */
void lack(const char *hook, const char *why);
void quiesce(void);

static inline uint64_t instructions(void)
{
	return __rdtsc();
}

/* place.c */
void place_mount(struct place *place);
void place_memfd(struct place *place);
void place_shown(struct place *place);
void place_use(struct place *place, long blocks);
void place_append(struct place *place, long blocks);
void place_end(struct place *place);
double middle(double *values, int count);
void place_measure(struct place *place, const char *of, const char *hook);

/* hook.c */
#define HOOKS		2
extern const char *const hooks[HOOKS];
bool hook_insert(const char *hook, const char *parameters);
void hook_remove(void);

/* triggers.c */
void triggers_add(struct place *place, int *efds, int count, long long level);
void triggers_close(int *efds, int count);

/* the benchmarks */
void pages(void);

#endif
