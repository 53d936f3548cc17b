/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a client of /dev/tmpfswarn does: open it, register, read a record and take
 * it apart; and how a test becomes somebody else.
 *
 * Functions that can fail return a negative errno, as those of scratch.h.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <time.h>

#include "scratch.h"

#ifndef TMPFSWARN_DEVICE
#define TMPFSWARN_DEVICE	"/dev/" TMPFSWARN_NAME
#define TMPFSWARN_TAG_MAX	63
#endif

#define USER		1000
#define RECORD_MAX	512
/* records of its crossings that a trigger has; more are added up in the last of them */
#define RECORDS		8

struct record {
	char line[RECORD_MAX];	/* without the newline; empty if there is none */
	char event[8];		/* as are these */
	char tag[64];
	long long used;		/* -1 where it is left out, as are all numbers */
	long long crossings;
	long long pid;
	int error;		/* -EAGAIN if there is none, -ENODATA at the end of the file */
};

/* a device of its own for each, O_RDWR and O_NONBLOCK */
int device_open(void);
int device_put(int device, const char *text);
int device_register(int device, const struct scratch *m, const char *args);
int device_register_blocks(int device, const struct scratch *m, long long blocks,
			   const char *words);
int device_forget(int device, const char *tag);
int device_listen(const struct scratch *m, const char *args);
int device_listen_blocks(const struct scratch *m, long long blocks, const char *words);

/* the next record, that is there now; only an RT kernel is given time, or with _soon any */
struct record record_next(int device);
struct record record_next_soon(int device);
/* the next of those that may be left, for which an RT kernel is given a moment */
struct record record_left(int device);
/* true if there is nothing to be read, and will not be */
bool record_none(int device);
struct record record_parse(const char *line);
/* a line of the grammar: each key in its place, with a value that it may have */
bool record_sound(const char *line);
/* all lines of the text are, and the last one has its newline */
bool records_sound(const char *text, size_t size);
/* what stands behind "key=", "" if nothing does; of the calling thread until the next call */
const char *record_field(const struct record *r, const char *key);
long long record_number(const struct record *r, const char *key);
long long record_nanoseconds(const struct record *r);
long long now_nanoseconds(void);
/* who crossed is told, or all of it is left out */
bool record_names_somebody(const struct record *r);
/* sum of all crossings that are there to be read, which ends when there is no more */
long long record_sum(int device);

/* the listing, to be freed, and how many lines of it have the text */
char *listing(void);
int listed(const char *text);

/* ---- somebody else ---- */

typedef int other_part(void *arg);

/* in a child of that uid and gid, without other groups: what the part returns, or -1 */
int as_user(uid_t uid, other_part *part, void *arg);
bool become(uid_t uid);
pid_t start_as(uid_t uid, other_part *part, void *arg);
int ended(pid_t child);

/* root of a new user namespace, of which it is the only user, and of others as the flags say */
bool become_root_of_a_namespace(int flags);
/* one waits for the other at a pair of sockets */
bool say(int socket);
bool hear(int socket);
int send_fd(int socket, int fd);
int receive_fd(int socket);

/* in a part: what must be true, or it ends and says what was not */
#define NEED(condition) do {						\
	errno = 0;							\
	if (!(condition)) {						\
		printf("# %s:%d: not so: %s (%s)\n", __FILE__, __LINE__,	\
		       #condition, strerror(errno));			\
		fflush(stdout);						\
		return 1;						\
	}								\
} while (0)

/* the next record is of this event, which r then is */
#define NEED_NEXT(device, want) do {					\
	r = record_next(device);					\
	NEED(strcmp(r.event, want) == 0 || !printf("# '%s'\n", r.line));	\
} while (0)

#define EXPECT_NEXT(device, want) do {					\
	r = record_next(device);					\
	EXPECT_STREQ(want, r.event) TH_LOG("'%s', %s", r.line, strerror(-r.error)); \
} while (0)

#define EXPECT_NEXT_SOON(device, want) do {				\
	r = record_next_soon(device);					\
	EXPECT_STREQ(want, r.event) TH_LOG("'%s', %s", r.line, strerror(-r.error)); \
} while (0)

#endif
