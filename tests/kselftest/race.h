/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens at once: parts on CPUs of their own that are let go together,
 * each a little later than that, now by a few instructions, now by as long as a
 * system call takes, so that from round to round they meet elsewhere.
 */
#ifndef RACE_H
#define RACE_H

#include <stdatomic.h>
#include <linux/userfaultfd.h>

#include "scratch.h"

#define RACE_PARTS	8

/* in ms: how long a race is tried that has to be met once */
#define MEETING		60000

/*
 * So many rounds at least, and then for a second, or for three, or until there are enough; and on
 * until it has been met, however slow the machine is.
 */
#define ROUNDS_UNTIL(met, least, most)					\
	for (long long _begun = (round = 0, now_ms());			\
	     round < (least) ||						\
	     (round < (most) && now_ms() < _begun + often(1000, 3000)) ||	\
	     (!(met) && now_ms() < _begun + MEETING);			\
	     round++)

#define ROUNDS(least, most)	ROUNDS_UNTIL(true, least, most)

/* returns 0 or a negative errno */
typedef int race_part(void *arg, int number);

/* this thread */
void run_on(long cpu);
int race(void *arg, int parts, race_part *const part[]);

/*
 * The same step again and again on a CPU until it is stopped or fails. One that was
 * never started, all zero, or has been stopped may be stopped.
 */
struct noise {
	race_part *step;
	void *arg;
	long cpu;
	pthread_t thread;
	atomic_bool stop;
	atomic_int steps;
	int error;
};

void noise_start(struct noise *noise, race_part *step, void *arg, long cpu);
int noise_stop(struct noise *noise);

/* a step: reads triggers, usage and stats; -EBADMSG where they do not make sense */
race_part read_files;

/* a step: a trigger near 10 blocks comes and goes */
race_part register_and_close;

/*
 * Others' probes at a function of the kernel that take their time, a stack trace
 * each, so that what comes before it and what comes after it are far apart, until
 * speed_up(). False, with a word, where the kernel does not have them.
 */
bool slow_down(const char *function);
void speed_up(void);

int open_control(const struct scratch *m, const char *file);
int control_open(int control, int resource, int efd, const char *args);
int open_file(const struct scratch *m, const char *name);

/* a superblock that is nowhere mounted and lasts as long as its descriptor */
int superblock(dev_t *dev);
int superblock_of(const char *type, dev_t *dev);

/*
 * A page, a new one if its start is 0, that whoever touches it waits for until it is filled;
 * returns -1 without userfaultfd.
 */
int missing_page(struct uffdio_register *page);
void fill_page(int faults, const struct uffdio_register *page);

/* The same of a page that nobody has touched yet. */
struct held_page {
	struct uffdio_register page;
	int faults;		/* readable while somebody waits */
};

/* false where the kernel has no userfaultfd */
bool hold_page(struct held_page *held, char *page);
void let_go_page(struct held_page *held);

/*
 * Whoever lists the module's directory into a page that is missing has its i_rwsem, for which the
 * work waits that makes the directory of a new mount.
 */
struct held_room {
	struct uffdio_register page;
	int fd, faults;
	pthread_t lister;
};

/* false where the kernel has no userfaultfd */
bool hold_up(struct held_room *held);
void let_go(struct held_room *held);

#endif
