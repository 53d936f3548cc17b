/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registrations through debugfs, each with an eventfd.
 *
 * Which way a crossing went is not in the count of an eventfd. A trigger for
 * both directions is above or below its level, each signal is a change from
 * one to the other, and the word "now" has it signalled at registration if it
 * starts above: an odd count of signals is above, and the order of up and down
 * is known however many are read at once.
 *
 * When they happened is not in it, nor usage then. If there were several, or
 * usage is not where the last of them has left it, the event says that it is
 * late.
 *
 * The last signal of each eventfd comes when the mount or the module goes
 * away, and is no crossing. The directory has vanished by then. So if the
 * directory is still there after a count was read, all of that count are
 * crossings. If not, the count is kept until the sentinel is signalled: the
 * eventfd registered last, at a level that nothing reaches. All others have
 * had their last signal by then, and one of what each counted is that. It is the
 * same where a remount takes the limit away, of bytes or of inodes, but that the
 * directory stays and says so: each of the two has a sentinel of its own. The target
 * is gone then, whatever the other one is.
 *
 * What is refused has no level, and no limit that could be taken away. Its sentinel is of
 * bytes, or, once there is no limit on these, of inodes. Without either it cannot be told
 * when it ends, and it is not watched here.
 *
 * The directory is held by a file descriptor, as another mount may soon have
 * the same number, and none of the files in it, which would keep the module
 * from being removed.
 */
#ifndef EVENTFD_H
#define EVENTFD_H

#include <stdbool.h>

struct event;
struct session;
struct target;

struct session *eventfd_open(void);
int eventfd_add(struct session *session, struct target *target);
int eventfd_renew(struct session *session, struct target *target, bool all);
void eventfd_end(struct session *session, struct target *target);
int eventfd_next(struct session *session, struct event *event);
void eventfd_forget(struct session *session, struct target *target);
void eventfd_close(struct session *session);

#endif /* EVENTFD_H */
