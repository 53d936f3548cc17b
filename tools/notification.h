/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notifications on the desktop, by the Desktop Notifications Specification: as a command, so
 * that a desktop that is not there, or hangs, has only the next one wait.
 */
#ifndef NOTIFICATION_H
#define NOTIFICATION_H

/* in seconds, between those for calls that are refused on a mount: there may be thousands */
#define NOTIFICATION_PAUSE	3600

struct event;

char *notification_command(const struct event *event);

#endif /* NOTIFICATION_H */
