/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Listeners: triggers whose crossings are read as records.
 */
#ifndef TW_LISTENER_H
#define TW_LISTENER_H

#include <linux/types.h>

#include "level.h"

struct cred;
struct iov_iter;
struct poll_table_struct;
struct file;
struct tw_listener;
struct tw_mount;

int tw_listener_init(void);
void tw_listener_exit(void);

struct tw_listener *tw_listener_open(const struct cred *cred);
void tw_listener_close(struct tw_listener *listener);

int tw_listener_register(struct tw_listener *listener, struct tw_mount *mount,
			 const struct tw_request *request);
int tw_listener_forget(struct tw_listener *listener, const char *tag, size_t len);

ssize_t tw_listener_read(struct tw_listener *listener, struct iov_iter *to,
			 bool nonblock);
__poll_t tw_listener_poll(struct tw_listener *listener, struct file *file,
			  struct poll_table_struct *table);

#endif /* TW_LISTENER_H */
