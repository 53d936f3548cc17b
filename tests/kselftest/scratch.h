/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A scratch tmpfs of a test's own, and what a client of tmpfswarn does with it:
 * fill it to the block, register eventfds, count what they were told.
 *
 * Functions that can fail return a negative errno and leave the judgement to
 * the test.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "tmpfswarn.h"

#define ROOM	"/sys/kernel/debug/" TMPFSWARN_NAME

/* how long to wait for what the module does on its own time, in ms */
#define BOUND	10000

struct scratch {
	char path[96];		/* where it is mounted */
	char dir[96];		/* its directory below debugfs */
	dev_t dev;
	long block;		/* bytes in a block */
};

/* true when the condition has become true within the bound */
#define EVENTUALLY(condition) ({					\
	long long _end = now_ms() + BOUND;				\
	bool _met;							\
									\
	while (!(_met = (condition)) && now_ms() < _end)		\
		usleep(1000);						\
	_met;								\
})

/* the eventfd has been signalled so often, no more, since last asked */
#define EXPECT_SIGNALS(efd, want)	EXPECT_EQ((long long)(want), signals(efd, want))
#define ASSERT_SIGNALS(efd, want)	ASSERT_EQ((long long)(want), signals(efd, want))

/* the same where the module may take its time (a remount, a farewell) */
#define EXPECT_SIGNALS_SOON(efd, want)	EXPECT_EQ((long long)(want), signals_soon(efd, want))
#define ASSERT_SIGNALS_SOON(efd, want)	ASSERT_EQ((long long)(want), signals_soon(efd, want))

long long now_ms(void);
/* how often: in "make check", and with EACH set, as "make check-all" and check-mutants do */
int often(int some, int all);
bool realtime_kernel(void);
bool kernel_up_to(int major, int minor);
void raise_fd_limit(void);

/* the mount */
int scratch_mount(struct scratch *m, const char *options);
int scratch_adopt(struct scratch *m, const char *path);
int scratch_remount(const struct scratch *m, const char *options);
int scratch_umount(const struct scratch *m);
void scratch_end(const struct scratch *m);
bool scratch_shown(const struct scratch *m);
char *scratch_path(const struct scratch *m, const char *name);
long long scratch_used(const struct scratch *m);
long long scratch_blocks(const struct scratch *m);

/* fill or truncate one file of the mount until the mount uses so many blocks */
int scratch_use(const struct scratch *m, long long blocks);
int append_blocks(int fd, const struct scratch *m, long long blocks);

/* files below debugfs */
int put_bytes(const struct scratch *m, const char *file, const void *bytes, size_t size);
int put(const struct scratch *m, const char *file, const char *text);
char *slurp_path(const char *path);
char *slurp(const struct scratch *m, const char *file);
bool value_in(const char *path, const char *key, char *value, size_t size);
long long number_in(const char *path, const char *key);
long long stat_of(const char *key);
long long usage_of(const struct scratch *m, const char *key);
int trigger_count(const struct scratch *m);
bool trigger_field(const struct scratch *m, int index, const char *key, char *value, size_t size);
long long trigger_number(const struct scratch *m, int index, const char *key);

/* eventfds and registrations */
int listener(void);
int control(const struct scratch *m, int efd, const char *resource, const char *args);
int listen_to(const struct scratch *m, const char *resource, const char *args);
int listen_blocks(const struct scratch *m, long long blocks, const char *words);
int rfc_listen(const struct scratch *m);
long long signals(int efd, long long want);
long long signals_soon(int efd, long long want);
bool readable(int fd, int timeout_ms);

/* the module */
const char *module_file(void);
int module_insert(const char *parameters);
int module_remove(void);

/* the kernel */
int in_log(const char *mark, const char *text);
int write_text(const char *path, const char *text);

#endif
