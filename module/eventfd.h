/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Eventfds: triggers that signal one.
 */
#ifndef TW_EVENTFD_H
#define TW_EVENTFD_H

#include "trigger.h"

int tw_eventfd_register(struct tw_mount *mount, unsigned int event_fd,
			enum tw_resource resource, const struct tw_spec *spec);

#endif /* TW_EVENTFD_H */
