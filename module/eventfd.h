/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Eventfds: one object for each, however many triggers signal it.
 */
#ifndef TW_EVENTFD_H
#define TW_EVENTFD_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/types.h>

struct eventfd_ctx;
struct file;
struct tw_eventfd;

/**
 * struct tw_eventfd_user - what signals an eventfd until one of its ends comes
 * @eventfd: which; set by tw_eventfd_add()
 * @end: ends the user and frees it; called in a work by which the user was claimed
 * @entry: in the list of the eventfd
 * @ended: in the list of those that tw_eventfd_end() was called for
 * @claimed: somebody is ending it
 */
struct tw_eventfd_user {
	struct tw_eventfd *eventfd;
	void (*end)(struct tw_eventfd_user *user);
	struct list_head entry;
	struct llist_node ended;
	unsigned long claimed;
};

int tw_eventfd_add(struct tw_eventfd_user *user, struct file *file);
void tw_eventfd_del(struct tw_eventfd_user *user);
bool tw_eventfd_claim(struct tw_eventfd_user *user);
void tw_eventfd_end(struct tw_eventfd_user *user);
void tw_eventfd_signal(struct tw_eventfd_user *user, unsigned int n);

#endif /* TW_EVENTFD_H */
