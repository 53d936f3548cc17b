/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ways to the module. All but their own files, device.c and debugfs.c with
 * eventfd.c and group.c, know them only as what stands here.
 */
#ifndef INTERFACE_H
#define INTERFACE_H

#include <stdbool.h>

#include "target.h"

struct event;
struct listing;
struct session;

enum direction {
	DIRECTION_RISING = 1,
	DIRECTION_FALLING = 2,
	DIRECTION_BOTH = 3,
};

/**
 * struct request - what is asked of all levels alike
 * @direction: of the crossings to tell of; refusals have none
 * @hysteresis: amount, or NULL; likewise
 * @once: tell of each level once
 */
struct request {
	enum direction direction;
	const char *hysteresis;
	bool once;
};

/* Called for each figure that the module has of itself. */
typedef void interface_figure(void *data, const char *key, const char *value);

/**
 * struct interface - a way to the module
 * @name: as --interface has it
 * @by_number: can register by the number of a mount, without a file descriptor
 * @find: where it is; NULL and why if it cannot be used. Where it is there why
 *	says if nothing can be registered, else it is NULL
 * @open: begins a session; NULL after saying why not
 * @add: registers all levels of a target that are not over, and sets what it
 *	has of their state; exit status, after saying what is wrong
 * @renew: registers anew those that depend on the size, or all, in place of what
 *	was registered for them; an event of the state of each follows those of
 *	before; exit status, after saying what is wrong
 * @end: ends the registrations of a target; the events until then follow, and
 *	that it is gone does not
 * @next: takes the next event; 1, 0 if there is none now, or -1 after saying
 *	what is wrong. An event that says that the target is gone is its last
 * @forget: keeps nothing of a target that has no registrations and of which all
 *	events were taken
 * @close: ends the session, and frees it
 * @list: adds the levels registered, and to root the mounts that the module knows, with
 *	their figures; NULL or why not
 * @figures: NULL, or why they cannot be had
 */
struct interface {
	const char *name;
	bool by_number;
	const char *(*find)(const char **why);
	struct session *(*open)(void);
	int (*add)(struct session *session, struct target *target);
	int (*renew)(struct session *session, struct target *target, bool all);
	void (*end)(struct session *session, struct target *target);
	int (*next)(struct session *session, struct event *event);
	void (*forget)(struct session *session, struct target *target);
	void (*close)(struct session *session);
	const char *(*list)(struct listing *listing);
	const char *(*figures)(interface_figure *figure, void *data);
};

/**
 * struct session - registrations, and what becomes of them
 * @interface: by which way
 * @fd: to be polled for POLLIN, which says that there may be an event, once
 *	session_next() has said that there is none
 * @request: for all of its levels
 *
 * They end with session_close() or the process.
 */
struct session {
	const struct interface *interface;
	int fd;
	struct request request;
};

extern const struct interface interface_device, interface_debugfs;

/* the preferred one first, NULL last */
extern const struct interface *const interfaces[];

int interface_parse(const char *command, const char *text,
		    const struct interface **interface);
const struct interface *interface_choose(const struct interface *asked,
					 const char **why);
bool interface_module_live(void);
const char *interface_lockdown(void);
const char *interface_direction(enum direction direction);
void interface_words(char *buf, size_t size, enum resource resource,
		     enum direction direction, const char *hysteresis);
int interface_refused(const struct session *session,
		      const struct target *target, const char *level, int err);

struct session *session_open(const struct interface *asked,
			     const struct request *request,
			     struct target *const *targets, size_t nr);
int session_add(struct session *session, struct target *target);
int session_renew(struct session *session, struct target *target, bool all);
void session_end(struct session *session, struct target *target);
int session_next(struct session *session, struct event *event);
void session_forget(struct session *session, struct target *target);
void session_close(struct session *session);

#endif /* INTERFACE_H */
